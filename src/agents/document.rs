//! Looks into a JSON document that may break off: what came before the break counts.

use std::{cell::RefCell, fmt};

use serde::{
    Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{Log, ParseError};
use crate::hail::describe_json;

/// How many elements of an array are looked at.
const MAX_ELEMENTS: usize = 200;

/// Reads a log that is one JSON value.
///
/// # Errors
/// When it cannot be read, or is none.
pub(super) fn read(log: &mut Log<'_>) -> Result<Value, ParseError> {
    let text = log.document()?;
    serde_json::from_str(&text).map_err(|fault| ParseError::NoRecord {
        line: (fault.line() as u64).max(1),
        cause: format!("not JSON: {}", describe_json(&fault)),
    })
}

/// The first elements of the array, or the members of the object, that `bytes` begin with, and what
/// is wrong where it breaks off.
pub(super) fn peek(bytes: &[u8]) -> Peeked {
    let found = Found::default();
    let result = serde_json::Deserializer::from_slice(bytes).deserialize_any(Peek(&found));
    let elements = found.elements.into_inner();
    let fault = result.err().filter(|_| elements.len() < MAX_ELEMENTS);
    Peeked { elements, members: found.members.into_inner(), fault }
}

/// The beginning of a document.
pub(super) struct Peeked {
    pub(super) elements: Vec<Value>,
    pub(super) members: Option<Map<String, Value>>,
    pub(super) fault: Option<serde_json::Error>,
}

#[derive(Default)]
struct Found {
    elements: RefCell<Vec<Value>>,
    members: RefCell<Option<Map<String, Value>>>,
}

struct Peek<'f>(&'f Found);

impl<'de> Visitor<'de> for Peek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        while let Some(element) = access.next_element()? {
            self.0.elements.borrow_mut().push(element);
            if self.0.elements.borrow().len() == MAX_ELEMENTS {
                return Err(A::Error::custom("enough"));
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let put = |key: String, value| {
            self.0.members.borrow_mut().get_or_insert_default().insert(key, value);
        };
        while let Some(key) = access.next_key::<String>()? {
            put(key.clone(), Value::Null);
            put(key, access.next_value()?);
        }
        Ok(())
    }
}
