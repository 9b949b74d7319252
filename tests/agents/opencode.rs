//! OpenCode: the exported document, the file tree and the database.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use git_session::{
    agents::{self, Agent, Log, LogFile, ParseError, Parsed, Sample, Scope, parse_session},
    environment::Environment,
    hail::{Block, Event, EventType, attribute},
};
use tempfile::TempDir;

use super::{fixture, from_sql, sum, text_of};

fn opencode() -> &'static dyn Agent {
    agents::by_name("opencode").expect("opencode is an agent")
}

fn parse(path: &Path, part: Option<&str>) -> Result<Parsed, ParseError> {
    let mut log = Log::open(path).expect("the log can be opened");
    log.part = part;
    parse_session(opencode(), &mut log)
}

fn export() -> Parsed {
    parse(&fixture("opencode/export.json"), None).expect("parses")
}

fn tree() -> PathBuf {
    fixture("opencode/tree/storage/session/p1/ses_3e0000000ffeWind.json")
}

fn with_call<'a>(parsed: &'a Parsed, call: &str) -> Vec<&'a Event> {
    let is_of = |event: &&Event| event.attributes.get(attribute::CALL_ID).is_some_and(|id| id == call);
    parsed.session.events.iter().filter(is_of).collect()
}

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    let (_folder, database) = from_sql("opencode/database.sql");
    let (_other, second) = from_sql("opencode/second.sql");
    for (name, path, part) in [
        ("opencode_second", second.clone(), Some("ses_a")),
        ("opencode_second_child", second.clone(), Some("ses_child")),
        ("opencode_second_fork", second, Some("ses_fork")),
        ("opencode_export", fixture("opencode/export.json"), None),
        ("opencode_tree", tree(), None),
        ("opencode_database", database.clone(), Some("ses_1")),
        ("opencode_database_child", database, Some("ses_2")),
    ] {
        insta::assert_snapshot!(name, text_of(&parse(&path, part).expect("parses")));
    }
}

#[test]
fn every_store_is_recognised_and_its_pieces_are_not() {
    let (_folder, database) = from_sql("opencode/database.sql");
    let (_other, second) = from_sql("opencode/second.sql");
    for path in [fixture("opencode/export.json"), tree(), database, second] {
        let sample = Sample::of(&path).expect("readable");
        assert_eq!(agents::detect(&sample).expect("known").name(), "opencode", "{}", path.display());
    }
    let storage = fixture("opencode/tree/storage");
    for piece in ["message/ses_3e0000000ffeWind/msg_b2.json", "part/msg_b2/prt_b2.json"] {
        assert!(!opencode().recognises(&Sample::of(&storage.join(piece)).expect("readable")), "{piece}");
    }
    let sample = Sample::of(&fixture("opencode/export.json")).expect("readable");
    assert_eq!(opencode().working_directory(&sample), Some("/home/ann/kite"));
}

#[test]
fn tokens_count_once_and_reasoning_is_a_part_of_the_output() {
    let parsed = export();
    assert_eq!(sum(&parsed, attribute::INPUT_TOKENS), 100 + 7 + 3);
    // With a total, reasoning was apart; without one, it was included.
    assert_eq!(sum(&parsed, attribute::OUTPUT_TOKENS), 40 + 30 + 50);
    assert_eq!(sum(&parsed, attribute::CACHE_READ_TOKENS), 2100);
    assert_eq!(sum(&parsed, attribute::REASONING_TOKENS), 50);
    assert_eq!(with_call(&parsed, "call_2")[0].count(attribute::OUTPUT_TOKENS), 70, "the last of the step");
}

#[test]
fn a_failed_edit_is_no_edit_and_a_patch_is_one_for_each_file() {
    let parsed = export();
    let changed: Vec<&str> = parsed.session.events.iter().filter_map(|event| event.event_type.changed_path()).collect();
    let below: Vec<&str> = changed.iter().map(|path| path.strip_prefix("/home/ann/kite/").expect("below")).collect();
    assert_eq!(below, ["tail.rs", "bow.rs", "reel.rs", "old.rs", "b.rs"]);
    let EventType::FileEdit { diff: Some(diff), .. } = &with_call(&parsed, "call_2")[0].event_type else { panic!() };
    assert!(diff.contains("@@ -4,1 +4,1 @@"), "the lines of the file, not of the argument: {diff}");
    let Block::File { content, .. } = &with_call(&parsed, "call_5")[0].content.blocks[0] else { panic!() };
    assert_eq!(content.as_deref(), Some("fn reel() {}\n"));
}

