//! Fetch, merge, push: the way of the ledgers between clones.

mod attempts;
mod extra_refs;
mod fetch;
mod limits;
mod mode;
mod outbox;
mod push_plan;
mod renamed;
mod secret_check;
mod selection;
mod send;
mod stale_ledgers;

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

pub use attempts::Attempts;
pub use extra_refs::{Carried, ExtraRefs};
pub use fetch::Fetched;
pub use mode::follow;
pub use outbox::{Outbox, Request, Status, send_requests};
pub use push_plan::Withheld;
pub use renamed::follow_renamed_remotes;
pub use secret_check::{Leak, SecretCheck, unredacted};
pub use selection::Selection;
use stale_ledgers::Repair;

use crate::{
    config::{Config, REMOTES},
    error::Result,
    git::{self, Address, GitError, ObjectId, Repository},
    hail::{SessionId, Timestamp},
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
    /// The URL that the remote is pushed to, where that is another repository than is fetched from.
    pub push_url: Option<&'a str>,
    /// When to give up.
    pub deadline: Instant,
    /// The time for commits.
    pub now: Timestamp,
    /// What looks once more for secrets; none where nothing is redacted, or nothing pushed.
    pub secret_check: Option<&'a SecretCheck<'a>>,
    /// Which sessions may go; `None` for every one.
    pub selection: Option<&'a Selection>,
    /// Who is told how far a push has come.
    pub watch: Option<&'a dyn Fn(&Progress)>,
}

/// What a push came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The branches whose ledger the remote took.
    pub pushed: Vec<BranchName>,
    /// The sessions that the remote got.
    pub sessions: BTreeSet<SessionId>,
    /// Those and the ones that were still to follow.
    pub wanted: BTreeSet<SessionId>,
    /// The sessions that stay here, since they had no part in a commit that the remote has.
    pub held: BTreeSet<SessionId>,
    /// Whether the connection broke, so that trying again later may help.
    pub is_broken_off: bool,
    /// Whether the remote refused something.
    pub is_refused: bool,
    /// What did not work, in words.
    pub problems: Vec<String>,
    /// What stays here, since the host takes no file of its size.
    pub withheld: Vec<Withheld>,
    /// What stays here, since it still holds secrets. Each is among the problems, too.
    pub leaks: Vec<Leak>,
    /// One line about what stays here.
    pub warning: Option<String>,
    /// The branches of whose ledgers on the remote something was taken out that a clone had brought back.
    pub repaired: Vec<BranchName>,
}

impl Outcome {
    /// Adds what the push of other ledgers to the same remote came to.
    pub fn add(&mut self, other: Self) {
        for (all, new) in [(&mut self.pushed, other.pushed), (&mut self.repaired, other.repaired)] {
            let new: Vec<BranchName> = new.into_iter().filter(|branch| !all.contains(branch)).collect();
            all.extend(new);
        }
        self.sessions.extend(other.sessions);
        self.wanted.extend(other.wanted);
        self.held.extend(other.held);
        self.is_broken_off |= other.is_broken_off;
        self.is_refused |= other.is_refused;
        self.problems.extend(other.problems);
        self.withheld.extend(other.withheld);
        self.leaks.extend(other.leaks);
        self.warning = self.warning.take().or(other.warning);
    }
}

/// How far a push has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many sessions the remote has got.
    pub sent: usize,
    /// How many it is to get, as far as is known.
    pub total: usize,
}

type GitResult<T> = std::result::Result<T, GitError>;

impl Exchange<'_> {
    /// Pushes the ledgers of `pairs`, all in one go where the host takes that. Where the remote has
    /// something that is not here yet, it is fetched and merged and the push is tried again until the
    /// deadline.
    ///
    /// # Errors
    /// When the repository cannot be read or written. A remote that refuses or cannot be reached is
    /// no error but a problem in the outcome: what was not pushed goes with the next push.
    pub fn push(&self, pairs: &[Pair]) -> Result<Outcome> {
        self.send(pairs, &Repair::default())
    }

    /// The same exchange for the ledgers of each backend, its own first: what was stored in another mode goes to
    /// the remote, too, as it is.
    pub fn of_each_backend(&self) -> impl Iterator<Item = Self> {
        let exchange = *self;
        ledger::all_from(self.ledger).map(move |ledger| Self { ledger, ..exchange })
    }

    /// Pushes the ledgers of `pairs`, and with them those of the remote that have what somebody had
    /// purged or redacted, without it: a clone that had not heard of that pushed them.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_and_clear(&self, mut pairs: Vec<Pair>) -> Result<Outcome> {
        let mut repair = self.stale_ledgers()?;
        pairs.extend(repair.pairs(&pairs));
        let mut outcome = self.send(&pairs, &repair)?;
        let is_pushed = |pair: &&Pair| repair.branches.contains(&pair.remote) && outcome.pushed.contains(&pair.local);
        outcome.repaired = pairs.iter().filter(is_pushed).map(|pair| pair.remote.clone()).collect();
        Ok(outcome)
    }

    /// Whether the remote lacks something of the ledger of `pair`, as far as is known.
    ///
    /// # Errors
    /// When the references cannot be read.
    pub fn is_ahead(&self, pair: &Pair) -> Result<bool> {
        let local = ledger::name_here(self.repository, &self.ledger.reference(&pair.local))?;
        Ok(self.repository.find_reference(local.as_bytes())? != self.known(&pair.remote)?)
    }

    /// Whether the remote is known to have a ledger of the branch.
    ///
    /// # Errors
    /// When the references cannot be read.
    pub fn has_ledger(&self, branch: &BranchName) -> Result<bool> {
        Ok(self.known(branch)?.is_some())
    }

    /// The repository that the ledgers are exchanged with.
    fn address(&self) -> Address<'_> {
        Address { remote: self.remote, url: self.push_url }
    }

    /// The name under which is remembered what that repository has.
    fn known_as(&self) -> String {
        place(self.remote, self.push_url)
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The reference that remembers what the remote has under `name`.
    fn known_name(&self, name: &str) -> String {
        let name =
            format!("{}{}", self.ledger.known_root(&self.known_as()), name.rsplit('/').next().unwrap_or_default());
        ledger::name_here(self.repository, &name).unwrap_or(name)
    }

    /// What the remote was last known to have for `branch`.
    fn known(&self, branch: &BranchName) -> GitResult<Option<ObjectId>> {
        self.repository.find_reference(self.known_name(&self.ledger.reference(branch)).as_bytes())
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
        self.without_gone(own.map(|tip| pair(tip.branch)).collect())
    }
}

/// The name under which is remembered what the repository has that `remote` stands for, or the one at `url`
/// that it is pushed to.
#[must_use]
pub fn place(remote: &str, url: Option<&str>) -> String {
    url.map_or_else(|| remote.to_owned(), |url| ledger::push_side(&git::without_credentials(url)))
}

/// How a person stops sending sessions to a remote that does not take them.
#[must_use]
pub fn how_to_stop(config: &Config, remote: &str) -> String {
    let others: Vec<&str> =
        config.remotes.iter().flatten().map(String::as_str).filter(|name| *name != remote).collect();
    let value = if others.is_empty() { "''".to_owned() } else { others.join(",") };
    format!("to stop sending sessions to {remote}: git config {REMOTES} {value}")
}
