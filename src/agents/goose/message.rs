//! Writes messages as events, however they were kept.

use std::{collections::HashMap, io};

use serde_json::{Map, Value};

use super::seconds;
use crate::{
    agents::{
        media,
        records::{self, Record, text},
        tool::{self, Call},
        transcript::{Outcome, Tokens, Transcript},
    },
    hail::{Block, Content, Event, EventType, Timestamp, attribute},
};

/// The messages of a session on their way to its events.
pub(super) struct Messages<'s> {
    pub(super) transcript: Transcript<'s>,
    /// What the whole session used, where that is all that is known.
    pub(super) total: Tokens,
    /// Whether another agent wrote the prompts.
    pub(super) is_subagent: bool,
    /// How often an id came: the pieces of one answer share theirs.
    seen: HashMap<String, u32>,
    /// The last event that the model made, kept back because the counts belong to it.
    last: Option<Event>,
}

/// Where a block stands.
struct Place<'p> {
    id: String,
    time: Option<Timestamp>,
    is_user: bool,
    /// Whether the program wrote a message in the person's name.
    is_injected: bool,
    metadata: Option<&'p Value>,
}

/// The counts of a session, of its first line or its row.
pub(super) fn totals(record: &Record) -> Tokens {
    let count = |name: &str| {
        let own = record.get(&format!("accumulated_{name}_tokens")).and_then(Value::as_u64);
        own.unwrap_or_else(|| records::count(record, &format!("{name}_tokens")))
    };
    let (cache_read, cache_write) = (count("cache_read"), count("cache_write"));
    Tokens {
        // Goose's own count of the input includes what was cached.
        input: count("input").saturating_sub(cache_read).saturating_sub(cache_write),
        output: count("output"),
        cache_read,
        cache_write,
        reasoning: 0,
        cost: record.get("accumulated_cost").and_then(Value::as_f64),
    }
}

impl<'s> Messages<'s> {
    pub(super) fn new(transcript: Transcript<'s>) -> Self {
        Self { transcript, total: Tokens::default(), is_subagent: false, seen: HashMap::new(), last: None }
    }

    /// Takes a message; `fallback` is its id where it has none.
    pub(super) fn write(&mut self, fallback: &str, message: &Record) -> io::Result<()> {
        let id = text(message, "id").unwrap_or(fallback).to_owned();
        let times = self.seen.entry(id.clone()).or_default();
        *times += 1;
        let id = if *times == 1 { id } else { format!("{id}.{times}") };
        let time = message.get("created").and_then(Value::as_i64).and_then(seconds);
        let role = text(message, "role").unwrap_or_default();
        let metadata =
            message.get("metadata").filter(|metadata| metadata.as_object().is_some_and(|all| !all.is_empty()));
        let is_hidden = metadata.and_then(|metadata| metadata.get("userVisible")) == Some(&Value::Bool(false));
        let (is_user, is_injected) = (role == "user", is_hidden || self.is_subagent);
        let Some(Value::Array(blocks)) = message.get("content") else {
            return self.unknown(&id, time, "message", Value::Object(message.clone()));
        };
        if !matches!(role, "user" | "assistant") {
            return self.unknown(&id, time, role, Value::Object(message.clone()));
        }
        for (index, block) in blocks.iter().enumerate() {
            let place = Place { id: format!("{id}-{index}"), time, is_user, is_injected, metadata };
            self.block(&place, block)?;
        }
        Ok(())
    }

