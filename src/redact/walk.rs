//! Walks a session field by field: what may hold text is scanned, what identifies something is not.

use std::borrow::Cow;

use serde_json::Value;

use super::{
    FieldFinding, Redactor, Summary,
    border::{self, text_of, text_of_mut},
    credential_file,
};
use crate::hail::{Attributes, Block, Event, EventType, Header, SessionId, attribute};

/// How deep JSON in a string in JSON is followed.
pub(super) const MAX_NESTING: u8 = 5;

/// Attributes that tie records together or name things: in them, only tokens of a known form are looked for.
const IDENTIFIERS: [&str; 6] = [
    attribute::PARENT_SESSION_ID,
    attribute::SCHEMA_VERSION,
    attribute::RAW_TYPE,
    attribute::SESSION_ROLE,
    attribute::MODEL,
    "session_id",
];

/// The shortest id or key that may hold a token, in bytes.
const LEAST_TOKEN: usize = 16;

/// What is walked over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Content {
    #[default]
    Any,
    /// A file of credentials.
    Credentials,
    /// The variables of an environment.
    Environment,
}

/// Redacts while counting what was found.
pub(super) struct Walker<'a> {
    pub(super) redactor: &'a Redactor,
    pub(super) summary: &'a mut Summary,
    /// What was found in which field, when somebody wants to know.
    findings: Option<Vec<FieldFinding>>,
    content: Content,
    /// Whether an id or a key was replaced.
    has_renamed: bool,
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
        Self { redactor, summary, findings: None, content: Content::Any, has_renamed: false }
    }

    /// Whether an id or a key was replaced: what is known by it then has another name.
    pub(super) fn has_renamed(&self) -> bool {
        self.has_renamed
    }

    pub(super) fn header(&mut self, header: &mut Header) {
        self.names(header);
        let context = &mut header.context;
        self.field(|| "context.title".to_owned(), |walker| walker.title(&mut context.title));
        self.field(|| "context.description".to_owned(), |walker| walker.optional(&mut context.description));
        for (number, tag) in context.tags.iter_mut().enumerate() {
            self.field(|| format!("context.tags[{number}]"), |walker| walker.text(tag));
        }
        self.attributes("context.attributes", &mut context.attributes);
    }

    /// Redacts the metadata that is stored beside a session.
    pub(super) fn metadata(&mut self, metadata: &mut Value) {
        let Value::Object(fields) = metadata else { return self.json(None, metadata, 1) };
        for (key, value) in fields {
            let walk = |walker: &mut Self| match value {
                Value::String(title) if key == "title" => walker.title(title),
                value => walker.json(Some(key), value, 1),
            };
            self.field(|| key.clone(), walk);
        }
    }

    /// Redacts what a session is known by: its id, those of others, the agent and the model.
    pub(super) fn names(&mut self, header: &mut Header) {
        let id = &mut header.session_id;
        self.field(|| "session_id".to_owned(), |walker| walker.session_id(id));
        let agent = &mut header.agent;
        let names = [("provider", &mut agent.provider), ("model", &mut agent.model), ("tool", &mut agent.tool)];
        for (name, text) in names.into_iter().chain(agent.tool_version.as_mut().map(|text| ("tool_version", text))) {
            self.field(|| format!("agent.{name}"), |walker| walker.id(text));
        }
        let context = &mut header.context;
        for (number, id) in context.related_session_ids.iter_mut().enumerate() {
            self.field(|| format!("context.related_session_ids[{number}]"), |walker| walker.other_session(id));
        }
        if let Some(Value::String(id)) = context.attributes.get_mut(attribute::PARENT_SESSION_ID) {
            self.other_session(id);
        }
    }

    /// Redacts an event, which holds `content`.
    pub(super) fn event(&mut self, event: &mut Event, content: Content) {
        let is_file = self.redactor.reads_credentials(&event.event_type);
        self.content = match event.event_type {
            EventType::ShellCommand { .. } => Content::Any,
            _ if is_file => Content::Credentials,
            _ => content,
        };
        self.over_borders(&mut event.content.blocks);
        self.field(|| "event_id".to_owned(), |walker| walker.id(&mut event.event_id));
        if let Some(id) = &mut event.task_id {
            self.field(|| "task_id".to_owned(), |walker| walker.id(id));
        }
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
            EventType::UserMessage | EventType::AgentMessage | EventType::SystemMessage | EventType::Thinking => {}
            EventType::ToolCall { name } | EventType::Custom { kind: name } => self.id(name),
            EventType::ToolResult { name, call_id, .. } => {
                self.id(name);
                if let Some(id) = call_id {
                    self.id(id);
                }
            }
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
            Block::Code { code, language, .. } => {
                self.text(code);
                if let Some(language) = language {
                    self.id(language);
                }
            }
            Block::Reference { uri: url, media_type: mime }
            | Block::Video { url, mime }
            | Block::Audio { url, mime } => {
                self.text(url);
                self.id(mime);
            }
            Block::Image { url, alt, mime } => {
                self.text(url);
                self.optional(alt);
                self.id(mime);
            }
            Block::File { path, content } => {
                let around = self.content;
                if credential_file::is_one(path, self.redactor.scanner.credential_files()) {
                    self.content = Content::Credentials;
                }
                self.name(path);
                self.optional(content);
                self.content = around;
            }
            Block::Json { data } => self.json(None, data, 1),
        }
    }

    fn attributes(&mut self, field: &str, attributes: &mut Attributes) {
        let mut renamed = Vec::new();
        for (key, value) in &mut *attributes {
            let is_name = key.starts_with("semantic.") || IDENTIFIERS.contains(&key);
            let walk = |walker: &mut Self| match value {
                Value::String(id) if key == attribute::PARENT_SESSION_ID => walker.other_session(id),
                Value::String(id) if is_name => walker.id(id),
                value => walker.json(Some(key), value, 1),
            };
            self.field(|| format!("{field}.{key}"), walk);
            renamed.extend(self.key(key).map(|new| (key.to_owned(), new)));
        }
        for (key, new) in renamed {
            if let Some(value) = attributes.remove(&key) {
                let new = free(new, |new| attributes.contains_key(new));
                attributes.insert(new, value);
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
                self.media(map, nesting);
                let mut renamed = Vec::new();
                for (key, value) in &mut *map {
                    self.json(Some(key), value, nesting);
                    renamed.extend(self.key(key).map(|new| (key.clone(), new)));
                }
                for (key, new) in renamed {
                    if let Some(value) = map.remove(&key) {
                        map.insert(free(new, |new| map.contains_key(new)), value);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// What the key of an object becomes; `None` where it stays as it is. Most keys are words.
    fn key(&mut self, key: &str) -> Option<String> {
        let is_word = key.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if (is_word || key.len() < 8) && !self.redactor.scanner.has_patterns() {
            return None;
        }
        match self.redactor.scanner.redact(key, self.summary) {
            Cow::Owned(redacted) => {
                self.has_renamed = true;
                Some(redacted)
            }
            Cow::Borrowed(_) => None,
        }
    }

    /// Redacts an id or a name: only tokens of a known form.
    fn id(&mut self, id: &mut String) {
        self.named(id, true);
    }

    /// The same for the id of another session, which that one has to be found by.
    fn other_session(&mut self, id: &mut String) {
        self.named(id, false);
    }

    fn named(&mut self, id: &mut String, heeds_patterns: bool) {
        let scanner = &self.redactor.scanner;
        if id.len() < LEAST_TOKEN && !(heeds_patterns && scanner.has_patterns()) {
            return;
        }
        if let Some(redacted) = scanner.redact_id(id, heeds_patterns, self.summary) {
            self.has_renamed = true;
            *id = redacted;
        }
    }

    fn session_id(&mut self, id: &mut SessionId) {
        let mut text = id.to_string();
        self.named(&mut text, false);
        if text != id.as_str() {
            // What is too long for an id after that is hashed as a whole.
            let whole = || self.redactor.scanner.id_of(id.as_str());
            *id = text.parse().unwrap_or_else(|_| whole());
        }
    }

    /// Redacts a title, which may have been cut before it was redacted.
    fn title(&mut self, title: &mut String) {
        self.text(title);
        if let Some(redacted) = self.redactor.scanner.redact_cut(title, self.summary) {
            *title = redacted;
        }
    }

    fn optional(&mut self, text: &mut Option<String>) {
        if let Some(text) = text {
            self.text(text);
        }
    }

    /// Redacts what is no part of a file, whatever it belongs to.
    fn name(&mut self, text: &mut String) {
        let content = std::mem::take(&mut self.content);
        self.text(text);
        self.content = content;
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
    pub(super) fn redacted(&mut self, text: &str, nesting: u8) -> Option<String> {
        match self.data_url(text, nesting) {
            Some(Cow::Owned(redacted)) => return Some(redacted),
            Some(Cow::Borrowed(_)) => return None,
            None => {}
        }
        let mut changed = self.inlined(text, nesting);
        changed = self.nested(changed.as_deref().unwrap_or(text), nesting).or(changed);
        // A value of JSON that is no text of many lines is a path or a name.
        if self.content != Content::Any && (nesting == 0 || changed.as_deref().unwrap_or(text).contains('\n')) {
            let (scanner, text) = (&self.redactor.scanner, changed.as_deref().unwrap_or(text));
            changed = Some(match self.content {
                Content::Environment => scanner.redact_environment(text, self.summary),
                _ => scanner.redact_file(text, self.summary),
            });
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

/// `key`, or where that is taken, the next that is not.
fn free(key: String, is_taken: impl Fn(&str) -> bool) -> String {
    let mut numbered = (2..).map(|number: u64| format!("{key} {number}"));
    if is_taken(&key) { numbered.find(|key| !is_taken(key)).unwrap_or(key) } else { key }
}
