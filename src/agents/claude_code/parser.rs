//! Turns lines into events. An event is held while a later line may complete it: a result completes
//! the event of its call, and the last line of an answer tells what the answer cost.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    io,
    path::Path,
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    super::{ParseError, Warning, log::unreadable},
    changes::Changes,
    facts::Facts,
    loose::value_of,
    messages,
    progress::Repeats,
    records::{Fields, Message, Record},
    results,
    seen::{Seen, Sighting},
    tools::Call,
    usage::{Answers, without_nothing},
    window::Window,
};
use crate::hail::{Content, Event, EventType, Header, Line, LineFault, Sink, Timestamp, attribute, hash};

/// The version of the records' shape.
const SCHEMA: &str = "claude-code-jsonl";

/// The state of a parse.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Parser {
    pub(super) events: Window,
    pub(super) calls: HashMap<String, Call>,
    pub(super) answers: Answers,
    pub(super) facts: Facts,
    lines: u64,
    first_line: u64,
    recognised: bool,
    fault: Option<(u64, String)>,
    warnings: Vec<Warning>,
    seen: Seen,
    now: Option<Timestamp>,
    previous: String,
    pub(super) repeats: Repeats,
    changes: Changes,
    /// The ids of records that a fork copied from the session that started it.
    #[serde(skip)]
    pub(super) copied: HashSet<u64>,
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
    /// Goes on from `state`, which was put away without the events it held.
    pub(super) fn after(mut state: Self, held: Vec<Event>) -> Self {
        state.events.put_back(held);
        state
    }

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
                    LineFault::NotUtf8 { text, .. } => text.clone(),
                };
                return self.refuse(number, fault.to_string(), raw.into());
            }
        };
        if let Some(record) = Record::of(text) {
            return self.record(number, record, text);
        }
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(fields)) => self.misshapen(number, fields, text),
            Ok(value) => self.refuse(number, "not an object".to_owned(), value),
            Err(fault) if fault.is_eof() && !line.terminated => {
                let cause = "the last line breaks off and was left out".to_owned();
                self.warnings.push(Warning { line: number, cause });
            }
            Err(fault) => {
                self.refuse(number, format!("not JSON: {}", crate::hail::describe_json(&fault)), text.into());
            }
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
        for call in std::mem::take(&mut self.calls).into_values() {
            self.forget(call);
        }
        self.answers.settle(&mut self.events);
        self.take_time_of(path);
        let time = self.events.began().unwrap_or(Timestamp::EPOCH);
        sink.header(self.facts.header(resumed, path, time, &self.seen))?;
        self.events.send_all(sink)?;
        Ok(self.warnings)
    }

    /// Takes the time of the file where no record has one, as what the program prints for other programs.
    fn take_time_of(&mut self, path: Option<&Path>) {
        let written = path.filter(|_| self.now.is_none()).and_then(|path| path.metadata().ok()?.modified().ok());
        if let Some(written) = written.map(Timestamp::from) {
            self.events.iter_mut().for_each(|event| event.timestamp = written);
        }
    }

    /// Sends the events that nothing can change any more.
    pub(super) fn send(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        // The first time of the log becomes that of the events before it, too.
        if self.now.is_some() {
            self.events.send_settled(sink)?;
        }
        while let Some(oldest) = self.events.too_old() {
            self.answers.settle_at(oldest, &mut self.events);
            let id = self.events[oldest].attributes.get(attribute::CALL_ID).and_then(Value::as_str).unwrap_or_default();
            if let Some(call) = self.calls.get_mut(id).filter(|call| call.event == oldest) {
                let arguments = std::mem::take(&mut call.arguments);
                results::settle_unanswered(&mut self.events[oldest], arguments);
            }
            self.events.send_first(sink)?;
        }
        Ok(())
    }

    /// Gives a call up that has no result.
    pub(super) fn forget(&mut self, call: Call) {
        if let Some(event) = self.closed(&call) {
            results::settle_unanswered(event, call.arguments);
        }
    }

    /// The event of a call that is over, which need not wait any more, unless it has left.
    pub(super) fn closed(&mut self, call: &Call) -> Option<&mut Event> {
        if results::completes(&self.events.get_mut(call.event)?.event_type) {
            self.events.release(call.event);
        }
        self.events.get_mut(call.event)
    }

    /// Keeps a line that is no record.
    fn refuse(&mut self, line: u64, cause: String, raw: Value) {
        let time = self.now.unwrap_or(Timestamp::EPOCH);
        self.events.push(unreadable(line, time, &cause, raw), 0);
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
        let text = |key: &str| Some(Cow::Owned(fields.get(key)?.as_str()?.to_owned()));
        let record = Record {
            kind: text("type"),
            subtype: text("subtype"),
            uuid: text("uuid"),
            parent: text("parentUuid"),
            session: text("sessionId"),
            timestamp: text("timestamp"),
            request: text("requestId"),
            // What the answer cost counts all the same.
            message: counts.as_deref().and_then(Message::of),
            ..Record::default()
        };
        let Some(mut source) = self.admit(number, record, line) else { return };
        let kind = source.record.full_kind();
        let event = self.push(&mut source, EventType::Custom { kind }, whole);
        if let Some(message) = source.record.message.take().filter(|_| source.record.kind() == "assistant") {
            messages::mark_answer(self, &source, &message, event);
        }
        if let Some(uuid) = &source.record.uuid {
            self.previous.clear();
            self.previous.push_str(uuid);
        }
    }

    fn record(&mut self, number: u64, record: Record<'_>, line: &str) {
        let Some(mut source) = self.admit(number, record, line) else { return };
        let first = self.events.end();
        messages::read(self, &mut source);
        if let Some(event) = self.events.get_mut(first) {
            self.changes.mark(event, &source.record);
            mark_parent(event, &source.record, &self.previous);
        }
        if let Some(uuid) = &source.record.uuid {
            self.previous.clear();
            self.previous.push_str(uuid);
        }
    }

    /// Takes a record in, unless the log already held it: histories are copied within a file.
    fn admit<'a>(&mut self, number: u64, record: Record<'a>, line: &'a str) -> Option<Source<'a>> {
        let time: Option<Timestamp> = record.timestamp.as_deref().and_then(|time| time.parse().ok());
        let uuid = record.uuid.as_deref().filter(|uuid| !uuid.is_empty());
        let known_kind = matches!(record.kind(), "summary" | "file-history-snapshot");
        self.recognised |= record.kind.is_some() && (known_kind || uuid.is_some() || record.session.is_some());
        let mut id = uuid.map_or_else(|| format!("line-{number}"), str::to_owned);
        if let Some(uuid) = uuid {
            match self.seen.note(uuid, (record.kind(), record.subtype.as_deref()), time) {
                Sighting::New => {}
                Sighting::Copy => return None,
                Sighting::Clash => id = format!("line-{number}"),
            }
            if self.copied.contains(&hash(uuid)) || self.is_said_again(&record, time) {
                return None;
            }
        }
        self.facts.note(&record, line);
        if let Some(forked) = record.forked_from {
            self.forked(number, forked, time);
            return None;
        }
        Some(Source { record, line, id, time: self.time(time), made: 0 })
    }

    /// Whether a message was written before under another id. One without content may well be.
    fn is_said_again(&mut self, record: &Record<'_>, time: Option<Timestamp>) -> bool {
        let is_talk = matches!(record.kind(), "user" | "assistant") && !record.spelling.is_empty();
        is_talk && time.is_some_and(|time| self.seen.is_said_again(record.kind(), time, record.spelling))
    }

    /// Notes that the log goes on from another session, of which it copies the records up to here.
    fn forked(&mut self, number: u64, from: &str, time: Option<Timestamp>) {
        let from: Value = serde_json::from_str(from).unwrap_or_default();
        let Some(session) = from.as_str().or_else(|| from.get("sessionId")?.as_str()) else { return };
        if self.facts.note_fork(session) {
            let kind = EventType::Custom { kind: "forked_from".to_owned() };
            let time = self.time(time);
            let event = Event::new(format!("fork-{number}"), time, kind).with_content(Content::json(from));
            self.events.push(event.with(attribute::SCHEMA_VERSION, SCHEMA).with(attribute::RAW_TYPE, "forkedFrom"), 0);
        }
    }

    /// The time of a record: its own, else that of the one before it.
    fn time(&mut self, own: Option<Timestamp>) -> Timestamp {
        if let (Some(own), None) = (own, self.now) {
            for event in self.events.iter_mut() {
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
        let bytes = if source.made == 1 { source.line.len() } else { 0 };
        self.events.push(event, bytes)
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
            if !is_paired_elsewhere(name) && self.changes.is_news(name, raw) {
                kept.extend(keep(value_of(raw)).map(|value| (name.to_string(), value)));
            }
        }
        kept
    }
}

/// Fields that the pairing of calls and results, or the answer's last event, already show.
fn is_paired_elsewhere(name: &str) -> bool {
    matches!(name, "sourceToolAssistantUUID" | "stop_reason")
}

/// Notes the parent where it is not simply the record before: at a rewind, beside a sidechain.
fn mark_parent(event: &mut Event, record: &Record<'_>, previous: &str) {
    if let Some(parent) = record.parent.as_deref().filter(|parent| *parent != previous) {
        event.attributes.insert("source.parent_id", parent.into());
    }
}
