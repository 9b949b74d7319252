//! Finds out what is at a place: one look at its references, and one fetch of what that leaves open.

use std::{collections::HashSet, time::Duration};

use super::{
    Facts, Policy,
    ledger_facts::{Found, Look, Refs},
    needed::LivingRef,
};
use crate::{
    config::{Config, Destination},
    error::{Error, Result},
    forge::review_folder,
    git::{GitError, Listing, ObjectId, RemoteRef, Repository, Scratch},
    hail::Timestamp,
    ledger::{self, BranchName, Ledger, ROOT},
};

/// How long a remote may take to answer.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);

/// What comes along of a ledger whose age is asked for: metadata, but hardly a session.
pub(super) const FILTER: &str = "blob:limit=64k";

/// The folders of branches, of tags, and of what is known of the branches of remotes.
const HEADS: &str = "refs/heads/";
const TAGS: &str = "refs/tags/";
const REMOTES: &str = "refs/remotes/";

/// What the default branch is mostly called.
const USUAL: [&str; 2] = ["main", "master"];

/// Where the janitor works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this repository.
    Here,
    /// On a remote.
    Remote(String),
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

fn examine_here(repository: &Repository, policy: &Policy, now: Timestamp) -> Result<Facts> {
    let here = references_here(repository)?;
    let mut found = Vec::new();
    for ledger in ledger::ALL {
        for tip in ledger.tips(repository)?.into_iter().filter(|tip| tip.remote.is_none()) {
            let is_alive = tip.branch == BranchName::every() || here.branches.contains(&tip.branch);
            found.push(Found { reference: tip.reference, id: tip.id, is_alive, ledger: *ledger });
        }
    }
    let refs = Refs { living: here.living, gap: gap(repository) };
    let look = Look::new(repository, policy, now, refs);
    let artifacts = here.artifacts.into_iter().map(|(name, id)| look.artifact(name, id)).collect();
    let branches = Some(here.branches).filter(|branches| !branches.is_empty());
    Ok(Facts { branches, default_branch: here.default_branch, ledgers: look.ledgers(&found), artifacts })
}

/// The branches and tags of this repository.
#[derive(Default)]
struct Here {
    branches: HashSet<BranchName>,
    default_branch: Option<BranchName>,
    living: Vec<LivingRef>,
    artifacts: Vec<(String, ObjectId)>,
}

fn references_here(repository: &Repository) -> Result<Here> {
    let mut here = Here { default_branch: default_here(repository)?, ..Here::default() };
    let default_name = here.default_branch.as_ref().map(|branch| branch.as_bytes().to_vec());
    let is_default = |name: &[u8]| default_name.as_deref() == Some(name);
    for (name, id) in repository.references(HEADS)? {
        let branch = &name[HEADS.len()..];
        here.branches.insert(BranchName::from(branch));
        if review_folder(branch).is_some() {
            // In a work tree such a branch is the person's own.
            if repository.is_bare() {
                here.artifacts.push((name.to_string(), id));
            }
            continue;
        }
        here.living.push(LivingRef { name: name.to_string(), tip: id, is_default: is_default(branch) });
    }
    add_branches_of_remotes(repository, &mut here)?;
    here.living.extend(tags(repository, repository.references(TAGS)?));
    for id in repository.stashes()? {
        here.living.push(LivingRef { name: "refs/stash".to_owned(), tip: id, is_default: false });
    }
    for head in repository.work_tree_heads()? {
        here.branches.insert(BranchName::of_head(&head));
        let tip = head.commit.filter(|_| head.branch.is_none());
        here.living.extend(tip.map(|tip| LivingRef { name: "HEAD".to_owned(), tip, is_default: false }));
    }
    if !repository.is_bare() {
        here.branches.insert(BranchName::current(repository, &repository.head()?));
    }
    Ok(here)
}

/// A branch that was deleted here may exist on a remote, and its sessions with it.
fn add_branches_of_remotes(repository: &Repository, here: &mut Here) -> Result<()> {
    let remotes = repository.remotes();
    for (name, id) in repository.references(REMOTES)? {
        let branches = branches_of_remotes(&remotes, &name[REMOTES.len()..]);
        here.branches.extend(branches.iter().map(|branch| BranchName::from(*branch)));
        let is_review = branches.iter().all(|branch| review_folder(branch).is_some());
        if let Some(branch) = branches.first().filter(|_| !is_review) {
            let is_default = here.default_branch.as_ref().is_some_and(|default| default.as_bytes() == *branch);
            here.living.push(LivingRef { name: name.to_string(), tip: id, is_default });
        }
    }
    Ok(())
}

