//! Reads a log line by line and hands each record to its handler.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    answer::Answer,
    call::{Call, CallId},
    code_mode::Scripts,
    echo::Echoes,
    header::HeaderState,
    outbox::{Outbox, Slot},
    record::{Line, Payload},
    replay::{Replay, Verdict},
    tokens::Meter,
};
use crate::{
    agents::log::{self, Log, ParseError, Warning},
    hail::{self, Content, Event, EventType, Hashes, LineFault, Sink, Timestamp},
};

/// The state of one parse.
pub(super) struct Parser<'s> {
    pub(super) outbox: Outbox<'s>,
    pub(super) header: HeaderState,
    pub(super) answer: Answer,
    pub(super) meter: Meter,
    pub(super) echoes: Echoes,
    /// The calls by their id.
    pub(super) calls: HashMap<CallId, Call>,
    /// The commands that still run, by the id under which `write_stdin` reaches them.
    pub(super) running: HashMap<CallId, Slot>,
    pub(super) scripts: Scripts,
    pub(super) replay: Replay,
    /// The records with a number that came so far: a later file of the thread may repeat them.
    pub(super) numbered: Hashes<()>,
    /// When the file was written, for what has no times.
    pub(super) written: Option<Timestamp>,
    pub(super) is_stream: bool,
    pub(super) turn: Option<String>,
    pub(super) clock: Timestamp,
    pub(super) line: u64,
    pub(super) part: u32,
    /// Whether a `compacted` record came and its notice has not.
    pub(super) is_compacted: bool,
    /// The hash of what the agent said last, because the end of a task says it again.
    pub(super) last_said: Option<u64>,
    pub(super) recognised: bool,
    pub(super) warnings: Vec<Warning>,
    fault: Option<(u64, String)>,
}

/// Reads a log to its end.
pub(super) fn parse(log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let mut parser = Parser::new(log, sink);
    parser.take_up(log)?;
    while let Some(line) = log.lines.next_line()? {
        parser.line = line.number;
        parser.part = 0;
        match line.text {
            Ok(text) => {
                parser.outbox.weigh(text.len());
                parser.read(text, line.terminated);
            }
            // The end of a log that is being written may fall into the middle of a character.
            Err(LineFault::NotUtf8 { .. }) if !line.terminated && parser.recognised => parser.warn_of_broken_end(),
            Err(fault) => parser.keep_unreadable(&fault),
        }
        parser.outbox.flush()?;
        if log.is_at_pause() && !parser.replay.is_holding() {
            parser.pause(log)?;
        }
    }
    parser.finish(log.is_resumed())
}

impl<'s> Parser<'s> {
    fn new(log: &mut Log<'_>, sink: &'s mut dyn Sink) -> Self {
        let header = HeaderState::new(log.path, log.resumed.clone());
        Self {
            clock: header.time(),
            header,
            outbox: Outbox::new(sink),
            answer: Answer::default(),
            meter: Meter::default(),
            echoes: Echoes::default(),
            calls: HashMap::new(),
            running: HashMap::new(),
            scripts: Scripts::default(),
            numbered: Hashes::default(),
            written: log.path.and_then(|path| Some(path.metadata().ok()?.modified().ok()?.into())),
            is_stream: false,
            replay: Replay::new(log.resumed.is_some()),
            turn: None,
            line: 0,
            part: 0,
            is_compacted: false,
            last_said: None,
            recognised: false,
            warnings: Vec::new(),
            fault: None,
        }
    }

    fn read(&mut self, text: &str, is_terminated: bool) {
        self.header.see_line(text);
        if let Some(mut line) = Line::read(text) {
            if line.payload.is_some() {
                self.recognised |= super::LINE_TYPES.contains(&&*line.kind);
                if self.is_repeated(&line) {
                    return;
                }
                match self.replay.judge(&line) {
                    Verdict::Own => self.take_held(),
                    Verdict::Copied => return self.pass_over(&mut line),
                    Verdict::Held => return self.replay.hold(self.line, text),
                }
            }
            self.set_clock(&line.timestamp);
            if let Some(payload) = &mut line.payload {
                return self.record(&line.kind, payload);
            }
        }
        match serde_json::from_str::<Value>(text) {
            Ok(value) if value.is_object() => self.odd_record(value, text),
            Ok(_) => self.keep_text(text, "not a JSON object"),
            Err(fault) if fault.is_eof() && !is_terminated => self.warn_of_broken_end(),
            Err(fault) => self.keep_text(text, &format!("not JSON: {}", crate::hail::describe_json(&fault))),
        }
    }

    /// Whether a record with a number came before, in an earlier file of the thread.
    fn is_repeated(&mut self, line: &Line<'_>) -> bool {
        let Some((ordinal, payload)) = line.ordinal.zip(line.payload.as_ref()) else { return false };
        self.numbered.insert(hail::hash(&(ordinal, payload.raw)), ()).is_some()
    }

    /// Reads the lines that were held: they are the thread's own.
    fn take_held(&mut self) {
        let (line, part) = (self.line, self.part);
        for held in self.replay.release() {
            (self.line, self.part) = (held.line, 0);
            if let Some(mut line) = Line::read(&held.text)
                && let Some(payload) = &mut line.payload
            {
                self.set_clock(&line.timestamp);
                self.record(&line.kind, payload);
            }
        }
        (self.line, self.part) = (line, part);
    }

    /// Passes over a record that was copied from the parent. The running total goes on from its counts.
    fn pass_over(&mut self, line: &mut Line<'_>) {
        let Some(payload) = &line.payload else { return };
        match (&*line.kind, &*payload.kind) {
            ("session_meta", _) => self.header.see_copied_meta(payload.raw),
            ("event_msg", "token_count") => drop(self.meter.read(payload.info, None)),
            _ => {}
        }
    }

