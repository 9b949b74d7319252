//! Writes the messages of a task as events.

mod facts;
mod user;
mod window;

use std::{collections::VecDeque, io};

use serde_json::Value;

use super::{
    load::Task,
    tool,
    xml::{self, Piece},
};
use crate::{
    agents::{
        ParseError, Warning, field, media,
        records::{self, Record, text},
        transcript::{Tokens, Transcript},
    },
    hail::{Block, Content, Event, EventType, Sink, Timestamp, attribute},
};

pub(super) use facts::details;
use facts::{facts, model_in, texts};
pub(super) use window::requests;

/// A task on its way to its events.
pub(super) struct Writer<'s> {
    pub(super) transcript: Transcript<'s>,
    /// Whether the program is one of the later ones, where a message is what it seems to be.
    pub(super) is_store: bool,
    /// What each request used, as the window showed it.
    requests: VecDeque<(Option<Timestamp>, Tokens)>,
    has_requests: bool,
    /// The calls that were written as text: id and name, the newest last.
    pub(super) open: Vec<(String, String)>,
    /// The model, as the surroundings that it was told name it.
    told_model: Option<String>,
    /// Whether anything was said to the model.
    has_begun: bool,
}

/// What the model did in one message.
enum Act {
    Event(String, EventType, Content),
    Call { id: String, call_id: String, name: String, arguments: Value },
}

pub(super) fn write(agent: &'static str, task: Task, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let schema = if task.store.is_some() { "cline-messages" } else { "cline-task" };
    let mut transcript = Transcript::new(agent, schema, sink);
    transcript.facts = facts(&task);
    let requests = requests(&task.window);
    let has_requests = !requests.is_empty();
    let mut writer = Writer {
        transcript,
        is_store: task.store.is_some(),
        requests,
        has_requests,
        open: Vec::new(),
        told_model: None,
        has_begun: false,
    };
    if let Some(store) = task.store {
        writer.store(store)?;
    }
    if task.messages.is_empty() {
        writer.window(task.window)?;
    }
    for (index, message) in task.messages.into_iter().enumerate() {
        writer.message(index, message)?;
    }
    writer.rest()?;
    Ok(writer.transcript.finish(task.id)?)
}

