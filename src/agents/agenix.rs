//! Agenix: JSONL as its code writes it, and the JSON document that its documentation describes.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, field, folders, identity,
    message::{self, Message, Part, Speaker},
    records::{self, Apart},
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{SessionId, Sink},
};

/// The folder in which the agent keeps its sessions.
const FOLDER: &str = ".agenix";
/// The members of a message that are said elsewhere; the kind of the content says why it stopped.
const MESSAGE: [&str; 10] =
    ["role", "content", "tool_calls", "tool_call_id", "name", "is_error", "model", "usage", "timestamp", "id"];

/// The Agenix parser.
pub(super) struct Agenix;

impl Agent for Agenix {
    fn name(&self) -> &'static str {
        "agenix"
    }

    fn title(&self) -> &'static str {
        "Agenix"
    }

    fn is_local(&self) -> bool {
        true
    }

    /// `$AGENIX_SESSION_DIR`, else `~/.agenix/sessions`; `.agenix` in the scope's folder and those
    /// above it.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let mut folders: Vec<PathBuf> =
            environment.folder("AGENIX_SESSION_DIR", ".agenix/sessions").into_iter().collect();
        folders.extend(scope.folder.into_iter().flat_map(Path::ancestors).map(|folder| folder.join(FOLDER)));
        let mut found = Vec::new();
        for folder in folders {
            collect(&folder, 1, &mut found);
        }
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let is_document = |members: &serde_json::Map<String, Value>| {
            ["id", "working_dir", "messages"].iter().all(|key| members.contains_key(*key))
        };
        sample.records.first().is_some_and(is_header) || sample.document.as_ref().is_some_and(is_document)
    }

    // What is short is read as a whole: a log holds one exchange after another, not every keystroke.
    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        sample.document.as_ref()?.get("working_dir")?.as_str()
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let mut transcript = message::transcript("agenix", "agenix", sink);
        let path = log.path;
        let Some(line) = log.lines.next_line()? else { return Err(ParseError::Empty) };
        // Its lines are records. A document begins with a line that is a part of it, or all of it.
        let is_record = |text: &str| serde_json::from_str(text).is_ok_and(|record: Value| record.get("type").is_some());
        if let Ok(text) = line.text.as_deref().map(str::to_owned)
            && text.starts_with('{')
            && !is_record(&text)
        {
            let number = line.number;
            return document(transcript, log, number, text);
        }
        let mut id = None;
        let first = Apart::of(line);
        records::each((Some(first), log), self.title(), &mut transcript, &mut |transcript, line, record| {
            entry(transcript, &mut id, line, &record)
        })?;
        transcript.facts.cwd = path.and_then(folder_of);
        let stem = path.and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
        let id: SessionId = identity::session_id("agenix", &id.or(stem).unwrap_or_default());
        Ok(transcript.finish(id)?)
    }
}

fn is_header(record: &Value) -> bool {
    field::text(record, "type") == Some("session_header") && record.get("session_id").is_some_and(Value::is_string)
}

/// Collects the sessions in `folder` and in folders below it.
fn collect(folder: &Path, depth: usize, found: &mut Vec<LogFile>) {
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        let is_log = path.extension().is_some_and(|extension| extension == "jsonl" || extension == "json");
        let is_settings = path.file_stem().is_some_and(|stem| stem == "settings" || stem == "config");
        if is_log && !is_settings {
            found.extend(LogFile::of(&entry));
        } else if depth > 0 && path.is_dir() {
            collect(&path, depth - 1, found);
        }
    }
}

/// The folder that a session worked in: JSONL is kept below it, and does not name it.
fn folder_of(path: &Path) -> Option<String> {
    let folder = path.parent()?;
    let is_kept_there = folder.file_name().is_some_and(|name| name == FOLDER);
    let work = folder.parent().filter(|work| is_kept_there && !work.as_os_str().is_empty())?;
    work.to_str().map(str::to_owned)
}

/// Reads one line of the JSONL form.
fn entry(transcript: &mut Transcript<'_>, id: &mut Option<String>, line: u64, record: &Value) -> std::io::Result<bool> {
    let time = record.get("timestamp").and_then(field::time);
    match (field::text(record, "type"), record.get("message")) {
        (Some("session_header"), _) => {
            *id = field::text(record, "session_id").map(str::to_owned);
            transcript.facts.began = record.get("created_at").and_then(field::time);
            let rest = field::rest(record, &["type", "session_id", "created_at", "version"]);
            transcript.facts.attributes.extend(rest.map(|rest| ("source.fields", rest)));
        }
        (Some("message"), Some(message)) if message.is_object() => {
            // The message has an instant, the line a local time.
            let time = message.get("timestamp").and_then(field::time).or(time);
            send(transcript, format!("line-{line}"), time, message)?;
        }
        (kind, _) => {
            transcript.unknown(&format!("line-{line}"), time, kind.unwrap_or_default(), record.clone())?;
            return Ok(kind.is_some() && id.is_some());
        }
    }
    Ok(true)
}

