//! Kimi CLI and Kimi Code: what passed between agent and window, and what the model was sent.

use std::path::PathBuf;

use git_session::{
    agents::{Parsed, Scope},
    hail::{EventType, attribute},
};

use super::{
    fixtures::{agent, fixture, grows, is_read_however_it_is_cut, of_call, parsed, rendered, texts},
    plain::{changes, exit_codes, found, tokens},
};

const AGENT: &str = "kimi";
/// The MD5 of `/home/ann/kite`.
const FOLDER: &str = "legacy/sessions/eeab422d4d3fc55a3034946463b690f9";
const CODE: &str = "code/session_0a000000-0000-4000-8000-0000000000a3/agents";

fn wire_path() -> PathBuf {
    fixture(AGENT, &format!("{FOLDER}/0a000000-0000-4000-8000-0000000000a1/wire.jsonl"))
}

fn wire() -> Parsed {
    parsed(AGENT, &wire_path())
}

fn context() -> Parsed {
    parsed(AGENT, &fixture(AGENT, &format!("{FOLDER}/0a000000-0000-4000-8000-0000000000a2/context.jsonl")))
}

fn code(name: &str) -> Parsed {
    parsed(AGENT, &fixture(AGENT, &format!("{CODE}/{name}/wire.jsonl")))
}

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    insta::assert_snapshot!("kimi_wire", rendered(&wire()));
    insta::assert_snapshot!("kimi_context", rendered(&context()));
    insta::assert_snapshot!("kimi_code", rendered(&code("main")));
    insta::assert_snapshot!("kimi_code_child", rendered(&code("agent-0")));
}

#[test]
fn an_edit_has_the_lines_that_the_window_shows() {
    let parsed = wire();
    assert_eq!(changes(&parsed), ["~kite.txt"], "what failed changed nothing");
    let EventType::FileEdit { diff: Some(diff), .. } = &of_call(&parsed.session, "c1")[0].event_type else { panic!() };
    assert!(diff.ends_with("@@ -10,2 +10,2 @@\n a\n-short\n+long\n"), "{diff}");
    assert_eq!(exit_codes(&parsed), [Some(2)]);
}

#[test]
fn a_step_counts_once_and_a_subagent_is_marked() {
    let parsed = wire();
    assert_eq!(tokens(&parsed), [16, 28, 70, 4, 0]);
    let said: Vec<_> = parsed.session.events.iter().filter(|event| event.content.to_text() == "It blows.").collect();
    assert_eq!(said[0].attributes["source.parent_call_id"], "c4");
    assert_eq!(texts(&parsed.session, &EventType::UserMessage), ["Lengthen the tail", "Paint it"]);
    assert_eq!(texts(&parsed.session, &EventType::Thinking), ["Read first."]);
}

#[test]
fn the_folder_is_found_by_its_hash_and_the_title_beside() {
    let header = wire().session.header;
    assert_eq!((header.cwd(), header.context.title.as_str()), (Some("/home/ann/kite"), "A longer tail"));
    assert_eq!(header.session_id.as_str(), "0a000000-0000-4000-8000-0000000000a1");
    let early = context().session;
    assert_eq!(early.header.cwd(), Some("/home/ann/kite"));
    assert_eq!(texts(&early, &EventType::UserMessage), ["Is there wind?"]);
    assert_eq!(of_call(&early, "k1").len(), 2);
}

#[test]
fn the_later_program_tells_a_prompt_and_what_it_used_twice_and_each_counts_once() {
    let parsed = code("main");
    assert_eq!(texts(&parsed.session, &EventType::UserMessage), ["Lengthen the tail"]);
    assert_eq!(tokens(&parsed), [111, 222, 333, 0, 0]);
    assert_eq!(changes(&parsed), ["~kite.txt"]);
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    assert_eq!(texts(&parsed.session, &EventType::AgentMessage), ["I edit it.", "The tail is longer."]);
    let header = &parsed.session.header;
    assert_eq!((header.cwd(), header.agent.model.as_str()), (Some("/home/ann/kite"), "kimi-k2.7-code"));
    let system = texts(&parsed.session, &EventType::SystemMessage);
    assert_eq!(system, ["<system-reminder>plan</system-reminder>", "The tail was lengthened."]);
}

#[test]
fn a_subagent_of_the_later_program_has_a_session_of_its_own() {
    let child = code("agent-0").session;
    let parent = "session_0a000000-0000-4000-8000-0000000000a3";
    assert_eq!(child.header.attribute(attribute::PARENT_SESSION_ID), Some(parent));
    assert_eq!(child.header.session_id.as_str(), format!("{parent}-agent-0"));
    assert_eq!((child.stats.user_message_count, child.header.cwd()), (0, Some("/home/ann/kite/wind")));
}

#[test]
fn logs_of_both_programs_are_found() {
    let files = [
        ".kimi-code/sessions/wd_kite_0123/session_1/agents/agent-0/wire.jsonl",
        ".kimi-code/sessions/wd_kite_0123/session_1/agents/main/wire.jsonl",
        ".kimi-code/sessions/wd_kite_0123/session_1/state.json",
        ".kimi/sessions/abc/s1/context.jsonl",
        ".kimi/sessions/abc/s1/wire.jsonl",
        ".kimi/sessions/abc/s2/context.jsonl",
        ".kimi/sessions/abc/s2/context_1.jsonl",
    ];
    assert_eq!(found(AGENT, &files, &Scope::default()), [files[0], files[1], files[4], files[5]]);
}

#[test]
fn a_log_that_grows_keeps_what_it_had() {
    is_read_however_it_is_cut(agent(AGENT), &wire_path());
    grows(agent(AGENT), &fixture(AGENT, &format!("{FOLDER}/0a000000-0000-4000-8000-0000000000a2/context.jsonl")));
    is_read_however_it_is_cut(agent(AGENT), &fixture(AGENT, &format!("{CODE}/main/wire.jsonl")));
}
