//! Goose: the database and the JSON lines of the versions before.

use std::{fs, path::Path};

use git_session::{
    agents::{self, Agent, Log, LogFile, ParseError, Parsed, Sample, Scope, parse_session},
    environment::Environment,
    hail::{Event, EventType, attribute},
};

use super::{fixture, from_sql, sum, text_of};

fn goose() -> &'static dyn Agent {
    agents::by_name("goose").expect("goose is an agent")
}

fn parse(path: &Path, part: Option<&str>) -> Result<Parsed, ParseError> {
    let mut log = Log::open(path).expect("the log can be opened");
    log.part = part;
    parse_session(goose(), &mut log)
}

fn lines() -> Parsed {
    parse(&fixture("goose/20260202_024000.jsonl"), None).expect("parses")
}

fn session(part: &str) -> Parsed {
    let (_folder, path) = from_sql("goose/sessions.sql");
    parse(&path, Some(part)).expect("parses")
}

fn with_call<'a>(parsed: &'a Parsed, call: &str) -> Vec<&'a Event> {
    let is_of = |event: &&Event| event.attributes.get(attribute::CALL_ID).is_some_and(|id| id == call);
    parsed.session.events.iter().filter(is_of).collect()
}

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    insta::assert_snapshot!("goose_lines", text_of(&lines()));
    insta::assert_snapshot!("goose_database", text_of(&session("20260202_1")));
    insta::assert_snapshot!("goose_database_child", text_of(&session("20260202_2")));
}

#[test]
fn every_store_is_recognised() {
    let (_folder, database) = from_sql("goose/sessions.sql");
    for path in [database, fixture("goose/20260202_024000.jsonl")] {
        let sample = Sample::of(&path).expect("readable");
        assert_eq!(agents::detect(&sample).expect("known").name(), "goose", "{}", path.display());
    }
    let sample = Sample::of(&fixture("goose/20260202_024000.jsonl")).expect("readable");
    assert_eq!(goose().working_directory(&sample), Some("/home/ann/kite"));
}

#[test]
fn a_session_counts_all_its_answers_and_not_the_last_one() {
    let parsed = lines();
    assert_eq!((sum(&parsed, attribute::INPUT_TOKENS), sum(&parsed, attribute::OUTPUT_TOKENS)), (200, 60));
    // Of 1000 tokens of input 600 were cached; what the ledger has of it counts once.
    let parsed = session("20260202_1");
    assert_eq!((sum(&parsed, attribute::INPUT_TOKENS), sum(&parsed, attribute::OUTPUT_TOKENS)), (400, 80));
    assert_eq!(sum(&parsed, attribute::CACHE_READ_TOKENS), 600);
    assert_eq!(parsed.session.stats.total_input_tokens, 400);
}

#[test]
fn an_editor_with_several_commands_does_what_it_was_told() {
    let parsed = lines();
    assert!(matches!(with_call(&parsed, "r2")[0].event_type, EventType::FileRead { .. }));
    assert!(matches!(with_call(&parsed, "r3")[0].event_type, EventType::FileCreate { .. }));
    assert!(matches!(with_call(&parsed, "r4")[0].event_type, EventType::ToolCall { .. }), "it failed");
    assert_eq!(with_call(&parsed, "r1")[1].content.blocks.len(), 1, "said once to each of two");
}

#[test]
fn a_command_has_the_exit_code_of_its_structured_result() {
    let parsed = session("20260202_1");
    let events = with_call(&parsed, "c1");
    assert!(matches!(events[0].event_type, EventType::ShellCommand { exit_code: Some(127), .. }));
    assert!(matches!(events[1].event_type, EventType::ToolResult { is_error: true, .. }));
    assert_eq!(events[1].timestamp.seconds(), 1_770_000_003, "a time in milliseconds is one too");
}

#[test]
fn what_is_hidden_from_the_person_is_not_theirs() {
    assert_eq!(session("20260202_1").session.stats.user_message_count, 1);
    let child = session("20260202_2").session;
    assert_eq!((child.stats.user_message_count, child.header.role()), (0, "auxiliary"));
    assert_eq!(child.header.attribute(attribute::PARENT_SESSION_ID), Some("20260202_1"));
}

#[test]
fn pieces_of_one_answer_share_an_id_and_are_all_kept() {
    let parsed = session("20260202_1");
    let ids: Vec<&str> = parsed.session.events.iter().map(|event| event.event_id.as_str()).collect();
    assert!(ids.contains(&"m2-0") && ids.contains(&"m2.2-0"), "{ids:?}");
    assert_eq!(parsed.warnings.len(), 1, "one message is no JSON");
}

#[test]
fn a_database_holds_several_sessions() {
    let (_folder, path) = from_sql("goose/sessions.sql");
    assert!(matches!(parse(&path, None), Err(ParseError::SeveralSessions { parts }) if parts.len() == 2));
    let sessions = goose().sessions(&LogFile::at(path).expect("a file")).expect("listed");
    assert!(sessions[0].modified > sessions[1].modified);
}

#[test]
fn the_database_takes_the_place_of_the_lines() {
    let home = tempfile::tempdir().expect("a folder");
    let sessions = home.path().join(".local/share/goose/sessions");
    fs::create_dir_all(&sessions).expect("made");
    fs::write(sessions.join("20260202_024000.jsonl"), "{}\n").expect("written");
    fs::write(sessions.join("notes.txt"), "").expect("written");
    let environment: Environment = [("HOME", home.path())].into_iter().collect();
    let names = || -> Vec<String> {
        let logs = goose().logs(&environment, &Scope::default());
        logs.iter().map(|log| log.path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names(), ["20260202_024000.jsonl"]);
    fs::write(sessions.join("sessions.db"), "").expect("written");
    assert_eq!(names(), ["sessions.db"]);
    let elsewhere: Environment = [("GOOSE_PATH_ROOT", home.path().join("none"))].into_iter().collect();
    assert!(goose().logs(&elsewhere, &Scope::default()).is_empty());
}

#[test]
fn what_a_copied_session_has_of_another_counts_there() {
    let (_folder, path) = from_sql("goose/sessions.sql");
    let connection = rusqlite::Connection::open(&path).expect("opened");
    let copy = "INSERT INTO sessions (id, name, session_type, working_dir, created_at, updated_at)
            VALUES ('20260203_1', 'Wind (copy)', 'user', '/home/ann/kite', '2026-02-03 02:40:00', '2026-02-03 02:41:00');
        INSERT INTO messages (message_id, session_id, role, content_json, created_timestamp, metadata_json)
            SELECT message_id, '20260203_1', role, content_json, created_timestamp, metadata_json FROM messages
            WHERE session_id = '20260202_1' ORDER BY id;
        INSERT INTO messages (message_id, session_id, role, content_json, created_timestamp, metadata_json)
            VALUES ('o1', '20260203_1', 'user', '[{\"type\": \"text\", \"text\": \"And today?\"}]', 1770086460, '{}');";
    connection.execute_batch(copy).expect("copied");
    drop(connection);
    let parsed = parse(&path, Some("20260203_1")).expect("parses");
    assert_eq!(parsed.session.stats.user_message_count, 1);
    assert_eq!(parsed.session.header.context.related_session_ids, ["20260202_1"]);
    assert_eq!(parse(&path, Some("20260202_1")).expect("parses").session.stats.user_message_count, 1);
}
