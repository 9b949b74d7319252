//! What the janitor lets go, what it moves first, and what it leaves alone.

mod needed;
mod rewritten;
mod stale;

use std::{
    fs,
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};

use super::capture_one;
use crate::support::{ClaudeLog, NOW, Place, World};

const MAIN: &str = "refs/opensession/branches/bWFpbg";
const TOPIC: &str = "refs/opensession/branches/dG9waWM";
const NEVER: &str = "2027-02-01T12:00:00Z";

fn id(number: u32) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

/// The answer for the remote, which is looked at last.
fn on_remote(answer: &Value) -> &Value {
    answer["places"].as_array().and_then(|places| places.last()).expect("a place")
}

fn deleted(answer: &Value) -> Vec<&str> {
    let all = on_remote(answer)["deleted"].as_array().expect("an array");
    all.iter().map(|name| name.as_str().expect("a name")).collect()
}

/// Works on `topic`, with a session for each commit, and pushes it.
fn topic_with(world: &World, work: &Place, sessions: &[u32]) {
    work.git(&["switch", "--quiet", "-c", "topic"]);
    for number in sessions {
        let file = format!("file-{number}.txt");
        ClaudeLog::new(world, work, &id(*number)).prompt("Write it.").writes(work, &file, "content\n").save();
        work.commit_all(&format!("Write {file}"));
    }
    work.wait_for_sessions(sessions.len());
    work.git(&["push", "--quiet", "origin", "topic"]);
    work.session(&["sync"]).ok();
}

/// The branch is gone, here and there.
fn drop_topic(work: &Place) {
    work.git(&["switch", "--quiet", "main"]);
    work.git(&["branch", "--quiet", "-D", "topic"]);
    work.git(&["push", "--quiet", "origin", "--delete", "topic"]);
}

fn day(time: &str) -> chrono::DateTime<chrono::Utc> {
    time.parse().expect("a time")
}

/// A session on `main` that began so many days ago.
fn capture_old(world: &World, place: &Place, number: u32, days: u64) {
    let begins = SystemTime::from(day(NOW)) - Duration::from_secs(days * 86_400);
    ClaudeLog::new(world, place, &id(number)).at(begins).prompt("Say something.").answer("Something.").save();
    place.session(&["capture"]).ok();
}

#[test]
fn the_sessions_of_a_merged_branch_are_moved_before_its_ledger_goes() {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1, 2]);
    let kept_back = work.git(&["rev-parse", "topic~1"]);
    work.git(&["switch", "--quiet", "main"]);
    // The second commit is never merged.
    work.git(&["merge", "--quiet", "--no-ff", "--no-edit", kept_back.trim()]);
    work.git(&["push", "--quiet", "origin", "main"]);
    drop_topic(&work);
    let dry = work.json(&["cleanup", "run", "--hidden-ttl-days", "0"]);
    assert_eq!(on_remote(&dry)["hidden_candidates"][0]["promotes"], json!([id(1)]), "{dry}");
    assert_eq!(on_remote(&dry)["promoted"], json!([]));
    let done = work.json(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply"]);
    assert_eq!(on_remote(&done)["promoted"], json!([{"session": id(1), "from": TOPIC, "to": MAIN}]), "{done}");
    assert_eq!(deleted(&done), [TOPIC]);

    // A new clone knows which session the commit on main came from.
    let other = world.clone_of(&remote, "other");
    other.session(&["sync"]).ok();
    for place in [&other, &work] {
        assert_eq!(place.stored(), [id(1)]);
        assert_eq!(place.json(&["show", &format!("commit:{}", kept_back.trim())])["id"], id(1));
    }
    assert_eq!(other.json(&["show", &id(1)])["commits"], json!([kept_back.trim()]));
    // Again, there is nothing to do.
    let again = work.json(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply"]);
    assert!(deleted(&again).is_empty() && on_remote(&again)["promoted"] == json!([]), "{again}");
}

#[test]
fn a_ledger_stays_when_what_is_to_be_moved_was_not_taken() {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1]);
    work.git(&["switch", "--quiet", "main"]);
    work.git(&["merge", "--quiet", "topic"]);
    work.git(&["push", "--quiet", "--no-verify", "origin", "main"]);
    drop_topic(&work);
    remote.write("hooks/update", &format!("#!/bin/sh\n[ \"$1\" != {MAIN} ]\n"));
    remote.run("chmod", &["+x", "hooks/update"]).ok();
    let ran = work.session(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("kept: ") && ran.stderr.contains(MAIN), "{ran}");
    assert!(remote.references(TOPIC) == [TOPIC], "{ran}");
    fs::remove_file(remote.join("hooks/update")).expect("a hook");
    let done = work.json(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply"]);
    assert_eq!(deleted(&done), [TOPIC], "{done}");
}

