//! Writes a ledger, retrying when another process updates the ref first.

use std::{collections::BTreeMap, time::Duration};

use super::{
    BranchName, Capture, Filter, IndexEntry, LedgerError, Link, Listed, REMOTE_ROOT, Redaction, Removal, Stored,
    Tombstone, Tombstones,
    layout::Layout,
    moved::{Moved, moved},
    name_here, plain, reader,
    tombstone_set::{self, Merged, TombstoneSet},
    tree_editor::TreeEditor,
};
use crate::{
    git::{Expected, GitError, ObjectId, RefUpdate, Repository, TreeUpdate},
    hail::{SessionId, Timestamp},
};

/// How often a write is tried again when somebody else was faster.
const ATTEMPTS: u32 = 200;

/// From how many sessions on their blobs are stored as one pack.
const BULK: usize = 50;

/// How often a write is done again because objects of it were gone before a reference had them.
const REWRITES: u32 = 20;

/// One ledger: where it is, and how its tree is arranged.
pub(super) struct Writer<'a> {
    /// The repository.
    pub(super) repository: &'a Repository,
    /// How the tree is arranged.
    pub(super) layout: &'static dyn Layout,
    /// The branch that is written for.
    pub(super) branch: &'a BranchName,
    /// The full name of its reference.
    pub(super) reference: String,
    /// What ends the names of the references that remember what the remotes have of it.
    pub(super) known_as: String,
    /// The time for commits.
    pub(super) now: Timestamp,
}

