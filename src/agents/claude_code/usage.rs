//! Token counts: one model answer spans several lines, each repeating the usage so far.

use std::{borrow::Cow, collections::VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    loose::value_of,
    records::{Fields, Message, Record},
    window::Window,
};
use crate::hail::{Event, Hashes, attribute, hash};

/// How many answers may be under way at once: those of subagents alternate with the others.
const MAX_OPEN: usize = 16;

/// The answers of a log, by the id of the message and the id of the request.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Answers {
    /// Those that may go on, the one that spoke last at the end.
    open: VecDeque<Answer>,
    /// Hashes of those whose counts were told: what a copy of them says was counted before.
    told: Hashes<()>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Answer {
    message: String,
    request: Option<String>,
    last_event: usize,
    usage: Option<String>,
    stop_reason: Option<String>,
}

impl Answers {
    /// Notes a line of an answer, of which the last event was made. The last line's usage is the
    /// answer's: earlier ones were written while it streamed.
    pub(super) fn note(&mut self, record: &Record<'_>, message: &Message<'_>, events: &mut Window) {
        let last_event = events.end() - 1;
        let request = record.request.as_deref();
        let Some(id) = message.id.as_deref() else {
            // Without an id of its own the line is an answer for itself.
            let mut answer = Answer { last_event, ..Answer::default() };
            answer.hear(request, message);
            return answer.put(events);
        };
        events.hold(last_event);
        let known = self.open.iter().rposition(|answer| answer.is(id, request)).and_then(|at| self.open.remove(at));
        let mut answer = match known {
            Some(answer) => {
                events.release(answer.last_event);
                Answer { last_event, ..answer }
            }
            None if self.told.get(key(id, request)).is_some() => return events.release(last_event),
            None => Answer { message: id.to_owned(), last_event, ..Answer::default() },
        };
        answer.hear(request, message);
        self.open.push_back(answer);
        if self.open.len() > MAX_OPEN {
            self.settle_next(events);
        }
    }

    /// Puts every answer's counts onto its last event.
    pub(super) fn settle(&mut self, events: &mut Window) {
        while !self.open.is_empty() {
            self.settle_next(events);
        }
    }

    /// Puts the counts of the answer that ends with an event onto it.
    pub(super) fn settle_at(&mut self, event: usize, events: &mut Window) {
        if let Some(at) = self.open.iter().position(|answer| answer.last_event == event) {
            self.open.swap(0, at);
            self.settle_next(events);
        }
    }

    fn settle_next(&mut self, events: &mut Window) {
        if let Some(answer) = self.open.pop_front() {
            self.told.insert(key(&answer.message, answer.request.as_deref()), ());
            events.release(answer.last_event);
            answer.put(events);
        }
    }
}

fn key(message: &str, request: Option<&str>) -> u64 {
    hash(&(message, request.unwrap_or_default()))
}

impl Answer {
    fn is(&self, message: &str, request: Option<&str>) -> bool {
        self.message == message && self.request.as_deref().unwrap_or_default() == request.unwrap_or_default()
    }

    /// Takes what a line says of the answer.
    fn hear(&mut self, request: Option<&str>, message: &Message<'_>) {
        self.request = request.map(str::to_owned);
        self.stop_reason = message.rest.text("stop_reason").map(Cow::into_owned);
        if let Some(usage) = message.usage {
            self.usage = Some(usage.to_owned());
        }
    }

    fn put(self, events: &mut Window) {
        let Some(event) = events.get_mut(self.last_event) else { return };
        for (key, fact) in [("source.request_id", self.request), ("stop_reason", self.stop_reason)] {
            if let Some(fact) = fact {
                event.attributes.insert(key, fact.into());
            }
        }
        if let Some(usage) = self.usage.as_deref().and_then(Fields::of) {
            put_counts(event, &usage);
        }
    }
}

fn put_counts(event: &mut Event, usage: &Fields<'_>) {
    let (mut reasoning, mut rest) = (None, Map::new());
    let mut counts = [
        ("input_tokens", attribute::INPUT_TOKENS, Some(0)),
        ("output_tokens", attribute::OUTPUT_TOKENS, Some(0)),
        ("cache_read_input_tokens", attribute::CACHE_READ_TOKENS, None),
        ("cache_creation_input_tokens", attribute::CACHE_WRITE_TOKENS, None),
    ];
    for (key, raw) in &usage.0 {
        if let Some((.., count)) = counts.iter_mut().find(|(name, ..)| name == key) {
            *count = raw.parse().ok().filter(|count| *count > 0).or(*count);
            continue;
        }
        let mut value = value_of(raw);
        if let ("output_tokens_details", Some(details)) = (&**key, value.as_object_mut()) {
            reasoning = details.remove("thinking_tokens").and_then(|count| count.as_u64()).filter(|count| *count > 0);
        }
        rest.extend(without_nothing(value).map(|value| (key.to_string(), value)));
    }
    let counts = counts.into_iter().map(|(_, attribute, count)| (attribute, count));
    for (attribute, count) in counts.chain([(attribute::REASONING_TOKENS, reasoning)]) {
        if let Some(count) = count {
            event.attributes.insert(attribute, count.into());
        }
    }
    if !rest.is_empty() {
        event.attributes.insert("source.usage", rest.into());
    }
}

/// The value without what says nothing: null, false, zero, and what is empty.
pub(super) fn without_nothing(value: Value) -> Option<Value> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::Number(number) if number.as_u64() == Some(0) => None,
        Value::String(text) if text.is_empty() => None,
        Value::Array(items) if items.is_empty() => None,
        Value::Object(mut fields) => {
            fields.retain(|_, value| match without_nothing(std::mem::take(value)) {
                Some(kept) => {
                    *value = kept;
                    true
                }
                None => false,
            });
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        value => Some(value),
    }
}