#[test]
fn a_shallow_clone_does_not_guess_what_the_default_branch_needs() {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1]);
    work.git(&["switch", "--quiet", "main"]);
    work.git(&["merge", "--quiet", "--no-ff", "--no-edit", "topic"]);
    work.git(&["push", "--quiet", "origin", "main"]);
    drop_topic(&work);
    let url = format!("file://{}", remote.path.display());
    world.place(".").git(&["clone", "--quiet", "--depth=1", &url, "shallow"]);
    let kept = world.place("shallow").json(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply"]);
    assert!(deleted(&kept).is_empty(), "{kept}");
    let reason = on_remote(&kept)["unknown"][0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("git fetch --unshallow"), "{reason}");
    assert_eq!(remote.references(TOPIC), [TOPIC]);
}

#[test]
fn branches_with_the_sessions_of_a_review_go_after_their_own_time() {
    let world = World::new();
    let (work, remote) = world.shared();
    let (review, archive) = ("opensession/pr-7-sessions", "opensession/pr-archive-sessions");
    work.git(&[
        "push",
        "--quiet",
        "origin",
        &format!("main:refs/heads/{review}"),
        &format!("main:refs/heads/{archive}"),
    ]);
    work.write(
        ".opensession/cleanup/config.toml",
        &format!("artifact_ttl_days = 10\nsession_archive_branch = \"{archive}\"\n"),
    );
    let early = work.json(&["cleanup", "run", "--apply"]);
    assert!(deleted(&early).is_empty(), "{early}");
    let later = work.with("GIT_SESSION_NOW", "2026-02-11T12:00:00Z");
    let done = later.json(&["cleanup", "run", "--apply"]);
    assert_eq!(deleted(&done), [format!("refs/heads/{review}")], "{done}");
    assert_eq!(on_remote(&done)["kept_pinned"][0]["reference"], format!("refs/heads/{archive}"));
    assert_eq!(remote.references("refs/heads/"), ["refs/heads/main".to_owned(), format!("refs/heads/{archive}")]);
}

#[test]
fn an_old_session_goes_from_the_ledger_of_a_living_branch_and_leaves_a_tombstone() {
    let world = World::new();
    let (work, remote) = world.shared();
    capture_old(&world, &work, 1, 100);
    capture_old(&world, &work, 2, 100);
    capture_old(&world, &work, 3, 5);
    work.session(&["sync"]).ok();
    let pinned = format!("session_ttl_days = 90\npinned = [\"{}\"]\n", id(2));
    work.write(".opensession/cleanup/config.toml", &pinned);
    let dry = work.json(&["cleanup", "run"]);
    assert_eq!(on_remote(&dry)["session_candidates"][0]["session"], id(1), "{dry}");
    let done = work.json(&["cleanup", "run", "--apply"]);
    assert_eq!(on_remote(&done)["removed"], json!([{"session": id(1), "from": MAIN}]), "{done}");
    assert_eq!(done["places"][0]["removed"], on_remote(&done)["removed"]);
    if world.has_git((2, 31), "size of what gc frees") {
        assert!(done["freed_by_gc"].as_u64().is_some_and(|bytes| bytes > 0), "{done}");
    }
    for place in [&work, &remote] {
        assert_eq!(place.stored(), [id(2), id(3)]);
        let all = place.git(&["rev-list", "--objects", "--all"]);
        assert!(all.contains("tombstones") && !all.contains(&format!("{}.hail.jsonl", id(1))), "{all}");
    }
    let again = work.json(&["cleanup", "run", "--apply"]);
    assert_eq!(on_remote(&again)["session_candidates"], json!([]), "{again}");
}

