//! Decides whose ledger a session goes to: what is stored in the ledger of a branch is sent along with a push of
//! that branch, so it must not be the work of another.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Home, Origin};
use crate::{
    attribution,
    error::Result,
    git::{self, ObjectId, Repository},
    hail::{SessionId, Timestamp},
    ledger::{BranchName, Ledger, Tip},
};

/// How many commits are looked at for trailers.
const MAX_COMMITS: usize = 50_000;
/// How far the clocks of a log and of a commit may differ, in seconds: a day.
const SLACK: i64 = 24 * 60 * 60;

/// Where the branches of a clone are, and their sessions.
pub(super) struct Router<'a> {
    repository: &'a Repository,
    current: BranchName,
    /// The branches whose ledgers have a session.
    stored: HashMap<SessionId, Vec<BranchName>>,
    /// The branches that are here, each with its tip.
    tips: Vec<(BranchName, ObjectId)>,
    /// The commits that name a session, and since when commits were looked at.
    named: Option<(i64, Named)>,
}

/// The commits that name a session, each with the branch of [`Router::tips`] whose tip is nearest.
type Named = HashMap<SessionId, Vec<(ObjectId, usize)>>;

impl<'a> Router<'a> {
    /// A router for sessions captured on `current`.
    ///
    /// # Errors
    /// When the references cannot be read. A ledger that cannot be read is passed over.
    pub(super) fn new(repository: &'a Repository, ledger: &dyn Ledger, current: &BranchName) -> Result<Self> {
        let (own, fetched): (Vec<Tip>, Vec<Tip>) =
            ledger.tips(repository)?.into_iter().partition(|tip| tip.remote.is_none());
        // A fetched ledger says where a session belongs only where none of this clone's has it.
        let mut stored = branches_of_sessions(repository, ledger, &fetched);
        stored.extend(branches_of_sessions(repository, ledger, &own));
        let branches = branches(repository, current)?;
        Ok(Self { repository, current: current.clone(), stored, tips: branches, named: None })
    }

    /// The branches whose ledgers get a session that began at `begin`: those that have it already; else those
    /// that have its commits; else the one that its log names; else the current one.
    ///
    /// # Errors
    /// When history cannot be read.
    pub(super) fn branches(
        &mut self,
        id: &SessionId,
        begin: Timestamp,
        origin: &Origin,
        home: &Home,
    ) -> Result<Vec<BranchName>> {
        if let Some(branches) = self.stored.get(id) {
            return Ok(branches.clone());
        }
        let since = begin.seconds() - SLACK;
        if self.named.as_ref().is_none_or(|(read, _)| *read > since) {
            self.named = Some((since, named(self.repository, &self.tips, since)));
        }
        let told = origin.branch(home).filter(|name| git::is_branch_name(name) && *name != "HEAD");
        let told = told.map(BranchName::from);
        let mut branches = Vec::new();
        for (commit, nearest) in self.named.iter().filter_map(|(_, named)| named.get(id)).flatten() {
            let branch = told.as_ref().filter(|told| self.has(told, *commit)).unwrap_or(&self.tips[*nearest].0);
            if !branches.contains(branch) {
                branches.push(branch.clone());
            }
        }
        if branches.is_empty() {
            branches.push(told.unwrap_or_else(|| self.current.clone()));
        }
        self.stored.insert(id.clone(), branches.clone());
        Ok(branches)
    }

    /// Whether `branch` has `commit`.
    fn has(&self, branch: &BranchName, commit: ObjectId) -> bool {
        let tips = self.tips.iter().filter(|(name, _)| name == branch);
        tips.into_iter().any(|(_, tip)| self.repository.is_ancestor(commit, *tip).unwrap_or(false))
    }
}

/// The branches of every session in these ledgers.
fn branches_of_sessions(
    repository: &Repository,
    ledger: &dyn Ledger,
    tips: &[Tip],
) -> HashMap<SessionId, Vec<BranchName>> {
    let mut found: HashMap<SessionId, Vec<BranchName>> = HashMap::new();
    let mut add = |id: SessionId, branch: BranchName| {
        let known = found.entry(id).or_default();
        if !known.contains(&branch) {
            known.push(branch);
        }
    };
    for tip in tips {
        if tip.branch == BranchName::every() {
            for listed in ledger.sessions(repository, tip).unwrap_or_default() {
                listed.branches().into_iter().for_each(|branch| add(listed.key.id.clone(), branch));
            }
        } else {
            for (id, _) in ledger.blobs(repository, tip).unwrap_or_default() {
                add(id, tip.branch.clone());
            }
        }
    }
    found
}

/// The sessions that commits since `since` name. A commit that several branches have is taken for that of the
/// one whose tip is nearest: the others were begun later, or merged it.
fn named(repository: &Repository, tips: &[(BranchName, ObjectId)], since: i64) -> Named {
    let mut named = Named::new();
    let mut seen: HashSet<ObjectId> = HashSet::new();
    let mut waiting: VecDeque<(ObjectId, usize)> = VecDeque::new();
    waiting.extend(tips.iter().enumerate().map(|(index, (_, tip))| (*tip, index)));
    while let Some((id, index)) = waiting.pop_front() {
        if seen.len() >= MAX_COMMITS {
            break;
        }
        if !seen.insert(id) {
            continue;
        }
        // A tip need not be a commit, and in a shallow clone not every parent is here.
        let Ok(commit) = repository.commit(id) else { continue };
        if commit.seconds < since {
            continue;
        }
        for session in attribution::sessions_in(&commit.message) {
            named.entry(session).or_default().push((id, index));
        }
        waiting.extend(commit.parents.into_iter().map(|parent| (parent, index)));
    }
    named
}

/// The branches that are here with their tips: the current one first, then this clone's own, then those of the
/// remotes.
fn branches(repository: &Repository, current: &BranchName) -> Result<Vec<(BranchName, ObjectId)>> {
    let mut tips: Vec<(BranchName, ObjectId)> =
        repository.head()?.commit.map(|commit| (current.clone(), commit)).into_iter().collect();
    for (name, id) in repository.references("refs/heads/")? {
        tips.push((BranchName::from(&name[b"refs/heads/".len()..]), id));
    }
    for remote in repository.remotes() {
        for (name, id) in repository.tracking_branches(&remote)? {
            if name != b"HEAD" {
                tips.push((BranchName::from(name.as_slice()), id));
            }
        }
    }
    Ok(tips)
}
