//! Exchanging ledgers by hand, and letting them go.

mod addresses;
mod broken;
mod clocks;
mod damaged;
mod janitor;
mod limits;
mod notes;
mod refspecs;
mod retention;
mod slow;
mod stress;

use crate::support::{ClaudeLog, Place, World};

fn capture_one(world: &World, place: &Place, number: u32) -> String {
    let id = format!("{number:08}-2222-4333-8444-555555555555");
    ClaudeLog::new(world, place, &id).prompt("Say something.").answer("Something.").save();
    place.session(&["capture"]).ok();
    id
}

#[test]
fn sync_takes_the_upstream_remote_else_the_only_one_else_asks() {
    let world = World::new();
    let work = world.repository("work");
    work.write("README.md", "# Work\n");
    work.commit_all("Begin");
    let ran = work.session(&["sync"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("git remote add origin URL"), "{ran}");
    let one = world.bare("one.git");
    let two = world.bare("two.git");
    for place in [&one, &two] {
        work.git(&["push", "--quiet", &place.path.display().to_string(), "main"]);
    }
    work.git(&["remote", "add", "one", &one.path.display().to_string()]);
    let id = capture_one(&world, &work, 1);
    assert_eq!(work.json(&["sync"])["pushed"][0], "main");
    assert!(one.tree("refs/opensession/branches/bWFpbg").iter().any(|path| path.contains(&id)));
    work.git(&["remote", "add", "two", &two.path.display().to_string()]);
    let ran = work.session(&["sync"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("which remote? there are one, two"), "{ran}");
    work.session(&["sync", "two"]).ok();
    assert_eq!(two.references("refs/opensession/").len(), 1);
    work.git(&["config", "branch.main.remote", "two"]);
    assert_eq!(work.json(&["sync"])["remote"], "two");
}

#[test]
fn a_sync_with_nothing_new_asks_the_remote_once() {
    let world = World::new();
    let (work, _) = world.shared();
    capture_one(&world, &work, 1);
    work.session(&["sync"]).ok();
    let trace = world.path().join("trace").display().to_string();
    let answer = work.with("GIT_TRACE", &trace).json(&["sync"]);
    assert_eq!((&answer["fetched"], &answer["pushed"]), (&serde_json::json!([]), &serde_json::json!([])), "{answer}");
    let traced = std::fs::read_to_string(&trace).expect("a trace");
    let connections = traced.lines().filter(|line| line.contains("run_command") && line.contains("git-upload-pack"));
    assert_eq!(connections.count(), 1, "{traced}");
}

#[test]
fn an_unknown_or_unreachable_remote_is_explained() {
    let world = World::new();
    let (work, _) = world.shared();
    let ran = work.session(&["sync", "nowhere"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("no remote 'nowhere'"), "{ran}");
    work.git(&["remote", "set-url", "origin", "/nowhere/at/all.git"]);
    let ran = work.session(&["sync"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("hint"), "{ran}");
}

#[test]
fn fetching_only_pushes_nothing() {
    let world = World::new();
    let (work, remote) = world.shared();
    capture_one(&world, &work, 1);
    work.session(&["sync", "--fetch-only"]).ok();
    assert_eq!(remote.references("refs/opensession/"), [""; 0]);
}

#[test]
fn a_session_that_grew_in_turns_is_whole_everywhere() {
    let world = World::new();
    let (work, remote) = world.shared();
    let id = "11111111-2222-4333-8444-555555555555";
    let log = |answers: usize| {
        let log = ClaudeLog::new(&world, &work, id).prompt("Count.");
        (0..answers).fold(log, |log, number| log.answer(&format!("{number}"))).save();
    };
    log(1);
    work.session(&["capture"]).ok();
    work.session(&["sync"]).ok();
    log(3);
    work.session(&["capture"]).ok();
    work.session(&["sync"]).ok();
    let other = world.clone_of(&remote, "other");
    other.session(&["sync"]).ok();
    assert_eq!(other.json(&["log"])[0]["stats"]["event_count"], 4);
}

#[test]
fn cleanup_is_a_dry_run_unless_told_to_apply() {
    let world = World::new();
    let (work, remote) = world.shared();
    work.git(&["switch", "--quiet", "-c", "topic"]);
    capture_one(&world, &work, 1);
    work.git(&["push", "--quiet", "origin", "topic"]);
    work.session(&["sync"]).ok();
    work.git(&["switch", "--quiet", "main"]);
    work.git(&["branch", "--quiet", "-D", "topic"]);
    work.git(&["push", "--quiet", "origin", "--delete", "topic"]);
    let ledger = "refs/opensession/branches/dG9waWM";

    let kept = work.json(&["cleanup", "run"]);
    assert_eq!(kept["places"][1]["kept_due_to_ttl"][0]["reference"], ledger, "{kept}");
    let dry = work.json(&["cleanup", "run", "--hidden-ttl-days", "0"]);
    assert_eq!(dry["places"][1]["hidden_candidates"][0]["reference"], ledger, "{dry}");
    assert_eq!(remote.references("refs/opensession/"), [ledger]);
    let done = work.json(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply"]);
    assert_eq!(done["places"][0]["deleted"][0], ledger, "{done}");
    assert_eq!(done["places"][1]["deleted"][0], ledger, "{done}");
    // What is left is what the default branch remembers of it.
    assert_eq!(remote.references("refs/opensession/"), ["refs/opensession/branches/bWFpbg"]);
    assert_eq!(remote.tree("refs/opensession/branches/bWFpbg"), ["v1/tombstones/branches/dG9waWM.json"]);
    assert_eq!(work.references("refs/opensession-remote/"), [""; 0]);
}

#[test]
fn cleanup_of_an_old_branch_happens_after_its_time() {
    let world = World::new();
    let (work, remote) = world.shared();
    work.git(&["switch", "--quiet", "-c", "topic"]);
    capture_one(&world, &work, 1);
    work.session(&["sync", "--branch", "topic"]).ok();
    work.git(&["switch", "--quiet", "main"]);
    work.git(&["branch", "--quiet", "-D", "topic"]);
    let later = work.with("GIT_SESSION_NOW", "2026-03-03T11:59:59Z");
    assert_eq!(later.json(&["cleanup", "run", "--apply"])["places"][1]["deleted"].as_array().map(Vec::len), Some(0));
    let later = work.with("GIT_SESSION_NOW", "2026-03-03T12:00:00Z");
    assert_eq!(later.json(&["cleanup", "run", "--apply"])["places"][1]["deleted"].as_array().map(Vec::len), Some(1));
    assert_eq!(remote.references("refs/opensession/"), ["refs/opensession/branches/bWFpbg"]);
}

#[test]
fn cleanup_names_the_permission_when_the_remote_refuses() {
    let world = World::new();
    let (work, remote) = world.shared();
    capture_one(&world, &work, 1);
    work.git(&["push", "--quiet", "origin", "main:gone"]);
    work.session(&["sync"]).ok();
    work.git(&["push", "--quiet", "origin", ":gone"]);
    remote.write("hooks/update", "#!/bin/sh\ncase $1 in refs/opensession/*) exit 1;; esac\n");
    remote.run("chmod", &["+x", "hooks/update"]).ok();
    let ran = work.session(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("allow the user that pushes to delete"), "{ran}");
    assert!(ran.stderr.contains("refs/opensession/branches/Z29uZQ"), "{ran}");
}

#[test]
fn cleanup_works_in_a_bare_repository() {
    let world = World::new();
    let (work, remote) = world.shared();
    capture_one(&world, &work, 1);
    work.git(&["push", "--quiet", "origin", "main:gone"]);
    work.git(&["push", "--quiet", "origin", ":gone"]);
    let done = remote.json(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply"]);
    assert_eq!(done["places"][0]["deleted"][0], "refs/opensession/branches/Z29uZQ", "{done}");
}
