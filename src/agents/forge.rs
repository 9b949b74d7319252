//! Forge (ForgeCode): a database of conversations, each with its messages as one JSON document.
//!
//! Learned from public programs that read the database; its source was not compared.

use std::{io, path::Path};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, chat,
    database::{self, Database, rows},
    field, folders, identity,
    message::{self, Message, Part, Speaker},
    records::Record,
    tool::{self, Call, Kind},
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Content, Sink, Timestamp, attribute},
};

/// The Forge reader.
pub(super) struct Forge;

impl Agent for Forge {
    fn name(&self) -> &'static str {
        "forge"
    }

    fn title(&self) -> &'static str {
        "Forge"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let homes = environment.home().map(|home| [home.join(".forge"), home.join("forge")]);
        let found = homes.into_iter().flatten().filter_map(|home| database::log_at(home.join(".forge.db")));
        folders::in_scope(found.collect(), scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let has_table = |name: &str| sample.tables.iter().any(|table| table == name);
        // The second one is that of the library which makes the tables.
        has_table("conversations") && has_table("__diesel_schema_migrations") && !has_table("ai_queries")
    }

    fn sessions(&self, log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
        database::sessions(log, list, ["conversation_id", "updated_at"])
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        match log.path.filter(|path| database::is_database_at(path)) {
            Some(path) => write(path, log.part, sink),
            None => Err(ParseError::NoRecord { line: 1, cause: "not a database of Forge".to_owned() }),
        }
    }
}

/// The conversations in which something was said.
fn list(connection: &Connection) -> Result<Vec<Record>, ParseError> {
    let query = "SELECT conversation_id, COALESCE(updated_at, created_at) AS updated_at FROM conversations \
                 WHERE context IS NOT NULL ORDER BY created_at, conversation_id";
    rows(connection, query, &[])
}

fn load(connection: &Connection, part: Option<&str>) -> Result<Record, ParseError> {
    if !database::tables(connection)?.iter().any(|table| table == "conversations") {
        return Err(ParseError::NoRecord { line: 1, cause: "a database, but not of Forge".to_owned() });
    }
    let id = |row: &Record| Some(row.get("conversation_id")?.as_str()?.to_owned());
    let id = database::the_one(part, || Ok(list(connection)?.iter().filter_map(id).collect()))?;
    let found = rows(connection, "SELECT * FROM conversations WHERE conversation_id = ?1", &[&id])?.pop();
    found.ok_or_else(|| ParseError::NoRecord { line: 1, cause: format!("no session '{id}' in the database") })
}

fn write(path: &Path, part: Option<&str>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let row = Value::Object(Database::read(path, |connection| load(connection, part))?);
    let mut out = message::transcript("forge", "forge-sqlite", sink);
    out.facts.title = field::text(&row, "title").map(str::to_owned);
    out.facts.began = row.get("created_at").and_then(field::time);
    out.facts.ended = row.get("updated_at").and_then(field::time);
    let context = field::text(&row, "context").unwrap_or("null");
    let context: Value = serde_json::from_str(context).unwrap_or_default();
    let Some(messages) = context.get("messages").and_then(Value::as_array) else {
        let cause = "the messages of a conversation are not JSON";
        out.unreadable(1, cause, row.clone())?;
        let id = field::text(&row, "conversation_id").unwrap_or_default();
        return Ok(out.finish(identity::session_id("forge", id))?);
    };
    for (index, entry) in messages.iter().enumerate() {
        tell(&mut out, &format!("message-{index}"), entry)?;
    }
    let id = field::text(&row, "conversation_id").unwrap_or_default();
    Ok(out.finish(identity::session_id("forge", id))?)
}

fn tell(out: &mut Transcript<'_>, id: &str, entry: &Value) -> io::Result<()> {
    // Early versions have a message without anything around it.
    let message = entry.get("message").unwrap_or(entry);
    match (message.get("text"), message.get("tool")) {
        (Some(text), _) if text.is_object() => said(out, id, entry, text),
        (_, Some(result)) if result.is_object() => returned(out, id, result),
        _ => out.unknown(id, None, "message", entry.clone()),
    }
}

