//! Codex CLI: every generation of its logs, and every trap in them.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use git_session::{
    agents::{self, Agent, Log, ParseError, Parsed, Sample, Scope, parse_session},
    environment::Environment,
    hail::{Block, Event, EventType, attribute},
};

fn codex() -> &'static dyn Agent {
    agents::by_name("codex").expect("codex is an agent")
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents/codex").join(name)
}

fn parse_file(path: &Path) -> Parsed {
    let mut log = Log::open(path).expect("the log can be opened");
    parse_session(codex(), &mut log).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

fn parse(name: &str) -> Parsed {
    parse_file(&fixture(name))
}

fn parse_text(text: &str) -> Result<Parsed, ParseError> {
    parse_session(codex(), &mut Log::new(text.as_bytes(), None))
}

fn with_call<'a>(parsed: &'a Parsed, call: &str) -> Vec<&'a Event> {
    let is_of = |event: &&Event| event.attributes.get(attribute::CALL_ID).is_some_and(|id| id == call);
    parsed.session.events.iter().filter(is_of).collect()
}

fn texts<'a>(parsed: &'a Parsed, kind: &EventType) -> Vec<&'a str> {
    let events = parsed.session.events.iter().filter(|event| event.event_type == *kind);
    events.flat_map(|event| event.content.texts()).collect()
}

fn sum(parsed: &Parsed, key: &str) -> u64 {
    parsed.session.events.iter().map(|event| event.count(key)).sum()
}

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    insta::glob!("../../fixtures/agents/codex", "*.jsonl", |path| {
        let parsed = parse_file(path);
        let mut text = String::from_utf8(parsed.session.to_bytes()).expect("HAIL is UTF-8");
        for warning in parsed.warnings {
            writeln!(text, "warning: line {}: {}", warning.line, warning.cause).expect("memory takes it");
        }
        insta::assert_snapshot!(text);
    });
}

#[test]
fn every_fixture_is_recognised_by_its_content() {
    insta::glob!("../../fixtures/agents/codex", "*.jsonl", |path| {
        let sample = Sample::read(fs::read(path).expect("readable").as_slice()).expect("readable");
        assert!(codex().recognises(&sample), "{}", path.display());
    });
}

#[test]
fn what_is_said_twice_is_kept_once_and_what_is_repeated_is_kept_twice() {
    let parsed = parse("shell-0.36.jsonl");
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["make the tail longer", "go on", "go on"]);
    let said = ["I look at the tail first.", "Half a sentence that only", "Done.", "Done."];
    assert_eq!(texts(&parsed, &EventType::AgentMessage), said);
    let thought = ["**Planning**\n\nFirst look.", "**Reading**", "**Patching**"];
    assert_eq!(texts(&parsed, &EventType::Thinking), thought);
}

#[test]
fn what_the_harness_says_in_the_persons_name_is_no_prompt() {
    let parsed = parse("exec-0.140.jsonl");
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Make it fly higher\n", "like this?"]);
    let system = texts(&parsed, &EventType::SystemMessage).join("\n");
    for injected in ["<permissions", "Stay polite.", "# AGENTS.md", "<environment_context>", "## Open tabs", "Earlier:"]
    {
        assert!(system.contains(injected), "{injected}");
    }
}

#[test]
fn tokens_count_once_although_totals_repeat_and_fall() {
    let parsed = parse("exec-0.140.jsonl");
    // 5000, 6000, 9000, then a reset: 100, 600, 800; of these 4000, 5000, 8000 and 500 were cached.
    assert_eq!(sum(&parsed, attribute::INPUT_TOKENS), 1000 + 1000 + 1000 + 100 + 600 + 300);
    assert_eq!(sum(&parsed, attribute::CACHE_READ_TOKENS), 17_500);
    assert_eq!(sum(&parsed, attribute::OUTPUT_TOKENS), 120 + 30 + 150 + 10 + 10 + 40);
    assert_eq!(parsed.session.stats.total_input_tokens, sum(&parsed, attribute::INPUT_TOKENS));
    assert_eq!(parsed.session.stats.total_output_tokens, sum(&parsed, attribute::OUTPUT_TOKENS));
}

#[test]
fn tokens_that_come_before_their_answer_go_to_it() {
    let parsed = parse("shell-0.36.jsonl");
    let counted = |call: &str| with_call(&parsed, call)[0].count(attribute::OUTPUT_TOKENS);
    assert_eq!((counted("call_1"), counted("call_2")), (0, 30));
    assert!(
        !parsed
            .session
            .events
            .iter()
            .any(|event| { matches!(&event.event_type, EventType::Custom { kind } if kind == "token_count") })
    );
}

