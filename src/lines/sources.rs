//! The sessions that lines can come from: those in the ledgers that are here, and the logs on this machine.

use std::{
    collections::HashSet,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::SystemTime,
};

use crate::{
    agents::{Log, Scope},
    attribution::{Sessions, Writes, roots},
    capture::{self, Home, Source},
    context::Context,
    error::Result,
    git::ObjectId,
    hail::SessionId,
    ledger::{self, Listed},
};

/// How long before a commit a session may have written what it has, in seconds: 90 days.
const BEFORE: i64 = 90 * 24 * 60 * 60;

/// Where the sessions of a repository are.
pub struct Sources<'a> {
    context: &'a Context,
    /// The sessions of the ledgers, each once.
    pub stored: Vec<Listed>,
    /// The logs on this machine that may hold sessions of the repository.
    pub logs: Vec<Source>,
}

/// Which log a session was read from.
#[derive(Clone, Debug)]
pub struct LogOf {
    /// The session.
    pub session: SessionId,
    /// The log's name.
    pub log: PathBuf,
}

impl<'a> Sources<'a> {
    /// Lists the sessions of the ledgers, and the logs on this machine where `with_logs`.
    ///
    /// # Errors
    /// When the repository cannot be read; a ledger that cannot be read is passed over.
    pub fn list(context: &'a Context, with_logs: bool) -> Result<Self> {
        let (repository, own) = (context.repository()?, context.config()?.ledger);
        let mut stored: Vec<Listed> = Vec::new();
        let mut seen = HashSet::new();
        for ledger in ledger::all_from(own) {
            for tip in ledger.tips(repository)? {
                for listed in ledger.sessions(repository, &tip).unwrap_or_default() {
                    if listed.hail.is_some_and(|hail| seen.insert(hail)) {
                        stored.push(listed);
                    }
                }
            }
        }
        let logs = if with_logs {
            capture::discover_near(&context.environment, &Scope::default(), None, Some(repository))
        } else {
            Vec::new()
        };
        Ok(Self { context, stored, logs })
    }

    /// Reads what the sessions wrote that may have a part in `commits`: those that began before the last of them and
    /// went on until 90 days before the first.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    pub fn read_for(mut self, commits: &[ObjectId]) -> Result<(Sessions, Vec<LogOf>)> {
        let repository = self.context.repository()?;
        let commits = commits.iter().filter_map(|id| repository.commit(*id).ok());
        let times: Vec<(i64, i64)> = commits.map(|commit| (commit.author_seconds, commit.seconds)).collect();
        let first = times.iter().map(|(written, _)| *written).min().unwrap_or_default() - BEFORE;
        let last = times.iter().map(|(written, committed)| *written.max(committed)).max().unwrap_or_default() + 60;
        let modified = |source: &Source| {
            let since = source.log.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
        };
        self.logs.retain(|source| modified(source) >= first);
        self.stored.retain(|listed| {
            let (created_at, updated_at) = (listed.meta.own.created_at, listed.meta.own.updated_at);
            created_at.is_none_or(|at| at.seconds() <= last) && updated_at.is_none_or(|at| at.seconds() >= first)
        });
        self.read()
    }

    /// Reads what the sessions wrote that `opensession.exclude` does not keep out, and which logs they are in.
    ///
    /// # Errors
    /// When the repository or the configuration cannot be read; a session that cannot be read is passed over.
    pub fn read(&self) -> Result<(Sessions, Vec<LogOf>)> {
        let repository = self.context.repository()?;
        let roots = roots(repository);
        let redactor = self.context.redactor()?;
        let home = Home::of(repository, redactor);
        let exclude = self.context.config()?.exclude;
        let mut sessions = Sessions::default();
        let mut logs = Vec::new();
        let sources: Vec<Source> = self.logs.iter().flat_map(|source| source.sessions().unwrap_or_default()).collect();
        for (source, writes) in sources.iter().zip(read_logs(&sources, &home)) {
            let Some(mut writes) = writes else { continue };
            // As the ledger calls it.
            if let Some(header) = &mut writes.header {
                redactor.names(header);
            }
            let Some(session) = writes.session() else { continue };
            let folder = writes.header.as_ref().and_then(|header| header.cwd()).map(PathBuf::from);
            let subject = source.subject(Some(&session));
            if exclude.covers(&crate::config::Subject { folder: folder.as_deref(), ..subject }) {
                continue;
            }
            logs.push(LogOf { session, log: PathBuf::from(source.log.name()) });
            sessions.add(writes, &roots);
        }
        let here: HashSet<SessionId> = logs.iter().map(|log| log.session.clone()).collect();
        for listed in self.stored.iter().filter(|listed| !here.contains(&listed.key.id)) {
            let Ok(bytes) = listed.read(repository) else { continue };
            let Ok(session) = crate::hail::Session::read(&bytes) else { continue };
            sessions.add(Writes::of(session), &roots);
        }
        Ok((sessions, logs))
    }
}

/// Reads logs on every core; `None` for those of other repositories and those that cannot be read.
fn read_logs(sources: &[Source], home: &Home) -> Vec<Option<Writes>> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(sources.len().max(1));
    let next = AtomicUsize::new(0);
    let mut found: Vec<Option<Writes>> = sources.iter().map(|_| None).collect();
    let read = || {
        let mut own = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(source) = sources.get(at) else { return own };
            own.push((at, read_log(source, home)));
        }
    };
    let parts: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(read)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).collect()
    });
    for (at, writes) in parts.into_iter().flatten() {
        found[at] = writes;
    }
    found
}

fn read_log(source: &Source, home: &Home) -> Option<Writes> {
    if !capture::is_of(source, home).ok()? {
        return None;
    }
    let mut log = Log::open(&source.log.path).ok()?;
    log.part = source.log.part.as_deref();
    let mut writes = Writes::default();
    source.agent.parse(&mut log, &mut writes).ok()?;
    Some(writes)
}
