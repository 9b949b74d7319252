//! One notes reference for all branches, `refs/notes/opensession`: git itself shows what it says.

use std::collections::BTreeSet;

use super::{
    BranchName, Damage, IndexEntry, LedgerError, Meta, REMOTE_ROOT, Tip, Tombstone,
    backend::{AllLinks, Backend},
    branch,
    layout::Layout,
    merge, note, notes_tree, reader, tombstone_set,
    writer::Writer,
};
use crate::{
    git::{Entry, EntryKind, ObjectId, Repository, TreeUpdate},
    hail::{SessionId, Timestamp},
};

/// The reference, here and on every remote.
const REFERENCE: &str = "refs/notes/opensession";
/// What ends the names of the references that remember what remotes have.
const KNOWN_AS: &str = "/notes/opensession";
/// The folder of the sessions' shards. git carries along what is no note.
const FOLDER: &str = "sessions";

/// The ledger in notes.
pub(super) struct Notes;

impl Backend for Notes {
    fn name(&self) -> &'static str {
        "git_notes"
    }

    fn reference(&self, _: &BranchName) -> String {
        REFERENCE.to_owned()
    }

    fn pattern(&self) -> &'static str {
        REFERENCE
    }

    fn known_root(&self, remote: &str) -> String {
        branch::remote_root(remote, "notes")
    }

    fn tips(&self, repository: &Repository) -> Result<Vec<Tip>, LedgerError> {
        let tip = |remote, reference: &str, id| Tip {
            branch: BranchName::every(),
            remote,
            reference: reference.to_owned(),
            id,
        };
        let own = repository.find_reference(REFERENCE.as_bytes())?;
        let mut tips: Vec<Tip> = own.map(|id| tip(None, REFERENCE, id)).into_iter().collect();
        for (name, id) in repository.references(REMOTE_ROOT)? {
            let name = name.to_string();
            let remote = name[REMOTE_ROOT.len()..].strip_suffix(KNOWN_AS).map(str::to_owned);
            tips.extend(remote.map(|remote| tip(Some(remote), &name, id)));
        }
        Ok(tips)
    }

    fn tip_at(&self, _: &Repository, reference: &str, id: ObjectId) -> Result<Option<Tip>, LedgerError> {
        let tip = || Tip { branch: BranchName::every(), remote: None, reference: reference.to_owned(), id };
        Ok((reference == REFERENCE).then(tip))
    }

    fn linked(&self, repository: &Repository, tip: &Tip, commit: ObjectId) -> Result<Vec<IndexEntry>, LedgerError> {
        // A note that is damaged links nothing.
        let note = notes_tree::read(repository, repository.tree_of(tip.id)?, commit)?.unwrap_or_default();
        Ok(note.entries.into_values().collect())
    }

    fn all_links(&self, repository: &Repository, tip: &Tip) -> Result<(AllLinks, Vec<Damage>), LedgerError> {
        let notes = notes_tree::all(repository, repository.tree_of(tip.id)?)?;
        let damaged = notes.damaged.into_iter().map(|(commit, cause)| {
            let path = format!("the note of {commit}");
            Damage { reference: tip.reference.clone(), path, cause }
        });
        let links = notes.sound.into_iter();
        let links = links.flat_map(|(commit, note)| note.entries.into_values().map(move |entry| (commit, entry)));
        Ok((links.collect(), damaged.collect()))
    }

    fn writer<'a>(&self, repository: &'a Repository, branch: &'a BranchName, now: Timestamp) -> Writer<'a> {
        Writer {
            repository,
            layout: &Notes,
            branch,
            reference: REFERENCE.to_owned(),
            known_as: KNOWN_AS.to_owned(),
            now,
        }
    }
}

impl Layout for Notes {
    fn folder(&self) -> &'static str {
        FOLDER
    }

    fn branch_of(&self, _: &Tip, meta: &Meta) -> BranchName {
        meta.branches().into_iter().next().unwrap_or_else(|| BranchName::from("detached"))
    }

    fn placed(&self, meta: Meta, branch: &BranchName) -> Meta {
        meta.of_branch(branch)
    }

    fn described(&self, mut entry: IndexEntry, meta: Option<&Meta>) -> IndexEntry {
        if let Some(meta) = meta {
            note::show(&mut entry, meta);
        }
        entry
    }

    fn is_linked(
        &self,
        repository: &Repository,
        tree: ObjectId,
        commit: ObjectId,
        session: &SessionId,
    ) -> Result<bool, LedgerError> {
        // A note that git joined of several is written anew.
        let is_linked =
            notes_tree::read(repository, tree, commit)?.is_ok_and(|note| note.entries.contains_key(session));
        Ok(is_linked && notes_tree::is_sound(repository, tree, commit)?)
    }

    fn link(
        &self,
        repository: &Repository,
        tree: Option<ObjectId>,
        commit: ObjectId,
        entries: Vec<IndexEntry>,
    ) -> Result<Vec<TreeUpdate>, LedgerError> {
        let mut note = match tree.map(|tree| notes_tree::read(repository, tree, commit)).transpose()? {
            Some(Ok(note)) => note,
            // It may hold what people wrote, and stays.
            Some(Err(_)) => return Ok(Vec::new()),
            None => note::Note::default(),
        };
        for entry in entries {
            note.add(entry);
        }
        notes_tree::write(repository, tree, commit, &note)
    }

    fn fixtures(&self, _: &Repository, _: &BranchName) -> Result<Vec<TreeUpdate>, LedgerError> {
        Ok(Vec::new())
    }

    fn unlink<'t>(
        &self,
        repository: &Repository,
        tree: ObjectId,
        tombstone_of: &dyn Fn(&SessionId) -> Option<&'t Tombstone>,
    ) -> Result<Vec<TreeUpdate>, LedgerError> {
        let mut updates = Vec::new();
        for (commit, note) in notes_tree::all(repository, tree)?.sound {
            let mut cleared = note.clone();
            cleared.entries.retain(|id, entry| tombstone_of(id).is_none_or(|tombstone| tombstone.permits_link(entry)));
            for (id, entry) in &mut cleared.entries {
                if tombstone_of(id).is_some_and(|tombstone| !tombstone.permits_details(entry)) {
                    entry.other.remove(note::SHOWN);
                }
            }
            if cleared != note {
                updates.extend(notes_tree::write(repository, Some(tree), commit, &cleared)?);
            }
        }
        Ok(updates)
    }

    fn commits_of(
        &self,
        repository: &Repository,
        tree: ObjectId,
        session: &SessionId,
    ) -> Result<BTreeSet<String>, LedgerError> {
        let tied =
            notes_tree::all(repository, tree)?.sound.into_iter().filter(|(_, note)| note.entries.contains_key(session));
        Ok(tied.map(|(commit, _)| commit.to_string()).collect())
    }

    fn merge(&self, repository: &Repository, ours: ObjectId, theirs: ObjectId) -> Result<ObjectId, LedgerError> {
        notes_tree::merge(repository, ours, theirs, |ours, theirs| merge::merge_trees(repository, FOLDER, ours, theirs))
    }

    fn knows(&self, repository: &Repository, path: &str, entry: &Entry) -> Result<bool, LedgerError> {
        let is_ours = reader::is_of_session(FOLDER, path) || tombstone_set::is_tombstone(FOLDER, path);
        Ok(entry.kind == EntryKind::Blob && is_ours || notes_tree::is_plain(repository, path, entry)?)
    }
}
