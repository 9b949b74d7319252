//! Which session wrote which of the lines that a commit adds or removes: the last one that did before the commit.
//!
//! Nothing is read here: a diff and what sessions wrote go in, attributions come out.

use std::collections::{HashMap, HashSet};

use super::{
    diff::{FileDiff, Hunk},
    file_path::{Closeness, FilePath},
    line::{Line, LineHash},
    writes::WrittenLine,
};
use crate::hail::Timestamp;

/// How many lines in a row make a block that is known in a file that the session never named.
const MOVED_LINES: usize = 3;
/// In how many files a line may have been written and still say where it is from.
const MAX_FILES: usize = 3;

/// An edit of a file by a session.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The session: a number of the caller's.
    pub session: usize,
    /// The file.
    pub file: FilePath,
    /// When the edit was done.
    pub at: Timestamp,
    /// Whether the file has no other lines.
    pub is_whole: bool,
}

/// What sessions wrote, by line. A line that says nothing by itself is only looked for in files of the same name.
#[derive(Debug, Default)]
pub struct Index {
    edits: Vec<Edit>,
    added: HashMap<Key, Vec<Entry>>,
    removed: HashMap<Key, Vec<u32>>,
}

/// What a line is looked for by: it, and the hash of the name of its file where it says nothing by itself.
pub(super) type Key = (LineHash, LineHash);

pub(super) fn key(line: &Line, name: LineHash) -> Key {
    (line.hash, if line.is_telling { LineHash::default() } else { name })
}

pub(super) fn name_hash(path: &str) -> LineHash {
    Line::of(path.rsplit('/').next().unwrap_or(path)).hash
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    edit: u32,
    before: LineHash,
}

/// When a commit was made.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// What was written later is not in it.
    pub until: Timestamp,
    /// When its author wrote it: later lines came in with an amend, if at all, since a rebase changes none.
    pub written: Timestamp,
    /// When its first parent was written; what a session wrote since cannot be in the history before.
    pub since: Option<Timestamp>,
    /// Whether lines that the history before had already count for the session that wrote them, where they are
    /// [`MOVED_LINES`] or more: a person may have moved them, or a command of the session did.
    pub with_moved: bool,
}

/// The lines of a file that a commit changed, each with the edit that did it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileMatch {
    /// The added lines by their 1-based numbers, blank ones left out.
    pub added: Vec<MatchedLine>,
    /// The lines that were removed and not replaced.
    pub removed: Vec<MatchedLine>,
}

/// A line and the edit that wrote or removed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MatchedLine {
    /// The 1-based number in the new file.
    pub number: usize,
    /// The edit: its place in the index.
    pub edit: Option<usize>,
}

impl Index {
    /// Adds an edit and returns its place.
    pub fn add(&mut self, edit: Edit, added: &[WrittenLine], removed: &[Line]) -> usize {
        let place = self.edits.len();
        let number = u32::try_from(place).unwrap_or(u32::MAX);
        let name = name_hash(edit.file.name());
        self.edits.push(edit);
        for line in added.iter().filter(|line| !line.line.hash.is_blank()) {
            self.added.entry(key(&line.line, name)).or_default().push(Entry { edit: number, before: line.before });
        }
        for line in removed.iter().filter(|line| !line.hash.is_blank()) {
            self.removed.entry(key(line, name)).or_default().push(number);
        }
        place
    }

    fn of(&self, number: u32) -> &Edit {
        &self.edits[number as usize]
    }

    /// Whether a line stands in so many files that it says nothing.
    fn is_common(&self, line: &Line) -> bool {
        let Some(entries) = self.added.get(&key(line, LineHash::default())).filter(|entries| entries.len() > MAX_FILES)
        else {
            return false;
        };
        let names: HashSet<&str> = entries.iter().map(|entry| self.of(entry.edit).file.name()).collect();
        names.len() > MAX_FILES
    }

    /// Whether what a session added is still there at a time: it did not take the line out again.
    fn is_live(&self, key: &Key, edit: &Edit, until: Timestamp) -> bool {
        let Some(removed) = self.removed.get(key) else { return true };
        let is_own = |number: &&u32| {
            let other = self.of(**number);
            other.session == edit.session && other.file == edit.file && other.at <= until
        };
        let mut steps: Vec<(Timestamp, u32, bool)> =
            removed.iter().filter(is_own).map(|number| (self.of(*number).at, *number, false)).collect();
        if steps.is_empty() {
            return true;
        }
        let added = self.added.get(key).into_iter().flatten().map(|entry| entry.edit);
        let added: Vec<u32> = added.filter(|number| is_own(&number)).collect();
        steps.extend(added.into_iter().map(|number| (self.of(number).at, number, true)));
        steps.sort_unstable();
        let mut live = 0_usize;
        for (_, _, is_added) in steps {
            live = if is_added { live + 1 } else { live.saturating_sub(1) };
        }
        live > 0
    }
}

