//! Takes a session, or something in it, out of everything that is here: the ledgers of both ways of
//! keeping them, what is remembered of remotes, shares, summaries, handoff artifacts, the branches that
//! sessions were published on, local state.
//!
//! What is removed leaves a tombstone, so that no merge brings it back. What a remote has goes with
//! the next push, and its published branches with [`Erasure::retract_on`].

mod published;
mod redaction;
mod state;

use std::collections::BTreeSet;

pub use published::{Publication, Retracted};
pub use redaction::{Again, Count};

use crate::{
    error::Result,
    git::{Expected, ObjectId, RefUpdate, Repository},
    hail::{SessionId, Timestamp},
    ledger::{
        self, ARTIFACTS, Capture, GitFacts, KnownVersions, Ledger, LedgerError, Listed, REMOTE_ROOT, Redaction,
        SUMMARIES, Tip, Tombstone, Tombstones, apply_tombstones_to_summaries, redact_summary,
    },
};

/// The blob of a handoff artifact.
const ARTIFACT: &str = "artifact.json";
/// The largest artifact that is looked at, in bytes.
const MAX_ARTIFACT_BYTES: u64 = 64 * 1024 * 1024;

/// What is to become of a session.
#[derive(Clone, Copy)]
pub enum Fate<'a> {
    /// Nothing of it stays.
    Purged,
    /// It stays without what this takes out.
    Redacted(&'a dyn Redaction),
}

/// A removal that is under way.
#[derive(Clone, Copy)]
pub struct Erasure<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The session.
    pub session: &'a SessionId,
    /// What is to become of it.
    pub fate: Fate<'a>,
    /// The branch that keeps the sessions of reviews, where one is configured.
    pub archive: Option<&'a str>,
    /// The time for tombstones and commits.
    pub now: Timestamp,
}

/// What was changed.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Erased {
    /// The references of the ledgers that were rewritten.
    pub ledgers: Vec<String>,
    /// The references that remembered what remotes have of it, and were deleted.
    pub forgotten: Vec<String>,
    /// Whether the summaries were rewritten.
    pub summaries: bool,
    /// The handoff artifacts that were deleted.
    pub artifacts: Vec<String>,
    /// The branches with published sessions that were rewritten, or would be.
    pub published: Vec<Publication>,
    /// Those that remotes still have, as far as this repository knows.
    #[serde(skip)]
    pub elsewhere: Vec<Publication>,
    /// What stays as it is though it has the session, each with the reason.
    #[serde(skip)]
    pub problems: Vec<String>,
}

