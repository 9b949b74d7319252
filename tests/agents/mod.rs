//! The agents' parsers against logs.

mod agenix;
mod aider;
mod amazon_q;
mod amp;
mod antigravity;
mod claude_code;
mod cline;
mod codex;
mod codex_current;
mod copilot_chat;
mod copilot_cli;
pub mod corpus;
mod counts;
mod crush;
mod cursor;
mod factory_droid;
mod fidelity;
mod fixtures;
mod forks;
mod gemini_cli;
mod generic;
mod goose;
mod grok;
mod hail;
mod kimi;
mod kinds;
mod kinship;
mod kiro;
mod kiro_ide;
mod newer;
mod odd;
mod opencode;
mod ox;
mod pauses;
mod pi;
mod plain;
mod qwen_code;
mod roo_code;
mod tracked;
mod vibe;
mod zed;

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use git_session::{
    agents::{self, Agent, Log, LogFile, Parsed, Sample},
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

/// Agents whose logs are documents or databases: every session of every log that is theirs.
#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
fn every_session_of_the_corpus_is_sound_and_parses_twice_the_same() {
    for name in ["opencode", "cursor", "goose", "cline"] {
        let agent = agents::by_name(name).expect("known");
        for path in corpus::files_below(&corpus::corpus().join(name)) {
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
                    Err(fault) => {
                        let is_piece = fault.to_string().ends_with("no event in it") || corpus::reason(&path).is_some();
                        assert!(is_piece, "{place}: {fault}");
                    }
                    Ok(parsed) => {
                        are_sound(&place, &parsed);
                        assert_eq!(parsed.session, parse().expect("parses").session, "{place}");
                    }
                }
            }
        }
    }
}

/// What the model and the person said and did, of a log that may break off.
fn contents(agent: &dyn Agent, bytes: &[u8]) -> Vec<(String, String)> {
    let parsed = agents::parse_session(agent, &mut Log::new(bytes, None));
    let events = parsed.map(|parsed| parsed.session.events).unwrap_or_default();
    events.into_iter().map(|event| (event.event_id, event.content.to_text())).collect()
}

#[test]
fn lines_cut_at_any_byte_give_the_beginning_of_what_the_whole_gives() {
    for (name, file) in [("cursor", "cursor/transcript.jsonl"), ("goose", "goose/20260202_024000.jsonl")] {
        let agent = agents::by_name(name).expect("known");
        let bytes = fs::read(fixture(file)).expect("readable");
        // Counts of the whole session have no place before its end.
        let is_kept = |event: &(String, String)| event.0 != "usage";
        let whole: Vec<_> = contents(agent, &bytes).into_iter().filter(is_kept).collect();
        let mut complete = 0;
        for end in 0..=bytes.len() {
            let found: Vec<_> = contents(agent, &bytes[..end]).into_iter().filter(is_kept).collect();
            assert!(whole.starts_with(&found), "{file} at {end}: {found:?}");
            assert!(found.len() >= complete, "{file} at {end}: {} events, {complete} before", found.len());
            complete = found.len();
        }
    }
}

#[test]
fn a_database_cut_anywhere_is_refused_or_read_but_never_a_crash() {
    for (name, file, part) in [
        ("opencode", "opencode/database.sql", "ses_1"),
        ("opencode", "opencode/second.sql", "ses_a"),
        ("cursor", "cursor/global-2025.sql", "c-2025"),
        ("cursor", "cursor/store.sql", "chat-1"),
        ("goose", "goose/sessions.sql", "20260202_1"),
        ("crush", "crush/crush.sql", "s-1"),
        ("zed", "zed/threads.sql", "t-1"),
        ("amazon-q", "amazon-q/data.sql", "0a000000-0000-4000-8000-0000000000b1"),
        ("kiro", "kiro/data.sql", "0a000000-0000-4000-8000-0000000000d1"),
    ] {
        let agent = agents::by_name(name).expect("known");
        let (folder, path) = from_sql(file);
        let bytes = fs::read(&path).expect("readable");
        let cut = folder.path().join("cut.db");
        for end in (0..bytes.len()).step_by(509) {
            fs::write(&cut, &bytes[..end]).expect("written");
            let mut log = Log::open(&cut).expect("opened");
            log.part = Some(part);
            let parsed = agents::parse_session(agent, &mut log);
            assert!(parsed.is_err() || end > 4096, "{file} at {end}: a piece of the first page is no database");
            let log = LogFile::at(cut.clone()).expect("a file");
            let listed = agent.sessions(&log).map(|found| found.len()).unwrap_or_default();
            assert!(listed <= 5, "{file} at {end}");
        }
        let inside: Vec<_> = fs::read_dir(folder.path()).expect("a folder").collect();
        assert_eq!(inside.len(), 2, "{file}: the fixture and its piece");
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
