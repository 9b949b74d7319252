//! Files that are written for somebody and must not take away what they changed: each says in its first
//! lines what it was made with, and the hash of what follows.

use std::path::Path;

use serde::Serialize;

use super::{Install, Job};
use crate::{
    agents::diff,
    error::{Error, Result},
    hail::ObjectHash,
    system::files,
};

/// The first line.
const NOTICE: &str = "# Written by git session cleanup init; it leaves the file alone once somebody changed it.\n";
/// What begins the line with the settings.
const MADE_WITH: &str = "# git-session-job: ";
/// What begins the line with the hash of all that follows.
const HASH: &str = "# git-session-sha256: ";

/// How a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is not there.
    Missing,
    /// It is as it should be.
    Current,
    /// It is as it was written, with other settings or by another version.
    Outdated,
    /// Somebody changed it since it was written.
    Changed,
    /// Somebody else wrote it.
    Foreign,
}

/// A file as it should be, and how it stands.
#[derive(Clone, Debug, Serialize)]
pub struct Managed {
    /// Its path from the root of the work tree.
    pub path: String,
    /// How it stands.
    pub state: State,
    /// What would change, as a unified diff; empty where nothing would.
    pub diff: String,
    /// What it should be.
    #[serde(skip)]
    pub content: String,
}

/// Puts the first lines before the content of a file.
pub(super) fn signed(job: &Job, body: &str) -> String {
    let made_with = serde_json::to_string(job).expect("a job has string keys only");
    let rest = format!("{MADE_WITH}{made_with}\n{body}");
    format!("{NOTICE}{HASH}{}\n{rest}", ObjectHash::of(rest.as_bytes()))
}

/// What a file was made with, where it is one of ours.
pub(super) fn made_with(text: &str) -> Option<Job> {
    let line = text.lines().take(4).find_map(|line| line.strip_prefix(MADE_WITH))?;
    let mut job = serde_json::from_str::<Job>(line).ok()?.checked().ok()?;
    job.install = job.install.filter(Install::is_real);
    Some(job)
}

/// How the text of a file stands to what it should be.
fn state(text: &str, wanted: &str) -> State {
    if text == wanted {
        return State::Current;
    }
    let Some(rest) = text.strip_prefix(NOTICE).and_then(|rest| rest.strip_prefix(HASH)) else { return State::Foreign };
    let Some((hash, rest)) = rest.split_once('\n') else { return State::Changed };
    if hash == ObjectHash::of(rest.as_bytes()).to_string() { State::Outdated } else { State::Changed }
}

impl Managed {
    /// Looks at the file at `path` below `root`, which should be `content`.
    pub(super) fn look(root: &Path, path: &str, content: String) -> Result<Self> {
        let found = read(root, path)?;
        let state = found.as_deref().map_or(State::Missing, |text| state(text, &content));
        Ok(Self::of(path, state, found.as_deref().unwrap_or_default(), content))
    }

    /// Looks at a file of which it is not known what it should be: how it stands, without what would change.
    pub(super) fn without_content(root: &Path, path: &str) -> Result<Self> {
        let found = read(root, path)?;
        let state = found.as_deref().map_or(State::Missing, |text| state(text, ""));
        Ok(Self { path: path.to_owned(), state, diff: String::new(), content: String::new() })
    }

    /// A file in a state that is known.
    pub(super) fn of(path: &str, state: State, found: &str, content: String) -> Self {
        Self { path: path.to_owned(), state, diff: diff::unified(path, found, &content), content }
    }

    /// Whether it is to be written: what somebody changed only where that is wanted.
    #[must_use]
    pub fn is_due(&self, is_forced: bool) -> bool {
        match self.state {
            State::Missing | State::Outdated => true,
            State::Current => false,
            State::Changed | State::Foreign => is_forced,
        }
    }

    /// Writes it, so that at no moment half of it is there.
    ///
    /// # Errors
    /// When it cannot be written, or a symbolic link leads out of the work tree.
    pub fn write(&self, root: &Path) -> Result<()> {
        let path = root.join(&self.path);
        let failed = |fault: std::io::Error| Error::from(fault).during(format!("writing {}", self.path));
        let folder = path.parent().unwrap_or(root);
        let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(root);
        let (real, inside) = (there.canonicalize().map_err(failed)?, root.canonicalize().map_err(failed)?);
        if !real.starts_with(&inside) || path.is_symlink() {
            return Err(Error::user(format!("{} is a symbolic link, or below one", self.path))
                .hinted(format!("rm '{}'", self.path)));
        }
        std::fs::create_dir_all(folder).map_err(failed)?;
        let file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        std::fs::write(file.path(), &self.content).map_err(failed)?;
        // A temporary file is for its owner only.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(file.path(), mode).map_err(failed)?;
        file.persist(&path).map(drop).map_err(|fault| failed(fault.error))
    }
}

/// The text of a file, where there is one.
pub(super) fn read(root: &Path, path: &str) -> Result<Option<String>> {
    match files::read(&root.join(path), files::SMALL) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(fault) => Err(Error::from(fault).during(format!("reading {path}"))),
    }
}
