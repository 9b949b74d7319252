//! Finds the logs, and the directory whose hash a log has.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::super::{LogFile, Scope, folders};
use crate::{
    system::files,
    {environment::Environment, hail::ObjectHash},
};

/// The logs below `tmp/<project>/chats`, sorted by path. A project's folder is named by the hash of
/// its directory or by a short name, so neither tells what lies below the scope's folder.
pub(super) fn logs(environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
    let home = environment.variable("GEMINI_CLI_HOME").map(PathBuf::from).or_else(|| environment.home());
    let mut found = Vec::new();
    for project in home.iter().flat_map(|home| folders::folders(&home.join(".gemini/tmp"), |_| true)) {
        let chats = project.join("chats");
        found.extend(folders::files(&chats, |name| name.starts_with("session-") && is_log(&chats, name)));
        for parent in folders::folders(&chats, |_| true) {
            found.extend(folders::files(&parent, |name| is_log(&parent, name)));
        }
    }
    folders::in_scope(found, scope)
}

/// Whether a file is a log: not the document that a log of operations was begun from, which stays
/// beside it.
fn is_log(folder: &Path, name: &str) -> bool {
    folders::is_jsonl(name) || folders::has_extension(name, "json") && !folder.join(format!("{name}l")).exists()
}

/// The session that a subagent's log belongs to: the name of its folder below `chats`.
pub(super) fn parent(log: &Path) -> Option<&str> {
    let folder = log.parent()?;
    let is_below_chats = folder.parent()?.file_name()? == OsStr::new("chats");
    folder.file_name()?.to_str().filter(|_| is_below_chats)
}

/// The directory with that hash, from what the program keeps beside its logs.
pub(super) fn directory(log: &Path, hash: &str) -> Option<String> {
    let chats = log.ancestors().find(|folder| folder.file_name() == Some(OsStr::new("chats")))?;
    let project = chats.parent()?;
    let is_it = |folder: &String| ObjectHash::of(folder.as_bytes()).to_string() == hash;
    let noted = files::read_text(&project.join(".project_root"), files::SMALL).ok().map(|root| root.trim().to_owned());
    noted.filter(is_it).or_else(|| {
        let registry = files::read_text(&project.parent()?.parent()?.join("projects.json"), files::SMALL).ok()?;
        let registry: Value = serde_json::from_str(&registry).ok()?;
        registry.get("projects")?.as_object()?.keys().find(|folder| is_it(folder)).cloned()
    })
}
