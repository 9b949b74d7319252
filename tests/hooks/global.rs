//! Hooks for every repository of a person: nothing changes that nobody asked for, and nothing leaves the machine.
//!
//! git 2.54 and newer read them from the configuration; an older git has them from a template. With scripts wanted,
//! every git has the template.

mod installing;

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::support::{ClaudeLog, Place, World, outer_path};

const PROMPT: &str = "Write a private thing.";
const GLOBAL: [&str; 3] = ["hooks", "install", "--global"];

fn id(number: u32) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

/// A world for each way: as git likes it, and with scripts.
fn worlds() -> [World; 2] {
    [World::new(), World::with_scripts()]
}

/// Whether the hooks come from the configuration in this world.
fn is_configured(world: &World) -> bool {
    let version = world.place(".").git(&["--version"]);
    let mut numbers =
        version.trim().trim_start_matches("git version ").split('.').map(|part| part.parse().unwrap_or(0));
    let version: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    version >= (2, 54) && world.place(".").run("git", &["config", "--global", "opensession.hooks"]).code != 0
}

fn install(world: &World) {
    world.place(".").session(&GLOBAL).ok();
}

/// The words of git that make it use the template: what wraps the git of these tests may name another one.
fn template(world: &World) -> Vec<String> {
    let folder = world.place(".").run("git", &["config", "--global", "init.templateDir"]);
    (folder.code == 0).then(|| format!("--template={}", folder.stdout.trim())).into_iter().collect()
}

fn git(place: &Place, words: &[&str], more: &[String]) {
    let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).chain(more.iter().cloned()).collect();
    place.git(&words);
}

/// A bare remote with a commit.
fn remote(world: &World) -> Place {
    let remote = world.bare("remote.git");
    let first = world.repository("first");
    first.write("README.md", "# Work\n");
    first.with("OPENSESSION_DISABLE", "1").commit_all("Begin");
    first.with("OPENSESSION_DISABLE", "1").git(&["push", "--quiet", &remote.path.display().to_string(), "main"]);
    remote
}

/// A clone in which nobody ever ran this program.
fn clone(world: &World, remote: &Place, name: &str) -> Place {
    git(&world.place("."), &["clone", "--quiet", &remote.path.display().to_string(), name], &template(world));
    world.place(name)
}

fn commit_work(world: &World, place: &Place, number: u32) {
    let file = format!("file-{number}.txt");
    ClaudeLog::new(world, place, &id(number)).prompt(PROMPT).writes(place, &file, "content\n").save();
    place.commit_all(&format!("Write {file}"));
}

fn put(place: &Place, path: &str, script: &str) {
    place.write(path, script);
    fs::set_permissions(place.join(path), fs::Permissions::from_mode(0o755)).expect("an executable script");
}

fn references(remote: &Place) -> Vec<String> {
    remote.references("refs/").into_iter().filter(|name| !name.starts_with("refs/heads/")).collect()
}

fn checks(place: &Place) -> Vec<(String, String, String, String)> {
    let answer = place.json(&["doctor"]);
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let rows = answer["checks"].as_array().expect("checks").iter();
    rows.map(|row| (text(&row["name"]), text(&row["status"]), text(&row["message"]), text(&row["fix"]))).collect()
}

#[test]
fn in_a_repository_that_nobody_set_up_commits_name_sessions_and_a_push_sends_none_until_it_is_said_there() {
    for world in worlds() {
        install(&world);
        let remote = remote(&world);
        let work = clone(&world, &remote, "work");
        let fork = world.bare("fork.git");
        work.git(&["remote", "add", "fork", &fork.path.display().to_string()]);
        // Not even where a person names remotes for every repository.
        for settings in [&[][..], &[["opensession.remotes", "origin"]], &[["opensession.destination", "same-remote"]]] {
            for [key, value] in settings {
                work.git(&["config", "--global", key, value]);
            }
            let number = u32::try_from(work.stored().len()).expect("a number") + 1;
            commit_work(&world, &work, number);
            assert_eq!(work.trailers("HEAD"), [id(number)]);
            assert!(!work.message("HEAD").contains("AI-Prompt"), "{}", work.message("HEAD"));
            work.wait_for_sessions(number as usize);
            for to in ["origin", "fork", &fork.path.display().to_string()] {
                let ran = work.run("git", &["push", to, "main"]).ok();
                assert!(!ran.stderr.contains("git session"), "{ran}");
            }
            assert_eq!((references(&remote), references(&fork)), (Vec::new(), Vec::new()), "{settings:?}");
            for [key, _] in settings {
                work.git(&["config", "--global", "--unset", key]);
            }
        }
        work.git(&["config", "opensession.destination", "same-remote"]);
        commit_work(&world, &work, 4);
        let ran = work.run("git", &["push", "origin", "main"]).ok();
        assert!(ran.stderr.contains("git session: 4 sessions (main) sent to origin"), "{ran}");
        work.git(&["push", "--quiet", "fork", "main"]);
        assert_eq!((references(&remote).len(), references(&fork)), (1, Vec::new()));
    }
}

