//! Recognises a log by its content. Only between an agent and its forks, whose logs may look the same, does the
//! folder decide.

use std::{
    io::{self, BufRead, Read},
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    ALL, Agent,
    compressed::plain,
    database::{Database, is_database},
    document, forks,
};
use crate::{
    hail::{Lines, describe_json},
    system::files,
};

/// How many records are looked at before a file counts as nobody's.
const SAMPLE_RECORDS: usize = 200;
/// How many bytes of a file are looked at first.
const FIRST_BYTES: u64 = 256 * 1024;
/// How many bytes of a file are looked at where the first ones tell nothing.
const SAMPLE_BYTES: u64 = 4 * 1024 * 1024;

/// How a file begins.
#[derive(Debug, Default)]
pub struct Sample {
    /// The first lines that are JSON; of a file that is one array, its first elements.
    pub records: Vec<Value>,
    /// The members of a file that is one object; `null` stands for what lies beyond the sample.
    pub document: Option<Map<String, Value>>,
    /// The first bytes as text, whatever they are.
    pub text: String,
    /// The tables of a database.
    pub tables: Vec<String>,
    /// The first line that is not JSON, with the reason.
    pub fault: Option<(u64, String)>,
    /// Where the file is, if it is one.
    pub path: Option<PathBuf>,
    lines: u64,
}

/// Why a file is no agent's log.
#[derive(Debug, Error)]
pub enum DetectError {
    /// The input failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is nothing in it.
    #[error("line 1: the file is empty")]
    Empty,
    /// It is not JSON.
    #[error("line {line}: {cause}")]
    NotALog {
        /// The 1-based line.
        line: u64,
        /// Why it is not a record.
        cause: String,
    },
    /// It is JSON, but of no known agent or version.
    #[error("line 1: JSON, but not a log of {} in any version known here", super::names().join(", "))]
    Unknown,
    /// It is a database, but of no known agent or version.
    #[error("a database, but not of {} in any version known here", super::names().join(", "))]
    UnknownDatabase,
    /// More than one agent could have written it.
    #[error("line 1: could be a log of {}", candidates.join(" or "))]
    Ambiguous {
        /// The agents' names.
        candidates: Vec<&'static str>,
    },
}

impl Sample {
    /// Looks at a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut sample = Self::read(io::BufReader::new(files::open(path, files::STREAMED)?))?;
        if is_database(sample.text.as_bytes()) {
            let tables = Database::open(path).and_then(|database| database.tables());
            sample.tables = tables.map_err(io::Error::other)?;
        }
        sample.path = Some(path.to_owned());
        Ok(sample)
    }

    /// Looks at what `reader` gives. What is in a database only a file tells: see [`Sample::of`].
    ///
    /// # Errors
    /// Those of the reader.
    pub fn read(reader: impl BufRead) -> io::Result<Self> {
        let mut reader = plain(reader);
        let mut head = Vec::new();
        reader.by_ref().take(FIRST_BYTES).read_to_end(&mut head)?;
        let is_whole = (head.len() as u64) < FIRST_BYTES;
        let sample = Self::look_at(&head, is_whole)?;
        if is_whole || is_database(&head) || ALL.iter().any(|agent| agent.recognises(&sample)) {
            return Ok(sample);
        }
        // Some logs begin with a record of megabytes.
        reader.take(SAMPLE_BYTES - FIRST_BYTES).read_to_end(&mut head)?;
        let is_whole = (head.len() as u64) < SAMPLE_BYTES;
        Self::look_at(&head, is_whole)
    }

    fn look_at(head: &[u8], is_whole: bool) -> io::Result<Self> {
        let mut sample = Self { text: text_of(head), ..Self::default() };
        if is_database(head) {
            sample.lines = 1;
            return Ok(sample);
        }
        sample.read_lines(head, is_whole)?;
        let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
        // Several records are lines. One, or none, may be a document.
        if sample.records.len() < 2 || is_laid_out(head) {
            let found = document::peek(head);
            sample.document = found.members.filter(|members| !members.is_empty());
            if !found.elements.is_empty() || sample.document.is_some() && is_laid_out(head) {
                sample.records = found.elements;
                // What is wrong with a document is told of the document, not of its first line.
                let fault = found.fault.filter(|_| is_whole);
                sample.fault = fault.map(|fault| (fault.line() as u64, format!("not JSON: {fault}")));
            }
        }
        Ok(sample)
    }

    fn read_lines(&mut self, head: &[u8], is_whole: bool) -> io::Result<()> {
        let mut lines = Lines::new(head);
        while self.records.len() < SAMPLE_RECORDS {
            let Some(line) = lines.next_line()? else { break };
            self.lines += 1;
            let records = line.text.map_err(|fault| fault.to_string()).and_then(|text| {
                // Two programs that write at once may put two records into one line.
                let records = serde_json::Deserializer::from_str(text).into_iter();
                records
                    .collect::<Result<Vec<Value>, _>>()
                    .map_err(|fault| format!("not JSON: {}", describe_json(&fault)))
            });
            match records {
                Ok(records) => self.records.extend(records),
                // The sample may end within a line.
                Err(_) if !line.terminated && !is_whole && self.lines > 1 => {}
                Err(cause) => {
                    self.fault.get_or_insert((line.number, cause));
                    // A document or prose need not be read to its end.
                    if self.records.is_empty() && self.lines > 20 {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Whether the first line only opens an array or object, as in a document laid out for people.
fn is_laid_out(head: &[u8]) -> bool {
    let line = head.trim_ascii_start().split(|byte| *byte == b'\n').next().unwrap_or_default();
    matches!(line.trim_ascii(), b"{" | b"[" | b"[{")
}

/// How much of the beginning is looked at as text, in bytes.
const TEXT_BYTES: usize = 64 * 1024;

fn text_of(head: &[u8]) -> String {
    String::from_utf8_lossy(&head[..head.len().min(TEXT_BYTES)]).into_owned()
}

/// Finds the agent that wrote a file.
///
/// # Errors
/// When no agent, or more than one, recognises it.
pub fn detect(sample: &Sample) -> Result<&'static dyn Agent, DetectError> {
    let mut candidates: Vec<&'static dyn Agent> =
        ALL.iter().copied().filter(|agent| agent.recognises(sample)).collect();
    forks::choose(&mut candidates, sample);
    match (candidates.as_slice(), &sample.fault) {
        ([agent], _) => Ok(*agent),
        ([], _) if sample.lines == 0 => Err(DetectError::Empty),
        ([], _) if is_database(sample.text.as_bytes()) => Err(DetectError::UnknownDatabase),
        ([], Some((line, cause))) => Err(DetectError::NotALog { line: *line, cause: cause.clone() }),
        ([], None) => Err(DetectError::Unknown),
        (several, _) => Err(DetectError::Ambiguous { candidates: several.iter().map(|agent| agent.name()).collect() }),
    }
}
