//! Every kind of repository that git has.

mod files;
mod names;
mod storage;
mod unwritable;

use crate::support::{ClaudeLog, Place, World};

const ID: &str = "11111111-2222-4333-8444-555555555555";

/// Commits, pushes and reads a session in a repository that was made with `options`.
fn whole_way(options: &[&str]) {
    let world = World::new();
    let remote = world.place("remote.git");
    remote.git(&[&["init", "--quiet", "--bare"], options].concat());
    let work = world.place("work");
    work.git(&[&["init", "--quiet"], options].concat());
    work.git(&["remote", "add", "origin", &remote.path.display().to_string()]);
    work.session(&["hooks", "install"]).ok();
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("Write");
    assert_eq!(work.trailers("HEAD"), [ID]);
    assert_eq!(work.wait_for_sessions(1), [ID]);
    work.git(&["push", "--quiet", "origin", "main"]);
    assert_eq!(remote.references("refs/opensession/"), ["refs/opensession/branches/bWFpbg"]);
    let other = world.clone_of(&remote, "other");
    other.session(&["sync"]).ok();
    assert_eq!(other.json(&["show", "commit:HEAD"])["id"], ID);
    assert_eq!(work.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]), "");
    assert_eq!(remote.json(&["log"])[0]["id"], ID);
}

#[test]
fn a_repository_of_sha_256_works_like_any_other() {
    whole_way(&["--object-format=sha256"]);
}

#[test]
fn a_repository_with_reftable_works_like_any_other() {
    let world = World::new();
    if world.has_git((2, 45), "reftable") {
        whole_way(&["--ref-format=reftable"]);
    }
}

#[test]
fn packed_references_are_read_and_written() {
    let world = World::new();
    let (work, remote) = world.shared();
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("Write");
    work.wait_for_sessions(1);
    work.git(&["pack-refs", "--all", "--prune"]);
    work.git(&["gc", "--quiet", "--prune=now"]);
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").answer("Done.").save();
    work.session(&["capture"]).ok();
    work.git(&["push", "--quiet"]);
    remote.git(&["pack-refs", "--all"]);
    let other = world.clone_of(&remote, "other");
    other.session(&["sync"]).ok();
    assert_eq!(other.json(&["log"])[0]["stats"]["event_count"], 4);
}

/// A clone without blobs, of a remote that has one large session.
fn partial_clone(world: &World) -> (Place, Place) {
    let (work, remote) = world.shared();
    let log = ClaudeLog::new(world, &work, ID).prompt("Explain.");
    let log =
        (0..200).fold(log, |log, number| log.answer(&format!("{number} is a number, {}", "and so on ".repeat(20))));
    log.save();
    work.session(&["capture"]).ok();
    work.session(&["sync"]).ok();
    remote.git(&["config", "uploadpack.allowFilter", "true"]);
    remote.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let url = format!("file://{}", remote.path.display());
    world.place(".").git(&["clone", "--quiet", "--filter=blob:none", &url, "partial"]);
    (world.place("partial"), remote)
}

#[test]
fn a_partial_clone_lists_without_the_network_and_fetches_what_is_shown() {
    let world = World::new();
    let (partial, remote) = partial_clone(&world);
    partial.session(&["sync", "--fetch-only"]).ok();
    let elsewhere = world.path().join("elsewhere.git");
    std::fs::rename(&remote.path, &elsewhere).expect("the remote moves away");
    let row = partial.json(&["log"])[0].clone();
    assert_eq!(
        (row["id"].as_str(), row["is_stub"].as_bool(), row["title"].as_str()),
        (Some(ID), Some(true), Some("Explain."))
    );
    let ran = partial.session(&["show", ID]);
    assert_eq!(ran.code, 1, "{ran}");
    std::fs::rename(&elsewhere, &remote.path).expect("the remote comes back");
    assert_eq!(partial.json(&["show", ID])["stats"]["event_count"], 201);
    assert_eq!(partial.json(&["log"])[0]["is_stub"], false);
}

#[test]
fn a_shallow_clone_pushes_its_sessions() {
    let world = World::new();
    let (work, remote) = world.shared();
    work.write("b.txt", "b\n");
    work.commit_all("More");
    work.git(&["push", "--quiet"]);
    let url = format!("file://{}", remote.path.display());
    world.place(".").git(&["clone", "--quiet", "--depth=1", &url, "shallow"]);
    let shallow = world.place("shallow");
    shallow.session(&["hooks", "install"]).ok();
    ClaudeLog::new(&world, &shallow, ID).prompt("Write.").writes(&shallow, "a.txt", "a\n").save();
    shallow.commit_all("Write");
    shallow.git(&["push", "--quiet"]);
    assert_eq!(remote.json(&["log"])[0]["id"], ID);
}

#[test]
fn a_submodule_has_a_ledger_of_its_own() {
    let world = World::new();
    let (work, remote) = world.shared();
    let outer = world.repository("outer");
    let url = remote.path.display().to_string();
    outer.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "inner"]);
    outer.commit_all("Take it in");
    let inner = world.place("outer/inner");
    inner.session(&["hooks", "install"]).ok();
    ClaudeLog::new(&world, &inner, ID).prompt("Write.").writes(&inner, "a.txt", "a\n").save();
    inner.commit_all("Write");
    assert_eq!(inner.trailers("HEAD"), [ID]);
    inner.wait_for_sessions(1);
    assert_eq!(outer.stored(), [""; 0]);
    drop(work);
}
