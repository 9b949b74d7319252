//! Finds the logs: `projects/<folder>/<session>.jsonl` and those of subagents beside or below, those of a
//! workflow in `<session>/subagents/workflows/<run>`.

use std::{
    collections::HashSet,
    fs::{self, DirEntry},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};

use serde::Deserialize;

use super::super::{LogFile, Scope, folders};
use crate::{
    environment::Environment,
    hail::{Lines, Scanner, hash},
    system::files,
};

/// Subagents that only repeat the history of their parent.
const COPIES: [&str; 2] = ["agent-acompact-", "agent-aside_question-"];

/// How deep logs may lie below the folder of a session's subagents.
const DEPTH: usize = 4;

/// The logs that may belong to `scope`, sorted by path.
pub(super) fn logs(environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
    let names = scope.folder.map(Names::of);
    let mut found = Vec::new();
    let projects = homes(environment).into_iter().flat_map(|home| entries(&home.join("projects")));
    for project in projects {
        let name = project.file_name();
        if names.as_ref().is_none_or(|names| names.may_hold(&name.to_string_lossy())) {
            collect(&project.path(), &mut found);
        }
    }
    folders::in_scope(found, scope)
}

fn collect(project: &Path, found: &mut Vec<LogFile>) {
    for entry in entries(project) {
        if has_log_name(&entry) {
            found.extend(LogFile::of(&entry));
        } else if entry.path().extension().is_none() {
            collect_below(&entry.path().join("subagents"), DEPTH, found);
        }
    }
}

fn collect_below(folder: &Path, depth: usize, found: &mut Vec<LogFile>) {
    for entry in entries(folder) {
        if has_log_name(&entry) {
            found.extend(LogFile::of(&entry));
        } else if depth > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect_below(&entry.path(), depth - 1, found);
        }
    }
}

/// The folders of the program: those that the environment names, else both that it has had.
fn homes(environment: &Environment) -> Vec<PathBuf> {
    if let Some(named) = environment.variable("CLAUDE_CONFIG_DIR") {
        let one = PathBuf::from(named);
        return match named.to_str().filter(|named| named.contains(',') && !one.exists()) {
            Some(several) => several.split(',').map(|folder| PathBuf::from(folder.trim())).collect(),
            None => vec![one],
        };
    }
    let Some(home) = environment.home() else { return Vec::new() };
    let configuration = environment.variable("XDG_CONFIG_HOME").map_or_else(|| home.join(".config"), PathBuf::from);
    vec![home.join(".claude"), configuration.join("claude")]
}

/// The folder of the session that started the subagent whose log is at `path`.
pub(super) fn session_folder(path: &Path) -> Option<&Path> {
    path.ancestors().find(|folder| folder.ends_with("subagents"))?.parent()
}

/// The hashes of the ids of the records that a fork copied from the session that started it, where the log at
/// `path` is one: the file beside it says so.
pub(super) fn copied_ids(path: &Path) -> Option<HashSet<u64>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Meta {
        #[serde(default)]
        is_fork: bool,
        #[serde(default)]
        agent_type: Option<String>,
    }
    /// The largest file that says what a subagent is, in bytes.
    const MAX_META: u64 = 64 * 1024;
    let stem = path.file_stem()?.to_str().filter(|stem| stem.starts_with("agent-"))?;
    let meta = files::open(&path.with_file_name(format!("{stem}.meta.json")), MAX_META).ok()?;
    let meta: Meta = serde_json::from_reader(BufReader::new(meta)).ok()?;
    if !meta.is_fork && meta.agent_type.as_deref() != Some("fork") {
        return None;
    }
    let session = session_folder(path)?;
    let log = session.with_file_name(format!("{}.jsonl", session.file_name()?.to_str()?));
    Some(ids_in(&mut Lines::new(BufReader::new(files::open(&log, files::STREAMED).ok()?))))
}

/// The hashes of the ids of a log's records.
fn ids_in(lines: &mut Lines<impl BufRead>) -> HashSet<u64> {
    let mut ids = HashSet::new();
    while let Ok(Some(line)) = lines.next_line() {
        let Ok(text) = line.text else { continue };
        let mut id = None;
        Scanner::new(text).object(|scanner, key| {
            match key {
                "uuid" if !scanner.is_at_null() => id = Some(hash(&*scanner.string()?)),
                _ => scanner.skip()?,
            }
            Some(())
        });
        ids.extend(id);
    }
    ids
}

fn has_log_name(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let name = name.to_string_lossy();
    name.ends_with(".jsonl") && !COPIES.iter().any(|prefix| name.starts_with(prefix))
}

fn entries(folder: &Path) -> Vec<DirEntry> {
    fs::read_dir(folder).into_iter().flatten().flatten().collect()
}

/// The names that project folders have for sessions in, above or below a folder.
struct Names {
    above: Vec<String>,
    below: Vec<String>,
}

impl Names {
    fn of(folder: &Path) -> Self {
        let mut names = Self { above: Vec::new(), below: Vec::new() };
        let canonical = folder.canonicalize().ok();
        for folder in [Some(folder), canonical.as_deref()].into_iter().flatten() {
            for encode in [encoded, with_dashes] {
                names.above.extend(folder.ancestors().map(encode));
                names.below.push(format!("{}-", encode(folder).trim_end_matches('-')));
            }
        }
        names
    }

    fn may_hold(&self, name: &str) -> bool {
        self.above.iter().any(|above| above == name) || self.below.iter().any(|below| name.starts_with(below))
    }
}

/// The folder's name today: every character but ASCII letters and digits becomes a dash.
fn encoded(folder: &Path) -> String {
    let dash = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    folder.to_string_lossy().chars().map(dash).collect()
}

/// The folder's name in early versions.
fn with_dashes(folder: &Path) -> String {
    folder.to_string_lossy().replace(['/', '\\'], "-")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Names;

    #[test]
    fn a_folder_is_found_under_its_own_name_and_those_above_and_below() {
        let names = Names::of(Path::new("/home/ann/my.app"));
        for name in ["-home-ann-my-app", "-home-ann-my.app", "-home-ann", "-", "-home-ann-my-app-web"] {
            assert!(names.may_hold(name), "{name}");
        }
        for name in ["-home-ann-my-apple", "-home-ann-other", "-home-bob"] {
            assert!(!names.may_hold(name), "{name}");
        }
    }
}
