//! Kiro IDE: logs of records from version 1.0 on, which Kiro CLI writes, too; documents before.
//!
//! Learned in November 2026 from public readers of its files and from the logs that they test with; no whole
//! log of a real session was seen. A document of the versions before has the prompts; what the agent did is in
//! an execution of its own for each answer.

mod document;
mod execution;
mod records;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning, editors, folders};
use crate::{environment::Environment, hail::Sink};

/// The reader of Kiro IDE.
pub(super) struct KiroIde;

impl Agent for KiroIde {
    fn name(&self) -> &'static str {
        "kiro-ide"
    }

    fn title(&self) -> &'static str {
        "Kiro IDE"
    }

    // The folders are named by hashes, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let mut found = Vec::new();
        if let Some(home) = environment.folder("KIRO_HOME", ".kiro") {
            for workspace in folders::folders(&home.join("sessions"), |name| name != "cli") {
                for session in folders::folders(&workspace, |_| true) {
                    found.extend(LogFile::at(session.join("messages.jsonl")));
                }
            }
        }
        found.extend(stores(environment).iter().flat_map(|store| documents(store)));
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.records.iter().any(records::is_record)
            || sample.document.as_ref().is_some_and(|document| is_session(document) || is_chat(document))
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        let document = sample.document.as_ref()?;
        ["workspaceDirectory", "workspacePath"].iter().find_map(|key| document.get(*key)?.as_str())
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let is_log = log.path.is_some_and(|path| folders::is_jsonl(&path.to_string_lossy()));
        if is_log || log.is_resumed() {
            return records::parse(log, sink);
        }
        let bytes = log.rest()?;
        let mut again = Log::new(bytes.as_slice(), log.path);
        let sample = Sample::read(bytes.as_slice())?;
        match &sample.document {
            Some(members) if !sample.records.iter().any(records::is_record) && !members.contains_key("payload") => {
                document::parse(&mut again, sink)
            }
            _ => records::parse(&mut again, sink),
        }
    }
}

/// Whether a document is a session; what lies beyond the sample is not asked. Continue, which it was made with,
/// writes documents that are the same but for what is asked here.
fn is_session(document: &Map<String, Value>) -> bool {
    let has = |key: &str| document.contains_key(key);
    let is_own = |entry: &Value| {
        entry.get("message").is_some_and(Value::is_object)
            && (entry.get("executionId").is_some() || entry.get("contextItems").is_none())
    };
    let history = document.get("history").and_then(Value::as_array);
    has("sessionId")
        && has("history")
        && (has("workspaceDirectory") || has("workspacePath"))
        && (has("selectedModel") || has("workspacePath") || history.is_some_and(|all| all.iter().any(is_own)))
}

/// Whether a document is what the first versions kept of one execution.
fn is_chat(document: &Map<String, Value>) -> bool {
    ["executionId", "chat", "metadata"].iter().all(|key| document.contains_key(*key))
}

/// The storage of the extension that is the agent.
fn stores(environment: &Environment) -> Vec<PathBuf> {
    let mut users = editors::of_editors(environment, &["Kiro"]);
    users.extend(environment.home().map(|home| home.join(".kiro-server/data/User")));
    users.into_iter().map(|user| user.join("globalStorage/kiro.kiroagent")).collect()
}

/// The documents of a store, but for those that the later versions took over: a mark beside tells.
fn documents(store: &Path) -> Vec<LogFile> {
    let mut found = Vec::new();
    for workspace in folders::folders(&store.join("workspace-sessions"), |_| true) {
        let files = folders::files(&workspace, |name| name != "sessions.json");
        let name = |log: &LogFile| log.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let marks: Vec<String> = files.iter().map(name).filter(|name| name.contains("migrat")).collect();
        let is_document = |log: &LogFile| {
            let name = name(log);
            let stem = name.trim_end_matches(".json");
            folders::has_extension(&name, "json")
                && !name.contains("migrat")
                && !marks.iter().any(|mark| mark.contains(stem))
        };
        found.extend(files.into_iter().filter(is_document));
    }
    found
}
