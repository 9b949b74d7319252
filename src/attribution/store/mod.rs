//! What the sessions on this machine wrote, line by line, as far as their logs were read.
//!
//! The file is a cache in the repository's common git directory: losing it costs a slower next look and nothing else.
//! It is an SQLite database so that a commit reads only the lines it changes, whatever the number of sessions. No text
//! of a log is in it but prompts and commands, redacted; lines are hashes.

mod edits;

use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

pub use edits::{Kind, Lines, StoredCall, StoredEdit};
use rusqlite::{Connection, OptionalExtension, params};

use crate::hail::{Header, SessionId, Timestamp};

/// The version of the tables; a file of any other is made anew.
const VERSION: i64 = 1;
/// The name of the file in the state directory.
const FILE: &str = "writes.sqlite";
/// The file of versions before.
const OLD_FILES: [&str; 2] = ["touches.json", "touches.lock"];
/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_millis(300);
/// How long what a session wrote is kept, in milliseconds: 90 days.
const KEPT: i64 = 90 * 24 * 60 * 60 * 1000;

const TABLES: &str = "
CREATE TABLE log (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, modified INTEGER NOT NULL, size INTEGER NOT NULL,
    offset INTEGER NOT NULL, is_foreign INTEGER NOT NULL, session TEXT, header TEXT, prompt TEXT);
CREATE TABLE edit (id INTEGER PRIMARY KEY, log INTEGER NOT NULL, is_open INTEGER NOT NULL, session TEXT NOT NULL,
    kind INTEGER NOT NULL, path TEXT NOT NULL, is_within INTEGER NOT NULL, old_path TEXT, old_is_within INTEGER,
    started INTEGER NOT NULL, at INTEGER NOT NULL, prompt TEXT, is_whole INTEGER NOT NULL);
CREATE INDEX edit_of_log ON edit (log);
CREATE INDEX edit_without_lines ON edit (kind) WHERE kind > 0;
CREATE TABLE line (hash INTEGER NOT NULL, name INTEGER NOT NULL, edit INTEGER NOT NULL, is_added INTEGER NOT NULL,
    before INTEGER NOT NULL, PRIMARY KEY (hash, name, edit, is_added, before)) WITHOUT ROWID;
CREATE INDEX line_of_edit ON line (edit);
CREATE TABLE name (hash INTEGER PRIMARY KEY);
CREATE TABLE call (log INTEGER NOT NULL, session TEXT NOT NULL, command TEXT NOT NULL,
    directory TEXT, started INTEGER NOT NULL, commits INTEGER NOT NULL);
";

/// The store, held against other processes while it is open.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    is_new: bool,
}

/// How far one log was read.
#[derive(Clone, Debug, Default)]
pub struct LogState {
    /// Its modification time in nanoseconds since 1970.
    pub modified: u64,
    /// Its size in bytes.
    pub size: u64,
    /// The bytes that were read for good: a line ends there.
    pub offset: u64,
    /// Whether it is of another repository.
    pub is_foreign: bool,
    /// The session that is credited.
    pub session: Option<SessionId>,
    /// What is known of the session, redacted and without its title.
    pub header: Option<Header>,
    /// The last prompt, redacted.
    pub prompt: Option<String>,
}

/// A log that was looked at before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenLog {
    /// Its modification time in nanoseconds since 1970.
    pub modified: u64,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is of another repository.
    pub is_foreign: bool,
}

