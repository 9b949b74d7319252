//! Kiro IDE: the records of version 1.0 on, and the documents before with their executions.

use std::path::PathBuf;

use git_session::{
    agents::{Parsed, Sample, Scope, detect},
    hail::{EventType, attribute},
};

use super::{
    fixtures::{agent, fixture, grows, is_read_however_it_is_cut, of_call, parsed, rendered, texts},
    plain::{changes, exit_codes, found},
};

const AGENT: &str = "kiro-ide";

fn document_path() -> PathBuf {
    let folder = fixture(AGENT, "store/workspace-sessions");
    let workspace = folder.read_dir().expect("a folder").next().expect("one").expect("readable").path();
    workspace.join("0a000000-0000-4000-8000-0000000000e2.json")
}

fn records() -> Parsed {
    parsed(AGENT, &fixture(AGENT, "records/messages.jsonl"))
}

fn document() -> Parsed {
    parsed(AGENT, &document_path())
}

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    insta::assert_snapshot!("kiro_ide_records", rendered(&records()));
    insta::assert_snapshot!("kiro_ide_document", rendered(&document()));
    insta::assert_snapshot!("kiro_ide_chat", rendered(&parsed(AGENT, &fixture(AGENT, "execution.chat"))));
}

#[test]
fn records_give_calls_once_and_what_failed_changed_nothing() {
    let parsed = records();
    assert_eq!(changes(&parsed), ["~kite.txt"]);
    assert_eq!(exit_codes(&parsed), [Some(0)]);
    assert_eq!(of_call(&parsed.session, "c1").len(), 2, "asked for and approved is one call");
    assert_eq!(texts(&parsed.session, &EventType::UserMessage), ["Lengthen the tail"]);
    assert_eq!(texts(&parsed.session, &EventType::Thinking), ["Read first."]);
    assert_eq!(texts(&parsed.session, &EventType::SystemMessage), ["You are Kiro", "The tail was lengthened."]);
}

#[test]
fn a_subagent_is_a_task_and_the_turn_has_its_credits() {
    let parsed = records();
    let task = of_call(&parsed.session, "sess_child");
    assert_eq!(task[0].event_type, EventType::TaskStart { title: Some("Review the tail".to_owned()) });
    assert_eq!(task[1].content.to_text(), "It is long.");
    let credits = parsed.session.events.iter().find_map(|event| event.attributes.get("kiro.credits"));
    assert_eq!(credits, Some(&serde_json::json!(0.75)));
    let header = &parsed.session.header;
    assert_eq!((header.cwd(), header.context.title.as_str()), (Some("/home/ann/kite"), "Lengthen the tail"));
    assert_eq!(header.session_id.as_str(), "sess_0a000000-0000-4000-8000-0000000000e1");
}

#[test]
fn an_answer_of_a_document_is_what_its_execution_did() {
    let parsed = document();
    assert_eq!(changes(&parsed), ["~kite.txt", "+paint.txt"], "what was rejected changed nothing");
    assert_eq!(exit_codes(&parsed), [Some(1)]);
    assert_eq!(texts(&parsed.session, &EventType::AgentMessage), ["I paint it.", "It is red.", "It is."]);
    let EventType::FileEdit { diff: Some(diff), .. } = &of_call(&parsed.session, "act4")[0].event_type else {
        panic!()
    };
    assert!(diff.ends_with("-blue\n+red\n"), "{diff}");
    assert_eq!(of_call(&parsed.session, "act3").len(), 2, "two files are read");
    assert_eq!(of_call(&parsed.session, "act7")[0].attributes[attribute::TOOL_KIND], "mcp");
    assert_eq!(parsed.session.events[0].timestamp.millis(), 1_770_000_000_500);
    assert_eq!(parsed.session.header.context.created_at.millis(), 1_770_000_000_000);
}

#[test]
fn a_document_of_the_first_versions_has_prompts_without_tags() {
    let parsed = parsed(AGENT, &fixture(AGENT, "execution.chat"));
    assert_eq!(texts(&parsed.session, &EventType::UserMessage), ["Hello"]);
    assert_eq!(texts(&parsed.session, &EventType::AgentMessage), ["I will follow these instructions.", "Hi."]);
}

#[test]
fn a_list_of_sessions_and_an_execution_are_no_sessions() {
    let list = document_path().with_file_name("sessions.json");
    let facts = fixture(AGENT, "records/session.json");
    for path in [list, facts] {
        assert!(detect(&Sample::of(&path).expect("readable")).is_err(), "{}", path.display());
    }
}

#[test]
fn logs_of_both_generations_are_found_and_what_was_taken_over_is_not() {
    let store = ".config/Kiro/User/globalStorage/kiro.kiroagent/workspace-sessions/w";
    let old = format!("{store}/old.json");
    let files = [
        &old,
        &format!("{store}/sessions.json"),
        &format!("{store}/taken.json"),
        &format!("{store}/taken.migrated.json"),
        ".kiro/sessions/827f/sess_1/messages.jsonl",
        ".kiro/sessions/827f/sess_1/session.json",
        ".kiro/sessions/cli/s1.jsonl",
    ];
    assert_eq!(found(AGENT, &files, &Scope::default()), [old.as_str(), files[4]]);
}

#[test]
fn a_log_that_grows_keeps_what_it_had() {
    grows(agent(AGENT), &fixture(AGENT, "records/messages.jsonl"));
    is_read_however_it_is_cut(agent(AGENT), &fixture(AGENT, "records/messages.jsonl"));
    is_read_however_it_is_cut(agent(AGENT), &document_path());
}
