//! The git commands of this program run no hook: neither ours, inside of our own push, nor one of somebody else.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::support::{ClaudeLog, Place, World, outer_path};

const EVENTS: [&str; 5] = ["pre-push", "reference-transaction", "post-index-change", "pre-auto-gc", "post-checkout"];

fn id(number: u32) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

/// A hook in the configuration for every event that a command of ours could have, which leaves a trace.
fn define_hooks(world: &World, work: &Place) {
    for (number, event) in EVENTS.into_iter().enumerate() {
        let trace = world.path().join("trace");
        let command = format!("echo {event} >> '{}' #", trace.display());
        // One of them is the user's, for every repository; a name may have signs of any kind.
        let scope = if event == "pre-push" { "--global" } else { "--local" };
        let name = format!("hook.a person's \"check\" {number}");
        work.git(&["config", scope, &format!("{name}.command"), &command]);
        work.git(&["config", scope, &format!("{name}.event"), event]);
    }
}

/// The same place with a git in front that notes how it is called.
fn with_recorder(world: &World, work: &Place) -> Place {
    let folder = world.place("recorder");
    let path = outer_path();
    let list = folder.join("called");
    let script = format!("#!/bin/sh\necho \"$*\" >> '{}'\nPATH='{path}'\nexec git \"$@\"\n", list.display());
    folder.write("git", &script);
    fs::set_permissions(folder.join("git"), fs::Permissions::from_mode(0o755)).expect("an executable git");
    work.with("PATH", &format!("{}:{path}", folder.path.display()))
}

/// Every command that writes references here or on the remote.
fn every_command(work: &Place) {
    for arguments in [
        &["capture"][..],
        &["sync"],
        &["relink"],
        &["redact", &id(1), "--text", "Write", "--push"],
        &["purge", &id(2), "--yes", "--push"],
        &["cleanup", "run", "--apply", "--hidden-ttl-days", "0"],
        &["doctor", "--fix", "--yes", "--fanout-mode", "git_notes"],
        &["sync"],
        &["doctor", "--fix", "--yes", "--fanout-mode", "hidden_ref"],
    ] {
        let ran = work.session(arguments);
        assert!(ran.code <= 1, "{arguments:?}: {ran}");
    }
}

fn check(world: &World, work: &Place) {
    for number in 1..=3 {
        let file = format!("file-{number}.txt");
        ClaudeLog::new(world, work, &id(number)).prompt("Write a file.").writes(work, &file, "content\n").save();
        work.commit_all(&format!("Write {file}"));
    }
    work.wait_for_sessions(3);
    define_hooks(world, work);
    // What a person's own push runs is theirs.
    work.git(&["push", "--quiet", "--no-verify"]);
    let _ = fs::remove_file(world.path().join("trace"));
    every_command(&with_recorder(world, work));
    let traces = fs::read_to_string(world.path().join("trace")).unwrap_or_default();
    assert_eq!(traces, "", "a hook ran");
    // An older git runs none of them, so that it is told by how it is called.
    let called = fs::read_to_string(world.path().join("recorder/called")).expect("git was called");
    let is_told = |line: &str| {
        let named = (0..EVENTS.len())
            .all(|number| line.contains(&format!("-c hook.a person's \"check\" {number}.enabled=false")));
        named && EVENTS[..4].iter().all(|event| line.contains(&format!("-c hook.{event}.enabled=false")))
    };
    let writes = ["push", "fetch", "update-ref", "fast-import", "reflog"];
    let writing: Vec<&str> = called.lines().filter(|line| line.split(' ').any(|word| writes.contains(&word))).collect();
    assert!(writing.iter().any(|line| line.contains(" push ")), "{called}");
    assert!(writing.iter().any(|line| line.contains(" fetch ")), "{called}");
    for line in writing {
        assert!(is_told(line) && line.contains("-c core.hooksPath=/dev/null"), "{line}");
    }
}

#[test]
fn no_command_of_ours_runs_a_hook_of_the_configuration() {
    let world = World::new();
    let (work, _) = world.shared();
    check(&world, &work);
}

#[test]
fn no_command_of_ours_runs_a_hook_of_the_configuration_with_reftable() {
    let world = World::new();
    if !world.has_git((2, 45), "reftable") {
        return;
    }
    let (remote, work) = (world.place("remote.git"), world.place("work"));
    for (place, arguments) in [(&remote, &["init", "--quiet", "--bare"][..]), (&work, &["init", "--quiet"])] {
        place.with("GIT_DEFAULT_REF_FORMAT", "reftable").git(arguments);
    }
    work.write("README.md", "# Work\n");
    work.commit_all("Begin");
    work.git(&["remote", "add", "origin", &remote.path.display().to_string()]);
    work.git(&["push", "--quiet", "--set-upstream", "origin", "main"]);
    work.session(&["hooks", "install"]).ok();
    assert_eq!(work.git(&["config", "extensions.refStorage"]).trim(), "reftable");
    check(&world, &work);
}

/// Our own hook is one of them: inside of a push of ours it would begin another one.
#[test]
fn our_push_does_not_run_our_hook_again() {
    let world = World::new();
    if !world.has_git((2, 54), "hooks in the configuration") {
        return;
    }
    let (work, _) = world.shared();
    ClaudeLog::new(&world, &work, &id(1)).prompt("Write a file.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("Write a.txt");
    work.wait_for_sessions(1);
    let trace = world.path().join("processes");
    work.with("GIT_TRACE2_EVENT", &trace.display().to_string()).git(&["push", "--quiet"]);
    let trace = fs::read_to_string(trace).expect("a trace");
    let pushes = trace.lines().filter(|line| line.contains("\"event\":\"start\"") && line.contains("\"push\"")).count();
    let hooks = trace.lines().filter(|line| line.contains("\"hook_name\":\"pre-push\"")).count();
    assert_eq!((pushes, hooks), (2, 1), "{trace}");
}
