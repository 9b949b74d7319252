//! Cline: the folder of a task, and the messages of the later programs that share one core.
//!
//! Learned from public fixtures and from the public source of `cline` (`ExtensionMessage`,
//! `disk`, `sdk/packages/core`). Its forks write the same files: see [`Fork`].

mod fork;
mod load;
mod message;
mod tool;
mod xml;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning, folders};
use crate::{environment::Environment, hail::Sink};

pub(super) use fork::{KILO_CODE, ROO_CODE};

/// The conversation of a task, as the model saw it.
const HISTORY: &str = "api_conversation_history.json";
/// What the window showed of it, with the time of everything and what it cost.
const WINDOW: &str = "ui_messages.json";
/// Which models and versions took part.
const METADATA: &str = "task_metadata.json";
/// What the list of tasks of a fork says of one.
const ITEM: &str = "history_item.json";

/// The Cline parser.
pub(super) struct Cline;

impl Agent for Cline {
    fn name(&self) -> &'static str {
        "cline"
    }

    fn title(&self) -> &'static str {
        "Cline"
    }

    // The folders are named by the time, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let mut folders = task_folders(environment, "saoudrizwan.claude-dev");
        folders.extend(environment.folder("CLINE_DIR", ".cline").map(|cline| cline.join("data/tasks")));
        let mut found: Vec<LogFile> = folders.iter().flat_map(|tasks| tasks_in(tasks)).collect();
        if let Some(home) = environment.folder("CLINE_DIR", ".cline") {
            found.extend(sessions_in(&home.join("data/sessions")));
        }
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.document.as_ref().map_or_else(|| is_task(sample), is_store)
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        message::write("cline", load::load("cline", log)?, sink)
    }

    fn working_directory<'s>(&self, _: &'s Sample) -> Option<&'s str> {
        None
    }
}

/// Whether a file is one of a task: its conversation, or what the window showed.
fn is_task(sample: &Sample) -> bool {
    let is_list = sample.text.trim_start_matches('\u{feff}').trim_start().starts_with('[');
    is_list && sample.records.first().is_some_and(|record| is_message(record) || is_window_message(record))
}

/// Whether a document is a store of messages of the later programs.
fn is_store(document: &Map<String, Value>) -> bool {
    document.get("sessionId").is_some_and(Value::is_string)
        && document.get("version").is_some_and(Value::is_number)
        && document.contains_key("messages")
        && document.contains_key("updated_at")
}

/// Whether a document is the conversation of a task as later versions of a fork write it.
fn is_versioned(document: &Map<String, Value>) -> bool {
    let is_known = |key: &String| matches!(key.as_str(), "version" | "messages");
    let messages = document.get("messages").and_then(Value::as_array);
    document.get("version").is_some_and(|version| version == 2)
        && document.keys().all(is_known)
        && messages.and_then(|messages| messages.first()).is_some_and(is_message)
}

/// Whether a record is a message of a task's conversation.
fn is_message(record: &Value) -> bool {
    let is_role = matches!(record.get("role").and_then(Value::as_str), Some("user" | "assistant"));
    let is_content =
        |content: &Value| content.is_string() || content.as_array().is_some_and(|all| all.iter().all(is_block));
    is_role && record.get("created").is_none() && record.get("content").is_some_and(is_content)
}

fn is_block(block: &Value) -> bool {
    block.get("type").is_some_and(Value::is_string)
}

/// Whether a record is something that the window showed.
fn is_window_message(record: &Value) -> bool {
    let is_kind = matches!(record.get("type").and_then(Value::as_str), Some("say" | "ask"));
    is_kind && record.get("ts").is_some_and(Value::is_number)
}

/// The folders of tasks that an extension has in the editors of this machine and in those that are served here.
fn task_folders(environment: &Environment, extension: &str) -> Vec<PathBuf> {
    const EDITORS: [&str; 5] = ["Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf"];
    let Some(home) = environment.home() else { return Vec::new() };
    let store = format!("User/globalStorage/{extension}/tasks");
    let configs = environment.folder("XDG_CONFIG_HOME", ".config").into_iter();
    let editors = configs.chain([home.join("Library/Application Support")]);
    let mut found: Vec<PathBuf> =
        editors.flat_map(|config| EDITORS.map(|editor| config.join(editor).join(&store))).collect();
    found.extend([".vscode-server/data", ".cursor-server/data"].map(|server| home.join(server).join(&store)));
    found
}

fn tasks_in(folder: &Path) -> Vec<LogFile> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let log = |task: PathBuf| {
        let log = LogFile::at(task.join(HISTORY))?;
        let window = task.join(WINDOW).metadata().and_then(|metadata| metadata.modified());
        let modified = window.map_or(log.modified, |window| window.max(log.modified));
        Some(LogFile { modified, ..log })
    };
    entries.filter_map(|entry| log(entry.path())).collect()
}

fn sessions_in(folder: &Path) -> Vec<LogFile> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let files = entries.flat_map(|session| session.path().read_dir().into_iter().flatten().flatten());
    files
        .filter(|file| file.file_name().to_string_lossy().ends_with(".messages.json"))
        .filter_map(|file| LogFile::of(&file))
        .collect()
}
