//! Sessions whose logs are in the folder of another place than the repository that they changed.

use std::os::unix::fs::symlink;

use crate::support::{ClaudeLog, World};

const ID: &str = "11111111-2222-4333-8444-555555555555";

#[test]
fn a_session_of_another_repository_is_named_where_it_changed_a_file() {
    let world = World::new();
    let (work, _) = world.shared();
    let other = world.repository("other");
    ClaudeLog::new(&world, &other, ID).prompt("Write there.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("Write");
    assert_eq!(work.trailers("HEAD"), [ID]);
    assert_eq!(work.wait_for_sessions(1).len(), 1);
}

#[test]
fn a_session_of_another_repository_that_only_names_a_file_here_is_not_kept() {
    let world = World::new();
    let (work, _) = world.shared();
    let other = world.repository("other");
    let read = format!("cat {}", work.join("a.txt").display());
    ClaudeLog::new(&world, &other, ID).prompt("Look.").runs(&read).writes(&other, "b.txt", "b\n").save();
    work.write("mine.txt", "by hand\n");
    work.commit_all("By hand");
    assert_eq!(work.trailers("HEAD"), [""; 0]);
    let kept = std::fs::read(work.join(".git/opensession/writes.sqlite")).expect("a store");
    assert!(!kept.windows(5).any(|part| part == b"Look."));
    work.session(&["capture", "--all"]);
    assert_eq!(work.stored(), [""; 0]);
}

#[test]
fn a_log_of_another_repository_is_asked_again_when_it_grew() {
    let world = World::new();
    let (work, _) = world.shared();
    let other = world.repository("other");
    let log = ClaudeLog::new(&world, &other, ID).prompt("Begin there.").writes(&other, "b.txt", "b\n");
    log.save();
    work.write("mine.txt", "by hand\n");
    work.commit_all("By hand");
    assert_eq!(work.trailers("HEAD"), [""; 0]);
    log.prompt("Go on here.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("Write");
    assert_eq!(work.trailers("HEAD"), [ID]);
}

#[test]
fn a_session_is_named_in_a_linked_work_tree_that_is_elsewhere() {
    let world = World::new();
    let (work, _) = world.shared();
    work.git(&["worktree", "add", "--quiet", "-b", "topic", "../linked"]);
    let linked = world.place("linked");
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&linked, "a.txt", "a\n").save();
    linked.commit_all("Write");
    assert_eq!(linked.trailers("HEAD"), [ID]);
}

#[test]
fn a_session_that_was_started_in_a_symbolic_link_is_named() {
    let world = World::new();
    let (work, _) = world.shared();
    symlink(work.join("."), world.path().join("link")).expect("a link");
    let link = world.place("link");
    ClaudeLog::new(&world, &link, ID).prompt("Write.").writes(&link, "a.txt", "a\n").save();
    work.commit_all("Write");
    assert_eq!(work.trailers("HEAD"), [ID]);
}
