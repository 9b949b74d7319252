//! The conversations of Amazon Q Developer CLI, which Kiro CLI kept: rows of a database, each with a document.
//!
//! A turn is what the model was sent (a prompt, or the results of its calls) and what it answered. A database
//! of Amazon Q has one conversation a folder, one of Kiro several.

use std::{io, path::Path};

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{
    LogFile, ParseError, Sample, Warning,
    database::{self, Database, rows},
    field, identity, media,
    message::{self, Message, Part, Speaker},
    q_tools,
    records::Record,
    transcript::{Outcome, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Block, Content, Sink},
};

/// The members of a conversation that are said elsewhere, or that the program needs only to go on.
const KNOWN: [&str; 17] = [
    "conversation_id",
    "history",
    "next_message",
    "transcript",
    "tools",
    "valid_history_range",
    "context_manager",
    "context_message_length",
    "latest_summary",
    "model",
    "model_info",
    "file_line_tracker",
    "checkpoint_manager",
    "tangent_state",
    "mcp_enabled",
    "user_turn_metadata",
    "agents",
];
/// What is known of a request that other members say, or that measures the connection.
const REQUEST: [&str; 9] = [
    "request_id",
    "message_id",
    "request_start_timestamp_ms",
    "stream_end_timestamp_ms",
    "time_to_first_chunk",
    "time_between_chunks",
    "user_prompt_length",
    "response_size",
    "tool_use_ids_and_names",
];

/// Whether a database has that table of conversations.
pub(super) fn has_tables(sample: &Sample, name: &str) -> bool {
    let has = |name: &str| sample.tables.iter().any(|table| table == name);
    has(name) && has("migrations")
}

/// The databases of a program of that name.
pub(super) fn databases(environment: &Environment, program: &str) -> Vec<LogFile> {
    let linux = environment.folder("XDG_DATA_HOME", ".local/share");
    let mac = environment.home().map(|home| home.join("Library/Application Support"));
    let places = linux.into_iter().chain(mac).map(|data| data.join(program).join("data.sqlite3"));
    places.filter_map(database::log_at).collect()
}

/// The conversations of a database, or the log itself where it is none.
pub(super) fn sessions(log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
    if !database::is_database_at(&log.path) {
        return Ok(vec![log.clone()]);
    }
    let found = Database::read(&log.path, list)?;
    let part = |row: &Record| {
        let changed = row.get("updated_at").and_then(field::time);
        Some(log.part(row.get("id")?.as_str()?, changed))
    };
    Ok(found.iter().filter_map(part).collect())
}

/// The ids of the conversations in which something was said, each with the time of its last change.
fn list(connection: &Connection) -> Result<Vec<Record>, ParseError> {
    let (table, id, changed) = columns(connection)?;
    let query = format!(
        "SELECT {id} AS id, max({changed}) AS updated_at FROM {table} \
         WHERE CASE WHEN json_valid(value) THEN json_array_length(value, '$.history') ELSE 0 END > 0 \
         AND {id} IS NOT NULL GROUP BY {id} ORDER BY min(rowid)"
    );
    rows(connection, &query, &[])
}

/// The table, and how its rows say their id and the time of their last change.
fn columns(connection: &Connection) -> Result<(&'static str, &'static str, &'static str), ParseError> {
    let tables = database::tables(connection)?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    if has("conversations_v2") {
        return Ok(("conversations_v2", "conversation_id", "updated_at"));
    }
    if has("conversations") {
        let id = "CASE WHEN json_valid(value) THEN json_extract(value, '$.conversation_id') END";
        return Ok(("conversations", id, "NULL"));
    }
    Err(ParseError::NoRecord { line: 1, cause: "a database, but without conversations".to_owned() })
}

/// Writes a conversation of a database.
pub(super) fn write_row(
    path: &Path,
    part: Option<&str>,
    agent: &'static str,
    sink: &mut dyn Sink,
) -> Result<Vec<Warning>, ParseError> {
    let row = Database::read(path, |connection| {
        let (table, id, changed) = columns(connection)?;
        let ids = || Ok(list(connection)?.iter().filter_map(|row| Some(row.get("id")?.as_str()?.to_owned())).collect());
        let wanted = database::the_one(part, ids)?;
        // A conversation that went on in another folder is there twice; the later one has more.
        let query = format!("SELECT * FROM {table} WHERE {id} = ?1 ORDER BY {changed} DESC, rowid DESC LIMIT 1");
        let found = rows(connection, &query, &[&wanted])?.pop();
        let cause = format!("no conversation '{wanted}' in the database");
        found.ok_or(ParseError::NoRecord { line: 1, cause })
    })?;
    let text = row.get("value").and_then(Value::as_str).unwrap_or_default();
    let conversation: Value = serde_json::from_str(text)
        .map_err(|fault| ParseError::NoRecord { line: 1, cause: format!("the conversation is not JSON: {fault}") })?;
    write(agent, &conversation, Some(&row), sink)
}

