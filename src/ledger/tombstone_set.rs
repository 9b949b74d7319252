//! Applies tombstones to trees, and merges trees that have them.
//!
//! The tombstones of both sides are applied to each side of a merge before the two are
//! compared. A side that lost something by it must not become a parent of the result: its history
//! holds what has to go.
//!
//! A tombstone that cannot be read may forbid anything. So nothing of its session is stored or taken over from a
//! ledger without it; what the ledger has of the session stays, since it may be permitted.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Damage, GoneLedger, LedgerError, Meta, SessionKey, Tombstone, Tombstones,
    layout::Layout,
    merge, opensession_shares,
    reader::{self, Blobs, MAX_META_BYTES},
};
use crate::{
    git::{EntryKind, GitError, ObjectId, Repository, TreeUpdate},
    hail::SessionId,
};

/// The folder of the tombstones below that of the shards.
const FOLDER: &str = "tombstones";

/// What a merge came to.
pub(super) struct Merged {
    /// The tree that has both.
    pub(super) tree: ObjectId,
    /// Whether each side had something that is not in it.
    pub(super) has_lost: [bool; 2],
}

/// A tree without what must not be in it.
pub(super) struct Applied {
    /// The tree.
    pub(super) tree: ObjectId,
    /// How many versions of sessions are gone.
    pub(super) removed: usize,
}

/// The tombstones that hold for some trees.
pub(super) struct TombstoneSet<'a> {
    repository: &'a Repository,
    layout: &'a dyn Layout,
    sessions: BTreeMap<SessionId, Tombstone>,
    ledgers: BTreeMap<String, GoneLedger>,
    /// The sessions whose tombstones cannot be read.
    unreadable: BTreeSet<SessionId>,
}

/// Merges two trees and stores the result.
pub(super) fn merge(repository: &Repository, layout: &dyn Layout, sides: [ObjectId; 2]) -> Result<Merged, LedgerError> {
    let mut set = TombstoneSet::of(repository, layout, &sides)?;
    if set.is_empty() {
        return Ok(Merged { tree: layout.merge(repository, sides[0], sides[1])?, has_lost: [false; 2] });
    }
    let [ours, theirs] = [set.apply(sides[0])?.tree, set.apply(sides[1])?.tree];
    let [ours, theirs] = [set.without_unreadable(ours)?, set.without_unreadable(theirs)?];
    let tree = set.write(layout.merge(repository, ours, theirs)?)?;
    Ok(Merged { tree, has_lost: [ours != sides[0], theirs != sides[1]] })
}

impl<'a> TombstoneSet<'a> {
    /// What `trees` remember together.
    pub(super) fn of(
        repository: &'a Repository,
        layout: &'a dyn Layout,
        trees: &[ObjectId],
    ) -> Result<Self, LedgerError> {
        let (sessions, ledgers, unreadable) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        let mut set = Self { repository, layout, sessions, ledgers, unreadable };
        for tree in trees {
            let found = read_all(repository, layout.folder(), *tree)?;
            set.add(&found.sound);
            set.unreadable.extend(found.damaged.into_iter().filter_map(|damaged| damaged.session));
        }
        set.unreadable.retain(|id| !set.sessions.contains_key(id));
        Ok(set)
    }

    /// A tree without the sessions whose tombstones cannot be read, where it does not have these itself.
    fn without_unreadable(&self, tree: ObjectId) -> Result<ObjectId, LedgerError> {
        let folder = self.layout.folder();
        let mut updates: Vec<TreeUpdate> = Vec::new();
        for id in &self.unreadable {
            if self.repository.find_entry(tree, &path(folder, id))?.is_some() {
                continue;
            }
            let shard = self.repository.find_entry(tree, &format!("{folder}/{}", id.shard()))?;
            let Some(shard) = shard.filter(|entry| entry.kind == EntryKind::Tree) else { continue };
            let versions = reader::shard_sessions(self.repository, shard.id)?.into_iter();
            for (key, blobs) in versions.filter(|(key, _)| key.id == *id) {
                updates.extend(blobs.hail.map(|_| (key.hail_path(folder), None)));
                updates.extend(blobs.meta.map(|_| (key.meta_path(folder), None)));
            }
        }
        Ok(if updates.is_empty() { tree } else { self.repository.edit_tree(Some(tree), &updates)? })
    }

