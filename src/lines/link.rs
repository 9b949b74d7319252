//! Finds the sessions of commits by evidence.

use serde::Serialize;

use super::sources::LogOf;
use crate::{
    attribution::{self, Evidence, Sessions},
    error::Result,
    git::{ObjectId, Repository, TreeChange},
    hail::SessionId,
};

/// How many commits are compared at a time: what git lists of them is kept in memory.
const BATCH: usize = 500;

/// A session's part in a commit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Linked {
    /// The commit.
    pub commit: String,
    /// The session.
    pub session: SessionId,
    /// How its part is known.
    pub evidence: Evidence,
    /// How many lines of the commit it wrote or removed.
    pub lines: usize,
    /// How many lines the commit adds, or removes without replacing them; blank ones do not count.
    pub of_lines: usize,
}

/// Finds the sessions that have a part in `commits`.
///
/// # Errors
/// When a commit or one of its trees cannot be read.
pub fn link(repository: &Repository, sessions: &Sessions, commits: &[ObjectId]) -> Result<Vec<Linked>> {
    let mut found = Vec::new();
    for batch in commits.chunks(BATCH) {
        let changes = repository.tree_changes(batch)?;
        for id in batch {
            let commit = repository.commit(*id)?;
            let facts = attribution::facts(repository, &commit);
            let is_wanted = |change: &TreeChange| {
                let is_known = sessions.knows_name(change.path());
                is_known || change.old.iter().all(Option::is_none) || change.new.is_none() || is_renamed(change)
            };
            let all = changes.get(id).map(Vec::as_slice).unwrap_or_default();
            let diff = attribution::read_diff(repository, all, is_wanted)?;
            let parts = sessions.parts(&facts, &diff);
            found.extend(parts.parts.iter().map(|part| Linked {
                commit: facts.id.clone(),
                session: sessions.all()[part.session].id.clone(),
                evidence: part.evidence,
                lines: part.lines,
                of_lines: parts.of_lines,
            }));
        }
    }
    Ok(found)
}

fn is_renamed(change: &TreeChange) -> bool {
    change.old.iter().flatten().any(|old| old.path != change.path())
}

/// The logs of a session.
#[must_use]
pub fn logs_of<'l>(logs: &'l [LogOf], session: &SessionId) -> Vec<&'l std::path::Path> {
    logs.iter().filter(|log| log.session == *session).map(|log| log.log.as_path()).collect()
}