impl Erasure<'_> {
    /// Does it, here.
    ///
    /// # Errors
    /// When the repository cannot be read or written. What was done by then stays done; the same again
    /// does the rest.
    pub fn run(&self) -> Result<Erased> {
        let mut erased = Erased { artifacts: self.artifacts()?, ..Erased::default() };
        let mut tombstones = Tombstones::default();
        for name in &erased.artifacts {
            tombstones.sessions.extend(name.parse().ok().map(|id: SessionId| Tombstone::purged(id, self.now)));
        }
        for ledger in ledger::ALL {
            self.in_ledgers(*ledger, &tombstones, &mut erased)?;
        }
        erased.summaries = self.summaries()?;
        self.forget_extra_refs(&mut erased)?;
        state::clear(self.repository, self.session)?;
        self.retract_here(&mut erased)?;
        let references: Vec<String> = erased.ledgers.iter().cloned().chain([SUMMARIES.to_owned()]).collect();
        self.repository.expire_reflogs(&references)?;
        Ok(erased)
    }

    /// The versions of the session that are in a ledger, and its shares.
    fn versions(&self, ledger: &dyn Ledger, tip: &Tip) -> std::result::Result<Vec<Listed>, LedgerError> {
        let stored = ledger.sessions(self.repository, tip)?.into_iter().filter(|listed| listed.key.id == *self.session);
        let is_of = |listed: &Listed| listed.key.id == *self.session || listed.meta.session_id == *self.session;
        let shared = ledger.shares(self.repository, tip)?.into_iter().filter(is_of);
        Ok(stored.chain(shared).collect())
    }

    fn in_ledgers(&self, ledger: &dyn Ledger, tombstones: &Tombstones, erased: &mut Erased) -> Result<()> {
        // What only a remote is known to have is taken in first: the tombstone has to get there, too.
        for tip in ledger.tips(self.repository)?.into_iter().filter(|tip| tip.remote.is_some()) {
            let Some(versions) = self.readable(ledger, &tip, erased)? else { continue };
            if !versions.is_empty() {
                ledger.merge(self.repository, &tip.branch, tip.id, self.now)?;
            }
        }
        for tip in ledger.tips(self.repository)?.into_iter().filter(|tip| tip.remote.is_none()) {
            let Some(versions) = self.readable(ledger, &tip, erased)? else { continue };
            if versions.is_empty() {
                continue;
            }
            self.in_ledger(ledger, &tip, &versions, tombstones)?;
            erased.ledgers.push(tip.reference);
        }
        for tip in ledger.tips(self.repository)?.into_iter().filter(|tip| tip.remote.is_some()) {
            // A version that its session's tombstone would not let stay.
            let is_old = |listed: &Listed| listed.meta.own.cleared_at.is_none_or(|cleared| cleared < self.now);
            let versions = self.readable(ledger, &tip, erased)?.unwrap_or_default();
            if versions.iter().any(is_old) {
                self.delete(&tip.reference, tip.id)?;
                erased.forgotten.push(tip.reference);
            }
        }
        Ok(())
    }

    /// The versions in a ledger; `None`, and a problem, where the ledger itself is damaged: it is in the way of
    /// none but its own.
    fn readable(&self, ledger: &dyn Ledger, tip: &Tip, erased: &mut Erased) -> Result<Option<Vec<Listed>>> {
        match self.versions(ledger, tip) {
            Ok(versions) => Ok(Some(versions)),
            Err(LedgerError::Git(fault)) if fault.is_damage() => {
                erased.problems.push(format!("{} cannot be read and was not changed: {fault}", tip.reference));
                Ok(None)
            }
            Err(fault) => Err(fault.into()),
        }
    }

    fn in_ledger(&self, ledger: &dyn Ledger, tip: &Tip, versions: &[Listed], tombstones: &Tombstones) -> Result<()> {
        let mut tombstones = tombstones.clone();
        let shares = versions.iter().filter(|listed| listed.is_share);
        if let Fate::Redacted(redaction) = self.fate {
            for share in shares.clone() {
                // Its name is the hash of what it held, so it becomes a session as any other.
                let session = redaction.session(&share.read(self.repository)?)?;
                let git = GitFacts { branch: tip.branch.to_string(), ..GitFacts::default() };
                let cleared_at = Some(self.now);
                let (links, versions) = (Vec::new(), KnownVersions::default());
                let capture = Capture { session, git, links, continues: None, versions, cleared_at };
                ledger.store(self.repository, &tip.branch, &[capture], self.now)?;
            }
            ledger.rewrite(self.repository, &tip.branch, self.session, redaction, self.now)?;
        } else {
            tombstones.sessions.push(Tombstone::purged(self.session.clone(), self.now));
        }
        tombstones.sessions.extend(shares.map(|share| Tombstone::purged(share.key.id.clone(), self.now)));
        if !tombstones.sessions.is_empty() {
            ledger.apply(self.repository, &tip.branch, &tombstones, self.now)?;
        }
        Ok(())
    }

    /// Deletes the handoff artifacts that hold what has to go, and returns their names: an artifact goes
    /// by the hash of its content, so it cannot be changed.
    fn artifacts(&self) -> Result<Vec<String>> {
        let mut found = BTreeSet::new();
        let own = self.repository.references(ARTIFACTS)?.into_iter();
        let known = self.repository.references(REMOTE_ROOT)?.into_iter();
        let known = known.filter(|(name, _)| name.to_string().contains("/handoff/artifacts/"));
        for (name, id) in own.chain(known) {
            let name = name.to_string();
            // What is damaged or too large is in the way of nothing else.
            let tree = self.repository.tree_of(id).ok();
            let blob = tree.and_then(|tree| self.repository.find_in_tree(tree, ARTIFACT).ok().flatten());
            let Some(blob) = blob.filter(|blob| self.repository.has_object(*blob)) else { continue };
            let Ok(text) = self.repository.read_blob(blob, MAX_ARTIFACT_BYTES) else { continue };
            let text = String::from_utf8_lossy(&text);
            let has_to_go = match self.fate {
                Fate::Purged => true,
                Fate::Redacted(redaction) => redaction.text(&text) != text,
            };
            if has_to_go && text.contains(self.session.as_str()) {
                self.delete(&name, id)?;
                found.extend(name.rsplit('/').next().map(str::to_owned));
            }
        }
        Ok(found.into_iter().collect())
    }

    /// Rewrites the summaries; whether there was something to do.
    fn summaries(&self) -> Result<bool> {
        let Some(tip) = self.repository.find_reference(SUMMARIES.as_bytes())? else { return Ok(false) };
        let new = self.summaries_of(tip)?;
        if new == tip {
            return Ok(false);
        }
        let update = RefUpdate { name: SUMMARIES.into(), expected: Expected::Is(tip), new: Some(new) };
        self.repository.update_reference(&update)?;
        Ok(true)
    }

    fn summaries_of(&self, tip: ObjectId) -> Result<ObjectId> {
        Ok(match self.fate {
            Fate::Purged => {
                let sessions = vec![Tombstone::purged(self.session.clone(), self.now)];
                apply_tombstones_to_summaries(
                    self.repository,
                    tip,
                    &Tombstones { sessions, ledgers: Vec::new() },
                    self.now,
                )?
            }
            Fate::Redacted(redaction) => redact_summary(self.repository, tip, self.session, redaction, self.now)?,
        })
    }

    /// Deletes what remembers summaries of the session that a remote has.
    fn forget_extra_refs(&self, erased: &mut Erased) -> Result<()> {
        for (name, id) in self.repository.references(REMOTE_ROOT)? {
            let name = name.to_string();
            if name.ends_with("/summaries") && self.summaries_of(id)? != id {
                self.delete(&name, id)?;
                erased.forgotten.push(name);
            }
        }
        Ok(())
    }

    fn delete(&self, name: &str, id: ObjectId) -> Result<()> {
        let update = RefUpdate { name: name.into(), expected: Expected::Is(id), new: None };
        Ok(self.repository.update_reference(&update)?)
    }
}
