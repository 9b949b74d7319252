//! A session stays while any branch or tag needs it, whatever the default branch is.

use serde_json::json;

use super::{MAIN, TOPIC, capture_old, deleted, drop_topic, id, on_remote, topic_with};
use crate::support::{Place, World};

const LATER: &str = "2026-06-01T12:00:00Z";

/// Makes `work` and `remote` with session 1 on the branch `topic`, has them changed, deletes `topic` and cleans
/// up four months later: from the clone, else on the server itself. Returns what is left on the remote.
fn after(arrange: &dyn Fn(&Place, &Place), is_on_server: bool) -> (Vec<String>, Vec<String>) {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1]);
    work.git(&["switch", "--quiet", "main"]);
    arrange(&work, &remote);
    // A forge deletes the branch, and no clone is asked.
    remote.git(&["update-ref", "-d", "refs/heads/topic"]);
    work.git(&["branch", "--quiet", "-D", "topic"]);
    work.git(&["fetch", "--quiet", "--prune"]);
    let run = ["cleanup", "run", "--apply"];
    let ran = if is_on_server {
        remote.with("GIT_SESSION_NOW", LATER).session(&[&run[..], &["--local"]].concat())
    } else {
        work.with("GIT_SESSION_NOW", LATER).session(&run)
    };
    ran.ok();
    (remote.stored(), remote.references("refs/opensession/"))
}

#[track_caller]
fn stays(arrange: &dyn Fn(&Place, &Place)) {
    for is_on_server in [false, true] {
        let (stored, ledgers) = after(arrange, is_on_server);
        assert_eq!(stored, [id(1)], "on the server: {is_on_server}; {ledgers:?}");
    }
}

fn push(work: &Place, refs: &[&str]) {
    work.git(&[&["push", "--quiet", "--no-verify", "origin"], refs].concat());
}

#[test]
fn what_nothing_needs_goes_wherever_the_janitor_runs() {
    for is_on_server in [false, true] {
        let (stored, ledgers) = after(&|_, _| {}, is_on_server);
        assert!(stored.is_empty() && !ledgers.contains(&TOPIC.to_owned()), "{is_on_server}: {ledgers:?}");
    }
}

#[test]
fn a_merge_counts_where_the_head_of_the_remote_is_at_no_branch() {
    stays(&|work, remote| {
        work.git(&["merge", "--quiet", "--no-ff", "--no-edit", "topic"]);
        push(work, &["main"]);
        remote.git(&["symbolic-ref", "HEAD", "refs/heads/master"]);
        work.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/master"]);
    });
    // Nor where it is at a commit.
    stays(&|work, remote| {
        work.git(&["merge", "--quiet", "--no-ff", "--no-edit", "topic"]);
        push(work, &["main"]);
        remote.git(&["update-ref", "--no-deref", "HEAD", "refs/heads/main"]);
    });
}

#[test]
fn a_merge_counts_whatever_the_trunk_is_called() {
    for (trunk, is_head) in [("trunk", true), ("trunk", false), ("develop", true), ("develop", false)] {
        stays(&|work, remote| {
            work.git(&["branch", "--quiet", "--move", "main", trunk]);
            work.git(&["merge", "--quiet", "--no-ff", "--no-edit", "topic"]);
            push(work, &[trunk]);
            let head = if is_head { trunk } else { "main" };
            remote.git(&["symbolic-ref", "HEAD", &format!("refs/heads/{head}")]);
            remote.git(&["update-ref", "-d", "refs/heads/main"]);
        });
    }
}

#[test]
fn a_branch_that_was_renamed_keeps_its_sessions() {
    stays(&|work, _| push(work, &["topic:refs/heads/feature/better-name"]));
}

#[test]
fn a_branch_that_was_merged_into_another_than_the_default_keeps_its_sessions() {
    stays(&|work, _| {
        work.git(&["switch", "--quiet", "-c", "release/1"]);
        work.git(&["merge", "--quiet", "--no-ff", "--no-edit", "topic"]);
        push(work, &["release/1"]);
        work.git(&["switch", "--quiet", "main"]);
    });
}

#[test]
fn a_commit_that_only_a_tag_has_keeps_its_sessions() {
    for kind in [&["tag", "v1", "topic"][..], &["tag", "-a", "-m", "One", "v1", "topic"]] {
        stays(&|work, _| {
            work.git(kind);
            push(work, &["v1"]);
        });
    }
}

#[test]
fn a_message_that_names_a_session_anywhere_keeps_it() {
    for (before, after) in
        [("* Write it\n\n", "\n\nMore prose.\n"), ("    Write it\n\n    ", "\n"), ("> ", "\n> and\n")]
    {
        stays(&|work, _| {
            let body = format!("Title (#1)\n\n{before}AI-Session: {}{after}", id(1));
            work.git(&["commit", "--quiet", "--no-verify", "--allow-empty", "-m", &body]);
            push(work, &["main"]);
        });
    }
}

