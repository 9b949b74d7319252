//! The merge of two ledgers: commutative, associative, idempotent; no session of either is lost.
//!
//! Of one session, a version that continues another takes its place; truly different versions are
//! kept side by side, the longest under the plain name and every other as `<id>~<8 hex>`. Paths that
//! this version does not know are carried over.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    IndexEntry, LedgerError, MAX_SESSION_BYTES, Meta, SessionKey,
    layout::{HAIL, META},
    reader::{self, MAX_META_BYTES},
};
use crate::{
    git::{Entry, EntryKind, GitError, ObjectId, Repository},
    hail::{ObjectHash, SessionId, Timestamp},
};

/// How many folders deep two trees are merged: deeper than anything that this tool writes, and not so deep that
/// the memory would not do.
const MAX_DEPTH: u32 = 64;

/// Which part of the layout a tree is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The root, with the name of the folder of shards.
    Root(&'static str),
    Shards,
    Shard,
    /// The commit index, whatever is below it.
    Index,
    Other,
}

impl Place {
    fn below(self, name: &str) -> Self {
        match self {
            Self::Root(folder) if name == folder => Self::Shards,
            Self::Shards if name.len() <= 2 => Self::Shard,
            Self::Shards if name == "index" => Self::Index,
            Self::Index => Self::Index,
            _ => Self::Other,
        }
    }
}

/// Merges two trees whose sessions are in the shards of `folder`, and stores the result.
pub(super) fn merge_trees(
    repository: &Repository,
    folder: &'static str,
    ours: ObjectId,
    theirs: ObjectId,
) -> Result<ObjectId, LedgerError> {
    merge(repository, Place::Root(folder), ours, theirs, MAX_DEPTH)
}

fn merge(
    repository: &Repository,
    place: Place,
    ours: ObjectId,
    theirs: ObjectId,
    depth: u32,
) -> Result<ObjectId, LedgerError> {
    if ours == theirs {
        return Ok(ours);
    }
    let mut entries: BTreeMap<Vec<u8>, Entry> = BTreeMap::new();
    for entry in repository.read_tree(ours)?.into_iter().chain(repository.read_tree(theirs)?) {
        let merged = match entries.remove(entry.name.as_slice()) {
            Some(other) => merge_entries(repository, place, [other, entry], depth)?,
            None => entry,
        };
        entries.insert(merged.name.to_vec(), merged);
    }
    if place == Place::Shard {
        merge_sessions(repository, ours, theirs, &mut entries)?;
    }
    let entries: Vec<Entry> = entries.into_values().collect();
    Ok(repository.write_tree(&entries)?)
}

fn merge_entries(
    repository: &Repository,
    place: Place,
    [one, other]: [Entry; 2],
    depth: u32,
) -> Result<Entry, LedgerError> {
    if one == other {
        return Ok(one);
    }
    if one.kind == EntryKind::Tree && other.kind == EntryKind::Tree && depth > 0 {
        let name = one.name.to_string();
        let tree = merge(repository, place.below(&name), one.id, other.id, depth - 1)?;
        return Ok(Entry::tree(one.name, tree));
    }
    let is_link = |entry: &Entry| place == Place::Index && entry.kind == EntryKind::Blob;
    if is_link(&one) && is_link(&other) {
        let ranks = [rank(repository, &one)?, rank(repository, &other)?];
        return Ok(if ranks[0] > ranks[1] { one } else { other });
    }
    // Nothing is known of it: any rule that does not depend on the side will do.
    Ok(one.max(other))
}

/// Of two entries of the commit index for one link the later stays; one that is damaged, never.
fn rank(repository: &Repository, entry: &Entry) -> Result<(Option<Timestamp>, ObjectId), LedgerError> {
    let parsed = match repository.read_blob(entry.id, MAX_META_BYTES) {
        Err(fault) if fault.is_damage() => None,
        bytes => serde_json::from_slice::<IndexEntry>(&bytes?).ok(),
    };
    Ok((parsed.map(|parsed| parsed.stored_at), entry.id))
}

