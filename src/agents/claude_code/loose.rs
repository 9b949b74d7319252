//! Values of any shape, read no deeper than the fields of an object: some of them are large, and
//! most of what is in them is not needed.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value, value::RawValue};

use super::records::{Fields, Text};

/// A value of any shape.
#[derive(Debug)]
pub(super) enum Loose<'a> {
    Fields(Fields<'a>),
    List(Vec<&'a RawValue>),
    Text(Text<'a>),
    /// A number, a truth value, or nothing.
    Bare(Value),
}

impl Loose<'_> {
    /// The whole value.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Fields(fields) => {
                let field = |(key, raw): &(Text<'_>, &RawValue)| (key.as_str().to_owned(), value_of(raw));
                Value::Object(fields.0.iter().map(field).collect::<Map<String, Value>>())
            }
            Self::List(items) => items.iter().map(|raw| value_of(raw)).collect(),
            Self::Text(text) => text.as_str().into(),
            Self::Bare(value) => value.clone(),
        }
    }
}

/// The value that `raw` spells.
pub(super) fn value_of(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut fields = Fields::default();
        while let Some(field) = map.next_entry()? {
            fields.0.push(field);
        }
        Ok(Loose::Fields(fields))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Loose::List(items))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Text(Cow::Borrowed(text))))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Loose::Text(Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Loose::Bare(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Loose::Bare(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Loose::Bare(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Loose::Bare(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Loose::Bare(Value::Null))
    }
}
