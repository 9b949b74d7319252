//! What one hook of a commit tells the next: a file in the git directory of the work tree.

use std::{fs, io, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    system::files,
    {attribution, git::Repository, hail::SessionId},
};

/// The sessions of the commit that is being made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    /// The sessions.
    pub(super) sessions: Vec<PendingSession>,
    /// Whether the commit's trailers name them: a person who removed one meant it.
    pub(super) are_named: bool,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct PendingSession {
    /// The session.
    pub(super) id: SessionId,
    /// Its logs; none where only a trailer names it.
    pub(super) logs: Vec<PathBuf>,
    /// How its part is known.
    pub(super) evidence: String,
}

fn folder(repository: &Repository) -> PathBuf {
    repository.git_dir().join("opensession")
}

impl Pending {
    /// Leaves the file for the next hook; without sessions there is none.
    pub(super) fn leave(&self, repository: &Repository) -> io::Result<()> {
        let path = folder(repository).join("pending.json");
        if self.sessions.is_empty() {
            return remove(&path);
        }
        files::replace(&path, &serde_json::to_vec(self).map_err(io::Error::from)?)
    }

    /// Reads the file that the hook before left.
    pub(super) fn read(repository: &Repository) -> Option<Self> {
        serde_json::from_slice(&files::read(&folder(repository).join("pending.json"), files::SMALL).ok()?).ok()
    }

    /// Removes the file, once what it says is kept elsewhere.
    pub(super) fn remove(repository: &Repository) -> io::Result<()> {
        remove(&folder(repository).join("pending.json"))
    }
}

/// Trailers that are to be added only if the person writes a message.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Deferred {
    /// What the trailers say.
    pub(super) attributions: Vec<attribution::Attribution>,
    /// The message that the person found: leaving it as it is makes git abort.
    pub(super) found: Vec<u8>,
}

impl Deferred {
    /// Leaves the file for the hook after the editor; without attributions there is none.
    pub(super) fn leave(&self, repository: &Repository) -> io::Result<()> {
        let path = folder(repository).join("deferred");
        if self.attributions.is_empty() {
            return remove(&path);
        }
        files::replace(&path, &serde_json::to_vec(self).map_err(io::Error::from)?)
    }

    /// Takes the file that the hook before the editor left.
    pub(super) fn take(repository: &Repository) -> Option<Self> {
        let path = folder(repository).join("deferred");
        let deferred = serde_json::from_slice(&files::read(&path, files::SMALL).ok()?).ok();
        let _ = fs::remove_file(path);
        deferred
    }
}

fn remove(path: &std::path::Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
        _ => Ok(()),
    }
}
