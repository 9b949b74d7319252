//! Tool parts: a call and, once there is one, its result.

use std::io;

use serde_json::{Map, Value, json};

use super::{
    message::file,
    session::{is_empty, millis},
};
use crate::{
    agents::{
        apply_patch, diff,
        tool::{self, Call},
        transcript::{Outcome, Transcript},
    },
    hail::{Block, Content, Event, EventType, Timestamp},
};

/// A result that follows its call.
pub(super) struct Returned {
    pub(super) id: String,
    pub(super) call_id: String,
    pub(super) time: Option<Timestamp>,
    pub(super) outcome: Outcome,
}

/// Writes the call of a tool part; gives back its result, where it has one.
pub(super) fn write(
    transcript: &mut Transcript<'_>,
    (id, time): (&str, Option<Timestamp>),
    part: &Value,
    complete: impl FnOnce(&mut Event),
) -> io::Result<Option<Returned>> {
    let name = part.get("tool").and_then(Value::as_str).unwrap_or("unknown");
    let empty = Value::Null;
    let state = part.get("state").unwrap_or(&empty);
    let call_id = part.get("callID").and_then(Value::as_str).filter(|id| !id.is_empty()).unwrap_or(id);
    let at = |key: &str| state.get("time").and_then(|time| time.get(key)).and_then(millis);
    let (start, end) = (at("start"), at("end"));
    transcript.calls((id, call_id), start.or(time), name, calls(name, state))?;
    if let Some(event) = transcript.waiting_call(call_id) {
        complete(event);
        let child = state.get("metadata").and_then(|known| known.get("sessionId").or_else(|| known.get("sessionID")));
        if let Some(child) = child.and_then(Value::as_str) {
            event.attributes.insert("task.session_id".to_owned(), child.into());
            if !transcript.facts.related.iter().any(|known| known == child) {
                transcript.facts.related.push(child.to_owned());
            }
        }
    }
    if matches!(state.get("status").and_then(Value::as_str), None | Some("pending" | "running")) {
        return Ok(None);
    }
    let mut outcome = outcome(name, state);
    outcome.duration_ms =
        start.zip(end).and_then(|(start, end)| u64::try_from(end.since(start).num_milliseconds()).ok());
    Ok(Some(Returned { id: format!("{id}-result"), call_id: call_id.to_owned(), time: end.or(start), outcome }))
}

/// What a call does: one thing, or a change to each of several files.
fn calls(name: &str, state: &Value) -> Vec<Call> {
    let input = state.get("input").cloned().unwrap_or(Value::Null);
    if matches!(name, "apply_patch" | "patch") {
        let files = state.get("metadata").and_then(|metadata| metadata.get("files")).and_then(Value::as_array);
        let asked = || apply_patch::calls(input.get("patchText").and_then(Value::as_str).unwrap_or_default());
        // OpenCode 2 shows a patch without the indentation that its lines share.
        let is_exact = files.is_some_and(|files| files.iter().all(|file| file.get("file").is_none()));
        let mut calls: Vec<Call> = if is_exact { Vec::new() } else { asked() };
        if calls.is_empty() {
            calls = files.into_iter().flatten().filter_map(change).collect();
        }
        if calls.is_empty() {
            calls = asked();
        }
        if !calls.is_empty() {
            return calls;
        }
    }
    vec![tool::call(name, input)]
}

/// A file that a patch changed, as the result tells.
fn change(file: &Value) -> Option<Call> {
    let text = |key: &str| file.get(key).and_then(Value::as_str);
    let from = text("filePath").or_else(|| text("relativePath")).or_else(|| text("file"))?;
    let path = text("movePath").unwrap_or(from).to_owned();
    let hunks = text("patch").or_else(|| text("diff")).map(hunks_of).filter(|hunks| !hunks.is_empty());
    let event_type = match text("type").or_else(|| text("status")) {
        Some("add" | "added") => EventType::FileCreate { path: path.clone() },
        Some("delete" | "deleted") => EventType::FileDelete { path: path.clone() },
        _ => EventType::FileEdit { diff: hunks.map(|hunks| diff::with_header(&path, hunks)), path: path.clone() },
    };
    let mut content = Content::default();
    if matches!(event_type, EventType::FileCreate { .. }) {
        let lines =
            hunks.map(|hunks| hunks.lines().filter_map(|line| line.strip_prefix('+')).map(|line| format!("{line}\n")));
        content.blocks.push(Block::File { path, content: lines.map(Iterator::collect) });
    }
    if text("movePath").is_some() {
        content.blocks.push(Block::Json { data: json!({ "renamed_from": from }) });
    }
    Some(Call { event_type, content, group: "edit" })
}

/// The hunks of a diff, without what stands before them.
fn hunks_of(diff: &str) -> &str {
    if diff.starts_with("@@ ") { diff } else { diff.find("\n@@ ").map_or("", |at| &diff[at + 1..]) }
}

fn outcome(name: &str, state: &Value) -> Outcome {
    let text = |key: &str| state.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut metadata = state.get("metadata").and_then(Value::as_object).cloned().unwrap_or_default();
    let is_error = text("status") == "error";
    let mut content = Content::text(text(if is_error { "error" } else { "output" }));
    let exit_code = metadata.remove("exit").and_then(|exit| i32::try_from(exit.as_i64()?).ok());
    let files = metadata.get("files").and_then(Value::as_array);
    let patch = files.and_then(|files| files.first()?.get("patch")).cloned();
    let diff = metadata.remove("diff").or(patch);
    let shown = diff.as_ref().and_then(Value::as_str).map(hunks_of).filter(|hunks| !hunks.is_empty());
    let input = state.get("input");
    let named = input.and_then(|input| input.get("filePath").or_else(|| input.get("path")));
    let file_path = named.and_then(Value::as_str).unwrap_or_default();
    let attachments = state.get("attachments").and_then(Value::as_array);
    content.blocks.extend(attachments.into_iter().flatten().map(file));
    drop_said(name, state, &mut metadata);
    if !metadata.is_empty() {
        content.blocks.push(Block::Json { data: Value::Object(metadata) });
    }
    Outcome {
        content,
        // A command that failed is a failure, though the tool did what it was asked to.
        is_error: is_error || exit_code.is_some_and(|code| code != 0),
        exit_code,
        diff: shown.filter(|_| name == "edit").map(|hunks| diff::with_header(file_path, hunks)),
        duration_ms: None,
    }
}

/// Drops of the metadata of a result what its output, its call or its diff say too.
fn drop_said(name: &str, state: &Value, metadata: &mut Map<String, Value>) {
    let output = state.get("output").and_then(Value::as_str).unwrap_or_default();
    let input = state.get("input").unwrap_or(&Value::Null);
    metadata.retain(|key, value| {
        let is_said = match key.as_str() {
            "output" | "preview" => value.as_str().is_some_and(|text| output.contains(text.trim_end())),
            "filediff" | "files" | "patch" => matches!(name, "edit" | "multiedit" | "apply_patch" | "patch" | "write"),
            "sessionId" | "sessionID" | "shellID" => true,
            "status" => matches!(value.as_str(), None | Some("completed")),
            "truncated" => value == &Value::Bool(false),
            _ => input.get(key) == Some(value),
        };
        !is_said && !is_empty(value)
    });
}
