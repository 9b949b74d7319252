//! Finds the logs: `projects/<folder>/<session>.jsonl` and those of subagents beside or below.

use std::{
    fs::{self, DirEntry},
    path::Path,
};

use super::super::{LogFile, Scope, folders};
use crate::environment::Environment;

/// Subagents that only repeat the history of their parent.
const COPIES: [&str; 2] = ["agent-acompact-", "agent-aside_question-"];

/// The logs that may belong to `scope`, sorted by path.
pub(super) fn logs(environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
    let Some(home) = environment.folder("CLAUDE_CONFIG_DIR", ".claude") else { return Vec::new() };
    let names = scope.folder.map(Names::of);
    let mut found = Vec::new();
    for project in entries(&home.join("projects")) {
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
            let below = entries(&entry.path().join("subagents")).into_iter().filter(has_log_name);
            found.extend(below.filter_map(|entry| LogFile::of(&entry)));
        }
    }
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
