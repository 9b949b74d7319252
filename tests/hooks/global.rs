//! Hooks for every repository of a person: nothing changes that nobody asked for, and nothing leaves the machine.
//!
//! git 2.54 and newer read them from the configuration; an older git has them from a template. With scripts wanted,
//! every git has the template.

use std::{fs, io::Write, os::unix::fs::PermissionsExt, path::Path, process::Stdio};

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

/// Every file below the home directory with its mode and content, and every folder.
fn home(world: &World) -> Vec<(String, u32, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![world.home()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let mode = path.symlink_metadata().expect("metadata").permissions().mode();
            let content = match fs::read_link(&path) {
                Ok(target) => target.display().to_string().into_bytes(),
                Err(_) if path.is_dir() => Vec::new(),
                Err(_) => fs::read(&path).expect("a file"),
            };
            if path.is_dir() && !path.is_symlink() {
                folders.push(path.clone());
            }
            found.push((path.display().to_string(), mode, content));
        }
    }
    found.sort();
    found
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

fn check(place: &Place, name: &str) -> (String, String, String) {
    let found = checks(place).into_iter().find(|row| row.0 == name).expect("a check of that name");
    (found.1, found.2, found.3)
}

#[test]
fn uninstalling_leaves_the_home_directory_byte_for_byte_as_it_was() {
    let endings: [(&str, Option<&str>); 4] = [
        ("as git writes it", Some("")),
        ("without a line feed at the end", Some("# the end\n[alias]\n\tst = status ; mine")),
        (
            "with lines like ours",
            Some("[include]\n\tpath = other.config\n[init]\n\t# mine\n[hook \"mine\"]\n\tcommand = true\n"),
        ),
        ("not there", None),
    ];
    for world in worlds() {
        let file = world.home().join(".gitconfig");
        let as_written = fs::read_to_string(&file).expect("a configuration");
        for (what, end) in &endings {
            match end {
                Some(end) => fs::write(&file, as_written.clone() + end).expect("a configuration"),
                None => fs::remove_file(&file).expect("the configuration goes"),
            }
            let before = home(&world);
            world.place(".").session(&GLOBAL).ok();
            assert_ne!(home(&world), before, "{what}");
            let installed = home(&world);
            world.place(".").session(&GLOBAL).ok();
            assert_eq!(home(&world), installed, "{what}: installing again changes something");
            let status = world.place(".").session(&["hooks", "status", "--global"]).ok();
            assert!(status.stdout.contains("installed"), "{what}: {status}");
            world.place(".").session(&["hooks", "uninstall", "--global"]).ok();
            assert_eq!(home(&world), before, "{what}");
            assert_eq!(world.place(".").session(&["hooks", "status", "--global"]).code, 1, "{what}");
        }
    }
}

