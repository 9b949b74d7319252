//! Removing a session for good.

use super::{MODES, OTHER, SECRET, WORD, log, reachable, secret_log, two_clones};
use crate::support::World;

#[test]
fn a_purged_session_does_not_come_back_from_a_stale_clone() {
    for mode in MODES {
        let world = World::new();
        let (work, clone, remote) = two_clones(&world, mode);
        let purged = work.session(&["purge", SECRET, "--push", "--yes"]).ok();
        for said in ["rotate any secret", "other clones", "capture --again"] {
            assert!(purged.stderr.contains(said), "{mode}: {purged}");
        }
        for place in [&work, &remote] {
            assert!(!reachable(place).contains(WORD), "{mode}: it is still there");
        }
        // The other clone has not heard of it.
        let new = "44444444-2222-4333-8444-555555555555";
        log(&world, &clone, new);
        clone.session(&["capture"]).ok();
        assert!(reachable(&clone).contains(WORD), "{mode}");
        clone.session(&["sync"]).ok();
        clone.write("more.txt", "more\n");
        clone.commit_all("More");
        clone.git(&["pull", "--quiet", "--rebase"]);
        clone.git(&["push", "--quiet"]);
        for place in [&work, &clone, &remote] {
            assert!(!reachable(place).contains(WORD), "{mode}: it came back");
        }
        work.session(&["sync"]).ok();
        assert_eq!(work.stored().len(), 3, "{mode}");
        assert!(!reachable(&work).contains(WORD), "{mode}: it came back");
        let shown = clone.session(&["show", SECRET]);
        assert!(shown.stderr.contains(&format!("the session {SECRET} was purged on 2026-02-01")), "{shown}");
    }
}

#[test]
fn a_stale_clone_that_pushes_without_looking_does_not_bring_a_purged_session_back() {
    for mode in MODES {
        let world = World::new();
        let (work, clone, remote) = two_clones(&world, mode);
        work.session(&["purge", SECRET, "--push", "--yes"]).ok();
        clone.git(&["pull", "--quiet", "--rebase"]);
        let log = crate::support::ClaudeLog::new(&world, &clone, "44444444-2222-4333-8444-555555555555");
        log.prompt("Write.").writes(&clone, "more.txt", "more\n").save();
        clone.commit_all("More");
        clone.git(&["push", "--quiet"]);
        assert!(!reachable(&remote).contains(WORD), "{mode}: it came back");
        assert!(!reachable(&clone).contains(WORD), "{mode}: it came back");
        assert_eq!(clone.stored().len(), 3, "{mode}");
    }
}

#[test]
fn without_push_the_next_sync_takes_a_purged_session_from_the_remote() {
    for mode in MODES {
        let world = World::new();
        let (work, _, remote) = two_clones(&world, mode);
        let purged = work.session(&["purge", SECRET, "--yes"]).ok();
        assert!(purged.stderr.contains("git session sync"), "{purged}");
        assert!(!reachable(&work).contains(WORD), "{mode}: it is still there");
        assert!(reachable(&remote).contains(WORD), "{mode}: nothing was to be pushed");
        assert!(!work.stored().contains(&SECRET.to_owned()));
        work.session(&["sync"]).ok();
        for place in [&work, &remote] {
            assert!(!reachable(place).contains(WORD), "{mode}: it is still there");
        }
        assert!(work.stored().contains(&OTHER.to_owned()));
    }
}

