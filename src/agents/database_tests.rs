use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use tempfile::TempDir;

use super::{Database, ParseError, beside};

struct Place {
    folder: TempDir,
    path: PathBuf,
    agent: Connection,
}

impl Place {
    /// A database in `mode` that the agent has open, with two committed rows.
    fn new(mode: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state of #1?.db");
        let agent = Connection::open(&path).expect("a database");
        agent.busy_timeout(std::time::Duration::ZERO).expect("set");
        let set: String = agent.query_row(&format!("PRAGMA journal_mode={mode}"), [], |row| row.get(0)).expect("set");
        assert_eq!(set, mode);
        agent
            .execute_batch(
                "PRAGMA wal_autocheckpoint=0; CREATE TABLE said (text); INSERT INTO said VALUES ('one'), ('two');",
            )
            .expect("written");
        Self { folder, path, agent }
    }

    fn files(&self) -> Vec<(String, u64)> {
        let entries = fs::read_dir(self.folder.path()).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut files: Vec<(String, u64)> = entries
            .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.metadata().expect("seen").len()))
            .collect();
        files.sort();
        files
    }

    /// The agent begins a transaction that is too large for its memory.
    fn begin_large(&self) {
        self.agent
            .execute_batch("PRAGMA cache_size=1; BEGIN IMMEDIATE; UPDATE said SET text = 'changed';")
            .expect("begun");
        let row = "x".repeat(4000);
        for _ in 0..50 {
            self.agent.execute("INSERT INTO said VALUES (?1)", [&row]).expect("written");
        }
    }
}

fn said(connection: &Connection) -> Result<Vec<String>, ParseError> {
    let mut statement = connection.prepare("SELECT text FROM said ORDER BY rowid")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(path: &Path) -> Vec<String> {
    Database::read(path, said).expect("readable")
}

#[test]
fn a_database_at_rest_is_read_in_place_and_not_copied() {
    for mode in ["delete", "persist", "truncate", "wal"] {
        let place = Place::new(mode);
        if mode == "wal" {
            place.agent.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("emptied");
        }
        let before = place.files();
        let database = Database::open(&place.path).expect("opened");
        assert!(database.original.is_some(), "{mode} was copied");
        assert_eq!(said(&database.connection).expect("read"), ["one", "two"], "{mode}");
        database.verify().expect("nothing changed");
        drop(database);
        assert_eq!(place.files(), before, "{mode}");
        drop(place.agent);
        assert_eq!(read(&place.path), ["one", "two"], "{mode}");
    }
}

#[test]
fn what_is_only_in_the_write_ahead_log_is_read_while_the_agent_writes_on() {
    let place = Place::new("wal");
    assert!(!String::from_utf8_lossy(&fs::read(&place.path).expect("readable")).contains("two"), "not in the log only");
    place.begin_large();
    let before = place.files();
    let database = Database::open(&place.path).expect("opened");
    assert_eq!(said(&database.connection).expect("read"), ["one", "two"]);
    assert_eq!(place.files(), before);
    place.agent.execute_batch("COMMIT").expect("nobody stands in the way");
    place.agent.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("nobody reads the log");
    assert_eq!(said(&database.connection).expect("read"), ["one", "two"], "the copy is of one moment");
    database.verify().expect("it still is");
    drop(database);
    assert_eq!(read(&place.path).len(), 52);
    assert!(!place.files().iter().any(|(name, _)| name.contains("journal")));
}

#[test]
fn a_transaction_that_already_reached_the_file_is_not_seen_and_can_be_committed() {
    for mode in ["delete", "persist", "truncate"] {
        let place = Place::new(mode);
        place.begin_large();
        assert!(fs::read(&place.path).expect("readable").len() > 100_000, "{mode}: the transaction is not in the file");
        let before = place.files();
        let database = Database::open(&place.path).expect("opened");
        assert_eq!(said(&database.connection).expect("read"), ["one", "two"], "{mode}");
        assert_eq!(place.files(), before, "{mode}");
        place.agent.execute_batch("COMMIT").expect("nobody stands in the way");
        drop(database);
        assert_eq!(read(&place.path).len(), 52, "{mode}");
    }
}

#[test]
fn an_open_reading_holds_no_lock_where_an_ordinary_one_does() {
    let place = Place::new("delete");
    let database = Database::open(&place.path).expect("opened");
    {
        let mut statement = database.connection.prepare("SELECT text FROM said").expect("prepared");
        let mut rows = statement.query([]).expect("run");
        rows.next().expect("a row");
        place.agent.execute("INSERT INTO said VALUES ('three')", []).expect("nobody stands in the way");
    }
    assert!(database.verify().is_err(), "what was read may be torn");
    let ordinary = Connection::open(&place.path).expect("opened");
    let mut statement = ordinary.prepare("SELECT text FROM said").expect("prepared");
    let mut rows = statement.query([]).expect("run");
    rows.next().expect("a row");
    let refused = place.agent.execute("INSERT INTO said VALUES ('four')", []).expect_err("the reader locks it out");
    assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy));
}

