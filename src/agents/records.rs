//! The records of a log of JSON lines: what is none is kept or told, and never stops the reading.

use std::{collections::VecDeque, io};

use serde_json::{Map, Value, json};

use super::{Log, ParseError, Warning, identity, transcript::Transcript};
use crate::hail::{Event, Line, LineFault, SessionId, Timestamp, describe_json};

/// One JSON object.
pub(super) type Record = Map<String, Value>;

/// What a line holds.
pub(super) enum Entry {
    Record(Record),
    /// Something else, with the reason.
    Unreadable {
        cause: String,
        raw: Value,
    },
}

/// What a line was taken apart into.
pub(super) struct Apart {
    line: u64,
    entries: VecDeque<Entry>,
    is_broken: bool,
}

impl Apart {
    pub(super) fn of(line: Line<'_>) -> Self {
        let mut entries = VecDeque::new();
        let is_broken = match line.text {
            Ok(text) => split(text, line.terminated, &mut entries),
            // The end of a log that is being written may fall into the middle of a character.
            Err(LineFault::NotUtf8 { .. }) if !line.terminated && line.number > 1 => true,
            Err(fault) => {
                entries.push_back(unreadable(&fault));
                false
            }
        };
        Self { line: line.number, entries, is_broken }
    }
}

/// Reads the records of a log one by one.
pub(super) struct Records<'l, 'a> {
    log: &'l mut Log<'a>,
    waiting: VecDeque<Entry>,
    line: u64,
    is_resumed: bool,
    fault: Option<(u64, String)>,
    broken_end: Option<u64>,
}

impl<'l, 'a> Records<'l, 'a> {
    pub(super) fn of(log: &'l mut Log<'a>) -> Self {
        let is_resumed = log.is_resumed();
        Self { log, waiting: VecDeque::new(), line: 0, is_resumed, fault: None, broken_end: None }
    }

    /// The next record with its line, or `None` at the end.
    pub(super) fn next_entry(&mut self) -> io::Result<Option<(u64, Entry)>> {
        loop {
            if let Some(entry) = self.waiting.pop_front() {
                if let Entry::Unreadable { cause, .. } = &entry {
                    self.fault.get_or_insert_with(|| (self.line, cause.clone()));
                }
                return Ok(Some((self.line, entry)));
            }
            let Some(line) = self.log.lines.next_line()? else { return Ok(None) };
            let apart = Apart::of(line);
            self.take(apart);
        }
    }

    /// The log, where the sink wants to know how the parser stands after the entry that was given last.
    fn at_pause(&self) -> Option<&Log<'a>> {
        (self.waiting.is_empty() && self.log.is_at_pause()).then_some(&*self.log)
    }

    fn take(&mut self, apart: Apart) {
        self.line = apart.line;
        self.waiting = apart.entries;
        if apart.is_broken {
            self.broken_end = Some(apart.line);
        }
    }

    /// Whether the log could be read, and what is odd about its end.
    pub(super) fn finish(self, title: &str, is_recognised: bool) -> Result<Option<Warning>, ParseError> {
        let end = self.broken_end.map(|line| {
            let cause = "the last line breaks off and was left out".to_owned();
            Warning { line, cause }
        });
        if is_recognised || self.is_resumed {
            return Ok(end);
        }
        if self.line == 0 {
            return Err(ParseError::Empty);
        }
        let fault = self.fault.or(end.map(|end| (end.line, end.cause)));
        let (line, cause) = fault.unwrap_or_else(|| (1, format!("no record of {title}")));
        Err(ParseError::NoRecord { line, cause })
    }
}

/// Takes a record with its line; says whether it is one of the agent's.
pub(super) type Take<'t, 's> = dyn FnMut(&mut Transcript<'s>, u64, Value) -> io::Result<bool> + 't;

/// Gives the records of a log to `take` one by one, after those of a line that was read before.
pub(super) fn each<'s>(
    (first, log): (Option<Apart>, &mut Log<'_>),
    title: &str,
    transcript: &mut Transcript<'s>,
    take: &mut Take<'_, 's>,
) -> Result<(), ParseError> {
    let mut records = Records::of(log);
    if let Some(first) = first {
        records.take(first);
    }
    let mut is_recognised = false;
    while let Some((line, entry)) = records.next_entry()? {
        match entry {
            Entry::Record(record) => is_recognised |= take(transcript, line, Value::Object(record))?,
            Entry::Unreadable { cause, raw } => transcript.unreadable(line, &cause, raw)?,
        }
    }
    transcript.warnings.extend(records.finish(title, is_recognised)?);
    Ok(())
}

/// What tells the records of a log as events.
pub(super) trait Teller<'s> {
    /// Where the events go.
    fn out(&mut self) -> &mut Transcript<'s>;

    /// Tells one record.
    fn record(&mut self, line: u64, record: Record) -> io::Result<()>;

    /// Whether a record of the agent came.
    fn is_recognised(&self) -> bool;

    /// What it knows besides what [`Self::out`] does; `None` where the rest of the log says too little to go
    /// on from here.
    fn state(&self) -> serde_json::Result<Option<Value>> {
        Ok(None)
    }

    /// Goes on from such a state.
    fn restore(&mut self, _: Value) -> serde_json::Result<()> {
        Ok(())
    }
}

