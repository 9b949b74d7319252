//! The `session.new`/`session.update`/`session.end` form that later versions of OpenSession write:
//! messages of the Agent Client Protocol, with the HAIL event they were made of in `_meta`.
//!
//! Learned from OpenSession's public source and from ledgers in its repository.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Agent, Attributes, Content, Event, EventType, Header, Record, SessionId, Stats, Timestamp, attribute, or_default,
};

/// Turns the lines of one file into records.
#[derive(Debug)]
pub(super) struct Converter {
    now: Timestamp,
    last_event: Option<String>,
}

/// The header's `_meta.opensession.context`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Context {
    #[serde(deserialize_with = "or_default")]
    title: String,
    description: Option<String>,
    #[serde(deserialize_with = "or_default")]
    tags: Vec<String>,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    #[serde(deserialize_with = "or_default")]
    related_session_ids: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    attributes: Attributes,
}

/// A line's `_meta.opensession.event`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Origin {
    event_id: Option<String>,
    timestamp: Option<Timestamp>,
    original_event_type: Option<EventType>,
    original_content: Option<Content>,
    task_id: Option<String>,
    duration_ms: Option<u64>,
    #[serde(deserialize_with = "or_default")]
    attributes: Attributes,
}

impl Converter {
    /// Reads the first line.
    pub(super) fn begin(value: &Value) -> Result<(Self, Header), String> {
        let id = value.get("sessionId").and_then(Value::as_str).ok_or("the session has no id")?;
        let id: SessionId = id.parse().map_err(|fault| format!("{fault}"))?;
        let facts = value.pointer("/_meta/opensession");
        let agent: Option<Agent> = part(facts, "agent")?;
        let unknown = || "unknown".to_owned();
        let agent = agent.unwrap_or_else(|| Agent {
            provider: unknown(),
            model: unknown(),
            tool: "acp".to_owned(),
            tool_version: None,
        });
        let context: Context = part(facts, "context")?.unwrap_or_default();
        let now = context.created_at.or(context.updated_at).unwrap_or(Timestamp::EPOCH);
        let mut header = Header::new(id, agent, now);
        let of_header = &mut header.context;
        of_header.updated_at = context.updated_at.unwrap_or(now);
        of_header.title = context.title;
        of_header.description = context.description;
        of_header.tags = context.tags;
        of_header.related_session_ids = context.related_session_ids;
        of_header.attributes = context.attributes;
        for name in ["job", "review", "handoff"] {
            if let Some(value) = facts.and_then(|facts| facts.get(name)) {
                of_header.attributes.insert(format!("opensession.{name}"), value.clone());
            }
        }
        if let Some(cwd) = value.get("cwd").filter(|cwd| cwd.is_string()) {
            of_header.attributes.insert(attribute::CWD.to_owned(), cwd.clone());
        }
        Ok((Self { now, last_event: None }, header))
    }

    /// Reads any other line; `None` for one that only continues the event before it, which was
    /// whole already.
    pub(super) fn record(&mut self, number: u64, value: &Value) -> Result<Option<Record>, String> {
        let facts = value.pointer("/_meta/opensession");
        match value.get("type").and_then(Value::as_str) {
            Some("session.update") => {
                let origin: Origin = part(facts, "event")?.unwrap_or_default();
                let id = origin.event_id.clone().unwrap_or_else(|| format!("event-{number}"));
                if self.last_event.as_ref() == Some(&id) {
                    return Ok(None);
                }
                self.last_event = Some(id.clone());
                let empty = Map::new();
                let update = value.get("update").and_then(Value::as_object).unwrap_or(&empty);
                Ok(Some(Record::Event(Box::new(self.event(id, origin, update)))))
            }
            Some("session.end") => {
                let stats: Stats = part(facts, "stats")?.unwrap_or_default();
                Ok(Some(Record::Stats(stats)))
            }
            Some("session.new") => Ok(None),
            kind => Err(format!("'{}' is not a record of a session", kind.unwrap_or_default().escape_debug())),
        }
    }

    fn event(&mut self, id: String, origin: Origin, update: &Map<String, Value>) -> Event {
        self.now = origin.timestamp.unwrap_or(self.now);
        let mut event = Event::new(id, self.now, origin.original_event_type.unwrap_or_else(|| kind_of(update)));
        event.content = origin.original_content.unwrap_or_else(|| content_of(update));
        event.task_id = origin.task_id;
        event.duration_ms = origin.duration_ms;
        event.attributes = origin.attributes;
        event
    }
}

/// A part of what OpenSession adds to a message.
fn part<T: for<'de> Deserialize<'de>>(facts: Option<&Value>, name: &str) -> Result<Option<T>, String> {
    let found = facts.and_then(|facts| facts.get(name)).filter(|value| !value.is_null());
    found.map(|value| T::deserialize(value).map_err(|fault| format!("{name}: {fault}"))).transpose()
}

/// The kind of an update that does not say what it was made of.
fn kind_of(update: &Map<String, Value>) -> EventType {
    let text = |key: &str| update.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    match text("sessionUpdate").as_str() {
        "user_message_chunk" => EventType::UserMessage,
        "agent_message_chunk" => EventType::AgentMessage,
        "system_message_chunk" => EventType::SystemMessage,
        "agent_thought_chunk" => EventType::Thinking,
        "tool_call" => {
            let title = text("title");
            EventType::ToolCall { name: if title.is_empty() { text("toolCallId") } else { title } }
        }
        "tool_call_update" => EventType::ToolResult {
            name: "tool_call".to_owned(),
            is_error: text("status") == "failed",
            call_id: Some(text("toolCallId")),
        },
        other => EventType::Custom { kind: other.to_owned() },
    }
}

/// The text of an update, or all of it where it has none.
fn content_of(update: &Map<String, Value>) -> Content {
    match update.get("content").and_then(|content| content.get("text")).and_then(Value::as_str) {
        Some(text) => Content::text(text),
        None => Content::json(Value::Object(update.clone())),
    }
}
