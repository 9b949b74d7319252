//! Zed: a database of threads, each a document, mostly compressed.
//!
//! Learned in November 2026 from the public source of Zed (`crates/agent`: `db.rs`, `thread.rs`, `legacy_thread.rs`)
//! and from what public readers test with; no database of a real user was seen. A thread has the time of its last
//! change only.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use serde_json::{Map, Value, json};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning,
    compressed::plain,
    database::{self, Database, rows},
    field, folders, identity, media,
    message::{self, Message, Part, Speaker},
    records::Record,
    tool::{self, Call, Kind},
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Block, Content, Sink},
};

/// The largest thread that is read, in bytes of its text.
const MAX_BYTES: u64 = super::MAX_DOCUMENT_BYTES;

/// The Zed reader.
pub(super) struct Zed;

impl Agent for Zed {
    fn name(&self) -> &'static str {
        "zed"
    }

    fn title(&self) -> &'static str {
        "Zed"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let linux = environment.folder("XDG_DATA_HOME", ".local/share").map(|data| data.join("zed"));
        let mac = environment.home().map(|home| home.join("Library/Application Support/Zed"));
        let flatpak = environment.home().map(|home| home.join(".var/app/dev.zed.Zed/data/zed"));
        let homes: Vec<PathBuf> = linux.into_iter().chain(mac).chain(flatpak).collect();
        let found = homes.iter().filter_map(|home| database::log_at(home.join("threads/threads.db")));
        folders::in_scope(found.collect(), scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.tables.iter().any(|table| table == "threads") && sample.tables.iter().all(|table| is_own(table))
    }

    fn sessions(&self, log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
        database::sessions(log, list, ["id", "updated_at"])
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        match log.path.filter(|path| database::is_database_at(path)) {
            Some(path) => write(path, log.part, sink),
            None => Err(ParseError::NoRecord { line: 1, cause: "not a database of Zed".to_owned() }),
        }
    }
}

/// Whether a table is one that such a database can have: another program's table named `threads` is not alone.
fn is_own(table: &str) -> bool {
    table == "threads" || table.contains("migration") || table.starts_with("sqlite_")
}

fn list(connection: &Connection) -> Result<Vec<Record>, ParseError> {
    rows(connection, "SELECT id, updated_at FROM threads ORDER BY updated_at, id", &[])
}

/// The row of a thread without its document, and the document as it is kept.
fn load(connection: &Connection, part: Option<&str>) -> Result<(Record, Vec<u8>), ParseError> {
    if !database::tables(connection)?.iter().any(|table| table == "threads") {
        return Err(ParseError::NoRecord { line: 1, cause: "a database, but not of Zed".to_owned() });
    }
    let ids = || Ok(list(connection)?.iter().filter_map(|row| Some(row.get("id")?.as_str()?.to_owned())).collect());
    let id = database::the_one(part, ids)?;
    let Some(mut row) = rows(connection, "SELECT * FROM threads WHERE id = ?1", &[&id])?.pop() else {
        return Err(ParseError::NoRecord { line: 1, cause: format!("no thread '{id}' in the database") });
    };
    row.remove("data");
    let data = connection.query_row("SELECT CAST(data AS BLOB) FROM threads WHERE id = ?1", [&id], |row| row.get(0))?;
    Ok((row, data))
}

fn write(path: &Path, part: Option<&str>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let (row, data) = Database::read(path, |connection| load(connection, part))?;
    let row = Value::Object(row);
    let mut text = Vec::new();
    plain(data.as_slice()).take(MAX_BYTES).read_to_end(&mut text)?;
    let thread: Value = serde_json::from_slice(&text)
        .map_err(|fault| ParseError::NoRecord { line: 1, cause: format!("the thread is not JSON: {fault}") })?;
    let mut transcript = message::transcript("zed", "zed-thread", sink);
    note_facts(&mut transcript, &row, &thread);
    for (index, native) in thread.get("messages").and_then(Value::as_array).into_iter().flatten().enumerate() {
        send(&mut transcript, index, native, thread.get("request_token_usage").unwrap_or(&Value::Null))?;
    }
    rest_of_usage(&mut transcript, &thread)?;
    let id = field::text(&row, "id").unwrap_or_default();
    Ok(transcript.finish(identity::session_id("zed", id))?)
}

