//! Finding the sessions of a commit that no hook was there to link.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::Evidence;
use crate::{
    git::{Fingerprint, ObjectId},
    hail::SessionId,
};

/// A commit without its sessions.
#[derive(Clone, Debug)]
pub struct UnlinkedCommit {
    /// The commit.
    pub commit: ObjectId,
    /// The stored sessions that its trailers name and that are not linked to it.
    pub named: Vec<SessionId>,
    /// Its content.
    pub fingerprint: Fingerprint,
}

/// A session's part in a commit, as a ledger has it.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The session.
    pub session: SessionId,
    /// The commit, which need not be here any more.
    pub commit: ObjectId,
    /// The commit's content.
    pub fingerprint: Fingerprint,
}

/// The sessions of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Why.
    pub evidence: Evidence,
    /// Which, sorted, unless the commit names them: then as it does.
    pub sessions: Vec<SessionId>,
}

/// Finds the sessions of a commit by what it names, else by the same patch, else by the same tree,
/// else by the most blobs in common; several where several are equally good.
///
/// `is_ancestor` tells whether one commit is in the history of another. A commit that builds upon
/// another is not what became of it, though a revert may bring the same files back.
pub fn find_rewritten(
    unlinked: &UnlinkedCommit,
    known: &[Linked],
    is_ancestor: impl Fn(ObjectId, ObjectId) -> bool,
) -> Option<Match> {
    let found = |evidence, sessions: BTreeSet<SessionId>| {
        (!sessions.is_empty()).then(|| Match { evidence, sessions: sessions.into_iter().collect() })
    };
    if !unlinked.named.is_empty() {
        return Some(Match { evidence: Evidence::Trailer, sessions: unlinked.named.clone() });
    }
    let Fingerprint { patch_id, tree, blobs } = &unlinked.fingerprint;
    // Skip empty and merge commits: they have no author session.
    patch_id.as_ref()?;
    let same_patch = known.iter().filter(|known| known.fingerprint.patch_id == *patch_id);
    if let Some(found) = found(Evidence::PatchId, same_patch.map(|known| known.session.clone()).collect()) {
        return Some(found);
    }
    let is_elsewhere = |known: &&Linked| !is_ancestor(known.commit, unlinked.commit);
    let same_tree = known.iter().filter(|known| tree.is_some() && known.fingerprint.tree == *tree);
    let same_tree = same_tree.filter(is_elsewhere).map(|known| known.session.clone());
    found(Evidence::Tree, same_tree.collect())
        .or_else(|| found(Evidence::Blobs, with_most_blobs(blobs, known, is_elsewhere)))
}

/// The sessions that have the most of `blobs`, over all commits they had a part in.
fn with_most_blobs(blobs: &[String], known: &[Linked], is_elsewhere: impl Fn(&&Linked) -> bool) -> BTreeSet<SessionId> {
    let wanted: BTreeSet<&String> = blobs.iter().collect();
    let has_any = |known: &&Linked| known.fingerprint.blobs.iter().any(|blob| wanted.contains(blob));
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
    use super::{Evidence, Linked, Match, UnlinkedCommit, find_rewritten};
    use crate::git::{Fingerprint, ObjectId};

    fn id(digit: u8) -> ObjectId {
        ObjectId::from_bytes_or_panic(&[digit; 20])
    }

    fn fingerprint(patch_id: &str, tree: &str, blobs: &[&str]) -> Fingerprint {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let blobs = blobs.iter().map(ToString::to_string).collect();
        Fingerprint { patch_id: text(patch_id), tree: text(tree), blobs }
    }

    fn known(session: &str, commit: u8, fingerprint: Fingerprint) -> Linked {
        Linked { session: session.parse().expect("an id"), commit: id(commit), fingerprint }
    }

    fn found(fingerprint: Fingerprint, known: &[Linked], ancestor: u8) -> Option<(Evidence, String)> {
        let unlinked = UnlinkedCommit { commit: id(99), named: Vec::new(), fingerprint };
        find_rewritten(&unlinked, known, |commit, _| commit == id(ancestor)).map(|Match { evidence, sessions }| {
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
        let is = |evidence, sessions: &str| Some((evidence, sessions.to_owned()));
        assert_eq!(found(fingerprint("p", "t", &["y"]), &all, 0), is(Evidence::PatchId, "aaaa"));
        assert_eq!(found(fingerprint("n", "t", &["x"]), &all, 0), is(Evidence::Tree, "bbbb"));
        assert_eq!(found(fingerprint("n", "n", &["x", "y", "z"]), &all, 0), is(Evidence::Blobs, "bbbb"));
        assert_eq!(found(fingerprint("n", "n", &["y"]), &all, 0), is(Evidence::Blobs, "bbbb cccc"));
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
        assert_eq!(found(fingerprint("n", "n", &["x", "y", "z"]), &all, 0), Some((Evidence::Blobs, "aaaa".to_owned())));
    }

    #[test]
    fn an_empty_commit_or_a_merge_and_what_builds_upon_a_commit_are_not_what_became_of_it() {
        let all = [known("aaaa", 1, fingerprint("p", "t", &["x"]))];
        assert_eq!(found(fingerprint("", "t", &[]), &all, 0), None);
        assert_eq!(found(fingerprint("n", "t", &["x"]), &all, 1), None, "a revert");
        assert_eq!(found(fingerprint("n", "t", &["x"]), &all, 2).map(|(evidence, _)| evidence), Some(Evidence::Tree));
    }

    #[test]
    fn two_commits_without_a_tree_have_none_in_common() {
        let all = [known("aaaa", 1, fingerprint("p", "", &[]))];
        assert_eq!(found(fingerprint("n", "", &[]), &all, 0), None);
    }
}
