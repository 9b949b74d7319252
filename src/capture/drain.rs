//! Works off what commits asked to be captured.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use super::{CaptureLock, Checkpoints, Draft, Home, Job, JobSession, Known, Queue, Reader, Reading, SeenLogs, Source};
use crate::{
    agents::CopyKeeper,
    config::{Config, Subject},
    context::Context,
    error::Result,
    git::{ObjectId, Repository},
    hail::SessionId,
    ledger::{self, BranchName, Capture, Link},
};

/// How long a log that is there may hold no session: some agents empty a log and write it anew.
const REWRITE: Duration = Duration::from_secs(3);
/// How long to wait between two looks at such a log.
const PAUSE: Duration = Duration::from_millis(20);

/// Works off the queue, waiting for another process that does so for at most `patience`. What comes
/// in meanwhile is done too.
///
/// # Errors
/// When a ledger cannot be written; the job then stays in the queue.
pub fn drain_queue(context: &Context, patience: Duration) -> Result<()> {
    let repository = context.repository()?;
    let queue = Queue::of(repository);
    if queue.is_empty() {
        return Ok(());
    }
    let Some(_lock) = CaptureLock::take(repository, patience) else {
        return Err(CaptureLock::refusal(repository));
    };
    let _copies = CopyKeeper::new();
    loop {
        let jobs = queue.jobs();
        if jobs.is_empty() {
            return Ok(());
        }
        for (path, job) in &jobs {
            let lost = run_job(context, job)?;
            queue.done(path, lost)?;
        }
    }
}

/// Captures what one job names into its branch's ledger. Returns whether a session is lost: its log
/// is gone and no ledger has it.
fn run_job(context: &Context, job: &Job) -> Result<bool> {
    let repository = context.repository()?;
    let redactor = context.redactor()?;
    let config = context.config()?;
    let ledger = config.ledger;
    let home = Home::of(repository, redactor);
    let reader = Reader { home: None, redactor, checkpoints: Checkpoints::of(repository, context.now()) };
    let (mut waiting, mut gone) = (Vec::new(), Vec::new());
    for (session, link) in wanted(repository, &config, job) {
        // A log that is gone or broken must not keep the others from being stored.
        let Some((source, mut reading)) = read(context, &reader, session) else {
            gone.extend(link.map(|link| (session.id.clone(), link)));
            continue;
        };
        if reading.is_excluded(&source, &config.exclude) {
            continue;
        }
        let checkpoint = reading.checkpoint.take();
        let mut capture = home.capture(reading, &job.branch());
        capture.links.extend(link);
        waiting.push(Waiting { source, checkpoint, capture });
    }
    store(context, &reader, &job.branch(), waiting)?;
    ledger.link(repository, &job.branch(), &gone, context.now())?;
    for (session, _) in &gone {
        if !is_stored(repository, session)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The sessions of a job that are not known to be excluded, each with its link to the job's commit.
fn wanted<'j>(repository: &Repository, config: &Config, job: &'j Job) -> Vec<(&'j JobSession, Option<Link>)> {
    let is_excluded = |session: &JobSession| {
        let log = session.log.as_deref();
        config.exclude.covers(&Subject { session: Some(&session.id), log, ..Subject::default() })
    };
    let link = repository.parse_id(&job.commit).map(|commit| fingerprinted(repository, commit));
    let wanted = job.sessions.iter().filter(|session| !is_excluded(session));
    let linked = |session: &JobSession| Some(Link { evidence: session.evidence.clone(), ..link.clone()? });
    wanted.map(|session| (session, linked(session))).collect()
}

/// Whether any ledger has a session.
fn is_stored(repository: &Repository, session: &SessionId) -> Result<bool> {
    for ledger in ledger::ALL {
        for tip in ledger.tips(repository)? {
            if ledger.find(repository, &tip, session).is_ok_and(|found| found.is_some()) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// A session that waits to be stored.
struct Waiting {
    source: Source,
    checkpoint: Option<Draft>,
    capture: Capture,
}

/// Stores sessions, and remembers of their logs how far they were read and what became of their sessions. What is
/// not remembered is only read again.
fn store(context: &Context, reader: &Reader<'_>, branch: &BranchName, mut waiting: Vec<Waiting>) -> Result<()> {
    let (repository, ledger) = (context.repository()?, context.config()?.ledger);
    let mut seen_logs = SeenLogs::of(repository);
    while !waiting.is_empty() {
        // Of several logs of one session, the second is stored after the first: it may continue it.
        let mut ids = HashSet::new();
        let is_first = |waiting: &Waiting| ids.insert(waiting.capture.session.value().header.session_id.clone());
        let (batch, rest): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_first);
        waiting = rest;
        let (mut captures, mut marks) = (Vec::new(), Vec::new());
        for Waiting { source, checkpoint, mut capture } in batch {
            let id = &capture.session.value().header.session_id;
            capture.versions = seen_logs.versions(repository, &source.log, id);
            marks.push((source, checkpoint));
            captures.push(capture);
        }
        let stored = ledger::store(repository, ledger, branch, &captures, context.now())?;
        for ((source, checkpoint), (capture, stored)) in marks.into_iter().zip(captures.iter().zip(&stored)) {
            seen_logs.note(&source.log, Some(Known::of(capture, stored)));
            let given = stored.hail.filter(|_| stored.is_given);
            let _ = reader.checkpoints.keep(&source, reader.redactor, checkpoint.zip(given));
        }
    }
    let _ = seen_logs.save();
    Ok(())
}

/// Reads the log of a session, once it holds one.
fn read(context: &Context, reader: &Reader<'_>, session: &JobSession) -> Option<(Source, Reading)> {
    let repository = context.repository().ok()?;
    let look = || {
        let source = session.source(&context.environment, repository)?;
        let reading = reader.read(&source).ok()??;
        Some((source, reading))
    };
    let started = Instant::now();
    loop {
        let found = look();
        if found.is_some() || !session.has_log() || started.elapsed() > REWRITE {
            return found;
        }
        std::thread::sleep(PAUSE);
    }
}

/// A link to a commit with what the commit is known by. Without that, too, it is a link.
fn fingerprinted(repository: &Repository, commit: ObjectId) -> Link {
    let fingerprint = repository.fingerprints(&[commit]).ok().and_then(|mut found| found.remove(&commit));
    Link { fingerprint: fingerprint.unwrap_or_default(), ..Link::new(commit, "") }
}
