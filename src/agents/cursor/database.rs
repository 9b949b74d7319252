//! Loads a conversation from a database, whichever generation wrote it.

use std::{collections::HashMap, path::Path};

use rusqlite::{Connection, OptionalExtension, types::ValueRef};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    agents::{
        ParseError,
        database::{self, Database},
        records::{Record, text},
    },
    hail::{Timestamp, describe_json},
    system::files,
};

/// A conversation with its bubbles, in order.
pub(super) struct Conversation {
    pub(super) id: String,
    pub(super) info: Record,
    /// The bubbles; one that is gone or no JSON comes as what stands in for it.
    pub(super) bubbles: Vec<Value>,
    /// Files before and after edits, by the ids under which results name them.
    pub(super) contents: HashMap<String, String>,
    /// The folder that the database belongs to, where it belongs to one.
    pub(super) folder: Option<String>,
    /// The shape of the records.
    pub(super) schema: &'static str,
}

/// The type of what stands in for a bubble that cannot be read.
pub(super) const UNREADABLE: &str = "unreadable";
/// Where the composers of 2024 are, or a list of those that moved to a database for all folders.
const COMPOSERS: &str = "composer.composerData";
/// Where the chats of 2024 are.
const CHATS: &str = "workbench.panel.aichat.view.aichat.chatdata";

/// What a list of conversations needs to know of each.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    #[serde(alias = "tabId")]
    composer_id: Option<String>,
    #[serde(alias = "lastSendTime")]
    last_updated_at: Option<Value>,
    created_at: Option<Value>,
    #[serde(default)]
    full_conversation_headers_only: Vec<serde::de::IgnoredAny>,
    #[serde(default, alias = "bubbles")]
    conversation: Vec<serde::de::IgnoredAny>,
}

impl Head {
    /// Whether anything was said: an editor that is opened begins an empty conversation.
    fn is_empty(&self) -> bool {
        self.full_conversation_headers_only.is_empty() && self.conversation.is_empty()
    }

    fn changed(&self) -> Option<Timestamp> {
        [&self.last_updated_at, &self.created_at].into_iter().flatten().find_map(time)
    }
}

/// A time in milliseconds since 1970, or in RFC 3339. A small number is not one: it counts from the
/// start of the program.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => text.parse().ok(),
        #[expect(clippy::cast_possible_truncation, reason = "a time beyond the range is none")]
        other => {
            other.as_f64().filter(|millis| *millis > 1e12).and_then(|millis| Timestamp::from_millis(millis as i64))
        }
    }
}

/// The conversations of a database in which something was said, with their last change.
pub(super) fn conversations(path: &Path) -> Result<Vec<(String, Option<Timestamp>)>, ParseError> {
    Database::read(path, list)
}

fn list(connection: &Connection) -> Result<Vec<(String, Option<Timestamp>)>, ParseError> {
    let mut found: Vec<(String, Option<Timestamp>)> = Vec::new();
    let tables = database::tables(connection)?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    if has("cursorDiskKV") {
        let mut statement = connection.prepare(
            "SELECT key, value FROM cursorDiskKV WHERE key >= 'composerData:' AND key < 'composerData;' ORDER BY key",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let key: String = row.get(0)?;
            let head: Option<Head> = bytes(row.get_ref(1)?).and_then(|value| serde_json::from_slice(value).ok());
            if let Some(head) = head.filter(|head| !head.is_empty()) {
                found.push((key["composerData:".len()..].to_owned(), head.changed()));
            }
        }
    }
    for (key, member) in [(COMPOSERS, "allComposers"), (CHATS, "tabs")] {
        let Some(Value::Array(items)) = (if has("ItemTable") { item(connection, key, member)? } else { None }) else {
            continue;
        };
        for head in items.into_iter().filter_map(|item| serde_json::from_value::<Head>(item).ok()) {
            let changed = head.changed();
            let is_empty = head.is_empty();
            found.extend(head.composer_id.filter(|_| !is_empty).map(|id| (id, changed)));
        }
    }
    found.sort_by(|one, other| (one.1, &one.0).cmp(&(other.1, &other.0)));
    found.dedup_by(|one, other| one.0 == other.0);
    Ok(found)
}

/// Loads a conversation: the one that `part` names, or the only one.
pub(super) fn load(path: &Path, part: Option<&str>) -> Result<Conversation, ParseError> {
    let mut conversation = Database::read(path, |connection| {
        let id = match part {
            Some(part) => part.to_owned(),
            None => the_only(list(connection)?)?,
        };
        if let Some(found) = of_own_row(connection, &id)? {
            return Ok(found);
        }
        for (key, member) in [(COMPOSERS, "allComposers"), (CHATS, "tabs")] {
            if let Some(found) = of_list(connection, (key, member), &id)? {
                return Ok(found);
            }
        }
        Err(ParseError::NoRecord { line: 1, cause: format!("no conversation '{id}' in the database") })
    })?;
    conversation.folder = folder_of(path);
    Ok(conversation)
}

fn the_only(mut found: Vec<(String, Option<Timestamp>)>) -> Result<String, ParseError> {
    match found.len() {
        0 => Err(ParseError::NoRecord { line: 1, cause: "no conversation in the database".to_owned() }),
        1 => Ok(found.remove(0).0),
        _ => Err(ParseError::SeveralSessions { parts: found.into_iter().map(|(id, _)| id).collect() }),
    }
}

