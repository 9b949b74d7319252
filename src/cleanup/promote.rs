//! What stays of a ledger whose branch is gone: the sessions of commits that the default branch has
//! move to its ledger, and that ledger remembers the rest as expired, so that no stale clone brings it
//! back.

use super::{
    Candidate, Place,
    examine::{FILTER, PATIENCE, ledger_of},
    staging::Staging,
    sweep::{Moved, Sweep, Sweeper},
};
use crate::{
    error::Result,
    git::{Expected, GitError, ObjectId, PushSpec},
    ledger::{BranchName, GoneLedger, Ledger, LedgerError, Tip, Tombstones},
};

/// The policy that a tombstone names.
const POLICY: &str = "hidden_ttl";

/// How often it is tried again when the default branch's ledger changed meanwhile.
const ATTEMPTS: u32 = 4;

/// The default branch's ledger at the place.
struct Home<'a> {
    ledger: &'static dyn Ledger,
    branch: &'a BranchName,
    reference: String,
    tip: Option<ObjectId>,
}

impl Sweeper<'_> {
    /// Keeps what is to stay of `candidates`; returns those of which nothing is left to keep.
    pub(super) fn promote<'c>(&self, candidates: &'c [Candidate], swept: &mut Sweep) -> Result<Vec<&'c Candidate>> {
        let is_remembered = |one: &&Candidate| !one.sessions.is_empty();
        let Some(first) = candidates.iter().find(is_remembered) else { return Ok(candidates.iter().collect()) };
        let (Some(branch), Some(ledger)) = (&self.facts.default_branch, ledger_of(&first.reference)) else {
            let (bound, free): (Vec<_>, Vec<_>) = candidates.iter().partition(|one| !one.promotes.is_empty());
            let reason = "kept: the default branch is unknown";
            swept.failed.extend(bound.into_iter().map(|one| (one.reference.clone(), reason.to_owned())));
            return Ok(free);
        };
        let reference = ledger.reference(branch);
        let tip = self.facts.ledgers.iter().find(|known| known.reference == reference).map(|known| known.id);
        let mut home = Home { ledger, branch, reference, tip };
        let mut attempt = 1;
        loop {
            let mut moved = Vec::new();
            let mut failed = Vec::new();
            let refusal = self.settle(&home, candidates, &mut moved, &mut failed)?;
            let Some(reason) = refusal else {
                swept.promoted.extend(moved);
                let is_kept = |one: &&Candidate| !failed.iter().any(|(reference, _)| *reference == one.reference);
                let kept = candidates.iter().filter(is_kept).collect();
                swept.failed.extend(failed);
                return Ok(kept);
            };
            let now_at = self.tip_of(&home)?;
            if attempt < ATTEMPTS && now_at != home.tip {
                attempt += 1;
                home.tip = now_at;
                continue;
            }
            if let Place::Remote(remote) = self.place {
                self.refused(remote, home.reference.clone(), reason.clone(), swept);
            }
            let after = format!("kept: {} could not be written: {reason}", home.reference);
            swept.failed.extend(candidates.iter().map(|one| (one.reference.clone(), after.clone())));
            return Ok(Vec::new());
        }
    }

    fn tip_of(&self, home: &Home<'_>) -> Result<Option<ObjectId>> {
        let Place::Remote(remote) = self.place else { return Ok(home.tip) };
        let listed = self.repository.list_remote(remote, &[&home.reference], PATIENCE)?;
        Ok(listed.into_iter().find(|(name, _)| *name == home.reference).map(|(_, id)| id))
    }

    /// Writes the default branch's ledger; returns why a remote did not take it.
    fn settle(
        &self,
        home: &Home<'_>,
        candidates: &[Candidate],
        moved: &mut Vec<Moved>,
        failed: &mut Vec<(String, String)>,
    ) -> Result<Option<String>> {
        let staging = self.staging()?;
        let promoting = candidates.iter().filter(|one| !one.promotes.is_empty());
        let mut needed: Vec<(String, ObjectId)> = promoting.map(|one| (one.reference.clone(), one.id)).collect();
        let filter = Some(FILTER).filter(|_| needed.is_empty());
        needed.extend(home.tip.map(|tip| (home.reference.clone(), tip)));
        staging.bring(self.repository, self.place, &needed, filter)?;
        if let Some(tip) = home.tip {
            staging.lay_out(home.ledger, self.place, (&home.reference, tip))?;
        }
        let mut tombstones = Tombstones::default();
        for candidate in candidates {
            if let Err(fault) = self.adopt(&staging, home, candidate, moved) {
                failed.push((candidate.reference.clone(), fault.to_string()));
            } else if !candidate.sessions.is_empty() {
                tombstones.ledgers.extend(self.tombstone(candidate));
            }
        }
        if !tombstones.ledgers.is_empty() {
            home.ledger.apply(staging.repository(), home.branch, &tombstones, self.now)?;
        }
        let Place::Remote(remote) = self.place else { return Ok(None) };
        let new = staging.repository().find_reference(home.reference.as_bytes())?;
        if new.is_none() || new == home.tip {
            return Ok(None);
        }
        let expected = home.tip.map_or(Expected::Absent, Expected::Is);
        let specs = [PushSpec { new, name: home.reference.as_str().into(), expected }];
        let statuses = self.push(remote, &specs, Some(&staging))?;
        Ok(statuses.into_iter().find_map(|status| status.result.err()))
    }

    /// Takes what is promoted of one ledger.
    fn adopt(
        &self,
        staging: &Staging,
        home: &Home<'_>,
        candidate: &Candidate,
        moved: &mut Vec<Moved>,
    ) -> std::result::Result<(), LedgerError> {
        if candidate.promotes.is_empty() {
            return Ok(());
        }
        let repository = staging.repository();
        if !repository.has_object(candidate.id) {
            return Err(GitError::Conflict { name: candidate.reference.clone() }.into());
        }
        let branch = BranchName::from(candidate.branch.as_str());
        let tip = Tip { branch, remote: None, reference: candidate.reference.clone(), id: candidate.id };
        let mut sessions = home.ledger.sessions(repository, &tip)?;
        sessions.retain(|one| candidate.promotes.contains(&one.key.id));
        let mut links = home.ledger.links(repository, &tip)?.entries;
        links.retain(|(_, entry)| candidate.promotes.contains(&entry.session_id));
        home.ledger.adopt(repository, home.branch, &sessions, &links, self.now)?;
        moved.extend(candidate.promotes.iter().map(|session| Moved {
            session: session.clone(),
            from: candidate.reference.clone(),
            to: Some(home.reference.clone()),
        }));
        Ok(())
    }

    /// What is remembered of a ledger; nothing where its branch has no name here.
    fn tombstone(&self, candidate: &Candidate) -> Option<GoneLedger> {
        let known = self.facts.ledgers.iter().find(|known| known.reference == candidate.reference)?;
        let mut gone = GoneLedger::new(known.branch.as_ref()?, candidate.until, POLICY);
        gone.expired.on = Some(self.now);
        gone.sessions = candidate.sessions.iter().filter(|id| !candidate.promotes.contains(id)).cloned().collect();
        Some(gone)
    }
}
