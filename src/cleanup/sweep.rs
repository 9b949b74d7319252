//! Deletes what the plan names: exactly the objects that were examined, under a lease.

use serde::Serialize;

use super::{
    Candidate, Facts, Place, Plan,
    examine::{PATIENCE, ledger_of},
    provider_of,
    staging::Staging,
};
use crate::{
    error::Result,
    git::{Expected, GitError, ObjectId, PushSpec, PushStatus, Pushing, Repository},
    hail::{SessionId, Timestamp},
    ledger,
};

/// How many references go in one push.
const BATCH: usize = 500;

/// What became of the candidates.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// The sessions that moved to the default branch's ledger.
    pub promoted: Vec<Moved>,
    /// The references that are gone.
    pub deleted: Vec<String>,
    /// The sessions that are gone from the ledger of a living branch.
    pub removed: Vec<Moved>,
    /// The references that are still there, with the reason.
    pub failed: Vec<(String, String)>,
    /// What to grant, where the host refused.
    pub hint: Option<&'static str>,
    /// The objects that references were at.
    pub expire_session: Vec<ObjectId>,
}

/// A session that is not any more where it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The session.
    pub session: SessionId,
    /// The reference of the ledger it was in.
    pub from: String,
    /// The reference of the ledger it is in now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A place that is swept.
pub(super) struct Sweeper<'a> {
    pub(super) repository: &'a Repository,
    pub(super) place: &'a Place,
    pub(super) facts: &'a Facts,
    pub(super) now: Timestamp,
}

/// Does what `plan` says at `place`, of which it was made from `facts`.
///
/// # Errors
/// When this repository cannot be read, or a remote cannot be reached at all: then nothing is deleted.
pub fn sweep(repository: &Repository, place: &Place, (facts, plan): (&Facts, &Plan), now: Timestamp) -> Result<Sweep> {
    let mut swept = Sweep::default();
    if plan.is_empty() {
        return Ok(swept);
    }
    let sweeper = Sweeper { repository, place, facts, now };
    // What is kept of them is kept first.
    let kept_safe = sweeper.promote(&plan.hidden_candidates, &mut swept)?;
    let all: Vec<&Candidate> = kept_safe.into_iter().chain(&plan.artifact_candidates).collect();
    for batch in all.chunks(BATCH) {
        sweeper.delete(batch, &mut swept)?;
    }
    sweeper.expire(&plan.session_candidates, &mut swept)?;
    sweeper.tidy(plan, &mut swept)?;
    Ok(swept)
}

impl Sweeper<'_> {
    pub(super) fn staging(&self) -> Result<Staging> {
        Staging::new(self.repository, self.place)
    }

    fn delete(&self, candidates: &[&Candidate], swept: &mut Sweep) -> Result<()> {
        let Place::Remote(remote) = self.place else {
            let all: Vec<_> = candidates.iter().map(|one| (one.reference.as_str().into(), one.id)).collect();
            for (candidate, result) in candidates.iter().zip(self.repository.delete_references(&all)) {
                match result {
                    Ok(()) => swept.deleted.push(candidate.reference.clone()),
                    Err(fault) => swept.failed.push((candidate.reference.clone(), fault.to_string())),
                }
            }
            return Ok(());
        };
        // First what was fetched of it: after a crash in between the next run finds it again on the
        // remote; a reference here whose remote part is gone would never be looked for.
        self.forget(remote, candidates.iter().map(|one| (one.reference.as_str(), one.id)))?;
        let spec = |candidate: &&Candidate| PushSpec {
            new: None,
            name: candidate.reference.clone().into(),
            expected: Expected::Is(candidate.id),
        };
        let specs: Vec<PushSpec> = candidates.iter().map(spec).collect();
        for status in self.push(remote, &specs, None)? {
            match status.result {
                Ok(()) => swept.deleted.push(status.name.to_string()),
                Err(reason) => self.refused(remote, status.name.to_string(), reason, swept),
            }
        }
        Ok(())
    }

    /// Pushes all in one transaction, which spares the remote the most work; where one of them does not
    /// go through, each for itself.
    pub(super) fn push(
        &self,
        remote: &str,
        specs: &[PushSpec],
        staging: Option<&Staging>,
    ) -> std::result::Result<Vec<PushStatus>, GitError> {
        let objects = staging.and_then(Staging::scratch);
        if specs.len() > 1 {
            let pushing = Pushing { objects, is_atomic: true };
            let statuses = self.repository.push_as(remote, specs, pushing, PATIENCE);
            if let Ok(statuses) = statuses
                && statuses.iter().all(|status| status.result.is_ok())
            {
                return Ok(statuses);
            }
        }
        self.repository.push_as(remote, specs, Pushing { objects, is_atomic: false }, PATIENCE)
    }

    pub(super) fn refused(&self, remote: &str, reference: String, reason: String, swept: &mut Sweep) {
        // What somebody else changed meanwhile is no question of rights.
        if !reason.contains("stale info") {
            let url = self.repository.remote_url(remote).unwrap_or_default();
            swept.hint = Some(provider_of(&url).permission_hint());
        }
        swept.failed.push((reference, reason));
    }

    /// Deletes what is remembered here of a remote's references; something newer stays.
    pub(super) fn forget<'b>(&self, remote: &str, gone: impl Iterator<Item = (&'b str, ObjectId)>) -> Result<()> {
        let mut known = Vec::new();
        for (reference, id) in gone {
            let Some(name) = known_name(self.repository, remote, reference)? else { continue };
            if self.repository.find_reference(name.as_bytes())? == Some(id) {
                known.push((name.into(), id));
            }
        }
        for result in self.repository.delete_references(&known) {
            match result {
                Ok(()) | Err(GitError::Conflict { .. }) => {}
                Err(fault) => return Err(fault.into()),
            }
        }
        Ok(())
    }

    /// Expires the reflogs of what was deleted, and notes the tips that nothing needs any more.
    fn tidy(&self, plan: &Plan, swept: &mut Sweep) -> Result<()> {
        let removed: Vec<String> = swept.removed.iter().map(|moved| moved.from.clone()).collect();
        if *self.place == Place::Here {
            self.repository.expire_reflogs(&removed)?;
        }
        let whole = plan.hidden_candidates.iter().chain(&plan.artifact_candidates);
        let whole = whole.filter(|one| swept.deleted.contains(&one.reference)).map(|one| one.id);
        let parts = plan.session_candidates.iter().filter(|one| removed.contains(&one.reference)).map(|one| one.id);
        swept.expire_session = whole.chain(parts).collect();
        Ok(())
    }
}

/// How many bytes of this repository nothing needs any more once everything is swept, so that the next
/// `git gc` frees them in time; `None` where nothing was deleted, or git cannot tell.
#[must_use]
pub fn freed_by_gc(repository: &Repository, swept: &[&Sweep]) -> Option<u64> {
    let mut tips: Vec<ObjectId> = swept.iter().flat_map(|swept| swept.expire_session.iter().copied()).collect();
    tips.sort();
    tips.dedup();
    tips.retain(|tip| repository.has_object(*tip));
    if tips.is_empty() { None } else { repository.disk_usage(&tips) }
}

/// The reference here that remembers what `remote` has under `reference`; `None` where that is no
/// ledger.
fn known_name(repository: &Repository, remote: &str, reference: &str) -> Result<Option<String>> {
    let Some(ledger) = ledger_of(reference) else { return Ok(None) };
    let component = reference.rsplit('/').next().unwrap_or_default();
    Ok(Some(ledger::name_here(repository, &format!("{}{component}", ledger.known_root(remote)))?))
}
