//! A repository from a stranger: what is in it is looked at, never obeyed.

use std::fs;

use super::{FIRST, SECOND, first_log, two_sessions};
use crate::support::{Place, World};

const LEDGER: &str = "refs/opensession/branches/bWFpbg";

/// What would show that something was run.
fn was_run(world: &World) -> bool {
    world.path().join("owned").exists()
}

fn every_command(place: &Place) {
    for arguments in [
        &["log"][..],
        &["show"],
        &["show", "commit:HEAD"],
        &["capture"],
        &["sync"],
        &["relink", "--dry-run"],
        &["cleanup", "run"],
        &["doctor"],
        &["hooks", "install"],
        &["hooks", "status"],
    ] {
        place.session(arguments);
    }
}

#[test]
fn nothing_in_a_clone_is_run() {
    let (world, work, remote) = two_sessions();
    let own = format!("touch '{}'", world.path().join("owned").display());
    let config = format!(
        "[core]\n\tpager = {own}\n\teditor = {own}\n\tfsmonitor = {own}\n\tsshCommand = {own}\n\thooksPath = hooks\n\
         [diff \"x\"]\n\ttextconv = {own}\n[filter \"x\"]\n\tclean = {own}\n\tsmudge = {own}\n\
         [remote \"origin\"]\n\turl = ext::sh -c {own}\n\tuploadpack = {own}\n[opensession]\n\tpager = {own}\n"
    );
    for path in [".gitconfig", ".git-session", ".opensession/config", ".opensession/config.toml", ".lfsconfig"] {
        work.write(path, &config);
    }
    work.write(".gitattributes", "* diff=x filter=x\n");
    for hook in ["pre-push", "post-checkout", "prepare-commit-msg"] {
        work.write(&format!("hooks/{hook}"), &format!("#!/bin/sh\n{own}\n"));
        work.run("chmod", &["+x", &format!("hooks/{hook}")]).ok();
    }
    work.commit_all("A trap");
    work.git(&["push", "--quiet"]);
    let clone = world.clone_of(&remote, "clone");
    every_command(&clone);
    clone.write("mine.txt", "by hand\n");
    clone.commit_all("By hand");
    clone.git(&["push", "--quiet"]);
    assert_eq!(clone.json(&["show", FIRST])["id"], FIRST, "the clone was looked at");
    assert!(!was_run(&world));
}

#[test]
fn names_cannot_become_options() {
    let (world, work, remote) = two_sessions();
    let own = format!("touch {}", world.path().join("owned").display());
    let head = work.git(&["rev-parse", "HEAD"]);
    for option in [format!("--receive-pack={own}"), format!("--upload-pack={own}"), format!("--exec={own}")] {
        assert_ne!(work.session(&["sync", "--", &option]).code, 0);
        assert_ne!(work.session(&["cleanup", "run", &format!("--remote={option}"), "--apply"]).code, 0);
        assert_ne!(work.session(&["show", "--", &option]).code, 0);
        let line = format!("refs/heads/main {} refs/heads/main {}", head.trim(), "0".repeat(40));
        work.run("sh", &["-c", &format!("echo '{line}' | git-session hook pre-push '{option}' '{option}'")]);
        // A remote of that name is one, too.
        work.run("git", &["config", &format!("remote.{option}.url"), &remote.path.display().to_string()]);
        work.session(&["sync", "--", &option]);
    }
    assert!(!was_run(&world));
}

#[test]
fn transports_that_run_programs_stay_off() {
    let (world, work, _) = two_sessions();
    let owned = world.path().join("owned").display().to_string();
    for url in [
        format!("ext::touch {owned}"),
        format!("ssh://-oProxyCommand=touch {owned}/x"),
        format!("-oProxyCommand=touch {owned}:x"),
    ] {
        work.git(&["config", "remote.origin.url", &url]);
        assert_ne!(work.session(&["sync"]).code, 0, "{url}");
    }
    assert!(!was_run(&world));
}

/// Puts a file into the ledger of main at `path`; returns what the ledger was before.
fn put_into_ledger(work: &Place, path: &str, file: &str) -> String {
    let before = work.git(&["rev-parse", LEDGER]).trim().to_owned();
    let blob = work.git(&["hash-object", "-w", file]).trim().to_owned();
    let index = work.with("GIT_INDEX_FILE", "../ledger-index");
    index.git(&["read-tree", LEDGER]);
    index.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},{path}")]);
    let tree = index.git(&["write-tree"]).trim().to_owned();
    let commit = work.git(&["commit-tree", "-m", "damage", &tree]).trim().to_owned();
    work.git(&["update-ref", LEDGER, &commit]);
    before
}