#[test]
fn a_background_command_gets_its_exit_code_from_the_poll_that_saw_it_end() {
    let parsed = parse("exec-0.140.jsonl");
    let command = with_call(&parsed, "call_1")[0];
    assert_eq!(command.event_type, EventType::ShellCommand { command: "./wind".to_owned(), exit_code: Some(7) });
    assert_eq!(command.duration_ms, Some(3500));
    assert!(matches!(with_call(&parsed, "call_1")[1].event_type, EventType::ToolResult { is_error: false, .. }));
    assert!(matches!(with_call(&parsed, "call_3")[1].event_type, EventType::ToolResult { is_error: true, .. }));
}

#[test]
fn the_exit_code_is_the_harness_s_and_not_what_the_tool_printed() {
    let parsed = parse("shell-command-0.99.jsonl");
    let EventType::ShellCommand { exit_code, .. } = with_call(&parsed, "call_1")[0].event_type else { panic!() };
    assert_eq!(exit_code, Some(4));
}

#[test]
fn a_patch_gives_one_event_for_each_file() {
    let parsed = parse("exec-0.140.jsonl");
    let events = with_call(&parsed, "call_4");
    let kinds: Vec<&EventType> = events.iter().map(|event| &event.event_type).collect();
    assert!(matches!(kinds[0], EventType::FileCreate { path } if path == "sail.rs"));
    assert_eq!(
        *kinds[1],
        EventType::FileEdit {
            path: "kite.rs".to_owned(),
            diff: Some(
                "--- a/kite.rs\n+++ b/kite.rs\n@@ -40 +40 @@ fn main\n-fn main() {}\n+fn main() { sail() }\n"
                    .to_owned()
            ),
        }
    );
    assert!(matches!(kinds[2], EventType::FileEdit { path, .. } if path == "new.rs"));
    assert_eq!(events[2].attributes["renamed_from"], "old.rs");
    assert!(matches!(kinds[3], EventType::FileDelete { path } if path == "rope.txt"));
    let content = Block::File { path: "sail.rs".to_owned(), content: Some("pub fn sail() {}\n".to_owned()) };
    assert_eq!(events[0].content.blocks, [content]);
    assert!(matches!(kinds[4], EventType::ToolResult { name, is_error: false, .. } if name == "apply_patch"));
}

#[test]
fn a_patch_in_a_here_document_is_a_patch() {
    let parsed = parse("shell-0.36.jsonl");
    let changed = |call: &str| -> Vec<&str> {
        with_call(&parsed, call).into_iter().filter_map(|event| event.event_type.changed_path()).collect()
    };
    assert_eq!(changed("call_3"), ["tail.txt", "knots.txt"]);
    assert_eq!(changed("call_5"), ["knots.txt"], "a script that patches and then fails has patched");
    let script = with_call(&parsed, "call_5")[0];
    assert!(matches!(script.event_type, EventType::ShellCommand { exit_code: Some(3), .. }));
}

#[test]
fn a_patch_that_failed_changes_nothing() {
    for (log, call) in
        [("exec-0.140.jsonl", "call_5"), ("shell-0.36.jsonl", "call_4"), ("shell-command-0.99.jsonl", "call_3")]
    {
        let parsed = parse(log);
        let events = with_call(&parsed, call);
        assert!(events.iter().all(|event| event.event_type.changed_path().is_none()), "{log}");
        assert!(matches!(events[1].event_type, EventType::ToolResult { is_error: true, .. }), "{log}");
    }
}

#[test]
fn a_patch_without_a_result_is_marked_as_unconfirmed() {
    let parsed = parse("shell-command-0.99.jsonl");
    let event = with_call(&parsed, "call_4")[0];
    assert_eq!(event.event_type.changed_path(), Some("knot.txt"));
    assert_eq!(event.attributes["patch_status"], "unconfirmed");
}

#[test]
fn the_model_follows_the_turns() {
    let parsed = parse("exec-0.140.jsonl");
    let models: Vec<&str> = parsed
        .session
        .events
        .iter()
        .filter(|event| event.event_type == EventType::AgentMessage)
        .filter_map(|event| event.attributes[attribute::MODEL].as_str())
        .collect();
    assert_eq!(models, ["gpt-5.3-codex", "gpt-5.3-codex", "gpt-5.5"]);
    assert_eq!(parsed.session.header.agent.model, "gpt-5.5");
    assert_eq!(parsed.session.header.context.title, "Higher kite");
}

