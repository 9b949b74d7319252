//! Tells a replayed session as events.

use std::{collections::HashSet, io};

use serde_json::{Value, json};

use super::{
    super::{
        Log, ParseError, Warning, identity,
        parts::{self, Part},
        records::{self, Record, count, text, time},
        tool::{self, Kind},
        transcript::{Tokens, Transcript},
    },
    PROJECT_HASH, discovery,
    replay::{Item, Replay, What},
};
use crate::hail::{Block, Content, Event, EventType, Sink, Timestamp, attribute};

/// Texts that the program puts before a conversation in the person's name.
const INJECTED: [&str; 3] = ["<session_context>", "<state_snapshot>", "<environment_context>"];

/// Reads a log to its end.
pub(super) fn parse(log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let mut replay = Replay::read(log)?;
    let mut out = Transcript::new("gemini-cli", "gemini-cli-session", sink);
    if let Some(header) = &log.resumed {
        out.resume(header);
    }
    let seed = replay.items.iter().find_map(|item| match &item.what {
        What::Message(message) => Some(identity::hashed_id("gemini-cli", &Value::Object(message.clone()).to_string())),
        _ => None,
    });
    let candidates = [text(&replay.facts, "sessionId"), records::stem(log)];
    let id = records::session_id(log, candidates, "gemini-cli", seed);
    take_facts(std::mem::take(&mut replay.facts), log, &mut out);
    if !replay.abandoned.is_empty() {
        out.facts.attributes.insert("source.abandoned", std::mem::take(&mut replay.abandoned).into());
    }
    let mut teller = Teller { out, answered: HashSet::new(), place: 0 };
    for item in replay.items {
        teller.item(item)?;
    }
    teller.out.warnings.extend(replay.warnings);
    Ok(teller.out.finish(id)?)
}

fn take_facts(mut known: Record, log: &Log<'_>, out: &mut Transcript<'_>) {
    let facts = &mut out.facts;
    let began = time(&known, "startTime").or_else(|| time(&known, "start_time"));
    facts.began = began.or(facts.began);
    facts.ended = time(&known, "lastUpdated");
    facts.title = text(&known, "summary").map(crate::hail::title_of).or(facts.title.take());
    "google".clone_into(&mut facts.provider);
    if let Some(model) = known.get("meta").and_then(|meta| meta.get("model")).and_then(Value::as_str) {
        model.clone_into(&mut facts.model);
    }
    if let Some(hash) = text(&known, "projectHash") {
        let directory = log.path.and_then(|path| discovery::directory(path, hash));
        facts.cwd = directory.or(facts.cwd.take());
        facts.attributes.insert(PROJECT_HASH, hash.into());
    }
    let parent = log.path.and_then(discovery::parent);
    if text(&known, "kind") == Some("subagent") || parent.is_some() {
        facts.parent = parent.map(str::to_owned).or(facts.parent.take());
        facts.attributes.insert(attribute::SESSION_ROLE, "auxiliary".into());
    }
    for said in ["sessionId", "startTime", "start_time", "lastUpdated", "summary", "projectHash"] {
        known.remove(said);
    }
    known.retain(|key, value| !(value.is_null() || key == "kind" && value == "main"));
    if !known.is_empty() {
        facts.attributes.insert("gemini.facts", Value::Object(known));
    }
}

struct Teller<'s> {
    out: Transcript<'s>,
    /// The calls whose results were told.
    answered: HashSet<String>,
    place: usize,
}

/// A message on its way.
struct Message {
    id: String,
    time: Option<Timestamp>,
    kind: String,
    record: Record,
}

