//! What the parsers make of real logs, against numbers that scripts in another language count in the
//! native logs (`tests/counts`): token totals, human prompts, calls, results, edits, exit codes.

use std::{path::Path, process::Command};

use git_session::hail::{Canonical, Event, EventType, Reader, Record, attribute};
use serde_json::{Map, Value, json};

use super::corpus::{corpus, files_below, folders, reason, sessions};

/// Counts a session in the terms of the scripts.
fn count(session: &Canonical) -> Map<String, Value> {
    let bytes = session.to_bytes().expect("small");
    let mut lines = git_session::hail::Lines::new(&bytes[..]);
    let mut reader = Reader::new(&mut lines);
    let mut events = Vec::new();
    while let Some((_, record)) = reader.next_record().expect("canonical") {
        if let Record::Event(event) = record {
            events.push(*event);
        }
    }
    let number = |test: fn(&EventType) -> bool| events.iter().filter(|event| test(&event.event_type)).count();
    let sum = |key: &str| events.iter().map(|event| event.count(key)).sum::<u64>();
    let mut codes: Vec<i32> = events.iter().filter_map(exit_code).collect();
    codes.sort_unstable();
    let counted = json!({
        "prompts": number(|kind| matches!(kind, EventType::UserMessage)),
        "calls": session.stats.tool_call_count,
        "results": number(|kind| matches!(kind, EventType::ToolResult { .. } | EventType::TaskEnd { .. })),
        "edits": number(|kind| kind.changed_path().is_some()),
        "exit_codes": codes,
        "input": sum(attribute::INPUT_TOKENS),
        "output": sum(attribute::OUTPUT_TOKENS),
        "cache_read": sum(attribute::CACHE_READ_TOKENS),
        "cache_write": sum(attribute::CACHE_WRITE_TOKENS),
        "reasoning": sum(attribute::REASONING_TOKENS),
    });
    match counted {
        Value::Object(counted) => counted,
        _ => Map::new(),
    }
}

fn exit_code(event: &Event) -> Option<i32> {
    match event.event_type {
        EventType::ShellCommand { exit_code, .. } => exit_code,
        _ => None,
    }
}

/// What a script counts; `None` where it says that the file is no session.
#[expect(clippy::disallowed_methods, reason = "the script is the other half of the test")]
fn independent(script: &Path, log: &Path, part: Option<&str>) -> Option<Map<String, Value>> {
    let mut command = Command::new("python3");
    command.arg("-B").arg(script).arg(log).args(part);
    let ran = command.output().expect("python3 runs");
    assert!(ran.status.success(), "{} {}: {}", script.display(), log.display(), String::from_utf8_lossy(&ran.stderr));
    let counted: Map<String, Value> = serde_json::from_slice(&ran.stdout).expect("one JSON object");
    (!counted.contains_key("skip")).then_some(counted)
}

#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
fn the_parsers_agree_with_an_independent_count() {
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/counts");
    let mut faults = Vec::new();
    for (agent, folder) in folders(&corpus()) {
        let script = scripts.join(agent.replace('-', "_") + ".py");
        if agent == "hail" {
            continue;
        }
        assert!(script.is_file(), "{agent} has no script that counts its logs");
        for path in files_below(&folder).into_iter().filter(|path| reason(path).is_none()) {
            // A file under another agent's name is that agent's.
            let Ok((found, sessions)) = sessions(&path) else { continue };
            if found.name() != agent {
                continue;
            }
            let log = git_session::agents::LogFile::at(path.clone()).expect("a file");
            let parts = found.sessions(&log).expect("it parses");
            for (session, part) in sessions.iter().zip(&parts) {
                let Some(expected) = independent(&script, &path, part.part.as_deref()) else { continue };
                let counted = count(session);
                let differs = |(key, value): &(&String, &Value)| counted.get(*key) != Some(value);
                for (key, value) in expected.iter().filter(differs) {
                    faults.push(format!("{}: {key}: {value} in the log, {} here", part.name(), counted[key]));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
