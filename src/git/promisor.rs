//! Fetching what a partial clone left out.

use std::time::{Duration, Instant};

use super::{GitError, ObjectId, Repository, embedded};

impl Repository {
    /// Fetches those of `ids` that are not here from the remotes that promised them: all at once,
    /// and where a remote refuses that, because it lacks one, in ever smaller parts. What is still
    /// not here afterwards, no remote gave. A repository inside the work tree of another one asks no remote.
    pub fn fetch_missing(&self, ids: &[ObjectId], limit: Duration) {
        // Also where such a repository was named: to look at it is not to trust what it connects to.
        if embedded::outer_work_tree(self.git_dir()).is_some() {
            return;
        }
        let deadline = Instant::now() + limit;
        for remote in &self.promisors() {
            let missing: Vec<ObjectId> = ids.iter().copied().filter(|id| !self.has_object(*id)).collect();
            if missing.is_empty() {
                return;
            }
            // A remote that is not there at all need not be asked for every part.
            if self.fetch_objects(remote, &missing, deadline).is_err()
                && self.list_remote(remote, &["HEAD"], left(deadline)).is_ok()
            {
                self.fetch_parts(remote, &missing, deadline);
            }
        }
    }

    /// The remotes that have promised what a partial clone left out.
    fn promisors(&self) -> Vec<String> {
        let main = self.config("extensions.partialClone");
        let mut remotes = self.remotes();
        remotes.retain(|name| {
            main.as_ref() == Some(name) || self.config_flag(&format!("remote.{name}.promisor")) == Some(true)
        });
        remotes
    }

    /// Whether objects may be missing that a remote has promised.
    pub(super) fn is_partial(&self) -> bool {
        !self.promisors().is_empty()
    }

    /// Fetches what it can of objects that cannot be had all at once.
    fn fetch_parts(&self, remote: &str, ids: &[ObjectId], deadline: Instant) {
        let mut waiting = vec![ids];
        while let Some(part) = waiting.pop().filter(|_| !left(deadline).is_zero()) {
            let is_known_to_fail = part.len() == ids.len() && ids.len() > 1;
            if (is_known_to_fail || self.fetch_objects(remote, part, deadline).is_err()) && part.len() > 1 {
                let (first, second) = part.split_at(part.len() / 2);
                waiting.extend([first, second]);
            }
        }
    }

    /// Fetches objects by their ids, as git itself does when it needs one that was promised.
    fn fetch_objects(&self, remote: &str, ids: &[ObjectId], deadline: Instant) -> Result<(), GitError> {
        let arguments = [
            "-c",
            "fetch.negotiationAlgorithm=noop",
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-auto-maintenance",
            "--recurse-submodules=no",
            "--filter=blob:none",
            "--stdin",
            "--end-of-options",
            remote,
        ];
        let list: String = ids.iter().map(|id| format!("{id}\n")).collect();
        self.git(&arguments).input(list.into_bytes()).limit(left(deadline)).run()?.require().map(drop)
    }
}

fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
