//! Every field of a session, and what is cut from a text, keeps no secret.

use std::{collections::HashSet, fs, path::Path};

use git_session::{
    agents::{self, Log},
    redact::{Redactor, Settings},
};
use serde_json::{Value, json};

use super::{OTHER, SECRET, log};
use crate::support::{ClaudeLog, Place, World};

/// A token as GitHub makes them, put together here so that nobody takes this file for a leak.
fn token() -> String {
    format!("ghp_{}", "k3Xz8QpL5mNb2VcR7tYw9JhGf4DsA6eU1iO0")
}

/// Whether `text` has eight letters of the token in a row.
fn has_part(text: &str) -> bool {
    let token = token();
    (12..=token.len()).any(|end| text.contains(&token[end - 8..end]))
}

/// Every object of a repository, reachable or not.
fn objects(place: &Place) -> String {
    place.run("sh", &["-c", "git cat-file --batch-all-objects --batch"]).ok().stdout
}

#[test]
fn titles_and_trailers_are_cut_after_they_are_redacted() {
    let world = World::new();
    let (work, remote) = world.shared();
    for (number, before) in [20, 28, 33, 40, 60, 64, 96].into_iter().enumerate() {
        let id = format!("{number}1111111-2222-4333-8444-555555555555");
        let prompt = format!("{} {} and what follows it", "x".repeat(before), token());
        let file = format!("{number}.txt");
        ClaudeLog::new(&world, &work, &id).prompt(&prompt).writes(&work, &file, "now\n").save();
        work.commit_all(&format!("Commit {number}"));
        work.wait_for_sessions(number + 1);
        let message = work.message("HEAD");
        assert!(message.contains(&format!("AI-Session: {id}")), "{message}");
        let shown = work.json(&["show", &id]);
        let title = shown["header"]["context"]["title"].as_str().expect("a title");
        let placeholder = work.session(&["show", &id, "--full"]).ok().stdout;
        let start = placeholder.find("[REDACTED:github:").expect("a placeholder");
        let placeholder = &placeholder[start..start + 26];
        for line in [title, message.as_str()] {
            assert_eq!(line.contains("REDACTED"), line.contains(placeholder), "{line}");
        }
        assert_eq!(title.contains(placeholder), before < 70, "{title}");
    }
    work.run("git", &["push"]).ok();
    for place in [&work, &remote] {
        assert!(objects(place).contains("AI-Prompt: xxx"), "nothing is there");
        assert!(!has_part(&objects(place)));
    }
    assert_eq!(work.session(&["scan", "--all"]).code, 0);
}

#[test]
fn a_stored_title_that_was_cut_through_a_token_is_found_kept_here_and_put_right() {
    let world = World::new();
    let (work, remote) = world.shared();
    ClaudeLog::new(&world, &work, SECRET).prompt("Ship it.").answer("Done.").save();
    log(&world, &work, OTHER);
    work.session(&["capture"]).ok();
    // As it was stored when titles were cut first.
    let title = format!("Please push this with {}…", &token()[..36]);
    for path in ["hail.jsonl", "meta.json"].map(|end| format!("v1/11/{SECRET}.{end}")) {
        let stored = work.git(&["show", &format!("refs/opensession/branches/bWFpbg:{path}")]);
        let parts: Vec<&str> = stored.splitn(2, "Ship it.").collect();
        put(&work, &path, &format!("{}\n", parts.join(&title)));
    }
    let found = work.session(&["scan", "--all", "--json"]);
    assert_eq!(found.code, 1, "{found}");
    let found: Value = serde_json::from_str(&found.stdout).expect("JSON");
    let fields: Vec<&str> =
        found.as_array().expect("an array").iter().filter_map(|one| one["field"].as_str()).collect();
    assert!(fields.contains(&"context.title") && fields.contains(&"metadata.title"), "{fields:?}");
    let synced = work.session(&["sync"]);
    assert!(synced.stderr.contains(&format!("session {SECRET} was not pushed")), "{synced}");
    assert!(objects(&remote).contains(OTHER) && !has_part(&objects(&remote)));
    work.session(&["redact", SECRET]).ok();
    assert_eq!(work.session(&["scan", "--all"]).code, 0);
    work.session(&["sync"]).ok();
    assert!(objects(&remote).contains("Please push this with [REDACTED:github:"));
    assert!(!has_part(&objects(&remote)));
}

