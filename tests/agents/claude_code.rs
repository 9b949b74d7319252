//! Claude Code's logs: snapshots of the fixtures, one test for every trap, and the corpus.

use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

use git_session::{
    agents::{Log, ParseError, Parsed, by_name, parse_session},
    hail::{Block, Event, EventType, Header, Session, Sink},
};

mod copies;
mod corpus;
mod discovery;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents/claude-code").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).expect("the fixture is there")
}

fn parse(bytes: &[u8], path: Option<&Path>) -> Result<Parsed, ParseError> {
    parse_session(by_name("claude-code").expect("known"), &mut Log::new(bytes, path))
}

fn session(name: &str) -> Session {
    parse(&bytes(name), Some(&fixture(name))).expect("parses").session
}

fn of_call<'a>(session: &'a Session, call: &str) -> Vec<&'a Event> {
    session
        .events
        .iter()
        .filter(|event| event.attributes.get("semantic.call_id").is_some_and(|id| id == call))
        .collect()
}

fn exit_code(session: &Session, call: &str) -> Option<i32> {
    match &of_call(session, call)[0].event_type {
        EventType::ShellCommand { exit_code, .. } => *exit_code,
        other => panic!("{call} is {other:?}"),
    }
}

fn texts(session: &Session, kind: &EventType) -> Vec<String> {
    session.events.iter().filter(|event| event.event_type == *kind).map(|event| event.content.to_text()).collect()
}

/// Collects without sorting or dropping, as a strict output would.
#[derive(Default)]
struct Raw {
    headers: usize,
    events: Vec<Event>,
}

impl Sink for Raw {
    fn header(&mut self, _: Header) -> std::io::Result<()> {
        self.headers += 1;
        Ok(())
    }

    fn event(&mut self, event: Event) -> std::io::Result<()> {
        self.events.push(event);
        Ok(())
    }
}

#[test]
fn every_fixture_becomes_the_canonical_hail_it_did_before() {
    insta::glob!("../../fixtures/agents/claude-code", "*.jsonl", |path| {
        let input = fs::read(path).expect("readable");
        let parsed = parse(&input, Some(path)).expect("parses");
        assert_eq!(parsed.warnings, []);
        insta::assert_snapshot!(String::from_utf8(parsed.session.to_bytes()).expect("UTF-8"));
    });
}

#[test]
fn an_answer_streamed_over_several_lines_is_counted_once_by_its_last() {
    let session = session("streamed-answer.jsonl");
    assert_eq!((session.stats.total_input_tokens, session.stats.total_output_tokens), (6, 132));
    let counted: Vec<u64> =
        session.events.iter().map(|event| event.count("output_tokens")).filter(|n| *n > 0).collect();
    assert_eq!(counted, [90, 42]);
    assert_eq!(of_call(&session, "t2")[0].count("cache_read_tokens"), 1000);
}

#[test]
fn parallel_results_find_their_calls_in_any_order() {
    let session = session("streamed-answer.jsonl");
    for (call, tool) in [("t1", "Read"), ("t2", "Grep")] {
        let EventType::ToolResult { name, .. } = &of_call(&session, call)[1].event_type else { panic!("{call}") };
        assert_eq!(name, tool);
    }
}

#[test]
fn a_message_made_up_by_the_program_has_no_model_and_is_no_answer() {
    let session = session("streamed-answer.jsonl");
    assert_eq!(session.header.agent.model, "claude-opus-4-6");
    let made_up = session.events.iter().find(|event| event.content.to_text().starts_with("API Error")).expect("kept");
    assert_eq!(made_up.event_type, EventType::SystemMessage);
    assert!(!made_up.attributes.contains_key("model"));
    assert_eq!(made_up.attributes["source.fields"]["error"], "overloaded");
}

#[test]
fn commands_keep_the_exit_code_where_it_is_known() {
    let session = session("tools.jsonl");
    let codes: Vec<Option<i32>> = ["b1", "b2", "b3", "b4", "b5"].map(|call| exit_code(&session, call)).into();
    assert_eq!(codes, [Some(0), Some(4), Some(1), None, None]);
}

#[test]
fn an_edit_that_failed_changes_no_file() {
    let session = session("tools.jsonl");
    for (call, tool, argument) in [("e2", "Edit", "old_string"), ("w3", "Write", "content")] {
        let [asked, answered] = of_call(&session, call)[..] else { panic!("{call} has a call and a result") };
        assert_eq!(asked.event_type, EventType::ToolCall { name: tool.to_owned() });
        let Block::Json { data } = &asked.content.blocks[0] else { panic!("{call} keeps its arguments") };
        assert!(data.get("file_path").is_some() && data.get(argument).is_some(), "{data}");
        assert!(matches!(answered.event_type, EventType::ToolResult { is_error: true, .. }));
    }
    let changed: HashSet<&str> = session.events.iter().filter_map(|event| event.event_type.changed_path()).collect();
    assert!(!changed.contains("/home/ann/shop/denied.py"));
    assert_eq!(session.stats.files_changed, 3);
}

