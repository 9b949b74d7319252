//! Cursor: the databases of 2024 and of 2025 on, and the transcripts of its agent.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use git_session::{
    agents::{self, Agent, Log, LogFile, ParseError, Parsed, Sample, Scope, parse_session},
    environment::Environment,
    hail::{Event, EventType, attribute},
};
use tempfile::TempDir;

use super::{fixture, from_sql, sum, text_of};

fn cursor() -> &'static dyn Agent {
    agents::by_name("cursor").expect("cursor is an agent")
}

fn parse(path: &Path, part: Option<&str>) -> Result<Parsed, ParseError> {
    let mut log = Log::open(path).expect("the log can be opened");
    log.part = part;
    parse_session(cursor(), &mut log)
}

/// A fixture in a place of its own, last written at a known time: a transcript has no other.
fn placed(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::copy(fixture("cursor").join(name), &path).expect("copied");
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_770_000_000);
    fs::File::options().append(true).open(&path).expect("opened").set_modified(time).expect("set");
    (folder, path)
}

fn transcript() -> Parsed {
    let (_folder, path) = placed("transcript.jsonl");
    parse(&path, None).expect("parses")
}

fn global() -> Parsed {
    let (_folder, path) = from_sql("cursor/global-2025.sql");
    parse(&path, None).expect("parses")
}

/// The store of the command line, last written at a known time.
fn store() -> (TempDir, Parsed) {
    let (folder, path) = from_sql("cursor/store.sql");
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_770_000_100);
    fs::File::options().append(true).open(&path).expect("opened").set_modified(time).expect("set");
    let parsed = parse(&path, None).expect("parses");
    (folder, parsed)
}

fn with_call<'a>(parsed: &'a Parsed, call: &str) -> Vec<&'a Event> {
    let is_of = |event: &&Event| event.attributes.get(attribute::CALL_ID).is_some_and(|id| id == call);
    parsed.session.events.iter().filter(is_of).collect()
}

fn texts(parsed: &Parsed, kind: &EventType) -> Vec<String> {
    let events = parsed.session.events.iter().filter(|event| event.event_type == *kind);
    events.map(|event| event.content.to_text()).collect()
}

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    let (_folder, workspace) = from_sql("cursor/workspace-2024.sql");
    for (name, part) in [("cursor_composer_2024", "c-2024"), ("cursor_chat_2024", "t-2024")] {
        insta::assert_snapshot!(name, text_of(&parse(&workspace, Some(part)).expect("parses")));
    }
    insta::assert_snapshot!("cursor_global_2025", text_of(&global()));
    insta::assert_snapshot!("cursor_transcript", text_of(&transcript()));
    insta::assert_snapshot!("cursor_store", text_of(&store().1));
    let (_folder, child) = placed("agent-transcripts/parent-1/subagents/child-1.jsonl");
    insta::assert_snapshot!("cursor_transcript_child", text_of(&parse(&child, None).expect("parses")));
}

#[test]
fn every_store_is_recognised() {
    let (_one, workspace) = from_sql("cursor/workspace-2024.sql");
    let (_two, global) = from_sql("cursor/global-2025.sql");
    let (_three, store) = from_sql("cursor/store.sql");
    for path in [workspace, global, store, fixture("cursor/transcript.jsonl")] {
        let sample = Sample::of(&path).expect("readable");
        assert_eq!(agents::detect(&sample).expect("known").name(), "cursor", "{}", path.display());
    }
}

#[test]
fn conversations_in_which_nothing_was_said_are_none() {
    let (_folder, path) = from_sql("cursor/workspace-2024.sql");
    let sessions = cursor().sessions(&LogFile::at(path.clone()).expect("a file")).expect("listed");
    let ids: Vec<&str> = sessions.iter().filter_map(|session| session.part.as_deref()).collect();
    assert_eq!(ids, ["c-2024", "t-2024"]);
    assert!(matches!(parse(&path, None), Err(ParseError::SeveralSessions { parts }) if parts.len() == 2));
    assert!(matches!(parse(&path, Some("c-none")), Err(ParseError::NoRecord { .. })));
}

#[test]
fn a_call_without_a_name_is_the_state_of_a_window_and_no_call() {
    let parsed = global();
    assert_eq!(parsed.session.stats.tool_call_count, 6);
    let kept = parsed.session.events.iter().find(|event| event.event_id == "b7").expect("kept");
    assert_eq!(kept.attributes["source.fields"]["toolFormerData"]["additionalData"]["lineCount"], 2);
}