#[test]
fn every_field_of_the_metadata_is_looked_at() {
    let world = World::new();
    let (work, remote) = world.shared();
    log(&world, &work, OTHER);
    work.session(&["capture"]).ok();
    for field in ["tool", "description", "tags"] {
        let meta = work.git(&["show", &format!("refs/opensession/branches/bWFpbg:v1/22/{OTHER}.meta.json")]);
        let mut meta: Value = serde_json::from_str(&meta).expect("JSON");
        meta[field] = if field == "tags" { json!([{ "note": token() }]) } else { json!(token()) };
        put(&work, &format!("v1/22/{OTHER}.meta.json"), &meta.to_string());
        let found = work.session(&["scan", OTHER]);
        assert!(found.code == 1 && found.stdout.contains(&format!("metadata.{field}")), "{found}");
        assert!(!has_part(&found.stdout), "{found}");
        let synced = work.session(&["sync"]);
        assert!(synced.stderr.contains("was not pushed"), "{field}: {synced}");
        assert!(!has_part(&objects(&remote)), "{field}");
        work.session(&["redact", OTHER]).ok();
        assert_eq!(work.session(&["scan", OTHER]).code, 0, "{field}");
    }
    work.session(&["sync"]).ok();
    assert!(objects(&remote).contains(OTHER) && !has_part(&objects(&remote)));
}

/// Stores a file in the ledger of main, as another tool may do.
fn put(place: &Place, path: &str, content: &str) {
    place.write("../content.json", content);
    let script = format!(
        "set -e; ledger=refs/opensession/branches/bWFpbg; export GIT_INDEX_FILE=$PWD/../index; git read-tree $ledger
         blob=$(git hash-object -w ../content.json); git update-index --add --cacheinfo 100644,$blob,{path}
         git update-ref $ledger $(git commit-tree -m Edit -p $ledger $(git write-tree))"
    );
    place.run("sh", &["-c", &script]).ok();
}