fn note_facts(transcript: &mut Transcript<'_>, row: &Value, thread: &Value) {
    let model = thread.get("model").unwrap_or(&Value::Null);
    if let Some(name) = field::text(model, "model") {
        message::note_model(transcript, name);
    }
    let facts = &mut transcript.facts;
    if let Some(provider) = field::text(model, "provider") {
        provider.clone_into(&mut facts.provider);
    }
    facts.title =
        field::any_text(thread, &["title", "summary"]).or_else(|| field::text(row, "summary")).map(str::to_owned);
    let parent = field::text(row, "parent_id");
    let parent = parent.or_else(|| thread.pointer("/subagent_context/parent_thread_id").and_then(Value::as_str));
    facts.parent = parent.map(str::to_owned);
    facts.related.extend(facts.parent.clone());
    facts.began = row.get("created_at").or_else(|| row.get("updated_at")).and_then(field::time);
    facts.ended = row.get("updated_at").and_then(field::time);
    let tree = thread.pointer("/initial_project_snapshot/worktree_snapshots/0").unwrap_or(&Value::Null);
    let folder = field::text(row, "folder_paths").and_then(|paths| paths.lines().next());
    facts.cwd = folder.or_else(|| field::text(tree, "worktree_path")).map(str::to_owned);
    let git = tree.get("git_state").unwrap_or(&Value::Null);
    facts.branch = field::text(git, "current_branch").map(str::to_owned);
    let named = [
        ("git_remote", field::text(git, "remote_url").map(field::without_credentials)),
        ("git_commit", field::text(git, "head_sha").map(str::to_owned)),
        ("profile", field::text(thread, "profile").map(str::to_owned)),
    ];
    facts.attributes.extend(named.into_iter().filter_map(|(key, value)| Some((key, Value::from(value?)))));
}

/// The one member of an object that is named by what it is.
fn tagged(value: &Value) -> Option<(&str, &Value)> {
    value.as_object().filter(|members| members.len() == 1)?.iter().next().map(|(key, value)| (key.as_str(), value))
}

fn send(transcript: &mut Transcript<'_>, index: usize, native: &Value, usage: &Value) -> io::Result<()> {
    let fallback = format!("message-{index}");
    match tagged(native) {
        Some(("User", user)) => {
            let id = field::text(user, "id").map_or(fallback, str::to_owned);
            // Another agent wrote the prompts of a subagent.
            let is_subagent = transcript.facts.parent.is_some();
            let speaker = if is_subagent { Speaker::Program("subagent") } else { Speaker::Person };
            let mut message = Message::new(id.clone(), None, speaker);
            for part in user.get("content").and_then(Value::as_array).into_iter().flatten() {
                message.say(content(part));
            }
            message.send(transcript)?;
            note_usage(transcript, &id, usage.get(&id))
        }
        Some(("Agent", agent)) => answer(transcript, fallback, agent),
        _ if field::text(native, "role").is_some() => early(transcript, fallback, native),
        _ if native == "Resume" => Ok(()),
        other => transcript.unknown(&fallback, None, other.map_or("message", |(kind, _)| kind), native.clone()),
    }
}

