//! A native log as a parser sees it, and what a parse can say besides the session.

use std::{
    fs::{DirEntry, File, Metadata},
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    time::SystemTime,
};

use thiserror::Error;

use super::Agent;
use crate::hail::{Assembly, Event, EventType, Header, Lines, Session, Timestamp, attribute};

/// A log found on this machine, known by its metadata only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Where it is.
    pub path: PathBuf,
    /// When it was last written.
    pub modified: SystemTime,
    /// Its size in bytes.
    pub size: u64,
}

impl LogFile {
    /// Looks at `path`; `None` when it is not a regular file or cannot be seen.
    #[must_use]
    pub fn at(path: PathBuf) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        Self::with(path, &metadata)
    }

    /// Looks at an entry of a folder, which spares the system the way to the folder.
    #[must_use]
    pub fn of(entry: &DirEntry) -> Option<Self> {
        let metadata = entry.metadata().ok()?;
        if metadata.is_symlink() { Self::at(entry.path()) } else { Self::with(entry.path(), &metadata) }
    }

    fn with(path: PathBuf, metadata: &Metadata) -> Option<Self> {
        let modified = metadata.is_file().then(|| metadata.modified().ok())??;
        Some(Self { modified, size: metadata.len(), path })
    }
}

/// The input of a parse.
pub struct Log<'a> {
    /// The lines.
    pub lines: Lines<Box<dyn BufRead + 'a>>,
    /// Where they come from, where that is a file: some agents put ids into the name.
    pub path: Option<&'a Path>,
    /// What an earlier parse learned, where this one begins in the middle of a log.
    pub resumed: Option<Header>,
}

impl<'a> Log<'a> {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &'a Path) -> io::Result<Self> {
        Ok(Self::new(BufReader::with_capacity(1 << 17, File::open(path)?), Some(path)))
    }

    /// Reads from `reader`.
    pub fn new(reader: impl BufRead + 'a, path: Option<&'a Path>) -> Self {
        Self { lines: Lines::new(Box::new(reader)), path, resumed: None }
    }
}

/// Something about a log that a person may want to know, though the rest of it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The 1-based line.
    pub line: u64,
    /// What is wrong with it.
    pub cause: String,
}

/// Why a log cannot be read.
#[derive(Debug, Error)]
pub enum ParseError {
    /// The input failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// There is nothing in it.
    #[error("line 1: the file is empty")]
    Empty,
    /// No line is a record of the agent.
    #[error("line {line}: {cause}")]
    NoRecord {
        /// The first line that should have been one.
        line: u64,
        /// What it is instead.
        cause: String,
    },
}

/// A session and what was odd about its log.
#[derive(Debug)]
pub struct Parsed {
    /// The session.
    pub session: Session,
    /// The oddities.
    pub warnings: Vec<Warning>,
}

/// Parses a log into a session in memory.
///
/// # Errors
/// When the input fails, or holds not one record of `agent`.
pub fn parse_session(agent: &dyn Agent, log: &mut Log<'_>) -> Result<Parsed, ParseError> {
    let mut assembly = Assembly::default();
    let warnings = agent.parse(log, &mut assembly)?;
    let session = assembly.finish().ok_or(ParseError::NoRecord { line: 1, cause: "no event in it".to_owned() })?;
    Ok(Parsed { session, warnings })
}

/// An event that stands for a line that could not be read, so that nothing is lost.
pub(super) fn unreadable(line: u64, time: Timestamp, cause: &str, raw: serde_json::Value) -> Event {
    let kind = EventType::Custom { kind: "unreadable".to_owned() };
    Event::new(format!("unreadable-{line}"), time, kind)
        .with_content(crate::hail::Content::json(raw))
        .with(attribute::FAULT, cause)
}
