//! Walks a session field by field: what may hold text is scanned, what identifies something is not.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    FieldFinding, Redactor, Summary, border, credential_file,
    stream::{text_of, text_of_mut},
};
use crate::hail::{Attributes, Block, Event, EventType, Header, attribute};

/// How deep JSON in a string in JSON is followed.
const MAX_NESTING: u8 = 5;

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
    redactor: &'a Redactor,
    summary: &'a mut Summary,
    /// What was found in which field, when somebody wants to know.
    findings: Option<Vec<FieldFinding>>,
    /// Whether what is walked over is a file of credentials.
    in_file: bool,
}

/// What `walk` finds in the fields that it walks over.
pub(super) fn findings(redactor: &Redactor, walk: impl FnOnce(&mut Walker<'_>)) -> Vec<FieldFinding> {
    let mut summary = Summary::default();
    let mut walker = Walker { findings: Some(Vec::new()), ..Walker::new(redactor, &mut summary) };
    walk(&mut walker);
    walker.findings.unwrap_or_default()
}

impl<'a> Walker<'a> {
    pub(super) fn new(redactor: &'a Redactor, summary: &'a mut Summary) -> Self {
        Self { redactor, summary, findings: None, in_file: false }
    }

    pub(super) fn header(&mut self, header: &mut Header) {
        let context = &mut header.context;
        self.field(|| "context.title".to_owned(), |walker| walker.text(&mut context.title));
        self.field(|| "context.description".to_owned(), |walker| walker.optional(&mut context.description));
        for (number, tag) in context.tags.iter_mut().enumerate() {
            self.field(|| format!("context.tags[{number}]"), |walker| walker.text(tag));
        }
        self.attributes("context.attributes", &mut context.attributes);
    }

    /// Redacts an event; with `holds_credentials`, its content is a file of credentials.
    pub(super) fn event(&mut self, event: &mut Event, holds_credentials: bool) {
        let is_file = holds_credentials || self.redactor.reads_credentials(&event.event_type);
        self.in_file = is_file && !matches!(event.event_type, EventType::ShellCommand { .. });
        self.over_borders(&mut event.content.blocks);
        self.field(|| "event_type".to_owned(), |walker| walker.event_type(&mut event.event_type));
        for (number, block) in event.content.blocks.iter_mut().enumerate() {
            self.field(|| format!("content.blocks[{number}]"), |walker| walker.block(block));
        }
        self.attributes("attributes", &mut event.attributes);
    }

    /// Redacts what lies over the borders of blocks of text.
    fn over_borders(&mut self, blocks: &mut [Block]) {
        for blocks in blocks.split_mut(|block| text_of(block).is_none()).filter(|blocks| blocks.len() > 1) {
            let mut texts: Vec<&mut String> = blocks.iter_mut().filter_map(text_of_mut).collect();
            self.field(
                || "content.blocks".to_owned(),
                |walker| {
                    border::redact(&walker.redactor.scanner, &mut texts, walker.summary);
                },
            );
        }
    }

    /// Walks over one field, and notes what was found in it.
    fn field(&mut self, name: impl FnOnce() -> String, walk: impl FnOnce(&mut Self)) {
        if self.findings.is_none() {
            return walk(self);
        }
        let before = std::mem::take(self.summary);
        walk(self);
        let found = std::mem::replace(self.summary, before);
        let secrets = found.rules.into_keys().filter(|rule| rule != self.redactor.scanner.home_rule());
        if let Some(findings) = &mut self.findings {
            let field = name();
            findings.extend(secrets.map(|rule| FieldFinding { field: field.clone(), rule }));
        }
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
                self.name(path);
                self.optional(diff);
            }
            EventType::FileRead { path } | EventType::FileCreate { path } | EventType::FileDelete { path } => {
                self.name(path);
            }
            EventType::CodeSearch { query: text }
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
            Block::Text { text } => {
                // A text that stays as it is keeps the spelling of its log.
                if let Some(redacted) = self.redacted(text, 0) {
                    *text = redacted.into();
                }
            }
            Block::Code { code: text, .. } | Block::Reference { uri: text, .. } => self.text(text),
            Block::Image { url, alt, .. } => {
                self.text(url);
                self.optional(alt);
            }
            Block::Video { url, .. } | Block::Audio { url, .. } => self.text(url),
            Block::File { path, content } => {
                let in_file = self.in_file;
                self.in_file |= credential_file::is_one(path, self.redactor.scanner.credential_files());
                self.name(path);
                self.optional(content);
                self.in_file = in_file;
            }
            Block::Json { data } => self.json(None, data, 1),
        }
    }

    fn attributes(&mut self, field: &str, attributes: &mut Attributes) {
        for (key, value) in attributes {
            if !key.starts_with("semantic.") && !IDENTIFIERS.contains(&key) {
                self.field(|| format!("{field}.{key}"), |walker| walker.json(Some(key), value, 1));
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

    /// Redacts what is no part of a file, whatever it belongs to.
    fn name(&mut self, text: &mut String) {
        let in_file = std::mem::take(&mut self.in_file);
        self.text(text);
        self.in_file = in_file;
    }

    fn text(&mut self, text: &mut String) {
        self.string(text, 0);
    }

    fn string(&mut self, text: &mut String, nesting: u8) {
        if let Some(redacted) = self.redacted(text, nesting) {
            *text = redacted;
        }
    }

    /// What `text` becomes; `None` where it stays as it is.
    fn redacted(&mut self, text: &str, nesting: u8) -> Option<String> {
        if is_inline_data(text) {
            return None;
        }
        let mut changed = self.nested(text, nesting);
        // A value of JSON that is no text of many lines is a path or a name.
        if self.in_file && (nesting == 0 || changed.as_deref().unwrap_or(text).contains('\n')) {
            changed = Some(self.redactor.scanner.redact_file(changed.as_deref().unwrap_or(text), self.summary));
        }
        match self.redactor.scanner.redact(changed.as_deref().unwrap_or(text), self.summary) {
            Cow::Owned(redacted) => Some(redacted),
            Cow::Borrowed(_) => changed,
        }
    }

    /// Redacts inside a string that is itself JSON with escapes, behind which a pattern may not see.
    fn nested(&mut self, text: &str, nesting: u8) -> Option<String> {
        if nesting == MAX_NESTING || !text.trim_start().starts_with(['{', '[']) || !text.contains('\\') {
            return None;
        }
        let mut value = serde_json::from_str::<Value>(text).ok()?;
        let before = self.summary.total();
        self.json(None, &mut value, nesting + 1);
        (self.summary.total() > before).then(|| value.to_string())
    }
}

/// Whether `text` is a `data:` URL in base64, and nothing else.
fn is_inline_data(text: &str) -> bool {
    let head = &text.as_bytes()[..text.len().min(100)];
    head.starts_with(b"data:") && memchr::memmem::find(head, b";base64,").is_some() && !text.contains([' ', '\n', '"'])
}
