//! Hermes Agent: one message a line after a line about the session; snapshots of the same messages as one document.
//!
//! Learned from public programs that read its logs; its source was not compared.

use std::io;

use serde_json::Value;

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, chat, document, field, folders, identity,
    message::{self, Message, Part, Speaker},
    records::{self, Record, Teller},
    tool::{self, Kind},
    transcript::{Outcome, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Content, SessionId, Sink, Timestamp, attribute},
};

/// The role of the line about the session.
const META: &str = "session_meta";
/// The members of a message that are told.
const KNOWN: [&str; 11] = [
    "role",
    "content",
    "timestamp",
    "tool_calls",
    "tool_call_id",
    "tool_name",
    "name",
    "reasoning",
    "reasoning_content",
    "reasoning_details",
    "finish_reason",
];
/// How the program begins what it puts in the place of what was said before.
const SUMMARY: [&str; 2] = ["[CONTEXT COMPACTION", "[CONTEXT SUMMARY"];

/// The Hermes reader.
pub(super) struct Hermes;

impl Agent for Hermes {
    fn name(&self) -> &'static str {
        "hermes"
    }

    fn title(&self) -> &'static str {
        "Hermes Agent"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let Some(home) = environment.folder("HERMES_HOME", ".hermes") else { return Vec::new() };
        let sessions = home.join("sessions");
        let mut found = folders::files(&sessions, folders::is_jsonl);
        // A snapshot of what a log has, too, says nothing more.
        let is_alone = |name: &str| {
            let id = name.strip_prefix("session_").and_then(|name| name.strip_suffix(".json"));
            id.is_some_and(|id| !sessions.join(format!("{id}.jsonl")).exists())
        };
        found.extend(folders::files(&sessions, is_alone));
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let is_snapshot = |document: &serde_json::Map<String, Value>| {
            ["session_id", "session_start", "messages"].iter().all(|key| document.contains_key(*key))
        };
        sample.document.as_ref().is_some_and(is_snapshot) || sample.records.iter().any(|record| record["role"] == META)
    }

    fn working_directory<'s>(&self, _: &'s Sample) -> Option<&'s str> {
        None
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let mut out = message::transcript("hermes", "hermes-session", sink);
        out.facts.attributes.insert("time_zone", "unknown".into());
        if log.path.is_some_and(|path| folders::has_extension(&path.to_string_lossy(), "json")) {
            return snapshot(out, &document::read(log)?);
        }
        let mut parser = Parser { out, first: None };
        records::tell(log, self.title(), &mut parser)?;
        let id = records::session_id(log, [None, records::stem(log)], "hermes", parser.first);
        Ok(parser.out.finish(id)?)
    }
}

/// Reads a snapshot.
fn snapshot(mut out: Transcript<'_>, session: &Value) -> Result<Vec<Warning>, ParseError> {
    let (Some(id), Some(messages)) =
        (field::text(session, "session_id"), session.get("messages").and_then(Value::as_array))
    else {
        return Err(ParseError::NoRecord { line: 1, cause: "not a session of Hermes".to_owned() });
    };
    out.facts.began = session.get("session_start").and_then(field::time);
    out.facts.ended = session.get("last_updated").and_then(field::time);
    note(&mut out, session);
    if let Some(prompt) = field::text(session, "system_prompt") {
        let mut message = Message::new("system".to_owned(), None, Speaker::Program("system"));
        message.say(Content::text(prompt));
        message.send(&mut out)?;
    }
    for (index, message) in messages.iter().enumerate() {
        send(&mut out, &format!("message-{index}"), message)?;
    }
    Ok(out.finish(identity::session_id("hermes", id))?)
}

/// Takes what is said of the session.
fn note(out: &mut Transcript<'_>, meta: &Value) {
    if let Some(model) = field::text(meta, "model") {
        message::note_model(out, model);
    }
    let platform = field::text(meta, "platform").map(str::to_owned);
    out.facts.attributes.extend(platform.map(|platform| ("hermes.platform", platform)));
}

struct Parser<'s> {
    out: Transcript<'s>,
    /// The id made of the first line, for a session that has no name.
    first: Option<SessionId>,
}