    /// Adds what is to be remembered.
    pub(super) fn add(&mut self, new: &Tombstones) {
        for tombstone in &new.sessions {
            let known = self.sessions.remove(&tombstone.session_id);
            let joined = known.map_or_else(|| tombstone.clone(), |known| known.joined(tombstone.clone()));
            self.sessions.insert(tombstone.session_id.clone(), joined);
        }
        for ledger in &new.ledgers {
            let file = ledger.name().encoded();
            let known = self.ledgers.remove(&file);
            let joined = known.map_or_else(|| ledger.clone(), |known| known.joined(ledger.clone()));
            self.ledgers.insert(file, joined);
        }
    }

    fn is_empty(&self) -> bool {
        self.sessions.is_empty() && self.ledgers.is_empty() && self.unreadable.is_empty()
    }

    /// What is remembered of a session.
    pub(super) fn get(&self, session: &SessionId) -> Option<&Tombstone> {
        self.sessions.get(session)
    }

    /// Whether the metadata of all versions that have a tombstone is here; what a partial clone left out
    /// is not.
    pub(super) fn can_decide(&self, tree: ObjectId) -> Result<bool, LedgerError> {
        let described_by = self.versions(tree)?.into_iter().filter_map(|(_, blobs)| blobs.meta);
        Ok(described_by.into_iter().all(|id| self.repository.has_object(id)))
    }

    /// A tree without what must not be in it. What of that is no content is remembered.
    pub(super) fn apply(&mut self, tree: ObjectId) -> Result<Applied, LedgerError> {
        let (repository, folder) = (self.repository, self.layout.folder());
        let mut updates: Vec<TreeUpdate> = Vec::new();
        let mut removed = 0;
        let mut versions: BTreeMap<SessionId, Vec<(SessionKey, Blobs)>> = BTreeMap::new();
        for (key, blobs) in self.versions(tree)? {
            versions.entry(key.id.clone()).or_default().push((key, blobs));
        }
        for (id, versions) in versions {
            let Some(tombstone) = self.sessions.get_mut(&id) else { continue };
            let mut staying = Vec::new();
            for (key, blobs) in &versions {
                let meta = describe(repository, key, *blobs);
                tombstone.gather(&meta);
                staying.extend(tombstone.permits(meta.own.cleared_at, meta.own.updated_at).then_some(*blobs));
            }
            if staying.len() < versions.len() {
                removed += versions.len() - staying.len();
                updates.extend(replaced(repository, folder, &id, &versions, staying)?);
            }
        }
        let purged = self.sessions.values().filter(|tombstone| tombstone.purged_at.is_some());
        for path in purged.map(|tombstone| opensession_shares::path(&SessionKey::from(tombstone.session_id.clone()))) {
            if repository.find_in_tree(tree, &path)?.is_some() {
                updates.push((path, None));
                removed += 1;
            }
        }
        updates.extend(self.layout.unlink(repository, tree, &|id| self.get(id))?);
        let tree = if updates.is_empty() { tree } else { repository.edit_tree(Some(tree), &updates)? };
        Ok(Applied { tree, removed })
    }

