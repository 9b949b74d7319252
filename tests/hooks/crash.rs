//! What a crash leaves behind stands in nobody's way. `tests/crash/run` kills the program at every
//! system call; these are the cases that it found.

use std::fs;

use crate::support::{ClaudeLog, Place, World};

const ID: &str = "11111111-2222-4333-8444-555555555555";
const LEDGER: &str = "refs/opensession/branches/bWFpbg";

fn stage_work(world: &World, work: &Place) {
    ClaudeLog::new(world, work, ID).prompt("Write.").writes(work, "a.txt", "a\n").save();
    work.git(&["add", "--all"]);
}

/// The hooks run a program that dies of a signal.
fn break_program(world: &World, work: &Place) {
    let broken = world.path().join("broken");
    fs::write(&broken, "#!/bin/sh\nkill -KILL $$\n").expect("a file");
    work.run("chmod", &["+x", &broken.display().to_string()]).ok();
    for hook in ["prepare-commit-msg", "commit-msg", "post-commit", "post-rewrite", "pre-push"] {
        let path = format!(".git/hooks/{hook}");
        let script: Vec<String> =
            work.read(&path)
                .lines()
                .map(|line| {
                    if line.starts_with("program='") { format!("program='{}'", broken.display()) } else { line.into() }
                })
                .collect();
        work.write(&path, &script.join("\n"));
    }
}

#[test]
fn a_program_that_crashes_stops_no_commit_and_no_push_but_in_strict_mode() {
    let world = World::with_scripts();
    let (work, remote) = world.shared();
    break_program(&world, &work);
    stage_work(&world, &work);
    assert_ne!(work.with("OPENSESSION_STRICT", "1").run("git", &["commit", "--quiet", "-m", "Write"]).code, 0);
    work.git(&["commit", "--quiet", "-m", "Write"]);
    assert_ne!(work.with("OPENSESSION_STRICT", "1").run("git", &["push", "--quiet"]).code, 0);
    work.git(&["push", "--quiet"]);
    assert_eq!(remote.git(&["rev-parse", "main"]), work.git(&["rev-parse", "main"]));
}

#[test]
fn a_push_links_the_rewritten_commit_that_its_hook_did_not() {
    let world = World::with_scripts();
    let (work, remote) = world.shared();
    stage_work(&world, &work);
    work.git(&["commit", "--quiet", "-m", "Write"]);
    work.wait_for_sessions(1);
    for hook in ["post-commit", "post-rewrite"] {
        fs::remove_file(work.join(&format!(".git/hooks/{hook}"))).expect("a hook");
    }
    work.git(&["commit", "--quiet", "--amend", "-m", "Write it", "-m", &format!("AI-Session: {ID}")]);
    work.git(&["push", "--quiet"]);
    let head = work.git(&["rev-parse", "HEAD"]);
    let tree = remote.tree(LEDGER);
    assert!(tree.contains(&format!("v1/index/commits/{}/{ID}.json", head.trim())), "{tree:?}");
}

#[test]
fn a_lock_of_packed_refs_stops_no_write_and_is_named_by_what_it_stops() {
    let world = World::with_scripts();
    let (work, _) = world.shared();
    work.git(&["pack-refs", "--all"]);
    work.write(".git/packed-refs.lock", "");
    ClaudeLog::new(&world, &work, ID).prompt("Say.").answer("Said.").save();
    work.session(&["capture"]).ok();
    ClaudeLog::new(&world, &work, ID).prompt("Say.").answer("Said.").answer("More.").save();
    work.session(&["capture"]).ok();
    assert_eq!(work.stored(), [ID]);
    let lock = work.join(".git/packed-refs.lock");
    fs::remove_file(&lock).expect("a lock");
    work.git(&["branch", "--quiet", "--move", "main", "other"]);
    work.git(&["update-ref", "-d", "refs/remotes/origin/main"]);
    fs::write(&lock, "").expect("a lock");
    let cleanup = ["cleanup", "run", "--local", "--apply", "--hidden-ttl-days", "0"];
    let ran = work.session(&cleanup);
    assert_ne!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("packed-refs.lock"), "{ran}");
    fs::remove_file(&lock).expect("a lock");
    work.session(&cleanup).ok();
    assert_eq!(work.stored(), [""; 0]);
}

#[test]
fn a_lock_of_the_ledger_is_named() {
    let world = World::with_scripts();
    let (work, _) = world.shared();
    let lock = format!(".git/{LEDGER}.lock");
    work.write(&lock, "");
    ClaudeLog::new(&world, &work, ID).prompt("Say.").answer("Said.").save();
    let ran = work.session(&["capture"]);
    assert_ne!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains(&work.join(&lock).display().to_string()), "{ran}");
    fs::remove_file(work.join(&lock)).expect("a lock");
    work.session(&["capture"]).ok();
    assert_eq!(work.stored(), [ID]);
}

#[test]
fn a_push_names_the_lock_that_keeps_sessions_from_being_stored() {
    let world = World::new();
    let (work, remote) = world.shared();
    let lock = format!(".git/{LEDGER}.lock");
    work.write(&lock, "");
    stage_work(&world, &work);
    work.git(&["commit", "--quiet", "-m", "Write"]);
    let pushed = work.run("git", &["push", "--quiet"]).ok();
    assert!(pushed.stderr.contains(&work.join(&lock).display().to_string()), "{pushed}");
    fs::remove_file(work.join(&lock)).expect("a lock");
    work.git(&["commit", "--quiet", "--allow-empty", "-m", "Go on"]);
    work.git(&["push", "--quiet"]);
    assert!(remote.tree(LEDGER).iter().any(|path| path.contains(ID)));
}