/// Replaces the sessions on which the two sides differ by all their versions, each under its name.
fn merge_sessions(
    repository: &Repository,
    ours: ObjectId,
    theirs: ObjectId,
    entries: &mut BTreeMap<Vec<u8>, Entry>,
) -> Result<(), LedgerError> {
    let sides = [reader::shard_sessions(repository, ours)?, reader::shard_sessions(repository, theirs)?];
    let ids: BTreeSet<&SessionId> = sides.iter().flat_map(|side| side.keys().map(|key| &key.id)).collect();
    for id in ids {
        let [one, other] = [0, 1].map(|side: usize| {
            let of_id = sides[side].iter().filter(|(key, _)| key.id == *id);
            of_id.map(|(key, blobs)| (key.clone(), *blobs)).collect::<Vec<_>>()
        });
        // What only one side has stays as it is, to the byte.
        if one == other || one.is_empty() || other.is_empty() {
            continue;
        }
        entries.retain(|name, _| {
            let file = std::str::from_utf8(name).ok().and_then(reader::session_file);
            file.is_none_or(|(key, _)| key.id != *id)
        });
        for (name, blob) in name_versions(repository, id, one.into_iter().chain(other).map(|(_, blobs)| blobs))? {
            entries.insert(name.clone().into_bytes(), Entry::blob(name, blob));
        }
    }
    Ok(())
}

/// One version of a session.
struct Version {
    events: Option<(ObjectId, Vec<u8>)>,
    meta: Option<Meta>,
}

impl Version {
    fn bytes(&self) -> &[u8] {
        self.events.as_ref().map_or(&[], |(_, bytes)| bytes)
    }

    fn cleared_at(&self) -> Option<Timestamp> {
        self.meta.as_ref()?.own.cleared_at
    }

    /// Whether nothing is lost without `other`. A version that is cleared is not given up for one that is
    /// less so: a purge that is heard of later would take that, and both were gone.
    fn supersedes(&self, other: &Self) -> bool {
        other.events.is_none()
            || self.cleared_at() >= other.cleared_at() && is_continuation(other.bytes(), self.bytes())
    }

    /// Takes what another description of the same events knows: of two, the one that was cleared later counts.
    fn describe(&mut self, other: Self) {
        let order = self.cleared_at().cmp(&other.cleared_at());
        self.meta = match (self.meta.take(), other.meta) {
            (Some(meta), Some(other)) if order.is_eq() => Some(meta.merged(&other)),
            (meta, other) if order.is_lt() || meta.is_none() => other,
            (meta, _) => meta,
        };
    }
}

/// The metadata of all versions as somebody wrote it.
#[derive(Default)]
struct Written {
    readable: Vec<(Meta, ObjectId)>,
    damaged: Option<ObjectId>,
}

impl Written {
    fn read(&mut self, repository: &Repository, id: ObjectId) -> Result<Option<Meta>, LedgerError> {
        let parsed = match repository.read_blob(id, MAX_META_BYTES) {
            Err(fault) if fault.is_damage() => None,
            bytes => Meta::parse(&bytes?).ok(),
        };
        let Some(meta) = parsed else {
            self.damaged = self.damaged.max(Some(id));
            return Ok(None);
        };
        self.readable.push((meta.clone(), id));
        Ok(Some(meta))
    }

    /// The blob of `meta`: another tool's own bytes where they say the same, so that what did not
    /// change stays as it was written. Of several such, the greatest, whoever merges.
    fn blob_of(&self, repository: &Repository, meta: Option<&Meta>) -> Result<Option<ObjectId>, LedgerError> {
        let Some(meta) = meta else { return Ok(self.damaged) };
        let own = repository.write_blob(&meta.to_bytes())?;
        let same = self.readable.iter().filter(|(written, id)| written == meta && *id != own);
        Ok(Some(same.map(|(_, id)| *id).max().unwrap_or(own)))
    }
}

/// Decides which versions of a session stay, and under which names. One whose events cannot be read is no
/// continuation of another and has none: it stays, behind the others, as `<id>~<first 8 hex of its object id>`.
pub(super) fn name_versions(
    repository: &Repository,
    id: &SessionId,
    all: impl Iterator<Item = reader::Blobs>,
) -> Result<Vec<(String, ObjectId)>, LedgerError> {
    let mut written = Written::default();
    let (versions, unreadable) = read_versions(repository, all, &mut written)?;
    let kept = drop_superseded(versions);
    let mut named = Vec::new();
    for (position, version) in kept.into_iter().enumerate() {
        let variant = match &version.events {
            Some((_, bytes)) if position > 0 => Some(ObjectHash::of(bytes).short()),
            _ => None,
        };
        let key = SessionKey { id: id.clone(), variant };
        if let Some((hail, _)) = version.events {
            named.push((format!("{key}{HAIL}"), hail));
        }
        if let Some(meta) = written.blob_of(repository, version.meta.as_ref())? {
            named.push((format!("{key}{META}"), meta));
        }
    }
    for (hail, meta) in unreadable {
        let variant = (!named.is_empty()).then(|| hail.to_string()[..8].to_owned());
        let key = SessionKey { id: id.clone(), variant };
        named.push((format!("{key}{HAIL}"), hail));
        named.extend(meta.map(|meta| (format!("{key}{META}"), meta)));
    }
    Ok(named)
}

