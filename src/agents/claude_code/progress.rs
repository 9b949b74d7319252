//! Progress of subagents: each record repeats every message so far (97 % of their bytes in the
//! logs this was measured on). What an earlier record of the log holds, byte for byte, is left out.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use serde_json::{Map, Value, value::RawValue};

use super::records::Fields;

const REPEATED: &str = "normalizedMessages";

/// The messages that were already kept.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    kept: HashSet<(u64, usize)>,
}

impl Repeats {
    /// The `data` of a progress record without the messages kept before, whose number stands
    /// beside the rest. `None` when nothing repeats there.
    pub(super) fn trim(&mut self, raw: &RawValue) -> Option<Value> {
        let fields: Fields<'_> = serde_json::from_str(raw.get()).ok()?;
        let messages: Vec<&RawValue> = fields.read(REPEATED)?;
        let mut data = Map::new();
        for (key, raw) in fields.0.iter().filter(|(key, _)| key.as_str() != REPEATED) {
            data.insert(key.as_str().to_owned(), serde_json::from_str(raw.get()).ok()?);
        }
        let total = messages.len();
        let new = messages.into_iter().filter(|message| self.kept.insert(identity(message)));
        let new: Vec<Value> = new.filter_map(|message| serde_json::from_str(message.get()).ok()).collect();
        if new.len() < total {
            data.insert("repeatedMessages".to_owned(), (total - new.len()).into());
        }
        data.insert(REPEATED.to_owned(), new.into());
        Some(Value::Object(data))
    }
}

fn identity(message: &RawValue) -> (u64, usize) {
    let mut hasher = DefaultHasher::new();
    message.get().hash(&mut hasher);
    (hasher.finish(), message.get().len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Repeats;

    #[test]
    fn a_message_is_kept_the_first_time_only() {
        let mut repeats = Repeats::default();
        let mut trim = |text: &str| repeats.trim(serde_json::from_str(text).expect("JSON"));
        let first = trim(r#"{"type":"agent_progress","normalizedMessages":[{"a":1}]}"#);
        assert_eq!(first, Some(json!({"type": "agent_progress", "normalizedMessages": [{"a": 1}]})));
        let second = trim(r#"{"normalizedMessages":[{"a":1},{"a":2}]}"#);
        assert_eq!(second, Some(json!({"normalizedMessages": [{"a": 2}], "repeatedMessages": 1})));
        assert_eq!(trim(r#"{"type":"hook_progress"}"#), None);
    }
}
