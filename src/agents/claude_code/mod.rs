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
        // Qwen Code writes the same envelope around messages made of parts, and what the program says of itself.
        let is_qwen = |record: &Value| record["message"]["parts"].is_array() || record["systemPayload"].is_object();
        sample.records.iter().any(|record| has_envelope(record) || is_printed(record))
            && !sample.records.iter().any(is_qwen)
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let mut parser = match log.take_pause()? {
            Some((held, parser)) => parser::Parser::after(parser, held),
            None => parser::Parser::default(),
        };
        parser.copied = log.path.and_then(discovery::copied_ids).unwrap_or_default();
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

/// Whether a record is one that the program prints for other programs (`--output-format stream-json`). What others
/// print in this shape names another program's version.
fn is_printed(record: &Value) -> bool {
    let is_text = |key: &str| record.get(key).is_some_and(Value::is_string);
    let is_told = match record["type"].as_str() {
        Some("system") => record["subtype"] == "init" && (is_text("claude_code_version") || is_text("apiKeySource")),
        Some("assistant" | "user") => record["message"].is_object() && record.get("parent_tool_use_id").is_some(),
        _ => false,
    };
    is_told && is_text("session_id") && record.get("qwen_code_version").is_none()
}

fn has_envelope(record: &Value) -> bool {
    let is_text = |key: &str| record.get(key).is_some_and(Value::is_string);
    ["type", "sessionId", "uuid", "version"].into_iter().all(is_text) && record.get("parentUuid").is_some()
}
