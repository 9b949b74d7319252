//! Looks at a place, and deletes what the plan names: exactly those objects, under a lease.

use std::{collections::HashSet, time::Duration};

use super::{Candidate, Facts, HiddenLedger, provider_of};
use crate::{
    error::Result,
    git::{Expected, GitError, ObjectId, PushSpec, RefUpdate, Repository},
    hail::Timestamp,
    ledger::{BranchName, Ledger, REMOTE_ROOT, ROOT, Tip, name_here, names_here},
};

/// How long a remote may take to answer.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where the janitor works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this repository.
    Here,
    /// On a remote.
    Remote(String),
}

/// What became of the candidates.
#[derive(Clone, Debug, Default)]
pub struct Sweep {
    /// The references that are gone.
    pub deleted: Vec<String>,
    /// The references that are still there, with the reason.
    pub failed: Vec<(String, String)>,
    /// What to grant, where the host refused.
    pub hint: Option<&'static str>,
}

/// Finds out what is there.
///
/// # Errors
/// When this repository cannot be read. A remote that cannot be reached leaves its branches unknown.
pub fn examine(repository: &Repository, ledger: &dyn Ledger, place: &Place) -> Result<Facts> {
    match place {
        Place::Here => examine_here(repository, ledger),
        Place::Remote(remote) => examine_remote(repository, ledger, remote),
    }
}

fn examine_here(repository: &Repository, ledger: &dyn Ledger) -> Result<Facts> {
    let mut branches: HashSet<BranchName> = HashSet::new();
    for (name, _) in repository.references("refs/heads/")? {
        branches.insert(BranchName::from(&name["refs/heads/".len()..]));
    }
    // A branch that was deleted here may live on a remote, and its sessions with it.
    for (name, _) in repository.references("refs/remotes/")? {
        let name = &name["refs/remotes/".len()..];
        if let Some(slash) = name.iter().position(|byte| *byte == b'/') {
            branches.insert(BranchName::from(&name[slash + 1..]));
        }
    }
    let head = repository.head()?;
    branches.insert(BranchName::current(repository, &head));
    // Only a reference that holds nothing but the sessions of one branch can go with the branch.
    let is_own = |tip: &Tip| tip.remote.is_none() && tip.reference.starts_with(ROOT);
    let own = ledger.tips(repository)?.into_iter().filter(is_own);
    let ledgers = own.map(|tip| HiddenLedger {
        last_activity: last_activity(repository, tip.id),
        reference: tip.reference,
        id: tip.id,
        branch: Some(tip.branch),
    });
    Ok(Facts { branches: Some(branches), ledgers: ledgers.collect() })
}

fn examine_remote(repository: &Repository, ledger: &dyn Ledger, remote: &str) -> Result<Facts> {
    let patterns = ["refs/heads/*", &format!("{ROOT}*")];
    let listed = match repository.list_remote(remote, &patterns, PATIENCE) {
        Ok(listed) => listed,
        Err(fault) => return Err(crate::error::Error::from(fault).during(format!("asking {remote}"))),
    };
    let mut branches = HashSet::new();
    let mut hidden: Vec<(String, ObjectId)> = Vec::new();
    for (name, id) in &listed {
        if let Some(branch) = name.strip_prefix(b"refs/heads/") {
            branches.insert(BranchName::from(branch));
        } else if name.starts_with(ROOT.as_bytes()) {
            hidden.push((name.to_string(), *id));
        }
    }
    // A ledger whose branch lives needs no closer look.
    let is_alive =
        |name: &str| BranchName::decode(&name[ROOT.len()..]).is_some_and(|branch| branches.contains(&branch));
    let doubtful: Vec<&str> = hidden.iter().map(|(name, _)| name.as_str()).filter(|name| !is_alive(name)).collect();
    fetch_tips(repository, remote, &doubtful)?;
    let tips = ledger.tips(repository)?;
    let ledgers = hidden.into_iter().map(|(reference, id)| {
        let known = tips.iter().find(|tip| tip.id == id && tip.remote.is_some()).map(|tip| tip.branch.clone());
        HiddenLedger {
            last_activity: last_activity(repository, id),
            branch: BranchName::decode(&reference[ROOT.len()..]).or(known),
            reference,
            id,
        }
    });
    Ok(Facts { branches: Some(branches), ledgers: ledgers.collect() })
}