fn said(out: &mut Transcript<'_>, id: &str, entry: &Value, text: &Value) -> io::Result<()> {
    let at = text.get("timestamp").and_then(field::time);
    let words = field::text(text, "content").unwrap_or_default();
    let typed = text.pointer("/raw_content/Text").and_then(Value::as_str);
    let role = field::text(text, "role").unwrap_or_default().to_lowercase();
    let speaker = match role.as_str() {
        "user" => Speaker::Person,
        "assistant" => Speaker::Agent,
        _ => Speaker::Program("system"),
    };
    if let Some(folder) = between(words, "current_working_directory") {
        out.facts.cwd = out.facts.cwd.take().or_else(|| Some(folder.to_owned()));
    }
    let mut message = Message::new(id.to_owned(), at, speaker);
    let thoughts = text.get("reasoning_details").and_then(Value::as_array).into_iter().flatten();
    message.parts.extend(thoughts.filter_map(|part| Some(Part::Thought(field::text(part, "text")?.to_owned()))));
    // What was typed is apart from the frame that the program put around it.
    let own = if speaker == Speaker::Person { typed.unwrap_or(words) } else { words };
    message.say(field::content(&Value::from(own)));
    let model = field::text(text, "model").map(str::to_owned);
    if speaker == Speaker::Agent {
        if let Some(model) = &model {
            message::note_model(out, model);
        }
        message.model.clone_from(&model);
        message.tokens = tokens(entry.get("usage").unwrap_or(&Value::Null));
    }
    let calls = text.get("tool_calls").and_then(Value::as_array).filter(|calls| !calls.is_empty());
    let used = message.tokens;
    if calls.is_some() {
        message.tokens = Tokens::default();
    }
    message.send(out)?;
    if speaker == Speaker::Person && typed.is_some_and(|typed| typed != words) && !words.is_empty() {
        let mut frame = Message::new(format!("{id}-frame"), at, Speaker::Program("frame"));
        frame.say(Content::text(words));
        frame.send(out)?;
    }
    called(out, (id, at), calls.into_iter().flatten(), (model, used))
}

fn called<'v>(
    out: &mut Transcript<'_>,
    (id, at): (&str, Option<Timestamp>),
    calls: impl Iterator<Item = &'v Value>,
    (model, used): (Option<String>, Tokens),
) -> io::Result<()> {
    let mut calls = calls.enumerate().peekable();
    while let Some((n, native)) = calls.next() {
        let name = field::text(native, "name").unwrap_or_default();
        let event_id = format!("{id}-call-{n}");
        let call_id = field::text(native, "call_id").unwrap_or(&event_id).to_owned();
        let arguments = native.get("arguments").map(chat::arguments_of).unwrap_or_default();
        out.call((&event_id, &call_id), at, name, call(name, arguments))?;
        if let Some(event) = out.waiting_call(&call_id) {
            event.attributes.insert(attribute::GROUP_ID.to_owned(), id.into());
            event.attributes.extend(model.as_ref().map(|model| (attribute::MODEL.to_owned(), json!(model))));
            if calls.peek().is_none() {
                used.note(event);
            }
        }
    }
    Ok(())
}

/// The event of a call, in the names that its tools have.
fn call(name: &str, mut arguments: Value) -> Call {
    if name != "patch" {
        return tool::call(name, arguments);
    }
    if let Value::Object(fields) = &mut arguments {
        for (from, to) in [("search", "old_string"), ("content", "new_string")] {
            let value = fields.remove(from);
            fields.extend(value.map(|value| (to.to_owned(), value)));
        }
    }
    tool::call_as(Kind::Edit, name, arguments)
}

fn returned(out: &mut Transcript<'_>, id: &str, result: &Value) -> io::Result<()> {
    let output = result.get("output").unwrap_or(&Value::Null);
    let values = output.get("values").and_then(Value::as_array).into_iter().flatten();
    let blocks = values.filter_map(|value| field::block(value.get("image").unwrap_or(value)));
    let content = Content { blocks: blocks.collect() };
    let head = content.to_text();
    let head = head.lines().next().unwrap_or_default();
    let code = head.split_once("exit_code=\"").and_then(|(_, rest)| rest.split_once('"')?.0.parse().ok());
    let exit_code: Option<i32> = code.filter(|_| head.starts_with("<shell_output"));
    let is_error = output.get("is_error") == Some(&Value::Bool(true)) || exit_code.is_some_and(|code| code != 0);
    let call = field::text(result, "call_id").unwrap_or(id);
    out.result((id, call), None, Outcome { content, is_error, exit_code, ..Outcome::default() })
}

fn between<'t>(text: &'t str, tag: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{tag}>"))?;
    Some(rest.split_once(&format!("</{tag}>"))?.0.trim()).filter(|inner| !inner.is_empty())
}

/// The counts of an answer, exact or guessed: what was cached is counted as input, too.
fn tokens(usage: &Value) -> Tokens {
    let count = |key: &str| {
        let counted = usage.get(key).unwrap_or(&Value::Null);
        field::count(counted, "actual").max(field::count(counted, "approx"))
    };
    let cache_read = count("cached_tokens");
    let input = count("prompt_tokens").saturating_sub(cache_read);
    let cost = usage.get("cost").and_then(Value::as_f64);
    Tokens { input, output: count("completion_tokens"), cache_read, cost, ..Tokens::default() }
}
