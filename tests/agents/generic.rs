//! Logs of any agent, read as a map says.

use std::fs;

use git_session::{
    agents::{Agent, Generic, Log, Parsed, parse_session},
    hail::{EventType, attribute},
};

use super::fixtures::{fixture, grows, is_read_however_it_is_cut, of_call, rendered, sum, texts};
use crate::support::World;

fn map(name: &str) -> &'static Generic {
    Generic::read(&fixture("generic", name)).expect("a map")
}

fn parsed(log: &str, name: &str) -> Parsed {
    let file = fixture("generic", log);
    parse_session(map(name), &mut Log::open(&file).expect("readable")).expect("parses")
}

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    insta::assert_snapshot!("generic_lines", rendered(&parsed("chat.jsonl", "chat.toml")));
    insta::assert_snapshot!("generic_document", rendered(&parsed("document.json", "document.toml")));
}

#[test]
fn a_map_says_who_spoke_what_was_called_and_what_it_used() {
    let session = parsed("chat.jsonl", "chat.toml").session;
    assert_eq!((session.header.session_id.as_str(), session.header.agent.tool.as_str()), ("run-17", "shop-bot"));
    assert_eq!(session.header.agent.model, "claude-opus-4-5", "the one that answered last");
    assert_eq!(texts(&session, &EventType::UserMessage), ["Round the prices."]);
    let EventType::FileEdit { diff: Some(diff), .. } = &of_call(&session, "t1")[0].event_type else { panic!("t1") };
    assert!(diff.ends_with("-p\n+round(p)\n"), "{diff}");
    let command = EventType::ShellCommand { command: "pytest -q".to_owned(), exit_code: Some(2) };
    assert_eq!(of_call(&session, "t2")[0].event_type, command);
    assert_eq!((sum(&session, attribute::INPUT_TOKENS), sum(&session, attribute::CACHE_READ_TOKENS)), (300, 2200));
    assert!(!rendered(&parsed("chat.jsonl", "chat.toml")).contains("tick"), "a role that the map ignores");
    assert!(rendered(&parsed("chat.jsonl", "chat.toml")).contains("a role that the map does not name"));
    assert!(rendered(&parsed("chat.jsonl", "chat.toml")).contains(r#""mood":"good""#), "what is not mapped is kept");
}

#[test]
fn a_session_that_grew_begins_as_before() {
    grows(map("chat.toml"), &fixture("generic", "chat.jsonl"));
}

#[test]
fn a_log_cut_anywhere_is_read_or_refused() {
    for (log, name) in [("chat.jsonl", "chat.toml"), ("document.json", "document.toml")] {
        is_read_however_it_is_cut(map(name), &fixture("generic", log));
    }
    assert!(map("chat.toml").name() == Generic::NAME && !map("chat.toml").has_home());
}

#[test]
fn the_example_in_the_document_is_the_one_that_is_tested() {
    let document =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/generic.md")).expect("docs/generic.md");
    for name in ["chat.jsonl", "chat.toml", "document.json", "document.toml"] {
        let text = fs::read_to_string(fixture("generic", name)).expect("readable");
        assert!(document.contains(&text), "docs/generic.md does not show {name} as it is");
    }
}

#[test]
fn a_map_is_all_that_parse_and_capture_need() {
    let world = World::new();
    let work = world.repository("work");
    for name in ["chat.jsonl", "chat.toml"] {
        fs::copy(fixture("generic", name), work.join(name)).expect("a copy");
    }
    let preview = work.json(&["parse", "--map", "chat.toml", "chat.jsonl", "--preview"]);
    assert_eq!((&preview["agent"], &preview["header"]["agent"]["tool"]), (&"generic".into(), &"shop-bot".into()));
    let captured = work.json(&["capture", "--agent", "generic", "--map", "chat.toml", "chat.jsonl"]);
    assert_eq!(captured["sessions"][0]["id"], "run-17");
    assert_eq!(work.stored(), ["run-17"]);
}

#[test]
fn a_map_that_does_not_fit_is_explained() {
    let world = World::new();
    let work = world.repository("work");
    fs::copy(fixture("generic", "chat.jsonl"), work.join("chat.jsonl")).expect("a copy");
    work.write("bad.toml", "[record]\nrole = '/who'\nbody = '/body'\n");
    work.write("no-role.toml", "[record]\nrole = '/nowhere'\n");
    let says = |arguments: &[&str], code: i32, words: &[&str]| {
        let ran = work.session(arguments);
        assert_eq!(ran.code, code, "{ran}");
        assert!(words.iter().all(|word| ran.stderr.contains(word)), "{ran}");
        assert!(ran.stderr.contains("hint: "), "{ran}");
    };
    says(&["parse", "--map", "bad.toml", "chat.jsonl"], 1, &["bad.toml: line 3", "`body`"]);
    says(&["parse", "--map", "no-role.toml", "chat.jsonl"], 1, &["chat.jsonl: line 1"]);
    says(&["parse", "--map", "gone.toml", "chat.jsonl"], 1, &["gone.toml"]);
    says(&["parse", "--agent", "generic", "chat.jsonl"], 2, &["--map"]);
    says(&["parse", "--agent", "codex", "--map", "bad.toml", "chat.jsonl"], 2, &["codex"]);
    says(&["capture", "--map", "bad.toml"], 2, &["finds none"]);
}
