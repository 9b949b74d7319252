//! OpenCode: the document of `opencode export`, the file tree of its early versions, and the
//! database of the later ones.
//!
//! Learned from public logs and from the public source of `opencode` (`message-v2`, `session.sql`,
//! `json-migration`, `export`).

mod fork;
mod load;
mod message;
mod second;
mod session;
mod tool;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning, database, folders};
use crate::{environment::Environment, hail::Sink};

pub(super) use fork::{KILO, MIMO_CODE};

/// The OpenCode parser.
pub(super) struct OpenCode;

impl Agent for OpenCode {
    fn name(&self) -> &'static str {
        "opencode"
    }

    fn title(&self) -> &'static str {
        "OpenCode"
    }

    // The folders are named by a hash of the project, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        logs_of("opencode", Some("OPENCODE_DB"), environment, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        if load::is_store(&sample.tables) {
            return true;
        }
        let Some(document) = &sample.document else { return false };
        match document.get("info") {
            Some(info) => document.contains_key("messages") && is_session(info),
            None => !document.contains_key("messages") && is_session_document(document),
        }
    }

    fn sessions(&self, log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
        sessions_of(log)
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        session::write(load::load(log)?, sink)
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        let document = sample.document.as_ref()?;
        document.get("info").and_then(|info| info.get("directory")).or_else(|| document.get("directory"))?.as_str()
    }
}

/// The logs of a program whose data are in a folder of that name.
fn logs_of(name: &str, variable: Option<&str>, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
    let Some(home) = environment.folder("XDG_DATA_HOME", ".local/share") else { return Vec::new() };
    let home = home.join(name);
    let mut found = databases(&home, variable, environment);
    // The database took over what the files hold; they stay behind as they were then.
    if found.is_empty() {
        found = sessions_in_files(&home.join("storage"));
    }
    folders::in_scope(found, scope)
}

fn sessions_of(log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
    if !is_database_file(&log.path) {
        return Ok(vec![log.clone()]);
    }
    Ok(load::sessions(&log.path)?.into_iter().map(|(id, updated)| log.part(id, updated)).collect())
}

/// Whether a value is what OpenCode knows of a session.
fn is_session(info: &Value) -> bool {
    info.as_object().is_some_and(is_session_document)
}

fn is_session_document(info: &serde_json::Map<String, Value>) -> bool {
    let is_text = |key: &str| info.get(key).is_some_and(Value::is_string);
    let created = info.get("time").and_then(|time| time.get("created"));
    is_text("id")
        && is_text("title")
        && created.is_some_and(Value::is_number)
        && (is_text("directory") || is_text("version"))
}

fn is_database_file(path: &Path) -> bool {
    load::head(path).is_ok_and(|head| database::is_database(&head))
}

/// The databases: of the released program, and of other channels beside it.
fn databases(home: &Path, variable: Option<&str>, environment: &Environment) -> Vec<LogFile> {
    let mut paths: Vec<PathBuf> = names(home).into_iter().map(|name| home.join(name)).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "db"));
    if let Some(path) = variable.and_then(|variable| environment.variable(variable)) {
        paths.push(home.join(path));
    }
    paths.sort();
    paths.dedup();
    let log = |path: PathBuf| {
        let log = LogFile::at(path)?;
        Some(LogFile { modified: database::modified(&log.path, log.modified), ..log })
    };
    paths.into_iter().filter_map(log).collect()
}

/// The sessions of the file tree: `session/<project>/<session>.json`.
fn sessions_in_files(storage: &Path) -> Vec<LogFile> {
    let sessions = storage.join("session");
    let mut found = Vec::new();
    for project in names(&sessions) {
        let Ok(entries) = sessions.join(project).read_dir() else { continue };
        let logs = entries.flatten().filter(|entry| entry.path().extension().is_some_and(|end| end == "json"));
        found.extend(logs.filter_map(|entry| LogFile::of(&entry)).map(|log| {
            let modified = last_change(storage, &log);
            LogFile { modified, ..log }
        }));
    }
    found
}

/// When a session last changed: its own file says little after it began, its last message more.
fn last_change(storage: &Path, log: &LogFile) -> std::time::SystemTime {
    let Some(id) = log.path.file_stem() else { return log.modified };
    let messages = storage.join("message").join(id);
    // Names are made of the time: the last one is of the newest message.
    let last = names(&messages).into_iter().max();
    let parts = last.as_ref().and_then(|name| Some(storage.join("part").join(Path::new(name).file_stem()?)));
    let places = [Some(messages.clone()), last.map(|name| messages.join(name)), parts];
    let times = places.into_iter().flatten().filter_map(|place| place.metadata().ok()?.modified().ok());
    times.max().map_or(log.modified, |time| time.max(log.modified))
}

/// The names in a folder, none where there is no such folder.
fn names(folder: &Path) -> Vec<std::ffi::OsString> {
    folder.read_dir().into_iter().flatten().flatten().map(|entry| entry.file_name()).collect()
}
