//! Slow connections: a push waits five seconds, and the rest goes on in the background, in portions.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::support::{ClaudeLog, Place, World};

const LEDGER: &str = "refs/opensession/branches/bWFpbg";
/// How many sessions there are, and how many bytes each has at least, none of which can be compressed much.
const SESSIONS: u32 = 12;
const BYTES: usize = 400_000;

fn id(number: u32) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

/// Text that does not compress.
fn noise(seed: u32, length: usize) -> String {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz     ";
    let mut state = u64::from(seed) * 2_654_435_761 + 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(LETTERS[(state >> 33) as usize % LETTERS.len()])
    };
    (0..length).map(|_| next()).collect()
}

/// A shared repository with a commit of many sessions, whose remote takes `rate` bytes a second. Pushes that come
/// after the file `broken` appears are cut off in the middle.
fn slow(rate: usize) -> (World, Place, Place) {
    let world = World::new();
    let (work, remote) = world.shared();
    for number in 1..=SESSIONS {
        let file = format!("file-{number}.txt");
        let log = ClaudeLog::new(&world, &work, &id(number)).prompt("Write.").writes(&work, &file, "x\n");
        log.answer(&noise(number, BYTES)).save();
    }
    work.commit_all("Write");
    work.wait_for_sessions(SESSIONS as usize);
    let gate = world.path().join("gate");
    let throttle = format!(
        "while head -c {} > chunk.$$ && [ -s chunk.$$ ]; do cat chunk.$$ || exit; [ ! -e '{}' ] || exit 1; sleep 0.05; done; rm -f chunk.$$",
        rate / 20,
        world.path().join("broken").display()
    );
    let script = format!("#!/bin/sh\ncd '{}'\n{{ {throttle}; }} | git-receive-pack \"$1\"\n", world.path().display());
    fs::write(&gate, script).expect("a script");
    work.run("chmod", &["+x", &gate.display().to_string()]).ok();
    work.git(&["config", "remote.origin.receivepack", &gate.display().to_string()]);
    (world, work, remote)
}

/// How many sessions the remote has.
fn arrived(remote: &Place) -> usize {
    if remote.references(LEDGER).is_empty() {
        return 0;
    }
    remote.tree(LEDGER).iter().filter(|path| path.ends_with(".hail.jsonl")).count()
}

fn wait_until(what: &str, is_done: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_done() {
        assert!(started.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_a_push_has_no_time_for_arrives_without_another_command() {
    let (_world, work, remote) = slow(400_000);
    let ran = work.run("git", &["push"]).ok();
    assert!(ran.stderr.contains("sent to origin, sending in the background since "), "{ran}");
    assert_eq!(remote.git(&["rev-parse", "main"]), work.git(&["rev-parse", "main"]));
    assert!(arrived(&remote) < SESSIONS as usize, "the connection is too fast for this test");
    let doctor = work.session(&["doctor"]);
    assert!(doctor.stdout.contains("sending in the background since "), "{doctor}");
    // The next push says how it stands, and starts nothing beside it.
    work.write("by-hand.txt", "x\n");
    work.commit_all("By hand");
    let ran = work.run("git", &["push"]).ok();
    assert!(ran.stderr.contains(" of 12 sessions sent to origin, sending in the background since "), "{ran}");
    let said = ran.stderr.split(" of 12").next().and_then(|text| text.rsplit(' ').next()?.parse::<usize>().ok());
    assert!(said.is_some_and(|said| said <= arrived(&remote)), "{ran}");
    // It comes in portions.
    let mut seen = std::collections::BTreeSet::new();
    let started = Instant::now();
    while arrived(&remote) < SESSIONS as usize && started.elapsed() < Duration::from_secs(120) {
        seen.insert(arrived(&remote));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(arrived(&remote), SESSIONS as usize);
    assert!(seen.iter().any(|count| *count > 0), "{seen:?}");
    // The process ends by itself, and nothing is left to do or to say.
    wait_until("the end", || !work.session(&["doctor"]).stdout.contains("sending"));
    let answer = work.json(&["sync"]);
    assert_eq!(answer["pushed"], serde_json::json!([]), "{answer}");
}

#[test]
fn a_portion_that_arrived_stays_when_the_connection_breaks() {
    let (world, work, remote) = slow(400_000);
    work.git(&["push", "--quiet"]);
    wait_until("a portion", || arrived(&remote) > 0);
    fs::write(world.path().join("broken"), "").expect("a file");
    let some = arrived(&remote);
    wait_until("a pause", || !work.session(&["doctor"]).stdout.is_empty() && arrived(&remote) >= some);
    work.git(&["config", "--unset", "remote.origin.receivepack"]);
    fs::remove_file(world.path().join("broken")).expect("the file");
    // Whoever sends tries again, and what comes then is the rest.
    wait_until("the rest", || arrived(&remote) == SESSIONS as usize);
    remote.git(&["fsck", "--strict"]);
}

#[test]
fn a_push_whose_output_is_captured_does_not_wait_for_the_background() {
    let (_world, work, remote) = slow(200_000);
    // The shell reads to the end of the pipe: a process that kept it open would be waited for.
    let ran = work.run("sh", &["-c", "said=$(git push 2>&1 | cat); printf '%s' \"$said\""]).ok();
    assert!(ran.stdout.contains("in the background since "), "{ran}");
    assert!(arrived(&remote) < SESSIONS as usize, "it was waited for");
    wait_until("the sessions", || arrived(&remote) == SESSIONS as usize);
}
