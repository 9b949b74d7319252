//! Reads what the logs gained since the last look.
//!
//! A log is looked at by metadata first, opened only when it grew, and read only from where the last look ended. A
//! call that has not come back is read again with its result: nobody knows before what it did.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use super::{
    file_path::FilePath,
    sessions::resolve,
    shell::Commits,
    store::{Kind, LogState, SeenLog, Store, StoredCall, StoredEdit},
    writes::{What, Write, Writes},
};
use crate::{
    agents::{self, Agent, CopyKeeper, Log, LogFile, Sample},
    environment::Environment,
    git::Repository,
    hail::{Header, Timestamp, last_line_end},
    logs::{self, is_elsewhere},
    redact::{Redactor, Summary},
    system::files,
};

/// Logs that rested longer than this are not looked at: as long as what a session wrote is kept.
const WINDOW: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// How long reading logs may take in a hook; the newest come first.
const BUDGET: Duration = Duration::from_secs(2);
/// The largest log that is read as a whole while somebody waits for a commit, in bytes: 64 MiB.
const MAX_DOCUMENT_BYTES: u64 = 64 * 1024 * 1024;

/// Where and when to look.
pub struct ScanContext<'a> {
    /// Where the agents keep their logs.
    pub environment: &'a Environment,
    /// Where the commit is made.
    pub repository: &'a Repository,
    /// Makes prompts and commands safe to keep.
    pub redactor: &'a dyn Fn() -> Option<&'a Redactor>,
    /// The time.
    pub now: Timestamp,
}

/// Brings `store` up to date with the logs on this machine.
///
/// # Errors
/// When the store cannot be read or written; a log that cannot be read is looked at again at the next commit.
pub fn refresh(scan: &ScanContext<'_>, store: &Store) -> io::Result<()> {
    let Some(work_tree) = scan.repository.work_tree() else { return Ok(()) };
    let since = SystemTime::from(scan.now.to_chrono()).checked_sub(WINDOW);
    let seen = store.seen_logs()?;
    let mut all = logs::recent(scan.environment, scan.repository, work_tree, since);
    // What is known is kept by name, which has no place for what is not Unicode.
    all.retain(|(_, log)| log.path.to_str().is_some());
    forget_missing(store, &seen, &all)?;
    let mut grown: Vec<(&dyn Agent, LogFile)> = all;
    grown.retain(|(_, log)| !seen.get(&log.name()).is_some_and(|known| is_same(*known, log)));
    if grown.is_empty() {
        return Ok(());
    }
    store.expire(scan.now)?;
    let roots = super::sessions::roots(scan.repository);
    grown.sort_by_key(|(_, log)| std::cmp::Reverse(log.modified));
    let started = Instant::now();
    let reader = Reader { scan, store, roots: &roots };
    for (agent, log) in grown {
        if started.elapsed() > BUDGET {
            break;
        }
        // A log that cannot be read now is looked at again at the next commit.
        let _ =
            if agent.is_appended(&log.path) { reader.read_on(agent, &log) } else { reader.read_document(agent, &log) };
    }
    Ok(())
}

