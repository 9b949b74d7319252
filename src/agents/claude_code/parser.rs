//! Turns lines into events. Events are held until the end of the log: a result completes the
//! event of its call, and the last line of an answer tells what the answer cost.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use serde_json::{Map, Value, value::RawValue};

use super::{
    super::{ParseError, Warning, log::unreadable},
    facts::Facts,
    loose::value_of,
    messages,
    progress::Repeats,
    records::{Fields, Record, Text},
    results,
    tools::Call,
    usage::{Answers, without_nothing},
};
use crate::hail::{Content, Event, EventType, Header, Line, LineFault, Sink, Timestamp, attribute};

/// The version of the records' shape.
const SCHEMA: &str = "claude-code-jsonl";

/// Fields that say the same on almost every line: kept where they change.
const ENVELOPE: [&str; 3] = ["slug", "entrypoint", "userType"];

/// The state of a parse.
#[derive(Debug, Default)]
pub(super) struct Parser {
    pub(super) events: Vec<Event>,
    pub(super) calls: HashMap<String, Call>,
    pub(super) answers: Answers,
    pub(super) facts: Facts,
    lines: u64,
    first_line: u64,
    recognised: bool,
    fault: Option<(u64, String)>,
    warnings: Vec<Warning>,
    seen: HashMap<String, (String, Option<Timestamp>)>,
    now: Option<Timestamp>,
    previous: String,
    pub(super) repeats: Repeats,
    envelope: HashMap<&'static str, String>,
}

/// A record on its way to becoming events.
pub(super) struct Source<'a> {
    pub(super) record: Record<'a>,
    pub(super) line: &'a str,
    id: String,
    time: Timestamp,
    made: u32,
}

impl Source<'_> {
    /// The part of the line at a JSON pointer, for what has no type here.
    pub(super) fn part(&self, pointer: &str) -> Value {
        let whole: Value = serde_json::from_str(self.line).unwrap_or_default();
        whole.pointer(pointer).cloned().unwrap_or_default()
    }
}

