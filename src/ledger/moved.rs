//! Own ledgers that a fetch overwrote or pruned: they are merged with what was kept of them.

use super::{ALL, LedgerError, SUMMARIES, merge_summaries};
use crate::{
    git::{Expected, ObjectId, RefUpdate, Repository},
    hail::Timestamp,
    ledger::Tombstones,
};

/// How a reference is, compared with the tip that is kept of it.
pub(super) enum Moved {
    /// It is where this program left it, or has all of that.
    No,
    /// It is gone, or at something else.
    To(Option<ObjectId>),
}

/// Whether a fetch moved the reference `name` away from the tip `kept`. What a person or another program did to it
/// stays as it is.
pub(super) fn moved(repository: &Repository, name: &str, kept: ObjectId) -> Result<Moved, LedgerError> {
    let current = repository.find_reference(name.as_bytes())?;
    // A writer of ours notes the tip before it writes the reference.
    if current == Some(kept) || repository.kept_tip(name) != Some(kept) {
        return Ok(Moved::No);
    }
    let is_fetched = repository.is_fetched_over(name) || current.is_some_and(|id| repository.was_just_fetched(id));
    if !is_fetched || !repository.has_object(kept) {
        repository.settle_kept_tip(name.as_bytes(), current);
        return Ok(Moved::No);
    }
    if let Some(current) = current
        && repository.has_object(current)
        && repository.is_ancestor(kept, current)?
    {
        repository.settle_kept_tip(name.as_bytes(), Some(current));
        return Ok(Moved::No);
    }
    Ok(Moved::To(current))
}

/// Merges every ledger that a fetch overwrote or pruned with what was kept of it; returns their references.
///
/// # Errors
/// When the repository cannot be read or written.
pub fn restore_moved(repository: &Repository, now: Timestamp) -> Result<Vec<String>, LedgerError> {
    let mut restored = Vec::new();
    for (name, kept) in repository.kept_tips() {
        let Moved::To(current) = moved(repository, &name, kept)? else { continue };
        let mut owner = None;
        for ledger in ALL {
            owner = ledger.tip_at(repository, &name, kept)?.map(|tip| (ledger, tip)).or(owner);
        }
        if let Some((ledger, tip)) = owner {
            ledger.merge(repository, &tip.branch, kept, now)?;
        } else {
            let new = match current {
                Some(current) if name == SUMMARIES => {
                    merge_summaries(repository, [current, kept], &Tombstones::default(), now)?
                }
                // A handoff artifact never changes.
                Some(current) => current,
                None => kept,
            };
            let expected = current.map_or(Expected::Absent, Expected::Is);
            repository.update_reference(&RefUpdate { name: name.clone().into(), expected, new: Some(new) })?;
        }
        restored.push(name);
    }
    Ok(restored)
}
