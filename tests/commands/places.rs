//! Where a command is run: subdirectories, work trees, bare repositories, nowhere.

use super::{FIRST, SECOND, check, first_log, second_log, two_sessions};
use crate::support::{ClaudeLog, World};

const THIRD: &str = "33333333-2222-4333-8444-555555555555";

#[test]
fn works_in_a_subdirectory_and_from_elsewhere() {
    let (world, work, _) = two_sessions();
    let log = work.session(&["log"]).ok();
    let below = world.place("work/src");
    assert_eq!(below.session(&["log"]).ok().stdout, log.stdout);
    assert_eq!(below.session(&["show", "commit:HEAD"]).ok().stdout, work.session(&["show", "HEAD"]).ok().stdout);
    let elsewhere = world.place("elsewhere");
    assert_eq!(elsewhere.session(&["-C", "../work", "log"]).ok().stdout, log.stdout);
    assert_eq!(elsewhere.session(&["log", "-C", &work.path.display().to_string()]).ok().stdout, log.stdout);
    check(&world, "no_such_directory", &elsewhere.session(&["-C", "../nowhere", "log"]));
    // As git runs it.
    assert_eq!(below.git(&["session", "log"]), log.stdout);
    assert_eq!(elsewhere.git(&["-C", "../work", "session", "log"]), log.stdout);
}

#[test]
fn files_are_seen_from_the_directory_the_command_works_in() {
    let world = World::new();
    let work = world.repository("work");
    let log = first_log(&world, &work);
    log.save();
    std::fs::copy(log.file(), work.join("src/session.jsonl")).expect("a copy");
    world.place("work/src").session(&["parse", "session.jsonl"]).ok();
    world.place("elsewhere").session(&["-C", "../work/src", "parse", "session.jsonl"]).ok();
    work.session(&["-C", "src", "parse", "session.jsonl", "--out", "session.hail"]).ok();
    assert!(work.join("src/session.hail").exists());
}

#[test]
fn works_in_a_linked_work_tree() {
    let (world, work, _) = two_sessions();
    work.git(&["worktree", "add", "--quiet", "-b", "side", "../side"]);
    let side = world.place("side");
    assert_eq!(side.stored(), [SECOND, FIRST]);
    ClaudeLog::new(&world, &side, THIRD).prompt("On the side.").writes(&side, "side.rs", "// side\n").save();
    side.commit_all("On the side");
    assert_eq!(side.trailers("HEAD"), [THIRD]);
    work.wait_for_sessions(3);
    let log = work.json(&["log", "--branch", "side"]);
    assert_eq!(log[0]["id"], THIRD);
    side.session(&["doctor"]).ok();
    // A session of one work tree is the repository's: capturing in the other finds it, and leaves it in the
    // ledger of its branch.
    assert_eq!(work.json(&["capture"])["stored_already"], 3);
    assert_eq!(work.json(&["log", "--branch", "main"]).as_array().map(Vec::len), Some(2));
}

#[test]
fn reads_in_a_bare_repository() {
    let (world, work, remote) = two_sessions();
    work.git(&["push", "--quiet", "origin", "main"]);
    assert_eq!(remote.stored(), [SECOND, FIRST]);
    check(&world, "bare_log", &remote.session(&["log"]));
    assert_eq!(remote.json(&["show", "commit:main"])["id"], SECOND);
    check(&world, "bare_cleanup", &remote.session(&["cleanup", "run"]));
    check(&world, "bare_hooks", &remote.session(&["hooks", "install"]));
    let doctor = remote.session(&["doctor"]).ok();
    assert!(doctor.stdout.contains("a bare repository without work trees needs none"), "{doctor}");
}

#[test]
fn explains_itself_outside_of_a_repository() {
    let world = World::new();
    let nowhere = world.place("nowhere");
    check(&world, "outside", &nowhere.session(&["log"]));
    for command in
        [vec!["show"], vec!["capture"], vec!["doctor"], vec!["sync"], vec!["cleanup", "run"], vec!["hooks", "status"]]
    {
        let ran = nowhere.session(&command);
        assert_eq!(ran.code, 1, "{command:?}: {ran}");
        assert!(
            ran.stderr.contains("is not in a git repository") && ran.stderr.contains("hint: "),
            "{command:?}: {ran}"
        );
    }
    for command in [vec!["discover"], vec!["quickstart"], vec!["man"], vec!["completion", "fish"]] {
        nowhere.session(&command).ok();
    }
}

#[test]
fn works_before_the_first_commit() {
    let world = World::new();
    let work = world.repository("work");
    work.session(&["hooks", "install"]).ok();
    first_log(&world, &work).save();
    check(&world, "unborn_doctor", &work.session(&["doctor"]));
    work.session(&["capture"]).ok();
    assert_eq!(work.stored(), [FIRST]);
    check(&world, "unborn_show_commit", &work.session(&["show", "commit:HEAD"]));
    work.commit_all("Begin");
    assert_eq!(work.trailers("HEAD"), [FIRST]);
}

