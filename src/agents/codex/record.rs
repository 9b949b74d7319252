//! The native records, borrowed from their line as far as possible.

use std::{borrow::Cow, fmt};

use serde::{Deserialize, Deserializer, de};
use serde_json::{Value, value::RawValue};

use super::unescape::unescape;

/// One line. The bare format of 0.2x has no payload: there the line itself is one.
#[derive(Deserialize)]
pub(super) struct Line<'a> {
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) timestamp: Cow<'a, str>,
    #[serde(rename = "type", borrow, default, deserialize_with = "text")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) payload: Option<Payload<'a>>,
}

/// The fields of all frequent payloads in one, so that a line is read in a single pass. What may
/// have more than one shape stays raw.
#[derive(Default, Deserialize)]
pub(super) struct Payload<'a> {
    #[serde(rename = "type", borrow, default, deserialize_with = "text")]
    pub(super) kind: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) role: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) name: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) namespace: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) call_id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) turn_id: Cow<'a, str>,
    #[serde(borrow, default, deserialize_with = "text")]
    pub(super) phase: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(super) message: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) text: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) summary: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) arguments: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) input: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) output: Loose<'a>,
    #[serde(borrow, default)]
    pub(super) action: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) info: Option<&'a RawValue>,
}

/// Reads the payload of a line once more, as a `T`.
pub(super) fn payload<'a, T: Deserialize<'a>>(line: &'a str) -> Option<T> {
    #[derive(Deserialize)]
    #[serde(bound(deserialize = "T: Deserialize<'de>"))]
    struct Wrapped<T> {
        payload: T,
    }
    let wrapped: Wrapped<T> = serde_json::from_str(line).ok()?;
    Some(wrapped.payload)
}

/// A value that is mostly a string: read in one pass where it is, as JSON where it is not.
#[derive(Default)]
pub(super) enum Loose<'a> {
    #[default]
    Missing,
    Text(Cow<'a, str>),
    Other(Value),
}

impl Loose<'_> {
    /// The text, which is taken out; `None` where it is anything else.
    pub(super) fn take_text(&mut self) -> Option<String> {
        match std::mem::take(self) {
            Self::Text(text) => Some(text.into_owned()),
            Self::Missing | Self::Other(_) => None,
        }
    }

    /// Whether the field is missing or `null`.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?.get();
        match raw.as_bytes() {
            [b'"', ..] => unescape(raw).map(Loose::Text).map_err(de::Error::custom),
            b"null" => Ok(Loose::Missing),
            _ => serde_json::from_str(raw).map(Loose::Other).map_err(de::Error::custom),
        }
    }
}

/// Reads a string that may be missing or `null`, without copying it where it has no escapes.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'de, str>, D::Error> {
    struct Visitor;
    impl<'de> de::Visitor<'de> for Visitor {
        type Value = Cow<'de, str>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string or null")
        }

        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }

        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }

        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(""))
        }
    }
    deserializer.deserialize_any(Visitor)
}