#[test]
fn a_command_that_failed_is_an_error_with_its_code() {
    let parsed = export();
    let events = with_call(&parsed, "call_1");
    assert!(matches!(events[0].event_type, EventType::ShellCommand { exit_code: Some(1), .. }));
    assert!(matches!(events[1].event_type, EventType::ToolResult { is_error: true, .. }));
    assert_eq!(events[1].content.blocks.len(), 1, "the output is said once");
}

#[test]
fn what_the_program_adds_to_a_prompt_is_not_the_persons() {
    let parsed = export();
    assert_eq!(parsed.session.stats.user_message_count, 1);
    let prompt = parsed.session.events.iter().find(|event| event.event_type == EventType::UserMessage).expect("one");
    assert_eq!(prompt.content.blocks.len(), 3, "a text, a file, a picture");
    let child = parse(&tree(), None).expect("parses").session;
    assert_eq!((child.stats.user_message_count, child.header.role()), (0, "auxiliary"));
    assert_eq!(child.header.context.title, "", "a made-up title is none");
}

#[test]
fn a_database_holds_several_sessions() {
    let (_folder, database) = from_sql("opencode/database.sql");
    assert!(
        matches!(parse(&database, None), Err(ParseError::SeveralSessions { parts }) if parts == ["ses_1", "ses_2"])
    );
    assert!(matches!(parse(&database, Some("ses_9")), Err(ParseError::NoRecord { .. })));
    let log = LogFile::at(database).expect("a file");
    let sessions = opencode().sessions(&log).expect("listed");
    let ids: Vec<&str> = sessions.iter().filter_map(|session| session.part.as_deref()).collect();
    assert_eq!(ids, ["ses_1", "ses_2"]);
    assert!(sessions[0].modified > sessions[1].modified);
}

