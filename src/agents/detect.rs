//! Recognises a log by its content, never by its folder or name.

use std::io::{self, BufRead};

use serde_json::Value;
use thiserror::Error;

use super::{ALL, Agent};
use crate::hail::{Lines, describe_json};

/// How many records are looked at before a file counts as nobody's.
const SAMPLE_RECORDS: usize = 200;
/// How many bytes of records are looked at.
const SAMPLE_BYTES: usize = 4 * 1024 * 1024;

/// The first records of a file.
#[derive(Debug, Default)]
pub struct Sample {
    /// Those that are JSON.
    pub records: Vec<Value>,
    /// The first line that is not, with the reason.
    pub fault: Option<(u64, String)>,
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
    /// More than one agent could have written it.
    #[error("line 1: could be a log of {}", candidates.join(" or "))]
    Ambiguous {
        /// The agents' names.
        candidates: Vec<&'static str>,
    },
}

impl Sample {
    /// Reads the first records.
    ///
    /// # Errors
    /// Those of the reader.
    pub fn read(reader: impl BufRead) -> io::Result<Self> {
        let mut lines = Lines::new(reader);
        let mut sample = Self::default();
        let mut bytes = 0;
        while sample.records.len() < SAMPLE_RECORDS && bytes < SAMPLE_BYTES {
            let Some(line) = lines.next_line()? else { break };
            sample.lines += 1;
            let record = line.text.map_err(|fault| fault.to_string()).and_then(|text| {
                bytes += text.len();
                serde_json::from_str(text).map_err(|fault| format!("not JSON: {}", describe_json(&fault)))
            });
            match record {
                Ok(record) => sample.records.push(record),
                Err(cause) => {
                    sample.fault.get_or_insert((line.number, cause));
                    // A binary or prose file need not be read to its end.
                    if sample.records.is_empty() && sample.lines > 20 {
                        break;
                    }
                }
            }
        }
        Ok(sample)
    }
}

/// Finds the agent that wrote a file.
///
/// # Errors
/// When no agent, or more than one, recognises it.
pub fn detect(sample: &Sample) -> Result<&'static dyn Agent, DetectError> {
    let candidates: Vec<&'static dyn Agent> = ALL.iter().copied().filter(|agent| agent.recognises(sample)).collect();
    match (candidates.as_slice(), &sample.fault) {
        ([agent], _) => Ok(*agent),
        ([], _) if sample.lines == 0 => Err(DetectError::Empty),
        ([], Some((line, cause))) => Err(DetectError::NotALog { line: *line, cause: cause.clone() }),
        ([], None) => Err(DetectError::Unknown),
        (several, _) => Err(DetectError::Ambiguous { candidates: several.iter().map(|agent| agent.name()).collect() }),
    }
}
