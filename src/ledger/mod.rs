//! Where sessions live in git.
//!
//! A backend is one file and one line in [`ALL`]; the conformance suite in `tests/ledger.rs` runs on
//! every one. `docs/format.md` shows every stored byte.

mod backend;
mod backends;
mod branch;
mod capture;
mod case_insensitive;
mod error;
mod hidden_ref;
mod layout;
mod merge;
mod meta;
mod moved;
mod note;
mod notes;
mod notes_tree;
mod opensession_shares;
mod reader;
mod summaries;
pub mod switch;
mod tombstone;
mod tombstone_set;
mod tree_editor;
mod writer;

pub use backends::{all_from, by_name, in_use, is_of, names, store};
pub use branch::{BranchName, REMOTE_ROOT, ROOT, push_side};
pub use capture::{Capture, KnownVersions, Link, Outcome, Stored};
pub use case_insensitive::{name_here, names_here, plain};
pub use error::{Damage, LedgerError, UnknownMode};
pub use layout::{HAIL, IndexEntry, META, SessionKey};
pub use meta::{GitFacts, Meta, Own};
pub use moved::restore_moved;
pub use summaries::{
    ARTIFACTS, SUMMARIES, Summary, apply_tombstones_to_summaries, extra_ref_root, is_extra_ref, merge_summaries,
    redact_summary, summary_of,
};
pub use tombstone::{Expiry, GoneLedger, Redaction, Removal, Tombstone, Tombstones};

use crate::{
    git::{GitError, ObjectId, Repository},
    hail::{ObjectHash, SessionId, Timestamp},
};

/// Every backend; the first is the default.
pub static ALL: &[&dyn Ledger] = &[&hidden_ref::HiddenRef, &notes::Notes];

/// The largest session that is read, in bytes: 256 MiB.
pub const MAX_SESSION_BYTES: u64 = 256 * 1024 * 1024;

/// A way of keeping sessions in a repository: one ledger a branch, or one for all branches.
pub trait Ledger: Sync {
    /// The value of `opensession.fanout-mode`.
    fn name(&self) -> &'static str;

    /// The reference that holds the ledger of `branch`, here and on a remote.
    fn reference(&self, branch: &BranchName) -> String;

    /// What the references of all ledgers match.
    fn pattern(&self) -> &'static str;

    /// The folder of references, with its last `/`, that remember what `remote` has: each under the
    /// last component of its name there.
    fn known_root(&self, remote: &str) -> String;

    /// Stores sessions in the ledger of `branch`: a session that is there already adds nothing, a
    /// grown one takes the place of its former self. A tip that was never pushed is amended.
    ///
    /// # Errors
    /// When the repository cannot be written; the ledger is then as it was.
    fn store(
        &self,
        repository: &Repository,
        branch: &BranchName,
        captures: &[Capture],
        now: Timestamp,
    ) -> Result<Vec<Stored>, LedgerError>;

    /// Links sessions that the ledger of `branch` has to commits; a session it does not have is
    /// passed over.
    ///
    /// # Errors
    /// When the repository cannot be written; the ledger is then as it was.
    fn link(
        &self,
        repository: &Repository,
        branch: &BranchName,
        links: &[(SessionId, Link)],
        now: Timestamp,
    ) -> Result<(), LedgerError>;

    /// Every ledger that is here: this repository's own, then the ones fetched from remotes.
    ///
    /// # Errors
    /// When the references cannot be read.
    fn tips(&self, repository: &Repository) -> Result<Vec<Tip>, LedgerError>;

    /// The ledger that `reference` is when it is at `id`; `None` when it is none of this kind.
    ///
    /// # Errors
    /// When the ledger's trees cannot be read.
    fn tip_at(&self, repository: &Repository, reference: &str, id: ObjectId) -> Result<Option<Tip>, LedgerError>;

    /// The sessions of one ledger, without their events.
    ///
    /// # Errors
    /// When the ledger's trees cannot be read.
    fn sessions(&self, repository: &Repository, tip: &Tip) -> Result<Vec<Listed>, LedgerError>;

    /// The sessions of one ledger, from its trees alone, each with the blob of its events; one that clones
    /// disagreed about is there more than once.
    ///
    /// # Errors
    /// When the ledger's trees cannot be read.
    fn blobs(&self, repository: &Repository, tip: &Tip) -> Result<Vec<(SessionId, ObjectId)>, LedgerError>;

    /// The sessions that were shared as single files beside those of the ledger; most have none.
    ///
    /// # Errors
    /// When the ledger's trees cannot be read.
    fn shares(&self, repository: &Repository, tip: &Tip) -> Result<Vec<Listed>, LedgerError>;

