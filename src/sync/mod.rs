//! Fetch, union merge, push: the way of the ledgers between clones.

mod burial;
mod companions;
mod fetch;
mod guard;
mod limits;
mod mode;
mod portion;

use std::time::{Duration, Instant};

use burial::Mending;
pub use companions::{Carried, Companions};
pub use fetch::Fetched;
pub use guard::{Guard, Leak, unredacted};
use limits::Limits;
pub use mode::follow;
pub use portion::Withheld;

use crate::{
    config,
    error::Result,
    git::{Expected, GitError, ObjectId, PushSpec, Repository},
    hail::Timestamp,
    ledger::{self, BranchName, Ledger},
};

/// The least time that a push needs; one that is stopped has only cost the remote work.
const SHORTEST: Duration = Duration::from_millis(300);

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
    /// What looks once more for secrets; none where nothing is redacted, or nothing pushed.
    pub guard: Option<&'a Guard<'a>>,
}

/// What a push came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The branches whose ledger the remote took.
    pub pushed: Vec<BranchName>,
    /// What did not work, in words.
    pub problems: Vec<String>,
    /// What stays here, since the host takes no file of its size.
    pub withheld: Vec<Withheld>,
    /// What stays here, since it still holds secrets. Each is among the problems, too.
    pub leaks: Vec<Leak>,
    /// One line about what stays here.
    pub warning: Option<String>,
    /// The branches of whose ledgers on the remote something was taken out that a clone had brought back.
    pub mended: Vec<BranchName>,
}

/// A ledger on its way.
struct Spec {
    pair: Pair,
    push: PushSpec,
    /// How large what the remote does not have yet is at most.
    bytes: u64,
    /// Whether the rest of the ledger has to follow in another push.
    has_more: bool,
}

type GitResult<T> = std::result::Result<T, GitError>;

