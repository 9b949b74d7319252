//! The agents' parsers against logs.

mod claude_code;
mod cline;
mod codex;
mod cursor;
mod fidelity;
mod goose;
mod opencode;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use git_session::{
    agents::{self, Log, LogFile, Parsed, Sample},
    hail::{Record, Validator, attribute},
};
use rusqlite::Connection;
use tempfile::TempDir;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents").join(name)
}

/// A database made of a fixture, in a folder of its own.
fn from_sql(name: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fixture.db");
    let sql = fs::read_to_string(fixture(name)).expect("readable");
    Connection::open(&path).expect("made").execute_batch(&sql).expect("well-formed");
    (folder, path)
}

/// A session as canonical HAIL, with what was odd about its log.
fn text_of(parsed: &Parsed) -> String {
    let mut text = String::from_utf8(parsed.session.to_bytes()).expect("HAIL is UTF-8");
    for warning in &parsed.warnings {
        writeln!(text, "warning: line {}: {}", warning.line, warning.cause).expect("memory takes it");
    }
    text
}

fn sum(parsed: &Parsed, key: &str) -> u64 {
    parsed.session.events.iter().map(|event| event.count(key)).sum()
}

/// The logs of an agent that are not in the repository: `GIT_SESSION_DATA` names the folder.
fn corpus(agent: &str) -> Vec<PathBuf> {
    fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() { collect(&path, found) } else { found.push(path) }
        }
    }
    let mut found = Vec::new();
    #[expect(clippy::disallowed_methods, reason = "the data folder is the tests' own business")]
    let data = std::env::var_os("GIT_SESSION_DATA");
    if let Some(data) = data {
        collect(&Path::new(&data).join("corpus").join(agent), &mut found);
    }
    found.sort();
    found
}

/// Agents whose logs are documents or databases: every session of every log that is theirs.
#[test]
fn every_session_of_the_corpus_is_sound_and_parses_twice_the_same() {
    for name in ["opencode", "cursor", "goose", "cline"] {
        let agent = agents::by_name(name).expect("known");
        for path in corpus(name) {
            let sample = Sample::of(&path).expect("readable");
            if !agent.recognises(&sample) {
                continue;
            }
            for log in agent.sessions(&LogFile::at(path.clone()).expect("a file")).expect("listed") {
                let parse = || {
                    let mut input = Log::open(&path).expect("opened");
                    input.part = log.part.as_deref();
                    agents::parse_session(agent, &mut input)
                };
                let place = log.name();
                match parse() {
                    // A piece of a tree of files, whose other files are elsewhere.
                    Err(fault) => assert!(fault.to_string().ends_with("no event in it"), "{place}: {fault}"),
                    Ok(parsed) => {
                        are_sound(&place, &parsed);
                        assert_eq!(parsed.session, parse().expect("parses").session, "{place}");
                    }
                }
            }
        }
    }
}

fn are_sound(place: &str, parsed: &Parsed) {
    let session = &parsed.session;
    let mut validator = Validator::default();
    let header = Record::Header(Box::new(session.header.clone()));
    let events = session.events.iter().map(|event| Record::Event(Box::new(event.clone())));
    for (line, record) in (1..).zip([header].into_iter().chain(events)) {
        assert_eq!(validator.check(line, &record), [], "{place}");
    }
    assert_eq!(sum(parsed, attribute::INPUT_TOKENS), session.stats.total_input_tokens, "{place}");
    assert_eq!(sum(parsed, attribute::OUTPUT_TOKENS), session.stats.total_output_tokens, "{place}");
}