/// Reads the document, whose first line is `head`.
fn document(
    mut transcript: Transcript<'_>,
    log: &mut Log<'_>,
    line: u64,
    head: String,
) -> Result<Vec<Warning>, ParseError> {
    let refuse = |line: u64, cause: String| ParseError::NoRecord { line, cause };
    let rest = log.rest()?;
    let rest = String::from_utf8(rest).map_err(|_| refuse(line, "not UTF-8".to_owned()))?;
    let session: Value = serde_json::from_str(&(head + "\n" + &rest))
        .map_err(|fault| refuse(line + fault.line() as u64 - 1, format!("not JSON: {fault}")))?;
    let (Some(id), Some(messages)) = (field::text(&session, "id"), session.get("messages").and_then(Value::as_array))
    else {
        return Err(refuse(line, "not a session of Agenix".to_owned()));
    };
    let facts = &mut transcript.facts;
    facts.began = session.get("created_at").and_then(field::time);
    facts.ended = session.get("updated_at").and_then(field::time);
    facts.cwd = field::text(&session, "working_dir").map(str::to_owned);
    facts.title = session.get("metadata").and_then(|metadata| field::text(metadata, "name")).map(str::to_owned);
    let tags = session.pointer("/metadata/tags").and_then(Value::as_array);
    facts.tags = tags.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some(model) = field::text(&session, "model") {
        message::note_model(&mut transcript, model);
    }
    for (index, message) in messages.iter().enumerate() {
        let time = message.get("timestamp").and_then(field::time);
        send(&mut transcript, format!("message-{index}"), time, message)?;
    }
    Ok(transcript.finish(identity::session_id("agenix", id))?)
}

/// Sends a message, which looks the same in both forms.
fn send(
    transcript: &mut Transcript<'_>,
    id: String,
    time: Option<crate::hail::Timestamp>,
    native: &Value,
) -> std::io::Result<()> {
    let content = native.get("content").unwrap_or(&Value::Null);
    let speaker = match field::text(native, "role") {
        Some("user") => Speaker::Person,
        Some("assistant") => Speaker::Agent,
        Some("system") => Speaker::Program("system"),
        Some("tool") => return result(transcript, &id, time, native),
        role => return transcript.unknown(&id, time, role.unwrap_or("message"), native.clone()),
    };
    let mut message = Message::new(id, time, speaker);
    match content {
        Value::Array(blocks) => blocks.iter().for_each(|block| read_block(&mut message, block)),
        other => message.say(field::content(other)),
    }
    let calls = native.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    calls.for_each(|call| read_call(&mut message, call));
    if let Some(model) = field::text(native, "model") {
        message::note_model(transcript, model);
        message.model = Some(model.to_owned());
    }
    if let Some(usage) = native.get("usage") {
        let count = |code: &str, documented: &str| field::count(usage, code).max(field::count(usage, documented));
        let (input, output) = (count("input_tokens", "prompt_tokens"), count("output_tokens", "completion_tokens"));
        message.tokens = Tokens { input, output, ..Tokens::default() };
    }
    message.attributes.extend(field::rest(native, &MESSAGE).map(|rest| ("source.fields", rest)));
    message.send(transcript)
}

fn read_block(message: &mut Message, block: &Value) {
    match field::text(block, "type") {
        Some("reasoning") => {
            message.parts.extend(field::text(block, "text").map(|text| Part::Thought(text.to_owned())));
        }
        Some("tool_call") => read_call(message, block),
        _ => message.say(crate::hail::Content { blocks: field::block(block).into_iter().collect() }),
    }
}

/// Takes a call, which may be said among the content and once more beside it.
fn read_call(message: &mut Message, call: &Value) {
    let text = |key: &str| field::text(call, key).unwrap_or_default().to_owned();
    let id = text("id");
    let is_known = |part: &Part| matches!(part, Part::Call { id: known, .. } if *known == id && !id.is_empty());
    if !message.parts.iter().any(is_known) {
        let arguments = call.get("arguments").cloned().unwrap_or_default();
        message.parts.push(Part::Call { id, name: text("name"), arguments });
    }
}

fn result(
    transcript: &mut Transcript<'_>,
    id: &str,
    time: Option<crate::hail::Timestamp>,
    native: &Value,
) -> std::io::Result<()> {
    let outcome = Outcome {
        content: field::content(native.get("content").unwrap_or(&Value::Null)),
        is_error: native.get("is_error") == Some(&Value::Bool(true)),
        ..Outcome::default()
    };
    transcript.result((id, field::text(native, "tool_call_id").unwrap_or(id)), time, outcome)
}
