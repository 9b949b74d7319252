//! What of a ledger may go to a remote at once: not what is above the limits of its host.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Exchange, Leak, guard::files_of, limits::Limits};
use crate::{
    error::Result,
    git::{NewBlob, ObjectId},
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

/// What is pushed of one ledger.
pub(super) struct Portion {
    /// The commit.
    pub(super) new: ObjectId,
    /// How large what the remote does not have yet is at most.
    pub(super) bytes: u64,
    /// Whether the rest has to follow in another push.
    pub(super) has_more: bool,
    /// What stays here for its size.
    pub(super) withheld: Vec<Withheld>,
    /// What stays here since it holds secrets.
    pub(super) leaks: Vec<Leak>,
}

impl Portion {
    fn all(new: ObjectId, bytes: u64) -> Self {
        Self { new, bytes, has_more: false, withheld: Vec::new(), leaks: Vec::new() }
    }
}

/// How what is new is parted.
#[derive(Default)]
struct Parting {
    bytes: u64,
    withheld: Vec<Withheld>,
    left_out: Vec<String>,
    has_more: bool,
}

impl Exchange<'_> {
    /// Decides what of the ledger `tip` is pushed next. Where all of it may go, that is `tip` itself;
    /// else a commit upon `known`, which leaves out what is too large or has to follow.
    pub(super) fn portion(
        &self,
        branch: &BranchName,
        tip: ObjectId,
        known: Option<ObjectId>,
        limits: &Limits,
    ) -> Result<Portion> {
        if !limits.has_sizes() && self.guard.is_none() {
            return Ok(Portion::all(tip, 0));
        }
        let base = known.filter(|known| self.repository.has_object(*known));
        let base_tree = base.map(|known| self.repository.tree_of(known)).transpose()?;
        let blobs = self.repository.new_blobs(self.repository.tree_of(tip)?, base_tree)?;
        let past = self.past_blobs(tip, base)?;
        let is_past_too_large = past.values().any(|blob| limits.blob.is_some_and(|limit| blob.size > limit));
        let leaks = self.leaks(blobs.iter())?;
        let has_past_leaked = !self.leaks(past.values())?.is_empty();
        let leaking: Vec<String> = files_of(&blobs, &leaks).map(str::to_owned).collect();
        let blobs = blobs.into_iter().filter(|blob| !leaking.contains(&blob.path)).collect();
        let mut parting = part(blobs, limits);
        let all_bytes = past.values().map(|blob| blob.size).sum::<u64>() + parting.bytes;
        let fits = limits.push.is_none_or(|limit| all_bytes <= limit);
        if parting.left_out.is_empty() && leaking.is_empty() && !is_past_too_large && !has_past_leaked && fits {
            return Ok(Portion::all(tip, all_bytes));
        }
        parting.left_out.extend(leaking);
        let unshown: Vec<SessionId> =
            leaks.iter().filter_map(|leak| Some(SessionKey::parse(&leak.session)?.id)).collect();
        let filter = Filter { tip, base, left_out: &parting.left_out, unshown: &unshown };
        let new = self.ledger.filtered(self.repository, branch, &filter, self.now)?;
        let Parting { bytes, withheld, has_more, .. } = parting;
        Ok(Portion { new, bytes, has_more, withheld, leaks })
    }

    /// The sessions among `blobs` that have to stay, each once. The small ones are looked at first: a large one
    /// that takes long holds up none of them.
    fn leaks<'b>(&self, blobs: impl Iterator<Item = &'b NewBlob>) -> Result<Vec<Leak>> {
        let Some(guard) = self.guard else { return Ok(Vec::new()) };
        let mut leaks: Vec<Leak> = Vec::new();
        let mut blobs: Vec<&NewBlob> = blobs.collect();
        blobs.sort_by_key(|blob| blob.size);
        for blob in blobs {
            if let Some(leak) = guard.look_at(self.repository, blob, self.deadline)?.as_ref()
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

/// Parts what is new into what goes now, what follows, and what stays.
fn part(blobs: Vec<NewBlob>, limits: &Limits) -> Parting {
    let mut parting = Parting::default();
    for blob in blobs {
        if let Some(limit) = limits.blob.filter(|limit| blob.size > *limit) {
            parting.withheld.push(Withheld { session: name(&blob.path), bytes: blob.size, limit });
            parting.left_out.push(blob.path);
        } else if parting.bytes > 0 && limits.push.is_some_and(|limit| parting.bytes + blob.size > limit) {
            parting.has_more = true;
            parting.left_out.push(blob.path);
        } else {
            parting.bytes += blob.size;
        }
    }
    parting
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
    use super::{name, shown};

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