impl<'s> Teller<'s> for Parser<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.first.is_some()
    }

    fn state(&self) -> serde_json::Result<Option<Value>> {
        serde_json::to_value(&self.first).map(Some)
    }

    fn restore(&mut self, state: Value) -> serde_json::Result<()> {
        self.first = serde_json::from_value(state)?;
        Ok(())
    }

    fn record(&mut self, line: u64, record: Record) -> io::Result<()> {
        let native = Value::Object(record);
        if self.first.is_none() && native.get("role").is_some_and(Value::is_string) {
            self.first = Some(identity::hashed_id("hermes", &native.to_string()));
        }
        if field::text(&native, "role") == Some(META) {
            self.out.facts.began = self.out.facts.began.or_else(|| native.get("timestamp").and_then(field::time));
            note(&mut self.out, &native);
            return Ok(());
        }
        send(&mut self.out, &format!("line-{line}"), &native)
    }
}

fn send(out: &mut Transcript<'_>, id: &str, native: &Value) -> io::Result<()> {
    let at = native.get("timestamp").and_then(field::time);
    if field::text(native, "role") == Some("tool") {
        return result(out, id, at, native);
    }
    let Some(mut message) = chat::message(id.to_owned(), at, native) else {
        return out.unknown(id, at, field::text(native, "role").unwrap_or_default(), native.clone());
    };
    let words = native.get("content").and_then(Value::as_str).unwrap_or_default();
    if message.speaker == Speaker::Person && SUMMARY.iter().any(|start| words.starts_with(start)) {
        message.speaker = Speaker::Program("compact_summary");
    }
    let stop = native.get("finish_reason").filter(|reason| reason.is_string() && *reason != "tool_calls");
    if message.speaker == Speaker::Agent {
        message.attributes.extend(stop.map(|reason| ("stop_reason", reason.clone())));
    }
    message.attributes.extend(field::rest(native, &KNOWN).map(|rest| ("source.fields", rest)));
    // Its tool for edits has a name that elsewhere means a patch over several files.
    let mut edits = Vec::new();
    message.parts.retain(|part| match part {
        Part::Call { id, name, arguments } if name == "patch" && arguments["path"].is_string() => {
            edits.push((id.clone(), arguments.clone()));
            false
        }
        _ => true,
    });
    if message.parts.is_empty() {
        message.attributes.clear();
    }
    message.send(out)?;
    for (n, (call, arguments)) in edits.into_iter().enumerate() {
        let event_id = format!("{id}-edit-{n}");
        let call = if call.is_empty() { event_id.clone() } else { call };
        out.call((&event_id, &call), at, "patch", tool::call_as(Kind::Edit, "patch", arguments))?;
        if let Some(event) = out.waiting_call(&call) {
            event.attributes.insert(attribute::GROUP_ID.to_owned(), id.into());
        }
    }
    Ok(())
}

/// What a tool returned: mostly JSON in a text.
fn result(out: &mut Transcript<'_>, id: &str, at: Option<Timestamp>, native: &Value) -> io::Result<()> {
    let call = field::text(native, "tool_call_id").unwrap_or(id);
    let words = native.get("content").and_then(Value::as_str);
    let answer: Option<Value> = words.and_then(|words| serde_json::from_str(words).ok()).filter(Value::is_object);
    let mut outcome = Outcome::default();
    match &answer {
        Some(answer) => {
            let said = field::any_text(answer, &["output", "content", "result"]);
            outcome.content = said.map_or_else(Content::default, Content::text);
            let why = field::text(answer, "error");
            outcome.content.blocks.extend(why.map(Content::text).unwrap_or_default().blocks);
            let rest = field::rest(answer, &["output", "content", "result", "error", "exit_code", "success"]);
            outcome.content.blocks.extend(rest.map(Content::json).unwrap_or_default().blocks);
            let code = answer.get("exit_code").and_then(Value::as_i64);
            outcome.exit_code = code.and_then(|code| i32::try_from(code).ok());
            outcome.is_error = why.is_some()
                || answer.get("success") == Some(&Value::Bool(false))
                || outcome.exit_code.is_some_and(|code| code != 0);
        }
        None => outcome.content = native.get("content").map(field::content).unwrap_or_default(),
    }
    out.result((id, call), at, outcome)
}
