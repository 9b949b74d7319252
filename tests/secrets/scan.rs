//! Looking for secrets without storing anything.

use super::{SECRET, WORD, log, secret_log};
use crate::support::{ClaudeLog, World};

/// A token as GitHub makes them, put together here so that nobody takes this file for a leak.
fn token() -> String {
    format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8")
}

#[test]
fn scan_names_the_fields_of_a_log_and_never_the_secret() {
    let world = World::new();
    let work = world.repository("work");
    let file = ClaudeLog::new(&world, &work, SECRET).prompt("Look.").answer(&format!("It is {}.", token()));
    file.save();
    let path = file.file().display().to_string();
    let ran = work.session(&["scan", &path]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(!ran.stdout.contains(&token()) && ran.stdout.contains("1 secret found in 1 session\n"), "{ran}");
    let found = work.json(&["scan", &path]);
    assert_eq!((found[0]["session"].as_str(), found[0]["event"].as_u64()), (Some(SECRET), Some(2)), "{found}");
    assert!(found[0]["field"].as_str().is_some_and(|field| field.starts_with("content.blocks[0]")), "{found}");
    assert_eq!(work.references("refs/"), [""; 0]);
    assert!(!work.join(".git/opensession").exists(), "looking made something");
    let lines = work.session(&["scan", &path, "--format", "jsonl"]);
    assert_eq!(lines.stdout.lines().count(), 1, "{lines}");
    // What is stored has placeholders, which are none.
    work.session(&["capture"]).ok();
    for reference in ["--all", SECRET, "HEAD"] {
        let ran = work.session(&["scan", reference]).ok();
        assert!(ran.stdout.contains("no secret found in 1 session\n"), "{ran}");
    }
    work.git(&["config", "opensession.redact-pattern", "It is"]);
    let ran = work.session(&["scan", "--all"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains(&format!("git session redact {SECRET}")), "{ran}");
}

#[test]
fn scan_of_plain_text_tells_line_and_bytes() {
    let world = World::new();
    let outside = world.place("outside");
    let line = format!("\u{e4} token: {} ok", token());
    outside.write("notes.txt", &format!("nothing\n{line}\nnothing\n"));
    let ran = outside.session(&["scan", "--text", "notes.txt", "--format", "jsonl"]);
    assert_eq!(ran.code, 1, "{ran}");
    let found: Vec<serde_json::Value> =
        ran.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let start = line.find("ghp_").expect("the token");
    assert_eq!(found.len(), 1, "{ran}");
    let keys: Vec<&str> = found[0].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(keys, ["end", "line", "rule", "start"]);
    assert_eq!((found[0]["line"].as_u64(), found[0]["start"].as_u64()), (Some(2), Some(start as u64)), "{ran}");
    assert_eq!(found[0]["end"].as_u64(), Some((start + token().len()) as u64), "{ran}");
    let script = format!("printf 'a\\n{}\\n' | git-session scan --text - --json", token());
    let ran = outside.run("sh", &["-c", &script]);
    assert!(ran.code == 1 && ran.stdout.contains("\"line\":2") || ran.stdout.contains("\"line\": 2"), "{ran}");
    outside.write("clean.txt", "nothing\n");
    let ran = outside.session(&["scan", "--text", "clean.txt", "--format", "jsonl"]).ok();
    assert_eq!(ran.stdout, "");
    let ran = outside.session(&["scan", "--text", "gone.txt"]);
    assert_eq!(ran.code, 1, "{ran}");
    let ran = outside.session(&["scan", "--text", "clean.txt", "--profile", "off"]);
    assert_eq!(ran.code, 2, "{ran}");
    let ran = outside.session(&["scan", "--text", "clean.txt", "--profile", "none"]);
    assert!(ran.code == 2 && ran.stderr.contains("there are default, strict and off"), "{ran}");
}

#[test]
fn nothing_is_redacted_only_where_this_repository_allows_it_and_every_push_says_so() {
    let world = World::new();
    let (work, remote) = world.shared();
    work.git(&["config", "--global", "opensession.redaction", "off"]);
    work.git(&["config", "--global", "opensession.allow-unredacted", "true"]);
    let file = ClaudeLog::new(&world, &work, SECRET).prompt(&format!("Use {}.", token()));
    file.save();
    let ran = work.session(&["capture"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("git config --local opensession.allow-unredacted true"), "{ran}");
    // A commit goes through, and stores nothing.
    work.write("a.txt", "a\n");
    work.commit_all("Something");
    assert!(!super::reachable(&work).contains(&token()), "it was stored");
    work.git(&["config", "opensession.allow-unredacted", "true"]);
    work.session(&["capture"]).ok();
    let ran = work.session(&["sync"]).ok();
    assert!(ran.stderr.contains("redaction is off here"), "{ran}");
    assert!(super::reachable(&remote).contains(&token()));
    for _ in 0..2 {
        work.git(&["commit", "--quiet", "--allow-empty", "-m", "More"]);
        let pushed = work.run("git", &["push"]).ok();
        assert!(pushed.stderr.contains("redaction is off here"), "{pushed}");
    }
    assert_eq!(work.session(&["scan", "--all"]).code, 1);
}

#[test]
fn scan_takes_every_session_there_is() {
    let world = World::new();
    let work = world.repository("work");
    secret_log(&world, &work).save();
    log(&world, &work, super::OTHER);
    work.session(&["capture"]).ok();
    work.git(&["config", "opensession.redact-pattern", WORD]);
    let found = work.json(&["scan", "--all"]);
    let found = found.as_array().expect("an array");
    assert!(!found.is_empty() && found.iter().all(|one| one["session"] == SECRET), "{found:?}");
    assert!(found.iter().any(|one| one["field"] == "context.title" && one.get("event").is_none()), "{found:?}");
}
