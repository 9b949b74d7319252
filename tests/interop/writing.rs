//! What is written here has every field that OpenSession's readers require, of the type they expect.
//!
//! Those are the definitions in its public source: `HailLine`, `Event`, `EventType`, `ContentBlock`
//! and `Stats` of `core`, `GitMeta` beside the metadata, and `CommitIndexEntry` of the command line.

use serde_json::Value;

use super::opensession::{LEDGER, blobs};
use crate::support::{ClaudeLog, CodexLog, Place, World};

/// A repository with a session of each agent, both linked to the commit.
fn two_agents() -> (World, Place) {
    let world = World::new();
    let (work, _) = world.shared();
    let one = "11111111-2222-4333-8444-555555555555";
    ClaudeLog::new(&world, &work, one).prompt("Write.").writes(&work, "a.txt", "a\n").answer("Done.").save();
    let two = "019bc0de-aaaa-7bbb-8ccc-dddddddddddd";
    CodexLog::new(&world, &work, two).prompt("Test.").writes(&work, "b.txt", "b\n").save();
    work.commit_all("Two files");
    work.wait_for_sessions(2);
    (world, work)
}

fn contents(work: &Place, ending: &str) -> Vec<(String, String)> {
    let found = blobs(work, LEDGER).into_keys().filter(|path| path.ends_with(ending) && path.starts_with("v1/"));
    found.map(|path| (path.clone(), work.git(&["show", &format!("{LEDGER}:{path}")]))).collect()
}

#[track_caller]
fn texts(value: &Value, names: &[&str]) {
    for name in names {
        assert!(value[name].is_string(), "{name} in {value}");
    }
}

#[track_caller]
fn counts(value: &Value, names: &[&str]) {
    for name in names {
        assert!(value[name].is_u64(), "{name} in {value}");
    }
}

#[track_caller]
fn absent_or(value: &Value, names: &[&str], is_right: fn(&Value) -> bool) {
    for name in names {
        assert!(value.get(name).is_none_or(is_right), "{name} in {value}");
    }
}

const STATS: [&str; 11] = [
    "event_count",
    "message_count",
    "tool_call_count",
    "task_count",
    "duration_seconds",
    "total_input_tokens",
    "total_output_tokens",
    "user_message_count",
    "files_changed",
    "lines_added",
    "lines_removed",
];

#[test]
fn metadata_and_index_entries_have_what_its_readers_need() {
    let (_world, work) = two_agents();
    let commit = work.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let metas = contents(&work, ".meta.json");
    assert_eq!(metas.len(), 2);
    for (path, text) in metas {
        let meta: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(meta["schema_version"], 2);
        texts(&meta, &["session_id", "title", "tool", "model", "session_role"]);
        assert!(["primary", "auxiliary"].contains(&meta["session_role"].as_str().expect("a role")));
        counts(&meta["stats"], &STATS);
        absent_or(&meta["git"], &["remote", "repo_name", "branch", "head"], |value| {
            value.is_string() || value.is_null()
        });
        assert_eq!(meta["git"]["commits"], serde_json::json!([commit]));
        let id = meta["session_id"].as_str().expect("an id");
        assert_eq!(path, format!("v1/{}/{id}.meta.json", &id[..2]));
        let entry = work.git(&["show", &format!("{LEDGER}:v1/index/commits/{commit}/{id}.json")]);
        let entry: Value = serde_json::from_str(&entry).expect("JSON");
        assert_eq!(entry["session_id"], id);
        assert_eq!(entry["hail_path"], format!("v1/{}/{id}.hail.jsonl", &id[..2]));
        assert_eq!(entry["meta_path"], path);
        let stored_at = entry["stored_at"].as_str().expect("a time");
        assert!(chrono::DateTime::parse_from_rfc3339(stored_at).is_ok(), "{stored_at}");
    }
}

#[test]
fn every_line_of_a_session_has_what_its_reader_needs() {
    let (_world, work) = two_agents();
    let sessions = contents(&work, ".hail.jsonl");
    assert_eq!(sessions.len(), 2);
    for (_, text) in sessions {
        assert!(text.ends_with('\n') && !text.contains("\n\n"));
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        let (header, rest) = lines.split_first().expect("a header");
        assert_eq!((&header["type"], &header["version"]), (&"header".into(), &"hail-1.0.0".into()));
        texts(header, &["session_id"]);
        texts(&header["agent"], &["provider", "model", "tool"]);
        texts(&header["context"], &["created_at", "updated_at"]);
        assert!(header["context"]["tags"].is_array() && header["context"]["attributes"].is_object());
        let (stats, events) = rest.split_last().expect("statistics");
        assert_eq!(stats["type"], "stats");
        counts(stats, &STATS);
        for event in events {
            check_event(event);
        }
    }
}

/// Insists on the fields of an event, of its kind and of its blocks.
fn check_event(event: &Value) {
    assert_eq!(event["type"], "event");
    texts(event, &["event_id", "timestamp"]);
    assert!(chrono::DateTime::parse_from_rfc3339(event["timestamp"].as_str().expect("a time")).is_ok());
    absent_or(event, &["task_id"], Value::is_string);
    absent_or(event, &["duration_ms"], Value::is_u64);
    absent_or(event, &["attributes"], Value::is_object);
    let (kind, data) = (event["event_type"]["type"].as_str().expect("a kind"), &event["event_type"]["data"]);
    match kind {
        "UserMessage" | "AgentMessage" | "SystemMessage" | "Thinking" => assert!(data.is_null(), "{event}"),
        "ToolCall" => texts(data, &["name"]),
        "ToolResult" => assert!(data["name"].is_string() && data["is_error"].is_boolean(), "{event}"),
        "FileRead" | "FileEdit" | "FileCreate" | "FileDelete" => texts(data, &["path"]),
        "CodeSearch" | "WebSearch" => texts(data, &["query"]),
        "FileSearch" => texts(data, &["pattern"]),
        "ShellCommand" => texts(data, &["command"]),
        "WebFetch" => texts(data, &["url"]),
        "TaskStart" | "TaskEnd" => assert!(data.is_object(), "{event}"),
        "Custom" => texts(data, &["kind"]),
        other => panic!("OpenSession does not know {other}"),
    }
    for block in event["content"]["blocks"].as_array().expect("blocks") {
        match block["type"].as_str().expect("a type") {
            "Text" => texts(block, &["text"]),
            "Code" => texts(block, &["code"]),
            "Image" | "Video" | "Audio" => texts(block, &["url", "mime"]),
            "File" => texts(block, &["path"]),
            "Json" => assert!(block.get("data").is_some(), "{block}"),
            "Reference" => texts(block, &["uri", "media_type"]),
            other => panic!("OpenSession does not know {other}"),
        }
    }
}
