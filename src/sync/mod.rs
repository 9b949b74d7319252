//! Fetch, union merge, push: the way of the ledgers between clones.

mod companions;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

pub use companions::Carried;

use crate::{
    error::Result,
    git::{Expected, GitError, ObjectId, PushSpec, RefUpdate, RemoteRef, Repository},
    hail::Timestamp,
    ledger::{self, BranchName, Ledger},
};

/// A ledger here and the one it becomes on the remote: a branch may have another name there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The branch here.
    pub local: BranchName,
    /// The branch there.
    pub remote: BranchName,
}

/// The exchange of ledgers with one remote.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    /// This repository.
    pub repository: &'a Repository,
    /// How it keeps its ledgers.
    pub ledger: &'a dyn Ledger,
    /// The remote's name.
    pub remote: &'a str,
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

type GitResult<T> = std::result::Result<T, GitError>;

impl Exchange<'_> {
    /// Pushes the ledgers of `pairs`, all in one go. Where the remote has something that is not here
    /// yet, it is fetched and united and the push is tried again until the deadline.
    ///
    /// # Errors
    /// When the repository cannot be read or written. A remote that refuses or cannot be reached is
    /// no error but a problem in the outcome: what was not pushed goes with the next push.
    pub fn push(&self, pairs: &[Pair]) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let mut waiting: Vec<Pair> = pairs.to_vec();
        for attempt in 1.. {
            let specs = self.specs(&waiting)?;
            if specs.is_empty() {
                break;
            }
            if self.left().is_zero() {
                let late = format!(
                    "there was no time left to push the sessions to {}; they go with the next push",
                    self.remote
                );
                outcome.problems.push(late);
                break;
            }
            let refused = match self.attempt(&specs, &mut outcome) {
                Ok(refused) => refused,
                Err(fault) => {
                    let problem = format!("the sessions were not pushed to {}: {}", self.remote, first_line(&fault));
                    outcome.problems.push(problem);
                    break;
                }
            };
            waiting = refused.iter().map(|(pair, _)| pair.clone()).collect();
            if waiting.is_empty() {
                break;
            }
            // What the remote says is for people; whether it can be helped shows in what it has. Another
            // clone that is just writing shows a moment later, so the first refusal is never the last.
            let moved = self.fetch(&waiting).unwrap_or_default();
            let is_late = self.left().is_zero();
            waiting.retain(|pair| !is_late && (attempt == 1 || moved.contains(&pair.remote)));
            for (pair, reason) in refused.iter().filter(|(pair, _)| !waiting.contains(pair)) {
                outcome.problems.push(format!("{} did not take the sessions of {}: {reason}", self.remote, pair.local));
            }
            std::thread::sleep(jitter(attempt).min(self.left()));
        }
        Ok(outcome)
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The reference that remembers what the remote has under `name`.
    fn known_name(&self, name: &str) -> String {
        let name = format!("{}{}", self.ledger.known_root(self.remote), name.rsplit('/').next().unwrap_or_default());
        ledger::name_here(self.repository, &name).unwrap_or(name)
    }

    /// What the remote was last known to have for `branch`.
    fn known(&self, branch: &BranchName) -> GitResult<Option<ObjectId>> {
        self.repository.find_reference(self.known_name(&self.ledger.reference(branch)).as_bytes())
    }

    /// What has to be pushed: the ledgers that differ from what the remote was last known to have.
    /// They are united with that first.
    fn specs(&self, pairs: &[Pair]) -> Result<Vec<(Pair, PushSpec)>> {
        let mut specs: Vec<(Pair, PushSpec)> = Vec::new();
        for pair in pairs {
            let name = self.ledger.reference(&pair.remote);
            let local = ledger::name_here(self.repository, &self.ledger.reference(&pair.local))?;
            let Some(tip) = self.repository.find_reference(local.as_bytes())? else {
                continue;
            };
            let known = self.known(&pair.remote)?;
            let new = match known {
                Some(known) if known != tip => self.ledger.unite(self.repository, &pair.local, known, self.now)?,
                _ => tip,
            };
            let is_listed = specs.iter().any(|(_, spec)| spec.name == name.as_bytes());
            if known != Some(new) && !is_listed {
                let expected = known.map_or(Expected::Absent, Expected::Is);
                specs.push((pair.clone(), PushSpec { new: Some(new), name: name.into(), expected }));
            }
        }
        Ok(specs)
    }

    /// Pushes once; returns what was refused, with the reason.
    fn attempt(&self, specs: &[(Pair, PushSpec)], outcome: &mut Outcome) -> GitResult<Vec<(Pair, String)>> {
        let plain: Vec<PushSpec> = specs.iter().map(|(_, spec)| spec.clone()).collect();
        let statuses = self.repository.push(self.remote, &plain, self.left())?;
        let mut refused = Vec::new();
        for ((pair, spec), status) in specs.iter().zip(statuses) {
            match status.result {
                Ok(()) => {
                    self.remember(&self.ledger.reference(&pair.remote), spec.new)?;
                    outcome.pushed.push(pair.local.clone());
                }
                Err(reason) => refused.push((pair.clone(), reason)),
            }
        }
        Ok(refused)
    }

    /// Fetches the ledgers of `pairs`; returns the branches whose ledger on the remote is not what
    /// it was known to be.
    fn fetch(&self, pairs: &[Pair]) -> GitResult<Vec<BranchName>> {
        let names: Vec<String> = pairs.iter().map(|pair| self.ledger.reference(&pair.remote)).collect();
        let patterns: Vec<&str> = names.iter().map(String::as_str).collect();
        let listed = self.repository.list_remote(self.remote, &patterns, self.left())?;
        let moved = self.update_known(&listed, &names)?;
        Ok(pairs
            .iter()
            .map(|pair| pair.remote.clone())
            .filter(|branch| moved.contains(&self.ledger.reference(branch)))
            .collect())
    }

    /// Brings what is remembered of `names` to what `listed` says the remote has; returns the names
    /// of those that had changed.
    fn update_known(&self, listed: &[RemoteRef], names: &[String]) -> GitResult<Vec<String>> {
        let there: BTreeMap<String, ObjectId> = listed.iter().map(|(name, id)| (name.to_string(), *id)).collect();
        let mut changed = Vec::new();
        for name in names {
            if self.repository.find_reference(self.known_name(name).as_bytes())? != there.get(name).copied() {
                changed.push(name.clone());
            }
        }
        let (new, gone): (Vec<&String>, Vec<&String>) = changed.iter().partition(|name| there.contains_key(*name));
        let known: Vec<String> = new.iter().map(|name| self.known_name(name)).collect();
        let known = ledger::names_here(self.repository, &known)?;
        let refspecs: Vec<String> = new.iter().zip(known).map(|(name, known)| format!("+{name}:{known}")).collect();
        if !refspecs.is_empty() {
            self.repository.fetch(self.remote, &refspecs, self.left())?;
        }
        gone.iter().try_for_each(|name| self.remember(name, None))?;
        Ok(changed)
    }

    /// Notes what the remote has under `name`.
    fn remember(&self, name: &str, id: Option<ObjectId>) -> GitResult<()> {
        self.note(self.known_name(name), id)
    }

    /// Writes the reference `name`, which remembers what the remote has.
    fn note(&self, name: String, id: Option<ObjectId>) -> GitResult<()> {
        let current = self.repository.find_reference(name.as_bytes())?;
        if current == id {
            return Ok(());
        }
        let expected = current.map_or(Expected::Absent, Expected::Is);
        match self.repository.update_reference(&RefUpdate { name: name.into(), expected, new: id }) {
            // Somebody else noted something newer.
            Err(GitError::Conflict { .. }) => Ok(()),
            other => other,
        }
    }

    /// Every ledger that is here, paired with its name on the remote.
    ///
    /// # Errors
    /// When the references cannot be read.
    pub fn all_pairs(&self) -> Result<Vec<Pair>> {
        let own = self.ledger.tips(self.repository)?.into_iter().filter(|tip| tip.remote.is_none());
        let pair = |local: BranchName| {
            let name = local.to_string();
            let upstream = self.repository.upstream_remote(&name);
            let is_upstream = upstream.is_some_and(|upstream| upstream == self.remote);
            let renamed = self.repository.upstream_branch(&name).filter(|_| is_upstream);
            let remote = renamed.map_or_else(|| local.clone(), |name| BranchName::from(name.as_str()));
            Pair { local, remote }
        };
        Ok(own.map(|tip| pair(tip.branch)).collect())
    }

    /// Fetches every ledger of the remote and unites it with the one here, where there is one.
    /// Returns the branches whose ledger changed there.
    ///
    /// # Errors
    /// When the remote cannot be reached, or the repository cannot be written.
    pub fn fetch_all(&self) -> Result<Vec<BranchName>> {
        let listed = self.repository.list_remote(self.remote, &[self.ledger.pattern()], self.left())?;
        let folder = self.ledger.pattern().rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut names: Vec<String> = listed.iter().map(|(name, _)| name.to_string()).collect();
        let root = self.ledger.known_root(self.remote);
        for (known, _) in self.repository.references(&root)? {
            let name = format!("{folder}/{}", ledger::plain(&known.to_string()[root.len()..]));
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let changed = self.update_known(&listed, &names)?;
        for pair in self.all_pairs()? {
            if let Some(known) = self.known(&pair.remote)? {
                self.ledger.unite(self.repository, &pair.local, known, self.now)?;
            }
        }
        let changed: Vec<String> = changed.iter().map(|name| self.known_name(name)).collect();
        let tips = self.ledger.tips(self.repository)?.into_iter();
        Ok(tips.filter(|tip| changed.contains(&tip.reference)).map(|tip| tip.branch).collect())
    }
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
