//! Reads a session of a database.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};
use serde_json::{Map, Value, json};

use super::{
    message::{self, Messages},
    seconds,
};
use crate::{
    agents::{
        ParseError, Warning,
        database::{self, Database, rows},
        identity,
        records::{self, Record, text},
        transcript::{Facts, Tokens, Transcript},
    },
    hail::{Sink, Timestamp, describe_json},
};

/// A session as its rows have it.
struct Loaded {
    session: Record,
    messages: Vec<Record>,
    /// What each answer used, in newer versions.
    ledger: Vec<Record>,
    /// How many messages at the beginning are copies, and of which session.
    copied: usize,
    forked_from: Option<String>,
}

/// The sessions of a database with the time of their last change.
pub(super) fn sessions(path: &Path) -> Result<Vec<(String, Option<Timestamp>)>, ParseError> {
    Database::read(path, |connection| {
        let all = rows(connection, "SELECT id, updated_at FROM sessions ORDER BY created_at, id", &[])?;
        Ok(all.iter().filter_map(|row| Some((text(row, "id")?.to_owned(), time(row, "updated_at")))).collect())
    })
}

pub(super) fn write(path: &Path, part: Option<&str>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let Loaded { session, messages: rows, ledger, copied, forked_from } =
        Database::read(path, |connection| load(connection, part))?;
    let id = text(&session, "id").unwrap_or_default().to_owned();
    let mut transcript = Transcript::new("goose", "goose-sqlite", sink);
    let total = message::totals(&session);
    let is_subagent = text(&session, "session_type") == Some("sub_agent");
    transcript.facts = facts(session);
    if let Some(parent) = &forked_from {
        let began = transcript.facts.began;
        transcript.forked_from(began, Some(parent), copied)?;
    }
    let mut messages = Messages::new(transcript);
    messages.is_subagent = is_subagent;
    messages.total = beyond(total, &ledger);
    for row in rows.into_iter().skip(copied) {
        let fallback = row.get("row").map(Value::to_string).unwrap_or_default();
        if let Some(cause) = text(&row, "fault").map(str::to_owned) {
            let line = row.get("row").and_then(Value::as_u64).unwrap_or(1);
            messages.transcript.unreadable(line, &cause, Value::Object(row))?;
        } else {
            messages.write(&fallback, &row)?;
        }
    }
    let mut transcript = messages.finish()?;
    for (index, row) in ledger.into_iter().enumerate() {
        let used = (text(&row, "model").map(str::to_owned), tokens(&row));
        let at = row.get("created_timestamp").and_then(Value::as_i64).and_then(seconds);
        message::usage_event(&mut transcript, (&format!("usage-{index}"), at), used)?;
    }
    Ok(transcript.finish(identity::session_id("goose", &id))?)
}

/// What a session used beyond what its ledger says of each answer: a ledger may have begun late.
fn beyond(total: Tokens, ledger: &[Record]) -> Tokens {
    ledger.iter().map(tokens).fold(total, |left, used| Tokens {
        input: left.input.saturating_sub(used.input),
        output: left.output.saturating_sub(used.output),
        cache_read: left.cache_read.saturating_sub(used.cache_read),
        cache_write: left.cache_write.saturating_sub(used.cache_write),
        reasoning: 0,
        cost: left.cost.map(|cost| cost - used.cost.unwrap_or(0.0)).filter(|cost| *cost > 1e-9),
    })
}

fn tokens(row: &Record) -> Tokens {
    let count = |key: &str| records::count(row, key);
    let (cache_read, cache_write) = (count("cache_read_tokens"), count("cache_write_tokens"));
    Tokens {
        input: count("input_tokens").saturating_sub(cache_read).saturating_sub(cache_write),
        output: count("output_tokens"),
        cache_read,
        cache_write,
        reasoning: 0,
        cost: row.get("cost").and_then(Value::as_f64),
    }
}

fn load(connection: &Connection, part: Option<&str>) -> Result<Loaded, ParseError> {
    let tables = database::tables(connection)?;
    if ["sessions", "messages"].iter().any(|name| !tables.iter().any(|table| table == name)) {
        return Err(ParseError::NoRecord { line: 1, cause: "a database, but not of Goose".to_owned() });
    }
    let id = database::the_one(part, || ids(connection))?;
    let Some(session) = rows(connection, "SELECT * FROM sessions WHERE id = ?1", &[&id])?.pop() else {
        return Err(ParseError::NoRecord { line: 1, cause: format!("no session '{id}' in the database") });
    };
    let messages = rows(connection, "SELECT * FROM messages WHERE session_id = ?1 ORDER BY id", &[&id])?;
    let ledger = if tables.iter().any(|table| table == "usage_ledger") {
        rows(connection, "SELECT * FROM usage_ledger WHERE session_id = ?1 ORDER BY id", &[&id])?
    } else {
        Vec::new()
    };
    let (copied, forked_from) = copies(connection, &session, &messages)?;
    Ok(Loaded { session, messages: messages.into_iter().map(of_row).collect(), ledger, copied, forked_from })
}