#[test]
fn a_log_with_a_token_in_every_field_leaves_none_in_any_object_or_message() {
    let world = World::new();
    let work = world.repository("work");
    work.session(&["hooks", "install"]).ok();
    let token = token();
    work.write("a.txt", "a\n");
    let file = work.join("a.txt");
    let common = |number: u32, kind: &str, message: Value| {
        json!({
            "type": kind, "uuid": format!("{token}-{number}"), "parentUuid": token, "sessionId": token,
            "requestId": token, "version": token, "cwd": work.path, "gitBranch": token, "slug": token,
            "isSidechain": false, "userType": "external", "timestamp": format!("2026-01-31T10:00:0{number}Z"),
            "message": message, token.as_str(): token,
        })
    };
    let usage = json!({ "input_tokens": 1, "output_tokens": 1, "service_tier": token });
    let assistant = |content: Value| json!({ "id": token, "type": "message", "role": "assistant", "model": token, "content": content, "usage": usage });
    let write = json!({ "type": "tool_use", "id": format!("{token}-w"), "name": "Write", "input": { "file_path": file, "content": format!("a\n{token}\n") } });
    let other = json!({ "type": "tool_use", "id": token, "name": token, "input": { token.as_str(): { token.as_str(): token } } });
    let result = |call: &str| json!({ "role": "user", "content": [{ "type": "tool_result", "tool_use_id": call, "content": token }] });
    let records = [
        common(1, "user", json!({ "role": "user", "content": format!("{token} is the token") })),
        common(2, "assistant", assistant(json!([{ "type": "text", "text": token }, other, write]))),
        common(3, "user", result(&token)),
        common(4, "user", result(&format!("{token}-w"))),
        json!({ "type": token, "sessionId": token, "timestamp": "2026-01-31T10:00:05Z", "content": token }),
        json!({ "type": "system", "subtype": token, "sessionId": token, "uuid": token, "timestamp": "2026-01-31T10:00:06Z", "content": token, "level": token }),
    ];
    let folder = ClaudeLog::new(&world, &work, SECRET).file().parent().expect("a folder").to_owned();
    fs::create_dir_all(&folder).expect("a folder");
    let lines: String = records.iter().map(|record| format!("{record}\n")).collect();
    // The commit itself must not have the token but from us.
    fs::write(folder.join("log.jsonl"), lines).expect("a log");
    work.commit_all("Add a");
    work.wait_for_sessions(1);
    work.session(&["capture"]).ok();
    let message = work.message("HEAD");
    assert!(message.contains("AI-Session: REDACTED-github-"), "{message}");
    let all = objects(&work);
    assert!(all.contains("[REDACTED:github:") && all.contains("REDACTED-github-"), "nothing was stored");
    assert!(!has_part(&all), "a token is left: {all}");
    let refs = work.git(&["for-each-ref"]);
    assert!(!has_part(&refs), "{refs}");
    let id = message.lines().find_map(|line| line.strip_prefix("AI-Session: ")).expect("a trailer");
    let shown = work.json(&["show", id]);
    assert_eq!(shown["commits"][0].as_str(), Some(work.git(&["rev-parse", "HEAD"]).trim()), "{shown}");
    let events = shown["events"].as_array().expect("events");
    let of_kind = |kind: &str| events.iter().filter(|event| event["event_type"]["type"] == kind).collect::<Vec<_>>();
    let (calls, results) = (of_kind("ToolCall"), of_kind("ToolResult"));
    assert_eq!(calls[0]["attributes"]["semantic.call_id"], results[0]["event_type"]["data"]["call_id"], "{shown}");
    // A second capture finds the same session under the same name.
    work.session(&["capture", "--all"]).ok();
    assert_eq!(work.json(&["log", "--all"]).as_array().map(Vec::len), Some(1));
}

/// The places of the strings in a value, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| places(item, &format!("{at}/{index}"), found));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(key, item)| places(item, &format!("{at}/{}", escaped(key)), found));
        }
        _ => {}
    }
}

/// What is stored of a log: nothing where it is none any more.
fn stored(agent: &dyn agents::Agent, redactor: &Redactor, path: &Path, text: &str) -> String {
    let mut spool = redactor.spool();
    let parsed = agent.parse(&mut Log::new(text.as_bytes(), Some(path)), &mut spool);
    let session = parsed.ok().and_then(|_| spool.finish().expect("memory"));
    session.map_or_else(String::new, |session| {
        String::from_utf8(session.value().to_bytes().expect("memory")).expect("UTF-8")
    })
}

/// The records of a log of JSON.
fn records(path: &Path) -> Vec<Value> {
    let text = String::from_utf8_lossy(&fs::read(path).expect("a fixture")).into_owned();
    if path.extension().is_some_and(|end| end == "jsonl") {
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    } else {
        serde_json::from_str(&text).into_iter().collect()
    }
}

#[test]
fn a_token_in_any_string_of_a_native_log_is_gone_from_what_is_stored() {
    let redactor = Redactor::new(&Settings::default(), b"key", &[]).expect("the rules load");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents");
    let (mut tried, mut kept) = (0, 0);
    for agent in agents::ALL {
        let mut seen = HashSet::new();
        let mut files = walk(&folder.join(agent.name()));
        files.retain(|path| path.extension().is_some_and(|end| end == "jsonl" || end == "json"));
        for path in files {
            let records = records(&path);
            for (number, record) in records.iter().enumerate() {
                let mut found = Vec::new();
                places(record, "", &mut found);
                for place in found {
                    // Elements of a list, and records of a type, are alike.
                    let names = place.split('/').filter(|name| name.parse::<usize>().is_err());
                    if !seen.insert((record["type"].to_string(), names.collect::<Vec<_>>().join("/"))) {
                        continue;
                    }
                    let mut changed = records.clone();
                    *changed[number].pointer_mut(&place).expect("a place") = token().into();
                    let text: Vec<String> = changed.iter().map(Value::to_string).collect();
                    let left = stored(*agent, &redactor, &path, &text.join("\n"));
                    assert!(!has_part(&left), "{} {}: {place} of {number}: {left}", agent.name(), path.display());
                    tried += 1;
                    kept += usize::from(left.contains("REDACTED"));
                }
            }
        }
    }
    assert!(tried > 500 && kept > tried / 2, "{kept} of {tried}");
}

