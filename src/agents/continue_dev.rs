//! Continue, the extension and the command line: one JSON document a session, and a list of all beside them.
//!
//! Learned from the public source (`core/index.d.ts`, `core/util/history`, `core/util/paths`); not every field was
//! compared. No message has a time:
//! the list says when a session began, and reasoning when it was.

use std::path::Path;

use serde_json::{Map, Value};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, chat, document, field, folders, identity,
    message::{self, Message, Part, Speaker},
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Block, Content, Sink, Timestamp},
    system::files,
};

/// The list of all sessions.
const INDEX: &str = "sessions.json";
/// The members of a session that are told as events or as facts.
const KNOWN: [&str; 6] = ["sessionId", "title", "workspaceDirectory", "history", "usage", "dateCreated"];
/// The members of an entry of the history that are told, or only serve the window.
const ENTRY: [&str; 11] = [
    "message",
    "contextItems",
    "editorState",
    "promptLogs",
    "toolCallStates",
    "toolCallState",
    "reasoning",
    "isGatheringContext",
    "modifiers",
    "conversationSummary",
    "appliedRules",
];

/// The Continue reader.
pub(super) struct Continue;

impl Agent for Continue {
    fn name(&self) -> &'static str {
        "continue"
    }

    fn title(&self) -> &'static str {
        "Continue"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let Some(home) = environment.folder("CONTINUE_GLOBAL_DIR", ".continue") else { return Vec::new() };
        let is_session = |name: &str| name != INDEX && folders::has_extension(name, "json");
        folders::in_scope(folders::files(&home.join("sessions"), is_session), scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.document.as_ref().is_some_and(|document| {
            let is_text = |key: &str| document.get(key).is_some_and(Value::is_string);
            // An editor that was made with Continue writes documents that are the same but for these.
            let is_other = ["selectedModel", "workspacePath"].iter().any(|key| document.contains_key(*key));
            let is_entry = |entry: &Value| entry.get("contextItems").is_some() && entry.get("executionId").is_none();
            let history =
                document.get("history").map(|history| history.as_array().map(Vec::as_slice).unwrap_or_default());
            is_text("sessionId")
                && is_text("workspaceDirectory")
                && !is_other
                && history.is_some_and(|history| history.iter().all(is_entry))
        })
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        let folder = sample.document.as_ref()?.get("workspaceDirectory")?.as_str()?;
        Some(folder.strip_prefix("file://").unwrap_or(folder)).filter(|path| !path.is_empty() && !path.contains('%'))
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let session = document::read(log)?;
        let (Some(id), Some(history)) =
            (field::text(&session, "sessionId"), session.get("history").and_then(Value::as_array))
        else {
            return Err(ParseError::NoRecord { line: 1, cause: "not a session of Continue".to_owned() });
        };
        let mut transcript = message::transcript("continue", "continue-session", sink);
        note_facts(&mut transcript, &session, log.path);
        let has_own_counts = history.iter().any(|entry| entry.pointer("/message/usage").is_some());
        for (index, entry) in history.iter().enumerate() {
            send(&mut transcript, index, entry)?;
        }
        if let Some(usage) = session.get("usage").filter(|_| !has_own_counts) {
            let mut total = Message::new("session".to_owned(), None, Speaker::Agent);
            total.tokens = tokens(usage);
            total.send(&mut transcript)?;
        }
        Ok(transcript.finish(identity::session_id("continue", id))?)
    }
}

fn note_facts(transcript: &mut Transcript<'_>, session: &Value, path: Option<&Path>) {
    if let Some(model) = field::text(session, "chatModelTitle") {
        message::note_model(transcript, model);
    }
    let facts = &mut transcript.facts;
    facts.title = field::text(session, "title").filter(|title| *title != "New Session").map(str::to_owned);
    let folder = field::text(session, "workspaceDirectory");
    facts.cwd = folder.map(|folder| folder.strip_prefix("file://").unwrap_or(folder).replace("%20", " "));
    let own = session.get("dateCreated").and_then(date);
    facts.began = own.or_else(|| path.and_then(|path| began(path, field::text(session, "sessionId")?)));
    let written = path.and_then(|path| path.metadata().ok()?.modified().ok()).map(Timestamp::from);
    facts.began = facts.began.or(written);
    facts.ended = written;
    facts.attributes.extend(field::rest(session, &KNOWN).map(|rest| ("source.fields", rest)));
}

/// A time as the list has it: milliseconds, in a text.
fn date(value: &Value) -> Option<Timestamp> {
    let millis = value.as_str().and_then(|text| text.parse::<i64>().ok());
    millis.and_then(Timestamp::from_millis).or_else(|| field::time(value))
}

/// When the list beside a session says that it began.
fn began(path: &Path, id: &str) -> Option<Timestamp> {
    let list: Vec<Value> =
        serde_json::from_str(&files::read_text(&path.with_file_name(INDEX), files::LARGE).ok()?).ok()?;
    date(list.iter().find(|session| field::text(session, "sessionId") == Some(id))?.get("dateCreated")?)
}

