//! Amazon Q Developer CLI: conversations in a database, and one that was saved.

use git_session::{
    agents::{ParseError, Sample, Scope},
    hail::{EventType, attribute},
};

use super::{
    fixtures::{agent, fixture, is_read_however_it_is_cut, of_call, parsed, parsed_part, parts, rendered, texts},
    plain::{changes, exit_codes, found},
};

const AGENT: &str = "amazon-q";
const KITE: &str = "0a000000-0000-4000-8000-0000000000b1";
const WIND: &str = "0a000000-0000-4000-8000-0000000000b2";

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    insta::assert_snapshot!("amazon_q_saved", rendered(&parsed(AGENT, &fixture(AGENT, "saved.json"))));
    insta::assert_snapshot!("amazon_q_early", rendered(&parsed_part(AGENT, "data.sql", Some(WIND)).expect("read")));
}

#[test]
fn a_conversation_of_the_database_is_the_one_that_was_saved() {
    let saved = parsed(AGENT, &fixture(AGENT, "saved.json")).session;
    let stored = parsed_part(AGENT, "data.sql", Some(KITE)).expect("read").session;
    assert_eq!(saved.events, stored.events);
    assert_eq!(parts(AGENT, "data.sql"), [KITE, WIND], "an empty one and a broken one are none");
    let several = parsed_part(AGENT, "data.sql", None).expect_err("several");
    assert!(matches!(several, ParseError::SeveralSessions { parts } if parts.len() == 2));
    assert!(parsed_part(AGENT, "data.sql", Some("none")).is_err());
}

#[test]
fn calls_find_their_results_and_one_that_was_cancelled_changed_nothing() {
    let parsed = parsed(AGENT, &fixture(AGENT, "saved.json"));
    assert_eq!(changes(&parsed), ["~/home/ann/kite/kite.txt"]);
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    let read = of_call(&parsed.session, "t1");
    assert_eq!(read[0].event_type, EventType::FileRead { path: "/home/ann/kite/kite.txt".to_owned() });
    assert_eq!(read[1].content.to_text(), "tail: short");
    assert!(matches!(of_call(&parsed.session, "t4")[0].event_type, EventType::ToolCall { .. }));
}

#[test]
fn the_person_said_the_prompts_also_one_without_an_answer() {
    let session = parsed(AGENT, &fixture(AGENT, "saved.json")).session;
    assert_eq!(texts(&session, &EventType::UserMessage), ["Lengthen the tail", "No bow, please", "And paint it"]);
    assert_eq!(texts(&session, &EventType::SystemMessage), ["The kite is red.", "A hook says: windy"]);
    let header = &session.header;
    assert_eq!((header.cwd(), header.agent.model.as_str()), (Some("/home/ann/kite"), "claude-sonnet-4"));
    let kept = session.events.iter().find(|event| matches!(event.event_type, EventType::Custom { .. })).expect("kept");
    assert_eq!(kept.attributes[attribute::RAW_TYPE], "user", "content of an unknown kind");
}

#[test]
fn the_database_is_found_and_a_saved_conversation_names_its_folder() {
    let files = [".local/share/amazon-q/data.sqlite3", ".local/share/amazon-q/data.sqlite3-wal"];
    assert_eq!(found(AGENT, &files, &Scope::default()), files[..1]);
    let sample = Sample::of(&fixture(AGENT, "saved.json")).expect("readable");
    assert_eq!(agent(AGENT).working_directory(&sample), Some("/home/ann/kite"));
}

#[test]
fn a_conversation_cut_anywhere_is_read_or_refused() {
    is_read_however_it_is_cut(agent(AGENT), &fixture(AGENT, "saved.json"));
}
