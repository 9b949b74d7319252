//! Grok: the messages of a session, its summary and its updates.

use std::fs;

use git_session::{
    agents::{Parsed, Scope},
    hail::{Block, EventType, attribute},
};

use super::{
    fixtures::{agent, fixture, grows, is_read_however_it_is_cut, of_call, parsed, rendered, texts},
    plain::{changes, exit_codes, found, tokens},
};

const AGENT: &str = "grok";

fn session() -> Parsed {
    parsed(AGENT, &fixture(AGENT, "session/chat_history.jsonl"))
}

#[test]
fn the_fixture_gives_the_session_that_was_agreed_on() {
    insta::assert_snapshot!("grok_session", rendered(&session()));
}

#[test]
fn calls_find_their_results_and_the_providers_own_have_none() {
    let parsed = session();
    assert_eq!(changes(&parsed), ["~kite.txt"]);
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    assert_eq!(of_call(&parsed.session, "c1").len(), 2);
    let search = of_call(&parsed.session, "ws_1");
    assert_eq!((search.len(), &search[0].event_type), (1, &EventType::WebSearch { query: "wind".to_owned() }));
}

#[test]
fn what_the_person_said_while_it_worked_is_theirs_and_what_the_program_added_is_not() {
    let parsed = session();
    let said = texts(&parsed.session, &EventType::UserMessage);
    assert!(said[0].contains("Lengthen the tail") && said[1] == "and paint it", "{said:?}");
    let system = texts(&parsed.session, &EventType::SystemMessage);
    assert_eq!(system, ["You are Grok", "<user_info>linux</user_info>"]);
    let prompt = parsed.session.events.iter().find(|event| event.event_type == EventType::UserMessage).expect("one");
    assert!(matches!(prompt.content.blocks[0], Block::Image { .. }));
}

#[test]
fn a_turn_that_is_told_again_counts_once_and_cached_input_apart() {
    assert_eq!(tokens(&session()), [200 + 72, 35, 1128, 0, 0]);
}

#[test]
fn the_summary_says_where_and_no_password() {
    let header = session().session.header;
    assert_eq!((header.cwd(), header.attribute("git_branch")), (Some("/home/ann/kite"), Some("tails")));
    assert_eq!(header.attribute("git_remote"), Some("https://example.org/kite.git"));
    assert_eq!((header.agent.provider.as_str(), header.agent.model.as_str()), ("xai", "grok-4.5"));
}

#[test]
fn a_subagent_is_known_by_the_folder_that_its_parent_has_for_it() {
    let home = tempfile::tempdir().expect("a folder");
    fs::create_dir_all(home.path().join("parent-1/subagents/child-1")).expect("made");
    fs::create_dir_all(home.path().join("child-1")).expect("made");
    let log = home.path().join("child-1/chat_history.jsonl");
    fs::copy(fixture(AGENT, "session/chat_history.jsonl"), &log).expect("copied");
    let session = parsed(AGENT, &log).session;
    assert_eq!(session.header.attribute(attribute::PARENT_SESSION_ID), Some("parent-1"));
    assert_eq!((session.header.session_id.as_str(), session.stats.user_message_count), ("child-1", 0));
}

#[test]
fn logs_are_found() {
    let files = [".grok/sessions/%2Fhome%2Fann/s1/chat_history.jsonl", ".grok/sessions/%2Fhome%2Fann/s1/updates.jsonl"];
    assert_eq!(found(AGENT, &files, &Scope::default()), files[..1]);
}

#[test]
fn a_log_that_grows_keeps_what_it_had() {
    grows(agent(AGENT), &fixture(AGENT, "session/chat_history.jsonl"));
    is_read_however_it_is_cut(agent(AGENT), &fixture(AGENT, "session/chat_history.jsonl"));
}
