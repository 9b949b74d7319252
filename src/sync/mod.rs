//! Fetch, union merge, push: the way of the ledgers between clones.

use std::time::{Duration, Instant};

use crate::{
    error::Result,
    git::{Expected, GitError, ObjectId, PushSpec, RefUpdate, RemoteRef, Repository},
    hail::Timestamp,
    ledger::{BranchName, Ledger, ROOT},
};

/// A ledger here and the one it becomes on the remote: a branch may have another name there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The branch here.
    pub local: BranchName,
    /// The branch there.
    pub remote: BranchName,
}

/// How long it may take, and what time it is.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// When to give up.
    pub deadline: Instant,
    /// The time for commits.
    pub now: Timestamp,
}

/// What a push came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The branches whose ledger the remote took.
    pub pushed: Vec<BranchName>,
    /// What did not work, in words.
    pub problems: Vec<String>,
}

impl Terms {
    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Pushes the ledgers of `pairs` to `remote`, all in one go. Where the remote has something that is
/// not here yet, it is fetched and united and the push is tried again until the deadline.
///
/// # Errors
/// When the repository cannot be read or written. A remote that refuses or cannot be reached is no
/// error but a problem in the outcome: what was not pushed goes with the next push.
pub fn push(
    repository: &Repository,
    ledger: &dyn Ledger,
    remote: &str,
    pairs: &[Pair],
    terms: &Terms,
) -> Result<Outcome> {
    let mut outcome = Outcome::default();
    let mut waiting: Vec<Pair> = pairs.to_vec();
    let mut attempt = 0;
    loop {
        let specs = specs(repository, ledger, remote, &waiting, terms)?;
        waiting.retain(|pair| specs.iter().any(|(waiting, _)| waiting == pair));
        if waiting.is_empty() {
            return Ok(outcome);
        }
        if terms.left().is_zero() {
            outcome
                .problems
                .push(format!("there was no time left to push the sessions to {remote}; they go with the next push"));
            return Ok(outcome);
        }
        let refused = match attempt_push(repository, remote, &specs, terms, &mut outcome) {
            Ok(refused) => refused,
            Err(fault) => {
                outcome.problems.push(format!("the sessions were not pushed to {remote}: {}", first_line(&fault)));
                return Ok(outcome);
            }
        };
        if refused.is_empty() {
            return Ok(outcome);
        }
        waiting = refused.iter().map(|(pair, _)| pair.clone()).collect();
        let moved = fetch(repository, remote, &waiting, terms);
        for (pair, reason) in &refused {
            // What the remote says is for people; whether it can be helped shows in what it has.
            let is_stale = moved.as_ref().is_ok_and(|moved| moved.contains(&pair.remote));
            if !is_stale || terms.left().is_zero() {
                waiting.retain(|waiting| waiting != pair);
                outcome.problems.push(format!("{remote} did not take the sessions of {}: {reason}", pair.local));
            }
        }
        attempt += 1;
        std::thread::sleep(jitter(attempt).min(terms.left()));
    }
}

/// What has to be pushed: the ledgers that differ from what the remote was last known to have. They
/// are united with that first.
fn specs(
    repository: &Repository,
    ledger: &dyn Ledger,
    remote: &str,
    pairs: &[Pair],
    terms: &Terms,
) -> Result<Vec<(Pair, PushSpec)>> {
    let mut specs = Vec::new();
    for pair in pairs {
        let Some(tip) = repository.find_reference(pair.local.reference().as_bytes())? else { continue };
        let known = repository.find_reference(pair.remote.remote_reference(remote).as_bytes())?;
        if known == Some(tip) {
            continue;
        }
        let (new, expected) = match known {
            Some(known) => (ledger.unite(repository, &pair.local, known, terms.now)?, Expected::Is(known)),
            None => (tip, Expected::Absent),
        };
        if known == Some(new) {
            continue;
        }
        let spec = PushSpec { new: Some(new), name: pair.remote.reference().into(), expected };
        specs.push((pair.clone(), spec));
    }
    Ok(specs)
}

/// Pushes once; returns what was refused, with the reason.
fn attempt_push(
    repository: &Repository,
    remote: &str,
    specs: &[(Pair, PushSpec)],
    terms: &Terms,
    outcome: &mut Outcome,
) -> std::result::Result<Vec<(Pair, String)>, GitError> {
    let plain: Vec<PushSpec> = specs.iter().map(|(_, spec)| spec.clone()).collect();
    let statuses = repository.push(remote, &plain, terms.left())?;
    let mut refused = Vec::new();
    for ((pair, spec), status) in specs.iter().zip(statuses) {
        match status.result {
            Ok(()) => {
                remember(repository, remote, &pair.remote, spec.new)?;
                outcome.pushed.push(pair.local.clone());
            }
            Err(reason) => refused.push((pair.clone(), reason)),
        }
    }
    Ok(refused)
}

/// Fetches the ledgers of `pairs`; returns the branches whose ledger on the remote is not what it
/// was known to be.
fn fetch(
    repository: &Repository,
    remote: &str,
    pairs: &[Pair],
    terms: &Terms,
) -> std::result::Result<Vec<BranchName>, GitError> {
    let names: Vec<String> = pairs.iter().map(|pair| pair.remote.reference()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let listed = repository.list_remote(remote, &names, terms.left())?;
    let mut moved = Vec::new();
    for pair in pairs {
        let name = pair.remote.reference();
        let there = listed.iter().find(|(listed, _)| *listed == name.as_bytes()).map(|(_, id)| *id);
        let known = repository.find_reference(pair.remote.remote_reference(remote).as_bytes())?;
        if there != known {
            moved.push(pair.remote.clone());
        }
    }
    update_known(repository, remote, &moved, &listed, terms)?;
    Ok(moved)
}

/// Brings the remembered ledgers of `branches` to what `listed` says the remote has.
fn update_known(
    repository: &Repository,
    remote: &str,
    branches: &[BranchName],
    listed: &[RemoteRef],
    terms: &Terms,
) -> std::result::Result<(), GitError> {
    let is_there = |branch: &BranchName| listed.iter().any(|(name, _)| *name == branch.reference().as_bytes());
    let refspecs: Vec<String> = branches
        .iter()
        .filter(|branch| is_there(branch))
        .map(|branch| format!("+{}:{}", branch.reference(), branch.remote_reference(remote)))
        .collect();
    if !refspecs.is_empty() {
        repository.fetch(remote, &refspecs, terms.left())?;
    }
    branches.iter().filter(|branch| !is_there(branch)).try_for_each(|branch| remember(repository, remote, branch, None))
}

/// Notes what the remote has for `branch`.
fn remember(
    repository: &Repository,
    remote: &str,
    branch: &BranchName,
    id: Option<ObjectId>,
) -> std::result::Result<(), GitError> {
    let name = branch.remote_reference(remote);
    let current = repository.find_reference(name.as_bytes())?;
    if current == id {
        return Ok(());
    }
    let expected = current.map_or(Expected::Absent, Expected::Is);
    match repository.update_reference(&RefUpdate { name: name.into(), expected, new: id }) {
        // Somebody else noted something newer.
        Err(GitError::Conflict { .. }) => Ok(()),
        other => other,
    }
}

/// Every ledger that is here, paired with its name on `remote`.
///
/// # Errors
/// When the references cannot be read.
pub fn all_pairs(repository: &Repository, ledger: &dyn Ledger, remote: &str) -> Result<Vec<Pair>> {
    let own = ledger.tips(repository)?.into_iter().filter(|tip| tip.remote.is_none());
    let pair = |local: BranchName| {
        let name = local.to_string();
        let is_upstream = repository.upstream_remote(&name).is_some_and(|upstream| upstream == remote);
        let renamed = repository.upstream_branch(&name).filter(|_| is_upstream);
        let remote = renamed.map_or_else(|| local.clone(), |name| BranchName::from(name.as_str()));
        Pair { local, remote }
    };
    Ok(own.map(|tip| pair(tip.branch)).collect())
}

/// Fetches every ledger of `remote` and unites it with the one here, where there is one. Returns the
/// branches whose ledger changed there.
///
/// # Errors
/// When the remote cannot be reached, or the repository cannot be written.
pub fn fetch_all(repository: &Repository, ledger: &dyn Ledger, remote: &str, terms: &Terms) -> Result<Vec<BranchName>> {
    let listed = repository.list_remote(remote, &[&format!("{ROOT}*")], terms.left())?;
    let prefix = BranchName::from("x").remote_reference(remote);
    let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
    let known = repository.references(&format!("{folder}/"))?;
    let encoded_of = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    let mut changed: Vec<String> = Vec::new();
    for (name, id) in &listed {
        let encoded = encoded_of(&name.to_string());
        if !known.iter().any(|(known, known_id)| encoded_of(&known.to_string()) == encoded && known_id == id) {
            changed.push(encoded);
        }
    }
    let is_listed = |encoded: &str| listed.iter().any(|(name, _)| encoded_of(&name.to_string()) == encoded);
    let refspecs: Vec<String> = changed.iter().map(|encoded| format!("+{ROOT}{encoded}:{folder}/{encoded}")).collect();
    if !refspecs.is_empty() {
        repository.fetch(remote, &refspecs, terms.left())?;
    }
    for (name, id) in &known {
        if !is_listed(&encoded_of(&name.to_string())) {
            let update = RefUpdate { name: name.clone(), expected: Expected::Is(*id), new: None };
            repository.update_reference(&update)?;
        }
    }
    unite_fetched(repository, ledger, remote, terms)?;
    Ok(changed.iter().filter_map(|encoded| BranchName::decode(encoded)).collect())
}

fn unite_fetched(repository: &Repository, ledger: &dyn Ledger, remote: &str, terms: &Terms) -> Result<()> {
    for pair in all_pairs(repository, ledger, remote)? {
        if let Some(known) = repository.find_reference(pair.remote.remote_reference(remote).as_bytes())? {
            ledger.unite(repository, &pair.local, known, terms.now)?;
        }
    }
    Ok(())
}

/// Spreads clones that collided: a random part of a growing pause.
fn jitter(attempt: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(attempt);
    Duration::from_millis(random % (20 << attempt.min(5)))
}

fn first_line(fault: &GitError) -> String {
    fault.to_string().lines().next().unwrap_or_default().to_owned()
}
