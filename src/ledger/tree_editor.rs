//! A ledger's tree that is being changed.

use std::collections::BTreeMap;

use super::{
    BranchName, Capture, IndexEntry, LedgerError, Link, Listed, MAX_SESSION_BYTES, Meta, Outcome, Redaction,
    SessionKey, Stored,
    layout::Layout,
    merge,
    reader::{self, Blobs},
    tombstone_set,
};
use crate::{
    git::{GitError, Import, ObjectId, Repository, TreeUpdate},
    hail::{SessionId, Timestamp},
};

/// A tree, and what is about to be different in it.
pub(super) struct TreeEditor<'a> {
    repository: &'a Repository,
    layout: &'static dyn Layout,
    branch: &'a BranchName,
    tree: Option<ObjectId>,
    now: Timestamp,
    updates: Vec<TreeUpdate>,
    /// Where blobs wait to be stored together.
    import: Option<Import>,
    /// The new links. They are written last, since those of one commit may share a blob.
    links: BTreeMap<ObjectId, BTreeMap<SessionId, IndexEntry>>,
}

impl<'a> TreeEditor<'a> {
    /// Begins with `tree`, or with nothing.
    pub(super) fn new(
        repository: &'a Repository,
        layout: &'static dyn Layout,
        branch: &'a BranchName,
        tree: Option<ObjectId>,
        now: Timestamp,
    ) -> Self {
        Self { repository, layout, branch, tree, now, updates: Vec::new(), import: None, links: BTreeMap::new() }
    }

    /// Stores the blobs of many sessions as one pack.
    pub(super) fn in_bulk(mut self) -> Self {
        self.import = Some(Import::default());
        self
    }

    fn blob(&mut self, bytes: &[u8]) -> Result<ObjectId, GitError> {
        match &mut self.import {
            Some(import) => import.add(self.repository, bytes),
            None => self.repository.write_blob(bytes),
        }
    }

    fn find(&self, path: &str) -> Result<Option<ObjectId>, GitError> {
        self.tree.map_or(Ok(None), |tree| self.repository.find_in_tree(tree, path))
    }

    fn find_meta(&self, key: &SessionKey) -> Result<Option<Meta>, GitError> {
        let Some(id) = self.find(&key.meta_path(self.layout.folder()))? else { return Ok(None) };
        Ok(self.read_meta(id))
    }

    /// The metadata in a blob; none where it is damaged.
    fn read_meta(&self, id: ObjectId) -> Option<Meta> {
        let bytes = self.repository.read_blob(id, reader::MAX_META_BYTES).ok()?;
        Meta::parse(&bytes).ok()
    }

    fn write(&mut self, path: String, bytes: &[u8]) -> Result<(), GitError> {
        let id = self.blob(bytes)?;
        self.updates.push((path, Some(id)));
        Ok(())
    }

    /// Adds the links that are not there yet; returns whether there were any.
    fn add_links(&mut self, key: &SessionKey, meta: &Meta, links: &[Link]) -> Result<bool, LedgerError> {
        let mut has_new = false;
        for link in links {
            let commit = &link.commit;
            let is_known = match self.tree {
                Some(tree) => self.layout.is_linked(self.repository, tree, *commit, &key.id)?,
                None => false,
            };
            if !is_known {
                has_new = true;
                // Not before the session was let in again, as a clock that was ahead may have it.
                let now = meta.own.cleared_at.map_or(self.now, |cleared| self.now.max(cleared));
                let entry = IndexEntry::new(key, self.layout.folder(), link, now);
                self.add_entry(*commit, self.layout.described(entry, Some(meta)));
            }
        }
        Ok(has_new)
    }

    fn add_entry(&mut self, commit: ObjectId, entry: IndexEntry) {
        self.links.entry(commit).or_default().entry(entry.session_id.clone()).or_insert(entry);
    }

    /// Links a session that is stored already; one that is not is passed over.
    pub(super) fn link(&mut self, session: &SessionId, links: &[Link]) -> Result<(), LedgerError> {
        let key = SessionKey::from(session.clone());
        let path = key.meta_path(self.layout.folder());
        let Some(id) = self.find(&path)? else { return Ok(()) };
        let Ok(stored) = self.repository.read_blob(id, reader::MAX_META_BYTES) else { return Ok(()) };
        let Ok(meta) = Meta::parse(&stored) else { return Ok(()) };
        // git may have copied the note of a commit without telling the session.
        let is_told = links.iter().all(|link| meta.git.commits.contains(&link.commit.to_string()));
        if (self.add_links(&key, &meta, links)? || !is_told)
            && let Some(linked) = Meta::linked(&stored, links)
        {
            self.write(path, &linked)?;
        }
        Ok(())
    }

