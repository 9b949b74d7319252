//! The exchange of what OpenSession keeps beside the ledgers: summaries, which are merged, and
//! handoff artifacts, which never change.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Exchange, GitResult,
    send::{first_line, jitter},
};
use crate::{
    error::Result,
    git::{Expected, GitError, ObjectId, PushSpec, RefUpdate, RemoteRef},
    ledger::{
        ARTIFACTS, SUMMARIES, Tombstones, apply_tombstones_to_summaries, extra_ref_root, is_extra_ref, merge_summaries,
    },
};

/// What begins the name of every reference that is carried along.
const FOLDER: &str = "refs/opensession/";
/// The blob of a handoff artifact.
const ARTIFACT: &str = "artifact.json";
/// How often it is tried again when somebody else was faster.
const ATTEMPTS: u32 = 20;

/// What was carried; the names without `refs/opensession/`.
#[derive(Clone, Debug, Default)]
pub struct Carried {
    /// What the remote had that was not here.
    pub fetched: Vec<String>,
    /// What the remote took.
    pub pushed: Vec<String>,
    /// What did not work, in words.
    pub problems: Vec<String>,
}

/// The summaries and the artifacts of a remote, as it listed them.
#[derive(Clone, Debug, Default)]
pub struct ExtraRefs(BTreeMap<String, ObjectId>);

impl ExtraRefs {
    /// What artifacts are called.
    pub(super) fn artifacts() -> String {
        format!("{ARTIFACTS}*")
    }

    /// Takes them out of what a remote listed; returns the rest, too.
    pub(super) fn take(all: Vec<RemoteRef>) -> (Self, Vec<RemoteRef>) {
        let (own, rest): (Vec<_>, Vec<_>) = all.into_iter().partition(|(name, _)| is_extra_ref(&name.to_string()));
        (Self(own.into_iter().map(|(name, id)| (name.to_string(), id)).collect()), rest)
    }
}

