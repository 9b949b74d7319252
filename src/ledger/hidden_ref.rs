//! The default backend: one hidden reference a branch, `refs/opensession/branches/<base64url>`.

use std::{collections::BTreeMap, time::Duration};

use super::{
    BranchName, Capture, IndexEntry, Ledger, LedgerError, Link, Listed, MAX_SESSION_BYTES, Meta, Outcome, REMOTE_ROOT,
    ROOT, SessionKey, Tip, layout, merge, snapshot,
};
use crate::{
    git::{Expected, GitError, ObjectId, RefUpdate, Repository, TreeUpdate},
    hail::{SessionId, Timestamp},
};

/// How often a write is tried again when somebody else was faster.
const ATTEMPTS: u32 = 200;

/// The hidden-reference ledger.
pub(super) struct HiddenRef;

impl Ledger for HiddenRef {
    fn name(&self) -> &'static str {
        "hidden_ref"
    }

    fn store(
        &self,
        repository: &Repository,
        branch: &BranchName,
        captures: &[Capture],
        now: Timestamp,
    ) -> Result<Vec<Outcome>, LedgerError> {
        let Some(last) = captures.last() else { return Ok(Vec::new()) };
        let mut outcomes = Vec::new();
        write(repository, branch, |base| {
            let mut draft = draft(repository, base, now)?;
            outcomes = captures.iter().map(|capture| draft.put(capture)).collect::<Result<_, _>>()?;
            draft.commit(branch, base, last.session.value().header.session_id.as_str())
        })?;
        Ok(outcomes)
    }

    fn link(
        &self,
        repository: &Repository,
        branch: &BranchName,
        links: &[(SessionId, Link)],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let Some((last, _)) = links.last() else { return Ok(()) };
        write(repository, branch, |base| {
            let mut draft = draft(repository, base, now)?;
            let mut by_session: BTreeMap<&SessionId, Vec<Link>> = BTreeMap::new();
            for (session, link) in links {
                by_session.entry(session).or_default().push(link.clone());
            }
            for (session, links) in by_session {
                let key = SessionKey::from(session.clone());
                let Some(meta) = draft.find_meta(&key)? else { continue };
                if draft.link(&key, &links)? {
                    draft.write(key.meta_path(), &meta.with_commits(&links).to_bytes())?;
                }
            }
            draft.commit(branch, base, last.as_str())
        })
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

    fn sessions(&self, repository: &Repository, tip: &Tip) -> Result<Vec<Listed>, LedgerError> {
        snapshot::sessions(repository, tip)
    }

    fn find(&self, repository: &Repository, tip: &Tip, session: &SessionId) -> Result<Option<Meta>, LedgerError> {
        snapshot::find(repository, tip, &SessionKey::from(session.clone()))
    }

    fn linked(&self, repository: &Repository, tip: &Tip, commit: ObjectId) -> Result<Vec<IndexEntry>, LedgerError> {
        snapshot::linked(repository, tip, commit)
    }

    fn unite(
        &self,
        repository: &Repository,
        branch: &BranchName,
        other: ObjectId,
        now: Timestamp,
    ) -> Result<ObjectId, LedgerError> {
        let mut result = other;
        write(repository, branch, |base| {
            result = match base {
                Some(base) => merged(repository, branch, [base, other], now)?,
                None => other,
            };
            Ok(Some(result))
        })?;
        Ok(result)
    }
}

/// The commit that has all of both tips: one of them where that is enough, else a merge.
fn merged(
    repository: &Repository,
    branch: &BranchName,
    [base, other]: [ObjectId; 2],
    now: Timestamp,
) -> Result<ObjectId, LedgerError> {
    if repository.is_ancestor(other, base)? {
        return Ok(base);
    }
    if repository.is_ancestor(base, other)? {
        return Ok(other);
    }
    let theirs = repository.tree_of(other)?;
    let tree = merge::union(repository, repository.tree_of(base)?, theirs)?;
    if tree == theirs {
        // They have it all; another merge commit would only be one more to merge elsewhere.
        return Ok(other);
    }
    Ok(repository.write_commit(tree, &[base, other], &format!("session: merge {branch}\n"), now.seconds())?)
}

/// Moves the ledger of `branch` to what `next` makes of its tip, again and again until nobody was
/// faster; `next` returns `None` when there is nothing to do.
fn write(
    repository: &Repository,
    branch: &BranchName,
    mut next: impl FnMut(Option<ObjectId>) -> Result<Option<ObjectId>, LedgerError>,
) -> Result<(), LedgerError> {
    let reference = branch.reference();
    for attempt in 0..ATTEMPTS {
        let current = repository.find_reference(reference.as_bytes())?;
        // A first write goes on where the fetched ledger stands, so that it can be pushed as it is.
        let base = match current {
            Some(current) => Some(current),
            None => fetched(repository, branch)?.into_iter().next(),
        };
        let Some(new) = next(base)? else { return Ok(()) };
        if current == Some(new) {
            return Ok(());
        }
        let expected = current.map_or(Expected::Absent, Expected::Is);
        match repository.update_reference(&RefUpdate { name: reference.clone().into(), expected, new: Some(new) }) {
            Err(GitError::Conflict { .. }) => pause(attempt),
            other => return Ok(other?),
        }
    }
    Err(LedgerError::Contended { reference })
}

/// Waits a little before another try; the process id spreads writers that collided.
fn pause(attempt: u32) {
    let spread = u64::from(std::process::id() % 7 + 1);
    std::thread::sleep(Duration::from_micros(200 * spread * u64::from(attempt.min(20) + 1)));
}

fn draft(repository: &Repository, base: Option<ObjectId>, now: Timestamp) -> Result<Draft<'_>, GitError> {
    let tree = base.map(|tip| repository.tree_of(tip)).transpose()?;
    Ok(Draft { repository, tree, now, updates: Vec::new() })
}

