//! Which sessions may go to a remote: those that have a part in a commit that the remote has or is about to
//! get, and those that a person named.

use std::{
    cell::{OnceCell, RefCell},
    collections::{BTreeMap, BTreeSet, HashMap},
};

use super::{Exchange, GitResult};
use crate::{
    error::Result,
    git::{NewBlob, ObjectId, Repository},
    hail::SessionId,
    ledger::{HAIL, META, Meta, SessionKey},
};

/// The largest metadata that is read, in bytes.
const MAX_META_BYTES: u64 = 4 * 1024 * 1024;
/// How many of the newest commits are looked through before git is asked.
const RECENT: usize = 200;
/// The folder of the commit index, where each session of a commit has a file.
const INDEX: &str = "v1/index/commits/";
/// The folder of what is attached to sessions.
const ATTACHMENTS: &str = "v1/attachments/";

/// The rule by which sessions are chosen.
#[derive(Debug, Default)]
pub struct Selection {
    /// Commits that the remote has or is about to get.
    pub tips: Vec<ObjectId>,
    /// The remotes whose branches, as last fetched, count as well.
    pub remotes: Vec<String>,
    /// The sessions that a person named.
    pub named: Vec<SessionId>,
    tracked: OnceCell<Vec<ObjectId>>,
    known: RefCell<HashMap<ObjectId, bool>>,
}

impl Selection {
    /// Chooses the sessions of commits that `tips` or the branches of `remotes` reach.
    #[must_use]
    pub fn new(tips: Vec<ObjectId>, remotes: Vec<String>) -> Self {
        Self { tips, remotes, ..Self::default() }
    }

    /// Whether the remote has, or is about to get, each of `commits`.
    fn reached(&self, repository: &Repository, commits: &BTreeSet<ObjectId>) -> GitResult<HashMap<ObjectId, bool>> {
        let mut known = self.known.borrow_mut();
        let is_open = |known: &HashMap<ObjectId, bool>, id: &ObjectId| !known.contains_key(id);
        if commits.iter().any(|id| is_open(&known, id)) {
            let recent = repository.commits(&self.present_tips(repository), &[], RECENT)?;
            known.extend(recent.into_iter().map(|id| (id, true)));
        }
        let open: Vec<ObjectId> = commits.iter().copied().filter(|id| is_open(&known, id)).collect();
        let (here, gone): (Vec<ObjectId>, Vec<ObjectId>) = open.into_iter().partition(|id| repository.has_object(*id));
        known.extend(gone.into_iter().map(|id| (id, false)));
        if !here.is_empty() {
            let mut tips = self.present_tips(repository);
            tips.extend_from_slice(self.tracked(repository)?);
            let beyond = repository.unreached(&here, &tips)?;
            known.extend(here.into_iter().map(|id| (id, !beyond.contains(&id))));
        }
        Ok(commits.iter().map(|id| (*id, known.get(id) == Some(&true))).collect())
    }

    fn present_tips(&self, repository: &Repository) -> Vec<ObjectId> {
        self.tips.iter().copied().filter(|id| repository.has_object(*id)).collect()
    }

    fn tracked(&self, repository: &Repository) -> GitResult<&[ObjectId]> {
        if let Some(tracked) = self.tracked.get() {
            return Ok(tracked);
        }
        let mut tips = Vec::new();
        for remote in &self.remotes {
            tips.extend(repository.tracking_branches(remote)?.into_iter().map(|(_, id)| id));
        }
        tips.retain(|id| repository.has_object(*id));
        Ok(self.tracked.get_or_init(|| tips))
    }
}

impl Exchange<'_> {
    /// The sessions among `blobs`, which the ledger `tree` has and the remote's, `base`, does not, that may not
    /// go to the remote. A session that the remote has in some version may.
    pub(super) fn held_back(
        &self,
        tree: ObjectId,
        base: Option<ObjectId>,
        blobs: &[NewBlob],
    ) -> Result<BTreeSet<SessionId>> {
        let Some(selection) = self.selection else { return Ok(BTreeSet::new()) };
        let mut commits: BTreeMap<SessionId, BTreeSet<ObjectId>> = BTreeMap::new();
        for blob in blobs {
            let Some((key, folder)) = session_file(&blob.path) else { continue };
            let has = |path: String| base.map_or(Ok(None), |base| self.repository.find_in_tree(base, &path));
            let plain = &key.id;
            if selection.named.contains(plain)
                || has(format!("{folder}/{plain}{HAIL}"))?.is_some()
                || has(format!("{folder}/{plain}{META}"))?.is_some()
            {
                continue;
            }
            let found = commits.entry(plain.clone()).or_default();
            found.extend(self.commits_of(tree, &format!("{folder}/{key}{META}"))?);
        }
        for (commit, session) in blobs.iter().filter_map(|blob| index_entry(&blob.path)) {
            if let Some(found) = commits.get_mut(&session) {
                found.extend(self.repository.parse_id(commit));
            }
        }
        let all = commits.values().flatten().copied().collect();
        let reached = selection.reached(self.repository, &all)?;
        commits.retain(|_, of_session| !of_session.iter().any(|id| reached.get(id) == Some(&true)));
        Ok(commits.into_keys().collect())
    }

    /// The commits that the metadata at `path` names.
    fn commits_of(&self, tree: ObjectId, path: &str) -> GitResult<Vec<ObjectId>> {
        let Some(id) = self.repository.find_in_tree(tree, path)? else { return Ok(Vec::new()) };
        let Ok(bytes) = self.repository.read_blob(id, MAX_META_BYTES) else { return Ok(Vec::new()) };
        let commits = Meta::parse(&bytes).map(|meta| meta.git.commits).unwrap_or_default();
        Ok(commits.iter().filter_map(|commit| self.repository.parse_id(commit)).collect())
    }
}

/// The session whose events or metadata are at `path`, and the folder that they are in.
pub(super) fn session_file(path: &str) -> Option<(SessionKey, &str)> {
    let (folder, file) = path.rsplit_once('/')?;
    let key = [HAIL, META].into_iter().find_map(|ending| file.strip_suffix(ending))?;
    Some((SessionKey::parse(key)?, folder))
}

/// The commit and the session of an entry of the commit index.
fn index_entry(path: &str) -> Option<(&str, SessionId)> {
    let (commit, file) = path.strip_prefix(INDEX)?.split_once('/')?;
    Some((commit, file.strip_suffix(".json")?.parse().ok()?))
}

/// The session that the blob at `path` belongs to, if it belongs to one.
pub(super) fn session_of(path: &str) -> Option<SessionId> {
    if let Some((key, _)) = session_file(path) {
        return Some(key.id);
    }
    if let Some((_, session)) = index_entry(path) {
        return Some(session);
    }
    path.strip_prefix(ATTACHMENTS)?.split('/').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::session_of;

    #[test]
    fn every_file_of_a_session_is_known_by_its_path() {
        for (path, expected) in [
            ("v1/ab/abc.hail.jsonl", Some("abc")),
            ("v1/ab/abc~0123cdef.meta.json", Some("abc")),
            ("sessions/ab/abc.meta.json", Some("abc")),
            ("v1/index/commits/1234/abc.json", Some("abc")),
            ("v1/attachments/ab/abc/plan.md", Some("abc")),
            ("v1/tombstones/sessions/abc.json", None),
            ("v1/branch", None),
            ("sessions/0123.jsonl", None),
            ("ab/cdef", None),
        ] {
            assert_eq!(session_of(path).as_ref().map(crate::hail::SessionId::as_str), expected, "{path}");
        }
    }
}