    /// Stores a session.
    pub(super) fn put(&mut self, capture: &Capture) -> Result<Stored, LedgerError> {
        let key = SessionKey::from(capture.session.value().header.session_id.clone());
        let new_meta = Meta::of(capture);
        if !self.permits(&new_meta) {
            return Ok(Stored { outcome: Outcome::Removed, hail: None, is_given: false });
        }
        let has_new_links = self.add_links(&key, &new_meta, &capture.links)?;
        let session = capture.session.value();
        if session.size() > MAX_SESSION_BYTES {
            return Err(LedgerError::TooLarge { session: key.id, bytes: session.size() });
        }
        let bytes = session.to_bytes().map_err(LedgerError::Spool)?;
        let hail_path = key.hail_path(self.layout.folder());
        let stored = self.find(&hail_path)?;
        let versions = self.versions(&key.id)?;
        if versions.len() > 1 || self.is_apart(&versions, capture, &bytes)? {
            return self.put_beside(capture, new_meta, &bytes, &versions);
        }
        let stored_meta = self.find_meta(&key)?;
        let (hail, is_given) = self.longer(stored, capture, &bytes)?;
        let is_same = stored == Some(hail);
        let told = |outcome| Ok(Stored { outcome, hail: Some(hail), is_given });
        let meta = match &stored_meta {
            // The events stay, so what describes them stays too.
            Some(old) if is_same => old.clone(),
            Some(old) => new_meta.absorbing(old),
            None => new_meta,
        };
        let meta = self.layout.placed(meta, self.branch);
        if is_same && !has_new_links && stored_meta.as_ref() == Some(&meta) {
            return told(Outcome::Unchanged);
        }
        self.write(key.meta_path(self.layout.folder()), &meta.with_commits(&capture.links).to_bytes())?;
        self.updates.push((hail_path, Some(hail)));
        told(if stored.is_some() { Outcome::Updated } else { Outcome::Added })
    }

    /// The blob of what goes further, what is stored or what was captured, and whether it is the latter.
    fn longer(
        &mut self,
        stored: Option<ObjectId>,
        capture: &Capture,
        bytes: &[u8],
    ) -> Result<(ObjectId, bool), LedgerError> {
        if let Some(stored) = stored.filter(|stored| capture.continues != Some(*stored))
            && let Some(kept) = kept(self.repository, stored, bytes)?
        {
            return Ok((stored, kept == Kept::Same));
        }
        Ok((self.blob(bytes)?, true))
    }

    /// Whether what the ledger remembers lets a version be stored.
    fn permits(&self, meta: &Meta) -> bool {
        let Some(tree) = self.tree else { return true };
        match tombstone_set::find(self.repository, self.layout.folder(), tree, &meta.session_id) {
            Ok(tombstone) => {
                tombstone.is_none_or(|tombstone| tombstone.permits(meta.own.cleared_at, meta.own.updated_at))
            }
            // It may forbid this very session.
            Err(_) => false,
        }
    }

    /// Every version of a session that is stored.
    fn versions(&self, id: &SessionId) -> Result<BTreeMap<SessionKey, Blobs>, LedgerError> {
        let shard = format!("{}/{}", self.layout.folder(), id.shard());
        let Some(shard) = self.find(&shard)? else { return Ok(BTreeMap::new()) };
        let all = reader::shard_sessions(self.repository, shard)?.into_iter();
        Ok(all.filter(|(key, _)| key.id == *id).collect())
    }

    /// Whether what is stored is of another tool or of another log of the session, and `bytes` neither are it nor
    /// continue it: it has what ours does not.
    fn is_apart(
        &self,
        versions: &BTreeMap<SessionKey, Blobs>,
        capture: &Capture,
        bytes: &[u8],
    ) -> Result<bool, LedgerError> {
        let Some(Blobs { hail: Some(hail), meta }) = versions.values().next() else { return Ok(false) };
        let is_own = meta.and_then(|id| self.read_meta(id)).is_some_and(|meta| meta.own.created_at.is_some());
        if is_own && !capture.versions.others.contains(hail) {
            return Ok(false);
        }
        // What cannot be read has nothing that ours does not.
        let Some(stored) = readable(self.repository, *hail)? else { return Ok(false) };
        Ok(!merge::is_continuation(&stored, bytes) && !merge::is_continuation(bytes, &stored))
    }

