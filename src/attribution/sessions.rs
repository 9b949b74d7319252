//! What sessions did to the files of a repository, and what of a commit is theirs.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
};

use super::{
    diff::FileDiff,
    evidence::Evidence,
    file_path::FilePath,
    matching::{self, Edit, FileMatch, Index, Moment},
    prompt::PromptAt,
    shell::Commits,
    store::{Lines, StoredEdit},
    writes::{Call, What, Writes},
};
use crate::{
    git::Repository,
    hail::{Header, SessionId, Timestamp},
    logs::{absolute, below, in_roots},
};

/// How much earlier or later than a call the commit may be that it made, in milliseconds: git counts seconds.
const CALL_SLACK: i64 = 1_500;
/// How long a command takes that makes a commit, with its checks, in milliseconds.
const CALL_DURATION: i64 = 10 * 60 * 1000;

/// What sessions did to the files of a repository.
#[derive(Debug, Default)]
pub struct Sessions {
    all: Vec<Known>,
    by_id: HashMap<SessionId, usize>,
    index: Index,
    edits: Vec<EditDetail>,
    /// Files that were deleted, moved or changed without lines.
    changes: Vec<PathChange>,
    names: HashMap<String, usize>,
}

/// A session.
#[derive(Debug)]
pub struct Known {
    /// Its id.
    pub id: SessionId,
    /// What is known of it.
    pub header: Header,
    /// Its commands.
    pub calls: Vec<Call>,
}

/// Where in its session an edit is.
#[derive(Clone, Debug)]
pub struct EditDetail {
    /// The session: its place.
    pub session: usize,
    /// The event.
    pub event: String,
    /// The prompt that led to it.
    pub prompt: Option<PromptAt>,
    /// What the agent said last before it.
    pub answer: Option<String>,
    /// When it was done.
    pub at: Timestamp,
}

/// A file that a session deleted, moved, or changed without lines.
#[derive(Debug)]
struct PathChange {
    session: usize,
    file: FilePath,
    /// The old path, where it was moved.
    from: Option<FilePath>,
    is_deleted: bool,
    at: Timestamp,
}

/// What is known of a commit.
#[derive(Clone, Debug)]
pub struct CommitFacts {
    /// Its id in hex.
    pub id: String,
    /// The first line of its message.
    pub subject: String,
    /// When it was written and when it was committed.
    pub author_time: Timestamp,
    /// When it was committed.
    pub commit_time: Timestamp,
    /// When its first parent was written.
    pub since: Option<Timestamp>,
    /// Whether it has several parents.
    pub is_merge: bool,
    /// Whether lines count that the history before had already, where a session wrote several of them.
    pub with_moved: bool,
}

/// What a commit changed.
#[derive(Clone, Debug, Default)]
pub struct CommitDiff {
    /// The files of text, line by line.
    pub files: Vec<FileDiff>,
    /// The files that have no lines to compare.
    pub others: Vec<OtherChange>,
}

/// A change without lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherChange {
    /// The path: the new one, of a deleted file the old one.
    pub path: String,
    /// The old path of a renamed file.
    pub old_path: Option<String>,
    /// Whether the file is gone.
    pub is_deleted: bool,
}

/// The part that a session has in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The session: its place.
    pub session: usize,
    /// How it is known.
    pub evidence: Evidence,
    /// How many lines of the commit it wrote or removed.
    pub lines: usize,
    /// The edit that did so last.
    pub last_edit: Option<usize>,
}

/// What of a commit is whose.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// The sessions, each once, in the order in which they began to take part.
    pub parts: Vec<Part>,
    /// How many lines the commit adds, or removes without replacing them; blank ones do not count.
    pub of_lines: usize,
    /// The lines, file by file as in the diff.
    pub files: Vec<FileMatch>,
}

impl Sessions {
    /// Adds what a session, or a stretch of its log, did. `roots` are the folders of the repository where the log
    /// was written; without one of them its paths are those of another machine.
    pub fn add(&mut self, mut writes: Writes, roots: &[PathBuf]) {
        writes.finish();
        let Some(header) = writes.header.take() else { return };
        let id = super::writes::credited(&header);
        let cwd = header.cwd().map(str::to_owned);
        let session = *self.by_id.entry(id.clone()).or_insert_with(|| {
            self.all.push(Known { id, header, calls: Vec::new() });
            self.all.len() - 1
        });
        for write in writes.writes {
            let directory = write.directory.as_deref().or(cwd.as_deref());
            let file = resolve(&write.path, directory, roots);
            match write.what {
                What::Lines { added, removed, is_whole } => {
                    *self.names.entry(file.name().to_owned()).or_default() += 1;
                    self.index.add(Edit { session, file, at: write.at, is_whole }, &added, &removed);
                    let prompt = write.prompt.and_then(|prompt| writes.prompts.get(prompt)).cloned();
                    let answer = write.answer.and_then(|answer| writes.answers.get(answer)).cloned();
                    self.edits.push(EditDetail { session, event: write.event, prompt, answer, at: write.at });
                }
                What::Deleted => self.change(session, file, None, true, write.at),
                What::Moved { from } => {
                    let from = resolve(&from, directory, roots);
                    self.change(session, file, Some(from), false, write.at);
                }
                What::Changed | What::Anything => {}
            }
        }
        self.all[session].calls.append(&mut writes.calls);
    }

