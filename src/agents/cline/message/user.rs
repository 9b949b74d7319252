//! Messages in the person's name: prompts, results, and what the program adds.

use std::io;

use serde_json::Value;

use super::{Writer, image};
use crate::{
    agents::{
        cline::tool,
        records::{Record, text},
    },
    hail::{Block, Content, EventType, Timestamp},
};

/// The tags around what a person wrote.
const TAGS: [&str; 4] = ["task", "feedback", "user_message", "answer"];

/// What one message comes to.
#[derive(Default)]
struct Parts {
    said: Content,
    added: Vec<String>,
    /// A result that was written as text: the call's name and what it returned.
    result: Option<(String, Vec<Value>)>,
}

impl Writer<'_> {
    pub(super) fn user(
        &mut self,
        (id, time): (&str, Option<Timestamp>),
        message: &Record,
        blocks: Vec<Value>,
    ) -> io::Result<()> {
        let mut parts = Parts::default();
        for (index, block) in blocks.into_iter().enumerate() {
            self.user_block((format!("{id}-{index}"), time), block, &mut parts)?;
        }
        if let Some(done) = parts.result.take() {
            self.text_result((&format!("{id}-result"), time), done)?;
        }
        self.said((id, time), message, parts)
    }

    fn user_block(
        &mut self,
        (id, time): (String, Option<Timestamp>),
        block: Value,
        parts: &mut Parts,
    ) -> io::Result<()> {
        let field = |key: &str| block.get(key).and_then(Value::as_str).unwrap_or_default();
        match field("type") {
            "text" if self.is_store => parts.plain(field("text")),
            "text" => {
                if let Some(done) = parts.text(field("text")) {
                    self.text_result((&id, time), done)?;
                }
            }
            "image" => match &mut parts.result {
                Some((_, returned)) => returned.push(block),
                None => parts.said.blocks.push(image(&block)),
            },
            "file" if !field("path").is_empty() => {
                let content = block.get("content").and_then(Value::as_str).map(str::to_owned);
                parts.said.blocks.push(Block::File { path: field("path").to_owned(), content });
            }
            "tool_result" => {
                let content = block.get("content").unwrap_or(&Value::Null);
                for words in super::texts(content) {
                    parts.feedback(words);
                }
                let outcome = tool::outcome(content, block.get("is_error") == Some(&Value::Bool(true)));
                self.transcript.result((&id, field("tool_use_id")), time, outcome)?;
            }
            kind => {
                let kind = if kind.is_empty() { "unknown" } else { kind }.to_owned();
                self.transcript.unknown(&id, time, &kind, block)?;
            }
        }
        Ok(())
    }

    fn said(&mut self, (id, time): (&str, Option<Timestamp>), message: &Record, parts: Parts) -> io::Result<()> {
        let metadata = message.get("metadata").and_then(Value::as_object);
        let is_systems = metadata.is_some_and(|metadata| {
            text(metadata, "kind") == Some("compaction") || text(metadata, "displayRole") == Some("system")
        });
        // The first words of a task that another one gave are not a person's.
        let is_given = self.transcript.facts.parent.is_some() && !std::mem::replace(&mut self.has_begun, true);
        let is_marker = message.get("isTruncationMarker") == Some(&Value::Bool(true));
        let is_systems = is_systems || is_given || is_marker;
        if !parts.said.blocks.is_empty() {
            let kind = if is_systems { EventType::SystemMessage } else { EventType::UserMessage };
            let mut event = self.transcript.event(id, time, kind, "user").with_content(parts.said);
            if let Some(metadata) = metadata {
                event = event.with("source.metadata", Value::Object(metadata.clone()));
            }
            if is_given {
                event = event.with("source.injected", "subagent");
            }
            if is_systems { self.transcript.push(event)? } else { self.transcript.prompt(event)? }
        }
        for (index, words) in parts.added.into_iter().enumerate() {
            let event = self.transcript.event(&format!("{id}-added-{index}"), time, EventType::SystemMessage, "text");
            self.transcript.push(event.with_content(Content::text(words)).with("source.injected", "text"))?;
        }
        Ok(())
    }

    /// Writes a result that came as text, to the newest call of that name.
    fn text_result(
        &mut self,
        (id, time): (&str, Option<Timestamp>),
        (name, returned): (String, Vec<Value>),
    ) -> io::Result<()> {
        let place = self.open.iter().rposition(|(_, open)| *open == name).or(self.open.len().checked_sub(1));
        let call_id = place.map_or_else(|| format!("{id}-call"), |place| self.open.remove(place).0);
        self.transcript.result((id, &call_id), time, tool::outcome(&Value::Array(returned), false))
    }
}

impl Parts {
    /// A text of the later programs, which mark what they add.
    fn plain(&mut self, words: &str) {
        if words.trim_start().starts_with("<SYSTEM_NOTICE>") || words.trim_start().starts_with("<environment_details>")
        {
            self.added.push(words.to_owned());
        } else if !words.is_empty() {
            self.said.blocks.push(Block::Text { text: words.into() });
        }
    }

    /// A text of the extension; gives back a result that it ends.
    fn text(&mut self, words: &str) -> Option<(String, Vec<Value>)> {
        let block = |words: &str| serde_json::json!({ "type": "text", "text": words });
        let plain = words.trim_start();
        if let Some((name, rest)) = result_of(plain) {
            self.feedback(rest);
            let first = Some(rest.trim()).filter(|rest| !rest.is_empty()).map(block);
            return self.result.replace((name.to_owned(), first.into_iter().collect()));
        }
        if plain.starts_with("<environment_details>") {
            self.added.push(words.to_owned());
            return self.result.take();
        }
        let is_persons = self.feedback(words);
        match &mut self.result {
            Some((_, returned)) => returned.push(block(words)),
            None if is_persons || plain.is_empty() => {}
            None if plain.starts_with(['[', '<', '#']) => self.added.push(words.to_owned()),
            None => self.said.blocks.push(Block::Text { text: words.into() }),
        }
        None
    }

    /// Takes out what a person wrote, which is between tags; says whether there was any.
    fn feedback(&mut self, words: &str) -> bool {
        let before = self.said.blocks.len();
        for tag in TAGS {
            let (start, end) = (format!("<{tag}>"), format!("</{tag}>"));
            let inner = words.split_once(&start).and_then(|(_, rest)| rest.split_once(&end));
            if let Some(inner) = inner.map(|(inner, _)| inner.trim()).filter(|inner| !inner.is_empty()) {
                self.said.blocks.push(Block::Text { text: inner.into() });
            }
        }
        self.said.blocks.len() > before
    }
}

/// The tool's name and the rest of `[name for 'what'] Result:`.
fn result_of(words: &str) -> Option<(&str, &str)> {
    let (head, rest) = words.strip_prefix('[')?.split_once("] Result:")?;
    let name = head.split(' ').next()?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_name && !head.contains('\n')).then_some((name, rest))
}
