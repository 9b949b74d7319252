//! Hooks in git's configuration, which git 2.54 and newer run. With an older git these tests say
//! that they are skipped.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::support::{ClaudeLog, Place, World, outer_path};

const ID: &str = "11111111-2222-4333-8444-555555555555";

/// A repository with a remote and without our hooks, where git runs hooks of the configuration.
fn shared() -> Option<(World, Place, Place)> {
    let world = World::new();
    if !world.has_git((2, 54), "hooks in the configuration") {
        return None;
    }
    let remote = world.bare("remote.git");
    let work = world.repository("work");
    work.git(&["remote", "add", "origin", &remote.path.display().to_string()]);
    Some((world, work, remote))
}

fn script(work: &Place, path: &str, script: &str) {
    work.write(path, script);
    fs::set_permissions(work.join(path), fs::Permissions::from_mode(0o755)).expect("an executable hook");
}

fn stage(world: &World, work: &Place) {
    ClaudeLog::new(world, work, ID).prompt("Write.").writes(work, "a.txt", "a\n").save();
    work.git(&["add", "--all"]);
}

/// The hooks that are there as scripts, theirs and ours.
fn scripts(work: &Place) -> Vec<String> {
    let entries = fs::read_dir(work.join(".git/hooks")).into_iter().flatten();
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter(|name| !name.ends_with(".sample")).collect();
    names.sort();
    names
}

fn states(work: &Place) -> Vec<String> {
    let answer = work.json(&["hooks", "status"]);
    let hooks = answer["hooks"].as_array().expect("hooks").iter();
    hooks.map(|hook| hook["state"].as_str().expect("a state").to_owned()).collect()
}

/// The same place with a git in front that tells another version, of which git session has to think so.
fn with_older_git(world: &World, work: &Place) -> Place {
    let older = world.place("older");
    let path = outer_path();
    let git = format!(
        "#!/bin/sh\nPATH='{path}'\ncase \" $* \" in *\" --version \"*) exec echo git version 2.53.1 ;; esac\nexec git \"$@\"\n"
    );
    script(&older, "git", &git);
    work.with("PATH", &format!("{}:{path}", older.path.display()))
}

#[test]
fn installing_touches_no_file_of_anybody_and_uninstalling_leaves_the_configuration_as_it_was() {
    let Some((_world, work, _)) = shared() else { return };
    script(&work, ".git/hooks/commit-msg", "#!/bin/sh\n# a person's");
    fs::write(work.join(".git/config"), work.read(".git/config") + "# a remark\n[mine]\n\tvalue = 1 ; another\n")
        .expect("a configuration");
    // Which remotes may get sessions is a choice of its own, which stays.
    work.git(&["config", "opensession.remotes", "origin"]);
    work.git(&["config", "opensession.destination", "same-remote"]);
    let before = work.read(".git/config");
    work.session(&["hooks", "install"]).ok();
    let installed = work.read(".git/config");
    work.session(&["hooks", "install"]).ok();
    assert_eq!(work.read(".git/config"), installed, "installing again changes something");
    assert_eq!(states(&work), ["installed"; 5]);
    assert_eq!(scripts(&work), ["commit-msg"]);
    assert_eq!(work.read(".git/hooks/commit-msg"), "#!/bin/sh\n# a person's");
    work.session(&["hooks", "uninstall"]).ok();
    assert_eq!(work.read(".git/config"), before);
    assert_eq!(scripts(&work), ["commit-msg"]);
    assert_eq!(states(&work), ["absent", "foreign", "absent", "absent", "absent"]);
}

#[test]
fn a_commit_an_amend_and_a_push_in_a_linked_work_tree_keep_their_session() {
    let Some((world, work, remote)) = shared() else { return };
    work.session(&["hooks", "install"]).ok();
    work.git(&["commit", "--quiet", "--allow-empty", "--message", "Begin"]);
    work.git(&["worktree", "add", "--quiet", "../linked", "-b", "topic"]);
    let linked = world.place("linked");
    stage(&world, &linked);
    linked.git(&["commit", "--quiet", "--message", "Write"]);
    assert_eq!(linked.trailers("HEAD"), [ID]);
    linked.wait_for_sessions(1);
    linked.git(&["commit", "--quiet", "--amend", "--message", "Write it"]);
    linked.git(&["push", "--quiet", "origin", "topic"]);
    assert_eq!(remote.json(&["log"])[0]["id"], ID);
    assert_eq!(linked.json(&["show", "commit:HEAD"])["id"], ID);
    assert!(scripts(&work).is_empty());
}

