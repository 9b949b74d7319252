//! All backends together: which one is meant, and what is stored in several.

use super::{ALL, BranchName, Capture, Ledger, LedgerError, Outcome, Stored, Tip, Tombstone, UnknownMode};
use crate::{git::Repository, hail::Timestamp};

/// The names of all backends.
#[must_use]
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|ledger| ledger.name()).collect()
}

/// Whether a reference of that name is a ledger of this backend.
#[must_use]
pub fn is_of(ledger: &dyn Ledger, name: &str) -> bool {
    let pattern = ledger.pattern();
    pattern.strip_suffix('*').map_or(name == pattern, |folder| name.starts_with(folder))
}

/// Every backend, `first` before the others. All of them are read, whatever the mode: a session that was stored in
/// another mode is still a session.
pub fn all_from(first: &dyn Ledger) -> impl Iterator<Item = &'static dyn Ledger> {
    let is_first = |ledger: &&'static dyn Ledger| ledger.name() == first.name();
    let (first, rest): (Vec<_>, Vec<_>) = ALL.iter().copied().partition(is_first);
    first.into_iter().chain(rest)
}

/// The backend of a repository in which none is set: that of its remotes, as far as they were fetched, where they
/// agree, else its own. Where neither tells, the one that was written last.
///
/// # Errors
/// When the references cannot be read.
pub fn in_use(repository: &Repository) -> Result<&'static dyn Ledger, LedgerError> {
    let mut tips: Vec<(&'static dyn Ledger, Tip)> = Vec::new();
    for ledger in ALL {
        tips.extend(ledger.tips(repository)?.into_iter().map(|tip| (*ledger, tip)));
    }
    for is_remote in [true, false] {
        let mut of_side = tips.iter().filter(|(_, tip)| tip.remote.is_some() == is_remote).map(|(ledger, _)| *ledger);
        if let Some(first) = of_side.next()
            && of_side.all(|ledger| ledger.name() == first.name())
        {
            return Ok(first);
        }
    }
    let written = |tip: &Tip| repository.commit(tip.id).map_or(i64::MIN, |commit| commit.seconds);
    // Of two that were written at the same time the first counts.
    let latest = tips.into_iter().rev().max_by_key(|(_, tip)| written(tip));
    Ok(latest.map_or(ALL[0], |(ledger, _)| ledger))
}

/// Stores sessions in the ledger of `branch`. One that was removed from a ledger of another backend is not to come
/// back in this one.
///
/// # Errors
/// When the repository cannot be read or written; the ledger is then as it was.
pub fn store(
    repository: &Repository,
    ledger: &dyn Ledger,
    branch: &BranchName,
    captures: &[Capture],
    now: Timestamp,
) -> Result<Vec<Stored>, LedgerError> {
    let mut others = Vec::new();
    for other in all_from(ledger).skip(1) {
        let own = other.tips(repository)?.into_iter().filter(|tip| tip.remote.is_none() && tip.covers(branch));
        others.extend(own.map(|tip| (other, tip)));
    }
    let may_stay = |capture: &Capture| {
        let header = &capture.session.value().header;
        let permits = |tombstone: Option<Tombstone>| {
            tombstone.is_none_or(|tombstone| tombstone.permits(capture.cleared_at, Some(header.context.updated_at)))
        };
        others.iter().all(|(other, tip)| {
            let tombstone = other.tombstone(repository, tip, &header.session_id);
            // One that cannot be read may forbid it.
            tombstone.is_ok_and(permits)
        })
    };
    if others.is_empty() || captures.iter().all(may_stay) {
        return ledger.store(repository, branch, captures, now);
    }
    let wanted: Vec<Capture> = captures.iter().filter(|capture| may_stay(capture)).cloned().collect();
    let mut stored = ledger.store(repository, branch, &wanted, now)?.into_iter();
    let removed = Stored { outcome: Outcome::Removed, hail: None, is_given: false };
    Ok(captures
        .iter()
        .map(|capture| if may_stay(capture) { stored.next().unwrap_or(removed) } else { removed })
        .collect())
}

/// Finds a backend by its name.
///
/// # Errors
/// When there is none of that name.
pub fn by_name(name: &str) -> Result<&'static dyn Ledger, UnknownMode> {
    ALL.iter().copied().find(|ledger| ledger.name() == name).ok_or_else(|| UnknownMode { name: name.to_owned() })
}
