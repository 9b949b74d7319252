//! Finds the sessions that touched what is about to be committed.
//!
//! A log is looked at by metadata first, opened only when it grew, and read only from where the
//! last look ended.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Component, Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use super::{Credit, LogState, State, Touch};
use crate::{
    agents::{self, Agent, Log, LogFile, Sample, Scope},
    environment::Environment,
    git::{GitError, Head, ObjectId, Operation, Repository},
    hail::{Event, EventType, Header, SessionId, Sink, Timestamp, attribute, title_of},
    redact::Redactor,
};

/// Logs that rested longer than this are not looked at.
const WINDOW: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long reading logs may take in a hook; the newest come first.
const BUDGET: Duration = Duration::from_secs(2);

/// Where and when to look.
pub struct Look<'a> {
    /// Where the agents keep their logs.
    pub environment: &'a Environment,
    /// Where the commit is made.
    pub repository: &'a Repository,
    /// Makes prompts safe to keep.
    pub redactor: &'a dyn Fn() -> Option<&'a Redactor>,
    /// The time.
    pub now: Timestamp,
}

/// A session that touched what is staged.
#[derive(Clone, Debug)]
pub struct Found {
    /// What the commit will say.
    pub credit: Credit,
    /// The logs that hold it: its own, and those of its subagents.
    pub logs: Vec<PathBuf>,
    /// The staged paths that it touched, absolute.
    pub paths: Vec<PathBuf>,
}

/// Finds the sessions that touched what is staged, the most recent last.
///
/// # Errors
/// When the repository cannot be read; an unreadable log is passed over.
pub fn find_sessions(look: &Look<'_>, state: &mut State, is_amend: bool) -> Result<Vec<Found>, GitError> {
    let Some(work_tree) = look.repository.work_tree() else { return Ok(Vec::new()) };
    refresh(look, state, work_tree);
    let roots = forms_of(work_tree);
    let head = look.repository.head()?;
    let candidates = candidates(look.repository, state, &head);
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let Some(parents) = parents(look.repository, &head, is_amend)? else { return Ok(Vec::new()) };
    let mut relative: Vec<(String, &Touch)> =
        candidates.iter().filter_map(|touch| Some((below(&touch.path, &roots)?, *touch))).collect();
    relative.sort_by_key(|(_, touch)| touch.at);
    let staged = look.repository.staged(relative.iter().map(|(path, _)| path.as_str()), &parents)?;
    let mut found: Vec<Found> = Vec::new();
    for (path, touch) in &relative {
        if staged.iter().any(|staged| staged.path == *path) {
            add(&mut found, state, touch);
        }
    }
    Ok(found)
}

/// Brings `state` up to date with the logs and forgets what was touched and committed before: of
/// the files that sessions touched, only those that differ from HEAD can be of a commit to come.
///
/// # Errors
/// When the repository cannot be read.
pub fn warm(look: &Look<'_>, state: &mut State) -> Result<(), GitError> {
    let Some(work_tree) = look.repository.work_tree() else { return Ok(()) };
    refresh(look, state, work_tree);
    let roots = forms_of(work_tree);
    let parents: Vec<ObjectId> = look.repository.head()?.commit.into_iter().collect();
    let paths: Vec<&Path> = state.touches.iter().map(|touch| touch.path.as_path()).collect();
    let relative: Vec<String> = paths.iter().filter_map(|path| below(path, &roots)).collect();
    let staged = look.repository.staged(relative.iter().map(String::as_str), &parents)?;
    let unchanged: HashSet<PathBuf> =
        look.repository.unchanged_since_staged(&paths)?.into_iter().map(Path::to_owned).collect();
    state.touches.retain(|touch| {
        let is_staged = below(&touch.path, &roots).is_some_and(|path| staged.iter().any(|staged| staged.path == path));
        is_staged || !unchanged.contains(&touch.path)
    });
    Ok(())
}

/// Brings `state` up to date with the logs on this machine.
fn refresh(look: &Look<'_>, state: &mut State, work_tree: &Path) {
    let since = SystemTime::from(look.now.to_chrono()).checked_sub(WINDOW);
    let scope = Scope { folder: Some(work_tree), since };
    let listed = agents::ALL
        .iter()
        .flat_map(|agent| agent.logs(look.environment, &scope).into_iter().map(move |log| (*agent, log)));
    let mut grown: Vec<(&dyn Agent, LogFile)> = Vec::new();
    let mut seen = HashSet::new();
    for (agent, log) in listed {
        let known = state.logs.get(&log.path);
        let is_foreign = known.is_some_and(|known| known.header.is_none() && known.offset > 0);
        let is_same = known.is_some_and(|known| known.modified == nanoseconds(&log) && known.size == log.size);
        seen.insert(log.path.clone());
        if !is_foreign && !is_same {
            grown.push((agent, log));
        }
    }
    state.logs.retain(|path, _| seen.contains(path));
    state.touches.retain(|touch| seen.contains(&touch.log));
    grown.sort_by_key(|(_, log)| std::cmp::Reverse(log.modified));
    let started = Instant::now();
    for (agent, log) in grown {
        if started.elapsed() > BUDGET {
            break;
        }
        // A log that cannot be read now is looked at again at the next commit.
        let _ = read_on(look, state, agent, &log);
    }
}

