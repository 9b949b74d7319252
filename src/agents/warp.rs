//! Warp: the terminal's database, which has the prompts of its agent's conversations.
//!
//! Learned from public programs that read the database. What the agent answered and did is on Warp's server and, here,
//! in values of a form that is not documented: it is not read, and the session says so.

use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::Value;

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning,
    database::{self, Database, rows},
    field, folders, identity,
    message::{self, Message, Speaker},
    records::Record,
    transcript::Transcript,
};
use crate::{
    environment::Environment,
    hail::{Content, Sink},
};

/// The Warp reader.
pub(super) struct Warp;

impl Agent for Warp {
    fn name(&self) -> &'static str {
        "warp"
    }

    fn title(&self) -> &'static str {
        "Warp"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let found = homes(environment).into_iter().filter_map(|home| database::log_at(home.join("warp.sqlite")));
        folders::in_scope(found.collect(), scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        ["ai_queries", "agent_conversations"].iter().all(|name| sample.tables.iter().any(|table| table == name))
    }

    fn sessions(&self, log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
        database::sessions(log, list, ["conversation_id", "last_modified_at"])
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        match log.path.filter(|path| database::is_database_at(path)) {
            Some(path) => write(path, log.part, sink),
            None => Err(ParseError::NoRecord { line: 1, cause: "not a database of Warp".to_owned() }),
        }
    }
}

/// The folders of the program, of each of its channels.
fn homes(environment: &Environment) -> Vec<PathBuf> {
    const MAC: [&str; 2] =
        ["Library/Group Containers/2BBY89MBSN.dev.warp/Library/Application Support", "Library/Application Support"];
    let state = environment.folder("XDG_STATE_HOME", ".local/state");
    let linux =
        state.into_iter().flat_map(|state| ["warp-terminal", "warp-terminal-preview"].map(|name| state.join(name)));
    let home = environment.home().into_iter();
    let mac = home.flat_map(|home| MAC.map(|folder| home.join(folder)));
    let mac = mac.flat_map(|folder| ["dev.warp.Warp-Stable", "dev.warp.Warp-Preview"].map(|name| folder.join(name)));
    linux.chain(mac).collect()
}

/// The conversations in which something was asked.
fn list(connection: &Connection) -> Result<Vec<Record>, ParseError> {
    let query = "SELECT c.conversation_id, c.last_modified_at FROM agent_conversations c WHERE EXISTS \
                 (SELECT 1 FROM ai_queries q WHERE q.conversation_id = c.conversation_id) ORDER BY c.id";
    rows(connection, query, &[])
}

fn load(connection: &Connection, part: Option<&str>) -> Result<(Record, Vec<Record>), ParseError> {
    let tables = database::tables(connection)?;
    if ["ai_queries", "agent_conversations"].iter().any(|name| !tables.iter().any(|table| table == name)) {
        return Err(ParseError::NoRecord { line: 1, cause: "a database, but not of Warp".to_owned() });
    }
    let id = |row: &Record| Some(row.get("conversation_id")?.as_str()?.to_owned());
    let id = database::the_one(part, || Ok(list(connection)?.iter().filter_map(id).collect()))?;
    let query = "SELECT conversation_id, conversation_data, last_modified_at FROM agent_conversations \
                 WHERE conversation_id = ?1";
    let Some(conversation) = rows(connection, query, &[&id])?.pop() else {
        return Err(ParseError::NoRecord { line: 1, cause: format!("no session '{id}' in the database") });
    };
    let query = "SELECT * FROM ai_queries WHERE conversation_id = ?1 ORDER BY start_ts, id";
    Ok((conversation, rows(connection, query, &[&id])?))
}

fn write(path: &Path, part: Option<&str>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let (conversation, queries) = Database::read(path, |connection| load(connection, part))?;
    let mut out = message::transcript("warp", "warp-sqlite", sink);
    let conversation = Value::Object(conversation);
    out.facts.ended = conversation.get("last_modified_at").and_then(field::time);
    out.facts.attributes.insert("source.incomplete", "answers and calls are not in the database".into());
    let data =
        field::text(&conversation, "conversation_data").and_then(|text| serde_json::from_str::<Value>(text).ok());
    // Sums of the conversation, in which input and output are one.
    let usage = data.as_ref().and_then(|data| data.get("conversation_usage_metadata"));
    out.facts.attributes.extend(usage.map(|usage| ("source.usage", usage.clone())));
    for (index, query) in queries.into_iter().enumerate() {
        asked(&mut out, index, &Value::Object(query))?;
    }
    let id = field::text(&conversation, "conversation_id").unwrap_or_default();
    Ok(out.finish(identity::session_id("warp", id))?)
}

/// Tells a request: a prompt, or what the program went on with.
fn asked(out: &mut Transcript<'_>, index: usize, query: &Value) -> std::io::Result<()> {
    let id = field::text(query, "exchange_id").map_or_else(|| format!("exchange-{index}"), str::to_owned);
    let at = query.get("start_ts").and_then(field::time);
    out.facts.began = out.facts.began.or(at);
    let cwd = field::text(query, "working_directory").map(str::to_owned);
    out.facts.cwd = out.facts.cwd.take().or_else(|| cwd.clone());
    if let Some(model) = field::text(query, "model_id") {
        message::note_model(out, model);
    }
    let input: Value = serde_json::from_str(field::text(query, "input").unwrap_or("[]")).unwrap_or_default();
    for (n, item) in input.as_array().into_iter().flatten().enumerate() {
        let id = if n == 0 { id.clone() } else { format!("{id}-{n}") };
        let Some(words) = item.pointer("/Query/text").and_then(Value::as_str) else {
            let kind = item.as_object().and_then(|item| item.keys().next()).cloned().unwrap_or_default();
            out.unknown(&id, at, &kind, item.clone())?;
            continue;
        };
        let mut message = Message::new(id, at, Speaker::Person);
        message.say(Content::text(words));
        let status = field::text(query, "output_status").map(|status| status.trim_matches('"').to_owned());
        let facts = [("cwd", cwd.clone().filter(|cwd| out.facts.cwd.as_ref() != Some(cwd))), ("output_status", status)];
        message.attributes.extend(facts.into_iter().filter_map(|(key, value)| Some((key, Value::from(value?)))));
        message.send(out)?;
    }
    Ok(())
}