impl Teller<'_> {
    fn item(&mut self, item: Item) -> io::Result<()> {
        self.place += 1;
        self.out.marks.clear();
        match item.what {
            What::Message(record) => self.message(record, item.is_rewritten),
            What::Note(kind, value) => self.out.unknown(&format!("{kind}-{}", item.line), None, kind, value),
            What::Unreadable(cause, raw) => self.out.unreadable(item.line, &cause, raw),
        }
    }

    fn message(&mut self, mut record: Record, is_rewritten: bool) -> io::Result<()> {
        let id = text(&record, "id").map_or_else(|| format!("message-{}", self.place), str::to_owned);
        let seconds = record.get("ts").and_then(Value::as_i64);
        let time = time(&record, "timestamp").or_else(|| Timestamp::from_seconds(seconds?));
        let kind = ["type", "role"].into_iter().find_map(|key| text(&record, key)).unwrap_or_default().to_owned();
        let content = ["content", "parts"].into_iter().find_map(|key| record.remove(key)).unwrap_or_default();
        let message = Message { id, time, kind, record };
        match message.kind.as_str() {
            "user" => self.prompt(message, &content, is_rewritten),
            "gemini" | "model" | "assistant" => self.answer(message, &content),
            "info" | "error" | "warning" => {
                let event = self
                    .out
                    .event(&message.id, time, EventType::SystemMessage, &message.kind)
                    .with_content(Content { blocks: parts::blocks(&content) });
                self.out.push(rest_of(event, message.record))
            }
            _ => {
                let Message { id, kind, mut record, .. } = message;
                record.insert("content".to_owned(), content);
                self.out.unknown(&id, time, &kind, Value::Object(record))
            }
        }
    }

    fn prompt(&mut self, mut message: Message, content: &Value, is_rewritten: bool) -> io::Result<()> {
        let shown = message.record.remove("displayContent").filter(|shown| !shown.is_null() && shown != content);
        for (n, part) in parts::parts(content).into_iter().enumerate() {
            if let Part::Response { id, response } = part {
                let call = id.unwrap_or_else(|| format!("{}-call-{n}", message.id));
                self.late_result(&format!("{}-result-{n}", message.id), &call, message.time, response)?;
            }
        }
        let said = parts::blocks(shown.as_ref().unwrap_or(content));
        if said.is_empty() && !parts::parts(content).is_empty() {
            return Ok(());
        }
        let event = |out: &mut Transcript<'_>, id: &str, kind, blocks| {
            out.event(id, message.time, kind, "user").with_content(Content { blocks })
        };
        let begins =
            |start: &&str| matches!(said.first(), Some(Block::Text { text }) if text.trim_start().starts_with(*start));
        let why =
            if is_rewritten { Some("rewrite") } else { INJECTED.iter().find(|start| begins(start)).map(|_| "context") };
        if let Some(why) = why {
            let event = event(&mut self.out, &message.id, EventType::SystemMessage, said).with("source.injected", why);
            return self.out.push(rest_of(event, message.record));
        }
        // What was typed names files; what was sent has them in it.
        let added: Vec<Block> = parts::blocks(content).into_iter().filter(|block| !said.contains(block)).collect();
        let prompt = event(&mut self.out, &message.id, EventType::UserMessage, said);
        self.out.prompt(rest_of(prompt, message.record))?;
        if added.is_empty() {
            return Ok(());
        }
        let beside = event(&mut self.out, &format!("{}-context", message.id), EventType::SystemMessage, added);
        self.out.push(beside.with("source.injected", "context"))
    }

    /// A result that stands in a message of its own; most repeat what the call has.
    fn late_result(&mut self, id: &str, call: &str, time: Option<Timestamp>, response: Value) -> io::Result<()> {
        if !self.answered.insert(call.to_owned()) {
            return Ok(());
        }
        let is_error = response.get("error").is_some();
        self.out.result((id, call), time, parts::outcome(response, None, is_error))
    }

    fn answer(&mut self, mut message: Message, content: &Value) -> io::Result<()> {
        let calls = match message.record.remove("toolCalls") {
            Some(Value::Array(calls)) => calls,
            _ => Vec::new(),
        };
        self.out.marks.insert(attribute::GROUP_ID.to_owned(), message.id.as_str().into());
        if let Some(Value::String(model)) = message.record.remove("model") {
            self.out.marks.insert(attribute::MODEL.to_owned(), model.as_str().into());
            self.out.facts.model = model;
        }
        let tokens = message.record.get("tokens").and_then(Value::as_object).map(tokens);
        message.record.remove("tokens");
        let mut calls = calls_of(&message.id, calls, content);
        let mut said = self.said(&mut message, content);
        if said.is_empty() && calls.is_empty() {
            said.push(self.out.event(&message.id, message.time, EventType::AgentMessage, &message.kind));
        }
        if let Some(first) = said.first_mut() {
            *first = rest_of(first.clone(), std::mem::take(&mut message.record));
        }
        if let (Some(last), Some(tokens), true) = (said.last_mut(), &tokens, calls.is_empty()) {
            tokens.note(last);
        }
        said.into_iter().try_for_each(|event| self.out.push(event))?;
        for call in &mut calls {
            self.call(call, message.time)?;
        }
        let last = calls.last().and_then(|call| self.out.waiting_call(&call.id));
        if let (Some(last), Some(tokens)) = (last, &tokens) {
            tokens.note(last);
        }
        self.out.marks.remove(attribute::MODEL);
        calls.iter().try_for_each(|call| self.result(call))
    }

    /// The thoughts and the words of an answer.
    fn said(&mut self, message: &mut Message, content: &Value) -> Vec<Event> {
        let mut said = Vec::new();
        let thoughts = message.record.remove("thoughts");
        for (n, thought) in thoughts.iter().filter_map(Value::as_array).flatten().enumerate() {
            let field = |key: &str| thought.get(key).and_then(Value::as_str);
            let words = match (field("subject"), field("description").or_else(|| thought.as_str())) {
                (Some(subject), Some(words)) => format!("**{subject}**\n\n{words}"),
                (subject, words) => subject.or(words).unwrap_or_default().to_owned(),
            };
            let own = field("timestamp").and_then(|time| time.parse().ok()).or(message.time);
            let id = format!("{}-thought-{n}", message.id);
            said.push(self.out.event(&id, own, EventType::Thinking, "thought").with_content(Content::text(words)));
        }
        let mut words = Vec::new();
        for (n, part) in parts::parts(content).into_iter().enumerate() {
            match part {
                Part::Thought(text) => {
                    let id = format!("{}-part-{n}", message.id);
                    let event = self.out.event(&id, message.time, EventType::Thinking, "thought");
                    said.push(event.with_content(Content::text(text)));
                }
                Part::Block(block) => words.push(block),
                Part::Call { .. } | Part::Response { .. } => {}
            }
        }
        if !words.is_empty() {
            let event = self.out.event(&message.id, message.time, EventType::AgentMessage, &message.kind);
            said.push(event.with_content(Content { blocks: words }));
        }
        said
    }

    fn call(&mut self, call: &mut Call, time: Option<Timestamp>) -> io::Result<()> {
        let arguments = call.record.remove("args").unwrap_or_default();
        let display = call.record.get("resultDisplay");
        let mut event = parts::call(&call.name, arguments, display);
        if let Some(agent) = text(&call.record, "agentId")
            && let EventType::ToolCall { .. } = event.event_type
        {
            event.event_type = EventType::TaskStart { title: Some(call.name.clone()) };
            event.group = "task";
            event.content.blocks.push(Block::Json { data: json!({ "agentId": agent }) });
        }
        self.out.call((&call.event_id, &call.id), time, &call.name, event)?;
        if let Some(event) = self.out.waiting_call(&call.id) {
            let mut rest = call.record.clone();
            for told in ["id", "name", "status", "timestamp", "result", "resultDisplay", "agentId"] {
                rest.remove(told);
            }
            // What the program calls the tool and says of it, the same for every call.
            for shown in ["displayName", "description", "renderOutputAsMarkdown"] {
                rest.remove(shown);
            }
            *event = rest_of(event.clone(), rest);
        }
        Ok(())
    }

    fn result(&mut self, call: &Call) -> io::Result<()> {
        let status = text(&call.record, "status").unwrap_or_default();
        let result = call.record.get("result").cloned().unwrap_or_default();
        if result.is_null() && !matches!(status, "success" | "error" | "cancelled") {
            return Ok(());
        }
        let mut response = Value::Null;
        let mut others = Vec::new();
        for part in parts::parts(&result) {
            match part {
                Part::Response { response: own, .. } if response.is_null() => response = own,
                Part::Response { response, .. } => others.push(Block::Json { data: response }),
                Part::Block(block) => others.push(block),
                Part::Thought(text) => others.push(Block::Text { text: text.into() }),
                Part::Call { name, .. } => others.push(Block::Json { data: json!({ "functionCall": name }) }),
            }
        }
        let is_error = matches!(status, "error" | "cancelled") || status.is_empty() && response.get("error").is_some();
        let display = call.record.get("resultDisplay");
        let mut outcome = parts::outcome(response, display, is_error);
        parts::name_file(&mut outcome, self.out.waiting_call(&call.id));
        outcome.content.blocks.extend(others);
        if tool::kind_of(&call.name) != Some(Kind::Shell) || status == "cancelled" {
            outcome.exit_code = None;
        }
        let beside = display.and_then(|display| parts::display_beside(display, &outcome));
        outcome.content.blocks.extend(beside.map(|display| Block::Json { data: json!({ "resultDisplay": display }) }));
        if status == "cancelled" {
            outcome.content.blocks.push(Block::Json { data: json!({ "status": status }) });
        }
        self.answered.insert(call.id.clone());
        let own = time(&call.record, "timestamp");
        self.out.result((&format!("{}-result", call.event_id), &call.id), own, outcome)
    }
}

