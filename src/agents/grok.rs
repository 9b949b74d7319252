//! Grok, the command line of xAI: a log of messages a session, with documents and a log of updates beside it.
//!
//! Learned in November 2026 from excerpts of real logs that public readers test with (chat format 1, to 1.0 of
//! July 2026). The messages have no times; what a turn used is in the log of updates.

use std::{collections::BTreeMap, io, path::Path};

use serde_json::Value;

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, chat, field, folders, identity,
    message::{self, Message, Part, Speaker},
    records,
    tool::{self, Kind},
    transcript::{Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Sink, Timestamp, attribute},
    system::files,
};

/// The types of the records.
const TYPES: [&str; 6] = ["system", "user", "assistant", "reasoning", "tool_result", "backend_tool_call"];
/// The members of a record that are said elsewhere, or that only the provider can read.
const RECORD: [&str; 12] = [
    "type",
    "id",
    "content",
    "summary",
    "encrypted_content",
    "status",
    "tool_calls",
    "model_id",
    "model_fingerprint",
    "prompt_index",
    "tool_call_id",
    "images",
];

/// The Grok reader.
pub(super) struct Grok;

impl Agent for Grok {
    fn name(&self) -> &'static str {
        "grok"
    }

    fn title(&self) -> &'static str {
        "Grok"
    }

    /// `$GROK_HOME/sessions/<folder>/<session>/chat_history.jsonl`, the folder's path escaped as in a URL.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let Some(home) = environment.folder("GROK_HOME", ".grok") else { return Vec::new() };
        let mut found = Vec::new();
        for folder in folders::folders(&home.join("sessions"), |_| true) {
            for session in folders::folders(&folder, |_| true) {
                found.extend(LogFile::at(session.join("chat_history.jsonl")));
            }
        }
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.records.iter().any(is_sure) && sample.records.iter().take(20).all(is_record)
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let mut transcript = message::transcript("grok", "grok-chat-history", sink);
        "xai".clone_into(&mut transcript.facts.provider);
        let path = log.path;
        let facts = path.and_then(|path| beside(path, "summary.json")).unwrap_or_default();
        note_facts(&mut transcript, path, &facts);
        let is_subagent = transcript.facts.parent.is_some() || facts["session_kind"] == "subagent";
        let mut first = None;
        records::each((None, log), self.title(), &mut transcript, &mut |transcript, line, record| {
            if is_record(&record) {
                first.get_or_insert_with(|| identity::hashed_id("grok", &record.to_string()));
            }
            send(transcript, line, &record, is_subagent)?;
            Ok(is_record(&record))
        })?;
        for (key, (time, tokens)) in path.map(usage).unwrap_or_default() {
            let mut message = Message::new(key, time, Speaker::Agent);
            message.tokens = tokens;
            message.send(&mut transcript)?;
        }
        let folder = path.and_then(Path::parent).and_then(Path::file_name).and_then(|name| name.to_str());
        let own = facts.pointer("/info/id").and_then(Value::as_str);
        let id = records::session_id(log, [own, folder], "grok", first);
        Ok(transcript.finish(id)?)
    }
}

/// Whether a record can be one of such a log: it has a type, and neither an id of its own nor a time.
fn is_record(record: &Value) -> bool {
    let kind = field::text(record, "type").unwrap_or_default();
    TYPES.contains(&kind)
        && ["uuid", "sessionId", "session_id", "timestamp", "seq", "ts", "message", "data"]
            .iter()
            .all(|key| record.get(*key).is_none())
}

/// Whether a record is one that no other agent writes.
fn is_sure(record: &Value) -> bool {
    is_record(record)
        && (["model_id", "prompt_index", "synthetic_reason", "model_fingerprint"]
            .iter()
            .any(|key| record.get(*key).is_some())
            || record["type"] == "backend_tool_call")
}

fn beside(log: &Path, name: &str) -> Option<Value> {
    serde_json::from_str(&files::read_text(&log.with_file_name(name), files::LARGE).ok()?).ok()
}

fn note_facts(transcript: &mut Transcript<'_>, log: Option<&Path>, known: &Value) {
    let facts = &mut transcript.facts;
    let own = |key: &str| field::text(known, key).map(str::to_owned);
    facts.title = own("generated_title").or_else(|| own("session_summary"));
    facts.cwd = known.pointer("/info/cwd").and_then(Value::as_str).map(str::to_owned);
    facts.branch = own("head_branch");
    facts.began = known.get("created_at").and_then(field::time);
    facts.ended = known.get("updated_at").and_then(field::time);
    facts.parent = log.and_then(parent);
    facts.related.extend(facts.parent.clone());
    if let Some(model) = own("current_model_id") {
        facts.model = model;
    }
    let remote = known.pointer("/git_remotes/0").and_then(Value::as_str).map(field::without_credentials);
    let named = [(attribute::GIT_REMOTE, remote), ("git_commit", own("head_commit"))];
    facts.attributes.extend(named.into_iter().filter_map(|(key, value)| Some((key, Value::from(value?)))));
}