#[test]
fn overwriting_a_file_is_an_edit_with_a_diff_and_creating_one_is_not() {
    let session = session("tools.jsonl");
    assert!(matches!(of_call(&session, "w1")[0].event_type, EventType::FileCreate { .. }));
    let EventType::FileEdit { diff: Some(diff), .. } = &of_call(&session, "w2")[0].event_type else { panic!("w2") };
    assert!(diff.contains("-two\n+2\n"), "{diff}");
}

#[test]
fn several_edits_of_one_call_are_one_event_with_one_diff() {
    let session = session("tools.jsonl");
    let EventType::FileEdit { diff: Some(diff), .. } = &of_call(&session, "m1")[0].event_type else { panic!("m1") };
    assert_eq!(diff.matches("@@ -").count(), 2, "{diff}");
    assert_eq!(diff.matches("--- a/").count(), 1, "{diff}");
}

#[test]
fn an_answer_of_an_unknown_shape_is_kept_and_its_tokens_count() {
    let line = r#"{"type":"assistant","sessionId":"s","uuid":"u","parentUuid":null,"version":"3.0","timestamp":"2027-01-01T00:00:00Z","requestId":"r","message":{"id":"m","model":"claude-next","content":[7],"usage":{"input_tokens":2,"output_tokens":5}}}"#;
    let session = parse(line.as_bytes(), None).expect("parses").session;
    assert_eq!(session.events[0].event_type, EventType::Custom { kind: "assistant".to_owned() });
    assert_eq!((session.stats.total_output_tokens, session.header.agent.model.as_str()), (5, "claude-next"));
}

#[test]
fn only_what_a_person_typed_is_a_user_message() {
    let session = session("injected-rows.jsonl");
    let typed = ["Rename the cart.", "<system-reminder>note</system-reminder>\nAnd the tests.", "Use snake case."];
    assert_eq!(texts(&session, &EventType::UserMessage), typed);
    assert_eq!(session.header.context.title, "Rename the cart.");
}

#[test]
fn a_summary_after_compaction_is_not_the_person_speaking() {
    let session = session("compaction.jsonl");
    let typed = texts(&session, &EventType::UserMessage);
    assert_eq!(typed, ["Add a discount.", "Now the invoice.", "Make it a PDF instead."]);
    let custom = |kind: &str| EventType::Custom { kind: kind.to_owned() };
    for kind in ["system/compact_boundary", "system/microcompact_boundary"] {
        assert!(session.events.iter().any(|event| event.event_type == custom(kind)), "{kind}");
    }
}

#[test]
fn a_sidechain_stays_in_its_session_and_a_subagents_file_is_one_of_its_own() {
    let inline = session("sidechain-inline.jsonl");
    assert_eq!(inline.header.role(), "primary");
    assert_eq!(texts(&inline, &EventType::UserMessage), ["Where is tax computed?"]);
    assert_eq!(inline.events.iter().filter(|event| event.attributes.contains_key("semantic.sidechain")).count(), 4);
    let subagent = session("agent-a5f2c01.jsonl").header;
    assert_eq!((subagent.session_id.as_str(), subagent.role()), ("agent-a5f2c01", "auxiliary"));
    assert_eq!(subagent.attribute("parent_session_id"), Some("0a000000-0000-4000-8000-000000000006"));
    assert_eq!(subagent.context.title, "List the open tasks in this repository");
    let nameless = parse(&bytes("agent-a5f2c01.jsonl"), None).expect("parses").session.header;
    assert_eq!(nameless.session_id, subagent.session_id);
}

#[test]
fn a_resumed_session_is_named_by_its_file_else_by_what_was_said_last() {
    let id = |path: Option<&str>| {
        let parsed = parse(&bytes("resumed.jsonl"), path.map(Path::new)).expect("parses");
        parsed.session.header.session_id.to_string()
    };
    assert_eq!(id(None), "0a000000-0000-4000-8000-000000000008");
    assert_eq!(id(Some("0a000000-0000-4000-8000-000000000007.jsonl")), "0a000000-0000-4000-8000-000000000007");
}

