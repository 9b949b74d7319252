//! Sessions in an agent's database: linked, captured and brought up to date like any other.

use std::{fs, path::PathBuf};

use rusqlite::Connection;

use crate::support::{Place, World};

const SCHEMA: &str = "
CREATE TABLE session (id text PRIMARY KEY, project_id text, parent_id text, directory text, title text, version text,
    cost real DEFAULT 0, time_created integer, time_updated integer);
CREATE TABLE message (id text PRIMARY KEY, session_id text, time_created integer, time_updated integer, data text);
CREATE TABLE part (id text PRIMARY KEY, message_id text, session_id text, time_created integer, time_updated integer,
    data text);";
/// When the sessions took place, in milliseconds since 1970: shortly before the tests' own time.
const BEGAN: i64 = 1_769_900_000_000;

/// A database of OpenCode in the world's home.
fn database(world: &World) -> (PathBuf, Connection) {
    let folder = world.home().join(".local/share/opencode");
    fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("opencode.db");
    let connection = Connection::open(&path).expect("made");
    connection.execute_batch(SCHEMA).expect("well-formed");
    (path, connection)
}

/// Adds a session in `place` that wrote a file there.
fn write(connection: &Connection, id: &str, place: &Place, file: &str, content: &str) {
    let directory = place.path.display().to_string();
    let session = "INSERT INTO session VALUES (?1, 'p', NULL, ?2, 'Write it', '1.3.0', 0, ?3, ?3)";
    connection.execute(session, (id, &directory, BEGAN)).expect("inserted");
    say(connection, id, 1, "user", &serde_json::json!({ "type": "text", "text": "Write it." }));
    let state = serde_json::json!({
        "status": "completed", "output": "Written.", "metadata": {}, "title": "", "time": { "start": BEGAN, "end": BEGAN },
        "input": { "filePath": place.join(file), "content": content },
    });
    let part = serde_json::json!({ "type": "tool", "callID": format!("call_{id}"), "tool": "write", "state": state });
    say(connection, id, 2, "assistant", &part);
}

/// Adds a message of one part.
fn say(connection: &Connection, id: &str, number: i64, role: &str, part: &serde_json::Value) {
    let time = BEGAN + number;
    let message = serde_json::json!({ "role": role, "time": { "created": time }, "modelID": "m", "providerID": "p" });
    let rows = [
        ("INSERT INTO message VALUES (?1, ?2, ?3, ?3, ?4)", format!("msg_{id}_{number}"), message.to_string()),
        (
            "INSERT INTO part SELECT ?1, 'msg_' || ?2 || '_' || substr(?1, -1), ?2, ?3, ?3, ?4",
            format!("prt_{id}_{number}"),
            part.to_string(),
        ),
    ];
    for (sql, key, data) in rows {
        connection.execute(sql, (key, id, time, data)).expect("inserted");
    }
    connection.execute("UPDATE session SET time_updated = ?2 WHERE id = ?1", (id, time)).expect("updated");
}

#[test]
fn a_session_in_a_database_is_named_by_its_commit_and_captured_as_it_goes_on() {
    let world = World::new();
    let (work, other) = (world.shared().0, world.repository("other"));
    let (path, connection) = database(&world);
    write(&connection, "ses_here", &work, "kite.txt", "a kite\n");
    write(&connection, "ses_elsewhere", &other, "kite.txt", "a kite\n");
    work.write("kite.txt", "a kite\n");
    work.commit_all("Write a kite");
    assert_eq!(work.trailers("HEAD").first().map(String::as_str), Some("ses_here"));
    work.wait_for_sessions(1);
    assert!(!work.stored().iter().any(|session| session.contains("elsewhere")), "{:?}", work.stored());

    // What the commit had captured may be remembered already, or not yet.
    work.session(&["capture"]).ok();
    let again = work.json(&["capture"]);
    assert_eq!((again["sessions"].as_array().map(Vec::len), &again["stored_already"]), (Some(0), &1.into()));
    say(&connection, "ses_here", 3, "user", &serde_json::json!({ "type": "text", "text": "Thanks." }));
    let grown = work.json(&["capture"]);
    assert_eq!(grown["sessions"][0]["outcome"], "updated", "{grown}");
    assert_eq!(grown["sessions"].as_array().map(Vec::len), Some(1), "{grown}");

    let parts = work.session(&["parse", &path.display().to_string()]);
    assert_eq!(parts.code, 1, "{parts}");
    assert!(parts.stderr.contains("the file holds 2 sessions"), "{parts}");
    let one = work.session(&["parse", "--session", "ses_elsewhere", &path.display().to_string()]).ok();
    assert!(one.stdout.starts_with("{\"type\":\"header\""), "{one}");
    let beside: Vec<_> = fs::read_dir(path.parent().expect("a folder")).expect("readable").flatten().collect();
    assert_eq!(beside.len(), 1, "{beside:?}");
}

#[test]
fn a_session_of_cursor_s_command_line_is_found_named_by_its_commit_and_captured() {
    let world = World::new();
    let work = world.shared().0;
    let folder = world.home().join(".cursor/chats/5f4dcc3b5aa765d61d8327deb882cf99/chat-1");
    fs::create_dir_all(&folder).expect("a folder");
    let connection = Connection::open(folder.join("store.db")).expect("made");
    let schema = "PRAGMA journal_mode = WAL; CREATE TABLE blobs (id TEXT PRIMARY KEY, data BLOB);
        CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT);";
    connection.execute_batch(schema).expect("well-formed");
    let meta = serde_json::json!({ "agentId": "chat-1", "createdAt": BEGAN, "name": "New Agent" }).to_string();
    connection.execute("INSERT INTO meta VALUES ('0', lower(hex(?1)))", [meta]).expect("inserted");
    let told = format!("<user_info>\nWorkspace Path: {}\n</user_info>", work.path.display());
    let call = serde_json::json!({ "type": "tool-call", "toolCallId": "c1", "toolName": "Write",
        "args": { "path": work.join("kite.txt"), "contents": "a kite\n" } });
    for (id, message) in [
        ("b1", serde_json::json!({ "role": "user", "content": told })),
        ("b2", serde_json::json!({ "role": "user", "content": "<user_query>\nWrite a kite\n</user_query>" })),
        ("b3", serde_json::json!({ "role": "assistant", "content": [call] })),
    ] {
        let row = (id, message.to_string().into_bytes());
        connection.execute("INSERT INTO blobs VALUES (?1, ?2)", row).expect("inserted");
    }
    assert!(fs::metadata(folder.join("store.db-wal")).is_ok_and(|log| log.len() > 0), "all of it is in the log");
    work.write("kite.txt", "a kite\n");
    work.commit_all("Write a kite");
    assert_eq!(work.trailers("HEAD").first().map(String::as_str), Some("chat-1"));
    work.wait_for_sessions(1);
    let shown = work.session(&["show", "chat-1"]).ok();
    assert!(shown.stdout.contains("Write a kite"), "{shown}");
}
