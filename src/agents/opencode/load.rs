//! Brings a session together from wherever it is kept.

use std::{collections::BTreeMap, io, path::Path};

use rusqlite::{Connection, OptionalExtension, Row, types::ValueRef};
use serde_json::{Map, Value, json};

use super::{
    is_session_document,
    second::{self, Message},
};
use crate::{
    agents::{
        Log, ParseError,
        database::{self, Database},
        records::Record,
    },
    hail::{Timestamp, describe_json},
    system::files,
};

/// A session with its messages, in order.
pub(super) struct Loaded {
    pub(super) info: Record,
    pub(super) messages: Vec<Message>,
    /// What a document holds beside them.
    pub(super) rest: Record,
    /// The session that this one was forked from, where that is known.
    pub(super) forked_from: Option<String>,
}

/// The type of a stand-in for what is no JSON.
pub(super) const UNREADABLE: &str = "unreadable";

/// The first bytes of a file.
pub(super) fn head(path: &Path) -> io::Result<Vec<u8>> {
    files::read_head(path, 16)
}

/// Loads the session that a log means.
pub(super) fn load(log: &mut Log<'_>) -> Result<Loaded, ParseError> {
    if let Some(path) = log.path.filter(|path| super::is_database_file(path)) {
        return from_database(path, log.part);
    }
    let refuse = |line: u64, cause: &str| ParseError::NoRecord { line, cause: cause.to_owned() };
    let document: Value = serde_json::from_str(&log.document()?)
        .map_err(|fault| refuse(fault.line() as u64, &format!("not JSON: {}", describe_json(&fault))))?;
    let Value::Object(mut document) = document else { return Err(refuse(1, "no session of OpenCode")) };
    match (document.remove("info"), document.remove("messages")) {
        (Some(Value::Object(info)), Some(Value::Array(messages))) if is_session_document(&info) => Ok(Loaded {
            info,
            messages: messages.into_iter().map(of_document).collect(),
            rest: document,
            forked_from: None,
        }),
        (None, None) if is_session_document(&document) => {
            let messages = log.path.map(|path| from_files(path, &document)).transpose()?.unwrap_or_default();
            Ok(Loaded { info: document, messages, rest: Record::new(), forked_from: None })
        }
        _ => Err(refuse(1, "no session of OpenCode")),
    }
}

fn of_document(message: Value) -> Message {
    let Value::Object(mut message) = message else {
        return Message { info: Record::new(), parts: vec![message] };
    };
    match (message.remove("info"), message.remove("parts")) {
        (Some(Value::Object(info)), Some(Value::Array(parts))) => Message { info, parts },
        (Some(Value::Object(info)), _) => Message { info, parts: Vec::new() },
        (_, parts) => {
            message.extend(parts.map(|parts| ("parts".to_owned(), parts)));
            Message { info: Record::new(), parts: vec![Value::Object(message)] }
        }
    }
}

/// Reads `message/<session>/*.json` and `part/<message>/*.json` beside `session/<project>/<session>.json`.
fn from_files(path: &Path, info: &Record) -> Result<Vec<Message>, ParseError> {
    let id = info.get("id").and_then(Value::as_str).unwrap_or_default();
    // The id is a name here, and must not lead elsewhere.
    let is_name = |id: &str| !id.is_empty() && !id.starts_with('.') && !id.contains('/');
    let Some(storage) = path.ancestors().nth(3).filter(|_| is_name(id)) else { return Ok(Vec::new()) };
    let mut messages = Vec::new();
    for (name, value) in files(&storage.join("message").join(id))? {
        let parts = if is_name(&name) { files(&storage.join("part").join(&name))? } else { BTreeMap::new() };
        let parts = parts.into_iter().map(|(name, part)| with_id(part, &name)).collect();
        let (info, parts) = match with_id(value, &name) {
            Value::Object(info) if info.get("type").and_then(Value::as_str) != Some(UNREADABLE) => (info, parts),
            other => (Record::new(), [vec![other], parts].concat()),
        };
        messages.push(Message { info, parts });
    }
    messages.sort_by_key(|message| (created(message).is_none(), created(message)));
    Ok(messages)
}

fn with_id(mut value: Value, name: &str) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.entry("id").or_insert_with(|| name.into());
    }
    value
}

