//! Pushing ledgers: in portions, under leases, again where another clone was faster.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    Exchange, GitResult, Outcome, Pair, Progress, Withheld,
    limits::Limits,
    push_plan::{self, Spec},
    stale_ledgers::Repair,
};
use crate::{
    config,
    error::Result,
    git::{Expected, GitError, PushSpec},
    ledger,
};

/// The least time that a push needs; one that is stopped has only cost the remote work.
const SHORTEST: Duration = Duration::from_millis(300);
/// How much is pushed at once at first, in bytes. What was delivered stays delivered when the connection breaks.
const FIRST_PORTION: u64 = 1024 * 1024;
/// The least and the most that is pushed at once later, in bytes.
const PORTIONS: (u64, u64) = (256 * 1024, 256 * 1024 * 1024);
/// A portion that took less time than this is followed by a larger one, and one that took more than the other
/// by a smaller one.
const PACE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(20));

impl Exchange<'_> {
    pub(super) fn send(&self, pairs: &[Pair], repair: &Repair) -> Result<Outcome> {
        let mut limits = Limits::of(self.repository, self.address().operand())?;
        let most = limits.push;
        let mut portion = FIRST_PORTION;
        self.apply_to_tracking(pairs)?;
        let mut outcome = Outcome::default();
        let mut waiting: Vec<Pair> = pairs.to_vec();
        let mut refusals = 0;
        loop {
            limits.push = Some(most.unwrap_or(u64::MAX).min(portion));
            let specs = self.specs(&waiting, repair, &limits, &mut outcome)?;
            if specs.is_empty() {
                break;
            }
            self.report(&outcome);
            let started = Instant::now();
            let attempt = if self.is_late() { Ok(None) } else { self.attempt(&specs, &limits, &mut outcome).map(Some) };
            let refused = match attempt {
                Ok(Some(refused)) => refused,
                Ok(None) => break outcome.problems.push(self.no_time_left()),
                Err(fault) => break self.break_off(&fault, &mut outcome),
            };
            portion = next_portion(portion, started.elapsed());
            waiting = specs.iter().filter(|spec| spec.has_more).map(|spec| spec.pair.clone()).collect();
            waiting.retain(|pair| !refused.iter().any(|(refused, _)| refused == pair));
            if !refused.is_empty() {
                refusals += 1;
                waiting.extend(self.catch_up(&refused, refusals, &mut outcome));
                std::thread::sleep(jitter(refusals).min(self.left()));
            }
        }
        self.report(&outcome);
        limits.push = most;
        outcome.warning = withheld_line(&outcome.withheld, &limits);
        Ok(outcome)
    }

    /// Whether there is anything in `pairs` that the remote does not have and may get, as far as is known
    /// without looking for secrets.
    ///
    /// # Errors
    /// When the repository cannot be read or written.
    pub fn has_unsent(&self, pairs: &[Pair]) -> Result<bool> {
        let limits = Limits::of(self.repository, self.address().operand())?;
        self.apply_to_tracking(pairs)?;
        let unguarded = Exchange { secret_check: None, ..*self };
        Ok(!unguarded.specs(pairs, &Repair::default(), &limits, &mut Outcome::default())?.is_empty())
    }

    fn no_time_left(&self) -> String {
        format!("push to {} timed out; the remaining sessions go with the next push", self.remote)
    }

    /// Notes why the connection ended.
    fn break_off(&self, fault: &GitError, outcome: &mut Outcome) {
        if matches!(fault, GitError::TimedOut { seconds: 0, .. }) {
            outcome.problems.push(self.no_time_left());
            return;
        }
        outcome.is_broken_off = true;
        outcome.problems.push(format!("the sessions were not pushed to {}: {}", self.remote, first_line(fault)));
    }

    /// Tells whoever watches how far the push has come.
    fn report(&self, outcome: &Outcome) {
        if let Some(watch) = self.watch {
            watch(&Progress { sent: outcome.sessions.len(), total: outcome.wanted.len() });
        }
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
        let mut by_reason: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (pair, reason) in refused.iter().filter(|(pair, _)| !again.contains(pair)) {
            by_reason.entry(reason).or_default().push(pair.local.to_string());
        }
        for (reason, branches) in by_reason {
            let branches = branches.join(", ");
            if is_incomplete(reason) {
                outcome.is_broken_off = true;
            } else {
                outcome.is_refused = true;
            }
            outcome.problems.push(format!("{} rejected the sessions of {branches}: {reason}", self.remote));
        }
        again
    }

    /// Whether another push is not worth beginning.
    fn is_late(&self) -> bool {
        self.left() < SHORTEST
    }

    /// What has to be pushed of `pairs`, of each ledger of the remote once.
    fn specs(&self, pairs: &[Pair], repair: &Repair, limits: &Limits, outcome: &mut Outcome) -> Result<Vec<Spec>> {
        let mut specs: Vec<Spec> = Vec::new();
        for pair in pairs {
            let name = self.ledger.reference(&pair.remote);
            if specs.iter().any(|spec| spec.push.name == name.as_bytes()) {
                continue;
            }
            let is_foreign = repair.is_foreign(pair);
            let spec = if is_foreign { self.repair_spec(pair, repair) } else { self.spec(pair, limits, outcome) };
            specs.extend(spec?);
        }
        Ok(specs)
    }

    /// What has to be pushed of one ledger: nothing where it is what the remote was last known to have.
    /// It is merged with that first.
    fn spec(&self, pair: &Pair, limits: &Limits, outcome: &mut Outcome) -> Result<Option<Spec>> {
        let local = ledger::name_here(self.repository, &self.ledger.reference(&pair.local))?;
        let Some(tip) = self.repository.find_reference(local.as_bytes())? else { return Ok(None) };
        let known = self.known(&pair.remote)?;
        if known == Some(tip) {
            return Ok(None);
        }
        let tip = match known {
            Some(known) => self.ledger.merge(self.repository, &pair.local, known, self.now)?,
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
        outcome.held.extend(portion.held);
        let (bytes, has_more, sessions) = (portion.bytes, portion.has_more, portion.sessions);
        let Some(new) = portion.new.filter(|new| known != Some(*new)) else { return Ok(None) };
        outcome.wanted.extend(sessions.iter().chain(&portion.following).cloned());
        let (name, expected) =
            (self.ledger.reference(&pair.remote).into(), known.map_or(Expected::Absent, Expected::Is));
        let push = PushSpec { new: Some(new), name, expected };
        Ok(Some(Spec { pair: pair.clone(), push, bytes, has_more, sessions }))
    }

    /// Pushes once, in as few goes as the host takes; returns what was refused, with the reason.
    fn attempt(&self, specs: &[Spec], limits: &Limits, outcome: &mut Outcome) -> GitResult<Vec<(Pair, String)>> {
        let mut refused = Vec::new();
        for chunk in chunks(specs, limits) {
            let plain: Vec<PushSpec> = chunk.iter().map(|spec| spec.push.clone()).collect();
            let statuses = self.repository.push(self.address(), &plain, self.left())?;
            for (spec, status) in chunk.iter().zip(statuses) {
                let branch = &spec.pair.local;
                match status.result {
                    Ok(()) => {
                        self.remember(&self.ledger.reference(&spec.pair.remote), spec.push.new)?;
                        outcome.sessions.extend(spec.sessions.iter().cloned());
                        if !outcome.pushed.contains(branch) {
                            outcome.pushed.push(branch.clone());
                        }
                    }
                    Err(reason) => refused.push((spec.pair.clone(), reason)),
                }
            }
            self.report(outcome);
        }
        Ok(refused)
    }
}

