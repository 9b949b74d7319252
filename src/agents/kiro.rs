//! Kiro CLI: a log of messages a session, and the facts of the session in a document beside it; sessions of
//! its first engine are in the database that it took over from Amazon Q Developer CLI.
//!
//! Learned from what other public programs read and test with; no log of a real session was seen.
//! The document's `conversation_metadata` counts whole turns; only prompts have a time.

use std::{collections::HashMap, io, path::Path};

use serde_json::{Value, json};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, database, folders, identity, q_conversation,
    q_tools::{call, exit_code},
    records::{self, Record, Teller, count, text, time},
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Block, Content, Event, EventType, SessionId, Sink, Timestamp, attribute, title_of},
    system::files,
};

/// The Kiro reader.
pub(super) struct Kiro;

impl Agent for Kiro {
    fn name(&self) -> &'static str {
        "kiro"
    }

    fn title(&self) -> &'static str {
        "Kiro CLI"
    }

    // The logs are named by session, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let Some(home) = environment.folder("KIRO_HOME", ".kiro") else { return Vec::new() };
        let mut found = folders::files(&home.join("sessions/cli"), folders::is_jsonl);
        found.extend(q_conversation::databases(environment, "kiro-cli"));
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        q_conversation::has_tables(sample, "conversations_v2")
            || sample.records.iter().any(|record| {
                let kind = record["kind"].as_str().unwrap_or_default();
                record["version"].is_string() && record.get("data").is_some() && KINDS.contains(&kind)
            })
    }

    fn sessions(&self, log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
        q_conversation::sessions(log)
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        match log.path.filter(|path| database::is_database_at(path)) {
            Some(path) => q_conversation::write_row(path, log.part, "kiro", sink),
            None => parse(log, sink),
        }
    }
}

/// The kinds of the records.
const KINDS: [&str; 7] =
    ["Prompt", "AssistantMessage", "ToolResults", "Compaction", "Clear", "ResetTo", "CancelledPrompt"];

fn parse(log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let out = Transcript::new("kiro", "kiro-cli-v1", sink);
    let facts = log.path.and_then(facts_beside).unwrap_or_default();
    let mut parser = Parser { out, turns: turns(&facts), first: None };
    records::tell(log, "Kiro", &mut parser)?;
    take_facts(&facts, &mut parser.out);
    let id = records::session_id(log, [text(&facts, "session_id"), records::stem(log)], "kiro", parser.first);
    Ok(parser.out.finish(id)?)
}

/// The document beside a log.
fn facts_beside(log: &Path) -> Option<Record> {
    serde_json::from_str(&files::read_text(&log.with_extension("json"), files::LARGE).ok()?).ok()
}

/// What the document says of a turn.
struct Turn {
    tokens: Tokens,
    /// What the turn cost, in the provider's credits.
    credits: f64,
}

/// Takes the facts of the session.
fn take_facts(known: &Record, out: &mut Transcript<'_>) {
    let facts = &mut out.facts;
    "amazon".clone_into(&mut facts.provider);
    let field = |key: &str| text(known, key).map(str::to_owned);
    facts.cwd = field("cwd").or(facts.cwd.take());
    facts.title = field("title").as_deref().map(title_of).or(facts.title.take());
    facts.parent = field("parent_session_id").or(facts.parent.take());
    facts.began = time(known, "created_at").or(facts.began);
    facts.ended = time(known, "updated_at");
    if let Some(reason) = field("session_created_reason") {
        facts.attributes.insert("kiro.created_reason", reason.into());
    }
    let state = known.get("session_state");
    let model = state.and_then(|state| state.get("rts_model_state")?.get("model_info")?.get("model_id")?.as_str());
    if let Some(model) = model {
        model.clone_into(&mut facts.model);
    }
}

/// The facts of the turns, by their last message.
fn turns(known: &Record) -> HashMap<String, Turn> {
    let state = known.get("session_state");
    let turns = state.and_then(|state| state.get("conversation_metadata")?.get("user_turn_metadatas")?.as_array());
    turns.into_iter().flatten().filter_map(turn).collect()
}

fn turn(turn: &Value) -> Option<(String, Turn)> {
    let turn = turn.as_object()?;
    let last = turn.get("message_ids")?.as_array()?.last()?.as_str()?;
    let usage = turn.get("metering_usage").and_then(Value::as_array);
    let credits = usage.into_iter().flatten().filter_map(|usage| usage.get("value")?.as_f64()).sum();
    let tokens = Tokens {
        input: count(turn, "input_token_count"),
        output: count(turn, "output_token_count"),
        ..Tokens::default()
    };
    Some((last.to_owned(), Turn { tokens, credits }))
}

struct Parser<'s> {
    out: Transcript<'s>,
    turns: HashMap<String, Turn>,
    /// The id made of the first record of this agent, for a session that has no name.
    first: Option<SessionId>,
}

