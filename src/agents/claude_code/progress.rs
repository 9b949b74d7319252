//! Progress of subagents: each record repeats every message so far (97 % of their bytes in the
//! logs this was measured on). What the record before it holds, byte for byte, is left out.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    known::Known,
    loose::{Loose, value_of},
};

const REPEATED: &str = "normalizedMessages";

/// How many bytes of messages are kept. Beyond that all are forgotten, and the next record of an
/// agent keeps its messages whole once more.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// The messages that were kept last, by agent.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Repeats {
    last: HashMap<String, Kept>,
    #[serde(skip)]
    bytes: usize,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Kept {
    /// The list but for its end.
    list: Known,
    count: usize,
}

impl Repeats {
    /// The `data` of a progress record without the messages of the record before it, whose number
    /// stands beside the new ones.
    pub(super) fn trim(&mut self, data: &Loose<'_>) -> Value {
        let Loose::Fields(fields) = data else { return data.to_value() };
        let mut trimmed = Map::new();
        for (key, raw) in &fields.0 {
            if key == REPEATED && raw.starts_with('[') {
                let agent = fields.text("agentId").unwrap_or_default().into_owned();
                let (new, repeated) = self.advance(agent, raw);
                trimmed.extend(repeated.map(|repeated| ("repeatedMessages".to_owned(), repeated.into())));
                trimmed.insert(REPEATED.to_owned(), new.into());
            } else {
                trimmed.insert(key.to_string(), value_of(raw));
            }
        }
        Value::Object(trimmed)
    }

    fn advance(&mut self, agent: String, list: &str) -> (Vec<Value>, Option<usize>) {
        let kept = self.last.entry(agent).or_default();
        self.bytes -= kept.list.bytes();
        let advanced = kept.advance(list);
        self.bytes += kept.list.bytes();
        if self.bytes > MAX_BYTES {
            self.last.clear();
            self.bytes = 0;
        }
        advanced
    }
}

impl Kept {
    /// The messages that were added to the list, and how many stood there before, if any did.
    fn advance(&mut self, list: &str) -> (Vec<Value>, Option<usize>) {
        let added = self.list.strip(list).filter(|added| self.count > 0 && added.starts_with([',', ']']));
        let (new, repeated): (Vec<Value>, _) = match added {
            Some(added) => {
                let added = format!("[{}", added.trim_start_matches(','));
                (serde_json::from_str(&added).unwrap_or_default(), Some(self.count))
            }
            None => (serde_json::from_str(list).unwrap_or_default(), None),
        };
        self.count = repeated.unwrap_or(0) + new.len();
        self.list.set(list.strip_suffix(']').unwrap_or(list));
        (new, repeated)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Loose, Repeats};
    use crate::hail::Scanner;

    #[test]
    fn a_message_is_kept_the_first_time_only() {
        let mut repeats = Repeats::default();
        let mut trim = |text: &str| repeats.trim(&Scanner::whole(text, Loose::read).expect("JSON"));
        let first = trim(r#"{"type":"agent_progress","normalizedMessages":[{"a":1}]}"#);
        assert_eq!(first, json!({"type": "agent_progress", "normalizedMessages": [{"a": 1}]}));
        let second = trim(r#"{"normalizedMessages":[{"a":1},{"a":2}]}"#);
        assert_eq!(second, json!({"normalizedMessages": [{"a": 2}], "repeatedMessages": 1}));
        let same = trim(r#"{"normalizedMessages":[{"a":1},{"a":2}]}"#);
        assert_eq!(same, json!({"normalizedMessages": [], "repeatedMessages": 2}));
        let other = trim(r#"{"normalizedMessages":[{"a":2}]}"#);
        assert_eq!(other, json!({"normalizedMessages": [{"a": 2}]}));
        assert_eq!(trim(r#"{"type":"hook_progress"}"#), json!({"type": "hook_progress"}));
    }
}
