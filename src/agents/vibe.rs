//! Mistral Vibe: a log of messages a session, and the facts of the session in a document beside it.
//!
//! Learned in November 2026 from its public source (`session_logger.py`, `types.py`, to 2.18 of July 2026) and
//! from what public readers test with; no log of a real session was seen. The messages have no times.

use std::{io, path::Path};

use serde_json::{Value, json};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, chat, document, field, folders, identity,
    message::{self, Message, Part, Speaker},
    records,
    transcript::{Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Content, SessionId, Sink},
    system::files,
};

/// The members of a message that are said elsewhere, or that only the provider can read.
const MESSAGE: [&str; 13] = [
    "role",
    "content",
    "injected",
    "images",
    "reasoning_content",
    "reasoning_state",
    "reasoning_signature",
    "reasoning_message_id",
    "tool_calls",
    "tool_call_id",
    "name",
    "message_id",
    "user_display_content",
];

/// The reader of Mistral Vibe.
pub(super) struct Vibe;

impl Agent for Vibe {
    fn name(&self) -> &'static str {
        "vibe"
    }

    fn title(&self) -> &'static str {
        "Mistral Vibe"
    }

    // The folders are named by the time, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let Some(home) = environment.folder("VIBE_HOME", ".vibe") else { return Vec::new() };
        let store = home.join("logs/session");
        // Before version 2 a session was one document.
        let mut found = folders::files(&store, |name| folders::has_extension(name, "json"));
        for session in folders::folders(&store, |_| true) {
            found.extend(LogFile::at(session.join("messages.jsonl")));
            let children = folders::folders(&session.join("agents"), |_| true);
            found.extend(children.iter().filter_map(|child| LogFile::at(child.join("messages.jsonl"))));
        }
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let is_document = sample.document.as_ref().is_some_and(|document| {
            document.contains_key("messages")
                && document.get("metadata").is_some_and(|known| field::text(known, "session_id").is_some())
        });
        is_document || sample.records.iter().any(is_message)
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let mut transcript = message::transcript("vibe", "vibe-messages", sink);
        let bytes = log.rest()?;
        let mut again = Log::new(bytes.as_slice(), log.path);
        let mut first = None;
        let mut facts = log.path.and_then(facts_beside).unwrap_or_default();
        let is_document = Sample::read(bytes.as_slice())?.document.is_some_and(|all| all.contains_key("messages"));
        if is_document {
            let session = document::read(&mut again)?;
            let refuse = || ParseError::NoRecord { line: 1, cause: "not a session of Mistral Vibe".to_owned() };
            facts = session.get("metadata").cloned().ok_or_else(refuse)?;
            note_facts(&mut transcript, &facts);
            let messages = session.get("messages").and_then(Value::as_array).ok_or_else(refuse)?;
            for (index, native) in messages.iter().enumerate() {
                send(&mut transcript, index as u64 + 1, native)?;
            }
        } else {
            note_facts(&mut transcript, &facts);
            records::each((None, &mut again), self.title(), &mut transcript, &mut |transcript, line, record| {
                if is_message(&record) || field::text(&record, "role").is_some() {
                    first.get_or_insert_with(|| identity::hashed_id("vibe", &record.to_string()));
                }
                send(transcript, line, &record)?;
                Ok(is_message(&record))
            })?;
        }
        usage(&mut transcript, &facts)?;
        Ok(transcript.finish(session_id(log, &facts, first))?)
    }
}

fn session_id(log: &Log<'_>, facts: &Value, first: Option<SessionId>) -> SessionId {
    let folder = log.path.and_then(Path::parent).and_then(Path::file_name).and_then(|name| name.to_str());
    records::session_id(log, [field::text(facts, "session_id"), folder], "vibe", first)
}

/// Whether a record is a message, which has an id but neither type nor time.
fn is_message(record: &Value) -> bool {
    let is_role = matches!(field::text(record, "role"), Some("user" | "assistant" | "tool"));
    let has_id = field::text(record, "message_id").is_some();
    is_role
        && has_id
        && ["type", "timestamp", "created", "id", "parts", "ts"].iter().all(|key| record.get(key).is_none())
}

