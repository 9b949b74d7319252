//! Reading the tree of a ledger. Whatever a remote put there is taken for hostile: only regular
//! blobs, only strict names, only so many bytes.

use std::collections::{BTreeMap, HashMap};

use super::{
    Damage, LedgerError, Listed, MAX_SESSION_BYTES, Meta, SessionKey, Tip,
    layout::{HAIL, Layout, META},
};
use crate::{
    git::{Entry, EntryKind, GitError, MAX_ENTRIES, ObjectId, Repository},
    hail::{Header, Lines, Reader, Record, SessionId, Stats, StatsCollector},
};

/// The largest metadata or index blob that is read, in bytes: 4 MiB.
pub(super) const MAX_META_BYTES: u64 = 4 * 1024 * 1024;

/// The longest session without metadata that is read for its numbers, in bytes. Of a longer one its first line
/// has to do.
const MAX_DESCRIBED_BYTES: u64 = 256 * 1024;
/// How many bytes of such sessions are read in one ledger.
const MAX_DESCRIBED_IN_ALL: u64 = 64 * 1024 * 1024;
/// The longest first line of a session, in bytes.
const MAX_HEADER_BYTES: usize = 256 * 1024;

/// The sessions of a ledger, sorted by id, from what describes them: no events are read where that is enough. One
/// that is damaged is listed by its name, so that it hides no other and can be removed.
pub(super) fn sessions(repository: &Repository, layout: &dyn Layout, tip: &Tip) -> Result<Vec<Listed>, LedgerError> {
    let folder = layout.folder();
    let mut bodies = Bodies::new(repository);
    let mut listed = Vec::new();
    for (key, blobs) in all(repository, folder, repository.tree_of(tip.id)?)?.versions {
        let (read, path) = match blobs {
            Blobs { meta: Some(meta), .. } => (read_meta(repository, &key, meta), key.meta_path(folder)),
            Blobs { hail: Some(hail), .. } => (bodies.describe(Some(&key.id), hail), key.hail_path(folder)),
            Blobs { .. } => continue,
        };
        let (mut meta, damage) = match read {
            Ok(meta) => (meta, None),
            Err(cause) => {
                let events = blobs.meta.and(blobs.hail).and_then(|hail| bodies.describe(Some(&key.id), hail).ok());
                let damage = Damage { reference: tip.reference.clone(), path, cause };
                (events.unwrap_or_else(|| Meta::unknown(&key.id)), Some(damage))
            }
        };
        let branch = layout.branch_of(tip, &meta);
        if let (None, None, Some(hail)) = (&damage, meta.own.created_at, blobs.hail) {
            meta = with_times(repository, meta, hail);
        }
        let Blobs { hail, meta: described_by } = blobs;
        listed.push(Listed { key, meta, hail, described_by, branch, is_share: false, damage });
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
    let versions = all(repository, folder, repository.tree_of(tip.id)?)?.versions.into_iter();
    Ok(versions.filter_map(|(key, blobs)| Some((key.id, blobs.hail?))).collect())
}

/// Every version of every session that a tree has something of.
pub(super) fn keys(repository: &Repository, folder: &str, tree: ObjectId) -> Result<Vec<SessionKey>, LedgerError> {
    Ok(all(repository, folder, tree)?.versions.into_iter().map(|(key, _)| key).collect())
}

/// What is wrong with the folders of a ledger, whatever becomes of single sessions.
pub(super) fn damage(repository: &Repository, folder: &str, tip: &Tip) -> Result<Vec<Damage>, LedgerError> {
    let damaged = all(repository, folder, repository.tree_of(tip.id)?)?.damaged.into_iter();
    Ok(damaged.map(|(path, cause)| Damage { reference: tip.reference.clone(), path, cause }).collect())
}

/// The versions of all sessions, and what could not be read.
#[derive(Default)]
struct All {
    versions: Vec<(SessionKey, Blobs)>,
    /// Folders, each with the cause.
    damaged: Vec<(String, String)>,
}

/// Reads the folders that sessions are spread over. One that is damaged hides none but its own.
fn all(repository: &Repository, folder: &str, tree: ObjectId) -> Result<All, LedgerError> {
    let mut found = All::default();
    let shards = repository.find_entry(tree, folder)?.filter(|entry| entry.kind == EntryKind::Tree);
    let Some(shards) = shards else { return Ok(found) };
    let mut count = 0_usize;
    for shard in repository.read_tree(shards.id)?.into_iter().filter(|entry| entry.kind == EntryKind::Tree) {
        let Some(name) = shard.name().filter(|name| name.len() <= 2) else { continue };
        let entries = match repository.read_tree(shard.id) {
            Err(fault) if fault.is_damage() => {
                found.damaged.push((format!("{folder}/{name}"), fault.to_string()));
                continue;
            }
            entries => entries?,
        };
        count += entries.len();
        if count > MAX_ENTRIES {
            let cause = GitError::TooManyEntries { limit: MAX_ENTRIES }.to_string();
            found.damaged.push((format!("{folder}/{name} and what follows"), cause));
            break;
        }
        // A file in the wrong folder is not found by its name: it does not count.
        found.versions.extend(versions_in(entries).into_iter().filter(|(key, _)| key.id.shard() == name));
    }
    Ok(found)
}

/// The metadata of one session; `None` where it is damaged and its events do not tell either.
pub(super) fn find(
    repository: &Repository,
    folder: &str,
    tip: &Tip,
    key: &SessionKey,
) -> Result<Option<Meta>, LedgerError> {
    let tree = repository.tree_of(tip.id)?;
    let find = |path: String| repository.find_in_tree(tree, &path);
    let Some(hail) = find(key.hail_path(folder))? else { return Ok(None) };
    let described = match find(key.meta_path(folder))? {
        Some(meta) => read_meta(repository, key, meta).ok(),
        None => None,
    };
    Ok(described.or_else(|| Bodies::new(repository).describe(Some(&key.id), hail).ok()))
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
    Ok(versions_in(repository.read_tree(tree)?))
}

fn versions_in(entries: Vec<Entry>) -> BTreeMap<SessionKey, Blobs> {
    let mut found: BTreeMap<SessionKey, Blobs> = BTreeMap::new();
    for entry in entries {
        if entry.kind != EntryKind::Blob {
            continue;
        }
        match entry.name().and_then(session_file) {
            Some((key, true)) => found.entry(key).or_default().hail = Some(entry.id),
            Some((key, false)) => found.entry(key).or_default().meta = Some(entry.id),
            None => {}
        }
    }
    found
}

/// Reads a file name of a shard: the session, and whether it is the events.
pub(super) fn session_file(name: &str) -> Option<(SessionKey, bool)> {
    match name.strip_suffix(HAIL) {
        Some(key) => Some((SessionKey::parse(key)?, true)),
        None => Some((SessionKey::parse(name.strip_suffix(META)?)?, false)),
    }
}

/// A blob of at most `limit` bytes, `None` where a partial clone left it out, or what is wrong with it.
pub(super) fn content(repository: &Repository, id: ObjectId, limit: u64) -> Result<Option<Vec<u8>>, String> {
    if !repository.has_object(id) {
        return Ok(None);
    }
    repository.read_blob(id, limit).map(Some).map_err(|fault| fault.to_string())
}

/// The metadata in a blob, or what is wrong with it.
fn read_meta(repository: &Repository, key: &SessionKey, id: ObjectId) -> Result<Meta, String> {
    let Some(bytes) = content(repository, id, MAX_META_BYTES)? else { return Ok(Meta::unknown(&key.id)) };
    let meta = Meta::parse(&bytes)?;
    if meta.session_id == key.id { Ok(meta) } else { Err(format!("it is of session {}", meta.session_id)) }
}

/// Adds what OpenSession's metadata does not tell: when the session happened. Its first line does.
pub(super) fn with_times(repository: &Repository, mut meta: Meta, hail: ObjectId) -> Meta {
    if !repository.has_object(hail) {
        return meta;
    }
    if let Ok(header) = first_line(repository, hail) {
        meta.own.created_at = Some(header.context.created_at);
        meta.own.updated_at = Some(header.context.updated_at);
        meta.own.tool_version = meta.own.tool_version.or(header.agent.tool_version);
    }
    meta
}

/// The header in the first line of a session.
fn first_line(repository: &Repository, hail: ObjectId) -> Result<Header, String> {
    let size = repository.object_size(hail).map_err(|fault| fault.to_string())?;
    if size > MAX_SESSION_BYTES {
        let fault = GitError::TooLarge { id: hail.to_string(), size, limit: MAX_SESSION_BYTES };
        return Err(fault.to_string());
    }
    let line = repository.first_line(hail, MAX_HEADER_BYTES).map_err(|fault| fault.to_string())?;
    let mut lines = Lines::new(line.as_slice());
    match Reader::new(&mut lines).next_record() {
        Ok(Some((_, Record::Header(header)))) => Ok(*header),
        Ok(_) => Err("there is no header".to_owned()),
        Err(fault) => Err(fault.to_string()),
    }
}

/// Sessions that are described by nothing but themselves. Each blob is read once, and not all of a long one.
pub(super) struct Bodies<'a> {
    repository: &'a Repository,
    read: HashMap<ObjectId, Result<Meta, String>>,
    bytes: u64,
}

