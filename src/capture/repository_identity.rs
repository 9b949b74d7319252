//! Tells which agent wrote a log, and which repository its session belongs to.

use std::{
    collections::BTreeSet,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
};

use super::{Reading, Source, explain_parse, named, open};
use crate::{
    agents::{self, Agent, Log, Parsed, Sample, Warning},
    error::Result,
    git::Repository,
    hail::{Event, Header, Sink, attribute},
    ledger::{BranchName, Capture, GitFacts, KnownVersions},
    redact::{Redactor, Remembered},
};

/// How much of a log is looked at to tell whether it is its agent's and where it worked, in bytes:
/// 16 KiB. Where that does not tell, more is.
const SAMPLE_BYTES: u64 = 16 * 1024;

/// What tells a session of this repository: read once, used by every thread.
#[derive(Clone, Debug, Default)]
pub struct Home {
    /// The work trees, as git names them and as the kernel does.
    roots: Vec<PathBuf>,
    /// The remotes, host and path only.
    remotes: BTreeSet<String>,
    facts: GitFacts,
    /// What was redacted by hand, or may be stored again.
    remembered: Remembered,
}

/// Where a session worked: its header and the files it changed.
#[derive(Debug, Default)]
struct Footprint {
    header: Option<Header>,
    paths: BTreeSet<String>,
}

impl Sink for Footprint {
    fn header(&mut self, header: Header) -> io::Result<()> {
        self.header = Some(header);
        Ok(())
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        if let Some(path) = event.event_type.changed_path()
            && !self.paths.contains(path)
        {
            self.paths.insert(path.to_owned());
        }
        Ok(())
    }
}

impl Home {
    /// Reads what a repository is known by.
    #[must_use]
    pub fn of(repository: &Repository, redactor: &Redactor) -> Self {
        let mut roots = repository.work_trees();
        roots.extend(repository.work_trees().iter().filter_map(|root| root.canonicalize().ok()));
        let urls = repository.remotes().into_iter().filter_map(|remote| repository.remote_url(&remote));
        Self {
            roots,
            remotes: urls.filter_map(|url| address(&url)).collect(),
            facts: facts(repository, redactor),
            // Where it cannot be read there is no redactor either.
            remembered: Remembered::load(&repository.state_dir()).unwrap_or_default(),
        }
    }

    /// A repository with one work tree.
    #[cfg(test)]
    pub(super) fn at(root: &str) -> Self {
        Self { roots: vec![PathBuf::from(root)], ..Self::default() }
    }

    /// Makes what the ledger of `branch` takes of a reading.
    #[must_use]
    pub fn capture(&self, reading: Reading, branch: &BranchName) -> Capture {
        let mut git = self.facts.clone();
        if git.branch != branch.to_string() {
            // HEAD says nothing of another branch.
            (git.branch, git.head) = (branch.to_string(), None);
        }
        let cleared_at = self.remembered.cleared_at(&reading.session.value().header.session_id);
        Capture {
            session: reading.session,
            git,
            links: Vec::new(),
            continues: reading.continues,
            versions: KnownVersions::default(),
            cleared_at,
        }
    }

    /// Whether a folder or file is in one of the work trees. An agent that was started through a
    /// symbolic link may have noted the link.
    pub(super) fn holds(&self, path: &Path) -> bool {
        let is_below = |path: &Path| self.roots.iter().any(|root| path.starts_with(root));
        is_below(path) || path.canonicalize().is_ok_and(|real| is_below(&real))
    }

    /// Whether `url` is that of one of the remotes, however it is spoken to.
    pub(super) fn has_remote(&self, url: &str) -> bool {
        address(url).is_some_and(|address| self.remotes.contains(&address))
    }

    /// Whether a session worked in one of the work trees, or in another clone of the same remote,
    /// or changed a file in one.
    fn is_of(&self, footprint: &Footprint) -> bool {
        let Some(header) = &footprint.header else { return false };
        let cwd = header.cwd().map(Path::new);
        let remote = header.attribute(attribute::GIT_REMOTE);
        cwd.is_some_and(|cwd| self.holds(cwd))
            || self.roots.iter().any(|root| agents::has_hash_of(header, root))
            || remote.is_some_and(|remote| self.has_remote(remote))
            || footprint.paths.iter().any(|path| self.holds(&cwd.unwrap_or(Path::new("/")).join(path)))
    }
}

