//! What the ways of making, moving and merging commits leave of the trailers.

use std::fs;

use crate::support::{ClaudeLog, Place, World};

fn id(number: u32) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

/// A session that writes a file of its own and is done.
fn work(world: &World, place: &Place, number: u32) {
    ClaudeLog::new(world, place, &id(number))
        .prompt(&format!("Task {number}"))
        .writes(place, &format!("file-{number}.rs"), &format!("// {number}\n"))
        .save();
    place.git(&["add", "--all"]);
}

fn commit(world: &World, place: &Place, number: u32) {
    work(world, place, number);
    place.git(&["commit", "--quiet", "-m", &format!("Commit {number}")]);
}

/// Rebases the last `count` commits with sed working on the list of steps.
fn rebase(place: &Place, count: usize, steps: &str) {
    place.with("GIT_SEQUENCE_EDITOR", &format!("sed -i -e '{steps}'")).with("GIT_EDITOR", "true").git(&[
        "rebase",
        "--quiet",
        "--interactive",
        &format!("HEAD~{count}"),
    ]);
}

#[test]
fn every_way_of_giving_a_message_gets_the_trailer() {
    let world = World::new();
    let (place, _) = world.shared();
    work(&world, &place, 1);
    place.write("../message.txt", "From a file\n\nWith a body.\n");
    place.git(&["commit", "--quiet", "-F", "../message.txt"]);
    assert_eq!(place.trailers("HEAD"), [id(1)]);
    work(&world, &place, 2);
    place.git(&["commit", "--quiet", "--fixup", "HEAD"]);
    assert_eq!(place.trailers("HEAD"), [id(2)]);
    work(&world, &place, 3);
    place.git(&["commit", "--quiet", "-C", "HEAD~1"]);
    assert_eq!(place.trailers("HEAD"), [id(1), id(3)]);
    work(&world, &place, 4);
    place.with("GIT_EDITOR", "true").git(&["commit", "--quiet", "-c", "HEAD~1"]);
    assert_eq!(place.trailers("HEAD"), [id(2), id(4)]);
    work(&world, &place, 5);
    place.git(&["commit", "--quiet", "-m", "Part", "file-5.rs"]);
    assert_eq!(place.trailers("HEAD"), [id(5)]);
    work(&world, &place, 6);
    world.place("work/below").git(&["commit", "--quiet", "-m", "From below"]);
    assert_eq!(place.trailers("HEAD"), [id(6)]);
    place.wait_for_sessions(6);
}

#[test]
fn work_that_was_stashed_is_credited_when_it_comes_back() {
    let world = World::new();
    let (place, _) = world.shared();
    work(&world, &place, 1);
    place.git(&["stash", "--quiet"]);
    place.git(&["commit", "--quiet", "--allow-empty", "-m", "In between"]);
    assert_eq!(place.trailers("HEAD"), [""; 0]);
    place.git(&["stash", "pop", "--quiet"]);
    place.git(&["commit", "--quiet", "-m", "It is back"]);
    assert_eq!(place.trailers("HEAD"), [id(1)]);
}

#[test]
fn a_reworded_or_mailed_commit_keeps_its_trailer() {
    let world = World::new();
    let (place, _) = world.shared();
    commit(&world, &place, 1);
    commit(&world, &place, 2);
    rebase(&place, 2, "s/^pick/reword/");
    assert_eq!([place.trailers("HEAD"), place.trailers("HEAD~1")], [[id(2)], [id(1)]]);
    place.git(&["format-patch", "--quiet", "-1", "--output-directory", "../mail"]);
    place.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    place.run("sh", &["-c", "git am --quiet ../mail/*.patch"]).ok();
    assert_eq!(place.trailers("HEAD"), [id(2)]);
}

#[test]
fn a_squash_merge_names_the_sessions_of_every_commit() {
    let world = World::new();
    let (place, _) = world.shared();
    place.git(&["switch", "--quiet", "--create", "side"]);
    commit(&world, &place, 1);
    commit(&world, &place, 2);
    place.git(&["switch", "--quiet", "main"]);
    place.git(&["merge", "--quiet", "--squash", "side"]);
    place.git(&["commit", "--quiet", "-m", "Squashed"]);
    assert_eq!(place.trailers("HEAD"), [id(2), id(1)]);
    assert!(place.message("HEAD").contains("AI-Prompt: Task 1\n"), "{}", place.message("HEAD"));
    // With git's own message it is the same.
    place.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    place.git(&["merge", "--quiet", "--squash", "side"]);
    place.with("GIT_EDITOR", "true").git(&["commit", "--quiet"]);
    assert_eq!(place.trailers("HEAD"), [id(2), id(1)]);
    place.wait_for_sessions(2);
}

#[test]
fn a_rebase_that_merges_commits_keeps_all_their_sessions() {
    let world = World::new();
    let (place, _) = world.shared();
    commit(&world, &place, 1);
    commit(&world, &place, 2);
    rebase(&place, 2, "2s/^pick/squash/");
    let mut both = place.trailers("HEAD");
    both.sort();
    assert_eq!(both, [id(1), id(2)]);
    commit(&world, &place, 3);
    rebase(&place, 2, "2s/^pick/fixup/");
    let mut all = place.trailers("HEAD");
    all.sort();
    assert_eq!(all, [id(1), id(2), id(3)]);
    // And a commit after it is not credited with any of them.
    place.write("mine.txt", "by hand\n");
    place.commit_all("By hand");
    assert_eq!(place.message("HEAD"), "By hand\n");
}

#[test]
fn work_trees_that_commit_at_once_do_not_disturb_each_other() {
    let world = World::new();
    let (place, _) = world.shared();
    let trees: Vec<Place> = (1..=8)
        .map(|number| {
            place.git(&["worktree", "add", "--quiet", "-b", &format!("branch-{number}"), &format!("../tree-{number}")]);
            let tree = world.place(&format!("tree-{number}"));
            work(&world, &tree, number);
            tree
        })
        .collect();
    std::thread::scope(|scope| {
        for tree in &trees {
            scope.spawn(|| tree.git(&["commit", "--quiet", "-m", "At once"]));
        }
    });
    for (number, tree) in (1..).zip(&trees) {
        assert_eq!(tree.trailers("HEAD"), [id(number)]);
    }
    place.wait_for_sessions(8);
}

#[test]
fn an_agent_that_worked_in_a_submodule_costs_the_outer_repository_nothing() {
    let world = World::new();
    let (place, _) = world.shared();
    let library = world.repository("library");
    library.write("README.md", "# Library\n");
    library.commit_all("Begin");
    place.git(&["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../library", "library"]);
    place.commit_all("Add a library");
    let inner = world.place("work/library");
    inner.session(&["hooks", "install"]).ok();
    ClaudeLog::new(&world, &place, &id(1))
        .prompt("Change both.")
        .writes(&place, "library/lib.rs", "// inner\n")
        .writes(&place, "main.rs", "// outer\n")
        .save();
    inner.commit_all("Inner");
    assert_eq!(inner.trailers("HEAD"), [id(1)]);
    place.git(&["add", "--all"]);
    let ran = place.run("git", &["commit", "--quiet", "-m", "Outer"]).ok();
    assert_eq!(ran.stderr, "", "{ran}");
    assert_eq!(place.trailers("HEAD"), [id(1)]);
    assert_eq!([place.wait_for_sessions(1), inner.wait_for_sessions(1)], [[id(1)], [id(1)]]);
    fs::remove_dir_all(place.join("library")).expect("a submodule");
}