/// Writes a conversation, with what its row says.
pub(super) fn write(
    agent: &'static str,
    conversation: &Value,
    row: Option<&Record>,
    sink: &mut dyn Sink,
) -> Result<Vec<Warning>, ParseError> {
    let refuse = || ParseError::NoRecord { line: 1, cause: "not a conversation of Amazon Q or Kiro".to_owned() };
    let id = field::text(conversation, "conversation_id").ok_or_else(refuse)?;
    let history = conversation.get("history").and_then(Value::as_array).ok_or_else(refuse)?;
    let mut transcript = message::transcript(agent, "q-conversation", sink);
    note_facts(&mut transcript, conversation, row);
    if let Some(summary) = conversation.pointer("/latest_summary/0").and_then(Value::as_str) {
        let mut message = Message::new("summary".to_owned(), None, Speaker::Program("compact_summary"));
        message.say(Content::text(summary));
        message.send(&mut transcript)?;
    }
    for (index, turn) in history.iter().enumerate() {
        send_turn(&mut transcript, index, turn)?;
    }
    if let Some(next) = conversation.get("next_message").filter(|next| next.is_object()) {
        sent(&mut transcript, &format!("turn-{}", history.len()), next)?;
    }
    Ok(transcript.finish(identity::session_id(agent, id))?)
}

fn note_facts(transcript: &mut Transcript<'_>, conversation: &Value, row: Option<&Record>) {
    let facts = &mut transcript.facts;
    "amazon".clone_into(&mut facts.provider);
    let model = conversation.get("model_info").and_then(|info| field::text(info, "model_id"));
    if let Some(model) = model.or_else(|| field::text(conversation, "model")) {
        model.clone_into(&mut facts.model);
    }
    let mut history = conversation.get("history").and_then(Value::as_array).into_iter().flatten();
    facts.cwd = history.find_map(working_directory).map(str::to_owned);
    // The key is the folder in which it went on last.
    let key = row.and_then(|row| row.get("key")?.as_str());
    facts.cwd = facts.cwd.take().or_else(|| key.map(str::to_owned));
    let first = conversation.pointer("/history/0").map(|turn| halves(turn).0).and_then(|user| user.get("timestamp"));
    facts.began = row.and_then(|row| row.get("created_at")).or(first).and_then(field::time);
    facts.ended = row.and_then(|row| row.get("updated_at").and_then(field::time));
    let used = conversation.pointer("/user_turn_metadata/usage_info").and_then(Value::as_array).into_iter().flatten();
    let credits: f64 = used.filter_map(|used| used.get("value")?.as_f64()).sum();
    if credits > 0.0 {
        facts.attributes.insert("kiro.credits", credits.into());
    }
    facts.attributes.extend(field::rest(conversation, &KNOWN).map(|rest| ("source.fields", rest)));
}

/// The two halves of a turn; early versions have them as a list.
fn halves(turn: &Value) -> (&Value, &Value) {
    let half = |key: &str, index: usize| turn.get(key).or_else(|| turn.get(index)).unwrap_or(&Value::Null);
    (half("user", 0), half("assistant", 1))
}

/// The folder in which a turn was said.
pub(super) fn working_directory(turn: &Value) -> Option<&str> {
    field::text(halves(turn).0.pointer("/env_context/env_state")?, "current_working_directory")
}

