//! HAIL itself: what OpenSession or an earlier `git session` wrote, and the 0.1 draft.

use std::io;

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning};
use crate::{
    environment::Environment,
    hail::{Event, EventType, Header, ReadError, Reader, Record, Sink, Validator, title_of},
};

/// How many events of a draft wait for the prompt that names it.
const MAX_WAITING: usize = 64;

/// The HAIL reader.
pub(super) struct Hail;

impl Agent for Hail {
    fn name(&self) -> &'static str {
        "hail"
    }

    fn title(&self) -> &'static str {
        "HAIL"
    }

    fn logs(&self, _: &Environment, _: &Scope<'_>) -> Vec<LogFile> {
        Vec::new()
    }

    fn has_home(&self) -> bool {
        false
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let Some(first) = sample.records.first() else { return false };
        let text = |key: &str| first.get(key).and_then(serde_json::Value::as_str);
        (text("type") == Some("header") && text("session_id").is_some())
            || (text("type") == Some("session.new") && text("sessionId").is_some())
            || text("v").is_some_and(|version| version.starts_with("hail/"))
    }

    fn is_streaming(&self) -> bool {
        true
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let mut reader = Reader::new(&mut log.lines);
        let mut validator = Validator::default();
        let mut draft = Draft::default();
        let mut last = 0;
        let refuse = |line, cause| ParseError::NoRecord { line, cause };
        while let Some((line, record)) = reader.next_record().map_err(|fault| match fault {
            ReadError::Io(fault) => ParseError::Io(fault),
            ReadError::Line { line, cause } => refuse(line, cause),
        })? {
            if let Some(violation) = validator.check(line, &record).into_iter().next() {
                return Err(refuse(violation.line, violation.rule));
            }
            last = line;
            match record {
                Record::Header(header) if header.session_id.as_str().starts_with("draft-") => {
                    draft.header = Some(*header);
                }
                Record::Header(header) => sink.header(*header)?,
                Record::Event(event) if draft.header.is_some() => draft.event(*event, sink)?,
                Record::Event(event) => sink.event(*event)?,
                Record::Stats(_) => {}
            }
        }
        draft.send(sink)?;
        let truncated = reader.is_truncated();
        match validator.finish(last) {
            _ if last == 0 => Err(ParseError::Empty),
            Some(violation) => Err(refuse(violation.line, violation.rule)),
            None if truncated => {
                Ok(vec![Warning { line: last + 1, cause: "the last line breaks off and was left out".to_owned() }])
            }
            None => Ok(Vec::new()),
        }
    }
}

/// The beginning of a session in the early draft, which has no title: the first prompt gives it.
#[derive(Default)]
struct Draft {
    header: Option<Header>,
    waiting: Vec<Event>,
}

impl Draft {
    fn event(&mut self, event: Event, sink: &mut dyn Sink) -> io::Result<()> {
        let is_prompt = event.event_type == EventType::UserMessage;
        let title = title_of(&event.content.to_text());
        self.waiting.push(event);
        match &mut self.header {
            Some(header) if is_prompt && !title.is_empty() => header.context.title = title,
            _ if self.waiting.len() < MAX_WAITING => return Ok(()),
            _ => {}
        }
        self.send(sink)
    }

    fn send(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        self.header.take().map_or(Ok(()), |header| sink.header(header))?;
        self.waiting.drain(..).try_for_each(|event| sink.event(event))
    }
}
