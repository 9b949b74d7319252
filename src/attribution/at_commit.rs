//! Finds the sessions that have a part in what is about to be committed.

use std::{
    collections::{BTreeMap, HashSet},
    io,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use super::{
    Attribution, CommitDiff, CommitFacts, Evidence, Sessions, commit_diff,
    file_path::FilePath,
    running::Surroundings,
    scan::{self, ScanContext},
    sessions::roots,
    store::{Kind, LogState, Store, StoredEdit},
};
use crate::{
    git::{GitError, ObjectId, Operation, Repository, TreeChange},
    hail::{Header, SessionId, Timestamp},
    system::processes,
};

/// How far the clock of a file system may be behind, in milliseconds: it ticks a few times in a hundredth of a second.
const TICK: i64 = 50;

/// A session that has a part in what is staged.
#[derive(Clone, Debug)]
pub struct Found {
    /// What the commit will say.
    pub attribution: Attribution,
    /// How it is known.
    pub evidence: Evidence,
    /// The logs that hold it: its own, and those of its subagents.
    pub logs: Vec<PathBuf>,
    /// The folders that it worked in.
    pub folders: Vec<PathBuf>,
}

/// Why nothing can be found.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The repository cannot be read.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The store cannot be read or written.
    #[error("{0}")]
    Store(#[from] io::Error),
}

/// Finds the sessions that have a part in what is staged, the most recent last.
///
/// # Errors
/// When the repository or the store cannot be read; an unreadable log is passed over.
pub fn find_sessions<'a>(scan: &'a ScanContext<'a>, store: &'a Store, is_amend: bool) -> Result<Vec<Found>, FindError> {
    let repository = scan.repository;
    let Some(work_tree) = repository.work_tree() else { return Ok(Vec::new()) };
    scan::refresh(scan, store)?;
    let head = repository.head()?.commit;
    let parents = parents(repository, head, is_amend)?;
    let changes = repository.staged_changes(&parents)?;
    let finder = Finder { scan, store, work_tree, roots: roots(repository) };
    finder.forget_undone(&changes)?;
    let since = match parents.first() {
        Some(parent) => Timestamp::from_seconds(repository.commit(*parent)?.author_seconds),
        None => None,
    };
    let diff = commit_diff::read(repository, &changes, |change| finder.is_wanted(change))?;
    let mut found = finder.writers(&diff, since)?;
    finder.add_changers(&mut found, &changes)?;
    finder.add_committers(&mut found)?;
    let mut found = found.into_values().collect::<Vec<_>>();
    found.sort_by_key(|part| part.at);
    let all = found.into_iter().filter_map(|part| finder.found(part).transpose());
    Ok(all.collect::<io::Result<Vec<_>>>()?)
}

/// The commits from all of which a staged line must differ to be new.
fn parents(repository: &Repository, head: Option<ObjectId>, is_amend: bool) -> Result<Vec<ObjectId>, GitError> {
    let Some(commit) = head else { return Ok(Vec::new()) };
    if is_amend {
        return Ok(repository.commit(commit)?.parents);
    }
    Ok(match repository.operation() {
        Some((Operation::Merge | Operation::CherryPick, Some(other))) => vec![commit, other],
        Some((Operation::Revert, Some(other))) => {
            [commit].into_iter().chain(repository.commit(other)?.parents.first().copied()).collect()
        }
        _ => vec![commit],
    })
}

/// What is known of a session's part.
struct Part {
    session: SessionId,
    evidence: Evidence,
    logs: Vec<String>,
    prompt: Option<String>,
    at: Timestamp,
}

type PartsOf = BTreeMap<SessionId, Part>;

struct Finder<'a> {
    scan: &'a ScanContext<'a>,
    store: &'a Store,
    work_tree: &'a Path,
    roots: Vec<PathBuf>,
}