fn send(transcript: &mut Transcript<'_>, index: usize, entry: &Value) -> std::io::Result<()> {
    let id = format!("message-{index}");
    let native = entry.get("message").unwrap_or(&Value::Null);
    if field::text(native, "role") == Some("thinking") {
        let mut thought = Message::new(id, None, Speaker::Agent);
        thought.parts.push(Part::Thought(field::text(native, "content").unwrap_or_default().to_owned()));
        return thought.send(transcript);
    }
    let Some(mut message) = chat::message(id.clone(), None, native) else {
        return transcript.unknown(&id, None, "entry", entry.clone());
    };
    let reasoning = entry.get("reasoning").and_then(|reasoning| field::text(reasoning, "text"));
    if let Some(thought) = reasoning {
        message.time = entry.pointer("/reasoning/endAt").and_then(field::time);
        message.parts.insert(0, Part::Thought(thought.to_owned()));
    }
    // What a tool returned is in the answer's entry, too, and there with its state.
    message.parts.retain(|part| !matches!(part, Part::Result { id, .. } if is_answered(transcript, id)));
    message.tokens = native.get("usage").map(tokens).unwrap_or_default();
    if let Some(model) = entry.pointer("/promptLogs/0/modelTitle").and_then(Value::as_str) {
        message::note_model(transcript, model);
        message.model = Some(model.to_owned());
    }
    message.attributes.extend(field::rest(entry, &ENTRY).map(|rest| ("source.fields", rest)));
    if message.parts.is_empty() {
        message.attributes.clear();
    }
    message.send(transcript)?;
    added(transcript, &id, entry)?;
    states(transcript, &id, entry)
}

fn is_answered(transcript: &mut Transcript<'_>, call: &str) -> bool {
    transcript.knows_call(call) && !transcript.is_open(call)
}

/// What was put beside a prompt, and the summary that stands for what was before.
fn added(transcript: &mut Transcript<'_>, id: &str, entry: &Value) -> std::io::Result<()> {
    let items: Vec<Block> =
        entry.get("contextItems").and_then(Value::as_array).into_iter().flatten().map(item).collect();
    if !items.is_empty() {
        let mut message = Message::new(format!("{id}-context"), None, Speaker::Program("context"));
        message.say(Content { blocks: items });
        message.send(transcript)?;
    }
    let Some(summary) = field::text(entry, "conversationSummary") else { return Ok(()) };
    let mut message = Message::new(format!("{id}-summary"), None, Speaker::Program("compact_summary"));
    message.say(Content::text(summary));
    message.send(transcript)
}

fn item(item: &Value) -> Block {
    let path = item.pointer("/uri/value").and_then(Value::as_str).filter(|path| !path.is_empty());
    let content = field::text(item, "content");
    match (path, content) {
        (Some(path), content) => {
            let path = path.strip_prefix("file://").unwrap_or(path).to_owned();
            Block::File { path, content: content.map(str::to_owned) }
        }
        (None, Some(words)) => Block::Text { text: words.into() },
        (None, None) => Block::Json { data: item.clone() },
    }
}

/// The results of the calls of an answer.
fn states(transcript: &mut Transcript<'_>, id: &str, entry: &Value) -> std::io::Result<()> {
    let several = entry.get("toolCallStates").and_then(Value::as_array).into_iter().flatten();
    for (n, state) in several.chain(entry.get("toolCallState")).enumerate() {
        let status = field::text(state, "status").unwrap_or_default();
        let call = field::text(state, "toolCallId").unwrap_or_default();
        if !transcript.is_open(call) || !matches!(status, "done" | "errored" | "canceled") {
            continue;
        }
        let output = state.get("output").and_then(Value::as_array).into_iter().flatten();
        let blocks =
            output.filter_map(|item| field::text(item, "content")).map(|text| Block::Text { text: text.into() });
        let content = Content { blocks: blocks.collect() };
        let exit_code = exit_code(&content.to_text());
        let outcome = Outcome { content, is_error: status != "done", exit_code, ..Outcome::default() };
        transcript.result((&format!("{id}-result-{n}"), call), None, outcome)?;
    }
    Ok(())
}

/// The code of a command, where its output says how it ended.
fn exit_code(text: &str) -> Option<i32> {
    let line = text.lines().rev().find(|line| line.contains("xit code"))?;
    let digits = line.rsplit_once("xit code")?.1.trim_matches(|c: char| !c.is_ascii_digit() && c != '-');
    digits.parse().ok()
}

/// The counts of an answer or of the session. What was cached is counted as input, too.
fn tokens(usage: &Value) -> Tokens {
    let empty = Value::Object(Map::new());
    let details = usage.get("promptTokensDetails").unwrap_or(&empty);
    let (cache_read, cache_write) = (field::count(details, "cachedTokens"), field::count(details, "cacheWriteTokens"));
    let input = field::count(usage, "promptTokens");
    let fresh = input.saturating_sub(cache_read).saturating_sub(cache_write);
    let cost = usage.get("totalCost").or_else(|| usage.get("cost")).and_then(Value::as_f64);
    let output = field::count(usage, "completionTokens");
    Tokens { input: fresh, output, cache_read, cache_write, reasoning: 0, cost }
}
