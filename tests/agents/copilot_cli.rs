//! GitHub Copilot CLI: events, and the facts beside them.

use std::fs;

use git_session::{
    agents::Scope,
    hail::{Block, EventType, attribute},
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

#[test]
fn a_current_log_tells_who_spoke_and_what_a_command_returned() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "current.jsonl"));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Is this a kite?"]);
    for (id, why) in [("f09", "subagent"), ("f14", "autopilot")] {
        assert_eq!(event(&parsed, id).attributes["source.injected"], why);
    }
    assert_eq!(event(&parsed, "f10").attributes["source.agent_id"], "explore-1");
    assert_eq!(parsed.session.header.agent.model, "gpt-9", "not the subagent's");
    assert_eq!(texts(&parsed, &EventType::Thinking), ["It has a tail."], "said once");
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    // What each agent used is a part of what all did.
    assert_eq!(tokens(&parsed), [200 + 200, 25, 600, 100, 0]);
    assert_eq!(parsed.session.header.context.related_session_ids, ["00000000-0000-4000-8000-00000000c070"]);
}

#[test]
fn a_picture_that_is_stored_once_is_named_by_its_hash_where_it_was_seen() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "current.jsonl"));
    let pictures = |id: &str| {
        let is_picture = |block: &&Block| matches!(block, Block::Image { .. });
        event(&parsed, id).content.blocks.iter().filter(is_picture).cloned().collect::<Vec<_>>()
    };
    let Block::Image { url, mime, .. } = &pictures("f03")[0] else { panic!() };
    assert!(url.starts_with("sha256:") && mime == "image/png", "{url}");
    assert_eq!((pictures("f02").len(), pictures("f13").len()), (1, 2));
}

#[test]
fn what_a_fork_copied_counts_in_the_session_that_it_is_of() {
    let home = tempfile::tempdir().expect("a folder");
    let line = |n: u32, kind: &str, data: &str| {
        format!(r#"{{"type":"{kind}","id":"e{n}","timestamp":"2026-04-01T07:00:0{n}Z","parentId":null,"data":{data}}}"#)
    };
    let history = [
        line(1, "session.start", r#"{"sessionId":"s-one","context":{"cwd":"/home/ann/kite"}}"#),
        line(2, "user.message", r#"{"content":"First"}"#),
        line(3, "assistant.message", r#"{"content":"a","outputTokens":3}"#),
    ];
    let own = [
        line(6, "user.message", r#"{"content":"Second"}"#),
        line(7, "assistant.message", r#"{"content":"b","outputTokens":4}"#),
    ];
    let make = |name: &str, began: &str, lines: &[String]| {
        let folder = home.path().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("workspace.yaml"), format!("id: {name}\ncreated_at: {began}\n")).expect("a file");
        fs::write(folder.join("events.jsonl"), lines.join("\n")).expect("a file");
        folder.join("events.jsonl")
    };
    let fork = make("s-two", "2026-04-01T07:00:05Z", &[&history[..], &own[..]].concat());
    let alone = parse_file(AGENT, &fork);
    assert_eq!(texts(&alone, &EventType::UserMessage), ["First", "Second"], "nobody else tells it");
    let first = make("s-one", "2026-04-01T07:00:00Z", &history);
    let (first, second) = (parse_file(AGENT, &first), parse_file(AGENT, &fork));
    assert_eq!((tokens(&first)[1], tokens(&second)[1]), (3, 4));
    let header = &second.session.header;
    assert_eq!((header.session_id.as_str(), header.context.title.as_str()), ("s-two", "Second"));
    assert_eq!(
        (header.context.related_session_ids.as_slice(), header.cwd()),
        (&["s-one".to_owned()][..], Some("/home/ann/kite"))
    );
}
