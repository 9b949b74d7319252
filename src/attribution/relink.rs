//! Finding the sessions of a commit that no hook was there to link.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    git::{Fingerprint, ObjectId},
    hail::SessionId,
};

/// A commit without its sessions.
#[derive(Clone, Debug)]
pub struct Orphan {
    /// The commit.
    pub commit: ObjectId,
    /// The stored sessions that its trailers name and that are not linked to it.
    pub named: Vec<SessionId>,
    /// Its content.
    pub fingerprint: Fingerprint,
}

/// A session's part in a commit, as a ledger has it.
#[derive(Clone, Debug)]
pub struct Known {
    /// The session.
    pub session: SessionId,
    /// The commit, which need not be here any more.
    pub commit: ObjectId,
    /// The commit's content.
    pub fingerprint: Fingerprint,
}

/// Why a session belongs to a commit, the best reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kinship {
    /// The commit names it.
    Trailer,
    /// It made the same change elsewhere.
    PatchId,
    /// It made a commit of the same content.
    Tree,
    /// It made some of the files that the commit introduced.
    Blobs,
}

/// The sessions of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reunion {
    /// Why.
    pub evidence: Kinship,
    /// Which, sorted, unless the commit names them: then as it does.
    pub sessions: Vec<SessionId>,
}

impl Kinship {
    /// How an index entry calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trailer => "trailer",
            Self::PatchId => "patch-id",
            Self::Tree => "tree",
            Self::Blobs => "blobs",
        }
    }
}

/// Finds the sessions of a commit by what it names, else by the same patch, else by the same tree,
/// else by the most blobs in common; several where several are equally good.
///
/// `is_ancestor` tells whether one commit is in the history of another. A commit that builds upon
/// another is not what became of it, though a revert may bring the same files back.
pub fn relink(orphan: &Orphan, known: &[Known], is_ancestor: impl Fn(ObjectId, ObjectId) -> bool) -> Option<Reunion> {
    let found = |evidence, sessions: BTreeSet<SessionId>| {
        (!sessions.is_empty()).then(|| Reunion { evidence, sessions: sessions.into_iter().collect() })
    };
    if !orphan.named.is_empty() {
        return Some(Reunion { evidence: Kinship::Trailer, sessions: orphan.named.clone() });
    }
    let Fingerprint { patch_id, tree, blobs } = &orphan.fingerprint;
    // Skip empty and merge commits: they have no author session.
    patch_id.as_ref()?;
    let same_patch = known.iter().filter(|known| known.fingerprint.patch_id == *patch_id);
    if let Some(reunion) = found(Kinship::PatchId, same_patch.map(|known| known.session.clone()).collect()) {
        return Some(reunion);
    }
    let is_elsewhere = |known: &&Known| !is_ancestor(known.commit, orphan.commit);
    let same_tree = known.iter().filter(|known| tree.is_some() && known.fingerprint.tree == *tree);
    let same_tree = same_tree.filter(is_elsewhere).map(|known| known.session.clone());
    found(Kinship::Tree, same_tree.collect())
        .or_else(|| found(Kinship::Blobs, with_most_blobs(blobs, known, is_elsewhere)))
}

/// The sessions that have the most of `blobs`, over all commits they had a part in.
fn with_most_blobs(blobs: &[String], known: &[Known], is_elsewhere: impl Fn(&&Known) -> bool) -> BTreeSet<SessionId> {
    let wanted: BTreeSet<&String> = blobs.iter().collect();
    let has_any = |known: &&Known| known.fingerprint.blobs.iter().any(|blob| wanted.contains(blob));
    let mut shared: BTreeMap<&SessionId, BTreeSet<&String>> = BTreeMap::new();
    for known in known.iter().filter(has_any).filter(|known| is_elsewhere(known)) {
        let common = known.fingerprint.blobs.iter().filter(|blob| wanted.contains(blob));
        shared.entry(&known.session).or_default().extend(common);
    }
    let most = shared.values().map(BTreeSet::len).max().unwrap_or_default();
    shared.into_iter().filter(|(_, common)| common.len() == most).map(|(session, _)| session.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Kinship, Known, Orphan, Reunion, relink};
    use crate::git::{Fingerprint, ObjectId};

    fn id(digit: u8) -> ObjectId {
        ObjectId::from_bytes_or_panic(&[digit; 20])
    }

    fn fingerprint(patch_id: &str, tree: &str, blobs: &[&str]) -> Fingerprint {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let blobs = blobs.iter().map(ToString::to_string).collect();
        Fingerprint { patch_id: text(patch_id), tree: text(tree), blobs }
    }

    fn known(session: &str, commit: u8, fingerprint: Fingerprint) -> Known {
        Known { session: session.parse().expect("an id"), commit: id(commit), fingerprint }
    }

    fn found(fingerprint: Fingerprint, known: &[Known], ancestor: u8) -> Option<(Kinship, String)> {
        let orphan = Orphan { commit: id(99), named: Vec::new(), fingerprint };
        relink(&orphan, known, |commit, _| commit == id(ancestor)).map(|Reunion { evidence, sessions }| {
            (evidence, sessions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
        })
    }

    #[test]
    fn the_best_evidence_decides() {
        let all = [
            known("aaaa", 1, fingerprint("p", "t1", &["x"])),
            known("bbbb", 2, fingerprint("q", "t", &["y", "z"])),
            known("cccc", 3, fingerprint("r", "t3", &["y"])),
            known("dddd", 4, Fingerprint::default()),
        ];
        let is = |kinship, sessions: &str| Some((kinship, sessions.to_owned()));
        assert_eq!(found(fingerprint("p", "t", &["y"]), &all, 0), is(Kinship::PatchId, "aaaa"));
        assert_eq!(found(fingerprint("n", "t", &["x"]), &all, 0), is(Kinship::Tree, "bbbb"));
        assert_eq!(found(fingerprint("n", "n", &["x", "y", "z"]), &all, 0), is(Kinship::Blobs, "bbbb"));
        assert_eq!(found(fingerprint("n", "n", &["y"]), &all, 0), is(Kinship::Blobs, "bbbb cccc"));
        assert_eq!(found(fingerprint("n", "n", &["n"]), &all, 0), None);
    }

    #[test]
    fn blobs_of_several_commits_of_a_session_count_together_and_once() {
        let all = [
            known("aaaa", 1, fingerprint("p", "1", &["x"])),
            known("aaaa", 2, fingerprint("p", "2", &["y"])),
            known("bbbb", 3, fingerprint("q", "3", &["z"])),
            known("bbbb", 4, fingerprint("q", "4", &["z"])),
        ];
        assert_eq!(found(fingerprint("n", "n", &["x", "y", "z"]), &all, 0), Some((Kinship::Blobs, "aaaa".to_owned())));
    }

    #[test]
    fn an_empty_commit_or_a_merge_and_what_builds_upon_a_commit_are_not_what_became_of_it() {
        let all = [known("aaaa", 1, fingerprint("p", "t", &["x"]))];
        assert_eq!(found(fingerprint("", "t", &[]), &all, 0), None);
        assert_eq!(found(fingerprint("n", "t", &["x"]), &all, 1), None, "a revert");
        assert_eq!(found(fingerprint("n", "t", &["x"]), &all, 2).map(|(kinship, _)| kinship), Some(Kinship::Tree));
    }

    #[test]
    fn two_commits_without_a_tree_have_none_in_common() {
        let all = [known("aaaa", 1, fingerprint("p", "", &[]))];
        assert_eq!(found(fingerprint("n", "", &[]), &all, 0), None);
    }
}
