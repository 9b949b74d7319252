//! Captures that a commit asked for and that are not done yet: one small file each, so that a crash
//! between commit and capture loses nothing.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::Source;
use crate::{
    agents::{self, LogFile},
    environment::Environment,
    error::Error,
    git::Repository,
    hail::SessionId,
    ledger::BranchName,
    system::files,
};

/// The sessions of one commit, to be captured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// The commit.
    pub commit: String,
    branch: String,
    /// The sessions.
    pub sessions: Vec<JobSession>,
}

/// One session to capture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobSession {
    /// The session.
    pub id: SessionId,
    /// Its log, where it is known already.
    pub log: Option<PathBuf>,
    /// How its part in the commit is known.
    pub evidence: String,
}

impl Job {
    /// A job for a commit on `branch`.
    #[must_use]
    pub fn new(commit: String, branch: &BranchName, sessions: Vec<JobSession>) -> Self {
        Self { commit, branch: URL_SAFE_NO_PAD.encode(branch.as_bytes()), sessions }
    }

    /// The branch whose ledger gets the sessions.
    #[must_use]
    pub fn branch(&self) -> BranchName {
        BranchName::from(URL_SAFE_NO_PAD.decode(&self.branch).unwrap_or_default().as_slice())
    }
}

impl JobSession {
    /// The log and its agent; where the log is not known, it is looked for on the machine and in
    /// the work tree. `None` when there is no such log any more.
    #[must_use]
    pub fn source(&self, environment: &Environment, repository: &Repository) -> Option<Source> {
        let Some((file, part)) = self.file() else { return super::find_log(environment, &self.id, repository) };
        let sample = agents::Sample::of(file).ok()?;
        let agent = agents::detect(&sample).ok()?;
        let source = Source { agent, log: agent.whole(LogFile::at(file.to_owned())?) };
        if !agents::is_own(Some(repository), agent, file) {
            return None;
        }
        source.sessions().ok()?.into_iter().find(|source| part.is_none() || source.log.part.as_deref() == part)
    }

    /// Whether the log is known and still there, whatever it holds.
    #[must_use]
    pub fn has_log(&self) -> bool {
        self.file().is_some_and(|(file, _)| file.exists())
    }

    /// The file of the log, and which part of it.
    fn file(&self) -> Option<(&Path, Option<&str>)> {
        let path = self.log.as_deref()?;
        Some(path.to_str().map_or((path, None), LogFile::parse_name))
    }
}

/// The file that a process holds while it stores sessions.
const LOCK: &str = "capture.lock";

/// The folder of waiting jobs.
#[derive(Debug)]
pub struct Queue {
    folder: PathBuf,
}

impl Queue {
    /// The queue of a repository.
    #[must_use]
    pub fn of(repository: &Repository) -> Self {
        Self { folder: repository.state_dir().join("queue") }
    }

    /// Adds a job, beside others for the same commit.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn add(&self, job: &Job) -> io::Result<()> {
        let bytes = serde_json::to_vec(job).map_err(io::Error::from)?;
        let hash = crate::hail::ObjectHash::of(&bytes).short();
        files::replace(&self.folder.join(format!("{}-{hash}.json", job.commit)), &bytes)
    }

    /// The waiting jobs with their files, the oldest first. A file that is no job is put aside.
    #[must_use]
    pub fn jobs(&self) -> Vec<(PathBuf, Job)> {
        let mut found = Vec::new();
        for path in self.files("json") {
            // A file that is gone was done by another process.
            let Ok(bytes) = files::read(&path, files::LARGE) else { continue };
            match serde_json::from_slice::<Job>(&bytes) {
                Ok(job) => found.push((path.metadata().and_then(|metadata| metadata.modified()).ok(), path, job)),
                Err(_) => drop(self.done(&path, true)),
            }
        }
        found.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
        found.into_iter().map(|(_, path, job)| (path, job)).collect()
    }

    /// How many jobs were put aside because a session's log was gone before it was stored.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.files("lost").len()
    }

    /// Whether nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files("json").is_empty()
    }

    fn files(&self, extension: &str) -> Vec<PathBuf> {
        let Ok(folder) = fs::read_dir(&self.folder) else { return Vec::new() };
        let paths = folder.filter_map(|entry| Some(entry.ok()?.path()));
        paths.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
    }

    /// Takes a job off the queue; one that lost a session is put aside, for `doctor` to tell.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn done(&self, path: &Path, is_lost: bool) -> io::Result<()> {
        if is_lost { fs::rename(path, path.with_extension("lost")) } else { fs::remove_file(path) }
    }
}

/// Held by the process that captures in a repository, so that others need not try again and again: the ledgers
/// themselves take several writers.
#[derive(Debug)]
pub struct CaptureLock {
    _file: File,
}

impl CaptureLock {
    /// Why the lock was not to be had.
    #[must_use]
    pub fn refusal(repository: &Repository) -> Error {
        let path = repository.state_dir().join(LOCK);
        let folder = path.parent().unwrap_or(&path);
        match fs::create_dir_all(folder).and_then(|()| files::open_lock(&path)) {
            Ok(_) => Error::user("another process is storing sessions").hinted("wait for it to finish, then try again"),
            Err(fault) => Error::user(format!("cannot store sessions: {}: {fault}", path.display()))
                .hinted(format!("to store sessions, make it writable: ls -ld '{}'", folder.display())),
        }
    }

    /// Waits for the lock, at most `patience`; `None` when somebody else keeps it. It ends with the
    /// process, however that ends.
    #[must_use]
    pub fn take(repository: &Repository, patience: Duration) -> Option<Self> {
        let folder = repository.state_dir();
        fs::create_dir_all(&folder).ok()?;
        let path = folder.join(LOCK);
        let file = files::open_lock(&path).ok()?;
        let started = Instant::now();
        while file.try_lock().is_err() {
            if started.elapsed() > patience {
                return None;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Some(Self { _file: file })
    }
}