/// Finds out which edits wrote the lines of a commit's files.
#[must_use]
pub fn find(index: &Index, files: &[FileDiff], moment: Moment) -> Vec<FileMatch> {
    let removed = files.iter().flat_map(|file| &file.hunks).flat_map(|hunk| &hunk.removed);
    let removed: HashSet<LineHash> = removed.filter(|line| line.is_telling).map(|line| line.hash).collect();
    let finders: Vec<Finder<'_>> = files.iter().map(|file| Finder { index, file, moment, removed: &removed }).collect();
    let mut found: Vec<FileMatch> = finders.iter().map(Finder::find).collect();
    if moment.with_moved {
        add_old(&finders, &mut found);
    }
    found
}

/// Adds lines that the history before had, where exactly one session wrote each and that session enough of them.
fn add_old(finders: &[Finder<'_>], found: &mut [FileMatch]) {
    let mut by_session: HashMap<usize, Vec<(usize, usize, u32)>> = HashMap::new();
    for (file, (finder, matched)) in finders.iter().zip(found.iter()).enumerate() {
        let lines = finder.file.hunks.iter().flat_map(|hunk| &hunk.added).filter(|line| !line.hash.is_blank());
        for (at, (line, _)) in lines.zip(&matched.added).enumerate().filter(|(_, (_, known))| known.edit.is_none()) {
            if let Some(number) = finder.only_writer(line) {
                by_session.entry(finder.index.of(number).session).or_default().push((file, at, number));
            }
        }
    }
    for lines in by_session.into_values().filter(|lines| lines.len() >= MOVED_LINES) {
        for (file, at, number) in lines {
            found[file].added[at].edit = Some(number as usize);
        }
    }
}

struct Finder<'a> {
    index: &'a Index,
    file: &'a FileDiff,
    moment: Moment,
    /// What the commit removes anywhere.
    removed: &'a HashSet<LineHash>,
}

/// An entry of a line that may have got into the commit.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    number: u32,
    before: LineHash,
    edit: &'a Edit,
    closeness: Closeness,
}

impl<'a> Finder<'a> {
    fn find(&self) -> FileMatch {
        let mut found = FileMatch::default();
        for hunk in &self.file.hunks {
            let edits = self.hunk(hunk);
            for (at, (line, edit)) in hunk.added.iter().zip(edits).enumerate() {
                if !line.hash.is_blank() {
                    found.added.push(MatchedLine { number: hunk.start + at, edit });
                }
            }
            if hunk.added.iter().all(|line| line.hash.is_blank()) {
                let edit = self.remover(hunk);
                let lines = hunk.removed.iter().filter(|line| !line.hash.is_blank());
                found.removed.extend(lines.map(|_| MatchedLine { number: hunk.start, edit }));
            }
        }
        found
    }

    /// The edits that wrote the added lines of a hunk.
    fn hunk(&self, hunk: &Hunk) -> Vec<Option<usize>> {
        let last = |line: &Line| {
            let is_wanted = line.is_telling && !self.index.is_common(line);
            is_wanted.then(|| self.last(line, |candidate| candidate.closeness >= Closeness::SameName))?
        };
        let mut found: Vec<Option<u32>> = hunk.added.iter().map(last).collect();
        self.add_moved(hunk, &mut found);
        let mut sessions: HashSet<usize> =
            found.iter().flatten().map(|number| self.index.of(*number).session).collect();
        if sessions.is_empty() {
            sessions.extend(self.writer_of_all(hunk));
        }
        let mut before = hunk.before;
        for (at, line) in hunk.added.iter().enumerate() {
            if found[at].is_none() && !line.hash.is_blank() {
                found[at] = self.neighbour(line, before, &sessions);
            }
            before = line.hash;
        }
        found.into_iter().map(|number| number.map(|number| number as usize)).collect()
    }

    /// The last of the edits that wrote a line, may have got into this commit and are wanted: the one in the file
    /// that is most likely the same.
    fn last(&self, line: &Line, is_wanted: impl Fn(&Candidate<'a>) -> bool) -> Option<u32> {
        let mut candidates: Vec<Candidate<'a>> = self.candidates(line).filter(is_wanted).collect();
        candidates.sort_by_key(|candidate| {
            let is_in_time = candidate.edit.at <= self.moment.written;
            (candidate.closeness, is_in_time, candidate.edit.at, candidate.number)
        });
        let key = key(line, name_hash(&self.file.path));
        let is_live = |candidate: &&Candidate<'_>| self.index.is_live(&key, candidate.edit, self.moment.until);
        candidates.iter().rev().find(is_live).map(|candidate| candidate.number)
    }

    fn candidates(&self, line: &Line) -> impl Iterator<Item = Candidate<'a>> {
        let entries = self.index.added.get(&key(line, name_hash(&self.file.path))).into_iter().flatten();
        let is_old_line = self.file.kept.contains(&line.hash) || self.removed.contains(&line.hash);
        entries.filter_map(move |entry| {
            let edit = self.index.of(entry.edit);
            let is_possible = edit.at <= self.moment.until && (!is_old_line || self.is_fresh(edit));
            let closeness = self.closeness(edit);
            is_possible.then_some(Candidate { number: entry.edit, before: entry.before, edit, closeness })
        })
    }