    fn record(&mut self, kind: &str, payload: &mut Payload<'_>) {
        let text = payload.raw;
        match kind {
            "response_item" => self.item(payload, text),
            "event_msg" => self.notice(payload, text),
            "turn_context" => self.turn_context(text),
            "session_meta" => self.session_meta(text),
            "compacted" => self.compacted(text),
            _ => self.custom(kind, kind, text),
        }
    }

    /// What the model said or did, and what came back to it.
    pub(super) fn item(&mut self, payload: &mut Payload<'_>, text: &str) {
        match &*payload.kind {
            "message" => self.message(payload),
            "agent_message" => self.agents_message(payload, text),
            "reasoning" => self.reasoning(payload),
            "function_call" | "custom_tool_call" | "local_shell_call" | "tool_search_call" => self.call(payload),
            "function_call_output" | "custom_tool_call_output" => self.result(payload),
            "tool_search_output" => self.tool_search_output(payload, text),
            "web_search_call" => self.web_search(payload, text),
            "image_generation_call" => self.image(text),
            kind => self.custom(kind, &format!("response_item/{kind}"), text),
        }
    }

    /// A record that is not shaped like a line of a rollout: of the bare format, of an unknown
    /// version, or damaged.
    fn odd_record(&mut self, value: Value, text: &str) {
        let Some(mut value) = self.stream_event(value) else { return };
        let field = |key: &str| value.get(key).and_then(Value::as_str);
        let kind = field("type").unwrap_or_default();
        if value.get("payload").is_some() {
            self.recognised |= super::LINE_TYPES.contains(&kind);
            let name = if kind.is_empty() { "unknown" } else { kind };
            let name = name.to_owned();
            return self.custom_value(&name, &name, value["payload"].take());
        }
        if let Some(time) = field("timestamp") {
            self.set_clock(time);
        }
        if super::is_bare_header(&value) {
            self.recognised = true;
            self.bare_header(value);
        } else if let Some(mut item) = Payload::read(text)
            && BARE_TYPES.contains(&&*item.kind)
        {
            self.recognised = true;
            self.item(&mut item, text);
        } else if value.get("record_type").is_none() || value.as_object().is_some_and(|fields| fields.len() > 1) {
            // A bare `{"record_type":"state"}` says nothing at all.
            let name = if kind.is_empty() { field("record_type").unwrap_or("unknown") } else { kind }.to_owned();
            self.custom_value(&name, &name, value);
        }
    }

    fn set_clock(&mut self, time: &str) {
        if let Ok(time) = time.parse() {
            self.clock = time;
            self.header.see(time);
        }
    }

    /// Keeps a record as JSON.
    pub(super) fn custom(&mut self, kind: &str, raw_type: &str, text: &str) {
        let value = serde_json::from_str(text).unwrap_or_else(|_| json!({ "text": text }));
        self.custom_value(kind, raw_type, value);
    }

    pub(super) fn custom_value(&mut self, kind: &str, raw_type: &str, mut value: Value) {
        drop_encrypted(&mut value);
        let kind = if kind.is_empty() { "unknown" } else { kind };
        let event = self.event(EventType::Custom { kind: kind.to_owned() }, raw_type);
        self.send(event.with_content(Content::json(value)));
    }

    fn keep_text(&mut self, text: &str, cause: &str) {
        self.keep(cause.to_owned(), json!({ "text": text }));
    }

    fn keep_unreadable(&mut self, fault: &LineFault) {
        let raw = match fault {
            LineFault::TooLong { bytes, excerpt } => json!({ "bytes": bytes, "excerpt": excerpt }),
            LineFault::NotUtf8 { text, .. } => json!({ "text": text }),
        };
        self.keep(fault.to_string(), raw);
    }

    fn keep(&mut self, cause: String, raw: Value) {
        self.fault.get_or_insert_with(|| (self.line, cause.clone()));
        let event: Event = log::unreadable(self.line, self.clock, &cause, raw);
        self.send(event);
        self.warnings.push(Warning { line: self.line, cause });
    }

    fn warn_of_broken_end(&mut self) {
        let cause = "the last line breaks off and was left out".to_owned();
        self.fault.get_or_insert_with(|| (self.line, cause.clone()));
        self.warnings.push(Warning { line: self.line, cause });
    }

    fn finish(mut self, is_resumed: bool) -> Result<Vec<Warning>, ParseError> {
        if self.line == 0 && !is_resumed {
            return Err(ParseError::Empty);
        }
        if !self.recognised && !is_resumed {
            let (line, cause) = self.fault.unwrap_or((1, "no record of Codex".to_owned()));
            return Err(ParseError::NoRecord { line, cause });
        }
        self.take_held();
        self.close_answer();
        self.close_cells();
        self.settle_open_patches();
        let sink = self.outbox.finish()?;
        sink.header(self.header.finish())?;
        Ok(self.warnings)
    }
}

/// The records of the bare format, which are the model's items without an envelope.
const BARE_TYPES: [&str; 6] =
    ["message", "reasoning", "function_call", "function_call_output", "custom_tool_call_output", "local_shell_call"];

/// Replaces what only the provider can read by its size.
fn drop_encrypted(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(text)) = fields.get("encrypted_content") {
                let size = text.len();
                fields.remove("encrypted_content");
                fields.insert("encrypted_content_bytes".to_owned(), size.into());
            }
            fields.values_mut().for_each(drop_encrypted);
        }
        Value::Array(items) => items.iter_mut().for_each(drop_encrypted),
        _ => {}
    }
}