#[test]
fn edits_have_the_diff_that_was_shown_or_that_of_the_files_before_and_after() {
    let parsed = global();
    let changed: Vec<&str> = parsed.session.events.iter().filter_map(|event| event.event_type.changed_path()).collect();
    assert_eq!(changed, ["line.ts", "line.ts"], "what failed or was refused changed nothing");
    for (call, lines) in
        [("call_b5", "-let length = 30;\n+let length = 50;\n"), ("call_b6", "-let length = 50;\n+let length = 60;\n")]
    {
        let EventType::FileEdit { diff: Some(diff), .. } = &with_call(&parsed, call)[0].event_type else {
            panic!("{call}")
        };
        assert!(diff.contains(lines), "{call}: {diff}");
    }
    let command = with_call(&parsed, "call_b4");
    assert!(matches!(command[0].event_type, EventType::ShellCommand { exit_code: Some(1), .. }));
    assert!(matches!(command[1].event_type, EventType::ToolResult { is_error: true, .. }));
}

#[test]
fn a_bubble_that_is_gone_is_told_and_the_rest_is_read() {
    let parsed = global();
    assert_eq!(parsed.warnings.len(), 2, "{:?}", parsed.warnings);
    assert_eq!(sum(&parsed, attribute::INPUT_TOKENS), 900);
    let header = &parsed.session.header;
    assert_eq!((header.cwd(), header.agent.model.as_str()), (Some("/home/ann/my kite"), "glider-2"));
    assert_eq!(header.context.attributes[attribute::COST_USD], 0.06);
}

#[test]
fn only_code_that_was_accepted_changed_a_file() {
    let (_folder, path) = from_sql("cursor/workspace-2024.sql");
    fs::write(path.with_file_name("workspace.json"), r#"{"folder":"file:///home/ann/kite"}"#).expect("written");
    let parsed = parse(&path, Some("c-2024")).expect("parses");
    let changed: Vec<&str> = parsed.session.events.iter().filter_map(|event| event.event_type.changed_path()).collect();
    assert_eq!(changed, ["/home/ann/kite/src/kite.ts"]);
    assert_eq!(parsed.session.header.cwd(), Some("/home/ann/kite"));
}

#[test]
fn the_words_of_a_person_are_those_that_are_marked() {
    let parsed = transcript();
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Let it fly"]);
    let system = texts(&parsed, &EventType::SystemMessage);
    assert_eq!(system, ["<timestamp>Monday</timestamp>", "<system_reminder>Be brief.</system_reminder>"]);
    assert_eq!(texts(&parsed, &EventType::AgentMessage), ["I read the wind.", "It flies."]);
    assert_eq!(texts(&parsed, &EventType::Thinking), ["", "", "It flies."]);
}

#[test]
fn results_without_the_ids_of_their_calls_come_in_order() {
    let parsed = transcript();
    let name = |event: &Event| match &event.event_type {
        EventType::ToolResult { name, is_error, .. } => Some((name.clone(), *is_error)),
        _ => None,
    };
    let names: Vec<(String, bool)> = parsed.session.events.iter().filter_map(name).collect();
    assert_eq!(names, [("Read".to_owned(), false), ("Shell".to_owned(), true)]);
    assert_eq!(parsed.warnings.len(), 1, "the last line breaks off");
}

#[test]
fn logs_are_found_and_narrowed_by_the_names_of_projects() {
    let home = tempfile::tempdir().expect("a folder");
    let user = home.path().join(".config/Cursor/User");
    let project = home.path().join(".cursor/projects/home-ann-kite/agent-transcripts/s1");
    for path in [
        user.join("globalStorage/state.vscdb"),
        user.join("workspaceStorage/abc/state.vscdb"),
        project.join("s1.jsonl"),
        project.join("subagents/s2.jsonl"),
        project.join("notes.txt"),
        home.path().join(".cursor/chats/0123abcd/chat-1/store.db"),
    ] {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, "x").expect("written");
    }
    let environment: Environment = [("HOME", home.path())].into_iter().collect();
    let count = |folder: Option<&str>| {
        cursor().logs(&environment, &Scope { folder: folder.map(Path::new), ..Scope::default() }).len()
    };
    assert_eq!(count(None), 5);
    assert_eq!(count(Some("/home/ann/kite")), 5);
    assert_eq!(count(Some("/home/ann/kite/tail")), 5);
    assert_eq!(count(Some("/home/ann/other")), 3);
}

