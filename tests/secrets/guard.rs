//! The second look for secrets, before anything goes to a remote.

use super::{MODES, OTHER, SECRET, WORD, log, reachable, secret_log, settle};
use crate::support::World;

#[test]
fn a_session_that_still_holds_a_secret_stays_and_the_others_go() {
    for mode in MODES {
        let world = World::new();
        settle(&world, mode);
        let (work, remote) = world.shared();
        secret_log(&world, &work).writes(&work, "launch.txt", "now\n").save();
        work.git(&["add", "--all"]);
        work.git(&["commit", "--quiet", "-m", "Launch"]);
        work.wait_for_sessions(1);
        log(&world, &work, OTHER);
        work.session(&["capture"]).ok();
        // From now on the word is known to be one.
        work.git(&["config", "opensession.redact-pattern", WORD]);
        let pushed = work.run("git", &["push"]).ok();
        let named = format!("session {SECRET} was not pushed to origin");
        assert!(pushed.stderr.contains(&named), "{mode}: {pushed}");
        for said in ["title", "user-pattern", &format!("git session redact {SECRET}")] {
            assert!(pushed.stderr.contains(said), "{mode}: {pushed}");
        }
        let there = reachable(&remote);
        assert!(!there.contains(WORD) && there.contains(OTHER), "{mode}: {there}");
        let ran = work.session(&["sync", "--json"]);
        assert_eq!(ran.code, 1, "{ran}");
        let answer: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
        assert_eq!(answer["leaks"][0]["session"], SECRET, "{answer}");
        assert_eq!(answer["leaks"][0]["rule"], "user-pattern", "{answer}");
        work.session(&["redact", SECRET]).ok();
        work.session(&["sync"]).ok();
        let there = reachable(&remote);
        assert!(there.contains("[REDACTED:user-pattern:"), "{mode}: it did not go");
        assert!(!there.contains(WORD), "{mode}: {there}");
        assert!(work.session(&["sync"]).ok().stdout.contains("up to date"));
    }
}

#[test]
fn rules_that_do_not_load_push_nothing_and_hold_up_no_push() {
    let world = World::new();
    let (work, remote) = world.shared();
    log(&world, &work, OTHER);
    work.session(&["capture"]).ok();
    work.git(&["config", "opensession.redact-pattern", "("]);
    assert_eq!(work.session(&["sync"]).code, 1);
    work.git(&["commit", "--quiet", "--allow-empty", "-m", "More"]);
    work.git(&["push", "--quiet"]);
    assert_eq!(remote.references("refs/opensession/"), [""; 0]);
    assert_eq!(remote.git(&["rev-parse", "main"]), work.git(&["rev-parse", "main"]));
}

#[test]
fn what_the_remote_has_is_not_looked_at_again() {
    let world = World::new();
    let (work, remote) = world.shared();
    secret_log(&world, &work).save();
    work.session(&["capture"]).ok();
    work.session(&["sync"]).ok();
    work.git(&["config", "opensession.redact-pattern", WORD]);
    log(&world, &work, OTHER);
    work.session(&["capture"]).ok();
    work.session(&["sync"]).ok();
    assert!(reachable(&remote).contains(OTHER));
}
