//! What holds for every agent whose logs say plainly what happened, and what its tests share.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use git_session::{
    agents::{self, Agent, Log, Parsed, Sample, Scope, parse_session},
    environment::Environment,
    hail::{Event, EventType, Record, Validator, attribute},
};
use serde_json::{Value, json};

/// The agents of these tests, with the folder of their logs in the collection that is not in the
/// repository.
const AGENTS: [(&str, &str); 6] = [
    ("gemini-cli", "gemini"),
    ("qwen-code", "qwen"),
    ("copilot-cli", "copilot-cli"),
    ("pi", "pi"),
    ("factory-droid", "factory-droid"),
    ("kiro", "kiro"),
];

pub fn agent(name: &str) -> &'static dyn Agent {
    agents::by_name(name).expect("a known agent")
}

pub fn fixture(agent: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents").join(agent).join(name)
}

pub fn parse_file(name: &str, path: &Path) -> Parsed {
    let mut log = Log::open(path).expect("the log can be opened");
    parse_session(agent(name), &mut log).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

pub fn sum(parsed: &Parsed, key: &str) -> u64 {
    parsed.session.events.iter().map(|event| event.count(key)).sum()
}

/// The tokens of a session: input, output, cache reads, cache writes, reasoning.
pub fn tokens(parsed: &Parsed) -> [u64; 5] {
    [
        attribute::INPUT_TOKENS,
        attribute::OUTPUT_TOKENS,
        attribute::CACHE_READ_TOKENS,
        attribute::CACHE_WRITE_TOKENS,
        attribute::REASONING_TOKENS,
    ]
    .map(|key| sum(parsed, key))
}

pub fn texts(parsed: &Parsed, kind: &EventType) -> Vec<String> {
    let events = parsed.session.events.iter().filter(|event| event.event_type == *kind);
    events.map(|event| event.content.to_text()).collect()
}

pub fn event<'p>(parsed: &'p Parsed, id: &str) -> &'p Event {
    let found = parsed.session.events.iter().find(|event| event.event_id == id);
    found.unwrap_or_else(|| panic!("no event {id}"))
}

/// The exit codes of the commands, in order.
pub fn exit_codes(parsed: &Parsed) -> Vec<Option<i32>> {
    let code = |event: &Event| match &event.event_type {
        EventType::ShellCommand { exit_code, .. } => Some(*exit_code),
        _ => None,
    };
    parsed.session.events.iter().filter_map(code).collect()
}

/// The files that were changed, in order, each with the kind of change.
pub fn changes(parsed: &Parsed) -> Vec<String> {
    let change = |event: &Event| {
        let path = event.event_type.changed_path()?;
        let kind = match &event.event_type {
            EventType::FileCreate { .. } => "+",
            EventType::FileDelete { .. } => "-",
            _ => "~",
        };
        Some(format!("{kind}{path}"))
    };
    parsed.session.events.iter().filter_map(change).collect()
}

/// Writes files into a home and says what an agent finds there.
pub fn found(name: &str, files: &[&str], scope: &Scope<'_>) -> Vec<String> {
    let home = tempfile::tempdir().expect("a folder");
    for file in files {
        let path = home.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, "{}\n").expect("a file");
    }
    let environment: Environment = [("HOME", home.path())].into_iter().collect();
    let logs = agent(name).logs(&environment, scope);
    let relative = |path: &Path| path.strip_prefix(home.path()).expect("below home").display().to_string();
    logs.iter().map(|log| relative(&log.path)).collect()
}