impl Writer<'_> {
    /// Stores sessions.
    pub(super) fn store(&self, captures: &[Capture]) -> Result<Vec<Stored>, LedgerError> {
        let Some(last) = captures.last() else { return Ok(Vec::new()) };
        let subject = last.session.value().header.session_id.as_str();
        let mut stored = Vec::new();
        let is_bulk = captures.len() >= BULK;
        self.change(subject, is_bulk, |editor| {
            stored = captures.iter().map(|capture| editor.put(capture)).collect::<Result<_, _>>()?;
            Ok(())
        })?;
        Ok(stored)
    }

    /// Links stored sessions to commits.
    pub(super) fn link(&self, links: &[(SessionId, Link)]) -> Result<(), LedgerError> {
        let Some((last, _)) = links.last() else { return Ok(()) };
        let mut by_session: BTreeMap<&SessionId, Vec<Link>> = BTreeMap::new();
        for (session, link) in links {
            by_session.entry(session).or_default().push(link.clone());
        }
        self.change(last.as_str(), false, |editor| {
            by_session.iter().try_for_each(|(session, links)| editor.link(session, links))
        })
    }

    /// Merges `other`, a tip of the same ledger from elsewhere, with this one.
    pub(super) fn merge(&self, other: ObjectId) -> Result<ObjectId, LedgerError> {
        let mut result = other;
        self.write(|base| {
            result = match base {
                Some(base) => self.merge_tips([base, other])?,
                None => self.without_own_removed(other)?,
            };
            Ok(Some(result))
        })?;
        Ok(result)
    }

    /// Makes a commit of a part of the ledger. It has no other parent than what it is built upon: what
    /// is left out is in the history of the whole.
    pub(super) fn filtered(&self, filter: &Filter<'_>) -> Result<ObjectId, LedgerError> {
        let removed: Vec<TreeUpdate> = filter.left_out.iter().map(|path| (path.clone(), None)).collect();
        let mut part = self.repository.edit_tree(Some(self.repository.tree_of(filter.tip)?), &removed)?;
        if !filter.unshown.is_empty() || !filter.unlinked.is_empty() {
            let mut set = TombstoneSet::of(self.repository, self.layout, &[])?;
            let hide = |id: &SessionId| Tombstone::redacted(id.clone(), Timestamp::LAST);
            let unlink = |id: &SessionId| Tombstone::purged(id.clone(), Timestamp::LAST);
            let sessions = filter.unshown.iter().map(hide).chain(filter.unlinked.iter().map(unlink)).collect();
            set.add(&Tombstones { sessions, ledgers: Vec::new() });
            let hidden = self.layout.unlink(self.repository, part, &|id| set.get(id))?;
            part = self.repository.edit_tree(Some(part), &hidden)?;
        }
        let Some(base) = filter.base else { return self.commit(part, &[], &format!("part of {}", self.branch)) };
        let known = self.repository.tree_of(base)?;
        let Merged { tree, has_lost } = self.merge_trees([known, part])?;
        if tree == known {
            return Ok(base);
        }
        let parents = if has_lost[0] { &[][..] } else { &[base] };
        self.commit(tree, parents, &format!("part of {}", self.branch))
    }

    /// Removes sessions and remembers that they are not to come back. Where something was removed, the
    /// commit has no parents, since their history holds it.
    pub(super) fn apply(&self, tombstones: &Tombstones) -> Result<Removal, LedgerError> {
        let mut removal = Removal::default();
        self.write(|base| {
            let before = match base {
                Some(base) => self.repository.tree_of(base)?,
                None => self.repository.edit_tree(None, &self.layout.fixtures(self.repository, self.branch)?)?,
            };
            let mut set = TombstoneSet::of(self.repository, self.layout, &[before])?;
            set.add(tombstones);
            let applied = set.apply(before)?;
            let tree = set.write(applied.tree)?;
            let left = reader::keys(self.repository, self.layout.folder(), tree)?.len();
            removal = Removal { removed: applied.removed, left };
            if tree == before {
                return Ok(None);
            }
            let parents = if applied.tree == before { self.parents_for_amending(base)? } else { Vec::new() };
            self.commit(tree, &parents, &format!("remove from {}", self.branch)).map(Some)
        })?;
        Ok(removal)
    }

    /// What `tip` has, without what the tombstones do not let stay.
    pub(super) fn without_removed(&self, tip: ObjectId, tombstones: &Tombstones) -> Result<ObjectId, LedgerError> {
        let before = self.repository.tree_of(tip)?;
        let mut set = TombstoneSet::of(self.repository, self.layout, &[before])?;
        set.add(tombstones);
        // A version without readable metadata may be permitted.
        if !set.can_decide(before)? {
            return Ok(tip);
        }
        let applied = set.apply(before)?.tree;
        if applied == before {
            return Ok(tip);
        }
        self.commit(set.write(applied)?, &[], &format!("remove from {}", self.branch))
    }

    /// Replaces every version of a session by what `redaction` makes of it.
    pub(super) fn rewrite(&self, session: &SessionId, redaction: &dyn Redaction) -> Result<usize, LedgerError> {
        let mut count = 0;
        let redacted = Tombstone::redacted(session.clone(), self.now);
        self.write(|base| {
            let Some(base) = base else { return Ok(None) };
            let mut editor = self.editor(Some(self.repository.tree_of(base)?));
            count = editor.rewrite(session, redaction)?;
            let Some(tree) = editor.finish()? else { return Ok(None) };
            let mut set = TombstoneSet::of(self.repository, self.layout, &[tree])?;
            set.add(&Tombstones { sessions: vec![redacted.clone()], ledgers: Vec::new() });
            let applied = set.apply(tree)?;
            let tree = set.write(applied.tree)?;
            self.commit(tree, &[], &format!("redact {session}")).map(Some)
        })?;
        Ok(count)
    }

    fn merge_trees(&self, sides: [ObjectId; 2]) -> Result<Merged, LedgerError> {
        tombstone_set::merge(self.repository, self.layout, sides)
    }

    /// The commit, or one without what its own tombstones do not let stay: a version that does not know
    /// them merges what it must not.
    fn without_own_removed(&self, tip: ObjectId) -> Result<ObjectId, LedgerError> {
        let before = self.repository.tree_of(tip)?;
        let tree = TombstoneSet::of(self.repository, self.layout, &[before])?.apply(before)?.tree;
        if tree == before { Ok(tip) } else { self.commit(tree, &[], &format!("remove from {}", self.branch)) }
    }

    /// Takes in what another ledger has. What is here already stays: the two are merged.
    pub(super) fn adopt(&self, sessions: &[Listed], links: &[(ObjectId, IndexEntry)]) -> Result<(), LedgerError> {
        self.write(|base| {
            let mut editor = self.editor(None);
            sessions.iter().try_for_each(|listed| editor.adopt(listed, links))?;
            let Some(theirs) = editor.finish()? else { return Ok(None) };
            let ours = base.map(|base| self.repository.tree_of(base)).transpose()?;
            let tree = match ours {
                Some(ours) => self.merge_trees([ours, theirs])?.tree,
                None => theirs,
            };
            if ours == Some(tree) {
                return Ok(base);
            }
            let subject = format!("adopt {} sessions of {}", sessions.len(), self.branch);
            self.commit(tree, &self.parents_for_amending(base)?, &subject).map(Some)
        })
    }

    fn editor(&self, tree: Option<ObjectId>) -> TreeEditor<'_> {
        TreeEditor::new(self.repository, self.layout, self.branch, tree, self.now)
    }

    fn commit(&self, tree: ObjectId, parents: &[ObjectId], subject: &str) -> Result<ObjectId, LedgerError> {
        Ok(self.repository.write_commit(tree, parents, &format!("session: {subject}\n"), self.now.seconds())?)
    }

    /// Commits what `edit` makes of the tree.
    fn change(
        &self,
        subject: &str,
        is_bulk: bool,
        mut edit: impl FnMut(&mut TreeEditor<'_>) -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        self.write(|base| {
            let editor = self.editor(base.map(|tip| self.repository.tree_of(tip)).transpose()?);
            let mut editor = if is_bulk { editor.in_bulk() } else { editor };
            edit(&mut editor)?;
            match editor.finish()? {
                Some(tree) => self.commit(tree, &self.parents_for_amending(base)?, subject).map(Some),
                None => Ok(None),
            }
        })
    }

    /// The commit that has all of both tips: one of them where that is enough, else a merge.
    fn merge_tips(&self, [base, other]: [ObjectId; 2]) -> Result<ObjectId, LedgerError> {
        if self.repository.is_ancestor(other, base)? {
            return self.without_own_removed(base);
        }
        if self.repository.is_ancestor(base, other)? {
            return self.without_own_removed(other);
        }
        let [ours, theirs] = [self.repository.tree_of(base)?, self.repository.tree_of(other)?];
        let Merged { tree, has_lost } = self.merge_trees([ours, theirs])?;
        if tree == theirs {
            // They have it all; another merge commit would only be one more to merge elsewhere.
            return Ok(other);
        }
        if tree == ours && has_lost[1] {
            return Ok(base);
        }
        let parents = [(base, has_lost[0]), (other, has_lost[1])].into_iter().filter(|(_, has_lost)| !has_lost);
        let parents: Vec<ObjectId> = parents.map(|(parent, _)| parent).collect();
        self.commit(tree, &parents, &format!("merge {}", self.branch))
    }

    /// Moves the ledger to what `next` makes of its tip, retrying when another process was first;
    /// `next` returns `None` when there is nothing to do.
    fn write(
        &self,
        mut next: impl FnMut(Option<ObjectId>) -> Result<Option<ObjectId>, LedgerError>,
    ) -> Result<(), LedgerError> {
        for attempt in 0..ATTEMPTS {
            // Looked at again each time: another branch's ledger may just have taken the name.
            let reference = &name_here(self.repository, &self.reference)?;
            self.restore(reference)?;
            let current = self.repository.find_reference(reference.as_bytes())?;
            // A first write goes on where the fetched ledger stands, so that it can be pushed as it is.
            let base = match current {
                Some(current) => Some(current),
                None => self.fetched()?.into_iter().next(),
            };
            let Some(new) = next(base)? else { return Ok(()) };
            if current == Some(new) {
                return Ok(());
            }
            let expected = current.map_or(Expected::Absent, Expected::Is);
            let update = RefUpdate { name: reference.clone().into(), expected, new: Some(new) };
            // A `git gc --prune=now` of somebody takes what no reference has yet; then it is written again.
            let is_whole = || self.repository.is_whole(new, base);
            match self.repository.update_reference_when(&update, &is_whole) {
                Err(GitError::Conflict { .. }) => pause(attempt),
                Err(GitError::Missing { .. }) if attempt < REWRITES => pause(attempt),
                other => return Ok(other?),
            }
        }
        Err(LedgerError::Contended { reference: self.reference.clone() })
    }

    /// Merges the ledger with what was kept of it, where a fetch overwrote or deleted it: otherwise, what is
    /// written now would take the place of both.
    fn restore(&self, reference: &str) -> Result<(), LedgerError> {
        let Some(kept) = self.repository.kept_tip(reference) else { return Ok(()) };
        let Moved::To(current) = moved(self.repository, reference, kept)? else { return Ok(()) };
        let new = match current {
            Some(current) => self.merge_tips([current, kept])?,
            None => kept,
        };
        let expected = current.map_or(Expected::Absent, Expected::Is);
        match self.repository.update_reference(&RefUpdate { name: reference.into(), expected, new: Some(new) }) {
            // A writer that was faster has restored it, too.
            Err(GitError::Conflict { .. }) => Ok(()),
            other => Ok(other?),
        }
    }

    /// The parents of the next commit: the tip's own where no remote has the tip yet, so that it is
    /// replaced rather than piled upon; else the tip.
    fn parents_for_amending(&self, tip: Option<ObjectId>) -> Result<Vec<ObjectId>, LedgerError> {
        let Some(tip) = tip else { return Ok(Vec::new()) };
        for id in self.fetched()? {
            if self.repository.is_ancestor(tip, id)? {
                return Ok(vec![tip]);
            }
        }
        Ok(self.repository.commit(tip)?.parents)
    }

    /// The tips of this ledger as last seen on the remotes.
    fn fetched(&self) -> Result<Vec<ObjectId>, GitError> {
        let references = self.repository.references(REMOTE_ROOT)?;
        let is_known = |name: &str| {
            let (folder, component) = name.rsplit_once('/').unwrap_or_default();
            self.known_as.rsplit_once('/').is_some_and(|(end, own)| folder.ends_with(end) && plain(component) == own)
        };
        let of_ledger = references.into_iter().filter(|(name, _)| std::str::from_utf8(name).is_ok_and(is_known));
        Ok(of_ledger.map(|(_, id)| id).filter(|id| self.repository.has_object(*id)).collect())
    }
}

/// Waits a little before another try; the process id spreads writers that collided.
fn pause(attempt: u32) {
    let spread = u64::from(std::process::id() % 7 + 1);
    std::thread::sleep(Duration::from_micros(200 * spread * u64::from(attempt.min(20) + 1)));
}
