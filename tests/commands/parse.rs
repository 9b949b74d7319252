//! `git session parse`: what it makes of a log, and what it says of everything else.

use super::{FIRST, check, check_text, first_log, second_log};
use crate::support::{Place, World};

/// A folder with one good log, `good.jsonl`.
fn folder() -> (World, Place) {
    let world = World::new();
    let work = world.repository("work");
    let log = first_log(&world, &work);
    log.save();
    std::fs::copy(log.file(), work.join("good.jsonl")).expect("a copy");
    (world, work)
}

fn says(world: &World, work: &Place, name: &str, content: &[u8]) -> String {
    std::fs::write(work.join(name), content).expect("a file");
    let ran = work.session(&["parse", name]);
    let complaint: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(ran.code, 1, "{name}: {ran}");
    assert_eq!(complaint.len(), 1, "{name}: {ran}");
    assert!(complaint[0].contains(&format!("{name}: line ")), "{name}: the file and the line are named: {ran}");
    assert!(ran.stderr.lines().any(|line| line.starts_with("hint: ")), "{name}: {ran}");
    let _ = world;
    ran.stderr
}

#[test]
fn finds_out_the_agent_and_prints_hail() {
    let (world, work) = folder();
    check(&world, "parse", &work.session(&["parse", "good.jsonl"]));
    check(&world, "parse_preview", &work.session(&["parse", "good.jsonl", "--preview"]));
    let preview = work.json(&["parse", "good.jsonl", "--preview"]);
    assert_eq!(preview["agent"], "claude-code");
    assert_eq!(preview["header"]["session_id"], FIRST);
    let codex = second_log(&world, &work);
    codex.save();
    let path = work.json(&["discover", "--agent", "codex"])["agents"][0]["newest_path"].clone();
    assert_eq!(work.json(&["parse", path.as_str().expect("a path"), "--preview"])["agent"], "codex");
}

#[test]
fn reads_its_own_output_unchanged() {
    let (_world, work) = folder();
    let hail = work.session(&["parse", "good.jsonl"]).ok().stdout;
    work.write("session.jsonl", &hail);
    assert_eq!(work.session(&["parse", "session.jsonl"]).ok().stdout, hail);
    assert_eq!(work.session(&["parse", "--agent", "hail", "session.jsonl"]).ok().stdout, hail);
    assert_eq!(work.json(&["parse", "session.jsonl", "--preview"])["agent"], "hail");
}

