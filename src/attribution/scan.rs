//! Reads what the logs gained since the last look.
//!
//! A log is looked at by metadata first, opened only when it grew, and read only from where the
//! last look ended.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use super::{
    LogState, Look, State,
    changes::{nanoseconds, note_touches},
    documents,
    touched::{Prompt, Touched},
};
use crate::{
    agents::{Agent, Log, LogFile, Sample},
    hail::last_line_end,
    logs::{self, forms_of, is_elsewhere},
    system::files,
};

/// Logs that rested longer than this are not looked at.
const WINDOW: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long reading logs may take in a hook; the newest come first.
const BUDGET: Duration = Duration::from_secs(2);

/// Brings `state` up to date with the logs on this machine.
pub(super) fn refresh(look: &Look<'_>, state: &mut State, work_tree: &Path) {
    let since = SystemTime::from(look.now.to_chrono()).checked_sub(WINDOW);
    let mut grown = logs::recent(look.environment, look.repository, work_tree, since);
    // What is known is kept as JSON, which has no place for a name that is not Unicode.
    grown.retain(|(_, log)| log.path.to_str().is_some());
    let is_near = |log: &LogFile| state.log(&log.path).is_some_and(|known| !known.is_foreign());
    let near = grown.iter().filter(|(_, log)| is_near(log)).count();
    // Mostly every log that is known is there, which is faster to count than to ask for one by one.
    if near != state.names(false).len() {
        let seen: HashSet<&str> = grown.iter().filter_map(|(_, log)| log.path.to_str()).collect();
        // Other work trees have other logs, which stay known while they exist.
        state.retain_logs(|name| seen.contains(name) || LogFile::parse_name(name).0.exists());
    }
    grown.retain(|(_, log)| {
        let is_same = |known: &LogState| known.modified == nanoseconds(log) && known.size == log.size;
        !state.log(&log.path).is_some_and(is_same)
    });
    if grown.is_empty() {
        return;
    }
    let roots: Vec<PathBuf> = look.repository.work_trees().iter().flat_map(|root| forms_of(root)).collect();
    grown.sort_by_key(|(_, log)| std::cmp::Reverse(log.modified));
    let started = Instant::now();
    for (agent, log) in grown {
        if started.elapsed() > BUDGET {
            break;
        }
        // A log that cannot be read now is looked at again at the next commit.
        let _ = if agent.is_appended(&log.path) {
            read_on(look, state, &roots, (agent, &log))
        } else {
            documents::read(look, state, &roots, (agent, &log)).map_err(io::Error::other)
        };
    }
}

/// Reads what a log gained since the last look.
fn read_on(
    look: &Look<'_>,
    state: &mut State,
    roots: &[PathBuf],
    (agent, log): (&dyn Agent, &LogFile),
) -> io::Result<()> {
    let mut file = files::open(&log.path, files::STREAMED)?;
    let known = known_of(state, log, &mut file);
    let end = last_line_end(&mut file, known.offset)?;
    let mut next = known.clone();
    (next.modified, next.size, next.offset) = (nanoseconds(log), log.size, end.max(1));
    let is_elsewhere = known.is_foreign() || known.offset == 0 && works_elsewhere(agent, &file, roots)?;
    if is_elsewhere && !mentions(&mut file, (known.offset, end), roots)? {
        state.note(&log.path, next);
        return Ok(());
    }
    let known = if is_elsewhere { LogState::default() } else { known };
    file.seek(SeekFrom::Start(known.offset))?;
    let reader = BufReader::with_capacity(1 << 16, file.take(end.saturating_sub(known.offset)));
    let mut input = Log::new(reader, Some(&log.path));
    input.resumed = known.header();
    let mut touched = Touched::new(input.resumed.clone(), known.prompt.map(Prompt::Kept));
    // Nothing new that is complete, or nothing of this agent: the next look begins where this did.
    if agent.parse(&mut input, &mut touched).is_err() {
        return Ok(());
    }
    let Some(mut header) = touched.header.take() else { return Ok(()) };
    if let Some(redactor) = (look.redactor)() {
        redactor.names(&mut header);
    }
    let has_changed = note_touches(look, state, roots, (log, &header, &touched));
    // To name this repository, or to read of it, is no reason to keep anything of a session here.
    if has_changed || !is_elsewhere {
        next.prompt = touched.prompt.and_then(|prompt| prompt.redacted((look.redactor)()));
        next = next.with_header(header);
    }
    state.note(&log.path, next);
    Ok(())
}

/// What is known of a log; of one that was rewritten, nothing.
fn known_of(state: &mut State, log: &LogFile, file: &mut File) -> LogState {
    match state.log(&log.path) {
        Some(known) if is_line_end(file, known.offset) => known.clone(),
        _ => {
            state.forget(&log.path);
            LogState::default()
        }
    }
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