    /// The metadata of one session, where the ledger has it.
    ///
    /// # Errors
    /// When the ledger's trees cannot be read.
    fn find(&self, repository: &Repository, tip: &Tip, session: &SessionId) -> Result<Option<Meta>, LedgerError>;

    /// The sessions that one ledger links to a commit.
    ///
    /// # Errors
    /// When the ledger's trees cannot be read.
    fn linked(&self, repository: &Repository, tip: &Tip, commit: ObjectId) -> Result<Vec<IndexEntry>, LedgerError>;

    /// Merges `other`, a tip of the same ledger from elsewhere, with this repository's ledger of
    /// `branch`, and returns the new tip. No session of either is lost.
    ///
    /// # Errors
    /// When the repository cannot be read or written.
    fn merge(
        &self,
        repository: &Repository,
        branch: &BranchName,
        other: ObjectId,
        now: Timestamp,
    ) -> Result<ObjectId, LedgerError>;

    /// A commit upon `filter.base` that has what `filter.tip` has but for what is left out;
    /// `filter.base` itself where that has it all. No reference is touched, and nothing is lost: for
    /// a merge, what a ledger does not have says nothing.
    ///
    /// # Errors
    /// When the repository cannot be read or written.
    fn filtered(
        &self,
        repository: &Repository,
        branch: &BranchName,
        filter: &Filter<'_>,
        now: Timestamp,
    ) -> Result<ObjectId, LedgerError>;

    /// Removes sessions from the ledger of `branch`, and remembers in the same commit that they are not
    /// to come back. Where something was removed, the commit has no parents. Where the branch has no
    /// ledger, one of nothing but tombstones is made.
    ///
    /// # Errors
    /// When the repository cannot be written; the ledger is then as it was.
    fn apply(
        &self,
        repository: &Repository,
        branch: &BranchName,
        tombstones: &Tombstones,
        now: Timestamp,
    ) -> Result<Removal, LedgerError>;

    /// What applying tombstones would make of `tip`; `tip` itself where nothing goes. No reference is touched.
    ///
    /// # Errors
    /// When the repository cannot be read or written.
    fn without_removed(
        &self,
        repository: &Repository,
        tip: &Tip,
        tombstones: &Tombstones,
        now: Timestamp,
    ) -> Result<ObjectId, LedgerError>;

    /// Replaces every version of a session in the ledger of `branch` by what `redaction` makes of it, and
    /// remembers that those from before are not to come back. The commit has no parents. Returns how
    /// many versions there were.
    ///
    /// # Errors
    /// When the repository cannot be written, or `redaction` fails; the ledger is then as it was.
    fn rewrite(
        &self,
        repository: &Repository,
        branch: &BranchName,
        session: &SessionId,
        redaction: &dyn Redaction,
        now: Timestamp,
    ) -> Result<usize, LedgerError>;

    /// What one ledger remembers of a session that is not to come back.
    ///
    /// # Errors
    /// When the ledger's trees cannot be read.
    fn tombstone(&self, repository: &Repository, tip: &Tip, id: &SessionId) -> Result<Option<Tombstone>, LedgerError>;

    /// All that one ledger remembers.
    ///
    /// # Errors
    /// When the ledger's trees cannot be read.
    fn tombstones(&self, repository: &Repository, tip: &Tip) -> Result<Tombstones, LedgerError>;

    /// What is damaged in one ledger and is no session: folders, and tombstones.
    ///
    /// # Errors
    /// When the ledger's trees cannot be read.
    fn damage(&self, repository: &Repository, tip: &Tip) -> Result<Vec<Damage>, LedgerError>;

    /// Every link of one ledger, and whether it has anything besides sessions and links.
    ///
    /// # Errors
    /// When the ledger's trees cannot be read.
    fn links(&self, repository: &Repository, tip: &Tip) -> Result<Links, LedgerError>;

    /// Takes sessions and their links, as another ledger of this repository has them, into the
    /// ledger of `branch`. They are merged with what is there; again changes nothing.
    ///
    /// # Errors
    /// When the repository cannot be written; the ledger is then as it was.
    fn adopt(
        &self,
        repository: &Repository,
        branch: &BranchName,
        sessions: &[Listed],
        links: &[(ObjectId, IndexEntry)],
        now: Timestamp,
    ) -> Result<(), LedgerError>;
}