/// A tree that is being changed.
struct Draft<'r> {
    repository: &'r Repository,
    tree: Option<ObjectId>,
    now: Timestamp,
    updates: Vec<TreeUpdate>,
}

impl Draft<'_> {
    fn find(&self, path: &str) -> Result<Option<ObjectId>, GitError> {
        self.tree.map_or(Ok(None), |tree| self.repository.find_in_tree(tree, path))
    }

    fn find_meta(&self, key: &SessionKey) -> Result<Option<Meta>, GitError> {
        let Some(id) = self.find(&key.meta_path())? else { return Ok(None) };
        Ok(Meta::parse(&self.repository.read_blob(id, snapshot::MAX_META_BYTES)?).ok())
    }

    fn write(&mut self, path: String, bytes: &[u8]) -> Result<(), GitError> {
        let id = self.repository.write_blob(bytes)?;
        self.updates.push((path, Some(id)));
        Ok(())
    }

    /// Adds the index entries that are not there yet; returns whether there were any.
    fn link(&mut self, key: &SessionKey, links: &[Link]) -> Result<bool, GitError> {
        let before = self.updates.len();
        for link in links {
            let path = IndexEntry::path(link.commit, &key.id);
            if self.find(&path)?.is_none() {
                let entry = index_entry(key, &link.evidence, self.now);
                self.write(path, &serde_json::to_vec(&entry).expect("an index entry has string keys only"))?;
            }
        }
        Ok(self.updates.len() > before)
    }

    fn put(&mut self, capture: &Capture) -> Result<Outcome, LedgerError> {
        let key = SessionKey::from(capture.session.value().header.session_id.clone());
        let has_new_links = self.link(&key, &capture.links)?;
        let bytes = capture.session.value().to_bytes();
        let stored = self.find(&key.hail_path())?;
        let stored_meta = self.find_meta(&key)?;
        let hail = match stored {
            Some(id) if keeps_stored(self.repository, id, &bytes)? => id,
            _ => self.repository.write_blob(&bytes)?,
        };
        let is_same = stored == Some(hail);
        let meta = match stored_meta {
            Some(_) if is_same && !has_new_links => return Ok(Outcome::Unchanged),
            // The events stay, so what describes them stays too.
            Some(old) if is_same => old.with_commits(&capture.links),
            Some(old) => Meta::of(capture).absorbing(&old),
            None => Meta::of(capture),
        };
        self.write(key.meta_path(), &meta.to_bytes())?;
        self.updates.push((key.hail_path(), Some(hail)));
        Ok(if stored.is_some() { Outcome::Updated } else { Outcome::Added })
    }

    /// Makes the tree a commit: `None` when nothing changed.
    fn commit(
        self,
        branch: &BranchName,
        base: Option<ObjectId>,
        subject: &str,
    ) -> Result<Option<ObjectId>, LedgerError> {
        if self.updates.is_empty() {
            return Ok(None);
        }
        let tree = self.repository.edit_tree(self.tree, &with_branch_name(self.repository, branch, self.updates)?)?;
        let parents = parents_for_amending(self.repository, branch, base)?;
        Ok(Some(self.repository.write_commit(tree, &parents, &format!("session: {subject}\n"), self.now.seconds())?))
    }
}

/// Whether the stored session is the new one or goes beyond it: a log may have been cut since.
fn keeps_stored(repository: &Repository, id: ObjectId, new: &[u8]) -> Result<bool, LedgerError> {
    let stored = repository.read_blob(id, MAX_SESSION_BYTES)?;
    Ok(stored == new || merge::goes_beyond(&stored, new))
}

fn index_entry(key: &SessionKey, evidence: &str, now: Timestamp) -> IndexEntry {
    IndexEntry {
        session_id: key.id.clone(),
        hail_path: key.hail_path(),
        meta_path: key.meta_path(),
        stored_at: now,
        evidence: Some(evidence.to_owned()),
        other: serde_json::Map::new(),
    }
}

/// A name too long for the reference is kept in the tree.
fn with_branch_name(
    repository: &Repository,
    branch: &BranchName,
    mut updates: Vec<TreeUpdate>,
) -> Result<Vec<TreeUpdate>, LedgerError> {
    if branch.is_hashed() {
        updates.push((layout::BRANCH.to_owned(), Some(repository.write_blob(branch.as_bytes())?)));
    }
    Ok(updates)
}

/// The parents of the next commit: the tip's own where no remote has the tip yet, so that it is
/// replaced rather than piled upon; else the tip.
fn parents_for_amending(
    repository: &Repository,
    branch: &BranchName,
    tip: Option<ObjectId>,
) -> Result<Vec<ObjectId>, LedgerError> {
    let Some(tip) = tip else { return Ok(Vec::new()) };
    for id in fetched(repository, branch)? {
        if repository.is_ancestor(tip, id)? {
            return Ok(vec![tip]);
        }
    }
    Ok(repository.commit(tip)?.parents)
}

/// The tips of this branch's ledger as last seen on the remotes.
fn fetched(repository: &Repository, branch: &BranchName) -> Result<Vec<ObjectId>, GitError> {
    let suffix = format!("/branches/{}", branch.encoded());
    let references = repository.references(REMOTE_ROOT)?;
    let of_branch = references.into_iter().filter(|(name, _)| name.ends_with(suffix.as_bytes()));
    Ok(of_branch.map(|(_, id)| id).filter(|id| repository.has_object(*id)).collect())
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
        None => snapshot::branch_of(repository, id)?.filter(|branch| branch.encoded() == encoded),
    };
    Ok(branch.map(|branch| Tip { branch, remote, reference: reference.to_owned(), id }))
}
