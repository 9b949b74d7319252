//! What was read of each log, so that a log that did not change since is not opened again.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    io,
    path::PathBuf,
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use crate::{
    agents::LogFile,
    git::Repository,
    hail::SessionId,
    ledger::{Capture, KnownVersions, Stored},
    system::files,
};

/// The version of the file's shape: a file of another version is as good as none.
const VERSION: u32 = 2;

/// What is known of the logs of a machine, by [`LogFile::name`].
#[derive(Debug)]
pub struct SeenLogs {
    path: PathBuf,
    content: Content,
    /// The names of the logs of each session.
    logs_of: HashMap<SessionId, BTreeSet<String>>,
    has_changed: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Content {
    version: u32,
    logs: BTreeMap<String, SeenLog>,
}

/// What was read of one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SeenLog {
    /// Its modification time in nanoseconds since 1970.
    modified: u128,
    /// Its size in bytes.
    size: u64,
    /// The session; `None` where it belongs to another repository.
    session: Option<Known>,
    /// The names of the sessions of a file that holds several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    parts: Vec<String>,
}

/// A session that came of a log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Its id.
    pub id: SessionId,
    /// The blob of its events that the ledger had once it was stored; `None` where it was not to have any.
    pub hail: Option<String>,
}

impl Known {
    /// What became of a session.
    #[must_use]
    pub fn of(capture: &Capture, stored: &Stored) -> Self {
        let id = capture.session.value().header.session_id.clone();
        Self { id, hail: stored.hail.map(|hail| hail.to_string()) }
    }
}

impl SeenLogs {
    /// Reads what is known; a file that cannot be read is as good as none.
    #[must_use]
    pub fn of(repository: &Repository) -> Self {
        let path = repository.state_dir().join("watermarks.json");
        let read =
            files::read(&path, files::LARGE).ok().and_then(|bytes| serde_json::from_slice::<Content>(&bytes).ok());
        let content = read.filter(|content| content.version == VERSION).unwrap_or_default();
        let mut logs_of: HashMap<SessionId, BTreeSet<String>> = HashMap::new();
        for (name, known) in content.logs.iter().filter_map(|(name, mark)| Some((name, mark.session.as_ref()?))) {
            logs_of.entry(known.id.clone()).or_default().insert(name.clone());
        }
        Self { path, content, logs_of, has_changed: false }
    }

    /// Which stored versions of a session are of `log`, and which of other logs that are still there.
    #[must_use]
    pub fn versions(&self, repository: &Repository, log: &LogFile, id: &SessionId) -> KnownVersions {
        let mut versions = KnownVersions::default();
        let own = log.name();
        for name in self.logs_of.get(id).into_iter().flatten() {
            let known =
                self.content.logs.get(name).and_then(|mark| mark.session.as_ref()).filter(|known| known.id == *id);
            let Some(hail) = known.and_then(|known| repository.parse_id(known.hail.as_deref()?)) else { continue };
            if *name == own {
                versions.own = Some(hail);
            } else if LogFile::parse_name(name).0.exists() {
                versions.others.push(hail);
            }
        }
        versions
    }

    /// The sessions of a log that did not change since it was read, `None` in place of one that
    /// belongs elsewhere; `None` for a log that changed or is not known.
    #[must_use]
    pub fn sessions(&self, log: &LogFile) -> Option<Vec<Option<&Known>>> {
        let known = self.content.logs.get(&log.name())?;
        if known.modified != nanoseconds(log.modified) || known.size != log.size {
            return None;
        }
        if known.parts.is_empty() {
            return Some(vec![known.session.as_ref()]);
        }
        known.parts.iter().map(|part| Some(self.content.logs.get(part)?.session.as_ref())).collect()
    }

    /// Notes that a log was read as it is; `session` is `None` where it belongs elsewhere.
    pub fn note(&mut self, log: &LogFile, session: Option<Known>) {
        self.insert(log, session, Vec::new());
    }

    /// Notes the names of the sessions of a file that holds several.
    pub fn note_parts(&mut self, log: &LogFile, parts: Vec<String>) {
        self.insert(log, None, parts);
    }

    fn insert(&mut self, log: &LogFile, session: Option<Known>, parts: Vec<String>) {
        if let Some(known) = &session {
            self.logs_of.entry(known.id.clone()).or_default().insert(log.name());
        }
        let seen_log = SeenLog { modified: nanoseconds(log.modified), size: log.size, session, parts };
        self.has_changed |= self.content.logs.insert(log.name(), seen_log.clone()) != Some(seen_log);
    }

    /// Keeps what is known for the next time; logs that are gone are forgotten.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&mut self) -> io::Result<()> {
        if !self.has_changed {
            return Ok(());
        }
        self.content.logs.retain(|name, _| LogFile::parse_name(name).0.exists());
        self.content.version = VERSION;
        files::replace(&self.path, &serde_json::to_vec(&self.content).map_err(io::Error::from)?)?;
        self.has_changed = false;
        Ok(())
    }
}

fn nanoseconds(time: SystemTime) -> u128 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}
