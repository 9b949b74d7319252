//! Reading the tree of a ledger. Whatever a remote put there is taken for hostile: only regular
//! blobs, only strict names, only so many bytes.

use std::collections::BTreeMap;

use super::{
    LedgerError, Listed, MAX_SESSION_BYTES, Meta, SessionKey, Tip,
    layout::{HAIL, Layout, META},
};
use crate::{
    git::{Entry, EntryKind, GitError, ObjectId, Repository},
    hail::{Lines, Reader, Record, SessionId, StatsCollector},
};

/// The largest metadata or index blob that is read, in bytes: 4 MiB.
pub(super) const MAX_META_BYTES: u64 = 4 * 1024 * 1024;

/// The sessions of a ledger, sorted by id. One whose metadata is damaged is described by its events,
/// or by its name alone, so that it hides no other.
pub(super) fn sessions(repository: &Repository, layout: &dyn Layout, tip: &Tip) -> Result<Vec<Listed>, LedgerError> {
    let folder = layout.folder();
    let mut listed = Vec::new();
    for shard in shards(repository, folder, repository.tree_of(tip.id)?)? {
        for (key, blobs) in shard_sessions(repository, shard)? {
            let read = match blobs {
                Blobs { meta: Some(meta), .. } => read_meta(repository, folder, tip, &key, meta),
                Blobs { hail: Some(hail), .. } => describe(repository, folder, tip, &key, hail),
                Blobs { .. } => continue,
            };
            let (mut meta, damage) = match read {
                Ok(meta) => (meta, None),
                Err(LedgerError::Damaged(damage)) => {
                    let events = blobs.hail.and_then(|hail| describe(repository, folder, tip, &key, hail).ok());
                    (events.unwrap_or_else(|| Meta::unknown(&key.id)), Some(damage))
                }
                Err(fault) => return Err(fault),
            };
            let branch = layout.branch_of(tip, &meta);
            if let (None, Some(hail)) = (meta.own.created_at, blobs.hail) {
                meta = with_times(repository, meta, hail);
            }
            let Blobs { hail, meta: described_by } = blobs;
            listed.push(Listed { key, meta, hail, described_by, branch, is_share: false, damage });
        }
    }
    listed.sort_by(|one, other| one.key.cmp(&other.key));
    Ok(listed)
}

/// The sessions whose events a ledger has, each with their blob.
pub(super) fn blobs(
    repository: &Repository,
    folder: &str,
    tip: &Tip,
) -> Result<Vec<(SessionId, ObjectId)>, LedgerError> {
    let mut found = Vec::new();
    for shard in shards(repository, folder, repository.tree_of(tip.id)?)? {
        let sessions = shard_sessions(repository, shard)?;
        found.extend(sessions.into_iter().filter_map(|(key, blobs)| Some((key.id, blobs.hail?))));
    }
    Ok(found)
}

/// Every version of every session that a tree has something of.
pub(super) fn keys(repository: &Repository, folder: &str, tree: ObjectId) -> Result<Vec<SessionKey>, LedgerError> {
    let mut keys = Vec::new();
    for shard in shards(repository, folder, tree)? {
        keys.extend(shard_sessions(repository, shard)?.into_keys());
    }
    Ok(keys)
}

/// The folders that sessions are spread over.
fn shards(repository: &Repository, folder: &str, tree: ObjectId) -> Result<Vec<ObjectId>, LedgerError> {
    let shards = repository.find_entry(tree, folder)?.filter(|entry| entry.kind == EntryKind::Tree);
    let Some(shards) = shards else { return Ok(Vec::new()) };
    let is_shard = |entry: &Entry| entry.kind == EntryKind::Tree && entry.name().is_some_and(|name| name.len() <= 2);
    Ok(repository.read_tree(shards.id)?.into_iter().filter(is_shard).map(|entry| entry.id).collect())
}

/// The metadata of one session.
pub(super) fn find(
    repository: &Repository,
    folder: &str,
    tip: &Tip,
    key: &SessionKey,
) -> Result<Option<Meta>, LedgerError> {
    let tree = repository.tree_of(tip.id)?;
    let find = |path: String| repository.find_in_tree(tree, &path);
    match (find(key.hail_path(folder))?, find(key.meta_path(folder))?) {
        (Some(_), Some(meta)) => read_meta(repository, folder, tip, key, meta).map(Some),
        (Some(hail), None) => describe(repository, folder, tip, key, hail).map(Some),
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

fn read_meta(
    repository: &Repository,
    folder: &str,
    tip: &Tip,
    key: &SessionKey,
    id: ObjectId,
) -> Result<Meta, LedgerError> {
    let damaged = |cause| tip.damaged(key.meta_path(folder), cause);
    if !repository.has_object(id) {
        return Ok(Meta::unknown(&key.id));
    }
    let bytes = match repository.read_blob(id, MAX_META_BYTES) {
        Err(fault @ GitError::TooLarge { .. }) => return Err(damaged(fault.to_string())),
        read => read?,
    };
    let meta = Meta::parse(&bytes).map_err(damaged)?;
    if meta.session_id == key.id { Ok(meta) } else { Err(damaged(format!("it is of session {}", meta.session_id))) }
}

/// Adds what OpenSession's metadata does not tell: when the session happened. Its first line does.
pub(super) fn with_times(repository: &Repository, mut meta: Meta, hail: ObjectId) -> Meta {
    if !repository.has_object(hail) {
        return meta;
    }
    let Ok(bytes) = repository.read_blob(hail, MAX_SESSION_BYTES) else { return meta };
    let mut lines = Lines::new(bytes.as_slice());
    if let Ok(Some((_, Record::Header(header)))) = Reader::new(&mut lines).next_record() {
        meta.own.created_at = Some(header.context.created_at);
        meta.own.updated_at = Some(header.context.updated_at);
        meta.own.tool_version = meta.own.tool_version.or(header.agent.tool_version);
    }
    meta
}

/// Makes metadata for a session that was stored without.
pub(super) fn describe(
    repository: &Repository,
    folder: &str,
    tip: &Tip,
    key: &SessionKey,
    id: ObjectId,
) -> Result<Meta, LedgerError> {
    let damaged = |cause| tip.damaged(key.hail_path(folder), cause);
    if !repository.has_object(id) {
        return Ok(Meta::unknown(&key.id));
    }
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

/// Every path of a tree that is no folder.
pub(super) fn leaves(repository: &Repository, tree: ObjectId) -> Result<Vec<(String, Entry)>, GitError> {
    let mut found = Vec::new();
    let mut waiting = vec![(String::new(), tree)];
    while let Some((folder, tree)) = waiting.pop() {
        for entry in repository.read_tree(tree)? {
            let path = format!("{folder}{}", entry.name);
            match entry.kind {
                EntryKind::Tree => waiting.push((format!("{path}/"), entry.id)),
                EntryKind::Blob | EntryKind::Other => found.push((path, entry)),
            }
        }
    }
    Ok(found)
}

/// Whether `path` is that of a session's events or metadata below `folder`.
pub(super) fn is_of_session(folder: &str, path: &str) -> bool {
    let below = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    below
        .and_then(|below| below.split_once('/'))
        .is_some_and(|(shard, file)| session_file(file).is_some_and(|(key, _)| key.id.shard() == shard))
}
