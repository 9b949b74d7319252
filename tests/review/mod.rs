//! What a reviewer is told of a range of commits, and where its sessions are put.

mod jobs;

use crate::support::{ClaudeLog, Place, World};

const SESSION: &str = "11111111-0000-4000-8000-000000000001";
const ARTIFACT: &str = "opensession/pr-7-sessions";

/// A repository with a remote, and a branch `feature` of one commit that a session made and one that a
/// person made, all pushed.
fn reviewed(prompt: &str) -> (World, Place, Place) {
    let world = World::new();
    let (work, remote) = world.shared();
    work.git(&["switch", "--quiet", "--create", "feature"]);
    let log = ClaudeLog::new(&world, &work, SESSION).prompt(prompt).fails("cargo test --all", 101);
    let log = log.writes(&work, "src/parser.rs", "fn parse() {}\n").writes(&work, "tests/parser.rs", "fn test() {}\n");
    log.answer("The parser reads empty input now.").save();
    work.commit_all("Fix the parser");
    work.wait_for_sessions(1);
    work.write("NOTES.md", "by hand\n");
    work.commit_all("Write notes");
    work.git(&["push", "--quiet", "origin", "feature"]);
    work.session(&["sync"]).ok();
    (world, work, remote)
}

/// A session without changes, stored.
fn capture(world: &World, place: &Place) {
    ClaudeLog::new(world, place, SESSION).prompt("Say something.").answer("Something.").save();
    place.session(&["capture"]).ok();
}

fn markdown(place: &Place, range: &str) -> String {
    place.session(&["review", range, "--format", "markdown"]).ok().stdout
}

