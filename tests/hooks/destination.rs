//! Where the sessions of a push go: which configuration counts, and what a value means.

use crate::support::{Place, World};

/// A repository with `origin` and `fork`, and what is set in its own configuration.
fn repository(world: &World, settings: &[(&str, &str)]) -> Place {
    let work = world.repository("work");
    work.write("README.md", "# Work\n");
    work.commit_all("Begin");
    for name in ["origin", "fork", "private"] {
        let remote = world.bare(&format!("{name}.git"));
        work.git(&["remote", "add", name, &remote.path.display().to_string()]);
    }
    for (key, value) in settings {
        work.git(&["config", "--add", &format!("opensession.{key}"), value]);
    }
    work
}

/// What `doctor` says of where sessions go.
fn remotes(work: &Place) -> String {
    let answer = work.json(&["doctor"]);
    let checks = answer["checks"].as_array().expect("checks").clone();
    let check = checks.iter().find(|check| check["name"] == "remotes").expect("a check of remotes");
    check["message"].as_str().expect("a message").to_owned()
}

#[test]
fn what_is_set_decides_to_which_remote_the_sessions_of_a_push_go() {
    let to = |names: &str| format!("sessions are pushed along to {names}");
    let none = |why: &str| format!("sessions stay here: {why}");
    let all_to_private = to("fork (to private), origin (to private), private");
    let cases: [(&[(&str, &str)], String); 12] = [
        (&[], none("no destination is set")),
        (&[("remotes", "origin")], to("origin")),
        (&[("remotes", "origin"), ("remotes", "fork")], to("fork, origin")),
        (&[("remotes", "")], none("opensession.remotes names none")),
        (&[("remotes", "origin"), ("remotes", "")], none("opensession.remotes names none")),
        (&[("remotes", ""), ("remotes", "fork")], to("fork")),
        (&[("destination", "same-remote")], to("origin")),
        (&[("destination", "local"), ("remotes", "origin")], none("opensession.destination is local")),
        (&[("destination", "remote:private")], all_to_private.clone()),
        (&[("destination", "remote:private"), ("remotes", "private")], all_to_private),
        (&[("destination", "remote:private"), ("remotes", "origin")], to("origin (to private)")),
        (&[("destination", "remote:private"), ("remotes", "")], none("opensession.remotes names none")),
    ];
    for (settings, expected) in cases {
        let world = World::new();
        assert_eq!(remotes(&repository(&world, settings)), expected, "{settings:?}");
    }
}

#[test]
fn a_destination_that_is_no_remote_keeps_the_sessions_here() {
    let world = World::new();
    let work = repository(&world, &[("destination", "remote:elsewhere")]);
    let said = remotes(&work);
    assert_eq!(said, "opensession.destination names 'elsewhere', which is not a remote: sessions stay here");
}

#[test]
fn the_configuration_of_the_user_alone_sets_no_repository_up() {
    let world = World::new();
    let work = repository(&world, &[]);
    work.git(&["config", "--global", "opensession.destination", "same-remote"]);
    assert_eq!(remotes(&work), "sessions stay here: no destination is set");
    // To name remotes is to say so.
    work.git(&["config", "--global", "opensession.remotes", "fork"]);
    assert_eq!(remotes(&work), "sessions are pushed along to fork");
    // The more specific configuration takes its place, an empty one, too.
    work.git(&["config", "opensession.remotes", "origin"]);
    assert_eq!(remotes(&work), "sessions are pushed along to origin");
    work.git(&["config", "extensions.worktreeConfig", "true"]);
    work.git(&["config", "--worktree", "opensession.remotes", ""]);
    assert_eq!(remotes(&work), "sessions stay here: opensession.remotes names none");
}

/// Every way in which git lets a setting reach a command.
#[test]
fn a_setting_counts_wherever_git_reads_it() {
    let world = World::new();
    let work = repository(&world, &[("remotes", "origin")]);
    let included = world.path().join("included");
    world.place(".").write("included", "[opensession]\n\tremotes = fork\n");
    let file = included.display().to_string();
    let with = |variables: &[(&str, &str)]| {
        variables.iter().fold(work.clone(), |place, (name, value)| place.with(name, value))
    };
    let include = format!("'include.path'='{file}'");
    let cases: [(&str, Place); 9] = [
        ("-c of git 2.31 and newer", with(&[("GIT_CONFIG_PARAMETERS", "'opensession.remotes'='fork'")])),
        ("-c of older git", with(&[("GIT_CONFIG_PARAMETERS", "'opensession.remotes=fork'")])),
        ("a key in capitals", with(&[("GIT_CONFIG_PARAMETERS", "'OpenSession.Remotes'='fork'")])),
        (
            "the last of several",
            with(&[("GIT_CONFIG_PARAMETERS", "'core.pager'='it'\\''s' 'opensession.remotes=fork'")]),
        ),
        ("an include by -c", with(&[("GIT_CONFIG_PARAMETERS", &include)])),
        (
            "GIT_CONFIG_COUNT",
            with(&[
                ("GIT_CONFIG_COUNT", "1"),
                ("GIT_CONFIG_KEY_0", "opensession.remotes"),
                ("GIT_CONFIG_VALUE_0", "fork"),
            ]),
        ),
        ("includeIf", {
            let place = with(&[]);
            place.git(&["config", "--unset", "opensession.remotes"]);
            place.git(&["config", "--global", "includeIf.gitdir:**/work/.path", &file]);
            place
        }),
        ("GIT_CONFIG_GLOBAL", with(&[("GIT_CONFIG_GLOBAL", &file)])),
        ("GIT_CONFIG_SYSTEM", with(&[("GIT_CONFIG_SYSTEM", &file), ("GIT_CONFIG_NOSYSTEM", "0")])),
    ];
    for (what, place) in &cases[..7] {
        assert_eq!(remotes(place), "sessions are pushed along to fork", "{what}");
    }
    work.git(&["config", "--global", "--unset", "includeIf.gitdir:**/work/.path"]);
    for (what, place) in &cases[7..] {
        assert_eq!(remotes(place), "sessions are pushed along to fork", "{what}");
    }
    let both = with(&[("GIT_CONFIG_SYSTEM", &file), ("GIT_CONFIG_NOSYSTEM", "1")]);
    assert_eq!(remotes(&both), "sessions stay here: no destination is set");
    let malformed = with(&[("GIT_CONFIG_PARAMETERS", "opensession.remotes=fork")]).session(&["log"]);
    assert!(malformed.code == 1 && malformed.stderr.contains("GIT_CONFIG_PARAMETERS is malformed"), "{malformed}");
}

