//! Opens an agent's SQLite database so that the agent never notices: no lock, no file beside it.

use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use rusqlite::{Connection, OpenFlags, Row, types::ValueRef};

use super::{LogFile, ParseError, copies::Copy, field, records::Record};
use crate::system::files;

/// How a database file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// How often a database that changes while it is read is read anew.
const ATTEMPTS: usize = 5;
/// How long a reader waits for another one of the same copy.
const PATIENCE: Duration = Duration::from_secs(10);
/// The length of the header of a write-ahead log, in bytes. Without more, the log holds nothing.
const LOG_HEADER_BYTES: u64 = 32;

/// A database, open for reading.
#[derive(Debug)]
pub(super) struct Database {
    /// The connection.
    pub(super) connection: Connection,
    // What was opened in place, and its state then.
    original: Option<(PathBuf, State)>,
    // The copy, where there is one, lives as long as the connection.
    _copy: Option<Arc<Copy>>,
}

impl Database {
    /// Opens a database as it is now.
    ///
    /// Where nothing of it is elsewhere it is opened in place as immutable, which takes no lock. A
    /// write-ahead log can only be read with shared memory beside the database, and a transaction
    /// under way is undone by its journal: then all of it is copied to a private folder, and the
    /// copy is opened.
    ///
    /// # Errors
    /// When it cannot be read, keeps changing, or is no database.
    pub(super) fn open(path: &Path) -> Result<Self, ParseError> {
        // SQLite keeps the log beside the file itself, not beside a link to it.
        let path = &path.canonicalize()?;
        let state = State::of(path)?;
        if state.is_elsewhere() { Self::copy(path) } else { Self::in_place(path, state) }
    }

    /// Reads from a database what is true at one moment, anew when the agent wrote to it meanwhile.
    ///
    /// # Errors
    /// Those of `read`, of [`Database::open`], or when it keeps changing.
    pub(super) fn read<T>(
        path: &Path,
        mut read: impl FnMut(&Connection) -> Result<T, ParseError>,
    ) -> Result<T, ParseError> {
        for _ in 0..ATTEMPTS {
            let database = Self::open(path)?;
            let found = read(&database.connection);
            // What was read in the middle of a write can be any nonsense, errors included.
            if database.verify().is_ok() {
                return found;
            }
        }
        read(&Self::copy(&path.canonicalize()?)?.connection)
    }

    fn in_place(path: &Path, state: State) -> Result<Self, ParseError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(uri(path), flags)?;
        Ok(Self { connection, original: Some((path.to_owned(), state)), _copy: None })
    }

    fn copy(path: &Path) -> Result<Self, ParseError> {
        let copy = Copy::of(path)?;
        // Writable, because replaying the log writes; it is ours alone.
        let connection = Connection::open_with_flags(copy.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Another thread may be replaying the log of the same copy.
        connection.busy_timeout(PATIENCE)?;
        Ok(Self { connection, original: None, _copy: Some(copy) })
    }

    /// Makes sure that what was read is of one moment: a database opened in place takes no lock.
    ///
    /// # Errors
    /// When the agent wrote to it meanwhile.
    pub(super) fn verify(&self) -> Result<(), ParseError> {
        match &self.original {
            Some((path, before)) if State::of(path)? != *before => {
                Err(io::Error::other("the database changed while it was read; try again").into())
            }
            _ => Ok(()),
        }
    }

    /// The names of the tables.
    ///
    /// # Errors
    /// When it is no database.
    pub(super) fn tables(&self) -> Result<Vec<String>, ParseError> {
        tables(&self.connection)
    }
}

