//! What is in the conversation though no person typed it, and the commands that a person ran.

use std::io;

use serde_json::{Value, json};

use super::{
    super::{
        records::{Record, text},
        tool::{self, Kind},
        transcript::Outcome,
    },
    content::{blocks, rest_of},
    parser::{Envelope, Parser},
};
use crate::hail::{Block, Content, EventType};

impl Parser<'_> {
    /// A message in the person's name.
    pub(super) fn said(&mut self, own: &Envelope, mut message: Record) -> io::Result<()> {
        let why = self.injection(&message);
        let content = message.remove("content").unwrap_or_default();
        if let Some(why) = why {
            return self.injected(own, why, Some(&content), message);
        }
        let event = self.out.event(&own.id, own.time, EventType::UserMessage, "user");
        let event = event.with_content(Content { blocks: blocks(&content) });
        self.out.prompt(rest_of(event, message))
    }

    /// What was delivered elsewhere, once more: no model said it here.
    pub(super) fn mirrored(&mut self, own: &Envelope, mut message: Record) -> io::Result<()> {
        let why = text(&message, "model").unwrap_or("openclaw").to_owned();
        let content = message.remove("content");
        for told in ["provider", "model", "api", "usage"] {
            message.remove(told);
        }
        self.injected(own, &why, content.as_ref(), message)
    }

    /// Why a message in the person's name is not a person's.
    fn injection(&self, message: &Record) -> Option<&'static str> {
        let content = message.get("content").map(blocks).unwrap_or_default();
        let first =
            content.iter().find_map(|block| if let Block::Text { text } = block { Some(text.trim()) } else { None });
        match first {
            _ if self.out.facts.parent.is_some() => Some("subagent"),
            Some(words) if self.tool == "openclaw" && words.starts_with("[cron:") => Some("cron"),
            Some(words) if self.tool == "openclaw" && words.starts_with("Read HEARTBEAT.md") => Some("heartbeat"),
            _ if message.get("synthetic") == Some(&Value::Bool(true)) => Some("synthetic"),
            _ => None,
        }
    }

    /// The files that a prompt mentioned.
    pub(super) fn mentioned(&mut self, envelope: &Envelope, files: Option<&Value>, rest: Record) -> io::Result<()> {
        let field = |file: &Value, key: &str| file.get(key).and_then(Value::as_str).map(str::to_owned);
        let files = files.and_then(Value::as_array).into_iter().flatten();
        let blocks = files.map(|file| match field(file, "path").filter(|path| !path.is_empty()) {
            Some(path) => Block::File { path, content: field(file, "content") },
            None => Block::Json { data: file.clone() },
        });
        let event = self
            .out
            .event(&envelope.id, envelope.time, EventType::SystemMessage, "fileMention")
            .with_content(Content { blocks: blocks.collect() })
            .with("source.injected", "fileMention");
        self.out.push(rest_of(event, rest))
    }

    /// What the program or an extension put into the conversation.
    pub(super) fn injected(
        &mut self,
        envelope: &Envelope,
        why: &str,
        content: Option<&Value>,
        rest: Record,
    ) -> io::Result<()> {
        let event = self
            .out
            .event(&envelope.id, envelope.time, EventType::SystemMessage, &envelope.kind)
            .with_content(Content { blocks: content.map(blocks).unwrap_or_default() })
            .with("source.injected", why);
        self.out.push(rest_of(event, rest))
    }

    /// A command that the person ran.
    pub(super) fn command(&mut self, envelope: &Envelope, mut message: Record) -> io::Result<()> {
        let code = message.remove("exitCode").and_then(|code| i32::try_from(code.as_i64()?).ok());
        let output = text(&message, "output").unwrap_or_default().to_owned();
        let command = tool::call_as(Kind::Shell, "bash", json!({ "command": message.remove("command") }));
        message.remove("output");
        self.out.call((&envelope.id, &envelope.id), envelope.time, "bash", command)?;
        if let Some(event) = self.out.waiting_call(&envelope.id) {
            message.retain(|_, value| *value != Value::Bool(false));
            *event = rest_of(event.clone(), message).with("command_source", "user");
        }
        let is_error = code.is_some_and(|code| code != 0);
        let outcome = Outcome { content: Content::text(output), is_error, exit_code: code, ..Outcome::default() };
        self.out.result((&format!("{}-result", envelope.id), &envelope.id), envelope.time, outcome)
    }
}
