//! Ordinary days: which commits name which sessions.

use std::time::{Duration, SystemTime};

use serde_json::json;

use crate::support::{ClaudeLog, CodexLog, Place, World};

const ID: &str = "11111111-2222-4333-8444-555555555555";
const OTHER: &str = "019bc0de-aaaa-7bbb-8ccc-dddddddddddd";
const NOBODY: [&str; 0] = [];
const LINES: &str = "alpha = 1\nbeta = 2\ngamma = 3\ndelta = 4\nepsilon = 5\nzeta = 6\neta = 7\ntheta = 8\niota = 9\n";

/// A repository with a file of nine lines.
fn with_lines() -> (World, Place) {
    let world = World::new();
    let (work, _) = world.shared();
    work.write("n.txt", LINES);
    work.commit_all("Nine lines");
    (world, work)
}

fn claude(world: &World, work: &Place) -> ClaudeLog {
    ClaudeLog::new(world, work, ID).prompt("Do it.")
}

fn replace(work: &Place, old: &str, new: &str) {
    let content = work.read("n.txt");
    work.write("n.txt", &content.replacen(old, new, 1));
}

#[test]
fn a_commit_of_the_other_hunk_names_nobody() {
    let (world, work) = with_lines();
    claude(&world, &work).edits(&work, "n.txt", "beta = 2", "beta = two").save();
    let with_both = work.read("n.txt").replace("iota = 9", "iota = nine");
    // As `git add -p` stages it: only the person's hunk.
    work.write("n.txt", &LINES.replace("iota = 9", "iota = nine"));
    work.git(&["add", "n.txt"]);
    work.write("n.txt", &with_both);
    work.git(&["commit", "--quiet", "-m", "Mine"]);
    work.commit_all("The rest");
    assert_eq!((work.trailers("HEAD~1"), work.trailers("HEAD")), (vec![], vec![ID.to_owned()]));
}

#[test]
fn work_that_was_thrown_away_or_taken_back_names_nobody() {
    let (world, work) = with_lines();
    let log = claude(&world, &work).edits(&work, "n.txt", "beta = 2", "beta = two");
    work.git(&["checkout", "--quiet", "n.txt"]);
    log.save();
    replace(&work, "eta = 7", "eta = seven");
    work.commit_all("By hand");
    assert_eq!(work.trailers("HEAD"), NOBODY);
    let log = log.edits(&work, "n.txt", "gamma = 3", "gamma = three");
    log.edits(&work, "n.txt", "gamma = three", "gamma = 3").save();
    replace(&work, "theta = 8", "theta = eight");
    work.commit_all("By hand again");
    assert_eq!(work.trailers("HEAD"), NOBODY);
}

#[test]
fn what_was_stashed_is_named_once_it_is_back() {
    let (world, work) = with_lines();
    claude(&world, &work).edits(&work, "n.txt", "beta = 2", "beta = two").save();
    work.git(&["stash", "--quiet"]);
    replace(&work, "eta = 7", "eta = seven");
    work.commit_all("By hand");
    assert_eq!(work.trailers("HEAD"), NOBODY);
    work.git(&["stash", "pop", "--quiet"]);
    work.commit_all("The agent's");
    assert_eq!(work.trailers("HEAD"), [ID]);
}

#[test]
fn each_of_two_sessions_is_named_for_its_own_hunk_and_both_in_the_squash() {
    let (world, work) = with_lines();
    claude(&world, &work).edits(&work, "n.txt", "beta = 2", "beta = two").save();
    work.commit_all("One");
    CodexLog::new(&world, &work, OTHER).prompt("And that.").writes(&work, "other.txt", "another file\n").save();
    work.commit_all("Two");
    assert_eq!((work.trailers("HEAD~1"), work.trailers("HEAD")), (vec![ID.to_owned()], vec![OTHER.to_owned()]));
    work.git(&["reset", "--quiet", "--soft", "HEAD~2"]);
    work.git(&["commit", "--quiet", "-m", "Both"]);
    let mut named = work.trailers("HEAD");
    named.sort_unstable();
    assert_eq!(named, [OTHER, ID]);
}

