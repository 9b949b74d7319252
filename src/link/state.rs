//! What the logs were known to hold at the last look, so that none is read twice.
//!
//! The file is a cache: losing it costs a slower next look and nothing else.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::hail::{Header, SessionId, Timestamp};

/// The version of the file's shape; any other is read as empty.
const VERSION: u32 = 1;
/// How many consumed touches are remembered.
const MAX_CONSUMED: usize = 500;
/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_millis(300);

/// The content of the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// The logs by path, as text: paths compare part by part, and for a thousand logs that would be
    /// most of the work.
    pub logs: BTreeMap<String, LogState>,
    /// What sessions touched and no commit has yet.
    pub touches: Vec<Touch>,
    /// What sessions touched and a commit has.
    pub consumed: Vec<Touch>,
}

/// How far one log was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogState {
    /// Its modification time in nanoseconds since 1970.
    pub modified: u128,
    /// Its size in bytes.
    pub size: u64,
    /// The bytes that were read: a line ends there.
    pub offset: u64,
    /// What is known of the session; `None` for a session of another repository, which is never
    /// opened again.
    pub header: Option<Header>,
    /// The last prompt, redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
}

/// A file that a session changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// The absolute path.
    pub path: PathBuf,
    /// The log that says so.
    pub log: PathBuf,
    /// When it was changed.
    pub at: Timestamp,
    /// The session that is credited: for a subagent, the one that started it.
    pub session: SessionId,
    /// The prompt that led here, redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The commit that has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

impl State {
    /// Adds a touch, or brings the one of the same session and path up to date. One that a commit
    /// has already, as a log that was rewritten tells it again, is not added.
    pub fn touch(&mut self, touch: Touch) {
        let is_known =
            |known: &Touch| known.session == touch.session && known.path == touch.path && known.at == touch.at;
        if self.consumed.iter().any(is_known) {
            return;
        }
        let same = |known: &&mut Touch| known.session == touch.session && known.path == touch.path;
        match self.touches.iter_mut().find(same) {
            Some(known) => *known = touch,
            None => self.touches.push(touch),
        }
    }

    /// Remembers that `commit` has what `session` did to `path`.
    pub fn consume(&mut self, session: &SessionId, path: &Path, commit: &str) {
        let (taken, rest) = std::mem::take(&mut self.touches)
            .into_iter()
            .partition(|touch| touch.session == *session && touch.path == path);
        self.touches = rest;
        let taken: Vec<Touch> = taken;
        self.consumed.extend(taken.into_iter().map(|touch| Touch { commit: Some(commit.to_owned()), ..touch }));
        let excess = self.consumed.len().saturating_sub(MAX_CONSUMED);
        self.consumed.drain(..excess);
    }

    /// Forgets a log that is gone or was rewritten.
    pub fn forget(&mut self, log: &Path) {
        if let Some(name) = log.to_str() {
            self.logs.remove(name);
        }
        self.touches.retain(|touch| touch.log != log);
    }
}

/// The file, held against other processes while it is open.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    read: Vec<u8>,
    lock: Option<File>,
}

impl StateFile {
    /// Opens the file in `folder`. Where another process holds it for long, it is read but will not
    /// be written.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: &Path) -> io::Result<(Self, State)> {
        fs::create_dir_all(folder)?;
        let path = folder.join("touches.json");
        let lock = lock(&folder.join("touches.lock"));
        let read = fs::read(&path).unwrap_or_default();
        let state = serde_json::from_slice::<State>(&read).ok().filter(|state| state.version == VERSION);
        let state = state.unwrap_or_else(|| State { version: VERSION, ..State::default() });
        Ok((Self { path, read, lock }, state))
    }

    /// Writes `state`, if it changed, in place of the old file.
    ///
    /// # Errors
    /// When the folder cannot be written; the old file is then untouched.
    pub fn save(self, state: &State) -> io::Result<()> {
        let bytes = serde_json::to_vec(state).map_err(io::Error::from)?;
        if self.lock.is_none() || bytes == self.read {
            return Ok(());
        }
        replace(&self.path, &bytes)
    }
}

/// Writes a file as a whole or not at all.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path).map_err(|fault| fault.error)?;
    Ok(())
}

/// Takes an advisory lock that ends with the process; `None` when somebody keeps it too long.
fn lock(path: &Path) -> Option<File> {
    let file = File::options().create(true).truncate(false).write(true).open(path).ok()?;
    let started = Instant::now();
    while file.try_lock().is_err() {
        if started.elapsed() > PATIENCE {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Some(file)
}
