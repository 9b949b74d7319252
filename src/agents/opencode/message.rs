//! Writes the parts of a message as events.

use std::{collections::HashMap, io};

use serde_json::{Value, json};

use super::{
    load,
    second::{self, Message},
    session::{is_empty, millis},
    tool,
};
use crate::{
    agents::{
        media,
        records::{self, Record, text},
        tool as agents_tool,
        transcript::{Outcome, Tokens, Transcript},
    },
    hail::{Block, Content, Event, EventType, Timestamp, attribute},
};

/// What the session tells a message.
pub(super) struct Place {
    pub(super) is_subagent: bool,
    pub(super) cwd: Option<String>,
}

/// A message on its way to its events.
struct Answer {
    id: String,
    time: Option<Timestamp>,
    model: Option<String>,
    /// What each step used, at the last part of it that the model made.
    tokens: HashMap<usize, Tokens>,
    /// What the first event says besides.
    fields: Option<Value>,
}

pub(super) fn write(transcript: &mut Transcript<'_>, place: &Place, message: Message, index: usize) -> io::Result<()> {
    let Message { mut info, parts } = message;
    let id = text(&info, "id").map_or_else(|| format!("message-{index}"), str::to_owned);
    let time = |key: &str| info.get("time").and_then(|time| time.get(key)).and_then(millis);
    let (created, completed) = (time("created"), time("completed"));
    match text(&info, "role") {
        Some("user") => user(transcript, place, (&id, created), (info, parts)),
        Some("assistant") => {
            let error = info.remove("error").filter(|error| !error.is_null());
            let mut answer = answer(transcript, place, (id.clone(), created), (info, &parts));
            for (index, part) in parts.into_iter().enumerate() {
                answer.write(transcript, index, part)?;
            }
            answer.write_rest(transcript, completed)?;
            match error {
                Some(error) => transcript.unknown(&format!("{id}-error"), completed, "error", error),
                None => Ok(()),
            }
        }
        Some(second::PROGRAM) => program(transcript, place, (&id, created), (info, parts)),
        Some(second::SHELL) => command(transcript, (&id, created, completed), &info),
        Some(second::NOTICE) => {
            let kind = text(&info, "type").unwrap_or("unknown").to_owned();
            info.retain(|key, _| !matches!(key.as_str(), "id" | "role" | "type" | "time"));
            transcript.unknown(&id, created, &kind, Value::Object(info))
        }
        _ => {
            if !info.is_empty() {
                transcript.unknown(&id, created, "message", Value::Object(info))?;
            }
            parts.into_iter().enumerate().try_for_each(|(index, part)| other(transcript, (&id, index), created, part))
        }
    }
}

/// What the person said, in one event; what the program added to it, apart.
fn user(
    transcript: &mut Transcript<'_>,
    place: &Place,
    (id, time): (&str, Option<Timestamp>),
    (info, parts): (Record, Vec<Value>),
) -> io::Result<()> {
    let mut said = Content::default();
    let mut others = Vec::new();
    for (index, part) in parts.into_iter().enumerate() {
        let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
        let words = part.get("text").and_then(Value::as_str).unwrap_or_default();
        match kind {
            "text" if part.get("synthetic") == Some(&Value::Bool(true)) => others.push((index, part)),
            "text" if !words.is_empty() => said.blocks.push(Block::Text { text: words.into() }),
            "text" => {}
            "file" => said.blocks.push(file(&part)),
            _ => others.push((index, part)),
        }
    }
    if !said.blocks.is_empty() {
        let kind = if place.is_subagent { EventType::SystemMessage } else { EventType::UserMessage };
        let mut event = transcript.event(id, time, kind, "user").with_content(said);
        if place.is_subagent {
            event = event.with("source.injected", "subagent");
        }
        if let Some(fields) = fields(info, place) {
            event = event.with("source.fields", fields);
        }
        if place.is_subagent { transcript.push(event)? } else { transcript.prompt(event)? }
    }
    others.into_iter().try_for_each(|(index, part)| match part.get("type").and_then(Value::as_str) {
        Some("text") => {
            let event = synthetic(transcript, &part_id(&part, id, index), time, &part);
            transcript.push(event)
        }
        _ => other(transcript, (id, index), time, part),
    })
}