#[test]
fn subagents_are_auxiliary_and_know_their_parent() {
    let review = parse("review-subagent.jsonl").session.header;
    assert_eq!((review.role(), review.agent.provider.as_str()), ("auxiliary", "azure"));
    let spawned = parse("spawned-subagent.jsonl").session.header;
    let parent = "00000000-0000-4000-8000-000000000003";
    assert_eq!((spawned.role(), spawned.attribute(attribute::PARENT_SESSION_ID)), ("auxiliary", Some(parent)));
    assert_eq!(spawned.context.related_session_ids, [parent]);
    assert_eq!(parse("exec-0.140.jsonl").session.header.role(), "primary");
}

#[test]
fn the_first_meta_record_names_the_session_and_a_copied_one_is_related() {
    let header = parse("resumed-history.jsonl").session.header;
    assert_eq!(header.session_id.as_str(), "00000000-0000-4000-8000-000000000008");
    assert_eq!(header.context.related_session_ids, ["00000000-0000-4000-8000-000000000009"]);
    assert_eq!(header.cwd(), Some("/home/ann/kite"));
    let desktop = parse("desktop-repeated-meta.jsonl").session;
    assert!(desktop.header.context.related_session_ids.is_empty());
    let is_meta = |event: &&Event| matches!(&event.event_type, EventType::Custom { kind } if kind == "session_meta");
    assert_eq!(desktop.events.iter().filter(is_meta).count(), 1);
}

#[test]
fn the_bare_format_has_its_folder_and_no_credentials() {
    let parsed = parse("bare-0.20.jsonl");
    assert_eq!(parsed.session.header.cwd(), Some("/home/ann/kite"));
    let bytes = parsed.session.to_bytes();
    assert!(!String::from_utf8_lossy(&bytes).contains("secret"));
    assert_eq!(parsed.session.stats.user_message_count, 1);
}

#[test]
fn what_cannot_be_read_is_kept_and_told() {
    let parsed = parse("damaged.jsonl");
    let faults: Vec<(u64, &str)> =
        parsed.warnings.iter().map(|warning| (warning.line, warning.cause.as_str())).collect();
    assert_eq!(faults.len(), 4, "{faults:?}");
    assert!(faults[0].1.starts_with("not UTF-8"));
    assert_eq!(faults[3], (11, "the last line breaks off and was left out"));
    assert_eq!(texts(&parsed, &EventType::AgentMessage), ["Yes."]);
}

#[test]
fn a_log_cut_anywhere_is_read_as_far_as_it_goes() {
    for name in ["exec-0.140.jsonl", "shell-0.36.jsonl", "bare-0.20.jsonl"] {
        let bytes = fs::read(fixture(name)).expect("readable");
        let first = bytes.iter().position(|byte| *byte == b'\n').expect("a line");
        for end in (first + 1..bytes.len()).step_by(37) {
            let mut log = Log::new(&bytes[..end], None);
            let parsed = parse_session(codex(), &mut log).unwrap_or_else(|fault| panic!("{name} at {end}: {fault}"));
            assert!(parsed.warnings.len() <= 1, "{name} at {end}: {:?}", parsed.warnings);
        }
    }
}

#[test]
fn empty_and_foreign_input_is_refused() {
    assert!(matches!(parse_text(""), Err(ParseError::Empty)));
    assert!(matches!(parse_text("hello\n"), Err(ParseError::NoRecord { line: 1, .. })));
    assert!(matches!(parse_text("{\"a\":1}\n"), Err(ParseError::NoRecord { .. })));
}

#[test]
fn hostile_records_do_no_harm() {
    let meta = r#"{"timestamp":"2026-01-05T09:00:00Z","type":"session_meta","payload":{"id":"../../etc"}}"#;
    let deep = "[".repeat(100_000);
    for payload in [
        r#"{"type":"function_call","name":"shell","arguments":"{\"command\":[]}","call_id":"a"}"#,
        r#"{"type":"function_call","name":"apply_patch","arguments":"*** Begin Patch\n*** Update File:\n+","call_id":""}"#,
        r#"{"type":"function_call"}"#,
        r#"{"type":"message","role":"user","content":{"text":1}}"#,
        r#"{"type":"function_call_output","output":[[[]]]}"#,
        r#"{"type":"web_search_call","action":null}"#,
        r#"{"type":"reasoning","summary":null,"summary":null}"#,
        r#"{"type":"message","role":"user","content":[{"type":"input_text","text":"\ud800"}]}"#,
        deep.as_str(),
        "null",
        "3",
    ] {
        let text = format!("{meta}\n{{\"timestamp\":\"\",\"type\":\"response_item\",\"payload\":{payload}}}\n");
        let parsed = parse_text(&text).unwrap_or_else(|fault| panic!("{}: {fault}", &payload[..payload.len().min(80)]));
        let mut validator = git_session::hail::Validator::default();
        for (line, event) in (1..).zip(parsed.session.events) {
            let found = validator.check(line, &git_session::hail::Record::Event(Box::new(event)));
            assert!(found.iter().all(|violation| violation.rule == "the header is missing"), "{found:?}");
        }
    }
}

