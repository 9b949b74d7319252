//! What the doctor says of records that the parsers do not know.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Status, reference};
use crate::{agents::Kinds, context::Context, git::Repository};

/// How many sessions are looked at, the newest first, and up to which size, in bytes.
const SESSIONS: usize = 20;
const MOST: u64 = 8 << 20;

/// The kinds of records that the parsers do not know, by agent and version, and the agents
/// that are newer than their parsers.
pub(super) fn check(context: &Context, repository: &Repository) -> Vec<Check> {
    let Ok((sessions, _)) = reference::all(context) else { return Vec::new() };
    let mut kinds: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut newer = BTreeSet::new();
    for listed in sessions.iter().take(SESSIONS) {
        // What cannot be read is told elsewhere.
        let bytes = listed.hail.filter(|hail| repository.has_blob(*hail)).map(|hail| repository.read_blob(hail, MOST));
        let Some(Ok(session)) = bytes.and_then(Result::ok).map(|bytes| reference::read_stored(&bytes)) else {
            continue;
        };
        let version = session.header.agent.tool_version.as_deref().unwrap_or_default();
        let agent = format!("{} {version}", session.header.agent.tool).trim_end().to_owned();
        let unknown = Kinds::of(&session).unknown();
        for (kind, count) in unknown.kinds {
            *kinds.entry((agent.clone(), kind)).or_default() += count;
        }
        newer.extend(unknown.newest.map(|newest| format!("{agent} is newer than {newest}")));
    }
    let mut checks = Vec::new();
    if !kinds.is_empty() {
        let told: Vec<String> =
            kinds.iter().map(|((agent, kind), count)| format!("{agent}: {kind} ({count})")).collect();
        let message = format!("kept as they are, because they are new: {}", told.join(", "));
        checks.push(Check::new("kinds of records", Status::Warning, message));
    }
    if !newer.is_empty() {
        let told: Vec<String> = newer.into_iter().collect();
        let message = format!("{}, the newest that is known", told.join(", "));
        checks.push(Check::new("agents' versions", Status::Info, message));
    }
    checks
}