#[test]
fn a_global_hooks_path_is_no_obstacle() {
    let Some((world, work, _)) = shared() else { return };
    script(&world.place("hooks"), "pre-commit", "#!/bin/sh\ntouch ../theirs\n");
    work.git(&["config", "--global", "core.hooksPath", &world.path().join("hooks").display().to_string()]);
    work.session(&["hooks", "install"]).ok();
    stage(&world, &work);
    work.git(&["commit", "--quiet", "--message", "Write"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
    assert!(work.join("../theirs").exists());
}

#[test]
fn a_push_that_another_hook_refuses_has_sent_no_session_and_a_message_that_one_writes_gets_its_trailer() {
    let Some((world, work, remote)) = shared() else { return };
    script(&work, ".git/hooks/prepare-commit-msg", "#!/bin/sh\necho 'All mine' > \"$1\"\n");
    script(&work, ".git/hooks/pre-push", "#!/bin/sh\nexit 1\n");
    let before = [work.read(".git/hooks/prepare-commit-msg"), work.read(".git/hooks/pre-push")];
    work.session(&["hooks", "install"]).ok();
    assert_eq!(states(&work), ["installed"; 5]);
    stage(&world, &work);
    work.git(&["commit", "--quiet", "--message", "Write"]);
    assert!(work.message("HEAD").starts_with("All mine\n"));
    assert_eq!(work.trailers("HEAD"), [ID]);
    assert_ne!(work.run("git", &["push", "--quiet", "origin", "main"]).code, 0);
    assert!(remote.references("refs/").is_empty(), "{:?}", remote.references("refs/"));
    work.session(&["hooks", "uninstall"]).ok();
    assert_eq!([work.read(".git/hooks/prepare-commit-msg"), work.read(".git/hooks/pre-push")], before);
    assert_eq!(scripts(&work), ["pre-push", "prepare-commit-msg"]);
}

#[test]
fn a_hook_that_comes_later_is_told_by_the_doctor_and_put_first() {
    let Some((world, work, remote)) = shared() else { return };
    work.session(&["hooks", "install"]).ok();
    script(&work, ".git/hooks/pre-push", "#!/bin/sh\nexit 1\n");
    let ran = work.session(&["doctor"]).ok();
    assert!(ran.stdout.contains("pre-push runs before "), "{ran}");
    work.session(&["doctor", "--fix", "--yes", "--fanout-mode", "hidden_ref"]).ok();
    let ran = work.session(&["doctor"]).ok();
    assert!(!ran.stdout.contains("runs before"), "{ran}");
    stage(&world, &work);
    work.git(&["commit", "--quiet", "--message", "Write"]);
    assert_ne!(work.run("git", &["push", "--quiet", "origin", "main"]).code, 0);
    assert!(remote.references("refs/").is_empty());
}

#[test]
fn with_a_script_and_an_entry_the_work_is_done_once() {
    let Some((world, work, _)) = shared() else { return };
    work.git(&["config", "opensession.hooks", "scripts"]);
    work.session(&["hooks", "install"]).ok();
    let pushes = |file: &str| {
        let trace = world.path().join(file);
        work.with("GIT_TRACE", &trace.display().to_string()).git(&["push", "--quiet", "origin", "main"]);
        let trace = fs::read_to_string(trace).expect("a trace");
        trace.lines().filter(|line| line.contains("trace: built-in: git ") && !line.contains("rev-list")).count()
    };
    // The first push with a session asks the remote how it keeps its sessions.
    let first = format!("{}4", &ID[..35]);
    ClaudeLog::new(&world, &work, &first).prompt("Write.").writes(&work, "0.txt", "0\n").save();
    work.commit_all("Begin");
    work.wait_for_sessions(1);
    pushes("begin");
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("With scripts");
    work.wait_for_sessions(2);
    let with_scripts = pushes("scripts");
    // A second installation, by a program that knows the configuration, beside scripts of one that does not.
    let folder = work.join(".git/hooks");
    fs::rename(&folder, work.join("../aside")).expect("the scripts are put aside");
    work.git(&["config", "opensession.hooks", "configuration"]);
    work.session(&["hooks", "install"]).ok();
    fs::remove_dir_all(&folder).ok();
    fs::rename(work.join("../aside"), &folder).expect("the scripts come back");
    assert_eq!(states(&work), ["installed"; 5]);
    let other = format!("{}6", &ID[..35]);
    ClaudeLog::new(&world, &work, &other).prompt("Write.").writes(&work, "b.txt", "b\n").save();
    work.commit_all("With both");
    assert_eq!(work.trailers("HEAD"), [other]);
    work.wait_for_sessions(3);
    assert_eq!(pushes("both"), with_scripts);
}

#[test]
fn installing_takes_the_place_of_scripts_and_brings_back_what_they_ran_first() {
    let Some((world, work, _)) = shared() else { return };
    script(&work, ".git/hooks/commit-msg", "#!/bin/sh\n# a person's\n");
    work.git(&["config", "opensession.hooks", "scripts"]);
    work.session(&["hooks", "install"]).ok();
    assert_eq!(scripts(&work).len(), 6);
    work.git(&["config", "--unset", "opensession.hooks"]);
    assert_eq!(states(&work), ["installed"; 5], "an installation of scripts is as good");
    work.session(&["hooks", "install"]).ok();
    assert_eq!(scripts(&work), ["commit-msg"]);
    assert_eq!(states(&work), ["installed"; 5]);
    stage(&world, &work);
    work.git(&["commit", "--quiet", "--message", "Write"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
    // And the way back.
    work.git(&["config", "opensession.hooks", "scripts"]);
    work.session(&["hooks", "install"]).ok();
    assert!(!work.read(".git/config").contains("git-session"), "{}", work.read(".git/config"));
    assert_eq!(scripts(&work).len(), 6);
}

#[test]
fn an_older_git_is_noticed_by_the_doctor_which_installs_scripts() {
    let Some((world, work, _)) = shared() else { return };
    work.session(&["hooks", "install"]).ok();
    let older = with_older_git(&world, &work);
    assert_eq!(states(&older), ["unsupported"; 5]);
    let ran = older.session(&["doctor"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stdout.contains("in the configuration, which git before 2.54 ignores"), "{ran}");
    older.session(&["doctor", "--fix", "--yes", "--fanout-mode", "hidden_ref"]).ok();
    assert_eq!(states(&older), ["installed"; 5]);
    assert_eq!(scripts(&work).len(), 5);
    // The newer one takes nothing away from the older one.
    work.session(&["doctor"]).ok();
    work.session(&["hooks", "install"]).ok();
    assert_eq!(states(&older), ["installed"; 5]);
}

#[test]
fn a_program_that_is_gone_stops_no_commit_and_no_push() {
    let Some((world, work, remote)) = shared() else { return };
    let binary = world.place("it's a place").join("git-session");
    fs::copy(env!("CARGO_BIN_EXE_git-session"), &binary).expect("a copy of the program");
    work.run(&binary.display().to_string(), &["hooks", "install"]).ok();
    stage(&world, &work);
    // Without the folder in which the tests' program is.
    let alone = work.with("PATH", &outer_path());
    alone.git(&["commit", "--quiet", "--message", "Write"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
    work.wait_for_sessions(1);
    fs::remove_file(&binary).expect("the program goes");
    let ran = alone.run("git", &["commit", "--quiet", "--allow-empty", "--message", "Without"]).ok();
    assert!(ran.stderr.contains("git-session is not installed any more"), "{ran}");
    alone.git(&["push", "--quiet", "origin", "main"]);
    assert_eq!(remote.references("refs/"), ["refs/heads/main"]);
}

#[test]
fn an_entry_that_is_switched_off_is_told() {
    let Some((_world, work, _)) = shared() else { return };
    work.session(&["hooks", "install"]).ok();
    work.git(&["config", "hook.git-session-pre-push.enabled", "false"]);
    assert_eq!(states(&work)[4], "switched-off");
    work.session(&["hooks", "install"]).ok();
    assert_eq!(states(&work), ["installed"; 5]);
}

#[test]
fn a_choice_without_meaning_is_refused() {
    let world = World::new();
    let work = world.repository("work");
    work.git(&["config", "opensession.hooks", "pigeons"]);
    let ran = work.session(&["hooks", "install"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("neither configuration nor scripts"), "{ran}");
}
