//! What a later record may repeat.

use std::{borrow::Borrow, hash::Hash};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hail;

/// What the last record of a kind said. Put away and taken up again it is only a hash, because texts that
/// are put away are redacted, and the log is not.
pub(super) enum Last<T> {
    Said(T),
    Hashed(u64),
}

impl<T> Last<T> {
    /// Whether it is the same.
    pub(super) fn is<Q: Hash + PartialEq + ?Sized>(&self, other: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        match self {
            Self::Said(said) => said.borrow() == other,
            Self::Hashed(hash) => *hash == hail::hash(other),
        }
    }
}

impl<T: Hash> Serialize for Last<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hash = match self {
            Self::Said(said) => hail::hash(said),
            Self::Hashed(hash) => *hash,
        };
        serializer.serialize_u64(hash)
    }
}

impl<'de, T> Deserialize<'de> for Last<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self::Hashed)
    }
}
