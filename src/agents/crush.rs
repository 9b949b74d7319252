//! Crush: a database in the folder it works in.
//!
//! Learned in November 2026 from its public source (`internal/db/migrations`, `internal/message/content.go`,
//! `internal/agent/tools`), up to August 2026; no database of a real user was seen. The counts of a session
//! are those of its last request, so they count nowhere; the cost is that of the whole session.

use std::{io, path::Path};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning,
    database::{self, Database, rows},
    diff, field, folders, identity, media,
    message::{self, Message, Part, Speaker},
    records::Record,
    tool::Call,
    transcript::{Outcome, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Block, Content, EventType, Sink, Timestamp, attribute},
};

/// The folder in which the agent keeps its database.
const FOLDER: &str = ".crush";

/// The Crush reader.
pub(super) struct Crush;

impl Agent for Crush {
    fn name(&self) -> &'static str {
        "crush"
    }

    fn title(&self) -> &'static str {
        "Crush"
    }

    fn is_local(&self) -> bool {
        true
    }

    /// `.crush/crush.db` in the scope's folder and those above it.
    fn logs(&self, _: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let folders = scope.folder.into_iter().flat_map(Path::ancestors);
        let found = folders.filter_map(|folder| database::log_at(folder.join(FOLDER).join("crush.db")));
        folders::in_scope(found.collect(), scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let has_table = |name: &str| sample.tables.iter().any(|table| table == name);
        // The last one is that of the library which makes the tables.
        ["sessions", "messages", "files", "goose_db_version"].into_iter().all(has_table)
    }

    fn sessions(&self, log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
        database::sessions(log, list, ["id", "updated_at"])
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        match log.path.filter(|path| database::is_database_at(path)) {
            Some(path) => write(path, log.part, sink),
            None => Err(ParseError::NoRecord { line: 1, cause: "not a database of Crush".to_owned() }),
        }
    }
}

/// The sessions in which something was said, but for those that only make a title.
fn list(connection: &Connection) -> Result<Vec<Record>, ParseError> {
    let query = "SELECT s.id, s.updated_at FROM sessions s WHERE s.id NOT LIKE 'title-%' \
                 AND EXISTS (SELECT 1 FROM messages m WHERE m.session_id = s.id) ORDER BY s.created_at, s.id";
    rows(connection, query, &[])
}

fn load(connection: &Connection, part: Option<&str>) -> Result<(Record, Vec<Record>), ParseError> {
    let tables = database::tables(connection)?;
    if ["sessions", "messages"].iter().any(|name| !tables.iter().any(|table| table == name)) {
        return Err(ParseError::NoRecord { line: 1, cause: "a database, but not of Crush".to_owned() });
    }
    let ids = || Ok(list(connection)?.iter().filter_map(|row| Some(row.get("id")?.as_str()?.to_owned())).collect());
    let id = database::the_one(part, ids)?;
    let Some(session) = rows(connection, "SELECT * FROM sessions WHERE id = ?1", &[&id])?.pop() else {
        return Err(ParseError::NoRecord { line: 1, cause: format!("no session '{id}' in the database") });
    };
    // The rows are in the order in which they were made; their times are whole seconds.
    let messages = rows(connection, "SELECT * FROM messages WHERE session_id = ?1 ORDER BY created_at, rowid", &[&id])?;
    Ok((session, messages))
}

fn write(path: &Path, part: Option<&str>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let (session, messages) = Database::read(path, |connection| load(connection, part))?;
    let session = Value::Object(session);
    let mut transcript = message::transcript("crush", "crush-sqlite", sink);
    let folder = path.parent().filter(|folder| folder.file_name().is_some_and(|name| name == FOLDER));
    let facts = &mut transcript.facts;
    facts.cwd = folder.and_then(|folder| folder.parent()?.to_str()).filter(|cwd| !cwd.is_empty()).map(str::to_owned);
    facts.title = field::text(&session, "title").map(str::to_owned);
    facts.parent = field::text(&session, "parent_session_id").map(str::to_owned);
    facts.related.extend(facts.parent.clone());
    facts.began = session.get("created_at").and_then(field::time);
    facts.ended = session.get("updated_at").and_then(field::time);
    let counts = [("last_prompt_tokens", "prompt_tokens"), ("last_completion_tokens", "completion_tokens")];
    for (key, column) in counts {
        let count = field::count(&session, column);
        if count > 0 {
            facts.attributes.insert(key, count.into());
        }
    }
    if let Some(cost) = session.get("cost").and_then(Value::as_f64).filter(|cost| *cost > 0.0) {
        facts.attributes.insert(attribute::COST_USD, cost.into());
    }
    let is_subagent = facts.parent.is_some();
    for (index, row) in messages.into_iter().enumerate() {
        send(&mut transcript, index as u64, Value::Object(row), is_subagent)?;
    }
    let id = field::text(&session, "id").unwrap_or_default();
    Ok(transcript.finish(identity::session_id("crush", id))?)
}

