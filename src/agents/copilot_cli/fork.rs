//! Tells a session that was forked: its log begins with a copy of another one, records, ids and times alike.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::transcript::Facts;
use crate::{
    hail::{Timestamp, title_of},
    system::files,
};

/// How many records at the beginning are looked for in other logs.
const MAX_LOOKS: usize = 5;
/// How much of another log is searched, in bytes: the first records are there.
const HEAD_BYTES: u64 = 256 * 1024;

/// `workspace.yaml` beside a log.
struct Workspace(String);

impl Workspace {
    fn beside(log: &Path) -> Option<Self> {
        files::read_text(&log.with_file_name("workspace.yaml"), files::SMALL).ok().map(Self)
    }

    /// A value at the top; one of several lines is not read.
    fn value(&self, key: &str) -> Option<String> {
        let line = self.0.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        let plain = line.trim().trim_matches(['"', '\'']);
        (!plain.is_empty() && !plain.starts_with(['|', '>'])).then(|| plain.to_owned())
    }
}

/// Takes what `workspace.yaml` beside the log says and the log does not.
pub(super) fn take_workspace(log: &Path, facts: &mut Facts) {
    let Some(workspace) = Workspace::beside(log) else { return };
    let value = |key: &str| workspace.value(key);
    facts.title = facts.title.take().or_else(|| value("name").or_else(|| value("summary")).as_deref().map(title_of));
    facts.cwd = facts.cwd.take().or_else(|| value("cwd"));
    facts.branch = facts.branch.take().or_else(|| value("branch"));
}

/// What is known of a fork.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Fork {
    /// When the session's own folder was made, where the log is in one.
    pub(super) began: Option<Timestamp>,
    /// The session that its first records are of.
    pub(super) parent: Option<String>,
    /// How many records were copies.
    pub(super) copied: usize,
    looks: usize,
    log: PathBuf,
}

impl Fork {
    pub(super) fn of(log: &Path) -> Self {
        let began = Workspace::beside(log).and_then(|workspace| workspace.value("created_at")?.parse().ok());
        Self { began, log: log.to_owned(), ..Self::default() }
    }

    /// Whether a record is a copy: older than the session, and of another one, which is still there.
    pub(super) fn is_copy(&mut self, id: &str, time: Option<Timestamp>) -> bool {
        let is_older = time.zip(self.began).is_some_and(|(time, began)| time < began);
        if is_older && self.parent.is_none() && self.looks < MAX_LOOKS {
            self.looks += 1;
            self.parent = self.find(id);
        }
        let is_copy = is_older && self.parent.is_some();
        self.copied += usize::from(is_copy);
        is_copy
    }

    /// The session whose log begins with a record of that id, too.
    fn find(&self, id: &str) -> Option<String> {
        let own = self.log.parent()?;
        let mut others: Vec<PathBuf> = own.parent()?.read_dir().ok()?.flatten().map(|entry| entry.path()).collect();
        others.sort();
        let spelled = format!("\"{id}\"");
        let has_it = |other: &PathBuf| {
            let head = files::read_head(&other.join("events.jsonl"), HEAD_BYTES).unwrap_or_default();
            head.windows(spelled.len()).any(|window| window == spelled.as_bytes())
        };
        let older = |other: &PathBuf| Self::of(&other.join("events.jsonl")).began < self.began;
        let parent = others.into_iter().find(|other| other != own && older(other) && has_it(other))?;
        Some(parent.file_name()?.to_str()?.to_owned())
    }
}
