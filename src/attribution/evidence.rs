//! Finds the sessions that touched what is about to be committed.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
};

use super::{Credit, LogState, State, Touch, scan::refresh};
use crate::{
    environment::Environment,
    git::{GitError, Head, ObjectId, Operation, Repository},
    hail::Timestamp,
    logs::{below, forms_of},
    redact::Redactor,
};

/// Where and when to look.
pub struct Look<'a> {
    /// Where the agents keep their logs.
    pub environment: &'a Environment,
    /// Where the commit is made.
    pub repository: &'a Repository,
    /// Makes prompts safe to keep.
    pub redactor: &'a dyn Fn() -> Option<&'a Redactor>,
    /// The time.
    pub now: Timestamp,
}

/// A session that touched what is staged.
#[derive(Clone, Debug)]
pub struct Found {
    /// What the commit will say.
    pub credit: Credit,
    /// The logs that hold it: its own, and those of its subagents.
    pub logs: Vec<PathBuf>,
    /// The staged paths that it touched, absolute.
    pub paths: Vec<PathBuf>,
}

/// Finds the sessions that touched what is staged, the most recent last.
///
/// # Errors
/// When the repository cannot be read; an unreadable log is passed over.
pub fn find_sessions(look: &Look<'_>, state: &mut State, is_amend: bool) -> Result<Vec<Found>, GitError> {
    let Some(work_tree) = look.repository.work_tree() else { return Ok(Vec::new()) };
    refresh(look, state, work_tree);
    let roots = forms_of(work_tree);
    let head = look.repository.head()?;
    let candidates = candidates(look.repository, state, &head);
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let Some(parents) = parents(look.repository, &head, is_amend)? else { return Ok(Vec::new()) };
    let mut relative: Vec<(String, &Touch)> =
        candidates.iter().filter_map(|touch| Some((below(&touch.path, &roots)?, *touch))).collect();
    relative.sort_by_key(|(_, touch)| touch.at);
    let staged = look.repository.staged(relative.iter().map(|(path, _)| path.as_str()), &parents)?;
    let staged: HashSet<&str> = staged.iter().map(|staged| staged.path.as_str()).collect();
    let mut found: Vec<Found> = Vec::new();
    for (path, touch) in &relative {
        if staged.contains(path.as_str()) {
            add(&mut found, state, touch);
        }
    }
    Ok(found)
}

/// Brings `state` up to date with the logs and forgets what was touched and committed before: of
/// the files that sessions touched, only those that differ from HEAD can be of a commit to come.
///
/// # Errors
/// When the repository cannot be read.
pub fn warm(look: &Look<'_>, state: &mut State) -> Result<(), GitError> {
    let Some(work_tree) = look.repository.work_tree() else { return Ok(()) };
    refresh(look, state, work_tree);
    let roots = forms_of(work_tree);
    let parents: Vec<ObjectId> = look.repository.head()?.commit.into_iter().collect();
    let paths: Vec<&Path> = state.touches().iter().map(|touch| touch.path.as_path()).collect();
    let relative: Vec<String> = paths.iter().filter_map(|path| below(path, &roots)).collect();
    let staged = look.repository.staged(relative.iter().map(String::as_str), &parents)?;
    let staged: HashSet<&str> = staged.iter().map(|staged| staged.path.as_str()).collect();
    let unchanged: HashSet<PathBuf> =
        look.repository.unchanged_since_staged(&paths)?.into_iter().map(Path::to_owned).collect();
    state.retain_touches(|touch| {
        let is_staged = below(&touch.path, &roots).is_some_and(|path| staged.contains(path.as_str()));
        is_staged || !unchanged.contains(&touch.path)
    });
    Ok(())
}

/// Does the same at the first commit in a repository where nobody did it before: what is staged may be a change of
/// today to a file that a session touched long ago, and a commit since has that.
///
/// # Errors
/// When the repository cannot be read.
pub fn first_look(look: &Look<'_>, state: &mut State) -> Result<(), GitError> {
    let Some(work_tree) = look.repository.work_tree() else { return Ok(()) };
    warm(look, state)?;
    let roots = forms_of(work_tree);
    let mut is_over: HashMap<(PathBuf, Timestamp), bool> = HashMap::new();
    for touch in state.touches() {
        let Some(path) = below(&touch.path, &roots) else { continue };
        let of_touch = is_over.entry((touch.path.clone(), touch.at));
        of_touch.or_insert_with(|| look.repository.is_committed_since(&path, touch.at));
    }
    state.retain_touches(|touch| is_over.get(&(touch.path.clone(), touch.at)) != Some(&true));
    Ok(())
}

/// The touches that no commit has: those that never got into one, and those whose commit was just
/// undone.
fn candidates<'s>(repository: &Repository, state: &'s State, head: &Head) -> Vec<&'s Touch> {
    let undone = |touch: &&Touch| {
        let commit = touch.commit.as_deref().and_then(|commit| repository.parse_id(commit));
        let commit = commit.and_then(|commit| repository.commit(commit).ok());
        commit.is_some_and(|commit| commit.parents.first().copied() == head.commit)
    };
    let recent = state.consumed().iter().rev().take(50).filter(undone);
    state.touches().iter().chain(recent).collect()
}

/// The commits from all of which a staged path must differ to be new; `None` while history is being
/// rewritten, when the messages bring their trailers along.
fn parents(repository: &Repository, head: &Head, is_amend: bool) -> Result<Option<Vec<ObjectId>>, GitError> {
    let Some(commit) = head.commit else { return Ok(Some(Vec::new())) };
    if is_amend {
        return Ok(Some(repository.commit(commit)?.parents));
    }
    Ok(match repository.operation() {
        Some((Operation::Rebase, _)) => None,
        Some((Operation::Merge | Operation::CherryPick, Some(other))) => Some(vec![commit, other]),
        Some((Operation::Revert, Some(other))) => {
            Some([commit].into_iter().chain(repository.commit(other)?.parents.first().copied()).collect())
        }
        _ => Some(vec![commit]),
    })
}

fn add(found: &mut Vec<Found>, state: &State, touch: &Touch) {
    let main = state.log_of(&touch.session);
    let known = main.map(|(_, log)| log).or_else(|| state.log(&touch.log));
    let Some(header) = known.and_then(LogState::header) else { return };
    let credit = Credit {
        session: touch.session.clone(),
        tool: header.agent.tool,
        tool_version: header.agent.tool_version,
        model: header.agent.model,
        prompt: touch.prompt.clone().or_else(|| main.and_then(|(_, log)| log.prompt.clone())),
    };
    let position = found.iter().position(|known| known.credit.session == touch.session);
    let mut session = position.map_or_else(
        || Found {
            credit: credit.clone(),
            logs: main.map(|(path, _)| path.to_owned()).into_iter().collect(),
            paths: Vec::new(),
        },
        |position| found.remove(position),
    );
    session.credit = credit;
    if !session.logs.contains(&touch.log) {
        session.logs.push(touch.log.clone());
    }
    session.paths.push(touch.path.clone());
    found.push(session);
}