    fn block(&mut self, place: &Place<'_>, block: &Value) -> io::Result<()> {
        let text = |key: &str| block.get(key).and_then(Value::as_str);
        match text("type").unwrap_or_default() {
            "text" if text("text").is_none_or(str::is_empty) => Ok(()),
            "text" => self.said(place, Content::text(text("text").unwrap_or_default())),
            "image" => self.said(place, Content { blocks: vec![image(block)] }),
            "thinking" => {
                self.model_event(place, EventType::Thinking, Content::text(text("thinking").unwrap_or_default()))
            }
            "redactedThinking" => {
                let mut event = self.transcript.event(&place.id, place.time, EventType::Thinking, "redactedThinking");
                event.attributes.insert("redacted".to_owned(), true.into());
                self.hold(event)
            }
            "toolRequest" | "frontendToolRequest" => self.request(place, block),
            "toolResponse" => self.response(place, block),
            kind => {
                let kind = if kind.is_empty() { "unknown" } else { kind };
                self.unknown(&place.id, place.time, kind, block.clone())
            }
        }
    }

    fn said(&mut self, place: &Place<'_>, content: Content) -> io::Result<()> {
        if !place.is_user {
            return self.model_event(place, EventType::AgentMessage, content);
        }
        self.release()?;
        let kind = if place.is_injected { EventType::SystemMessage } else { EventType::UserMessage };
        let mut event = self.transcript.event(&place.id, place.time, kind, "text").with_content(content);
        if let Some(metadata) = place.metadata {
            event = event.with("source.metadata", metadata.clone());
        }
        if place.is_injected {
            return self.transcript.push(event.with("source.injected", "text"));
        }
        self.transcript.prompt(event)
    }

    fn model_event(&mut self, place: &Place<'_>, kind: EventType, content: Content) -> io::Result<()> {
        let mut event = self.transcript.event(&place.id, place.time, kind, "assistant").with_content(content);
        let model = &self.transcript.facts.model;
        if model != "unknown" {
            event.attributes.insert(attribute::MODEL.to_owned(), model.clone().into());
        }
        self.hold(event)
    }

    fn request(&mut self, place: &Place<'_>, block: &Value) -> io::Result<()> {
        let call_id = block.get("id").and_then(Value::as_str).unwrap_or(&place.id);
        let asked = block.get("toolCall").unwrap_or(&Value::Null);
        let value = asked.get("value").unwrap_or(&Value::Null);
        let Some(name) = value.get("name").and_then(Value::as_str) else {
            // The model asked for what is no call; the error says why.
            return self.unknown(&place.id, place.time, "toolRequest", block.clone());
        };
        self.release()?;
        let arguments = value.get("arguments").cloned().unwrap_or_default();
        self.transcript.call((&place.id, call_id), place.time, name, call(name, arguments))?;
        let model = self.transcript.facts.model.clone();
        if let Some(event) = self.transcript.waiting_call(call_id).filter(|_| model != "unknown") {
            event.attributes.insert(attribute::MODEL.to_owned(), model.into());
        }
        Ok(())
    }

    fn response(&mut self, place: &Place<'_>, block: &Value) -> io::Result<()> {
        self.release()?;
        let call_id = block.get("id").and_then(Value::as_str).unwrap_or(&place.id);
        let result = block.get("toolResult").unwrap_or(&Value::Null);
        let mut outcome =
            Outcome { is_error: result.get("status").and_then(Value::as_str) == Some("error"), ..Outcome::default() };
        match result.get("value") {
            Some(Value::Object(value)) => returned(value, &mut outcome),
            Some(Value::Array(blocks)) => outcome.content = contents(blocks),
            _ => {
                let error = result.get("error").and_then(Value::as_str);
                outcome.content = error.map_or_else(|| Content::json(result.clone()), Content::text);
            }
        }
        self.transcript.result((&place.id, call_id), place.time, outcome)
    }

    fn unknown(&mut self, id: &str, time: Option<Timestamp>, kind: &str, record: Value) -> io::Result<()> {
        self.release()?;
        self.transcript.unknown(id, time, kind, record)
    }

    fn hold(&mut self, event: Event) -> io::Result<()> {
        self.release()?;
        self.last = Some(event);
        Ok(())
    }

    fn release(&mut self) -> io::Result<()> {
        self.last.take().map_or(Ok(()), |event| self.transcript.push(event))
    }

