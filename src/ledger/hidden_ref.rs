//! The default backend: one hidden reference a branch, `refs/opensession/branches/<base64url>`.

use std::collections::BTreeSet;

use super::{
    BranchName, Damage, IndexEntry, LedgerError, Listed, Meta, REMOTE_ROOT, ROOT, Tip, Tombstone,
    backend::{AllLinks, Backend},
    layout::Layout,
    merge, opensession_shares,
    reader::{self, MAX_META_BYTES},
    tombstone_set,
    writer::Writer,
};
use crate::{
    git::{Entry, EntryKind, GitError, ObjectId, Repository, TreeUpdate},
    hail::{SessionId, Timestamp},
};

/// The folder of the sessions' shards.
const FOLDER: &str = "v1";
/// The folder of the commit index.
const COMMITS: &str = "v1/index/commits";
/// The blob that holds a branch name too long to be encoded in the reference.
const BRANCH: &str = "v1/branch";

/// The hidden-reference ledger.
pub(super) struct HiddenRef;

impl Backend for HiddenRef {
    fn name(&self) -> &'static str {
        "hidden_ref"
    }

    fn reference(&self, branch: &BranchName) -> String {
        branch.reference()
    }

    fn pattern(&self) -> &'static str {
        "refs/opensession/branches/*"
    }

    fn known_root(&self, remote: &str) -> String {
        BranchName::known_root(remote)
    }

    fn tips(&self, repository: &Repository) -> Result<Vec<Tip>, LedgerError> {
        let mut tips = Vec::new();
        for (name, id) in repository.references(ROOT)? {
            let name = name.to_string();
            tips.extend(tip(repository, None, &name, &name[ROOT.len()..], id)?);
        }
        for (name, id) in repository.references(REMOTE_ROOT)? {
            let name = name.to_string();
            let parts = name[REMOTE_ROOT.len()..].split_once("/branches/");
            let Some((remote, encoded)) = parts else { continue };
            tips.extend(tip(repository, Some(remote.to_owned()), &name, encoded, id)?);
        }
        Ok(tips)
    }

    fn tip_at(&self, repository: &Repository, reference: &str, id: ObjectId) -> Result<Option<Tip>, LedgerError> {
        let Some(encoded) = reference.strip_prefix(ROOT) else { return Ok(None) };
        tip(repository, None, reference, encoded, id)
    }

    fn shares(&self, repository: &Repository, tip: &Tip) -> Result<Vec<Listed>, LedgerError> {
        opensession_shares::list(repository, tip)
    }

    fn linked(&self, repository: &Repository, tip: &Tip, commit: ObjectId) -> Result<Vec<IndexEntry>, LedgerError> {
        let tree = repository.tree_of(tip.id)?;
        let Some(folder) = repository.find_entry(tree, &format!("{COMMITS}/{commit}"))? else { return Ok(Vec::new()) };
        let is_folder = folder.kind == EntryKind::Tree;
        // One that is damaged links nothing; the others do.
        Ok(if is_folder { entries(repository, tip, commit, folder.id, &mut Vec::new())? } else { Vec::new() })
    }

    fn all_links(&self, repository: &Repository, tip: &Tip) -> Result<(AllLinks, Vec<Damage>), LedgerError> {
        let (mut links, mut damage) = (Vec::new(), Vec::new());
        let commits = repository.find_entry(repository.tree_of(tip.id)?, COMMITS)?;
        let Some(commits) = commits.filter(|entry| entry.kind == EntryKind::Tree) else { return Ok((links, damage)) };
        for folder in repository.read_tree(commits.id)?.into_iter().filter(|entry| entry.kind == EntryKind::Tree) {
            let Some(commit) = folder.name().and_then(|name| repository.parse_id(name)) else { continue };
            let found = entries(repository, tip, commit, folder.id, &mut damage)?;
            links.extend(found.into_iter().map(|entry| (commit, entry)));
        }
        Ok((links, damage))
    }

    fn writer<'a>(&self, repository: &'a Repository, branch: &'a BranchName, now: Timestamp) -> Writer<'a> {
        let known_as = format!("/branches/{}", branch.encoded());
        Writer { repository, layout: &HiddenRef, branch, reference: branch.reference(), known_as, now }
    }
}

