//! The documents of the versions before 1.0.

use std::{io, path::Path};

use serde_json::Value;

use super::execution::{self, Executions};
use crate::{
    agents::{
        Log, LogFile, ParseError, Warning, document, field, identity,
        message::{self, Message, Part, Speaker},
        transcript::{Outcome, Transcript},
    },
    hail::{Content, Sink, Timestamp},
    system::files,
};

/// How the texts begin that the program writes in the person's name.
const INJECTED: [&str; 6] =
    ["# System Prompt", "# Identity", "<identity>", "<key_kiro_features>", "<EnvironmentContext>", "## Included Rules"];

pub(super) fn parse(log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let path = log.path;
    let session = document::read(log)?;
    let mut transcript = message::transcript("kiro-ide", "kiro-ide-document", sink);
    "amazon".clone_into(&mut transcript.facts.provider);
    let id = if let Some(chat) = session.get("chat").and_then(Value::as_array) {
        write_chat(&mut transcript, &session, chat)?;
        field::text(&session, "executionId")
    } else if let Some(history) = session.get("history").and_then(Value::as_array) {
        write_history(&mut transcript, &session, history, path)?;
        field::text(&session, "sessionId")
    } else {
        return Err(ParseError::NoRecord { line: 1, cause: "not a session of Kiro IDE".to_owned() });
    };
    let stem = path.and_then(Path::file_stem).and_then(|stem| stem.to_str());
    let id = identity::session_id("kiro-ide", id.or(stem).unwrap_or_default());
    Ok(transcript.finish(id)?)
}

fn write_history(
    transcript: &mut Transcript<'_>,
    session: &Value,
    history: &[Value],
    path: Option<&Path>,
) -> io::Result<()> {
    let facts = &mut transcript.facts;
    facts.title = field::text(session, "title").map(str::to_owned);
    facts.cwd = field::any_text(session, &["workspaceDirectory", "workspacePath"]).map(str::to_owned);
    if let Some(model) = field::any_text(session, &["modelId", "selectedModel", "model"]) {
        model.clone_into(&mut facts.model);
    }
    // The document has no times.
    facts.began = path.and_then(|path| created(path, field::text(session, "sessionId")?));
    let executions =
        path.zip(facts.cwd.as_deref()).map(|(path, cwd)| Executions::beside(path, cwd)).unwrap_or_default();
    for (index, entry) in history.iter().enumerate() {
        let message = entry.get("message").unwrap_or(&Value::Null);
        let id = field::text(message, "id").map_or_else(|| format!("message-{index}"), str::to_owned);
        let content = field::content(message.get("content").unwrap_or(&Value::Null));
        match field::text(message, "role") {
            Some("user") => {
                // The execution that answers began when the prompt was sent.
                let next = history.get(index + 1).and_then(|next| executions.of(next));
                let time = next.and_then(|next| next.get("startTime").and_then(field::time));
                say(transcript, (id, time), Speaker::Person, content)?;
            }
            Some("assistant") => match executions.of(entry) {
                Some(found) => execution::write(transcript, &id, &found, content)?,
                None => say(transcript, (id, None), Speaker::Agent, answer(entry, content))?,
            },
            role => transcript.unknown(&id, None, role.unwrap_or("message"), entry.clone())?,
        }
    }
    Ok(())
}

/// What was answered: where the message is empty, what the model was seen to write.
fn answer(entry: &Value, content: Content) -> Content {
    if !content.blocks.is_empty() {
        return content;
    }
    let logs = entry.get("promptLogs").and_then(Value::as_array).into_iter().flatten();
    let texts: Vec<&str> = logs.filter_map(|log| field::text(log, "completion")).collect();
    Content::text(texts.join("\n\n"))
}

fn say(
    transcript: &mut Transcript<'_>,
    (id, time): (String, Option<Timestamp>),
    speaker: Speaker,
    content: Content,
) -> io::Result<()> {
    let is_injected = INJECTED.iter().any(|start| content.to_text().trim_start().starts_with(start));
    let speaker = if speaker == Speaker::Person && is_injected { Speaker::Program("context") } else { speaker };
    let mut message = Message::new(id, time, speaker);
    message.say(content);
    message.send(transcript)
}

/// When a session was created, as the list of sessions beside it says, else when it was last written.
fn created(path: &Path, id: &str) -> Option<Timestamp> {
    let list = files::read_text(&path.with_file_name("sessions.json"), files::LARGE).ok();
    let list: Option<Value> = list.and_then(|list| serde_json::from_str(&list).ok());
    let mut entries = list.as_ref().and_then(Value::as_array).into_iter().flatten();
    let entry = entries.find(|entry| field::text(entry, "sessionId") == Some(id));
    let time = entry.and_then(|entry| entry.get("dateCreated")).and_then(|time| match time.as_str() {
        Some(text) => text.parse().ok().and_then(Timestamp::from_millis).or_else(|| field::time(time)),
        None => field::time(time),
    });
    time.or_else(|| Timestamp::from_millis(since_1970(LogFile::at(path.to_owned())?.modified)?))
}

fn since_1970(time: std::time::SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_millis()).ok()
}

/// Writes what the first versions kept of one execution.
fn write_chat(transcript: &mut Transcript<'_>, session: &Value, chat: &[Value]) -> io::Result<()> {
    let known = session.get("metadata").unwrap_or(&Value::Null);
    transcript.facts.began = known.get("startTime").and_then(field::time);
    transcript.facts.ended = known.get("endTime").and_then(field::time);
    if let Some(model) = field::text(known, "modelId") {
        model.clone_into(&mut transcript.facts.model);
    }
    for (index, native) in chat.iter().enumerate() {
        let id = format!("message-{index}");
        let content = field::content(native.get("content").unwrap_or(&Value::Null));
        match field::text(native, "role") {
            Some("human") => say(transcript, (id, None), Speaker::Person, plain(content))?,
            Some("bot") => say(transcript, (id, None), Speaker::Agent, content)?,
            Some("tool") => {
                let part = Part::Result { id: id.clone(), outcome: Outcome { content, ..Outcome::default() } };
                let mut message = Message::new(id, None, Speaker::Agent);
                message.parts.push(part);
                message.send(transcript)?;
            }
            role => transcript.unknown(&id, None, role.unwrap_or("message"), native.clone())?,
        }
    }
    Ok(())
}

/// A prompt without the tags around it.
fn plain(content: Content) -> Content {
    let text = content.to_text();
    let inner = text.trim().strip_prefix("<kiro-ide-message>");
    match inner {
        Some(inner) => Content::text(inner.trim_end_matches("</kiro-ide-message>").trim()),
        None => content,
    }
}
