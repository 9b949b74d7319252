//! Texts that later ones are compared with.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::hail::hash;

/// The last text of its kind. With the state of a parse only its length and its hash are kept: what is kept
/// is redacted, and could not be compared with the log any more.
#[derive(Debug, Default)]
pub(super) struct Known {
    text: String,
    hashed: Option<(usize, u64)>,
}

impl Known {
    /// Whether it is `text`.
    pub(super) fn is(&self, text: &str) -> bool {
        match self.hashed {
            Some((length, known)) => text.len() == length && hash(text) == known,
            None => self.text == text,
        }
    }

    /// What of `text` comes after it, where `text` begins with it.
    pub(super) fn strip<'t>(&self, text: &'t str) -> Option<&'t str> {
        let length = self.hashed.map_or(self.text.len(), |(length, _)| length);
        let (start, rest) = text.split_at_checked(length)?;
        self.is(start).then_some(rest)
    }

    /// Takes `text` in its place.
    pub(super) fn set(&mut self, text: &str) {
        self.hashed = None;
        text.clone_into(&mut self.text);
    }

    /// How much memory it takes, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.text.len()
    }
}

impl Serialize for Known {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.hashed.unwrap_or_else(|| (self.text.len(), hash(self.text.as_str()))).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Known {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { text: String::new(), hashed: Some(Deserialize::deserialize(deserializer)?) })
    }
}
