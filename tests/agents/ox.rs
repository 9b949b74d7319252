//! ox: recordings of other agents' sessions.

use std::{fs, path::Path};

use git_session::{
    agents::{Log, Sample, parse_session},
    hail::EventType,
};

use super::fixtures::{agent, fixture, grows, is_read_however_it_is_cut, of_call, parsed, rendered};

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    insta::glob!("../../fixtures/agents/ox", "*.jsonl", |path| insta::assert_snapshot!(rendered(&parsed("ox", path))));
}

#[test]
fn a_header_of_hail_is_not_taken_for_one_of_ox() {
    let hail = br#"{"type":"header","version":"hail-1.0.0","session_id":"a","metadata":{"agent_type":"x"}}"#;
    let sample = Sample::read(&hail[..]).expect("memory");
    assert!(!agent("ox").recognises(&sample) && agent("hail").recognises(&sample));
}

#[test]
fn results_without_ids_go_to_the_calls_of_their_tool() {
    let session = parsed("ox", &fixture("ox", "header.jsonl")).session;
    assert_eq!(of_call(&session, "e-3")[1].content.to_text(), "package routes");
    let command = EventType::ShellCommand { command: "go test ./...".to_owned(), exit_code: None };
    assert_eq!(of_call(&session, "e-4")[0].event_type, command);
    assert_eq!(of_call(&session, "e-4")[1].content.to_text(), "ok");
}

#[test]
fn a_recording_says_whose_it_is_and_not_who_made_it() {
    let header = parsed("ox", &fixture("ox", "header.jsonl")).session.header;
    assert_eq!((header.agent.tool.as_str(), header.attribute("recorded_agent")), ("ox", Some("claude-code")));
    assert!(!format!("{header:?}").contains("ann"));
    let meta = parsed("ox", &fixture("ox", "meta.jsonl")).session.header;
    assert_eq!(meta.attribute("git_remote"), Some("https://example.org/ann/shop.git"));
}

#[test]
fn the_id_is_the_best_that_tells_one_recording_from_another() {
    let id = |name: &str, path: Option<&str>| {
        let bytes = fs::read(fixture("ox", name)).expect("readable");
        let mut log = Log::new(&bytes[..], path.map(Path::new));
        parse_session(agent("ox"), &mut log).expect("parses").session.header.session_id.to_string()
    };
    assert_eq!(id("header.jsonl", None), "ses_019c0000-0000-7000-8000-000000000001");
    assert_eq!(id("meta.jsonl", None), "oxsid_01JEYQ9Z8X");
    assert_eq!(id("no-times.jsonl", Some("/l/sessions/2026-01-06T14-32-Ox7f3a/raw.jsonl")), "2026-01-06T14-32-Ox7f3a");
    assert!(id("no-times.jsonl", None).starts_with("ox-"));
}

#[test]
fn a_session_that_grew_begins_as_before() {
    grows(agent("ox"), &fixture("ox", "header.jsonl"));
    grows(agent("ox"), &fixture("ox", "meta.jsonl"));
}

#[test]
fn a_log_cut_anywhere_is_read_or_refused() {
    insta::glob!("../../fixtures/agents/ox", "*.jsonl", |path| is_read_however_it_is_cut(agent("ox"), path));
}
