//! The changes of files and the commands that run, as the store has them.

use std::{collections::BTreeMap, io};

use rusqlite::params;

use super::{
    super::{
        diff::FileDiff,
        file_path::FilePath,
        line::{Line, LineHash},
        matching::{Key, key, name_hash},
        writes::{What, WrittenLine},
    },
    Store,
};
use crate::hail::{SessionId, Timestamp};

/// A change as it is stored.
#[derive(Clone, Debug)]
pub struct StoredEdit {
    /// Its place among those that were read.
    pub id: i64,
    /// The session.
    pub session: SessionId,
    /// The name of the log.
    pub log: String,
    /// The file.
    pub file: FilePath,
    /// What was done.
    pub kind: Kind,
    /// The old path of a file that was moved.
    pub from: Option<FilePath>,
    /// When it began.
    pub started: Timestamp,
    /// When it was done.
    pub at: Timestamp,
    /// The prompt that led to it, redacted.
    pub prompt: Option<String>,
    /// Whether the file has no other lines.
    pub is_whole: bool,
}

/// What was done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Lines were written or removed.
    Lines,
    /// It was deleted.
    Deleted,
    /// It was moved.
    Moved,
    /// A command that names it changed it.
    Changed,
    /// A command ran that may have changed any file.
    Anything,
}

/// A command that has not come back.
#[derive(Clone, Debug)]
pub struct StoredCall {
    /// The session.
    pub session: SessionId,
    /// The name of the log.
    pub log: String,
    /// The command, redacted.
    pub command: String,
    /// Where it runs.
    pub directory: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// Whether its text says that it makes a commit.
    pub is_direct: bool,
}

/// The lines that some edits wrote and removed.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// The lines that were added.
    pub added: Vec<WrittenLine>,
    /// The lines that were removed.
    pub removed: Vec<Line>,
}

