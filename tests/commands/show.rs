//! `git session show` and the references to sessions.

use super::{FIRST, SECOND, check, first_log, many_sessions, two_sessions};
use crate::support::{Place, World};

const LEDGER: &str = "refs/opensession/branches/bWFpbg";

fn ids(work: &Place, reference: &str) -> Vec<String> {
    let shown = work.json(&["show", reference]);
    let id = |value: &serde_json::Value| value["id"].as_str().expect("an id").to_owned();
    shown.as_array().map_or_else(|| vec![id(&shown)], |all| all.iter().map(id).collect())
}

#[test]
fn shows_head_timeline_files_and_commits() {
    let (world, work, _) = two_sessions();
    check(&world, "show_text", &work.session(&["show", FIRST]));
    check(&world, "show_full", &work.session(&["show", FIRST, "--full"]));
    check(&world, "show_markdown", &work.session(&["show", FIRST, "--format", "markdown"]));
}

#[test]
fn counts_from_the_latest() {
    let (_world, work, _) = two_sessions();
    assert_eq!(work.session(&["show"]).ok().stdout, work.session(&["show", "HEAD"]).ok().stdout);
    assert_eq!(ids(&work, "HEAD"), [SECOND]);
    assert_eq!(ids(&work, "HEAD^0"), [SECOND]);
    assert_eq!(ids(&work, "HEAD^1"), [FIRST]);
    assert_eq!(ids(&work, "HEAD~1"), [SECOND]);
    assert_eq!(ids(&work, "HEAD~2"), [SECOND, FIRST]);
    assert_eq!(ids(&work, "HEAD~9"), [SECOND, FIRST]);
}

#[test]
fn finds_commits_ranges_and_branches() {
    let (_world, work, _) = two_sessions();
    let parent = work.git(&["rev-parse", "HEAD~1"]);
    assert_eq!(ids(&work, "commit:HEAD"), [SECOND]);
    assert_eq!(ids(&work, "commit:HEAD~1"), [FIRST]);
    assert_eq!(ids(&work, parent.trim()), [FIRST]);
    assert_eq!(ids(&work, &parent[..9]), [FIRST]);
    assert_eq!(ids(&work, "main"), [SECOND]);
    assert_eq!(ids(&work, "commit:HEAD~2..HEAD"), [SECOND, FIRST]);
    assert_eq!(ids(&work, "main~1..main"), [SECOND]);
    assert_eq!(ids(&work, "main~1.."), [SECOND]);
}

#[test]
fn finds_the_beginning_of_an_id() {
    let (_world, work, _) = two_sessions();
    assert_eq!(ids(&work, "1111"), [FIRST]);
    assert_eq!(ids(&work, &SECOND[..12]), [SECOND]);
}

#[test]
fn lists_the_candidates_of_an_ambiguous_beginning() {
    let (world, work) = many_sessions(12);
    check(&world, "show_ambiguous", &work.session(&["show", "0000"]));
    check(&world, "show_ambiguous_few", &work.session(&["show", "0000001"]));
    assert_eq!(ids(&work, "00000003"), ["00000003-2222-4333-8444-555555555555"]);
}

#[test]
fn explains_what_it_does_not_find() {
    let (world, work, _) = two_sessions();
    check(&world, "show_unknown", &work.session(&["show", "nothing"]));
    check(&world, "show_too_old", &work.session(&["show", "HEAD^7"]));
    check(&world, "show_unlinked", &work.session(&["show", "commit:HEAD~2"]));
    check(&world, "show_no_commit", &work.session(&["show", "commit:nowhere"]));
    check(&world, "show_half_a_range", &work.session(&["show", "main..nowhere"]));
    check(&world, "show_missing_file", &work.session(&["show", "./missing.jsonl"]));
    check(&world, "show_option", &work.session(&["show", "--", "--receive-pack=touch x"]));
}

#[test]
fn says_where_to_get_a_session_that_a_commit_names_and_nobody_fetched() {
    let (world, work, remote) = two_sessions();
    work.git(&["push", "--quiet", "origin", "main"]);
    let colleague = world.clone_of(&remote, "colleague");
    check(&world, "show_not_fetched", &colleague.session(&["show", "commit:HEAD"]));
    colleague.session(&["sync", "--fetch-only"]).ok();
    assert_eq!(ids(&colleague, "commit:HEAD"), [SECOND]);
}

#[test]
fn prints_exactly_the_stored_bytes_as_hail() {
    let (_world, work, _) = two_sessions();
    let path = work.tree(LEDGER).into_iter().find(|path| path.ends_with(&format!("{FIRST}.hail.jsonl")));
    let stored = work.git(&["cat-file", "blob", &format!("{LEDGER}:{}", path.expect("it is stored"))]);
    assert_eq!(work.session(&["show", FIRST, "--format", "hail"]).ok().stdout, stored);
    // And both sessions are the bytes of both.
    let other = work.session(&["show", SECOND, "--format", "hail"]).ok().stdout;
    assert_eq!(work.session(&["show", "HEAD~2", "--format", "hail"]).ok().stdout, format!("{other}{stored}"));
}

#[test]
fn reads_a_native_log_and_standard_input() {
    let world = World::new();
    let work = world.repository("work");
    let log = first_log(&world, &work);
    log.save();
    let path = log.file().display().to_string();
    check(&world, "show_file", &work.session(&["show", &path]));
    let hail = work.session(&["parse", &path]).ok().stdout;
    work.write("session.hail", &hail);
    let piped = work.run("sh", &["-c", "git-session show - --format hail < session.hail"]).ok();
    assert_eq!(piped.stdout, hail);
    assert_eq!(work.session(&["show", "session.hail", "--format", "hail"]).ok().stdout, hail);
    // Standard input is recognised as a file is.
    let native = work.run("sh", &["-c", &format!("git-session show - --format hail < '{path}'")]).ok();
    assert_eq!(native.stdout, hail);
    check(&world, "show_stdin_prose", &work.run("sh", &["-c", "echo hello | git-session show -"]));
    check(&world, "show_stdin_empty", &work.session(&["show", "-"]));
}

#[test]
fn needs_no_repository_for_a_file() {
    let world = World::new();
    let work = world.repository("work");
    let log = first_log(&world, &work);
    log.save();
    let nowhere = world.place("nowhere");
    let ran = nowhere.session(&["show", &log.file().display().to_string(), "--json=id"]).ok();
    assert!(ran.stdout.contains(FIRST), "{ran}");
}
