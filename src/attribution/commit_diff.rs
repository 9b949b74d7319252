//! Reads what a commit changes, as far as sessions may have a part in it.

use std::collections::HashSet;

use super::{
    diff::{self, FileDiff, MAX_FILE_BYTES},
    sessions::{CommitDiff, CommitFacts, OtherChange},
};
use crate::{
    git::{Commit, FileVersion, GitError, Repository, TreeChange},
    hail::Timestamp,
};

/// How far into a file a zero byte makes it binary, as git looks.
const BINARY_BYTES: usize = 8000;

/// Reads a commit's lines from its tree changes. Files that `is_wanted` does not want are counted and not compared.
///
/// # Errors
/// When a blob cannot be read; one that a partial clone left out has no lines.
pub fn read(
    repository: &Repository,
    changes: &[TreeChange],
    is_wanted: impl Fn(&TreeChange) -> bool,
) -> Result<CommitDiff, GitError> {
    let mut found = CommitDiff::default();
    for change in changes.iter().filter(|change| is_wanted(change)) {
        let other = || OtherChange {
            path: change.path().to_owned(),
            old_path: old_path(change),
            is_deleted: change.new.is_none(),
        };
        match lines(repository, change)? {
            Some(file) if change.new.is_some() && !file.hunks.is_empty() => found.files.push(file),
            _ => found.others.push(other()),
        }
    }
    Ok(found)
}

/// What is known of a commit.
#[must_use]
pub fn facts(repository: &Repository, commit: &Commit) -> CommitFacts {
    let time = |seconds: i64| Timestamp::from_seconds(seconds).unwrap_or(Timestamp::EPOCH);
    let parent = commit.parents.first().and_then(|parent| repository.commit(*parent).ok());
    CommitFacts {
        id: commit.id.to_string(),
        subject: String::from_utf8_lossy(commit.message.split(|byte| *byte == b'\n').next().unwrap_or_default())
            .trim()
            .to_owned(),
        author_time: time(commit.author_seconds),
        commit_time: time(commit.seconds),
        since: parent.map(|parent| time(parent.author_seconds)),
        is_merge: commit.parents.len() > 1,
        with_moved: true,
    }
}

fn old_path(change: &TreeChange) -> Option<String> {
    let old = change.old.iter().flatten().next()?;
    (change.new.is_some() && old.path != change.path()).then(|| old.path.clone())
}

/// The lines of a file that differ from every parent; `None` where there are none to compare.
fn lines(repository: &Repository, change: &TreeChange) -> Result<Option<FileDiff>, GitError> {
    let Some(new) = text(repository, change.new.as_ref())? else { return Ok(None) };
    let mut found: Option<FileDiff> = None;
    for old in &change.old {
        let Some(old) = text(repository, old.as_ref())? else { return Ok(None) };
        let diff = diff::between(change.path(), &old, &new);
        found = Some(match found {
            None => diff,
            Some(known) => in_both(known, &diff),
        });
    }
    Ok(found.map(|file| FileDiff { old_path: old_path(change), ..file }))
}

/// Of two changes that lead to the same file, the lines that both add.
fn in_both(mut one: FileDiff, other: &FileDiff) -> FileDiff {
    let numbers = |hunk: &diff::Hunk| hunk.start..hunk.start + hunk.added.len();
    let added: HashSet<usize> = other.hunks.iter().flat_map(numbers).collect();
    let hunks = std::mem::take(&mut one.hunks);
    for hunk in hunks {
        let mut before = hunk.before;
        let mut current = diff::Hunk::default();
        for (at, line) in hunk.added.iter().enumerate() {
            if added.contains(&(hunk.start + at)) {
                if current.added.is_empty() {
                    (current.start, current.before) = (hunk.start + at, before);
                }
                current.added.push(*line);
            } else if !current.added.is_empty() {
                one.hunks.push(std::mem::take(&mut current));
            }
            before = line.hash;
        }
        if !current.added.is_empty() {
            one.hunks.push(current);
        }
    }
    one.kept.extend(&other.kept);
    one
}

/// The text of a file; empty where there is none, `None` where it is binary, a link, too large or not here.
fn text(repository: &Repository, version: Option<&FileVersion>) -> Result<Option<String>, GitError> {
    let Some(version) = version else { return Ok(Some(String::new())) };
    let is_regular = matches!(version.mode, 0o100_644 | 0o100_755 | 0o100_664);
    if !is_regular || !repository.has_object(version.id) || repository.object_size(version.id)? > MAX_FILE_BYTES {
        return Ok(None);
    }
    let bytes = repository.read_blob(version.id, MAX_FILE_BYTES)?;
    let is_binary = bytes[..bytes.len().min(BINARY_BYTES)].contains(&0);
    Ok((!is_binary).then(|| String::from_utf8_lossy(&bytes).into_owned()))
}
