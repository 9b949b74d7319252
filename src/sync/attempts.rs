//! Which branches a remote was asked to take when their sessions were sent to it. git runs no hook after a push:
//! whether the remote took a branch shows at the next one.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::{
    error::Result,
    git::{ObjectId, Repository},
    ledger::BranchName,
    system::files,
};

/// The file, in the directory of the repository's state.
const FILE: &str = "attempts.json";
/// The largest such file that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// A branch that a remote was asked to take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    /// The commit that it was to be at.
    new: String,
    /// The commit that it was at before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    old: Option<String>,
}

/// The branches that remotes were asked to take, and did not have yet when that was last seen.
pub struct Attempts<'a> {
    repository: &'a Repository,
    stored: BTreeMap<String, Attempt>,
    now: BTreeMap<String, Attempt>,
}

impl<'a> Attempts<'a> {
    /// Reads what was noted in this repository. A file that is damaged says nothing.
    #[must_use]
    pub fn load(repository: &'a Repository) -> Self {
        let bytes = files::read(&repository.state_dir().join(FILE), MAX_BYTES).unwrap_or_default();
        let stored: BTreeMap<String, Attempt> = serde_json::from_slice(&bytes).unwrap_or_default();
        Self { repository, now: stored.clone(), stored }
    }

    /// Whether `remote`, whose branch is at `current` now, refused the branch when it was last pushed with its
    /// sessions.
    pub fn is_refused(&mut self, remote: &str, branch: &BranchName, current: Option<ObjectId>) -> bool {
        let key = key(remote, branch);
        let Some(attempt) = self.now.get(&key) else { return false };
        if current.map(|id| id.to_string()) == attempt.old {
            return true;
        }
        self.now.remove(&key);
        false
    }

    /// Notes that `remote` is asked to move the branch from `old` to `new`.
    pub fn note(&mut self, remote: &str, branch: &BranchName, old: Option<ObjectId>, new: ObjectId) {
        if old != Some(new) {
            let attempt = Attempt { new: new.to_string(), old: old.map(|id| id.to_string()) };
            self.now.insert(key(remote, branch), attempt);
        }
    }

    /// Writes what has changed.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(self) -> Result<()> {
        if self.now == self.stored {
            return Ok(());
        }
        let bytes = serde_json::to_vec(&self.now).map_err(std::io::Error::from)?;
        Ok(files::replace(&self.repository.state_dir().join(FILE), &bytes)?)
    }
}

/// The branch comes first: its encoded name has no space.
fn key(remote: &str, branch: &BranchName) -> String {
    format!("{} {remote}", URL_SAFE_NO_PAD.encode(branch.as_bytes()))
}
