//! Which sessions the commits of the branches and tags that are there need: one walk over the history of all
//! of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Need;
use crate::{
    attribution,
    git::{Commit, Fingerprint, GitError, ObjectId, Repository},
    hail::SessionId,
};

/// How many commits are walked: a repository with more keeps every session that was not found by then.
const MAX_COMMITS: usize = 5_000_000;

/// The commits of a repository, as far as they are here.
pub(super) trait History {
    /// A commit; `None` where it is not here.
    fn commit(&self, id: ObjectId) -> Option<Commit>;

    /// As [`Repository::fingerprints`].
    fn fingerprints(&self, commits: &[ObjectId]) -> Result<BTreeMap<ObjectId, Fingerprint>, GitError>;

    /// As [`Repository::patch_ids_between`].
    fn patch_ids_between(
        &self,
        pairs: &[(ObjectId, ObjectId)],
    ) -> Result<BTreeMap<ObjectId, BTreeSet<String>>, GitError>;

    /// Whether `ancestor` is in the history of `descendant`.
    fn is_ancestor(&self, ancestor: ObjectId, descendant: ObjectId) -> bool;
}

impl History for Repository {
    fn commit(&self, id: ObjectId) -> Option<Commit> {
        Repository::commit(self, id).ok()
    }

    fn fingerprints(&self, commits: &[ObjectId]) -> Result<BTreeMap<ObjectId, Fingerprint>, GitError> {
        Repository::fingerprints(self, commits)
    }

    fn patch_ids_between(
        &self,
        pairs: &[(ObjectId, ObjectId)],
    ) -> Result<BTreeMap<ObjectId, BTreeSet<String>>, GitError> {
        Repository::patch_ids_between(self, pairs)
    }

    fn is_ancestor(&self, ancestor: ObjectId, descendant: ObjectId) -> bool {
        Repository::is_ancestor(self, ancestor, descendant).unwrap_or(false)
    }
}

/// A branch, a tag or a HEAD whose commits count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LivingRef {
    /// How it is called, for people.
    pub(super) name: String,
    /// The commit it is at.
    pub(super) tip: ObjectId,
    /// Whether it is the default branch, here or as a remote last had it.
    pub(super) is_default: bool,
}

/// A commit that a living reference has.
pub(super) struct LivingCommit {
    /// The first reference that has it: the default branch before all others, which are sorted by name.
    owner: usize,
    pub(super) tree: ObjectId,
    pub(super) seconds: i64,
    pub(super) is_merge: bool,
    pub(super) names_sessions: bool,
}

/// The commits of all living references.
pub(super) struct Living {
    refs: Vec<LivingRef>,
    pub(super) commits: HashMap<ObjectId, LivingCommit>,
    /// The sessions that messages name, each with the first reference whose commit does.
    named: HashMap<SessionId, usize>,
    /// What is missing where that is not all.
    gap: Option<String>,
}

impl Living {
    /// Walks the history of `refs`. `gap` says what is missing where it is known that not all of it is here.
    pub(super) fn walk(history: &dyn History, mut refs: Vec<LivingRef>, gap: Option<String>) -> Self {
        refs.sort_by(|one, other| (!one.is_default, &one.name).cmp(&(!other.is_default, &other.name)));
        let mut living = Self { refs, commits: HashMap::new(), named: HashMap::new(), gap };
        for owner in 0..living.refs.len() {
            living.add(history, owner);
        }
        living
    }

    /// Adds the commits of a reference that none before it has.
    fn add(&mut self, history: &dyn History, owner: usize) {
        let mut pending = vec![self.refs[owner].tip];
        while let Some(id) = pending.pop() {
            if self.commits.contains_key(&id) {
                continue;
            }
            if self.commits.len() >= MAX_COMMITS {
                self.gap.get_or_insert_with(|| format!("there are more than {MAX_COMMITS} commits"));
                return;
            }
            let Some(commit) = history.commit(id) else {
                let name = &self.refs[owner].name;
                self.gap.get_or_insert_with(|| format!("commit {} of {name} is not here", id.to_hex_with_len(8)));
                continue;
            };
            let named = attribution::sessions_named(&commit.message);
            let is_merge = commit.parents.len() > 1;
            let names_sessions = !named.is_empty();
            let found = LivingCommit { owner, tree: commit.tree, seconds: commit.seconds, is_merge, names_sessions };
            self.commits.insert(id, found);
            for session in named {
                self.named.entry(session).or_insert(owner);
            }
            pending.extend(commit.parents);
        }
    }

    /// Whether a commit that names `session`, or one of `commits`, is there.
    pub(super) fn need(&self, session: &SessionId, commits: impl Iterator<Item = ObjectId>) -> Need {
        let linked = commits.filter_map(|commit| self.commits.get(&commit)).map(|commit| commit.owner);
        match (linked.chain(self.named.get(session).copied()).min(), &self.gap) {
            (Some(owner), _) => self.need_of(owner),
            (None, Some(gap)) => Need::Unknown(gap.clone()),
            (None, None) => Need::None,
        }
    }

    /// The need of the first reference that has `commit`.
    pub(super) fn need_for(&self, commit: ObjectId) -> Need {
        self.commits.get(&commit).map_or(Need::None, |commit| self.need_of(commit.owner))
    }

    pub(super) fn has(&self, commit: ObjectId) -> bool {
        self.commits.contains_key(&commit)
    }

    /// Whether the default branch has `commit`.
    pub(super) fn is_on_default(&self, commit: ObjectId) -> bool {
        self.commits.get(&commit).is_some_and(|commit| self.refs[commit.owner].is_default)
    }

    fn need_of(&self, owner: usize) -> Need {
        let LivingRef { name, is_default, .. } = &self.refs[owner];
        if *is_default { Need::ByDefault } else { Need::By(name.clone()) }
    }
}