/// Whether the remote refused a pack because its end did not arrive: the connection broke, and its answer still came.
fn is_incomplete(reason: &str) -> bool {
    ["early EOF", "unexpected disconnect", "hung up"].iter().any(|said| reason.contains(said))
}

/// How much to push after a portion that took `elapsed`.
fn next_portion(portion: u64, elapsed: Duration) -> u64 {
    let next = match elapsed {
        elapsed if elapsed < PACE.0 => portion.saturating_mul(4),
        elapsed if elapsed > PACE.1 => portion / 2,
        _ => portion,
    };
    next.clamp(PORTIONS.0, PORTIONS.1)
}

/// Divides what is pushed into as few goes as the host takes.
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
    let limit = push_plan::shown(withheld.first()?.limit);
    let list: Vec<String> =
        withheld.iter().map(|one| format!("{} ({})", one.session, push_plan::shown(one.bytes))).collect();
    Some(format!(
        "{} accepts no file above {limit}: pushed only the metadata of session {}; its events stay in this clone \
         (if the limit is another: git config {} SIZE)",
        limits.by,
        list.join(", "),
        config::MAX_BLOB_SIZE
    ))
}

/// Spreads clones that collided: a random part of a growing pause.
pub(super) fn jitter(attempt: u32) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let random = RandomState::new().hash_one(attempt);
    Duration::from_millis(random % (20 << attempt.min(5)))
}

pub(super) fn first_line(fault: &GitError) -> String {
    fault.to_string().lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{FIRST_PORTION, PORTIONS, is_incomplete, next_portion};

    #[test]
    fn portions_follow_the_pace_of_the_connection() {
        assert_eq!(next_portion(FIRST_PORTION, Duration::from_millis(50)), 4 * FIRST_PORTION);
        assert_eq!(next_portion(FIRST_PORTION, Duration::from_secs(10)), FIRST_PORTION);
        assert_eq!(next_portion(FIRST_PORTION, Duration::from_secs(60)), FIRST_PORTION / 2);
        assert_eq!(next_portion(PORTIONS.0, Duration::from_secs(600)), PORTIONS.0);
        assert_eq!(next_portion(PORTIONS.1, Duration::ZERO), PORTIONS.1);
    }

    #[test]
    fn a_pack_whose_end_is_missing_is_no_refusal() {
        for broken in [
            "[remote rejected] (unpacker error): fatal: early EOF",
            "[remote rejected] (unpacker error): fatal: fetch-pack: unexpected disconnect while reading sideband packet",
            "[remote failure] (remote end hung up unexpectedly)",
        ] {
            assert!(is_incomplete(broken), "{broken}");
        }
        for refusal in ["[remote rejected] (hook declined)", "[remote rejected] (unpacker error): fatal: no space left"]
        {
            assert!(!is_incomplete(refusal), "{refusal}");
        }
    }
}
