//! Notes which files of this repository the sessions of a log changed.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    Look, State, Touch,
    touched::{Ran, Touched},
};
use crate::{
    agents::{self, LogFile},
    hail::{Header, SessionId, attribute},
    logs::{absolute, below, in_roots},
};

/// When a log was last written, in nanoseconds since 1970; in the year 2554 they end.
pub(super) fn nanoseconds(log: &LogFile) -> u64 {
    let since = log.modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Notes the files of this repository that a stretch of a log says were changed; returns whether there is one.
pub(super) fn note_touches(
    look: &Look<'_>,
    state: &mut State,
    roots: &[PathBuf],
    (log, header, touched): (&LogFile, &Header, &Touched),
) -> bool {
    let credited = credited(header);
    let cwd = directory(header, roots);
    let mut has_changed = false;
    let redactor = if touched.paths.is_empty() { None } else { (look.redactor)() };
    for change in &touched.paths {
        let path = in_roots(absolute(&change.path, cwd), roots);
        let is_there = |ran: &Ran| ran.covers(&path);
        if below(&path, roots).is_none() || !change.ran.as_ref().is_none_or(is_there) {
            continue;
        }
        let prompt = change.prompt.as_ref().and_then(|prompt| prompt.redacted(redactor));
        let log = PathBuf::from(log.name());
        state.touch(Touch { path, log, at: change.at, session: credited.clone(), prompt, commit: None });
        has_changed = true;
    }
    has_changed
}

/// The session that is credited with a log: a subagent works for the one that started it.
fn credited(header: &Header) -> SessionId {
    let parent = header.attribute(attribute::PARENT_SESSION_ID).filter(|_| header.role() == "auxiliary");
    parent.and_then(|parent| parent.parse().ok()).unwrap_or_else(|| header.session_id.clone())
}

/// The directory of a session: what it says, or the root of whose path it only has the hash.
fn directory<'p>(header: &'p Header, roots: &'p [PathBuf]) -> &'p Path {
    let hashed = || roots.iter().find(|root| agents::has_hash_of(header, root)).map(PathBuf::as_path);
    header.cwd().map(Path::new).or_else(hashed).unwrap_or(Path::new("/"))
}