    /// Whether an edit is younger than the history before the commit, so that none of that can hold it.
    fn is_fresh(&self, edit: &Edit) -> bool {
        self.moment.since.is_none_or(|since| edit.at >= since)
    }

    fn closeness(&self, edit: &Edit) -> Closeness {
        let own = edit.file.closeness(&self.file.path);
        let old = self.file.old_path.as_deref().map(|path| edit.file.closeness(path));
        own.max(old.unwrap_or(Closeness::Other))
    }

    /// Adds blocks of lines that a session wrote in another file, and that were moved here before anybody committed
    /// them.
    fn add_moved(&self, hunk: &Hunk, found: &mut [Option<u32>]) {
        let mut run: Vec<(usize, u32)> = Vec::new();
        let mut close = |run: &mut Vec<(usize, u32)>| {
            if run.len() >= MOVED_LINES {
                for (at, number) in run.iter() {
                    found[*at] = Some(*number);
                }
            }
            run.clear();
        };
        for (at, line) in hunk.added.iter().enumerate().filter(|(_, line)| line.is_telling) {
            let is_here = self.last(line, |candidate| candidate.closeness >= Closeness::SameName).is_some();
            let last = self.last(line, |candidate| self.is_fresh(candidate.edit)).filter(|_| !is_here);
            let Some(number) = last else {
                close(&mut run);
                continue;
            };
            let session = self.index.of(number).session;
            if run.last().is_some_and(|(_, last)| self.index.of(*last).session != session) {
                close(&mut run);
            }
            run.push((at, number));
        }
        close(&mut run);
    }

    /// The edit of the only session that wrote a line here, though the history before had it already.
    fn only_writer(&self, line: &Line) -> Option<u32> {
        let entries = self.index.added.get(&key(line, LineHash::default())).filter(|_| line.is_telling)?;
        let is_here = |number: &u32| {
            let edit = self.index.of(*number);
            edit.at <= self.moment.until && self.closeness(edit) >= Closeness::SameName
        };
        let edits: Vec<u32> = entries.iter().map(|entry| entry.edit).filter(is_here).collect();
        let session = self.index.of(*edits.first()?).session;
        let is_only = edits.iter().all(|number| self.index.of(*number).session == session);
        edits.last().copied().filter(|_| is_only)
    }

    /// The session that did all of a hunk, where no line of it tells by itself: its edit wrote every added line and
    /// took out every removed one, at a place that is known by what was removed or by the line before.
    fn writer_of_all(&self, hunk: &Hunk) -> Option<usize> {
        let lines: Vec<&Line> = hunk.added.iter().filter(|line| !line.hash.is_blank()).collect();
        let (first, rest) = lines.split_first()?;
        let gone: Vec<&Line> = hunk.removed.iter().filter(|line| !line.hash.is_blank()).collect();
        let has_added = |number: u32, line: &Line| self.candidates(line).any(|candidate| candidate.number == number);
        let has_removed = |number: u32, line: &Line| self.removers(line).contains(&number);
        let last = self.last(first, |candidate| {
            let Candidate { number, before, edit, closeness } = *candidate;
            let is_here = edit.is_whole || !gone.is_empty() || (!before.is_blank() && before == hunk.before);
            closeness == Closeness::Same
                && is_here
                && rest.iter().all(|line| has_added(number, line))
                && (edit.is_whole || gone.iter().all(|line| has_removed(number, line)))
        });
        last.map(|number| self.index.of(number).session)
    }

    /// The edit that wrote a line that says nothing by itself: one of a session that wrote lines around it, or one
    /// that wrote a line of some length after the same line.
    fn neighbour(&self, line: &Line, before: LineHash, sessions: &HashSet<usize>) -> Option<u32> {
        self.last(line, |candidate| {
            let is_after = line.is_telling && !before.is_blank() && candidate.before == before;
            candidate.closeness == Closeness::Same && (sessions.contains(&candidate.edit.session) || is_after)
        })
    }

    fn removers(&self, line: &Line) -> &'a [u32] {
        let removers = self.index.removed.get(&key(line, name_hash(&self.file.path)));
        removers.map(Vec::as_slice).unwrap_or_default()
    }

    /// The edit that took out the lines of a hunk that adds none.
    fn remover(&self, hunk: &Hunk) -> Option<usize> {
        let gone: Vec<&Line> = hunk.removed.iter().filter(|line| !line.hash.is_blank()).collect();
        let (first, rest) = gone.split_first()?;
        let is_possible = |number: &&u32| {
            let edit = self.index.of(**number);
            edit.at <= self.moment.until && self.closeness(edit) == Closeness::Same
        };
        let has_removed = |session: usize, line: &Line| {
            let removers = self.removers(line).iter().filter(is_possible);
            removers.into_iter().any(|number| self.index.of(*number).session == session)
        };
        let candidates = self.removers(first).iter().filter(is_possible).filter(|number| {
            let session = self.index.of(**number).session;
            rest.iter().all(|line| has_removed(session, line))
        });
        candidates.max_by_key(|number| (self.index.of(**number).at, **number)).map(|number| *number as usize)
    }
}
