//! Tells the records of both kinds as events.

use std::{io, path::Path};

use serde_json::{Value, json};

use super::super::{
    Log, ParseError, Warning, apply_patch, identity, media,
    records::{self, Record, Teller, count, text, time, with_fields},
    tool,
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    hail::{Block, Content, EventType, SessionId, Sink, Timestamp, attribute, hash, title_of},
    system::files,
};

/// The fields that every record has.
const TOLD: [&str; 3] = ["type", "id", "timestamp"];

/// The types of the records of both kinds.
const TYPES: [&str; 8] =
    ["session_start", "message", "tool_call", "tool_result", "completion", "system", "todo_state", "compaction_state"];

/// Reads a log to its end.
pub(super) fn parse(log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let out = Transcript::new("factory-droid", "factory-droid-session", sink);
    let mut parser = Parser { out, session: None, first: None, last_said: 0 };
    records::tell(log, "Factory Droid", &mut parser)?;
    if let Some(path) = log.path {
        take_settings(path, &mut parser.out);
    }
    if parser.out.facts.provider.is_empty() {
        "factory".clone_into(&mut parser.out.facts.provider);
    }
    let id = records::session_id(log, [parser.session.as_deref(), records::stem(log)], "factory-droid", parser.first);
    Ok(parser.out.finish(id)?)
}

/// Takes model and totals from the settings beside the log. The totals grow with the session and
/// belong to no answer, so they stay with the session.
fn take_settings(log: &Path, out: &mut Transcript<'_>) {
    let Ok(settings) = files::read_text(&log.with_extension("settings.json"), files::SMALL) else { return };
    let Ok(settings) = serde_json::from_str::<Record>(&settings) else { return };
    if let Some(model) = text(&settings, "model").filter(|_| out.facts.model.is_empty()) {
        model.clone_into(&mut out.facts.model);
    }
    if let Some(provider) = text(&settings, "providerLock").filter(|_| out.facts.provider.is_empty()) {
        provider.clone_into(&mut out.facts.provider);
    }
    if let Some(usage) = settings.get("tokenUsage") {
        out.facts.attributes.insert("droid.token_usage", usage.clone());
    }
}

struct Parser<'s> {
    out: Transcript<'s>,
    session: Option<String>,
    /// The id made of the first record of this agent, for a session that has no name.
    first: Option<SessionId>,
    /// The hash of what the agent said last.
    last_said: u64,
}

/// What every record has.
struct Envelope {
    id: String,
    time: Option<Timestamp>,
    kind: String,
}

impl<'s> Teller<'s> for Parser<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.first.is_some()
    }

    fn state(&self) -> serde_json::Result<Option<Value>> {
        serde_json::to_value((&self.session, &self.first, &self.last_said)).map(Some)
    }

    fn restore(&mut self, state: Value) -> serde_json::Result<()> {
        (self.session, self.first, self.last_said) = serde_json::from_value(state)?;
        Ok(())
    }

    fn record(&mut self, line: u64, mut record: Record) -> io::Result<()> {
        let kind = text(&record, "type").unwrap_or_default().to_owned();
        let id = text(&record, "id").filter(|_| kind != "session_start");
        let envelope = Envelope {
            id: id.map_or_else(|| format!("line-{line}"), str::to_owned),
            time: time(&record, "timestamp"),
            kind,
        };
        if self.first.is_none() && TYPES.contains(&envelope.kind.as_str()) {
            self.first = Some(identity::hashed_id("factory-droid", &Value::Object(record.clone()).to_string()));
        }
        self.out.marks.clear();
        for key in ["session_id", "sessionId"] {
            if let Some(Value::String(session)) = record.remove(key) {
                self.session.get_or_insert(session);
            }
        }
        match envelope.kind.as_str() {
            "session_start" => self.start(record),
            "message" => match record.remove("message") {
                Some(Value::Object(message)) => self.message(&envelope, message, record),
                other => {
                    record.extend(other.map(|message| ("message".to_owned(), message)));
                    self.streamed(&envelope, record)
                }
            },
            "tool_call" => self.streamed_call(&envelope, &mut record),
            "tool_result" => self.streamed_result(&envelope, &mut record),
            "completion" => self.completion(&envelope, record),
            _ => {
                self.facts(&record);
                self.custom(&envelope, record)
            }
        }
    }
}

