//! From a native log to the ledger: find, parse, redact, store.

mod queue;

use std::{
    fs::File,
    io::{BufReader, Read},
    path::Path,
    time::Duration,
};

use sha2::{Digest, Sha256};

pub use queue::{CaptureLock, Job, JobSession, Queue};

use crate::{
    agents::{self, Agent, DetectError, Log, LogFile, ParseError, Parsed, Sample, Scope},
    context::Context,
    environment::Environment,
    error::{Error, Result},
    git::{ObjectId, Repository},
    hail::{Header, ObjectHash, SessionId},
    ledger::{BranchName, Capture, GitFacts, Link, Native},
    redact::Redactor,
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
        .flat_map(|agent| agent.logs(environment, scope).into_iter().map(move |log| Source { agent, log }))
        .collect();
    sources.sort_by(|one, other| (other.log.modified, &one.log.path).cmp(&(one.log.modified, &other.log.path)));
    sources
}

/// Finds the log of a session by the name of its file, which both known agents make of the id.
#[must_use]
pub fn find_log(environment: &Environment, session: &SessionId) -> Option<Source> {
    discover(environment, &Scope::default(), None).into_iter().find(|source| {
        let stem = source.log.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        stem == session.as_str() || stem.ends_with(&format!("-{session}"))
    })
}

/// Finds the agent that wrote a file, by content.
///
/// # Errors
/// When no agent did, with what to do next.
pub fn recognise(path: &Path) -> Result<&'static dyn Agent> {
    let sample = Sample::read(BufReader::new(open(path)?)).map_err(|fault| named(path, fault))?;
    agents::detect(&sample).map_err(|fault| explain(path, fault))
}

/// Opens a log.
///
/// # Errors
/// When it cannot be opened, or is a folder.
pub fn open(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|fault| named(path, fault).hinted("git session discover"))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Error::user(format!("{}: is a folder, not a log", path.display())).hinted("git session discover"));
    }
    Ok(file)
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
        DetectError::Empty => "the session has not begun yet: try again when the agent has answered".to_owned(),
        DetectError::Ambiguous { .. } => format!("git session parse --agent NAME '{}'", path.display()),
        _ => "git session discover".to_owned(),
    };
    named(path, fault).hinted(hint)
}

/// Puts the file's name before a failure.
pub fn named(path: &Path, fault: impl std::fmt::Display) -> Error {
    Error::user(format!("{}: {fault}", path.display()))
}

/// Parses a log into memory.
///
/// # Errors
/// When it cannot be read or is not the agent's.
pub fn parse(agent: &dyn Agent, path: &Path) -> Result<Parsed> {
    let mut log = Log::new(BufReader::with_capacity(1 << 17, open(path)?), Some(path));
    agents::parse_session(agent, &mut log).map_err(|fault| explain_parse(path, &fault))
}

/// Says of a file that a parse failed on what to do next.
pub fn explain_parse(path: &Path, fault: &ParseError) -> Error {
    let error = named(path, fault);
    match fault {
        ParseError::Empty => error.hinted("the session has not begun yet: try again when the agent has answered"),
        _ => error.hinted("without --agent the agent is recognised; git session discover lists the logs there are"),
    }
}

/// Whether a session belongs to the repository: it worked in one of its work trees, or changed a
/// file in one.
#[must_use]
pub fn belongs(repository: &Repository, parsed: &Parsed) -> bool {
    let mut roots = repository.work_trees();
    roots.extend(repository.work_trees().iter().filter_map(|root| root.canonicalize().ok()));
    let is_below = |path: &Path| roots.iter().any(|root| path.starts_with(root));
    // An agent that was started through a symbolic link may have noted the link.
    let is_inside = |path: &Path| is_below(path) || path.canonicalize().is_ok_and(|real| is_below(&real));
    let header = &parsed.session.header;
    let cwd = header.cwd().map(Path::new);
    cwd.is_some_and(is_inside)
        || parsed.session.events.iter().any(|event| {
            let path = event.event_type.changed_path().map(Path::new);
            path.is_some_and(|path| is_inside(&cwd.unwrap_or(Path::new("/")).join(path)))
        })
}

