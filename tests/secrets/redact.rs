//! Taking something out of a session that is stored.

use super::{MODES, OTHER, SECRET, WORD, reachable, secret_log, two_clones};
use crate::support::{Place, World};

/// Runs `redact` with the word on standard input.
fn redact(place: &Place, more: &str) -> crate::support::Ran {
    place.run("sh", &["-c", &format!("echo '{WORD}' | git-session redact {SECRET} --text - {more}")])
}

#[test]
fn what_was_redacted_does_not_come_back_from_a_stale_clone_nor_when_the_session_goes_on() {
    for mode in MODES {
        let world = World::new();
        let (work, clone, remote) = two_clones(&world, mode);
        let ran = redact(&work, "--push").ok();
        assert!(!ran.stdout.contains(WORD) && !ran.stderr.contains(WORD), "{ran}");
        assert!(ran.stderr.contains("rotate any secret"), "{ran}");
        for place in [&work, &remote] {
            assert!(!reachable(place).contains(WORD), "{mode}: it is still there");
        }
        let shown = work.session(&["show", SECRET, "--full"]).ok().stdout;
        assert!(shown.contains("[REDACTED:text:") && shown.contains("It flies."), "{shown}");
        clone.write("more.txt", "more\n");
        clone.commit_all("More");
        clone.session(&["sync"]).ok();
        clone.git(&["pull", "--quiet", "--rebase"]);
        clone.git(&["push", "--quiet"]);
        for place in [&clone, &remote] {
            assert!(!reachable(place).contains(WORD), "{mode}: it came back");
        }
        // The log still has it, and goes on.
        secret_log(&world, &work).writes(&work, "launch.txt", "now\n").prompt(&format!("Again: {WORD}.")).save();
        work.session(&["capture"]).ok();
        work.session(&["sync"]).ok();
        clone.session(&["sync"]).ok();
        for place in [&work, &clone, &remote] {
            assert!(!reachable(place).contains(WORD), "{mode}: it was captured again");
        }
        let shown = clone.json(&["show", SECRET]);
        assert_eq!(shown["stats"]["user_message_count"], 2, "{mode}: {shown}");
        assert_eq!(clone.json(&["log", "--all"]).as_array().map(Vec::len), Some(3), "{mode}");
    }
}

#[test]
fn a_dry_run_says_what_would_be_taken_out_and_changes_nothing() {
    let world = World::new();
    let (work, ..) = two_clones(&world, "hidden_ref");
    let before = work.git(&["for-each-ref"]);
    let ran = redact(&work, "--dry-run --json").ok();
    let answer: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    assert!(answer["rules"]["text"].as_u64().is_some_and(|count| count >= 2), "{ran}");
    assert_eq!(
        (answer["dry_run"].as_bool(), answer["ledgers"].as_array().map(Vec::len)),
        (Some(true), Some(0)),
        "{ran}"
    );
    assert_eq!(work.git(&["for-each-ref"]), before);
    assert!(!work.join(".git/opensession/remembered.json").exists());
    let none = work.session(&["redact", OTHER]).ok();
    assert!(none.stdout.contains("nothing to remove"), "{none}");
    assert_eq!(work.git(&["for-each-ref"]), before);
}

#[test]
fn the_text_is_remembered_here_only_and_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new();
    let (work, clone, _) = two_clones(&world, "hidden_ref");
    redact(&work, "--push").ok();
    let file = work.join(".git/opensession/remembered.json");
    let mode = std::fs::metadata(&file).expect("the file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(std::fs::read_to_string(&file).expect("the file").contains(WORD));
    assert!(!work.git(&["cat-file", "--batch-all-objects", "--batch-check"]).contains("remembered"));
    assert!(!clone.join(".git/opensession/remembered.json").exists());
    // A file that cannot be read stops what is stored, not what is committed.
    std::fs::write(&file, "{").expect("a damaged file");
    let ran = work.session(&["capture"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("remembered.json is damaged"), "{ran}");
}

#[test]
fn a_rule_alone_is_applied_to_what_was_stored_before_there_was_one() {
    let world = World::new();
    let (work, _, remote) = two_clones(&world, "hidden_ref");
    work.git(&["config", "opensession.redact-pattern", "heliotrope-[a-z]+"]);
    let unknown = work.session(&["redact", SECRET, "--rule", "nothing"]);
    assert_eq!(unknown.code, 2, "{unknown}");
    assert!(unknown.stderr.contains("there is no rule 'nothing'"), "{unknown}");
    let answer = work.json(&["redact", SECRET, "--rule", "user-pattern", "--push"]);
    assert_eq!(answer["rules"].as_object().map(serde_json::Map::len), Some(1), "{answer}");
    assert_eq!(answer["ledgers"][0], "refs/opensession/branches/bWFpbg", "{answer}");
    for place in [&work, &remote] {
        assert!(!reachable(place).contains(WORD), "it is still there");
    }
}

#[test]
fn commits_that_have_the_text_in_their_message_are_named() {
    let world = World::new();
    let work = world.repository("work");
    work.session(&["hooks", "install"]).ok();
    secret_log(&world, &work).writes(&work, "launch.txt", "now\n").save();
    work.commit_all("Launch");
    work.wait_for_sessions(1);
    let commit = work.git(&["rev-parse", "HEAD"]);
    assert!(work.message("HEAD").contains(WORD), "{}", work.message("HEAD"));
    let ran = redact(&work, "").ok();
    assert!(ran.stderr.contains(&commit[..10]), "{ran}");
}