impl Parser<'_> {
    fn facts(&mut self, record: &Record) {
        let facts = &mut self.out.facts;
        facts.cwd = facts.cwd.take().or_else(|| text(record, "cwd").map(str::to_owned));
        if let Some(model) = text(record, "model") {
            model.clone_into(&mut facts.model);
        }
    }

    fn start(&mut self, mut record: Record) -> io::Result<()> {
        self.session = self.session.take().or_else(|| text(&record, "id").map(str::to_owned));
        self.facts(&record);
        let facts = &mut self.out.facts;
        // A session without a name is called so; its title is the first prompt then.
        let title = text(&record, "sessionTitle").filter(|title| *title != "New Session");
        facts.title = title.or_else(|| text(&record, "title")).map(title_of);
        for told in ["type", "id", "title", "sessionTitle", "cwd", "owner"] {
            record.remove(told);
        }
        match record.remove("version") {
            Some(Value::String(version)) => facts.version = Some(version),
            other => facts.attributes.extend(other.map(|version| ("droid.session_version", version))),
        }
        if !record.is_empty() {
            facts.attributes.insert("droid.session", Value::Object(record));
        }
        Ok(())
    }

    fn custom(&mut self, envelope: &Envelope, mut record: Record) -> io::Result<()> {
        for told in TOLD {
            record.remove(told);
        }
        self.out.unknown(&envelope.id, envelope.time, &envelope.kind, Value::Object(record))
    }

    fn message(&mut self, envelope: &Envelope, mut message: Record, mut beside: Record) -> io::Result<()> {
        let role = text(&message, "role").unwrap_or_default().to_owned();
        let usage = beside.remove("usage").or_else(|| message.remove("usage"));
        let tokens = usage.as_ref().and_then(Value::as_object).map(tokens).unwrap_or_default();
        self.facts(&message);
        let parts = match message.remove("content") {
            Some(Value::Array(parts)) => parts,
            Some(Value::String(text)) => vec![json!({ "type": "text", "text": text })],
            _ => Vec::new(),
        };
        for told in ["role", "model"] {
            message.remove(told);
        }
        for told in ["type", "id", "timestamp", "parentId"] {
            beside.remove(told);
        }
        message.extend(beside);
        match role.as_str() {
            "user" => self.prompt(envelope, parts, message),
            "assistant" => self.answer(envelope, parts, &tokens, message),
            _ => {
                message.insert("role".to_owned(), role.into());
                message.insert("content".to_owned(), Value::Array(parts));
                self.custom(envelope, message)
            }
        }
    }

    fn prompt(&mut self, envelope: &Envelope, parts: Vec<Value>, mut fields: Record) -> io::Result<()> {
        let is_hidden = text(&fields, "visibility").is_some_and(|who| who.starts_with("llm"));
        let (mut typed, mut injected) = (Vec::new(), Vec::new());
        for (n, part) in parts.into_iter().enumerate() {
            if part["type"] == "tool_result" {
                let id = if n == 0 { envelope.id.clone() } else { format!("{}-{n}", envelope.id) };
                self.result(&id, envelope.time, &part)?;
                continue;
            }
            let Some(text) = part["text"].as_str() else {
                typed.extend(block(&part));
                continue;
            };
            let (reminders, rest) = split_reminders(text);
            injected.extend((!reminders.is_empty()).then(|| Block::Text { text: reminders.into() }));
            // A file that the prompt mentions follows it.
            let is_file = !typed.is_empty() && rest.starts_with("Contents of ");
            let to = if is_hidden || is_file { &mut injected } else { &mut typed };
            to.extend((!rest.trim().is_empty()).then(|| Block::Text { text: rest.into() }));
        }
        for (blocks, kind, end) in
            [(typed, EventType::UserMessage, "prompt"), (injected, EventType::SystemMessage, "context")]
        {
            if blocks.is_empty() {
                continue;
            }
            let event = self.out.event(&format!("{}-{end}", envelope.id), envelope.time, kind.clone(), "user");
            let event = with_fields(event.with_content(Content { blocks }), std::mem::take(&mut fields), &TOLD);
            if kind == EventType::UserMessage {
                self.out.prompt(event)?;
            } else {
                self.out.push(event.with("source.injected", "context"))?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, envelope: &Envelope, parts: Vec<Value>, tokens: &Tokens, fields: Record) -> io::Result<()> {
        self.out.marks.insert(attribute::GROUP_ID.to_owned(), envelope.id.as_str().into());
        let mut fields = Some(fields);
        let last = parts.len().saturating_sub(1);
        for (n, mut part) in parts.into_iter().enumerate() {
            let id = if n == 0 { envelope.id.clone() } else { format!("{}-{n}", envelope.id) };
            if part["type"] == "tool_use" {
                let name = part["name"].as_str().unwrap_or_default().to_owned();
                let call_id = part["id"].as_str().unwrap_or(&id).to_owned();
                self.call((&id, &call_id), envelope.time, &name, records::take(&mut part, "input"))?;
                if let Some(event) = self.out.waiting_call(&call_id).filter(|_| n == last) {
                    tokens.note(event);
                }
                continue;
            }
            let kind = match part["type"].as_str() {
                Some("thinking" | "redacted_thinking") => EventType::Thinking,
                _ => EventType::AgentMessage,
            };
            let mut event = self.out.event(&id, envelope.time, kind, "assistant");
            event.content.blocks.extend(block(&part));
            let mut event = with_fields(event, fields.take().unwrap_or_default(), &TOLD);
            if n == last {
                tokens.note(&mut event);
            }
            self.last_said = hash(&event.content.to_text());
            self.out.push(event)?;
        }
        Ok(())
    }

    fn call(&mut self, ids: (&str, &str), time: Option<Timestamp>, name: &str, input: Value) -> io::Result<()> {
        let patch = ["input", "patch"].into_iter().find_map(|key| input.get(key)?.as_str()).map(apply_patch::calls);
        let calls = match patch {
            Some(calls) if name == "ApplyPatch" && !calls.is_empty() => calls,
            _ => vec![tool::call(name, input)],
        };
        self.out.calls(ids, time, name, calls)
    }

    fn result(&mut self, id: &str, time: Option<Timestamp>, part: &Value) -> io::Result<()> {
        let call = part["tool_use_id"].as_str().unwrap_or(id).to_owned();
        let blocks = match &part["content"] {
            Value::String(text) => Content::text(text.as_str()).blocks,
            Value::Array(parts) => parts.iter().filter_map(block).collect(),
            Value::Null => Vec::new(),
            other => vec![Block::Json { data: other.clone() }],
        };
        let content = Content { blocks };
        let said = content.to_text();
        let is_error = part["is_error"] == true || failure(&said).is_some();
        let outcome = Outcome { is_error, exit_code: exit_code(&said), content, ..Outcome::default() };
        self.out.result((id, &call), time, outcome)
    }

    /// A message as the stream has it.
    fn streamed(&mut self, envelope: &Envelope, mut record: Record) -> io::Result<()> {
        let said = text(&record, "text").unwrap_or_default().to_owned();
        let part = json!({ "type": "text", "text": said });
        match text(&record, "role") {
            Some("user") => self.prompt(envelope, vec![part], Record::new()),
            Some("assistant") => {
                for told in ["type", "id", "timestamp", "role", "text"] {
                    record.remove(told);
                }
                self.answer(envelope, vec![part], &Tokens::default(), record)
            }
            _ => self.custom(envelope, record),
        }
    }

    fn streamed_call(&mut self, envelope: &Envelope, record: &mut Record) -> io::Result<()> {
        let call = text(record, "toolCallId").unwrap_or(&envelope.id).to_owned();
        let name = ["toolName", "toolId"].into_iter().find_map(|key| text(record, key)).unwrap_or_default().to_owned();
        let input = record.remove("parameters").unwrap_or_default();
        self.call((&format!("{}-call", envelope.id), &call), envelope.time, &name, input)
    }

    fn streamed_result(&mut self, envelope: &Envelope, record: &mut Record) -> io::Result<()> {
        let call = text(record, "toolCallId").unwrap_or(&envelope.id).to_owned();
        let value = record.remove("value").or_else(|| record.remove("error")).unwrap_or_default();
        let code = value.get("exitCode").and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok());
        let content = match &value {
            Value::String(text) => Content::text(text.as_str()),
            Value::Null => Content::default(),
            other => match other.get("stdout").and_then(Value::as_str) {
                Some(out) if other.get("stderr").is_none_or(|err| err == "") => Content::text(out),
                _ => Content::json(value.clone()),
            },
        };
        let is_error = record.get("isError") == Some(&Value::Bool(true));
        let exit_code = code.or_else(|| exit_code(&content.to_text()));
        let outcome = Outcome { content, is_error, exit_code, ..Outcome::default() };
        self.out.result((&format!("{}-result", envelope.id), &call), envelope.time, outcome)
    }

    /// The end of a stream: the last answer again, and what all of them cost.
    fn completion(&mut self, envelope: &Envelope, mut record: Record) -> io::Result<()> {
        let tokens = record.remove("usage").as_ref().and_then(Value::as_object).map(tokens).unwrap_or_default();
        let said = text(&record, "finalText").unwrap_or_default().to_owned();
        record.remove("finalText");
        let is_new = !said.is_empty() && hash(&said) != self.last_said;
        let kind = if is_new { EventType::AgentMessage } else { EventType::Custom { kind: "completion".to_owned() } };
        let mut event = self.out.event(&envelope.id, envelope.time, kind, "completion");
        if is_new {
            event.content = Content::text(said);
        }
        tokens.note(&mut event);
        self.out.push(with_fields(event, record, &TOLD))
    }
}

