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

use git_session::agents::Parsed;
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
