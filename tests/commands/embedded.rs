//! Repositories that a clone brings among its files: their settings are a stranger's.

use super::{FIRST, two_sessions};
use crate::support::{Place, Ran, World};

/// Every command that opens a repository.
const COMMANDS: &[&[&str]] = &[
    &["log"],
    &["show"],
    &["show", "11111111"],
    &["review", "HEAD"],
    &["scan", "--all"],
    &["sync"],
    &["sync", "--fetch-only"],
    &["hydrate", "--all"],
    &["cleanup", "run"],
    &["cleanup", "status"],
    &["capture"],
    &["relink"],
    &["redact", "11111111"],
    &["doctor"],
    &["hooks", "status"],
];

/// A clone whose files are a bare repository with settings that run a program; what the program makes.
fn trap() -> (World, Place, std::path::PathBuf) {
    let (world, work, remote) = two_sessions();
    work.session(&["sync"]).ok();
    let owned = world.path().join("owned");
    let own = format!("touch '{}'", owned.display());
    let evil = world.path().join("evil.git");
    remote.git(&["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", remote.path.display());
    world.place(".").git(&["clone", "--quiet", "--bare", "--filter=blob:none", &url, &evil.display().to_string()]);
    let evil = world.place("evil.git");
    evil.git(&["fetch", "--quiet", "origin", "refs/opensession/*:refs/opensession/*"]);
    for (key, value) in [
        ("core.sshCommand", own.as_str()),
        ("core.fsmonitor", &own),
        ("core.pager", &own),
        ("core.askPass", &own),
        ("core.hooksPath", "hooks"),
        ("credential.helper", &format!("!{own}")),
        ("gpg.program", &own),
        ("diff.external", &own),
        ("protocol.ext.allow", "always"),
        ("remote.origin.url", "ssh://example.invalid/x.git"),
        ("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"),
    ] {
        evil.git(&["config", key, value]);
    }
    for hook in ["reference-transaction", "pre-push", "post-checkout", "post-merge", "fsmonitor-watchman"] {
        evil.write(&format!("hooks/{hook}"), &format!("#!/bin/sh\n{own}\n"));
        evil.run("chmod", &["+x", &format!("hooks/{hook}")]).ok();
    }
    evil.write("refs/keep", "a folder without files is not tracked\n");
    evil.write("objects/keep", "");
    let clone = world.repository("clone");
    clone.run("cp", &["-r", &evil.path.display().to_string(), "evil.git"]).ok();
    clone.git(&["add", "--all"]);
    clone.git(&["commit", "--quiet", "-m", "Begin"]);
    let _ = std::fs::remove_file(&owned);
    (world, clone, owned)
}

fn is_refused(ran: &Ran, clone: &Place) {
    assert_eq!(ran.code, 1, "{ran}");
    let root = clone.path.display();
    assert!(ran.stderr.contains(&format!("{root}/evil.git is inside the work tree of {root}")), "{ran}");
    assert!(ran.stderr.contains(&format!("git --git-dir='{root}/evil.git' session")), "{ran}");
}

#[test]
fn a_bare_repository_in_a_work_tree_is_refused_and_runs_nothing() {
    let (world, clone, owned) = trap();
    for safe in ["all", "explicit"] {
        clone.git(&["config", "--global", "safe.bareRepository", safe]);
        for folder in ["evil.git", "evil.git/refs", "evil.git/hooks"] {
            let place = world.place(&format!("clone/{folder}"));
            for arguments in COMMANDS {
                is_refused(&place.session(arguments), &clone);
                let there = [&["-C", folder], *arguments].concat();
                is_refused(&clone.session(&there), &clone);
            }
            place.session(&["hook", "post-commit"]);
        }
    }
    assert!(!owned.exists());
}

#[test]
fn neither_a_link_nor_a_file_leads_to_a_bare_repository_in_a_work_tree() {
    let (world, clone, owned) = trap();
    std::os::unix::fs::symlink("evil.git", clone.join("link")).expect("a link");
    is_refused(&world.place("clone/link").session(&["sync"]), &clone);
    let folder = world.place("clone/folder");
    folder.write(".git", "gitdir: ../evil.git\n");
    is_refused(&folder.session(&["sync"]), &clone);
    let bare = clone.run("git", &["-C", "evil.git", "config", "core.bare", "false"]);
    assert_eq!(bare.code, 0, "{bare}");
    is_refused(&folder.session(&["show", FIRST]), &clone);
    // A linked work tree is the same clone.
    clone.git(&["worktree", "add", "--quiet", "../linked"]);
    let linked = world.place("linked");
    is_refused(&world.place("linked/evil.git").session(&["sync"]), &linked);
    assert!(!owned.exists());
}

#[test]
fn a_bare_repository_that_is_named_is_read_but_fetches_nothing_that_is_missing() {
    let (world, clone, owned) = trap();
    let place = world.place(".");
    let named = place.with("GIT_DIR", &clone.join("evil.git").display().to_string());
    assert_eq!(named.json(&["log"]).as_array().map(Vec::len), Some(2));
    for arguments in [&["show", FIRST][..], &["hydrate", "--all"], &["review", "HEAD"], &["scan", "--all"], &["relink"]]
    {
        named.session(arguments);
        assert!(!owned.exists(), "{arguments:?}");
    }
    let shown = named.session(&["show", FIRST]);
    assert_eq!(shown.code, 1, "{shown}");
}

#[test]
fn the_users_setting_of_bare_repositories_counts_and_the_repositorys_own_does_not() {
    let (world, work, _) = two_sessions();
    work.session(&["sync"]).ok();
    let bare = world.place("remote.git");
    bare.session(&["log"]).ok();
    bare.git(&["config", "safe.bareRepository", "explicit"]);
    bare.session(&["log"]).ok();
    let in_environment = [
        bare.with("GIT_CONFIG_COUNT", "1")
            .with("GIT_CONFIG_KEY_0", "safe.bareRepository")
            .with("GIT_CONFIG_VALUE_0", "explicit"),
        bare.with("GIT_CONFIG_PARAMETERS", "'safe.bareRepository'='explicit'"),
    ];
    let is_read = world.has_git((2, 31), "settings in the environment");
    for place in in_environment.into_iter().filter(|_| is_read) {
        let ran = place.session(&["log"]);
        assert!(ran.code == 1 && ran.stderr.contains("safe.bareRepository is 'explicit'"), "{ran}");
    }
    work.git(&["config", "--global", "safe.bareRepository", "explicit"]);
    bare.run("git", &["-c", "safe.bareRepository=explicit", "config", "--unset", "safe.bareRepository"]);
    let ran = bare.session(&["log"]);
    assert!(ran.code == 1 && ran.stderr.contains(&format!("--git-dir='{}'", bare.path.display())), "{ran}");
    let named = bare.with("GIT_DIR", ".").session(&["log"]).ok();
    assert!(named.stdout.contains("11111111"), "{named}");
    // A work tree and what lies in its git directory are not bare.
    work.session(&["log"]).ok();
    world.place("work/.git/refs").session(&["log"]).ok();
    work.git(&["worktree", "add", "--quiet", "../linked"]);
    world.place("linked").session(&["log"]).ok();
}

#[test]
fn repositories_in_a_work_tree_that_no_clone_can_bring_stay_usable() {
    let (world, work, remote) = two_sessions();
    work.session(&["sync"]).ok();
    let url = remote.path.display().to_string();
    // A clone inside of another.
    work.git(&["clone", "--quiet", &url, "nested"]);
    world.place("work/nested").session(&["sync"]).ok();
    // A submodule.
    work.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "inner"]);
    world.place("work/inner").session(&["sync"]).ok();
    // A bare repository beside its own work trees, which a file names.
    world.place("project").git(&["clone", "--quiet", "--bare", &url, ".bare"]);
    let project = world.place("project");
    project.write(".git", "gitdir: ./.bare\n");
    project.session(&["log"]).ok();
    project.git(&["worktree", "add", "--quiet", "tree", "main"]);
    world.place("project/tree").session(&["log"]).ok();
    world.place("project/.bare").session(&["log"]).ok();
}