    /// Writes what is left. What the session used goes to the last thing that the model said, or to
    /// an event of its own where that is gone already.
    pub(super) fn finish(mut self) -> io::Result<Transcript<'s>> {
        if self.total != Tokens::default() {
            let mut event = self.last.take().unwrap_or_else(|| {
                let kind = EventType::Custom { kind: "usage".to_owned() };
                self.transcript.event("usage", None, kind, "session")
            });
            self.total.note(&mut event);
            self.transcript.push(event.with("source.usage", "session"))?;
        }
        self.release()?;
        Ok(self.transcript)
    }
}

/// The event of a call. The names of tools begin with that of their extension.
fn call(name: &str, mut arguments: Value) -> Call {
    let bare = name.strip_prefix("developer__").unwrap_or(name);
    let call = match tool::kind_of(name).or_else(|| tool::kind_of(bare)) {
        Some(kind) => {
            // An editor may be given a whole diff instead of what to replace.
            let diff = arguments.as_object_mut().and_then(|fields| fields.remove("diff"));
            let mut call = tool::call_as(kind, name, arguments);
            match (&mut call.event_type, diff) {
                (EventType::FileEdit { diff: known @ None, .. }, Some(Value::String(diff))) => *known = Some(diff),
                (_, Some(diff)) => call.content.blocks.push(Block::Json { data: serde_json::json!({ "diff": diff }) }),
                _ => {}
            }
            call
        }
        None => tool::call(name, arguments),
    };
    match call.event_type {
        // HAIL has no call without a name.
        EventType::ToolCall { name } if name.is_empty() => {
            Call { event_type: EventType::ToolCall { name: "unknown".to_owned() }, ..call }
        }
        event_type => Call { event_type, ..call },
    }
}

/// What a tool returned, in the shape of newer versions.
fn returned(value: &Map<String, Value>, outcome: &mut Outcome) {
    outcome.is_error |= value.get("isError") == Some(&Value::Bool(true));
    if let Some(Value::Array(blocks)) = value.get("content") {
        outcome.content = contents(blocks);
    }
    let structured = value.get("structuredContent").filter(|value| !value.is_null());
    let code = structured
        .and_then(|structured| ["exit_code", "exitCode"].iter().find_map(|key| structured.get(key)?.as_i64()));
    outcome.exit_code = code.and_then(|code| i32::try_from(code).ok());
    outcome.is_error |= outcome.exit_code.is_some_and(|code| code != 0);
    outcome.content.blocks.extend(structured.map(|data| Block::Json { data: data.clone() }));
}

/// The content of a result. It may be there twice, once for the person and once for the model.
fn contents(blocks: &[Value]) -> Content {
    let mut found: Vec<Block> = Vec::new();
    for block in blocks {
        let block = match (block.get("type").and_then(Value::as_str), block.get("text").and_then(Value::as_str)) {
            (Some("text") | None, Some(words)) => Block::Text { text: words.into() },
            (Some("image"), _) => image(block),
            _ => Block::Json { data: block.clone() },
        };
        if !found.contains(&block) {
            found.push(block);
        }
    }
    Content { blocks: found }
}

fn image(block: &Value) -> Block {
    let text = |key: &str| block.get(key).and_then(Value::as_str);
    match (text("data"), text("mimeType").or_else(|| text("mime_type"))) {
        (Some(data), Some(mime)) => media::image(mime, data),
        _ => Block::Json { data: block.clone() },
    }
}

/// Writes what an answer used, as the ledger has it.
pub(super) fn usage_event(
    transcript: &mut Transcript<'_>,
    (id, time): (&str, Option<Timestamp>),
    (model, tokens): (Option<String>, Tokens),
) -> io::Result<()> {
    let kind = EventType::Custom { kind: "usage".to_owned() };
    let mut event = transcript.event(id, time, kind, "usage_ledger");
    tokens.note(&mut event);
    if let Some(model) = model {
        event.attributes.insert(attribute::MODEL.to_owned(), model.into());
    }
    transcript.push(event)
}