#[test]
fn a_ledger_is_brought_below_its_size() {
    let world = World::new();
    let (work, remote) = world.shared();
    for (number, days) in [(1, 3), (2, 9), (3, 6)] {
        capture_old(&world, &work, number, days);
    }
    work.session(&["sync"]).ok();
    let size: u64 = remote
        .git(&["ls-tree", "-r", "-l", MAIN])
        .lines()
        .map(|line| line.split_whitespace().nth(3).and_then(|size| size.parse::<u64>().ok()).expect("a size"))
        .sum();
    let all = work.json(&["cleanup", "run", "--apply", "--max-ledger-size", &size.to_string()]);
    assert_eq!(on_remote(&all)["session_candidates"], json!([]), "{all}");
    // A clone without the sessions measures them all the same.
    let other = world.clone_of(&remote, "other");
    let less = other.json(&["cleanup", "run", "--apply", "--max-ledger-size", &(size - 1).to_string()]);
    assert_eq!(on_remote(&less)["removed"], json!([{"session": id(2), "from": MAIN}]), "{less}");
    assert_eq!(remote.stored(), [id(1), id(3)]);
}

#[test]
fn a_forged_commit_date_does_not_make_a_ledger_older_than_its_sessions() {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1]);
    drop_topic(&work);
    let tree = remote.git(&["rev-parse", &format!("{TOPIC}^{{tree}}")]);
    for (date, reference) in
        [("1970-01-01T00:00:00Z", TOPIC), ("2099-01-01T00:00:00Z", "refs/opensession/branches/Z29uZQ")]
    {
        let forger = remote.with("GIT_COMMITTER_DATE", date).with("GIT_AUTHOR_DATE", date);
        let identity = ["-c", "user.name=B", "-c", "user.email=b@example.org"];
        let commit = forger.git(&[&identity[..], &["commit-tree", "-m", "forged", tree.trim()]].concat());
        remote.git(&["update-ref", reference, commit.trim()]);
    }
    let kept = work.json(&["cleanup", "run", "--apply", "--remote", "origin"]);
    assert!(deleted(&kept).is_empty(), "{kept}");
    assert_eq!(on_remote(&kept)["kept_due_to_ttl"].as_array().map(Vec::len), Some(2), "{kept}");
    // Nothing is so far in the future that it would never go.
    let done = work.json(&["cleanup", "run", "--apply", "--hidden-ttl-days", "0"]);
    assert_eq!(deleted(&done).len(), 2, "{done}");
}

#[test]
fn what_cannot_be_read_is_kept_and_named() {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1]);
    drop_topic(&work);
    // A description that is none.
    let path = format!("v1/{}/{}.meta.json", &id(1)[..2], id(1));
    fs::write(work.join("damaged"), "{").expect("a file");
    let blob = work.git(&["hash-object", "-w", "damaged"]);
    let index = work.with("GIT_INDEX_FILE", &work.join(".git/other-index").display().to_string());
    index.git(&["read-tree", TOPIC]);
    index.git(&["update-index", "--cacheinfo", &format!("100644,{},{path}", blob.trim())]);
    let tree = index.git(&["write-tree"]);
    let commit = work.git(&["commit-tree", "-m", "damaged", tree.trim()]);
    work.git(&["push", "--quiet", "--no-verify", "--force", "origin", &format!("{}:{TOPIC}", commit.trim())]);
    // And something that is no commit at all.
    work.git(&[
        "push",
        "--quiet",
        "--no-verify",
        "origin",
        &format!("{}:refs/opensession/branches/Z29uZQ", blob.trim()),
    ]);
    let later = work.with("GIT_SESSION_NOW", NEVER);
    let kept = later.json(&["cleanup", "run", "--apply", "--remote", "origin"]);
    assert!(deleted(&kept).is_empty(), "{kept}");
    let mut named: Vec<&str> = on_remote(&kept)["unknown"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|kept| kept["reference"].as_str().expect("a name"))
        .collect();
    named.sort_unstable();
    assert_eq!(named, ["refs/opensession/branches/Z29uZQ", TOPIC], "{kept}");
    assert_eq!(remote.references("refs/opensession/branches/").len(), 2);
}