/// Tells a log to its end, record by record.
pub(super) fn tell<'s>(log: &mut Log<'_>, title: &str, teller: &mut impl Teller<'s>) -> Result<(), ParseError> {
    if let Some(header) = &log.resumed {
        teller.out().resume(header);
    }
    if let Some((held, (told, own))) = log.take_pause()? {
        teller.out().restore(told, held);
        teller.restore(own).map_err(io::Error::from)?;
    }
    let mut records = Records::of(log);
    while let Some((line, entry)) = records.next_entry()? {
        match entry {
            Entry::Record(record) => teller.record(line, record)?,
            Entry::Unreadable { cause, raw } => teller.out().unreadable(line, &cause, raw)?,
        }
        if let Some(log) = records.at_pause()
            && let Some(own) = teller.state().map_err(io::Error::from)?
        {
            teller.out().pause(log, own)?;
        }
    }
    let end = records.finish(title, teller.is_recognised())?;
    teller.out().warnings.extend(end);
    Ok(())
}

/// Takes the objects of a line apart: two may have been written into one. Says whether the line
/// breaks off.
fn split(text: &str, is_terminated: bool, found: &mut VecDeque<Entry>) -> bool {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    loop {
        let start = stream.byte_offset();
        let cause = match stream.next() {
            None => return false,
            Some(Ok(Value::Object(record))) => {
                found.push_back(Entry::Record(record));
                continue;
            }
            Some(Ok(_)) => "not a JSON object".to_owned(),
            Some(Err(fault)) if fault.is_eof() && !is_terminated => return true,
            Some(Err(fault)) => format!("not JSON: {}", describe_json(&fault)),
        };
        found.push_back(Entry::Unreadable { cause, raw: json!({ "text": &text[start..] }) });
        return false;
    }
}

fn unreadable(fault: &LineFault) -> Entry {
    let raw = match fault {
        LineFault::TooLong { bytes, excerpt } => json!({ "bytes": bytes, "excerpt": excerpt }),
        LineFault::NotUtf8 { text, .. } => json!({ "text": text }),
    };
    Entry::Unreadable { cause: fault.to_string(), raw }
}

/// The text of a field; an empty one counts as absent.
pub(super) fn text<'r>(record: &'r Record, key: &str) -> Option<&'r str> {
    record.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// The time of a field: RFC 3339, or milliseconds since 1970.
pub(super) fn time(record: &Record, key: &str) -> Option<Timestamp> {
    match record.get(key)? {
        Value::String(text) => text.parse().ok(),
        Value::Number(millis) => Timestamp::from_millis(millis.as_i64()?),
        _ => None,
    }
}

/// Takes a member out of a value; there is none in what is no object.
pub(super) fn take(value: &mut Value, key: &str) -> Value {
    value.get_mut(key).map(Value::take).unwrap_or_default()
}

/// A natural number in a field; anything else counts as zero.
pub(super) fn count(record: &Record, key: &str) -> u64 {
    record.get(key).and_then(Value::as_u64).unwrap_or(0)
}

/// Keeps the fields of a record that nothing else shows: those that are not `told`.
pub(super) fn with_fields(event: Event, mut fields: Record, told: &[&str]) -> Event {
    for told in told {
        fields.remove(*told);
    }
    fields.retain(|_, value| !value.is_null());
    if fields.is_empty() { event } else { event.with("source.fields", Value::Object(fields)) }
}

/// The session's id: the first of the candidates that can be one, else the one that was made of its first
/// record.
pub(super) fn session_id(
    log: &Log<'_>,
    candidates: [Option<&str>; 2],
    agent: &str,
    made: Option<SessionId>,
) -> SessionId {
    let [own, in_name] = candidates;
    let resumed = log.resumed.as_ref().map(|header| header.session_id.as_str());
    let candidates = [own, resumed, in_name];
    let own = candidates.into_iter().flatten().find_map(|candidate| candidate.parse().ok());
    own.or(made).unwrap_or_else(|| identity::hashed_id(agent, ""))
}

/// The name of the log's file without its ending.
pub(super) fn stem<'a>(log: &Log<'a>) -> Option<&'a str> {
    log.path?.file_stem()?.to_str()
}