#[test]
fn explains_what_needs_a_remote() {
    let world = World::new();
    let work = world.repository("work");
    check(&world, "no_remote_sync", &work.session(&["sync"]));
    check(&world, "no_remote_named", &work.session(&["sync", "origin"]));
    work.session(&["cleanup", "run"]).ok();
    work.git(&["remote", "add", "origin", "../gone.git"]);
    let ran = work.session(&["sync"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("fetching from origin"), "{ran}");
    work.git(&["remote", "add", "other", "../gone.git"]);
    check(&world, "two_remotes_sync", &work.session(&["sync"]));
}

#[test]
fn keeps_the_sessions_of_a_detached_head() {
    let (world, work, _) = two_sessions();
    work.git(&["switch", "--quiet", "--detach"]);
    ClaudeLog::new(&world, &work, THIRD).prompt("Detached.").writes(&work, "d.rs", "// d\n").save();
    work.commit_all("Detached");
    assert_eq!(work.trailers("HEAD"), [THIRD]);
    work.wait_for_sessions(3);
    let shown = work.json(&["show", THIRD]);
    let branch = shown["ledger"]["branch"].as_str().expect("a branch");
    let head = work.git(&["rev-parse", "HEAD"]);
    assert_eq!(branch, format!("detached@{}", &head[..8]));
}

#[test]
fn a_repository_named_by_git_dir_is_the_one_that_is_meant() {
    let (world, work, _) = two_sessions();
    let other = world.repository("other");
    let git_dir = work.join(".git").display().to_string();
    assert_eq!(other.with("GIT_DIR", &git_dir).stored(), [SECOND, FIRST]);
    assert_eq!(other.stored(), [""; 0]);
}

#[test]
fn odd_names_of_folders_are_no_obstacle() {
    for name in ["with space", "grün ü 日本", "it's \"quoted\"", "dollar $HOME `x`", "-dash", "new\nline"] {
        let world = World::new();
        let work = world.repository(&format!("{name}/repo"));
        work.session(&["hooks", "install"]).ok();
        first_log(&world, &work).save();
        work.commit_all("Add a library");
        assert_eq!(work.trailers("HEAD"), [FIRST], "{name}");
        assert_eq!(work.wait_for_sessions(1), [FIRST], "{name}");
        work.session(&["doctor"]).ok();
    }
}

#[test]
fn other_kinds_of_repositories_are_no_obstacle() {
    for option in ["--object-format=sha256", "--ref-format=reftable", "--separate-git-dir=../git dir"] {
        let world = World::new();
        if option.ends_with("reftable") && !world.has_git((2, 45), "reftable") {
            continue;
        }
        let remote = world.place("remote.git");
        let kind = if option.starts_with("--separate") { "--quiet" } else { option };
        remote.git(&["init", "--quiet", "--bare", kind]);
        let work = world.place("work");
        work.git(&["init", "--quiet", option]);
        work.git(&["remote", "add", "origin", "../remote.git"]);
        work.session(&["hooks", "install"]).ok();
        first_log(&world, &work).save();
        work.commit_all("Add a library");
        assert_eq!(work.trailers("HEAD"), [FIRST], "{option}");
        assert_eq!(work.wait_for_sessions(1), [FIRST], "{option}");
        work.git(&["pack-refs", "--all"]);
        work.git(&["push", "--quiet", "origin", "main"]);
        let clone = world.clone_of(&remote, "clone");
        clone.session(&["sync"]).ok();
        assert_eq!(clone.stored(), [FIRST], "{option}");
        assert_eq!(clone.json(&["show", "commit:HEAD"])["id"], FIRST, "{option}");
        work.session(&["doctor"]).ok();
        work.git(&["fsck", "--strict"]);
    }
}

#[test]
fn a_path_through_a_symbolic_link_is_the_same_repository() {
    let world = World::new();
    let work = world.repository("work");
    work.session(&["hooks", "install"]).ok();
    std::os::unix::fs::symlink(&work.path, world.path().join("link")).expect("a link");
    let mut linked = work.clone();
    linked.path = world.path().join("link");
    // An agent that was started through the link and noted that.
    second_log(&world, &linked).save();
    work.commit_all("Test");
    assert_eq!(work.trailers("HEAD"), [SECOND]);
    work.wait_for_sessions(1);
    // A commit through the link of what was written without it.
    first_log(&world, &work).save();
    linked.commit_all("Add a library");
    assert_eq!(work.trailers("HEAD"), [FIRST]);
    work.wait_for_sessions(2);
    // A commit cannot know the folder that Claude Code names after the link, but a capture finds it.
    ClaudeLog::new(&world, &linked, THIRD).prompt("Go.").writes(&linked, "b.rs", "// b\n").save();
    work.session(&["capture"]).ok();
    work.wait_for_sessions(3);
}

#[test]
fn a_partial_clone_has_whole_ledgers_and_lists_them_without_the_network() {
    for filter in ["blob:none", "tree:0"] {
        let (world, work, remote) = two_sessions();
        work.git(&["push", "--quiet", "origin", "main"]);
        remote.git(&["config", "uploadpack.allowFilter", "true"]);
        let url = format!("file://{}", remote.path.display());
        world.place(".").git(&["clone", "--quiet", &format!("--filter={filter}"), &url, "partial"]);
        let partial = world.place("partial");
        partial.session(&["sync", "--fetch-only"]).ok();
        std::fs::rename(&remote.path, world.path().join("gone.git")).expect("a remote");
        assert_eq!(partial.stored(), [SECOND, FIRST], "{filter}");
        assert_eq!(partial.json(&["show", FIRST])["id"], FIRST, "{filter}");
    }
}
