//! Sessions go to the remotes that were enabled, and to no other.

use super::install_on_a_terminal;
use crate::support::{ClaudeLog, Place, World};

/// A repository with a commit and these remotes, without hooks.
fn with_remotes(world: &World, names: &[&str]) -> (Place, Vec<Place>) {
    let work = world.repository("work");
    work.write("README.md", "# Work\n");
    work.commit_all("Begin");
    let remotes: Vec<Place> = names.iter().map(|name| world.bare(&format!("{name}.git"))).collect();
    for (name, remote) in names.iter().zip(&remotes) {
        work.git(&["remote", "add", name, &remote.path.display().to_string()]);
    }
    (work, remotes)
}

fn enabled(work: &Place) -> String {
    work.run("git", &["config", "--get-all", "opensession.remotes"]).stdout.trim_end().to_owned()
}

fn commit_work(world: &World, work: &Place, number: u32) {
    let id = format!("{number:08}-2222-4333-8444-555555555555");
    let file = format!("file-{number}.txt");
    ClaudeLog::new(world, work, &id).prompt("Write a file.").writes(work, &file, "content\n").save();
    work.commit_all(&format!("Write {file}"));
}

#[test]
fn the_one_remote_is_enabled_and_a_fork_that_comes_later_is_not() {
    let world = World::new();
    let (work, remotes) = with_remotes(&world, &["origin"]);
    work.session(&["hooks", "install"]).ok();
    assert_eq!(enabled(&work), "origin");
    let fork = world.bare("fork.git");
    work.git(&["remote", "add", "fork", &fork.path.display().to_string()]);
    commit_work(&world, &work, 1);
    for destination in ["origin", "fork", &world.bare("url.git").path.display().to_string()] {
        work.git(&["push", "--quiet", destination, "main"]);
    }
    assert_eq!(remotes[0].references("refs/opensession/").len(), 1);
    assert_eq!(fork.references("refs/opensession/"), [""; 0]);
    assert_eq!(world.bare("url.git").references("refs/opensession/"), [""; 0]);
    work.git(&["config", "branch.main.remote", "fork"]);
    assert_eq!(work.json(&["sync"])["remote"], "origin");
    let ran = work.session(&["sync", "fork"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("git config --add opensession.remotes fork"), "{ran}");
    work.session(&["sync", "fork", "--fetch-only"]).ok();
    assert_eq!(fork.references("refs/opensession/"), [""; 0]);
    work.git(&["config", "--add", "opensession.remotes", "fork"]);
    work.session(&["sync", "fork"]).ok();
    assert_eq!(fork.references("refs/opensession/").len(), 1);
}

#[test]
fn without_a_terminal_the_remote_that_is_pushed_to_is_enabled() {
    let world = World::new();
    let (work, _) = with_remotes(&world, &["backup", "origin", "upstream"]);
    work.session(&["hooks", "install"]).ok();
    assert_eq!(enabled(&work), "origin");
    work.git(&["config", "--unset", "opensession.remotes"]);
    work.git(&["config", "branch.main.remote", "upstream"]);
    work.session(&["hooks", "install"]).ok();
    assert_eq!(enabled(&work), "upstream");
    // What was chosen stays until something else is.
    work.git(&["config", "branch.main.remote", "backup"]);
    work.session(&["hooks", "install"]).ok();
    assert_eq!(enabled(&work), "upstream");
    let answer = work.json(&["hooks", "install", "--remote", "backup", "--remote", "origin"]);
    assert_eq!(enabled(&work), "backup,origin");
    assert_eq!(answer["remotes"], serde_json::json!(["backup", "origin"]));
}

#[test]
fn an_unknown_remote_installs_nothing() {
    let world = World::new();
    let (work, _) = with_remotes(&world, &["origin"]);
    let ran = work.session(&["hooks", "install", "--remote", "elsewhere"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("no remote 'elsewhere'"), "{ran}");
    assert_eq!((enabled(&work), work.session(&["hooks", "status"]).code), (String::new(), 1));
}

#[test]
fn on_a_terminal_the_person_says_which_of_several_remotes_are_enabled() {
    let world = World::new();
    let (work, _) = with_remotes(&world, &["backup", "origin", "upstream"]);
    let said = install_on_a_terminal(&work, "\nnowhere\nbackup, upstream\n\n");
    assert!(said.contains("There are backup, origin, upstream. [origin]"), "{said}");
    assert!(said.contains("no remote 'nowhere'"), "{said}");
    assert_eq!(enabled(&work), "backup,upstream");
    work.git(&["config", "--unset", "opensession.remotes"]);
    install_on_a_terminal(&work, "\n");
    assert_eq!(enabled(&work), "origin");
    assert!(!install_on_a_terminal(&work, "").contains("Which remotes"), "it is settled");
}

#[test]
fn where_there_is_no_remote_yet_nothing_is_narrowed() {
    let world = World::new();
    let (work, _) = with_remotes(&world, &[]);
    work.session(&["hooks", "install"]).ok();
    assert_eq!(enabled(&work), "");
}