#[test]
fn a_configuration_that_means_nothing_deletes_nothing() {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1]);
    drop_topic(&work);
    let with = |text: &str| {
        work.write(".opensession/cleanup/config.toml", text);
        work.session(&["cleanup", "run", "--apply"])
    };
    for text in ["hidden_ttl_days = -1\n", "hidden_ttl_days = \"soon\"\n", "hidden_ttl_days 0\n"] {
        let ran = with(text);
        assert!(ran.code == 1 && ran.stderr.contains("config.toml, line 1"), "{ran}");
    }
    // A tracked file may choose among the remotes that are here, and not name another program's.
    let ran = with("hidden_ttl_days = 0\nremote = \"ext::sh -c true\"\n");
    assert!(ran.code == 1 && ran.stderr.contains("chooses the remote"), "{ran}");
    assert_eq!(remote.references(TOPIC), [TOPIC]);
    let ran = with("hidden_ttl_days = 0\nnewer = 1\n");
    assert!(ran.code == 0 && ran.stderr.contains("does not know 'newer'"), "{ran}");
    assert_eq!(remote.references(TOPIC), [""; 0]);
}

/// A bare repository with the ledgers of branches that are gone.
fn many(world: &World, count: usize) -> (Place, Place) {
    let (work, remote) = world.shared();
    capture_one(world, &work, 1);
    work.session(&["sync"]).ok();
    let tip = remote.git(&["rev-parse", MAIN]);
    let lines: String =
        (0..count).map(|number| format!("create refs/opensession/branches/{} {}", encoded(number), tip)).collect();
    remote.write("lines", &lines);
    remote.run("sh", &["-c", "git update-ref --stdin < lines && git pack-refs --all"]).ok();
    (work, remote)
}

fn encoded(number: usize) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(format!("gone-{number}"))
}

#[test]
fn hundreds_of_ledgers_take_one_look_and_a_push_a_batch() {
    let world = World::new();
    let (_work, remote) = many(&world, 501);
    let clone = world.clone_of(&remote, "clone");
    let trace = world.path().join("trace");
    let traced = clone.with("GIT_TRACE", &trace.display().to_string());
    let done = traced.json(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply", "--remote", "origin"]);
    assert_eq!(deleted(&done).len(), 501, "{done}");
    let trace = fs::read_to_string(trace).expect("a trace");
    let count = |command: &str| trace.lines().filter(|line| line.contains(&format!("built-in: git {command}"))).count();
    assert_eq!(count("ls-remote"), 1);
    // One to look; one for the default branch's ledger, which is whole then.
    assert!(trace.lines().filter(|line| line.contains(" fetch --quiet")).count() <= 4);
    // The default branch's ledger, then 500 and 1.
    assert_eq!(count("push "), 3);
    assert_eq!(remote.references("refs/opensession/"), [MAIN]);
    // Nothing of what was looked at stayed here.
    assert_eq!(clone.references("refs/opensession"), [""; 0]);
    assert!(!clone.git(&["cat-file", "--batch-all-objects", "--batch-check"]).contains("tag"));
    assert_eq!(clone.run("git", &["config", "remote.origin.promisor"]).code, 1);
}

#[test]
fn a_server_cleans_up_its_own_repository_without_a_name() {
    let world = World::new();
    let (work, remote) = many(&world, 3);
    fs::write(world.home().join(".gitconfig"), "").expect("a global configuration");
    work.git(&["push", "--quiet", "--no-verify", "origin", "main:refs/heads/opensession/mr-1-sessions"]);
    let done =
        remote.json(&["cleanup", "run", "--local", "--hidden-ttl-days", "0", "--artifact-ttl-days", "0", "--apply"]);
    assert_eq!(deleted(&done).len(), 4, "{done}");
    let kept = "refs/opensession-tips/opensession/branches/bWFpbg";
    assert_eq!(remote.references("refs/"), ["refs/heads/main", kept, MAIN]);
    assert!(remote.git(&["log", "-1", "--format=%an", MAIN]).contains("git session cleanup"));
    // A mirror does so for where it comes from.
    world.place(".").git(&["clone", "--quiet", "--mirror", &remote.path.display().to_string(), "mirror.git"]);
    let nothing = world.place("mirror.git").json(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply"]);
    assert!(deleted(&nothing).is_empty() && on_remote(&nothing)["place"] == "remote origin", "{nothing}");
}