/// What the program told the model: instructions, notices, the summary that a compaction made, which cost something.
fn program(
    transcript: &mut Transcript<'_>,
    place: &Place,
    (id, time): (&str, Option<Timestamp>),
    (mut info, parts): (Record, Vec<Value>),
) -> io::Result<()> {
    let reason = text(&info, "reason").unwrap_or("synthetic").to_owned();
    let reason = if reason == "compaction" { "compact_summary".to_owned() } else { reason };
    let tokens = tokens_of(&Value::Object(info.clone()), text(&info, "providerID").unwrap_or_default());
    info.retain(|key, _| !matches!(key.as_str(), "reason" | "tokens" | "cost" | "providerID" | "modelID" | "recent"));
    let mut event = synthetic(transcript, id, time, parts.first().unwrap_or(&Value::Null));
    event.attributes.insert("source.injected".to_owned(), reason.into());
    if let Some(fields) = fields(info, place) {
        event = event.with("source.fields", fields);
    }
    tokens.note(&mut event);
    transcript.push(event)
}

/// A command that the person ran, and what it printed.
fn command(
    transcript: &mut Transcript<'_>,
    (id, time, completed): (&str, Option<Timestamp>, Option<Timestamp>),
    info: &Record,
) -> io::Result<()> {
    let call_id = text(info, "shellID").or_else(|| text(info, "callID")).unwrap_or(id).to_owned();
    let asked = json!({ "command": text(info, "command").unwrap_or_default() });
    transcript.call((id, &call_id), time, "shell", agents_tool::call("shell", asked))?;
    if let Some(event) = transcript.waiting_call(&call_id) {
        event.attributes.insert("command_source".to_owned(), "user".into());
    }
    if text(info, "status") == Some("running") {
        return Ok(());
    }
    let output = info.get("output").map(|output| output.get("output").unwrap_or(output));
    let exit_code = info.get("exit").and_then(|exit| i32::try_from(exit.as_i64()?).ok());
    let outcome = Outcome {
        content: Content::text(output.and_then(Value::as_str).unwrap_or_default()),
        is_error: exit_code.is_some_and(|code| code != 0),
        exit_code,
        duration_ms: time.zip(completed).and_then(|(time, end)| u64::try_from(end.since(time).num_milliseconds()).ok()),
        ..Outcome::default()
    };
    transcript.result((&format!("{id}-result"), &call_id), completed.or(time), outcome)
}

/// A text that the program wrote in the name of one side.
fn synthetic(transcript: &mut Transcript<'_>, id: &str, time: Option<Timestamp>, part: &Value) -> Event {
    let words = part.get("text").and_then(Value::as_str).unwrap_or_default();
    let event = transcript.event(id, time, EventType::SystemMessage, "text");
    event.with_content(Content::text(words)).with("source.injected", "synthetic")
}

/// What is known of an answer before its parts are.
fn answer(
    transcript: &mut Transcript<'_>,
    place: &Place,
    (id, time): (String, Option<Timestamp>),
    (mut info, parts): (Record, &[Value]),
) -> Answer {
    let model = text(&info, "modelID").map(str::to_owned);
    if let Some(model) = &model {
        transcript.facts.model.clone_from(model);
    }
    if let Some(provider) = text(&info, "providerID") {
        provider.clone_into(&mut transcript.facts.provider);
    }
    let tokens = tokens(&info, parts);
    for said in ["modelID", "providerID", "tokens", "cost"] {
        info.remove(said);
    }
    Answer { id, time, model, tokens, fields: fields(info, place) }
}