fn block(part: &Value) -> Option<Block> {
    let field = |key: &str| part.get(key).and_then(Value::as_str);
    if let Some(text) = field("text").or_else(|| field("thinking")) {
        return (!text.is_empty()).then(|| Block::Text { text: text.into() });
    }
    let source = |key: &str| part.get("source").and_then(|source| source.get(key)?.as_str());
    match (source("media_type"), source("data")) {
        (Some(mime), Some(data)) => Some(media::image(mime, data)),
        // Only the provider can read it.
        _ if field("type") == Some("redacted_thinking") => None,
        _ => Some(Block::Json { data: part.clone() }),
    }
}

/// Takes the reminders before a prompt apart from it.
fn split_reminders(text: &str) -> (&str, &str) {
    const END: &str = "</system-reminder>";
    let mut rest = text;
    while rest.trim_start().starts_with("<system-reminder>")
        && let Some(end) = rest.find(END)
    {
        rest = &rest[end + END.len()..];
    }
    let (reminders, rest) = text.split_at(text.len() - rest.len());
    if reminders.is_empty() { ("", text) } else { (reminders, rest.trim_start()) }
}

/// The code of a command that failed, as its output begins with it.
fn failure(output: &str) -> Option<i32> {
    output.strip_prefix("Error: Command failed (exit code: ")?.split(')').next()?.parse().ok()
}

fn exit_code(output: &str) -> Option<i32> {
    let last = || output.trim_end().lines().next_back()?.strip_prefix("[Process exited with code ")?.strip_suffix(']');
    failure(output).or_else(|| last()?.parse().ok())
}

/// The counts of an answer.
fn tokens(usage: &Record) -> Tokens {
    Tokens {
        input: count(usage, "input_tokens"),
        output: count(usage, "output_tokens"),
        cache_read: count(usage, "cache_read_input_tokens"),
        cache_write: count(usage, "cache_creation_input_tokens"),
        ..Tokens::default()
    }
}
