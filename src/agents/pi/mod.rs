//! Pi: a list of entries in version 1, a tree of them from version 2 on.
//!
//! Learned from public logs and the public source (`coding-agent`).

mod content;
mod fork;
mod injected;
mod origin;
mod parser;
mod tree;

use std::path::Path;

use serde_json::Value;

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning,
    folders::{self, Names},
};
use crate::{environment::Environment, hail::Sink};

pub(super) use fork::{OhMyPi, OpenClaw};

/// The Pi reader.
pub(super) struct Pi;

impl Agent for Pi {
    fn name(&self) -> &'static str {
        "pi"
    }

    fn title(&self) -> &'static str {
        "Pi"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let own = environment.variable("PI_CODING_AGENT_SESSION_DIR").map(Into::into);
        let usual = || Some(environment.folder("PI_CODING_AGENT_DIR", ".pi/agent")?.join("sessions"));
        let Some(sessions) = own.or_else(usual) else { return Vec::new() };
        let mut found = folders::files(&sessions, folders::is_jsonl);
        let names = scope.folder.map(|folder| Names::of(folder, encoded));
        let may_hold = |name: &str| names.as_ref().is_none_or(|names| names.may_hold(name));
        for folder in folders::folders(&sessions, may_hold) {
            found.extend(folders::files(&folder, folders::is_jsonl));
        }
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.records.iter().any(|record| {
            let is_text = |key: &str| record.get(key).is_some_and(Value::is_string);
            record["type"] == "session" && ["id", "timestamp", "cwd"].into_iter().all(is_text)
        })
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        parser::parse(parser::Dialect { tool: "pi", title: "Pi", parent: None }, log, sink)
    }
}

/// A project's folder: `--`, the directory with dashes for separators, `--`.
fn encoded(folder: &Path) -> (String, &'static str) {
    let path = folder.to_string_lossy();
    let path = path.strip_prefix(['/', '\\']).unwrap_or(&path);
    (format!("--{}", path.replace(['/', '\\', ':'], "-")), "--")
}