/// The JSON files of a folder by their names without ending; none where there is no such folder.
fn files(folder: &Path) -> io::Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    let entries = match folder.read_dir() {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        let Some(name) = path.file_stem().and_then(|name| name.to_str()) else { continue };
        if path.extension().is_some_and(|extension| extension == "json") {
            let text = String::from_utf8_lossy(&files::read(&path, files::LARGE)?).into_owned();
            found.insert(name.to_owned(), value_of(&text));
        }
    }
    Ok(found)
}

/// The tables that hold sessions: those of OpenCode 2, and those of OpenCode 1, which may stand beside.
const SESSIONS: [&str; 2] = ["session_v2", "session"];

/// Whether the tables are those of OpenCode, of either version.
pub(super) fn is_store(tables: &[String]) -> bool {
    let has = |name: &str| tables.iter().any(|table| table == name);
    let is_first = ["session", "message", "part"].into_iter().all(has);
    is_first || has("session_message") && SESSIONS.into_iter().any(has)
}

/// The sessions of a database with the time of their last change.
pub(super) fn sessions(path: &Path) -> Result<Vec<(String, Option<Timestamp>)>, ParseError> {
    Database::read(path, list)
}

fn list(connection: &Connection) -> Result<Vec<(String, Option<Timestamp>)>, ParseError> {
    let tables = database::tables(connection)?;
    let mut found: Vec<(i64, String, Option<Timestamp>)> = Vec::new();
    for table in SESSIONS.into_iter().filter(|name| tables.iter().any(|table| table == name)) {
        let mut statement = connection.prepare(&format!("SELECT id, time_created, time_updated FROM {table}"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: String = row.get(0)?;
            // A session that the new version took over is in both.
            if !found.iter().any(|(_, known, _)| *known == id) {
                let updated = row.get::<_, Option<i64>>(2)?.and_then(Timestamp::from_millis);
                found.push((row.get::<_, Option<i64>>(1)?.unwrap_or(0), id, updated));
            }
        }
    }
    found.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    Ok(found.into_iter().map(|(_, id, updated)| (id, updated)).collect())
}

fn from_database(path: &Path, part: Option<&str>) -> Result<Loaded, ParseError> {
    Database::read(path, |connection| {
        let tables = database::tables(connection)?;
        if !is_store(&tables) {
            return Err(ParseError::NoRecord { line: 1, cause: "a database, but not of OpenCode".to_owned() });
        }
        let has = |name: &str| tables.iter().any(|table| table == name);
        let id = match part {
            Some(part) => part.to_owned(),
            None => the_only(list(connection)?)?,
        };
        let mut info = None;
        for table in SESSIONS.into_iter().filter(|name| has(name)) {
            info = info.or(row(connection, table, &id)?);
        }
        let Some(info) = info else {
            return Err(ParseError::NoRecord { line: 1, cause: format!("no session '{id}' in the database") });
        };
        let mut found = if has("session_message") { second_messages(connection, &id)? } else { Vec::new() };
        // A session of the first version that the second one did not take over.
        if found.is_empty() && has("message") && has("part") {
            found = messages(connection, &id)?;
        }
        let forked_from = parent_of_fork(connection, &tables, (&info, &found))?;
        Ok(Loaded { info, messages: found, rest: Record::new(), forked_from })
    })
}

/// The session whose messages the first ones of this one are copies of, where it is still there.
fn parent_of_fork(
    connection: &Connection,
    tables: &[String],
    (info, messages): (&Record, &[Message]),
) -> Result<Option<String>, ParseError> {
    let named = info.get("fork_session_id").and_then(Value::as_str);
    if let Some(parent) = named {
        let is_there = |table: &&str| row(connection, table, parent).is_ok_and(|row| row.is_some());
        let mut known = SESSIONS.iter().filter(|name| tables.iter().any(|table| table == *name));
        return Ok(known.any(is_there).then(|| parent.to_owned()));
    }
    let began = info.get("time").and_then(|time| time.get("created")).and_then(Value::as_i64);
    let Some(created) =
        messages.first().and_then(created).filter(|created| began.is_some_and(|began| *created < began))
    else {
        return Ok(None);
    };
    // OpenCode 1 does not say it: a copy has the time of what it is a copy of.
    let query = "SELECT session_id FROM message WHERE session_id <> ?1 AND json_valid(data)
        AND json_extract(data, '$.time.created') = ?2 ORDER BY time_created, id LIMIT 1";
    let id = info.get("id").and_then(Value::as_str).unwrap_or_default();
    Ok(connection.query_row(query, (id, created), |row| row.get(0)).optional()?)
}

/// When a message was made, in milliseconds since 1970.
pub(super) fn created(message: &Message) -> Option<i64> {
    message.info.get("time")?.get("created")?.as_i64()
}

fn row(connection: &Connection, table: &str, id: &str) -> Result<Option<Record>, ParseError> {
    let mut statement = connection.prepare(&format!("SELECT * FROM {table} WHERE id = ?1"))?;
    let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let info = statement.query_map([id], |row| session_row(&columns, row))?.next().transpose()?;
    Ok(info)
}

fn the_only(mut found: Vec<(String, Option<Timestamp>)>) -> Result<String, ParseError> {
    match found.len() {
        0 => Err(ParseError::NoRecord { line: 1, cause: "no session in the database".to_owned() }),
        1 => Ok(found.remove(0).0),
        _ => Err(ParseError::SeveralSessions { parts: found.into_iter().map(|(id, _)| id).collect() }),
    }
}

/// The messages of a session of OpenCode 2, in their order.
fn second_messages(connection: &Connection, id: &str) -> Result<Vec<Message>, ParseError> {
    let mut statement =
        connection.prepare("SELECT id, type, data FROM session_message WHERE session_id = ?1 ORDER BY seq, id")?;
    let mut rows = statement.query([id])?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let (id, kind): (String, String) = (row.get(0)?, row.get(1)?);
        messages.push(match value_of(&text(row.get_ref(2)?)) {
            Value::Object(data) if data.get("type").and_then(Value::as_str) != Some(UNREADABLE) => {
                second::message(&id, &kind, data)
            }
            other => Message { info: Record::new(), parts: vec![with_id(other, &id)] },
        });
    }
    Ok(messages)
}

