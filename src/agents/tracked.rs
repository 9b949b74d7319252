//! Tells the logs that an agent wrote here from those that a clone brought.
//!
//! Some agents keep their logs in the folder they work in. A repository can have such a file among its own:
//! then it holds the chats of whoever made that repository, which must not get into a ledger or a commit
//! message of the person who cloned it.

use std::path::Path;

use super::Agent;
use crate::git::Repository;

/// Whether `log` is one that no repository brought: inside a work tree, git does not track it, and no link
/// on the way leads out of that work tree. A log outside of every work tree is the user's own.
#[must_use]
pub fn is_own(repository: Option<&Repository>, agent: &dyn Agent, log: &Path) -> bool {
    let root = repository.and_then(Repository::work_tree).filter(|root| log.starts_with(root));
    // Other agents keep their logs in the home directory, where no clone puts anything.
    if root.is_none() && !agent.is_local() {
        return true;
    }
    let is_root = |folder: &&Path| root == Some(*folder) || folder.join(".git").symlink_metadata().is_ok();
    let Some(found) = log.ancestors().skip(1).find(is_root) else { return true };
    match repository.filter(|_| root == Some(found)) {
        Some(repository) => is_untracked(repository, found, log),
        None => Repository::open(found).is_ok_and(|repository| is_untracked(&repository, found, log)),
    }
}

fn is_untracked(repository: &Repository, root: &Path, log: &Path) -> bool {
    let below = |root: &Path, log: &Path| {
        let path = log.strip_prefix(root).ok()?;
        Some(repository.tracks(path.to_str()?).unwrap_or(true))
    };
    let real = root.canonicalize().ok().zip(log.canonicalize().ok());
    let is_real_tracked = real.and_then(|(root, log)| below(&root, &log));
    below(root, log) == Some(false) && is_real_tracked == Some(false)
}
