//! What a ledger remembers of what it must not have again: when, and why; no content, no title.
//!
//! A tombstone only ever grows, by maxima and merges, and what it lets stay follows from it and from
//! the version alone. So it does not matter which ledgers are merged first.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BranchName, IndexEntry, LedgerError, Meta, meta::greatest, note};
use crate::{
    hail::{Canonical, SessionId, Timestamp},
    redact::Redacted,
};

/// The version of the shape.
const VERSION: u64 = 1;

/// What is remembered of one session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The version of this shape.
    pub version: u64,
    /// The session; for a share, the hash that it goes by.
    pub session_id: SessionId,
    /// When somebody had every version removed for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purged_at: Option<Timestamp>,
    /// When something was redacted that versions from before may hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redacted_at: Option<Timestamp>,
    /// When it was older than a policy keeps sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expired: Option<Expiry>,
    /// The commits that it had a part in, but of a purged session. What goes on after it expired has
    /// them again.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub commits: BTreeSet<String>,
    /// The branches it belonged to, where one ledger holds the sessions of all.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub branches: BTreeSet<String>,
    /// What a newer version put there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// When something expired, and by which policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Expiry {
    /// What is not younger than this is gone.
    pub at: Timestamp,
    /// When it was removed, where that was later than what was removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Timestamp>,
    /// The policy, such as `session_ttl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// What is remembered of the ledger of a branch that is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GoneLedger {
    /// The version of this shape.
    pub version: u64,
    /// The branch: as text, or as `base64url:` and the encoded bytes where it is none.
    pub branch: String,
    /// When its ledger was removed, and why.
    pub expired: Expiry,
    /// The sessions that were in it and are in no ledger that took them over.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sessions: BTreeSet<SessionId>,
    /// What a newer version put there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// What is to be removed, or was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tombstones {
    /// Sessions.
    pub sessions: Vec<Tombstone>,
    /// Whole ledgers of other branches.
    pub ledgers: Vec<GoneLedger>,
}

impl Tombstones {
    /// What is remembered of the first session that `is_meant`, be it of itself or of a ledger that it
    /// was in.
    pub fn of_session(&self, is_meant: impl Fn(&SessionId) -> bool) -> Option<Tombstone> {
        if let Some(tombstone) = self.sessions.iter().find(|tombstone| is_meant(&tombstone.session_id)) {
            return Some(tombstone.clone());
        }
        self.ledgers.iter().find_map(|ledger| {
            let session = ledger.sessions.iter().find(|session| is_meant(session))?;
            Some(Tombstone { expired: Some(ledger.expired.clone()), ..Tombstone::new(session.clone()) })
        })
    }
}

/// What applying tombstones came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// How many versions of sessions the ledger does not have any more.
    pub removed: usize,
    /// How many sessions are left in it.
    pub left: usize,
}

/// How a session that is stored is redacted again.
pub trait Redaction {
    /// Redacts the bytes of a version.
    ///
    /// # Errors
    /// When they are no session, or what is to go is where it cannot be replaced.
    fn session(&self, bytes: &[u8]) -> Result<Redacted<Canonical>, LedgerError>;

    /// Redacts a text beside it.
    fn text(&self, text: &str) -> String;
}

impl Tombstone {
    fn new(session_id: SessionId) -> Self {
        let (commits, branches) = (BTreeSet::new(), BTreeSet::new());
        let (purged_at, redacted_at, expired, other) = (None, None, None, Map::new());
        Self { version: VERSION, session_id, purged_at, redacted_at, expired, commits, branches, other }
    }

    /// Of a session that was removed for good.
    #[must_use]
    pub fn purged(session_id: SessionId, at: Timestamp) -> Self {
        Self { purged_at: Some(at), ..Self::new(session_id) }
    }

    /// Of a session that was redacted after it had been stored.
    #[must_use]
    pub fn redacted(session_id: SessionId, at: Timestamp) -> Self {
        Self { redacted_at: Some(at), ..Self::new(session_id) }
    }

    /// Of a session that was older than `policy` keeps sessions.
    #[must_use]
    pub fn expired(session_id: SessionId, at: Timestamp, policy: &str) -> Self {
        Self { expired: Some(Expiry { at, on: None, policy: Some(policy.to_owned()) }), ..Self::new(session_id) }
    }