/// A call on its way.
struct Call {
    event_id: String,
    id: String,
    name: String,
    record: Record,
}

/// The calls of an answer: those with their results, and those that only the words have.
fn calls_of(message: &str, calls: Vec<Value>, content: &Value) -> Vec<Call> {
    let mut found = Vec::new();
    for (n, call) in calls.into_iter().enumerate() {
        let Value::Object(record) = call else { continue };
        let event_id = format!("{message}-call-{n}");
        let id = text(&record, "id").map_or_else(|| event_id.clone(), str::to_owned);
        let name = text(&record, "name").unwrap_or("unknown").to_owned();
        found.push(Call { event_id, id, name, record });
    }
    for (n, part) in parts::parts(content).into_iter().enumerate() {
        let Part::Call { id, name, arguments } = part else { continue };
        let is_known = |known: &Call| id.as_ref().map_or(known.name == name, |id| known.id == *id);
        if !found.iter().any(is_known) {
            let event_id = format!("{message}-part-{n}");
            let id = id.unwrap_or_else(|| event_id.clone());
            let record = [("args".to_owned(), arguments)].into_iter().collect();
            found.push(Call { event_id, id, name, record });
        }
    }
    found
}

/// Keeps the fields of a record that nothing else shows.
fn rest_of(event: Event, record: Record) -> Event {
    records::with_fields(event, record, &["id", "timestamp", "ts", "type", "role"])
}

/// The counts of an answer: the program's input includes what came from the cache.
fn tokens(counts: &Record) -> Tokens {
    let [input, cached, thoughts] = ["input", "cached", "thoughts"].map(|key| count(counts, key));
    Tokens {
        input: input.saturating_sub(cached).saturating_add(count(counts, "tool")),
        output: count(counts, "output").saturating_add(thoughts),
        cache_read: cached,
        cache_write: 0,
        reasoning: thoughts,
        cost: None,
    }
}