impl<'s> Teller<'s> for Parser<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.first.is_some()
    }

    fn record(&mut self, line: u64, mut record: Record) -> io::Result<()> {
        let kind = text(&record, "kind").unwrap_or_default().to_owned();
        if self.first.is_none() && KINDS.contains(&kind.as_str()) {
            self.first = Some(identity::hashed_id("kiro", &Value::Object(record.clone()).to_string()));
        }
        self.out.marks.clear();
        let data = record.remove("data").unwrap_or_default();
        let id = data.get("message_id").and_then(Value::as_str).filter(|id| !id.is_empty());
        let id = id.map_or_else(|| format!("line-{line}"), str::to_owned);
        let seconds = data.get("meta").and_then(|meta| meta.get("timestamp")?.as_f64());
        #[expect(clippy::cast_possible_truncation, reason = "a float becomes the nearest whole number there is")]
        let time = seconds.and_then(|seconds| Timestamp::from_millis((seconds * 1000.0).round() as i64));
        match (kind.as_str(), data) {
            ("Prompt", Value::Object(data)) => {
                let event = self.out.event(&id, time, EventType::UserMessage, &kind);
                let event = event.with_content(Content { blocks: blocks(data.get("content")) });
                self.out.prompt(rest_of(event, data))
            }
            ("AssistantMessage", Value::Object(data)) => self.answer(&id, time, data),
            ("ToolResults", Value::Object(data)) => self.results(&id, time, &data),
            ("Compaction", Value::Object(mut data)) => {
                let summary = match data.remove("summary") {
                    Some(Value::String(summary)) => Content::text(summary),
                    other => other.map(Content::json).unwrap_or_default(),
                };
                let event = self.out.event(&id, time, EventType::SystemMessage, &kind).with_content(summary);
                self.out.push(rest_of(event.with("source.injected", "compact_summary"), data))
            }
            (_, data) => {
                if !data.is_null() {
                    record.insert("data".to_owned(), data);
                }
                self.out.unknown(&id, time, &kind, Value::Object(record))
            }
        }
    }
}

impl Parser<'_> {
    fn answer(&mut self, id: &str, time: Option<Timestamp>, mut data: Record) -> io::Result<()> {
        self.out.marks.insert(attribute::GROUP_ID.to_owned(), id.into());
        let turn = self.turns.remove(id);
        let parts = match data.remove("content") {
            Some(Value::Array(parts)) => parts,
            _ => Vec::new(),
        };
        let is_said =
            |part: &Value| part["kind"] != "text" || part["data"].as_str().is_some_and(|text| !text.is_empty());
        let parts: Vec<Value> = parts.into_iter().filter(is_said).collect();
        let last = parts.len().saturating_sub(1);
        let mut data = Some(data);
        for (n, mut part) in parts.into_iter().enumerate() {
            let event_id = if n == 0 { id.to_owned() } else { format!("{id}-{n}") };
            let turn = turn.as_ref().filter(|_| n == last);
            if part["kind"] == "toolUse" {
                let mut part = records::take(&mut part, "data");
                let name = part["name"].as_str().unwrap_or_default().to_owned();
                let call_id = part["toolUseId"].as_str().unwrap_or(&event_id).to_owned();
                self.out.call((&event_id, &call_id), time, &name, call(&name, records::take(&mut part, "input")))?;
                if let (Some(event), Some(turn)) = (self.out.waiting_call(&call_id), turn) {
                    turn.note(event);
                }
                continue;
            }
            let kind = if part["kind"] == "thinking" { EventType::Thinking } else { EventType::AgentMessage };
            let mut event = self.out.event(&event_id, time, kind, "AssistantMessage");
            event.content.blocks.push(block(&part));
            if let Some(turn) = turn {
                turn.note(&mut event);
            }
            self.out.push(rest_of(event, data.take().unwrap_or_default()))?;
        }
        Ok(())
    }

    fn results(&mut self, id: &str, time: Option<Timestamp>, data: &Record) -> io::Result<()> {
        let parts = data.get("content").and_then(Value::as_array).cloned().unwrap_or_default();
        for (n, part) in parts.into_iter().enumerate() {
            let event_id = if n == 0 { id.to_owned() } else { format!("{id}-{n}") };
            let result = &part["data"];
            let call = result["toolUseId"].as_str().unwrap_or(&event_id).to_owned();
            let status = result["status"].as_str().unwrap_or_default();
            let is_error = !status.is_empty() && !status.eq_ignore_ascii_case("success");
            let blocks = blocks(result.get("content"));
            let exit_code = blocks.iter().find_map(exit_code);
            let outcome = Outcome { content: Content { blocks }, is_error, exit_code, ..Outcome::default() };
            self.out.result((&event_id, &call), time, outcome)?;
        }
        Ok(())
    }
}

impl Turn {
    fn note(&self, event: &mut Event) {
        self.tokens.note(event);
        if self.credits > 0.0 {
            event.attributes.insert("kiro.credits".to_owned(), self.credits.into());
        }
    }
}

fn blocks(content: Option<&Value>) -> Vec<Block> {
    content.and_then(Value::as_array).into_iter().flatten().map(block).collect()
}

fn block(part: &Value) -> Block {
    match (part["kind"].as_str(), &part["data"]) {
        (Some("text" | "thinking"), Value::String(text)) => Block::Text { text: text.into() },
        (Some("thinking"), data) if data["text"].is_string() => {
            Block::Text { text: data["text"].as_str().unwrap_or_default().into() }
        }
        (Some("json"), data) => Block::Json { data: data.clone() },
        _ => Block::Json { data: part.clone() },
    }
}

/// Keeps the fields of a record that nothing else shows.
fn rest_of(event: Event, mut fields: Record) -> Event {
    if let Some(Value::Object(meta)) = fields.get_mut("meta") {
        meta.remove("timestamp");
    }
    fields.retain(|_, value| *value != json!({}));
    records::with_fields(event, fields, &["message_id", "content"])
}