/// One part of a prompt: a text, something that was mentioned, or a picture.
fn content(part: &Value) -> Content {
    let block = match tagged(part) {
        Some(("Text", Value::String(text))) => Block::Text { text: text.as_str().into() },
        Some(("Mention", mention)) => {
            let uri = mention.get("uri").and_then(tagged);
            let path = uri.and_then(|(_, uri)| field::any_text(uri, &["abs_path", "path"]));
            match path {
                Some(path) => Block::File { path: path.to_owned(), content: None },
                None => Block::Json { data: mention.clone() },
            }
        }
        Some(("Image", image)) => match field::text(image, "source") {
            Some(base64) => media::image("image/png", base64),
            None => Block::Json { data: image.clone() },
        },
        _ => Block::Json { data: part.clone() },
    };
    Content { blocks: vec![block] }
}

fn answer(transcript: &mut Transcript<'_>, id: String, agent: &Value) -> io::Result<()> {
    let mut message = Message::new(id, None, Speaker::Agent);
    message.model = Some(transcript.facts.model.clone()).filter(|model| model != "unknown");
    let results = agent.get("tool_results").and_then(Value::as_object);
    for part in agent.get("content").and_then(Value::as_array).into_iter().flatten() {
        match tagged(part) {
            Some(("Text", Value::String(text))) => message.say(Content::text(text.as_str())),
            Some(("Thinking", thought)) => {
                message.parts.push(Part::Thought(field::text(thought, "text").unwrap_or_default().to_owned()));
            }
            Some(("RedactedThinking", _)) => message.parts.push(Part::Thought(String::new())),
            Some(("ToolUse", used)) => {
                let id = field::text(used, "id").unwrap_or_default().to_owned();
                add_call(&mut message, &id, used, used.get("input"));
                let result = results.and_then(|results| results.get(&id));
                message.parts.extend(result.map(|result| Part::Result { outcome: outcome(result), id }));
            }
            other => {
                message.parts.push(Part::Other(other.map_or("content", |(kind, _)| kind).to_owned(), part.clone()));
            }
        }
    }
    message.send(transcript)
}

fn add_call(message: &mut Message, id: &str, used: &Value, input: Option<&Value>) {
    let name = field::text(used, "name").unwrap_or_default().to_owned();
    let calls = vec![call(&name, input.cloned().unwrap_or_default())];
    message.parts.push(Part::Calls { id: id.to_owned(), name, calls });
}

/// The event of a call. The tool that edits files says what for in words; what changed is in its result.
fn call(name: &str, mut input: Value) -> Call {
    match (name, field::text(&input, "mode")) {
        ("edit_file", Some("create")) => tool::call_as(Kind::Write, name, input),
        ("terminal", _) => {
            if let Some(members) = input.as_object_mut() {
                members.retain(|_, value| !value.is_null());
            }
            tool::call_as(Kind::Shell, name, input)
        }
        ("regex_search" | "grep", _) => tool::call_as(Kind::Search, name, input),
        ("find_path", _) => {
            if let Some(members) = input.as_object_mut()
                && let Some(glob) = members.remove("glob")
            {
                members.insert("pattern".to_owned(), glob);
            }
            tool::call_as(Kind::Glob, name, input)
        }
        ("delete_path", _) => tool::call_as(Kind::Delete, name, input),
        ("spawn_agent" | "subagent", _) => tool::call_as(Kind::Task, name, input),
        _ => tool::call(name, input),
    }
}

fn outcome(result: &Value) -> Outcome {
    let output = result.get("output").unwrap_or(&Value::Null);
    let said = match result.get("content") {
        Some(Value::Array(parts)) => Content { blocks: parts.iter().flat_map(|part| content(part).blocks).collect() },
        Some(part) if tagged(part).is_some() => content(part),
        other => field::content(other.unwrap_or(&Value::Null)),
    };
    let diff = field::text(output, "diff").and_then(|diff| Some(diff[diff.find("@@ ")?..].to_owned()));
    let path = field::any_text(output, &["input_path", "path", "original_path"]).unwrap_or_default();
    let text = said.to_text();
    Outcome {
        exit_code: exit_code(&text).filter(|_| result["tool_name"] == "terminal"),
        content: said,
        is_error: result.get("is_error") == Some(&Value::Bool(true)),
        diff: diff.map(|hunks| super::diff::with_header(path, &hunks)),
        duration_ms: None,
    }
}

