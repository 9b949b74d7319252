//! Zed: the database of its threads.

use git_session::{
    agents::{Log, ParseError, Parsed, Scope, parse_session},
    hail::{Block, EventType, attribute},
};

use rusqlite::Connection;

use super::{
    fixtures::{agent, of_call, parsed_part, parts, rendered, texts},
    from_sql,
    plain::{changes, exit_codes, found, tokens},
};

const AGENT: &str = "zed";

fn thread(id: &str) -> Parsed {
    parsed_part(AGENT, "threads.sql", Some(id)).expect("read")
}

#[test]
fn every_thread_is_the_one_that_was_agreed_on() {
    for id in ["t-0", "t-1", "t-2"] {
        insta::assert_snapshot!(format!("zed_{id}"), rendered(&thread(id)));
    }
}

#[test]
fn a_thread_that_is_broken_is_told_and_the_others_are_read() {
    assert_eq!(parts(AGENT, "threads.sql"), ["t-0", "t-2", "t-1"]);
    assert!(matches!(parsed_part(AGENT, "threads.sql", None), Err(ParseError::SeveralSessions { .. })));
    assert!(parsed_part(AGENT, "threads.sql", Some("none")).is_err());
    let (_folder, path) = from_sql("zed/threads.sql");
    let database = Connection::open(&path).expect("opened");
    database.execute("UPDATE threads SET data = X'28B52FFD00' WHERE id = 't-0'", []).expect("updated");
    database.close().expect("closed");
    let read = |part| {
        let mut log = Log::open(&path).expect("opened");
        log.part = Some(part);
        parse_session(agent(AGENT), &mut log)
    };
    assert!(read("t-0").is_err() && read("t-1").is_ok());
}

#[test]
fn edits_have_the_diff_of_their_result_and_what_failed_changed_nothing() {
    let parsed = thread("t-1");
    assert_eq!(changes(&parsed), ["~kite/kite.txt"]);
    let EventType::FileEdit { diff: Some(diff), .. } = &of_call(&parsed.session, "c2")[0].event_type else { panic!() };
    assert_eq!(diff, "--- a/kite/kite.txt\n+++ b/kite/kite.txt\n@@ -1,1 +1,1 @@\n-short\n+long\n");
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    let glob = of_call(&parsed.session, "c5");
    assert_eq!(glob[0].event_type, EventType::FileSearch { pattern: "**/*.txt".to_owned() });
}

#[test]
fn tokens_count_once_and_what_no_prompt_tells_is_told_at_the_end() {
    assert_eq!(tokens(&thread("t-1")), [110, 60, 30, 5, 0]);
    assert_eq!(tokens(&thread("t-0")), [7, 3, 0, 0, 0]);
}

#[test]
fn the_thread_says_who_and_where_and_no_password() {
    let parsed = thread("t-1");
    let header = &parsed.session.header;
    assert_eq!((header.cwd(), header.attribute("git_branch")), (Some("/home/ann/kite"), Some("tails")));
    assert_eq!(header.attribute("git_remote"), Some("https://example.org/kite.git"));
    assert_eq!((header.agent.provider.as_str(), header.agent.model.as_str()), ("anthropic", "claude-sonnet-4-5"));
    let prompt = &parsed.session.events[0].content.blocks;
    assert!(matches!(&prompt[1], Block::File { path, .. } if path == "/home/ann/kite/kite.txt"));
    assert!(matches!(prompt[2], Block::Image { .. }));
    assert_eq!(texts(&parsed.session, &EventType::Thinking), ["Read first.", ""]);
}

#[test]
fn a_subagent_has_a_parent_and_no_person() {
    let child = thread("t-2").session;
    assert_eq!(child.header.attribute(attribute::PARENT_SESSION_ID), Some("t-1"));
    assert_eq!((child.header.role(), child.stats.user_message_count), ("auxiliary", 0));
}

#[test]
fn the_database_is_found() {
    let files = [
        ".local/share/zed/threads/threads.db",
        ".local/share/zed/threads/threads.db-wal",
        "Library/Application Support/Zed/threads/threads.db",
    ];
    assert_eq!(found(AGENT, &files, &Scope::default()), [files[0], files[2]]);
}
