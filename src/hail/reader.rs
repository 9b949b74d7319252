//! Reads HAIL JSONL of every version, one record at a time.

use std::io::{self, BufRead};

use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

use super::{Event, Header, Lines, Session, Stats, StatsCollector, describe_json, draft, semantic};

/// One line of a HAIL file.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The first line.
    Header(Box<Header>),
    /// A line between.
    Event(Box<Event>),
    /// The last line.
    Stats(Stats),
}

/// Why a HAIL file cannot be read on.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The input failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line is not what it should be.
    #[error("line {line}: {cause}")]
    Line {
        /// Its 1-based number.
        line: u64,
        /// What is wrong with it.
        cause: String,
    },
}

impl Session {
    /// Reads a whole session; the statistics are computed anew.
    ///
    /// # Errors
    /// When a line is no record, or there is no header.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let mut lines = Lines::new(bytes);
        let mut reader = Reader::new(&mut lines);
        let (mut header, mut events, mut stats) = (None, Vec::new(), StatsCollector::default());
        while let Some((_, record)) = reader.next_record()? {
            match record {
                Record::Header(found) => header = Some(*found),
                Record::Event(event) => {
                    stats.add(&event);
                    events.push(*event);
                }
                Record::Stats(_) => {}
            }
        }
        let header = header.ok_or_else(|| ReadError::Line { line: 1, cause: "there is no header".to_owned() })?;
        Ok(Self { header, events, stats: stats.stats() })
    }
}

/// A streaming reader: holds one line in memory, never the file.
#[derive(Debug)]
pub struct Reader<'a, R> {
    lines: &'a mut Lines<R>,
    dialect: Dialect,
    truncated: bool,
}

/// Which of the formats the first line was in.
#[derive(Debug, Default)]
enum Dialect {
    #[default]
    Hail,
    Draft(draft::Converter),
    Semantic(semantic::Converter),
}

#[derive(Deserialize)]
struct Probe<'a> {
    #[serde(rename = "type", borrow, default)]
    kind: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    v: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    version: Option<std::borrow::Cow<'a, str>>,
}

impl<'a, R: BufRead> Reader<'a, R> {
    /// Reads the records on `lines`.
    pub fn new(lines: &'a mut Lines<R>) -> Self {
        Self { lines, dialect: Dialect::Hail, truncated: false }
    }

    /// Whether the last line broke off in the middle and was left out.
    #[must_use]
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The next record with its line number, or `None` at the end.
    ///
    /// # Errors
    /// When the input fails or a line is not a HAIL record.
    pub fn next_record(&mut self) -> Result<Option<(u64, Record)>, ReadError> {
        loop {
            let Some(line) = self.lines.next_line()? else { return Ok(None) };
            let number = line.number;
            let at = |cause: String| ReadError::Line { line: number, cause };
            let text = line.text.map_err(|fault| at(fault.to_string()))?;
            match self.dialect.decode(text, number) {
                Ok(Some(record)) => return Ok(Some((number, record))),
                Ok(None) => {}
                Err(_) if !line.terminated && number > 1 && is_cut_off(text) => {
                    self.truncated = true;
                    return Ok(None);
                }
                Err(fault) => return Err(at(fault)),
            }
        }
    }
}

fn is_cut_off(text: &str) -> bool {
    matches!(serde_json::from_str::<serde::de::IgnoredAny>(text), Err(fault) if fault.is_eof())
}

impl Dialect {
    /// Reads one line; `None` for one that says nothing new.
    fn decode(&mut self, text: &str, number: u64) -> Result<Option<Record>, String> {
        let parse = || serde_json::from_str::<Value>(text).map_err(|fault| describe_json(&fault));
        match self {
            Self::Hail => self.decode_hail(text).map(Some),
            Self::Draft(converter) => Ok(Some(Record::Event(Box::new(converter.event(number, &parse()?))))),
            Self::Semantic(converter) => converter.record(number, &parse()?),
        }
    }

    fn decode_hail(&mut self, text: &str) -> Result<Record, String> {
        let describe = |fault: serde_json::Error| describe_json(&fault);
        let probe: Probe<'_> = serde_json::from_str(text).map_err(describe)?;
        match probe.kind.as_deref() {
            Some("header") => {
                // A version from the future may well have other fields.
                let version = probe.version.as_deref().unwrap_or_default();
                if !version.starts_with("hail-1.") {
                    return Err(format!("HAIL of version '{}' cannot be read, only hail-1.*", version.escape_debug()));
                }
                serde_json::from_str(text).map(|header| Record::Header(Box::new(header))).map_err(describe)
            }
            Some("event") => serde_json::from_str(text).map(|event| Record::Event(Box::new(event))).map_err(describe),
            Some("stats") => serde_json::from_str(text).map(Record::Stats).map_err(describe),
            Some("session.new") => {
                let value: Value = serde_json::from_str(text).map_err(describe)?;
                let (converter, header) = semantic::Converter::begin(&value)?;
                *self = Self::Semantic(converter);
                Ok(Record::Header(Box::new(header)))
            }
            None if probe.v.as_deref().is_some_and(|version| version.starts_with("hail/0.")) => {
                let value: Value = serde_json::from_str(text).map_err(describe)?;
                let (converter, header) = draft::Converter::begin(text, &value)?;
                *self = Self::Draft(converter);
                Ok(Record::Header(Box::new(header)))
            }
            Some(kind) => Err(format!("'{}' is not a HAIL record type", kind.escape_debug())),
            None => Err("the record has no type".to_owned()),
        }
    }
}
