//! From one backend to another, losing nothing.
//!
//! [`Switch::copy`] takes everything that the old backend shows into the new one; then the setting is
//! changed; [`Switch::release`] removes each old reference whose content is verified to be readable in the
//! new one. Each step can be broken off and begun again: what is there already changes nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    BranchName, Damage, Ledger, LedgerError, Links, Listed, MAX_SESSION_BYTES, Tip, Tombstone, Tombstones, merge,
};
use crate::{
    git::{Expected, GitError, RefUpdate, Repository},
    hail::Timestamp,
};

/// How often an old ledger that is still written to is taken in again.
const ATTEMPTS: u32 = 5;

/// A way from one backend to another.
#[derive(Clone, Copy)]
pub struct Switch<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// Where the sessions are.
    pub from: &'a dyn Ledger,
    /// Where they are to be.
    pub to: &'a dyn Ledger,
    /// The time for commits.
    pub now: Timestamp,
}

/// What was taken in.
#[derive(Clone, Debug, Default)]
pub struct Copied {
    /// How many sessions.
    pub sessions: usize,
    /// The fetched ledgers that cannot be read, and those with something damaged, with the reason; they stay as
    /// they are.
    pub passed_over: Vec<(String, String)>,
}

/// What became of the references of the old backend.
#[derive(Clone, Debug, Default)]
pub struct Released {
    /// Those that are gone.
    pub removed: Vec<String>,
    /// Those that stay, with the reason.
    pub kept: Vec<(String, String)>,
}

/// What one ledger has.
struct Stock {
    branch: BranchName,
    sessions: Vec<Listed>,
    links: Links,
    tombstones: Tombstones,
    /// What stays where it is, and the reference with it.
    damage: Vec<Damage>,
}