impl<'a> Bodies<'a> {
    pub(super) fn new(repository: &'a Repository) -> Self {
        Self { repository, read: HashMap::new(), bytes: 0 }
    }

    /// Makes metadata for a session that was stored without; where `id` is known, it has to be that session's.
    pub(super) fn describe(&mut self, id: Option<&SessionId>, hail: ObjectId) -> Result<Meta, String> {
        if let Some(id) = id.filter(|_| !self.repository.has_object(hail)) {
            return Ok(Meta::unknown(id));
        }
        let meta = match self.read.get(&hail) {
            Some(known) => known.clone(),
            None => self.read(hail),
        }?;
        match id {
            Some(id) if *id != meta.session_id => Err(format!("it is of session {}", meta.session_id)),
            _ => Ok(meta),
        }
    }

    fn read(&mut self, hail: ObjectId) -> Result<Meta, String> {
        let size = self.repository.object_size(hail).map_err(|fault| fault.to_string());
        let meta = match size {
            Ok(size) if size <= MAX_DESCRIBED_BYTES && self.bytes < MAX_DESCRIBED_IN_ALL => {
                self.bytes += size;
                whole(self.repository, hail)
            }
            Ok(_) => first_line(self.repository, hail).map(|header| Meta::of_header(&header, Stats::default())),
            Err(cause) => Err(cause),
        };
        self.read.insert(hail, meta.clone());
        meta
    }
}

