//! Opens an agent's SQLite database so that the agent never notices: no lock, no file beside it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use super::ParseError;

/// How a database file begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// How often a database that changes while it is copied is copied anew.
const ATTEMPTS: usize = 5;

/// A database, open for reading.
#[derive(Debug)]
pub(super) struct Database {
    /// The connection.
    pub(super) connection: Connection,
    // What was opened in place, and its state then.
    original: Option<(PathBuf, State)>,
    // The copy, where there is one, lives as long as the connection.
    _copy: Option<TempDir>,
}

impl Database {
    /// Opens a database as it is now.
    ///
    /// Without a write-ahead log it is opened in place as immutable, which takes no lock. With one,
    /// reading needs shared memory beside the database, so both are copied to a private folder and
    /// the copy is opened: what exists only in the log is read too.
    ///
    /// # Errors
    /// When it cannot be read, keeps changing, or is no database.
    pub(super) fn open(path: &Path) -> Result<Self, ParseError> {
        if !needs_copy(path) {
            let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let original = Some((path.to_owned(), state(path)?));
            return Ok(Self { connection: Connection::open_with_flags(uri(path), flags)?, original, _copy: None });
        }
        let folder = tempfile::Builder::new().prefix("git-session-").tempdir()?;
        let copy = folder.path().join("copy.db");
        for _ in 0..ATTEMPTS {
            let before = state(path)?;
            for suffix in ["", "-wal", "-journal"] {
                let _ = fs::remove_file(beside(&copy, suffix));
                match fs::copy(beside(path, suffix), beside(&copy, suffix)) {
                    Err(fault) if suffix.is_empty() || fault.kind() != io::ErrorKind::NotFound => {
                        return Err(fault.into());
                    }
                    _ => {}
                }
            }
            if state(path)? == before {
                // Writable, because replaying the log writes; it is ours alone.
                let connection = Connection::open_with_flags(&copy, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
                return Ok(Self { connection, original: None, _copy: Some(folder) });
            }
        }
        Err(io::Error::other("the database changes too often to be copied; try again in a while").into())
    }

    /// Makes sure that what was read is of one moment: a database opened in place takes no lock.
    ///
    /// # Errors
    /// When the agent wrote to it meanwhile.
    pub(super) fn verify(&self) -> Result<(), ParseError> {
        match &self.original {
            Some((path, before)) if needs_copy(path) || state(path)? != *before => {
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
        let mut statement = self.connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'")?;
        let names = statement.query_map([], |row| row.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }
}

/// Whether a file that begins with `head` is a database.
pub(super) fn is_database(head: &[u8]) -> bool {
    head.starts_with(MAGIC)
}

/// Whether there is a log beside the database that holds what the database lacks.
fn needs_copy(path: &Path) -> bool {
    ["-wal", "-journal"].iter().any(|suffix| beside(path, suffix).metadata().is_ok_and(|log| log.len() > 0))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Size and time of the database and its log: what tells that a reading is of one moment.
type State = [Option<(u64, SystemTime)>; 2];

fn state(path: &Path) -> io::Result<State> {
    let of = |path: &Path| path.metadata().and_then(|metadata| Ok((metadata.len(), metadata.modified()?)));
    Ok([Some(of(path)?), of(&beside(path, "-wal")).ok()])
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
