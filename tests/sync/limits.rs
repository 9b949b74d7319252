//! What the host of a remote does not take stays here, and all else goes.

use std::fs;

use super::capture_one;
use crate::support::{ClaudeLog, Place, World};

const MODES: [&str; 2] = ["hidden_ref", "git_notes"];
const BIG: &str = "99999999-2222-4333-8444-555555555555";
/// Every small session is below this, the big one above it.
const LIMIT: &str = "8k";

fn ledger(mode: &str) -> &'static str {
    if mode == "git_notes" { "refs/notes/opensession" } else { "refs/opensession/branches/bWFpbg" }
}

/// A shared repository in `mode` whose remote takes no file above the limit.
fn limited(world: &World, mode: &str) -> (Place, Place) {
    let (work, remote) = world.shared();
    work.git(&["config", "opensession.fanout-mode", mode]);
    work.git(&["config", "opensession.max-blob-size", LIMIT]);
    // A host refuses the whole push for one file.
    let check = "git rev-list --objects --no-object-names --not --all --not \"$3\"";
    let sizes =
        "git cat-file --batch-check='%(objectsize)' | while read -r size; do [ \"$size\" -le 8192 ] || exit 1; done";
    remote.write("hooks/update", &format!("#!/bin/sh\nset -e\n{check} | {sizes}\n"));
    remote.run("chmod", &["+x", "hooks/update"]).ok();
    (work, remote)
}

fn big_log(world: &World, work: &Place, answers: usize) {
    let log = ClaudeLog::new(world, work, BIG).prompt("Tell a long story.").writes(work, "story.txt", "long\n");
    (0..answers).fold(log, |log, _| log.answer(&"Once upon a time. ".repeat(100))).save();
}

/// How many times git pushes to the remote when `arguments` run.
fn pushes(world: &World, work: &Place, arguments: &[&str]) -> usize {
    let file = world.path().join("trace");
    let _ = fs::remove_file(&file);
    work.with("GIT_TRACE", &file.display().to_string()).session(arguments).ok();
    let trace = fs::read_to_string(file).unwrap_or_default();
    trace.lines().filter(|line| line.contains("trace: built-in: git push ")).count()
}

fn has_events(place: &Place, mode: &str, id: &str) -> bool {
    place.tree(ledger(mode)).iter().any(|path| path.ends_with(&format!("{id}.hail.jsonl")))
}

#[test]
fn a_blob_above_the_hosts_limit_is_withheld_with_a_warning() {
    for mode in MODES {
        let world = World::new();
        let (work, remote) = limited(&world, mode);
        let small = capture_one(&world, &work, 1);
        big_log(&world, &work, 10);
        work.commit_all("Tell");
        let pushed = work.run("git", &["push", "--quiet"]).ok();
        let warnings: Vec<&str> = pushed.stderr.lines().collect();
        let [warning] = warnings.as_slice() else { panic!("one line: {pushed}") };
        for part in [BIG, "8.0 KiB", "KiB)", "opensession.max-blob-size", "origin accepts no file"] {
            assert!(warning.contains(part), "{part}: {warning}");
        }
        assert!(!warning.contains(&small), "{warning}");
        assert!(has_events(&remote, mode, &small) && !has_events(&remote, mode, BIG), "{mode}");
        // Nothing is lost here, and there is nothing to say again.
        assert!(work.session(&["show", BIG, "--full"]).ok().stdout.contains("Once upon a time."));
        work.git(&["commit", "--quiet", "--allow-empty", "-m", "By hand"]);
        assert_eq!(work.run("git", &["push", "--quiet"]).ok().stderr, "");
        let (before, tip) = (remote.git(&["rev-parse", ledger(mode)]), work.git(&["rev-parse", ledger(mode)]));
        assert_eq!(pushes(&world, &work, &["sync"]), 0, "there is nothing new");
        let again = work.session(&["sync"]).ok();
        assert!(again.stdout.contains("up to date") && again.stderr.contains(BIG), "{again}");
        assert_eq!(work.json(&["sync"])["withheld"][0]["session"], BIG);
        assert_eq!((remote.git(&["rev-parse", ledger(mode)]), work.git(&["rev-parse", ledger(mode)])), (before, tip));
        assert_eq!(work.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]), "");
    }
}

#[test]
fn what_was_withheld_goes_when_the_limit_does() {
    for mode in MODES {
        let world = World::new();
        let (work, remote) = limited(&world, mode);
        big_log(&world, &work, 10);
        work.commit_all("Tell");
        work.git(&["push", "--quiet"]);
        capture_one(&world, &work, 1);
        work.session(&["sync"]).ok();
        work.git(&["config", "opensession.max-blob-size", "0"]);
        fs::remove_file(remote.join("hooks/update")).expect("a hook");
        work.session(&["sync"]).ok();
        assert!(has_events(&remote, mode, BIG), "{mode}");
        let other = world.clone_of(&remote, "other");
        other.git(&["config", "opensession.fanout-mode", mode]);
        other.session(&["sync"]).ok();
        assert!(other.session(&["show", BIG, "--full"]).ok().stdout.contains("Once upon a time."));
    }
}

