//! Qwen Code: Claude Code's envelope around Gemini's messages, one record a line.
//!
//! Learned from public logs and from the public source (`chatRecordingService`).

mod fields;
mod parser;

use std::path::Path;

use serde_json::Value;

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning,
    folders::{self, Names},
};
use crate::{environment::Environment, hail::Sink};

/// The Qwen Code reader.
pub(super) struct QwenCode;

impl Agent for QwenCode {
    fn name(&self) -> &'static str {
        "qwen-code"
    }

    fn title(&self) -> &'static str {
        "Qwen Code"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let own = environment.variable("QWEN_RUNTIME_DIR").map(Into::into);
        let Some(home) = own.or_else(|| environment.folder("QWEN_HOME", ".qwen")) else { return Vec::new() };
        let names = scope.folder.map(|folder| Names::of(folder, encoded));
        let may_hold = |name: &str| names.as_ref().is_none_or(|names| names.may_hold(name));
        let projects = folders::folders(&home.join("projects"), may_hold);
        let chats = projects.iter().map(|project| project.join("chats"));
        let found = chats.flat_map(|chats| folders::files(&chats, folders::is_jsonl)).collect();
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.records.iter().any(|record| {
            let is_text = |key: &str| record.get(key).is_some_and(Value::is_string);
            let has_envelope = ["type", "sessionId", "uuid"].into_iter().all(is_text);
            let is_own = record["message"]["parts"].is_array() || record["systemPayload"].is_object();
            has_envelope && is_own && record.get("parentUuid").is_some()
        })
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        parser::parse(log, sink)
    }
}

/// A project's folder: every character but ASCII letters and digits becomes a dash.
fn encoded(folder: &Path) -> (String, &'static str) {
    let dash = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    (folder.to_string_lossy().chars().map(dash).collect(), "")
}
