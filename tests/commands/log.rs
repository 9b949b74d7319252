//! `git session log`.

use super::{FIRST, SECOND, check, many_sessions, two_sessions};
use crate::support::{ClaudeLog, World};

#[test]
fn lists_the_sessions_with_their_commits_the_newest_first() {
    let (world, work, _) = two_sessions();
    check(&world, "log_text", &work.session(&["log"]));
    check(&world, "log_markdown", &work.session(&["log", "--format", "markdown"]));
}

#[test]
fn answers_in_json_with_documented_fields() {
    let (world, work, _) = two_sessions();
    check(&world, "log_json", &work.session(&["log", "--json"]));
    let log = work.json(&["log"]);
    let head = work.git(&["rev-parse", "HEAD"]);
    assert_eq!(log[0]["id"], SECOND);
    assert_eq!(log[0]["commits"][0], head.trim());
    assert_eq!(log[1]["id"], FIRST);
    for row in log.as_array().expect("an array") {
        for field in ["schema_version", "id", "tool", "model", "title", "created_at", "updated_at", "branch", "stats"] {
            assert!(row.get(field).is_some_and(|value| !value.is_null()), "{field}: {row}");
        }
    }
}

#[test]
fn answers_with_the_named_fields_only() {
    let (world, work, _) = two_sessions();
    check(&world, "log_json_fields", &work.session(&["log", "--json=id,title"]));
    check(&world, "log_jsonl_fields", &work.session(&["log", "--json=id,title", "--format", "jsonl"]));
}

#[test]
fn answers_in_json_lines_one_session_a_line() {
    let (_world, work, _) = two_sessions();
    let ran = work.session(&["log", "--format", "jsonl"]).ok();
    let ids: Vec<String> = ran
        .stdout
        .lines()
        .map(|line| {
            serde_json::from_str::<serde_json::Value>(line).expect("JSON")["id"].as_str().expect("an id").to_owned()
        })
        .collect();
    assert_eq!(ids, [SECOND, FIRST]);
}

#[test]
fn has_no_hail_form_and_says_so() {
    let (world, work, _) = two_sessions();
    check(&world, "log_hail", &work.session(&["log", "--format", "hail"]));
}

#[test]
fn says_how_to_begin_where_nothing_is_stored() {
    let world = World::new();
    let work = world.repository("work");
    check(&world, "log_empty", &work.session(&["log"]));
    check(&world, "log_empty_json", &work.session(&["log", "--json"]));
    check(&world, "log_empty_markdown", &work.session(&["log", "--format", "markdown"]));
}

#[test]
fn shows_twenty_and_tells_of_the_rest() {
    let (world, work) = many_sessions(22);
    let ran = work.session(&["log"]).ok();
    assert_eq!(ran.stdout.lines().count(), 1 + 20, "{ran}");
    assert_eq!(ran.stderr, "2 older sessions not shown: git session log --all\n");
    assert_eq!(work.session(&["log", "--all"]).ok().stdout.lines().count(), 1 + 22);
    let ran = work.session(&["log", "-n", "3"]).ok();
    assert_eq!(ran.stdout.lines().count(), 1 + 3, "{ran}");
    assert_eq!(work.json(&["log", "--max-count=0"]).as_array().map(Vec::len), Some(0));
    check(&world, "log_all_and_n", &work.session(&["log", "--all", "-n", "3"]));
    check(&world, "log_bad_n", &work.session(&["log", "-n", "many"]));
}

#[test]
fn filters_by_tool_and_time() {
    let (world, work, _) = two_sessions();
    let ids = |arguments: &[&str]| -> Vec<String> {
        let arguments: Vec<&str> = ["log"].iter().chain(arguments).copied().collect();
        let log = work.json(&arguments);
        log.as_array().expect("an array").iter().map(|row| row["id"].as_str().expect("an id").to_owned()).collect()
    };
    assert_eq!(ids(&["--tool", "codex"]), [SECOND]);
    assert_eq!(ids(&["--tool", "aider"]), [""; 0]);
    assert_eq!(ids(&["--since", "2026-01-31T10:30:00Z"]), [SECOND]);
    assert_eq!(ids(&["--before", "2026-01-31T10:30:00Z"]), [FIRST]);
    assert_eq!(ids(&["--since", "2 weeks ago"]), [SECOND, FIRST]);
    assert_eq!(ids(&["--since", "2026-02-01"]), [""; 0]);
    check(&world, "log_no_match", &work.session(&["log", "--tool", "aider"]));
    check(&world, "log_bad_time", &work.session(&["log", "--since", "whenever"]));
}

#[test]
fn filters_by_branch() {
    let (world, work, _) = two_sessions();
    work.git(&["switch", "--quiet", "--create", "feature/ü"]);
    let third = "33333333-2222-4333-8444-555555555555";
    ClaudeLog::new(&world, &work, third).prompt("Feature.").writes(&work, "feature.rs", "// f\n").save();
    work.commit_all("A feature");
    work.wait_for_sessions(3);
    let log = work.json(&["log", "--branch", "feature/ü"]);
    assert_eq!(log.as_array().map(Vec::len), Some(1), "{log}");
    assert_eq!(log[0]["id"], third);
    assert_eq!(work.json(&["log", "--branch", "main"]).as_array().map(Vec::len), Some(2));
    assert_eq!(work.json(&["log", "--branch", "gone"]).as_array().map(Vec::len), Some(0));
}

#[test]
fn an_agent_that_nobody_knows_is_an_error_with_the_nearest_names() {
    let (_world, work, _) = super::two_sessions();
    for (tool, nearest) in [("claude", "claude-code"), ("codx", "codex"), ("Claude-Code", "claude-code")] {
        let ran = work.session(&["log", "--tool", tool]);
        assert_eq!(ran.code, 2, "{ran}");
        assert!(ran.stderr.contains(&format!("the nearest first: {nearest},")), "{ran}");
        assert!(ran.stderr.contains(&format!("git session log --tool {nearest}\n")), "{ran}");
    }
    // An agent that is known, though none of its sessions is here.
    assert_eq!(work.session(&["log", "--tool", "aider"]).ok().stdout, "");
    assert_eq!(work.json(&["log", "--tool", "codex"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_commit_without_a_session_is_not_looked_for_on_the_remote() {
    let (_world, work, _) = super::two_sessions();
    work.write("mine.txt", "by hand\n");
    work.commit_all("By hand");
    let ran = work.session(&["show", "commit:HEAD"]);
    assert!(ran.code == 1 && ran.stderr.contains("no session is linked to HEAD"), "{ran}");
    assert!(!ran.stderr.contains("sync"), "{ran}");
}
