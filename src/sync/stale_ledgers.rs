//! What was removed somewhere does not go to a remote from here.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Exchange, Pair, push_plan::Spec};
use crate::{
    error::Result,
    git::{Expected, ObjectId, PushSpec, RefUpdate},
    hail::SessionId,
    ledger::{self, ARTIFACTS, BranchName, GoneLedger, Tip, Tombstone, Tombstones, extra_ref_root},
};

/// What is to be put right on a remote.
#[derive(Default)]
pub(super) struct Repair {
    /// What must not be there.
    tombstones: Tombstones,
    /// The branches whose ledgers have it.
    pub(super) branches: Vec<BranchName>,
    /// Those of them that have no ledger here that is pushed.
    foreign: Vec<BranchName>,
}

impl Repair {
    /// The ledgers that are pushed besides `pairs`.
    pub(super) fn pairs(&mut self, pairs: &[Pair]) -> Vec<Pair> {
        let is_paired = |branch: &BranchName| pairs.iter().any(|pair| pair.remote == *branch);
        self.foreign = self.branches.iter().filter(|branch| !is_paired(branch)).cloned().collect();
        self.foreign.iter().map(|branch| Pair { local: branch.clone(), remote: branch.clone() }).collect()
    }

    /// Whether the remote's ledger is put right without one that is here.
    pub(super) fn is_foreign(&self, pair: &Pair) -> bool {
        self.foreign.contains(&pair.remote)
    }
}

