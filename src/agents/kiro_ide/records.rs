//! The log of records of a session, and the facts of the session in a document beside it.

use std::{io, path::Path};

use serde_json::{Value, json};

use crate::{
    agents::{
        Log, ParseError, Warning, field, identity,
        message::{self, Message, Part, Speaker},
        q_tools,
        records::{self, Record, Teller},
        transcript::{Outcome, Transcript},
    },
    hail::{Content, SessionId, Sink, Timestamp},
    system::files,
};

/// The types of the records.
const TYPES: [&str; 16] = [
    "user",
    "assistant",
    "tool_call",
    "tool_result",
    "turn_start",
    "turn_end",
    "session_start",
    "session_metadata",
    "session_event",
    "usage_summary",
    "tombstone",
    "pending_interaction",
    "interaction_resolved",
    "sub_agent_start",
    "sub_agent_complete",
    "steering",
];

/// Whether a record is one of such a log.
pub(super) fn is_record(record: &Value) -> bool {
    let kind = record.get("payload").and_then(|payload| field::text(payload, "type"));
    kind.is_some_and(|kind| TYPES.contains(&kind))
        && record.get("timestamp").is_some_and(Value::is_string)
        && record.get("type").is_none()
}

pub(super) fn parse(log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let out = message::transcript("kiro-ide", "kiro-session-records", sink);
    let facts = log.path.and_then(facts_beside).unwrap_or_default();
    let mut reader = Reader { out, first: None };
    records::tell(log, "Kiro IDE", &mut reader)?;
    let Reader { mut out, first } = reader;
    note_facts(&mut out, &facts);
    let folder = log.path.and_then(Path::parent).and_then(Path::file_name).and_then(|name| name.to_str());
    let id = records::session_id(log, [field::text(&facts, "id"), folder], "kiro-ide", first);
    Ok(out.finish(id)?)
}

/// The document beside a log.
fn facts_beside(log: &Path) -> Option<Value> {
    serde_json::from_str(&files::read_text(&log.with_file_name("session.json"), files::LARGE).ok()?).ok()
}

fn note_facts(out: &mut Transcript<'_>, known: &Value) {
    let facts = &mut out.facts;
    "amazon".clone_into(&mut facts.provider);
    facts.title = field::text(known, "title").map(str::to_owned);
    facts.cwd = known.pointer("/workspacePaths/0").and_then(Value::as_str).map(str::to_owned);
    facts.began = known.get("createdAt").and_then(field::time).or(facts.began);
    facts.ended = known.get("lastModifiedAt").and_then(field::time);
    facts.parent = field::text(known, "parentSessionId").map(str::to_owned);
    facts.related.extend(facts.parent.clone());
    if let Some(model) = field::text(known, "modelId") {
        model.clone_into(&mut facts.model);
    }
    if let Some(mode) = field::text(known, "agentMode") {
        facts.attributes.insert("kiro.agent_mode", mode.into());
    }
}

struct Reader<'s> {
    out: Transcript<'s>,
    /// The id made of the first record, for a session that has no name.
    first: Option<SessionId>,
}

impl<'s> Teller<'s> for Reader<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.first.is_some()
    }

    fn record(&mut self, line: u64, record: Record) -> io::Result<()> {
        let record = Value::Object(record);
        let time = record.get("timestamp").and_then(field::time);
        let id = field::text(&record, "id").map_or_else(|| format!("line-{line}"), str::to_owned);
        if is_record(&record) {
            self.first.get_or_insert_with(|| identity::hashed_id("kiro-ide", &record.to_string()));
        }
        let payload = record.get("payload").unwrap_or(&Value::Null);
        let kind = field::text(payload, "type").unwrap_or_default();
        match kind {
            // They only mark where the records between them begin and end.
            "turn_start" | "turn_end" => Ok(()),
            "user" => self.said((id, time), Speaker::Person, payload),
            "session_start" | "steering" => self.said((id, time), Speaker::Program("context"), payload),
            "assistant" => self.answer((id, time), payload),
            "tool_call" => self.call((&id, time), payload),
            "tool_result" => self.result((&id, time), payload),
            "sub_agent_start" | "sub_agent_complete" => self.subagent((&id, time), kind, payload),
            "usage_summary" => self.usage((id, time), payload),
            _ => self.out.unknown(&id, time, kind, if payload.is_null() { record.clone() } else { payload.clone() }),
        }
    }
}

