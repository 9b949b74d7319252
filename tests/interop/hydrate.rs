//! `git session hydrate`: what a partial clone left out, in one go.

use super::{beside_opensession, opensession::LEDGER};
use crate::support::{ClaudeLog, Place, World};

/// A clone without blobs of a remote that has `count` large sessions.
fn partial_clone(world: &World, count: u32) -> (Place, Place) {
    let (work, remote) = world.shared();
    for number in 0..count {
        let log = ClaudeLog::new(world, &work, &id(number)).prompt(&format!("Task {number}"));
        let log = (0..200).fold(log, |log, line| log.answer(&format!("{line} {}", "and so on ".repeat(20))));
        log.save();
    }
    work.session(&["capture"]).ok();
    work.session(&["sync"]).ok();
    remote.git(&["config", "uploadpack.allowFilter", "true"]);
    remote.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let url = format!("file://{}", remote.path.display());
    world.place(".").git(&["clone", "--quiet", "--filter=blob:none", &url, "partial"]);
    let partial = world.place("partial");
    partial.session(&["sync", "--fetch-only"]).ok();
    (partial, remote)
}

fn id(number: u32) -> String {
    format!("0000000{number}-2222-4333-8444-555555555555")
}

fn stubs(place: &Place) -> usize {
    let log = place.json(&["log"]);
    log.as_array().expect("a list").iter().filter(|row| row["is_stub"] == true).count()
}

#[test]
fn all_stubs_come_with_one_fetch() {
    let world = World::new();
    let (partial, _) = partial_clone(&world, 4);
    assert_eq!(stubs(&partial), 4);
    let trace = world.path().join("trace").display().to_string();
    let answer = partial.with("GIT_TRACE", &trace).json(&["hydrate", "--all"]);
    assert_eq!(answer["fetched"].as_array().map(Vec::len), Some(4), "{answer}");
    assert_eq!((&answer["present"], &answer["missing"]), (&0.into(), &serde_json::json!([])));
    let traced = std::fs::read_to_string(&trace).expect("a trace");
    let connections = traced.lines().filter(|line| line.contains("run_command") && line.contains("git-upload-pack"));
    assert_eq!(connections.count(), 1, "{traced}");
    assert_eq!(stubs(&partial), 0);
    insta::assert_snapshot!("hydrate_nothing", partial.session(&["hydrate", "--all"]).to_string());
    insta::assert_snapshot!("hydrate_nothing_json", partial.session(&["hydrate", "--all", "--json"]).to_string());
}

#[test]
fn only_what_is_named_comes() {
    let world = World::new();
    let (partial, remote) = partial_clone(&world, 3);
    let ran = partial.session(&["hydrate", &id(0), &id(1)[..8], &id(0)]).ok();
    insta::assert_snapshot!("hydrate_some", ran.to_string());
    assert_eq!(stubs(&partial), 1);
    let again = partial.json(&["hydrate", &id(0), &id(2)]);
    assert_eq!((&again["fetched"], &again["present"]), (&serde_json::json!([id(2)]), &1.into()));
    drop(remote);
}

#[test]
fn what_no_remote_gives_is_listed_and_the_rest_is_fetched() {
    let world = World::new();
    let (partial, remote) = partial_clone(&world, 3);
    let path = format!("{LEDGER}:v1/00/{}.hail.jsonl", id(1));
    let blob = remote.git(&["rev-parse", &path]).trim().to_owned();
    let object = remote.join(&format!("objects/{}/{}", &blob[..2], &blob[2..]));
    std::fs::remove_file(object).expect("the object goes");
    let ran = partial.session(&["hydrate", "--all", "--json"]);
    insta::assert_snapshot!("hydrate_partly", ran.to_string());
    assert_eq!(ran.code, 3, "{ran}");
    assert_eq!(stubs(&partial), 1);
}

#[test]
fn a_remote_that_is_away_is_no_mystery() {
    let world = World::new();
    let (partial, remote) = partial_clone(&world, 1);
    std::fs::rename(&remote.path, world.path().join("away.git")).expect("the remote moves away");
    let ran = partial.session(&["hydrate", "--all"]);
    assert_eq!(ran.code, 3, "{ran}");
    assert!(ran.stderr.contains(&id(0)), "{ran}");
    let ran = partial.session(&["show", &id(0)]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains(&format!("git session hydrate {}", id(0))), "{ran}");
}

#[test]
fn nothing_is_missing_in_a_full_clone() {
    let (_world, work, _) = beside_opensession();
    work.session(&["sync", "--fetch-only"]).ok();
    assert_eq!(work.session(&["hydrate", "--all"]).ok().stdout, "no session is incomplete\n");
    assert_eq!(work.session(&["hydrate", "HEAD"]).ok().stdout, "no session is incomplete\n");
}

#[test]
fn metadata_that_was_left_out_comes_too() {
    let world = World::new();
    let (partial, remote) = partial_clone(&world, 1);
    let known = "refs/opensession-remote/origin/branches/bWFpbg";
    let bare = world.path().join("bare-partial");
    let url = format!("file://{}", remote.path.display());
    partial.git(&["clone", "--quiet", "--filter=blob:none", &url, &bare.display().to_string()]);
    let bare = world.place("bare-partial");
    bare.git(&["fetch", "--quiet", "origin", &format!("{LEDGER}:{known}")]);
    assert_eq!(bare.json(&["log"])[0]["title"], "");
    assert_eq!(bare.json(&["hydrate", "--all"])["fetched"], serde_json::json!([id(0)]));
    assert_eq!(bare.json(&["log"])[0]["title"], "Task 0");
}

#[test]
fn it_wants_to_know_what_to_fetch() {
    let (_world, work, _) = beside_opensession();
    assert_eq!(work.session(&["hydrate"]).code, 2);
    assert_eq!(work.session(&["hydrate", "--all", "HEAD"]).code, 2);
    assert_eq!(work.session(&["hydrate", "nothing"]).code, 1);
}
