//! Where the jobs get this program from: what was asked for, what the files that are there say, what the user's
//! configuration remembers, else what somebody at the terminal answers.

use std::io::{BufRead, Write};

use crate::{
    cleanup::Install,
    context::Context,
    error::{Error, Result},
    git::Repository,
};

/// The keys in the user's configuration: a git URL with the tag or commit to build, or the URL of the program with
/// its SHA-256.
const SOURCE: &str = "opensession.install-source";
const REVISION: &str = "opensession.install-revision";
const URL: &str = "opensession.install-url";
const SHA256: &str = "opensession.install-sha256";

/// How to get this program into the jobs.
#[derive(clap::Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
pub(super) struct InstallArgs {
    /// Have the jobs download the program from here; --install-sha256 pins it
    #[arg(long, value_name = "URL", requires = "install_sha256", conflicts_with = "install_source")]
    install_url: Option<String>,
    /// The SHA-256 of that program
    #[arg(long, value_name = "HEX", requires = "install_url")]
    install_sha256: Option<String>,
    /// Have the jobs build the program with cargo from this git repository
    #[arg(long, value_name = "URL")]
    install_source: Option<String>,
    /// The tag or commit to build; without it, the tag of this version
    #[arg(long, value_name = "REVISION", conflicts_with = "install_url")]
    install_revision: Option<String>,
}

impl InstallArgs {
    /// What was asked for, with `known` in the place of what was not.
    pub(super) fn install(&self, known: Option<Install>) -> Option<Install> {
        if let (Some(url), Some(sha256)) = (&self.install_url, &self.install_sha256) {
            return Some(Install::Release { url: url.clone(), sha256: sha256.to_ascii_lowercase() });
        }
        let (known_source, known_revision) = match &known {
            Some(Install::Cargo { source, revision }) => (Some(source.clone()), Some(revision.clone())),
            _ => (None, None),
        };
        if self.install_source.is_none() && self.install_revision.is_none() {
            return known;
        }
        // Another repository has revisions of its own.
        let known_revision = known_revision.filter(|_| self.install_source.is_none());
        let source = self.install_source.clone().or(known_source)?;
        let revision = self.install_revision.clone().or(known_revision).unwrap_or_else(this_version);
        Some(Install::Cargo { source, revision })
    }
}

/// The tag of this version.
fn this_version() -> String {
    format!("v{}", env!("CARGO_PKG_VERSION"))
}

/// What the user's configuration remembers.
pub(super) fn remembered(repository: &Repository) -> Option<Install> {
    let value = |key| repository.config(key).filter(|value| !value.is_empty());
    if let (Some(url), Some(sha256)) = (value(URL), value(SHA256)) {
        return Some(Install::Release { url, sha256 });
    }
    Some(Install::Cargo { source: value(SOURCE)?, revision: value(REVISION).unwrap_or_else(this_version) })
}

/// Remembers where the jobs get the program from, for the next repository; says where, unless that is known.
pub(super) fn remember(repository: &Repository, install: &Install) -> Result<Option<String>> {
    if remembered(repository).as_ref() == Some(install) {
        return Ok(None);
    }
    let (set, unset) = match install {
        Install::Release { url, sha256 } => ([(URL, url), (SHA256, sha256)], [SOURCE, REVISION]),
        Install::Cargo { source, revision } => ([(SOURCE, source), (REVISION, revision)], [URL, SHA256]),
    };
    for key in unset {
        repository.unset_user_config(key)?;
    }
    for (key, value) in set {
        repository.set_user_config(key, value)?;
    }
    Ok(Some(format!(
        "the source is kept in your git configuration for the next repository: git config --global {} and {}",
        set[0].0, set[1].0
    )))
}

/// Asks on the terminal; fails where there is none.
pub(super) fn ask(context: &Context) -> Result<Install> {
    if !context.is_interactive {
        return Err(refusal());
    }
    let source = answer("git URL that the jobs build git-session from: ")?;
    let revision = if source.is_empty() { String::new() } else { answer("tag or commit to build: ")? };
    if source.is_empty() || revision.is_empty() { Err(refusal()) } else { Ok(Install::Cargo { source, revision }) }
}

fn answer(question: &str) -> Result<String> {
    let mut stderr = anstream::stderr().lock();
    write!(stderr, "{question}")?;
    stderr.flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

fn refusal() -> Error {
    Error::user("the jobs do not know where to install git-session from; nothing was written")
        .hinted("git session cleanup init --install-source GIT-URL --install-revision TAG; or --install-url URL --install-sha256 HEX")
}
