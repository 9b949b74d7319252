//! Codex CLI, from the bare records of 0.2x to the rollouts of 0.157.
//!
//! Learned from public logs and from the public source of `codex-rs` (`protocol`, `rollout`). The
//! same thing is often said twice, once as the model's `response_item` and once as the interface's
//! `event_msg`: the first to come is kept, the echo is dropped.

mod answer;
mod call;
mod changes;
mod code_mode;
mod echo;
mod fork;
mod header;
mod item;
mod javascript;
mod literal;
mod message;
mod notice;
mod outbox;
mod output;
mod parser;
pub(super) mod patch;
mod record;
mod repeat;
mod replay;
mod result;
mod script;
mod segments;
mod shell;
mod state;
mod stream;
mod tokens;

use std::path::Path;

use serde_json::Value;

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning, folders};
use crate::{environment::Environment, hail::Sink};

pub(super) use fork::TraeCli;

/// The shape of the native records, as events name it.
const SCHEMA: &str = "codex-rollout";

/// The types of the lines of a rollout.
const LINE_TYPES: [&str; 8] = [
    "session_meta",
    "turn_context",
    "response_item",
    "event_msg",
    "compacted",
    "world_state",
    "inter_agent_communication",
    "inter_agent_communication_metadata",
];

/// The Codex CLI parser.
pub(super) struct Codex;

impl Agent for Codex {
    fn name(&self) -> &'static str {
        "codex"
    }

    fn title(&self) -> &'static str {
        "Codex"
    }

    // Neither names nor metadata tell the folder of a session, so the scope's folder is not asked;
    // the day in the path is no bound either, because a resumed session goes on in its old file.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        environment.folder("CODEX_HOME", ".codex").map_or_else(Vec::new, |home| all_logs(&home, scope))
    }

    fn join(&self, logs: Vec<LogFile>) -> Vec<LogFile> {
        segments::join(logs)
    }

    fn whole(&self, log: LogFile) -> LogFile {
        segments::whole(log)
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        let of = |record: &'s serde_json::Value| record.get("payload").unwrap_or(record).get("cwd")?.as_str();
        sample.records.iter().find_map(of)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.records.first().is_some_and(is_bare_header)
            || sample.records.iter().any(|record| is_rollout_line(record) || stream::is_event(record))
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        match log.part {
            Some(thread) => parser::parse(&mut segments::open(log, thread), sink),
            None => parser::parse(log, sink),
        }
    }
}

/// The rollouts in a home of the agent.
fn all_logs(home: &Path, scope: &Scope<'_>) -> Vec<LogFile> {
    let mut found = Vec::new();
    collect(&home.join("sessions"), 3, scope, &|name| name.starts_with("rollout-"), &mut found);
    collect(&home.join("archived_sessions"), 3, scope, &|_| true, &mut found);
    folders::in_scope(found, scope)
}

/// Whether a file of that name is a log: plain, or compressed and not there as it was before.
fn is_log(path: &Path, name: &str) -> bool {
    let plain = name.strip_suffix(".zst");
    folders::is_jsonl(plain.unwrap_or(name)) && (plain.is_none() || !path.with_extension("").exists())
}

/// Collects the `.jsonl` and `.jsonl.zst` files of `folder` and of `depth` levels of folders below it.
fn collect(folder: &Path, depth: usize, scope: &Scope<'_>, is_wanted: &dyn Fn(&str) -> bool, found: &mut Vec<LogFile>) {
    let Ok(entries) = folder.read_dir() else { return };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if kind.is_dir() && depth > 0 {
            collect(&entry.path(), depth - 1, scope, is_wanted, found);
        } else if is_wanted(&name) && is_log(&entry.path(), &name) {
            found.extend(scope.look_at(&entry));
        }
    }
}

fn is_rollout_line(record: &Value) -> bool {
    let kind = record.get("type").and_then(Value::as_str);
    record.get("timestamp").is_some_and(Value::is_string)
        && record.get("payload").is_some_and(Value::is_object)
        && kind.is_some_and(|kind| LINE_TYPES.contains(&kind))
}

/// Whether a record is the first line of the format that had no envelope.
fn is_bare_header(record: &Value) -> bool {
    record.get("type").is_none()
        && record.get("id").is_some_and(Value::is_string)
        && record.get("timestamp").is_some_and(Value::is_string)
        && record.get("instructions").is_some()
}