#[test]
fn copied_history_is_counted_once_and_a_reused_id_loses_nothing() {
    let session = session("resumed.jsonl");
    assert_eq!(session.stats.total_output_tokens, 24);
    let typed = ["First day.", "Second day.", "The same id on another record."];
    assert_eq!(texts(&session, &EventType::UserMessage), typed);
}

#[test]
fn titles_given_by_hand_come_first_and_a_foreign_summary_never() {
    let all = String::from_utf8(bytes("titles.jsonl")).expect("UTF-8");
    let without = |kinds: &[&str]| {
        let lines = all.lines().filter(|line| !kinds.iter().any(|kind| line.contains(&format!("\"type\":\"{kind}\""))));
        let rest: Vec<&str> = lines.collect();
        parse(rest.join("\n").as_bytes(), None).expect("parses").session.header.context.title
    };
    assert_eq!(without(&[]), "Currencies");
    assert_eq!(without(&["custom-title"]), "Naming currencies");
    assert_eq!(without(&["custom-title", "ai-title"]), "Currency names");
    assert_eq!(without(&["custom-title", "ai-title", "summary"]), "Name the currencies.");
}

#[test]
fn byte_order_mark_and_carriage_returns_change_nothing() {
    let plain = bytes("tools.jsonl");
    let text = String::from_utf8(plain.clone()).expect("UTF-8");
    let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
    let path = fixture("tools.jsonl");
    let parsed = parse(windows.as_bytes(), Some(&path)).expect("parses");
    assert_eq!(parsed.session, parse(&plain, Some(&path)).expect("parses").session);
    assert_eq!(parsed.warnings, []);
}

#[test]
fn a_last_line_that_breaks_off_is_left_out_with_a_warning() {
    let whole = bytes("compaction.jsonl");
    let parsed = parse(&whole[..whole.len() - 20], None).expect("parses");
    let [warning] = &parsed.warnings[..] else { panic!("{:?}", parsed.warnings) };
    assert_eq!((warning.line, warning.cause.as_str()), (8, "the last line breaks off and was left out"));
    assert_eq!(parsed.session.events.len(), 7);
}

#[test]
fn lines_that_are_no_records_are_kept_with_a_warning() {
    let mut input = b"not json\n\xff\xfe{}\n[1]\n".to_vec();
    input.extend(vec![b'['; 100_000]);
    input.push(b'\n');
    input.extend(bytes("agent-a5f2c01.jsonl"));
    let parsed = parse(&input, None).expect("parses");
    assert_eq!(parsed.warnings.iter().map(|warning| warning.line).collect::<Vec<_>>(), [1, 2, 3, 4]);
    let unreadable = EventType::Custom { kind: "unreadable".to_owned() };
    assert_eq!(parsed.session.events.iter().filter(|event| event.event_type == unreadable).count(), 4);
    let first = parsed.session.events[0].timestamp;
    assert_eq!(first.to_string(), "2026-03-02T09:00:05Z", "lines without a time take the first one found");
}

#[test]
fn nothing_and_something_else_are_refused() {
    assert!(matches!(parse(b"", None), Err(ParseError::Empty)));
    assert!(matches!(parse(b"\n \n", None), Err(ParseError::Empty)));
    let foreign = br#"{"timestamp":"2026-03-02T09:00:00Z","type":"session_meta","payload":{}}"#;
    assert!(matches!(parse(foreign, None), Err(ParseError::NoRecord { line: 1, .. })));
}

#[test]
fn a_small_picture_is_kept_and_a_large_one_is_named() {
    let picture = |bytes: usize| {
        let data = "AAAA".repeat(bytes / 3);
        let line = format!(
            r#"{{"type":"user","sessionId":"s","uuid":"u","parentUuid":null,"version":"2.1.0","timestamp":"2026-03-02T09:00:00Z","message":{{"role":"user","content":[{{"type":"text","text":"Look"}},{{"type":"image","source":{{"type":"base64","media_type":"image/png","data":"{data}"}}}}]}}}}"#
        );
        parse(line.as_bytes(), None).expect("parses").session.events.remove(0).content.blocks.remove(1)
    };
    assert!(matches!(picture(300), Block::Image { mime, .. } if mime == "image/png"));
    assert!(matches!(picture(300_000), Block::Reference { uri, .. } if uri.ends_with("?size=300000")));
}

