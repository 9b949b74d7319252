//! What goes of the ledger of a branch that lives: sessions that are too old, then those that are too
//! much, the oldest first and what the default branch needs last.

use super::plan::{LedgerFacts, Plan, Policy, SessionCandidate, SessionFacts, Sessions, age, is_due, kept};
use crate::{hail::Timestamp, ledger::BranchName};

/// Decides about the sessions of `ledger`, which is that of the living `branch`.
pub(super) fn decide(plan: &mut Plan, now: Timestamp, policy: &Policy, (ledger, branch): (&LedgerFacts, &BranchName)) {
    let name = &ledger.reference;
    if !policy.limits_sessions() {
        return;
    }
    if policy.has_pinned(&branch.to_string()) {
        plan.kept_pinned.push(kept(name, "its branch is pinned"));
        return;
    }
    let sessions = match &ledger.sessions {
        Sessions::Known(sessions) => sessions,
        Sessions::NotLookedAt => return plan.unknown.push(kept(name, "its sessions are not here")),
        Sessions::Unreadable(cause) => return plan.unknown.push(kept(name, cause.as_str())),
    };
    let mut left: Vec<&SessionFacts> = Vec::new();
    let candidate = |session: &SessionFacts, last: Timestamp, policy: &'static str| SessionCandidate {
        session: session.id.clone(),
        reference: name.clone(),
        id: ledger.id,
        branch: branch.clone(),
        age_days: age(now, last).num_days(),
        until: last,
        policy,
    };
    for session in sessions {
        let due =
            policy.session_ttl_days.zip(session.last_activity).filter(|(days, last)| is_due(age(now, *last), *days));
        match due {
            Some(_) if policy.has_pinned(session.id.as_str()) => {
                plan.kept_pinned.push(kept(name, format!("session {} is pinned", session.id)));
                left.push(session);
            }
            Some((_, last)) => plan.session_candidates.push(candidate(session, last, "session_ttl")),
            None => left.push(session),
        }
        if session.last_activity.is_none() {
            plan.unknown.push(kept(name, format!("the age of session {} is unknown", session.id)));
        }
    }
    let Some(limit) = policy.max_ledger_size else { return };
    let Some(mut size) = left.iter().try_fold(0_u64, |sum, session| Some(sum.saturating_add(session.bytes?))) else {
        return plan.unknown.push(kept(name, "the size of its sessions is unknown"));
    };
    let can_go = |session: &&SessionFacts| !policy.has_pinned(session.id.as_str());
    let mut order: Vec<(&SessionFacts, Timestamp)> =
        left.into_iter().filter(can_go).filter_map(|session| Some((session, session.last_activity?))).collect();
    // What nobody knows the default branch to need counts as needed.
    order.sort_by_key(|(session, last)| {
        (session.on_default != super::OnDefault::No, (*last).min(now), session.id.clone())
    });
    for (session, last) in order {
        if size <= limit {
            return;
        }
        size -= session.bytes.unwrap_or_default();
        plan.session_candidates.push(candidate(session, last, "size_budget"));
    }
    if size > limit {
        plan.kept_pinned.push(kept(name, format!("what is pinned, or of unknown age, has more than {limit} bytes")));
    }
}