impl Parser {
    /// Reads one line.
    pub(super) fn line(&mut self, line: Line<'_>) {
        self.lines += 1;
        let number = line.number;
        if self.first_line == 0 {
            self.first_line = number;
        }
        let text = match line.text {
            Ok(text) => text,
            Err(fault) => {
                let raw = match &fault {
                    LineFault::TooLong { excerpt, .. } => excerpt.clone(),
                    LineFault::NotUtf8 { base64, .. } => base64.clone(),
                };
                return self.refuse(number, fault.to_string(), raw.into());
            }
        };
        match serde_json::from_str::<Record<'_>>(text) {
            Ok(record) => self.record(number, record, text),
            Err(fault) if fault.is_eof() && !line.terminated => {
                let cause = "the last line breaks off and was left out".to_owned();
                self.warnings.push(Warning { line: number, cause });
            }
            Err(_) => match serde_json::from_str::<Value>(text) {
                Ok(Value::Object(fields)) => self.misshapen(number, fields, text),
                Ok(value) => self.refuse(number, "not an object".to_owned(), value),
                Err(fault) => {
                    self.refuse(number, format!("not JSON: {}", crate::hail::describe_json(&fault)), text.into());
                }
            },
        }
    }

    /// Gives the session to `sink`.
    pub(super) fn finish(
        mut self,
        path: Option<&Path>,
        resumed: Option<Header>,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Warning>, ParseError> {
        if self.lines == 0 {
            return Err(ParseError::Empty);
        }
        if !self.recognised {
            let unknown = || (self.first_line, "not a record of Claude Code".to_owned());
            let (line, cause) = self.fault.unwrap_or_else(unknown);
            return Err(ParseError::NoRecord { line, cause });
        }
        for (_, call) in self.calls.drain() {
            let event = &mut self.events[call.event];
            results::settle_unanswered(event, call);
        }
        self.answers.settle(&mut self.events);
        let time = self.events.first().map_or(Timestamp::EPOCH, |event| event.timestamp);
        let uuids: HashSet<String> = self.seen.into_keys().collect();
        sink.header(self.facts.header(resumed, path, time, &uuids))?;
        for event in self.events {
            sink.event(event)?;
        }
        Ok(self.warnings)
    }

    /// Keeps a line that is no record.
    fn refuse(&mut self, line: u64, cause: String, raw: Value) {
        let time = self.now.unwrap_or(Timestamp::EPOCH);
        self.events.push(unreadable(line, time, &cause, raw));
        self.fault.get_or_insert_with(|| (line, cause.clone()));
        self.warnings.push(Warning { line, cause });
    }

    /// Keeps a record whose fields have other types than they should.
    fn misshapen(&mut self, number: u64, mut fields: Map<String, Value>, line: &str) {
        let whole = Content::json(Value::Object(fields.clone()));
        let message = fields.get_mut("message").and_then(Value::as_object_mut);
        let counts = message.map(|message| {
            message.remove("content");
            serde_json::to_string(message).unwrap_or_default()
        });
        let text = |key: &str| Some(Text(fields.get(key)?.as_str()?.to_owned().into()));
        let record = Record {
            kind: text("type"),
            subtype: text("subtype"),
            uuid: text("uuid"),
            parent: text("parentUuid"),
            session: text("sessionId"),
            timestamp: text("timestamp"),
            request: text("requestId"),
            // What the answer cost counts all the same.
            message: counts.as_deref().and_then(|counts| serde_json::from_str(counts).ok()),
            ..Record::default()
        };
        let Some(mut source) = self.admit(number, record, line) else { return };
        let kind = source.record.full_kind();
        let event = self.push(&mut source, EventType::Custom { kind }, whole);
        if let Some(message) = source.record.message.take().filter(|_| source.record.kind() == "assistant") {
            messages::mark_answer(self, &source, &message, event);
        }
        if let Some(uuid) = &source.record.uuid {
            uuid.as_str().clone_into(&mut self.previous);
        }
    }

    fn record(&mut self, number: u64, record: Record<'_>, line: &str) {
        let Some(mut source) = self.admit(number, record, line) else { return };
        let first = self.events.len();
        messages::read(self, &mut source);
        if let Some(event) = self.events.get_mut(first) {
            mark_changes(event, &source.record, &mut self.envelope);
            mark_parent(event, &source.record, &self.previous);
        }
        if let Some(uuid) = &source.record.uuid {
            uuid.as_str().clone_into(&mut self.previous);
        }
    }

    /// Takes a record in, unless the log already held it: histories are copied within a file.
    fn admit<'a>(&mut self, number: u64, record: Record<'a>, line: &'a str) -> Option<Source<'a>> {
        let time: Option<Timestamp> = record.timestamp.as_ref().and_then(|time| time.as_str().parse().ok());
        let uuid = record.uuid.as_ref().map(Text::as_str).filter(|uuid| !uuid.is_empty());
        let known_kind = matches!(record.kind(), "summary" | "file-history-snapshot");
        self.recognised |= record.kind.is_some() && (known_kind || uuid.is_some() || record.session.is_some());
        let mut id = uuid.map_or_else(|| format!("line-{number}"), str::to_owned);
        if let Some(uuid) = uuid {
            // The same id on another record is no copy; without a time there is no telling.
            let identity = (record.full_kind(), time);
            match self.seen.get(uuid) {
                Some(known) if *known == identity && time.is_some() => return None,
                Some(_) => id = format!("line-{number}"),
                None => drop(self.seen.insert(uuid.to_owned(), identity)),
            }
        }
        self.facts.note(&record, line);
        Some(Source { record, line, id, time: self.time(time), made: 0 })
    }

    /// The time of a record: its own, else that of the one before it.
    fn time(&mut self, own: Option<Timestamp>) -> Timestamp {
        if let (Some(own), None) = (own, self.now) {
            for event in &mut self.events {
                event.timestamp = own;
            }
        }
        self.now = own.or(self.now);
        self.now.unwrap_or(Timestamp::EPOCH)
    }

    /// Adds an event and returns its index.
    pub(super) fn push(&mut self, source: &mut Source<'_>, kind: EventType, content: Content) -> usize {
        let id = match source.made {
            0 => source.id.clone(),
            made => format!("{}.{made}", source.id),
        };
        source.made += 1;
        let mut event = Event::new(id, source.time, kind)
            .with_content(content)
            .with(attribute::SCHEMA_VERSION, SCHEMA)
            .with(attribute::RAW_TYPE, source.record.full_kind());
        if source.record.is_sidechain {
            event = event.with("semantic.sidechain", true);
        }
        self.events.push(event);
        self.events.len() - 1
    }

    /// Puts the remaining fields of a record onto one of its events.
    pub(super) fn put_rest(&mut self, event: usize, fields: &Fields<'_>, key: &'static str) {
        let kept = self.fields(fields, without_nothing);
        if !kept.is_empty() {
            self.events[event].attributes.insert(key, Value::Object(kept));
        }
    }

    /// The fields that are not shown elsewhere, as far as `keep` keeps their values.
    pub(super) fn fields(&mut self, fields: &Fields<'_>, keep: fn(Value) -> Option<Value>) -> Map<String, Value> {
        let mut kept = Map::new();
        for (name, raw) in &fields.0 {
            let name = name.as_str();
            if !is_paired_elsewhere(name) && (!ENVELOPE.contains(&name) || self.has_changed(name, raw)) {
                kept.extend(keep(value_of(raw)).map(|value| (name.to_owned(), value)));
            }
        }
        kept
    }

    fn has_changed(&mut self, name: &str, raw: &RawValue) -> bool {
        let Some(name) = ENVELOPE.into_iter().find(|known| *known == name) else { return true };
        changed(&mut self.envelope, name, raw.get())
    }
}

/// Fields that the pairing of calls and results, or the answer's last event, already show.
fn is_paired_elsewhere(name: &str) -> bool {
    matches!(name, "sourceToolAssistantUUID" | "stop_reason")
}

fn changed(envelope: &mut HashMap<&'static str, String>, name: &'static str, value: &str) -> bool {
    let known = envelope.entry(name).or_default();
    let is_new = known != value;
    if is_new {
        value.clone_into(known);
    }
    is_new
}

/// Notes where the session moves to another folder, branch, id or version.
fn mark_changes(event: &mut Event, record: &Record<'_>, envelope: &mut HashMap<&'static str, String>) {
    let facts = [
        (attribute::CWD, &record.cwd),
        (attribute::GIT_BRANCH, &record.branch),
        ("source.session_id", &record.session),
        ("source.version", &record.version),
        ("source.agent_id", &record.agent),
    ];
    for (key, fact) in facts {
        if let Some(fact) = fact.as_ref().map(Text::as_str)
            && changed(envelope, key, fact)
        {
            event.attributes.insert(key, fact.into());
        }
    }
}

/// Notes the parent where it is not simply the record before: at a rewind, beside a sidechain.
fn mark_parent(event: &mut Event, record: &Record<'_>, previous: &str) {
    if let Some(parent) = record.parent.as_ref().map(Text::as_str).filter(|parent| *parent != previous) {
        event.attributes.insert("source.parent_id", parent.into());
    }
}
