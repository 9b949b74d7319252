//! The programs that were made of Pi: `OpenClaw` and Oh My Pi.
//!
//! Learned from the documentation of Oh My Pi (`docs/session.md`) and from public programs that read the logs of both.
//! The source of `OpenClaw` was not compared.

use std::{io::Read, path::Path};

use serde_json::Value;

use super::{Agent, Log, LogFile, ParseError, Pi, Sample, Scope, Warning, parser};
use crate::{
    agents::{folders, records::Record},
    environment::Environment,
    hail::Sink,
    system::files,
};

/// The `OpenClaw` reader.
pub(in crate::agents) struct OpenClaw;

/// The homes of `OpenClaw`, under the names that it has had.
const CLAWS: [(&str, &str); 3] =
    [("OPENCLAW_STATE_DIR", ".openclaw"), ("MOLTBOT_STATE_DIR", ".moltbot"), ("CLAWDBOT_STATE_DIR", ".clawdbot")];

impl Agent for OpenClaw {
    fn name(&self) -> &'static str {
        "openclaw"
    }

    fn title(&self) -> &'static str {
        "OpenClaw"
    }

    // The folders are named by agents, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let homes = CLAWS.iter().filter_map(|(variable, folder)| environment.folder(variable, folder));
        let agents = homes.flat_map(|home| folders::folders(&home.join("agents"), |_| true));
        let found = agents.flat_map(|agent| folders::files(&agent.join("sessions"), is_session));
        folders::in_scope(found.collect(), scope)
    }

    fn forked_from(&self) -> Option<&'static str> {
        Some("pi")
    }

    fn keeps(&self, path: &Path) -> bool {
        let folders: Vec<_> = path.iter().rev().collect();
        folders.get(1).is_some_and(|folder| *folder == "sessions")
            && folders.get(3).is_some_and(|folder| *folder == "agents")
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let is_own = |name: &str| name == "model-snapshot" || name.starts_with("openclaw");
        let is_marked = |record: &Value| record["customType"].as_str().is_some_and(is_own);
        sample.records.iter().any(is_marked) && Pi.recognises(sample)
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        parser::parse(parser::Dialect { tool: self.name(), title: self.title(), parent: None }, log, sink)
    }
}

/// Whether a name is that of a conversation, or of one that ended when a new one began. What a person deleted, what
/// a compaction copied and what was traced is not.
fn is_session(name: &str) -> bool {
    let Some((stem, rest)) = name.split_once('.') else { return false };
    !stem.is_empty() && (rest == "jsonl" || rest.starts_with("jsonl.reset."))
}

/// The Oh My Pi reader.
pub(in crate::agents) struct OhMyPi;

/// The types of entries that only it writes.
const OWN: [&str; 6] =
    ["title_change", "ttsr_injection", "session_init", "mode_change", "service_tier_change", "credential_pin"];

/// How deep logs of subagents may lie below that of the session.
const DEPTH: usize = 4;

impl Agent for OhMyPi {
    fn name(&self) -> &'static str {
        "oh-my-pi"
    }

    fn title(&self) -> &'static str {
        "Oh My Pi"
    }

    // The names of the folders depend on the home they were made in, so the scope's folder is not asked. Where
    // `PI_CODING_AGENT_DIR` names the folder, Pi's reader finds the logs, and their content tells whose they are.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let Some(home) = environment.home() else { return Vec::new() };
        let config = environment.variable("PI_CONFIG_DIR").map_or_else(|| ".omp".into(), std::clone::Clone::clone);
        let mut found = Vec::new();
        for folder in folders::folders(&home.join(config).join("agent/sessions"), |_| true) {
            collect(&folder, DEPTH, &mut found);
        }
        folders::in_scope(found, scope)
    }

    fn forked_from(&self) -> Option<&'static str> {
        Some("pi")
    }

    fn keeps(&self, path: &Path) -> bool {
        path.iter().any(|folder| folder == ".omp")
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let is_own = |record: &Value| match record["type"].as_str() {
            Some("session") => record["titleSource"].is_string(),
            Some("title") => record["v"].is_number() && record["title"].is_string(),
            Some("model_change") => record["model"].is_string() && record["modelId"].is_null(),
            Some(kind) => OWN.contains(&kind),
            None => false,
        };
        Pi.recognises(sample) && sample.records.iter().any(is_own)
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let parent = log.path.and_then(parent);
        parser::parse(parser::Dialect { tool: self.name(), title: self.title(), parent }, log, sink)
    }
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<LogFile>) {
    found.extend(folders::files(folder, folders::is_jsonl));
    if depth > 0 {
        for below in folders::folders(folder, |_| true) {
            collect(&below, depth - 1, found);
        }
    }
}

/// The session that started the one whose log is at `path`: the log beside the folder that this one is in.
fn parent(path: &Path) -> Option<String> {
    /// Where the first entries of a log are, in bytes.
    const HEAD: u64 = 16 * 1024;
    let folder = path.parent()?;
    let log = folder.with_file_name(format!("{}.jsonl", folder.file_name()?.to_str()?));
    let mut head = Vec::new();
    files::open(&log, files::STREAMED).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    let head = String::from_utf8_lossy(&head);
    let mut entries = head.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok());
    let session = entries.find(|entry| entry.get("type").is_some_and(|kind| kind == "session"));
    session?.get("id")?.as_str().map(str::to_owned)
}
