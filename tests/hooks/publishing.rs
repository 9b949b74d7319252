//! What a push and `sync` publish: nothing that nobody asked for, and what they do publish they say.

use crate::support::{ClaudeLog, Place, World};

const LEDGER: &str = "refs/opensession/branches/bWFpbg";
const TOPIC: &str = "refs/opensession/branches/dG9waWM";
const MODES: [&str; 2] = ["hidden_ref", "git_notes"];

fn id(number: u32) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

/// A commit that a session made.
fn commit_work(world: &World, place: &Place, number: u32) {
    let file = format!("file-{number}.txt");
    ClaudeLog::new(world, place, &id(number)).prompt("Write a file.").writes(place, &file, "content\n").save();
    place.commit_all(&format!("Write {file}"));
}

/// A session that is stored and has no commit.
fn chat(world: &World, place: &Place, number: u32) {
    ClaudeLog::new(world, place, &id(number)).prompt("A private question.").answer("An answer.").save();
    place.session(&["capture"]).ok();
}

fn shared(mode: &str) -> (World, Place, Place) {
    let world = World::with_default_selection();
    let (work, remote) = world.shared();
    work.git(&["config", "opensession.fanout-mode", mode]);
    (world, work, remote)
}

/// The sessions whose events a remote has, in any of its ledgers.
fn sent(remote: &Place) -> Vec<String> {
    let mut found = Vec::new();
    for reference in [remote.references("refs/opensession/"), remote.references("refs/notes/")].concat() {
        let ids = remote
            .tree(&reference)
            .into_iter()
            .filter_map(|path| Some(path.strip_suffix(".hail.jsonl")?.rsplit('/').next()?.to_owned()));
        found.extend(ids);
    }
    found.sort();
    found.dedup();
    found
}

/// Everything that a remote has, as text.
fn everything(remote: &Place) -> String {
    let script = "git rev-list --objects --all | cut -d' ' -f1 | git cat-file --batch";
    format!("{}{}", remote.run("sh", &["-c", script]).ok().stdout, remote.git(&["for-each-ref"]))
}

#[test]
fn a_session_without_a_commit_stays_here_until_it_is_named() {
    for mode in MODES {
        let (world, work, remote) = shared(mode);
        commit_work(&world, &work, 1);
        work.wait_for_sessions(1);
        chat(&world, &work, 2);
        chat(&world, &work, 3);
        work.git(&["push", "--quiet"]);
        assert_eq!(sent(&remote), [id(1)], "{mode}");
        assert!(!everything(&remote).contains("A private question."), "{mode}");
        let ran = work.session(&["sync"]).ok();
        for part in ["not sent: 2 sessions without a commit", "--session 00000002-", "opensession.push-unlinked true"] {
            assert!(ran.stderr.contains(part), "{mode}: {part}: {ran}");
        }
        assert_eq!(sent(&remote), [id(1)], "{mode}");
        // Nothing is new: nobody asks the remote.
        work.git(&["remote", "set-url", "origin", "/nowhere.git"]);
        let head = work.git(&["rev-parse", "HEAD"]);
        let line = format!("refs/heads/main {0} refs/heads/main {0}", head.trim());
        let ran =
            work.run("sh", &["-c", &format!("echo '{line}' | git session hook pre-push origin /nowhere.git")]).ok();
        assert_eq!(ran.stderr, "", "{mode}: {ran}");
        work.git(&["remote", "set-url", "origin", &remote.path.display().to_string()]);
        work.session(&["sync", "--session", &id(2)]).ok();
        assert_eq!(sent(&remote), [id(1), id(2)], "{mode}");
        work.git(&["config", "opensession.push-unlinked", "true"]);
        work.session(&["sync"]).ok();
        assert_eq!(sent(&remote), [id(1), id(2), id(3)], "{mode}");
    }
}

#[test]
fn a_session_that_gets_a_commit_later_goes_with_it_and_leaves_the_others_here() {
    for mode in MODES {
        let (world, work, remote) = shared(mode);
        chat(&world, &work, 1);
        chat(&world, &work, 2);
        commit_work(&world, &work, 3);
        work.git(&["push", "--quiet"]);
        assert_eq!(sent(&remote), [id(3)], "{mode}");
        commit_work(&world, &work, 1);
        work.git(&["push", "--quiet"]);
        assert_eq!(sent(&remote), [id(1), id(3)], "{mode}");
        let all = everything(&remote);
        assert!(!all.contains(&id(2)) && all.contains("Write a file."), "{mode}");
        // A clone takes part, and what it adds comes back.
        let other = world.clone_of(&remote, "other");
        other.git(&["config", "opensession.fanout-mode", mode]);
        other.session(&["sync"]).ok();
        commit_work(&world, &other, 4);
        other.git(&["push", "--quiet"]);
        work.git(&["pull", "--quiet", "--rebase"]);
        work.session(&["sync"]).ok();
        assert_eq!(work.stored(), [id(1), id(2), id(3), id(4)], "{mode}");
        assert_eq!(sent(&remote), [id(1), id(3), id(4)], "{mode}");
    }
}