/// The session that started this one: it has a folder for it among its subagents.
fn parent(log: &Path) -> Option<String> {
    let session = log.parent()?;
    let name = session.file_name()?;
    let is_parent = |other: &std::path::PathBuf| other != session && other.join("subagents").join(name).is_dir();
    let found = folders::folders(session.parent()?, |_| true).into_iter().find(is_parent)?;
    found.file_name()?.to_str().map(str::to_owned)
}

/// What the turns used, by turn and model: a turn that is told again is told anew.
fn usage(log: &Path) -> BTreeMap<String, (Option<Timestamp>, Tokens)> {
    let mut found = BTreeMap::new();
    let Ok(text) = files::read_text(&log.with_file_name("updates.jsonl"), files::LARGE) else { return found };
    let updates =
        text.lines().filter(|line| line.contains("\"usage\"")).filter_map(|line| serde_json::from_str(line).ok());
    for (index, update) in updates.enumerate() {
        let update: Value = update;
        let Some(usage) = update.pointer("/params/update/usage") else { continue };
        let time = update.get("timestamp").and_then(field::time);
        let turn = update.pointer("/params/update/prompt_id").and_then(Value::as_str);
        let turn = turn.map_or_else(|| format!("turn-{index}"), str::to_owned);
        let models = usage.get("modelUsage").and_then(Value::as_object).filter(|models| !models.is_empty());
        match models {
            Some(models) => {
                found.extend(models.iter().map(|(model, used)| (format!("{turn}-{model}"), (time, tokens(used)))));
            }
            None => drop(found.insert(turn, (time, tokens(usage)))),
        }
    }
    found
}

fn tokens(used: &Value) -> Tokens {
    let cache_read = field::count(used, "cachedReadTokens");
    Tokens {
        // The input includes what came from the cache.
        input: field::count(used, "inputTokens").saturating_sub(cache_read),
        output: field::count(used, "outputTokens"),
        cache_read,
        reasoning: field::count(used, "reasoningTokens"),
        ..Tokens::default()
    }
}

fn send(transcript: &mut Transcript<'_>, line: u64, record: &Value, is_subagent: bool) -> io::Result<()> {
    let id = field::text(record, "id").map_or_else(|| format!("line-{line}"), str::to_owned);
    let kind = field::text(record, "type").unwrap_or_default();
    let is_prompt = record.get("synthetic_reason").is_none_or(|reason| reason == "interjection");
    let speaker = match kind {
        // What the person said while the agent worked is theirs, too.
        "user" if is_prompt && !is_subagent => Speaker::Person,
        "user" if is_prompt => Speaker::Program("subagent"),
        "user" => Speaker::Program("context"),
        "system" => Speaker::Program("system"),
        "assistant" | "reasoning" | "tool_result" | "backend_tool_call" => Speaker::Agent,
        _ => return transcript.unknown(&id, None, kind, record.clone()),
    };
    let mut message = Message::new(id.clone(), None, speaker);
    match kind {
        "reasoning" => {
            let summary = record.get("summary").and_then(Value::as_array).into_iter().flatten();
            let texts: Vec<&str> = summary.filter_map(|part| field::text(part, "text")).collect();
            message.parts.push(Part::Thought(texts.join("\n")));
        }
        "tool_result" => message.parts.push(chat::result(record, false, exit_code(record))),
        "backend_tool_call" => message.parts.push(backend(id, record)),
        _ => message.say(chat::said(record.get("content").unwrap_or(&Value::Null))),
    }
    message.parts.extend(chat::calls(record));
    if let Some(model) = field::text(record, "model_id") {
        model.clone_into(&mut transcript.facts.model);
        message.model = Some(model.to_owned());
    }
    if matches!(kind, "user" | "assistant") && !message.parts.is_empty() {
        message.attributes.extend(field::rest(record, &RECORD).map(|rest| ("source.fields", rest)));
    }
    message.send(transcript)
}

/// A call that the provider made; its result is not kept.
fn backend(id: String, record: &Value) -> Part {
    let call = record.get("kind").unwrap_or(&Value::Null);
    let name = field::text(call, "tool_type").unwrap_or("backend_tool");
    let arguments = call.get("action").cloned().unwrap_or_default();
    let kind = tool::kind_of(name).filter(|kind| *kind == Kind::WebSearch);
    let calls = match kind {
        Some(kind) => vec![tool::call_as(kind, name, arguments)],
        None => vec![tool::generic(name, arguments)],
    };
    Part::Calls { id: field::text(call, "id").map_or(id, str::to_owned), name: name.to_owned(), calls }
}

/// The code of a command, where its output says it.
fn exit_code(record: &Value) -> Option<i32> {
    let text = field::text(record, "content")?;
    let code = |line: &str| line.to_lowercase().strip_prefix("exit code: ").and_then(|code| code.trim().parse().ok());
    text.lines().take(3).chain(text.trim_end().lines().next_back()).find_map(code)
}