/// The branches that `<remote>/<branch>` may be, the likeliest first. A name with several slashes does not say where
/// the remote ends: one remote may be called like the beginning of another, and one that was removed by hand leaves
/// its branches. Each counts as living, since the janitor deletes nothing on uncertainty.
fn branches_of_remotes<'n>(remotes: &[String], name: &'n [u8]) -> Vec<&'n [u8]> {
    let after = |remote: &String| name.strip_prefix(remote.as_bytes())?.strip_prefix(b"/");
    let mut known: Vec<&[u8]> = remotes.iter().filter_map(after).collect();
    known.sort_by_key(|branch| branch.len());
    if !known.is_empty() {
        return known;
    }
    let slashes = name.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    slashes.map(|(slash, _)| &name[slash + 1..]).collect()
}

/// The commits that tags name. What is not here stays, so that the walk finds it missing.
fn tags(repository: &Repository, all: Vec<RemoteRef>) -> impl Iterator<Item = LivingRef> {
    all.into_iter().filter_map(|(name, id)| {
        let tip = repository.peel_to_commit(id).unwrap_or(Some(id))?;
        Some(LivingRef { name: name.to_string(), tip, is_default: false })
    })
}

/// What of this repository's history is known to be missing.
fn gap(repository: &Repository) -> Option<String> {
    repository.is_shallow().then(|| "the history is incomplete; git fetch --unshallow".to_owned())
}

/// The branch that everything is merged into, as far as this repository tells: what the HEAD of its
/// remote was at; in a bare repository, and where nothing else is known, its own. Only a branch that is there
/// is one.
fn default_here(repository: &Repository) -> Result<Option<BranchName>> {
    let is_there = |folder: &str, name: &str| {
        Ok::<bool, Error>(repository.find_reference(format!("{folder}{name}").as_bytes())?.is_some())
    };
    let own = repository.head()?.branch.map(|branch| branch.to_string());
    if !repository.is_bare() {
        for remote in repository.remotes() {
            let folder = format!("{REMOTES}{remote}/");
            let head = repository.symbolic_target(&format!("{folder}HEAD"));
            if let Some(branch) = head.as_deref().and_then(|head| head.strip_prefix(&folder))
                && is_there(&folder, branch)?
            {
                return Ok(Some(BranchName::from(branch)));
            }
        }
    }
    let first = own.as_deref().filter(|_| repository.is_bare());
    for name in first.into_iter().chain(USUAL).chain(own.as_deref()) {
        if is_there(HEADS, name)? {
            return Ok(Some(BranchName::from(name)));
        }
    }
    Ok(None)
}

/// The default branch of a remote: what its HEAD is at, else one that is usually called so.
fn default_there(listing: &Listing, branches: &HashSet<BranchName>) -> Option<BranchName> {
    let head = listing.head.as_ref().and_then(|head| branch_of(head));
    head.into_iter().chain(USUAL.map(BranchName::from)).find(|branch| branches.contains(branch))
}

fn examine_remote(repository: &Repository, remote: &str, policy: &Policy, now: Timestamp) -> Result<Facts> {
    let listing = listed(repository, remote)?;
    let mut branches: HashSet<BranchName> = listing.references.iter().filter_map(|(name, _)| branch_of(name)).collect();
    let mut default_branch = default_there(&listing, &branches);
    let mut of_others = Vec::new();
    if is_destination(repository, remote)? {
        let here = references_here(repository)?;
        default_branch = here.default_branch.or(default_branch);
        branches.extend(here.branches);
        of_others = here.living;
    }
    let there = sort_out(&listing, &branches);
    let is_wanted = |found: &&Found| !found.is_alive || policy.limits_sessions();
    let wanted = there.ledgers.iter().filter(is_wanted).map(|found| (found.reference.clone(), found.id));
    let wanted: Vec<(String, ObjectId)> = wanted.chain(there.artifacts.iter().cloned()).collect();
    let is_need_asked = there.ledgers.iter().any(|found| !found.is_alive) || policy.max_ledger_size.is_some();
    // With a part of the history every answer is unknown, however much is fetched.
    let code = if is_need_asked && !repository.is_shallow() { there.code.as_slice() } else { &[] };
    let missing = |all: &[(String, ObjectId)]| -> Vec<String> {
        all.iter().filter(|(_, id)| !repository.has_object(*id)).map(|(name, _)| name.clone()).collect()
    };
    // Sizes are those of everything, and changes can only be compared where everything is here.
    let filter = Some(FILTER).filter(|_| policy.max_ledger_size.is_none());
    let scratch = fetched(repository, remote, &[(missing(&wanted), filter), (missing(code), None)])?;
    let source = scratch.as_ref().map_or(repository, |scratch| &scratch.repository);
    let mut living = living_there(source, &there, default_branch.as_ref());
    living.extend(of_others);
    let look = Look::new(source, policy, now, Refs { living, gap: gap(repository) });
    Ok(Facts {
        default_branch,
        ledgers: look.ledgers(&there.ledgers),
        artifacts: there.artifacts.into_iter().map(|(name, id)| look.artifact(name, id)).collect(),
        // Where there is no branch at all, it may be a remote that keeps sessions for another one.
        branches: Some(branches).filter(|branches| !branches.is_empty()),
    })
}

