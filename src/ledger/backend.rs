//! What every backend does the same way: a ledger is written as a writer and read as a snapshot.

use super::{
    BranchName, Capture, Damage, Filter, IndexEntry, Ledger, LedgerError, Link, Links, Listed, Meta, Redaction,
    Removal, SessionKey, Stored, Tip, Tombstone, Tombstones, layout::Layout, reader, tombstone_set, writer::Writer,
};
use crate::{
    git::{ObjectId, Repository},
    hail::{SessionId, Timestamp},
};

/// Links, each with its commit.
pub(super) type AllLinks = Vec<(ObjectId, IndexEntry)>;

/// What a backend does its own way: [`Ledger`] says what each of these is for.
pub(super) trait Backend: Layout {
    fn name(&self) -> &'static str;

    fn reference(&self, branch: &BranchName) -> String;

    fn pattern(&self) -> &'static str;

    fn known_root(&self, remote: &str) -> String;

    fn tips(&self, repository: &Repository) -> Result<Vec<Tip>, LedgerError>;

    fn tip_at(&self, repository: &Repository, reference: &str, id: ObjectId) -> Result<Option<Tip>, LedgerError>;

    fn shares(&self, _: &Repository, _: &Tip) -> Result<Vec<Listed>, LedgerError> {
        Ok(Vec::new())
    }

    fn linked(&self, repository: &Repository, tip: &Tip, commit: ObjectId) -> Result<Vec<IndexEntry>, LedgerError>;

    /// Every link of one ledger, each with its commit, and those that are damaged.
    fn all_links(&self, repository: &Repository, tip: &Tip) -> Result<(AllLinks, Vec<Damage>), LedgerError>;

    /// The ledger of `branch`, to be written.
    fn writer<'a>(&self, repository: &'a Repository, branch: &'a BranchName, now: Timestamp) -> Writer<'a>;
}

impl<B: Backend> Ledger for B {
    fn name(&self) -> &'static str {
        Backend::name(self)
    }

    fn reference(&self, branch: &BranchName) -> String {
        Backend::reference(self, branch)
    }

    fn pattern(&self) -> &'static str {
        Backend::pattern(self)
    }

    fn known_root(&self, remote: &str) -> String {
        Backend::known_root(self, remote)
    }

    fn store(
        &self,
        repository: &Repository,
        branch: &BranchName,
        captures: &[Capture],
        now: Timestamp,
    ) -> Result<Vec<Stored>, LedgerError> {
        self.writer(repository, branch, now).store(captures)
    }

    fn link(
        &self,
        repository: &Repository,
        branch: &BranchName,
        links: &[(SessionId, Link)],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.writer(repository, branch, now).link(links)
    }

    fn tips(&self, repository: &Repository) -> Result<Vec<Tip>, LedgerError> {
        Backend::tips(self, repository)
    }

    fn tip_at(&self, repository: &Repository, reference: &str, id: ObjectId) -> Result<Option<Tip>, LedgerError> {
        Backend::tip_at(self, repository, reference, id)
    }

    fn sessions(&self, repository: &Repository, tip: &Tip) -> Result<Vec<Listed>, LedgerError> {
        reader::sessions(repository, self, tip)
    }

    fn blobs(&self, repository: &Repository, tip: &Tip) -> Result<Vec<(SessionId, ObjectId)>, LedgerError> {
        reader::blobs(repository, self.folder(), tip)
    }

    fn shares(&self, repository: &Repository, tip: &Tip) -> Result<Vec<Listed>, LedgerError> {
        Backend::shares(self, repository, tip)
    }

    fn find(&self, repository: &Repository, tip: &Tip, session: &SessionId) -> Result<Option<Meta>, LedgerError> {
        reader::find(repository, self.folder(), tip, &SessionKey::from(session.clone()))
    }

    fn linked(&self, repository: &Repository, tip: &Tip, commit: ObjectId) -> Result<Vec<IndexEntry>, LedgerError> {
        Backend::linked(self, repository, tip, commit)
    }

    fn merge(
        &self,
        repository: &Repository,
        branch: &BranchName,
        other: ObjectId,
        now: Timestamp,
    ) -> Result<ObjectId, LedgerError> {
        self.writer(repository, branch, now).merge(other)
    }

    fn filtered(
        &self,
        repository: &Repository,
        branch: &BranchName,
        filter: &Filter<'_>,
        now: Timestamp,
    ) -> Result<ObjectId, LedgerError> {
        self.writer(repository, branch, now).filtered(filter)
    }

    fn apply(
        &self,
        repository: &Repository,
        branch: &BranchName,
        tombstones: &Tombstones,
        now: Timestamp,
    ) -> Result<Removal, LedgerError> {
        self.writer(repository, branch, now).apply(tombstones)
    }

    fn without_removed(
        &self,
        repository: &Repository,
        tip: &Tip,
        tombstones: &Tombstones,
        now: Timestamp,
    ) -> Result<ObjectId, LedgerError> {
        self.writer(repository, &tip.branch, now).without_removed(tip.id, tombstones)
    }

    fn rewrite(
        &self,
        repository: &Repository,
        branch: &BranchName,
        session: &SessionId,
        redaction: &dyn Redaction,
        now: Timestamp,
    ) -> Result<usize, LedgerError> {
        self.writer(repository, branch, now).rewrite(session, redaction)
    }

    fn tombstone(&self, repository: &Repository, tip: &Tip, id: &SessionId) -> Result<Option<Tombstone>, LedgerError> {
        let found = tombstone_set::find(repository, self.folder(), repository.tree_of(tip.id)?, id);
        found.map_err(|unreadable| unreadable.in_ledger(&tip.reference).into())
    }

    fn tombstones(&self, repository: &Repository, tip: &Tip) -> Result<Tombstones, LedgerError> {
        Ok(tombstone_set::read_all(repository, self.folder(), repository.tree_of(tip.id)?)?.sound)
    }

    fn damage(&self, repository: &Repository, tip: &Tip) -> Result<Vec<Damage>, LedgerError> {
        let mut damage = reader::damage(repository, self.folder(), tip)?;
        let remembered = tombstone_set::read_all(repository, self.folder(), repository.tree_of(tip.id)?)?;
        damage.extend(remembered.damaged.into_iter().map(|unreadable| unreadable.in_ledger(&tip.reference)));
        Ok(damage)
    }

    fn links(&self, repository: &Repository, tip: &Tip) -> Result<Links, LedgerError> {
        let mut has_more = false;
        for (path, entry) in reader::leaves(repository, repository.tree_of(tip.id)?)? {
            has_more |= !self.knows(repository, &path, &entry)?;
        }
        let (entries, damage) = self.all_links(repository, tip)?;
        Ok(Links { entries, has_more, damage })
    }

    fn adopt(
        &self,
        repository: &Repository,
        branch: &BranchName,
        sessions: &[Listed],
        links: &[(ObjectId, IndexEntry)],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.writer(repository, branch, now).adopt(sessions, links)
    }
}