impl Finder<'_> {
    /// Whether a session may have a part in the lines of a file.
    fn is_wanted(&self, change: &TreeChange) -> bool {
        let is_new = change.old.iter().all(Option::is_none);
        is_new || change.new.is_none() || self.store.knows_name(change.path()).unwrap_or(true)
    }

    /// Forgets deletions and moves that somebody took back: the file is there again.
    fn forget_undone(&self, changes: &[TreeChange]) -> Result<(), FindError> {
        let gone: HashSet<&str> = changes.iter().filter(|change| change.new.is_none()).map(TreeChange::path).collect();
        for edit in self.store.edits_without_lines()? {
            let old = match edit.kind {
                Kind::Deleted => Some(&edit.file),
                Kind::Moved => edit.from.as_ref(),
                _ => None,
            };
            let Some(FilePath::Within(old)) = old else { continue };
            if !gone.contains(old.as_str()) && self.work_tree.join(old).symlink_metadata().is_ok() {
                self.store.remove(edit.id)?;
            }
        }
        Ok(())
    }

    /// The sessions that wrote or removed the staged lines.
    fn writers(&self, diff: &CommitDiff, since: Option<Timestamp>) -> Result<PartsOf, FindError> {
        let mut sessions = Sessions::default();
        let mut edits: Vec<StoredEdit> = Vec::new();
        for (edit, lines) in self.store.edits_of(&diff.files)? {
            sessions.add_edit(&edit, &lines);
            edits.push(edit);
        }
        // Whatever a log has was written before this commit, by whatever clock.
        let now = edits.iter().map(|edit| edit.at).fold(self.scan.now, Timestamp::max);
        let facts = CommitFacts {
            id: String::new(),
            subject: String::new(),
            author_time: now,
            commit_time: now,
            since,
            is_merge: false,
            // A person may have moved lines here; a claim in a commit message needs better.
            with_moved: false,
        };
        let mut found = PartsOf::new();
        for line in sessions.parts(&facts, diff).files.iter().flat_map(|file| file.added.iter().chain(&file.removed)) {
            if let Some(edit) = line.edit.and_then(|edit| edits.get(edit)) {
                add(&mut found, edit, Evidence::Lines);
            }
        }
        Ok(found)
    }

    /// Adds the sessions that changed staged files without lines: moved or deleted them, or ran the command during
    /// which a file was last written.
    fn add_changers(&self, found: &mut PartsOf, changes: &[TreeChange]) -> Result<(), FindError> {
        let edits = self.store.edits_without_lines()?;
        if edits.is_empty() {
            return Ok(());
        }
        let gone: HashSet<&str> = changes.iter().filter(|change| change.new.is_none()).map(TreeChange::path).collect();
        let paths: Vec<PathBuf> = changes.iter().map(|change| self.work_tree.join(change.path())).collect();
        let all: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
        let unchanged: HashSet<&Path> = self.scan.repository.unchanged_since_staged(&all)?.into_iter().collect();
        for (change, path) in changes.iter().zip(&paths) {
            let written = written_at(path);
            let is_in_place = change.new.is_some() && unchanged.contains(path.as_path());
            let last = edits.iter().rev().find(|edit| {
                let is_it = edit.file.is(change.path());
                let is_during = || written.is_some_and(|at| is_during(edit, at)) && is_in_place;
                match edit.kind {
                    Kind::Deleted => edit.file.covers(change.path()) && change.new.is_none(),
                    Kind::Moved => {
                        let from = if let Some(FilePath::Within(from)) = &edit.from { from.as_str() } else { "" };
                        (is_it && change.new.is_some() || from == change.path()) && gone.contains(from)
                    }
                    Kind::Changed => is_it && (is_mode_change(change) || is_during()),
                    Kind::Anything => is_during(),
                    Kind::Lines => false,
                }
            });
            if let Some(edit) = last {
                add(found, edit, Evidence::Paths);
            }
        }
        Ok(())
    }

    /// Adds the sessions whose own command makes the commit.
    fn add_committers(&self, found: &mut PartsOf) -> Result<(), FindError> {
        let running = self.store.running()?;
        if running.is_empty() {
            return Ok(());
        }
        let processes = processes::ancestors();
        let surroundings = Surroundings {
            environment: self.scan.environment,
            processes: &processes,
            work_tree: self.work_tree,
            roots: &self.roots,
            now: self.scan.now,
        };
        for call in running {
            let Some(log) = self.store.log(&call.log)? else { continue };
            let tool = log.header.as_ref().map_or("", |header| header.agent.tool.as_str());
            if !surroundings.makes(&call, tool) {
                continue;
            }
            let part = found.entry(call.session.clone()).or_insert_with(|| Part {
                session: call.session.clone(),
                evidence: Evidence::Committed,
                logs: Vec::new(),
                prompt: log.prompt.clone(),
                at: call.started,
            });
            (part.evidence, part.at) = (Evidence::Committed, part.at.max(call.started));
            if !part.logs.contains(&call.log) {
                part.logs.push(call.log.clone());
            }
        }
        Ok(())
    }

    /// What the commit will say of a session; `None` where nothing is known of it.
    fn found(&self, part: Part) -> io::Result<Option<Found>> {
        let main = self.store.log_of(&part.session)?;
        let mut headers: Vec<Header> = main.iter().filter_map(|(_, log)| log.header.clone()).collect();
        for log in &part.logs {
            headers.extend(self.store.log(log)?.and_then(|log| log.header));
        }
        let folders = headers.iter().filter_map(Header::cwd).map(PathBuf::from).collect();
        let Some(header) = headers.into_iter().next() else { return Ok(None) };
        let prompt_of = |log: &(String, LogState)| log.1.prompt.clone();
        let prompt = part.prompt.or_else(|| main.as_ref().and_then(prompt_of));
        let mut logs: Vec<PathBuf> = main.map(|(name, _)| PathBuf::from(name)).into_iter().collect();
        for log in part.logs.into_iter().map(PathBuf::from) {
            if !logs.contains(&log) {
                logs.push(log);
            }
        }
        let attribution = Attribution {
            session: part.session,
            tool: header.agent.tool,
            tool_version: header.agent.tool_version,
            model: header.agent.model,
            prompt,
        };
        Ok(Some(Found { attribution, evidence: part.evidence, logs, folders }))
    }
}

