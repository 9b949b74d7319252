//! Decides what may go. No clock, no repository, no network: everything is given.

use std::collections::HashSet;

use serde::Serialize;

use crate::{git::ObjectId, hail::Timestamp, ledger::BranchName};

/// How long sessions are kept. A number of 0 days lets go at the next run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How many days the ledger of a branch that is gone stays.
    pub hidden_ttl_days: u32,
    /// How many days the branch with the sessions of a review stays.
    pub artifact_ttl_days: u32,
    /// How many days a session stays in the ledger of a living branch; `None` for ever.
    pub session_ttl_days: Option<u32>,
    /// How many bytes the sessions of one ledger may have; `None` for any number.
    pub max_ledger_size: Option<u64>,
    /// Whether the sessions of commits that the default branch has move to its ledger before the
    /// ledger of their branch goes.
    pub promote: bool,
    /// Sessions, by id, and branches, by name, that stay whatever else is said.
    pub pinned: Vec<String>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            hidden_ttl_days: 30,
            artifact_ttl_days: 30,
            session_ttl_days: None,
            max_ledger_size: None,
            promote: true,
            pinned: Vec::new(),
        }
    }
}

/// What is known about one place, a remote or this repository.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The branches that live there; `None` when that could not be found out.
    pub branches: Option<HashSet<BranchName>>,
    /// The ledgers that are there.
    pub ledgers: Vec<HiddenLedger>,
}

/// A ledger that is there.
#[derive(Clone, Debug)]
pub struct HiddenLedger {
    /// Its reference.
    pub reference: String,
    /// What it points at.
    pub id: ObjectId,
    /// Its branch, where that is known.
    pub branch: Option<BranchName>,
    /// The youngest sign of life, where there is one.
    pub last_activity: Option<Timestamp>,
}

/// A ledger that may go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Candidate {
    /// Its reference.
    pub reference: String,
    /// The object that was examined: nothing else is deleted.
    #[serde(serialize_with = "as_text")]
    pub id: ObjectId,
    /// Its branch.
    pub branch: String,
    /// Days since the last sign of life.
    pub age_days: i64,
}

/// A ledger that stays, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Its reference.
    pub reference: String,
    /// Why it stays.
    pub reason: String,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// Ledgers whose branch is gone and whose time is up.
    pub hidden_candidates: Vec<Candidate>,
    /// Ledgers whose branch is gone but whose time is not up.
    pub kept_due_to_ttl: Vec<Kept>,
    /// Ledgers whose branch lives.
    pub kept_alive: Vec<Kept>,
    /// Ledgers about which too little is known.
    pub kept_unknown: Vec<Kept>,
}

fn as_text<S: serde::Serializer>(id: &ObjectId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// Decides about every ledger. A time in the future counts as now; what is unknown stays.
#[must_use]
pub fn plan(now: Timestamp, policy: &Policy, facts: &Facts) -> Plan {
    let mut plan = Plan::default();
    for ledger in &facts.ledgers {
        let keep = |reason: &str| Kept { reference: ledger.reference.clone(), reason: reason.to_owned() };
        let (Some(branches), Some(branch)) = (&facts.branches, &ledger.branch) else {
            let reason = if facts.branches.is_none() { "the branches are unknown" } else { "its branch is unknown" };
            plan.kept_unknown.push(keep(reason));
            continue;
        };
        if branches.contains(branch) {
            plan.kept_alive.push(keep("its branch exists"));
            continue;
        }
        let Some(last) = ledger.last_activity else {
            plan.kept_unknown.push(keep("its age is unknown"));
            continue;
        };
        let age = now.since(last.min(now));
        if age < chrono::TimeDelta::days(i64::from(policy.hidden_ttl_days)) {
            let reason = format!("{} of {} days old", age.num_days(), policy.hidden_ttl_days);
            plan.kept_due_to_ttl.push(keep(&reason));
        } else {
            plan.hidden_candidates.push(Candidate {
                reference: ledger.reference.clone(),
                id: ledger.id,
                branch: branch.to_string(),
                age_days: age.num_days(),
            });
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Facts, HiddenLedger, ObjectId, Policy, Timestamp, plan};
    use crate::ledger::BranchName;

    fn id() -> ObjectId {
        ObjectId::from_hex(&[b'1'; 40]).expect("40 hex digits")
    }

    fn ledger(name: &str, last: Option<i64>) -> HiddenLedger {
        HiddenLedger {
            reference: name.to_owned(),
            id: id(),
            branch: Some(BranchName::from(name)),
            last_activity: last.and_then(Timestamp::from_seconds),
        }
    }

    const DAY: i64 = 86_400;

    #[test]
    fn takes_only_what_is_gone_and_old_enough() {
        let now = Timestamp::from_seconds(100 * DAY).expect("in range");
        let branches = Some([BranchName::from("alive")].into_iter().collect());
        let ledgers = vec![
            ledger("alive", Some(0)),
            ledger("old", Some(70 * DAY)),
            ledger("young", Some(70 * DAY + 1)),
            ledger("?", None),
        ];
        let plan = plan(now, &Policy::default(), &Facts { branches, ledgers });
        let names = |kept: &[super::Kept]| kept.iter().map(|kept| kept.reference.clone()).collect::<Vec<_>>();
        assert_eq!(plan.hidden_candidates.iter().map(|c| c.reference.as_str()).collect::<Vec<_>>(), ["old"]);
        assert_eq!(names(&plan.kept_alive), ["alive"]);
        assert_eq!(names(&plan.kept_due_to_ttl), ["young"]);
        assert_eq!(names(&plan.kept_unknown), ["?"]);
    }

    #[test]
    fn a_failed_look_at_the_branches_keeps_everything() {
        let now = Timestamp::from_seconds(100 * DAY).expect("in range");
        let facts = Facts { branches: None, ledgers: vec![ledger("old", Some(0))] };
        let plan = plan(now, &Policy { hidden_ttl_days: 0, ..Policy::default() }, &facts);
        assert!(plan.hidden_candidates.is_empty() && plan.kept_unknown.len() == 1);
    }

    #[test]
    fn a_forged_future_date_counts_as_now() {
        let now = Timestamp::from_seconds(100 * DAY).expect("in range");
        let facts = Facts { branches: Some([].into()), ledgers: vec![ledger("2099", Some(4_000_000_000))] };
        assert!(plan(now, &Policy { hidden_ttl_days: 1, ..Policy::default() }, &facts).hidden_candidates.is_empty());
        assert_eq!(plan(now, &Policy { hidden_ttl_days: 0, ..Policy::default() }, &facts).hidden_candidates.len(), 1);
    }

    proptest! {
        #[test]
        fn never_takes_a_living_branch_nor_one_within_its_time(
            alive in any::<bool>(), last in -4_000_000_000_i64..8_000_000_000, now in 0_i64..4_000_000_000, ttl in 0_u32..5000,
        ) {
            let (Some(now_at), Some(last_at)) = (Timestamp::from_seconds(now), Timestamp::from_seconds(last)) else { return Ok(()) };
            let branches = Some(if alive { [BranchName::from("b")].into() } else { [].into() });
            let facts = Facts { branches, ledgers: vec![ledger("b", Some(last))] };
            let plan = plan(now_at, &Policy { hidden_ttl_days: ttl, ..Policy::default() }, &facts);
            let is_due = now - last_at.seconds().min(now) >= i64::from(ttl) * DAY;
            prop_assert_eq!(!plan.hidden_candidates.is_empty(), !alive && is_due);
        }
    }
}
