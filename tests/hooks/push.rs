//! A push carries the sessions along, and never stumbles over them.

use crate::support::{ClaudeLog, Place, World};

const LEDGER: &str = "refs/opensession/branches/bWFpbg";

fn work_in(world: &World, clone: &Place, number: u32) -> String {
    let id = format!("{number:08}-2222-4333-8444-555555555555");
    let file = format!("file-{number}.txt");
    ClaudeLog::new(world, clone, &id).prompt("Write a file.").writes(clone, &file, "content\n").save();
    clone.commit_all(&format!("Write {file}"));
    id
}

#[test]
fn a_push_right_after_a_commit_carries_the_session() {
    let world = World::new();
    let (work, remote) = world.shared();
    let id = work_in(&world, &work, 1);
    work.git(&["push", "--quiet"]);
    assert_eq!(remote.references("refs/opensession/"), [LEDGER]);
    let tree = remote.tree(LEDGER);
    assert!(tree.contains(&format!("v1/00/{id}.hail.jsonl")), "{tree:?}");
    assert!(tree.contains(&format!("v1/00/{id}.meta.json")), "{tree:?}");
    let head = work.git(&["rev-parse", "HEAD"]);
    assert!(tree.contains(&format!("v1/index/commits/{}/{id}.json", head.trim())), "{tree:?}");
}

#[test]
fn a_push_carries_what_was_said_after_the_commit() {
    let world = World::new();
    let (work, remote) = world.shared();
    let id = "11111111-2222-4333-8444-555555555555";
    let log = || ClaudeLog::new(&world, &work, id).prompt("Write.").writes(&work, "a.txt", "a\n");
    log().save();
    work.commit_all("Write");
    work.wait_for_sessions(1);
    log().answer("And that is why.").save();
    work.git(&["push", "--quiet"]);
    let stored = remote.git(&["cat-file", "blob", &format!("{LEDGER}:v1/11/{id}.hail.jsonl")]);
    assert!(stored.contains("And that is why."), "{stored}");
}

#[test]
fn a_colleague_reads_the_session_that_made_the_commit() {
    let world = World::new();
    let (work, remote) = world.shared();
    let id = work_in(&world, &work, 1);
    work.git(&["push", "--quiet"]);
    let other = world.clone_of(&remote, "other");
    assert_eq!(other.stored(), [""; 0]);
    other.session(&["sync"]).ok();
    assert_eq!(other.stored(), std::slice::from_ref(&id));
    let shown = other.json(&["show", "commit:HEAD"]);
    assert_eq!(shown["id"], id);
    let hail = other.session(&["show", &id, "--format", "hail"]).ok().stdout;
    assert_eq!(hail, work.session(&["show", &id, "--format", "hail"]).ok().stdout);
    assert!(hail.starts_with("{\"type\":\"header\",\"version\":\"hail-1.0.0\"") && hail.ends_with("}\n"));
}

#[test]
fn two_clones_lose_no_session_when_both_push() {
    let world = World::new();
    let (work, remote) = world.shared();
    let other = world.clone_of(&remote, "other");
    let first = work_in(&world, &work, 1);
    let second = work_in(&world, &other, 2);
    work.git(&["push", "--quiet"]);
    other.git(&["pull", "--quiet", "--rebase"]);
    other.git(&["push", "--quiet"]);
    let ids = |place: &Place| place.tree(LEDGER).iter().filter(|path| path.ends_with(".hail.jsonl")).count();
    assert_eq!(ids(&remote), 2, "{:?}", remote.tree(LEDGER));
    work.session(&["sync"]).ok();
    let mut both = [first, second];
    both.sort();
    assert_eq!(work.stored(), both);
    assert_eq!(work.git(&["rev-parse", LEDGER]), remote.git(&["rev-parse", LEDGER]));
}

#[test]
fn one_extra_push_carries_the_ledger_and_none_when_nothing_is_new() {
    let world = World::new();
    let (work, _remote) = world.shared();
    // git's own trace counts the person's push and ours.
    let count = |name: &str| {
        let file = world.path().join(name);
        work.with("GIT_TRACE", &file.display().to_string()).git(&["push", "--quiet"]);
        let trace = std::fs::read_to_string(file).expect("a trace");
        trace.lines().filter(|line| line.contains("trace: built-in: git push ")).count()
    };
    work_in(&world, &work, 1);
    assert_eq!(count("first"), 2);
    work.write("by-hand.txt", "x\n");
    work.commit_all("By hand");
    assert_eq!(count("second"), 1);
}

#[test]
fn a_remote_that_refuses_hidden_refs_still_gets_the_branch() {
    let world = World::new();
    let (work, remote) = world.shared();
    let script = "#!/bin/sh\nwhile read old new name; do case $name in refs/opensession/*) exit 1;; esac; done\n";
    remote.write("hooks/pre-receive", script);
    remote.run("chmod", &["+x", "hooks/pre-receive"]).ok();
    work_in(&world, &work, 1);
    let ran = work.run("git", &["push", "--quiet"]).ok();
    assert!(ran.stderr.contains("git session: origin rejected the sessions of main"), "{ran}");
    assert_eq!(remote.git(&["rev-parse", "main"]), work.git(&["rev-parse", "main"]));
    work.write("more.txt", "x\n");
    work.commit_all("More");
    assert_ne!(work.with("OPENSESSION_STRICT", "1").run("git", &["push", "--quiet"]).code, 0);
}