fn add(found: &mut PartsOf, edit: &StoredEdit, evidence: Evidence) {
    let part = found.entry(edit.session.clone()).or_insert_with(|| Part {
        session: edit.session.clone(),
        evidence,
        logs: Vec::new(),
        prompt: None,
        at: Timestamp::EPOCH,
    });
    if edit.at >= part.at {
        part.at = edit.at;
        part.prompt = edit.prompt.clone().or(part.prompt.take());
    }
    if !part.logs.contains(&edit.log) {
        part.logs.push(edit.log.clone());
    }
}

/// Whether a file only became executable, or no longer is.
fn is_mode_change(change: &TreeChange) -> bool {
    let new = change.new.as_ref().map(|version| version.id);
    new.is_some() && change.old.iter().all(|old| old.as_ref().map(|version| version.id) == new)
}

/// When a file was last written.
fn written_at(path: &Path) -> Option<Timestamp> {
    let modified = path.symlink_metadata().ok()?.modified().ok()?;
    let millis = modified.duration_since(UNIX_EPOCH).ok()?.as_millis();
    Timestamp::from_millis(i64::try_from(millis).ok()?)
}

/// Whether a file was last written while a command ran. The times of some logs are whole seconds.
fn is_during(edit: &StoredEdit, written: Timestamp) -> bool {
    let slack = if edit.at.millis() % 1000 == 0 { 1000 } else { TICK };
    written.millis() + TICK >= edit.started.millis() && written.millis() <= edit.at.millis() + slack
}
