//! Checks a session against the rules of the format while it streams by.

use std::{
    collections::HashSet,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher},
};

use thiserror::Error;

use super::{EventType, Record, Timestamp};

/// A rule that a line breaks.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {rule}")]
pub struct Violation {
    /// The 1-based line.
    pub line: u64,
    /// The rule, in words.
    pub rule: String,
}

/// Checks records one by one in constant memory for each event: of an id only 64 bits are kept, so
/// among ten million events a false report of a duplicate has a chance of three in a million.
#[derive(Debug, Default)]
pub struct Validator {
    has_header: bool,
    events: u64,
    last: Option<Timestamp>,
    ids: HashSet<u64, BuildHasherDefault<DefaultHasher>>,
}

impl Validator {
    /// Checks one record; returns every rule it breaks.
    pub fn check(&mut self, line: u64, record: &Record) -> Vec<Violation> {
        let mut found = Vec::new();
        let mut broken = |rule: &str| found.push(Violation { line, rule: rule.to_owned() });
        match record {
            Record::Header(header) => {
                if self.has_header {
                    broken("a second header");
                }
                self.has_header = true;
                if header.agent.provider.is_empty() {
                    broken("the header's agent.provider is empty");
                }
                if header.agent.tool.is_empty() {
                    broken("the header's agent.tool is empty");
                }
            }
            Record::Event(event) => {
                self.events += 1;
                if !self.has_header && self.events == 1 {
                    broken("the header is missing");
                }
                if event.event_id.is_empty() {
                    broken("the event_id is empty");
                } else if !self.ids.insert(self.ids.hasher().hash_one(&event.event_id)) {
                    broken(&format!("the event_id '{}' occurs twice", event.event_id.escape_debug()));
                }
                if self.last.is_some_and(|last| event.timestamp < last) {
                    broken("the event is older than the one before it");
                }
                self.last = self.last.max(Some(event.timestamp));
                if let Some(field) = event.event_type.empty_field() {
                    broken(&format!("the {field} is empty"));
                }
            }
            Record::Stats(_) => {}
        }
        found
    }

    /// Checks what only the end can tell; `line` is the number of the last line.
    #[must_use]
    pub fn finish(&self, line: u64) -> Option<Violation> {
        let rule = match (self.has_header, self.events) {
            (false, 0) => "the header is missing",
            (true, 0) => "there are no events",
            _ => return None,
        };
        Some(Violation { line, rule: rule.to_owned() })
    }
}

impl EventType {
    /// The field that must not be empty but is.
    pub(crate) fn empty_field(&self) -> Option<&'static str> {
        let (field, value) = match self {
            Self::ToolCall { name } | Self::ToolResult { name, .. } => ("tool name", name),
            Self::FileRead { path }
            | Self::FileEdit { path, .. }
            | Self::FileCreate { path }
            | Self::FileDelete { path } => ("path", path),
            Self::ShellCommand { command, .. } => ("command", command),
            _ => return None,
        };
        value.is_empty().then_some(field)
    }
}