#[test]
fn deletions_tags_and_disabled_remotes_carry_nothing() {
    let world = World::new();
    let (work, remote) = world.shared();
    work.with("OPENSESSION_DISABLE", "1").git(&["push", "--quiet", "origin", "main:gone"]);
    work_in(&world, &work, 1);
    work.git(&["tag", "v1"]);
    work.git(&["push", "--quiet", "origin", "--delete", "gone"]);
    work.git(&["push", "--quiet", "origin", "v1"]);
    work.git(&["config", "opensession.remotes", "elsewhere"]);
    work.git(&["push", "--quiet"]);
    assert_eq!(remote.references("refs/opensession/"), [""; 0]);
    let url = remote.path.display().to_string();
    work.git(&["config", "--unset", "opensession.remotes"]);
    work.git(&["push", "--quiet", &url, "main"]);
    assert_eq!(remote.references("refs/opensession/"), [""; 0], "a URL is no remote that was enabled");
}

#[test]
fn sessions_go_to_the_name_that_the_branch_has_on_the_remote() {
    let world = World::new();
    let (work, remote) = world.shared();
    work_in(&world, &work, 1);
    work.git(&["push", "--quiet", "origin", "main:review/one"]);
    assert_eq!(remote.references("refs/opensession/"), ["refs/opensession/branches/cmV2aWV3L29uZQ"]);
}

#[test]
fn an_unreachable_remote_does_not_lose_the_sessions() {
    let world = World::new();
    let (work, remote) = world.shared();
    let id = work_in(&world, &work, 1);
    work.git(&["remote", "set-url", "origin", "/nowhere/remote.git"]);
    assert_ne!(work.run("git", &["push", "--quiet"]).code, 0);
    work.git(&["remote", "set-url", "origin", &remote.path.display().to_string()]);
    work.git(&["push", "--quiet"]);
    assert!(remote.tree(LEDGER).iter().any(|path| path.contains(&id)));
}

#[test]
fn a_trailer_whose_capture_was_lost_is_captured_by_the_push() {
    let world = World::new();
    let (work, remote) = world.shared();
    let id = work_in(&world, &work, 1);
    work.wait_for_sessions(1);
    work.git(&["update-ref", "-d", LEDGER]);
    work.git(&["push", "--quiet"]);
    assert!(remote.tree(LEDGER).iter().any(|path| path.contains(&id)));
}

#[test]
fn a_push_does_not_wait_for_a_capture_that_hangs() {
    let world = World::new();
    let (work, remote) = world.shared();
    let folder = work.join(".git/opensession");
    let lock = std::fs::File::create(folder.join("capture.lock")).expect("a lock file");
    lock.lock().expect("the lock");
    let id = work_in(&world, &work, 1);
    let ran = work.run("git", &["push", "--quiet"]).ok();
    assert!(ran.stderr.contains("some sessions are still being stored; they go with the next push"), "{ran}");
    assert_eq!(remote.git(&["rev-parse", "main"]), work.git(&["rev-parse", "main"]));
    drop(lock);
    work.wait_for_sessions(1);
    work.git(&["push", "--quiet", "origin", "main:again"]);
    assert!(remote.tree("refs/opensession/branches/YWdhaW4").iter().any(|path| path.contains(&id)));
}

#[test]
fn a_mirror_push_brings_the_ledger_itself() {
    let world = World::new();
    let (work, remote) = world.shared();
    work_in(&world, &work, 1);
    work.wait_for_sessions(1);
    work.git(&["push", "--quiet", "--mirror", "origin"]);
    assert!(remote.references("refs/opensession/").contains(&LEDGER.to_owned()));
}

#[test]
fn a_session_that_several_pushed_commits_name_is_linked_to_each() {
    let world = World::new();
    let (work, remote) = world.shared();
    let id = "11111111-2222-4333-8444-555555555555";
    let one = || ClaudeLog::new(&world, &work, id).prompt("Write.").writes(&work, "a.txt", "a\n");
    one().save();
    work.commit_all("One");
    one().writes(&work, "b.txt", "b\n").save();
    work.commit_all("Two");
    work.wait_for_sessions(1);
    // The ledger is lost, and the session went on.
    work.git(&["update-ref", "-d", LEDGER]);
    one().writes(&work, "b.txt", "b\n").answer("Done.").save();
    work.git(&["push", "--quiet"]);
    let commits = remote.json(&["log"])[0]["commits"].as_array().map(Vec::len);
    assert_eq!(commits, Some(2), "{}", remote.json(&["log"]));
}