/// How many messages at the beginning are copies, and of which session: they are older than their session, and
/// the other one has the first of them, too.
fn copies(
    connection: &Connection,
    session: &Record,
    messages: &[Record],
) -> Result<(usize, Option<String>), ParseError> {
    let began = time(session, "created_at");
    let created = |row: &Record| row.get("created_timestamp").and_then(Value::as_i64).and_then(seconds);
    let is_older = |row: &&Record| created(row).zip(began).is_some_and(|(created, began)| created < began);
    let count = messages.iter().take_while(is_older).count();
    let Some(first) = messages.first().filter(|_| count > 0) else { return Ok((0, None)) };
    let query =
        "SELECT session_id FROM messages WHERE created_timestamp = ?1 AND content_json = ?2 AND session_id <> ?3
        ORDER BY id LIMIT 1";
    let at = first.get("created_timestamp").and_then(Value::as_i64);
    let (content, own) = (text(first, "content_json"), text(session, "id"));
    let parent: Option<String> = connection.query_row(query, (at, content, own), |row| row.get(0)).optional()?;
    Ok((if parent.is_some() { count } else { 0 }, parent))
}

fn ids(connection: &Connection) -> Result<Vec<String>, ParseError> {
    let all = rows(connection, "SELECT id FROM sessions ORDER BY created_at, id", &[])?;
    Ok(all.iter().filter_map(|row| text(row, "id").map(str::to_owned)).collect())
}

/// A row of `messages` in the shape of a line of earlier versions.
fn of_row(mut row: Record) -> Record {
    let json = |row: &mut Record, key: &str| match row.remove(key) {
        Some(Value::String(text)) => {
            serde_json::from_str::<Value>(&text).map_err(|fault| (describe_json(&fault), text))
        }
        _ => Ok(Value::Null),
    };
    let content = json(&mut row, "content_json");
    let metadata = json(&mut row, "metadata_json").unwrap_or_default();
    let mut message = Map::new();
    for (from, to) in [("id", "row"), ("message_id", "id"), ("role", "role"), ("created_timestamp", "created")] {
        message.extend(row.remove(from).map(|value| (to.to_owned(), value)));
    }
    match content {
        Ok(content) => message.insert("content".to_owned(), content),
        Err((fault, text)) => {
            message.insert("content_json".to_owned(), text.into());
            message.insert("fault".to_owned(), json!(fault))
        }
    };
    message.insert("metadata".to_owned(), metadata);
    message
}

fn facts(mut session: Record) -> Facts {
    let (began, ended) = (time(&session, "created_at"), time(&session, "updated_at"));
    let config = text(&session, "model_config_json").and_then(|json| serde_json::from_str::<Value>(json).ok());
    let model = config.as_ref().and_then(|config| config.get("model_name")).and_then(Value::as_str);
    let mut take = |key: &str| match session.remove(key) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let title = [take("name"), take("description")];
    let mut facts = Facts {
        provider: take("provider_name").unwrap_or_else(|| "unknown".to_owned()),
        model: model.unwrap_or("unknown").to_owned(),
        title: title.into_iter().flatten().next(),
        cwd: take("working_dir"),
        parent: take("parent_session_id"),
        began,
        ended,
        ..Facts::default()
    };
    facts.related.extend(facts.parent.clone());
    for said in ["id", "created_at", "updated_at", "model_config_json", "extension_data"] {
        session.remove(said);
    }
    session.retain(|key, value| {
        !key.contains("token") && !key.ends_with("_cost") && value != &json!("") && value != &json!(0)
    });
    if !session.is_empty() {
        facts.attributes.insert("source.fields", Value::Object(session));
    }
    facts
}

/// A time as SQLite or the program writes it, in UTC.
fn time(row: &Record, key: &str) -> Option<Timestamp> {
    let text = text(row, key)?;
    let mut whole = text.replacen(' ', "T", 1).replace(' ', "");
    if let Some(plain) = whole.strip_suffix("UTC") {
        whole = plain.to_owned();
    }
    let direct = whole.parse();
    direct.or_else(|_| format!("{whole}Z").parse()).ok()
}