fn messages(connection: &Connection, id: &str) -> Result<Vec<Message>, ParseError> {
    let mut parts: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut statement =
        connection.prepare("SELECT id, message_id, data FROM part WHERE session_id = ?1 ORDER BY id")?;
    let mut rows = statement.query([id])?;
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        parts.entry(row.get(1)?).or_default().push(with_id(value_of(&text(row.get_ref(2)?)), &name));
    }
    let mut statement =
        connection.prepare("SELECT id, data FROM message WHERE session_id = ?1 ORDER BY time_created, id")?;
    let mut rows = statement.query([id])?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        let own = parts.remove(&name).unwrap_or_default();
        messages.push(match with_id(value_of(&text(row.get_ref(1)?)), &name) {
            Value::Object(info) if info.contains_key("role") => Message { info, parts: own },
            other => Message { info: Record::new(), parts: [vec![other], own].concat() },
        });
    }
    // Parts whose message is gone.
    messages.extend(parts.into_values().map(|parts| Message { info: Record::new(), parts }));
    Ok(messages)
}

/// A row of `session` in the shape that the other stores have; columns without a value are left out.
fn session_row(columns: &[String], row: &Row<'_>) -> rusqlite::Result<Record> {
    let mut info = Record::new();
    let mut time = Map::new();
    for (index, column) in columns.iter().enumerate() {
        let value = match row.get_ref(index)? {
            ValueRef::Null => continue,
            ValueRef::Integer(number) => number.into(),
            ValueRef::Real(number) => number.into(),
            other => text(other).into(),
        };
        match column.as_str() {
            "parent_id" => info.insert("parentID".to_owned(), value),
            "project_id" => info.insert("projectID".to_owned(), value),
            "time_created" => time.insert("created".to_owned(), value),
            "time_updated" => time.insert("updated".to_owned(), value),
            _ => info.insert(column.clone(), value),
        };
    }
    info.insert("time".to_owned(), Value::Object(time));
    Ok(info)
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Null => String::new(),
    }
}

/// The JSON of a text, or a stand-in that keeps the text.
fn value_of(text: &str) -> Value {
    serde_json::from_str(text)
        .unwrap_or_else(|fault| json!({ "type": UNREADABLE, "cause": describe_json(&fault), "text": text }))
}