/// Nobody looked at the logs in this repository before its first commit.
#[test]
fn the_first_commit_of_a_repository_names_no_session_whose_work_was_committed_before() {
    for world in worlds() {
        let remote = remote(&world);
        let work = clone(&world, &remote, "work");
        for number in [1, 2] {
            commit_work(&world, &work, number);
        }
        install(&world);
        git(&work, &["init", "--quiet"], &template(&world));
        // A person changes what a session wrote; another file is of a session, and one waits for a later commit.
        work.write("file-1.txt", "by hand\n");
        work.write("file-2.txt", "by hand\n");
        let log = ClaudeLog::new(&world, &work, &id(3)).prompt(PROMPT).writes(&work, "file-3.txt", "content\n");
        log.writes(&work, "file-4.txt", "content\n").save();
        work.git(&["add", "file-1.txt", "file-3.txt"]);
        work.git(&["commit", "--quiet", "--message", "Change"]);
        assert_eq!(work.trailers("HEAD"), [id(3)]);
        work.git(&["add", "file-2.txt"]);
        work.git(&["commit", "--quiet", "--message", "Change again"]);
        assert_eq!(work.trailers("HEAD"), [""; 0]);
        work.commit_all("The rest");
        assert_eq!(work.trailers("HEAD"), [id(3)]);
    }
}

#[test]
fn hooks_of_the_repository_still_run_and_those_of_managers_too() {
    const LEFTHOOK: &str =
        "#!/bin/sh\ncall_lefthook() { echo \"$2\" >> ../ran.txt; }\ncall_lefthook run \"${0##*/}\"\n";
    const PRE_COMMIT: &str =
        "#!/bin/sh\n# File generated by pre-commit: https://pre-commit.com\necho \"${0##*/}\" >> ../ran.txt\n";
    const HUSKY: &str =
        "#!/bin/sh\n# husky\ns=$(dirname \"$(dirname \"$0\")\")/${0##*/}\n[ ! -f \"$s\" ] || sh -e \"$s\" \"$@\"\n";
    for world in worlds() {
        install(&world);
        let remote = remote(&world);
        for (number, manager) in (1..).zip(["plain", "husky", "lefthook", "pre-commit"]) {
            let work = clone(&world, &remote, manager);
            let script = match manager {
                "lefthook" => LEFTHOOK,
                "pre-commit" => PRE_COMMIT,
                _ => "#!/bin/sh\necho \"${0##*/}\" >> ../ran.txt\n",
            };
            if manager == "husky" {
                work.git(&["config", "core.hooksPath", ".husky/_"]);
                for hook in ["pre-commit", "commit-msg", "post-commit", "post-checkout", "pre-push"] {
                    put(&work, &format!(".husky/_/{hook}"), HUSKY);
                }
                work.write(".husky/_/.gitignore", "*");
            }
            let folder = if manager == "husky" { ".husky" } else { ".git/hooks" };
            for hook in ["pre-commit", "post-checkout"] {
                put(&work, &format!("{folder}/{hook}"), script);
            }
            commit_work(&world, &work, number);
            work.git(&["switch", "--quiet", "--create", "topic"]);
            assert_eq!(work.read("../ran.txt"), "pre-commit\npost-checkout\n", "{manager}");
            fs::remove_file(work.join("../ran.txt")).expect("a trace");
            // husky has git look elsewhere than where a template puts scripts.
            let expected = if manager == "husky" && !is_configured(&world) { Vec::new() } else { vec![id(number)] };
            assert_eq!(work.trailers("HEAD"), expected, "{manager}");
        }
    }
}

