//! Tool results: what they say about the call they answer, and what of them is kept.

use std::borrow::Cow;

use serde_json::{Map, Value, value::RawValue};

use super::{
    loose::{Loose, value_of},
    patch,
    records::{Fields, Text},
    tools::{self, Call},
    usage::without_nothing,
};
use crate::hail::{Attributes, Block, Event, EventType, attribute};

/// What came back from a tool.
pub(super) struct Outcome<'a> {
    pub(super) is_error: bool,
    /// The output as the model saw it.
    pub(super) text: Cow<'a, str>,
    /// The program's own view of the result, where it is an object.
    pub(super) fields: Option<&'a Fields<'a>>,
}

impl<'a> Outcome<'a> {
    /// Reads the output and the program's view of it.
    pub(super) fn new(is_error: bool, blocks: &'a [Block], view: Option<&'a Loose<'a>>) -> Self {
        let mut texts = blocks.iter().filter_map(|block| match block {
            Block::Text { text } => Some(text.as_str()),
            _ => None,
        });
        let first = texts.next().unwrap_or_default();
        let text = texts.fold(Cow::Borrowed(first), |all, text| Cow::Owned(format!("{all}\n{text}")));
        let fields = view.and_then(|view| if let Loose::Fields(fields) = view { Some(fields) } else { None });
        Self { is_error, text, fields }
    }
}

/// Completes the event of a call with what its result tells.
pub(super) fn settle(event: &mut Event, mut call: Call, outcome: &Outcome<'_>) {
    let fields = outcome.fields;
    match &mut event.event_type {
        EventType::FileEdit { .. } | EventType::FileCreate { .. } if outcome.is_error => tools::revoke(event, call),
        EventType::FileEdit { path, diff } => {
            *diff = fields.and_then(|fields| patch::recorded(path, fields));
            if diff.is_none() {
                *diff = patch::requested(path, &call.arguments, fields);
            }
            let by_hand = fields.and_then(|fields| fields.read("userModified")) == Some(true);
            if diff.is_some() && !by_hand {
                drop_shown(&mut call);
            }
            event.content = tools::rest_of(call.arguments);
        }
        EventType::FileCreate { path } => {
            if let Some(fields) = fields.filter(|fields| fields.text("type").as_deref() == Some("update")) {
                let diff = patch::overwritten(path, written(&event.content.blocks), fields);
                event.event_type = EventType::FileEdit { path: std::mem::take(path), diff };
            }
        }
        EventType::ShellCommand { exit_code, .. } => *exit_code = exit_code_of(outcome),
        EventType::TaskStart { .. } => {
            let agent = fields.and_then(|fields| fields.text("agentId"));
            event.attributes.extend(agent.map(|agent| ("task.agent_id", agent)));
        }
        _ => {}
    }
}

/// Completes an edit that has no result (yet) from its arguments alone.
pub(super) fn settle_unanswered(event: &mut Event, mut call: Call) {
    if let EventType::FileEdit { path, diff } = &mut event.event_type {
        *diff = patch::requested(path, &call.arguments, None);
        if diff.is_some() {
            drop_shown(&mut call);
        }
        event.content = tools::rest_of(call.arguments);
    }
}

/// Drops the arguments that the event's path and diff show.
fn drop_shown(call: &mut Call) {
    call.arguments.retain(|key, value| match key.as_str() {
        "file_path" | "notebook_path" | "old_string" | "new_string" | "new_source" => false,
        "replace_all" => *value != Value::Bool(false),
        // Each entry may say more than its two texts.
        "edits" => value.as_array().is_some_and(|edits| edits.iter().any(|edit| edit["replace_all"] == true)),
        _ => true,
    });
}

fn written(blocks: &[Block]) -> &str {
    let content = blocks.iter().find_map(|block| match block {
        Block::File { content, .. } => content.as_deref(),
        _ => None,
    });
    content.unwrap_or_default()
}

/// The exit code: told by the text of an error; else zero, unless the command runs on or was
/// interrupted. `returnCodeInterpretation` is given where grep, find, diff or test return 1.
fn exit_code_of(outcome: &Outcome<'_>) -> Option<i32> {
    if outcome.is_error {
        let code = outcome.text.trim_start().strip_prefix("Exit code ")?;
        return code.split(|c: char| c != '-' && !c.is_ascii_digit()).next()?.parse().ok();
    }
    let Some(fields) = outcome.fields else { return Some(0) };
    let runs_on = fields.text("backgroundTaskId").is_some() || fields.text("shellId").is_some();
    if runs_on || fields.read("interrupted") == Some(true) {
        return None;
    }
    Some(i32::from(fields.text("returnCodeInterpretation").is_some_and(|text| !text.is_empty())))
}

