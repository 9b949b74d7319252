//! Captures many logs: skips what did not change, reads the rest on every core, stores in batches.
//!
//! A batch is a commit of the ledger. What a run that was interrupted had stored by then is not read
//! again by the next.

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    time::Duration,
};

use super::{
    CaptureLock, Checkpoints, Home, Known, Reader, Reading, SeenLogs, Source, checkpoint::Draft, explain_parse,
    parallel, route::Router,
};
use crate::{
    config::{self, Config},
    context::Context,
    error::{Error, Result},
    hail::{SessionId, Stats, Timestamp},
    ledger::{self, BranchName, Capture, Outcome, Stored},
};

/// How many bytes of sessions are stored at once.
const BATCH_BYTES: u64 = 64 * 1024 * 1024;
/// How many sessions are stored at once.
const BATCH_SESSIONS: usize = 1000;
/// How long another process that captures may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Which sessions to capture, and what for.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The branch whose ledger gets those of which nothing tells that they are of another.
    pub branch: &'a BranchName,
    /// Whether to take every session, wherever it worked, and to read logs that did not change.
    pub is_explicit: bool,
    /// Whether to store nothing.
    pub is_dry_run: bool,
    /// Whether to store what was removed, too.
    pub is_again: bool,
}

/// What a run did.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The sessions that were read, in the order of their logs.
    pub sessions: Vec<Captured>,
    /// How many sessions are stored already and their logs did not change since.
    pub stored_already: usize,
    /// How many logs hold what [`Config::exclude`] keeps out.
    pub excluded: usize,
    /// What could not be read.
    pub failed: Vec<(PathBuf, Error)>,
    /// Oddities of logs.
    pub warnings: Vec<String>,
}

/// One session that was read.
#[derive(Debug)]
pub struct Captured {
    /// The session.
    pub id: SessionId,
    /// The agent.
    pub tool: String,
    /// What it was about, redacted.
    pub title: String,
    /// Its log.
    pub log: String,
    /// The branches whose ledgers have it.
    pub branches: Vec<BranchName>,
    /// What became of it; `None` in a dry run.
    pub outcome: Option<Outcome>,
    /// Its numbers.
    pub stats: Stats,
    /// How many secrets were replaced; home directories are not counted.
    pub secrets: u64,
}

/// Where a run is told how it goes.
pub trait Progress {
    /// The logs that will be read.
    fn begin(&mut self, sources: &[Source]);

    /// One of them was read.
    fn advance(&mut self, source: &Source);
}

/// Captures what `sources` hold.
///
/// # Errors
/// When the ledger cannot be written. A log that cannot be read is among what failed.
pub fn gather(
    context: &Context,
    sources: &[Source],
    order: Order<'_>,
    progress: &mut dyn Progress,
) -> Result<Gathered> {
    let repository = context.repository()?;
    let config = context.config()?;
    let ledger = config.ledger;
    let mut run = Run {
        context,
        order,
        config,
        router: Router::new(repository, ledger, order.branch)?,
        home: Home::of(repository, context.redactor()?),
        seen_logs: SeenLogs::of(repository),
        checkpoints: Checkpoints::of(repository, context.now()),
        stored: if order.is_explicit { HashSet::new() } else { stored(context)? },
        batch: Batch::default(),
        gathered: Gathered::default(),
    };
    let sources = run.select(sources);
    progress.begin(&sources);
    let home = run.home.clone();
    let reader = Reader {
        home: (!order.is_explicit).then_some(&home),
        redactor: context.redactor()?,
        checkpoints: run.checkpoints.clone(),
    };
    parallel::read_all(&sources, &reader, |step| {
        let source = &sources[step.index];
        progress.advance(source);
        run.take(step.index, source, step.result)
    })?;
    run.finish()
}

/// The blobs of the sessions in the ledgers of this clone, of whatever backend. One that cannot be read is passed over.
fn stored(context: &Context) -> Result<HashSet<String>> {
    let repository = context.repository()?;
    let mut blobs = HashSet::new();
    for ledger in ledger::ALL {
        for tip in ledger.tips(repository)?.iter().filter(|tip| tip.remote.is_none()) {
            let found = ledger.blobs(repository, tip).unwrap_or_default();
            blobs.extend(found.into_iter().map(|(_, hail)| hail.to_string()));
        }
    }
    Ok(blobs)
}

struct Run<'a> {
    context: &'a Context,
    order: Order<'a>,
    config: Config,
    router: Router<'a>,
    home: Home,
    seen_logs: SeenLogs,
    checkpoints: Checkpoints,
    /// The blobs that the ledgers had when the run began.
    stored: HashSet<String>,
    batch: Batch,
    gathered: Gathered,
}

