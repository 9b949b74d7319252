//! Factory Droid: its session store, and what `droid exec --output-format stream-json` prints.
//!
//! Learned from public samples, which are small.

mod parser;

use std::path::Path;

use serde_json::Value;

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning,
    folders::{self, Names},
};
use crate::{environment::Environment, hail::Sink};

/// The Factory Droid reader.
pub(super) struct FactoryDroid;

impl Agent for FactoryDroid {
    fn name(&self) -> &'static str {
        "factory-droid"
    }

    fn title(&self) -> &'static str {
        "Factory Droid"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let Some(home) = environment.home() else { return Vec::new() };
        let names = scope.folder.map(|folder| Names::of(folder, encoded));
        let may_hold = |name: &str| names.as_ref().is_none_or(|names| names.may_hold(name));
        let mut found = Vec::new();
        for store in ["sessions", "projects"].map(|store| home.join(".factory").join(store)) {
            found.extend(folders::files(&store, folders::is_jsonl));
            for project in folders::folders(&store, may_hold) {
                found.extend(folders::files(&project, folders::is_jsonl));
            }
        }
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.records.iter().any(|record| {
            let is_text = |key: &str| record.get(key).is_some_and(Value::is_string);
            let is_stream = is_text("session_id") || is_text("sessionId");
            match record["type"].as_str() {
                Some("session_start") => is_text("id") && (is_text("cwd") || is_text("title")),
                Some("tool_call") => is_stream && is_text("toolName") && record.get("parameters").is_some(),
                Some("completion") => is_stream && is_text("finalText"),
                _ => false,
            }
        })
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        parser::parse(log, sink)
    }
}

/// A project's folder: the directory with dashes for separators.
fn encoded(folder: &Path) -> (String, &'static str) {
    (folder.to_string_lossy().replace(['/', '\\', ':'], "-"), "")
}