impl Exchange<'_> {
    /// Fetches and merges the summaries and the artifacts, and pushes them when `is_pushing`. `listed` is
    /// what the remote has of them; it is asked again where somebody else is faster.
    ///
    /// # Errors
    /// When the remote cannot be reached, or the repository cannot be read or written. What the
    /// remote does not take is a problem, not an error.
    pub fn exchange_extra_refs(&self, listed: ExtraRefs, is_pushing: bool) -> Result<Carried> {
        let mut carried = Carried::default();
        let tombstones = self.tombstones()?;
        let removed = self.remove_artifacts(&tombstones)?;
        let mut listed = Some(listed);
        for attempt in 1..=ATTEMPTS {
            let ExtraRefs(there) = listed.take().map_or_else(|| self.list_extra_refs(), Ok)?;
            match self.fetch_extra_refs(&there, &removed, &mut carried) {
                // A broken object in one of them must not hide the sessions.
                Err(fault @ GitError::Process { .. }) => {
                    let problem = format!(
                        "summaries and artifacts were not fetched from {}: {}",
                        self.remote,
                        first_line(&fault)
                    );
                    carried.problems.push(problem);
                    carried.fetched.clear();
                    return Ok(carried);
                }
                other => other?,
            }
            carried.problems.clear();
            let mut apart = BTreeSet::new();
            for name in there.keys() {
                // What somebody else broke stands in the way of nothing but itself.
                if let Err(fault) = self.merge_extra_ref(name, &tombstones, &mut carried) {
                    carried.problems.push(format!("{} could not be merged: {fault}", short(name)));
                    apart.insert(name.clone());
                }
            }
            let mut specs = if is_pushing { self.extra_ref_specs(&there, &removed)? } else { Vec::new() };
            specs.retain(|spec| !apart.contains(&spec.name.to_string()));
            if specs.is_empty() || self.push_extra_refs(&specs, &mut carried)? || self.left().is_zero() {
                break;
            }
            std::thread::sleep(jitter(attempt).min(self.left()));
        }
        Ok(carried)
    }

    /// The reference that remembers what the remote has under `name`.
    fn known_extra_ref(&self, name: &str) -> String {
        format!("{}{}", extra_ref_root(&self.known_as()), name.strip_prefix(FOLDER).unwrap_or(name))
    }

    /// Asks the remote for its summaries and artifacts.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub fn list_extra_refs(&self) -> Result<ExtraRefs> {
        let patterns = [SUMMARIES, &ExtraRefs::artifacts()];
        Ok(ExtraRefs::take(self.repository.list_remote(self.address(), &patterns, self.left())?).0)
    }

    /// Fetches what the remote has.
    fn fetch_extra_refs(
        &self,
        there: &BTreeMap<String, ObjectId>,
        removed: &BTreeSet<String>,
        carried: &mut Carried,
    ) -> GitResult<()> {
        let mut refspecs = Vec::new();
        for (name, id) in there.iter().filter(|(name, _)| !removed.contains(*name)) {
            let known = self.known_extra_ref(name);
            if self.repository.find_reference(known.as_bytes())? != Some(*id) {
                refspecs.push(format!("+{name}:{known}"));
                carried.fetched.push(short(name));
            }
        }
        if !refspecs.is_empty() {
            self.repository.fetch(self.address(), &refspecs, self.left())?;
        }
        self.forget_extra_refs(there)
    }

    /// Forgets what the remote does not have any more. What is here stays.
    fn forget_extra_refs(&self, there: &BTreeMap<String, ObjectId>) -> GitResult<()> {
        let root = extra_ref_root(&self.known_as());
        for folder in [SUMMARIES, ARTIFACTS] {
            for (known, _) in self.repository.references(&self.known_extra_ref(folder))? {
                let known = known.to_string();
                let name = format!("{FOLDER}{}", &known[root.len()..]);
                if is_extra_ref(&name) && !there.contains_key(&name) {
                    self.note(known, None)?;
                }
            }
        }
        Ok(())
    }

    /// Brings what was fetched under `name` together with what is here.
    fn merge_extra_ref(&self, name: &str, tombstones: &Tombstones, carried: &mut Carried) -> Result<()> {
        let repository = self.repository;
        for _ in 0..ATTEMPTS {
            let ours = repository.find_reference(name.as_bytes())?;
            let Some(theirs) = repository.find_reference(self.known_extra_ref(name).as_bytes())? else { return Ok(()) };
            repository.tree_of(theirs)?;
            let new = match ours {
                None if name == SUMMARIES => apply_tombstones_to_summaries(repository, theirs, tombstones, self.now)?,
                None => theirs,
                Some(ours) if name == SUMMARIES => merge_summaries(repository, [ours, theirs], tombstones, self.now)?,
                Some(ours) if ours == theirs => return Ok(()),
                Some(ours) => {
                    if self.artifact(ours)? != self.artifact(theirs)? {
                        let problem = format!("{} differs here and on {}; both are kept", short(name), self.remote);
                        carried.problems.push(problem);
                    }
                    return Ok(());
                }
            };
            if ours == Some(new) {
                return Ok(());
            }
            let expected = ours.map_or(Expected::Absent, Expected::Is);
            match repository.update_reference(&RefUpdate { name: name.into(), expected, new: Some(new) }) {
                Err(GitError::Conflict { .. }) => {}
                other => return Ok(other?),
            }
        }
        carried.problems.push(format!("{} kept changing", short(name)));
        Ok(())
    }

    /// The content of a handoff artifact.
    fn artifact(&self, commit: ObjectId) -> GitResult<Option<ObjectId>> {
        self.repository.find_in_tree(self.repository.tree_of(commit)?, ARTIFACT)
    }

    /// What the remote lacks: artifacts that it does not have at all, and newer summaries.
    /// What was removed it is not to have.
    fn extra_ref_specs(
        &self,
        there: &BTreeMap<String, ObjectId>,
        removed: &BTreeSet<String>,
    ) -> GitResult<Vec<PushSpec>> {
        let gone = there.iter().filter(|(name, _)| removed.contains(*name));
        let delete = |(name, id): (&String, &ObjectId)| PushSpec {
            new: None,
            name: name.as_str().into(),
            expected: Expected::Is(*id),
        };
        let mut specs: Vec<PushSpec> = gone.map(delete).collect();
        for folder in [SUMMARIES, ARTIFACTS] {
            for (name, id) in self.repository.references(folder)? {
                let known = there.get(&name.to_string());
                let is_settled = known == Some(&id) || (known.is_some() && name != SUMMARIES);
                if is_extra_ref(&name.to_string()) && !is_settled {
                    let expected = known.map_or(Expected::Absent, |known| Expected::Is(*known));
                    specs.push(PushSpec { new: Some(id), name, expected });
                }
            }
        }
        Ok(specs)
    }

    /// Pushes once; whether the remote took everything.
    fn push_extra_refs(&self, specs: &[PushSpec], carried: &mut Carried) -> Result<bool> {
        let statuses = match self.repository.push(self.address(), specs, self.left()) {
            Ok(statuses) => statuses,
            Err(fault) => {
                let problem = format!(
                    "pushed the sessions to {}, but not the artifacts and summaries: {}",
                    self.remote,
                    first_line(&fault)
                );
                carried.problems.push(problem);
                return Ok(true);
            }
        };
        let mut is_done = true;
        for (spec, status) in specs.iter().zip(statuses) {
            let name = spec.name.to_string();
            match status.result {
                Ok(()) => {
                    self.note(self.known_extra_ref(&name), spec.new)?;
                    carried.pushed.push(short(&name));
                }
                Err(reason) => {
                    is_done = false;
                    carried.problems.push(format!("{} rejected {}: {reason}", self.remote, short(&name)));
                }
            }
        }
        Ok(is_done)
    }
}

fn short(name: &str) -> String {
    name.strip_prefix(FOLDER).unwrap_or(name).to_owned()
}
