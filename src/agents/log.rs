//! A native log as a parser sees it, and what a parse can say besides the session.

use std::{
    borrow::Cow,
    fs::{DirEntry, Metadata},
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use super::{Agent, compressed::plain};
use crate::{
    hail::{Assembly, Event, EventType, Header, Lines, Pause, Session, Timestamp, Titled, attribute, repaired},
    system::files,
};

/// The largest log that is one document, in bytes: 512 MiB. It has to be read as a whole.
pub const MAX_DOCUMENT_BYTES: u64 = 512 * 1024 * 1024;

/// A log found on this machine, known by its metadata only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Where it is.
    pub path: PathBuf,
    /// When it was last written.
    pub modified: SystemTime,
    /// Its size in bytes.
    pub size: u64,
    /// Which session in it, where it holds several: the agent's own id of it.
    pub part: Option<String>,
}

impl LogFile {
    /// The path as text, with the part after `#`: what state files and messages call the log.
    #[must_use]
    pub fn name(&self) -> String {
        let path = self.path.display();
        self.part.as_ref().map_or_else(|| path.to_string(), |part| format!("{path}#{part}"))
    }

    /// The file that a [`LogFile::name`] is of, and the part.
    #[must_use]
    pub fn parse_name(name: &str) -> (&Path, Option<&str>) {
        match name.rsplit_once('#') {
            Some((path, part)) if !Path::new(name).exists() => (Path::new(path), Some(part)),
            _ => (Path::new(name), None),
        }
    }

    /// One session of a file that holds several, last changed at `modified` where that is known. Its
    /// size is not, so it counts as zero.
    #[must_use]
    pub fn part(&self, part: impl Into<String>, modified: Option<Timestamp>) -> Self {
        let modified = modified.map_or(self.modified, |time| time.to_chrono().into());
        Self { part: Some(part.into()), modified, size: 0, ..self.clone() }
    }

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
        Some(Self { modified, size: metadata.len(), path, part: None })
    }
}

/// The input of a parse.
pub struct Log<'a> {
    /// The lines.
    pub lines: Lines<Box<dyn BufRead + 'a>>,
    /// Where they come from, where that is a file: some agents put ids into the name.
    pub path: Option<&'a Path>,
    /// Which session is meant, where the file holds several.
    pub part: Option<&'a str>,
    /// What an earlier parse learned, where this one begins in the middle of a log.
    pub resumed: Option<Header>,
    /// Where the sink wants to know how the parser stands: where a line begins.
    pub pause_at: Option<u64>,
    /// How an earlier parse stood where this one begins.
    paused: Option<Pause>,
    /// Whether this parse begins in the middle of the log.
    is_resumed: bool,
}

impl<'a> Log<'a> {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &'a Path) -> io::Result<Self> {
        Ok(Self::new(BufReader::with_capacity(1 << 17, files::open(path, files::STREAMED)?), Some(path)))
    }

    /// Reads from `reader`, decompressed where it is compressed.
    pub fn new(reader: impl BufRead + 'a, path: Option<&'a Path>) -> Self {
        let lines = Lines::new(plain(reader));
        Self { lines, path, part: None, resumed: None, pause_at: None, paused: None, is_resumed: false }
    }

    /// Reads from `reader` what comes after `paused`, where an earlier parse stood like that.
    pub fn after(paused: Pause, reader: impl BufRead + 'a, path: Option<&'a Path>) -> Self {
        let lines = Lines::after(paused.lines, paused.offset, Box::new(reader) as Box<dyn BufRead + 'a>);
        Self { lines, paused: Some(paused), is_resumed: true, ..Self::new(io::empty(), path) }
    }

    /// How an earlier parse stood where this one begins, for the parser to go on from.
    pub(super) fn take_pause<S: DeserializeOwned>(&mut self) -> Result<Option<(Vec<Event>, S)>, ParseError> {
        let Some(paused) = self.paused.take() else { return Ok(None) };
        let state = serde_json::from_value(paused.state).map_err(io::Error::from)?;
        Ok(Some((paused.held, state)))
    }

    /// Whether this parse begins in the middle of the log.
    pub(super) fn is_resumed(&self) -> bool {
        self.resumed.is_some() || self.is_resumed
    }

    /// Whether the sink wants to know how the parser stands after the line that was read last.
    pub(super) fn is_at_pause(&self) -> bool {
        self.pause_at == Some(self.lines.offset())
    }

    /// How the parser stands after that line: the events that it holds, and what else it knows.
    pub(super) fn pause(&self, held: Vec<Event>, state: impl Serialize) -> io::Result<Pause> {
        let state = serde_json::to_value(state)?;
        Ok(Pause { offset: self.lines.offset(), lines: self.lines.number(), held, state })
    }

    /// Reads what is left of a log that has to be read as a whole.
    ///
    /// # Errors
    /// When the input fails or is larger than [`MAX_DOCUMENT_BYTES`].
    pub fn rest(&mut self) -> Result<Vec<u8>, ParseError> {
        let bytes = self.lines.rest(MAX_DOCUMENT_BYTES + 1)?;
        if bytes.len() as u64 > MAX_DOCUMENT_BYTES {
            let cause = format!("the document is larger than {MAX_DOCUMENT_BYTES} bytes");
            return Err(ParseError::NoRecord { line: 1, cause });
        }
        Ok(bytes)
    }

    /// Reads all of a log that is one document rather than lines, without its byte order mark.
    ///
    /// # Errors
    /// When the input fails, is empty, is not UTF-8, or is larger than [`MAX_DOCUMENT_BYTES`].
    pub fn document(&mut self) -> Result<String, ParseError> {
        let bytes = self.rest()?;
        let refuse = |cause: String| ParseError::NoRecord { line: 1, cause };
        let text = String::from_utf8(bytes).map_err(|fault| {
            refuse(format!("not UTF-8 at byte {} of the file", fault.utf8_error().valid_up_to() + 1))
        })?;
        let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
        let text = match repaired(&text) {
            Cow::Owned(repaired) => repaired,
            Cow::Borrowed(_) => text,
        };
        if text.trim().is_empty() { Err(ParseError::Empty) } else { Ok(text) }
    }
}

/// Something about a log that a person may want to know, though the rest of it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// The file holds several sessions, and none was named.
    #[error("the file holds {} sessions", parts.len())]
    SeveralSessions {
        /// The agent's own ids of them.
        parts: Vec<String>,
    },
    /// The database cannot be read.
    #[error("not a readable database: {0}")]
    Database(#[from] rusqlite::Error),
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
    let warnings = agent.parse(log, &mut Titled(&mut assembly))?;
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
