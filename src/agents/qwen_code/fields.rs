//! What is kept of the fields of a record, and the counts of an answer.

use serde_json::{Value, json};

use super::super::{
    records::{self, Record, count},
    transcript::Tokens,
};
use crate::hail::{Block, Event};

/// The fields that say the same on almost every line, or are told elsewhere.
pub(super) const TOLD: [&str; 12] = [
    "uuid",
    "parentUuid",
    "sessionId",
    "timestamp",
    "type",
    "subtype",
    "cwd",
    "version",
    "gitBranch",
    "model",
    "message",
    "usageMetadata",
];

/// Telemetry without what the record, the call or the answer says already, and what is nothing.
pub(super) fn compact(mut ui_event: Record) -> Record {
    for said in ["event.name", "event.timestamp", "function_args", "model"] {
        ui_event.remove(said);
    }
    ui_event.retain(|_, value| !value.is_null() && *value != json!(0) && *value != json!(""));
    ui_event
}

pub(super) fn file_content(event: &Event) -> Option<String> {
    event.content.blocks.iter().find_map(|block| match block {
        Block::File { content, .. } => content.clone(),
        _ => None,
    })
}

/// What the program noted of a result beside what the model got.
pub(super) fn rest_of_result(native: &Value) -> Option<Value> {
    let mut rest = native.as_object()?.clone();
    for told in ["callId", "resultDisplay", "responseParts"] {
        rest.remove(told);
    }
    rest.retain(|key, value| !(value.is_null() || key == "status" && value == "success"));
    (!rest.is_empty()).then(|| json!({ "toolCallResult": rest }))
}

/// Keeps the fields of a record that nothing else shows.
pub(super) fn rest_of(event: Event, mut record: Record) -> Event {
    if let Some(Value::Object(payload)) = record.get_mut("systemPayload") {
        payload.remove("displayText");
        payload.remove("hookContext");
    }
    record.retain(|key, value| *value != json!({}) && key != "contextWindowSize");
    records::with_fields(event, record, &TOLD)
}

/// The counts of an answer. Whether the output includes the thoughts differs by provider: the total
/// tells.
pub(super) fn tokens(usage: &Record) -> Tokens {
    let [prompt, output, cached, thoughts, total] = [
        "promptTokenCount",
        "candidatesTokenCount",
        "cachedContentTokenCount",
        "thoughtsTokenCount",
        "totalTokenCount",
    ]
    .map(|key| count(usage, key));
    let is_apart = total == prompt.saturating_add(output).saturating_add(thoughts);
    Tokens {
        input: prompt.saturating_sub(cached),
        output: if is_apart { output.saturating_add(thoughts) } else { output.max(thoughts) },
        cache_read: cached,
        cache_write: 0,
        reasoning: thoughts,
        cost: None,
    }
}
