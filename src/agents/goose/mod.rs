//! Goose: the database from 1.10 on, and the JSON lines of the versions before.
//!
//! Learned from the public source of `goose` (`session_manager`, `conversation::message`).

mod database;
mod message;

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, database as sqlite, folders, identity,
    records::{self, Record, Teller, text},
    transcript::{Facts, Transcript},
};
use crate::{
    environment::Environment,
    hail::{SessionId, Sink, Timestamp},
};
use message::Messages;

/// The Goose parser.
pub(super) struct Goose;

impl Agent for Goose {
    fn name(&self) -> &'static str {
        "goose"
    }

    fn title(&self) -> &'static str {
        "Goose"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let found: Vec<LogFile> = homes(environment).iter().flat_map(|home| logs_in(&home.join("sessions"))).collect();
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let has_table = |name: &str| sample.tables.iter().any(|table| table == name);
        ["sessions", "messages", "schema_version"].into_iter().all(has_table)
            || sample.records.iter().take(3).any(is_line)
    }

    fn sessions(&self, log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
        if !sqlite::is_database_at(&log.path) {
            return Ok(vec![log.clone()]);
        }
        Ok(database::sessions(&log.path)?.into_iter().map(|(id, changed)| log.part(id, changed)).collect())
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        sample.records.first()?.get("working_dir")?.as_str()
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        match log.path.filter(|path| sqlite::is_database_at(path)) {
            Some(path) => database::write(path, log.part, sink),
            None => write_lines(log, sink),
        }
    }
}

/// The folders of Goose's data: where a variable says, else where the system keeps such data.
fn homes(environment: &Environment) -> Vec<PathBuf> {
    if let Some(root) = environment.variable("GOOSE_PATH_ROOT") {
        return vec![Path::new(root).join("data")];
    }
    let own = environment.folder("XDG_DATA_HOME", ".local/share").map(|data| data.join("goose"));
    let mac = environment.home().map(|home| home.join("Library/Application Support/Block/goose"));
    own.into_iter().chain(mac).collect()
}

fn logs_in(folder: &Path) -> Vec<LogFile> {
    if let Some(log) = sqlite::log_at(folder.join("sessions.db")) {
        // What the lines of earlier versions hold was taken over when the database was made.
        return vec![log];
    }
    let entries = folder.read_dir().into_iter().flatten().flatten();
    let is_log = |path: &Path| path.extension().is_some_and(|extension| extension == "jsonl");
    entries.filter(|entry| is_log(&entry.path())).filter_map(|entry| LogFile::of(&entry)).collect()
}

/// Whether a record is the first line of a log of Goose, or one of its messages.
fn is_line(record: &Value) -> bool {
    let is_header = record.get("working_dir").is_some_and(Value::is_string)
        && (record.get("message_count").is_some() || record.get("description").is_some())
        && record.get("type").is_none();
    let is_message = record.get("role").is_some_and(Value::is_string)
        && record.get("created").is_some_and(Value::is_number)
        && record.get("content").is_some_and(Value::is_array);
    is_header || is_message
}

/// The JSON lines of the versions before 1.10.
struct Lines<'s> {
    messages: Messages<'s>,
    /// The id made of the first record, for a session that comes from no file.
    seed: Option<SessionId>,
    is_recognised: bool,
}

impl<'s> Teller<'s> for Lines<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.messages.transcript
    }

    fn is_recognised(&self) -> bool {
        self.is_recognised
    }

    fn record(&mut self, line: u64, record: Record) -> io::Result<()> {
        let record = Value::Object(record);
        self.seed.get_or_insert_with(|| identity::hashed_id("goose", &record.to_string()));
        self.is_recognised |= is_line(&record);
        let Value::Object(record) = record else { return Ok(()) };
        if record.contains_key("role") {
            self.messages.write(&format!("{line}"), &record)?;
        } else if record.contains_key("working_dir") {
            header_line(&mut self.messages, &record);
        } else {
            self.messages.transcript.unknown(&format!("{line}"), None, "header", Value::Object(record))?;
        }
        Ok(())
    }
}

fn write_lines(log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let mut transcript = Transcript::new("goose", "goose-jsonl", sink);
    transcript.facts = Facts { provider: "unknown".to_owned(), model: "unknown".to_owned(), ..Facts::default() };
    let mut lines = Lines { messages: Messages::new(transcript), seed: None, is_recognised: false };
    records::tell(log, "Goose", &mut lines)?;
    let id = records::session_id(log, [None, records::stem(log)], "goose", lines.seed);
    Ok(lines.messages.finish()?.finish(id)?)
}

/// What the first line says of the session. Its counts are of all answers together.
fn header_line(messages: &mut Messages<'_>, record: &Record) {
    let facts = &mut messages.transcript.facts;
    facts.cwd = text(record, "working_dir").map(str::to_owned);
    facts.title = text(record, "description").map(str::to_owned);
    if let Some(schedule) = text(record, "schedule_id") {
        facts.attributes.insert("schedule_id", schedule.into());
    }
    messages.total = message::totals(record);
}

/// A time in seconds since 1970, or in milliseconds where it is too large for that.
fn seconds(value: i64) -> Option<Timestamp> {
    if value > 100_000_000_000 { Timestamp::from_millis(value) } else { Timestamp::from_seconds(value) }
}