#[test]
fn a_remote_without_any_branch_keeps_its_ledgers() {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1]);
    for branch in remote.references("refs/heads/") {
        remote.git(&["update-ref", "-d", &branch]);
    }
    let kept = work.json(&["cleanup", "run", "--apply", "--hidden-ttl-days", "0"]);
    assert!(deleted(&kept).is_empty(), "{kept}");
    assert!(on_remote(&kept)["unknown"][0]["reason"].as_str().is_some_and(|reason| reason.contains("no branch")));
    let local = remote.json(&["cleanup", "run", "--local", "--apply", "--hidden-ttl-days", "0"]);
    assert!(deleted(&local).is_empty() && remote.stored() == [id(1)], "{local}");
}

#[test]
fn a_remote_that_only_keeps_sessions_is_cleaned_up_by_the_branches_of_the_clone() {
    let world = World::new();
    let (work, _) = world.shared();
    topic_with(&world, &work, &[1]);
    // It has a branch of its own, and none of the code.
    let store = world.bare("store.git");
    work.git(&["remote", "add", "store", &store.path.display().to_string()]);
    let readme = work.git(&["commit-tree", "-m", "Sessions are here", "main^{tree}"]);
    work.git(&["push", "--quiet", "--no-verify", "store", &format!("{}:refs/heads/main", readme.trim())]);
    work.git(&["push", "--quiet", "--no-verify", "store", &format!("{TOPIC}:{TOPIC}")]);
    work.git(&["config", "opensession.destination", "remote:store"]);
    let run = ["cleanup", "run", "--apply", "--hidden-ttl-days", "0", "--remote", "store"];
    let kept = work.json(&run);
    assert!(deleted(&kept).is_empty() && store.references(TOPIC) == [TOPIC], "{kept}");
    drop_topic(&work);
    assert_eq!(deleted(&work.json(&run)), [TOPIC]);
}

#[test]
fn a_commit_that_only_this_clone_has_keeps_its_session_here() {
    let cases: [(&str, &[&[&str]]); 6] = [
        ("HEAD of another work tree", &[&["worktree", "add", "--quiet", "--detach", "../other", "topic"]]),
        ("HEAD", &[&["checkout", "--quiet", "--detach", "topic"]]),
        (
            "stash",
            &[
                &["switch", "--quiet", "topic"],
                &["rm", "--quiet", "README.md"],
                &["stash", "--quiet"],
                &["switch", "--quiet", "main"],
            ],
        ),
        (
            "a branch of a remote with a slash",
            &[
                &["update-ref", "refs/remotes/team/fork/feature", "topic"],
                &["config", "remote.team/fork.url", "/nowhere"],
            ],
        ),
        (
            "a branch of a remote that is called like the beginning of another",
            &[
                &["update-ref", "refs/remotes/team/fork/feature", "topic"],
                &["config", "remote.team.url", "/nowhere"],
                &["config", "remote.team/fork.url", "/nowhere"],
            ],
        ),
        ("a branch of a remote that is gone", &[&["update-ref", "refs/remotes/team/fork/feature", "topic"]]),
    ];
    for (name, commands) in cases {
        let world = World::new();
        let (work, _) = world.shared();
        topic_with(&world, &work, &[1]);
        work.git(&["switch", "--quiet", "main"]);
        for command in commands {
            work.git(command);
        }
        work.git(&["branch", "--quiet", "-D", "topic"]);
        work.git(&["update-ref", "-d", "refs/remotes/origin/topic"]);
        let done = work.json(&["cleanup", "run", "--local", "--apply", "--hidden-ttl-days", "0"]);
        assert!(deleted(&done).is_empty() && work.stored() == [id(1)], "{name}: {done}");
        assert_eq!(on_remote(&done)["kept_needed"][0]["reference"], TOPIC, "{name}: {done}");
    }
}

#[test]
fn a_limit_of_age_that_was_set_on_purpose_removes_what_is_needed_too() {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1]);
    work.git(&["push", "--quiet", "--no-verify", "origin", "topic:refs/heads/renamed"]);
    drop_topic(&work);
    capture_old(&world, &work, 2, 1);
    work.session(&["sync"]).ok();
    let later = work.with("GIT_SESSION_NOW", LATER);
    let kept = later.json(&["cleanup", "run", "--apply", "--remote", "origin"]);
    let reason = on_remote(&kept)["kept_needed"][0]["reason"].as_str().unwrap_or_default();
    assert_eq!(reason, format!("refs/heads/renamed has a commit of session {}", id(1)), "{kept}");
    let done = later.json(&["cleanup", "run", "--apply", "--remote", "origin", "--session-ttl-days", "90"]);
    let removed = on_remote(&done)["removed"].as_array().expect("an array");
    assert!(removed.contains(&json!({"session": id(1), "from": TOPIC})), "{done}");
    assert!(remote.stored().is_empty());
}

#[test]
fn what_is_not_moved_stays_where_it_is() {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1]);
    work.git(&["switch", "--quiet", "main"]);
    work.git(&["merge", "--quiet", "topic"]);
    work.git(&["push", "--quiet", "--no-verify", "origin", "main"]);
    drop_topic(&work);
    let run = ["cleanup", "run", "--apply", "--hidden-ttl-days", "0"];
    let kept = work.json(&[&run[..], &["--no-promote"]].concat());
    assert!(deleted(&kept).is_empty() && remote.references(TOPIC) == [TOPIC], "{kept}");
    let done = work.json(&run);
    assert_eq!(on_remote(&done)["promoted"], json!([{"session": id(1), "from": TOPIC, "to": MAIN}]), "{done}");
}