#[test]
fn a_parse_can_begin_in_the_middle() {
    let bytes = fs::read(fixture("exec-0.140.jsonl")).expect("readable");
    let whole = parse("exec-0.140.jsonl").session;
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let tail = lines[11..].concat();
    let mut log = Log::new(tail.as_slice(), None);
    log.resumed = Some(whole.header.clone());
    let parsed = parse_session(codex(), &mut log).expect("the tail is read");
    assert_eq!(parsed.session.header.session_id, whole.header.session_id);
    assert_eq!(parsed.session.header.cwd(), whole.header.cwd());
    let first = &with_call(&parsed, "call_1")[0].event_type;
    assert!(matches!(first, EventType::ToolResult { name, .. } if name == "unknown"), "{first:?}");
}

#[test]
fn logs_are_found_below_the_agents_folder() {
    let home = tempfile::tempdir().expect("a folder");
    let day = home.path().join("sessions/2026/01/05");
    let archive = home.path().join("archived_sessions/old");
    for folder in [&day, &archive] {
        fs::create_dir_all(folder).expect("a folder");
    }
    for file in
        [day.join("rollout-a.jsonl"), day.join("notes.jsonl"), day.join("rollout-b.txt"), archive.join("c.jsonl")]
    {
        fs::write(file, "{}\n").expect("a file");
    }
    let environment: Environment = [("CODEX_HOME", home.path().as_os_str())].into_iter().collect();
    let names = |scope: &Scope<'_>| -> Vec<String> {
        let logs = codex().logs(&environment, scope);
        logs.iter().map(|log| log.path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names(&Scope::default()), ["c.jsonl", "rollout-a.jsonl"]);
    let later = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1 << 40);
    assert!(names(&Scope { since: Some(later), ..Scope::default() }).is_empty());
    let archived = archive.join("c.jsonl").display().to_string();
    assert_eq!(names(&Scope { left_out: &["/", &archived], ..Scope::default() }), ["rollout-a.jsonl"]);
    assert!(codex().logs(&Environment::default(), &Scope::default()).is_empty());
}

/// Real logs.
mod real {
    use super::{Event, EventType, Sample, attribute, codex, fs, parse_file, sum};
    use crate::agents::corpus::{corpus, files_below};

    #[test]
    #[ignore = "reads real logs, which GIT_SESSION_DATA names"]
    fn every_log_parses_to_a_sound_session_twice_the_same() {
        let logs = files_below(&corpus().join("codex"));
        assert!(!logs.is_empty());
        for path in logs.iter().filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")) {
            let parsed = parse_file(path);
            let session = &parsed.session;
            let name = path.display();
            assert!(parsed.warnings.is_empty(), "{name}: {:?}", parsed.warnings);
            assert_eq!(session.to_bytes(), parse_file(path).session.to_bytes(), "{name}");
            assert_eq!(sum(&parsed, attribute::INPUT_TOKENS), session.stats.total_input_tokens, "{name}");
            assert_eq!(sum(&parsed, attribute::OUTPUT_TOKENS), session.stats.total_output_tokens, "{name}");
            assert!(session.events.is_sorted_by_key(|event| event.timestamp), "{name}");
            let has_context =
                |event: &Event| matches!(&event.event_type, EventType::Custom { kind } if kind == "turn_context");
            let is_known = session.header.agent.model != "unknown";
            assert_eq!(is_known, session.events.iter().any(has_context), "{name}");
        }
    }

    #[test]
    #[ignore = "reads real logs, which GIT_SESSION_DATA names"]
    fn its_own_logs_are_recognised_and_nobody_elses() {
        let logs = files_below(&corpus());
        for path in logs.iter().filter(|path| path.file_name().is_some_and(|name| name != "INDEX.tsv")) {
            let sample = Sample::read(fs::read(path).expect("readable").as_slice()).expect("readable");
            let is_own = path.starts_with(corpus().join("codex"));
            assert_eq!(codex().recognises(&sample), is_own, "{}", path.display());
        }
    }
}
