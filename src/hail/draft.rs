//! The early draft `hail/0.1`: a header with `v`, `tool`, `model`, `ts`, then lines with a `role`
//! or a `type`, without ids and mostly without times.

use serde_json::Value;

use super::{Agent, Content, Event, EventType, Header, ObjectHash, Timestamp, attribute, title_of};

/// Turns the lines of one draft file into events.
#[derive(Debug)]
pub(super) struct Converter {
    now: Timestamp,
}

impl Converter {
    /// Reads the first line. The draft has no session id, so the hash of this line serves.
    pub(super) fn begin(line: &str, header: &Value) -> Result<(Self, Header), String> {
        let text = |key: &str| header.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let now = text("ts").parse().map_err(|fault| format!("ts: {fault}"))?;
        let id = &ObjectHash::of(line.as_bytes()).to_string()[..16];
        let id = format!("draft-{id}").parse().map_err(|fault| format!("{fault}"))?;
        let (tool, model) = (text("tool"), text("model"));
        let provider = provider_of(&tool, &model).to_owned();
        let agent = Agent { provider, model, tool, tool_version: None };
        let mut header = Header::new(id, agent, now);
        header.context.title = title_of("Imported draft session");
        Ok((Self { now }, header))
    }

    pub(super) fn event(&mut self, line: u64, value: &Value) -> Event {
        let text = |key: &str| value.get(key).and_then(Value::as_str);
        if let Some(time) = text("ts").and_then(|time| time.parse().ok()) {
            self.now = self.now.max(time);
        }
        let path = || text("path").unwrap_or("unknown").to_owned();
        let kind = match (text("role"), text("type")) {
            (Some("human" | "user"), _) => EventType::UserMessage,
            (Some("agent" | "assistant"), _) => EventType::AgentMessage,
            (Some("system"), _) => EventType::SystemMessage,
            (_, Some("file_edit")) => EventType::FileEdit { path: path(), diff: text("diff").map(str::to_owned) },
            (_, Some("file_create")) => EventType::FileCreate { path: path() },
            (role, kind) => EventType::Custom { kind: kind.or(role).unwrap_or("unknown").to_owned() },
        };
        let content = match (&kind, text("content")) {
            (EventType::Custom { .. }, _) | (_, None) => Content::json(value.clone()),
            (_, Some(content)) => Content::text(content),
        };
        let mut event = Event::new(format!("line-{line}"), self.now, kind)
            .with_content(content)
            .with(attribute::SCHEMA_VERSION, "hail/0.1");
        if let Some(calls) = value.get("tool_calls") {
            event = event.with("tool_calls", calls.clone());
        }
        event
    }
}

fn provider_of(tool: &str, model: &str) -> &'static str {
    let named = |needles: &[&str]| needles.iter().any(|needle| tool.contains(needle) || model.contains(needle));
    if named(&["claude", "opus", "sonnet", "haiku"]) {
        "anthropic"
    } else if named(&["codex", "gpt"]) {
        "openai"
    } else if named(&["gemini"]) {
        "google"
    } else {
        "unknown"
    }
}
