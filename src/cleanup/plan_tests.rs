use proptest::prelude::*;

use super::{Artifact, Facts, LedgerFacts, Need, Plan, Policy, SessionFacts, Timestamp, plan};
use crate::{
    cleanup::{Kept, Sessions},
    git::ObjectId,
    ledger::BranchName,
};

const DAY: i64 = 86_400;

fn id() -> ObjectId {
    ObjectId::from_hex(&[b'1'; 40]).expect("40 hex digits")
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds).expect("in range")
}

fn session(name: &str, last: Option<i64>) -> SessionFacts {
    let id = name.parse().expect("an id");
    SessionFacts { id, last_activity: last.map(at), bytes: Some(10), need: Need::None }
}

fn ledger(name: &str, last: Option<i64>) -> LedgerFacts {
    LedgerFacts {
        reference: name.to_owned(),
        id: id(),
        branch: Some(BranchName::from(name)),
        last_activity: last.map(at),
        sessions: Sessions::Known(vec![session(&format!("in-{name}"), last)]),
        damage: None,
    }
}

fn facts(alive: &[&str], ledgers: Vec<LedgerFacts>) -> Facts {
    let branches = Some(alive.iter().map(|name| BranchName::from(*name)).collect());
    Facts { branches, ledgers, default_branch: Some(BranchName::from("main")), ..Facts::default() }
}

fn names(kept: &[Kept]) -> Vec<&str> {
    kept.iter().map(|kept| kept.reference.as_str()).collect()
}

fn hidden(plan: &Plan) -> Vec<&str> {
    plan.hidden_candidates.iter().map(|candidate| candidate.reference.as_str()).collect()
}

fn going(plan: &Plan) -> Vec<&str> {
    plan.session_candidates.iter().map(|candidate| candidate.session.as_str()).collect()
}

#[test]
fn takes_only_what_is_gone_and_old_enough() {
    let ledgers = vec![
        ledger("alive", Some(0)),
        ledger("old", Some(70 * DAY)),
        ledger("young", Some(70 * DAY + 1)),
        ledger("undated", None),
        LedgerFacts { branch: None, ..ledger("whose", Some(0)) },
        LedgerFacts { sessions: Sessions::Unreadable("it is damaged".to_owned()), ..ledger("damaged", Some(0)) },
        LedgerFacts { damage: Some("a folder is damaged".to_owned()), ..ledger("partly", Some(0)) },
    ];
    let plan = plan(at(100 * DAY), &Policy::default(), &facts(&["alive"], ledgers));
    assert_eq!(hidden(&plan), ["old"]);
    assert_eq!(names(&plan.kept_alive), ["alive"]);
    assert_eq!(names(&plan.kept_due_to_ttl), ["young"]);
    assert_eq!(names(&plan.unknown), ["undated", "whose", "damaged", "partly"]);
}

#[test]
fn a_failed_look_at_the_branches_keeps_everything() {
    let all = Facts { branches: None, ..facts(&[], vec![ledger("old", Some(0))]) };
    let plan = plan(at(100 * DAY), &Policy { hidden_ttl_days: 0, ..Policy::default() }, &all);
    assert!(plan.is_empty() && plan.unknown.len() == 1);
}

#[test]
fn a_forged_future_date_counts_as_now() {
    let all = facts(&[], vec![ledger("2099", Some(4_000_000_000))]);
    let with = |hidden_ttl_days| plan(at(100 * DAY), &Policy { hidden_ttl_days, ..Policy::default() }, &all);
    assert!(with(1).is_empty());
    assert_eq!(hidden(&with(0)), ["2099"]);
}

#[test]
fn a_day_has_24_hours_whatever_the_clocks_of_people_do() {
    // In Paris, 29 March 2026 has 23 hours; 25 October has 25.
    for (last, now, expected) in [
        ("2026-03-28T12:00:00+01:00", "2026-03-29T12:59:59+02:00", 0),
        ("2026-03-28T12:00:00+01:00", "2026-03-29T13:00:00+02:00", 1),
        ("2026-10-24T12:00:00+02:00", "2026-10-25T10:59:59+01:00", 0),
        ("2026-10-24T12:00:00+02:00", "2026-10-25T11:00:00+01:00", 1),
        ("2026-06-30T23:00:00-12:00", "2026-07-02T01:00:00+14:00", 0),
    ] {
        let (last, now): (Timestamp, Timestamp) = (last.parse().expect("a time"), now.parse().expect("a time"));
        let all = facts(&[], vec![ledger("gone", Some(last.seconds()))]);
        let plan = plan(now, &Policy { hidden_ttl_days: 1, ..Policy::default() }, &all);
        assert_eq!(plan.hidden_candidates.len(), expected, "{last} {now}");
    }
}

