//! Factory Droid: its session store and its stream.

use std::path::Path;

use git_session::{agents::Scope, hail::EventType};

use super::plain::{changes, event, exit_codes, fixture, found, parse_file, texts, tokens};

const AGENT: &str = "factory-droid";

#[test]
fn a_stored_session_gives_edits_codes_and_tokens() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "store.jsonl"));
    // The patch did not apply, so it changed nothing.
    assert_eq!(changes(&parsed), ["~kite.txt"]);
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    assert_eq!(tokens(&parsed), [1100, 85, 30, 20, 0]);
}

#[test]
fn model_and_totals_come_from_the_settings_beside_the_log() {
    let header = parse_file(AGENT, &fixture(AGENT, "store.jsonl")).session.header;
    assert_eq!((header.agent.provider.as_str(), header.agent.model.as_str()), ("anthropic", "opus-9"));
    assert_eq!(header.context.attributes["droid.token_usage"]["inputTokens"], 1100);
}

#[test]
fn reminders_mentioned_files_and_hidden_messages_are_no_prompts() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "store.jsonl"));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Lengthen the tail", "looks good so far"]);
    assert_eq!(event(&parsed, "m6-context").event_type, EventType::SystemMessage);
}

#[test]
fn a_stream_says_its_last_answer_once() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "stream.jsonl"));
    assert_eq!(texts(&parsed, &EventType::AgentMessage), ["There is one."]);
    assert_eq!(exit_codes(&parsed), [Some(0)]);
    assert_eq!(tokens(&parsed), [10, 5, 3, 2, 0]);
}

#[test]
fn logs_are_found_by_the_folder_of_the_project() {
    let kite = ".factory/sessions/-home-ann-kite/a.jsonl";
    let files = [kite, ".factory/sessions/-home-bob/b.jsonl", ".factory/sessions/-home-ann-kite/a.settings.json"];
    let scope = Scope { folder: Some(Path::new("/home/ann/kite")), ..Scope::default() };
    assert_eq!(found(AGENT, &files, &scope), [kite]);
    assert_eq!(found(AGENT, &files, &Scope::default()), files[..2]);
}