impl Exchange<'_> {
    /// What has to be pushed of a ledger of the remote that has none here.
    pub(super) fn repair_spec(&self, pair: &Pair, repair: &Repair) -> Result<Option<Spec>> {
        let Some(known) = self.known(&pair.remote)? else { return Ok(None) };
        let new = self.repaired(&pair.remote, known, &repair.tombstones)?;
        let (name, expected) = (self.ledger.reference(&pair.remote).into(), Expected::Is(known));
        let push = PushSpec { new: Some(new), name, expected };
        // The remote has all of it but the tombstones.
        Ok((new != known).then(|| Spec {
            pair: pair.clone(),
            push,
            bytes: 0,
            has_more: false,
            sessions: BTreeSet::new(),
        }))
    }

    /// What every ledger that is here remembers, of whatever backend.
    pub(super) fn tombstones(&self) -> Result<Tombstones> {
        let (mut all, mut seen) = (Tombstones::default(), HashSet::new());
        for ledger in ledger::ALL {
            for tip in ledger.tips(self.repository)?.into_iter().filter(|tip| seen.insert(tip.id)) {
                // A ledger that cannot be read says nothing of what is in the others.
                let found = ledger.tombstones(self.repository, &tip).unwrap_or_default();
                all.sessions.extend(found.sessions);
                all.ledgers.extend(found.ledgers);
            }
        }
        Ok(all)
    }

    /// Applies what any ledger remembers to those of `pairs`: a session is removed wherever it is.
    pub(super) fn apply_to_tracking(&self, pairs: &[Pair]) -> Result<()> {
        let all = self.tombstones()?;
        if all.sessions.is_empty() {
            return Ok(());
        }
        let mut by_id: BTreeMap<&SessionId, Tombstones> = BTreeMap::new();
        for tombstone in &all.sessions {
            by_id.entry(&tombstone.session_id).or_default().sessions.push(tombstone.clone());
        }
        let own = self.ledger.tips(self.repository)?.into_iter().filter(|tip| tip.remote.is_none());
        let wanted: Vec<_> = own.filter(|tip| pairs.iter().any(|pair| tip.covers(&pair.local))).collect();
        for tip in wanted {
            let mut here = Tombstones::default();
            let shares = self.ledger.shares(self.repository, &tip)?.into_iter().map(|listed| listed.key.id);
            let ids: BTreeSet<SessionId> = self.ids(&tip)?.chain(shares).collect();
            for tombstones in ids.iter().filter_map(|id| by_id.get(id)) {
                here.sessions.extend(tombstones.sessions.iter().cloned());
            }
            if !here.sessions.is_empty() {
                self.ledger.apply(self.repository, &tip.branch, &here, self.now)?;
            }
        }
        Ok(())
    }

    /// The ledgers of the remote, as last seen, that have what somebody had purged or redacted: pushed by
    /// a clone that had not heard of it.
    pub(super) fn stale_ledgers(&self) -> Result<Repair> {
        let mut repair = Repair::default();
        let all = self.tombstones()?.sessions.into_iter().filter(|tombstone| tombstone.cleared_from().is_some());
        repair.tombstones.sessions = all.map(|tombstone| Tombstone { expired: None, ..tombstone }).collect();
        if repair.tombstones.sessions.is_empty() {
            return Ok(repair);
        }
        let root = self.ledger.known_root(&self.known_as());
        let tips = self.ledger.tips(self.repository)?.into_iter();
        for tip in tips.filter(|tip| tip.remote.is_some() && tip.reference.starts_with(&root)) {
            // What is broken stands in the way of nothing but itself.
            if self.repaired(&tip.branch, tip.id, &repair.tombstones).is_ok_and(|new| new != tip.id) {
                repair.branches.push(tip.branch);
            }
        }
        Ok(repair)
    }

    /// The sessions of a ledger.
    fn ids(&self, tip: &Tip) -> Result<impl Iterator<Item = SessionId>> {
        Ok(self.ledger.blobs(self.repository, tip)?.into_iter().map(|(session, _)| session))
    }

    /// What the ledger of a branch of the remote, which is at `tip`, has to be.
    pub(super) fn repaired(&self, branch: &BranchName, tip: ObjectId, tombstones: &Tombstones) -> Result<ObjectId> {
        let at = Tip { branch: branch.clone(), remote: None, reference: self.ledger.reference(branch), id: tip };
        let shares = self.ledger.shares(self.repository, &at)?.into_iter().map(|listed| listed.key.id);
        let ids: HashSet<SessionId> = self.ids(&at)?.chain(shares).collect();
        let here = tombstones.sessions.iter().filter(|tombstone| ids.contains(&tombstone.session_id)).cloned();
        let here = Tombstones { sessions: here.collect(), ledgers: Vec::new() };
        if here.sessions.is_empty() {
            return Ok(tip);
        }
        Ok(self.ledger.without_removed(self.repository, &at, &here, self.now)?)
    }

    /// Leaves out the ledgers of branches that are gone, unless something happened in them since: the
    /// remote does not have them any more, and is not to get them again.
    pub(super) fn without_gone(&self, pairs: Vec<Pair>) -> Result<Vec<Pair>> {
        let gone = self.tombstones()?.ledgers;
        if gone.is_empty() {
            return Ok(pairs);
        }
        let mut kept = Vec::new();
        for pair in pairs {
            let of_branch =
                gone.iter().filter(|ledger| ledger.name() == pair.remote).max_by_key(|ledger| ledger.expired.at);
            let is_gone = match of_branch {
                Some(ledger) if self.known(&pair.remote)?.is_none() => self.is_older(&pair, ledger)?,
                _ => false,
            };
            if !is_gone {
                kept.push(pair);
            }
        }
        Ok(kept)
    }

    /// Whether nothing happened in the ledger of `pair` after it was removed elsewhere.
    fn is_older(&self, pair: &Pair, gone: &GoneLedger) -> Result<bool> {
        let own = self.ledger.tips(self.repository)?.into_iter().filter(|tip| tip.remote.is_none());
        for tip in own.filter(|tip| tip.branch == pair.local) {
            let sessions = self.ledger.sessions(self.repository, &tip)?;
            if sessions.iter().any(|listed| listed.meta.own.updated_at.is_none_or(|at| at > gone.expired.at)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Deletes the handoff artifacts that were removed elsewhere, and returns their names.
    pub(super) fn remove_artifacts(&self, tombstones: &Tombstones) -> Result<BTreeSet<String>> {
        let mut removed = BTreeSet::new();
        for tombstone in tombstones.sessions.iter().filter(|tombstone| tombstone.purged_at.is_some()) {
            let name = format!("{ARTIFACTS}{}", tombstone.session_id);
            let known = format!("{}{}", extra_ref_root(&self.known_as()), &name["refs/opensession/".len()..]);
            for name in [name.clone(), ledger::name_here(self.repository, &known)?] {
                if let Some(id) = self.repository.find_reference(name.as_bytes())? {
                    let update = RefUpdate { name: name.into(), expected: Expected::Is(id), new: None };
                    self.repository.update_reference(&update)?;
                }
            }
            removed.insert(name);
        }
        Ok(removed)
    }
}