/// A hook of the repository's own for an event of ours runs once, and its refusal counts.
#[test]
fn a_hook_of_the_same_event_runs_once_and_its_refusal_counts() {
    let world = World::new();
    if !world.has_git((2, 54), "hooks in the configuration") {
        return;
    }
    install(&world);
    let remote = remote(&world);
    let work = clone(&world, &remote, "work");
    put(&work, ".git/hooks/commit-msg", "#!/bin/sh\necho \"$#\" >> ../ran.txt\n");
    put(&work, ".git/hooks/pre-push", "#!/bin/sh\n{ echo \"$1\"; cat; } >> ../push.txt\nexit 1\n");
    commit_work(&world, &work, 1);
    assert_eq!((work.read("../ran.txt"), work.trailers("HEAD")), ("1\n".to_owned(), vec![id(1)]));
    assert_ne!(work.run("git", &["push", "--quiet", "origin", "main"]).code, 0);
    assert_eq!(work.read("../push.txt").lines().count(), 2, "{}", work.read("../push.txt"));
    // Set up or not: what runs before a hook that may refuse sends nothing, and says so.
    work.git(&["config", "opensession.destination", "same-remote"]);
    work.wait_for_sessions(1);
    let ran = work.run("git", &["push", "origin", "main"]);
    assert!(ran.code != 0 && references(&remote).is_empty(), "{ran}");
    assert!(
        ran.stderr.contains("no session was sent to origin") && ran.stderr.contains("git session hooks install"),
        "{ran}"
    );
    let told = checks(&work).into_iter().find(|row| row.2.contains("pre-push runs before"));
    assert_eq!(told.expect("the doctor tells").3, "git session hooks install");
    // As it says.
    work.session(&["hooks", "install"]).ok();
    let ran = work.run("git", &["push", "origin", "main"]);
    assert!(ran.code != 0 && references(&remote).is_empty() && !ran.stderr.contains("git session:"), "{ran}");
    put(&work, ".git/hooks/pre-push.before-git-session", "#!/bin/sh\nexit 0\n");
    work.git(&["push", "--quiet", "origin", "main"]);
    assert_eq!(references(&remote).len(), 1);
}

#[test]
fn where_they_are_installed_as_well_they_run_once() {
    for world in worlds() {
        install(&world);
        let remote = remote(&world);
        let work = clone(&world, &remote, "work");
        work.session(&["hooks", "install"]).ok();
        let hooks = work.json(&["hooks", "status"])["hooks"].clone();
        let is_own = |hook: &serde_json::Value| hook["global"] == false && hook["state"] == "installed";
        assert!(hooks.as_array().expect("hooks").iter().all(is_own), "{hooks}");
        commit_work(&world, &work, 1);
        assert_eq!(work.message("HEAD").matches("AI-Session: ").count(), 1, "{}", work.message("HEAD"));
        work.wait_for_sessions(1);
        let trace = world.path().join("trace");
        work.with("GIT_TRACE", &trace.display().to_string()).git(&["push", "--quiet", "origin", "main"]);
        let trace = fs::read_to_string(trace).expect("a trace");
        let asked = trace.lines().filter(|line| line.contains("built-in: git push")).count();
        assert_eq!((asked, references(&remote).len()), (2, 1), "{trace}");
        // Without them here, those of every repository are left, where there are any.
        work.session(&["hooks", "uninstall"]).ok();
        let left = work.json(&["hooks", "status"])["hooks"][0].clone();
        let expected = if is_configured(&world) { ("installed", true) } else { ("absent", false) };
        assert_eq!((left["state"].as_str(), left["global"].as_bool()), (Some(expected.0), Some(expected.1)));
    }
}

