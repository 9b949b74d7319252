//! Mistral Vibe: the messages of a session, and the document of the first versions.

use git_session::{
    agents::{Parsed, Scope},
    hail::{EventType, attribute},
};

use super::{
    fixtures::{agent, fixture, grows, is_read_however_it_is_cut, parsed, rendered, texts},
    plain::{changes, exit_codes, found, tokens},
};

const AGENT: &str = "vibe";

fn session() -> Parsed {
    parsed(AGENT, &fixture(AGENT, "session/messages.jsonl"))
}

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    insta::assert_snapshot!("vibe_session", rendered(&session()));
    insta::assert_snapshot!("vibe_document", rendered(&parsed(AGENT, &fixture(AGENT, "session_20251210.json"))));
}

#[test]
fn calls_have_codes_and_diffs_and_what_failed_changed_nothing() {
    let parsed = session();
    assert_eq!(changes(&parsed), ["~/home/ann/kite/kite.txt"]);
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    assert_eq!(texts(&parsed.session, &EventType::UserMessage), ["Lengthen the tail"]);
    assert_eq!(texts(&parsed.session, &EventType::SystemMessage), ["<system>windy</system>"]);
    assert_eq!(texts(&parsed.session, &EventType::Thinking), ["Read first."]);
}

#[test]
fn the_document_beside_says_who_and_where_and_what_it_used() {
    let parsed = session();
    let header = &parsed.session.header;
    assert_eq!((header.cwd(), header.attribute("git_branch")), (Some("/home/ann/kite"), Some("tails")));
    assert_eq!((header.agent.model.as_str(), header.context.title.as_str()), ("devstral-2", "A longer tail"));
    assert_eq!(header.attribute(attribute::PARENT_SESSION_ID), Some("0a000000-0000-4000-8000-0000000000f0"));
    assert_eq!(tokens(&parsed), [100, 50, 0, 0, 0]);
    assert!(!rendered(&parsed).contains("\"username\""), "nobody is named");
}

#[test]
fn logs_of_every_generation_and_of_subagents_are_found() {
    let files = [
        ".vibe/logs/session/session_1/agents/session_2/messages.jsonl",
        ".vibe/logs/session/session_1/messages.jsonl",
        ".vibe/logs/session/session_1/meta.json",
        ".vibe/logs/session/session_20251210.json",
    ];
    assert_eq!(found(AGENT, &files, &Scope::default()), [files[0], files[1], files[3]]);
}

#[test]
fn a_log_that_grows_keeps_what_it_had() {
    grows(agent(AGENT), &fixture(AGENT, "session/messages.jsonl"));
    is_read_however_it_is_cut(agent(AGENT), &fixture(AGENT, "session/messages.jsonl"));
    is_read_however_it_is_cut(agent(AGENT), &fixture(AGENT, "session_20251210.json"));
}