    /// Puts the tombstones into a tree that is applied. What stays of a session that has one belongs
    /// to all of its commits.
    pub(super) fn write(&self, tree: ObjectId) -> Result<ObjectId, LedgerError> {
        let (repository, folder) = (self.repository, self.layout.folder());
        let known = read_all(repository, folder, tree)?.sound;
        let mut updates: Vec<TreeUpdate> = Vec::new();
        for tombstone in self.sessions.values().filter(|tombstone| !known.sessions.contains(tombstone)) {
            updates.push((path(folder, &tombstone.session_id), Some(repository.write_blob(&tombstone.to_bytes())?)));
        }
        for (file, ledger) in self.ledgers.iter().filter(|(_, ledger)| !known.ledgers.contains(ledger)) {
            let path = format!("{folder}/{FOLDER}/branches/{file}.json");
            updates.push((path, Some(repository.write_blob(&ledger.to_bytes())?)));
        }
        for (key, blobs) in self.versions(tree)? {
            let (Some(tombstone), Some(id)) = (self.get(&key.id), blobs.meta) else { continue };
            let Some(meta) = read_meta(repository, id) else { continue };
            let mut whole = meta.clone();
            let mut commits: BTreeSet<String> = whole.git.commits.drain(..).collect();
            commits.extend(tombstone.commits.iter().cloned());
            if tombstone.purged_at.is_some() {
                // Whether it got the commits of a version that is gone depends on what was known first.
                commits = self.layout.commits_of(repository, tree, &key.id)?;
            }
            whole.git.commits = commits.into_iter().collect();
            whole.own.branches.extend(tombstone.branches.iter().cloned());
            if whole != meta {
                updates.push((key.meta_path(folder), Some(repository.write_blob(&whole.to_bytes())?)));
            }
        }
        Ok(if updates.is_empty() { tree } else { repository.edit_tree(Some(tree), &updates)? })
    }

    /// The versions in a tree of the sessions that have a tombstone.
    fn versions(&self, tree: ObjectId) -> Result<Vec<(SessionKey, Blobs)>, LedgerError> {
        let shards: BTreeSet<&str> = self.sessions.keys().map(SessionId::shard).collect();
        let mut found = Vec::new();
        for shard in shards {
            let path = format!("{}/{shard}", self.layout.folder());
            let entry = self.repository.find_entry(tree, &path)?;
            let Some(entry) = entry.filter(|entry| entry.kind == EntryKind::Tree) else { continue };
            let all = reader::shard_sessions(self.repository, entry.id)?;
            found.extend(all.into_iter().filter(|(key, _)| self.sessions.contains_key(&key.id)));
        }
        Ok(found)
    }
}

/// The changes that leave of `versions` those that are `staying`, under the names that they have without the
/// others.
fn replaced(
    repository: &Repository,
    folder: &str,
    id: &SessionId,
    versions: &[(SessionKey, Blobs)],
    staying: Vec<Blobs>,
) -> Result<Vec<TreeUpdate>, LedgerError> {
    let mut updates: BTreeMap<String, Option<ObjectId>> = BTreeMap::new();
    for (key, blobs) in versions {
        let files = [(key.hail_path(folder), blobs.hail), (key.meta_path(folder), blobs.meta)];
        updates.extend(files.into_iter().filter(|(_, blob)| blob.is_some()).map(|(path, _)| (path, None)));
    }
    for (name, blob) in merge::name_versions(repository, id, staying.into_iter())? {
        updates.insert(format!("{folder}/{}/{name}", id.shard()), Some(blob));
    }
    Ok(updates.into_iter().collect())
}

/// What can be known of a version; one that is not here, or damaged, has neither times nor commits.
fn describe(repository: &Repository, key: &SessionKey, blobs: Blobs) -> Meta {
    let meta = blobs.meta.and_then(|id| read_meta(repository, id)).unwrap_or_else(|| Meta::unknown(&key.id));
    match blobs.hail {
        Some(hail) if meta.own.updated_at.is_none() => reader::with_times(repository, meta, hail),
        _ => meta,
    }
}

fn read_meta(repository: &Repository, id: ObjectId) -> Option<Meta> {
    Meta::parse(&reader::content(repository, id, MAX_META_BYTES).ok()??).ok()
}

fn path(folder: &str, session: &SessionId) -> String {
    format!("{folder}/{FOLDER}/sessions/{}/{session}.json", session.shard())
}

/// Whether `path` is that of a tombstone.
pub(super) fn is_tombstone(folder: &str, path: &str) -> bool {
    let below = path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/'));
    below.and_then(|below| below.strip_prefix(FOLDER)).is_some_and(|rest| rest.starts_with('/'))
}