impl Store {
    /// Opens the store in `folder`, and makes one where there is none that can be read. Where another process holds
    /// it for long, what is read now is not kept.
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(FILE);
        for old in OLD_FILES {
            let _ = fs::remove_file(folder.join(old));
        }
        // A pipe or a device in its place would block whoever opens it.
        let is_other = |suffix: &str| {
            let found = folder.join(format!("{FILE}{suffix}")).symlink_metadata();
            found.is_ok_and(|found| !found.is_file())
        };
        if ["", "-journal", "-wal", "-shm"].into_iter().any(is_other) {
            return Self::in_memory().map_err(io::Error::other);
        }
        match Self::at(&path) {
            Ok(store) => Ok(store),
            Err(fault) if is_busy(&fault) => Self::in_memory().map_err(io::Error::other),
            Err(_) => {
                for suffix in ["", "-journal", "-wal", "-shm"] {
                    let _ = fs::remove_file(folder.join(format!("{FILE}{suffix}")));
                }
                Self::at(&path).or_else(|_| Self::in_memory()).map_err(io::Error::other)
            }
        }
    }

    fn at(path: &Path) -> rusqlite::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        // What is lost when the machine stops is read again. What is erased must be gone from the file.
        connection.execute_batch("PRAGMA synchronous=OFF; PRAGMA secure_delete=ON; BEGIN IMMEDIATE;")?;
        Self::prepared(connection)
    }

    fn in_memory() -> rusqlite::Result<Self> {
        let connection = Connection::open_in_memory()?;
        connection.execute_batch("BEGIN;")?;
        Self::prepared(connection)
    }

    fn prepared(connection: Connection) -> rusqlite::Result<Self> {
        let version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        let has_tables = connection.table_exists(None, "log")?;
        if version == VERSION && has_tables {
            return Ok(Self { connection, is_new: false });
        }
        if has_tables {
            // A newer version, or an older one.
            return Err(rusqlite::Error::InvalidQuery);
        }
        connection.execute_batch(TABLES)?;
        connection.pragma_update(None, "user_version", VERSION)?;
        Ok(Self { connection, is_new: true })
    }

    /// Whether nothing was known before.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Keeps what was changed.
    ///
    /// # Errors
    /// When the file cannot be written; it is then as it was.
    pub fn save(self) -> io::Result<()> {
        self.connection.execute_batch("COMMIT").map_err(io::Error::other)
    }

    /// The logs that were looked at before, by name.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn seen_logs(&self) -> io::Result<HashMap<String, SeenLog>> {
        let read = || {
            let mut statement = self.connection.prepare_cached("SELECT name, modified, size, is_foreign FROM log")?;
            let rows = statement.query_map([], |row| {
                let seen =
                    SeenLog { modified: unsigned(row.get(1)?), size: unsigned(row.get(2)?), is_foreign: row.get(3)? };
                Ok((row.get(0)?, seen))
            })?;
            rows.collect::<rusqlite::Result<_>>()
        };
        read().map_err(io::Error::other)
    }

    /// What is known of a log.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log(&self, name: &str) -> io::Result<Option<LogState>> {
        self.log_where(name).map_err(io::Error::other)
    }

    /// The log of a session itself, rather than of one of its subagents: its name and what is known of it.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn log_of(&self, session: &SessionId) -> io::Result<Option<(String, LogState)>> {
        let read = || -> rusqlite::Result<Option<(String, LogState)>> {
            let mut statement = self.connection.prepare_cached("SELECT name FROM log WHERE session = ? ORDER BY id")?;
            let names = statement.query_map([session.as_str()], |row| row.get::<_, String>(0))?;
            let mut found = None;
            for name in names {
                let name = name?;
                let Some(log) = self.log_where(&name)? else { continue };
                let is_own = log.header.as_ref().is_some_and(|header| header.session_id == *session);
                if is_own || found.is_none() {
                    found = Some((name, log));
                }
                if is_own {
                    break;
                }
            }
            Ok(found)
        };
        read().map_err(io::Error::other)
    }

    fn log_where(&self, name: &str) -> rusqlite::Result<Option<LogState>> {
        const QUERY: &str =
            "SELECT modified, size, offset, is_foreign, session, header, prompt FROM log WHERE name = ?";
        let mut statement = self.connection.prepare_cached(QUERY)?;
        let row = statement.query_row([name], |row| {
            let header: Option<String> = row.get(5)?;
            let session: Option<String> = row.get(4)?;
            Ok(LogState {
                modified: unsigned(row.get(0)?),
                size: unsigned(row.get(1)?),
                offset: unsigned(row.get(2)?),
                is_foreign: row.get(3)?,
                session: session.and_then(|session| session.parse().ok()),
                header: header.and_then(|header| serde_json::from_str(&header).ok()),
                prompt: row.get(6)?,
            })
        });
        row.optional()
    }

    /// Notes how far a log was read.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note(&self, name: &str, log: &LogState) -> io::Result<()> {
        const UPDATE: &str = "INSERT INTO log (name, modified, size, offset, is_foreign, session, header, prompt)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET modified = excluded.modified,
            size = excluded.size, offset = excluded.offset, is_foreign = excluded.is_foreign,
            session = excluded.session, header = excluded.header, prompt = excluded.prompt";
        // The title is what a person wrote, so it is left out.
        let header = log.header.clone().map(|mut header| {
            header.context.title.clear();
            serde_json::to_string(&header).unwrap_or_default()
        });
        let session = log.session.as_ref().map(SessionId::as_str);
        let mut statement = self.connection.prepare_cached(UPDATE).map_err(io::Error::other)?;
        let values = params![
            name,
            signed(log.modified),
            signed(log.size),
            signed(log.offset),
            log.is_foreign,
            session,
            header,
            log.prompt
        ];
        statement.execute(values).map(drop).map_err(io::Error::other)
    }

    /// Forgets a log that is gone or was rewritten, with what it says.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget(&self, name: &str) -> io::Result<()> {
        self.clear_edits(name, false)?;
        self.execute("DELETE FROM log WHERE name = ?", [name])
    }

    /// Forgets what a log says: all of it, or what was read of calls that had not come back and what came after.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn clear_edits(&self, name: &str, only_open: bool) -> io::Result<()> {
        const OF_LOG: &str = "log = (SELECT id FROM log WHERE name = ?1)";
        let open = if only_open { " AND is_open" } else { "" };
        self.execute(&format!("DELETE FROM line WHERE edit IN (SELECT id FROM edit WHERE {OF_LOG}{open})"), [name])?;
        self.execute(&format!("DELETE FROM edit WHERE {OF_LOG}{open}"), [name])?;
        self.execute(&format!("DELETE FROM call WHERE {OF_LOG}"), [name])
    }

    /// Forgets the commands of a log that had not come back.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn clear_calls(&self, name: &str) -> io::Result<()> {
        self.execute("DELETE FROM call WHERE log = (SELECT id FROM log WHERE name = ?1)", [name])
    }

    /// Forgets a session: its logs are read again.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn forget_session(&self, session: &SessionId) -> io::Result<()> {
        const OF_SESSION: &str = "log IN (SELECT id FROM log WHERE session = ?1) OR session = ?1";
        self.execute(
            &format!("DELETE FROM line WHERE edit IN (SELECT id FROM edit WHERE {OF_SESSION})"),
            [session.as_str()],
        )?;
        self.execute(&format!("DELETE FROM edit WHERE {OF_SESSION}"), [session.as_str()])?;
        self.execute(&format!("DELETE FROM call WHERE {OF_SESSION}"), [session.as_str()])?;
        self.execute("DELETE FROM log WHERE session = ?1", [session.as_str()])
    }

    /// Forgets what was written too long ago.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn expire(&self, now: Timestamp) -> io::Result<()> {
        let limit = now.millis() - KEPT;
        self.execute("DELETE FROM line WHERE edit IN (SELECT id FROM edit WHERE at < ?)", [limit])?;
        self.execute("DELETE FROM edit WHERE at < ?", [limit])?;
        let old = limit.saturating_mul(1_000_000);
        self.execute("DELETE FROM log WHERE modified < ? AND id NOT IN (SELECT log FROM edit)", [old])
    }

    fn execute(&self, statement: &str, values: impl rusqlite::Params) -> io::Result<()> {
        let mut statement = self.connection.prepare_cached(statement).map_err(io::Error::other)?;
        statement.execute(values).map(drop).map_err(io::Error::other)
    }
}

fn is_busy(fault: &rusqlite::Error) -> bool {
    let code = fault.sqlite_error_code();
    matches!(code, Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked))
}

fn signed(number: u64) -> i64 {
    i64::from_ne_bytes(number.to_ne_bytes())
}

fn unsigned(number: i64) -> u64 {
    u64::from_ne_bytes(number.to_ne_bytes())
}

/// The path of the store in a state directory.
#[must_use]
pub fn path_in(folder: &Path) -> PathBuf {
    folder.join(FILE)
}