fn send(transcript: &mut Transcript<'_>, index: u64, row: Value, is_subagent: bool) -> io::Result<()> {
    let id = field::text(&row, "id").map_or_else(|| format!("message-{index}"), str::to_owned);
    let time = row.get("created_at").and_then(field::time);
    let parts = field::text(&row, "parts").unwrap_or("[]");
    let Ok(Value::Array(parts)) = serde_json::from_str::<Value>(parts) else {
        return transcript.unreadable(index + 1, "the parts of a message are not JSON", row);
    };
    let is_summary = row.get("is_summary_message").and_then(Value::as_i64) == Some(1);
    let speaker = match field::text(&row, "role") {
        _ if is_summary => Speaker::Program("compact_summary"),
        // Another agent wrote it.
        Some("user") if is_subagent => Speaker::Program("subagent"),
        Some("user") => Speaker::Person,
        Some("assistant" | "tool") => Speaker::Agent,
        Some("system") => Speaker::Program("system"),
        role => return transcript.unknown(&id, time, role.unwrap_or("message"), row.clone()),
    };
    let mut message = Message::new(id.clone(), time, speaker);
    if let Some(model) = field::text(&row, "model").filter(|_| speaker == Speaker::Agent) {
        message::note_model(transcript, model);
        message.model = Some(model.to_owned());
    }
    let mut by_hand = Vec::new();
    for part in &parts {
        let data = part.get("data").unwrap_or(&Value::Null);
        match field::text(part, "type") {
            Some("shell_command") => by_hand.push(data),
            kind => add(transcript, &mut message, kind.unwrap_or("part"), data),
        }
    }
    if message.parts.is_empty() {
        message.attributes.clear();
    }
    message.send(transcript)?;
    for (index, data) in by_hand.into_iter().enumerate() {
        ran_by_hand(transcript, &format!("{id}-shell-{index}"), time, data)?;
    }
    Ok(())
}

fn add(transcript: &mut Transcript<'_>, message: &mut Message, kind: &str, data: &Value) {
    let text = |key: &str| field::text(data, key).unwrap_or_default().to_owned();
    match kind {
        "text" => message.say(Content::text(text("text"))),
        "reasoning" if text("thinking").is_empty() => {}
        "reasoning" => message.parts.push(Part::Thought(text("thinking"))),
        "image_url" => message.say(Content { blocks: vec![media::image_url(&text("url"))] }),
        "binary" => message.say(Content { blocks: vec![attached(data)] }),
        "tool_call" => {
            let arguments = field::arguments(data.get("input"));
            message.parts.push(Part::Call { id: text("id"), name: text("name"), arguments });
        }
        "tool_result" => {
            let id = text("tool_call_id");
            let path = transcript.waiting_call(&id).and_then(|call| call.event_type.changed_path().map(str::to_owned));
            message.parts.push(Part::Result { outcome: outcome(data, path.as_deref()), id });
        }
        "finish" => {
            let why = field::text(data, "reason").filter(|reason| !matches!(*reason, "end_turn" | "tool_use"));
            message.attributes.extend(why.map(|why| ("stop_reason", json!(why))));
            let said = field::rest(data, &["reason", "time"]).map(|rest| ("source.fields", rest));
            message.attributes.extend(said);
        }
        kind => message.parts.push(Part::Other(kind.to_owned(), data.clone())),
    }
}

/// A file that was attached to a prompt.
fn attached(data: &Value) -> Block {
    let (mime, base64) = (field::text(data, "MIMEType").unwrap_or_default(), field::text(data, "Data"));
    match base64 {
        Some(base64) if mime.starts_with("image/") => media::image(mime, base64),
        _ => Block::File { path: field::text(data, "Path").unwrap_or("unknown").to_owned(), content: None },
    }
}

/// What a call returned; an edit's has the file before and after, from which the diff is made.
fn outcome(data: &Value, path: Option<&str>) -> Outcome {
    let text = field::text(data, "content").unwrap_or_default();
    let told = field::arguments(data.get("metadata"));
    let content = |key: &str| told.get(key).and_then(Value::as_str);
    let replaced = content("old_content").or(Some("")).zip(content("new_content"));
    let span = told.get("start_time").and_then(Value::as_u64).zip(told.get("end_time").and_then(Value::as_u64));
    let mut outcome = Outcome {
        content: Content::text(text),
        is_error: data.get("is_error") == Some(&Value::Bool(true)),
        exit_code: exit_code(text).filter(|_| told.get("output").is_some() && told.get("background").is_none()),
        diff: path
            .zip(replaced)
            .map(|(path, (old, new))| diff::unified(path, old, new))
            .filter(|diff| !diff.is_empty()),
        duration_ms: span.map(|(start, end)| end.saturating_sub(start)),
    };
    if let Some(picture) = field::text(data, "data").zip(field::text(data, "mime_type")) {
        let (base64, mime) = picture;
        outcome.content.blocks.push(media::image(mime, base64));
    }
    outcome
}

/// The code of a command: the last line of its output where it failed; one that was aborted has none.
fn exit_code(text: &str) -> Option<i32> {
    let mut lines = text.trim_end().lines().rev().filter(|line| !line.starts_with("<cwd>") && !line.trim().is_empty());
    let last = lines.next().unwrap_or_default();
    match last.strip_prefix("Exit code ") {
        Some(code) => code.parse().ok(),
        None => (last != "Command was aborted before completion").then_some(0),
    }
}

/// A command that the person ran in the program.
fn ran_by_hand(transcript: &mut Transcript<'_>, id: &str, time: Option<Timestamp>, data: &Value) -> io::Result<()> {
    let command = field::text(data, "command").unwrap_or_default().to_owned();
    let exit_code = field::exit_code(data, "exit_code");
    let event_type = EventType::ShellCommand { command, exit_code };
    let call = Call { event_type, content: Content::default(), group: "shell" };
    transcript.call((id, id), time, "bash", call)?;
    if let Some(event) = transcript.waiting_call(id) {
        event.attributes.insert("command_source".to_owned(), json!("user"));
    }
    let content = Content::text(field::text(data, "output").unwrap_or_default());
    let is_error = exit_code.is_some_and(|code| code != 0);
    transcript.result(
        (&format!("{id}-result"), id),
        time,
        Outcome { content, is_error, exit_code, ..Outcome::default() },
    )
}