/// Fetches the tips of `references`, whose dates tell their age.
fn fetch_tips(repository: &Repository, remote: &str, references: &[&str]) -> Result<()> {
    if references.is_empty() {
        return Ok(());
    }
    let folder = BranchName::from("x").remote_reference(remote);
    let folder = folder.rsplit_once('/').map_or(REMOTE_ROOT, |(folder, _)| folder).to_owned();
    let known = references.iter().map(|name| format!("{folder}/{}", &name[ROOT.len()..])).collect::<Vec<_>>();
    let known = names_here(repository, &known)?;
    let refspecs: Vec<String> = references.iter().zip(known).map(|(name, known)| format!("+{name}:{known}")).collect();
    Ok(repository.fetch(remote, &refspecs, PATIENCE)?)
}

/// The committer's time of a ledger's tip; unknown when it is not here.
fn last_activity(repository: &Repository, id: ObjectId) -> Option<Timestamp> {
    let commit = repository.commit(id).ok()?;
    Timestamp::from_seconds(commit.seconds)
}

/// Deletes the candidates.
///
/// # Errors
/// When a remote cannot be reached at all.
pub fn sweep(repository: &Repository, place: &Place, candidates: &[Candidate]) -> Result<Sweep> {
    let mut swept = Sweep::default();
    if candidates.is_empty() {
        return Ok(swept);
    }
    match place {
        Place::Here => {
            for candidate in candidates {
                match delete(repository, &candidate.reference, candidate.id) {
                    Ok(()) => swept.deleted.push(candidate.reference.clone()),
                    Err(fault) => swept.failed.push((candidate.reference.clone(), fault.to_string())),
                }
            }
        }
        Place::Remote(remote) => sweep_remote(repository, remote, candidates, &mut swept)?,
    }
    Ok(swept)
}

fn sweep_remote(repository: &Repository, remote: &str, candidates: &[Candidate], swept: &mut Sweep) -> Result<()> {
    let mut ready = Vec::new();
    for candidate in candidates {
        // First what was fetched to look at it: after a crash in between the next run fetches it again,
        // while nobody would look for what the remote does not have any more.
        match forget(repository, remote, candidate) {
            Ok(()) => ready.push(candidate),
            Err(fault) => swept.failed.push((candidate.reference.clone(), fault.to_string())),
        }
    }
    let spec = |candidate: &&Candidate| PushSpec {
        new: None,
        name: candidate.reference.clone().into(),
        expected: Expected::Is(candidate.id),
    };
    let specs: Vec<PushSpec> = ready.iter().map(spec).collect();
    if specs.is_empty() {
        return Ok(());
    }
    let statuses = repository.push(remote, &specs, PATIENCE)?;
    for (status, candidate) in statuses.into_iter().zip(ready) {
        match status.result {
            Ok(()) => swept.deleted.push(candidate.reference.clone()),
            Err(reason) => {
                swept.failed.push((candidate.reference.clone(), reason));
                let url = repository.remote_url(remote).unwrap_or_default();
                swept.hint = Some(provider_of(&url).permission_hint());
            }
        }
    }
    Ok(())
}

/// Deletes what is remembered here of a remote's ledger; something newer stays.
fn forget(repository: &Repository, remote: &str, candidate: &Candidate) -> std::result::Result<(), GitError> {
    let Some(branch) = BranchName::decode(&candidate.reference[ROOT.len()..]) else { return Ok(()) };
    let known = name_here(repository, &branch.remote_reference(remote))?;
    match delete(repository, &known, candidate.id) {
        Err(GitError::Conflict { .. }) => Ok(()),
        other => other,
    }
}

fn delete(repository: &Repository, reference: &str, id: ObjectId) -> std::result::Result<(), GitError> {
    repository.update_reference(&RefUpdate { name: reference.into(), expected: Expected::Is(id), new: None })
}
