//! Walks a session field by field: what may hold text is scanned, what identifies something is not.

use serde_json::Value;

use super::{Redactor, Summary};
use crate::hail::{Attributes, Block, Event, EventType, Header, attribute};

/// How deep JSON in a string in JSON is followed.
const MAX_NESTING: u8 = 4;

/// Attributes that tie records together, and so must stay as they are.
const IDENTIFIERS: [&str; 6] = [
    attribute::PARENT_SESSION_ID,
    attribute::SCHEMA_VERSION,
    attribute::RAW_TYPE,
    attribute::SESSION_ROLE,
    attribute::MODEL,
    "session_id",
];

/// Redacts while counting what was found.
pub(super) struct Walker<'a> {
    pub(super) redactor: &'a Redactor,
    pub(super) summary: &'a mut Summary,
}

impl Walker<'_> {
    pub(super) fn header(&mut self, header: &mut Header) {
        let context = &mut header.context;
        self.text(&mut context.title);
        self.optional(&mut context.description);
        for tag in &mut context.tags {
            self.text(tag);
        }
        self.attributes(&mut context.attributes);
    }

    pub(super) fn event(&mut self, event: &mut Event) {
        self.event_type(&mut event.event_type);
        for block in &mut event.content.blocks {
            self.block(block);
        }
        self.attributes(&mut event.attributes);
    }

    fn event_type(&mut self, event_type: &mut EventType) {
        match event_type {
            EventType::UserMessage
            | EventType::AgentMessage
            | EventType::SystemMessage
            | EventType::Thinking
            | EventType::ToolCall { .. }
            | EventType::ToolResult { .. }
            | EventType::Custom { .. } => {}
            EventType::FileEdit { path, diff } => {
                self.text(path);
                self.optional(diff);
            }
            EventType::FileRead { path: text }
            | EventType::FileCreate { path: text }
            | EventType::FileDelete { path: text }
            | EventType::CodeSearch { query: text }
            | EventType::FileSearch { pattern: text }
            | EventType::ShellCommand { command: text, .. }
            | EventType::ImageGenerate { prompt: text }
            | EventType::VideoGenerate { prompt: text }
            | EventType::AudioGenerate { prompt: text }
            | EventType::WebSearch { query: text }
            | EventType::WebFetch { url: text } => self.text(text),
            EventType::TaskStart { title: text } | EventType::TaskEnd { summary: text } => self.optional(text),
        }
    }

    fn block(&mut self, block: &mut Block) {
        match block {
            Block::Text { text } | Block::Code { code: text, .. } | Block::Reference { uri: text, .. } => {
                self.text(text);
            }
            Block::Image { url, alt, .. } => {
                self.text(url);
                self.optional(alt);
            }
            Block::Video { url, .. } | Block::Audio { url, .. } => self.text(url),
            Block::File { path, content } => {
                self.text(path);
                self.optional(content);
            }
            Block::Json { data } => self.json(None, data, 0),
        }
    }

    fn attributes(&mut self, attributes: &mut Attributes) {
        for (key, value) in attributes {
            if !key.starts_with("semantic.") && !IDENTIFIERS.contains(&key) {
                self.json(Some(key), value, 0);
            }
        }
    }

    /// Redacts the strings in `value`; `key` is the name under which it is stored.
    pub(super) fn json(&mut self, key: Option<&str>, value: &mut Value, nesting: u8) {
        match value {
            Value::String(text) => {
                let whole = key.and_then(|key| self.redactor.scanner.redact_under(key, text, self.summary));
                match whole {
                    Some(placeholder) => *text = placeholder,
                    None => self.string(text, nesting),
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.json(key, value, nesting)),
            Value::Object(map) => {
                for (key, value) in map {
                    self.json(Some(key), value, nesting);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    fn optional(&mut self, text: &mut Option<String>) {
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn text(&mut self, text: &mut String) {
        self.string(text, 0);
    }

    fn string(&mut self, text: &mut String, nesting: u8) {
        if is_inline_data(text) {
            return;
        }
        self.nested(text, nesting);
        if let std::borrow::Cow::Owned(redacted) = self.redactor.scanner.redact(text, self.summary) {
            *text = redacted;
        }
    }

    /// Redacts inside a string that is itself JSON with escapes, behind which a pattern may not see.
    fn nested(&mut self, text: &mut String, nesting: u8) {
        if nesting == MAX_NESTING || !text.trim_start().starts_with(['{', '[']) || !text.contains('\\') {
            return;
        }
        let Ok(mut value) = serde_json::from_str::<Value>(text) else { return };
        let before = self.summary.total();
        self.json(None, &mut value, nesting + 1);
        if self.summary.total() > before {
            *text = value.to_string();
        }
    }
}

/// Whether `text` is a `data:` URL in base64, and nothing else.
fn is_inline_data(text: &str) -> bool {
    let head = &text.as_bytes()[..text.len().min(100)];
    head.starts_with(b"data:") && memchr::memmem::find(head, b";base64,").is_some() && !text.contains([' ', '\n', '"'])
}
