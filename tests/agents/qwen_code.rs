//! Qwen Code: Claude Code's envelope around Gemini's messages.

use std::path::Path;

use git_session::{
    agents::Scope,
    hail::{Event, EventType},
};

use super::plain::{changes, event, exit_codes, fixture, found, parse_file, texts, tokens};

const AGENT: &str = "qwen-code";

#[test]
fn a_session_gives_edits_codes_and_tokens() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "session.jsonl"));
    assert_eq!(changes(&parsed), ["~/home/ann/kite/kite.txt", "~/home/ann/kite/new.txt"]);
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    // The total tells that the first answer's thoughts are in its output and the second's are not.
    assert_eq!(tokens(&parsed), [400 + 1100 + 12, 50 + 15 + 4, 600, 0, 25]);
    assert_eq!(parsed.session.header.context.title, "Longer tail");
    assert_eq!(parsed.session.header.agent.model, "qwen9-max");
}

#[test]
fn what_hooks_and_notices_add_is_no_prompt() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "session.jsonl"));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Lengthen the tail", "Like this?"]);
    assert_eq!(event(&parsed, "n1").attributes["source.injected"], "notification");
}

#[test]
fn telemetry_stays_without_what_is_said_elsewhere() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "session.jsonl"));
    let telemetry = event(&parsed, "r6");
    assert_eq!(telemetry.event_type, EventType::Custom { kind: "ui_telemetry/tool_call".to_owned() });
    let said = serde_json::to_string(&telemetry.content).expect("JSON");
    assert!(said.contains("accept") && !said.contains("function_args"), "{said}");
}

#[test]
fn a_copy_is_read_once_and_a_second_part_of_an_answer_is_kept() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "session.jsonl"));
    let starts = |start: &str| parsed.session.events.iter().filter(|event| event.event_id.starts_with(start)).count();
    assert_eq!((starts("r9"), starts("a2")), (1, 2));
}

#[test]
fn two_records_in_one_line_are_both_read() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "two-in-a-line.jsonl"));
    let ids: Vec<&str> = parsed.session.events.iter().map(|event: &Event| event.event_id.as_str()).collect();
    assert_eq!(ids, ["g0", "g1", "g2"]);
    assert!(parsed.warnings.is_empty());
}

#[test]
fn logs_are_found_by_the_folder_of_the_project() {
    let kite = ".qwen/projects/-home-ann-kite/chats/a.jsonl";
    let files = [kite, ".qwen/projects/-home-bob/chats/b.jsonl", ".qwen/projects/-home-ann-kite/other/c.jsonl"];
    let scope = Scope { folder: Some(Path::new("/home/ann/kite")), ..Scope::default() };
    assert_eq!(found(AGENT, &files, &scope), [kite]);
    assert_eq!(found(AGENT, &files, &Scope::default()), files[..2]);
}

#[test]
fn a_session_of_slash_commands_only_is_recognised_by_what_the_program_says_of_itself() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "slash-commands.jsonl"));
    assert_eq!(parsed.session.stats.event_count, 2);
    assert_eq!(parsed.session.header.cwd(), Some("/home/ann/kite"));
    assert_eq!(parsed.session.stats.user_message_count, 0, "a command is no prompt");
}

#[test]
fn what_a_branch_copied_counts_in_the_session_that_it_is_of() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "branched.jsonl"));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Shorten it"]);
    assert_eq!(tokens(&parsed)[..2], [30, 5]);
    let context = &parsed.session.header.context;
    assert_eq!(context.related_session_ids, ["00000000-0000-4000-8000-00000000b001"]);
    assert_eq!((context.title.as_str(), parsed.session.header.role()), ("Shorten it", "primary"));
}

#[test]
fn a_session_that_another_one_started_names_it_and_has_no_prompts_of_a_person() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "child.jsonl"));
    let header = &parsed.session.header;
    let parent = Some("00000000-0000-4000-8000-00000000b001");
    assert_eq!((header.attribute("parent_session_id"), header.role()), (parent, "auxiliary"));
    assert_eq!(parsed.session.stats.user_message_count, 0);
    assert_eq!(event(&parsed, "s2").attributes["source.injected"], "sidechain");
    assert!(!serde_json::to_string(&event(&parsed, "s1").content).expect("JSON").contains("Lengthen"));
}
