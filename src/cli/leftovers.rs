//! What killed processes left behind: the part of `doctor` that finds and removes it.

use std::fs;

use super::{
    doctor::{Check, Status},
    time,
};
use crate::{
    error::{Error, Result},
    git::{Leftover, Repository},
    hail::Timestamp,
};

/// What removes what is stale.
const FIX: &str = "git session doctor --fix";

/// Looks for locks, with which nothing can be stored any more, and for temporary files.
pub(super) fn checks(repository: &Repository, now: Timestamp) -> Vec<Check> {
    let found = repository.leftovers(now);
    let mut checks: Vec<Check> = found.iter().filter(|leftover| leftover.is_lock).map(check_lock).collect();
    let stale = found.iter().filter(|leftover| !leftover.is_lock && leftover.is_stale()).count();
    if stale > 0 {
        let message = format!("{stale} left by processes that were killed");
        checks.push(Check::new("temporary files", Status::Info, message).fixed_by(FIX));
    }
    checks
}

fn check_lock(lock: &Leftover) -> Check {
    let path = lock.path.display();
    if lock.is_stale() {
        let age = time::span(lock.age.as_secs());
        return Check::new("lock", Status::Warning, format!("{path} was left {age} ago")).fixed_by(FIX);
    }
    let message = format!("{path} is in the way, unless a git command is running right now");
    Check::new("lock", Status::Warning, message).fixed_by(format!("rm '{path}'"))
}

/// What is to be removed, each with its age.
pub(super) fn plan(repository: &Repository, now: Timestamp) -> Vec<(Leftover, String)> {
    let stale = repository.leftovers(now).into_iter().filter(Leftover::is_stale);
    let line = |leftover: Leftover| {
        let kind = if leftover.is_lock { "lock" } else { "temporary file" };
        let age = time::span(leftover.age.as_secs());
        let line = format!("remove the {kind} {}, {age} old", leftover.path.display());
        (leftover, line)
    };
    stale.map(line).collect()
}

/// Removes what was planned, as far as it is still stale: consent may have taken its time.
pub(super) fn remove(repository: &Repository, planned: &[(Leftover, String)], now: Timestamp) -> Result<()> {
    if planned.is_empty() {
        return Ok(());
    }
    let still = repository.leftovers(now);
    for (leftover, _) in planned {
        if still.iter().any(|one| one.path == leftover.path && one.is_stale()) {
            let path = leftover.path.display();
            fs::remove_file(&leftover.path).map_err(|fault| {
                Error::user(format!("{path} cannot be removed: {fault}")).hinted(format!("ls -l '{path}'"))
            })?;
        }
    }
    Ok(())
}
