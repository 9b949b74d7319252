//! Reads logs of one JSON object a line, whatever some of the lines are.

use std::io;

use serde_json::{Value, json};

use super::{Log, ParseError, Warning, transcript::Transcript};
use crate::hail::{Line, LineFault, describe_json};

/// What was made of the lines so far.
#[derive(Default)]
pub(super) struct JsonLines {
    is_recognised: bool,
    fault: Option<(u64, String)>,
}

/// Takes a record with its line number; says whether it is one of the agent's.
pub(super) type Take<'t, 's> = dyn FnMut(&mut Transcript<'s>, u64, Value) -> io::Result<bool> + 't;

impl JsonLines {
    /// Reads the rest of a log.
    ///
    /// # Errors
    /// When the input fails.
    pub(super) fn read<'s>(
        &mut self,
        log: &mut Log<'_>,
        transcript: &mut Transcript<'s>,
        take: &mut Take<'_, 's>,
    ) -> io::Result<()> {
        while let Some(line) = log.lines.next_line()? {
            self.line(line, transcript, take)?;
        }
        Ok(())
    }

    /// Reads one line.
    ///
    /// # Errors
    /// Those of the sink.
    pub(super) fn line<'s>(
        &mut self,
        line: Line<'_>,
        transcript: &mut Transcript<'s>,
        take: &mut Take<'_, 's>,
    ) -> io::Result<()> {
        let is_torn = !line.terminated && self.is_recognised;
        let (cause, raw) = match line.text {
            Ok(text) => match serde_json::from_str::<Value>(text) {
                Ok(record) if record.is_object() => {
                    let is_recognised = take(transcript, line.number, record)?;
                    self.is_recognised |= is_recognised;
                    if !is_recognised {
                        self.fault.get_or_insert((line.number, "not a record of this agent".to_owned()));
                    }
                    return Ok(());
                }
                Ok(_) => ("not a JSON object".to_owned(), json!(text)),
                Err(fault) if fault.is_eof() && is_torn => return broken_end(line.number, transcript),
                Err(fault) => (format!("not JSON: {}", describe_json(&fault)), json!(text)),
            },
            // The end of a log that is being written may fall into the middle of a character.
            Err(LineFault::NotUtf8 { .. }) if is_torn => return broken_end(line.number, transcript),
            Err(fault) => {
                let raw = match &fault {
                    LineFault::TooLong { excerpt, .. } => json!({ "excerpt": excerpt }),
                    LineFault::NotUtf8 { base64, .. } => json!({ "base64": base64 }),
                };
                (fault.to_string(), raw)
            }
        };
        self.fault.get_or_insert((line.number, cause.clone()));
        transcript.unreadable(line.number, &cause, raw)
    }

    /// Says whether there was a record of the agent at all.
    ///
    /// # Errors
    /// When there was none.
    pub(super) fn finish(self) -> Result<(), ParseError> {
        match self.fault {
            _ if self.is_recognised => Ok(()),
            Some((line, cause)) => Err(ParseError::NoRecord { line, cause }),
            None => Err(ParseError::Empty),
        }
    }
}

fn broken_end(line: u64, transcript: &mut Transcript<'_>) -> io::Result<()> {
    transcript.warnings.push(Warning { line, cause: "the last line breaks off and was left out".to_owned() });
    Ok(())
}
