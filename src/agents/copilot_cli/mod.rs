//! GitHub Copilot CLI: a log of events a session, and a few facts beside it.
//!
//! Learned from public logs, versions 1.0.12 to 1.0.72. An answer notes only its output tokens; all
//! other counts are in the event that ends a session, which is missing after a crash.

mod content;
mod fork;
mod parser;

pub(super) use parser::parse;

use serde_json::Value;

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning, folders};
use crate::{environment::Environment, hail::Sink};

/// The GitHub Copilot CLI reader.
pub(super) struct CopilotCli;

impl Agent for CopilotCli {
    fn name(&self) -> &'static str {
        "copilot-cli"
    }

    fn title(&self) -> &'static str {
        "GitHub Copilot CLI"
    }

    // The folders are named by session, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let Some(home) = environment.folder("COPILOT_HOME", ".copilot") else { return Vec::new() };
        let state = home.join("session-state");
        // Where a session was moved to a folder of its own, its old file stays.
        let is_old = |name: &str| !state.join(name.trim_end_matches(".jsonl")).join("events.jsonl").exists();
        let mut found = folders::files(&state, |name| folders::is_jsonl(name) && is_old(name));
        for session in folders::folders(&state, |_| true) {
            found.extend(folders::files(&session, |name| name == "events.jsonl"));
        }
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let known = ["session.", "user.message", "assistant.", "tool.execution_"];
        sample.records.iter().any(|record| {
            let kind = record.get("type").and_then(Value::as_str).unwrap_or_default();
            let has_envelope = ["id", "timestamp"].iter().all(|key| record.get(key).is_some_and(Value::is_string));
            has_envelope
                && record.get("data").is_some_and(Value::is_object)
                && record.get("parentId").is_some()
                && known.iter().any(|start| kind.starts_with(start))
        }) && !sample.records.iter().any(is_of_editor)
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        sample.records.iter().find_map(|record| record.get("data")?.get("context")?.get("cwd")?.as_str())
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        parser::parse(log, ("copilot-cli", "copilot-cli-events", self.title()), sink)
    }
}

/// Whether a record is the first one of a transcript of the extension of VS Code, whose other records are the
/// same.
pub(super) fn is_of_editor(record: &Value) -> bool {
    record["type"] == "session.start" && record["data"]["vscodeVersion"].is_string()
}
