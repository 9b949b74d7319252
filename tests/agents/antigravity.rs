//! Antigravity: the transcript of a conversation.

use git_session::{
    agents::{Parsed, Scope},
    hail::EventType,
};

use super::{
    fixtures::{agent, fixture, grows, is_read_however_it_is_cut, of_call, parsed, rendered, texts},
    plain::{changes, exit_codes, found},
};

const AGENT: &str = "antigravity";

fn session() -> Parsed {
    parsed(AGENT, &fixture(AGENT, "transcript.jsonl"))
}

#[test]
fn the_fixture_gives_the_session_that_was_agreed_on() {
    insta::assert_snapshot!("antigravity_transcript", rendered(&session()));
}

#[test]
fn results_go_to_the_first_call_that_waits_and_what_failed_changed_nothing() {
    let parsed = session();
    assert_eq!(changes(&parsed), ["~/home/ann/kite/kite.txt", "~/home/ann/kite/b.txt"]);
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    let read = of_call(&parsed.session, "line-3-call-0");
    assert_eq!(read[0].event_type, EventType::FileRead { path: "/home/ann/kite/kite.txt".to_owned() });
    assert!(read[1].content.to_text().starts_with("1: short"));
    for call in ["line-6-call-0", "line-6-call-1"] {
        let EventType::FileEdit { diff, .. } = &of_call(&parsed.session, call)[0].event_type else { panic!("{call}") };
        assert!(diff.is_some(), "{call}");
    }
}

#[test]
fn the_words_of_a_person_are_those_between_the_tags() {
    let parsed = session();
    assert_eq!(texts(&parsed.session, &EventType::UserMessage), ["Lengthen the tail"]);
    let header = &parsed.session.header;
    assert_eq!((header.agent.model.as_str(), header.cwd()), ("Gemini 3.5 Flash (Medium)", Some("/home/ann/kite")));
    assert_eq!(texts(&parsed.session, &EventType::AgentMessage), ["The tail is longer."]);
    assert!(parsed.session.events.iter().any(|event| event.attributes.contains_key("truncated_fields")));
}

#[test]
fn a_result_without_a_call_is_kept() {
    let parsed = session();
    let kept = parsed.session.events.iter().find(|event| event.event_id == "line-12").expect("kept");
    assert_eq!(kept.event_type, EventType::Custom { kind: "BROWSER_NAVIGATE".to_owned() });
}

#[test]
fn transcripts_are_found_and_name_their_conversation() {
    let file =
        ".gemini/antigravity-cli/brain/0a000000-0000-4000-8000-0000000000aa/.system_generated/logs/transcript.jsonl";
    assert_eq!(found(AGENT, &[file, ".gemini/antigravity/conversations/c.pb"], &Scope::default()), [file]);
    let home = tempfile::tempdir().expect("a folder");
    let log = home.path().join(file);
    std::fs::create_dir_all(log.parent().expect("a folder")).expect("made");
    std::fs::copy(fixture(AGENT, "transcript.jsonl"), &log).expect("copied");
    assert_eq!(parsed(AGENT, &log).session.header.session_id.as_str(), "0a000000-0000-4000-8000-0000000000aa");
}

#[test]
fn a_log_that_grows_keeps_what_it_had() {
    grows(agent(AGENT), &fixture(AGENT, "transcript.jsonl"));
    is_read_however_it_is_cut(agent(AGENT), &fixture(AGENT, "transcript.jsonl"));
}
