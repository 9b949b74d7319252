//! How a ledger's tree is arranged: what every backend has in common, and what it decides.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{BranchName, LedgerError, Link, Meta, Tip, Tombstone};
use crate::{
    git::{Entry, Fingerprint, ObjectId, Repository, TreeUpdate},
    hail::{SessionId, Timestamp},
};

/// What ends the name of a session's events.
pub const HAIL: &str = ".hail.jsonl";
/// What ends the name of a session's metadata.
pub const META: &str = ".meta.json";

/// What a backend decides about its tree.
pub(super) trait Layout: Sync {
    /// The folder of the sessions' shards.
    fn folder(&self) -> &'static str;

    /// The branch whose session `meta` describes.
    fn branch_of(&self, tip: &Tip, meta: &Meta) -> BranchName;

    /// Notes in `meta`, where the tree does not tell it otherwise, that the session belongs to
    /// `branch`.
    fn placed(&self, meta: Meta, branch: &BranchName) -> Meta;

    /// Adds to an entry what this backend shows of the session.
    fn described(&self, entry: IndexEntry, meta: Option<&Meta>) -> IndexEntry;

    /// Whether `session` is linked to `commit`.
    fn is_linked(
        &self,
        repository: &Repository,
        tree: ObjectId,
        commit: ObjectId,
        session: &SessionId,
    ) -> Result<bool, LedgerError>;

    /// The changes that add `entries`, each of a session of its own, to those of `commit`.
    fn link(
        &self,
        repository: &Repository,
        tree: Option<ObjectId>,
        commit: ObjectId,
        entries: Vec<IndexEntry>,
    ) -> Result<Vec<TreeUpdate>, LedgerError>;

    /// What the tree of the ledger of `branch` has besides sessions and links.
    fn fixtures(&self, repository: &Repository, branch: &BranchName) -> Result<Vec<TreeUpdate>, LedgerError>;

    /// The changes that take out of a tree the links that the tombstones do not let stay, and what it
    /// shows that they do not let be shown.
    fn unlink<'t>(
        &self,
        repository: &Repository,
        tree: ObjectId,
        tombstone_of: &dyn Fn(&SessionId) -> Option<&'t Tombstone>,
    ) -> Result<Vec<TreeUpdate>, LedgerError>;

    /// The commits that the links of a tree tie a session to.
    fn commits_of(
        &self,
        repository: &Repository,
        tree: ObjectId,
        session: &SessionId,
    ) -> Result<BTreeSet<String>, LedgerError>;

    /// Merges two trees, neither of which has what must not be in the result, and stores it.
    fn merge(&self, repository: &Repository, ours: ObjectId, theirs: ObjectId) -> Result<ObjectId, LedgerError>;

    /// Whether all that the entry at `path` holds shows in the ledger's sessions and links.
    fn knows(&self, repository: &Repository, path: &str, entry: &Entry) -> Result<bool, LedgerError>;
}

/// A session id, and which variant where two clones had truly different sessions of that id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey {
    /// The session id.
    pub id: SessionId,
    /// The first eight hex digits of the content's SHA-256, for a variant beside the first.
    pub variant: Option<String>,
}

impl SessionKey {
    /// Reads `<id>` or `<id>~<8 hex>`; `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, variant) = match text.split_once('~') {
            Some((id, variant)) => (id, Some(variant)),
            None => (text, None),
        };
        let is_hash = |hex: &str| hex.len() == 8 && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !variant.is_none_or(is_hash) {
            return None;
        }
        Some(Self { id: id.parse().ok()?, variant: variant.map(str::to_owned) })
    }

    /// The path of the events below the backend's folder.
    pub(super) fn hail_path(&self, folder: &str) -> String {
        format!("{folder}/{}/{self}{HAIL}", self.id.shard())
    }

    /// The path of the metadata below the backend's folder.
    pub(super) fn meta_path(&self, folder: &str) -> String {
        format!("{folder}/{}/{self}{META}", self.id.shard())
    }
}

