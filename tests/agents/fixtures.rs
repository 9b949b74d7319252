//! What the tests of several agents do with fixtures.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use git_session::{
    agents::{Agent, DetectError, Log, LogFile, ParseError, Parsed, Sample, by_name, detect, parse_session},
    hail::{Event, EventType, Session, attribute},
};

/// A fixture of an agent.
pub fn fixture(agent: &str, name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents").join(agent).join(name)
}

/// An agent by its name.
pub fn agent(name: &str) -> &'static dyn Agent {
    by_name(name).expect("it is known")
}

/// Reads a fixture, which is recognised as the agent's.
pub fn parsed(name: &str, file: &Path) -> Parsed {
    let found =
        detect(&Sample::of(file).expect("readable")).unwrap_or_else(|fault| panic!("{}: {fault}", file.display()));
    assert_eq!(found.name(), name, "{}", file.display());
    parse_session(found, &mut Log::open(file).expect("readable"))
        .unwrap_or_else(|fault| panic!("{}: {fault}", file.display()))
}

/// The canonical bytes of a session with its warnings, for a snapshot. They keep every rule of the
/// format: its own reader takes them, and makes the same of them.
pub fn rendered(parsed: &Parsed) -> String {
    let bytes = parsed.session.to_bytes();
    let again = parse_session(agent("hail"), &mut Log::new(&bytes[..], None)).expect("it is valid HAIL");
    assert!(again.session.to_bytes() == bytes && again.warnings.is_empty());
    let mut text = String::from_utf8(bytes).expect("HAIL is UTF-8");
    for warning in &parsed.warnings {
        writeln!(text, "warning: line {}: {}", warning.line, warning.cause).expect("memory takes it");
    }
    text
}

/// Every beginning of a file is read or refused; nothing panics, and what is read is valid.
pub fn is_read_however_it_is_cut(agent: &dyn Agent, file: &Path) {
    let bytes = fs::read(file).expect("readable");
    for end in 0..bytes.len() {
        if let Ok(parsed) = parse_session(agent, &mut Log::new(&bytes[..end], None)) {
            rendered(&parsed);
        }
    }
}

/// One session of a database made of a fixture, which is recognised as the agent's.
pub fn parsed_part(name: &str, sql: &str, part: Option<&str>) -> Result<Parsed, ParseError> {
    let (_folder, path) = super::from_sql(&format!("{name}/{sql}"));
    let found = detect(&Sample::of(&path).expect("readable")).expect("recognised");
    assert_eq!(found.name(), name);
    let mut log = Log::open(&path).expect("readable");
    log.part = part;
    parse_session(found, &mut log)
}

/// The ids of the sessions of a database made of a fixture.
pub fn parts(name: &str, sql: &str) -> Vec<String> {
    let (_folder, path) = super::from_sql(&format!("{name}/{sql}"));
    let sessions = agent(name).sessions(&LogFile::at(path).expect("a file")).expect("listed");
    sessions.into_iter().filter_map(|log| log.part).collect()
}

/// The events of a call: the call itself and its result.
pub fn of_call<'s>(session: &'s Session, call: &str) -> Vec<&'s Event> {
    let is_of = |event: &&Event| event.attributes.get(attribute::CALL_ID).is_some_and(|id| id == call);
    session.events.iter().filter(is_of).collect()
}

/// The texts of the events of one kind.
pub fn texts(session: &Session, kind: &EventType) -> Vec<String> {
    session.events.iter().filter(|event| event.event_type == *kind).map(|event| event.content.to_text()).collect()
}

/// The sum of a count over all events.
pub fn sum(session: &Session, key: &str) -> u64 {
    session.events.iter().map(|event| event.count(key)).sum()
}

/// Every session that a file holds keeps what it had when the file grew: the events of every shorter
/// file that ends with a line are the beginning of those of the whole.
pub fn grows(agent: &dyn Agent, file: &Path) {
    let bytes = fs::read(file).expect("readable");
    let events = |bytes: &[u8]| {
        parse_session(agent, &mut Log::new(bytes, None)).map(|parsed| parsed.session.events).unwrap_or_default()
    };
    let all = events(&bytes);
    let ids: Vec<&str> = all.iter().map(|event| event.event_id.as_str()).collect();
    let mut end = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        end += line.len();
        let before = events(&bytes[..end]);
        let known: Vec<&str> = before.iter().map(|event| event.event_id.as_str()).collect();
        assert!(ids.starts_with(&known), "{}: {known:?} at byte {end}", file.display());
    }
    assert!(!ids.is_empty());
}

#[test]
fn no_fixture_is_taken_for_another_agents() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents");
    let mut taken = Vec::new();
    for folder in fs::read_dir(&root).expect("a folder") {
        let folder = folder.expect("readable").path();
        let name = folder.file_name().expect("a name").to_string_lossy().into_owned();
        for file in super::corpus::files_below(&folder) {
            let is_sql = file.extension().is_some_and(|end| end == "sql");
            let database = is_sql.then(|| super::from_sql(&file.strip_prefix(&root).expect("below").to_string_lossy()));
            let place = database.as_ref().map_or(file.as_path(), |(_, path)| path.as_path());
            match detect(&Sample::of(place).expect("readable")) {
                Ok(found) if found.name() != name => taken.push(format!("{}: {}", file.display(), found.name())),
                Err(fault @ DetectError::Ambiguous { .. }) => taken.push(format!("{}: {fault}", file.display())),
                _ => {}
            }
        }
    }
    assert!(taken.is_empty(), "{}", taken.join("\n"));
}