/// The names of the tables.
///
/// # Errors
/// When it is no database.
pub(super) fn tables(connection: &Connection) -> Result<Vec<String>, ParseError> {
    let mut statement = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// The rows of a query by the names of their columns; what is null is left out.
///
/// # Errors
/// When the query fails.
pub(super) fn rows(connection: &Connection, query: &str, parameters: &[&str]) -> Result<Vec<Record>, ParseError> {
    let mut statement = connection.prepare(query)?;
    let names: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
    let row = |row: &Row<'_>| {
        let mut record = Record::new();
        for (index, name) in names.iter().enumerate() {
            let value = match row.get_ref(index)? {
                ValueRef::Null => continue,
                ValueRef::Integer(number) => number.into(),
                ValueRef::Real(number) => number.into(),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
            };
            record.insert(name.clone(), value);
        }
        Ok(record)
    };
    let found = statement.query_map(rusqlite::params_from_iter(parameters), row)?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// The session that is meant of those in a database: `part`, else the only one.
///
/// # Errors
/// When none is named, and there is not exactly one.
pub(super) fn the_one(
    part: Option<&str>,
    ids: impl FnOnce() -> Result<Vec<String>, ParseError>,
) -> Result<String, ParseError> {
    if let Some(part) = part {
        return Ok(part.to_owned());
    }
    let mut parts = ids()?;
    match parts.len() {
        0 => Err(ParseError::NoRecord { line: 1, cause: "no session in the database".to_owned() }),
        1 => Ok(parts.remove(0)),
        _ => Err(ParseError::SeveralSessions { parts }),
    }
}

/// Whether the file at a path is a database.
pub(super) fn is_database_at(path: &Path) -> bool {
    head(path, 16).is_ok_and(|head| is_database(&head))
}

/// The sessions of a database, each a row of `list` with its id and the time of its last change in these columns; the
/// log itself where it is no database.
///
/// # Errors
/// When the database cannot be read.
pub(super) fn sessions(
    log: &LogFile,
    list: impl FnMut(&Connection) -> Result<Vec<Record>, ParseError>,
    [id, changed]: [&str; 2],
) -> Result<Vec<LogFile>, ParseError> {
    if !is_database_at(&log.path) {
        return Ok(vec![log.clone()]);
    }
    let part = |row: &Record| Some(log.part(row.get(id)?.as_str()?, row.get(changed).and_then(field::time)));
    Ok(Database::read(&log.path, list)?.iter().filter_map(part).collect())
}

/// A database that holds sessions, where there is one: its time is that of the newest of its files.
pub(super) fn log_at(path: PathBuf) -> Option<LogFile> {
    let log = LogFile::at(path)?;
    Some(LogFile { modified: modified(&log.path, log.modified), ..log })
}

/// Whether a file that begins with `head` is a database.
pub(super) fn is_database(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// The newest of the times of a database and its write-ahead log: while the agent runs, only the
/// log may grow.
pub(super) fn modified(path: &Path, own: SystemTime) -> SystemTime {
    let log = beside(path, "-wal").metadata().ok().filter(|log| log.len() > LOG_HEADER_BYTES);
    log.and_then(|log| log.modified().ok()).map_or(own, |log| log.max(own))
}

/// What tells whether a reading is of one moment.
#[derive(Debug, PartialEq)]
pub(super) struct State {
    inode: u64,
    size: u64,
    modified: SystemTime,
    /// The header, which counts the changes: times alone are too coarse.
    header: Vec<u8>,
    /// The header of the write-ahead log, which changes when the log begins anew.
    log: Option<Vec<u8>>,
    /// The random number of the journal of a transaction that has begun to write.
    journal: Option<Vec<u8>>,
}

impl State {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        let metadata = path.metadata()?;
        let log = beside(path, "-wal");
        let is_log = log.metadata().is_ok_and(|log| log.len() > LOG_HEADER_BYTES);
        // A journal that was not yet synced, or that is kept for the next transaction, begins with
        // zeros.
        let journal =
            head(&beside(path, "-journal"), 20).ok().filter(|head| head.first().is_some_and(|byte| *byte > 0));
        Ok(Self {
            inode: metadata.ino(),
            size: metadata.len(),
            modified: metadata.modified()?,
            header: head(path, 100)?,
            log: is_log.then(|| head(&log, LOG_HEADER_BYTES)).transpose()?,
            journal: journal.map(|head| head.get(12..).unwrap_or_default().to_owned()),
        })
    }

    /// Whether a part of the truth is in another file.
    fn is_elsewhere(&self) -> bool {
        self.log.is_some() || self.journal.is_some()
    }

    /// Whether a copy made between two looks is sound.
    ///
    /// While the log is the same one, the database changes only by what the log holds too; while
    /// the journal is the same one, only by what the journal undoes.
    pub(super) fn is_of_one_moment_with(&self, later: &Self) -> bool {
        let is_same = (self.inode, &self.log, &self.journal) == (later.inode, &later.log, &later.journal);
        if self.is_elsewhere() { is_same } else { self == later }
    }
}

/// The first bytes of a file.
fn head(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    files::read_head(path, length)
}

/// Copies the bytes of a file, but not its permissions: the copy must be writable.
pub(super) fn copy_file(from: &Path, to: &Path, must_exist: bool) -> io::Result<()> {
    match files::open(from, files::STREAMED) {
        // No more than it had: a copy is not to run after a file that grows.
        Ok(source) => {
            let size = source.metadata()?.len();
            io::copy(&mut source.take(size), &mut File::create(to)?).map(drop)
        }
        Err(fault) if must_exist || fault.kind() != io::ErrorKind::NotFound => Err(fault),
        // One of an earlier attempt.
        Err(_) => fs::remove_file(to).or_else(|fault| match fault.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(fault),
        }),
    }
}

pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The path as SQLite's URI, every byte that is not plain escaped.
fn uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => uri.push(char::from(*byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri + "?immutable=1"
}

#[cfg(test)]
#[path = "database_tests.rs"]
mod tests;
