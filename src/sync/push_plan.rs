//! What of a ledger may go to a remote at once: not what is above the limits of its host.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    Exchange, Leak, Pair,
    limits::Limits,
    secret_check::files_of,
    selection::{session_file, session_of},
};
use crate::{
    error::Result,
    git::{NewBlob, ObjectId, PushSpec},
    hail::SessionId,
    ledger::{BranchName, Filter, SessionKey},
};

/// What stays here, since the host does not take a file of its size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// The session whose events it is; the path of anything else.
    pub session: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// What the host takes, in bytes.
    pub limit: u64,
}

/// A ledger on its way.
pub(super) struct Spec {
    pub(super) pair: Pair,
    pub(super) push: PushSpec,
    /// How large what the remote does not have yet is at most.
    pub(super) bytes: u64,
    /// Whether the rest of the ledger has to follow in another push.
    pub(super) has_more: bool,
    /// The sessions that this push brings.
    pub(super) sessions: BTreeSet<SessionId>,
}

/// What is pushed of one ledger.
#[derive(Default)]
pub(super) struct Portion {
    /// The commit; none where there is nothing to push.
    pub(super) new: Option<ObjectId>,
    /// How large what the remote does not have yet is at most.
    pub(super) bytes: u64,
    /// Whether the rest has to follow in another push.
    pub(super) has_more: bool,
    /// The sessions that it brings.
    pub(super) sessions: BTreeSet<SessionId>,
    /// The sessions that follow in another push.
    pub(super) following: BTreeSet<SessionId>,
    /// What stays here for its size.
    pub(super) withheld: Vec<Withheld>,
    /// What stays here since it holds secrets.
    pub(super) leaks: Vec<Leak>,
    /// What stays here since it had no part in a commit that the remote has.
    pub(super) held: BTreeSet<SessionId>,
}

/// How what is new is divided.
#[derive(Default)]
struct Division {
    bytes: u64,
    sessions: BTreeSet<SessionId>,
    following: BTreeSet<SessionId>,
    withheld: Vec<Withheld>,
    left_out: Vec<String>,
    has_more: bool,
    /// Whether there is anything that does not belong to one session.
    has_shared: bool,
}

impl Exchange<'_> {
    /// Decides what of the ledger `tip` is pushed next. Where all of it may go, that is `tip` itself;
    /// else a commit upon `known`, which leaves out what may not, is too large or has to follow.
    pub(super) fn portion(
        &self,
        branch: &BranchName,
        tip: ObjectId,
        known: Option<ObjectId>,
        limits: &Limits,
    ) -> Result<Portion> {
        let base = known.filter(|known| self.repository.has_object(*known));
        let base_tree = base.map(|known| self.repository.tree_of(known)).transpose()?;
        let tree = self.repository.tree_of(tip)?;
        let blobs = self.repository.new_blobs(tree, base_tree)?;
        let held = self.held_back(tree, base_tree, &blobs)?;
        let is_held = |blob: &NewBlob| session_of(&blob.path).is_some_and(|session| held.contains(&session));
        let (held_blobs, blobs): (Vec<NewBlob>, Vec<NewBlob>) = blobs.into_iter().partition(is_held);
        let leaks = self.leaks(blobs.iter())?;
        let leaking: Vec<String> = files_of(&blobs, &leaks).map(str::to_owned).collect();
        let blobs = blobs.into_iter().filter(|blob| !leaking.contains(&blob.path)).collect();
        let mut division = divide(blobs, limits);
        division.left_out.extend(leaking.into_iter().chain(held_blobs.into_iter().map(|blob| blob.path)));
        let past = if division.left_out.is_empty() { self.sound_past(tip, base, limits)? } else { None };
        if let Some(past) = past.filter(|past| limits.push.is_none_or(|limit| past + division.bytes <= limit)) {
            let bytes = past + division.bytes;
            return Ok(Portion { new: Some(tip), bytes, sessions: division.sessions, ..Portion::default() });
        }
        let unshown: Vec<SessionId> =
            leaks.iter().filter_map(|leak| Some(SessionKey::parse(&leak.session)?.id)).collect();
        // What has a file of its own is left out already; in notes, links share one.
        let unlinked: Vec<SessionId> = held.iter().filter(|_| division.has_shared).cloned().collect();
        let filter = Filter { tip, base, left_out: &division.left_out, unshown: &unshown, unlinked: &unlinked };
        let Division { bytes, sessions, following, withheld, has_more, .. } = division;
        // A ledger that nothing of may go is not made known either.
        let is_private = base.is_none() && sessions.is_empty() && !held.is_empty();
        if is_private {
            return Ok(Portion { withheld, leaks, held, ..Portion::default() });
        }
        let new = Some(self.ledger.filtered(self.repository, branch, &filter, self.now)?);
        Ok(Portion { new, bytes, has_more, sessions, following, withheld, leaks, held })
    }

    /// How large the past of the ledger `tip` is that would be pushed with it; `None` where something of it may
    /// not be.
    fn sound_past(&self, tip: ObjectId, base: Option<ObjectId>, limits: &Limits) -> Result<Option<u64>> {
        let past = self.past_blobs(tip, base)?;
        let is_too_large = |blob: &NewBlob| limits.blob.is_some_and(|limit| blob.size > limit);
        if past.values().any(is_too_large) || !self.leaks(past.values())?.is_empty() {
            return Ok(None);
        }
        let blobs: Vec<NewBlob> = past.into_values().collect();
        let base_tree = base.map(|base| self.repository.tree_of(base)).transpose()?;
        let tree = self.repository.tree_of(tip)?;
        if !self.held_back(tree, base_tree, &blobs)?.is_empty() {
            return Ok(None);
        }
        Ok(Some(blobs.iter().map(|blob| blob.size).sum()))
    }

    /// The sessions among `blobs` that have to stay, each once. The small ones are looked at first: a large one
    /// that takes long holds up none of them.
    fn leaks<'b>(&self, blobs: impl Iterator<Item = &'b NewBlob>) -> Result<Vec<Leak>> {
        let Some(secret_check) = self.secret_check else { return Ok(Vec::new()) };
        let mut leaks: Vec<Leak> = Vec::new();
        let mut blobs: Vec<&NewBlob> = blobs.collect();
        blobs.sort_by_key(|blob| blob.size);
        for blob in blobs {
            if let Some(leak) = secret_check.look_at(self.repository, blob, self.deadline)?.as_ref()
                && !leaks.iter().any(|known| known.session == leak.session)
            {
                leaks.push(leak.clone());
            }
        }
        Ok(leaks)
    }

    /// The blobs that former states of the ledger had and that would be pushed with it, with their
    /// sizes. After a merge there may be some that the remote has, which does no harm: the past is
    /// then left behind where it need not be.
    fn past_blobs(&self, tip: ObjectId, base: Option<ObjectId>) -> Result<BTreeMap<ObjectId, NewBlob>> {
        let hidden: Vec<ObjectId> = base.into_iter().collect();
        let mut found = BTreeMap::new();
        for id in self.repository.commits(&[tip], &hidden, usize::MAX)?.into_iter().filter(|id| *id != tip) {
            let commit = self.repository.commit(id)?;
            let parent = commit.parents.first().filter(|parent| self.repository.has_object(**parent));
            let before = parent.map(|parent| self.repository.tree_of(*parent)).transpose()?;
            let blobs = self.repository.new_blobs(commit.tree, before)?;
            found.extend(blobs.into_iter().map(|blob| (blob.id, blob)));
        }
        Ok(found)
    }
}