#[test]
fn colleagues_see_that_there_is_a_withheld_session_and_both_sides_go_on() {
    for mode in MODES {
        let world = World::new();
        let (work, remote) = limited(&world, mode);
        big_log(&world, &work, 10);
        work.commit_all("Tell");
        work.git(&["push", "--quiet"]);
        let other = world.clone_of(&remote, "other");
        other.git(&["config", "opensession.fanout-mode", mode]);
        other.session(&["sync"]).ok();
        assert_eq!(other.json(&["log"])[0]["is_stub"], true);
        let shown = other.session(&["show", BIG]);
        assert_eq!(shown.code, 1, "{shown}");
        assert!(shown.stderr.contains("metadata only"), "{shown}");
        let theirs = capture_one(&world, &other, 1);
        other.session(&["sync"]).ok();
        big_log(&world, &work, 12);
        work.session(&["capture"]).ok();
        let ours = capture_one(&world, &work, 2);
        for _ in 0..2 {
            work.session(&["sync"]).ok();
            other.session(&["sync"]).ok();
        }
        let mut all = vec![theirs, ours, BIG.to_owned()];
        all.sort();
        assert_eq!((work.stored(), other.stored()), (all.clone(), all), "{mode}");
        assert!(has_events(&work, mode, BIG) && !has_events(&remote, mode, BIG), "{mode}");
        let events = work.json(&["show", BIG])["stats"]["event_count"].clone();
        assert_eq!(work.session(&["show", BIG, "--format", "hail"]).ok().stdout.lines().count(), 17, "{events}");
        assert_eq!(pushes(&world, &work, &["sync"]), 0, "{mode}: both are at rest");
    }
}

#[test]
fn a_session_that_outgrows_the_limit_stays_there_as_it_was() {
    for mode in MODES {
        let world = World::new();
        let (work, remote) = limited(&world, mode);
        big_log(&world, &work, 1);
        work.commit_all("Tell");
        work.git(&["push", "--quiet"]);
        assert!(has_events(&remote, mode, BIG), "{mode}");
        big_log(&world, &work, 10);
        work.session(&["capture"]).ok();
        let ran = work.session(&["sync"]).ok();
        assert!(ran.stderr.contains(BIG), "{ran}");
        assert!(has_events(&remote, mode, BIG), "{mode}: what was pushed once stays");
        assert_eq!(pushes(&world, &work, &["sync"]), 0, "{mode}");
    }
}

#[test]
fn a_push_of_many_ledgers_is_chunked() {
    let world = World::new();
    let (work, remote) = world.shared();
    for number in 1..=5 {
        work.git(&["switch", "--quiet", "-c", &format!("topic-{number}")]);
        work.git(&["push", "--quiet", "origin", &format!("topic-{number}")]);
        capture_one(&world, &work, number);
    }
    work.git(&["config", "opensession.max-push-references", "2"]);
    assert_eq!(pushes(&world, &work, &["sync", "origin"]), 3);
    assert_eq!(remote.references("refs/opensession/").len(), 5);
    for number in 1..=5 {
        work.git(&["switch", "--quiet", &format!("topic-{number}")]);
        capture_one(&world, &work, 10 + number);
    }
    work.git(&["config", "opensession.max-push-references", "0"]);
    assert_eq!(pushes(&world, &work, &["sync", "origin"]), 1, "all in one go where nothing is in the way");
}

#[test]
fn a_ledger_above_the_limit_of_a_push_goes_in_parts() {
    for mode in MODES {
        let world = World::new();
        let (work, remote) = world.shared();
        work.git(&["config", "opensession.fanout-mode", mode]);
        let ids: Vec<String> = (1..=6).map(|number| capture_one(&world, &work, number)).collect();
        work.git(&["config", "opensession.max-push-size", "4k"]);
        assert!(pushes(&world, &work, &["sync"]) > 1, "{mode}");
        for id in &ids {
            assert!(has_events(&remote, mode, id), "{mode}: {id}");
        }
        assert_eq!(pushes(&world, &work, &["sync"]), 0, "{mode}");
        assert_eq!(work.stored(), ids);
        let other = world.clone_of(&remote, "other");
        other.git(&["config", "opensession.fanout-mode", mode]);
        other.session(&["sync"]).ok();
        assert_eq!(other.stored(), ids);
    }
}

#[test]
fn a_limit_without_meaning_is_explained() {
    let world = World::new();
    let (work, _) = world.shared();
    work.git(&["config", "opensession.max-blob-size", "plenty"]);
    let ran = work.session(&["sync"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("opensession.max-blob-size: 'plenty'"), "{ran}");
}
