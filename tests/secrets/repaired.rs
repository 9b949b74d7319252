//! What a clone that had not heard of a removal brought back to the remote.

use super::{MODES, OTHER, SECRET, WORD, log, reachable, secret_log, two_clones};
use crate::support::{NOW, Place, World};

/// A session of the topic.
const THIRD: &str = "44444444-2222-4333-8444-555555555555";
const TOPIC: &str = "refs/opensession/branches/dG9waWM";

/// Pushes, from a clone that has not fetched since, a branch of its own whose ledger has the session.
fn bring_back(world: &World, clone: &Place) {
    clone.git(&["switch", "--quiet", "--create", "topic"]);
    secret_log(world, clone).writes(clone, "again.txt", "again\n").save();
    log(world, clone, THIRD);
    // This one has no commit, and is sent all the same.
    clone.git(&["config", "opensession.push-unlinked", "true"]);
    clone.commit_all("Again");
    clone.session(&["capture"]).ok();
    clone.git(&["push", "--quiet", "--set-upstream", "origin", "topic"]);
}

fn remove(work: &Place, command: &str) {
    let line = match command {
        "purge" => format!("git-session purge {SECRET} --push --yes"),
        _ => format!("echo '{WORD}' | git-session redact {SECRET} --text - --push"),
    };
    work.run("sh", &["-c", &line]).ok();
}

#[test]
fn a_sync_takes_what_was_removed_from_a_ledger_that_a_stale_clone_pushed() {
    for (mode, command) in [(MODES[0], "purge"), (MODES[0], "redact"), (MODES[1], "purge")] {
        let world = World::new();
        let (work, clone, remote) = two_clones(&world, mode);
        remove(&work, command);
        bring_back(&world, &clone);
        let is_hidden = mode == MODES[0];
        assert_eq!(reachable(&remote).contains(WORD), is_hidden, "{mode}: the one ledger of notes is merged");
        let others = world.clone_of(&remote, "fresh");
        for (place, is_first) in [(&others, true), (&work, false)] {
            let synced = place.session(&["sync"]).ok();
            let said = "removed purged or redacted content from the sessions of topic on origin";
            assert_eq!(synced.stderr.contains(said), is_hidden && is_first, "{mode} {command}: {synced}");
            assert!(!reachable(&remote).contains(WORD), "{mode} {command}: it is still there");
            assert!(!reachable(place).contains(WORD), "{mode} {command}: it is still here");
            assert_eq!(place.references(TOPIC), [""; 0], "a ledger of a branch that is not here was made");
        }
        if is_hidden {
            let files = remote.tree(TOPIC);
            assert!(files.iter().any(|path| path.ends_with(&format!("{THIRD}.hail.jsonl"))), "{files:?}");
        }
        // Nobody undoes what another did.
        clone.session(&["sync"]).ok();
        work.session(&["sync"]).ok();
        let tips = remote.git(&["for-each-ref"]);
        for place in [&clone, &work, &others, &clone] {
            let synced = place.session(&["sync"]).ok();
            assert!(!synced.stderr.contains("removed purged"), "{mode} {command}: {synced}");
            assert_eq!(remote.git(&["for-each-ref"]), tips, "{mode} {command}");
            assert!(!reachable(place).contains(WORD), "{mode} {command}: it came back");
        }
    }
}

#[test]
fn what_only_expired_and_what_only_is_fetched_stays_on_the_remote() {
    use git_session::{
        git::Repository,
        ledger::{self, BranchName, Tombstone, Tombstones},
    };
    let world = World::new();
    let (work, clone, remote) = two_clones(&world, MODES[0]);
    bring_back(&world, &clone);
    let tip = remote.git(&["rev-parse", TOPIC]);
    let now = NOW.parse().expect("a time");
    let tombstone = Tombstone::expired(SECRET.parse().expect("an id"), now, "session_ttl");
    let tombstones = Tombstones { sessions: vec![tombstone], ledgers: Vec::new() };
    let repository = Repository::open(&work.path).expect("a repository");
    ledger::ALL[0].apply(&repository, &BranchName::from("main"), &tombstones, now).expect("a removal");
    work.session(&["sync"]).ok();
    assert_eq!(remote.git(&["rev-parse", TOPIC]), tip, "it expired in another ledger only");
    work.session(&["purge", OTHER, "--yes"]).ok();
    work.session(&["sync", "--fetch-only"]).ok();
    assert_eq!(remote.git(&["rev-parse", TOPIC]), tip, "nothing was to be pushed");
}

#[test]
fn a_ledger_that_moves_meanwhile_is_put_right_as_it_is_then() {
    let world = World::new();
    let (work, clone, remote) = two_clones(&world, MODES[0]);
    remove(&work, "purge");
    bring_back(&world, &clone);
    // The first push of ours finds that the ledger has just got another commit.
    let tree = remote.git(&["rev-parse", &format!("{TOPIC}^{{tree}}")]);
    let commit = ["-c", "user.name=A", "-c", "user.email=a@example.org", "commit-tree", "-m", "Add", "-p", TOPIC];
    let new = remote.git(&[&commit[..], &[tree.trim()]].concat());
    let hook = format!(
        "#!/bin/sh\n[ -e moved ] && exit 0\ntouch moved\nenv -u GIT_QUARANTINE_PATH git update-ref {TOPIC} {}\n",
        new.trim()
    );
    remote.write("hooks/pre-receive", &hook);
    remote.run("chmod", &["+x", "hooks/pre-receive"]).ok();
    let synced = work.session(&["sync", "--json"]).ok();
    assert!(remote.join("moved").exists(), "nobody was in the way");
    let answer: serde_json::Value = serde_json::from_str(&synced.stdout).expect("JSON");
    assert_eq!(answer["mended"][0], "topic", "{synced}");
    assert!(!reachable(&remote).contains(WORD), "it is still there");
}