impl Exchange<'_> {
    /// Pushes the ledgers of `pairs`, all in one go where the host takes that. Where the remote has
    /// something that is not here yet, it is fetched and united and the push is tried again until the
    /// deadline.
    ///
    /// # Errors
    /// When the repository cannot be read or written. A remote that refuses or cannot be reached is
    /// no error but a problem in the outcome: what was not pushed goes with the next push.
    pub fn push(&self, pairs: &[Pair]) -> Result<Outcome> {
        self.of_every_backend(|exchange| exchange.send(pairs, &Mending::default()))
    }

    /// Pushes every ledger that is here.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_own(&self) -> Result<Outcome> {
        self.of_every_backend(|exchange| exchange.send(&exchange.all_pairs()?, &Mending::default()))
    }

    /// What `push` comes to for the ledgers of all backends: what was stored in another mode goes to the remote,
    /// too, as it is.
    fn of_every_backend(&self, push: impl Fn(&Self) -> Result<Outcome>) -> Result<Outcome> {
        let mut whole = push(self)?;
        for ledger in ledger::all_from(self.ledger).skip(1) {
            let outcome = push(&Self { ledger, ..*self })?;
            for (all, new) in [(&mut whole.pushed, outcome.pushed), (&mut whole.mended, outcome.mended)] {
                let new: Vec<BranchName> = new.into_iter().filter(|branch| !all.contains(branch)).collect();
                all.extend(new);
            }
            whole.problems.extend(outcome.problems);
            whole.withheld.extend(outcome.withheld);
            whole.leaks.extend(outcome.leaks);
            whole.warning = whole.warning.or(outcome.warning);
        }
        Ok(whole)
    }

    /// Pushes every ledger that is here, and with them those of the remote that have what somebody had
    /// purged or redacted, without it: a clone that had not heard of that pushed them.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn push_all(&self) -> Result<Outcome> {
        self.of_every_backend(Self::push_all_of)
    }

    fn push_all_of(&self) -> Result<Outcome> {
        let (mut pairs, mut mending) = (self.all_pairs()?, self.disobedient()?);
        pairs.extend(mending.pairs(&pairs));
        let mut outcome = self.send(&pairs, &mending)?;
        let is_pushed = |pair: &&Pair| mending.branches.contains(&pair.remote) && outcome.pushed.contains(&pair.local);
        outcome.mended = pairs.iter().filter(is_pushed).map(|pair| pair.remote.clone()).collect();
        Ok(outcome)
    }

    fn send(&self, pairs: &[Pair], mending: &Mending) -> Result<Outcome> {
        let limits = Limits::of(self.repository, self.remote)?;
        self.bury_known(pairs)?;
        let mut outcome = Outcome::default();
        let mut waiting: Vec<Pair> = pairs.to_vec();
        let mut refusals = 0;
        loop {
            let specs = self.specs(&waiting, mending, &limits, &mut outcome)?;
            if specs.is_empty() {
                break;
            }
            let attempt = if self.is_late() { Ok(None) } else { self.attempt(&specs, &limits, &mut outcome).map(Some) };
            let refused = match attempt {
                Ok(Some(refused)) => refused,
                Ok(None) | Err(GitError::TimedOut { seconds: 0, .. }) => {
                    outcome.problems.push(format!(
                        "there was no time left to push the sessions to {}; they go with the next push",
                        self.remote
                    ));
                    break;
                }
                Err(fault) => {
                    let problem = format!("the sessions were not pushed to {}: {}", self.remote, first_line(&fault));
                    outcome.problems.push(problem);
                    break;
                }
            };
            waiting = specs.iter().filter(|spec| spec.has_more).map(|spec| spec.pair.clone()).collect();
            waiting.retain(|pair| !refused.iter().any(|(refused, _)| refused == pair));
            if !refused.is_empty() {
                refusals += 1;
                waiting.extend(self.catch_up(&refused, refusals, &mut outcome));
                std::thread::sleep(jitter(refusals).min(self.left()));
            }
        }
        outcome.warning = withheld_line(&outcome.withheld, &limits);
        Ok(outcome)
    }

    /// Gets what the remote has in place of what it refused; returns what can be tried again.
    ///
    /// What the remote says is for people; whether it can be helped shows in what it has. Another
    /// clone that is just writing shows a moment later, so the first refusal is never the last.
    fn catch_up(&self, refused: &[(Pair, String)], refusals: u32, outcome: &mut Outcome) -> Vec<Pair> {
        let mut again: Vec<Pair> = refused.iter().map(|(pair, _)| pair.clone()).collect();
        let moved = self.fetch(&again).unwrap_or_default();
        let is_late = self.is_late();
        again.retain(|pair| !is_late && (refusals == 1 || moved.contains(&pair.remote)));
        for (pair, reason) in refused.iter().filter(|(pair, _)| !again.contains(pair)) {
            outcome.problems.push(format!("{} did not take the sessions of {}: {reason}", self.remote, pair.local));
        }
        again
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Whether another push is not worth beginning.
    fn is_late(&self) -> bool {
        self.left() < SHORTEST
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

    /// What has to be pushed of `pairs`, of each ledger of the remote once.
    fn specs(&self, pairs: &[Pair], mending: &Mending, limits: &Limits, outcome: &mut Outcome) -> Result<Vec<Spec>> {
        let mut specs: Vec<Spec> = Vec::new();
        for pair in pairs {
            let name = self.ledger.reference(&pair.remote);
            if specs.iter().any(|spec| spec.push.name == name.as_bytes()) {
                continue;
            }
            let is_foreign = mending.is_foreign(pair);
            let spec = if is_foreign { self.mending_spec(pair, mending) } else { self.spec(pair, limits, outcome) };
            specs.extend(spec?);
        }
        Ok(specs)
    }

    /// What has to be pushed of one ledger: nothing where it is what the remote was last known to have.
    /// It is united with that first.
    fn spec(&self, pair: &Pair, limits: &Limits, outcome: &mut Outcome) -> Result<Option<Spec>> {
        let local = ledger::name_here(self.repository, &self.ledger.reference(&pair.local))?;
        let Some(tip) = self.repository.find_reference(local.as_bytes())? else { return Ok(None) };
        let known = self.known(&pair.remote)?;
        if known == Some(tip) {
            return Ok(None);
        }
        let tip = match known {
            Some(known) => self.ledger.unite(self.repository, &pair.local, known, self.now)?,
            None => tip,
        };
        let portion = self.portion(&pair.local, tip, known, limits)?;
        for withheld in portion.withheld {
            outcome.withheld.retain(|known| known.session != withheld.session);
            outcome.withheld.push(withheld);
        }
        for leak in portion.leaks {
            if !leak.is_of(&outcome.leaks) {
                outcome.problems.push(leak.line(self.remote));
                outcome.leaks.push(leak);
            }
        }
        let (name, expected) =
            (self.ledger.reference(&pair.remote).into(), known.map_or(Expected::Absent, Expected::Is));
        let push = PushSpec { new: Some(portion.new), name, expected };
        let (bytes, has_more) = (portion.bytes, portion.has_more);
        Ok((known != Some(portion.new)).then(|| Spec { pair: pair.clone(), push, bytes, has_more }))
    }

    /// Pushes once, in as few goes as the host takes; returns what was refused, with the reason.
    fn attempt(&self, specs: &[Spec], limits: &Limits, outcome: &mut Outcome) -> GitResult<Vec<(Pair, String)>> {
        let mut refused = Vec::new();
        for chunk in chunks(specs, limits) {
            let plain: Vec<PushSpec> = chunk.iter().map(|spec| spec.push.clone()).collect();
            let statuses = self.repository.push(self.remote, &plain, self.left())?;
            for (spec, status) in chunk.iter().zip(statuses) {
                let branch = &spec.pair.local;
                match status.result {
                    Ok(()) => {
                        self.remember(&self.ledger.reference(&spec.pair.remote), spec.push.new)?;
                        if !outcome.pushed.contains(branch) {
                            outcome.pushed.push(branch.clone());
                        }
                    }
                    Err(reason) => refused.push((spec.pair.clone(), reason)),
                }
            }
        }
        Ok(refused)
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

/// Parts what is pushed into as few goes as the host takes.
fn chunks<'a>(specs: &'a [Spec], limits: &Limits) -> Vec<&'a [Spec]> {
    let mut chunks = Vec::new();
    let mut rest = specs;
    while !rest.is_empty() {
        let (mut count, mut bytes) = (0_usize, 0_u64);
        for spec in rest {
            bytes = bytes.saturating_add(spec.bytes);
            let is_too_many = limits.references.is_some_and(|limit| count as u64 >= limit);
            let is_too_much = limits.push.is_some_and(|limit| bytes > limit);
            if count > 0 && (is_too_many || is_too_much) {
                break;
            }
            count += 1;
        }
        let (chunk, after) = rest.split_at(count);
        chunks.push(chunk);
        rest = after;
    }
    chunks
}

/// Says in one line what stays here, why, and what to do.
fn withheld_line(withheld: &[Withheld], limits: &Limits) -> Option<String> {
    let limit = portion::shown(withheld.first()?.limit);
    let list: Vec<String> =
        withheld.iter().map(|one| format!("{} ({})", one.session, portion::shown(one.bytes))).collect();
    Some(format!(
        "{} takes no file above {limit}, so only the description was pushed of session {}; the rest of it stays here \
         (if the limit is another: git config {} SIZE)",
        limits.by,
        list.join(", "),
        config::MAX_BLOB_SIZE
    ))
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
