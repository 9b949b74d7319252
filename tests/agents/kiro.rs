//! Kiro CLI: messages, and the facts of the session in a document beside them.

use git_session::{
    agents::Scope,
    hail::{EventType, attribute},
};

use super::fixtures::{parsed_part, parts};
use super::plain::{changes, event, exit_codes, fixture, found, parse_file, texts, tokens};

const AGENT: &str = "kiro";

#[test]
fn a_session_gives_edits_and_codes() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "session.jsonl"));
    assert_eq!(changes(&parsed), ["+/home/ann/kite/new.txt"]);
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    assert_eq!(
        event(&parsed, "m2-1").event_type.clone(),
        EventType::FileRead { path: "/home/ann/kite/kite.txt".to_owned() }
    );
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Lengthen the tail"]);
}

#[test]
fn the_document_beside_the_log_gives_who_and_where_and_what_a_turn_cost() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "session.jsonl"));
    let header = &parsed.session.header;
    assert_eq!((header.cwd(), header.agent.model.as_str()), (Some("/home/ann/kite"), "opus-9"));
    assert_eq!(header.role(), "auxiliary");
    assert_eq!(header.attribute(attribute::PARENT_SESSION_ID), Some("00000000-0000-4000-8000-00000000f000"));
    assert_eq!(tokens(&parsed), [120, 80, 0, 0, 0]);
    assert_eq!(event(&parsed, "m6").attributes["kiro.credits"], 0.75);
}

#[test]
fn logs_are_found_and_documents_are_not() {
    let log = ".kiro/sessions/cli/s1.jsonl";
    assert_eq!(found(AGENT, &[log, ".kiro/sessions/cli/s1.json"], &Scope::default()), [log]);
}

#[test]
fn a_conversation_of_the_database_is_the_one_that_went_on_longest() {
    let id = "0a000000-0000-4000-8000-0000000000d1";
    assert_eq!(parts(AGENT, "data.sql"), [id], "one that is no conversation is none");
    let parsed = parsed_part(AGENT, "data.sql", None).expect("read");
    let header = &parsed.session.header;
    assert_eq!((header.session_id.as_str(), header.cwd()), (id, Some("/home/ann/kite")));
    assert_eq!(header.context.attributes["kiro.credits"], 0.75);
    assert_eq!(header.context.updated_at.millis(), 1_770_000_060_000);
    assert_eq!((changes(&parsed).len(), exit_codes(&parsed).len()), (2, 1), "the row of the other folder has less");
}

#[test]
fn the_database_is_found() {
    let files = [".local/share/kiro-cli/data.sqlite3"];
    assert_eq!(found(AGENT, &files, &Scope::default()), files);
}
