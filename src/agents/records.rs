//! The records of a log of JSON lines: what is none is kept or told, and never stops the reading.

use std::{collections::VecDeque, io};

use serde_json::{Map, Value, json};

use super::{Log, ParseError, Warning};
use crate::hail::{LineFault, ObjectHash, SessionId, Timestamp, describe_json};

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
        let is_resumed = log.resumed.is_some();
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
            self.line = line.number;
            let is_broken = match line.text {
                Ok(text) => split(text, line.terminated, &mut self.waiting),
                // The end of a log that is being written may fall into the middle of a character.
                Err(LineFault::NotUtf8 { .. }) if !line.terminated && line.number > 1 => true,
                Err(fault) => {
                    self.waiting.push_back(unreadable(&fault));
                    false
                }
            };
            if is_broken {
                self.broken_end = Some(line.number);
            }
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
        LineFault::NotUtf8 { base64, .. } => json!({ "base64": base64 }),
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

/// A natural number in a field; anything else counts as zero.
pub(super) fn count(record: &Record, key: &str) -> u64 {
    record.get(key).and_then(Value::as_u64).unwrap_or(0)
}

/// The session's id: the first of the candidates that can be one, else one made of `seed`.
pub(super) fn session_id(candidates: &[Option<&str>], agent: &str, seed: &str) -> SessionId {
    candidates.iter().flatten().find_map(|candidate| candidate.parse().ok()).unwrap_or_else(|| {
        let hash = ObjectHash::of(seed.as_bytes()).to_string();
        format!("{agent}-{}", &hash[..16]).parse().expect("letters, digits and dashes")
    })
}

/// The name of the log's file without its ending.
pub(super) fn stem<'a>(log: &Log<'a>) -> Option<&'a str> {
    log.path?.file_stem()?.to_str()
}