/// What a message says about itself that has no other place.
fn fields(mut info: Record, place: &Place) -> Option<Value> {
    for said in ["id", "sessionID", "role", "time", "parentID"] {
        info.remove(said);
    }
    if let Some(Value::Object(summary)) = info.get_mut("summary") {
        summary.remove("diffs");
    }
    let cwd = info.get("path").and_then(|path| path.get("cwd")).and_then(Value::as_str);
    if cwd.is_some() && cwd == place.cwd.as_deref() {
        info.remove("path");
    }
    info.retain(|_, value| !is_empty(value));
    (!info.is_empty()).then_some(Value::Object(info))
}

/// What each step used. A message says what its last step used; where no step does, that counts.
fn tokens(info: &Record, parts: &[Value]) -> HashMap<usize, Tokens> {
    let provider = text(info, "providerID").unwrap_or_default();
    let mut found: HashMap<usize, Tokens> = HashMap::new();
    let mut last = None;
    for (index, part) in parts.iter().enumerate() {
        match part.get("type").and_then(Value::as_str) {
            Some("text") if part.get("text").and_then(Value::as_str).is_some_and(str::is_empty) => {}
            Some("text" | "reasoning" | "tool") => last = Some(index),
            Some("step-finish") => {
                let used = tokens_of(part, provider);
                if used != Tokens::default() {
                    found.insert(last.take().unwrap_or(index), used);
                }
            }
            _ => {}
        }
    }
    if found.is_empty() {
        let used = tokens_of(&Value::Object(info.clone()), provider);
        if used != Tokens::default() {
            found.insert(last.unwrap_or(usize::MAX), used);
        }
    }
    found
}

/// The counts of a step or a message.
fn tokens_of(value: &Value, provider: &str) -> Tokens {
    let cost = value.get("cost").and_then(Value::as_f64).filter(|cost| *cost > 0.0);
    let Some(Value::Object(used)) = value.get("tokens") else { return Tokens { cost, ..Tokens::default() } };
    let cache = used.get("cache").and_then(Value::as_object).cloned().unwrap_or_default();
    let count = |key: &str| records::count(used, key);
    let (input, output, reasoning) = (count("input"), count("output"), count("reasoning"));
    let (cache_read, cache_write) = (records::count(&cache, "read"), records::count(&cache, "write"));
    // Early versions counted reasoning as a part of the output, as most providers do; later ones
    // take it apart, and say what the total is.
    let visible = input.saturating_add(output).saturating_add(cache_read).saturating_add(cache_write);
    let is_included = match used.get("total").and_then(Value::as_u64) {
        Some(total) => total == visible,
        None => output >= reasoning && !provider.contains("google"),
    };
    let output = if is_included { output } else { output.saturating_add(reasoning) };
    Tokens { input, output, cache_read, cache_write, reasoning, cost }
}

impl Answer {
    fn write(&mut self, transcript: &mut Transcript<'_>, index: usize, part: Value) -> io::Result<()> {
        let id = part_id(&part, &self.id, index);
        let start = part.get("time").and_then(|time| time.get("start")).and_then(millis);
        let time = start.or_else(|| self.time.take());
        let words = part.get("text").and_then(Value::as_str).unwrap_or_default();
        match part.get("type").and_then(Value::as_str).unwrap_or_default() {
            "text" if words.is_empty() => Ok(()),
            "text" if part.get("synthetic") == Some(&Value::Bool(true)) => {
                let event = synthetic(transcript, &id, time, &part);
                self.push(transcript, index, event)
            }
            kind @ ("text" | "reasoning") => {
                let event_type = if kind == "text" { EventType::AgentMessage } else { EventType::Thinking };
                let event = transcript.event(&id, time, event_type, kind).with_content(Content::text(words));
                self.push(transcript, index, event)
            }
            "tool" => {
                let call = tool::write(transcript, (&id, time), &part, |event| self.complete(index, event))?;
                call.map_or(Ok(()), |result| {
                    transcript.result((&result.id, &result.call_id), result.time, result.outcome)
                })
            }
            // Only marks where a step begins; its snapshot is in a repository of OpenCode's own.
            "step-start" => Ok(()),
            "step-finish" if !self.tokens.contains_key(&index) => Ok(()),
            "step-finish" => {
                let event =
                    transcript.event(&id, time, EventType::Custom { kind: "step-finish".to_owned() }, "step-finish");
                let event = event.with_content(Content::json(json!({ "reason": part.get("reason") })));
                self.push(transcript, index, event)
            }
            _ => other(transcript, (&self.id, index), time, part),
        }
    }