/// Makes what a ledger takes: redacted, with where it belongs.
#[must_use]
pub fn prepare(repository: &Repository, redactor: &Redactor, parsed: Parsed, native: Option<Native>) -> Capture {
    let git = facts(repository, &parsed.session.header);
    Capture { session: redactor.session(parsed.session), git, links: Vec::new(), native }
}

/// Parses and redacts a log; `None` when the session belongs elsewhere and `only_here` asks for
/// this repository's.
///
/// # Errors
/// When the log cannot be read.
pub fn read(
    repository: &Repository,
    redactor: &Redactor,
    source: &Source,
    only_here: bool,
) -> Result<Option<(Capture, Vec<agents::Warning>)>> {
    let parsed = parse(source.agent, &source.log.path)?;
    if only_here && !belongs(repository, &parsed) {
        return Ok(None);
    }
    let warnings = parsed.warnings.clone();
    let native = native(&source.log.path).map_err(|fault| named(&source.log.path, fault))?;
    Ok(Some((prepare(repository, redactor, parsed, Some(native)), warnings)))
}

/// Size and hash of a log as it is now.
fn native(path: &Path) -> std::io::Result<Native> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 17];
    let mut bytes = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(Native { bytes, sha256: ObjectHash::from_digest(hasher.finalize().into()) });
        }
        hasher.update(&buffer[..read]);
        bytes += read as u64;
    }
}

fn facts(repository: &Repository, header: &Header) -> GitFacts {
    let head = repository.head().ok();
    let branch = head.as_ref().map(|head| BranchName::current(repository, head));
    let upstream = branch.as_ref().and_then(|branch| repository.upstream_remote(&branch.to_string()));
    let remote = upstream.or_else(|| repository.remotes().into_iter().next());
    let url = remote.and_then(|remote| repository.remote_url(&remote));
    let folder = repository.work_tree().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    GitFacts {
        repo_name: url.as_deref().and_then(GitFacts::name_of).or(folder),
        remote: url,
        branch: branch
            .map(|branch| branch.to_string())
            .or_else(|| header.attribute("git_branch").map(str::to_owned))
            .unwrap_or_default(),
        head: head.and_then(|head| head.commit).map(|commit| commit.to_string()),
        ..GitFacts::default()
    }
}

/// Works off the queue, waiting for another process that does so for at most `patience`. What comes
/// in meanwhile is done too.
///
/// # Errors
/// When a ledger cannot be written; the job then stays in the queue.
pub fn work_off(context: &Context, patience: Duration) -> Result<()> {
    let repository = context.repository()?;
    let queue = Queue::of(repository);
    if queue.is_empty() {
        return Ok(());
    }
    let Some(_lock) = CaptureLock::take(repository, patience) else {
        return Err(Error::user("another process is storing sessions").hinted("try again when it is done"));
    };
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
    let ledger = context.config()?.ledger;
    let link = repository.parse_id(&job.commit).map(|commit| fingerprinted(repository, commit));
    let (mut captures, mut gone) = (Vec::new(), Vec::new());
    for session in &job.sessions {
        let links = link.clone().map(|link| Link { evidence: session.evidence.clone(), ..link });
        // A log that is gone or broken must not keep the others from being stored.
        let source = session.source(&context.environment);
        match source.map(|source| read(repository, redactor, &source, false)) {
            Some(Ok(Some((mut capture, _)))) => {
                capture.links.extend(links);
                captures.push(capture);
            }
            _ => gone.extend(links.map(|link| (session.id.clone(), link))),
        }
    }
    ledger.store(repository, &job.branch(), &captures, context.now())?;
    ledger.link(repository, &job.branch(), &gone, context.now())?;
    let tips = ledger.tips(repository)?;
    for (session, _) in &gone {
        let found =
            tips.iter().map(|tip| ledger.find(repository, tip, session)).find_map(std::result::Result::transpose);
        if found.transpose()?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A link to a commit with what the commit is known by. Without that, too, it is a link.
fn fingerprinted(repository: &Repository, commit: ObjectId) -> Link {
    let fingerprint = repository.fingerprints(&[commit]).ok().and_then(|mut found| found.remove(&commit));
    Link { fingerprint: fingerprint.unwrap_or_default(), ..Link::new(commit, "") }
}