/// What the program's view holds beyond the output and the call, as attributes of the result.
pub(super) fn attributes(name: &str, view: &Loose<'_>, outcome: &Outcome<'_>) -> Attributes {
    let mut attributes = Attributes::new();
    let Some(fields) = outcome.fields else {
        attributes.extend(unstructured(view.to_value(), outcome).map(|value| ("source.tool_use_result", value)));
        return attributes;
    };
    let mut kept = Map::new();
    for (key, raw) in &fields.0 {
        let key = key.as_str();
        if is_repeated(name, key, raw, outcome) {
            continue;
        }
        let Some(value) = file_or_value(name, key, raw).and_then(without_nothing) else { continue };
        match (name, key) {
            ("Task" | "Agent", "agentId") => drop(attributes.insert("task.agent_id", value)),
            ("Task" | "Agent", "totalTokens") => drop(attributes.insert("task.total_tokens", value)),
            ("Task" | "Agent", "totalToolUseCount") => {
                attributes.insert("task.total_tool_uses", value);
            }
            _ => drop(kept.insert(key.to_owned(), value)),
        }
    }
    if !kept.is_empty() {
        attributes.insert("source.tool_use_result", Value::Object(kept));
    }
    attributes
}

/// How long the tool took, in milliseconds.
pub(super) fn duration(outcome: &Outcome<'_>) -> Option<u64> {
    let fields = outcome.fields?;
    fields.read("durationMs").or_else(|| fields.read("totalDurationMs"))
}

/// Whether a field repeats what the call, its diff or the output already say. `originalFile` is
/// the whole file before an edit: the diff and the repository hold it.
fn is_repeated(name: &str, key: &str, raw: &RawValue, outcome: &Outcome<'_>) -> bool {
    match (name, key) {
        (_, "durationMs" | "totalDurationMs") => true,
        (
            "Edit" | "MultiEdit" | "NotebookEdit" | "Write",
            "filePath"
            | "notebook_path"
            | "oldString"
            | "newString"
            | "replaceAll"
            | "edits"
            | "content"
            | "structuredPatch"
            | "originalFile"
            | "originalFileContents"
            | "original_file"
            | "updated_file"
            | "new_source",
        )
        | ("Task" | "Agent", "prompt" | "content" | "description")
        | ("Grep" | "Glob", "filenames")
        | ("TodoWrite", "newTodos") => !outcome.is_error,
        ("Bash" | "bash" | "PowerShell", "stdout" | "stderr") | ("Grep", "content") | ("WebFetch", "result") => {
            let text: Option<Text<'_>> = serde_json::from_str(raw.get()).ok();
            text.is_some_and(|text| is_within(&outcome.text, text.as_str()))
        }
        _ => false,
    }
}

fn is_within(text: &str, part: &str) -> bool {
    let part = part.trim();
    // Almost always one of the ends, which is faster to see than a search is to set up.
    text.trim_start().starts_with(part)
        || text.trim_end().ends_with(part)
        || memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some()
}

/// The value of a field; of a file that was read without its content, for the output is the same
/// with line numbers, or the picture itself.
fn file_or_value(name: &str, key: &str, raw: &RawValue) -> Option<Value> {
    if (name, key) != ("Read", "file") {
        return Some(value_of(raw));
    }
    let mut file: Fields<'_> = serde_json::from_str(raw.get()).ok()?;
    file.0.retain(|(key, _)| !matches!(key.as_str(), "content" | "base64" | "cells" | "filePath"));
    Some(Loose::Fields(file).to_value())
}

/// A result that is text or a list of blocks, unless the output says the same.
fn unstructured(value: Value, outcome: &Outcome<'_>) -> Option<Value> {
    let says_the_same = |text: &str| is_within(&outcome.text, text.strip_prefix("Error: ").unwrap_or(text));
    let repeated = match &value {
        Value::String(text) => says_the_same(text),
        Value::Array(blocks) => blocks.iter().all(|block| {
            let is_picture = block["type"] == "image";
            is_picture || block["text"].as_str().is_some_and(says_the_same)
        }),
        _ => false,
    };
    if repeated { None } else { without_nothing(value) }
}

/// Marks an event as belonging to a call.
pub(super) fn mark(event: &mut Event, call_id: &str) {
    if !call_id.is_empty() {
        event.attributes.insert(attribute::CALL_ID, call_id.into());
    }
}

/// The text, owned only where it has to be.
pub(super) fn text_of(text: Option<&Text<'_>>) -> String {
    text.map(|text| Cow::into_owned(text.0.clone())).unwrap_or_default()
}
