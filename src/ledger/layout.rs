//! The paths of a ledger's tree.

use serde::{Deserialize, Serialize};

use crate::{
    git::ObjectId,
    hail::{SessionId, Timestamp},
};

/// The folder of the commit index.
pub(super) const COMMITS: &str = "v1/index/commits";
/// The blob that holds a branch name too long to be encoded in the reference.
pub(super) const BRANCH: &str = "v1/branch";
/// What ends the name of a session's events.
pub(super) const HAIL: &str = ".hail.jsonl";
/// What ends the name of a session's metadata.
pub(super) const META: &str = ".meta.json";

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

    /// The path of the events.
    #[must_use]
    pub fn hail_path(&self) -> String {
        format!("v1/{}/{self}{HAIL}", self.id.shard())
    }

    /// The path of the metadata.
    #[must_use]
    pub fn meta_path(&self) -> String {
        format!("v1/{}/{self}{META}", self.id.shard())
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
    /// What a newer version or another tool put there.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl IndexEntry {
    /// The folder of a commit's entries.
    pub(super) fn folder(commit: ObjectId) -> String {
        format!("{COMMITS}/{commit}")
    }

    /// The path of the entry of `session` under `commit`.
    pub(super) fn path(commit: ObjectId, session: &SessionId) -> String {
        format!("{COMMITS}/{commit}/{session}.json")
    }
}

#[cfg(test)]
mod tests {
    use super::SessionKey;

    #[test]
    fn reads_ids_and_variants_and_nothing_that_leaves_the_folder() {
        let key = SessionKey::parse("abc~0123cdef").expect("a variant");
        assert_eq!((key.id.as_str(), key.variant.as_deref()), ("abc", Some("0123cdef")));
        assert_eq!(key.hail_path(), "v1/ab/abc~0123cdef.hail.jsonl");
        for bad in ["../x", "abc~", "abc~xyz", "a/b", ".git", "abc~0123cdef~0123cdef"] {
            assert_eq!(SessionKey::parse(bad), None, "{bad}");
        }
    }
}