/// Divides what is new into what goes now, what follows, and what stays. The files of one session go together.
fn divide(blobs: Vec<NewBlob>, limits: &Limits) -> Division {
    let mut division = Division::default();
    // The files of a session, which are beside each other, go together.
    let (mut last, mut postponed) = (None, None);
    for blob in blobs {
        let session = session_file(&blob.path).map(|(key, _)| key);
        let is_of = |other: &Option<SessionKey>| session.is_some() && session == *other;
        let (is_of_last, is_of_postponed) = (is_of(&last), is_of(&postponed));
        division.has_shared |= session_of(&blob.path).is_none();
        if let Some(limit) = limits.blob.filter(|limit| blob.size > *limit) {
            division.withheld.push(Withheld { session: name(&blob.path), bytes: blob.size, limit });
            division.left_out.push(blob.path);
        } else if is_of_postponed
            || !is_of_last && division.bytes > 0 && limits.push.is_some_and(|limit| division.bytes + blob.size > limit)
        {
            division.has_more = true;
            division.left_out.push(blob.path);
            division.following.extend(session.clone().map(|key| key.id));
            postponed = session;
        } else {
            division.bytes += blob.size;
            division.sessions.extend(session.clone().map(|key| key.id));
            last = session;
        }
    }
    division
}

/// The session that the file at `path` is of; the path itself where it is of none.
fn name(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    file.strip_suffix(".hail.jsonl").unwrap_or(path).to_owned()
}

/// A size for people.
pub(super) fn shown(bytes: u64) -> String {
    const UNITS: [&str; 3] = ["KiB", "MiB", "GiB"];
    let mut tenths = bytes.saturating_mul(10) / 1024;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::{Limits, divide, name, shown};
    use crate::git::{NewBlob, ObjectId};

    #[test]
    fn the_files_of_a_session_go_together() {
        let blob = |path: &str, size| NewBlob {
            path: path.to_owned(),
            id: ObjectId::from_hex(&[b'0'; 40]).expect("an id"),
            size,
        };
        let blobs = ["one", "three", "two"].into_iter().flat_map(|id| {
            [
                blob(&format!("v1/{}/{id}.hail.jsonl", &id[..2]), 900),
                blob(&format!("v1/{}/{id}.meta.json", &id[..2]), 10),
            ]
        });
        let limits = Limits { by: String::new(), blob: None, push: Some(1000), references: None };
        let division = divide(blobs.collect(), &limits);
        let ids =
            |sessions: &std::collections::BTreeSet<_>| sessions.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(ids(&division.sessions), ["one"]);
        assert_eq!(ids(&division.following), ["three", "two"]);
        assert_eq!((division.left_out.len(), division.bytes, division.has_more), (4, 910, true));
    }

    #[test]
    fn says_sizes_as_people_do() {
        assert_eq!(shown(100 * 1024 * 1024), "100.0 MiB");
        assert_eq!(shown(1536), "1.5 KiB");
        assert_eq!(shown(3 * 1024 * 1024 * 1024 / 2), "1.5 GiB");
        assert_eq!(shown(2048 * 1024 * 1024 * 1024), "2048.0 GiB");
    }

    #[test]
    fn names_a_session_by_its_file_and_the_rest_by_its_path() {
        assert_eq!(name("v1/ab/abc~0123cdef.hail.jsonl"), "abc~0123cdef");
        assert_eq!(name("shared/thing"), "shared/thing");
    }
}
