//! What the janitor does not know, it leaves alone.

use git_session::{
    cleanup::{self, Place as Where, Policy},
    git::Repository,
    hail::Timestamp,
};

use super::capture_one;
use crate::support::{NOW, Place, World};

/// A repository whose remote has the ledger of a branch that is gone.
fn orphaned() -> (World, Place, Place) {
    let world = World::new();
    let (work, remote) = world.shared();
    capture_one(&world, &work, 1);
    work.git(&["push", "--quiet", "origin", "main:gone"]);
    work.session(&["sync"]).ok();
    work.git(&["push", "--quiet", "origin", ":gone"]);
    (world, work, remote)
}

const LEDGER: &str = "refs/opensession/branches/Z29uZQ";

#[test]
fn a_ledger_that_got_something_new_after_the_look_is_not_deleted() {
    let (_world, work, remote) = orphaned();
    let repository = Repository::open(&work.path).expect("a repository");
    let now: Timestamp = NOW.parse().expect("a time");
    let remote_place = Where::Remote("origin".to_owned());
    let policy = Policy { hidden_ttl_days: 0, ..Policy::default() };
    let facts = cleanup::examine(&repository, &remote_place, &policy, now).expect("facts");
    let plan = cleanup::plan(now, &policy, &facts);
    assert_eq!(
        plan.hidden_candidates.iter().map(|candidate| candidate.reference.as_str()).collect::<Vec<_>>(),
        [LEDGER]
    );
    // Somebody pushes before the janitor comes to delete.
    let tree = remote.git(&["rev-parse", &format!("{LEDGER}^{{tree}}")]);
    let identity = ["-c", "user.name=B", "-c", "user.email=b@example.org"];
    let newer = remote.git(&[&identity[..], &["commit-tree", "-p", LEDGER, "-m", "newer", tree.trim()]].concat());
    remote.git(&["update-ref", LEDGER, newer.trim()]);
    let swept = cleanup::sweep(&repository, &remote_place, (&facts, &plan), now).expect("a sweep");
    assert!(swept.deleted.is_empty() && swept.failed.len() == 1, "{swept:?}");
    assert_eq!(remote.git(&["rev-parse", LEDGER]), newer);
}

#[test]
fn a_remote_that_does_not_answer_loses_nothing() {
    let (world, work, remote) = orphaned();
    // What is here of the branch that is gone stays too.
    work.git(&["update-ref", LEDGER, "refs/opensession/branches/bWFpbg"]);
    std::fs::rename(&remote.path, world.path().join("away.git")).expect("a remote");
    let ran = work.session(&["cleanup", "run", "--apply", "--hidden-ttl-days", "0"]);
    assert_ne!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("nothing was deleted"), "{ran}");
    std::fs::rename(world.path().join("away.git"), &remote.path).expect("a remote");
    assert_eq!((remote.references(LEDGER), work.references(LEDGER)), (vec![LEDGER.into()], vec![LEDGER.into()]));
}

#[test]
fn an_absurd_number_of_days_is_refused() {
    let (_world, work, remote) = orphaned();
    for days in ["-1", "36501", "99999999999", "many", ""] {
        let ran = work.session(&["cleanup", "run", "--apply", &format!("--hidden-ttl-days={days}")]);
        assert!(ran.code == 2 && ran.stderr.contains("--hidden-ttl-days"), "{days}: {ran}");
    }
    assert_eq!(remote.references(LEDGER), [LEDGER]);
}