#[test]
fn what_is_only_in_the_write_ahead_log_is_read_and_the_agent_goes_on() {
    let (folder, path) = from_sql("opencode/database.sql");
    let agent = rusqlite::Connection::open(&path).expect("opened");
    agent.busy_timeout(std::time::Duration::ZERO).expect("set");
    let insert = |id: &str, text: &str| {
        let data = format!(r#"{{"type":"text","text":"{text}"}}"#);
        let row = (id, "msg_2", "ses_1", 1, 1, data);
        agent.execute("INSERT INTO part VALUES (?1, ?2, ?3, ?4, ?5, ?6)", row).expect("written");
    };
    agent.execute_batch("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;").expect("set");
    insert("prt_5", "Committed.");
    agent.execute_batch("BEGIN IMMEDIATE").expect("begun");
    insert("prt_6", "Not yet.");
    let files = || {
        let mut names: Vec<_> =
            fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        names
    };
    let before = files();
    let said = |parsed: &Parsed| parsed.session.events.iter().map(|event| event.content.to_text()).collect::<Vec<_>>();
    assert_eq!(agents::detect(&Sample::of(&path).expect("readable")).expect("known").name(), "opencode");
    let parsed = parse(&path, Some("ses_1")).expect("parses");
    assert!(said(&parsed).contains(&"Committed.".to_owned()));
    assert!(!said(&parsed).contains(&"Not yet.".to_owned()));
    assert_eq!(files(), before);
    agent.execute_batch("COMMIT").expect("nobody stands in the way");
    assert!(said(&parse(&path, Some("ses_1")).expect("parses")).contains(&"Not yet.".to_owned()));
    assert_eq!(files(), before);
}

#[test]
fn a_document_that_breaks_off_is_refused_with_its_place() {
    let bytes = fs::read(fixture("opencode/export.json")).expect("readable");
    for end in (0..bytes.len() - 2).step_by(61) {
        match parse_session(opencode(), &mut Log::new(&bytes[..end], None)) {
            Err(ParseError::NoRecord { .. } | ParseError::Empty) => {}
            other => panic!("at {end}: {other:?}"),
        }
    }
}

#[test]
fn the_database_takes_the_place_of_the_files() {
    let home = TempDir::new().expect("a folder");
    let data = home.path().join(".local/share/opencode");
    let storage = data.join("storage");
    for (path, text) in [
        ("session/p1/ses_a.json", "{}"),
        ("session/p1/notes.txt", ""),
        ("message/ses_a/msg_1.json", "{}"),
        ("part/msg_1/prt_1.json", "{}"),
    ] {
        let path = storage.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, text).expect("written");
    }
    let environment: Environment = [("HOME", home.path())].into_iter().collect();
    let later = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(4_000_000_000);
    let message = fs::File::open(storage.join("message/ses_a/msg_1.json")).expect("opened");
    message.set_modified(later).expect("set");
    let logs = opencode().logs(&environment, &Scope::default());
    assert_eq!(logs.len(), 1);
    assert_eq!((logs[0].path.clone(), logs[0].modified), (storage.join("session/p1/ses_a.json"), later));
    let future = Scope { since: Some(later + std::time::Duration::from_secs(1)), ..Scope::default() };
    assert!(opencode().logs(&environment, &future).is_empty());
    fs::write(data.join("opencode.db"), "").expect("written");
    fs::write(data.join("opencode.db-wal"), vec![0; 100]).expect("written");
    let logs = opencode().logs(&environment, &Scope::default());
    assert_eq!(logs.iter().map(|log| log.path.clone()).collect::<Vec<_>>(), [data.join("opencode.db")]);
    let elsewhere: Environment = [("XDG_DATA_HOME", home.path().join("none"))].into_iter().collect();
    assert!(opencode().logs(&elsewhere, &Scope::default()).is_empty());
}

#[test]
fn ids_that_are_no_names_lead_nowhere() {
    let text = r#"{"id":"../../../../etc","title":"t","directory":"/","time":{"created":1}}"#;
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("storage/session/p/x.json");
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(&path, text).expect("written");
    assert!(matches!(parse(&path, None), Err(ParseError::NoRecord { .. })));
}

#[test]
fn hostile_documents_do_no_harm() {
    for messages in [
        "[]",
        "[null]",
        "[{}]",
        "[[]]",
        r#"[{"info":{},"parts":[{}]}]"#,
        r#"[{"info":{"role":"assistant"},"parts":[null,1,"x",{"type":"tool"}]}]"#,
        r#"[{"info":{"role":"assistant","tokens":{"input":-1,"output":1e99}},"parts":[{"type":"tool","callID":"","tool":"","state":{"status":"completed","input":[1],"time":{"start":1e300}}}]}]"#,
        r#"[{"info":{"role":"user","time":3},"parts":[{"type":"file"},{"type":"text"}]}]"#,
    ] {
        let text =
            format!(r#"{{"info":{{"id":"-x","title":"","version":"","time":{{"created":1}}}},"messages":{messages}}}"#);
        let mut seen = String::new();
        match parse_session(opencode(), &mut Log::new(text.as_bytes(), None)) {
            Ok(parsed) => write!(seen, "{}", parsed.session.events.len()).expect("memory takes it"),
            Err(fault) => assert!(matches!(fault, ParseError::NoRecord { .. }), "{messages}: {fault}"),
        }
    }
}

/// Every session in the database of the second version.
fn second() -> Vec<(String, Parsed)> {
    let (_folder, path) = from_sql("opencode/second.sql");
    let sessions = opencode().sessions(&LogFile::at(path.clone()).expect("a file")).expect("listed");
    let ids = sessions.into_iter().filter_map(|session| session.part);
    ids.map(|id| (id.clone(), parse(&path, Some(&id)).expect("parses"))).collect()
}

#[test]
fn sessions_of_both_versions_are_listed_once_each() {
    let ids: Vec<String> = second().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["ses_old", "ses_oldfork", "ses_a", "ses_child", "ses_fork"]);
    let (_folder, path) = from_sql("opencode/second.sql");
    let connection = rusqlite::Connection::open(&path).expect("opened");
    connection.execute_batch("DROP TABLE part; DROP TABLE message; DROP TABLE session;").expect("dropped");
    drop(connection);
    let alone = parse(&path, Some("ses_a")).expect("the tables of the first version are not needed");
    assert_eq!(text_of(&alone), text_of(&second().remove(2).1));
}

