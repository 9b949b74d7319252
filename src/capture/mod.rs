//! From a native log to the ledger: find, parse, redact, store.

mod checkpoint;
mod drain;
mod log_snapshot;
mod origin;
mod parallel;
mod queue;
mod reader;
mod repository_identity;
mod route;
mod run;
mod seen_logs;

use std::{fs::File, path::Path};

pub use checkpoint::{Checkpoints, Draft};
pub use drain::drain_queue;
pub use origin::Origin;
pub use queue::{CaptureLock, Job, JobSession, Queue};
pub use reader::{Reader, Reading};
pub use repository_identity::{Home, parse, working_directory};
pub use run::{Captured, Gathered, Order, Progress, gather};
pub use seen_logs::{Known, SeenLogs};

use crate::{
    agents::{self, Agent, DetectError, Log, LogFile, ParseError, Parsed, Sample, Scope},
    config::Subject,
    environment::Environment,
    error::{Error, Result},
    git::Repository,
    hail::SessionId,
    system::files,
};

/// A log with the agent that wrote it.
#[derive(Clone)]
pub struct Source {
    /// The agent.
    pub agent: &'static dyn Agent,
    /// The log.
    pub log: LogFile,
}

/// The logs on this machine in `scope`, the newest first; of one agent where `agent` is given.
#[must_use]
pub fn discover(environment: &Environment, scope: &Scope<'_>, agent: Option<&str>) -> Vec<Source> {
    let wanted = agents::ALL.iter().copied().filter(|candidate| agent.is_none_or(|name| candidate.name() == name));
    let mut sources: Vec<Source> = wanted
        .flat_map(|agent| agent.join(agent.logs(environment, scope)).into_iter().map(move |log| Source { agent, log }))
        .collect();
    sources.sort_by(newest_first);
    sources
}

/// The logs of [`discover`], and those that agents keep in the work tree of `repository` or above it, without
/// those that git tracks: a clone brought them.
#[must_use]
pub fn discover_near(
    environment: &Environment,
    scope: &Scope<'_>,
    agent: Option<&str>,
    repository: Option<&Repository>,
) -> Vec<Source> {
    let mut sources = discover(environment, scope, agent);
    let near = Scope { folder: repository.and_then(Repository::work_tree), ..*scope };
    let local = agents::ALL.iter().filter(|local| local.is_local() && agent.is_none_or(|name| local.name() == name));
    for (agent, log) in local.flat_map(|agent| agent.logs(environment, &near).into_iter().map(move |log| (*agent, log)))
    {
        if !sources.iter().any(|known| known.log.path == log.path) {
            sources.push(Source { agent, log });
        }
    }
    sources.retain(|source| agents::is_own(repository, source.agent, &source.log.path));
    sources.sort_by(newest_first);
    sources
}

fn newest_first(one: &Source, other: &Source) -> std::cmp::Ordering {
    (other.log.modified, &one.log.path).cmp(&(one.log.modified, &other.log.path))
}

/// Finds the log of a session by the name of its file, which most agents make of the id, or among
/// the sessions of the files that hold several.
#[must_use]
pub fn find_log(environment: &Environment, session: &SessionId, repository: &Repository) -> Option<Source> {
    let sources = discover_near(environment, &Scope::default(), None, Some(repository));
    let by_name = sources.iter().find(|source| {
        let stem = source.log.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        // A compressed log has two endings.
        let stem = stem.strip_suffix(".jsonl").unwrap_or(stem);
        stem == session.as_str() || stem.ends_with(&format!("-{session}"))
    });
    by_name.cloned().or_else(|| {
        let parts = sources.iter().flat_map(|source| source.sessions().unwrap_or_default());
        parts.into_iter().find(|source| source.log.part.as_deref() == Some(session.as_str()))
    })
}

impl Source {
    /// What is known of it for [`Exclusions`](crate::config::Exclusions), without a look inside.
    #[must_use]
    pub fn subject<'a>(&'a self, session: Option<&'a SessionId>) -> Subject<'a> {
        Subject { agent: self.agent.name(), session, folder: None, log: Some(&self.log.path) }
    }

    /// The sessions of the log, the log itself where it holds one.
    ///
    /// # Errors
    /// When a file that may hold several cannot be read.
    pub fn sessions(&self) -> Result<Vec<Self>> {
        let logs = self.agent.sessions(&self.log).map_err(|fault| explain_parse(&self.log.path, &fault))?;
        Ok(logs.into_iter().map(|log| Self { agent: self.agent, log }).collect())
    }
}

/// Whether the session of a log belongs to a repository, as far as a look at the log tells.
///
/// # Errors
/// When the log cannot be read.
pub fn is_of(source: &Source, home: &Home) -> Result<bool> {
    let (agent, sample) = repository_identity::look_at(source)?;
    repository_identity::belongs(home, agent, source, &sample)
}

/// Finds the agent that wrote a file, by content.
///
/// # Errors
/// When no agent did, with what to do next.
pub fn recognise(path: &Path) -> Result<&'static dyn Agent> {
    open(path)?;
    let sample = Sample::of(path).map_err(|fault| named(path, fault))?;
    agents::detect(&sample).map_err(|fault| explain(path, fault))
}

/// Opens a log.
///
/// # Errors
/// When it cannot be opened, or is no regular file.
pub fn open(path: &Path) -> Result<File> {
    files::open(path, files::STREAMED).map_err(|fault| named(path, fault).hinted("git session discover"))
}

/// Recognises and parses what was read from elsewhere than a file; `name` is how complaints call it.
///
/// # Errors
/// When no agent wrote it, or it is not the agent's.
pub fn parse_bytes(name: &Path, bytes: &[u8]) -> Result<Parsed> {
    let sample = Sample::read(bytes).map_err(|fault| named(name, fault))?;
    let agent = agents::detect(&sample).map_err(|fault| explain(name, fault))?;
    agents::parse_session(agent, &mut Log::new(bytes, None)).map_err(|fault| explain_parse(name, &fault))
}

/// Says of a file that detection failed on what is wrong and what to do.
fn explain(path: &Path, fault: DetectError) -> Error {
    let hint = match &fault {
        DetectError::Empty => "the session is still empty: try again when the agent has answered".to_owned(),
        DetectError::Ambiguous { .. } => format!("git session parse --agent NAME '{}'", path.display()),
        _ => "git session discover".to_owned(),
    };
    named(path, fault).hinted(hint)
}

/// Puts the file's name before a failure.
pub fn named(path: &Path, fault: impl std::fmt::Display) -> Error {
    Error::user(format!("{}: {fault}", path.display()))
}

/// Says of a file that a parse failed on what to do next.
pub fn explain_parse(path: &Path, fault: &ParseError) -> Error {
    let error = named(path, fault);
    match fault {
        ParseError::Empty => error.hinted("the session is still empty: try again when the agent has answered"),
        ParseError::SeveralSessions { parts } => {
            let part = parts.first().map_or("ID", String::as_str);
            error.hinted(format!("git session parse --session '{part}' '{}'", path.display()))
        }
        _ => error.hinted("omit --agent to detect the agent; git session discover lists the logs"),
    }
}
