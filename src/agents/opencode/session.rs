//! Writes a session as events.

use serde_json::Value;

use super::{
    load::{self, Loaded},
    message::{self, Place},
    second::Message,
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
    let Loaded { info, mut messages, rest, forked_from } = loaded;
    let copied = copies(&info, &messages, forked_from.is_some());
    let native = text(&info, "id").unwrap_or_default().to_owned();
    let mut transcript = Transcript::new("opencode", SCHEMA, sink);
    transcript.facts = facts(info);
    let place = Place {
        // The prompts of a subagent are another agent's.
        is_subagent: transcript.facts.parent.is_some(),
        cwd: transcript.facts.cwd.clone(),
    };
    if copied > 0 {
        let began = transcript.facts.began;
        transcript.forked_from(began, forked_from.as_deref(), copied)?;
        // Made of the title of the other session.
        transcript.facts.title.take_if(|title| is_of_fork(title));
        messages.drain(..copied);
    }
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

fn is_of_fork(title: &str) -> bool {
    title.ends_with(')') && title.contains(" (fork #")
}

/// How many messages at the beginning are copies: those that are older than the session. They count where they were
/// made, as long as that session is there.
fn copies(info: &Record, messages: &[Message], is_parent_known: bool) -> usize {
    let began = info.get("time").and_then(|time| time.get("created")).and_then(Value::as_i64);
    let is_fork = is_parent_known || text(info, "title").is_some_and(is_of_fork);
    let is_copy =
        |message: &&Message| load::created(message).zip(began).is_some_and(|(created, began)| created < began);
    if is_fork { messages.iter().take_while(is_copy).count() } else { 0 }
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
    // The model as a column of OpenCode 2; the answers say it, too.
    if let Some(Value::Object(model)) = take(&mut info, "model").and_then(|model| serde_json::from_str(&model).ok()) {
        let text = |key: &str| text(&model, key).map(str::to_owned);
        facts.model = text("id").unwrap_or(facts.model);
        facts.provider = text("providerID").unwrap_or(facts.provider);
    }
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