#[test]
fn a_repository_that_is_left_out_has_nothing_of_ours() {
    for world in worlds() {
        install(&world);
        let remote = remote(&world);
        let work = clone(&world, &remote, "work");
        work.git(&["config", "opensession.enabled", "false"]);
        work.git(&["config", "opensession.destination", "same-remote"]);
        commit_work(&world, &work, 1);
        work.git(&["commit", "--quiet", "--amend", "--message", "Write it"]);
        work.git(&["push", "--quiet", "origin", "main"]);
        assert_eq!((work.message("HEAD"), references(&remote)), ("Write it\n".to_owned(), Vec::new()));
        assert!(!work.join(".git/opensession").exists());
        let ran = work.session(&["hooks", "status"]).ok();
        assert!(ran.stderr.contains("opensession.enabled is false: the hooks do nothing here"), "{ran}");
        let told = checks(&work).into_iter().find(|row| row.2.contains("opensession.enabled is false"));
        assert_eq!(told.expect("the doctor tells").1, "info");
        // A value without a meaning stops no commit.
        work.git(&["config", "opensession.enabled", "perhaps"]);
        let ran = work.run("git", &["commit", "--quiet", "--allow-empty", "--message", "Next"]).ok();
        assert!(ran.stderr.contains("'perhaps' is neither true nor false"), "{ran}");
        // All are left out, but for one.
        work.git(&["config", "--global", "opensession.enabled", "false"]);
        work.git(&["config", "opensession.enabled", "true"]);
        commit_work(&world, &work, 2);
        assert_eq!(work.trailers("HEAD"), [id(2)]);
    }
}

#[test]
fn bare_repositories_submodules_and_linked_work_trees_work_as_ever() {
    for world in worlds() {
        install(&world);
        let remote = remote(&world);
        let url = remote.path.display().to_string();
        git(&world.place("."), &["clone", "--quiet", "--bare", &url, "bare.git"], &template(&world));
        let bare = world.place("bare.git");
        let head = bare.git(&["commit-tree", "-m", "From a bare one", "main^{tree}", "-p", "main"]);
        bare.git(&["update-ref", "refs/heads/main", head.trim()]);
        let ran = bare.run("git", &["push", "origin", "main"]).ok();
        assert!(!ran.stderr.contains("git session"), "{ran}");
        let work = clone(&world, &remote, "work");
        git(&work, &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "inner"], &[]);
        let inner = world.place("work/inner");
        // A submodule has the template of git, whatever the words of this test say.
        let is_served = is_configured(&world)
            || inner.git(&["rev-parse", "--git-path", "hooks"]).trim().ends_with("hooks")
                && Path::new(&inner.join(inner.git(&["rev-parse", "--git-path", "hooks/pre-push"]).trim())).exists();
        commit_work(&world, &inner, 1);
        assert_eq!(inner.trailers("HEAD").len(), usize::from(is_served));
        work.git(&["worktree", "add", "--quiet", "../linked", "-b", "topic"]);
        let linked = world.place("linked");
        commit_work(&world, &linked, 2);
        assert_eq!(linked.trailers("HEAD"), [id(2)]);
        linked.git(&["push", "--quiet", "origin", "topic"]);
        assert!(references(&remote).is_empty());
    }
}

#[test]
fn a_program_that_is_gone_stops_no_commit_and_no_push_anywhere() {
    for world in worlds() {
        let binary = world.place("it's a place").join("git-session");
        // A process of its own: no other test can begin one that has the copy open for writing.
        world.place(".").run("cp", &[env!("CARGO_BIN_EXE_git-session"), &binary.display().to_string()]).ok();
        world.place(".").run(&binary.display().to_string(), &GLOBAL).ok();
        let remote = remote(&world);
        let work = clone(&world, &remote, "work");
        let alone = work.with("PATH", &outer_path());
        commit_work(&world, &alone, 1);
        assert_eq!(work.trailers("HEAD"), [id(1)]);
        fs::remove_file(&binary).expect("the program goes");
        let ran = alone.run("git", &["commit", "--quiet", "--allow-empty", "--message", "Without"]).ok();
        assert!(ran.stderr.contains("git-session is not installed any more"), "{ran}");
        alone.git(&["commit", "--quiet", "--amend", "--allow-empty", "--message", "Still without"]);
        alone.git(&["push", "--quiet", "origin", "main"]);
        if is_configured(&world) {
            // What it says to do does it.
            let command = ran.stderr.split("to remove its hooks: ").nth(1).expect("a command").trim().to_owned();
            alone.run("sh", &["-c", &command]).ok();
            let ran = alone.run("git", &["commit", "--quiet", "--allow-empty", "--message", "Quiet"]).ok();
            assert_eq!(ran.stderr, "");
        }
    }
}
