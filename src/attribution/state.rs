//! What the logs were known to hold at the last look, so that none is read twice.
//!
//! The file is a cache: losing it costs a slower next look and nothing else.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{
    hail::{Header, SessionId, Timestamp},
    system::files,
};

/// The version of the file's shape; any other is read as empty.
const VERSION: u32 = 4;
/// How many consumed touches are remembered.
const MAX_CONSUMED: usize = 500;
/// How long another process may hold the file.
const PATIENCE: Duration = Duration::from_millis(300);

/// The content of the file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    version: u32,
    /// The logs by path, as text: paths compare part by part, and for a thousand logs that would be
    /// most of the work.
    logs: BTreeMap<String, LogState>,
    /// What sessions touched and no commit has yet.
    touches: Vec<Touch>,
    /// What sessions touched and a commit has.
    consumed: Vec<Touch>,
    /// Where the touch of each session and path is in `touches`; out of date where there are more or fewer.
    #[serde(skip)]
    places: HashMap<(SessionId, PathBuf), usize>,
    #[serde(skip)]
    has_changed: bool,
    /// Whether there was no file of it that could be read.
    #[serde(skip)]
    is_new: bool,
}

/// How far one log was read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LogState {
    /// Its modification time in nanoseconds since 1970.
    pub modified: u64,
    /// Its size in bytes.
    pub size: u64,
    /// The bytes that were read: a line ends there.
    pub offset: u64,
    /// The session; `None` for one of another repository, whose log is never opened again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// What is known of the session, without its title. It is read only where it is needed: a
    /// thousand logs are known, one or two have a part in a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    header: Option<Box<RawValue>>,
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

impl LogState {
    /// What is known of the session.
    #[must_use]
    pub fn header(&self) -> Option<Header> {
        serde_json::from_str(self.header.as_ref()?.get()).ok()
    }

    /// Notes what is known of the session. The title is what a person wrote, so it is left out.
    #[must_use]
    pub fn with_header(mut self, header: Header) -> Self {
        self.session = Some(header.session_id.clone());
        let context = crate::hail::Context { title: String::new(), ..header.context };
        self.header = serde_json::value::to_raw_value(&Header { context, ..header }).ok();
        self
    }

    /// Whether the session is of another repository.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.session.is_none() && self.offset > 0
    }
}

impl State {
    /// What is known of a log.
    #[must_use]
    pub fn log(&self, log: &Path) -> Option<&LogState> {
        self.logs.get(log.to_str()?)
    }

    /// The logs that are known, sorted by name, by whether they are of another repository.
    #[must_use]
    pub fn names(&self, is_foreign: bool) -> Vec<&str> {
        let wanted = self.logs.iter().filter(|(_, log)| log.is_foreign() == is_foreign);
        wanted.map(|(name, _)| name.as_str()).collect()
    }

    /// The log of a session itself, rather than of one of its subagents.
    #[must_use]
    pub fn log_of(&self, session: &SessionId) -> Option<(&Path, &LogState)> {
        let is_own = |(_, log): &(&String, &LogState)| log.session.as_ref() == Some(session);
        self.logs.iter().find(is_own).map(|(path, log)| (Path::new(path.as_str()), log))
    }

    /// Notes how far a log was read. A path that is not Unicode has no place in the file.
    pub fn note(&mut self, log: &Path, state: LogState) {
        if let Some(name) = log.to_str() {
            self.has_changed = true;
            self.logs.insert(name.to_owned(), state);
        }
    }

    /// What sessions touched and no commit has yet.
    #[must_use]
    pub fn touches(&self) -> &[Touch] {
        &self.touches
    }

    /// What sessions touched and a commit has, the latest last.
    #[must_use]
    pub fn consumed(&self) -> &[Touch] {
        &self.consumed
    }

    /// Whether nothing was known before.
    #[must_use]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Keeps only the touches that `is_kept` says.
    pub fn retain_touches(&mut self, is_kept: impl FnMut(&Touch) -> bool) {
        let before = self.touches.len();
        self.touches.retain(is_kept);
        self.has_changed |= self.touches.len() != before;
    }

