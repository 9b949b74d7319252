//! The captures that commits ask for, and what becomes of them.

use std::{fs, path::PathBuf, time::Duration};

use crate::support::{ClaudeLog, Place, World};

const ID: &str = "11111111-2222-4333-8444-555555555555";
const LEDGER: &str = "refs/opensession/branches/bWFpbg";

/// A commit of what a session did, whose capture waits until what is returned last is dropped: whoever holds
/// that lock stores sessions. Returned are the remote, too, and the session's log.
fn waiting() -> (World, Place, Place, PathBuf, fs::File) {
    let world = World::new();
    let (work, remote) = world.shared();
    let log = ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n");
    log.save();
    let lock = fs::File::create(work.join(".git/opensession/capture.lock")).expect("a lock file");
    lock.lock().expect("the lock");
    work.commit_all("Write");
    let file = log.file().clone();
    (world, work, remote, file, lock)
}

/// How many commits the one session is linked to.
fn links(work: &Place) -> Option<usize> {
    work.json(&["log"])[0]["commits"].as_array().map(Vec::len)
}

#[test]
fn a_log_that_is_gone_before_it_was_stored_is_told_by_doctor() {
    let (_world, work, remote, log, lock) = waiting();
    fs::remove_file(log).expect("the log goes");
    drop(lock);
    work.git(&["push", "--quiet"]);
    assert_eq!(remote.references("refs/opensession/"), [""; 0]);
    let checks = work.json(&["doctor"])["checks"].to_string();
    assert!(checks.contains("the logs of the sessions of 1 commit were gone"), "{checks}");
}

#[test]
fn a_capture_does_what_commits_asked_for_and_nobody_got_to_yet() {
    let (_world, work, _remote, _log, lock) = waiting();
    let queue = work.join(".git/opensession/queue");
    let job = fs::read_dir(&queue).expect("a queue").next().expect("a job").expect("an entry").path();
    let content = fs::read(&job).expect("a job");
    drop(lock);
    work.wait_for_sessions(1);
    // As if the process of the commit had not come to its job.
    work.git(&["update-ref", "-d", LEDGER]);
    fs::write(&job, content).expect("a job");
    work.session(&["capture"]).ok();
    assert_eq!(links(&work), Some(1));
    assert_eq!(fs::read_dir(queue).expect("a queue").count(), 0);
}

#[test]
fn a_dry_run_leaves_to_others_what_commits_asked_for() {
    let (_world, work, _remote, _log, _lock) = waiting();
    work.session(&["capture", "--dry-run"]).ok();
    assert_eq!(work.stored(), [""; 0]);
}

#[test]
fn a_log_that_is_just_being_written_anew_is_waited_for() {
    let (_world, work, _remote, log, lock) = waiting();
    let content = fs::read(&log).expect("a log");
    fs::write(&log, "").expect("an empty log");
    drop(lock);
    // The capture meets the empty log.
    std::thread::sleep(Duration::from_millis(200));
    fs::write(&log, content).expect("a log");
    assert_eq!(work.wait_for_sessions(1), [ID]);
    assert_eq!(links(&work), Some(1));
}

#[test]
fn a_capture_that_others_were_in_the_way_of_is_tried_again() {
    let (_world, work, _remote, _log, lock) = waiting();
    // A writer waits half a second for this one.
    let other = work.join(&format!(".git/{LEDGER}.lock"));
    fs::create_dir_all(other.parent().expect("a folder")).expect("a folder");
    fs::write(&other, "").expect("a lock");
    drop(lock);
    std::thread::sleep(Duration::from_millis(1200));
    fs::remove_file(other).expect("a lock");
    assert_eq!(work.wait_for_sessions(1), [ID]);
    assert_eq!(links(&work), Some(1));
}