impl Writer<'_> {
    /// What a store says beside its messages.
    fn store(&mut self, mut store: Record) -> io::Result<()> {
        let prompt = store.remove("system_prompt");
        store.retain(|key, value| !matches!(key.as_str(), "version" | "updated_at" | "sessionId") && !value.is_null());
        if !store.is_empty() {
            self.transcript.facts.attributes.insert("source.fields", Value::Object(store));
        }
        match prompt {
            Some(Value::String(prompt)) if !prompt.is_empty() => {
                let event = self.transcript.event("system", None, EventType::SystemMessage, "system_prompt");
                self.transcript.push(event.with_content(Content::text(prompt)))
            }
            _ => Ok(()),
        }
    }

    fn message(&mut self, index: usize, message: Value) -> io::Result<()> {
        let Value::Object(message) = message else {
            return self.transcript.unknown(&format!("message-{index}"), None, "unknown", message);
        };
        let id = text(&message, "id").map_or_else(|| format!("message-{index}"), str::to_owned);
        let time = message.get("ts").and_then(Value::as_i64).and_then(Timestamp::from_millis);
        let blocks = match message.get("content") {
            Some(Value::String(text)) => vec![serde_json::json!({ "type": "text", "text": text })],
            Some(Value::Array(blocks)) => blocks.clone(),
            _ if text(&message, "type") == Some("reasoning") => return self.reasoning(&id, time, &message),
            _ => return self.transcript.unknown(&id, time, "message", Value::Object(message)),
        };
        if let Some(model) = blocks.iter().rev().filter_map(details).find_map(model_in) {
            field::provider_of(model).clone_into(&mut self.transcript.facts.provider);
            model.clone_into(&mut self.transcript.facts.model);
            self.told_model = Some(model.to_owned());
        }
        if message.get("isSummary") == Some(&Value::Bool(true)) {
            return self.summary(&id, time, &blocks);
        }
        match text(&message, "role") {
            Some("user") => self.user((&id, time), &message, blocks),
            Some("assistant") => self.assistant((&id, time), &message, blocks),
            _ => self.transcript.unknown(&id, time, "message", Value::Object(message)),
        }
    }

    /// Reasoning that is apart from what was said; what only the provider can read is left out.
    fn reasoning(&mut self, id: &str, time: Option<Timestamp>, message: &Record) -> io::Result<()> {
        let parts = message.get("summary").and_then(Value::as_array).into_iter().flatten();
        let words: Vec<&str> = parts.filter_map(|part| part.get("text")?.as_str()).collect();
        let words =
            if words.is_empty() { text(message, "text").unwrap_or_default().to_owned() } else { words.join("\n") };
        let event = self.transcript.event(id, time, EventType::Thinking, "reasoning");
        self.transcript.push(event.with_content(Content::text(words)))
    }

    /// What stands for the conversation before it.
    fn summary(&mut self, id: &str, time: Option<Timestamp>, blocks: &[Value]) -> io::Result<()> {
        let texts = blocks.iter().filter_map(|block| block.get("text")?.as_str());
        let blocks = texts.map(|text| Block::Text { text: text.into() }).collect();
        let event = self.transcript.event(id, time, EventType::SystemMessage, "summary");
        self.transcript.push(event.with_content(Content { blocks }).with("source.injected", "compact_summary"))
    }

    fn assistant(
        &mut self,
        (id, time): (&str, Option<Timestamp>),
        message: &Record,
        blocks: Vec<Value>,
    ) -> io::Result<()> {
        let model = self.model(message);
        let (shown, tokens) = self.used(time, message);
        let time = time.or(shown);
        let acts: Vec<Act> = blocks
            .into_iter()
            .enumerate()
            .flat_map(|(index, block)| self.acts(&format!("{id}-{index}"), block))
            .collect();
        if acts.is_empty() && tokens != Tokens::default() {
            return self.usage(&format!("{id}-usage"), time, tokens);
        }
        let last = acts.len();
        for (index, act) in acts.into_iter().enumerate() {
            let complete = |event: &mut Event| {
                event.attributes.insert(attribute::GROUP_ID.to_owned(), id.into());
                if let Some(model) = &model {
                    event.attributes.insert(attribute::MODEL.to_owned(), model.as_str().into());
                }
                if index + 1 == last {
                    tokens.note(event);
                }
            };
            self.act(act, time, complete)?;
        }
        Ok(())
    }

    fn act(&mut self, act: Act, time: Option<Timestamp>, complete: impl FnOnce(&mut Event)) -> io::Result<()> {
        match act {
            Act::Event(id, kind, content) => {
                let mut event = self.transcript.event(&id, time, kind, "assistant").with_content(content);
                complete(&mut event);
                self.transcript.push(event)
            }
            Act::Call { id, call_id, name, arguments } => {
                self.transcript.calls((&id, &call_id), time, &name, tool::calls(&name, arguments))?;
                if let Some(event) = self.transcript.waiting_call(&call_id) {
                    complete(event);
                }
                Ok(())
            }
        }
    }

    /// The model of a message, which is the last one that is known.
    fn model(&mut self, message: &Record) -> Option<String> {
        let Some(info) = message.get("modelInfo") else { return self.told_model.clone() };
        let field = |names: [&str; 2]| names.iter().find_map(|name| info.get(*name)?.as_str()).map(str::to_owned);
        if let Some(provider) = field(["providerId", "provider"]) {
            self.transcript.facts.provider = provider;
        }
        let model = field(["modelId", "id"])?;
        self.transcript.facts.model.clone_from(&model);
        Some(model)
    }

    /// What an answer used: as the window showed it, else as the message says.
    fn used(&mut self, time: Option<Timestamp>, message: &Record) -> (Option<Timestamp>, Tokens) {
        if self.has_requests {
            // A request is shown before its answer comes; one that failed has no answer at all.
            let mut found = self.requests.pop_front().unwrap_or_default();
            while self.requests.front().is_some_and(|(next, _)| next.is_some() && time.is_some() && *next <= time) {
                let (shown, more) = self.requests.pop_front().unwrap_or_default();
                found = (shown, add(found.1, more));
            }
            return found;
        }
        (None, message.get("metrics").map(metrics).unwrap_or_default())
    }

    fn acts(&mut self, id: &str, block: Value) -> Vec<Act> {
        let field = |key: &str| block.get(key).and_then(Value::as_str).unwrap_or_default();
        let event = |kind: EventType, content: Content| vec![Act::Event(id.to_owned(), kind, content)];
        match field("type") {
            "text" if self.is_store => match field("text") {
                "" => Vec::new(),
                words => event(EventType::AgentMessage, Content::text(words)),
            },
            "text" => self.pieces(id, field("text")),
            "thinking" => event(EventType::Thinking, Content::text(field("thinking"))),
            "reasoning" => event(EventType::Thinking, Content::text(field("text"))),
            "redacted_thinking" => event(EventType::Thinking, Content::default()),
            "tool_use" => {
                let call_id = if field("id").is_empty() { id } else { field("id") }.to_owned();
                let arguments = block.get("input").cloned().unwrap_or_default();
                vec![Act::Call { id: id.to_owned(), call_id, name: field("name").to_owned(), arguments }]
            }
            "image" => event(EventType::AgentMessage, Content { blocks: vec![image(&block)] }),
            kind => {
                let kind = if kind.is_empty() { "unknown" } else { kind }.to_owned();
                event(EventType::Custom { kind }, Content::json(block))
            }
        }
    }

    fn pieces(&mut self, id: &str, words: &str) -> Vec<Act> {
        let act = |(index, piece): (usize, Piece<'_>)| {
            let id = if index == 0 { id.to_owned() } else { format!("{id}.{index}") };
            match piece {
                Piece::Words(words) => Act::Event(id, EventType::AgentMessage, Content::text(words)),
                Piece::Thinking(words) => Act::Event(id, EventType::Thinking, Content::text(words)),
                Piece::Call { name, arguments } => {
                    self.open.push((id.clone(), name.to_owned()));
                    Act::Call { call_id: id.clone(), id, name: name.to_owned(), arguments: Value::Object(arguments) }
                }
            }
        };
        xml::pieces(words).into_iter().enumerate().map(act).collect()
    }

    fn usage(&mut self, id: &str, time: Option<Timestamp>, tokens: Tokens) -> io::Result<()> {
        let kind = EventType::Custom { kind: "usage".to_owned() };
        let mut event = self.transcript.event(id, time, kind, "api_req_started");
        tokens.note(&mut event);
        self.transcript.push(event)
    }

    /// Keeps what was used by requests whose answers are not in the conversation.
    fn rest(&mut self) -> io::Result<()> {
        let rest = std::mem::take(&mut self.requests);
        for (index, (time, tokens)) in rest.into_iter().enumerate() {
            if tokens != Tokens::default() {
                self.usage(&format!("usage-{index}"), time, tokens)?;
            }
        }
        Ok(())
    }
}

