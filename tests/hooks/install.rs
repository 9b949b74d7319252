//! Installing beside other hooks, and leaving without a trace.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::support::{ClaudeLog, Place, World};

const ID: &str = "11111111-2222-4333-8444-555555555555";

fn hook(work: &Place, name: &str, script: &str) {
    let path = work.join(".git/hooks").join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, script).expect("a hook");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("an executable hook");
}

fn hooks_folder(work: &Place) -> Vec<(String, u32, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(work.join(".git/hooks"))
        .expect("a hooks folder")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let mode = entry.metadata().expect("metadata").permissions().mode();
            let content = fs::read_link(entry.path()).map_or_else(
                |_| fs::read(entry.path()).expect("a file"),
                |target| target.display().to_string().into_bytes(),
            );
            (entry.file_name().to_string_lossy().into_owned(), mode, content)
        })
        .collect();
    files.sort();
    files
}

#[test]
fn a_hook_that_is_there_runs_first_with_the_same_arguments_input_and_exit_code() {
    let world = World::with_scripts();
    let remote = world.bare("remote.git");
    let work = world.repository("work");
    work.git(&["remote", "add", "origin", &remote.path.display().to_string()]);
    hook(
        &work,
        "prepare-commit-msg",
        "#!/bin/sh\necho \"$2\" > ../prepare.txt\necho 'From: the other hook' >> \"$1\"\n",
    );
    hook(&work, "pre-push", "#!/bin/sh\n{ echo \"$1\"; cat; } > ../push.txt\n[ ! -e ../refuse ]\n");
    work.session(&["hooks", "install"]).ok();
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("A commit");
    assert_eq!(work.read("../prepare.txt"), "message\n");
    let message = work.message("HEAD");
    assert!(message.contains("From: the other hook") && message.contains("AI-Session"), "{message}");
    work.git(&["push", "--quiet", "origin", "main"]);
    let list = work.read("../push.txt");
    assert!(list.starts_with("origin\nrefs/heads/main ") && list.trim_end().lines().count() == 2, "{list}");
    assert_eq!(remote.references("refs/opensession/").len(), 1);
    // The other hook's refusal counts.
    work.write("../refuse", "");
    work.write("b.txt", "b\n");
    work.commit_all("Another");
    assert_ne!(work.run("git", &["push", "--quiet", "origin", "main"]).code, 0);
}

#[test]
fn uninstalling_puts_back_every_byte_symlink_and_mode() {
    let world = World::with_scripts();
    let work = world.repository("work");
    hook(&work, "prepare-commit-msg", "#!/bin/sh\n# mine, without a final line feed");
    hook(&work, "pre-push", "#!/bin/sh\r\nexit 0\r\n");
    fs::set_permissions(work.join(".git/hooks/pre-push"), fs::Permissions::from_mode(0o700)).expect("a mode");
    std::os::unix::fs::symlink("../../team-hook.sh", work.join(".git/hooks/post-commit")).expect("a symlink");
    let before = hooks_folder(&work);
    work.session(&["hooks", "install"]).ok();
    assert_ne!(hooks_folder(&work), before);
    work.session(&["hooks", "install"]).ok();
    work.session(&["hooks", "status"]).ok();
    work.session(&["hooks", "uninstall"]).ok();
    assert_eq!(hooks_folder(&work), before);
    assert_eq!(work.session(&["hooks", "status"]).code, 1);
}