#[test]
fn what_the_default_branch_needs_is_promoted_and_any_other_need_or_doubt_keeps_the_ledger() {
    let of = |need: Need, promote, default_branch: Option<&str>| {
        let needed = SessionFacts { need, ..session("needed", Some(0)) };
        let sessions = Sessions::Known(vec![session("other", Some(0)), needed]);
        let all = Facts {
            default_branch: default_branch.map(BranchName::from),
            ..facts(&[], vec![LedgerFacts { sessions, ..ledger("gone", Some(0)) }])
        };
        plan(at(100 * DAY), &Policy { promote, ..Policy::default() }, &all)
    };
    let promoted = of(Need::ByDefault, true, Some("main"));
    assert_eq!(promoted.hidden_candidates[0].promotes, ["needed".parse().expect("an id")]);
    assert_eq!(promoted.hidden_candidates[0].sessions.len(), 2);
    for promote in [true, false] {
        let unneeded = of(Need::None, promote, Some("main"));
        assert!(unneeded.hidden_candidates[0].promotes.is_empty());
        let elsewhere = of(Need::By("refs/tags/v1".to_owned()), promote, Some("main"));
        assert!(elsewhere.is_empty() && elsewhere.kept_needed[0].reason.starts_with("refs/tags/v1 "), "{elsewhere:?}");
        let doubtful = of(Need::Unknown("git fetch --unshallow".to_owned()), promote, Some("main"));
        assert!(doubtful.is_empty() && doubtful.unknown[0].reason.contains("git fetch --unshallow"));
    }
    // What cannot be moved stays where it is.
    for kept in [of(Need::ByDefault, false, Some("main")), of(Need::ByDefault, true, None)] {
        assert!(kept.is_empty() && kept.kept_needed.len() == 1, "{kept:?}");
    }
}

#[test]
fn a_limit_that_was_set_on_purpose_removes_what_is_needed_too() {
    let needed = SessionFacts { need: Need::By("refs/heads/release".to_owned()), ..session("needed", Some(0)) };
    let sessions = Sessions::Known(vec![needed, session("young", Some(95 * DAY))]);
    let gone = LedgerFacts { sessions, last_activity: Some(at(0)), ..ledger("gone", Some(0)) };
    let with = |policy| plan(at(100 * DAY), &policy, &facts(&["main"], vec![gone.clone()]));
    assert_eq!(going(&with(Policy::default())), [""; 0]);
    assert_eq!(going(&with(Policy { session_ttl_days: Some(50), ..Policy::default() })), ["needed"]);
    assert_eq!(going(&with(Policy { max_ledger_size: Some(10), ..Policy::default() })), ["young"]);
}

#[test]
fn what_stays_for_a_while_says_since_when_and_for_how_long() {
    for (last, expected) in [
        (90 * DAY, "branch b is gone, last changed on 1970-04-01, kept for 20 more days"),
        (70 * DAY + 1, "branch b is gone, last changed on 1970-03-12, kept for 1 more day"),
        (100 * DAY, "branch b is gone, last changed on 1970-04-11, kept for 30 more days"),
        (4_000_000_000, "branch b is gone, last changed on 1970-04-11, kept for 30 more days"),
    ] {
        let plan = plan(at(100 * DAY), &Policy::default(), &facts(&["main"], vec![ledger("b", Some(last))]));
        assert_eq!(plan.kept_due_to_ttl[0].reason, expected);
    }
}

#[test]
fn what_is_pinned_stays() {
    let artifact =
        |name: &str| Artifact { reference: format!("refs/heads/{name}"), id: id(), last_activity: Some(at(0)) };
    let mut all = facts(&[], vec![ledger("release", Some(0)), ledger("topic", Some(0)), ledger("gone", Some(0))]);
    all.artifacts = vec![artifact("opensession/pr-1-sessions"), artifact("opensession/pr-2-sessions")];
    let pinned = ["release", "in-topic", "opensession/pr-1-sessions"].map(str::to_owned).to_vec();
    let plan = plan(at(100 * DAY), &Policy { pinned, ..Policy::default() }, &all);
    assert_eq!(hidden(&plan), ["gone"]);
    assert_eq!(plan.artifact_candidates[0].branch, "opensession/pr-2-sessions");
    assert_eq!(names(&plan.kept_pinned), ["refs/heads/opensession/pr-1-sessions", "release", "topic"]);
}