#[test]
fn what_changed_while_it_was_read_is_read_again() {
    let place = Place::new("delete");
    let reads = Cell::new(0);
    let found = Database::read(&place.path, |connection| {
        reads.set(reads.get() + 1);
        let found = said(connection)?;
        if reads.get() == 1 {
            place.agent.execute("UPDATE said SET text = upper(text)", [])?;
        }
        Ok(found)
    });
    assert_eq!(found.expect("read"), ["ONE", "TWO"]);
    assert_eq!(reads.get(), 2);
}

#[test]
fn a_database_that_never_rests_is_read_from_a_copy() {
    let place = Place::new("delete");
    let found = Database::read(&place.path, |connection| {
        place.agent.execute("INSERT INTO said VALUES ('more')", [])?;
        said(connection)
    });
    assert_eq!(found.expect("read").len(), 2 + super::ATTEMPTS);
    assert_eq!(place.files().len(), 1);
}

#[test]
fn a_log_that_begins_anew_while_it_is_copied_is_noticed() {
    let place = Place::new("wal");
    let before = super::State::of(&place.path).expect("seen");
    place.agent.execute("INSERT INTO said VALUES ('three')", []).expect("written");
    let grown = super::State::of(&place.path).expect("seen");
    assert!(before.is_of_one_moment_with(&grown), "a log that only grew holds all that the database lacks");
    place.agent.execute_batch("PRAGMA wal_checkpoint(RESTART); INSERT INTO said VALUES ('four');").expect("written");
    let anew = super::State::of(&place.path).expect("seen");
    assert!(!before.is_of_one_moment_with(&anew));
}

#[test]
fn a_link_to_a_database_is_followed_to_its_log() {
    let place = Place::new("wal");
    let elsewhere = tempfile::tempdir().expect("a folder");
    let link = elsewhere.path().join("link.db");
    std::os::unix::fs::symlink(&place.path, &link).expect("linked");
    assert_eq!(read(&link), ["one", "two"]);
    assert_eq!(fs::read_dir(elsewhere.path()).expect("a folder").count(), 1);
}

#[test]
fn a_database_that_may_only_be_read_is_read() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new("wal");
    for path in [place.path.clone(), beside(&place.path, "-wal")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o444)).expect("set");
    }
    assert_eq!(read(&place.path), ["one", "two"]);
}

#[test]
fn what_is_no_database_or_breaks_off_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.db");
    assert!(matches!(Database::read(&path, said), Err(ParseError::Io(_))));
    fs::write(&path, b"SQLite format 3\0").expect("written");
    assert!(matches!(Database::read(&path, said), Err(ParseError::Database(_))));
    let whole = Place::new("delete");
    let bytes = fs::read(&whole.path).expect("readable");
    fs::write(&path, &bytes[..bytes.len() / 2 + 100]).expect("written");
    assert!(matches!(Database::read(&path, said), Err(ParseError::Database(_))));
}

#[test]
fn a_database_that_does_not_change_is_copied_once_while_copies_are_kept() {
    let place = Place::new("wal");
    let copy = || {
        let path: String = Database::open(&place.path)
            .expect("opened")
            .connection
            .query_row("SELECT file FROM pragma_database_list", [], |row| row.get(0))
            .expect("a path");
        PathBuf::from(path)
    };
    assert_ne!(copy(), copy());
    let keeper = super::super::CopyKeeper::new();
    let first = copy();
    assert_eq!(copy(), first);
    place.agent.execute("INSERT INTO said VALUES ('three')", []).expect("written");
    assert_eq!(read(&place.path), ["one", "two", "three"]);
    let second = copy();
    assert_ne!(second, first);
    assert!(second.exists());
    drop(keeper);
    assert!(!second.exists(), "a copy outlives those who keep it");
}