    /// Adds an edit of the store, with as many of its lines as are wanted. Edits keep the places in which they come.
    pub fn add_edit(&mut self, edit: &StoredEdit, lines: &Lines) {
        let places = self.by_id.len();
        let session = *self.by_id.entry(edit.session.clone()).or_insert(places);
        let StoredEdit { file, at, is_whole, .. } = edit;
        let (at, event) = (*at, String::new());
        self.index.add(Edit { session, file: file.clone(), at, is_whole: *is_whole }, &lines.added, &lines.removed);
        self.edits.push(EditDetail { session, event, prompt: None, answer: None, at });
    }

    fn change(&mut self, session: usize, file: FilePath, from: Option<FilePath>, is_deleted: bool, at: Timestamp) {
        self.changes.push(PathChange { session, file, from, is_deleted, at });
    }

    /// The sessions.
    #[must_use]
    pub fn all(&self) -> &[Known] {
        &self.all
    }

    /// Where an edit is.
    #[must_use]
    pub fn edit(&self, place: usize) -> Option<&EditDetail> {
        self.edits.get(place)
    }

    /// Whether a session wrote lines in a file of that name.
    #[must_use]
    pub fn knows_name(&self, path: &str) -> bool {
        self.names.contains_key(path.rsplit('/').next().unwrap_or(path))
    }

    /// What of a commit is whose.
    #[must_use]
    pub fn parts(&self, commit: &CommitFacts, diff: &CommitDiff) -> Parts {
        let after = |time: Timestamp| Timestamp::from_seconds(time.seconds() + 60).unwrap_or(time);
        let until = after(commit.author_time.max(commit.commit_time));
        let moment =
            Moment { until, written: after(commit.author_time), since: commit.since, with_moved: commit.with_moved };
        let files = matching::find(&self.index, &diff.files, moment);
        let mut found: BTreeMap<usize, Part> = BTreeMap::new();
        let mut of_lines = 0;
        for line in files.iter().flat_map(|file| file.added.iter().chain(&file.removed)) {
            of_lines += 1;
            let Some(edit) = line.edit else { continue };
            let session = self.edits[edit].session;
            let part =
                found.entry(session).or_insert(Part { session, evidence: Evidence::Lines, lines: 0, last_edit: None });
            part.lines += 1;
            part.last_edit = part.last_edit.max(Some(edit));
        }
        for change in &diff.others {
            if let Some(session) = self.changer(change, commit.since, until) {
                found.entry(session).or_insert(Part { session, evidence: Evidence::Paths, lines: 0, last_edit: None });
            }
        }
        for (session, known) in self.all.iter().enumerate() {
            if known.calls.iter().any(|call| made(call, commit)) {
                let part = found.entry(session);
                part.or_insert(Part { session, evidence: Evidence::Committed, lines: 0, last_edit: None }).evidence =
                    Evidence::Committed;
            }
        }
        Parts { parts: found.into_values().collect(), of_lines, files }
    }

    /// The session that deleted or moved a file last, since the history before.
    fn changer(&self, change: &OtherChange, since: Option<Timestamp>, until: Timestamp) -> Option<usize> {
        let is_it = |candidate: &&PathChange| {
            let is_new = since.is_none_or(|since| candidate.at >= since) && candidate.at <= until;
            let old = change.old_path.as_deref();
            let is_same = match (&candidate.from, old) {
                (Some(from), Some(old)) => from.is(old) && candidate.file.is(&change.path),
                (None, None) => candidate.file.covers(&change.path),
                _ => false,
            };
            is_new && is_same && candidate.is_deleted == change.is_deleted
        };
        self.changes.iter().filter(is_it).max_by_key(|candidate| candidate.at).map(|candidate| candidate.session)
    }
}

/// Whether a call made a commit: its output names it, or the commit was made while it ran, with the message that it
/// gave. A call may have waited long for a permission, so that only its end says when it ran.
fn made(call: &Call, commit: &CommitFacts) -> bool {
    if call.named.iter().any(|id| commit.id.starts_with(id.as_str())) {
        return true;
    }
    let Some(until) = call.until.filter(|_| call.commits == Commits::Directly) else { return false };
    let has_message = [" -m", "-F", "--message", "--file"].iter().any(|option| call.command.contains(option));
    let says_so = !commit.subject.is_empty() && call.command.contains(&commit.subject);
    let from = call.from.millis().max(until.millis() - CALL_DURATION) - CALL_SLACK;
    let is_within = |time: Timestamp| (from..=until.millis() + CALL_SLACK).contains(&time.millis());
    let is_known_otherwise = has_message || !call.named.is_empty();
    // Whose history was rewritten has its author's time still.
    (is_within(commit.commit_time) || is_within(commit.author_time)) && (says_so || !is_known_otherwise)
}

/// The folders of a repository, as git and as the kernel names them.
#[must_use]
pub fn roots(repository: &Repository) -> Vec<PathBuf> {
    let mut roots = repository.work_trees();
    let real: Vec<PathBuf> = roots.iter().filter_map(|root| root.canonicalize().ok()).collect();
    roots.extend(real.into_iter().filter(|real| !roots.contains(real)).collect::<Vec<_>>());
    roots
}

/// A path of a session as it is in the repository.
pub(super) fn resolve(path: &str, directory: Option<&str>, roots: &[PathBuf]) -> FilePath {
    if directory.is_none() && !Path::new(path).is_absolute() && !path.starts_with('~') {
        return FilePath::Within(absolute(path, Path::new("")).to_string_lossy().into_owned());
    }
    let path =
        if path.starts_with('~') { PathBuf::from(path) } else { absolute(path, Path::new(directory.unwrap_or("/"))) };
    let path = in_roots(path, roots);
    match below(&path, roots) {
        Some(within) => FilePath::Within(within),
        None => FilePath::Absolute(path.to_string_lossy().into_owned()),
    }
}
