//! Decides what is deleted. No clock, no repository, no network: everything is given.

use super::{
    budget,
    model::{Artifact, Candidate, Facts, LedgerFacts, Need, Plan, Policy, SessionFacts, age, is_due, kept},
};
use crate::{hail::Timestamp, ledger::BranchName};

/// Decides about everything. A time in the future counts as now; what is unknown stays.
#[must_use]
pub fn plan(now: Timestamp, policy: &Policy, facts: &Facts) -> Plan {
    let mut plan = Plan::default();
    for artifact in &facts.artifacts {
        plan.decide_artifact(now, policy, artifact);
    }
    for ledger in &facts.ledgers {
        match (&facts.branches, &ledger.branch) {
            (None, _) => plan.unknown.push(kept(&ledger.reference, "no branch found there")),
            (_, None) => plan.unknown.push(kept(&ledger.reference, "its branch is not recorded")),
            (Some(branches), Some(branch)) if *branch == BranchName::every() || branches.contains(branch) => {
                let reason = if *branch == BranchName::every() { "of all branches" } else { "its branch exists" };
                plan.kept_alive.push(kept(&ledger.reference, reason));
                budget::decide(&mut plan, now, policy, (ledger, branch));
            }
            (Some(_), Some(branch)) => {
                let promotes = policy.promote && facts.default_branch.is_some();
                plan.decide_gone((now, policy, promotes), (ledger, branch));
            }
        }
    }
    plan
}

/// How long something is kept that was last changed at `last`.
fn left(now: Timestamp, last: Timestamp, days: u32) -> String {
    let last = last.clamped(now);
    let left = chrono::TimeDelta::days(i64::from(days)) - now.since(last);
    // A part of a day is one more.
    let left = (left + chrono::TimeDelta::days(1) - chrono::TimeDelta::nanoseconds(1)).num_days();
    let day = if left == 1 { "day" } else { "days" };
    format!("last changed on {}, kept for {left} more {day}", last.to_chrono().format("%Y-%m-%d"))
}

impl Plan {
    /// Decides by age alone; `None` where that keeps it, of which `what` says in words what it is.
    fn due(
        &mut self,
        (now, days): (Timestamp, u32),
        (reference, last): (&str, Option<Timestamp>),
        what: &str,
    ) -> Option<(i64, Timestamp)> {
        let Some(last) = last else {
            self.unknown.push(kept(reference, "it has no date"));
            return None;
        };
        let age = age(now, last);
        if is_due(age, days) {
            return Some((age.num_days(), last));
        }
        self.kept_due_to_ttl.push(kept(reference, format!("{what}, {}", left(now, last, days))));
        None
    }

    fn decide_artifact(&mut self, now: Timestamp, policy: &Policy, artifact: &Artifact) {
        let branch = artifact.reference.strip_prefix("refs/heads/").unwrap_or(&artifact.reference);
        if policy.has_pinned(branch) {
            self.kept_pinned.push(kept(&artifact.reference, "it is pinned"));
            return;
        }
        let found = (artifact.reference.as_str(), artifact.last_activity);
        let due = self.due((now, policy.artifact_ttl_days), found, &format!("sessions of a review on {branch}"));
        let Some((age_days, until)) = due else { return };
        self.artifact_candidates.push(Candidate {
            reference: artifact.reference.clone(),
            id: artifact.id,
            branch: branch.to_owned(),
            age_days,
            until,
            sessions: Vec::new(),
            promotes: Vec::new(),
        });
    }

    /// Decides about the ledger of a branch that is gone; with `promotes`, what the default branch needs can
    /// move to its ledger.
    fn decide_gone(
        &mut self,
        (now, policy, promotes): (Timestamp, &Policy, bool),
        (ledger, branch): (&LedgerFacts, &BranchName),
    ) {
        let name = &ledger.reference;
        if policy.has_pinned(&branch.to_string()) {
            self.kept_pinned.push(kept(name, "its branch is pinned"));
            return;
        }
        let what = format!("branch {branch} is gone");
        let due = self.due((now, policy.hidden_ttl_days), (name, ledger.last_activity), &what);
        let Some((age_days, last)) = due else { return };
        let sessions = match ledger.sessions.known() {
            Ok(sessions) => sessions,
            Err(cause) => return self.unknown.push(kept(name, cause)),
        };
        if let Some(pinned) = sessions.iter().find(|session| policy.has_pinned(session.id.as_str())) {
            self.kept_pinned.push(kept(name, format!("session {} is pinned", pinned.id)));
            return;
        }
        let damage = || ledger.damage.clone().map(|damage| (false, damage));
        if let Some((is_certain, reason)) = sessions.iter().find_map(|session| keeps(session, promotes)).or_else(damage)
        {
            let reasons = if is_certain { &mut self.kept_needed } else { &mut self.unknown };
            reasons.push(kept(name, reason));
            // It is like the ledger of a living branch then, whose sessions only a limit of their own removes.
            return budget::decide(self, now, policy, (ledger, branch));
        }
        self.hidden_candidates.push(Candidate {
            reference: name.clone(),
            id: ledger.id,
            branch: branch.to_string(),
            age_days,
            until: sessions.iter().filter_map(|session| session.last_activity).max().unwrap_or(last),
            sessions: sessions.iter().map(|session| session.id.clone()).collect(),
            promotes: sessions.iter().filter(|one| one.need == Need::ByDefault).map(|one| one.id.clone()).collect(),
        });
    }
}

/// Why `session` keeps its ledger, if it does, and whether that is certain; with `promotes`, what the default
/// branch needs does not.
fn keeps(session: &SessionFacts, promotes: bool) -> Option<(bool, String)> {
    let id = &session.id;
    match &session.need {
        Need::None => None,
        Need::ByDefault if promotes => None,
        Need::ByDefault => Some((true, format!("the default branch has a commit of session {id}"))),
        Need::By(name) => Some((true, format!("{name} has a commit of session {id}"))),
        Need::Unknown(gap) => Some((false, format!("whether a branch or tag needs session {id} is unknown: {gap}"))),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
