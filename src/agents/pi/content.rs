//! What the content of messages comes to.

use serde_json::{Value, json};

use super::super::{
    media,
    records::{Record, count, with_fields},
    transcript::Tokens,
};
use crate::hail::{Block, Event};

/// The fields that every entry has.
pub(super) const TOLD: [&str; 4] = ["type", "id", "parentId", "timestamp"];

/// The parts of an answer.
pub(super) fn parts_of(content: Option<Value>) -> Vec<Value> {
    match content {
        Some(Value::Array(parts)) => parts,
        Some(Value::String(text)) if !text.is_empty() => vec![json!({ "type": "text", "text": text })],
        _ => Vec::new(),
    }
}

/// A message's text or parts.
pub(super) fn blocks(content: &Value) -> Vec<Block> {
    match content {
        Value::String(text) if text.is_empty() => Vec::new(),
        Value::String(text) => vec![Block::Text { text: text.into() }],
        Value::Array(parts) => parts.iter().filter_map(block).collect(),
        Value::Null => Vec::new(),
        other => vec![Block::Json { data: other.clone() }],
    }
}

pub(super) fn block(part: &Value) -> Option<Block> {
    let field = |key: &str| part.get(key).and_then(Value::as_str);
    match (field("type"), field("text").or_else(|| field("thinking"))) {
        (Some("text" | "thinking"), Some("")) => None,
        (Some("text" | "thinking"), Some(text)) => Some(Block::Text { text: text.into() }),
        (Some("image"), _) => Some(match (field("mimeType"), field("data")) {
            // A fork keeps large ones in files of their own.
            (Some(mime), Some(blob)) if blob.starts_with("blob:") => {
                Block::Reference { uri: blob.to_owned(), media_type: mime.to_owned() }
            }
            (Some(mime), Some(data)) => media::image(mime, data),
            _ => Block::Json { data: part.clone() },
        }),
        _ => Some(Block::Json { data: part.clone() }),
    }
}

/// The code of a command that came to its end: only failures say theirs.
pub(super) fn exit_code(output: &str, is_error: bool) -> Option<i32> {
    if !is_error {
        return Some(0);
    }
    let last = output.trim_end().lines().next_back()?;
    last.strip_prefix("Command exited with code ")?.parse().ok()
}

/// Keeps the fields of a record that nothing else shows.
pub(super) fn rest_of(event: Event, mut fields: Record) -> Event {
    fields.retain(|key, value| !(key == "stopReason" && (value == "stop" || value == "toolUse")));
    with_fields(event, fields, &TOLD)
}

pub(super) fn tokens(usage: &Record) -> Tokens {
    let [input, output, cache_read, cache_write] =
        ["input", "output", "cacheRead", "cacheWrite"].map(|key| count(usage, key));
    let cost = usage.get("cost").and_then(|cost| cost.get("total")?.as_f64());
    Tokens { input, output, cache_read, cache_write, reasoning: count(usage, "reasoning"), cost }
}