#[test]
fn a_configuration_behind_a_link_and_one_that_changed_meanwhile_keep_all_that_is_theirs() {
    for world in worlds() {
        let place = world.place("dotfiles");
        fs::rename(world.home().join(".gitconfig"), place.join("gitconfig")).expect("a moved file");
        std::os::unix::fs::symlink(place.join("gitconfig"), world.home().join(".gitconfig")).expect("a link");
        place.write("gitconfig", place.read("gitconfig").trim_end());
        install(&world);
        place.git(&["config", "--global", "alias.st", "status"]);
        place.session(&["hooks", "uninstall", "--global"]).ok();
        assert!(world.home().join(".gitconfig").is_symlink());
        let after = place.read("gitconfig");
        assert!(after.contains("st = status\n") && !after.contains("git-session"), "{after}");
        assert!(!world.home().join(".config").exists());
    }
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

#[test]
fn what_a_person_set_for_every_repository_stays_and_is_named_where_it_is_in_the_way() {
    for (key, value, command) in [
        ("core.hooksPath", "/somewhere/hooks", "pre-push: git-session hook pre-push \"$@\""),
        ("init.templateDir", "/somewhere/template", "git session hooks install"),
    ] {
        let world = World::with_scripts();
        let place = world.place(".");
        place.git(&["config", "--global", key, value]);
        let before = home(&world);
        let ran = place.session(&GLOBAL);
        assert_eq!(ran.code, 1, "{ran}");
        assert!(ran.stderr.contains(&format!("{key} is set to '{value}' in the global")), "{ran}");
        assert!(ran.stderr.contains(command), "{ran}");
        assert_eq!(home(&world), before, "nothing was done");
        place.session(&["hooks", "uninstall", "--global"]).ok();
        assert_eq!(home(&world), before, "and nothing of theirs is removed");
    }
    let world = World::with_scripts();
    let ran = world.place(".").with("GIT_TEMPLATE_DIR", "/somewhere").session(&GLOBAL);
    assert!(ran.code == 1 && ran.stderr.contains("GIT_TEMPLATE_DIR is '/somewhere'"), "{ran}");
}

#[test]
fn a_hooks_folder_and_a_template_of_the_person_stand_beside_entries_of_the_configuration() {
    let world = World::new();
    if !world.has_git((2, 54), "hooks in the configuration") {
        return;
    }
    let place = world.place("theirs");
    put(&place, "pre-commit", "#!/bin/sh\necho theirs >> ../ran.txt\n");
    place.git(&["config", "--global", "core.hooksPath", &place.path.display().to_string()]);
    place.git(&["config", "--global", "init.templateDir", "/somewhere/template"]);
    install(&world);
    let work = world.repository("work");
    commit_work(&world, &work, 1);
    assert_eq!((work.trailers("HEAD"), work.read("../ran.txt")), (vec![id(1)], "theirs\n".to_owned()));
}

#[test]
fn status_and_doctor_of_a_repository_say_who_serves_it_and_the_doctor_offers_nothing_it_cannot_do() {
    for world in worlds() {
        install(&world);
        let remote = remote(&world);
        let work = clone(&world, &remote, "work");
        let ran = work.session(&["hooks", "status"]).ok();
        assert_eq!(ran.stdout.matches("installed, for every repository").count(), 5, "{ran}");
        assert!(ran.stdout.contains("none, until it is decided for this repository"), "{ran}");
        let (status, message, fix) = check(&work, "hooks");
        assert!(
            status == "ok" && message.starts_with("installed for every repository, in ") && fix.is_empty(),
            "{message}"
        );
        let (status, message, fix) = check(&work, "remotes");
        assert_eq!((status.as_str(), fix.as_str()), ("info", ""));
        assert!(message.contains("sessions stay here: nothing is decided for this repository"), "{message}");
        let config = work.read(".git/config");
        work.session(&["doctor", "--fix", "--yes", "--fanout-mode", "hidden_ref"]).ok();
        let set = work.read(".git/config");
        assert_eq!(set.replace("[opensession]\n\tfanout-mode = hidden_ref\n", ""), config, "nothing else is set");
    }
}

#[test]
fn entries_of_another_version_are_mended_where_they_are() {
    let world = World::new();
    if !world.has_git((2, 54), "hooks in the configuration") {
        return;
    }
    install(&world);
    let work = world.repository("work");
    let file = world.home().join(".config/git-session/hooks.config");
    let text = fs::read_to_string(&file).expect("the entries");
    fs::write(&file, text.replace("hook pre-push", "hook --old pre-push")).expect("other entries");
    let (status, message, fix) = check(&work, "hooks");
    assert_eq!((status.as_str(), fix.as_str()), ("error", "git session hooks install --global"), "{message}");
    let ran = work.session(&["doctor", "--fix", "--yes", "--fanout-mode", "hidden_ref"]);
    assert!(!ran.stdout.contains("install the hooks"), "{ran}");
    install(&world);
    assert_eq!(check(&work, "hooks").0, "ok");
    // A file that is gone is no fault to git, and is written again.
    fs::remove_file(&file).expect("the entries go");
    world.repository("other").git(&["commit", "--quiet", "--allow-empty", "--message", "Begin"]);
    install(&world);
    assert_eq!(fs::read_to_string(&file).expect("the entries"), text);
}

#[test]
fn an_older_git_gets_the_template_beside_the_entries_and_both_go() {
    let world = World::new();
    if !world.has_git((2, 54), "hooks in the configuration") {
        return;
    }
    let before = home(&world);
    install(&world);
    let path = outer_path();
    let older = world.place("older");
    put(
        &older,
        "git",
        &format!(
            "#!/bin/sh\nPATH='{path}'\ncase \" $* \" in *\" --version \"*) exec echo git version 2.53.1 ;; esac\nexec git \"$@\"\n"
        ),
    );
    let place = world.place(".").with("PATH", &format!("{}:{path}", older.path.display()));
    let ran = place.session(&["hooks", "status", "--global"]);
    assert!(ran.code == 1 && ran.stdout.contains("which git before 2.54 ignores"), "{ran}");
    // In a repository as well, where scripts can be installed.
    let here = world.repository("here").with("PATH", &format!("{}:{path}", older.path.display()));
    let (status, message, fix) = check(&here, "hooks");
    assert_eq!((status.as_str(), fix.as_str()), ("error", "git session doctor --fix"), "{message}");
    place.session(&GLOBAL).ok();
    place.session(&["hooks", "status", "--global"]).ok();
    world.place(".").session(&["hooks", "status", "--global"]).ok();
    // Where a newer git has a script and an entry, the script does the work.
    let remote = remote(&world);
    let work = clone(&world, &remote, "work");
    commit_work(&world, &work, 1);
    assert_eq!(work.message("HEAD").matches("AI-Session: ").count(), 1, "{}", work.message("HEAD"));
    world.place(".").session(&["hooks", "uninstall", "--global"]).ok();
    let is_theirs = |row: &(String, u32, Vec<u8>)| !row.0.contains("/.claude");
    assert_eq!(home(&world).into_iter().filter(is_theirs).collect::<Vec<_>>(), before);
}

/// Runs it on a terminal, where `answer` is typed.
fn on_a_terminal(world: &World, answer: &str) -> String {
    let mut command = world.place(".").command("script");
    let line = format!("{} {}", env!("CARGO_BIN_EXE_git-session"), GLOBAL.join(" "));
    command.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("script, of util-linux");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(answer.as_bytes()).expect("an answer");
    let output = child.wait_with_output().expect("an end");
    drop(stdin);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_person_is_asked_once_and_told_what_it_means() {
    for world in worlds() {
        let before = home(&world);
        for answer in ["n\n", "\n"] {
            let said = on_a_terminal(&world, answer);
            for part in [
                "Install the hooks for every repository of yours? [y/N]",
                "AI-Session",
                "no push sends",
                "opensession.enabled false",
            ] {
                assert!(said.contains(part), "{part}: {said}");
            }
            assert!(said.contains("nothing was changed"), "{said}");
            assert_eq!(home(&world), before);
        }
        on_a_terminal(&world, "y\n");
        world.place(".").session(&["hooks", "status", "--global"]).ok();
        let again = on_a_terminal(&world, "");
        assert!(!again.contains("[y/N]"), "{again}");
    }
    // Without a terminal, what was done is said.
    for world in worlds() {
        let ran = world.place(".").session(&GLOBAL).ok();
        let said = format!("{}{}", ran.stdout, ran.stderr);
        for part in ["git config --global", "AI-Session", "no push sends", "uninstall --global"] {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

/// The hooks of an installation for every repository say nothing of their own to a clone that uses a template.
#[test]
fn a_template_has_everything_that_git_puts_into_a_clone_and_reaches_clones_that_are_there() {
    let world = World::with_scripts();
    let plain = world.repository("plain");
    let names = |place: &Place| {
        let listed =
            place.run("sh", &["-c", "cd .git && find . -type f -o -type d | grep -v objects | sort"]).ok().stdout;
        listed.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let before = names(&plain);
    install(&world);
    world.place("new");
    git(&world.place("new"), &["init", "--quiet"], &template(&world));
    let ours: Vec<String> = ["prepare-commit-msg", "commit-msg", "post-commit", "post-rewrite", "pre-push"]
        .map(|hook| format!("./hooks/{hook}"))
        .to_vec();
    let added = |place: &Place| names(place).into_iter().filter(|name| !before.contains(name)).collect::<Vec<_>>();
    let mut expected = ours.clone();
    expected.sort();
    assert_eq!(added(&world.place("new")), expected);
    git(&plain, &["init", "--quiet"], &template(&world));
    assert_eq!(added(&plain), expected);
    let missing: Vec<&String> = before.iter().filter(|name| !names(&world.place("new")).contains(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // Unless something else says which template it is, git takes ours by itself.
    let variable = plain.git(&["-c", "alias.told=!echo \"$GIT_TEMPLATE_DIR\"", "told"]);
    if variable.trim().is_empty() {
        let by_itself = world.repository("by-itself");
        assert_eq!(added(&by_itself), expected);
    } else {
        let _ = writeln!(std::io::stderr(), "\nskipped: this git is told of another template by GIT_TEMPLATE_DIR");
    }
}