/// Describes a session by all that it holds.
fn whole(repository: &Repository, hail: ObjectId) -> Result<Meta, String> {
    let bytes = repository.read_blob(hail, MAX_DESCRIBED_BYTES).map_err(|fault| fault.to_string())?;
    let mut lines = Lines::new(bytes.as_slice());
    let mut reader = Reader::new(&mut lines);
    let mut header = None;
    let mut stats = StatsCollector::default();
    while let Some((_, record)) = reader.next_record().map_err(|fault| fault.to_string())? {
        match record {
            Record::Header(found) => header = Some(found),
            Record::Event(event) => stats.add(&event),
            Record::Stats(_) => {}
        }
    }
    let header = header.ok_or_else(|| "there is no header".to_owned())?;
    Ok(Meta::of_header(&header, stats.stats()))
}

/// Every path of a tree that is no folder.
pub(super) fn leaves(repository: &Repository, tree: ObjectId) -> Result<Vec<(String, Entry)>, GitError> {
    let mut found = Vec::new();
    let mut waiting = vec![(String::new(), tree)];
    let mut count = 0_usize;
    while let Some((folder, tree)) = waiting.pop() {
        let entries = repository.read_tree(tree)?;
        count += entries.len();
        if count > MAX_ENTRIES {
            return Err(GitError::TooManyEntries { limit: MAX_ENTRIES });
        }
        for entry in entries {
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
