//! Brings a task together from its files.

use std::path::Path;

use serde_json::Value;

use super::{HISTORY, ITEM, METADATA, WINDOW, is_message, is_store, is_versioned, is_window_message};
use crate::{
    agents::{
        Log, ParseError, identity,
        records::{self, Record},
    },
    hail::{SessionId, Timestamp, describe_json},
    system::files,
};

/// A conversation with what is known beside it.
pub(super) struct Task {
    pub(super) id: SessionId,
    pub(super) messages: Vec<Value>,
    /// What the window showed.
    pub(super) window: Vec<Record>,
    pub(super) metadata: Record,
    /// What a fork's list of tasks says of it.
    pub(super) item: Record,
    /// The members of a store beside the messages.
    pub(super) store: Option<Record>,
    /// When it began, where a name says so.
    pub(super) began: Option<Timestamp>,
}

pub(super) fn load(agent: &str, log: &mut Log<'_>) -> Result<Task, ParseError> {
    let refuse = |line: u64, cause: &str| ParseError::NoRecord { line, cause: cause.to_owned() };
    let text = log.document()?;
    let document: Value = serde_json::from_str(&text)
        .map_err(|fault| refuse(fault.line() as u64, &format!("not JSON: {}", describe_json(&fault))))?;
    match document {
        Value::Object(mut store) if is_store(&store) => {
            let Some(Value::Array(messages)) = store.remove("messages") else {
                return Err(refuse(1, "no messages of Cline"));
            };
            let name = records::text(&store, "sessionId").unwrap_or_default().to_owned();
            let id = identity::session_id(agent, &name);
            let began = name.split('_').next().and_then(time_of_name);
            Ok(Task {
                id,
                messages,
                window: Vec::new(),
                metadata: Record::new(),
                item: Record::new(),
                store: Some(store),
                began,
            })
        }
        Value::Object(mut document) if is_versioned(&document) => match document.remove("messages") {
            Some(Value::Array(list)) => {
                Ok(task((agent, log.path), list.into_iter().map(of_version).collect(), None, &text))
            }
            _ => Err(refuse(1, "no messages of Cline")),
        },
        Value::Array(list) => match list.first() {
            Some(first) if is_message(first) => Ok(task((agent, log.path), list, None, &text)),
            Some(first) if is_window_message(first) => {
                let messages = log.path.and_then(|path| array(&path.with_file_name(HISTORY))).unwrap_or_default();
                Ok(task((agent, log.path), messages, Some(list), &text))
            }
            _ => Err(refuse(1, "no messages of Cline")),
        },
        _ => Err(refuse(1, "no messages of Cline")),
    }
}

/// A task of the extension: its folder is named by the time of its beginning.
fn task((agent, path): (&str, Option<&Path>), messages: Vec<Value>, window: Option<Vec<Value>>, text: &str) -> Task {
    // Only files of these names have others of the task beside them.
    let is_of_task = |path: &&Path| path.ends_with(HISTORY) || path.ends_with(WINDOW);
    let path = path.filter(is_of_task);
    let window = window.or_else(|| array(&path?.with_file_name(WINDOW))).unwrap_or_default();
    let beside = |name: &str| match parse(&path?.with_file_name(name)) {
        Some(Value::Object(fields)) => Some(fields),
        _ => None,
    };
    let (metadata, item) = (beside(METADATA).unwrap_or_default(), beside(ITEM).unwrap_or_default());
    let name = path.and_then(|path| path.parent()?.file_name()?.to_str());
    let began = name.and_then(time_of_name);
    // Without the folder, the beginning of the conversation names it: it never changes.
    let seed = messages.first().or_else(|| window.first()).map_or_else(|| text.to_owned(), Value::to_string);
    let is_id = |name: &&str| began.is_some() || is_uuid(name);
    let id = name.filter(is_id).and_then(|name| name.parse().ok()).unwrap_or_else(|| {
        // No id begins with a dash, so this is the hash of it.
        identity::session_id(agent, &format!("-{seed}"))
    });
    let window =
        window.into_iter().filter_map(|shown| if let Value::Object(shown) = shown { Some(shown) } else { None });
    Task { id, messages, window: window.collect(), metadata, item, store: None, began }
}

/// The folders of later forks are named by an id.
fn is_uuid(name: &str) -> bool {
    name.len() == 36 && name.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// A message of the versioned history in the form of the others.
fn of_version(mut message: Value) -> Value {
    let block = |block: &mut Value| {
        let Value::Object(fields) = block else { return };
        let (kind, names): (&str, &[(&str, &str)]) = match fields.get("type").and_then(Value::as_str) {
            Some("tool-call") => ("tool_use", &[("toolCallId", "id"), ("toolName", "name")]),
            Some("tool-result") => ("tool_result", &[("toolCallId", "tool_use_id"), ("output", "content")]),
            Some("reasoning") => ("thinking", &[("text", "thinking")]),
            _ => return,
        };
        fields.insert("type".to_owned(), kind.into());
        for (from, to) in names {
            if let Some(value) = fields.remove(*from) {
                fields.insert((*to).to_owned(), value);
            }
        }
        if let Some(output) = fields.get_mut("content").filter(|output| output.is_object()) {
            let is_error = output["type"].as_str().is_some_and(|kind| kind.starts_with("error"));
            *output = records::take(output, "value");
            fields.insert("is_error".to_owned(), is_error.into());
        }
    };
    let Value::Object(fields) = &mut message else { return message };
    if let Some(Value::Array(blocks)) = fields.get_mut("content") {
        blocks.iter_mut().for_each(block);
    }
    if fields.get("role").is_some_and(|role| role == "tool") {
        fields.insert("role".to_owned(), "user".into());
    }
    message
}

fn time_of_name(name: &str) -> Option<Timestamp> {
    let millis: i64 = name.parse().ok()?;
    Timestamp::from_millis(millis).filter(|_| millis > 1_000_000_000_000)
}

fn parse(path: &Path) -> Option<Value> {
    let text = files::read_text(path, files::LARGE).ok()?;
    serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()
}

fn array(path: &Path) -> Option<Vec<Value>> {
    match parse(path)? {
        Value::Array(list) => Some(list),
        _ => None,
    }
}