fn facts_beside(log: &Path) -> Option<Value> {
    serde_json::from_str(&files::read_text(&log.with_file_name("meta.json"), files::LARGE).ok()?).ok()
}

fn note_facts(transcript: &mut Transcript<'_>, known: &Value) {
    let model = known.pointer("/config/active_model").and_then(Value::as_str).or_else(|| field::text(known, "model"));
    if let Some(model) = model {
        message::note_model(transcript, model);
        "mistral".clone_into(&mut transcript.facts.provider);
    }
    let facts = &mut transcript.facts;
    let own = |key: &str| field::text(known, key).map(str::to_owned);
    facts.title = own("title");
    facts.parent = own("parent_session_id");
    facts.related.extend(facts.parent.clone());
    facts.branch = own("git_branch");
    facts.cwd = known.pointer("/environment/working_directory").and_then(Value::as_str).map(str::to_owned);
    facts.began = known.get("start_time").and_then(field::time);
    facts.ended = known.get("end_time").and_then(field::time);
    facts.attributes.extend(own("git_commit").map(|commit| ("git_commit", Value::from(commit))));
}

/// What the whole session used: its prompts are counted with what was cached.
fn usage(transcript: &mut Transcript<'_>, known: &Value) -> io::Result<()> {
    let stats = known.get("stats").unwrap_or(&Value::Null);
    let mut message = Message::new("session".to_owned(), transcript.facts.ended, Speaker::Agent);
    message.tokens = Tokens {
        input: field::count(stats, "session_prompt_tokens"),
        output: field::count(stats, "session_completion_tokens"),
        ..Tokens::default()
    };
    let cost = stats.get("session_cost").and_then(Value::as_f64).filter(|cost| *cost > 0.0);
    message.attributes.extend(cost.map(|cost| ("estimated_cost_usd", json!(cost))));
    message.send(transcript)
}

fn send(transcript: &mut Transcript<'_>, line: u64, native: &Value) -> io::Result<()> {
    let id = field::text(native, "message_id").map_or_else(|| format!("line-{line}"), str::to_owned);
    let is_injected = native.get("injected") == Some(&Value::Bool(true));
    let speaker = match field::text(native, "role") {
        Some("user") if is_injected => Speaker::Program("injected"),
        Some("user") => Speaker::Person,
        Some("assistant" | "tool") => Speaker::Agent,
        Some("system") => Speaker::Program("system"),
        role => return transcript.unknown(&id, None, role.unwrap_or("message"), native.clone()),
    };
    let mut message = Message::new(id, None, speaker);
    if native["role"] == "tool" {
        message.parts.push(result(native));
        return message.send(transcript);
    }
    message.parts.extend(field::text(native, "reasoning_content").map(|text| Part::Thought(text.to_owned())));
    message.say(chat::said(native.get("content").unwrap_or(&Value::Null)));
    let images = native.get("images").and_then(Value::as_array).into_iter().flatten();
    message.say(Content { blocks: images.filter_map(image).collect() });
    message.parts.extend(chat::calls(native));
    if speaker == Speaker::Agent {
        message.model = Some(transcript.facts.model.clone()).filter(|model| model != "unknown");
    }
    message.attributes.extend(field::rest(native, &MESSAGE).map(|rest| ("source.fields", rest)));
    if message.parts.is_empty() {
        return Ok(());
    }
    message.send(transcript)
}

/// A result: the members of what the tool returned, one a line.
fn result(native: &Value) -> Part {
    let text = field::text(native, "content").unwrap_or_default();
    let is_error = ["<tool_error>", "<vibe_error>", "<user_cancellation>"].iter().any(|tag| text.starts_with(tag));
    let last = text.trim_end().lines().next_back().unwrap_or_default();
    let exit_code = last.strip_prefix("returncode: ").and_then(|code| code.parse().ok());
    chat::result(native, is_error, exit_code)
}

/// A picture that was attached, or the name of the file that it is in.
fn image(image: &Value) -> Option<crate::hail::Block> {
    let source = image.get("source").unwrap_or(image);
    let mime = field::text(image, "mime_type").unwrap_or("image/png");
    match field::text(source, "data") {
        Some(data) => Some(super::media::image(mime, data)),
        None => Some(crate::hail::Block::File { path: field::text(source, "path")?.to_owned(), content: None }),
    }
}