    /// Whether a version may be in a ledger: `cleared_at` is when it was last stored in the knowledge
    /// of what was purged and redacted, `updated_at` when something last happened in it.
    #[must_use]
    pub fn permits(&self, cleared_at: Option<Timestamp>, updated_at: Option<Timestamp>) -> bool {
        let is_cleared = |at: Timestamp| cleared_at.is_some_and(|cleared| cleared >= at);
        let went_on = |at: Timestamp| updated_at.is_some_and(|updated| updated > at);
        self.cleared_from().is_none_or(is_cleared)
            && self.expired.as_ref().is_none_or(|expiry| went_on(expiry.at) || is_cleared(expiry.at))
    }

    /// Since when a version has to be cleared.
    #[must_use]
    pub fn cleared_from(&self) -> Option<Timestamp> {
        self.purged_at.max(self.redacted_at)
    }

    /// Whether the session was purged, and not stored again with consent that this ledger knows of.
    pub(super) fn permits_link(&self, entry: &IndexEntry) -> bool {
        let gone_at = self.purged_at.max(self.expired.as_ref().map(|expiry| expiry.at));
        gone_at.is_none_or(|at| entry.stored_at > at)
    }

    /// Whether what an entry shows of the session, its title, was cleared.
    pub(super) fn permits_details(&self, entry: &IndexEntry) -> bool {
        self.cleared_from().is_none_or(|at| note::cleared_at(entry).is_some_and(|cleared| cleared >= at))
    }

    /// Remembers what a version knows that is no content.
    pub(super) fn gather(&mut self, meta: &Meta) {
        self.branches.extend(meta.own.branches.iter().cloned());
        if self.purged_at.is_none() {
            self.commits.extend(meta.git.commits.iter().cloned());
        }
    }

    /// Whether merging it with `other` adds nothing to what it does not let stay.
    pub(super) fn has_all_of(&self, other: &Self) -> bool {
        self.session_id == other.session_id
            && self.purged_at >= other.purged_at
            && self.redacted_at >= other.redacted_at
            && self.expired >= other.expired
    }

    /// Merges what two ledgers remember.
    pub(super) fn joined(mut self, other: Self) -> Self {
        self.version = self.version.max(other.version);
        self.purged_at = self.purged_at.max(other.purged_at);
        self.redacted_at = self.redacted_at.max(other.redacted_at);
        self.expired = self.expired.max(other.expired);
        self.commits.extend(other.commits);
        self.branches.extend(other.branches);
        if self.purged_at.is_some() {
            self.commits.clear();
        }
        greatest(&mut self.other, &other.other);
        self
    }

    /// The bytes to store.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a tombstone has string keys only")
    }
}

impl GoneLedger {
    /// Of the ledger of `branch`.
    #[must_use]
    pub fn new(branch: &BranchName, at: Timestamp, policy: &str) -> Self {
        let expired = Expiry { at, on: None, policy: Some(policy.to_owned()) };
        Self { version: VERSION, branch: branch.spelled(), expired, sessions: BTreeSet::new(), other: Map::new() }
    }

    /// The branch.
    #[must_use]
    pub fn name(&self) -> BranchName {
        BranchName::spelling(&self.branch)
    }

    /// Of two for one branch, the later, with the sessions of both.
    pub(super) fn joined(mut self, mut other: Self) -> Self {
        let mut sessions = std::mem::take(&mut self.sessions);
        sessions.append(&mut other.sessions);
        let key = |one: &Self| (one.expired.clone(), one.to_bytes());
        let later = if key(&other) > key(&self) { other } else { self };
        Self { sessions, ..later }
    }

    /// The bytes to store.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a tombstone has string keys only")
    }
}

#[cfg(test)]
mod tests {
    use super::{Timestamp, Tombstone};

    #[test]
    fn what_stays_is_decided_by_the_tombstone_and_the_version_alone() {
        let at = |seconds| Timestamp::from_seconds(seconds).expect("in range");
        let id = || "abcd".parse().expect("an id");
        let expired = Tombstone::expired(id(), at(5), "session_ttl");
        assert!(!expired.permits(None, Some(at(5))) && expired.permits(None, Some(at(6))));
        assert!(!expired.permits(None, None));
        let purged = Tombstone::purged(id(), at(5));
        assert!(!purged.permits(None, Some(at(9))) && purged.permits(Some(at(6)), None));
        let both = expired.joined(purged.clone());
        assert_eq!(purged.joined(both.clone()), both);
        assert!(both.permits(Some(at(7)), None) && !both.permits(Some(at(4)), Some(at(9))));
    }
}