/// Versions whose events cannot be read: their blob, and that of their metadata.
type Unreadable = BTreeMap<ObjectId, Option<ObjectId>>;

fn read_versions(
    repository: &Repository,
    all: impl Iterator<Item = reader::Blobs>,
    written: &mut Written,
) -> Result<(Vec<Version>, Unreadable), LedgerError> {
    let (mut versions, mut unreadable) = (Vec::new(), Unreadable::new());
    for blobs in all {
        let read = blobs.hail.map(|hail| Ok((hail, repository.read_blob(hail, MAX_SESSION_BYTES)?))).transpose();
        let events = match (read, blobs.hail) {
            (Err(fault), Some(hail)) if GitError::is_damage(&fault) => {
                let meta = unreadable.entry(hail).or_default();
                *meta = blobs.meta.max(*meta);
                continue;
            }
            (read, _) => read?,
        };
        let meta = match blobs.meta {
            Some(id) => written.read(repository, id)?,
            None => None,
        };
        versions.push(Version { events, meta });
    }
    Ok((versions, unreadable))
}

/// Keeps the versions that no other continues, the longest first. What people and other tools know
/// of a session belongs to the session, so every version that stays has all of it.
///
/// Each step is a merge or a maximum, so that neither the order nor the grouping of merges matters.
fn drop_superseded(mut versions: Vec<Version>) -> Vec<Version> {
    let shared = versions.iter().filter_map(|version| version.meta.clone()).reduce(|one, other| one.merged(&other));
    versions.sort_by_cached_key(|version| {
        let bytes = version.bytes().to_vec();
        std::cmp::Reverse((event_lines(&bytes).len(), bytes))
    });
    let mut kept: Vec<Version> = Vec::new();
    for version in versions {
        if let Some(same) = kept.iter_mut().find(|kept| kept.bytes() == version.bytes()) {
            same.describe(version);
        } else if !kept.iter().any(|kept| kept.supersedes(&version)) {
            kept.push(version);
        }
    }
    let Some(shared) = shared else { return kept };
    if kept.iter().all(|version| version.meta.is_none())
        && let Some(first) = kept.first_mut()
    {
        first.meta = Some(shared.clone());
    }
    for version in &mut kept {
        version.meta = version.meta.take().map(|meta| meta.absorbing(&shared));
    }
    kept
}

/// Whether `longer` has all events of `shorter`, unchanged and first, and more.
pub(super) fn goes_beyond(longer: &[u8], shorter: &[u8]) -> bool {
    is_continuation(shorter, longer) && event_lines(longer).len() > event_lines(shorter).len()
}

/// Whether `longer` has all events of `shorter`, unchanged and first.
///
/// OpenSession writes the attributes of an event in another order at every run, so bytes that differ
/// are compared as JSON.
pub(super) fn is_continuation(shorter: &[u8], longer: &[u8]) -> bool {
    let (shorter, longer) = (event_lines(shorter), event_lines(longer));
    longer.starts_with(shorter) || is_reordered_start(shorter, longer)
}

/// Whether the lines of `start` are the first of `all`, up to the order of the keys.
fn is_reordered_start(start: &[u8], all: &[u8]) -> bool {
    let mut all = all.split_inclusive(|byte| *byte == b'\n');
    let parse = |line: &[u8]| serde_json::from_slice::<serde_json::Value>(line);
    start.split_inclusive(|byte| *byte == b'\n').all(|line| {
        let Some(other) = all.next() else { return false };
        line == other || matches!((parse(line), parse(other)), (Ok(one), Ok(two)) if one == two)
    })
}

/// The lines between the header and the statistics, which both change as a session goes on.
fn event_lines(bytes: &[u8]) -> &[u8] {
    let start = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1);
    let body = &bytes[start..];
    let end = body.strip_suffix(b"\n").and_then(|body| memchr::memrchr(b'\n', body)).map_or(0, |end| end + 1);
    let is_last =
        [&br#"{"type":"stats""#[..], br#"{"type":"session.end""#].iter().any(|it| body[end..].starts_with(it));
    if is_last { &body[..end] } else { body }
}
