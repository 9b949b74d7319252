//! Reads logs that do not grow line by line: documents and databases. One that changed is read anew.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    LogState, Look, State,
    changes::{nanoseconds, note_touches},
    touched::{Prompt, Touched},
};
use crate::{
    agents::{Agent, CopyKeeper, Log, LogFile, ParseError},
    logs::is_elsewhere,
};

/// The largest log that is read while somebody waits for a commit, in bytes: 64 MiB. A larger one is
/// read by `capture`.
const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Reads the sessions of a log that changed since the last look.
pub(super) fn read(
    look: &Look<'_>,
    state: &mut State,
    roots: &[PathBuf],
    (agent, log): (&dyn Agent, &LogFile),
) -> Result<(), ParseError> {
    if log.size > MAX_BYTES {
        return Ok(());
    }
    let _copies = CopyKeeper::new();
    for session in agent.sessions(log)? {
        let name = PathBuf::from(session.name());
        let known = state.log(&name);
        let is_same = |known: &LogState| known.modified == nanoseconds(&session) && known.size == session.size;
        if session.part.is_none() || !known.is_some_and(is_same) {
            // One session that cannot be read must not hide the others of a file.
            let _ = read_session(look, state, roots, (agent, &session));
        }
    }
    let mut known = state.log(&log.path).cloned().unwrap_or_default();
    (known.modified, known.size) = (nanoseconds(log), log.size);
    state.note(&log.path, known);
    Ok(())
}

fn read_session(
    look: &Look<'_>,
    state: &mut State,
    roots: &[PathBuf],
    (agent, log): (&dyn Agent, &LogFile),
) -> Result<(), ParseError> {
    let name = PathBuf::from(log.name());
    let mut input = Log::open(&log.path)?;
    input.part = log.part.as_deref();
    let mut touched = Touched::new(None, None);
    agent.parse(&mut input, &mut touched)?;
    let Some(mut header) = touched.header.take() else { return Err(io::Error::other("no header").into()) };
    if let Some(redactor) = (look.redactor)() {
        redactor.names(&mut header);
    }
    state.forget(&name);
    let mut next = LogState::default();
    (next.modified, next.size, next.offset) = (nanoseconds(log), log.size, 1);
    let has_changed = note_touches(look, state, roots, (log, &header, &touched));
    if has_changed || header.cwd().is_none_or(|cwd| !is_elsewhere(Path::new(cwd), roots)) {
        next.prompt = touched.prompt.as_ref().and_then(|prompt: &Prompt| prompt.redacted((look.redactor)()));
        next = next.with_header(header);
    }
    state.note(&name, next);
    Ok(())
}
