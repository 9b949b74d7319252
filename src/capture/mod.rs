//! From a native log to the ledger: find, parse, redact, store.

mod queue;

use std::{fs::File, io::Read, path::Path};

use sha2::{Digest, Sha256};

pub use queue::{CaptureLock, Job, JobSession, Queue};

use crate::{
    agents::{self, Agent, DetectError, Log, LogFile, ParseError, Parsed, Sample, Scope},
    environment::Environment,
    error::{Error, Result},
    git::Repository,
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
    let sample = Sample::read(std::io::BufReader::new(open(path)?)).map_err(|fault| named(path, fault))?;
    agents::detect(&sample).map_err(|fault| explain(path, fault))
}

fn open(path: &Path) -> Result<File> {
    let file = File::open(path).map_err(|fault| named(path, fault).hinted("git session discover"))?;
    if file.metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return Err(Error::user(format!("{}: is a folder, not a log", path.display())).hinted("git session discover"));
    }
    Ok(file)
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
    let mut log = Log::open(path).map_err(|fault| named(path, fault))?;
    agents::parse_session(agent, &mut log).map_err(|fault| explain_parse(path, &fault))
}

/// Says of a file that a parse failed on what to do next.
pub fn explain_parse(path: &Path, fault: &ParseError) -> Error {
    let error = named(path, fault);
    match fault {
        ParseError::Empty => error.hinted("the session has not begun yet: try again when the agent has answered"),
        _ => {
            error.hinted("git session parse without --agent detects the agent itself; git session discover lists logs")
        }
    }
}

/// Whether a session belongs to the repository: it worked in one of its work trees, or changed a
/// file in one.
#[must_use]
pub fn belongs(repository: &Repository, parsed: &Parsed) -> bool {
    let mut roots = repository.work_trees();
    roots.extend(repository.work_trees().iter().filter_map(|root| root.canonicalize().ok()));
    let is_inside = |path: &Path| roots.iter().any(|root| path.starts_with(root));
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
        commits: Vec::new(),
    }
}

/// Captures what one job names into its branch's ledger.
///
/// # Errors
/// When a log cannot be read or the ledger cannot be written; the job is then to be kept.
pub fn run_job(context: &crate::context::Context, job: &Job) -> Result<()> {
    let repository = context.repository()?;
    let redactor = context.redactor()?;
    let commit = repository.parse_id(&job.commit);
    let mut captures = Vec::new();
    for session in &job.sessions {
        let Some(source) = session.source(&context.environment) else { continue };
        // A log that is gone or broken must not keep the others from being stored.
        let Ok(Some((mut capture, _))) = read(repository, redactor, &source, false) else { continue };
        capture.links.extend(commit.map(|commit| Link { commit, evidence: session.evidence.clone() }));
        captures.push(capture);
    }
    context.config()?.ledger.store(repository, &job.branch(), &captures, context.now())?;
    Ok(())
}