impl Reader<'_> {
    fn said(&mut self, (id, time): (String, Option<Timestamp>), who: Speaker, payload: &Value) -> io::Result<()> {
        let mut message = Message::new(id, time, who);
        message.say(content_of(payload));
        let images = payload.get("images").and_then(Value::as_array).into_iter().flatten();
        message.say(Content { blocks: images.filter_map(field::block).collect() });
        let rest = field::rest(payload, &["type", "content", "images", "executionId"]);
        message.attributes.extend(rest.map(|rest| ("source.fields", rest)));
        message.send(&mut self.out)
    }

    fn answer(&mut self, (id, time): (String, Option<Timestamp>), payload: &Value) -> io::Result<()> {
        let operation = field::text(payload, "operationType").unwrap_or("Say");
        let who = if operation == "Summary" { Speaker::Program("compact_summary") } else { Speaker::Agent };
        let mut message = Message::new(id, time, who);
        match operation {
            "Reasoning" => message.parts.push(Part::Thought(content_of(payload).to_text())),
            _ => message.say(content_of(payload)),
        }
        let rest = field::rest(payload, &["type", "content", "operationType", "executionId"]);
        message.attributes.extend(rest.map(|rest| ("source.fields", rest)));
        message.send(&mut self.out)
    }

    fn call(&mut self, (id, time): (&str, Option<Timestamp>), payload: &Value) -> io::Result<()> {
        let call = field::text(payload, "toolCallId").unwrap_or(id);
        // A call that waits for the person is written again when it may run.
        if self.out.knows_call(call) {
            return Ok(());
        }
        let name = field::text(payload, "toolName").unwrap_or_default();
        let arguments = payload.get("args").cloned().unwrap_or_default();
        self.out.call((id, call), time, name, q_tools::call(name, arguments))
    }

    fn result(&mut self, (id, time): (&str, Option<Timestamp>), payload: &Value) -> io::Result<()> {
        let call = field::text(payload, "toolCallId").unwrap_or(id);
        let content = content_of(payload);
        let outcome = Outcome {
            exit_code: field::exit_code(payload, "exitCode")
                .or_else(|| content.blocks.iter().find_map(q_tools::exit_code)),
            content,
            is_error: payload.get("success") == Some(&Value::Bool(false)),
            ..Outcome::default()
        };
        self.out.result((id, call), time, outcome)
    }

    fn subagent(&mut self, (id, time): (&str, Option<Timestamp>), kind: &str, payload: &Value) -> io::Result<()> {
        let call = field::text(payload, "subSessionId").unwrap_or(id);
        if kind == "sub_agent_start" {
            let arguments = field::rest(payload, &["type", "executionId"]).unwrap_or_default();
            self.out.facts.related.extend(field::text(payload, "subSessionId").map(str::to_owned));
            return self.out.call((id, call), time, "subagent", q_tools::call("subagent", arguments));
        }
        let content = Content::text(field::text(payload, "response").unwrap_or_default());
        let is_error = payload.get("success") == Some(&Value::Bool(false));
        self.out.result((id, call), time, Outcome { content, is_error, ..Outcome::default() })
    }

    /// What a turn cost, in the provider's credits.
    fn usage(&mut self, (id, time): (String, Option<Timestamp>), payload: &Value) -> io::Result<()> {
        let turns = payload.get("promptTurnSummaries").and_then(Value::as_array).into_iter().flatten();
        let credits: f64 = turns.filter_map(|turn| turn.get("usage")?.as_f64()).sum();
        let mut message = Message::new(id, time, Speaker::Agent);
        message.parts.push(Part::Other("usage_summary".to_owned(), payload.clone()));
        if credits > 0.0 {
            message.attributes.push(("kiro.credits", json!(credits)));
        }
        message.send(&mut self.out)
    }
}

fn content_of(payload: &Value) -> Content {
    match payload.get("content") {
        Some(Value::String(text)) if text.is_empty() => Content::default(),
        other => field::content(other.unwrap_or(&Value::Null)),
    }
}
