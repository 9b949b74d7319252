//! What goes into a ledger, and what became of it.

use super::GitFacts;
use crate::{
    git::{Fingerprint, ObjectId},
    hail::{Canonical, Timestamp},
    redact::Redacted,
};

/// A session on its way into a ledger.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The session, without secrets: there is no way to store any other.
    pub session: Redacted<Canonical>,
    /// The repository it belongs to, at this moment.
    pub git: GitFacts,
    /// The commits it had a part in.
    pub links: Vec<Link>,
    /// The blob of the stored session that it is known to go on from.
    pub continues: Option<ObjectId>,
    /// Which stored versions of the session are of which of its logs.
    pub versions: KnownVersions,
    /// When all that was to be redacted of it later was known, or somebody agreed to storing again what
    /// had been purged. A tombstone from before lets it stay.
    pub cleared_at: Option<Timestamp>,
}

/// What this repository knows of the logs of a session that has several, such as one that was resumed in another
/// folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownVersions {
    /// The blob that was stored of the same log before: a log that was rewritten replaces it.
    pub own: Option<ObjectId>,
    /// The blobs that were stored of other logs that are still there: they stay.
    pub others: Vec<ObjectId>,
}

/// A session's part in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The commit.
    pub commit: ObjectId,
    /// How it is known: `trailer`, `lines`, `path`, …
    pub evidence: String,
    /// What the commit is known by when its id has changed.
    pub fingerprint: Fingerprint,
}

/// What became of a session that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What storing it came to.
    pub outcome: Outcome,
    /// The blob of its events that the ledger has now; `None` where it is not to have any.
    pub hail: Option<ObjectId>,
    /// Whether that blob is what was given, rather than a version that goes beyond it.
    pub is_given: bool,
}

/// What storing a session came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was not there.
    Added,
    /// It was there, shorter or with fewer links.
    Updated,
    /// It was there.
    Unchanged,
    /// It is not to be there any more: the ledger has a tombstone of it.
    #[serde(rename = "buried")]
    Removed,
}

impl KnownVersions {
    /// Whether what is stored in `hail` is of this log alone.
    pub(super) fn is_replaced(&self, hail: ObjectId) -> bool {
        self.own == Some(hail) && !self.others.contains(&hail)
    }
}

impl Link {
    /// A link to a commit of which nothing is known but its id.
    #[must_use]
    pub fn new(commit: ObjectId, evidence: &str) -> Self {
        Self { commit, evidence: evidence.to_owned(), fingerprint: Fingerprint::default() }
    }
}
