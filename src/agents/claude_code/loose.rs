//! Values of any shape, read no deeper than the fields of an object: some of them are large, and
//! most of what is in them is not needed.

use serde_json::{Map, Value};

use super::records::Fields;
use crate::hail::{Scanner, Text};

/// A value of any shape.
#[derive(Debug)]
pub(super) enum Loose<'a> {
    Fields(Fields<'a>),
    List(Vec<&'a str>),
    Text(Text),
    /// A number, a truth value, or nothing.
    Bare(Value),
}

impl<'a> Loose<'a> {
    pub(super) fn read(scanner: &mut Scanner<'a>) -> Option<Self> {
        match scanner.peek()? {
            b'{' => Fields::read(scanner).map(Self::Fields),
            b'[' => {
                let mut items = Vec::new();
                scanner.array(|scanner| {
                    items.push(scanner.raw()?);
                    Some(())
                })?;
                Some(Self::List(items))
            }
            b'"' => scanner.passage().map(Self::Text),
            _ => scanner.raw().map(|raw| Self::Bare(value_of(raw))),
        }
    }

    /// The whole value.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Fields(fields) => {
                let fields = fields.0.iter().map(|(key, raw)| (key.to_string(), value_of(raw)));
                Value::Object(fields.collect::<Map<String, Value>>())
            }
            Self::List(items) => items.iter().map(|raw| value_of(raw)).collect(),
            Self::Text(text) => text.as_str().into(),
            Self::Bare(value) => value.clone(),
        }
    }
}

/// The value that `raw` spells.
pub(super) fn value_of(raw: &str) -> Value {
    serde_json::from_str(raw).unwrap_or_default()
}
