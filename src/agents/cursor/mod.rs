//! Cursor: the databases of the editor, of 2024 and of 2025 on, the stores of the command line, and the transcripts
//! of its agent.
//!
//! Learned from public logs and from public descriptions of the databases. A database of the editor holds many
//! conversations; a store holds one, without the times of its messages; a transcript holds one without ids, too.

mod composer;
mod database;
mod session;
mod speech;
mod store;
mod tool;
mod transcript;
mod wire;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning, database as sqlite, folders};
use crate::{
    system::files,
    {environment::Environment, hail::Sink},
};

/// The Cursor parser.
pub(super) struct Cursor;

impl Agent for Cursor {
    fn name(&self) -> &'static str {
        "cursor"
    }

    fn title(&self) -> &'static str {
        "Cursor"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let Some(home) = environment.home() else { return Vec::new() };
        let linux = environment.folder("XDG_CONFIG_HOME", ".config").map(|config| config.join("Cursor/User"));
        let users = linux.into_iter().chain([home.join("Library/Application Support/Cursor/User")]);
        let mut found: Vec<LogFile> = users.flat_map(|user| databases(&user)).collect();
        found.extend(transcripts(&home.join(".cursor/projects"), scope.folder));
        found.extend(stores(&home.join(".cursor/chats")));
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.tables.iter().any(|table| matches!(table.as_str(), "cursorDiskKV" | "ItemTable"))
            || store::is_store(&sample.tables)
            || (sample.document.is_none() || sample.records.len() == 1)
                && sample.records.first().is_some_and(is_transcript_line)
    }

    fn sessions(&self, log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
        if !is_database(&log.path) {
            return Ok(vec![log.clone()]);
        }
        if store::is_at(&log.path)? {
            return Ok(vec![log.clone()]);
        }
        Ok(database::conversations(&log.path)?.into_iter().map(|(id, changed)| log.part(id, changed)).collect())
    }

    fn is_appended(&self, path: &Path) -> bool {
        path.extension().is_some_and(|extension| extension == "jsonl")
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        match log.path.filter(|path| is_database(path)) {
            Some(path) if store::is_at(path)? => session::write(path, store::load(path)?, sink),
            Some(path) => composer::write(database::load(path, log.part)?, sink),
            None => transcript::write(log, sink),
        }
    }

    fn working_directory<'s>(&self, _: &'s Sample) -> Option<&'s str> {
        None
    }
}

fn is_database(path: &Path) -> bool {
    files::read_head(path, 16).is_ok_and(|head| sqlite::is_database(&head))
}

/// Whether a record is a line of a transcript: who spoke and what, and nothing that tells when.
fn is_transcript_line(record: &Value) -> bool {
    let is_role = matches!(record.get("role").and_then(Value::as_str), Some("user" | "assistant"));
    let content = record.get("message").and_then(|message| message.get("content"));
    is_role
        && content.is_some_and(|content| content.is_array() || content.is_string())
        && ["type", "uuid", "sessionId", "id", "timestamp"].into_iter().all(|key| record.get(key).is_none())
}

/// The databases of a user: one for all, and one for each folder that was opened.
fn databases(user: &Path) -> Vec<LogFile> {
    let spaces = folders(&user.join("workspaceStorage"));
    let places = spaces.into_iter().chain([user.join("globalStorage")]);
    let logs = places.filter_map(|place| LogFile::at(place.join("state.vscdb")));
    logs.map(|log| LogFile { modified: sqlite::modified(&log.path, log.modified), ..log }).collect()
}

/// The stores of the command line: `<hash of the folder>/<id>/store.db`.
fn stores(chats: &Path) -> Vec<LogFile> {
    let sessions = folders(chats).into_iter().flat_map(|space| folders(&space));
    let logs = sessions.filter_map(|session| LogFile::at(session.join("store.db")));
    logs.map(|log| LogFile { modified: sqlite::modified(&log.path, log.modified), ..log }).collect()
}

/// The transcripts: `<project>/agent-transcripts/<id>/<id>.jsonl`, those of subagents below.
fn transcripts(projects: &Path, wanted: Option<&Path>) -> Vec<LogFile> {
    let mut found = Vec::new();
    for project in folders(projects) {
        let name = project.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if wanted.is_none_or(|wanted| may_be_near(&name, wanted)) {
            collect(&project.join("agent-transcripts"), 2, &mut found);
        }
    }
    found
}

fn collect(folder: &Path, depth: usize, found: &mut Vec<LogFile>) {
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && depth > 0 {
            collect(&path, depth - 1, found);
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            found.extend(LogFile::of(&entry));
        }
    }
}

/// Whether a project's name, its path with every other character replaced by `-`, can be of
/// `folder`, of one below it or of one above.
fn may_be_near(name: &str, folder: &Path) -> bool {
    let slug: String =
        folder.to_string_lossy().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let (name, slug) = (name.trim_matches('-'), slug.trim_matches('-'));
    let is_below =
        |one: &str, other: &str| one.strip_prefix(other).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    is_below(name, slug) || is_below(slug, name)
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}
