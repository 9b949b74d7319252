//! What cannot be told from a person's configuration once it has a line of ours.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::install;
use crate::system::files;

/// The file that keeps it, in the folder of what we put there.
const NAME: &str = "before.json";

/// How the configuration was.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Before {
    /// The file that git writes the person's settings to.
    file: Option<PathBuf>,
    /// Its length in bytes; none where it was not there.
    length: Option<u64>,
    /// Whether it ended within a line: git adds a line feed before it adds a setting.
    ends_within_line: bool,
    /// Whether the folder above ours was not there.
    has_no_folder: bool,
}

impl Before {
    /// Looks at `file`, and at the folder that ours is going to be in.
    pub(super) fn look(file: Option<PathBuf>, folder: &Path) -> Self {
        let content = file.as_ref().and_then(|file| files::read(file, files::LARGE).ok());
        Self {
            file,
            length: content.as_ref().map(|content| content.len() as u64),
            ends_within_line: content.is_some_and(|content| !content.is_empty() && !content.ends_with(b"\n")),
            has_no_folder: folder.parent().is_some_and(|above| !above.exists()),
        }
    }

    pub(super) fn save(&self, folder: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self).map_err(io::Error::from)?;
        install::write(&folder.join(NAME), &text, 0o600)
    }

    /// What was saved; nothing special where nothing was.
    pub(super) fn read(folder: &Path) -> Self {
        let content = files::read(&folder.join(NAME), files::SMALL).ok();
        content.and_then(|content| serde_json::from_slice(&content).ok()).unwrap_or_default()
    }

    pub(super) fn remove(folder: &Path) -> io::Result<()> {
        fs::remove_file(folder.join(NAME))
    }

    pub(super) fn had_no_folder(&self) -> bool {
        self.has_no_folder
    }

    /// Does what git does not do when it removes a setting: a file that was not there goes if it is empty, and the
    /// line feed that git added goes if nothing else changed.
    pub(super) fn restore(&self) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let Ok(content) = files::read(file, files::LARGE) else { return Ok(()) };
        if self.length.is_none() && content.is_empty() {
            return fs::remove_file(file);
        }
        match content.strip_suffix(b"\n") {
            Some(rest) if self.ends_within_line && self.length == Some(rest.len() as u64) => {
                let file = file.canonicalize()?;
                install::write(&file, rest, install::mode(&file)?)
            }
            _ => Ok(()),
        }
    }
}