fn send_turn(transcript: &mut Transcript<'_>, index: usize, turn: &Value) -> io::Result<()> {
    let (user, assistant) = halves(turn);
    let id = format!("turn-{index}");
    sent(transcript, &id, user)?;
    let request = turn.get("request_metadata").unwrap_or(&Value::Null);
    let time = request.get("stream_end_timestamp_ms").and_then(field::time);
    let (kind, answer) = match assistant.as_object().and_then(|members| members.iter().next()) {
        Some((kind, answer)) if matches!(kind.as_str(), "Response" | "ToolUse") => (kind.as_str(), answer),
        _ if assistant.is_null() => return Ok(()),
        _ => return transcript.unknown(&format!("{id}-answer"), time, "assistant", assistant.clone()),
    };
    let mut message = Message::new(format!("{id}-answer"), time, Speaker::Agent);
    message.say(Content::text(field::text(answer, "content").unwrap_or_default()));
    let calls = answer.get("tool_uses").and_then(Value::as_array).filter(|_| kind == "ToolUse");
    for call in calls.into_iter().flatten() {
        let name = field::any_text(call, &["name", "orig_name"]).unwrap_or_default().to_owned();
        let arguments = call.get("args").cloned().unwrap_or_default();
        let calls = vec![q_tools::call(&name, arguments)];
        message.parts.push(Part::Calls { id: field::text(call, "id").unwrap_or_default().to_owned(), name, calls });
    }
    if let Some(model) = field::text(request, "model_id") {
        model.clone_into(&mut transcript.facts.model);
        message.model = Some(model.to_owned());
    }
    if message.parts.is_empty() {
        return Ok(());
    }
    let native = field::text(answer, "message_id").map(|id| ("source.message_id", json!(id)));
    message.attributes.extend(native);
    message.attributes.extend(field::rest(request, &REQUEST).map(|rest| ("source.request", rest)));
    message.send(transcript)
}

/// Writes what the model was sent.
fn sent(transcript: &mut Transcript<'_>, id: &str, user: &Value) -> io::Result<()> {
    let time = user.get("timestamp").and_then(field::time);
    let content = user.get("content").unwrap_or(&Value::Null);
    let Some((kind, content)) = content.as_object().and_then(|members| members.iter().next()) else {
        return if user.is_null() { Ok(()) } else { transcript.unknown(id, time, "user", user.clone()) };
    };
    if !["Prompt", "ToolUseResults", "CancelledToolUses"].contains(&kind.as_str()) {
        return transcript.unknown(id, time, "user", user.clone());
    }
    let results = content.get("tool_use_results").and_then(Value::as_array).into_iter().flatten();
    for (index, result) in results.enumerate() {
        let call = field::text(result, "tool_use_id").unwrap_or_default();
        transcript.result((&format!("{id}-result-{index}"), call), time, outcome(result, kind))?;
    }
    let said = field::text(content, "prompt");
    let images = user.get("images").and_then(Value::as_array).into_iter().flatten().filter_map(image);
    let mut message = Message::new(id.to_owned(), time, Speaker::Person);
    message.say(Content::text(said.unwrap_or_default()));
    message.say(Content { blocks: images.collect() });
    message.send(transcript)?;
    // What hooks and the program added to the prompt.
    let mut added = Message::new(format!("{id}-context"), time, Speaker::Program("context"));
    added.say(Content::text(field::text(user, "additional_context").unwrap_or_default()));
    added.send(transcript)
}

fn outcome(result: &Value, kind: &str) -> Outcome {
    let pieces = result.get("content").and_then(Value::as_array).into_iter().flatten();
    let blocks: Vec<Block> = pieces.map(piece).collect();
    let status = field::text(result, "status").unwrap_or_default();
    Outcome {
        exit_code: blocks.iter().find_map(q_tools::exit_code),
        is_error: status.eq_ignore_ascii_case("error") || kind == "CancelledToolUses",
        content: Content { blocks },
        ..Outcome::default()
    }
}

fn piece(piece: &Value) -> Block {
    match (piece.get("Text").and_then(Value::as_str), piece.get("Json")) {
        (Some(text), _) => Block::Text { text: text.into() },
        (None, Some(data)) => Block::Json { data: data.clone() },
        (None, None) => Block::Json { data: piece.clone() },
    }
}

/// A picture, whose bytes are a list of numbers or base64.
fn image(image: &Value) -> Option<Block> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let format = field::text(image, "format").unwrap_or("png").to_lowercase();
    let bytes = image.pointer("/source/Bytes").or_else(|| image.pointer("/source/bytes"))?;
    let base64 = match bytes {
        Value::String(text) => text.clone(),
        Value::Array(bytes) => {
            let bytes: Option<Vec<u8>> = bytes.iter().map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
            STANDARD.encode(bytes?)
        }
        _ => return None,
    };
    Some(media::image(&format!("image/{format}"), &base64))
}
