//! What the janitor knows about a place, and what it decides: values without behaviour of their own.

use std::collections::HashSet;

use serde::Serialize;

use crate::{
    git::ObjectId,
    hail::{SessionId, Timestamp},
    ledger::BranchName,
};

/// How long sessions are kept. With 0 days they are deleted at the next run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How many days the ledger of a branch that is gone stays.
    pub hidden_ttl_days: u32,
    /// How many days the branch with the sessions of a review stays.
    pub artifact_ttl_days: u32,
    /// How many days a session stays in the ledger of a living branch; `None` for ever.
    pub session_ttl_days: Option<u32>,
    /// How many bytes the sessions of one ledger may have; `None` for any number.
    pub max_ledger_size: Option<u64>,
    /// Whether the sessions of commits that the default branch has move to its ledger, so that the ledger of
    /// their branch can go. Where they do not, that ledger stays.
    pub promote: bool,
    /// Sessions, by id, and branches, by name, that stay whatever else is said.
    pub pinned: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            hidden_ttl_days: 30,
            artifact_ttl_days: 30,
            session_ttl_days: None,
            max_ledger_size: None,
            promote: true,
            pinned: Vec::new(),
        }
    }
}

impl Policy {
    /// Whether sessions of living branches may go too.
    #[must_use]
    pub fn limits_sessions(&self) -> bool {
        self.session_ttl_days.is_some() || self.max_ledger_size.is_some()
    }

    pub(super) fn has_pinned(&self, name: &str) -> bool {
        self.pinned.iter().any(|pinned| pinned == name)
    }
}

/// What is known about one place, a remote or this repository.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The branches that live there; `None` when that could not be found out.
    pub branches: Option<HashSet<BranchName>>,
    /// The branch that its HEAD is at.
    pub default_branch: Option<BranchName>,
    /// The ledgers that are there.
    pub ledgers: Vec<LedgerFacts>,
    /// The branches with the sessions of a review.
    pub artifacts: Vec<Artifact>,
}

/// A ledger that is there.
#[derive(Clone, Debug)]
pub struct LedgerFacts {
    /// Its reference.
    pub reference: String,
    /// What it points at.
    pub id: ObjectId,
    /// Its branch, where that is known; [`BranchName::every`] where it is the one of all branches.
    pub branch: Option<BranchName>,
    /// The youngest sign of life, where there is one.
    pub last_activity: Option<Timestamp>,
    /// What is in it.
    pub sessions: Sessions,
    /// Why a part of it cannot be read, where one cannot: it may hold sessions that are not among the known.
    pub damage: Option<String>,
}

/// What is known about the sessions of a ledger.
#[derive(Clone, Debug)]
pub enum Sessions {
    /// Not read: nothing of the ledger can expire yet.
    NotLookedAt,
    /// They cannot be read, and why.
    Unreadable(String),
    /// All of them.
    Known(Vec<SessionFacts>),
}

impl Sessions {
    /// All of them, else why they are not known.
    pub(super) fn known(&self) -> Result<&[SessionFacts], &str> {
        match self {
            Self::Known(sessions) => Ok(sessions),
            Self::NotLookedAt => Err("its sessions are not here"),
            Self::Unreadable(cause) => Err(cause),
        }
    }
}

/// A session in a ledger.
#[derive(Clone, Debug)]
pub struct SessionFacts {
    /// Its id.
    pub id: SessionId,
    /// When something last happened in it.
    pub last_activity: Option<Timestamp>,
    /// How many bytes it has.
    pub bytes: Option<u64>,
    /// Whether a branch or tag that is there has a commit of it.
    pub need: Need,
}

/// Who needs a session: the branches and tags with a commit that names it, that its ledger links to it, or
/// that has the changes of such a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// None of those that are there.
    None,
    /// Too little of their history is here to tell, and what is missing.
    Unknown(String),
    /// This one, the first by name.
    By(String),
    /// The default branch.
    ByDefault,
}

impl Need {
    /// The one of the two that keeps more: the default branch counts most, then any other by its name.
    #[must_use]
    pub fn stronger(self, other: Self) -> Self {
        let rank = |need: &Self| match need {
            Self::None => (0, None),
            Self::Unknown(_) => (1, None),
            Self::By(name) => (2, Some(std::cmp::Reverse(name.clone()))),
            Self::ByDefault => (3, None),
        };
        if rank(&other) > rank(&self) { other } else { self }
    }
}

/// A branch with the sessions of a review.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// Its reference.
    pub reference: String,
    /// What it points at.
    pub id: ObjectId,
    /// When it was last written.
    pub last_activity: Option<Timestamp>,
}

/// A reference that may go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Its name.
    pub reference: String,
    /// The object that was examined: nothing else is deleted.
    #[serde(serialize_with = "as_text")]
    pub id: ObjectId,
    /// The branch: that of the ledger, or the artifact branch itself.
    pub branch: String,
    /// Days since the last sign of life.
    pub age_days: i64,
    /// What in it is not younger than this was examined.
    #[serde(skip)]
    pub until: Timestamp,
    /// The sessions in it.
    #[serde(skip)]
    pub sessions: Vec<SessionId>,
    /// Those that move to the default branch's ledger first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub promotes: Vec<SessionId>,
}

/// A session of a living ledger that may go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionCandidate {
    /// The session.
    pub session: SessionId,
    /// The ledger it is in.
    pub reference: String,
    /// The object that was examined: no other is replaced.
    #[serde(serialize_with = "as_text")]
    pub id: ObjectId,
    /// The ledger's branch.
    #[serde(serialize_with = "as_text")]
    pub branch: BranchName,
    /// Days since something happened in it.
    pub age_days: i64,
    /// When that was.
    #[serde(skip)]
    pub until: Timestamp,
    /// `session_ttl` or `size_budget`.
    pub policy: &'static str,
}

/// Something that stays, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its reference.
    pub reference: String,
    /// Why it stays.
    pub reason: String,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// Ledgers whose branch is gone and whose time is up.
    pub hidden_candidates: Vec<Candidate>,
    /// Branches with the sessions of a review whose time is up.
    pub artifact_candidates: Vec<Candidate>,
    /// Sessions that are too old, or too much, for the living ledger they are in.
    pub session_candidates: Vec<SessionCandidate>,
    /// What goes later.
    pub kept_due_to_ttl: Vec<Kept>,
    /// Ledgers whose branch lives.
    pub kept_alive: Vec<Kept>,
    /// Ledgers whose branch is gone, with a session that another branch or a tag needs.
    pub kept_needed: Vec<Kept>,
    /// What would go if it were not pinned.
    pub kept_pinned: Vec<Kept>,
    /// That of which too little is known.
    pub unknown: Vec<Kept>,
}

fn as_text<T: std::fmt::Display, S: serde::Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hidden_candidates.is_empty() && self.artifact_candidates.is_empty() && self.session_candidates.is_empty()
    }
}

pub(super) fn kept(reference: &str, reason: impl Into<String>) -> Kept {
    Kept { reference: reference.to_owned(), reason: reason.into() }
}

/// The time since `last`; none where that is yet to come.
pub(super) fn age(now: Timestamp, last: Timestamp) -> chrono::TimeDelta {
    now.since(last.clamped(now))
}

/// Whether `age` is as much as `days`.
pub(super) fn is_due(age: chrono::TimeDelta, days: u32) -> bool {
    age >= chrono::TimeDelta::days(i64::from(days))
}
