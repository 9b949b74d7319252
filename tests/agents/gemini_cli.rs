//! Gemini CLI: documents, logs of operations, and the directory that is only a hash.

use std::{fs, path::Path};

use git_session::{
    agents::{Scope, has_hash_of},
    hail::{EventType, ObjectHash, attribute},
};

use super::plain::{changes, event, exit_codes, fixture, found, parse_file, texts, tokens};

const AGENT: &str = "gemini-cli";

#[test]
fn a_document_gives_edits_codes_and_tokens() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "document.json"));
    let changed = ["~/home/ann/kite/kite.txt", "+/home/ann/kite/empty.txt", "~/home/ann/kite/kite.txt"];
    assert_eq!(changes(&parsed), changed);
    let EventType::FileEdit { diff: Some(diff), .. } = &event(&parsed, "g1-call-0").event_type else {
        panic!("no diff")
    };
    assert!(diff.contains("@@ -7,2 +7,2 @@"), "{diff}");
    assert_eq!(exit_codes(&parsed), [Some(2), None]);
    // 1000 and 1100 came in, of which 600 and 1000 from the cache; 5 more were of tools.
    assert_eq!(tokens(&parsed), [400 + 5 + 100, 20 + 30 + 4, 1600, 0, 30]);
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Lengthen the tail in @kite.txt", "Like this?"]);
    assert_eq!(parsed.session.stats.task_count, 1);
}

#[test]
fn a_message_that_comes_again_replaces_the_first_and_what_is_given_up_is_kept_and_named() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "operations.jsonl"));
    assert_eq!(texts(&parsed, &EventType::AgentMessage), ["I look.", "Wrong answer.", "Reading."]);
    assert_eq!(parsed.session.header.context.attributes["source.abandoned"], serde_json::json!(["m3", "m4"]));
    assert_eq!(tokens(&parsed), [60 + 110, 5 + 3 + 2, 40, 0, 3]);
    assert_eq!(parsed.session.header.context.title, "List files");
}

#[test]
fn what_a_rewrite_puts_in_is_no_prompt_and_what_it_masks_stays_whole() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "operations.jsonl"));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["list files", "wrong question", "thanks"]);
    assert_eq!(event(&parsed, "s1").event_type, EventType::SystemMessage);
    let is_result = |event: &&git_session::hail::Event| matches!(event.event_type, EventType::ToolResult { .. });
    assert_eq!(parsed.session.events.iter().filter(is_result).count(), 1);
}

#[test]
fn an_edit_of_nothing_makes_a_file() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "without-header.jsonl"));
    assert_eq!(changes(&parsed), ["+/home/ann/kite/kite.txt"]);
    assert_eq!(parsed.session.stats.lines_added, 1);
}

#[test]
fn logs_are_found_once_and_subagents_below_their_parents() {
    let chats = ".gemini/tmp/kite/chats";
    let name = |file: &str| format!("{chats}/{file}");
    let files = [
        name("session-a.json"),
        name("session-a.jsonl"),
        name("session-b.json"),
        name("00000000-0000-4000-8000-00000000a002/sub.jsonl"),
        ".gemini/tmp/kite/logs.json".to_owned(),
    ];
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(found(AGENT, &files, &Scope::default()), [files[3], files[1], files[2]]);
}

#[test]
fn the_directory_is_the_one_whose_hash_the_log_has() {
    let home = tempfile::tempdir().expect("a folder");
    let chats = home.path().join(".gemini/tmp/kite/chats/parent-1");
    fs::create_dir_all(&chats).expect("a folder");
    let hash = ObjectHash::of(b"/home/ann/kite");
    let log = chats.join("sub-1.jsonl");
    let lines = [
        format!(
            r#"{{"sessionId":"sub-1","projectHash":"{hash}","startTime":"2026-01-01T00:00:00Z","kind":"subagent"}}"#
        ),
        r#"{"id":"m1","timestamp":"2026-01-01T00:00:01Z","type":"user","content":"look"}"#.to_owned(),
    ];
    fs::write(&log, lines.join("\n")).expect("a file");
    let header = parse_file(AGENT, &log).session.header;
    assert_eq!(header.cwd(), None);
    assert!(has_hash_of(&header, Path::new("/home/ann/kite")));
    assert!(!has_hash_of(&header, Path::new("/home/ann")));
    assert_eq!((header.role(), header.attribute(attribute::PARENT_SESSION_ID)), ("auxiliary", Some("parent-1")));
    for (file, text) in [
        (".gemini/tmp/kite/.project_root", "/home/ann/kite\n"),
        (".gemini/projects.json", r#"{"projects":{"/home/ann":"ann","/home/ann/kite":"kite"}}"#),
    ] {
        fs::write(home.path().join(file), text).expect("a file");
        assert_eq!(parse_file(AGENT, &log).session.header.cwd(), Some("/home/ann/kite"), "{file}");
        fs::write(home.path().join(file), "elsewhere").expect("a file");
        assert_eq!(parse_file(AGENT, &log).session.header.cwd(), None, "{file}");
    }
}
