//! Captures many logs: skips what did not change, reads the rest on every core, stores in batches.
//!
//! A batch is a commit of the ledger. What a run that was interrupted had stored by then is not read
//! again by the next.

use std::{collections::HashSet, path::PathBuf, time::Duration};

use super::{
    Bookmarks, CaptureLock, Home, Known, Reader, Reading, Source, Watermarks, bookmark::Draft, bulk, explain_parse,
};
use crate::{
    config,
    context::Context,
    error::{Error, Result},
    hail::{SessionId, Stats},
    ledger::{BranchName, Capture, Outcome},
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
    /// The branch whose ledger gets them.
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
    let mut run = Run {
        context,
        order,
        home: Home::of(repository),
        watermarks: Watermarks::of(repository),
        bookmarks: Bookmarks::of(repository, context.now()),
        stored: if order.is_explicit { HashSet::new() } else { stored(context, order.branch)? },
        batch: Batch::default(),
        gathered: Gathered::default(),
    };
    let sources = run.select(sources);
    progress.begin(&sources);
    let home = run.home.clone();
    let reader = Reader {
        home: (!order.is_explicit).then_some(&home),
        redactor: context.redactor()?,
        bookmarks: run.bookmarks.clone(),
    };
    bulk::read_all(&sources, &reader, |step| {
        let source = &sources[step.index];
        progress.advance(source);
        run.take(step.index, source, step.result)
    })?;
    run.finish()
}

/// The blobs of the sessions in the ledger of `branch`.
fn stored(context: &Context, branch: &BranchName) -> Result<HashSet<String>> {
    let (repository, ledger) = (context.repository()?, context.config()?.ledger);
    let mut blobs = HashSet::new();
    for tip in ledger.tips(repository)?.iter().filter(|tip| tip.remote.is_none() && tip.covers(branch)) {
        blobs.extend(ledger.blobs(repository, tip)?.into_iter().map(|(_, hail)| hail.to_string()));
    }
    Ok(blobs)
}

struct Run<'a> {
    context: &'a Context,
    order: Order<'a>,
    home: Home,
    watermarks: Watermarks,
    bookmarks: Bookmarks,
    /// The blobs that the ledger had when the run began.
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
    bookmark: Option<Draft>,
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
            if self.is_done(source) {
                continue;
            }
            match source.agent.sessions(&source.log) {
                Ok(logs) => {
                    let parts: Vec<String> =
                        logs.iter().filter(|log| log.part.is_some()).map(crate::agents::LogFile::name).collect();
                    if !parts.is_empty() {
                        self.watermarks.note_parts(&source.log, parts);
                    }
                    let found = logs.into_iter().map(|log| Source { agent: source.agent, log });
                    selected.extend(found.filter(|source| source.log.part.is_none() || !self.is_done(source)));
                }
                Err(fault) => self.fail(source, explain_parse(&source.log.path, &fault)),
            }
        }
        selected
    }

    /// Whether a log did not change since it was read, and the ledger has of its session what it had then,
    /// or the session is another repository's.
    fn is_done(&mut self, source: &Source) -> bool {
        let Some(stored) = self.watermarks.sessions(&source.log).filter(|_| !self.order.is_explicit) else {
            return false;
        };
        let is_there = |known: &Known| known.hail.as_ref().is_some_and(|hail| self.stored.contains(hail));
        let is_done = stored.iter().flatten().all(|known| is_there(known));
        self.gathered.stored_already += if is_done { stored.iter().flatten().count() } else { 0 };
        is_done
    }

    fn fail(&mut self, source: &Source, fault: Error) {
        self.gathered.failed.push((source.log.path.clone(), fault));
    }

    fn take(&mut self, index: usize, source: &Source, result: Result<Option<Reading>>) -> Result<()> {
        let mut reading = match result {
            Ok(Some(reading)) => reading,
            Ok(None) => {
                self.watermarks.note(&source.log, None);
                return Ok(());
            }
            Err(fault) => {
                self.fail(source, fault);
                return Ok(());
            }
        };
        let name = source.log.name();
        let oddities =
            reading.warnings.iter().map(|warning| format!("{name}: line {}: {}", warning.line, warning.cause));
        self.gathered.warnings.extend(oddities);
        // A session may have several logs. The second is stored after the first, which it may go beyond.
        let id = reading.session.value().header.session_id.clone();
        if self.batch.ids.contains(&id) {
            self.store()?;
        }
        if self.order.is_again && !self.order.is_dry_run {
            self.allow_again(&id)?;
        }
        self.batch.ids.insert(id.clone());
        self.batch.bytes += reading.session.value().size();
        let bookmark = reading.bookmark.take();
        let mut capture = self.home.capture(reading);
        capture.versions = self.watermarks.versions(self.context.repository()?, &source.log, &id);
        if self.order.is_again {
            capture.cleared_at = Some(self.context.now());
        }
        self.batch.captures.push(Waiting { index, source: source.clone(), capture, bookmark });
        if self.batch.bytes > BATCH_BYTES || self.batch.captures.len() >= BATCH_SESSIONS {
            self.store()
        } else {
            Ok(())
        }
    }

    /// Remembers that somebody agreed, so that the session is stored as it goes on.
    fn allow_again(&self, id: &SessionId) -> Result<()> {
        let repository = self.context.repository()?;
        let mut remembered = config::remembered(repository)?;
        remembered.clear(id.clone(), self.context.now());
        Ok(remembered.save(&repository.state_dir())?)
    }

    fn store(&mut self) -> Result<()> {
        let Batch { captures: mut waiting, .. } = std::mem::take(&mut self.batch);
        waiting.sort_by_key(|waiting| waiting.index);
        let mut marks = Vec::new();
        let mut captures = Vec::new();
        for Waiting { source, capture, bookmark, .. } in waiting {
            marks.push((source, bookmark));
            captures.push(capture);
        }
        let mut stored = Vec::new();
        if !self.order.is_dry_run && !captures.is_empty() {
            let repository = self.context.repository()?;
            let _lock = CaptureLock::take(repository, PATIENCE);
            let ledger = self.context.config()?.ledger;
            stored = ledger.store(repository, self.order.branch, &captures, self.context.now())?;
            let redactor = self.context.redactor()?;
            for (((source, bookmark), capture), stored) in marks.iter_mut().zip(&captures).zip(&stored) {
                self.watermarks.note(&source.log, Some(Known::of(capture, stored)));
                let given = stored.hail.filter(|_| stored.is_given);
                // What is not remembered is only read again.
                let _ = self.bookmarks.keep(source, redactor, bookmark.take().zip(given));
            }
            let _ = self.watermarks.save();
        }
        for (index, ((source, _), capture)) in marks.iter().zip(&captures).enumerate() {
            self.gathered.sessions.push(describe(source, capture, stored.get(index).map(|stored| stored.outcome)));
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Gathered> {
        self.store()?;
        if !self.order.is_dry_run {
            let _ = self.watermarks.save();
        }
        Ok(self.gathered)
    }
}

fn describe(source: &Source, capture: &Capture, outcome: Option<Outcome>) -> Captured {
    let session = capture.session.value();
    let rules = &capture.session.summary().rules;
    Captured {
        id: session.header.session_id.clone(),
        tool: session.header.agent.tool.clone(),
        title: session.header.context.title.clone(),
        log: source.log.name(),
        outcome,
        stats: session.stats.clone(),
        secrets: rules.iter().filter(|(rule, _)| *rule != "home-directory").map(|(_, count)| count).sum(),
    }
}