#[test]
fn a_purged_session_is_not_captured_again_unless_somebody_says_so() {
    for mode in MODES {
        let world = World::new();
        let (work, clone, remote) = two_clones(&world, mode);
        work.session(&["purge", SECRET, "--push", "--yes"]).ok();
        let file = secret_log(&world, &work).file().display().to_string();
        for arguments in [&["capture", "--all"][..], &["capture", &file]] {
            let ran = work.session(arguments).ok();
            assert!(
                ran.stderr.contains(&format!("{SECRET} was not stored, since it was purged on 2026-02-01")),
                "{ran}"
            );
            assert!(ran.stderr.contains(&format!("git session capture --again '{file}'")), "{ran}");
        }
        assert!(!reachable(&work).contains(WORD), "{mode}");
        // A commit that names it does not bring it back either, and is not held up.
        work.git(&["commit", "--quiet", "--allow-empty", "-m", &format!("Again\n\nAI-Session: {SECRET}\n")]);
        let pushed = work.run("git", &["push"]).ok();
        assert!(!pushed.stderr.contains("error"), "{pushed}");
        assert!(!reachable(&remote).contains(WORD), "{mode}");
        work.session(&["capture", "--again", &file]).ok();
        secret_log(&world, &work).prompt("And once more.").save();
        work.session(&["capture"]).ok();
        work.session(&["sync"]).ok();
        clone.session(&["sync"]).ok();
        for place in [&work, &clone] {
            assert_eq!(place.json(&["show", SECRET])["stats"]["user_message_count"], 2, "{mode}");
        }
        work.session(&["sync"]).ok();
        assert!(work.stored().contains(&SECRET.to_owned()), "{mode}");
    }
}

#[test]
fn a_session_that_only_the_remote_has_is_purged_there_too() {
    let world = World::new();
    let (_, _, remote) = two_clones(&world, "hidden_ref");
    let fresh = world.clone_of(&remote, "fresh");
    fresh.session(&["sync", "--fetch-only"]).ok();
    let purged = fresh.json(&["purge", &SECRET[..8], "--push", "--yes"]);
    assert_eq!((purged["session"].as_str(), purged["remote"].as_str()), (Some(SECRET), Some("origin")), "{purged}");
    assert_eq!(purged["pushed"][0], "main", "{purged}");
    for place in [&fresh, &remote] {
        assert!(!reachable(place).contains(WORD), "it is still there");
    }
    assert_eq!(fresh.stored().len(), 2);
}

#[test]
fn former_values_of_notes_are_forgotten() {
    let world = World::new();
    let (work, ..) = two_clones(&world, "git_notes");
    work.git(&["notes", "--ref=opensession", "append", "-m", "A remark.", "HEAD"]);
    work.session(&["purge", SECRET, "--push", "--yes"]).ok();
    let script = "git rev-list --objects --all --reflog | cut -d' ' -f1 | git cat-file --batch";
    let all = work.run("sh", &["-c", script]).ok().stdout;
    assert!(!all.contains(WORD) && all.contains("A remark."), "the reflog has it");
}

#[test]
fn what_cannot_be_purged_is_explained() {
    let world = World::new();
    let (work, ..) = two_clones(&world, "hidden_ref");
    work.write("log.jsonl", "{}\n");
    let refused = |arguments: &[&str], said: &str, hint: &str| {
        let ran = work.session(arguments);
        assert!([1, 2].contains(&ran.code), "{ran}");
        assert!(ran.stderr.contains(said) && ran.stderr.contains(hint), "{said}: {ran}");
    };
    for command in ["purge", "redact"] {
        refused(&[command, "nothing"], "no session 'nothing' in this repository", "git session log");
        let variant = format!("{SECRET}~01234567");
        refused(&[command, &variant], "is one version of a session", &format!("git session {command} {SECRET}"));
        refused(&[command, "HEAD~2"], "names 2 sessions", &format!("git session {command} "));
    }
    refused(&["purge", SECRET], "no terminal", &format!("git session purge {SECRET} --yes"));
    assert!(work.stored().contains(&SECRET.to_owned()));
    work.git(&["config", "opensession.remotes", "elsewhere"]);
    refused(&["purge", SECRET, "--push", "--yes"], "sessions may not go to 'origin'", "opensession.remotes");
    assert!(work.stored().contains(&SECRET.to_owned()));
}