#[test]
fn artifact_branches_have_a_time_of_their_own() {
    let reference = "refs/heads/opensession/pr-1-sessions".to_owned();
    let mut all = facts(&[], Vec::new());
    all.artifacts = vec![Artifact { reference, id: id(), last_activity: Some(at(90 * DAY)) }];
    let with = |artifact_ttl_days| plan(at(100 * DAY), &Policy { artifact_ttl_days, ..Policy::default() }, &all);
    assert_eq!((with(10).artifact_candidates.len(), with(11).kept_due_to_ttl.len()), (1, 1));
}

#[test]
fn a_ledger_over_its_budget_loses_the_oldest_first_and_what_the_default_branch_needs_last() {
    let needed = SessionFacts { need: Need::ByDefault, ..session("needed", Some(0)) };
    let all =
        vec![session("young", Some(3)), needed, session("old", Some(1)), session("older", Some(0)), session("x", None)];
    let main = LedgerFacts { sessions: Sessions::Known(all), ..ledger("main", Some(3)) };
    let with = |size| {
        let policy = Policy { max_ledger_size: Some(size), pinned: vec!["older".to_owned()], ..Policy::default() };
        plan(at(4), &policy, &facts(&["main"], vec![main.clone()]))
    };
    assert_eq!(going(&with(50)), [""; 0]);
    assert_eq!(going(&with(49)), ["old"]);
    assert_eq!(going(&with(39)), ["old", "young"]);
    assert_eq!(going(&with(29)), ["old", "young", "needed"]);
    let least = with(1);
    assert_eq!(going(&least), ["old", "young", "needed"]);
    assert!(least.kept_pinned[0].reason.contains("size budget of 1 bytes"), "{least:?}");
}

#[test]
fn sessions_of_a_living_ledger_go_by_their_own_age() {
    let all = vec![session("old", Some(0)), session("pinned", Some(0)), session("young", Some(95 * DAY))];
    let main = LedgerFacts { sessions: Sessions::Known(all), ..ledger("main", Some(95 * DAY)) };
    let policy = Policy { session_ttl_days: Some(10), pinned: vec!["pinned".to_owned()], ..Policy::default() };
    let found = plan(at(100 * DAY), &policy, &facts(&["main"], vec![main.clone()]));
    assert_eq!((going(&found), found.session_candidates[0].policy), (vec!["old"], "session_ttl"));
    assert!(plan(at(100 * DAY), &Policy::default(), &facts(&["main"], vec![main])).is_empty());
}

fn any_session() -> impl Strategy<Value = SessionFacts> {
    let last = proptest::option::weighted(0.9, -4_000_000_000_i64..8_000_000_000);
    let need = prop_oneof![
        3 => Just(Need::None),
        1 => Just(Need::ByDefault),
        1 => Just(Need::Unknown("a gap".to_owned())),
        1 => Just(Need::By("refs/heads/b".to_owned())),
    ];
    (0_u8..12, last, proptest::option::weighted(0.9, 0_u64..1000), need)
        .prop_map(|(number, last, bytes, need)| SessionFacts { bytes, need, ..session(&format!("s{number}"), last) })
}

fn any_ledger() -> impl Strategy<Value = LedgerFacts> {
    let sessions = prop_oneof![
        8 => proptest::collection::vec(any_session(), 0..6).prop_map(|mut all| {
            all.sort_by(|one, other| one.id.cmp(&other.id));
            all.dedup_by(|one, other| one.id == other.id);
            Sessions::Known(all)
        }),
        1 => Just(Sessions::NotLookedAt),
        1 => Just(Sessions::Unreadable("damaged".to_owned())),
    ];
    let last = proptest::option::weighted(0.9, -4_000_000_000_i64..8_000_000_000);
    let damage = proptest::option::weighted(0.1, Just("damaged".to_owned()));
    (0_u8..8, any::<bool>(), last, sessions, damage).prop_map(|(number, is_named, last, sessions, damage)| {
        let name = format!("b{number}");
        let branch = (is_named || number > 2).then(|| BranchName::from(name.as_str()));
        LedgerFacts { branch, sessions, damage, ..ledger(&name, last) }
    })
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let days = || prop_oneof![Just(0_u32), 0_u32..5000, Just(36_500)];
    let pinned = proptest::collection::vec(prop_oneof!["s[0-9]", "b[0-7]"], 0..3);
    let sizes = proptest::option::of(1_u64..2000);
    (days(), days(), proptest::option::of(days()), sizes, any::<bool>(), pinned).prop_map(
        |(hidden_ttl_days, artifact_ttl_days, session_ttl_days, max_ledger_size, promote, pinned)| Policy {
            hidden_ttl_days,
            artifact_ttl_days,
            session_ttl_days,
            max_ledger_size,
            promote,
            pinned,
        },
    )
}