#[test]
fn a_blob_that_would_fill_the_memory_is_refused_before_it_is_inflated() {
    let (_world, work, _) = two_sessions();
    // MiB of zeros are KiB in a repository.
    for (path, size) in [(format!("v1/11/{FIRST}.meta.json"), 5), (format!("v1/11/{FIRST}.hail.jsonl"), 257)] {
        fs::File::create(work.join("../bomb")).and_then(|file| file.set_len(size << 20)).expect("a file");
        let before = put_into_ledger(&work, &path, "../bomb");
        let shown = work.session(&["show", FIRST, "--format", "hail"]);
        let doctor = work.session(&["doctor"]);
        // The events are there without what describes them.
        assert_eq!(shown.code, i32::from(path.ends_with(".hail.jsonl")), "{path}: {shown}");
        assert!(format!("{shown}{doctor}").contains("bytes; the limit"), "{path}: {shown}{doctor}");
        work.git(&["update-ref", LEDGER, &before]);
    }
}

#[test]
fn one_damaged_session_hides_no_other_and_is_told() {
    let (_world, work, _) = two_sessions();
    work.write("../damage", "no JSON");
    for (path, damages) in [("hail.jsonl", false), ("meta.json", true)] {
        put_into_ledger(&work, &format!("v1/11/{FIRST}.{path}"), "../damage");
        let log = work.session(&["log", "--json"]);
        let value: serde_json::Value = serde_json::from_str(&log.stdout).expect("JSON");
        assert_eq!(value.as_array().map(Vec::len), Some(2), "{log}");
        assert_eq!(log.stderr.contains(&format!("{FIRST}.meta.json in the ledger")), damages, "{log}");
        assert_ne!(work.session(&["show", FIRST, "--format", "hail"]).code, 0);
        work.session(&["show", SECOND]).ok();
    }
    assert!(work.session(&["doctor"]).stdout.contains("is damaged"));
}

#[test]
fn redaction_that_does_not_load_stores_nothing_and_stops_no_commit() {
    let world = World::new();
    let (work, remote) = world.shared();
    work.write(".git/opensession/redaction.key", "damaged");
    first_log(&world, &work).save();
    work.git(&["add", "--all"]);
    let ran = work.run("git", &["commit", "--quiet", "-m", "Add a library"]).ok();
    let pushed = work.run("git", &["push", "--quiet"]).ok();
    assert!(format!("{}{}", ran.stderr, pushed.stderr).contains("git session: "), "{ran}{pushed}");
    let captured = work.session(&["capture"]);
    assert!(captured.code == 1 && captured.stderr.contains("redaction"), "{captured}");
    assert_eq!([work.references("refs/opensession/"), remote.references("refs/opensession/")], [[""; 0]; 2]);
    let doctor = work.session(&["doctor"]);
    assert!(doctor.code == 1 && doctor.stdout.contains("redaction"), "{doctor}");
    // Nothing of it was written before redaction, either.
    let objects = work.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"]);
    assert_eq!(objects.matches("commit").count(), 2, "{objects}");
    fs::remove_file(work.join(".git/opensession/redaction.key")).expect("a key");
    work.session(&["capture"]).ok();
    assert_eq!(work.stored(), [FIRST]);
}

#[test]
fn the_tracked_configuration_chooses_among_the_remotes_that_are_here_and_connects_to_no_other() {
    let (world, work, remote) = two_sessions();
    work.session(&["sync"]).ok();
    let owned = world.path().join("owned").display().to_string();
    let elsewhere = world.bare("elsewhere.git").path.display().to_string();
    let trace = world.path().join("trace").display().to_string();
    work.git(&["config", "remote.nowhere.prune", "true"]);
    for provider in ["auto", "github", "generic"] {
        for url in [
            elsewhere.as_str(),
            &format!("file://{elsewhere}"),
            &remote.path.display().to_string(),
            "https://example.invalid/x.git",
            "ssh://example.invalid/x.git",
            &format!("ext::touch {owned}"),
            "../elsewhere.git",
            "nowhere",
            ".",
            "Origin",
        ] {
            work.write(
                ".opensession/cleanup/config.toml",
                &format!("provider = \"{provider}\"\nremote = \"{url}\"\nhidden_ttl_days = 0\n"),
            );
            let traced = work.with("GIT_TRACE", &trace);
            for arguments in [
                &["cleanup", "status"][..],
                &["cleanup", "run"],
                &["cleanup", "run", "--apply"],
                &["cleanup", "init", "--yes"],
                &["review", "HEAD"],
            ] {
                let ran = traced.session(arguments);
                let is_said = ran.stdout.contains("not configured here") || ran.stderr.contains("not configured here");
                assert!(arguments[0] == "review" || arguments[1] == "init" || is_said, "{url}: {arguments:?}: {ran}");
            }
            let traced = fs::read_to_string(&trace).unwrap_or_default();
            assert!(!traced.contains("ls-remote") && !traced.contains("git fetch"), "{url}: {traced}");
        }
    }
    assert!(!was_run(&world));
    work.write(".opensession/cleanup/config.toml", "remote = \"origin\"\n");
    let status = work.session(&["cleanup", "status"]);
    assert!(status.stdout.contains("The next run, in remote origin"), "{status}");
}