/// The files in a folder and below.
fn walk(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.flat_map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { vec![entry.path()] }).collect()
}

#[test]
fn an_attached_file_of_credentials_keeps_no_value() {
    let redactor = Redactor::new(&Settings::default(), b"key", &[]).expect("the rules load");
    let content = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, "PORT=3000\nNAME=a plain word\n");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents/opencode/export.json"));
    let mut document: Value = serde_json::from_str(&text.expect("a fixture")).expect("JSON");
    let parts = document["messages"][0]["parts"].as_array_mut().expect("parts");
    let url = format!("data:text/plain;base64,{content}");
    parts.push(json!({ "id": "prt_env", "type": "file", "mime": "text/plain", "filename": ".env", "url": url }));
    let opencode = agents::by_name("opencode").expect("an agent");
    let left = stored(opencode, &redactor, Path::new("export.json"), &document.to_string());
    assert!(left.contains(r#""path":".env""#) && left.contains("[REDACTED:credential-file:"), "{left}");
    assert!(!left.contains("3000") && !left.contains("a plain word") && !left.contains(&content[..20]), "{left}");
}

#[test]
fn a_line_that_is_not_utf8_keeps_no_token() {
    let world = World::new();
    let (work, remote) = world.shared();
    let claude =
        ClaudeLog::new(&world, &work, SECRET).prompt("Look at the log.").prompt("placeholder").answer("Looked.");
    claude.save();
    let text = fs::read_to_string(claude.file()).expect("a log");
    let (before, after) = text.split_once("placeholder").expect("a prompt");
    let line = [before.as_bytes(), format!("token {} ", token()).as_bytes(), b"\xe9\xff", after.as_bytes()].concat();
    fs::write(claude.file(), line).expect("a log");
    assert_eq!(work.session(&["scan", &claude.file().display().to_string()]).code, 1);
    work.session(&["capture"]).ok();
    work.session(&["sync"]).ok();
    for place in [&work, &remote] {
        let all = objects(place);
        assert!(all.contains("token [REDACTED:github:") && all.contains('\u{fffd}'), "{all}");
        assert!(!has_part(&all), "{all}");
    }
}

#[test]
fn nothing_in_the_metadata_confirms_what_was_redacted() {
    let world = World::new();
    let (work, remote) = world.shared();
    ClaudeLog::new(&world, &work, OTHER).prompt("Say.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("Add a");
    work.wait_for_sessions(1);
    let path = format!("v1/22/{OTHER}.meta.json");
    let stored = || work.git(&["show", &format!("refs/opensession/branches/bWFpbg:{path}")]);
    assert!(!stored().contains("native_"), "{}", stored());
    // As an older version wrote it.
    let mut meta: Value = serde_json::from_str(&stored()).expect("JSON");
    meta["git_session"]["native_sha256"] = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08".into();
    meta["git_session"]["native_bytes"] = 5210.into();
    put(&work, &path, &meta.to_string());
    work.git(&["config", "opensession.redact-pattern", "Say"]);
    work.session(&["redact", OTHER]).ok();
    assert!(!stored().contains("native_") && stored().contains("created_at"), "{}", stored());
    work.run("git", &["push"]).ok();
    assert!(objects(&remote).contains(OTHER) && !objects(&remote).contains("native_"));
}
