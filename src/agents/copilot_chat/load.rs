//! Loads a session: a document, or a first state of it and the changes since.

use serde_json::{Value, json};

use crate::{
    agents::{ParseError, Warning, copilot_cli},
    hail::{describe_json, repaired},
};

/// What a file holds.
pub(super) enum Loaded {
    Session(Box<Session>),
    /// A transcript of the extension.
    Transcript,
}

/// A session as it is now.
pub(super) struct Session {
    pub(super) value: Value,
    /// Lines that are no change.
    pub(super) unreadable: Vec<(u64, String, Value)>,
    pub(super) warnings: Vec<Warning>,
}

/// Loads what a file holds.
///
/// # Errors
/// When it is neither.
pub(super) fn load(bytes: &[u8]) -> Result<Loaded, ParseError> {
    let text = String::from_utf8_lossy(bytes);
    let text = repaired(text.trim_start_matches('\u{feff}'));
    if text.trim().is_empty() {
        return Err(ParseError::Empty);
    }
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let first: Option<Value> = serde_json::from_str(first).ok();
    if first.as_ref().is_some_and(copilot_cli::is_of_editor) {
        return Ok(Loaded::Transcript);
    }
    let session = match first {
        Some(first) if first["kind"] == 0 && first["v"].is_object() => replay(&text),
        _ => {
            let value = serde_json::from_str(&text).map_err(|fault| ParseError::NoRecord {
                line: (fault.line() as u64).max(1),
                cause: format!("not JSON: {}", describe_json(&fault)),
            })?;
            Session { value, unreadable: Vec::new(), warnings: Vec::new() }
        }
    };
    if session.value.get("requests").is_some_and(Value::is_array) {
        return Ok(Loaded::Session(Box::new(session)));
    }
    Err(ParseError::NoRecord { line: 1, cause: "not a session of the chat of VS Code".to_owned() })
}

/// Makes the changes, line by line.
fn replay(text: &str) -> Session {
    let mut session = Session { value: Value::Null, unreadable: Vec::new(), warnings: Vec::new() };
    let last = text.lines().count() as u64;
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match serde_json::from_str::<Value>(line) {
            Ok(change) => {
                if change_with(&mut session.value, &change).is_none() {
                    let cause = "a change of something that is not there".to_owned();
                    session.unreadable.push((number, cause, change));
                }
            }
            Err(fault) if fault.is_eof() && number == last && !text.ends_with('\n') => {
                let cause = "the last line breaks off and was left out".to_owned();
                session.warnings.push(Warning { line: number, cause });
            }
            Err(fault) => {
                let cause = format!("not JSON: {}", describe_json(&fault));
                session.unreadable.push((number, cause, json!({ "text": line })));
            }
        }
    }
    session
}

/// Makes one change: a new state, a new value, more elements of a list, or one member less.
fn change_with(state: &mut Value, change: &Value) -> Option<()> {
    let value = || change.get("v").cloned().unwrap_or_default();
    let kind = change.get("kind")?.as_u64()?;
    if kind == 0 {
        *state = value();
        return Some(());
    }
    let (key, way) = change.get("k")?.as_array()?.split_last()?;
    let holder = way.iter().try_fold(state, step)?;
    match kind {
        1 => set(holder, key, value()),
        2 => {
            if holder.get(key.as_str().unwrap_or_default()).is_none_or(Value::is_null) && key.is_string() {
                set(holder, key, json!([]))?;
            }
            let list = step(holder, key)?.as_array_mut()?;
            if let Some(length) = change.get("i").and_then(Value::as_u64) {
                list.truncate(usize::try_from(length).ok()?);
            }
            if let Value::Array(more) = value() {
                list.extend(more);
            }
            Some(())
        }
        3 => match holder {
            Value::Object(members) => members.remove(key.as_str()?).map(drop).or(Some(())),
            _ => set(holder, key, Value::Null),
        },
        _ => None,
    }
}

fn step<'v>(value: &'v mut Value, key: &Value) -> Option<&'v mut Value> {
    match key {
        Value::String(name) => value.get_mut(name),
        key => value.get_mut(usize::try_from(key.as_u64()?).ok()?),
    }
}

/// Sets a member, or an element of a list: one that is there, or the one after the last.
fn set(holder: &mut Value, key: &Value, value: Value) -> Option<()> {
    match (holder, key) {
        (Value::Object(members), Value::String(name)) => {
            members.insert(name.clone(), value);
        }
        (Value::Array(elements), key) => {
            let index = usize::try_from(key.as_u64()?).ok()?;
            if index == elements.len() {
                elements.push(value);
            } else {
                *elements.get_mut(index)? = value;
            }
        }
        _ => return None,
    }
    Some(())
}