    /// Stores a session beside other versions of it, under the names that a merge would give them.
    fn put_beside(
        &mut self,
        capture: &Capture,
        meta: Meta,
        bytes: &[u8],
        versions: &BTreeMap<SessionKey, Blobs>,
    ) -> Result<Stored, LedgerError> {
        let id = &capture.session.value().header.session_id;
        for (key, blobs) in versions {
            let Some(hail) = blobs.hail else { continue };
            if let Some(kept) = kept(self.repository, hail, bytes)? {
                let known = self.find_meta(key)?.unwrap_or_else(|| meta.clone());
                let described = self.layout.placed(known.clone(), self.branch).with_commits(&capture.links);
                let is_same = described == known;
                if !is_same {
                    self.write(key.meta_path(self.layout.folder()), &described.to_bytes())?;
                }
                let outcome = if is_same { Outcome::Unchanged } else { Outcome::Updated };
                return Ok(Stored { outcome, hail: Some(hail), is_given: kept == Kept::Same });
            }
        }
        let is_replaced = |blobs: &Blobs| blobs.hail.is_some_and(|hail| capture.versions.is_replaced(hail));
        let mut meta = self.layout.placed(meta, self.branch);
        for (key, _) in versions.iter().filter(|(_, blobs)| is_replaced(blobs)) {
            meta = self.find_meta(key)?.map_or(meta.clone(), |old| meta.absorbing(&old));
        }
        let hail = Some(self.repository.write_blob(bytes)?);
        let new = Blobs { hail, meta: Some(self.repository.write_blob(&meta.to_bytes())?) };
        let folder = self.layout.folder();
        for key in versions.keys() {
            self.updates.extend([(key.hail_path(folder), None), (key.meta_path(folder), None)]);
        }
        let staying = versions.values().copied().filter(|blobs| !is_replaced(blobs));
        for (name, blob) in merge::name_versions(self.repository, id, staying.chain([new]))? {
            self.updates.push((format!("{folder}/{}/{name}", id.shard()), Some(blob)));
        }
        Ok(Stored { outcome: Outcome::Updated, hail, is_given: true })
    }

    /// Replaces every version of a session by what `redaction` makes of it; returns how many there were.
    pub(super) fn rewrite(&mut self, id: &SessionId, redaction: &dyn Redaction) -> Result<usize, LedgerError> {
        let folder = self.layout.folder();
        let versions = self.versions(id)?;
        let mut redacted = Vec::new();
        for (key, blobs) in &versions {
            self.updates.extend([(key.hail_path(folder), None), (key.meta_path(folder), None)]);
            let mut meta = self.find_meta(key)?.unwrap_or_else(|| Meta::unknown(id));
            let hail = match blobs.hail {
                Some(hail) => {
                    let bytes = self
                        .repository
                        .read_blob(hail, MAX_SESSION_BYTES)
                        .map_err(|fault| LedgerError::Unreadable { session: id.clone(), cause: fault.to_string() })?;
                    let session = redaction.session(&bytes)?;
                    meta = meta.redacted_as(&session);
                    let bytes = session.value().to_bytes().map_err(LedgerError::Spool)?;
                    Some(self.repository.write_blob(&bytes)?)
                }
                None => None,
            };
            let meta = meta.cleared(self.now, &|text| redaction.text(text));
            redacted.push(Blobs { hail, meta: Some(self.repository.write_blob(&meta.to_bytes())?) });
        }
        for (name, blob) in merge::name_versions(self.repository, id, redacted.into_iter())? {
            self.updates.push((format!("{folder}/{}/{name}", id.shard()), Some(blob)));
        }
        Ok(versions.len())
    }

    /// Takes over a session and its links as another ledger has them.
    pub(super) fn adopt(&mut self, listed: &Listed, links: &[(ObjectId, IndexEntry)]) -> Result<(), LedgerError> {
        let folder = self.layout.folder();
        let mut meta = listed.meta.clone();
        meta.own.branches.clear();
        let meta = self.layout.placed(meta, self.branch);
        self.write(listed.key.meta_path(folder), &meta.to_bytes())?;
        if let Some(hail) = listed.hail {
            self.updates.push((listed.key.hail_path(folder), Some(hail)));
        }
        for (commit, entry) in links.iter().filter(|(_, entry)| entry.session_id == listed.key.id) {
            self.add_entry(*commit, self.layout.described(entry.clone().moved(folder), Some(&meta)));
        }
        Ok(())
    }

    /// Stores the tree; `None` when it is the one that it began with.
    pub(super) fn finish(mut self) -> Result<Option<ObjectId>, LedgerError> {
        for (commit, entries) in std::mem::take(&mut self.links) {
            let entries = entries.into_values().collect();
            self.updates.extend(self.layout.link(self.repository, self.tree, commit, entries)?);
        }
        if self.updates.is_empty() {
            return Ok(None);
        }
        if let Some(import) = self.import.take() {
            import.finish(self.repository)?;
        }
        self.updates.extend(self.layout.fixtures(self.repository, self.branch)?);
        Ok(Some(self.repository.edit_tree(self.tree, &self.updates)?))
    }
}

/// Why what is stored stays.
#[derive(Clone, Copy, PartialEq)]
enum Kept {
    /// It is the new one.
    Same,
    /// It goes beyond the new one: a log may have been cut since.
    Longer,
}

/// The bytes of a version; `None` where they are damaged.
fn readable(repository: &Repository, id: ObjectId) -> Result<Option<Vec<u8>>, GitError> {
    match repository.read_blob(id, MAX_SESSION_BYTES) {
        Err(fault) if fault.is_damage() => Ok(None),
        bytes => bytes.map(Some),
    }
}

fn kept(repository: &Repository, id: ObjectId, new: &[u8]) -> Result<Option<Kept>, LedgerError> {
    let Some(stored) = readable(repository, id)? else { return Ok(None) };
    if stored == new {
        return Ok(Some(Kept::Same));
    }
    Ok(merge::goes_beyond(&stored, new).then_some(Kept::Longer))
}