/// Forgets logs of other repositories that are gone. What a log of this one said counts though its agent deleted it;
/// its commands run no more.
fn forget_missing(
    store: &Store,
    seen: &HashMap<String, SeenLog>,
    all: &[(&'static dyn Agent, LogFile)],
) -> io::Result<()> {
    // Mostly every log that is known is there, which is faster to count than to ask for one by one.
    let known = all.iter().filter(|(_, log)| log.path.to_str().is_some_and(|name| seen.contains_key(name))).count();
    if known == seen.len() {
        return Ok(());
    }
    let here: HashSet<&Path> = all.iter().map(|(_, log)| log.path.as_path()).collect();
    for (name, log) in seen {
        let (path, _) = LogFile::parse_name(name);
        if here.contains(path) || path.exists() {
            continue;
        }
        if log.is_foreign {
            store.forget(name)?;
        } else {
            store.clear_calls(name)?;
        }
    }
    Ok(())
}

fn is_same(known: SeenLog, log: &LogFile) -> bool {
    known.modified == nanoseconds(log) && known.size == log.size
}

/// When a log was last written, in nanoseconds since 1970; in the year 2554 they end.
fn nanoseconds(log: &LogFile) -> u64 {
    let since = log.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

struct Reader<'a, 's> {
    scan: &'a ScanContext<'s>,
    store: &'a Store,
    roots: &'a [PathBuf],
}

impl Reader<'_, '_> {
    /// Reads what a log gained since the last look.
    fn read_on(&self, agent: &dyn Agent, log: &LogFile) -> io::Result<()> {
        let name = log.name();
        let mut file = files::open(&log.path, files::STREAMED)?;
        let known = match self.store.log(&name)? {
            Some(known) if is_line_end(&mut file, known.offset) => known,
            Some(_) => {
                self.store.clear_edits(&name, false)?;
                LogState::default()
            }
            None => LogState::default(),
        };
        let end = last_line_end(&mut file, known.offset)?;
        let mut next = LogState { modified: nanoseconds(log), size: log.size, ..known.clone() };
        let is_elsewhere = known.is_foreign || (known.offset == 0 && works_elsewhere(agent, &file, self.roots)?);
        if is_elsewhere && !mentions(&mut file, (known.offset, end), self.roots)? {
            (next.offset, next.is_foreign) = (end.max(1), true);
            return self.store.note(&name, &next);
        }
        // What another place's session did here is read from its beginning, once it names this repository.
        let known = if known.is_foreign { LogState::default() } else { known };
        let read = |from: u64, to: u64| Self::read_stretch(agent, &log.path, &known, (from, to));
        // Nothing new that is complete, or nothing of this agent: the next look begins where this did.
        let Some(mut writes) = read(known.offset, end)? else { return Ok(()) };
        if is_elsewhere && !self.writes_here(&writes) {
            // To name this repository, or to read of it, is no reason to keep anything of a session here.
            (next.offset, next.is_foreign) = (end.max(1), true);
            return self.store.note(&name, &next);
        }
        (next.is_foreign, next.offset) = (false, known.offset);
        self.store.clear_edits(&name, true)?;
        let open = open_calls(&log.path, known.offset, end, &writes.unanswered())?;
        if let Some(border) = open.filter(|border| *border > known.offset) {
            let Some(closed) = read(known.offset, border)? else { return Ok(()) };
            let resumed = self.note(&name, &mut next, border, &closed)?;
            self.add(&name, &closed, false)?;
            let Some(rest) = Self::read_stretch(agent, &log.path, &resumed, (border, end))? else { return Ok(()) };
            writes = rest;
        } else if open.is_none() {
            self.note(&name, &mut next, end, &writes)?;
            return self.add(&name, &writes, false);
        } else {
            let mut unread = Writes::default();
            unread.header.clone_from(&writes.header);
            self.note(&name, &mut next, known.offset, &unread)?;
        }
        self.add(&name, &writes, true)
    }

    /// Reads the lines of a log from one offset to another.
    fn read_stretch(
        agent: &dyn Agent,
        path: &Path,
        known: &LogState,
        (from, to): (u64, u64),
    ) -> io::Result<Option<Writes>> {
        let mut file = files::open(path, files::STREAMED)?;
        file.seek(SeekFrom::Start(from))?;
        let reader = BufReader::with_capacity(1 << 16, file.take(to.saturating_sub(from)));
        let mut input = Log::new(reader, Some(path));
        input.resumed.clone_from(&known.header);
        let mut writes = Writes::after(known.prompt.as_deref());
        writes.header.clone_from(&known.header);
        Ok(agent.parse(&mut input, &mut writes).is_ok().then_some(writes))
    }

    /// Reads a log that is one document or a database, all of it.
    fn read_document(&self, agent: &dyn Agent, log: &LogFile) -> io::Result<()> {
        if log.size > MAX_DOCUMENT_BYTES {
            return Ok(());
        }
        let _copies = CopyKeeper::new();
        for session in agent.sessions(log).map_err(io::Error::other)? {
            let known = self.store.log(&session.name())?;
            let is_known = |known: &LogState| known.modified == nanoseconds(&session) && known.size == session.size;
            if session.part.is_none() || !known.as_ref().is_some_and(is_known) {
                // One session that cannot be read must not hide the others of a file.
                let _ = self.read_session(agent, &session);
            }
        }
        let mut state = self.store.log(&log.name())?.unwrap_or_default();
        (state.modified, state.size) = (nanoseconds(log), log.size);
        self.store.note(&log.name(), &state)
    }

    fn read_session(&self, agent: &dyn Agent, log: &LogFile) -> io::Result<()> {
        let name = log.name();
        let mut input = Log::open(&log.path)?;
        input.part = log.part.as_deref();
        let mut writes = Writes::default();
        agent.parse(&mut input, &mut writes).map_err(io::Error::other)?;
        let cwd = writes.header.as_ref().and_then(Header::cwd).map(PathBuf::from);
        self.store.clear_edits(&name, false)?;
        let mut next = LogState { modified: nanoseconds(log), size: log.size, ..LogState::default() };
        if cwd.is_some_and(|cwd| is_elsewhere(&cwd, self.roots)) && !self.writes_here(&writes) {
            (next.offset, next.is_foreign) = (1, true);
            return self.store.note(&name, &next);
        }
        writes.finish();
        self.note(&name, &mut next, 1, &writes)?;
        self.add(&name, &writes, false)
    }

    /// Whether a session of another place changed a file of this repository.
    fn writes_here(&self, writes: &Writes) -> bool {
        let cwd = writes.header.as_ref().and_then(Header::cwd);
        writes.writes.iter().any(|write| {
            let directory = write.directory.as_deref().or(cwd);
            let is_named = !matches!(write.what, What::Anything);
            is_named && matches!(resolve(&write.path, directory, self.roots), FilePath::Within(_))
        })
    }

    /// Notes how far a log was read, and what is known of its session then.
    fn note(&self, name: &str, next: &mut LogState, offset: u64, writes: &Writes) -> io::Result<LogState> {
        next.offset = offset;
        let redactor = (self.scan.redactor)();
        if let Some(mut header) = writes.header.clone() {
            if let Some(redactor) = redactor {
                redactor.names(&mut header);
            }
            next.session = Some(super::writes::credited(&header));
            next.header = Some(header);
        }
        if let Some(prompt) = writes.prompts.last() {
            next.prompt = prompt.redacted(redactor);
        }
        self.store.note(name, next)?;
        Ok(next.clone())
    }

    /// Adds what a stretch says. What is not of this repository is left out.
    fn add(&self, name: &str, writes: &Writes, is_open: bool) -> io::Result<()> {
        let Some(header) = &writes.header else { return Ok(()) };
        let redactor = (self.scan.redactor)();
        let mut named = header.clone();
        if let Some(redactor) = redactor {
            redactor.names(&mut named);
        }
        let session = super::writes::credited(&named);
        let hashed =
            || self.roots.iter().find(|root| agents::has_hash_of(header, root)).map(|root| root.display().to_string());
        let cwd = header.cwd().map(str::to_owned).or_else(hashed);
        let prompt = |at: Option<usize>| writes.prompts.get(at?)?.redacted(redactor);
        for write in &writes.writes {
            let directory = write.directory.as_deref().or(cwd.as_deref());
            let file = resolve(&write.path, directory, self.roots);
            let kind = Kind::of_what(&write.what);
            let is_here = match kind {
                // A command that names no file may change any where it runs.
                Kind::Anything => directory.is_some_and(|folder| !is_elsewhere(Path::new(folder), self.roots)),
                _ => matches!(file, FilePath::Within(_)),
            };
            if !is_here {
                continue;
            }
            let Write { from, at, what, .. } = write;
            let old = if let What::Moved { from } = what { Some(resolve(from, directory, self.roots)) } else { None };
            let edit = StoredEdit {
                id: 0,
                session: session.clone(),
                log: name.to_owned(),
                file,
                kind,
                from: old,
                started: *from,
                at: *at,
                prompt: prompt(write.prompt),
                is_whole: matches!(what, What::Lines { is_whole: true, .. }),
            };
            self.store.add(&edit, what, is_open)?;
        }
        for call in writes.running().into_iter().filter(|call| call.commits != Commits::No) {
            let command = redactor.map(|redactor| redactor.title(&call.command, &mut Summary::default()));
            let running = StoredCall {
                session: session.clone(),
                log: name.to_owned(),
                command: command.unwrap_or_default(),
                directory: call.directory.clone().or_else(|| cwd.clone()),
                started: call.from,
                is_direct: call.commits == Commits::Directly,
            };
            self.store.add_call(&running)?;
        }
        Ok(())
    }
}

/// Where the line begins that has the first of the calls without a result, by their ids; `None` where all came back.
fn open_calls(path: &Path, from: u64, to: u64, unanswered: &[&str]) -> io::Result<Option<u64>> {
    if unanswered.is_empty() {
        return Ok(None);
    }
    let mut file = files::open(path, files::STREAMED)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(to.saturating_sub(from)).read_to_end(&mut bytes)?;
    let first = unanswered.iter().filter_map(|id| memchr::memmem::find(&bytes, id.as_bytes())).min();
    let line = first.map(|at| memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |end| end + 1));
    Ok(Some(from + line.unwrap_or_default() as u64))
}

/// Whether the session works in another place altogether: neither in one of `roots`, nor above.
fn works_elsewhere(agent: &dyn Agent, file: &File, roots: &[PathBuf]) -> io::Result<bool> {
    let mut head = file;
    head.seek(SeekFrom::Start(0))?;
    let sample = Sample::read(BufReader::new(head.take(256 * 1024)))?;
    Ok(agent.working_directory(&sample).is_some_and(|cwd| is_elsewhere(Path::new(cwd), roots)))
}

/// Whether a stretch of a log names this repository.
fn mentions(file: &mut File, (begin, end): (u64, u64), roots: &[PathBuf]) -> io::Result<bool> {
    file.seek(SeekFrom::Start(begin))?;
    logs::mentions(file.take(end.saturating_sub(begin)), roots)
}

/// Whether a line ends at `offset`: where none does, the log was rewritten.
fn is_line_end(file: &mut File, offset: u64) -> bool {
    let Some(before) = offset.checked_sub(1) else { return true };
    let mut byte = [0];
    file.seek(SeekFrom::Start(before)).is_ok() && file.read_exact(&mut byte).is_ok() && byte == *b"\n"
}
