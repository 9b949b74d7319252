//! Logs among the files of a repository are those of whoever made it, not of the person who cloned it.

use std::{fs, os::unix::fs::symlink, path::Path};

use super::fixture;
use crate::support::{Place, World};

const HISTORY: &str = ".aider.chat.history.md";

/// A repository with hooks and one commit, in which an agent changed `calc.py` since, if its logs are to be
/// believed.
fn begun(world: &World, name: &str) -> Place {
    let work = world.repository(name);
    work.session(&["hooks", "install"]).ok();
    work.write("calc.py", "def f(x):\n    return x\n");
    work.commit_all("base");
    work
}

fn history(to: &Path) {
    fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
    fs::copy(fixture("aider/several.md"), to).expect("a copy");
}

fn agenix(place: &Place, folder: &str) {
    let log = serde_json::json!({
        "id": "a-session", "working_dir": place.path, "messages": [{"role": "user", "content": "A stranger's words"}]
    });
    place.write(&format!("{folder}/log.json"), &log.to_string());
}

fn crush(place: &Place, folder: &str) {
    let (_folder, database) = super::from_sql("crush/crush.sql");
    place.write(&format!("{folder}/unused"), "");
    fs::copy(database, place.join(folder).join("crush.db")).expect("a copy");
}

#[track_caller]
fn counts_for_nothing(work: &Place) {
    work.write("calc.py", "def f(x):\n    return 2 * x\n");
    work.commit_all("double");
    assert_eq!(work.trailers("HEAD"), [""; 0]);
    for arguments in [&["capture", "--all"][..], &["capture"]] {
        let ran = work.session(arguments).ok();
        assert!(ran.stderr.contains("no session of"), "{ran}");
    }
    assert_eq!(work.stored(), [""; 0]);
    for agent in ["aider", "agenix", "crush"] {
        assert_eq!(work.json(&["discover", "--agent", agent])["agents"][0]["sessions"], 0);
    }
    assert!(!work.session(&["doctor"]).stdout.contains("Aider: "));
}

#[test]
fn a_tracked_log_counts_for_nothing() {
    let world = World::new();
    let work = begun(&world, "work");
    history(&work.join(HISTORY));
    agenix(&work, ".agenix");
    agenix(&work, ".agenix/deeper");
    crush(&work, ".crush");
    work.commit_all("Bring chats");
    counts_for_nothing(&work);
}

#[test]
fn a_log_that_is_tracked_in_other_letters_counts_for_nothing_where_the_disk_ignores_case() {
    let world = World::new();
    let work = begun(&world, "work");
    work.git(&["config", "core.ignoreCase", "true"]);
    history(&work.join(".Aider.chat.history.md"));
    work.commit_all("Bring chats");
    work.write(".git/info/exclude", ".aider*\n");
    // As the agent would see it on such a disk.
    history(&work.join(HISTORY));
    counts_for_nothing(&work);
}

#[test]
fn a_link_leads_to_no_log() {
    let world = World::new();
    let elsewhere = world.place("elsewhere");
    history(&elsewhere.join("chats.md"));
    agenix(&elsewhere, "logs");
    crush(&elsewhere, "crush");
    for (number, is_tracked) in [true, false].into_iter().enumerate() {
        let work = begun(&world, &format!("work{number}"));
        if !is_tracked {
            work.write(".git/info/exclude", ".aider*\n.agenix*\n.crush*\n");
        }
        symlink("../elsewhere/chats.md", work.join(HISTORY)).expect("a link");
        symlink("../elsewhere/logs", work.join(".agenix")).expect("a link");
        symlink("../elsewhere/crush", work.join(".crush")).expect("a link");
        work.git(&["add", "--all"]);
        work.git(&["commit", "--quiet", "--allow-empty", "-m", "Bring links"]);
        counts_for_nothing(&work);
    }
}

#[test]
fn a_link_to_a_tracked_file_and_a_tracked_link_to_another_count_for_nothing() {
    let world = World::new();
    let work = begun(&world, "work");
    history(&work.join("docs/chats.md"));
    agenix(&work, "docs/logs");
    work.commit_all("Bring chats");
    work.write(".git/info/exclude", ".aider*\n.agenix\nbuild\n");
    symlink("docs/chats.md", work.join(HISTORY)).expect("a link");
    symlink("docs/logs", work.join(".agenix")).expect("a link");
    counts_for_nothing(&work);
    let work = begun(&world, "other");
    work.write(".gitignore", "build\n");
    symlink("build/chats.md", work.join(HISTORY)).expect("a link");
    symlink("build/logs", work.join(".agenix")).expect("a link");
    work.commit_all("Bring links");
    history(&work.join("build/chats.md"));
    agenix(&work, "build/logs");
    counts_for_nothing(&work);
}

#[test]
fn a_log_that_the_repository_around_tracks_counts_for_nothing() {
    let world = World::new();
    let outer = begun(&world, "outer");
    history(&outer.join(HISTORY));
    agenix(&outer, ".agenix");
    outer.commit_all("Bring chats");
    counts_for_nothing(&begun(&world, "outer/inner"));
    // A linked work tree inside has the files of another branch, too.
    outer.git(&["switch", "--quiet", "--create", "empty"]);
    outer.git(&["rm", "--quiet", "-r", ".aider.chat.history.md", ".agenix"]);
    outer.write(".git/info/exclude", "inner\nlinked\n");
    outer.commit_all("Without");
    outer.git(&["worktree", "add", "--quiet", "linked", "main"]);
    counts_for_nothing(&world.place("outer/linked"));
}

#[test]
fn a_log_that_is_not_tracked_counts_wherever_the_repository_is() {
    let world = World::new();
    let work = begun(&world, "deep/work");
    work.write(".git/info/exclude", ".aider*\n");
    history(&work.join(HISTORY));
    symlink("deep", world.path().join("short")).expect("a link");
    let work = world.place("short/work");
    work.write("calc.py", "def f(x):\n    return 2 * x\n");
    work.commit_all("double");
    let stored = work.wait_for_sessions(1);
    assert_eq!(work.trailers("HEAD"), stored);
    // What is named is meant.
    let other = begun(&world, "other");
    history(&other.join(HISTORY));
    other.commit_all("Bring chats");
    other.session(&["capture", HISTORY]).ok();
    assert_eq!(other.stored().len(), 2);
}