fn nanoseconds(log: &LogFile) -> u128 {
    log.modified.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos())
}

/// Reads what a log gained since the last look.
fn read_on(look: &Look<'_>, state: &mut State, agent: &dyn Agent, log: &LogFile) -> io::Result<()> {
    let mut file = File::open(&log.path)?;
    let known = match state.logs.get(&log.path) {
        Some(known) if is_line_end(&mut file, known.offset) => known.clone(),
        _ => {
            state.forget(&log.path);
            LogState::default()
        }
    };
    let roots: Vec<PathBuf> = look.repository.work_trees().iter().flat_map(|root| forms_of(root)).collect();
    let end = last_line_end(&mut file, known.offset)?;
    let mut next = LogState { modified: nanoseconds(log), size: log.size, offset: end, ..known.clone() };
    if known.offset == 0 && is_foreign(agent, &file, &roots)? {
        state.logs.insert(log.path.clone(), LogState { offset: end.max(1), header: None, ..next });
        return Ok(());
    }
    file.seek(SeekFrom::Start(known.offset))?;
    let reader = BufReader::with_capacity(1 << 16, file.take(end.saturating_sub(known.offset)));
    let mut input = Log::new(reader, Some(&log.path));
    input.resumed.clone_from(&known.header);
    let mut touched = Touched { header: known.header, prompt: known.prompt.map(Prompt::Kept), paths: Vec::new() };
    // Nothing new that is complete, or nothing of this agent: the next look begins where this did.
    if agent.parse(&mut input, &mut touched).is_err() {
        return Ok(());
    }
    let Some(header) = touched.header else { return Ok(()) };
    let credited = credited(&header);
    let redactor = if touched.paths.is_empty() { None } else { (look.redactor)() };
    for (path, at, prompt) in &touched.paths {
        let (path, at) = (absolute(path, &header), *at);
        if below(&path, &roots).is_some() {
            let prompt = prompt.as_ref().and_then(|prompt| prompt.redacted(redactor));
            state.touch(Touch { path, log: log.path.clone(), at, session: credited.clone(), prompt, commit: None });
        }
    }
    next.prompt = touched.prompt.and_then(|prompt| prompt.redacted((look.redactor)()));
    next.header = Some(header);
    state.logs.insert(log.path.clone(), next);
    Ok(())
}

/// A prompt on its way into the state file.
#[derive(Clone)]
enum Prompt {
    /// It comes from there.
    Kept(String),
    /// It comes from the log.
    Raw(String),
}

impl Prompt {
    /// The prompt without secrets; without a redactor nothing is kept.
    fn redacted(&self, redactor: Option<&Redactor>) -> Option<String> {
        match self {
            Self::Kept(text) => Some(text.clone()),
            Self::Raw(text) => redactor.map(|redactor| redactor.text(text).0.into_owned()),
        }
    }
}

/// Collects what a stretch of a log says about files.
struct Touched {
    header: Option<Header>,
    prompt: Option<Prompt>,
    paths: Vec<(String, Timestamp, Option<Prompt>)>,
}

impl Sink for Touched {
    fn header(&mut self, header: Header) -> io::Result<()> {
        self.header = Some(header);
        Ok(())
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        if event.event_type == EventType::UserMessage {
            let title = title_of(&event.content.to_text());
            if !title.is_empty() {
                self.prompt = Some(Prompt::Raw(title));
            }
        } else if let Some(path) = event.event_type.changed_path() {
            self.paths.push((path.to_owned(), event.timestamp, self.prompt.clone()));
        }
        Ok(())
    }
}

/// Whether the session works in another place altogether: neither in one of `roots`, nor above.
fn is_foreign(agent: &dyn Agent, file: &File, roots: &[PathBuf]) -> io::Result<bool> {
    let mut head = file;
    head.seek(SeekFrom::Start(0))?;
    let sample = Sample::read(BufReader::new(head.take(256 * 1024)))?;
    let Some(cwd) = agent.working_directory(&sample).map(PathBuf::from) else { return Ok(false) };
    Ok(!roots.iter().any(|root| cwd.starts_with(root) || root.starts_with(&cwd)))
}

