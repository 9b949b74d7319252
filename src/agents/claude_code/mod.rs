//! Claude Code, versions 1.0 to 2.1: one JSON record a line, one file a session.

mod changes;
mod discovery;
mod facts;
mod human;
mod known;
mod loose;
mod messages;
mod parser;
mod patch;
mod progress;
mod records;
mod results;
mod seen;
mod spelling;
mod tools;
mod usage;
mod window;

use serde_json::Value;

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning};
use crate::{environment::Environment, hail::Sink};

/// The Claude Code reader.
pub(super) struct ClaudeCode;

impl Agent for ClaudeCode {
    fn name(&self) -> &'static str {
        "claude-code"
    }

    fn title(&self) -> &'static str {
        "Claude Code"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        discovery::logs(environment, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        // Qwen Code writes the same envelope around messages made of parts.
        sample.records.iter().any(has_envelope)
            && !sample.records.iter().any(|record| record["message"]["parts"].is_array())
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let mut parser = match log.take_pause()? {
            Some((held, parser)) => parser::Parser::after(parser, held),
            None => parser::Parser::default(),
        };
        while let Some(line) = log.lines.next_line()? {
            parser.line(line);
            parser.send(sink)?;
            if log.is_at_pause() {
                sink.pause(log.pause(parser.events.iter().cloned().collect(), &parser)?)?;
            }
        }
        parser.finish(log.path, log.resumed.take(), sink)
    }
}

fn has_envelope(record: &Value) -> bool {
    let is_text = |key: &str| record.get(key).is_some_and(Value::is_string);
    ["type", "sessionId", "uuid", "version"].into_iter().all(is_text) && record.get("parentUuid").is_some()
}