#[test]
fn a_store_is_read_in_the_order_of_its_root_and_what_was_summarized_stays() {
    let (_folder, parsed) = store();
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Tie a longer line", "And the tail?"], "each said once");
    let answers = texts(&parsed, &EventType::AgentMessage);
    assert_eq!(answers, ["I measure first.", "It is longer.", "There is no tail."], "no answer that was replaced");
    let summaries: Vec<&Event> = parsed
        .session
        .events
        .iter()
        .filter(|event| event.attributes.get("source.injected").is_some_and(|reason| reason == "compact_summary"))
        .collect();
    assert_eq!(summaries.len(), 1);
    assert!(parsed.warnings.iter().any(|warning| warning.cause.ends_with("is gone")), "{:?}", parsed.warnings);
}

#[test]
fn a_store_tells_its_folder_branch_model_and_title() {
    let (_folder, parsed) = store();
    let header = &parsed.session.header;
    assert_eq!(header.cwd(), Some("/home/ann/kite"));
    assert_eq!(header.attribute(attribute::GIT_BRANCH), Some("longer"));
    assert_eq!((header.agent.provider.as_str(), header.agent.model.as_str()), ("openai", "gpt-6-glider"));
    assert_eq!((header.session_id.as_str(), header.context.title.as_str()), ("chat-1", "Longer line"));
    assert_eq!(header.context.attributes["cursor.context_tokens"], 12315);
    assert_eq!(sum(&parsed, attribute::INPUT_TOKENS), 0, "how full the context is, nobody paid");
    assert_eq!(header.context.related_session_ids, ["child-1"]);
}

#[test]
fn a_call_in_a_store_has_its_exit_code_and_the_lines_of_the_file() {
    let (_folder, parsed) = store();
    let command = with_call(&parsed, "call_1");
    assert!(matches!(command[0].event_type, EventType::ShellCommand { exit_code: Some(1), .. }));
    assert!(matches!(command[1].event_type, EventType::ToolResult { is_error: true, .. }));
    assert_eq!(command[1].duration_ms, Some(120));
    assert!(matches!(with_call(&parsed, "call_2")[0].event_type, EventType::FileCreate { .. }));
    let EventType::FileEdit { diff: Some(diff), .. } = &with_call(&parsed, "call_3")[0].event_type else { panic!() };
    assert!(diff.contains("@@ -1,2 +1,2 @@\n // line\n-let length = 30;\n+let length = 50;\n"), "{diff}");
    assert!(with_call(&parsed, "call_4")[0].event_type.changed_path().is_none(), "what was refused changed nothing");
    assert_eq!(with_call(&parsed, "call_5")[0].attributes["task.session_id"], "child-1");
}

#[test]
fn what_a_subagent_did_is_told_by_its_own_store_where_there_is_one() {
    let (folder, path) = from_sql("cursor/store.sql");
    let place = |id: &str| folder.path().join("chats/space").join(id);
    for id in ["chat-1", "child-1"] {
        fs::create_dir_all(place(id)).expect("made");
        fs::copy(&path, place(id).join("store.db")).expect("copied");
    }
    let steps = |parsed: &Parsed| with_call(parsed, "call_5")[1].content.blocks.len();
    assert_eq!(steps(&parse(&path, None).expect("parses")), 2, "nobody else tells it");
    assert_eq!(steps(&parse(&place("chat-1").join("store.db"), None).expect("parses")), 2);
    let beside = r#"{"schemaVersion":1,"createdAtMs":1770000001000,"updatedAtMs":1770000009000,"isSubagent":true,
        "hasConversation":true,"title":"Tail","cwd":"/home/ann/other kite"}"#;
    fs::write(place("child-1").join("meta.json"), beside).expect("written");
    let child = parse(&place("child-1").join("store.db"), None).expect("parses");
    assert_eq!(child.session.header.role(), "auxiliary");
    assert_eq!(child.session.header.cwd(), Some("/home/ann/other kite"));
    assert_eq!(child.session.stats.user_message_count, 0, "its prompts are another agent's");
}

#[test]
fn a_store_whose_root_cannot_be_read_is_read_row_by_row() {
    let (_folder, path) = from_sql("cursor/store.sql");
    let connection = rusqlite::Connection::open(&path).expect("opened");
    connection.execute("DELETE FROM blobs WHERE substr(data, 1, 1) <> X'7B'", []).expect("ran");
    drop(connection);
    let parsed = parse(&path, None).expect("parses");
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Tie a longer line", "And the tail?"]);
    let connection = rusqlite::Connection::open(&path).expect("opened");
    connection.execute("DELETE FROM blobs", []).expect("ran");
    drop(connection);
    assert!(matches!(parse(&path, None), Err(ParseError::NoRecord { .. })), "nothing was said");
}