/// Whether a line ends at `offset`: where none does, the log was rewritten.
fn is_line_end(file: &mut File, offset: u64) -> bool {
    let Some(before) = offset.checked_sub(1) else { return true };
    let mut byte = [0];
    file.seek(SeekFrom::Start(before)).is_ok() && file.read_exact(&mut byte).is_ok() && byte == *b"\n"
}

/// The end of the last complete line at or after `from`.
fn last_line_end(file: &mut File, from: u64) -> io::Result<u64> {
    const CHUNK: u64 = 64 * 1024;
    let mut end = file.seek(SeekFrom::End(0))?;
    while end > from {
        let start = end.saturating_sub(CHUNK).max(from);
        let mut chunk = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.by_ref().take(end - start).read_to_end(&mut chunk)?;
        if let Some(position) = memchr::memrchr(b'\n', &chunk) {
            return Ok(start + position as u64 + 1);
        }
        end = start;
    }
    Ok(from)
}

/// The session that is credited with a log: a subagent works for the one that started it.
fn credited(header: &Header) -> SessionId {
    let parent = header.attribute(attribute::PARENT_SESSION_ID).filter(|_| header.role() == "auxiliary");
    parent.and_then(|parent| parent.parse().ok()).unwrap_or_else(|| header.session_id.clone())
}

fn absolute(path: &str, header: &Header) -> PathBuf {
    let path = Path::new(header.cwd().unwrap_or("/")).join(path);
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    clean
}

/// A folder as git names it, and as the kernel does.
fn forms_of(root: &Path) -> Vec<PathBuf> {
    let mut forms = vec![root.to_owned()];
    forms.extend(root.canonicalize().ok().filter(|canonical| canonical != root));
    forms
}

/// The path below one of `roots`, with `/`, as git writes it.
fn below(path: &Path, roots: &[PathBuf]) -> Option<String> {
    let relative = roots.iter().find_map(|root| path.strip_prefix(root).ok())?;
    let relative = relative.to_str()?;
    (!relative.is_empty() && !relative.starts_with(".git/")).then(|| relative.to_owned())
}

/// The touches that no commit has: those that never got into one, and those whose commit was just
/// undone.
fn candidates<'s>(repository: &Repository, state: &'s State, head: &Head) -> Vec<&'s Touch> {
    let undone = |touch: &&Touch| {
        let commit = touch.commit.as_deref().and_then(|commit| repository.parse_id(commit));
        let commit = commit.and_then(|commit| repository.commit(commit).ok());
        commit.is_some_and(|commit| commit.parents.first().copied() == head.commit)
    };
    let recent = state.consumed.iter().rev().take(50).filter(undone);
    state.touches.iter().chain(recent).collect()
}

/// The commits from all of which a staged path must differ to be new; `None` while history is being
/// rewritten, when the messages bring their trailers along.
fn parents(repository: &Repository, head: &Head, is_amend: bool) -> Result<Option<Vec<ObjectId>>, GitError> {
    let Some(commit) = head.commit else { return Ok(Some(Vec::new())) };
    if is_amend {
        return Ok(Some(repository.commit(commit)?.parents));
    }
    Ok(match repository.operation() {
        Some((Operation::Rebase, _)) => None,
        Some((Operation::Merge | Operation::CherryPick, Some(other))) => Some(vec![commit, other]),
        Some((Operation::Revert, Some(other))) => {
            Some([commit].into_iter().chain(repository.commit(other)?.parents.first().copied()).collect())
        }
        _ => Some(vec![commit]),
    })
}

fn add(found: &mut Vec<Found>, state: &State, touch: &Touch) {
    let own = |log: &LogState| log.header.as_ref().is_some_and(|header| header.session_id == touch.session);
    let main = state.logs.iter().find(|(_, log)| own(log));
    let header = main.or_else(|| state.logs.get_key_value(&touch.log)).and_then(|(_, log)| log.header.as_ref());
    let Some(header) = header else { return };
    let credit = Credit {
        session: touch.session.clone(),
        tool: header.agent.tool.clone(),
        tool_version: header.agent.tool_version.clone(),
        model: header.agent.model.clone(),
        prompt: touch.prompt.clone().or_else(|| main.and_then(|(_, log)| log.prompt.clone())),
    };
    let position = found.iter().position(|known| known.credit.session == touch.session);
    let mut session = position.map_or_else(
        || Found {
            credit: credit.clone(),
            logs: main.map(|(path, _)| path.clone()).into_iter().collect(),
            paths: Vec::new(),
        },
        |position| found.remove(position),
    );
    session.credit = credit;
    if !session.logs.contains(&touch.log) {
        session.logs.push(touch.log.clone());
    }
    session.paths.push(touch.path.clone());
    found.push(session);
}
