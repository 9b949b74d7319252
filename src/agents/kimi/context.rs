//! What Kimi CLI sent to the model: all that sessions of early versions have. It has no times and no counts
//! but that of the context.

use std::{io, path::Path};

use serde_json::Value;

use crate::{
    agents::{
        Log, ParseError, Warning, chat, field, identity,
        message::{self, Message, Part, Speaker},
        records,
        transcript::Transcript,
    },
    hail::{Content, Sink},
};

/// Whether a record is one that only such a log has.
pub(super) fn is_record(record: &Value) -> bool {
    matches!(field::text(record, "role"), Some("_system_prompt" | "_checkpoint" | "_usage"))
        && record.get("type").is_none()
}

pub(super) fn parse(log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let mut transcript = message::transcript("kimi", "kimi-context", sink);
    "moonshot".clone_into(&mut transcript.facts.provider);
    let path = log.path;
    transcript.facts.cwd = path.and_then(super::directory);
    transcript.facts.title = path.and_then(super::title);
    let mut first = None;
    records::each((None, log), "Kimi CLI", &mut transcript, &mut |transcript, line, record| {
        let is_known = field::text(&record, "role").is_some();
        if is_known {
            first.get_or_insert_with(|| identity::hashed_id("kimi", &record.to_string()));
        }
        send(transcript, line, &record)?;
        Ok(is_known)
    })?;
    let folder = path.and_then(Path::parent).and_then(Path::file_name).and_then(|name| name.to_str());
    let id = records::session_id(log, [folder, None], "kimi", first);
    Ok(transcript.finish(id)?)
}

fn send(transcript: &mut Transcript<'_>, line: u64, record: &Value) -> io::Result<()> {
    let id = format!("line-{line}");
    let content = record.get("content").unwrap_or(&Value::Null);
    let is_marked = content.as_array().is_some_and(|parts| parts.iter().all(is_system)) || is_system(content);
    let speaker = match field::text(record, "role") {
        Some("user") if is_marked => Speaker::Program("system"),
        Some("user") => Speaker::Person,
        Some("assistant" | "tool") => Speaker::Agent,
        Some("system" | "_system_prompt") => Speaker::Program("system"),
        // They only mark a place, or count the context.
        Some("_checkpoint" | "_usage") => return Ok(()),
        role => return transcript.unknown(&id, None, role.unwrap_or("message"), record.clone()),
    };
    let mut message = Message::new(id, None, speaker);
    if record["role"] == "tool" {
        message.parts.push(chat::result(record, false, None));
        return message.send(transcript);
    }
    match content {
        Value::Array(parts) => parts.iter().for_each(|part| match field::text(part, "think") {
            Some(thought) => message.parts.push(Part::Thought(thought.to_owned())),
            None => message.say(Content { blocks: field::block(part).into_iter().collect() }),
        }),
        other => message.say(field::content(other)),
    }
    let calls = chat::calls(record).map(|part| match part {
        Part::Call { id, name, arguments } => {
            Part::Calls { id, calls: vec![super::wire::call(&name, arguments)], name }
        }
        other => other,
    });
    message.parts.extend(calls);
    message.send(transcript)
}

/// Whether a text is one that the program writes in the person's name.
fn is_system(part: &Value) -> bool {
    let text = part.as_str().or_else(|| field::text(part, "text")).unwrap_or_default();
    text.trim_start().starts_with("<system>") || text.trim_start().starts_with("<system-reminder>")
}