fn known(ledger: &LedgerFacts) -> &[SessionFacts] {
    if let Sessions::Known(sessions) = &ledger.sessions { sessions } else { &[] }
}

fn old_enough(now: i64, last: Option<Timestamp>, days: u32) -> bool {
    last.is_some_and(|last| now - last.seconds().min(now) >= i64::from(days) * DAY)
}

proptest! {
    #[test]
    fn never_takes_a_living_branch_nor_one_within_its_time(
        ledgers in proptest::collection::vec(any_ledger(), 0..8),
        alive in proptest::option::weighted(0.9, proptest::collection::hash_set(0_u8..8, 0..6)),
        policy in any_policy(), now in 0_i64..4_000_000_000, has_default in any::<bool>(),
    ) {
        let mut ledgers = ledgers;
        ledgers.sort_by(|one, other| one.reference.cmp(&other.reference));
        ledgers.dedup_by(|one, other| one.reference == other.reference);
        let branches = alive.map(|alive| alive.iter().map(|number| BranchName::from(format!("b{number}").as_str())).collect());
        let default_branch = has_default.then(|| BranchName::from("b0"));
        let facts = Facts { branches, default_branch, ledgers, ..Facts::default() };
        let plan = plan(at(now), &policy, &facts);
        for ledger in &facts.ledgers {
            let candidate = plan.hidden_candidates.iter().find(|candidate| candidate.reference == ledger.reference);
            let is_alive = |branch: &BranchName| facts.branches.as_ref().is_none_or(|alive| alive.contains(branch));
            let is_gone = ledger.branch.as_ref().is_some_and(|branch| !is_alive(branch));
            let is_pinned = policy.has_pinned(&ledger.reference) || known(ledger).iter().any(|session| policy.has_pinned(session.id.as_str()));
            let can_go = |need: &Need| *need == Need::None || *need == Need::ByDefault && policy.promote && has_default;
            let is_doubtful = !matches!(ledger.sessions, Sessions::Known(_))
                || ledger.damage.is_some()
                || !known(ledger).iter().all(|session| can_go(&session.need));
            let is_due = old_enough(now, ledger.last_activity, policy.hidden_ttl_days);
            prop_assert_eq!(candidate.is_some(), is_gone && is_due && !is_pinned && !is_doubtful);
            let needed = known(ledger).iter().filter(|session| session.need == Need::ByDefault);
            if let Some(candidate) = candidate {
                prop_assert_eq!(candidate.promotes.iter().collect::<Vec<_>>(), needed.map(|session| &session.id).collect::<Vec<_>>());
            }
            // Everything is named somewhere.
            let all = [&plan.kept_due_to_ttl, &plan.kept_alive, &plan.kept_needed, &plan.kept_pinned, &plan.unknown];
            let is_named = all.into_iter().flatten().any(|kept| kept.reference == ledger.reference);
            prop_assert!(candidate.is_some() || is_named);
        }
    }

    #[test]
    fn never_takes_a_session_that_is_pinned_undated_or_within_its_limit(
        ledger in any_ledger(), policy in any_policy(), now in 0_i64..4_000_000_000,
    ) {
        let ledger = LedgerFacts { branch: Some(BranchName::from(ledger.reference.as_str())), ..ledger };
        let facts = facts(&[&ledger.reference], vec![ledger.clone()]);
        let plan = plan(at(now), &policy, &facts);
        prop_assert!(plan.hidden_candidates.is_empty());
        let of = |id: &crate::hail::SessionId| known(&ledger).iter().find(|session| session.id == *id);
        let size = |ids: &[&SessionFacts]| ids.iter().map(|session| session.bytes.unwrap_or_default()).sum::<u64>();
        let mut left: Vec<&SessionFacts> = known(&ledger).iter().collect();
        for candidate in &plan.session_candidates {
            let session = of(&candidate.session).expect("it is there");
            prop_assert!(!policy.has_pinned(session.id.as_str()) && !policy.has_pinned(&ledger.reference));
            prop_assert!(session.last_activity.is_some());
            match candidate.policy {
                "session_ttl" => prop_assert!(old_enough(now, session.last_activity, policy.session_ttl_days.expect("a limit"))),
                _ => prop_assert!(size(&left) > policy.max_ledger_size.expect("a limit"), "no more than is needed"),
            }
            left.retain(|left| left.id != candidate.session);
        }
    }
}
