//! What was removed somewhere does not go to a remote from here.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::{Exchange, Pair};
use crate::{
    error::Result,
    git::{Expected, RefUpdate},
    hail::SessionId,
    ledger::{self, ARTIFACTS, GoneLedger, Tombstones, companion_root},
};

impl Exchange<'_> {
    /// What every ledger that is here remembers.
    pub(super) fn tombstones(&self) -> Result<Tombstones> {
        let (mut all, mut seen) = (Tombstones::default(), HashSet::new());
        for tip in self.ledger.tips(self.repository)? {
            if seen.insert(tip.id) {
                let found = self.ledger.tombstones(self.repository, &tip)?;
                all.sessions.extend(found.sessions);
                all.ledgers.extend(found.ledgers);
            }
        }
        Ok(all)
    }

    /// Applies what any ledger remembers to those of `pairs`: a session is removed wherever it is.
    pub(super) fn bury_known(&self, pairs: &[Pair]) -> Result<()> {
        let all = self.tombstones()?;
        if all.sessions.is_empty() {
            return Ok(());
        }
        let mut by_id: BTreeMap<&SessionId, Tombstones> = BTreeMap::new();
        for stone in &all.sessions {
            by_id.entry(&stone.session_id).or_default().sessions.push(stone.clone());
        }
        let own = self.ledger.tips(self.repository)?.into_iter().filter(|tip| tip.remote.is_none());
        let wanted: Vec<_> = own.filter(|tip| pairs.iter().any(|pair| tip.covers(&pair.local))).collect();
        for tip in wanted {
            let mut here = Tombstones::default();
            let shares = self.ledger.shares(self.repository, &tip)?.into_iter().map(|listed| listed.key.id);
            let ids: BTreeSet<SessionId> = self.ledger.ids(self.repository, &tip)?.into_iter().chain(shares).collect();
            for stones in ids.iter().filter_map(|id| by_id.get(id)) {
                here.sessions.extend(stones.sessions.iter().cloned());
            }
            if !here.sessions.is_empty() {
                self.ledger.bury(self.repository, &tip.branch, &here, self.now)?;
            }
        }
        Ok(())
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
    pub(super) fn bury_artifacts(&self, tombstones: &Tombstones) -> Result<BTreeSet<String>> {
        let mut buried = BTreeSet::new();
        for stone in tombstones.sessions.iter().filter(|stone| stone.purged_at.is_some()) {
            let name = format!("{ARTIFACTS}{}", stone.session_id);
            let known = format!("{}{}", companion_root(self.remote), &name["refs/opensession/".len()..]);
            for name in [name.clone(), ledger::name_here(self.repository, &known)?] {
                if let Some(id) = self.repository.find_reference(name.as_bytes())? {
                    let update = RefUpdate { name: name.into(), expected: Expected::Is(id), new: None };
                    self.repository.update_reference(&update)?;
                }
            }
            buried.insert(name);
        }
        Ok(buried)
    }
}
