//! A hooks folder for every repository, to which a person added our lines by hand: in a repository that nobody set up,
//! a real push publishes nothing.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::support::{ClaudeLog, Place, World};

fn id(number: u32) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

/// A world with such a folder; what the person had there before stays.
fn world() -> World {
    let world = World::with_default_selection();
    let folder = world.place("hooks");
    for hook in ["prepare-commit-msg", "commit-msg", "post-commit", "post-rewrite", "pre-push"] {
        let script =
            format!("#!/bin/sh\necho {hook} >> '{}/ran'\ngit-session hook {hook} \"$@\"\n", folder.path.display());
        folder.write(hook, &script);
        fs::set_permissions(folder.join(hook), fs::Permissions::from_mode(0o755)).expect("an executable hook");
    }
    folder.git(&["config", "--global", "core.hooksPath", &folder.path.display().to_string()]);
    world
}

/// A bare remote with a commit that nobody's hook saw.
fn remote(world: &World, name: &str) -> Place {
    let remote = world.bare(name);
    let first = world.repository("first").with("OPENSESSION_DISABLE", "1");
    first.git(&["commit", "--quiet", "--allow-empty", "--message", "Begin"]);
    first.git(&["push", "--quiet", &remote.path.display().to_string(), "main"]);
    remote
}

/// A clone in which nobody ever ran this program.
fn clone(world: &World, remote: &Place, name: &str) -> Place {
    world.place(".").git(&["clone", "--quiet", &remote.path.display().to_string(), name]);
    world.place(name)
}

fn commit_work(world: &World, work: &Place, number: u32) {
    let file = format!("file-{number}.txt");
    ClaudeLog::new(world, work, &id(number)).prompt("A private question.").writes(work, &file, "content\n").save();
    work.commit_all(&format!("Write {file}"));
    assert_eq!(work.trailers("HEAD"), [id(number)], "the hook ran");
}

/// Everything that a remote has, as text.
fn everything(remote: &Place) -> String {
    let script = "git for-each-ref; git rev-list --objects --all | cut -d' ' -f1 | git cat-file --batch";
    remote.run("sh", &["-c", script]).ok().stdout
}

/// What a push says of us.
fn said(work: &Place, arguments: &[&str]) -> Vec<String> {
    let ran = work.run("git", arguments).ok();
    let lines = ran.stderr.lines().chain(ran.stdout.lines());
    lines.filter(|line| line.contains("session")).map(str::to_owned).collect()
}

#[test]
fn a_push_from_a_repository_that_nobody_set_up_publishes_nothing_of_ours() {
    let world = world();
    let origin = remote(&world, "origin.git");
    let work = clone(&world, &origin, "work");
    commit_work(&world, &work, 1);
    work.wait_for_sessions(1);
    assert_eq!(said(&work, &["push", "origin", "main"]), [""; 0]);
    assert!(world.place("hooks").read("ran").contains("pre-push"), "the hook of the push ran");
    assert_eq!(origin.references("refs/"), ["refs/heads/main"]);
    let all = everything(&origin);
    assert!(all.contains("file-1.txt") && !all.contains("A private question."), "{all}");
    assert_eq!(work.stored(), [id(1)], "it is kept here");
    let answer = work.json(&["doctor"]);
    let remotes = answer["checks"].as_array().expect("checks").iter().find(|check| check["name"] == "remotes");
    assert_eq!(remotes.expect("a check")["message"], "sessions stay here: no destination is set");
}

#[test]
fn a_fork_that_is_pushed_to_gets_nothing_before_and_after_the_first_remote_was_allowed() {
    let world = world();
    let origin = remote(&world, "origin.git");
    let work = clone(&world, &origin, "work");
    let fork = world.bare("fork.git");
    let url = fork.path.display().to_string();
    work.git(&["remote", "add", "fork", &url]);
    commit_work(&world, &work, 1);
    work.wait_for_sessions(1);
    for to in ["fork", &url, "origin"] {
        assert_eq!(said(&work, &["push", to, "main"]), [""; 0], "{to}");
    }
    assert_eq!(said(&work, &["push", "--set-upstream", "fork", "main:topic"]), [""; 0]);
    // What a person says for all their repositories of where sessions go is not that any may.
    work.git(&["config", "--global", "opensession.destination", "same-remote"]);
    commit_work(&world, &work, 2);
    for to in ["fork", "origin"] {
        assert_eq!(said(&work, &["push", to, "main"]), [""; 0], "{to}");
    }
    assert_eq!(origin.references("refs/"), ["refs/heads/main"]);
    assert_eq!(fork.references("refs/"), ["refs/heads/main", "refs/heads/topic"]);
    // Once it is allowed, it is the one remote that was named, and what was kept goes as well.
    work.git(&["config", "opensession.remotes", "origin"]);
    commit_work(&world, &work, 3);
    work.wait_for_sessions(3);
    assert_eq!(said(&work, &["push", "fork", "main"]), [""; 0]);
    assert_eq!(said(&work, &["push", "origin", "main"]), ["git session: 3 sessions (main) sent to origin"]);
    assert_eq!(fork.references("refs/"), ["refs/heads/main", "refs/heads/topic"]);
    // The message of the last commit has the words of the prompt by now.
    let event = "\"text\":\"A private question.\"";
    assert!(everything(&origin).contains(event) && !everything(&fork).contains(event));
}

#[test]
fn a_fresh_clone_of_a_repository_with_sessions_gets_them_and_sends_none() {
    let world = world();
    let origin = remote(&world, "origin.git");
    let work = clone(&world, &origin, "work");
    work.git(&["config", "opensession.destination", "same-remote"]);
    commit_work(&world, &work, 1);
    work.wait_for_sessions(1);
    work.git(&["push", "--quiet", "origin", "main"]);
    let ledgers = origin.references("refs/opensession/");
    assert_eq!(ledgers.len(), 1);
    let tip = origin.git(&["rev-parse", &ledgers[0]]);
    // Where a colleague keeps sessions is no decision of this clone.
    let fresh = clone(&world, &origin, "fresh");
    fresh.session(&["sync", "--fetch-only"]).ok();
    assert_eq!(fresh.stored(), [id(1)]);
    commit_work(&world, &fresh, 2);
    fresh.wait_for_sessions(2);
    assert_eq!(said(&fresh, &["push", "origin", "main"]), [""; 0]);
    assert_eq!((origin.references("refs/opensession/"), origin.git(&["rev-parse", &ledgers[0]])), (ledgers, tip));
}
