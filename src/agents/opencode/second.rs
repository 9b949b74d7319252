//! Brings the messages of OpenCode 2 into the shape that those of OpenCode 1 have.
//!
//! Learned from the public source (`packages/schema/src/session-message.ts` and the tools of `packages/core`). A
//! message is one row with its type beside it; an answer holds its texts, thoughts and calls in `content`.

use serde_json::{Map, Value, json};

use crate::agents::records::{Record, text};

/// A message with its parts, in order.
#[derive(Default)]
pub(super) struct Message {
    pub(super) info: Record,
    pub(super) parts: Vec<Value>,
}

/// What stands for a message that is none of a person's and none of the model's.
pub(super) const PROGRAM: &str = "program";
/// What stands for a command that the person ran.
pub(super) const SHELL: &str = "shell";
/// What stands for a message that is kept as it is.
pub(super) const NOTICE: &str = "notice";

/// A message of that type.
pub(super) fn message(id: &str, kind: &str, mut data: Record) -> Message {
    data.insert("id".to_owned(), id.into());
    match kind {
        "user" => user(data),
        "assistant" => assistant(data),
        "synthetic" | "system" | "skill" => program(data, kind, "text"),
        "compaction" => program(data, kind, "summary"),
        SHELL => with_role(data, SHELL, Vec::new()),
        _ => {
            data.insert("type".to_owned(), kind.into());
            with_role(data, NOTICE, Vec::new())
        }
    }
}

fn with_role(mut info: Record, role: &str, parts: Vec<Value>) -> Message {
    info.insert("role".to_owned(), role.into());
    Message { info, parts }
}

fn list(data: &mut Record, key: &str) -> Vec<Value> {
    match data.remove(key) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn user(mut data: Record) -> Message {
    let mut parts = Vec::new();
    if let Some(Value::String(words)) = data.remove("text") {
        parts.push(json!({ "type": "text", "text": words }));
    }
    parts.extend(list(&mut data, "files").into_iter().map(file));
    with_role(data, "user", parts)
}

/// A file beside a prompt or a result: its address and name are called otherwise.
fn file(mut file: Value) -> Value {
    if let Value::Object(fields) = &mut file {
        for (new, old) in [("uri", "url"), ("name", "filename")] {
            if let Some(value) = fields.remove(new) {
                fields.insert(old.to_owned(), value);
            }
        }
        fields.insert("type".to_owned(), "file".into());
    }
    file
}

fn program(mut data: Record, kind: &str, key: &str) -> Message {
    let words = data.remove(key).unwrap_or_default();
    flat_model(&mut data);
    count_reasoning(&mut data);
    data.insert("reason".to_owned(), json!(kind));
    with_role(data, PROGRAM, vec![json!({ "type": "text", "text": words, "synthetic": true })])
}

fn assistant(mut data: Record) -> Message {
    let created = data.get("time").and_then(|time| time.get("created")).cloned();
    flat_model(&mut data);
    count_reasoning(&mut data);
    // Only the provider can read it; a snapshot is in a repository of OpenCode's own.
    for unreadable in ["native", "providerState", "snapshot"] {
        data.remove(unreadable);
    }
    let content = list(&mut data, "content");
    with_role(data, "assistant", content.into_iter().map(|part| answered(part, created.as_ref())).collect())
}

/// The model and who makes it, as two members.
fn flat_model(data: &mut Record) {
    if let Some(Value::Object(mut model)) = data.remove("model") {
        for (new, old) in [("id", "modelID"), ("providerID", "providerID")] {
            if let Some(value) = model.remove(new) {
                data.insert(old.to_owned(), value);
            }
        }
        data.extend(model.remove("variant").map(|variant| ("variant".to_owned(), variant)));
    }
}

/// Says that reasoning is apart from the output: what all counts come to.
fn count_reasoning(data: &mut Record) {
    let Some(Value::Object(tokens)) = data.get_mut("tokens") else { return };
    let count = |value: Option<&Value>| value.and_then(Value::as_u64).unwrap_or(0);
    let own = ["input", "output", "reasoning"].map(|key| count(tokens.get(key)));
    let cache = ["read", "write"].map(|key| count(tokens.get("cache").and_then(|cache| cache.get(key))));
    let total = own.into_iter().chain(cache).fold(0, u64::saturating_add);
    tokens.insert("total".to_owned(), total.into());
}

/// A part of an answer.
fn answered(part: Value, created: Option<&Value>) -> Value {
    let Value::Object(mut part) = part else { return part };
    for unreadable in ["native", "providerState", "providerResultState", "provider", "providerMetadata"] {
        part.remove(unreadable);
    }
    if text(&part, "type") != Some("tool") {
        // What the provider alone can read was once called like the state of a call.
        part.remove("state");
        // Ids of texts and thoughts are those of the provider, and may come again.
        part.remove("id");
        return Value::Object(part);
    }
    let time = part.remove("time").unwrap_or_default();
    let at = |key: &str| time.get(key).filter(|value| value.is_number());
    for (new, old) in [("id", "callID"), ("name", "tool")] {
        if let Some(value) = part.remove(new) {
            part.insert(old.to_owned(), value);
        }
    }
    if let Some(Value::Object(state)) = part.get_mut("state") {
        let times = [("start", at("ran").or_else(|| at("created")).or(created)), ("end", at("completed"))];
        let times: Map<String, Value> =
            times.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.clone()))).collect();
        state.insert("time".to_owned(), Value::Object(times));
        returned(state);
    }
    Value::Object(part)
}

/// What a call returned: its texts are the output, its files stand beside.
fn returned(state: &mut Record) {
    let mut output: Vec<String> = Vec::new();
    let mut files = list(state, "attachments");
    for part in list(state, "content") {
        match part.get("text").and_then(Value::as_str) {
            Some(words) => output.push(words.to_owned()),
            None => files.push(file(part)),
        }
    }
    if let Some(Value::Object(error)) = state.get("error") {
        let message = error.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        state.insert("error".to_owned(), message.into());
    }
    if !output.is_empty() {
        state.insert("output".to_owned(), output.join("\n\n").into());
    }
    if !files.is_empty() {
        state.insert("attachments".to_owned(), Value::Array(files));
    }
    if let Some(structured) = state.remove("structured").filter(Value::is_object) {
        state.entry("metadata").or_insert(structured);
    }
    if text(state, "status") == Some("streaming") {
        state.insert("status".to_owned(), "pending".into());
    }
}