/// A remote's host and path, which are the same however it is spoken to.
fn address(url: &str) -> Option<String> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let path = rest.replacen(':', "/", 1);
    let path = path.trim_end_matches('/').trim_end_matches(".git").to_lowercase();
    (!path.is_empty()).then_some(path)
}

/// Parses a log into memory.
///
/// # Errors
/// When it cannot be read or is not the agent's.
pub fn parse(agent: &dyn Agent, path: &Path, part: Option<&str>) -> Result<Parsed> {
    let mut log = log_at(path, part)?;
    agents::parse_session(agent, &mut log).map_err(|fault| explain_parse(path, &fault))
}

pub(super) fn log_at<'a>(path: &'a Path, part: Option<&'a str>) -> Result<Log<'a>> {
    let mut log = Log::new(BufReader::with_capacity(1 << 17, open(path)?), Some(path));
    log.part = part;
    Ok(log)
}

/// The agent that wrote a log, which is the one in whose home it is unless its content is
/// another's, and how the log begins.
pub(super) fn look_at(source: &Source) -> Result<(&'static dyn Agent, Sample)> {
    let path = &source.log.path;
    if source.log.part.is_some() {
        return Ok((source.agent, Sample::default()));
    }
    let head = BufReader::new(open(path)?.take(SAMPLE_BYTES));
    let mut sample = Sample::read(head).map_err(|fault| named(path, fault))?;
    sample.path = Some(path.clone());
    if agents::is_of(source.agent, &sample) {
        return Ok((source.agent, sample));
    }
    let sample = Sample::of(path).map_err(|fault| named(path, fault))?;
    Ok((agents::detect(&sample).unwrap_or(source.agent), sample))
}

/// The folder that a session worked in, where the first records of its log say so.
#[must_use]
pub fn working_directory(source: &Source) -> Option<PathBuf> {
    let (agent, sample) = look_at(source).ok()?;
    agent.working_directory(&sample).map(PathBuf::from)
}

fn send(agent: &dyn Agent, source: &Source, sink: &mut dyn Sink) -> Result<Vec<Warning>> {
    let path = &source.log.path;
    let mut log = log_at(path, source.log.part.as_deref())?;
    agent.parse(&mut log, sink).map_err(|fault| explain_parse(path, &fault))
}

/// Whether a log's session belongs to the repository. The folder it worked in tells quickly; else
/// all of the log is looked through for what it changed here.
pub(super) fn belongs(home: &Home, agent: &dyn Agent, source: &Source, sample: &Sample) -> Result<bool> {
    if agent.working_directory(sample).is_some_and(|cwd| home.holds(Path::new(cwd))) {
        return Ok(true);
    }
    let mut footprint = Footprint::default();
    send(agent, source, &mut footprint)?;
    Ok(home.is_of(&footprint))
}

/// Where the repository stands at this moment.
fn facts(repository: &Repository, redactor: &Redactor) -> GitFacts {
    let head = repository.head().ok();
    let branch = head.as_ref().map(|head| BranchName::current(repository, head));
    let upstream = branch.as_ref().and_then(|branch| repository.upstream_remote(&branch.to_string()));
    let remote = upstream.or_else(|| repository.remotes().into_iter().next());
    let url = remote.and_then(|remote| repository.remote_url(&remote));
    let folder = repository.work_tree().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let redacted = |text: String| redactor.text(&text).0.into_owned();
    GitFacts {
        repo_name: url.as_deref().and_then(GitFacts::name_of).or(folder).map(redacted),
        remote: url.map(redacted),
        branch: branch.map(|branch| branch.to_string()).unwrap_or_default(),
        head: head.and_then(|head| head.commit).map(|commit| commit.to_string()),
        ..GitFacts::default()
    }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn a_remote_has_one_address_however_it_is_spoken_to() {
        for url in [
            "https://github.com/Acme/web.git",
            "git@github.com:acme/web",
            "ssh://git@github.com/acme/web.git/",
            "https://user:secret@github.com/acme/web",
        ] {
            assert_eq!(address(url).as_deref(), Some("github.com/acme/web"), "{url}");
        }
        assert_eq!(address(""), None);
    }
}
