//! Token counts: one model answer spans several lines, each repeating the usage so far.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::records::{Message, Record, Text};
use crate::hail::{Event, attribute};

/// The answers of a log, by the id of the message and the id of the request.
#[derive(Debug, Default)]
pub(super) struct Answers {
    open: HashMap<(String, String), Answer>,
}

#[derive(Debug, Default)]
struct Answer {
    last_event: usize,
    usage: Option<String>,
    facts: Vec<(&'static str, String)>,
}

impl Answers {
    /// Notes a line of an answer and the last event made of it. The last line's usage is the
    /// answer's: earlier ones were written while it streamed.
    pub(super) fn note(&mut self, record: &Record<'_>, message: &Message<'_>, last_event: usize) {
        let text = |text: &Option<Text<'_>>| text.as_ref().map(|text| text.as_str().to_owned());
        // Without an id of its own the line is an answer for itself.
        let key = match (text(&message.id), text(&record.request)) {
            (None, _) => (String::new(), last_event.to_string()),
            (Some(id), request) => (id, request.unwrap_or_default()),
        };
        let answer = self.open.entry(key).or_default();
        answer.last_event = last_event;
        if let Some(usage) = message.usage {
            answer.usage = Some(usage.get().to_owned());
        }
        answer.facts.clear();
        answer.facts.extend(text(&record.request).map(|request| ("source.request_id", request)));
        answer.facts.extend(message.rest.text("stop_reason").map(|reason| ("stop_reason", reason.into_owned())));
    }

    /// Puts every answer's counts onto its last event.
    pub(super) fn settle(self, events: &mut [Event]) {
        for answer in self.open.into_values() {
            let Some(event) = events.get_mut(answer.last_event) else { continue };
            for (key, fact) in answer.facts {
                event.attributes.insert(key, fact.into());
            }
            if let Some(Value::Object(usage)) = answer.usage.and_then(|usage| serde_json::from_str(&usage).ok()) {
                put_counts(event, usage);
            }
        }
    }
}

fn put_counts(event: &mut Event, mut usage: Map<String, Value>) {
    let mut put = |key: &'static str, count: Option<Value>, even_zero: bool| {
        let count = count.as_ref().and_then(Value::as_u64).unwrap_or(0);
        if count > 0 || even_zero {
            event.attributes.insert(key, count.into());
        }
    };
    put(attribute::INPUT_TOKENS, usage.remove("input_tokens"), true);
    put(attribute::OUTPUT_TOKENS, usage.remove("output_tokens"), true);
    put(attribute::CACHE_READ_TOKENS, usage.remove("cache_read_input_tokens"), false);
    put(attribute::CACHE_WRITE_TOKENS, usage.remove("cache_creation_input_tokens"), false);
    let details = usage.get_mut("output_tokens_details").and_then(Value::as_object_mut);
    put(attribute::REASONING_TOKENS, details.and_then(|details| details.remove("thinking_tokens")), false);
    let rest = without_nothing(Value::Object(usage));
    if let Some(rest) = rest {
        event.attributes.insert("source.usage", rest);
    }
}

/// The value without what says nothing: null, false, zero, and what is empty.
pub(super) fn without_nothing(value: Value) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Number(number) if number.as_u64() == Some(0) => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Object(fields) => {
            let kept = fields.into_iter().filter_map(|(key, value)| Some((key, without_nothing(value)?)));
            let kept: Map<String, Value> = kept.collect();
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        value => Some(value),
    }
}