/// The time for what is done now to `session`: later than every time that the ledgers which are here store of it.
/// A clock that was ahead in some clone must not make a purge, a redaction or consent look older than what it is
/// about. A ledger that cannot be read has no say.
///
/// # Errors
/// When the references cannot be read.
pub fn time_for(repository: &Repository, session: &SessionId, now: Timestamp) -> Result<Timestamp, LedgerError> {
    let mut latest = now;
    for ledger in ALL {
        for tip in ledger.tips(repository)? {
            let tombstone = ledger.tombstone(repository, &tip, session).ok().flatten();
            let listed = ledger.sessions(repository, &tip).unwrap_or_default();
            let versions = listed.iter().filter(|listed| listed.key.id == *session);
            let links = ledger.links(repository, &tip).map(|links| links.entries).unwrap_or_default();
            let linked =
                links.iter().filter(|(_, entry)| entry.session_id == *session).map(|(_, entry)| entry.stored_at);
            let stored = tombstone.and_then(|tombstone| tombstone.cleared_from()).into_iter();
            let stored = stored.chain(versions.filter_map(|listed| listed.meta.own.cleared_at)).chain(linked);
            latest = latest.after(stored.filter(|stored| *stored > now));
        }
    }
    Ok(latest)
}

/// A part of a ledger.
#[derive(Clone, Copy, Debug)]
pub struct Filter<'a> {
    /// The whole.
    pub tip: ObjectId,
    /// What it is built upon, and merged with.
    pub base: Option<ObjectId>,
    /// The paths that it does not get.
    pub left_out: &'a [String],
    /// The sessions of which nothing is shown beside them.
    pub unshown: &'a [SessionId],
    /// The sessions whose links it does not get.
    pub unlinked: &'a [SessionId],
}

/// All links of one ledger.
#[derive(Clone, Debug)]
pub struct Links {
    /// Each with its commit.
    pub entries: Vec<(ObjectId, IndexEntry)>,
    /// Whether the ledger has something that is neither a session nor a link.
    pub has_more: bool,
    /// Links that cannot be read; they are not among the entries.
    pub damage: Vec<Damage>,
}

/// The tip of one ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The branch, or [`BranchName::every`] where one ledger holds the sessions of all branches:
    /// which one a session belongs to is then in its metadata.
    pub branch: BranchName,
    /// The remote it was fetched from; `None` for this repository's own.
    pub remote: Option<String>,
    /// The full name of its reference.
    pub reference: String,
    /// The commit.
    pub id: ObjectId,
}

/// A session in a ledger.
#[derive(Clone, Debug)]
pub struct Listed {
    /// Its id, and which variant it is where clones disagreed.
    pub key: SessionKey,
    /// What is known without reading its events.
    pub meta: Meta,
    /// Its HAIL blob.
    pub hail: Option<ObjectId>,
    /// Its metadata blob.
    pub described_by: Option<ObjectId>,
    /// The branch it belongs to.
    pub branch: BranchName,
    /// Whether it was shared as a file of its own: its id is then the SHA-256 of its bytes.
    pub is_share: bool,
    /// What is wrong with its metadata; what is listed comes from its events then.
    pub damage: Option<Damage>,
}

impl Tip {
    /// Whether the sessions of `branch` are here.
    #[must_use]
    pub fn covers(&self, branch: &BranchName) -> bool {
        self.branch == *branch || self.branch == BranchName::every()
    }
}

impl Listed {
    /// Every branch it belongs to.
    #[must_use]
    pub fn branches(&self) -> Vec<BranchName> {
        let mut branches = if self.meta.own.branches.is_empty() { Vec::new() } else { self.meta.branches() };
        if !branches.contains(&self.branch) {
            branches.insert(0, self.branch.clone());
        }
        branches
    }

    /// When something last happened in it; a time that is yet to come counts as `now`.
    #[must_use]
    pub fn last_activity(&self, now: Timestamp) -> Option<Timestamp> {
        self.meta.own.updated_at.or(self.meta.own.created_at).map(|time| time.clamped(now))
    }

    /// The session's canonical bytes; in a partial clone they may have to be fetched first.
    ///
    /// # Errors
    /// When they cannot be had, or are too large.
    pub fn read(&self, repository: &Repository) -> Result<Vec<u8>, LedgerError> {
        let hail = self.hail.ok_or_else(|| LedgerError::NoEvents { session: self.key.to_string() })?;
        if !repository.has_blob(hail) {
            return Err(GitError::Missing { id: hail.to_string() }.into());
        }
        let bytes = match repository.read_blob(hail, MAX_SESSION_BYTES) {
            Err(fault) if fault.is_damage() => {
                return Err(LedgerError::Unreadable { session: self.key.id.clone(), cause: fault.to_string() });
            }
            bytes => bytes?,
        };
        if self.is_share && ObjectHash::of(&bytes).to_string() != self.key.id.as_str() {
            let (reference, path) = (self.branch.reference(), opensession_shares::path(&self.key));
            return Err(Damage { reference, path, cause: "its content has another hash".to_owned() }.into());
        }
        Ok(bytes)
    }
}