#[test]
fn a_setting_of_one_commit_or_push_counts() {
    let world = World::new();
    let (work, remote) = world.shared();
    let id = "11111111-2222-4333-8444-555555555555";
    crate::support::ClaudeLog::new(&world, &work, id).prompt("Write it.").writes(&work, "a.txt", "a\n").save();
    work.git(&["add", "--all"]);
    work.git(&["-c", "opensession.trailers=session", "commit", "--quiet", "--message", "Write it"]);
    assert_eq!(work.message("HEAD"), format!("Write it\n\nAI-Session: {id}\n"));
    work.wait_for_sessions(1);
    work.git(&["-c", "opensession.remotes=elsewhere", "push", "--quiet"]);
    work.git(&["commit", "--quiet", "--allow-empty", "--message", "Next"]);
    work.git(&["-c", "opensession.destination=local", "push", "--quiet"]);
    assert_eq!(remote.references("refs/opensession/"), [""; 0]);
    work.git(&["commit", "--quiet", "--allow-empty", "--message", "Last"]);
    work.git(&["push", "--quiet"]);
    assert_eq!(remote.references("refs/opensession/").len(), 1);
}

/// What weakens redaction is a decision of the repository's own configuration.
#[test]
fn a_setting_of_one_command_does_not_turn_redaction_off() {
    let world = World::new();
    let work = repository(&world, &[]);
    let arguments =
        ["-c", "opensession.redaction=off", "-c", "opensession.allow-unredacted=true", "session", "capture"];
    let ran = work.run("git", &arguments);
    assert!(ran.code == 1 && ran.stderr.contains("git config --local opensession.allow-unredacted true"), "{ran}");
}

#[test]
fn a_value_without_a_meaning_is_named_with_what_has_one() {
    let cases = [
        (
            "destination",
            "origin",
            "is not same-remote, remote:<name> or local",
            "git config opensession.destination same-remote",
        ),
        ("destination", "remote:", "is not same-remote, remote:<name> or local", "git config opensession.destination"),
        ("push-unlinked", "perhaps", "is not a boolean", "git config opensession.push-unlinked true"),
        ("quiet", "very", "is not a boolean", "git config opensession.quiet true"),
        ("trailers", "session,all", "known are session, tool, prompt, assisted-by", "git config opensession.trailers"),
        ("fanout-mode", "files", "hidden_ref", "git config opensession.fanout-mode"),
        ("exclude", "agent:clippy", "known are codex", "git config --show-origin --get-all opensession.exclude"),
        ("exclude", "agents:codex", "is not agent:<name>, session:<id> or a folder", "--get-all opensession.exclude"),
        ("exclude", "session:", "is not agent:<name>, session:<id> or a folder", "--get-all opensession.exclude"),
        ("exclude", "~other/folder", "write ~/ for your home directory", "--get-all opensession.exclude"),
        ("max-blob-size", "much", "100m", "git config --unset opensession.max-blob-size"),
    ];
    for (key, value, allowed, command) in cases {
        let world = World::new();
        let work = repository(&world, &[(key, value)]);
        let ran = work.session(&["hooks", "status"]);
        assert_eq!(ran.code, 1, "{key}={value}: {ran}");
        let first = ran.stderr.lines().next().unwrap_or_default();
        let last = value.rsplit(',').next().unwrap_or_default();
        assert!(first.contains(&format!("opensession.{key}")) && first.contains(&format!("'{last}'")), "{ran}");
        assert!(ran.stderr.contains(allowed) && ran.stderr.contains(command), "{key}={value}: {ran}");
    }
    // A key alone means yes to git.
    let world = World::new();
    let work = repository(&world, &[]);
    let config = work.read(".git/config") + "[opensession]\n\tquiet\n";
    work.write(".git/config", &config);
    assert_eq!(work.session(&["log"]).code, 0);
}
