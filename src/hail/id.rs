//! Names of things: sessions and stored objects.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, de};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// A session id that is safe as a path component of a ledger: `[A-Za-z0-9._-]{1,128}`, not
/// beginning with `.` or `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SessionId(String);

/// A text that cannot name a session.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("'{text}' is not a session id: 1 to 128 of A-Z a-z 0-9 . _ - and no leading . or -")]
pub struct InvalidSessionId {
    text: String,
}

impl SessionId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first two characters: the folder of a ledger that holds the session.
    #[must_use]
    pub fn shard(&self) -> &str {
        self.0.get(..2).unwrap_or(&self.0)
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let starts_well = text.bytes().next().is_some_and(|first| !matches!(first, b'.' | b'-'));
        if starts_well && text.len() <= 128 && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSessionId { text: text.chars().take(140).flat_map(char::escape_default).collect() })
        }
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl AsRef<str> for SessionId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The SHA-256 of some bytes, printed as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectHash([u8; 32]);

impl ObjectHash {
    /// Hashes `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Takes a digest that was computed piece by piece.
    #[must_use]
    pub fn from_digest(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The first eight hex digits, for people and for variant names.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string()[..8].to_owned()
    }
}

impl fmt::Display for ObjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ObjectHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for ObjectHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::SessionId;

    #[test]
    fn refuses_ids_that_could_leave_their_folder_or_look_like_an_option() {
        let long = "x".repeat(129);
        for bad in ["", ".", "..", ".git", "-rf", "a/b", "a\\b", "a b", "a\n", "é", "a\0b", "a~b", &long] {
            assert!(bad.parse::<SessionId>().is_err(), "{bad:?} was accepted");
        }
        for good in ["a", "5973b6c0-94b8-487b-a530-2aeb6098ae0e", "agent-a0ad4f44", "T_1.2"] {
            assert_eq!(good.parse::<SessionId>().expect(good).as_str(), good);
        }
    }

    #[test]
    fn shards_by_the_first_two_characters() {
        let id: SessionId = "c96e93e8".parse().expect("valid");
        assert_eq!(id.shard(), "c9");
        let id: SessionId = "x".parse().expect("valid");
        assert_eq!(id.shard(), "x");
    }
}
