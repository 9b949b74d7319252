//! The names of branches and of the references that hold their ledgers.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::case_insensitive::plain;
use crate::{
    git::{Head, Repository},
    hail::ObjectHash,
};

/// The folder of this repository's own ledgers.
pub const ROOT: &str = "refs/opensession/branches/";
/// The folder of fetched ledgers; the remote's name and `branches/` follow.
pub const REMOTE_ROOT: &str = "refs/opensession-remote/";
/// The longest encoded name that is used as a reference component, in bytes: with `.lock` it must
/// stay below the 255 bytes of a file name.
const MAX_ENCODED: usize = 180;
/// What begins the spelling of a name that is no text.
const SPELLED: &str = "base64url:";

/// The name of a branch: any bytes, as git has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BranchName(Vec<u8>);

impl BranchName {
    /// The branch whose ledger a session belongs to now: the one checked out, the one being
    /// rebased, or `detached@<first 8 hex of HEAD>`.
    #[must_use]
    pub fn current(repository: &Repository, head: &Head) -> Self {
        match repository.branch_being_rebased().filter(|_| head.branch.is_none()) {
            Some(branch) => Self(branch.into()),
            None => Self::of_head(head),
        }
    }

    /// The same for a HEAD by itself, whatever its work tree is in the middle of.
    #[must_use]
    pub fn of_head(head: &Head) -> Self {
        match (&head.branch, head.commit) {
            (Some(branch), _) => Self(branch.to_vec()),
            (None, Some(commit)) => Self::from(format!("detached@{}", &commit.to_string()[..8]).as_str()),
            (None, None) => Self::from("detached"),
        }
    }

    /// What stands for every branch where one ledger holds the sessions of all: `*`, which git lets
    /// no branch be called.
    #[must_use]
    pub fn every() -> Self {
        Self::from("*")
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The last component of the ledger's reference.
    #[must_use]
    pub fn encoded(&self) -> String {
        let encoded = URL_SAFE_NO_PAD.encode(&self.0);
        if encoded.len() <= MAX_ENCODED { encoded } else { format!("sha256-{}", ObjectHash::of(&self.0)) }
    }

    /// Whether the name is too long to be encoded, so that the ledger itself has to hold it.
    #[must_use]
    pub fn is_hashed(&self) -> bool {
        is_hashed(&self.encoded())
    }

    /// The reference of this repository's own ledger.
    #[must_use]
    pub fn reference(&self) -> String {
        format!("{ROOT}{}", self.encoded())
    }

    /// The reference of the ledger last seen on `remote`.
    #[must_use]
    pub fn remote_reference(&self, remote: &str) -> String {
        format!("{}{}", Self::known_root(remote), self.encoded())
    }

    /// The folder of the ledgers last seen on `remote`.
    pub(super) fn known_root(remote: &str) -> String {
        remote_root(remote, "branches")
    }

    /// The name as text; one that is no text, encoded behind a colon, which no branch name has.
    pub(super) fn spelled(&self) -> String {
        let text = std::str::from_utf8(&self.0).map(str::to_owned);
        text.unwrap_or_else(|_| format!("{SPELLED}{}", URL_SAFE_NO_PAD.encode(&self.0)))
    }

    /// Reads a name as [`Self::spelled`] gives it.
    pub(super) fn spelling(text: &str) -> Self {
        let encoded = text.strip_prefix(SPELLED).and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok());
        encoded.map_or_else(|| Self::from(text), Self)
    }

    /// Reads the last component of a ledger's reference; `None` for a hashed name, which only the
    /// ledger's content tells, and for what is no ledger at all.
    #[must_use]
    pub fn decode(encoded: &str) -> Option<Self> {
        let encoded = plain(encoded);
        if is_hashed(encoded) {
            return None;
        }
        URL_SAFE_NO_PAD.decode(encoded).ok().filter(|bytes| !bytes.is_empty()).map(Self)
    }
}

/// The folder of the references that remember what `remote` has, of one kind of ledger.
pub(super) fn remote_root(remote: &str, kind: &str) -> String {
    format!("{REMOTE_ROOT}{}/{kind}/", remote_component(remote))
}

/// Makes a part of a reference name of a remote's name: the name as it is, where git allows it
/// there, and anything else, such as a URL, encoded.
pub(super) fn remote_component(remote: &str) -> String {
    let is_plain = |part: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        part.bytes().all(is_allowed)
            && !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.to_ascii_lowercase().ends_with(".lock")
            && !part.contains("..")
            && !["branches", "notes", "summaries", "handoff"].contains(&part)
    };
    if remote.split('/').all(is_plain) {
        return remote.to_owned();
    }
    let encoded = URL_SAFE_NO_PAD.encode(remote);
    if encoded.len() <= MAX_ENCODED {
        format!("url.{encoded}")
    } else {
        format!("url.sha256-{}", ObjectHash::of(remote.as_bytes()))
    }
}

/// What `remote_component` is given for the repository at `url`, which a remote is pushed to and not
/// fetched from. The name of no remote has a space.
pub fn push_side(url: &str) -> String {
    format!("push {url}")
}

fn is_hashed(encoded: &str) -> bool {
    encoded
        .strip_prefix("sha256-")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl From<&str> for BranchName {
    fn from(name: &str) -> Self {
        Self(name.as_bytes().to_vec())
    }
}

impl From<&[u8]> for BranchName {
    fn from(name: &[u8]) -> Self {
        Self(name.to_vec())
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::BranchName;

    #[test]
    fn encodes_any_bytes_reversibly() {
        for name in [b"main".as_slice(), b"feat/\xff\xfe", "grün/ü".as_bytes(), b"a", b"-x"] {
            let branch = BranchName::from(name);
            assert_eq!(BranchName::decode(&branch.encoded()), Some(branch.clone()), "{branch}");
        }
        assert_eq!(BranchName::from("main").reference(), "refs/opensession/branches/bWFpbg");
    }

    #[test]
    fn hashes_a_name_too_long_for_a_file_name() {
        let long = BranchName::from("x".repeat(250).as_str());
        assert!(long.is_hashed());
        assert!(long.encoded().starts_with("sha256-") && long.encoded().len() == 71);
        assert_eq!(BranchName::decode(&long.encoded()), None);
        assert!(!BranchName::from("x".repeat(135).as_str()).is_hashed());
    }

    #[test]
    fn a_remote_keeps_its_name_and_a_url_becomes_one_component() {
        let branch = BranchName::from("main");
        assert_eq!(branch.remote_reference("origin"), "refs/opensession-remote/origin/branches/bWFpbg");
        assert_eq!(branch.remote_reference("team/my.fork"), "refs/opensession-remote/team/my.fork/branches/bWFpbg");
        let url = branch.remote_reference("https://example.org/a.git");
        assert!(url.starts_with("refs/opensession-remote/url."), "{url}");
    }
}