impl From<SessionId> for SessionKey {
    fn from(id: SessionId) -> Self {
        Self { id, variant: None }
    }
}

impl std::fmt::Display for SessionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.variant {
            Some(variant) => write!(f, "{}~{variant}", self.id),
            None => write!(f, "{}", self.id),
        }
    }
}

/// One entry of the commit index: a session that had a part in a commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IndexEntry {
    /// The session.
    pub session_id: SessionId,
    /// Where its events are.
    pub hail_path: String,
    /// Where its metadata is.
    pub meta_path: String,
    /// When the link was made.
    pub stored_at: Timestamp,
    /// How it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// What finds the commit again when its id has changed: `patch_id`, `tree` and `blobs`.
    #[serde(flatten)]
    pub fingerprint: Fingerprint,
    /// What a newer version or another tool put there.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl IndexEntry {
    /// A session's entry, its paths below `folder`.
    pub(super) fn new(key: &SessionKey, folder: &str, link: &Link, now: Timestamp) -> Self {
        Self {
            session_id: key.id.clone(),
            hail_path: key.hail_path(folder),
            meta_path: key.meta_path(folder),
            stored_at: now,
            evidence: Some(link.evidence.clone()),
            fingerprint: link.fingerprint.clone(),
            other: serde_json::Map::new(),
        }
    }

    /// The same link in a tree whose sessions are below `folder`.
    pub(super) fn moved(mut self, folder: &str) -> Self {
        let key = SessionKey::from(self.session_id.clone());
        self.hail_path = key.hail_path(folder);
        self.meta_path = key.meta_path(folder);
        self
    }

    /// Of two entries for one link, which stays: the later, else any that does not depend on the side.
    /// What is shown of the session comes last, what was cleared latest first, so that it does not matter when
    /// what was not is taken away.
    pub(super) fn rank(&self) -> (Timestamp, Vec<u8>, bool, Option<Timestamp>, Vec<u8>) {
        let mut bare = self.clone();
        bare.other.remove(super::note::SHOWN);
        (self.stored_at, bare.to_bytes(), bare != *self, super::note::cleared_at(self), self.to_bytes())
    }

    /// The bytes to store: one line.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an index entry has string keys only")
    }
}

#[cfg(test)]
mod tests {
    use super::{IndexEntry, SessionKey};
    use crate::git::Fingerprint;

    #[test]
    fn an_entry_of_any_version_is_carried_along_as_it_is() {
        const OLD: &str = r#"{"session_id":"abc","hail_path":"h","meta_path":"m","stored_at":"2026-02-01T12:00:00Z","evidence":"path"#;
        let read = |text: &str| serde_json::from_str::<IndexEntry>(text).expect("an entry");
        let old = format!(r#"{OLD}","newer":1}}"#);
        assert_eq!(read(&old).fingerprint, Fingerprint::default());
        let new = format!(r#"{OLD}","patch_id":"12","tree":"34","blobs":["56"],"newer":1}}"#);
        assert_eq!(read(&new).fingerprint.blobs, ["56"]);
        for text in [old, new] {
            assert_eq!(String::from_utf8_lossy(&read(&text).to_bytes()), text);
        }
    }

    #[test]
    fn reads_ids_and_variants_and_nothing_that_leaves_the_folder() {
        let key = SessionKey::parse("abc~0123cdef").expect("a variant");
        assert_eq!((key.id.as_str(), key.variant.as_deref()), ("abc", Some("0123cdef")));
        assert_eq!(key.hail_path("v1"), "v1/ab/abc~0123cdef.hail.jsonl");
        for bad in ["../x", "abc~", "abc~xyz", "a/b", ".git", "abc~0123cdef~0123cdef"] {
            assert_eq!(SessionKey::parse(bad), None, "{bad}");
        }
    }
}
