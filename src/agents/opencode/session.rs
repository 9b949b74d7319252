//! Writes a session as events.

use serde_json::Value;

use super::{
    load::Loaded,
    message::{self, Place},
};
use crate::{
    agents::{
        ParseError, Warning, identity,
        records::{Record, text},
        transcript::{Facts, Transcript},
    },
    hail::{Sink, Timestamp},
};

/// The shape of the native records, as events name it.
const SCHEMA: &str = "opencode";

pub(super) fn write(loaded: Loaded, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let Loaded { info, messages, rest } = loaded;
    let native = text(&info, "id").unwrap_or_default().to_owned();
    let mut transcript = Transcript::new("opencode", SCHEMA, sink);
    transcript.facts = facts(info);
    let place = Place {
        // The prompts of a subagent are another agent's.
        is_subagent: transcript.facts.parent.is_some(),
        cwd: transcript.facts.cwd.clone(),
    };
    for (index, message) in messages.into_iter().enumerate() {
        message::write(&mut transcript, &place, message, index)?;
    }
    for (key, value) in rest {
        let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        if !is_empty {
            transcript.unknown(&format!("{native}-{key}"), None, &key, value)?;
        }
    }
    let id = identity::session_id("opencode", &native);
    Ok(transcript.finish(id)?)
}

fn facts(mut info: Record) -> Facts {
    let take = |info: &mut Record, key: &str| match info.remove(key) {
        Some(Value::String(text)) => Some(text).filter(|text| !text.is_empty()),
        _ => None,
    };
    info.remove("id");
    let time = info.remove("time").unwrap_or_default();
    let title = take(&mut info, "title").filter(|title| !is_made_up(title));
    let mut facts = Facts {
        provider: "unknown".to_owned(),
        model: "unknown".to_owned(),
        version: take(&mut info, "version"),
        title,
        cwd: take(&mut info, "directory"),
        parent: take(&mut info, "parentID"),
        began: time.get("created").and_then(millis),
        ended: time.get("updated").and_then(millis),
        ..Facts::default()
    };
    facts.related.extend(facts.parent.clone());
    // Whole files before and after: the edits say what changed.
    info.remove("summary_diffs");
    if let Some(Value::Object(summary)) = info.get_mut("summary") {
        summary.remove("diffs");
    }
    info.retain(|_, value| !is_empty(value));
    if !info.is_empty() {
        facts.attributes.insert("source.fields", Value::Object(info));
    }
    facts
}

/// Whether a value says nothing.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Whether a title is what a session is called before it has one.
fn is_made_up(title: &str) -> bool {
    ["New session - ", "Child session - "].iter().any(|start| title.starts_with(start))
}

/// A time in milliseconds since 1970.
pub(super) fn millis(value: &Value) -> Option<Timestamp> {
    #[expect(clippy::cast_possible_truncation, reason = "a time beyond the range is none")]
    let whole = value.as_i64().or_else(|| value.as_f64().map(|millis| millis as i64))?;
    Timestamp::from_millis(whole)
}