impl Switch<'_> {
    /// Whether the old backend has a reference of its own that the new one does not make up for, or
    /// that can go.
    ///
    /// # Errors
    /// When a ledger cannot be read.
    pub fn is_needed(&self) -> Result<bool, LedgerError> {
        for tip in self.own(self.from)? {
            let stock = self.stock(&tip)?;
            if !stock.links.has_more || !self.is_taken_in(&stock)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes everything in: this repository's own ledgers and those that were fetched.
    ///
    /// # Errors
    /// When a ledger of this repository cannot be read or written.
    pub fn copy(&self) -> Result<Copied, LedgerError> {
        let mut copied = Copied::default();
        let mut taken = BTreeSet::new();
        let mut seen = Vec::new();
        for tip in self.from.tips(self.repository)? {
            if seen.contains(&(tip.id, tip.branch.clone())) {
                continue;
            }
            let stock = match self.stock(&tip) {
                Err(fault) if tip.remote.is_some() => {
                    copied.passed_over.push((tip.reference, fault.to_string()));
                    continue;
                }
                stock => stock?,
            };
            self.take_in(&stock)?;
            let damage = stock.damage.iter().map(|damage| (tip.reference.clone(), damage.to_string()));
            copied.passed_over.extend(damage);
            taken.extend(stock.sessions.into_iter().map(|listed| listed.key));
            seen.push((tip.id, tip.branch));
        }
        copied.sessions = taken.len();
        Ok(copied)
    }

    /// Removes the references of the old backend, each only as it was verified.
    ///
    /// # Errors
    /// When a ledger cannot be read or written.
    pub fn release(&self) -> Result<Released, LedgerError> {
        let mut released = Released::default();
        for tip in self.own(self.from)? {
            match self.release_one(&tip)? {
                None => released.removed.push(tip.reference),
                Some(reason) => released.kept.push((tip.reference, reason)),
            }
        }
        Ok(released)
    }

    /// Removes one reference; the reason where it has to stay.
    fn release_one(&self, tip: &Tip) -> Result<Option<String>, LedgerError> {
        let mut tip = tip.clone();
        for _ in 0..ATTEMPTS {
            let stock = self.stock(&tip)?;
            if stock.links.has_more {
                return Ok(Some(format!("it contains something that {} cannot hold", self.to.name())));
            }
            if !self.is_taken_in(&stock)? {
                return Ok(Some(format!("parts of it cannot be read in {}", self.to.name())));
            }
            let name = tip.reference.clone().into();
            match self.repository.update_reference(&RefUpdate { name, expected: Expected::Is(tip.id), new: None }) {
                Err(GitError::Conflict { .. }) => {}
                other => return Ok(other.map(|()| None)?),
            }
            // Somebody stored something in the old ledger in the meantime.
            let Some(id) = self.repository.find_reference(tip.reference.as_bytes())? else { return Ok(None) };
            tip.id = id;
            self.take_in(&self.stock(&tip)?)?;
        }
        Ok(Some("it kept changing".to_owned()))
    }

    fn own(&self, ledger: &dyn Ledger) -> Result<Vec<Tip>, LedgerError> {
        Ok(ledger.tips(self.repository)?.into_iter().filter(|tip| tip.remote.is_none()).collect())
    }

    fn stock(&self, tip: &Tip) -> Result<Stock, LedgerError> {
        let mut damage = self.from.damage(self.repository, tip)?;
        let mut sessions = self.from.sessions(self.repository, tip)?;
        damage.extend(sessions.iter().filter_map(|listed| listed.damage.clone()));
        sessions.retain(|listed| listed.damage.is_none());
        let mut links = self.from.links(self.repository, tip)?;
        damage.append(&mut links.damage);
        links.has_more |= !damage.is_empty();
        let tombstones = self.from.tombstones(self.repository, tip)?;
        Ok(Stock { branch: tip.branch.clone(), sessions, links, tombstones, damage })
    }

    fn take_in(&self, stock: &Stock) -> Result<(), LedgerError> {
        // They come first: what the other ledger has is what they let stay.
        for branch in self.tombstone_branches(stock)? {
            self.to.apply(self.repository, &branch, &stock.tombstones, self.now)?;
        }
        let mut by_branch: BTreeMap<BranchName, Vec<Listed>> = BTreeMap::new();
        for listed in &stock.sessions {
            for branch in listed.branches() {
                by_branch.entry(branch).or_default().push(listed.clone());
            }
        }
        for (branch, sessions) in by_branch {
            self.to.adopt(self.repository, &branch, &sessions, &stock.links.entries, self.now)?;
        }
        Ok(())
    }

    /// Where the tombstones of `stock` go: where one ledger served all branches, to each that has one.
    fn tombstone_branches(&self, stock: &Stock) -> Result<Vec<BranchName>, LedgerError> {
        if stock.tombstones == Tombstones::default() {
            return Ok(Vec::new());
        }
        if stock.branch != BranchName::every() {
            return Ok(vec![stock.branch.clone()]);
        }
        let mut branches: BTreeSet<BranchName> = stock.sessions.iter().flat_map(Listed::branches).collect();
        if branches.is_empty() {
            branches.insert(BranchName::current(self.repository, &self.repository.head()?));
        }
        Ok(branches.into_iter().collect())
    }

    /// Whether this repository's own ledgers of the new backend have all of `stock`, readable.
    fn is_taken_in(&self, stock: &Stock) -> Result<bool, LedgerError> {
        let tombstone_branches = self.tombstone_branches(stock)?;
        for tip in self.own(self.to)?.iter().filter(|tip| tombstone_branches.iter().any(|branch| tip.covers(branch))) {
            let known = self.to.tombstones(self.repository, tip)?;
            let has = |tombstone: &Tombstone| known.sessions.iter().any(|known| known.has_all_of(tombstone));
            if !stock.tombstones.sessions.iter().all(has) {
                return Ok(false);
            }
        }
        let mut there = Vec::new();
        for tip in self.own(self.to)? {
            let sessions = self.to.sessions(self.repository, &tip)?;
            there.push((tip, sessions));
        }
        for listed in &stock.sessions {
            for branch in listed.branches() {
                let of_branch = there.iter().filter(|(tip, _)| tip.covers(&branch)).flat_map(|(_, sessions)| sessions);
                let mut candidates =
                    of_branch.filter(|new| new.key.id == listed.key.id && new.branches().contains(&branch));
                if !candidates.any(|new| self.makes_up_for(listed, new)) {
                    return Ok(false);
                }
            }
        }
        for (commit, entry) in &stock.links.entries {
            let mut is_linked = false;
            for (tip, _) in &there {
                let linked = self.to.linked(self.repository, tip, *commit)?;
                is_linked |= linked.iter().any(|new| new.session_id == entry.session_id);
            }
            if !is_linked {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether `new`, of the same id, has all of `old`: its commits, and its events or more.
    fn makes_up_for(&self, old: &Listed, new: &Listed) -> bool {
        let has_commits = old.meta.git.commits.iter().all(|commit| new.meta.git.commits.contains(commit));
        if !has_commits {
            return false;
        }
        let Some(hail) = old.hail else { return true };
        let read = |id| self.repository.read_blob(id, MAX_SESSION_BYTES);
        let Some(Ok(bytes)) = new.hail.map(read) else { return false };
        new.hail == old.hail || read(hail).is_ok_and(|old| merge::is_continuation(&old, &bytes))
    }
}
