//! How the reading of a log stood when its session was stored, so that the next capture reads only what was
//! appended.
//!
//! A checkpoint counts as long as the log still begins with the same bytes, the redactor redacts the same way,
//! and the stored session, whose first lines are not read again, is here. What it holds of the session is redacted.
//! Losing one costs a slower next capture and nothing else.

use std::{
    fs, io,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use serde::{Deserialize, Serialize};

use super::Source;
use crate::{
    git::{ObjectId, Repository},
    hail::{ObjectHash, Timestamp, hash},
    ledger::MAX_SESSION_BYTES,
    redact::{PausedReading, Redactor},
    system::files,
};

/// The version of the file's shape and of what parsers put into it: a file of another version is as good as
/// none.
const VERSION: u32 = 2;

/// The size from which on a log gets one, in bytes: to read a smaller one again costs less.
const LEAST_BYTES: u64 = 64 * 1024;

/// How long ago a log may have been written to for the first capture to expect more of it.
const LIVELY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long an unused checkpoint is kept.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The folder in the state's folder.
const FOLDER: &str = "bookmarks";

/// The checkpoints of a repository. Every thread has its own, for the sake of the repository's caches.
#[derive(Clone)]
pub struct Checkpoints {
    folder: PathBuf,
    repository: Repository,
    now: SystemTime,
}

/// A checkpoint that waits for its session to be stored.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The hash of the log as far as it was read.
    pub(super) prefix: ObjectHash,
    pub(super) reading: PausedReading,
}

/// A checkpoint of a log.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    version: u32,
    /// The version of the program, and what its hashes look like.
    program: (String, u64),
    /// The log, by its name.
    log: String,
    /// The agent that wrote it.
    pub(super) agent: String,
    /// What redacted the session.
    redactor: String,
    /// The SHA-256 of the log as far as it was read.
    pub(super) prefix: String,
    /// The blob of the session.
    hail: String,
    pub(super) reading: PausedReading,
}

impl Checkpoints {
    /// The checkpoints of `repository`.
    #[must_use]
    pub fn of(repository: &Repository, now: Timestamp) -> Self {
        let folder = repository.state_dir().join(FOLDER);
        Self { folder, repository: repository.clone(), now: now.to_chrono().into() }
    }

    /// Removes them all.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn clear(repository: &Repository) -> io::Result<()> {
        match fs::remove_dir_all(repository.state_dir().join(FOLDER)) {
            Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(fault),
            _ => Ok(()),
        }
    }

    fn path(&self, source: &Source) -> PathBuf {
        self.folder.join(format!("{:016x}.json", hash(&source.log.name())))
    }

    /// Whether to make one of a log of so many bytes: where it is expected to grow.
    pub(super) fn is_worth(&self, source: &Source, size: u64) -> bool {
        let rests = self.now.duration_since(source.log.modified).is_ok_and(|rested| rested > LIVELY);
        source.agent.is_appended(&source.log.path) && size >= LEAST_BYTES && (!rests || self.path(source).exists())
    }

    /// The checkpoint of a log, if there is one that counts here.
    pub(super) fn load(&self, source: &Source, redactor: &Redactor) -> Option<Checkpoint> {
        let mark: Checkpoint = serde_json::from_slice(&files::read(&self.path(source), files::LARGE).ok()?).ok()?;
        let is_ours = mark.version == VERSION && mark.program == program() && mark.log == source.log.name();
        (is_ours && mark.redactor == redactor.fingerprint().to_string()).then_some(mark)
    }

    /// The blob of the stored session.
    pub(super) fn session(&self, mark: &Checkpoint) -> Option<ObjectId> {
        self.repository.parse_id(&mark.hail)
    }

    /// The lines of the stored session that are not read again.
    pub(super) fn lines(&self, mark: &Checkpoint) -> Option<Vec<u8>> {
        let mut bytes = self.repository.read_blob(self.session(mark)?, MAX_SESSION_BYTES).ok()?;
        let header = memchr::memchr(b'\n', &bytes)? + 1;
        let end = header.checked_add(usize::try_from(mark.reading.spool.bytes).ok()?)?;
        if bytes.get(end - 1) != Some(&b'\n') {
            return None;
        }
        bytes.truncate(end);
        bytes.drain(..header);
        Some(bytes)
    }

    /// Keeps the checkpoint of a log whose session is stored as `hail`; forgets the one before where there is
    /// no new one.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn keep(&self, source: &Source, redactor: &Redactor, new: Option<(Draft, ObjectId)>) -> io::Result<()> {
        let path = self.path(source);
        let Some((Draft { prefix, reading }, hail)) = new else {
            return if path.exists() { fs::remove_file(path) } else { Ok(()) };
        };
        let mark = Checkpoint {
            version: VERSION,
            program: program(),
            log: source.log.name(),
            agent: source.agent.name().to_owned(),
            redactor: redactor.fingerprint().to_string(),
            prefix: prefix.to_string(),
            hail: hail.to_string(),
            reading,
        };
        if !path.exists() {
            self.forget_old();
        }
        files::replace(&path, &serde_json::to_vec(&mark)?)
    }

    fn forget_old(&self) {
        for entry in self.folder.read_dir().into_iter().flatten().flatten() {
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            if written.is_ok_and(|written| self.now.duration_since(written).is_ok_and(|age| age > KEPT)) {
                // What cannot be removed now is removed later.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn program() -> (String, u64) {
    (env!("CARGO_PKG_VERSION").to_owned(), hash("checkpoint"))
}
