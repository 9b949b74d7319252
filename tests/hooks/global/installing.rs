//! Installing and removing them: what is written for a person, what is asked, and what stays.

use std::{fs, io::Write, os::unix::fs::PermissionsExt, process::Stdio};

use super::{GLOBAL, checks, clone, commit_work, git, id, install, put, remote, template, worlds};
use crate::support::{Place, World, outer_path};

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
