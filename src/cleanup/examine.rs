//! Finds out what is at a place: one look at its references, and one fetch of what that leaves open.

use std::{collections::HashSet, time::Duration};

use super::{Facts, Policy, contents::Look};
use crate::{
    error::{Error, Result},
    git::{GitError, Listing, ObjectId, Repository},
    hail::Timestamp,
    ledger::{self, BranchName, Ledger, LedgerError, ROOT, Tip},
};

/// How long a remote may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// What comes along of a ledger whose age is asked for: metadata, but hardly a session.
pub(super) const FILTER: &str = "blob:limit=64k";

/// The folder of branches.
const HEADS: &str = "refs/heads/";

/// Where the janitor works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this repository.
    Here,
    /// On a remote.
    Remote(String),
}

/// A reference of the place that may be a ledger.
pub(super) struct Found {
    pub(super) reference: String,
    pub(super) id: ObjectId,
    /// Whether the branch lives; a ledger of all branches does.
    pub(super) is_alive: bool,
    pub(super) ledger: &'static dyn Ledger,
}

/// Finds out what is there, as far as `policy` asks for it.
///
/// # Errors
/// When this repository cannot be read, or a remote does not answer.
pub fn examine(repository: &Repository, place: &Place, policy: &Policy, now: Timestamp) -> Result<Facts> {
    match place {
        Place::Here => examine_here(repository, policy, now),
        Place::Remote(remote) => examine_remote(repository, remote, policy, now),
    }
}

/// Whether `branch` has the sessions of a review: `opensession/pr-<any>-sessions`, or `mr`.
#[must_use]
pub fn is_artifact(branch: &[u8]) -> bool {
    let rest = branch.strip_prefix(b"opensession/").unwrap_or_default();
    let number = rest.strip_prefix(b"pr-").or_else(|| rest.strip_prefix(b"mr-"));
    let number = number.and_then(|number| number.strip_suffix(b"-sessions"));
    number.is_some_and(|number| !number.is_empty() && !number.contains(&b'/'))
}

fn examine_here(repository: &Repository, policy: &Policy, now: Timestamp) -> Result<Facts> {
    let mut branches: HashSet<BranchName> = HashSet::new();
    let (mut heads, mut tips) = (repository.references(HEADS)?, Vec::new());
    let default_branch = default_here(repository)?;
    for (name, _) in &heads {
        branches.insert(BranchName::from(&name[HEADS.len()..]));
    }
    // A branch that was deleted here may live on a remote, and its sessions with it.
    for (name, id) in repository.references("refs/remotes/")? {
        let name = &name["refs/remotes/".len()..];
        if let Some(slash) = name.iter().position(|byte| *byte == b'/') {
            let branch = BranchName::from(&name[slash + 1..]);
            if default_branch.as_ref() == Some(&branch) {
                tips.push(id);
            }
            branches.insert(branch);
        }
    }
    branches.insert(BranchName::current(repository, &repository.head()?));
    // In a work tree such a branch is the person's own.
    heads.retain(|(name, _)| is_artifact(&name[HEADS.len()..]) && repository.is_bare());
    if let Some(branch) = &default_branch {
        let name = [HEADS.as_bytes(), branch.as_bytes()].concat();
        tips.extend(repository.find_reference(&name)?);
    }
    let mut found = Vec::new();
    for ledger in ledger::ALL {
        for tip in ledger.tips(repository)?.into_iter().filter(|tip| tip.remote.is_none()) {
            let is_alive = tip.branch == BranchName::every() || branches.contains(&tip.branch);
            found.push(Found { reference: tip.reference, id: tip.id, is_alive, ledger: *ledger });
        }
    }
    let look = Look::new(repository, policy, tips, repository.is_shallow());
    let ledgers = found.into_iter().map(|found| look.at(&found, now)).collect();
    let artifacts = heads.into_iter().map(|(name, id)| look.artifact(name.to_string(), id)).collect();
    Ok(Facts { branches: Some(branches), default_branch, ledgers, artifacts })
}

/// The branch that everything is merged into, as far as this repository tells: what the HEAD of its
/// remote was at; in a bare repository, and where nothing else is known, its own.
fn default_here(repository: &Repository) -> Result<Option<BranchName>> {
    if !repository.is_bare() {
        for remote in repository.remotes() {
            let folder = format!("refs/remotes/{remote}/");
            let head = repository.symbolic_target(&format!("{folder}HEAD"));
            if let Some(branch) = head.as_deref().and_then(|head| head.strip_prefix(&folder)) {
                return Ok(Some(BranchName::from(branch)));
            }
        }
        for name in ["main", "master"] {
            if repository.find_reference(format!("{HEADS}{name}").as_bytes())?.is_some() {
                return Ok(Some(BranchName::from(name)));
            }
        }
    }
    Ok(repository.head()?.branch.map(|branch| BranchName::from(branch.as_slice())))
}