fn logs_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(logs_in(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn fixtures() -> Vec<(&'static str, PathBuf)> {
    let is_log = |path: &PathBuf| {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        // What agents keep beside their logs.
        name != "session.json" && !name.ends_with(".settings.json") && path.extension().is_none_or(|end| end != "sql")
    };
    let of = |(name, _)| logs_in(&fixture(name, "")).into_iter().filter(is_log).map(move |path| (name, path));
    AGENTS.into_iter().flat_map(of).collect()
}

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    for (name, path) in fixtures() {
        let parsed = parse_file(name, &path);
        let mut text = String::from_utf8(parsed.session.to_bytes()).expect("HAIL is UTF-8");
        for warning in parsed.warnings {
            writeln!(text, "warning: line {}: {}", warning.line, warning.cause).expect("memory takes it");
        }
        let file = path.file_name().expect("a name").to_string_lossy().into_owned();
        insta::with_settings!({ snapshot_suffix => format!("{name}-{file}") }, {
            insta::assert_snapshot!("plain", text);
        });
    }
}

#[test]
fn every_fixture_is_a_sound_session_of_its_agent_alone() {
    for (name, path) in fixtures() {
        let sample = Sample::of(&path).expect("readable");
        assert_eq!(agents::detect(&sample).expect("recognised").name(), name, "{}", path.display());
        is_sound(name, &path);
    }
}

fn is_sound(name: &str, path: &Path) {
    let parsed = parse_file(name, path);
    let session = &parsed.session;
    assert_eq!(session.to_bytes(), parse_file(name, path).session.to_bytes(), "{}", path.display());
    let [input, output, ..] = tokens(&parsed);
    let stats = &session.stats;
    assert_eq!((input, output), (stats.total_input_tokens, stats.total_output_tokens), "{}", path.display());
    is_valid(&parsed, &path.display().to_string());
}

fn is_valid(parsed: &Parsed, what: &str) {
    let session = &parsed.session;
    let mut validator = Validator::default();
    let events = session.events.iter().map(|event| Record::Event(Box::new(event.clone())));
    let records = std::iter::once(Record::Header(Box::new(session.header.clone()))).chain(events);
    for (line, record) in (1..).zip(records) {
        assert_eq!(validator.check(line, &record), [], "{what}");
    }
}

#[test]
fn a_log_cut_anywhere_is_read_as_far_as_it_goes() {
    for (name, path) in fixtures().into_iter().filter(|(_, path)| path.extension().is_some_and(|end| end == "jsonl")) {
        let bytes = fs::read(&path).expect("readable");
        let first = bytes.iter().position(|byte| *byte == b'\n').expect("a line");
        let whole = parse_file(name, &path).warnings.len();
        for end in (first + 1..bytes.len()).step_by(23) {
            // A first line alone may say nothing that is an event.
            let Ok(parsed) = parse_session(agent(name), &mut Log::new(&bytes[..end], None)) else { continue };
            assert!(parsed.warnings.len() <= whole + 1, "{} at {end}: {:?}", path.display(), parsed.warnings);
        }
    }
}

#[test]
fn a_parse_can_begin_in_the_middle() {
    for (name, path) in fixtures().into_iter().filter(|(_, path)| path.extension().is_some_and(|end| end == "jsonl")) {
        let whole = parse_file(name, &path).session;
        let bytes = fs::read(&path).expect("readable");
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let tail = lines[lines.len() / 2..].concat();
        let mut log = Log::new(tail.as_slice(), None);
        log.resumed = Some(whole.header.clone());
        let parsed = parse_session(agent(name), &mut log).expect("the tail is read");
        assert_eq!(parsed.session.header.session_id, whole.header.session_id, "{}", path.display());
        assert_eq!(parsed.session.header.cwd(), whole.header.cwd(), "{}", path.display());
    }
}

#[test]
fn what_was_told_stays_when_a_branch_is_left() {
    for (name, file, lines) in [("pi", "tree-v3.jsonl", 5), ("gemini-cli", "operations.jsonl", 7)] {
        let bytes = fs::read(fixture(name, file)).expect("readable");
        let earlier: Vec<u8> = bytes.split_inclusive(|byte| *byte == b'\n').take(lines).flatten().copied().collect();
        let earlier = parse_session(agent(name), &mut Log::new(&earlier[..], None)).expect("read").session;
        let later = parse_session(agent(name), &mut Log::new(&bytes[..], None)).expect("read").session;
        assert!(later.events.starts_with(&earlier.events), "{name}");
    }
}

#[test]
fn what_is_no_record_is_kept_and_told() {
    for (name, path) in fixtures().into_iter().filter(|(_, path)| path.extension().is_some_and(|end| end == "jsonl")) {
        let mut bytes = fs::read(&path).expect("readable");
        if !bytes.ends_with(b"\n") {
            bytes.push(b'\n');
        }
        let before = parse_session(agent(name), &mut Log::new(&bytes[..], None)).expect("read").session.events.len();
        bytes.extend_from_slice(b"\xff\xfe\n[1]\n{\"type\":1e999}\n{\"odd\":true}\n");
        let parsed = parse_session(agent(name), &mut Log::new(&bytes[..], None)).expect("read");
        assert_eq!(parsed.session.events.len(), before + 4, "{}", path.display());
        let is_fault = |event: &&Event| event.attributes.contains_key(attribute::FAULT);
        assert!(parsed.session.events.iter().filter(is_fault).count() >= 3, "{}", path.display());
    }
}

/// The places in a value, as JSON pointers.
pub fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| places(value, &format!("{at}/{}", escaped(key)), found));
        }
        Value::Array(items) => {
            (0..).zip(items).for_each(|(n, item): (usize, _)| places(item, &format!("{at}/{n}"), found));
        }
        _ => {}
    }
}

#[test]
fn a_record_with_anything_anywhere_does_no_harm() {
    let odd = [Value::Null, json!(3), json!([7]), json!(""), json!({"text": []}), json!(u64::MAX)];
    for (name, path) in fixtures().into_iter().filter(|(_, path)| path.extension().is_some_and(|end| end == "jsonl")) {
        let text = fs::read_to_string(&path).expect("readable");
        let records: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        for record in &records {
            let mut found = Vec::new();
            places(record, "", &mut found);
            for (place, odd) in found.iter().flat_map(|place| odd.iter().map(move |odd| (place, odd))) {
                let mut record = record.clone();
                *record.pointer_mut(place).expect("a place") = odd.clone();
                let log = format!("{}\n{record}\n{}\n", records[0], records[records.len() - 1]);
                let parsed = parse_session(agent(name), &mut Log::new(log.as_bytes(), None));
                let Ok(parsed) = parsed else { continue };
                is_valid(&parsed, &log);
            }
        }
    }
}

#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
fn logs_of_the_collection_are_recognised_as_their_own_agents_and_sound() {
    let corpus = super::corpus::corpus();
    for path in logs_in(&corpus).iter().filter(|path| path.file_name().is_some_and(|name| name != "INDEX.tsv")) {
        let folder = path.strip_prefix(&corpus).expect("below").iter().next().expect("a folder").to_string_lossy();
        let own = AGENTS.iter().find(|(_, name)| *name == folder).map(|(name, _)| *name);
        let Ok(sample) = Sample::of(path) else { continue };
        let names: Vec<&str> =
            agents::ALL.iter().filter(|agent| agent.recognises(&sample)).map(|agent| agent.name()).collect();
        let mine: Vec<&&str> = names.iter().filter(|name| AGENTS.iter().any(|(agent, _)| agent == *name)).collect();
        match own {
            // Labelled so, but records of Claude Code.
            Some("gemini-cli") if names == ["claude-code"] => {}
            // Two records in its only line.
            Some("qwen-code") if names.is_empty() => {}
            Some(own) => {
                assert_eq!(names, [own], "{}", path.display());
                is_sound(own, path);
            }
            None => assert!(mine.is_empty(), "{}: {mine:?}", path.display()),
        }
    }
}