fn add(one: Tokens, other: Tokens) -> Tokens {
    Tokens {
        input: one.input.saturating_add(other.input),
        output: one.output.saturating_add(other.output),
        cache_read: one.cache_read.saturating_add(other.cache_read),
        cache_write: one.cache_write.saturating_add(other.cache_write),
        reasoning: 0,
        cost: one.cost.map_or(other.cost, |cost| Some(cost + other.cost.unwrap_or(0.0))),
    }
}

/// The counts of a message, in the names of either generation.
fn metrics(metrics: &Value) -> Tokens {
    let empty = Record::new();
    let fields = metrics.as_object().unwrap_or(&empty);
    let cost = fields.get("cost").and_then(Value::as_f64);
    if let Some(tokens) = fields.get("tokens").and_then(Value::as_object) {
        let count = |key: &str| records::count(tokens, key);
        let (input, output, cache_read) = (count("prompt"), count("completion"), count("cached"));
        return Tokens { input, output, cache_read, cost, ..Tokens::default() };
    }
    let count = |key: &str| records::count(fields, key);
    let (input, cache_read, cache_write) = (count("inputTokens"), count("cacheReadTokens"), count("cacheWriteTokens"));
    // The later programs count what was cached as input too.
    let input = input.checked_sub(cache_read.saturating_add(cache_write)).unwrap_or(input);
    Tokens { input, output: count("outputTokens"), cache_read, cache_write, reasoning: 0, cost }
}

/// A picture in a message.
pub(super) fn image(block: &Value) -> Block {
    let source = block.get("source").unwrap_or(block);
    let field = |key: &str| source.get(key).and_then(Value::as_str);
    match (field("media_type").or_else(|| field("mediaType")), field("data"), field("url")) {
        (Some(mime), Some(data), _) => media::image(mime, data),
        (_, _, Some(url)) => media::image_url(url),
        _ => Block::Json { data: block.clone() },
    }
}
