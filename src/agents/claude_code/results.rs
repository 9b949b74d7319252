//! Tool results: what they say about the call they answer, and what of them is kept.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{
    loose::{Loose, value_of},
    patch,
    records::Fields,
    spelling,
    tools::{self, Arguments, Call},
    usage::without_nothing,
};
use crate::hail::{Attributes, Block, Event, EventType, Scanner, Text, attribute};

/// What came back from a tool.
pub(super) struct Outcome<'a> {
    pub(super) is_error: bool,
    /// The output as the model saw it, in pieces: hardly ever more than one.
    texts: Vec<&'a Text>,
    /// The program's own view of the result, where it is an object.
    pub(super) fields: Option<&'a Fields<'a>>,
}

impl<'a> Outcome<'a> {
    /// Reads the output and the program's view of it.
    pub(super) fn new(is_error: bool, blocks: &'a [Block], view: Option<&'a Loose<'a>>) -> Self {
        let text = |block: &'a Block| if let Block::Text { text } = block { Some(text) } else { None };
        let fields = view.and_then(|view| if let Loose::Fields(fields) = view { Some(fields) } else { None });
        Self { is_error, texts: blocks.iter().filter_map(text).collect(), fields }
    }

    /// The output as the model saw it.
    pub(super) fn text(&self) -> Cow<'a, str> {
        match self.texts.as_slice() {
            [] => Cow::Borrowed(""),
            [text] => Cow::Borrowed(text.as_str()),
            texts => Cow::Owned(texts.iter().map(|text| text.as_str()).collect::<Vec<_>>().join("\n")),
        }
    }

    /// Whether the output has what the JSON string `raw` says. Mostly it begins with it, which shows
    /// without decoding either.
    fn says(&self, raw: &str) -> bool {
        let is_start = match self.texts.as_slice() {
            [text] => text.spelling().is_some_and(|text| spelling::is_start(text, raw)),
            _ => false,
        };
        is_start || Scanner::whole(raw, Scanner::string).is_some_and(|part| is_within(&self.text(), &part))
    }
}

/// Whether a result completes the event of its call, which has to wait for it then.
pub(super) fn completes(call: &EventType) -> bool {
    matches!(
        call,
        EventType::FileEdit { .. }
            | EventType::FileCreate { .. }
            | EventType::ShellCommand { .. }
            | EventType::TaskStart { .. }
    )
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
            let by_hand = fields.and_then(|fields| fields.value("userModified")) == Some(true);
            if diff.is_some() && !by_hand {
                drop_shown(&mut call.arguments);
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
pub(super) fn settle_unanswered(event: &mut Event, mut arguments: Arguments) {
    if let EventType::FileEdit { path, diff } = &mut event.event_type {
        *diff = patch::requested(path, &arguments, None);
        if diff.is_some() {
            drop_shown(&mut arguments);
        }
        event.content = tools::rest_of(arguments);
    }
}

/// Drops the arguments that the event's path and diff show.
fn drop_shown(arguments: &mut Arguments) {
    arguments.retain(|key, value| match key.as_str() {
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
        let text = outcome.text();
        let code = text.trim_start().strip_prefix("Exit code ")?;
        return code.split(|c: char| c != '-' && !c.is_ascii_digit()).next()?.parse().ok();
    }
    let Some(fields) = outcome.fields else { return Some(0) };
    let runs_on = fields.text("backgroundTaskId").is_some() || fields.text("shellId").is_some();
    if runs_on || fields.value("interrupted") == Some(true) {
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
        let key = key.as_ref();
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
    fields.value("durationMs").or_else(|| fields.value("totalDurationMs"))
}

/// Whether a field repeats what the call, its diff or the output already say. `originalFile` is
/// the whole file before an edit: the diff and the repository hold it.
fn is_repeated(name: &str, key: &str, raw: &str, outcome: &Outcome<'_>) -> bool {
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
            outcome.says(raw)
        }
        _ => false,
    }
}

fn is_within(text: &str, part: &str) -> bool {
    let (text, part) = (text.trim(), part.trim());
    // Almost always one of the ends.
    text.starts_with(part) || text.ends_with(part) || (part.len() < text.len() && contains(text, part))
}

/// Searches for a part that may be about as long as the text: to set up a search for all of it
/// costs more than to look where its beginning occurs.
fn contains(text: &str, part: &str) -> bool {
    const BEGINNING: usize = 32;
    const TRIES: usize = 100;
    let (text, part) = (text.as_bytes(), part.as_bytes());
    let beginning = &part[..part.len().min(BEGINNING)];
    for (tried, at) in memchr::memmem::find_iter(text, beginning).enumerate() {
        if text[at..].starts_with(part) {
            return true;
        }
        if tried == TRIES {
            return memchr::memmem::find(&text[at..], part).is_some();
        }
    }
    false
}

/// The value of a field; of a file that was read without its content, for the output is the same
/// with line numbers, or the picture itself.
fn file_or_value(name: &str, key: &str, raw: &str) -> Option<Value> {
    if (name, key) != ("Read", "file") {
        return Some(value_of(raw));
    }
    let mut file = Fields::of(raw)?;
    file.0.retain(|(key, _)| !matches!(key.as_ref(), "content" | "base64" | "cells" | "filePath"));
    Some(Loose::Fields(file).to_value())
}

/// A result that is text or a list of blocks, unless the output says the same.
fn unstructured(value: Value, outcome: &Outcome<'_>) -> Option<Value> {
    let output = outcome.text();
    let says_the_same = |text: &str| is_within(&output, text.strip_prefix("Error: ").unwrap_or(text));
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
