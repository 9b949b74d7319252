//! Brings a session together from wherever it is kept.

use std::{collections::BTreeMap, io, path::Path};

use rusqlite::{Connection, Row, types::ValueRef};
use serde_json::{Map, Value, json};

use super::is_session_document;
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
}

/// A message with its parts, in order.
#[derive(Default)]
pub(super) struct Message {
    pub(super) info: Record,
    pub(super) parts: Vec<Value>,
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
        (Some(Value::Object(info)), Some(Value::Array(messages))) if is_session_document(&info) => {
            Ok(Loaded { info, messages: messages.into_iter().map(of_document).collect(), rest: document })
        }
        (None, None) if is_session_document(&document) => {
            let messages = log.path.map(|path| from_files(path, &document)).transpose()?.unwrap_or_default();
            Ok(Loaded { info: document, messages, rest: Record::new() })
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
    let order = |message: &Message| {
        let created = message.info.get("time").and_then(|time| time.get("created")).and_then(Value::as_i64);
        (created.is_none(), created)
    };
    messages.sort_by_key(order);
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

/// The sessions of a database with the time of their last change.
pub(super) fn sessions(path: &Path) -> Result<Vec<(String, Option<Timestamp>)>, ParseError> {
    Database::read(path, |connection| {
        let mut statement = connection.prepare("SELECT id, time_updated FROM session ORDER BY time_created, id")?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get::<_, Option<i64>>(1)?.and_then(Timestamp::from_millis))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    })
}

fn from_database(path: &Path, part: Option<&str>) -> Result<Loaded, ParseError> {
    Database::read(path, |connection| {
        let tables = database::tables(connection)?;
        if ["session", "message", "part"].iter().any(|name| !tables.iter().any(|table| table == name)) {
            return Err(ParseError::NoRecord { line: 1, cause: "a database, but not of OpenCode".to_owned() });
        }
        let id = match part {
            Some(part) => part.to_owned(),
            None => the_only(connection)?,
        };
        let mut statement = connection.prepare("SELECT * FROM session WHERE id = ?1")?;
        let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let info = statement.query_map([&id], |row| session_row(&columns, row))?.next().transpose()?;
        let Some(info) = info else {
            return Err(ParseError::NoRecord { line: 1, cause: format!("no session '{id}' in the database") });
        };
        Ok(Loaded { info, messages: messages(connection, &id)?, rest: Record::new() })
    })
}

fn the_only(connection: &Connection) -> Result<String, ParseError> {
    let mut statement = connection.prepare("SELECT id FROM session ORDER BY time_created, id")?;
    let mut parts: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    match parts.len() {
        0 => Err(ParseError::NoRecord { line: 1, cause: "no session in the database".to_owned() }),
        1 => Ok(parts.remove(0)),
        _ => Err(ParseError::SeveralSessions { parts }),
    }
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
