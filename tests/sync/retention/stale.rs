//! Clones that have not heard of what the janitor let go.

use std::time::{Duration, SystemTime};

use serde_json::json;

use super::{MAIN, TOPIC, capture_old, day, deleted, drop_topic, id, topic_with};
use crate::support::{ClaudeLog, NOW, World};

#[test]
fn a_stale_clone_brings_back_nothing_that_expired_and_loses_nothing_that_went_on() {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1]);
    let stale = world.clone_of(&remote, "stale");
    stale.git(&["switch", "--quiet", "topic"]);
    stale.session(&["sync"]).ok();
    stale.git(&["update-ref", TOPIC, "refs/opensession-remote/origin/branches/dG9waWM"]);
    drop_topic(&work);
    let done = work.json(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply"]);
    assert_eq!(deleted(&done), [TOPIC], "{done}");

    let answer = stale.json(&["sync"]);
    assert_eq!(answer["pushed"], json!([]), "{answer}");
    assert_eq!(remote.references("refs/opensession/"), [MAIN]);
    // Who has it still can read it; who does not is told that it was there.
    assert_eq!(stale.stored(), [id(1)]);
    let fresh = world.clone_of(&remote, "fresh");
    fresh.session(&["sync"]).ok();
    let ran = fresh.session(&["show", &id(1)]);
    assert!(ran.code == 1 && ran.stderr.contains("expired on 2026-02-01"), "{ran}");
    let ran = fresh.session(&["show", &id(9)]);
    assert!(ran.code == 1 && !ran.stderr.contains("expired"), "{ran}");

    // It goes on there: the janitor did not examine that.
    ClaudeLog::new(&world, &stale, &id(2))
        .at(SystemTime::from(day(NOW)) + Duration::from_secs(60))
        .prompt("Go on.")
        .answer("On.")
        .save();
    stale.session(&["capture"]).ok();
    stale.git(&["push", "--quiet", "origin", "topic"]);
    stale.session(&["sync"]).ok();
    assert!(remote.stored().contains(&id(2)));
}

#[test]
fn a_stale_clone_brings_back_no_session_that_expired_in_a_living_ledger() {
    let world = World::new();
    let (work, remote) = world.shared();
    capture_old(&world, &work, 1, 100);
    capture_old(&world, &work, 2, 5);
    work.session(&["sync"]).ok();
    let stale = world.clone_of(&remote, "stale");
    stale.session(&["sync"]).ok();
    capture_old(&world, &stale, 3, 1);
    work.session(&["cleanup", "run", "--apply", "--session-ttl-days", "90"]).ok();
    stale.session(&["sync"]).ok();
    assert_eq!(remote.stored(), [id(2), id(3)]);
    assert_eq!(stale.stored(), [id(2), id(3)]);
    let ran = stale.session(&["show", &id(1)]);
    assert!(ran.code == 1 && ran.stderr.contains("expired on 2026-02-01"), "{ran}");
    let all = remote.git(&["rev-list", "--objects", "--all"]);
    assert!(!all.contains(&format!("{}.hail.jsonl", id(1))), "{all}");
}