#[test]
fn what_a_session_was_forked_from_counts_there_and_not_again() {
    let sessions = second();
    let prompts: Vec<(&str, u64, u64)> = sessions
        .iter()
        .map(|(id, parsed)| {
            (id.as_str(), parsed.session.stats.user_message_count, parsed.session.stats.total_input_tokens)
        })
        .collect();
    let expected =
        [("ses_old", 1, 7), ("ses_oldfork", 1, 0), ("ses_a", 1, 120), ("ses_child", 0, 5), ("ses_fork", 1, 9)];
    assert_eq!(prompts, expected);
    for (index, parent, title) in [(1, "ses_old", "Is it sunny?"), (4, "ses_a", "Paint it green")] {
        let header = &sessions[index].1.session.header;
        assert_eq!(
            (header.context.related_session_ids.as_slice(), header.role()),
            (&[parent.to_owned()][..], "primary")
        );
        assert_eq!(header.context.title, title, "the title is of its own words");
    }
    let (_folder, path) = from_sql("opencode/second.sql");
    let connection = rusqlite::Connection::open(&path).expect("opened");
    connection.execute("DELETE FROM session_v2 WHERE id = 'ses_a'", []).expect("ran");
    connection.execute("DELETE FROM session WHERE id = 'ses_a'", []).expect("ran");
    drop(connection);
    let title = "UPDATE session_v2 SET title = NULL";
    rusqlite::Connection::open(&path).expect("opened").execute(title, []).expect("ran");
    let orphan = parse(&path, Some("ses_fork")).expect("parses");
    assert_eq!(orphan.session.stats.user_message_count, 2, "nobody else tells it");
}

#[test]
fn a_message_of_the_second_version_says_what_it_did() {
    let sessions = second();
    let parsed = &sessions[2].1;
    assert_eq!(sum(parsed, attribute::OUTPUT_TOKENS), 20 + 30 + 4 + 3, "reasoning is apart, and a part here");
    assert_eq!(sum(parsed, attribute::REASONING_TOKENS), 30);
    assert!(matches!(with_call(parsed, "call_1")[0].event_type, EventType::FileCreate { .. }));
    let EventType::FileEdit { diff: Some(diff), .. } = &with_call(parsed, "call_2")[0].event_type else { panic!() };
    assert!(diff.ends_with("@@ -1,1 +1,1 @@\n-a kite\n+a red kite\n"), "{diff}");
    let command = with_call(parsed, "call_3");
    assert!(matches!(command[0].event_type, EventType::ShellCommand { exit_code: Some(1), .. }));
    assert!(matches!(command[1].event_type, EventType::ToolResult { is_error: true, .. }));
    let own = with_call(parsed, "sh_1");
    assert!(matches!(own[0].event_type, EventType::ShellCommand { exit_code: Some(0), .. }));
    assert_eq!(own[0].attributes["command_source"], "user");
    assert_eq!(with_call(parsed, "call_4")[0].attributes["task.session_id"], "ses_child");
    let EventType::FileEdit { diff: Some(diff), .. } = &with_call(parsed, "call_5")[0].event_type else { panic!() };
    assert!(diff.contains("+    a blue kite\n"), "with its indentation: {diff}");
    assert!(matches!(with_call(parsed, "call_6")[1].event_type, EventType::ToolResult { is_error: true, .. }));
    assert_eq!(with_call(parsed, "call_7").len(), 1, "it still runs");
    let child = &sessions[3].1.session.header;
    assert_eq!((child.role(), child.attribute(attribute::PARENT_SESSION_ID)), ("auxiliary", Some("ses_a")));
}
