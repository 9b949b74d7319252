//! GitHub Copilot CLI: events, and the facts beside them.

use std::fs;

use git_session::{
    agents::Scope,
    hail::{EventType, attribute},
};

use super::plain::{changes, event, exit_codes, fixture, found, parse_file, texts, tokens};

const AGENT: &str = "copilot-cli";

#[test]
fn a_session_gives_edits_and_codes() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "session.jsonl"));
    let below = |path: &str| format!("/home/ann/kite/{path}");
    let changed = [("~", "kite.txt"), ("+", "a.txt"), ("~", "b.txt"), ("-", "c.txt")];
    assert_eq!(changes(&parsed), changed.map(|(kind, path)| format!("{kind}{}", below(path))));
    let EventType::FileEdit { diff: Some(diff), .. } = &event(&parsed, "e08-call-0").event_type else {
        panic!("no diff")
    };
    assert!(diff.contains("@@ -7,2 +7,2 @@"), "{diff}");
    // Three files of one patch are one call; what was denied is a call, and changed nothing.
    assert_eq!(parsed.session.stats.tool_call_count, 4);
    assert_eq!(exit_codes(&parsed), [Some(2)]);
}

#[test]
fn the_end_of_a_session_adds_what_its_answers_did_not_note() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "session.jsonl"));
    assert_eq!(tokens(&parsed), [1500 + 100, 125, 3000, 500, 40]);
    assert_eq!(event(&parsed, "e24").count(attribute::OUTPUT_TOKENS), 10);
}

#[test]
fn every_end_of_a_session_that_was_resumed_counts() {
    let home = tempfile::tempdir().expect("a folder");
    let log = home.path().join("s.jsonl");
    let line = |n: u32, kind: &str, data: &str| {
        format!(r#"{{"type":"{kind}","id":"e{n}","timestamp":"2026-04-01T07:00:0{n}Z","parentId":null,"data":{data}}}"#)
    };
    let end = |tokens: u32| {
        format!(r#"{{"modelMetrics":{{"m":{{"usage":{{"inputTokens":{tokens},"outputTokens":{tokens}}}}}}}}}"#)
    };
    let lines = [
        line(1, "assistant.message", r#"{"content":"a","outputTokens":3}"#),
        line(2, "session.shutdown", &end(5)),
        line(3, "assistant.message", r#"{"content":"b","outputTokens":4}"#),
        line(4, "session.shutdown", r#"{"modelMetrics":{}}"#),
        line(5, "assistant.message", r#"{"content":"c","outputTokens":2}"#),
        line(6, "session.shutdown", &end(7)),
    ];
    fs::write(&log, lines.join("\n")).expect("a file");
    assert_eq!(tokens(&parse_file(AGENT, &log)), [12, 12, 0, 0, 0]);
}

#[test]
fn only_what_was_typed_is_a_prompt() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "session.jsonl"));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Lengthen the tail"]);
    let added = event(&parsed, "e05-context").content.to_text();
    assert!(added.contains("<reminder>") && !added.contains("Lengthen"), "{added}");
    assert_eq!(event(&parsed, "e07").attributes["source.injected"], "system");
}

#[test]
fn early_arguments_are_text_and_a_call_may_come_without_its_answer() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "early.jsonl"));
    assert_eq!(changes(&parsed), ["+/home/ann/kite/a.txt"]);
    assert_eq!(exit_codes(&parsed), [Some(0)]);
}

#[test]
fn the_workspace_beside_the_log_gives_what_the_log_lacks() {
    let home = tempfile::tempdir().expect("a folder");
    let log = home.path().join("events.jsonl");
    fs::copy(fixture(AGENT, "early.jsonl"), &log).expect("copied");
    fs::write(home.path().join("workspace.yaml"), "id: x\ncwd: /elsewhere\nsummary: \"A file\"\n").expect("a file");
    let header = parse_file(AGENT, &log).session.header;
    assert_eq!((header.context.title.as_str(), header.cwd()), ("A file", Some("/home/ann/kite")));
}

#[test]
fn logs_are_found_in_the_folders_of_sessions() {
    let log = ".copilot/session-state/s1/events.jsonl";
    let files = [log, ".copilot/session-state/s0.jsonl", ".copilot/session-state/s1.jsonl", ".copilot/logs/x.jsonl"];
    assert_eq!(found(AGENT, &files, &Scope::default()), [files[1], log]);
}