#[test]
fn what_lies_beside_the_ledgers_goes_too() {
    use crate::interop::{
        beside_opensession,
        opensession::{ARTIFACT, LEDGER, SHARE, SHARED, SUMMARIES, WHOLE},
    };
    let (world, work, remote) = beside_opensession();
    let clone = world.clone_of(&remote, "clone");
    clone.session(&["sync"]).ok();
    work.session(&["sync"]).ok();
    let purged = work.json(&["purge", WHOLE, "--push", "--yes"]);
    assert_eq!(purged["artifacts"][0].as_str(), ARTIFACT.rsplit('/').next(), "{purged}");
    assert_eq!(purged["summaries"], true, "{purged}");
    work.json(&["purge", SHARED, "--push", "--yes"]);
    // The other clone still has all of it, and is asked to give it to everybody.
    clone.session(&["sync"]).ok();
    work.session(&["sync"]).ok();
    for place in [&work, &clone, &remote] {
        assert_eq!(place.references(ARTIFACT), [""; 0], "the artifact came back");
        let summaries = place.tree(SUMMARIES);
        assert!(!summaries.iter().any(|path| path.contains(WHOLE)), "{summaries:?}");
        // The other clone knows this ledger only as the remote has it.
        let ledger = if place.references(LEDGER).is_empty() { Vec::new() } else { place.tree(LEDGER) };
        let is_left = |path: &&String| (path.contains(WHOLE) || path.contains(SHARE)) && !path.contains("tombstones");
        assert_eq!(ledger.iter().find(is_left), None, "{ledger:?}");
        assert!(!reachable(place).contains("Round the totals"), "something quotes it");
    }
}

#[test]
fn a_ledger_that_was_removed_with_its_branch_is_not_pushed_again() {
    use git_session::{
        git::Repository,
        ledger::{self, BranchName, GoneLedger, Tombstones},
    };
    let world = World::new();
    let (work, remote) = world.shared();
    work.git(&["switch", "--quiet", "-c", "topic"]);
    log(&world, &work, OTHER);
    work.session(&["capture"]).ok();
    work.session(&["sync", "--branch", "topic"]).ok();
    work.git(&["switch", "--quiet", "main"]);
    let topic = BranchName::from("topic");
    assert_eq!(remote.references(&topic.reference()).len(), 1);
    // Somebody else's janitor removes it on the remote, and says so in the ledger of the default branch.
    let janitor = world.clone_of(&remote, "janitor");
    for (key, value) in [("user.name", "A. Developer"), ("user.email", "developer@example.org")] {
        janitor.git(&["config", key, value]);
    }
    let purge_at = |time: &str| {
        let gone = GoneLedger::new(&topic, time.parse().expect("a time"), "hidden_ttl");
        let tombstones = Tombstones { sessions: Vec::new(), ledgers: vec![gone] };
        let repository = Repository::open(&janitor.path).expect("a repository");
        let now = crate::support::NOW.parse().expect("a time");
        ledger::ALL[0].apply(&repository, &BranchName::from("main"), &tombstones, now).expect("a removal");
    };
    purge_at(crate::support::NOW);
    remote.git(&["update-ref", "-d", &topic.reference()]);
    janitor.session(&["sync"]).ok();
    for _ in 0..2 {
        work.session(&["sync", "--branch", "topic"]).ok();
        assert_eq!(remote.references(&topic.reference()), [""; 0], "it came back");
    }
    assert_eq!(work.stored(), [OTHER], "what is here stays here");
    // What went on afterwards goes.
    work.git(&["switch", "--quiet", "topic"]);
    let later = "2026-02-02T10:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().expect("a time");
    crate::support::ClaudeLog::new(&world, &work, SECRET).at(later.into()).prompt("Go on.").save();
    work.session(&["capture"]).ok();
    work.session(&["sync", "--branch", "topic"]).ok();
    assert_eq!(remote.references(&topic.reference()).len(), 1);
}