#[test]
fn the_ledger_of_a_branch_that_was_never_pushed_stays_here_with_its_name() {
    let (world, work, remote) = shared("hidden_ref");
    commit_work(&world, &work, 1);
    work.git(&["push", "--quiet"]);
    work.git(&["switch", "--quiet", "--create", "topic"]);
    commit_work(&world, &work, 2);
    work.wait_for_sessions(2);
    let ran = work.session(&["sync"]).ok();
    let line = "not sent: the sessions of topic, which origin does not have (to send them: git session sync origin --branch topic)";
    assert!(ran.stderr.contains(line), "{ran}");
    assert_eq!(remote.references("refs/opensession/"), [LEDGER]);
    work.session(&["sync", "origin", "--branch", "topic"]).ok();
    assert_eq!(remote.references("refs/opensession/"), [LEDGER, TOPIC]);
    assert_eq!(sent(&remote), [id(1), id(2)]);
    let ran = work.session(&["sync", "--branch", "nothing"]);
    assert!(ran.code == 1 && ran.stderr.contains("no session of a branch 'nothing' is stored"), "{ran}");
}

#[test]
fn commits_that_are_not_pushed_keep_their_sessions_here_though_the_branch_is_there() {
    for mode in MODES {
        let (world, work, remote) = shared(mode);
        commit_work(&world, &work, 1);
        work.git(&["push", "--quiet"]);
        commit_work(&world, &work, 2);
        work.wait_for_sessions(2);
        work.session(&["sync"]).ok();
        assert_eq!(sent(&remote), [id(1)], "{mode}");
        work.git(&["push", "--quiet"]);
        assert_eq!(sent(&remote), [id(1), id(2)], "{mode}");
    }
}

#[test]
fn a_session_of_two_repositories_goes_to_the_remote_of_each_with_its_commit_there() {
    let (world, work, remote) = shared("hidden_ref");
    commit_work(&world, &work, 1);
    work.wait_for_sessions(1);
    // Another repository knows of the session, and has no commit of it.
    let second = world.repository("second");
    let second_remote = world.bare("second.git");
    second.write("README.md", "# Second\n");
    second.commit_all("Begin");
    second.git(&["remote", "add", "origin", &second_remote.path.display().to_string()]);
    second.session(&["hooks", "install"]).ok();
    let log = world.home().join(".claude/projects");
    let files = second.run("find", &[log.display().to_string().as_str(), "-name", "*.jsonl"]).ok().stdout;
    second.session(&["capture", files.trim()]).ok();
    second.git(&["push", "--quiet", "origin", "main"]);
    work.git(&["push", "--quiet"]);
    assert_eq!((sent(&remote), sent(&second_remote)), (vec![id(1)], Vec::new()));
}

#[test]
fn a_branch_that_the_host_refused_is_not_sent_again_until_it_is_there() {
    let (world, work, remote) = shared("hidden_ref");
    let hook = |script: &str| {
        remote.write("hooks/update", &format!("#!/bin/sh\n{script}\n"));
        remote.run("chmod", &["+x", "hooks/update"]).ok();
    };
    hook("case $1 in refs/heads/*) exit 1;; esac");
    work.git(&["switch", "--quiet", "--create", "topic"]);
    commit_work(&world, &work, 1);
    // git has no hook after a push: by the time the host refuses, the session is there.
    assert_ne!(work.run("git", &["push", "--quiet", "origin", "topic"]).code, 0);
    assert_eq!(sent(&remote), [id(1)]);
    commit_work(&world, &work, 2);
    let ran = work.run("git", &["push", "--quiet", "origin", "topic"]);
    assert!(ran.code != 0 && ran.stderr.contains("origin did not have topic after the last push"), "{ran}");
    work.session(&["sync"]).ok();
    assert_eq!(sent(&remote), [id(1)]);
    // Another branch is not held up.
    hook("exit 0");
    work.git(&["switch", "--quiet", "main"]);
    commit_work(&world, &work, 3);
    work.git(&["push", "--quiet"]);
    assert_eq!(sent(&remote), [id(1), id(3)]);
    // Once the branch is there, its sessions go.
    work.git(&["push", "--quiet", "origin", "topic"]);
    assert_eq!(sent(&remote), [id(1), id(3)]);
    work.session(&["sync"]).ok();
    assert_eq!(sent(&remote), [id(1), id(2), id(3)]);
    work.git(&["switch", "--quiet", "topic"]);
    commit_work(&world, &work, 4);
    work.git(&["push", "--quiet", "origin", "topic"]);
    assert_eq!(sent(&remote), [id(1), id(2), id(3), id(4)]);
}