/// Fetches references of a remote into a scratch repository, each list with its filter; `None` where there are none.
fn fetched(repository: &Repository, remote: &str, lists: &[(Vec<String>, Option<&str>)]) -> Result<Option<Scratch>> {
    if lists.iter().all(|(names, _)| names.is_empty()) {
        return Ok(None);
    }
    let scratch = repository.scratch()?;
    for (names, filter) in lists.iter().filter(|(names, _)| !names.is_empty()) {
        repository.fetch_into(&scratch, (remote, names), *filter, PATIENCE).map_err(|fault| asking(remote, fault))?;
    }
    Ok(Some(scratch))
}

/// Whether a remote keeps the sessions of the branches of others, so that this repository has to tell which those
/// are.
fn is_destination(repository: &Repository, remote: &str) -> Result<bool> {
    Ok(matches!(Config::read(repository)?.destination, Destination::Remote(name) if name == remote))
}

/// The branches and tags of a remote, as far as their commits are in `source`.
fn living_there(source: &Repository, there: &There, default_branch: Option<&BranchName>) -> Vec<LivingRef> {
    let (heads, tagged): (Vec<_>, Vec<_>) = there.code.iter().cloned().partition(|(name, _)| name.starts_with(HEADS));
    let head = |(name, tip): (String, ObjectId)| {
        let is_default = branch_of(name.as_bytes()).as_ref() == default_branch;
        LivingRef { name, tip, is_default }
    };
    let tagged = tagged.into_iter().map(|(name, id)| (name.into(), id)).collect();
    heads.into_iter().map(head).chain(tags(source, tagged)).collect()
}

/// What there is to decide about on a remote.
#[derive(Default)]
struct There {
    ledgers: Vec<Found>,
    artifacts: Vec<(String, ObjectId)>,
    /// The branches and tags.
    code: Vec<(String, ObjectId)>,
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
        if name.strip_prefix(HEADS.as_bytes()).is_some_and(|branch| review_folder(branch).is_some()) {
            there.artifacts.push((reference, *id));
        } else if let Some(ledger) = ledger_of(&reference) {
            there.ledgers.push(Found { is_alive: is_alive(&reference), reference, id: *id, ledger });
        } else if [HEADS, TAGS].iter().any(|folder| reference.starts_with(folder)) {
            there.code.push((reference, *id));
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
    let (heads, tags) = (format!("{HEADS}*"), format!("{TAGS}*"));
    let patterns: Vec<&str> =
        [heads.as_str(), &tags].into_iter().chain(ledger::ALL.iter().map(|ledger| ledger.pattern())).collect();
    repository.list_remote_with_head(remote, &patterns, PATIENCE).map_err(|fault| asking(remote, fault))
}

#[cfg(test)]
mod tests {
    use super::branches_of_remotes;

    #[test]
    fn a_name_with_several_slashes_may_be_a_branch_of_several_remotes() {
        let remotes = ["origin", "team", "team/fork"].map(str::to_owned);
        let cases: [(&str, &[&str]); 6] = [
            ("origin/main", &["main"]),
            ("origin/topic/one", &["topic/one"]),
            ("team/fork/topic/one", &["topic/one", "fork/topic/one"]),
            ("team/fork", &["fork"]),
            ("gone/away/topic", &["away/topic", "topic"]),
            ("origin", &[]),
        ];
        for (name, expected) in cases {
            let found = branches_of_remotes(&remotes, name.as_bytes());
            let expected: Vec<&[u8]> = expected.iter().map(|branch| branch.as_bytes()).collect();
            assert_eq!(found, expected, "{name}");
        }
    }
}
