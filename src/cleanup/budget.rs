//! Which sessions are removed from a ledger that stays: those that are too old, then the oldest until it is
//! below its size, those that no branch or tag needs first.

use super::model::{LedgerFacts, Need, Plan, Policy, SessionCandidate, SessionFacts, age, is_due, kept};
use crate::{hail::Timestamp, ledger::BranchName};

/// Decides about the sessions of `ledger`, that of `branch`, which stays as a whole.
pub(super) fn decide(plan: &mut Plan, now: Timestamp, policy: &Policy, (ledger, branch): (&LedgerFacts, &BranchName)) {
    let name = &ledger.reference;
    if !policy.limits_sessions() {
        return;
    }
    if policy.has_pinned(&branch.to_string()) {
        plan.kept_pinned.push(kept(name, "its branch is pinned"));
        return;
    }
    match ledger.sessions.known() {
        Ok(sessions) => {
            let mut decision = Decision { plan, now, policy, ledger, branch };
            let left = decision.by_age(sessions);
            decision.by_size(left);
        }
        Err(cause) => plan.unknown.push(kept(name, cause)),
    }
}

/// What is being decided about one ledger.
struct Decision<'a> {
    plan: &'a mut Plan,
    now: Timestamp,
    policy: &'a Policy,
    ledger: &'a LedgerFacts,
    branch: &'a BranchName,
}

impl Decision<'_> {
    fn expire_session(&mut self, session: &SessionFacts, last: Timestamp, policy: &'static str) {
        self.plan.session_candidates.push(SessionCandidate {
            session: session.id.clone(),
            reference: self.ledger.reference.clone(),
            id: self.ledger.id,
            branch: self.branch.clone(),
            age_days: age(self.now, last).num_days(),
            until: last,
            policy,
        });
    }

    fn keep(&self, reason: impl Into<String>) -> super::Kept {
        kept(&self.ledger.reference, reason)
    }

    /// Marks the sessions past their TTL as expired; returns the rest.
    fn by_age<'s>(&mut self, sessions: &'s [SessionFacts]) -> Vec<&'s SessionFacts> {
        let mut left = Vec::new();
        for session in sessions {
            let limit = self.policy.session_ttl_days.zip(session.last_activity);
            match limit.filter(|(days, last)| is_due(age(self.now, *last), *days)) {
                Some(_) if self.policy.has_pinned(session.id.as_str()) => {
                    self.plan.kept_pinned.push(self.keep(format!("session {} is pinned", session.id)));
                    left.push(session);
                }
                Some((_, last)) => self.expire_session(session, last, "session_ttl"),
                None => left.push(session),
            }
            if session.last_activity.is_none() {
                let cause = if let Need::Unknown(cause) = &session.need { format!(": {cause}") } else { String::new() };
                self.plan.unknown.push(self.keep(format!("the age of session {} is unknown{cause}", session.id)));
            }
        }
        left
    }

    /// Marks the sessions beyond the size budget as expired.
    fn by_size(&mut self, left: Vec<&SessionFacts>) {
        let Some(limit) = self.policy.max_ledger_size else { return };
        let sum = left.iter().try_fold(0_u64, |sum, session| Some(sum.saturating_add(session.bytes?)));
        let Some(mut size) = sum else {
            return self.plan.unknown.push(self.keep("the size of its sessions is unknown"));
        };
        let can_go = |session: &&SessionFacts| !self.policy.has_pinned(session.id.as_str());
        let mut order: Vec<(&SessionFacts, Timestamp)> =
            left.into_iter().filter(can_go).filter_map(|session| Some((session, session.last_activity?))).collect();
        let rank = |need: &Need| match need {
            Need::None => 0,
            Need::By(_) => 1,
            // What may be needed by the default branch counts as needed by it.
            Need::Unknown(_) | Need::ByDefault => 2,
        };
        order.sort_by_key(|(session, last)| (rank(&session.need), last.clamped(self.now), session.id.clone()));
        for (session, last) in order {
            if size <= limit {
                return;
            }
            size -= session.bytes.unwrap_or_default();
            self.expire_session(session, last, "size_budget");
        }
        if size > limit {
            let reason = format!("pinned sessions and sessions of unknown age exceed the size budget of {limit} bytes");
            self.plan.kept_pinned.push(self.keep(reason));
        }
    }
}