impl Layout for HiddenRef {
    fn folder(&self) -> &'static str {
        FOLDER
    }

    fn branch_of(&self, tip: &Tip, _: &Meta) -> BranchName {
        tip.branch.clone()
    }

    fn placed(&self, meta: Meta, _: &BranchName) -> Meta {
        meta
    }

    fn described(&self, mut entry: IndexEntry, _: Option<&Meta>) -> IndexEntry {
        entry.other.remove(super::note::SHOWN);
        entry
    }

    fn is_linked(
        &self,
        repository: &Repository,
        tree: ObjectId,
        commit: ObjectId,
        session: &SessionId,
    ) -> Result<bool, LedgerError> {
        Ok(repository.find_in_tree(tree, &path(commit, session))?.is_some())
    }

    fn link(
        &self,
        repository: &Repository,
        _: Option<ObjectId>,
        commit: ObjectId,
        entries: Vec<IndexEntry>,
    ) -> Result<Vec<TreeUpdate>, LedgerError> {
        let write = |entry: IndexEntry| {
            let blob = repository.write_blob(&entry.to_bytes())?;
            Ok((path(commit, &entry.session_id), Some(blob)))
        };
        entries.into_iter().map(write).collect()
    }

    fn fixtures(&self, repository: &Repository, branch: &BranchName) -> Result<Vec<TreeUpdate>, LedgerError> {
        // A name too long for the reference is kept in the tree.
        if !branch.is_hashed() {
            return Ok(Vec::new());
        }
        Ok(vec![(BRANCH.to_owned(), Some(repository.write_blob(branch.as_bytes())?))])
    }

    fn unlink<'t>(
        &self,
        repository: &Repository,
        tree: ObjectId,
        tombstone_of: &dyn Fn(&SessionId) -> Option<&'t Tombstone>,
    ) -> Result<Vec<TreeUpdate>, LedgerError> {
        let mut updates = Vec::new();
        let Some(commits) = repository.find_entry(tree, COMMITS)? else { return Ok(updates) };
        for folder in repository.read_tree(commits.id)?.into_iter().filter(|entry| entry.kind == EntryKind::Tree) {
            let entries = repository.read_tree(folder.id).unwrap_or_default();
            for entry in entries.into_iter().filter(|entry| entry.kind == EntryKind::Blob) {
                let Some(tombstone) = entry.name().and_then(session_of).and_then(|id| tombstone_of(&id)) else {
                    continue;
                };
                if !read_entry(repository, entry.id).is_ok_and(|parsed| tombstone.permits_link(&parsed)) {
                    updates.push((format!("{COMMITS}/{}/{}", folder.name, entry.name), None));
                }
            }
        }
        Ok(updates)
    }

    fn commits_of(
        &self,
        repository: &Repository,
        tree: ObjectId,
        session: &SessionId,
    ) -> Result<BTreeSet<String>, LedgerError> {
        let mut found = BTreeSet::new();
        let Some(commits) = repository.find_entry(tree, COMMITS)? else { return Ok(found) };
        for folder in repository.read_tree(commits.id)?.into_iter().filter(|entry| entry.kind == EntryKind::Tree) {
            // What is damaged ties nothing.
            let entries = repository.read_tree(folder.id).unwrap_or_default();
            let is_tied = entries.iter().any(|entry| entry.name().and_then(session_of).as_ref() == Some(session));
            found.extend(folder.name().filter(|_| is_tied).map(str::to_owned));
        }
        Ok(found)
    }

    fn merge(&self, repository: &Repository, ours: ObjectId, theirs: ObjectId) -> Result<ObjectId, LedgerError> {
        merge::merge_trees(repository, FOLDER, ours, theirs)
    }

    fn knows(&self, repository: &Repository, path: &str, entry: &Entry) -> Result<bool, LedgerError> {
        let is_link = |path: &str| {
            let below = path.strip_prefix(COMMITS).and_then(|rest| rest.strip_prefix('/'));
            below
                .and_then(|below| below.split_once('/'))
                .is_some_and(|(commit, file)| repository.parse_id(commit).is_some() && session_of(file).is_some())
        };
        let is_ours = reader::is_of_session(FOLDER, path) || tombstone_set::is_tombstone(FOLDER, path);
        let is_known = path == BRANCH || is_link(path) || is_ours;
        Ok(entry.kind == EntryKind::Blob && is_known)
    }
}

/// The path of the entry of `session` under `commit`.
fn path(commit: ObjectId, session: &SessionId) -> String {
    format!("{COMMITS}/{commit}/{session}.json")
}

fn session_of(file: &str) -> Option<SessionId> {
    file.strip_suffix(".json")?.parse().ok()
}

/// The entries of `commit`, which are the blobs of one folder. What is damaged of them goes to `damage`.
fn entries(
    repository: &Repository,
    tip: &Tip,
    commit: ObjectId,
    folder: ObjectId,
    damage: &mut Vec<Damage>,
) -> Result<Vec<IndexEntry>, LedgerError> {
    let mut found = Vec::new();
    let mut is_damaged =
        |path: String, cause: String| damage.push(Damage { reference: tip.reference.clone(), path, cause });
    let all = match repository.read_tree(folder) {
        Err(fault) if fault.is_damage() => {
            is_damaged(format!("{COMMITS}/{commit}"), fault.to_string());
            return Ok(found);
        }
        all => all?,
    };
    for entry in all.into_iter().filter(|entry| entry.kind == EntryKind::Blob) {
        let Some(id) = entry.name().and_then(session_of) else { continue };
        match read_entry(repository, entry.id) {
            Ok(parsed) if parsed.session_id == id => found.push(parsed),
            Ok(parsed) => is_damaged(path(commit, &id), format!("it is of session {}", parsed.session_id)),
            Err(cause) => is_damaged(path(commit, &id), cause),
        }
    }
    Ok(found)
}

fn read_entry(repository: &Repository, id: ObjectId) -> Result<IndexEntry, String> {
    let bytes = repository.read_blob(id, MAX_META_BYTES).map_err(|fault| fault.to_string())?;
    serde_json::from_slice(&bytes).map_err(|fault| fault.to_string())
}

fn tip(
    repository: &Repository,
    remote: Option<String>,
    reference: &str,
    encoded: &str,
    id: ObjectId,
) -> Result<Option<Tip>, LedgerError> {
    let branch = match BranchName::decode(encoded) {
        Some(branch) => Some(branch),
        None => match named_in(repository, id) {
            // It is in the way of no other.
            Err(fault) if fault.is_damage() => None,
            named => named?.filter(|branch| branch.encoded() == encoded),
        },
    };
    Ok(branch.map(|branch| Tip { branch, remote, reference: reference.to_owned(), id }))
}

/// The branch of a ledger whose reference has only the hash of its name.
fn named_in(repository: &Repository, tip: ObjectId) -> Result<Option<BranchName>, GitError> {
    let tree = repository.tree_of(tip)?;
    let Some(blob) = repository.find_in_tree(tree, BRANCH)? else { return Ok(None) };
    Ok(Some(BranchName::from(repository.read_blob(blob, 64 * 1024)?.as_slice())))
}