impl Store {
    /// Adds a change. `is_open` where it comes after a call that had not come back, so that it is read again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add(&self, edit: &StoredEdit, what: &What, is_open: bool) -> io::Result<()> {
        self.try_add(edit, what, is_open).map_err(io::Error::other)
    }

    fn try_add(&self, edit: &StoredEdit, what: &What, is_open: bool) -> rusqlite::Result<()> {
        const INSERT: &str = "INSERT INTO edit (log, is_open, session, kind, path, is_within, old_path, old_is_within,
            started, at, prompt, is_whole)
            VALUES ((SELECT id FROM log WHERE name = ?), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let ((path, is_within), old) = (parts(&edit.file), edit.from.as_ref().map(parts));
        let mut statement = self.connection.prepare_cached(INSERT)?;
        statement.execute(params![
            edit.log,
            is_open,
            edit.session.as_str(),
            edit.kind.number(),
            path,
            is_within,
            old.map(|(path, _)| path),
            old.map(|(_, is_within)| is_within),
            edit.started.millis(),
            edit.at.millis(),
            edit.prompt,
            edit.is_whole,
        ])?;
        let What::Lines { added, removed, .. } = what else { return Ok(()) };
        let id = self.connection.last_insert_rowid();
        let name = name_hash(path);
        self.connection.prepare_cached("INSERT OR IGNORE INTO name VALUES (?)")?.execute([number(name)])?;
        let mut insert = self.connection.prepare_cached("INSERT OR IGNORE INTO line VALUES (?, ?, ?, ?, ?)")?;
        let mut insert = |line: &Line, is_added: bool, before: LineHash| {
            let (hash, name) = key(line, name);
            insert.execute(params![number(hash), number(name), id, is_added, number(before)]).map(drop)
        };
        for line in added.iter().filter(|line| !line.line.hash.is_blank()) {
            insert(&line.line, true, line.before)?;
        }
        removed
            .iter()
            .filter(|line| !line.hash.is_blank())
            .try_for_each(|line| insert(line, false, LineHash::default()))
    }

    /// Adds a command that has not come back.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn add_call(&self, call: &StoredCall) -> io::Result<()> {
        const INSERT: &str = "INSERT INTO call (log, session, command, directory, started, commits)
            VALUES ((SELECT id FROM log WHERE name = ?), ?, ?, ?, ?, ?)";
        let StoredCall { session, log, command, directory, started, is_direct } = call;
        self.execute(INSERT, params![log, session.as_str(), command, directory, started.millis(), is_direct])
    }

    /// The commands that have not come back.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn running(&self) -> io::Result<Vec<StoredCall>> {
        const QUERY: &str = "SELECT call.session, log.name, command, directory, started, commits
            FROM call JOIN log ON log.id = call.log";
        let read = || {
            let mut statement = self.connection.prepare_cached(QUERY)?;
            let rows = statement.query_map([], |row| {
                let session: String = row.get(0)?;
                Ok(session
                    .parse()
                    .ok()
                    .map(|session| (session, row.get(1), row.get(2), row.get(3), row.get(4), row.get(5))))
            })?;
            let mut found = Vec::new();
            for row in rows {
                let Some((session, log, command, directory, started, is_direct)) = row? else { continue };
                let (log, command, directory, is_direct) = (log?, command?, directory?, is_direct?);
                found.push(StoredCall { session, log, command, directory, started: time(started?), is_direct });
            }
            Ok::<_, rusqlite::Error>(found)
        };
        read().map_err(io::Error::other)
    }

    /// Whether a session wrote lines in a file of that name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn knows_name(&self, path: &str) -> io::Result<bool> {
        let mut statement =
            self.connection.prepare_cached("SELECT 1 FROM name WHERE hash = ?").map_err(io::Error::other)?;
        statement.exists([number(name_hash(path))]).map_err(io::Error::other)
    }

    /// The edits that wrote or removed any line of these files, each with those lines.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn edits_of(&self, files: &[FileDiff]) -> io::Result<Vec<(StoredEdit, Lines)>> {
        let mut wanted: BTreeMap<Key, Line> = BTreeMap::new();
        for file in files {
            let name = name_hash(&file.path);
            let lines = file.hunks.iter().flat_map(|hunk| hunk.added.iter().chain(&hunk.removed));
            for line in lines.filter(|line| !line.hash.is_blank()) {
                wanted.insert(key(line, name), *line);
            }
        }
        let read = || -> rusqlite::Result<Vec<(StoredEdit, Lines)>> {
            let mut by_edit: BTreeMap<i64, Lines> = BTreeMap::new();
            let mut query = self
                .connection
                .prepare_cached("SELECT edit, is_added, before FROM line WHERE hash = ? AND name = ?")?;
            for ((hash, name), line) in &wanted {
                let mut rows = query.query([number(*hash), number(*name)])?;
                while let Some(row) = rows.next()? {
                    let lines = by_edit.entry(row.get(0)?).or_default();
                    if row.get(1)? {
                        lines.added.push(WrittenLine { line: *line, before: hash_of(row.get(2)?) });
                    } else {
                        lines.removed.push(*line);
                    }
                }
            }
            let mut found = Vec::new();
            for (id, lines) in by_edit {
                found.extend(self.edits("edit.id = ?", &[id])?.into_iter().map(|edit| (edit, lines.clone())));
            }
            Ok(found)
        };
        read().map_err(io::Error::other)
    }

    /// The changes without lines.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn edits_without_lines(&self) -> io::Result<Vec<StoredEdit>> {
        self.edits("kind > 0", &[]).map_err(io::Error::other)
    }

    /// Forgets a change that was undone.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn remove(&self, edit: i64) -> io::Result<()> {
        self.execute("DELETE FROM edit WHERE id = ?", [edit])
    }

    fn edits(&self, condition: &str, values: &[i64]) -> rusqlite::Result<Vec<StoredEdit>> {
        let query = format!(
            "SELECT edit.id, edit.session, log.name, kind, path, is_within, old_path, old_is_within, started, at,
             edit.prompt, is_whole FROM edit JOIN log ON log.id = edit.log WHERE {condition} ORDER BY at, edit.id"
        );
        let mut statement = self.connection.prepare_cached(&query)?;
        let rows = statement.query_map(rusqlite::params_from_iter(values), |row| {
            let session: String = row.get(1)?;
            let old: Option<String> = row.get(6)?;
            let old_is_within: Option<bool> = row.get(7)?;
            let Ok(session) = session.parse() else { return Ok(None) };
            Ok(Some(StoredEdit {
                id: row.get(0)?,
                session,
                log: row.get(2)?,
                kind: Kind::of(row.get(3)?),
                file: file(row.get(4)?, row.get(5)?),
                from: old.map(|old| file(old, old_is_within.unwrap_or_default())),
                started: time(row.get(8)?),
                at: time(row.get(9)?),
                prompt: row.get(10)?,
                is_whole: row.get(11)?,
            }))
        })?;
        rows.filter_map(rusqlite::Result::transpose).collect()
    }
}

impl Kind {
    /// What a change is stored as.
    #[must_use]
    pub fn of_what(what: &What) -> Self {
        match what {
            What::Lines { .. } => Self::Lines,
            What::Deleted => Self::Deleted,
            What::Moved { .. } => Self::Moved,
            What::Changed => Self::Changed,
            What::Anything => Self::Anything,
        }
    }

    const ALL: [Self; 5] = [Self::Lines, Self::Deleted, Self::Moved, Self::Changed, Self::Anything];

    fn number(self) -> usize {
        Self::ALL.iter().position(|kind| *kind == self).unwrap_or_default()
    }

    fn of(number: usize) -> Self {
        Self::ALL.get(number).copied().unwrap_or(Self::Anything)
    }
}

fn parts(file: &FilePath) -> (&str, bool) {
    match file {
        FilePath::Within(path) => (path, true),
        FilePath::Absolute(path) => (path, false),
    }
}

fn file(path: String, is_within: bool) -> FilePath {
    if is_within { FilePath::Within(path) } else { FilePath::Absolute(path) }
}

fn time(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis).unwrap_or(Timestamp::EPOCH)
}

/// SQLite has signed numbers only.
fn number(hash: LineHash) -> i64 {
    i64::from_ne_bytes(hash.0.to_ne_bytes())
}

fn hash_of(number: i64) -> LineHash {
    LineHash(u64::from_ne_bytes(number.to_ne_bytes()))
}