/// The code of a command: the tool says it of one that failed. One that was stopped has none.
fn exit_code(text: &str) -> Option<i32> {
    let Some((_, rest)) = text.split_once("failed with exit code ") else {
        let is_done = text.starts_with("```") || text.starts_with("Command executed successfully");
        return is_done.then_some(0);
    };
    rest.split(|c: char| !c.is_ascii_digit() && c != '-').next()?.parse().ok()
}

/// A message of the first versions, which call the parts segments.
fn early(transcript: &mut Transcript<'_>, fallback: String, native: &Value) -> io::Result<()> {
    let id = native.get("id").filter(|id| id.is_number()).map_or(fallback, |id| format!("message-{id}"));
    let speaker = match field::text(native, "role") {
        Some("user") => Speaker::Person,
        Some("assistant") => Speaker::Agent,
        _ => Speaker::Program("system"),
    };
    let mut message = Message::new(id, None, speaker);
    for segment in native.get("segments").and_then(Value::as_array).into_iter().flatten() {
        let text = field::text(segment, "text").unwrap_or_default();
        match field::text(segment, "type") {
            Some("text") => message.say(Content::text(text)),
            Some("thinking") => message.parts.push(Part::Thought(text.to_owned())),
            Some("redacted_thinking") => message.parts.push(Part::Thought(String::new())),
            kind => message.parts.push(Part::Other(kind.unwrap_or("segment").to_owned(), segment.clone())),
        }
    }
    for used in native.get("tool_uses").and_then(Value::as_array).into_iter().flatten() {
        add_call(&mut message, field::text(used, "id").unwrap_or_default(), used, used.get("input"));
    }
    for result in native.get("tool_results").and_then(Value::as_array).into_iter().flatten() {
        let id = field::text(result, "tool_use_id").unwrap_or_default().to_owned();
        message.parts.push(Part::Result { id, outcome: outcome(result) });
    }
    if let Some(context) = field::text(native, "context").filter(|_| !message.parts.is_empty()) {
        message.attributes.push(("source.context", json!(context)));
    }
    message.send(transcript)
}

/// What the answers to a prompt used.
fn note_usage(transcript: &mut Transcript<'_>, id: &str, used: Option<&Value>) -> io::Result<()> {
    let Some(used) = used.filter(|used| used.is_object()) else { return Ok(()) };
    let mut message = Message::new(format!("{id}-used"), None, Speaker::Agent);
    message.tokens = tokens(used);
    message.send(transcript)
}

/// What the thread used beyond what its prompts say: early versions count only the whole.
fn rest_of_usage(transcript: &mut Transcript<'_>, thread: &Value) -> io::Result<()> {
    let all = tokens(thread.get("cumulative_token_usage").unwrap_or(&Value::Null));
    let empty = Map::new();
    let told = thread.get("request_token_usage").and_then(Value::as_object).unwrap_or(&empty);
    // Early versions tell them by the place of the message, which is not that of the answer.
    let left = told.values().map(tokens).fold(all, |left, used| Tokens {
        input: left.input.saturating_sub(used.input),
        output: left.output.saturating_sub(used.output),
        cache_read: left.cache_read.saturating_sub(used.cache_read),
        cache_write: left.cache_write.saturating_sub(used.cache_write),
        ..left
    });
    let mut message = Message::new("thread".to_owned(), transcript.facts.ended, Speaker::Agent);
    message.tokens = left;
    message.send(transcript)
}

fn tokens(used: &Value) -> Tokens {
    Tokens {
        input: field::count(used, "input_tokens"),
        output: field::count(used, "output_tokens"),
        cache_read: field::count(used, "cache_read_input_tokens"),
        cache_write: field::count(used, "cache_creation_input_tokens"),
        ..Tokens::default()
    }
}