    fn push(&mut self, transcript: &mut Transcript<'_>, index: usize, mut event: Event) -> io::Result<()> {
        self.complete(index, &mut event);
        transcript.push(event)
    }

    /// Adds to an event what is known of its answer.
    fn complete(&mut self, index: usize, event: &mut Event) {
        let mut note = |key: &str, value: Value| event.attributes.insert(key.to_owned(), value);
        note(attribute::GROUP_ID, self.id.clone().into());
        if let Some(model) = &self.model {
            note(attribute::MODEL, model.clone().into());
        }
        if let Some(fields) = self.fields.take() {
            note("source.fields", fields);
        }
        if let Some(tokens) = self.tokens.remove(&index) {
            tokens.note(event);
        }
    }

    /// Keeps what was used by an answer that says nothing.
    fn write_rest(mut self, transcript: &mut Transcript<'_>, time: Option<Timestamp>) -> io::Result<()> {
        if self.tokens.is_empty() {
            return Ok(());
        }
        let id = format!("{}-usage", self.id);
        let event = transcript.event(&id, time, EventType::Custom { kind: "usage".to_owned() }, "assistant");
        self.push(transcript, usize::MAX, event)
    }
}

/// A part of any other type, kept whole.
fn other(
    transcript: &mut Transcript<'_>,
    (message, index): (&str, usize),
    time: Option<Timestamp>,
    part: Value,
) -> io::Result<()> {
    let id = part_id(&part, message, index);
    let kind = part.get("type").and_then(Value::as_str).unwrap_or("unknown").to_owned();
    if kind == load::UNREADABLE {
        let cause = part.get("cause").and_then(Value::as_str).unwrap_or_default().to_owned();
        let kind = EventType::Custom { kind };
        let event = transcript.event(&id, time, kind, load::UNREADABLE).with(attribute::FAULT, cause.as_str());
        transcript.warnings.push(crate::agents::Warning { line: 1, cause: format!("{id}: {cause}") });
        return transcript.push(event.with_content(Content::json(part)));
    }
    let mut part = part;
    if let Value::Object(fields) = &mut part {
        fields.retain(|key, _| !matches!(key.as_str(), "id" | "sessionID" | "messageID"));
    }
    transcript.unknown(&id, time, &kind, part)
}

fn part_id(part: &Value, message: &str, index: usize) -> String {
    part.get("id").and_then(Value::as_str).map_or_else(|| format!("{message}-{index}"), str::to_owned)
}

/// A file that came with a prompt or a result.
pub(super) fn file(part: &Value) -> Block {
    let text = |key: &str| part.get(key).and_then(Value::as_str);
    let url = text("url").unwrap_or_default();
    let mime = text("mime").unwrap_or("application/octet-stream");
    let path = part.get("source").and_then(|source| source.get("path")).and_then(Value::as_str);
    let name = path.or_else(|| text("filename")).filter(|name| !name.is_empty());
    match (url.starts_with("data:"), mime.starts_with("image/")) {
        (true, true) => media::image_url(url),
        (false, true) => Block::Image { url: url.to_owned(), alt: None, mime: mime.to_owned() },
        (true, false) if let Some((name, content)) = name.zip(media::text(url)) => {
            Block::File { path: name.to_owned(), content: Some(content) }
        }
        (true, false) => match media::image_url(url) {
            Block::Image { url, mime, .. } => Block::Reference { uri: url, media_type: mime },
            other => other,
        },
        (false, false) => match path.or_else(|| url.strip_prefix("file://")) {
            Some(path) if !path.is_empty() => Block::File { path: path.to_owned(), content: None },
            _ => Block::Json { data: part.clone() },
        },
    }
}