#[test]
fn explains_every_kind_of_bad_input() {
    let (world, work) = folder();
    let good = std::fs::read(work.join("good.jsonl")).expect("a log");
    let mut said = String::new();
    for (name, content) in [
        ("empty.jsonl", b"".as_slice()),
        ("blank.jsonl", b"  \n\n\t\n"),
        ("torn.jsonl", &good[..60]),
        ("latin1.jsonl", b"{\"type\":\"user\",\"text\":\"gr\xfcn\"}\n"),
        ("picture.jsonl", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x01\0\0\0\x01\0\x08\x06"),
        ("prose.jsonl", b"Dear diary,\ntoday I worked.\n"),
        ("nobody.jsonl", b"{\"hello\":\"world\"}\n"),
        ("list.jsonl", b"[1,2,3]\n"),
        ("nul.jsonl", b"\0\0\0\0\0\0\0\0"),
    ] {
        said.push_str(&says(&world, &work, name, content));
    }
    check_text(&world, "parse_bad_inputs", &said);
}

#[test]
fn explains_every_fault_of_a_hail_file() {
    let (world, work) = folder();
    let hail = work.session(&["parse", "good.jsonl"]).ok().stdout;
    let lines: Vec<&str> = hail.lines().collect();
    let joined = |lines: &[&str]| (lines.join("\n") + "\n").into_bytes();
    let version = |version: &str| hail.replace("hail-1.0.0", version).into_bytes();
    let mut said = String::new();
    for (name, content) in [
        ("version-9.jsonl", version("hail-9")),
        ("version-foo.jsonl", version("foo-1")),
        ("twice.jsonl", joined(&[lines[0], lines[1], lines[1]])),
        ("order.jsonl", joined(&[lines[0], lines[2], lines[1]])),
        ("no-events.jsonl", joined(&lines[..1])),
        ("two-headers.jsonl", joined(&[lines[0], lines[0], lines[1]])),
        ("prose-line.jsonl", joined(&[lines[0], lines[1], "and then"])),
        ("bad-line.jsonl", joined(&[lines[0], lines[1], "{\"type\":\"event\"", lines[2]])),
    ] {
        said.push_str(&says(&world, &work, name, &content));
    }
    check_text(&world, "parse_bad_hail", &said);
}

#[test]
fn a_last_line_that_breaks_off_costs_only_that_line() {
    let (world, work) = folder();
    let good = std::fs::read(work.join("good.jsonl")).expect("a log");
    std::fs::write(work.join("running.jsonl"), &good[..good.len() - 40]).expect("a file");
    check(&world, "parse_running", &work.session(&["parse", "running.jsonl", "--preview"]));
}

#[test]
fn explains_what_is_no_file() {
    let (world, work) = folder();
    work.write("folder/x", "");
    check(&world, "parse_folder", &work.session(&["parse", "folder"]));
    check(&world, "parse_folder_hail", &work.session(&["parse", "folder", "--agent", "hail"]));
    check(&world, "parse_missing", &work.session(&["parse", "missing.jsonl"]));
}

#[test]
fn explains_that_a_log_is_not_the_named_agents() {
    let (world, work) = folder();
    check(&world, "parse_wrong_agent", &work.session(&["parse", "--agent", "codex", "good.jsonl"]));
    check(&world, "parse_wrong_agent_hail", &work.session(&["parse", "--agent", "hail", "good.jsonl"]));
    check(&world, "parse_unknown_agent", &work.session(&["parse", "--agent", "nobody", "good.jsonl"]));
    let same = work.session(&["parse", "--profile", "claude-code", "good.jsonl"]).ok();
    assert_eq!(same.stdout, work.session(&["parse", "good.jsonl"]).ok().stdout);
}

#[test]
fn writes_to_a_file_or_leaves_it_as_it_was() {
    let (world, work) = folder();
    let hail = work.session(&["parse", "good.jsonl"]).ok().stdout;
    check(&world, "parse_out", &work.session(&["parse", "good.jsonl", "--out", "session.hail"]));
    assert_eq!(work.read("session.hail"), hail);
    work.write("bad.jsonl", "prose\n");
    assert_eq!(work.session(&["parse", "bad.jsonl", "--out", "session.hail"]).code, 1);
    assert_eq!(work.read("session.hail"), hail);
    check(&world, "parse_out_nowhere", &work.session(&["parse", "good.jsonl", "--out", "no/such/folder.hail"]));
}

#[test]
fn writes_to_a_pipe_and_through_a_link_and_replaces_neither() {
    let (_world, work) = folder();
    work.run("mkfifo", &["pipe"]).ok();
    let read = work.run("sh", &["-c", "cat pipe > copy & git-session parse good.jsonl --out pipe && wait"]).ok();
    assert!(read.stderr.is_empty(), "{read}");
    assert_eq!(work.read("copy"), work.session(&["parse", "good.jsonl"]).ok().stdout);
    work.write("target.hail", "");
    std::os::unix::fs::symlink("target.hail", work.join("link.hail")).expect("a link");
    work.session(&["parse", "good.jsonl", "--out", "link.hail"]).ok();
    assert_eq!(work.read("target.hail"), work.read("copy"));
    assert!(work.join("link.hail").is_symlink());
}

#[test]
fn reads_standard_input() {
    let (world, work) = folder();
    let piped = work.run("sh", &["-c", "git-session parse - < good.jsonl"]).ok();
    assert_eq!(piped.stdout, work.session(&["parse", "good.jsonl"]).ok().stdout);
    check(&world, "parse_stdin_prose", &work.run("sh", &["-c", "echo hello | git-session parse -"]));
    check(&world, "parse_stdin_empty", &work.session(&["parse", "-"]));
    check(
        &world,
        "parse_stdin_wrong_agent",
        &work.run("sh", &["-c", "git-session parse --agent codex - < good.jsonl"]),
    );
}

#[test]
fn strict_names_what_is_new_and_fails() {
    let (_world, work) = folder();
    let strict = |name: &str| work.session(&["parse", "--strict", "--preview", name]);
    assert_eq!(strict("good.jsonl").ok().stderr, "");
    let good = std::fs::read_to_string(work.join("good.jsonl")).expect("a log");
    let last = good.lines().last().expect("a line");
    let mut record: serde_json::Value = serde_json::from_str(last).expect("JSON");
    let mut new = good.clone();
    for number in 0..2 {
        record["type"] = "wind-report".into();
        record["uuid"] = format!("wind-{number}").into();
        new = format!("{new}{record}\n");
    }
    work.write("new.jsonl", &new);
    let ran = strict("new.jsonl");
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.contains("wind-report: 2 events of a kind that is new"), "{ran}");
    let ran = work.session(&["parse", "--strict", "new.jsonl"]);
    assert_eq!((ran.code, ran.stdout.contains("wind-report")), (1, true), "{ran}");
    work.session(&["parse", "new.jsonl"]).ok();
    let version = record["version"].as_str().expect("a version");
    work.write("newer.jsonl", &good.replace(&format!("\"version\":\"{version}\""), "\"version\":\"7.0.1\""));
    let ran = work.session(&["parse", "newer.jsonl", "--preview"]).ok();
    assert_eq!(ran.stderr.matches("newer than Claude Code 2.1.258").count(), 1, "{ran}");
}