#[test]
fn a_global_hooks_path_is_refused_with_the_lines_to_add_by_hand() {
    let world = World::with_scripts();
    let work = world.repository("work");
    work.git(&["config", "--global", "core.hooksPath", "/somewhere/hooks"]);
    let ran = work.session(&["hooks", "install"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("pre-push: git-session hook pre-push \"$@\""), "{ran}");
}

#[test]
fn a_local_hooks_path_outside_the_work_tree_is_used() {
    let world = World::with_scripts();
    let work = world.repository("work");
    work.git(&["config", "core.hooksPath", ".git/my-hooks"]);
    work.session(&["hooks", "install"]).ok();
    assert!(work.join(".git/my-hooks/pre-push").is_file());
}

#[test]
fn a_path_with_a_quote_and_a_space_is_quoted_in_the_script() {
    let world = World::with_scripts();
    let odd = world.place("it's a place");
    let binary = odd.join("git-session");
    fs::copy(env!("CARGO_BIN_EXE_git-session"), &binary).expect("a copy of the program");
    let work = world.repository("work");
    work.run(&binary.display().to_string(), &["hooks", "install"]).ok();
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.with("PATH", "/usr/local/bin:/usr/bin:/bin").commit_all("A commit");
    assert_eq!(work.trailers("HEAD"), [ID]);
}

#[test]
fn a_bare_repository_is_told_that_it_needs_none() {
    let world = World::with_scripts();
    let ran = world.bare("remote.git").session(&["hooks", "install"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("a bare repository"), "{ran}");
}

#[test]
fn a_hook_that_is_a_link_or_a_program_is_run() {
    let world = World::new();
    let work = world.repository("work");
    hook(&work, "../../../team-hook.sh", "#!/bin/sh\necho linked >> ../ran.txt\n");
    std::os::unix::fs::symlink("../../../team-hook.sh", work.join(".git/hooks/commit-msg")).expect("a symlink");
    // A program makes a file named like the hook's second argument: `message`.
    let touch = work.run("sh", &["-c", "realpath \"$(command -v touch)\""]).ok().stdout.trim().to_owned();
    if touch.ends_with("/touch") {
        fs::copy(touch, work.join(".git/hooks/prepare-commit-msg")).expect("a copy of a program");
    } else {
        println!("touch is not a program of its own here: no program was tested");
        hook(&work, "prepare-commit-msg", "#!/bin/sh\ntouch \"$2\"\n");
    }
    let before = hooks_folder(&work);
    work.session(&["hooks", "install"]).ok();
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("A commit");
    assert_eq!(work.read("../ran.txt"), "linked\n");
    assert!(work.join("message").exists());
    assert_eq!(work.trailers("HEAD"), [ID]);
    work.wait_for_sessions(1);
    work.session(&["hooks", "uninstall"]).ok();
    assert_eq!(hooks_folder(&work), before);
}

#[test]
fn a_hooks_folder_that_cannot_be_written_is_refused_with_the_lines_to_add_by_hand() {
    let world = World::with_scripts();
    let work = world.repository("work");
    work.write("../closed/x", "");
    work.run("chmod", &["a-w", "../closed"]).ok();
    for folder in ["/proc/hooks", "../closed/hooks"] {
        work.git(&["config", "core.hooksPath", folder]);
        if folder.starts_with("../closed") && work.run("mkdir", &["../closed/hooks"]).code == 0 {
            // root may write everywhere.
            continue;
        }
        let ran = work.session(&["hooks", "install"]);
        assert_eq!(ran.code, 1, "{folder}: {ran}");
        assert!(ran.stderr.contains("pre-push: git-session hook pre-push \"$@\""), "{folder}: {ran}");
    }
    work.run("chmod", &["u+w", "../closed"]).ok();
}

#[test]
fn a_work_tree_with_a_hooks_folder_of_its_own_gets_ours_there() {
    let world = World::with_scripts();
    let (work, _) = world.shared();
    work.git(&["config", "extensions.worktreeConfig", "true"]);
    work.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let side = world.place("side");
    let folder = world.path().join("side-hooks");
    side.git(&["config", "--worktree", "core.hooksPath", &folder.display().to_string()]);
    assert_eq!(side.session(&["hooks", "status"]).code, 1);
    side.session(&["hooks", "install"]).ok();
    assert!(folder.join("pre-push").is_file());
    work.session(&["hooks", "uninstall"]).ok();
    side.session(&["hooks", "status"]).ok();
    ClaudeLog::new(&world, &side, ID).prompt("Write.").writes(&side, "a.txt", "a\n").save();
    side.commit_all("On the side");
    assert_eq!(side.trailers("HEAD"), [ID]);
    side.wait_for_sessions(1);
}

/// The lines that a refusal prints, as `<hook>: <line>`, added to the hooks in `folder`.
fn add_by_hand(work: &Place, folder: &str, said: &str) {
    let lines = said.lines().filter_map(|line| line.trim().split_once(": git-session hook "));
    let lines: Vec<(&str, &str)> = lines.collect();
    assert_eq!(lines.len(), 5, "{said}");
    for (hook, line) in lines {
        let hook = hook.rsplit(' ').next().expect("a name");
        let path = format!("{folder}/{hook}");
        work.write(&path, &format!("#!/bin/sh\n# the team's own\ngit-session hook {line}\n"));
        work.run("chmod", &["+x", &path]).ok();
    }
}

#[test]
fn the_doctor_offers_no_fix_for_foreign_hooks_and_is_satisfied_once_the_lines_are_there() {
    for is_global in [true, false] {
        let world = World::with_scripts();
        let work = world.repository("work");
        work.write("README.md", "# Work\n");
        work.commit_all("Begin");
        let scope = if is_global { "--global" } else { "--local" };
        let folder = if is_global { "../team-hooks" } else { "team-hooks" };
        let path = if is_global { world.path().join("team-hooks").display().to_string() } else { folder.to_owned() };
        work.git(&["config", scope, "core.hooksPath", &path]);
        work.git(&["config", "opensession.fanout-mode", "hidden_ref"]);
        let doctor = work.session(&["doctor"]);
        assert_eq!(doctor.code, 1, "{doctor}");
        assert!(!format!("{doctor}").contains("doctor --fix"), "{doctor}");
        assert!(doctor.stdout.contains("add these lines to the hooks there by hand"), "{doctor}");
        let fixed = work.session(&["doctor", "--fix", "--yes"]);
        assert!(!fixed.stdout.contains("install the hooks"), "{fixed}");
        add_by_hand(&work, folder, &work.session(&["hooks", "install"]).stderr);
        let doctor = work.session(&["doctor"]).ok();
        assert!(doctor.stdout.lines().any(|line| line.starts_with("ok ") && line.contains("hooks")), "{doctor}");
        let status = work.session(&["hooks", "status"]).ok();
        assert!(status.stdout.contains("added by hand"), "{status}");
        ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
        work.commit_all("A commit");
        assert_eq!(work.trailers("HEAD"), [ID]);
        // What a person wrote stays whatever is installed or uninstalled.
        let before = work.read(&format!("{folder}/pre-push"));
        work.session(&["hooks", "uninstall"]);
        work.git(&["config", "--unset-all", scope, "core.hooksPath"]);
        assert_eq!(work.read(&format!("{folder}/pre-push")), before);
    }
}

#[test]
fn a_hook_of_this_repository_that_calls_us_is_left_as_it_is() {
    let world = World::with_scripts();
    let work = world.repository("work");
    let own = "#!/bin/sh\nexec git-session hook pre-push \"$@\"\n";
    hook(&work, "pre-push", own);
    work.session(&["hooks", "install"]).ok();
    assert_eq!(work.read(".git/hooks/pre-push"), own);
    work.session(&["hooks", "status"]).ok();
    work.session(&["hooks", "uninstall"]).ok();
    assert_eq!(work.read(".git/hooks/pre-push"), own);
}

#[test]
fn the_doctor_offers_no_fix_that_a_broken_pattern_would_stop() {
    let world = World::with_scripts();
    let (work, _) = world.shared();
    work.git(&["config", "opensession.fanout-mode", "hidden_ref"]);
    work.git(&["config", "opensession.redact-pattern", "("]);
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("A commit");
    let doctor = work.session(&["doctor"]);
    assert!(doctor.code == 1 && !format!("{doctor}").contains("doctor --fix"), "{doctor}");
    assert!(doctor.stdout.contains("git config --unset-all opensession.redact-pattern"), "{doctor}");
    let fixed = work.session(&["doctor", "--fix", "--yes"]);
    assert!(!fixed.stderr.contains("error:"), "{fixed}");
    work.git(&["config", "--unset-all", "opensession.redact-pattern"]);
    work.session(&["doctor", "--fix", "--yes"]).ok();
    assert_eq!(work.stored(), [ID]);
}

#[test]
fn a_bare_repository_with_work_trees_gets_hooks() {
    let world = World::with_scripts();
    let (work, remote) = world.shared();
    drop(work);
    remote.git(&["worktree", "add", "--quiet", "-b", "side", "../side", "main"]);
    let doctor = remote.session(&["doctor"]);
    assert!(!doctor.stdout.contains("needs none"), "{doctor}");
    remote.session(&["hooks", "install"]).ok();
    let side = world.place("side");
    ClaudeLog::new(&world, &side, ID).prompt("Write.").writes(&side, "a.txt", "a\n").save();
    side.commit_all("A commit");
    assert_eq!(side.trailers("HEAD"), [ID]);
    side.wait_for_sessions(1);
}
