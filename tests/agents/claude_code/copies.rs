//! What is written more than once counts once; what breaks off in the middle of a character stays; what is
//! printed for other programs is read.

use git_session::hail::{Event, EventType, Session};

use super::{bytes, fixture, of_call, parse, session, texts};

const FORK: &str = "fork/0a000000-0000-4000-8000-000000000025/subagents/agent-afork1.jsonl";

fn counts(session: &Session) -> (u64, u64) {
    (session.stats.total_input_tokens, session.stats.total_output_tokens)
}

#[test]
fn half_a_surrogate_pair_costs_no_more_than_itself() {
    let session = session("half-surrogates.jsonl");
    let EventType::FileEdit { path, diff: Some(diff) } = &of_call(&session, "toolu_1")[0].event_type else { panic!() };
    assert_eq!(path, "/home/ann/shop/a.txt");
    assert!(diff.ends_with("-x\n+half \u{fffd} kite\n"), "{diff}");
    assert_eq!(texts(&session, &EventType::UserMessage), ["Half \u{fffd} of it"]);
    assert_eq!(of_call(&session, "toolu_2")[1].content.to_text(), "\u{1F600} and \u{fffd}");
    let arguments = serde_json::to_string(&of_call(&session, "toolu_2")[0].content).expect("JSON");
    assert!(arguments.contains("\"\u{fffd}\":[\"\u{fffd}\",{\"deep\":\"\u{fffd}\"}]"), "{arguments}");
    assert_eq!(session.header.context.title, "Half \u{fffd} of it");
}

#[test]
fn records_that_are_written_again_with_new_ids_count_once() {
    let session = session("replayed.jsonl");
    assert_eq!(texts(&session, &EventType::UserMessage), ["Go", "Go", "Go"], "a person may say the same again");
    assert_eq!(texts(&session, &EventType::AgentMessage), ["One", "Two", "Three"]);
    assert_eq!(counts(&session), (2 + 4 + 6 + 7, 2 + 4 + 6 + 7));
    assert_eq!(of_call(&session, "toolu_1").len(), 2);
}

#[test]
fn messages_of_one_moment_are_no_copies_of_each_other() {
    let log = String::from_utf8(bytes("replayed.jsonl")).expect("UTF-8");
    let first = log.lines().nth(4).expect("a result");
    let other = first.replace("toolu_1", "toolu_2").replace("000000000005\"", "000000000015\"");
    let parsed = parse(format!("{first}\n{other}\n").as_bytes(), None).expect("parses");
    assert_eq!(parsed.session.events.len(), 2);
}

#[test]
fn a_forked_session_counts_what_it_says_itself_and_names_the_one_it_copied() {
    let session = session("forked.jsonl");
    assert_eq!(texts(&session, &EventType::UserMessage), ["Go another way"]);
    assert_eq!(session.header.context.title, "Go another way");
    assert_eq!(counts(&session), (8, 8));
    assert_eq!(session.header.session_id.as_str(), "0a000000-0000-4000-8000-000000000023");
    assert_eq!(session.header.context.related_session_ids, ["0a000000-0000-4000-8000-000000000022"]);
    let is_mark = |event: &&Event| matches!(&event.event_type, EventType::Custom { kind } if kind == "forked_from");
    assert_eq!(session.events.iter().filter(is_mark).count(), 1);
    let old = String::from_utf8(bytes("forked.jsonl")).expect("UTF-8");
    let old = old.replace(
        r#"{"sessionId":"0a000000-0000-4000-8000-000000000022","messageUuid""#,
        r#""0a000000-0000-4000-8000-000000000022","was":{"m""#,
    );
    let parsed = parse(old.as_bytes(), None).expect("parses");
    assert_eq!(counts(&parsed.session), (8, 8), "early versions write the id alone");
}

#[test]
fn a_forked_subagent_counts_what_it_says_itself() {
    let session = session(FORK);
    assert_eq!(counts(&session), (12, 12));
    assert_eq!(session.header.context.title, "Do the side job");
    assert_eq!(texts(&session, &EventType::AgentMessage), ["side job done"]);
    assert_eq!(session.header.role(), "auxiliary");
    assert_eq!(session.header.attribute("parent_session_id"), Some("0a000000-0000-4000-8000-000000000025"));
    let alone = parse(&bytes(FORK), None).expect("parses").session;
    assert_eq!(counts(&alone), (1012, 512), "without its parent there is no telling");
    let parent = self::session("fork/0a000000-0000-4000-8000-000000000025.jsonl");
    assert_eq!(counts(&parent), (1003, 503));
}

#[test]
fn what_is_printed_for_other_programs_is_read() {
    let path = fixture("printed/stream-json.jsonl");
    let session = super::super::fixtures::parsed("claude-code", &path).session;
    assert_eq!(session.header.session_id.as_str(), "0a000000-0000-4000-8000-000000000024");
    assert_eq!(session.header.cwd(), Some("/home/ann/shop"));
    assert_eq!(session.header.agent.tool_version.as_deref(), Some("2.1.258"));
    assert_eq!(session.header.agent.model, "claude-opus-5");
    assert_eq!(counts(&session), (8, 10));
    assert_eq!(of_call(&session, "toolu_1")[0].event_type.changed_path(), Some("/home/ann/shop/b.txt"));
    let cost: f64 = session.events.iter().filter_map(|event| event.attributes.get("cost_usd")?.as_f64()).sum();
    assert!((cost - 0.01).abs() < 1e-9);
    let written = std::fs::metadata(&path).and_then(|file| file.modified()).expect("known");
    assert_eq!(session.header.context.created_at, written.into(), "it has no time but that of the file");
}
