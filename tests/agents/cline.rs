//! Cline: the folder of a task, and the messages of the later programs.

use std::{fs, path::Path};

use git_session::{
    agents::{self, Agent, Log, ParseError, Parsed, Sample, Scope, parse_session},
    environment::Environment,
    hail::{Block, Event, EventType, attribute},
};

use super::{fixture, sum, text_of};

const TASK: &str = "cline/tasks/1770000000000/api_conversation_history.json";
const STORE: &str = "cline/1770000000000_kite.messages.json";

fn cline() -> &'static dyn Agent {
    agents::by_name("cline").expect("cline is an agent")
}

fn parse(name: &str) -> Parsed {
    let path = fixture(name);
    parse_session(cline(), &mut Log::open(&path).expect("opened")).unwrap_or_else(|fault| panic!("{name}: {fault}"))
}

fn with_call<'a>(parsed: &'a Parsed, call: &str) -> Vec<&'a Event> {
    let is_of = |event: &&Event| event.attributes.get(attribute::CALL_ID).is_some_and(|id| id == call);
    parsed.session.events.iter().filter(is_of).collect()
}

fn texts(parsed: &Parsed, kind: &EventType) -> Vec<String> {
    let events = parsed.session.events.iter().filter(|event| event.event_type == *kind);
    events.map(|event| event.content.to_text()).collect()
}

fn changed(parsed: &Parsed) -> Vec<&str> {
    parsed.session.events.iter().filter_map(|event| event.event_type.changed_path()).collect()
}

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    for (name, path) in [
        ("cline_task", TASK),
        ("cline_native_calls", "cline/native-calls.json"),
        ("cline_window_only", "cline/window-only.json"),
        ("cline_store", STORE),
    ] {
        insta::assert_snapshot!(name, text_of(&parse(path)));
    }
}

#[test]
fn every_store_is_recognised() {
    let window = "cline/tasks/1770000000000/ui_messages.json";
    for name in [TASK, window, STORE, "cline/native-calls.json", "cline/window-only.json"] {
        let sample = Sample::of(&fixture(name)).expect("readable");
        assert_eq!(agents::detect(&sample).expect("known").name(), "cline", "{name}");
    }
    let metadata = fixture("cline/tasks/1770000000000/task_metadata.json");
    assert!(!cline().recognises(&Sample::of(&metadata).expect("readable")));
}

#[test]
fn a_task_is_the_same_whichever_of_its_files_is_read() {
    let header = parse(TASK).session.header;
    let window = parse("cline/tasks/1770000000000/ui_messages.json").session;
    assert_eq!((header.session_id.as_str(), header.cwd()), ("1770000000000", Some("/home/ann/kite")));
    assert_eq!(window.header, header);
    assert_eq!(window.events, parse(TASK).session.events);
    assert_eq!((header.agent.model.as_str(), header.agent.tool_version.as_deref()), ("glider-2", Some("3.40.0")));
}

#[test]
fn calls_that_are_text_have_results_that_are_text() {
    let parsed = parse(TASK);
    assert_eq!(parsed.session.stats.tool_call_count, 5);
    let results = parsed.session.events.iter().filter(|event| matches!(event.event_type, EventType::ToolResult { .. }));
    assert_eq!(results.count(), 4);
    assert_eq!(changed(&parsed), ["kite.py"], "what was denied changed nothing");
    let EventType::FileEdit { diff: Some(diff), .. } = &with_call(&parsed, "message-3-0")[0].event_type else {
        panic!()
    };
    assert!(diff.ends_with("-name = ''\n+name = 'Ada'\n"), "{diff}");
    let command = with_call(&parsed, "message-5-0")[0];
    assert!(matches!(command.event_type, EventType::ShellCommand { exit_code: Some(1), .. }));
}

#[test]
fn the_words_of_a_person_are_those_between_tags() {
    let parsed = parse(TASK);
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Name the kite", "Call it Bea"]);
    assert_eq!(parsed.session.stats.user_message_count, 2);
    assert_eq!(texts(&parse("cline/native-calls.json"), &EventType::UserMessage), ["count", "leave it"]);
}

#[test]
fn every_request_counts_though_one_has_no_answer() {
    let parsed = parse(TASK);
    assert_eq!(sum(&parsed, attribute::INPUT_TOKENS), 10 + 11 + 12 + 13 + 14 + 3);
    assert_eq!(sum(&parsed, attribute::CACHE_READ_TOKENS), 90);
    assert_eq!(sum(&parsed, attribute::CACHE_WRITE_TOKENS), 90);
    let parsed = parse(STORE);
    assert_eq!(sum(&parsed, attribute::INPUT_TOKENS), 30 + 5, "what was cached is counted apart");
}

#[test]
fn a_call_that_does_several_things_is_one_call_with_several_events() {
    let parsed = parse(STORE);
    assert_eq!(parsed.session.stats.tool_call_count, 5);
    assert_eq!(with_call(&parsed, "a").len(), 3);
    assert!(matches!(with_call(&parsed, "a")[2].event_type, EventType::ToolResult { is_error: true, .. }));
    assert_eq!(changed(&parsed), ["/home/ann/kite/a.py", "/home/ann/kite/c.py"]);
    let content = Block::File { path: "/home/ann/kite/c.py".to_owned(), content: Some("3\n".to_owned()) };
    assert_eq!(with_call(&parsed, "d")[0].content.blocks, [content]);
}

#[test]
fn a_summary_of_what_was_said_is_no_prompt() {
    let parsed = parse(STORE);
    assert_eq!(parsed.session.stats.user_message_count, 1);
    assert_eq!(parsed.session.header.cwd(), Some("/home/ann/kite"));
}

#[test]
fn what_breaks_off_or_is_another_document_is_refused() {
    let bytes = fs::read(fixture(STORE)).expect("readable");
    let cut = |end: usize| parse_session(cline(), &mut Log::new(&bytes[..end], None));
    for end in (0..bytes.len() - 2).step_by(53) {
        assert!(matches!(cut(end), Err(ParseError::NoRecord { .. } | ParseError::Empty)), "at {end}");
    }
    for text in ["[]", "[1]", "{}", r#"[{"role":"user"}]"#, r#"[{"role":"user","content":[3]}]"#] {
        assert!(parse_session(cline(), &mut Log::new(text.as_bytes(), None)).is_err(), "{text}");
    }
}

#[test]
fn logs_are_found_in_every_editor() {
    let home = tempfile::tempdir().expect("a folder");
    let files = [
        ".config/Code/User/globalStorage/saoudrizwan.claude-dev/tasks/1/api_conversation_history.json",
        ".config/Code/User/globalStorage/saoudrizwan.claude-dev/tasks/1/ui_messages.json",
        ".cline/data/tasks/2/api_conversation_history.json",
        ".cline/data/sessions/3/3.messages.json",
        ".cline/data/sessions/3/3.compaction.json",
    ];
    for file in files {
        let path = home.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, "[]").expect("written");
    }
    let environment: Environment = [("HOME", home.path())].into_iter().collect();
    let logs = cline().logs(&environment, &Scope::default());
    let found: Vec<&Path> = logs.iter().map(|log| log.path.strip_prefix(home.path()).expect("below")).collect();
    assert_eq!(found, [Path::new(files[3]), Path::new(files[2]), Path::new(files[0])]);
}