/// What a tree remembers of a session.
///
/// # Errors
/// When that is damaged: it may forbid anything.
pub(super) fn find(
    repository: &Repository,
    folder: &str,
    tree: ObjectId,
    session: &SessionId,
) -> Result<Option<Tombstone>, Unreadable> {
    let path = path(folder, session);
    let unreadable = |cause: String| Unreadable { path: path.clone(), cause, session: Some(session.clone()) };
    let entry = repository.find_entry(tree, &path).map_err(|fault| unreadable(fault.to_string()))?;
    let Some(entry) = entry.filter(|entry| entry.kind == EntryKind::Blob) else { return Ok(None) };
    match read::<Tombstone>(repository, entry.id).map_err(unreadable)? {
        Some(tombstone) if tombstone.session_id != *session => {
            Err(unreadable(format!("it is of session {}", tombstone.session_id)))
        }
        tombstone => Ok(tombstone),
    }
}

/// A tombstone, or a folder of them, that cannot be read.
#[derive(Clone, Debug)]
pub(super) struct Unreadable {
    path: String,
    cause: String,
    /// The session that it is of.
    session: Option<SessionId>,
}

impl Unreadable {
    /// The same, of a ledger.
    pub(super) fn in_ledger(self, reference: &str) -> Damage {
        let cause = match self.session {
            Some(id) => format!("{} (session {id} is not stored until it is purged again)", self.cause),
            None => self.cause,
        };
        Damage { reference: reference.to_owned(), path: self.path, cause }
    }
}

/// All that a tree remembers.
#[derive(Default)]
pub(super) struct Remembered {
    pub(super) sound: Tombstones,
    pub(super) damaged: Vec<Unreadable>,
}

/// Everything in the folder of the tombstones that is one, of the name that it should have.
pub(super) fn read_all(repository: &Repository, folder: &str, tree: ObjectId) -> Result<Remembered, GitError> {
    let mut found = Remembered::default();
    let root = format!("{folder}/{FOLDER}");
    for (name, id) in entries(repository, tree, &format!("{root}/branches"), EntryKind::Blob)? {
        match read::<GoneLedger>(repository, id) {
            Ok(ledger) => {
                found.sound.ledgers.extend(ledger.filter(|ledger| name == format!("{}.json", ledger.name().encoded())));
            }
            Err(cause) => {
                found.damaged.push(Unreadable { path: format!("{root}/branches/{name}"), cause, session: None });
            }
        }
    }
    for (shard, _) in entries(repository, tree, &format!("{root}/sessions"), EntryKind::Tree)? {
        for (name, _) in entries(repository, tree, &format!("{root}/sessions/{shard}"), EntryKind::Blob)? {
            let id = name.strip_suffix(".json").and_then(|id| id.parse::<SessionId>().ok());
            let Some(id) = id.filter(|id| id.shard() == shard) else { continue };
            match find(repository, folder, tree, &id) {
                Ok(tombstone) => found.sound.sessions.extend(tombstone),
                Err(unreadable) => found.damaged.push(unreadable),
            }
        }
    }
    Ok(found)
}

/// The names and ids of what is of one kind in a folder; nothing where there is no such folder.
fn entries(
    repository: &Repository,
    tree: ObjectId,
    path: &str,
    kind: EntryKind,
) -> Result<Vec<(String, ObjectId)>, GitError> {
    let folder = repository.find_entry(tree, path)?.filter(|entry| entry.kind == EntryKind::Tree);
    let Some(folder) = folder else { return Ok(Vec::new()) };
    let found = repository.read_tree(folder.id)?.into_iter().filter(|entry| entry.kind == kind);
    Ok(found.filter_map(|entry| Some((entry.name()?.to_owned(), entry.id))).collect())
}

/// What is in a blob, `None` where a partial clone left it out, or what is wrong with it.
fn read<T: serde::de::DeserializeOwned>(repository: &Repository, id: ObjectId) -> Result<Option<T>, String> {
    let Some(bytes) = reader::content(repository, id, MAX_META_BYTES)? else { return Ok(None) };
    serde_json::from_slice(&bytes).map(Some).map_err(|fault| fault.to_string())
}
