//! `git session demo`.

use std::fs;

use super::check_text;
use crate::support::World;

#[test]
fn shows_the_whole_way_and_leaves_nothing_behind() {
    let world = World::new();
    let place = world.place("anywhere");
    let folder = world.place("temporary");
    let ran = place.with("TMPDIR", &folder.path.display().to_string()).session(&["demo"]).ok();
    assert_eq!(ran.stderr, "", "{ran}");
    for expected in
        ["AI-Session: ", "AI-Tool: claude-code", "[codex/", "refs/opensession/branches/", "would be deleted"]
    {
        assert!(ran.stdout.contains(expected), "{expected}: {ran}");
    }
    let comments: String = ran
        .stdout
        .lines()
        .filter(|line| line.starts_with('#') || line.contains("$ git "))
        .map(|line| format!("{line}\n"))
        .collect();
    check_text(&world, "demo_steps", &comments);
    assert_eq!(fs::read_dir(&folder.path).expect("a folder").count(), 0, "nothing is left behind");
    assert_eq!(fs::read_dir(&place.path).expect("a folder").count(), 0, "nor here");
    let home: Vec<_> =
        fs::read_dir(world.home()).expect("a home").map(|entry| entry.expect("an entry").file_name()).collect();
    assert_eq!(home, [".gitconfig"], "nor at home");
}

/// Ids and placeholders are others each time.
fn without_hashes(text: &str) -> String {
    let is_hash = |word: &str| word.len() > 6 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = text.split_inclusive(|c: char| !c.is_ascii_alphanumeric());
    words
        .map(|word| {
            let end = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len();
            if is_hash(&word[..end]) { format!("HASH{}", &word[end..]) } else { word.to_owned() }
        })
        .collect()
}

#[test]
fn the_readme_shows_what_it_does() {
    let world = World::new();
    let readme = include_str!("../../README.md");
    let shown =
        readme.split_once("```console\n").and_then(|(_, rest)| rest.split_once("```\n")).expect("a transcript").0;
    let ran = world.place("anywhere").session(&["demo"]).ok();
    // Older gits say so even when they are to be quiet.
    let said = ran.stdout.replace("Branch 'main' set up to track remote branch 'main' from 'origin'.\n", "");
    assert_eq!(without_hashes(shown), without_hashes(&said));
}

#[test]
fn needs_neither_a_configuration_nor_a_home() {
    let world = World::new();
    let place = world.place("anywhere");
    fs::remove_file(world.home().join(".gitconfig")).expect("it was there");
    place.session(&["demo"]).ok();
    place.run("env", &["-u", "HOME", "git-session", "demo"]).ok();
}

#[test]
fn is_not_led_astray_by_the_repository_it_is_run_in() {
    let world = World::new();
    let work = world.repository("work");
    work.write("README.md", "# Work\n");
    work.commit_all("Begin");
    let before = work.git(&["rev-parse", "HEAD"]);
    let git_dir = work.join(".git").display().to_string();
    work.with("GIT_DIR", &git_dir).with("GIT_WORK_TREE", "/").session(&["demo"]).ok();
    assert_eq!(work.git(&["rev-parse", "HEAD"]), before);
    assert_eq!(work.references("refs/opensession"), [""; 0]);
}

#[test]
fn answers_in_json() {
    let world = World::new();
    let answer = world.place("anywhere").json(&["demo"]);
    assert_eq!(answer["schema_version"], 1);
    assert!(answer["steps"].as_array().is_some_and(|steps| steps.len() >= 5), "{answer}");
}