#[test]
fn the_tail_of_a_log_continues_the_header_and_keeps_results_without_calls() {
    let all = String::from_utf8(bytes("streamed-answer.jsonl")).expect("UTF-8");
    let lines: Vec<&str> = all.lines().collect();
    let head = parse(lines[..6].join("\n").as_bytes(), None).expect("parses").session.header;
    let tail = lines[6..].join("\n");
    let mut log = Log::new(tail.as_bytes(), None);
    log.resumed = Some(head);
    let session = parse_session(by_name("claude-code").expect("known"), &mut log).expect("parses").session;
    assert_eq!(session.header.context.title, "Why is the cart total wrong?");
    let name = match &session.events[0].event_type {
        EventType::ToolResult { name, .. } => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(name, "unknown");
}

#[test]
fn every_event_is_given_once_and_the_header_too() {
    let input = bytes("resumed.jsonl");
    let mut raw = Raw::default();
    by_name("claude-code").expect("known").parse(&mut Log::new(&input[..], None), &mut raw).expect("parses");
    let ids: HashSet<&str> = raw.events.iter().map(|event| event.event_id.as_str()).collect();
    assert_eq!((raw.headers, ids.len()), (1, raw.events.len()));
}

/// The lines of a long session: a call, more than is held back, the result of the call.
fn long_log(call: &str, result: &str) -> String {
    let record = |kind: &str, number: u32, message: &str| {
        format!(
            r#"{{"type":"{kind}","uuid":"u{number}","parentUuid":null,"sessionId":"s1","version":"2.1.30","timestamp":"2026-03-02T09:00:00.{number:03}Z","message":{message}}}"#
        )
    };
    let mut lines = vec![record(
        "assistant",
        1,
        &format!(r#"{{"id":"m1","model":"m","usage":{{"output_tokens":7}},"content":[{call}]}}"#),
    )];
    for number in 2..20 {
        lines.push(record("user", number, &format!(r#"{{"content":"{}"}}"#, "x".repeat(1024 * 1024))));
    }
    lines.push(record("user", 20, &format!(r#"{{"content":[{result}]}}"#)));
    lines.join("\n")
}

#[test]
fn a_call_whose_result_comes_too_late_leaves_as_it_is_and_the_result_still_knows_it() {
    let edit =
        r#"{"type":"tool_use","id":"t1","name":"Edit","input":{"file_path":"/a","old_string":"x","new_string":"y"}}"#;
    let result = r#"{"type":"tool_result","tool_use_id":"t1","content":"done"}"#;
    let edited = parse(long_log(edit, result).as_bytes(), None).expect("parses").session;
    let [call, result] = of_call(&edited, "t1")[..] else { panic!("a call and its result") };
    assert!(matches!(&call.event_type, EventType::FileEdit { diff: Some(diff), .. } if diff.contains("+y")));
    assert_eq!(call.count("output_tokens"), 7);
    assert!(matches!(&result.event_type, EventType::ToolResult { name, .. } if name == "Edit"));

    let command = r#"{"type":"tool_use","id":"t1","name":"Bash","input":{"command":"make"}}"#;
    let ran =
        parse(long_log(command, r#"{"type":"tool_result","tool_use_id":"t1","content":"done"}"#).as_bytes(), None);
    assert_eq!(exit_code(&ran.expect("parses").session, "t1"), None);
}

#[test]
fn events_leave_while_the_log_is_being_read() {
    /// Counts the events that arrive before the log ends.
    #[derive(Default)]
    struct Early {
        events: usize,
        before_header: usize,
    }
    impl Sink for Early {
        fn header(&mut self, _: Header) -> std::io::Result<()> {
            self.before_header = self.events;
            Ok(())
        }
        fn event(&mut self, _: Event) -> std::io::Result<()> {
            self.events += 1;
            Ok(())
        }
    }
    let text = r#"{"type":"text","text":"Hello."}"#;
    let log = long_log(text, text);
    let mut early = Early::default();
    by_name("claude-code").expect("known").parse(&mut Log::new(log.as_bytes(), None), &mut early).expect("parses");
    assert_eq!(early.events, 20);
    assert!(early.before_header > 0, "every event waited for the end");
}

#[test]
fn a_copy_of_an_answer_counts_nothing() {
    let answer = |uuid: u32, message: u32| {
        format!(
            r#"{{"type":"assistant","uuid":"u{uuid}","parentUuid":null,"sessionId":"s1","version":"2.1.30","requestId":"r","timestamp":"2026-03-02T09:00:{:02}Z","message":{{"id":"m{message}","model":"m","usage":{{"output_tokens":1}},"content":[{{"type":"text","text":"a"}}]}}}}"#,
            uuid % 60
        )
    };
    let mut lines: Vec<String> = (0..40).map(|number| answer(number, number)).collect();
    lines.push(answer(40, 0));
    let session = parse(lines.join("\n").as_bytes(), None).expect("parses").session;
    assert_eq!((session.stats.event_count, session.stats.total_output_tokens), (41, 40));
}