fn examine_remote(repository: &Repository, remote: &str, policy: &Policy, now: Timestamp) -> Result<Facts> {
    let listing = listed(repository, remote)?;
    let branches: HashSet<BranchName> = listing.references.iter().filter_map(|(name, _)| branch_of(name)).collect();
    let there = sort_out(&listing, &branches);
    let tip = listing.references.iter().find(|(name, _)| Some(name) == listing.head.as_ref());
    let is_wanted = |found: &&Found| !found.is_alive || policy.limits_sessions();
    let ledgers = there.ledgers.iter().filter(is_wanted).map(|found| (found.reference.clone(), found.id));
    let mut needed: Vec<(String, ObjectId)> = ledgers.chain(there.artifacts.iter().cloned()).collect();
    if policy.promote && there.ledgers.iter().any(|found| !found.is_alive) {
        needed.extend(tip.map(|(name, id)| (name.to_string(), *id)));
    }
    needed.retain(|(_, id)| !repository.has_object(*id));
    let scratch = if needed.is_empty() { None } else { Some(repository.scratch()?) };
    if let Some(scratch) = &scratch {
        // Sizes are those of everything.
        let filter = Some(FILTER).filter(|_| policy.max_ledger_size.is_none());
        let names: Vec<String> = needed.into_iter().map(|(name, _)| name).collect();
        repository.fetch_into(scratch, (remote, &names), filter, PATIENCE).map_err(|fault| asking(remote, fault))?;
    }
    let source = scratch.as_ref().map_or(repository, |scratch| &scratch.repository);
    let tips = tip.map(|(_, id)| *id).into_iter().collect();
    let look = Look::new(source, policy, tips, repository.is_shallow());
    Ok(Facts {
        default_branch: listing.head.as_ref().and_then(|head| branch_of(head)),
        ledgers: there.ledgers.iter().map(|found| look.at(found, now)).collect(),
        artifacts: there.artifacts.into_iter().map(|(name, id)| look.artifact(name, id)).collect(),
        branches: Some(branches),
    })
}

/// What there is to decide about on a remote.
#[derive(Default)]
struct There {
    ledgers: Vec<Found>,
    artifacts: Vec<(String, ObjectId)>,
}

fn sort_out(listing: &Listing, branches: &HashSet<BranchName>) -> There {
    let is_alive = |reference: &str| {
        let Some(encoded) = reference.strip_prefix(ROOT) else { return true };
        // Of a name too long to be encoded, only the hash is known.
        let is_hashed = |branch: &BranchName| branch.is_hashed() && branch.encoded() == encoded;
        BranchName::decode(encoded).map_or_else(|| branches.iter().any(is_hashed), |branch| branches.contains(&branch))
    };
    let mut there = There::default();
    for (name, id) in &listing.references {
        let reference = name.to_string();
        if name.strip_prefix(HEADS.as_bytes()).is_some_and(is_artifact) {
            there.artifacts.push((reference, *id));
        } else if let Some(ledger) = ledger_of(&reference) {
            there.ledgers.push(Found { is_alive: is_alive(&reference), reference, id: *id, ledger });
        }
    }
    there
}

fn branch_of(name: &[u8]) -> Option<BranchName> {
    name.strip_prefix(HEADS.as_bytes()).map(BranchName::from)
}

/// The kind of ledger that a reference of that name is.
pub(super) fn ledger_of(reference: &str) -> Option<&'static dyn Ledger> {
    ledger::ALL.iter().copied().find(|ledger| ledger::is_of(*ledger, reference))
}

fn asking(remote: &str, fault: GitError) -> Error {
    Error::from(fault).during(format!("asking {remote}")).hinted("nothing was deleted; try again when it answers")
}

/// Asks a remote for everything that there is to know, in one go.
fn listed(repository: &Repository, remote: &str) -> Result<Listing> {
    let heads = format!("{HEADS}*");
    let patterns: Vec<&str> =
        [heads.as_str()].into_iter().chain(ledger::ALL.iter().map(|ledger| ledger.pattern())).collect();
    repository.list_remote_with_head(remote, &patterns, PATIENCE).map_err(|fault| asking(remote, fault))
}

impl Found {
    /// The ledger, where it is one.
    pub(super) fn tip(&self, repository: &Repository) -> std::result::Result<Option<Tip>, LedgerError> {
        self.ledger.tip_at(repository, &self.reference, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::is_artifact;

    #[test]
    fn artifact_branches_are_known_by_their_whole_name() {
        for name in ["opensession/pr-1-sessions", "opensession/mr-1234-sessions", "opensession/pr-a-b-sessions"] {
            assert!(is_artifact(name.as_bytes()), "{name}");
        }
        for name in [
            "opensession/pr--sessions",
            "opensession/pr-1/x-sessions",
            "opensession/pr-1-session",
            "x/opensession/pr-1-sessions",
            "opensession/archive",
            "pr-1-sessions",
            "main",
        ] {
            assert!(!is_artifact(name.as_bytes()), "{name}");
        }
    }
}
