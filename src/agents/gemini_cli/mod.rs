//! Gemini CLI: one document a session to 0.3x, then a log of operations on one.
//!
//! Learned from public logs and from the public source (`chatRecordingService`). The log is replayed
//! in memory, because a later line may replace a message, or give up all that came after it.

mod discovery;
mod messages;
mod replay;

use serde_json::Value;

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning};
use crate::{
    environment::Environment,
    hail::{Header, ObjectHash, Sink},
};

/// The session's attribute with the SHA-256 of the directory, all that a log says of it.
const PROJECT_HASH: &str = "gemini.project_hash";

/// The Gemini CLI reader.
pub(super) struct GeminiCli;

impl Agent for GeminiCli {
    fn name(&self) -> &'static str {
        "gemini-cli"
    }

    fn title(&self) -> &'static str {
        "Gemini CLI"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        discovery::logs(environment, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let is_session = |document: &serde_json::Map<String, Value>| {
            let is_text = |key: &str| document.get(key).is_some_and(Value::is_string);
            let has_messages = document.contains_key("messages") && is_text("sessionId") && is_text("startTime");
            has_messages || document.get("history").and_then(Value::as_array).is_some_and(|turns| is_history(turns))
        };
        match &sample.document {
            Some(document) if document.contains_key("messages") || document.contains_key("history") => {
                is_session(document)
            }
            _ => sample.records.iter().any(|record| is_header(record) || is_answer(record)),
        }
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        messages::parse(log, sink)
    }
}

/// Whether a session worked in `folder`, as far as the hash of its directory tells.
pub(super) fn is_project(header: &Header, folder: &std::path::Path) -> bool {
    let hash = || ObjectHash::of(folder.as_os_str().as_encoded_bytes()).to_string();
    header.attribute(PROJECT_HASH).is_some_and(|project| project == hash())
}

fn is_header(record: &Value) -> bool {
    let is_text = |key: &str| record.get(key).is_some_and(Value::is_string);
    is_text("sessionId") && is_text("projectHash")
}

fn is_answer(record: &Value) -> bool {
    record.get("id").is_some_and(Value::is_string)
        && record.get("type").is_some_and(|kind| kind == "gemini")
        && record.get("timestamp").is_some()
}

/// Whether turns are those of a saved conversation.
fn is_history(turns: &[Value]) -> bool {
    let has_parts = |turn: &Value| turn.get("role").is_some() && turn.get("parts").is_some_and(Value::is_array);
    !turns.is_empty() && turns.iter().all(has_parts)
}