#[test]
fn only_show_and_hydrate_fetch_what_a_partial_clone_left_out() {
    let (world, work, remote) = two_sessions();
    work.git(&["push", "--quiet", "origin", "main"]);
    work.session(&["sync"]).ok();
    remote.git(&["config", "uploadpack.allowFilter", "true"]);
    remote.git(&["config", "uploadpack.allowAnySHA1InWant", "true"]);
    let url = format!("file://{}", remote.path.display());
    world.place(".").git(&["clone", "--quiet", "--no-checkout", "--filter=blob:none", &url, "partial"]);
    let partial = world.place("partial");
    partial.git(&["fetch", "--quiet", "origin", "refs/opensession/*:refs/opensession-remote/origin/*"]);
    let trace = world.path().join("trace");
    let traced = partial.with("GIT_TRACE", &trace.display().to_string());
    for arguments in [
        &["log"][..],
        &["review", "HEAD"],
        &["scan", "--all"],
        &["relink", "--dry-run"],
        &["redact", FIRST, "--yes"],
        &["doctor"],
        &["cleanup", "run", "--local"],
    ] {
        let ran = traced.session(arguments);
        let traced = std::fs::read_to_string(&trace).unwrap_or_default();
        assert!(!traced.contains("git-upload-pack"), "{arguments:?}: {ran}{traced}");
    }
    assert_eq!(partial.json(&["show", FIRST])["id"], FIRST);
}