/// A conversation that has a row of its own: its bubbles have rows too, or are in it.
fn of_own_row(connection: &Connection, id: &str) -> Result<Option<Conversation>, ParseError> {
    if !database::tables(connection)?.iter().any(|table| table == "cursorDiskKV") {
        return Ok(None);
    }
    let Some(Value::Object(mut info)) = row(connection, &format!("composerData:{id}"))? else { return Ok(None) };
    let mut bubbles = match info.remove("conversation") {
        Some(Value::Array(bubbles)) => bubbles,
        _ => Vec::new(),
    };
    if let Some(Value::Array(headers)) = info.remove("fullConversationHeadersOnly") {
        for header in headers {
            let Some(name) = header.get("bubbleId").and_then(Value::as_str) else { continue };
            let found = row(connection, &format!("bubbleId:{id}:{name}"))?;
            bubbles.push(
                found.unwrap_or_else(|| json!({ "type": UNREADABLE, "bubbleId": name, "cause": "the bubble is gone" })),
            );
        }
    }
    let mut contents = HashMap::new();
    for name in bubbles.iter().flat_map(content_ids) {
        if let Some(bytes) = raw(connection, &name)? {
            contents.insert(name, String::from_utf8_lossy(&bytes).into_owned());
        }
    }
    Ok(Some(Conversation { id: id.to_owned(), info, bubbles, contents, folder: None, schema: "cursor-composer" }))
}

/// The ids of the files before and after an edit, as its result names them.
fn content_ids(bubble: &Value) -> Vec<String> {
    let result = bubble.get("toolFormerData").and_then(|tool| tool.get("result")).and_then(Value::as_str);
    let Some(result) = result.filter(|result| result.contains("ContentId")) else { return Vec::new() };
    let Ok(Value::Object(result)) = serde_json::from_str(result) else { return Vec::new() };
    ["beforeContentId", "afterContentId"].iter().filter_map(|key| Some(text(&result, key)?.to_owned())).collect()
}

/// A conversation of 2024, one of many in one value.
fn of_list(connection: &Connection, (key, member): (&str, &str), id: &str) -> Result<Option<Conversation>, ParseError> {
    if !database::tables(connection)?.iter().any(|table| table == "ItemTable") {
        return Ok(None);
    }
    let Some(Value::Array(items)) = item(connection, key, member)? else { return Ok(None) };
    let (name, list, schema) = if key == CHATS {
        ("tabId", "bubbles", "cursor-chat")
    } else {
        ("composerId", "conversation", "cursor-composer")
    };
    for item in items {
        let Value::Object(mut info) = item else { continue };
        if text(&info, name) != Some(id) {
            continue;
        }
        let bubbles = match info.remove(list) {
            Some(Value::Array(bubbles)) => bubbles,
            _ => Vec::new(),
        };
        let (id, contents) = (id.to_owned(), HashMap::new());
        return Ok(Some(Conversation { id, info, bubbles, contents, folder: None, schema }));
    }
    Ok(None)
}

/// A member of a value in `ItemTable`.
fn item(connection: &Connection, key: &str, member: &str) -> Result<Option<Value>, ParseError> {
    let value: Option<Option<Value>> = connection
        .query_row("SELECT value FROM ItemTable WHERE key = ?1", [key], |row| {
            Ok(bytes(row.get_ref(0)?).and_then(|value| serde_json::from_slice(value).ok()))
        })
        .optional()?;
    Ok(value.flatten().and_then(|mut value: Value| value.get_mut(member).map(Value::take)))
}

/// The bytes of a row of `cursorDiskKV`; a row may be there without a value.
fn raw(connection: &Connection, key: &str) -> Result<Option<Vec<u8>>, ParseError> {
    let value = connection
        .query_row("SELECT value FROM cursorDiskKV WHERE key = ?1", [key], |row| {
            Ok(bytes(row.get_ref(0)?).map(<[u8]>::to_vec))
        })
        .optional()?;
    Ok(value.flatten())
}

fn row(connection: &Connection, key: &str) -> Result<Option<Value>, ParseError> {
    Ok(raw(connection, key)?.map(|bytes| {
        serde_json::from_slice(&bytes).unwrap_or_else(|fault| {
            let name = key.rsplit(':').next().unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            json!({ "type": UNREADABLE, "bubbleId": name, "cause": describe_json(&fault), "text": text })
        })
    }))
}

/// The bytes of a value that is text or a blob.
pub(super) fn bytes(value: ValueRef<'_>) -> Option<&[u8]> {
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes),
        _ => None,
    }
}

/// The folder of a database below `workspaceStorage`, which `workspace.json` beside it names.
fn folder_of(path: &Path) -> Option<String> {
    let text = files::read_text(&path.parent()?.join("workspace.json"), files::SMALL).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    path_of(value.get("folder")?.as_str()?)
}

/// The path of a `file:` URI.
pub(super) fn path_of(uri: &str) -> Option<String> {
    let rest = uri.strip_prefix("file://")?.as_bytes();
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut bytes = Vec::with_capacity(rest.len());
    let mut at = 0;
    while let Some(byte) = rest.get(at) {
        let escaped = digit(rest.get(at + 1)).zip(digit(rest.get(at + 2))).filter(|_| *byte == b'%');
        let escaped = escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        bytes.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(bytes).ok()
}
