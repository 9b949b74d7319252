//! What a killed process left in the git directory: locks of our references, temporary files.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use super::Repository;
use crate::hail::Timestamp;

/// The folders of our references, below which every lock is of one of them.
const REFERENCES: [&str; 2] = ["refs/opensession", "refs/opensession-remote"];
/// The lock of the one reference of ours that is in a folder of others.
const NOTES_LOCK: &str = "refs/notes/opensession.lock";
/// How old something has to be to be left over. Nothing is held for longer than seconds.
const STALE_AFTER: Duration = Duration::from_secs(10 * 60);

/// A file that is either just being used or was left by a process that was killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it is a lock, which stands in the way, or just takes up space.
    pub is_lock: bool,
    /// How long ago it was last written.
    pub age: Duration,
    /// Whether a running process has it open, as far as the system tells.
    pub is_held: bool,
}

impl Leftover {
    /// Whether whoever made it is gone for good.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.age >= STALE_AFTER && !self.is_held
    }
}

impl Repository {
    /// The locks of our references and the temporary files of ours, each once, sorted by path.
    #[must_use]
    pub fn leftovers(&self, now: Timestamp) -> Vec<Leftover> {
        let mut found: Vec<(PathBuf, bool)> = Vec::new();
        found.extend(REFERENCES.iter().flat_map(|prefix| self.locks(prefix)).map(|lock| (lock, true)));
        found.extend(Some(self.common_dir().join(NOTES_LOCK)).filter(|lock| lock.is_file()).map(|lock| (lock, true)));
        found.extend(self.temporary_files().into_iter().map(|file| (file, false)));
        if found.is_empty() {
            return Vec::new();
        }
        found.sort();
        found.dedup();
        let held = open_files();
        let look = |(path, is_lock): (PathBuf, bool)| {
            let written = fs::symlink_metadata(&path).ok()?.modified().ok()?;
            let seconds = now.since(Timestamp::from(written)).num_seconds();
            // A clock that was set back makes everything young, which is the safe side.
            let age = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
            let is_held = held.contains(&path);
            Some(Leftover { path, is_lock, age, is_held })
        };
        found.into_iter().filter_map(look).collect()
    }

    /// Temporary files in the folders that this program and gix write to.
    fn temporary_files(&self) -> Vec<PathBuf> {
        let common = self.common_dir();
        let own = self.git_dir().canonicalize().unwrap_or_else(|_| self.git_dir().to_owned());
        let mut folders = vec![common.join("objects"), common.join("hooks"), self.state_dir()];
        folders.extend([
            self.state_dir().join("queue"),
            self.state_dir().join("bookmarks"),
            own.join("opensession"),
            own,
        ]);
        let mut found = Vec::new();
        for folder in folders {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
                if is_file && entry.file_name().to_str().is_some_and(is_temporary) {
                    found.push(entry.path());
                }
            }
        }
        found
    }
}

/// Whether a file has the kind of name that this program and gix give to temporary files.
fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(".tmp");
    random.is_some_and(|random| random.len() == 6 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

/// The files that running processes have open; none where the system has no `/proc`, so that only
/// age counts there.
fn open_files() -> HashSet<PathBuf> {
    let list = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let processes = list(Path::new("/proc"));
    let descriptors = processes.flat_map(|process| list(&process.join("fd")).collect::<Vec<_>>());
    descriptors.filter_map(|descriptor| fs::read_link(descriptor).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::is_temporary;

    #[test]
    fn knows_temporary_files_by_their_names() {
        assert!(is_temporary(".tmpa1B2c3"));
        for other in ["tmp_obj_a1B2c3", ".tmp", ".tmpa1B2c3.lock", ".tmp-mine", ".tmpa1/2c3"] {
            assert!(!is_temporary(other), "{other}");
        }
    }
}