    /// Keeps only the logs that `is_kept` says, and their touches.
    pub fn retain_logs(&mut self, is_kept: impl Fn(&str) -> bool) {
        let before = self.logs.len();
        self.logs.retain(|name, _| is_kept(name));
        if self.logs.len() != before {
            self.has_changed = true;
            let logs = &self.logs;
            self.touches.retain(|touch| touch.log.to_str().is_some_and(|name| logs.contains_key(name)));
        }
    }

    /// Adds a touch, or brings the one of the same session and path up to date. One that a commit
    /// has already, as a log that was rewritten tells it again, is not added.
    pub fn touch(&mut self, touch: Touch) {
        let is_known =
            |known: &Touch| known.at == touch.at && known.session == touch.session && known.path == touch.path;
        if self.consumed.iter().any(is_known) {
            return;
        }
        self.has_changed = true;
        let key = (touch.session.clone(), touch.path.clone());
        if let Some(place) = self.place(&key) {
            self.touches[place] = touch;
        } else {
            self.places.insert(key, self.touches.len());
            self.touches.push(touch);
        }
    }

    /// Where the touch of a session and a path is. Where each one is is found out once, and again when some were
    /// taken out.
    fn place(&mut self, key: &(SessionId, PathBuf)) -> Option<usize> {
        if self.places.len() != self.touches.len() {
            let places = self.touches.iter().enumerate();
            self.places = places.map(|(at, touch)| ((touch.session.clone(), touch.path.clone()), at)).collect();
        }
        self.places.get(key).copied()
    }

    /// Remembers that `commit` has what `session` did to `paths`.
    pub fn consume(&mut self, session: &SessionId, paths: &HashSet<&Path>, commit: &str) {
        self.has_changed = true;
        let (taken, rest) = std::mem::take(&mut self.touches)
            .into_iter()
            .partition(|touch| touch.session == *session && paths.contains(touch.path.as_path()));
        self.touches = rest;
        let taken: Vec<Touch> = taken;
        self.consumed.extend(taken.into_iter().map(|touch| Touch { commit: Some(commit.to_owned()), ..touch }));
        let excess = self.consumed.len().saturating_sub(MAX_CONSUMED);
        self.consumed.drain(..excess);
    }

    /// Forgets a session: its logs are read again.
    pub fn forget_session(&mut self, session: &SessionId) {
        self.has_changed = true;
        self.logs.retain(|_, log| log.session.as_ref() != Some(session));
        self.touches.retain(|touch| touch.session != *session);
        for touch in self.consumed.iter_mut().filter(|touch| touch.session == *session) {
            touch.prompt = None;
        }
    }

    /// Forgets a log that is gone or was rewritten.
    pub fn forget(&mut self, log: &Path) {
        self.has_changed = true;
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
        let read = files::read(&path, files::LARGE).unwrap_or_default();
        let state = serde_json::from_slice::<State>(&read).ok().filter(|state| state.version == VERSION);
        let state = state.unwrap_or_else(|| State { version: VERSION, is_new: true, ..State::default() });
        Ok((Self { path, lock }, state))
    }

    /// Writes `state`, if it changed or is the first, in place of the old file.
    ///
    /// # Errors
    /// When the folder cannot be written; the old file is then untouched.
    pub fn save(self, state: &State) -> io::Result<()> {
        if self.lock.is_none() || !(state.has_changed || state.is_new) {
            return Ok(());
        }
        files::replace(&self.path, &serde_json::to_vec(state).map_err(io::Error::from)?)
    }
}

/// Takes an advisory lock that ends with the process; `None` when somebody keeps it too long.
fn lock(path: &Path) -> Option<File> {
    let file = files::open_lock(path).ok()?;
    let started = Instant::now();
    while file.try_lock().is_err() {
        if started.elapsed() > PATIENCE {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Some(file)
}