/// A session that waits to be stored.
struct Waiting {
    /// The place of its log among those that are read.
    index: usize,
    source: Source,
    capture: Capture,
    branches: Vec<BranchName>,
    checkpoint: Option<Draft>,
}

/// Sessions that wait to be stored.
#[derive(Default)]
struct Batch {
    captures: Vec<Waiting>,
    ids: HashSet<SessionId>,
    bytes: u64,
}

impl Run<'_> {
    /// The logs to read: the sessions of each file, without those that are stored as they are.
    fn select(&mut self, sources: &[Source]) -> Vec<Source> {
        let mut selected = Vec::new();
        for source in sources {
            if self.is_excluded_log(source) || self.is_done(source) {
                continue;
            }
            match source.agent.sessions(&source.log) {
                Ok(logs) => {
                    let parts: Vec<String> =
                        logs.iter().filter(|log| log.part.is_some()).map(crate::agents::LogFile::name).collect();
                    if !parts.is_empty() {
                        self.seen_logs.note_parts(&source.log, parts);
                    }
                    let found = logs.into_iter().map(|log| Source { agent: source.agent, log });
                    selected.extend(found.filter(|source| {
                        source.log.part.is_none() || !(self.is_excluded_log(source) || self.is_done(source))
                    }));
                }
                Err(fault) => self.fail(source, explain_parse(&source.log.path, &fault)),
            }
        }
        selected
    }

    /// Whether a log did not change since it was read, and the ledger has of its session what it had then,
    /// or the session is another repository's.
    fn is_done(&mut self, source: &Source) -> bool {
        let Some(stored) = self.seen_logs.sessions(&source.log).filter(|_| !self.order.is_explicit) else {
            return false;
        };
        let is_there = |known: &Known| known.hail.as_ref().is_some_and(|hail| self.stored.contains(hail));
        let is_done = stored.iter().flatten().all(|known| is_there(known));
        self.gathered.stored_already += if is_done { stored.iter().flatten().count() } else { 0 };
        is_done
    }

    /// Whether the agent, the place or what an earlier run read of a log tells that it is excluded.
    fn is_excluded_log(&mut self, source: &Source) -> bool {
        if self.order.is_explicit {
            // It is read all the same, to tell which session is kept out.
            return false;
        }
        let known = self.seen_logs.sessions(&source.log).unwrap_or_default();
        let session = (known.len() == 1).then(|| known[0].map(|known| &known.id)).flatten();
        let is_excluded = self.config.exclude.covers(&source.subject(session));
        self.gathered.excluded += usize::from(is_excluded);
        is_excluded
    }

    /// Whether a session that was read is excluded.
    fn is_excluded(&mut self, source: &Source, reading: &Reading) -> bool {
        let header = &reading.session.value().header;
        let is_excluded = reading.is_excluded(source, &self.config.exclude);
        self.gathered.excluded += usize::from(is_excluded);
        if is_excluded && self.order.is_explicit {
            let fault = Error::user(format!("{}: excluded by {}", header.session_id, config::EXCLUDE));
            let hint = format!("to see where that is set: git config --show-origin --get-all {}", config::EXCLUDE);
            self.fail(source, fault.hinted(hint));
        }
        is_excluded
    }

    /// The branches whose ledgers get a session. One that was named and worked elsewhere knows nothing of the
    /// branches here.
    fn branches(&mut self, reading: &Reading) -> Result<Vec<BranchName>> {
        let header = &reading.session.value().header;
        let (id, begin) = (&header.session_id, header.context.created_at);
        if self.order.is_explicit && !reading.origin.is_of(&self.home) {
            return Ok(vec![self.order.branch.clone()]);
        }
        self.router.branches(id, begin, &reading.origin, &self.home)
    }

    fn fail(&mut self, source: &Source, fault: Error) {
        self.gathered.failed.push((source.log.path.clone(), fault));
    }

    fn take(&mut self, index: usize, source: &Source, result: Result<Option<Reading>>) -> Result<()> {
        let Some(mut reading) = self.admit(source, result) else { return Ok(()) };
        // A session may have several logs. The second is stored after the first, which it may go beyond.
        let id = reading.session.value().header.session_id.clone();
        if self.batch.ids.contains(&id) {
            self.store()?;
        }
        let again = if self.order.is_again { Some(self.allow_again(&id)?) } else { None };
        self.batch.ids.insert(id.clone());
        self.batch.bytes += reading.session.value().size();
        let checkpoint = reading.checkpoint.take();
        let branches = self.branches(&reading)?;
        let mut capture = self.home.capture(reading, &branches[0]);
        capture.versions = self.seen_logs.versions(self.context.repository()?, &source.log, &id);
        capture.cleared_at = again.or(capture.cleared_at);
        self.batch.captures.push(Waiting { index, source: source.clone(), capture, branches, checkpoint });
        if self.batch.bytes > BATCH_BYTES || self.batch.captures.len() >= BATCH_SESSIONS {
            self.store()
        } else {
            Ok(())
        }
    }

    /// The session, unless it could not be read, is of another repository, or is excluded.
    fn admit(&mut self, source: &Source, result: Result<Option<Reading>>) -> Option<Reading> {
        let reading = match result {
            Ok(Some(reading)) => reading,
            Ok(None) => {
                self.seen_logs.note(&source.log, None);
                return None;
            }
            Err(fault) => {
                self.fail(source, fault);
                return None;
            }
        };
        if self.is_excluded(source, &reading) {
            return None;
        }
        let name = source.log.name();
        let oddities =
            reading.warnings.iter().map(|warning| format!("{name}: line {}: {}", warning.line, warning.cause));
        self.gathered.warnings.extend(oddities);
        Some(reading)
    }

    /// Remembers that a session may be stored again, so that it is stored as it continues; and since when.
    fn allow_again(&self, id: &SessionId) -> Result<Timestamp> {
        let repository = self.context.repository()?;
        let now = ledger::time_for(repository, id, self.context.now())?;
        if !self.order.is_dry_run {
            let mut remembered = config::remembered(repository)?;
            remembered.clear(id.clone(), now);
            remembered.save(&repository.state_dir())?;
        }
        Ok(now)
    }

    fn store(&mut self) -> Result<()> {
        let Batch { captures: mut waiting, .. } = std::mem::take(&mut self.batch);
        waiting.sort_by_key(|waiting| waiting.index);
        let stored = if self.order.is_dry_run { Vec::new() } else { self.store_by_branch(&waiting)? };
        for (index, waiting) in waiting.into_iter().enumerate() {
            let stored = stored.get(index);
            self.gathered.sessions.push(describe(&waiting, stored.map(|stored| stored.outcome)));
            let Some(stored) = stored else { continue };
            self.seen_logs.note(&waiting.source.log, Some(Known::of(&waiting.capture, stored)));
            let given = stored.hail.filter(|_| stored.is_given);
            // What is not remembered is only read again.
            let _ = self.checkpoints.keep(&waiting.source, self.context.redactor()?, waiting.checkpoint.zip(given));
        }
        if !self.order.is_dry_run {
            let _ = self.seen_logs.save();
        }
        Ok(())
    }

    /// Stores sessions in the ledgers of their branches; returns what became of each in the ledger of its first.
    fn store_by_branch(&self, waiting: &[Waiting]) -> Result<Vec<Stored>> {
        let mut by_branch: BTreeMap<&BranchName, Vec<usize>> = BTreeMap::new();
        for (index, waiting) in waiting.iter().enumerate() {
            for branch in &waiting.branches {
                by_branch.entry(branch).or_default().push(index);
            }
        }
        let repository = self.context.repository()?;
        let _lock = CaptureLock::take(repository, PATIENCE);
        let mut stored: Vec<Option<Stored>> = vec![None; waiting.len()];
        for (branch, indexes) in by_branch {
            let captures: Vec<Capture> = indexes.iter().map(|index| waiting[*index].capture.clone()).collect();
            let outcomes = ledger::store(repository, self.config.ledger, branch, &captures, self.context.now())?;
            for (index, outcome) in indexes.into_iter().zip(outcomes) {
                if waiting[index].branches[0] == *branch {
                    stored[index] = Some(outcome);
                }
            }
        }
        Ok(stored.into_iter().flatten().collect())
    }

    fn finish(mut self) -> Result<Gathered> {
        self.store()?;
        if !self.order.is_dry_run {
            let _ = self.seen_logs.save();
        }
        Ok(self.gathered)
    }
}

fn describe(waiting: &Waiting, outcome: Option<Outcome>) -> Captured {
    let session = waiting.capture.session.value();
    let rules = &waiting.capture.session.summary().rules;
    Captured {
        id: session.header.session_id.clone(),
        tool: session.header.agent.tool.clone(),
        title: session.header.context.title.clone(),
        log: waiting.source.log.name(),
        branches: waiting.branches.clone(),
        outcome,
        stats: session.stats.clone(),
        secrets: rules.iter().filter(|(rule, _)| *rule != "home-directory").map(|(_, count)| count).sum(),
    }
}
