//! Removes sessions from the ledgers of living branches.

use std::collections::BTreeMap;

use super::{
    Place, SessionCandidate,
    examine::ledger_of,
    staging::Staging,
    sweep::{Moved, Sweep, Sweeper},
};
use crate::{
    error::Result,
    git::{Expected, GitError, ObjectId, PushSpec},
    ledger::{LedgerError, Tombstone, Tombstones},
};

/// The sessions of one ledger that go.
type Group<'a> = (&'a str, Vec<&'a SessionCandidate>);

impl Sweeper<'_> {
    /// Removes the candidates, and leaves tombstones.
    pub(super) fn expire(&self, candidates: &[SessionCandidate], swept: &mut Sweep) -> Result<()> {
        let mut by_ledger: BTreeMap<&str, Vec<&SessionCandidate>> = BTreeMap::new();
        for candidate in candidates {
            by_ledger.entry(&candidate.reference).or_default().push(candidate);
        }
        if by_ledger.is_empty() {
            return Ok(());
        }
        let staging = self.staging()?;
        let needed: Vec<(String, ObjectId)> =
            by_ledger.iter().map(|(reference, group)| ((*reference).to_owned(), group[0].id)).collect();
        // Whole: what stays goes to the remote as part of a commit without history.
        staging.bring(self.repository, self.place, &needed, None)?;
        let mut ready = Vec::new();
        for (reference, group) in by_ledger {
            match self.remove(&staging, (reference, &group)) {
                Ok(new) => ready.push(((reference, group), new)),
                Err(fault) => swept.failed.push((reference.to_owned(), fault.to_string())),
            }
        }
        self.publish(&staging, ready, swept)
    }

    /// Writes a ledger without the sessions of `group`; returns its new tip.
    fn remove(
        &self,
        staging: &Staging,
        (reference, group): (&str, &[&SessionCandidate]),
    ) -> std::result::Result<Option<ObjectId>, LedgerError> {
        let (id, branch) = (group[0].id, &group[0].branch);
        let changed = || LedgerError::from(GitError::Conflict { name: reference.to_owned() });
        let ledger = ledger_of(reference).ok_or_else(changed)?;
        let repository = staging.repository();
        let is_as_examined = match self.place {
            Place::Here => repository.find_reference(reference.as_bytes())? == Some(id),
            Place::Remote(_) => repository.has_object(id),
        };
        if !is_as_examined || staging.lay_out(ledger, self.place, (reference, id)).is_err() {
            return Err(changed());
        }
        let tombstone = |one: &&SessionCandidate| {
            let mut tombstone = Tombstone::expired(one.session.clone(), one.until, one.policy);
            if let Some(expired) = &mut tombstone.expired {
                expired.on = Some(self.now);
            }
            tombstone
        };
        let tombstones = Tombstones { sessions: group.iter().map(tombstone).collect(), ledgers: Vec::new() };
        ledger.apply(repository, branch, &tombstones, self.now)?;
        Ok(repository.find_reference(ledger.reference(branch).as_bytes())?)
    }

    /// Gives a remote its new ledgers.
    fn publish(&self, staging: &Staging, ready: Vec<(Group<'_>, Option<ObjectId>)>, swept: &mut Sweep) -> Result<()> {
        let mut done = Vec::new();
        if let Place::Remote(remote) = self.place {
            let spec = |(group, new): &(Group<'_>, Option<ObjectId>)| PushSpec {
                new: *new,
                name: group.0.into(),
                expected: Expected::Is(group.1[0].id),
            };
            // Without a new tip this would delete it.
            let (ready, lost): (Vec<_>, Vec<_>) = ready.into_iter().partition(|(_, new)| new.is_some());
            swept.failed.extend(lost.into_iter().map(|((name, _), _)| (name.to_owned(), "not written".to_owned())));
            let specs: Vec<PushSpec> = ready.iter().map(spec).collect();
            let statuses = if specs.is_empty() { Vec::new() } else { self.push(remote, &specs, Some(staging))? };
            for ((group, _), status) in ready.into_iter().zip(statuses) {
                match status.result {
                    Ok(()) => done.push(group),
                    Err(reason) => self.refused(remote, group.0.to_owned(), reason, swept),
                }
            }
            self.forget(remote, done.iter().map(|(name, group)| (*name, group[0].id)))?;
        } else {
            done.extend(ready.into_iter().map(|(group, _)| group));
        }
        for (reference, group) in done {
            let moved =
                |one: &SessionCandidate| Moved { session: one.session.clone(), from: reference.to_owned(), to: None };
            swept.removed.extend(group.into_iter().map(moved));
        }
        Ok(())
    }
}