#[test]
fn an_amended_and_a_split_commit_keep_their_names() {
    let world = World::new();
    let (work, _) = world.shared();
    claude(&world, &work).writes(&work, "one.py", "first = 1\n").writes(&work, "two.py", "second = 2\n").save();
    work.commit_all("Both");
    work.git(&["commit", "--quiet", "--amend", "-m", "Better"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
    work.git(&["reset", "--quiet", "HEAD~1"]);
    for file in ["one.py", "two.py"] {
        work.git(&["add", file]);
        work.git(&["commit", "--quiet", "-m", file]);
        assert_eq!(work.trailers("HEAD"), [ID], "{file}");
    }
}

#[test]
fn a_formatter_does_not_take_a_line_from_its_session() {
    let world = World::new();
    let (work, _) = world.shared();
    claude(&world, &work).writes(&work, "p.py", "def f( a,b ):\n  return a+b\n").save();
    work.write("p.py", "def f(a, b):\n    return a + b\n");
    work.commit_all("Formatted");
    assert_eq!(work.trailers("HEAD"), [ID]);
}

/// A log of now whose last call has no result.
#[expect(clippy::disallowed_methods, reason = "a call that runs is one of now")]
fn that_runs(world: &World, work: &Place, command: &str) {
    let log = claude(world, work).at(SystemTime::now() - Duration::from_secs(1));
    let file = log.file().clone();
    log.runs(command).save();
    let lines = std::fs::read_to_string(&file).expect("a log");
    let mut lines: Vec<&str> = lines.lines().collect();
    lines.pop();
    std::fs::write(&file, lines.join("\n") + "\n").expect("a log");
}

#[test]
fn a_session_is_named_on_the_commit_that_its_own_command_makes_and_on_no_other() {
    let world = World::new();
    let (work, _) = world.shared();
    that_runs(&world, &work, "seq 9 > gen.txt && git add gen.txt && git commit -qm gen");
    let agent = work.with("CLAUDECODE", "1");
    for (place, command, expected) in [
        (&agent, "git commit -qm gen", vec![ID.to_owned()]),
        // A person commits in another terminal meanwhile.
        (&work, "git commit -qm hand", vec![]),
    ] {
        work.write("gen.txt", command);
        work.git(&["add", "--all"]);
        place.run("sh", &["-c", command]).ok();
        assert_eq!(work.trailers("HEAD"), expected, "{command}");
    }
    let other = agent.with("CLAUDE_CODE_SESSION_ID", "99999999-2222-4333-8444-555555555555");
    work.write("gen.txt", "of another session");
    work.git(&["add", "--all"]);
    other.git(&["commit", "--quiet", "-m", "other"]);
    assert_eq!(work.trailers("HEAD"), NOBODY);
}

#[test]
fn a_session_is_named_for_a_file_that_it_moved_or_removed() {
    let (world, work) = with_lines();
    work.write("gone.txt", "soon gone\n");
    work.commit_all("More");
    work.git(&["mv", "n.txt", "m.txt"]);
    claude(&world, &work).runs("git mv n.txt m.txt").save();
    work.git(&["commit", "--quiet", "-m", "Move"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
    work.git(&["rm", "--quiet", "gone.txt"]);
    claude(&world, &work).runs("git mv n.txt m.txt").runs("rm gone.txt").save();
    work.git(&["commit", "--quiet", "-m", "Remove"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
}

#[test]
fn existing_commits_are_linked_by_the_lines_of_logs_and_answer_why() {
    let world = World::new();
    let (work, _) = world.shared();
    work.session(&["hooks", "uninstall"]).ok();
    let text = "fn total(all: &[u32]) -> u32 {\n    all.iter().sum()\n}\n";
    claude(&world, &work).answer("A sum is enough.").writes(&work, "sum.rs", text).save();
    work.commit_all("Sum");
    work.write("sum.rs", &format!("{text}// by hand, later\n"));
    work.commit_all("Note");
    assert_eq!(work.trailers("HEAD~1"), NOBODY);
    let rows = work.json(&["link"]);
    let rows = rows.as_array().expect("a list");
    assert_eq!(rows.len(), 1, "{rows:?}");
    let row = (&rows[0]["evidence"], &rows[0]["lines"], &rows[0]["of_lines"], &rows[0]["session"]);
    assert_eq!(row, (&json!("lines"), &json!(3), &json!(3), &json!(ID)));
    assert_eq!(work.json(&["show", "commit:HEAD~1"])["id"], ID);
    assert_eq!(work.json(&["link"])[0]["was_linked"], true, "again changes nothing");
    let why = work.json(&["why", "sum.rs:2"]);
    let said = (&why["kind"], &why["session"], &why["prompt"], &why["answer"], &why["evidence"]);
    assert_eq!(said, (&json!("agent"), &json!(ID), &json!("Do it."), &json!("A sum is enough."), &json!("lines")));
    assert_eq!(work.json(&["why", "sum.rs:4"])["kind"], "person");
    let summary = work.json(&["blame", "--summary", "sum.rs"]);
    assert_eq!((&summary["agent"], &summary["person"], &summary["unknown"]), (&json!(3), &json!(1), &json!(0)));
    let shown = work.session(&["blame", "sum.rs"]).ok().stdout;
    assert!(shown.contains("claude-code") && shown.contains(&ID[..8]), "{shown}");
}
