//! Reading the tree of a ledger. Whatever a remote put there is taken for hostile: only regular
//! blobs, only strict names, only so many bytes.

use std::collections::BTreeMap;

use super::{
    BranchName, IndexEntry, LedgerError, Listed, MAX_SESSION_BYTES, Meta, SessionKey, Tip,
    layout::{self, HAIL, META},
};
use crate::{
    git::{EntryKind, GitError, ObjectId, Repository},
    hail::{Lines, Reader, Record, SessionId, StatsCollector},
};

/// The largest metadata or index blob that is read, in bytes: 4 MiB.
pub(super) const MAX_META_BYTES: u64 = 4 * 1024 * 1024;

/// The sessions of a ledger, sorted by id.
pub(super) fn sessions(repository: &Repository, tip: &Tip) -> Result<Vec<Listed>, LedgerError> {
    let tree = repository.tree_of(tip.id)?;
    let Some(v1) = repository.find_in_tree(tree, "v1")? else { return Ok(Vec::new()) };
    let mut listed = Vec::new();
    for shard in repository.read_tree(v1)? {
        let is_shard = shard.kind == EntryKind::Tree && shard.name().is_some_and(|name| name.len() <= 2);
        if !is_shard {
            continue;
        }
        for (key, blobs) in shard_sessions(repository, shard.id)? {
            let meta = match blobs {
                Blobs { meta: Some(meta), .. } => read_meta(repository, tip, &key, meta)?,
                Blobs { hail: Some(hail), .. } => describe(repository, tip, &key, hail)?,
                Blobs { .. } => continue,
            };
            listed.push(Listed { key, meta, hail: blobs.hail, branch: tip.branch.clone() });
        }
    }
    listed.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(listed)
}

/// The metadata of one session.
pub(super) fn find(repository: &Repository, tip: &Tip, key: &SessionKey) -> Result<Option<Meta>, LedgerError> {
    let tree = repository.tree_of(tip.id)?;
    match (repository.find_in_tree(tree, &key.hail_path())?, repository.find_in_tree(tree, &key.meta_path())?) {
        (Some(_), Some(meta)) => read_meta(repository, tip, key, meta).map(Some),
        (Some(hail), None) => describe(repository, tip, key, hail).map(Some),
        (None, _) => Ok(None),
    }
}

/// The blobs of one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Blobs {
    /// Its events.
    pub(super) hail: Option<ObjectId>,
    /// Its metadata.
    pub(super) meta: Option<ObjectId>,
}

/// The sessions of one folder.
pub(super) fn shard_sessions(
    repository: &Repository,
    tree: ObjectId,
) -> Result<BTreeMap<SessionKey, Blobs>, LedgerError> {
    let mut found: BTreeMap<SessionKey, Blobs> = BTreeMap::new();
    for entry in repository.read_tree(tree)? {
        if entry.kind != EntryKind::Blob {
            continue;
        }
        match entry.name().and_then(session_file) {
            Some((key, true)) => found.entry(key).or_default().hail = Some(entry.id),
            Some((key, false)) => found.entry(key).or_default().meta = Some(entry.id),
            None => {}
        }
    }
    Ok(found)
}

/// Reads a file name of a shard: the session, and whether it is the events.
pub(super) fn session_file(name: &str) -> Option<(SessionKey, bool)> {
    match name.strip_suffix(HAIL) {
        Some(key) => Some((SessionKey::parse(key)?, true)),
        None => Some((SessionKey::parse(name.strip_suffix(META)?)?, false)),
    }
}

fn read_meta(repository: &Repository, tip: &Tip, key: &SessionKey, id: ObjectId) -> Result<Meta, LedgerError> {
    let damaged = |cause| LedgerError::Damaged { reference: tip.reference.clone(), path: key.meta_path(), cause };
    let meta = Meta::parse(&repository.read_blob(id, MAX_META_BYTES)?).map_err(damaged)?;
    if meta.session_id == key.id { Ok(meta) } else { Err(damaged(format!("it is of session {}", meta.session_id))) }
}

/// Makes metadata for a session that was stored without.
fn describe(repository: &Repository, tip: &Tip, key: &SessionKey, id: ObjectId) -> Result<Meta, LedgerError> {
    let damaged = |cause| LedgerError::Damaged { reference: tip.reference.clone(), path: key.hail_path(), cause };
    let bytes = repository.read_blob(id, MAX_SESSION_BYTES)?;
    let mut lines = Lines::new(bytes.as_slice());
    let mut reader = Reader::new(&mut lines);
    let mut header = None;
    let mut stats = StatsCollector::default();
    while let Some((_, record)) = reader.next_record().map_err(|fault| damaged(fault.to_string()))? {
        match record {
            Record::Header(found) => header = Some(found),
            Record::Event(event) => stats.add(&event),
            Record::Stats(_) => {}
        }
    }
    let header = header.ok_or_else(|| damaged("there is no header".to_owned()))?;
    Ok(Meta::of_header(&header, stats.stats()))
}

/// The sessions linked to `commit`.
pub(super) fn linked(repository: &Repository, tip: &Tip, commit: ObjectId) -> Result<Vec<IndexEntry>, LedgerError> {
    let tree = repository.tree_of(tip.id)?;
    let folder = IndexEntry::folder(commit);
    let Some(folder_tree) = repository.find_in_tree(tree, &folder)? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in repository.read_tree(folder_tree)? {
        let id = entry.name().and_then(|name| name.strip_suffix(".json")).and_then(|id| id.parse::<SessionId>().ok());
        let Some(id) = id.filter(|_| entry.kind == EntryKind::Blob) else { continue };
        let damaged = |cause| LedgerError::Damaged {
            reference: tip.reference.clone(),
            path: format!("{folder}/{id}.json"),
            cause,
        };
        let bytes = repository.read_blob(entry.id, MAX_META_BYTES)?;
        let parsed: IndexEntry = serde_json::from_slice(&bytes).map_err(|fault| damaged(fault.to_string()))?;
        if parsed.session_id != id {
            return Err(damaged(format!("it is of session {}", parsed.session_id)));
        }
        found.push(parsed);
    }
    Ok(found)
}

/// The branch of a ledger whose reference has only the hash of its name.
pub(super) fn branch_of(repository: &Repository, tip: ObjectId) -> Result<Option<BranchName>, GitError> {
    let tree = repository.tree_of(tip)?;
    let Some(blob) = repository.find_in_tree(tree, layout::BRANCH)? else { return Ok(None) };
    Ok(Some(BranchName::from(repository.read_blob(blob, 64 * 1024)?.as_slice())))
}