#[test]
fn a_reviewer_sees_what_was_asked_what_failed_and_which_tests_changed() {
    let (_world, work, _) = reviewed("Make the parser read empty input");
    let text = markdown(&work, "main..feature");
    assert!(text.starts_with("<!-- git-session:review -->\n"), "{text}");
    for part in [
        "2 commits · 1 session · 3 files changed · 1 test among them · 1 command failed",
        "Fix the parser",
        "**Asked:** Make the parser read empty input",
        "**Answered:** The parser reads empty input now.",
        "`cargo test --all` (exit code 101)",
        "- added `src/parser.rs`",
        "- added `tests/parser.rs`",
        "Without a session: 1 commit.",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = work.json(&["review", "main..feature"]);
    assert_eq!(json["commits"].as_array().map(Vec::len), Some(2));
    assert_eq!(json["commits"][0]["sessions"][0], SESSION);
    assert_eq!(json["commits"][0]["files"][1]["is_test"], true);
    assert_eq!(json["sessions"][0]["failed_commands"][0]["exit_code"], 101);
    let plain = work.session(&["review", "main..feature"]).ok().stdout;
    assert!(plain.contains("Make the parser read empty input") && plain.contains("no session is linked"), "{plain}");
}

#[test]
fn a_hostile_session_does_nothing_in_a_comment() {
    let prompt = "<script>x</script> @octocat ![p](https://e.org/p) #1 --> ``` <!-- git-session:review --> a\u{202e}b";
    let (_world, work, _) = reviewed(prompt);
    let text = markdown(&work, "main..feature");
    for part in ["<script", "@octocat", "](https", "https://", "-->", "```", "\u{202e}"] {
        let after = &text["<!-- git-session:review -->".len()..];
        assert!(!after.contains(part), "{part}: {text}");
    }
    assert!(text.contains("&lt;script&gt;") && text.contains("&lt;U+202E&gt;"), "{text}");
}

#[test]
fn commits_without_sessions_are_said_to_have_none() {
    let (_world, work, _) = reviewed("Fix it");
    let text = markdown(&work, "feature");
    assert!(text.contains("No session is linked to 1 commit"), "{text}");
    let text = markdown(&work, "feature..feature");
    assert!(text.contains("There are no commits in this range."), "{text}");
}

#[test]
fn a_range_that_is_not_here_is_named() {
    let (_world, work, _) = reviewed("Fix it");
    for range in ["nothing..feature", "main..nothing", "nothing"] {
        let ran = work.session(&["review", range]);
        assert!(ran.code == 1 && ran.stderr.contains("'nothing' is not a commit in this repository"), "{ran}");
        assert!(ran.stderr.contains("git fetch"), "{ran}");
    }
    assert_eq!(work.session(&["review", ""]).code, 2);
    assert_eq!(work.session(&["review"]).code, 2);
}

#[test]
fn sessions_that_only_the_remote_has_are_shown_in_a_fresh_clone() {
    let (world, _, remote) = reviewed("Make the parser read empty input");
    world.place(".").git(&["clone", "--quiet", &remote.path.display().to_string(), "clone"]);
    let clone = world.place("clone");
    let text = markdown(&clone, "origin/main..origin/feature");
    assert!(text.contains("The sessions linked to 2 commits are not in this clone."), "{text}");
    clone.git(&["fetch", "--quiet", "origin", "refs/opensession/branches/*:refs/opensession-remote/origin/branches/*"]);
    let text = markdown(&clone, "origin/main..origin/feature");
    assert!(text.contains("**Asked:** Make the parser read empty input"), "{text}");
}

#[test]
fn a_session_that_was_purged_is_said_to_be() {
    let (_world, work, _) = reviewed("Fix it");
    work.session(&["purge", SESSION, "--yes"]).ok();
    let text = markdown(&work, "main..feature");
    assert!(text.contains("(was purged on 2026-02-01") && !text.contains("Asked"), "{text}");
    let json = work.json(&["review", "main..feature"]);
    let missing = &json["commits"][0]["missing_sessions"][0];
    assert_eq!(missing["id"], SESSION);
    assert!(missing["fate"].as_str().is_some_and(|fate| fate.starts_with("was purged on")), "{missing}");
}

#[test]
fn a_review_is_published_once_and_deleted_again() {
    let (_world, work, remote) = reviewed("Fix it");
    let publish = ["review", "main..feature", "--publish", ARTIFACT, "--browse-url", "https://example.org/o/r/blob"];
    let body = work.join("body.json");
    let body = body.display().to_string();
    let first = work.session(&[&publish[..], &["--comment-file", &body, "--format", "markdown"]].concat()).ok();
    let link = format!("https://example.org/o/r/blob/{ARTIFACT}/sessions/{SESSION}.hail.jsonl");
    assert!(first.stdout.contains(&format!("[session 11111111]({link})")), "{first}");
    let posted: serde_json::Value = serde_json::from_str(&work.read("body.json")).expect("JSON");
    assert_eq!(posted["body"].as_str(), Some(first.stdout.as_str()));
    let tip = remote.git(&["rev-parse", ARTIFACT]);
    let files = remote.tree(ARTIFACT);
    assert_eq!(files, ["README.md", "review.json", &format!("sessions/{SESSION}.hail.jsonl")]);
    let events = remote.git(&["show", &format!("{ARTIFACT}:sessions/{SESSION}.hail.jsonl")]);
    assert!(events.contains("Fix it"), "{events}");
    // The same again moves nothing, whenever it is.
    work.with("GIT_SESSION_NOW", "2026-02-02T12:00:00Z").session(&publish).ok();
    assert_eq!(remote.git(&["rev-parse", ARTIFACT]), tip);
    work.session(&["review", "--unpublish", ARTIFACT]).ok();
    assert!(remote.references(&format!("refs/heads/{ARTIFACT}")).is_empty());
    let again = work.session(&["review", "--unpublish", ARTIFACT]).ok();
    assert!(again.stdout.contains("not there"), "{again}");
}

#[test]
fn an_archive_keeps_every_review_in_a_folder_and_nothing_is_deleted() {
    let (_world, work, remote) = reviewed("Fix it");
    let publish = |name: &str| {
        work.session(&["review", "main..feature", "--publish", name, "--archive", "sessions/archive"]).ok();
    };
    publish(ARTIFACT);
    publish("opensession/pr-8-sessions");
    publish(ARTIFACT);
    let files = remote.tree("sessions/archive");
    let folders: Vec<&str> = files.iter().filter_map(|path| path.strip_suffix("/README.md")).collect();
    assert_eq!(folders, ["pr-7", "pr-8"], "{files:?}");
    assert_eq!(remote.git(&["rev-list", "--count", "sessions/archive"]).trim(), "2");
    let closed = work.session(&["review", "--unpublish", ARTIFACT, "--archive", "sessions/archive"]).ok();
    assert!(closed.stdout.contains("stay on the branch"), "{closed}");
    assert_eq!(remote.tree("sessions/archive"), files);
}

#[test]
fn a_branch_that_is_not_of_reviews_is_never_written() {
    let (_world, work, remote) = reviewed("Fix it");
    let tip = remote.git(&["rev-parse", "main"]);
    for branch in ["main", "opensession/pr-/../main", "opensession/pr-$(x)-sessions"] {
        let ran = work.session(&["review", "main..feature", "--publish", branch]);
        assert_eq!(ran.code, 2, "{branch}: {ran}");
        assert_eq!(work.session(&["review", "--unpublish", branch]).code, 2);
    }
    let ran = work.session(&["review", "main..feature", "--publish", ARTIFACT, "--archive", "main"]);
    assert!(ran.code == 1 && ran.stderr.contains("is not a review"), "{ran}");
    assert_eq!(remote.git(&["rev-parse", "main"]), tip);
}