#[test]
#[cfg(target_os = "linux")]
fn a_push_says_in_a_line_what_was_sent_unless_it_is_to_be_quiet() {
    let (world, work, _) = shared("hidden_ref");
    let said = |arguments: &[&str]| -> Vec<String> {
        let ran = work.run("git", arguments).ok();
        ran.stderr.lines().filter(|line| line.contains("git session")).map(str::to_owned).collect()
    };
    commit_work(&world, &work, 1);
    commit_work(&world, &work, 2);
    assert_eq!(said(&["push"]), ["git session: 2 sessions (main) sent to origin"]);
    work.write("by-hand.txt", "x\n");
    work.commit_all("By hand");
    assert_eq!(said(&["push"]), [""; 0]);
    for (number, arguments) in [(3, &["push", "-q"][..]), (4, &["push", "--quiet", "origin"])] {
        commit_work(&world, &work, number);
        assert_eq!(said(arguments), [""; 0], "{arguments:?}");
    }
    work.git(&["config", "opensession.quiet", "true"]);
    commit_work(&world, &work, 5);
    assert_eq!(said(&["push"]), [""; 0]);
    assert_eq!(work.stored().len(), 5);
}

#[test]
fn a_remote_that_takes_no_sessions_is_named_with_its_reason_and_the_way_to_stop() {
    let (world, work, remote) = shared("hidden_ref");
    let script = "case $1 in refs/opensession/*) echo 'error: hidden references are not taken here' >&2; exit 1;; esac";
    remote.write("hooks/update", &format!("#!/bin/sh\n{script}\n"));
    remote.run("chmod", &["+x", "hooks/update"]).ok();
    commit_work(&world, &work, 1);
    let stop = "git config opensession.remotes ''";
    let push = work.run("git", &["push", "--quiet"]).ok();
    let sync = work.session(&["sync"]);
    assert_eq!(sync.code, 1, "{sync}");
    assert!(!sync.stdout.contains("up to date"), "{sync}");
    for said in [&push.stderr, &sync.stderr] {
        let count = |part: &str| {
            said.lines()
                .filter(|line| line.contains("git session") || said == &sync.stderr)
                .filter(|line| line.contains(part))
                .count()
        };
        assert_eq!(count("hidden references are not taken here"), 1, "{said}");
        assert_eq!(count(stop), 1, "{said}");
    }
    work.git(&["config", "opensession.remotes", ""]);
    assert_eq!(work.run("git", &["push", "--quiet"]).ok().stderr, "");
}

#[test]
fn a_private_repository_gets_the_sessions_of_every_push() {
    for mode in MODES {
        let (world, work, remote) = shared(mode);
        let private = world.bare("private.git");
        work.git(&["remote", "add", "private", &private.path.display().to_string()]);
        work.git(&["config", "opensession.destination", "remote:private"]);
        commit_work(&world, &work, 1);
        work.git(&["push", "--quiet"]);
        assert_eq!((sent(&remote), sent(&private)), (Vec::new(), vec![id(1)]), "{mode}");
        assert_eq!(private.references("refs/heads/"), [""; 0], "{mode}");
        // By hand as well, and a colleague reads them from there.
        commit_work(&world, &work, 2);
        work.with("OPENSESSION_DISABLE", "1").git(&["push", "--quiet"]);
        work.wait_for_sessions(2);
        assert_eq!(work.json(&["sync"])["remote"], "private", "{mode}");
        assert_eq!((sent(&remote), sent(&private)), (Vec::new(), vec![id(1), id(2)]), "{mode}");
        let ran = work.session(&["sync", "origin"]);
        assert!(ran.code == 1 && ran.stderr.contains("opensession.destination is remote:private"), "{ran}");
        let other = world.clone_of(&remote, "other");
        other.git(&["config", "opensession.fanout-mode", mode]);
        other.git(&["remote", "add", "private", &private.path.display().to_string()]);
        other.git(&["config", "opensession.destination", "remote:private"]);
        other.session(&["sync"]).ok();
        assert_eq!(other.json(&["show", "commit:HEAD"])["id"], id(2), "{mode}");
        let ran = work.session(&["log"]).ok();
        assert!(ran.stdout.contains("00000001"), "{ran}");
    }
}

#[test]
fn where_the_destination_is_local_nothing_leaves() {
    let (world, work, remote) = shared("hidden_ref");
    work.git(&["config", "opensession.destination", "local"]);
    commit_work(&world, &work, 1);
    work.git(&["push", "--quiet"]);
    let ran = work.session(&["sync"]);
    assert!(ran.code == 1 && ran.stderr.contains("git config opensession.destination same-remote"), "{ran}");
    assert_eq!(sent(&remote), [""; 0]);
    work.session(&["sync", "origin", "--fetch-only"]).ok();
}

#[test]
fn a_repository_that_nobody_set_up_publishes_nothing() {
    let (world, work, remote) = shared("hidden_ref");
    for key in ["opensession.remotes", "opensession.destination"] {
        work.git(&["config", "--unset-all", key]);
    }
    commit_work(&world, &work, 1);
    work.git(&["push", "--quiet"]);
    assert_eq!(sent(&remote), [""; 0]);
}
