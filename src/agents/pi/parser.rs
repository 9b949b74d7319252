//! Tells the entries as events, and the header which of them are on branches that were left.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{
    super::{
        Log, ParseError, Warning, identity,
        records::{self, Record, Teller, text, time},
        tool::{self, Kind},
        transcript::{Outcome, Tokens, Transcript},
    },
    content::{TOLD, block, blocks, exit_code, parts_of, rest_of, tokens},
    origin::Origin,
    tree::{Node, abandoned},
};
use crate::hail::{Block, Content, EventType, SessionId, Sink, Timestamp, attribute, title_of};

/// The types of the entries.
const TYPES: [&str; 9] = [
    "session",
    "message",
    "model_change",
    "thinking_level_change",
    "compaction",
    "branch_summary",
    "custom",
    "custom_message",
    "session_info",
];

/// Whose log it is.
pub(super) struct Dialect {
    pub(super) tool: &'static str,
    pub(super) title: &'static str,
    /// The session that started this one, where the place of the log tells.
    pub(super) parent: Option<String>,
}

/// Reads a log to its end.
pub(super) fn parse(dialect: Dialect, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let Dialect { tool, title, parent } = dialect;
    let mut out = Transcript::new(tool, "pi-session", sink);
    out.facts.related.extend(parent.clone());
    out.facts.parent = parent;
    let path = log.path.map(Path::to_owned);
    let mut parser =
        Parser { out, tool, log: path, tree: Vec::new(), session: None, seed: None, origin: Origin::default() };
    records::tell(log, title, &mut parser)?;
    let abandoned = abandoned(&parser.tree);
    if !abandoned.is_empty() {
        parser.out.facts.attributes.insert("source.abandoned", abandoned.into());
    }
    if parser.out.facts.provider.is_empty() {
        "unknown".clone_into(&mut parser.out.facts.provider);
    }
    let candidates = [parser.session.as_deref(), records::stem(log).map(id_in_name)];
    let id = records::session_id(log, candidates, tool, parser.seed);
    Ok(parser.out.finish(id)?)
}

/// The id in the name of a log: `<time>_<id>`.
pub(super) fn id_in_name(stem: &str) -> &str {
    // Only behind a time: what else stands before a `_` belongs to the id.
    let is_time = |time: &str| time.starts_with(|first: char| first.is_ascii_digit());
    stem.split_once('_').filter(|(time, _)| is_time(time)).map_or(stem, |(_, id)| id)
}

pub(super) struct Parser<'s> {
    pub(super) out: Transcript<'s>,
    pub(super) tool: &'static str,
    log: Option<PathBuf>,
    tree: Vec<Node>,
    session: Option<String>,
    /// The id made of the first entry of this agent, for a session that has no id.
    seed: Option<SessionId>,
    origin: Origin,
}

/// What every entry has.
pub(super) struct Envelope {
    pub(super) id: String,
    pub(super) time: Option<Timestamp>,
    pub(super) kind: String,
}

impl<'s> Teller<'s> for Parser<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.seed.is_some()
    }

    fn state(&self) -> serde_json::Result<Option<Value>> {
        serde_json::to_value((&self.tree, &self.session, &self.seed, &self.origin)).map(Some)
    }

    fn restore(&mut self, state: Value) -> serde_json::Result<()> {
        (self.tree, self.session, self.seed, self.origin) = serde_json::from_value(state)?;
        Ok(())
    }

    fn record(&mut self, line: u64, mut record: Record) -> io::Result<()> {
        let kind = text(&record, "type").unwrap_or_default().to_owned();
        let id = text(&record, "id").filter(|_| kind != "session");
        let id = id.map_or_else(|| format!("line-{line}"), str::to_owned);
        self.place(&id, &record);
        let envelope = Envelope { id, time: time(&record, "timestamp"), kind };
        if self.seed.is_none() && TYPES.contains(&envelope.kind.as_str()) {
            self.seed = Some(identity::hashed_id(self.tool, &Value::Object(record.clone()).to_string()));
        }
        if envelope.kind != "session" && self.is_copy(&envelope, &record)? {
            return Ok(());
        }
        match envelope.kind.as_str() {
            "session" => self.session(&envelope, record),
            "message" => match record.remove("message") {
                Some(Value::Object(message)) => self.message(envelope, message, record),
                other => {
                    record.extend(other.map(|message| ("message".to_owned(), message)));
                    self.custom(&envelope, record)
                }
            },
            "compaction" | "branch_summary" | "compactionSummary" | "branchSummary" => {
                let summary = record.remove("summary");
                self.injected(&envelope, "compact_summary", summary.as_ref(), record)
            }
            "custom_message" => {
                let (kind, content) =
                    (text(&record, "customType").unwrap_or("custom").to_owned(), record.remove("content"));
                self.injected(&envelope, &kind, content.as_ref(), record)
            }
            "title" | "title_change" | "session_info" => self.titled(&envelope, record),
            "model_change" => {
                self.model_change(&record);
                self.custom(&envelope, record)
            }
            _ => self.custom(&envelope, record),
        }
    }
}

impl Parser<'_> {
    /// Whether an entry was copied from the session that this one was branched off; the first one says so.
    fn is_copy(&mut self, envelope: &Envelope, record: &Record) -> io::Result<bool> {
        if !self.origin.is_copy(text(record, "timestamp").unwrap_or_default()) {
            return Ok(false);
        }
        if envelope.kind == "model_change" {
            self.model_change(record);
        }
        if let Some(parent) = self.origin.parent.take() {
            let told = json!({ "session_id": parent });
            let kind = EventType::Custom { kind: "forked_from".to_owned() };
            let began = self.out.facts.began;
            let event = self.out.event("forked-from", began, kind, "forked_from").with_content(Content::json(told));
            self.out.push(event)?;
        }
        Ok(true)
    }

    /// Notes where in the tree an entry is, and marks its events where it does not follow the entry
    /// before.
    fn place(&mut self, id: &str, record: &Record) {
        self.out.marks.clear();
        if !record.contains_key("parentId") {
            return;
        }
        let parent = text(record, "parentId").map(str::to_owned);
        let last = self.tree.last().map(|node| node.id.as_str());
        if last.is_some() && last != parent.as_deref() {
            self.out.marks.insert("source.parent_id".to_owned(), parent.clone().into());
        }
        self.tree.push(Node { id: id.to_owned(), parent });
    }

    /// Takes a title. A fork writes it over the first line again and again as it is now, which is no event.
    fn titled(&mut self, envelope: &Envelope, record: Record) -> io::Result<()> {
        let key = if envelope.kind == "session_info" { "name" } else { "title" };
        self.out.facts.title = text(&record, key).map(title_of).or(self.out.facts.title.take());
        if envelope.kind == "title" { Ok(()) } else { self.custom(envelope, record) }
    }

    /// Takes the model that answers from now on. A fork names provider and model in one, and one for each role.
    fn model_change(&mut self, record: &Record) {
        let facts = &mut self.out.facts;
        let is_default = text(record, "role").is_none_or(|role| role == "default");
        let both = text(record, "model").filter(|_| is_default).and_then(|model| model.split_once('/'));
        if let Some((provider, model)) = both {
            provider.clone_into(&mut facts.provider);
            model.clone_into(&mut facts.model);
        } else if let Some(model) = text(record, "modelId") {
            model.clone_into(&mut facts.model);
        }
    }

    fn session(&mut self, envelope: &Envelope, mut record: Record) -> io::Result<()> {
        if self.session.is_some() {
            return self.custom(envelope, record);
        }
        self.session = text(&record, "id").map(str::to_owned);
        let facts = &mut self.out.facts;
        facts.began = envelope.time;
        facts.cwd = text(&record, "cwd").map(str::to_owned);
        facts.title = facts.title.take().or_else(|| text(&record, "title").map(title_of));
        for (key, fact) in [("provider", &mut facts.provider), ("modelId", &mut facts.model)] {
            text(&record, key).unwrap_or_default().clone_into(fact);
        }
        for origin in ["branchedFrom", "parentSession"] {
            if let Some(path) = text(&record, origin) {
                let stem = Path::new(path).file_stem().and_then(|stem| stem.to_str()).map(id_in_name);
                facts.related.extend(stem.map(str::to_owned));
                self.origin = Origin::of(self.log.as_deref(), Path::new(path), stem);
            }
        }
        for told in ["type", "id", "timestamp", "cwd", "title", "provider", "modelId"] {
            record.remove(told);
        }
        for (key, name) in [("version", "pi.session_version"), ("thinkingLevel", "pi.thinking_level")] {
            facts.attributes.extend(record.remove(key).map(|value| (name, value)));
        }
        if !record.is_empty() {
            facts.attributes.insert("pi.session", Value::Object(record));
        }
        Ok(())
    }

    fn message(&mut self, envelope: Envelope, mut message: Record, beside: Record) -> io::Result<()> {
        let role = text(&message, "role").unwrap_or_default().to_owned();
        let own = Envelope { time: envelope.time.or(time(&message, "timestamp")), ..envelope };
        for told in ["role", "timestamp"] {
            message.remove(told);
        }
        match role.as_str() {
            "user" => self.said(&own, message),
            "assistant" if text(&message, "provider") == Some("openclaw") => self.mirrored(&own, message),
            "assistant" => self.answer(&own, message),
            "toolResult" => self.result(&own, message),
            "bashExecution" => self.command(&own, message),
            "branchSummary" | "compactionSummary" => {
                let summary = message.remove("summary");
                self.injected(&own, "compact_summary", summary.as_ref(), message)
            }
            "fileMention" => {
                let files = message.remove("files");
                self.mentioned(&own, files.as_ref(), message)
            }
            "developer" | "custom" | "hookMessage" => {
                let kind = text(&message, "customType").unwrap_or(if role == "developer" { &role } else { "custom" });
                let (kind, content) = (kind.to_owned(), message.remove("content"));
                self.injected(&own, &kind, content.as_ref(), message)
            }
            _ => {
                message.insert("role".to_owned(), role.into());
                message
                    .extend(beside.into_iter().filter(|(key, _)| !matches!(key.as_str(), "type" | "id" | "timestamp")));
                self.custom(&own, message)
            }
        }
    }

    fn custom(&mut self, envelope: &Envelope, mut record: Record) -> io::Result<()> {
        for told in TOLD {
            record.remove(told);
        }
        self.out.unknown(&envelope.id, envelope.time, &envelope.kind, Value::Object(record))
    }

    fn answer(&mut self, envelope: &Envelope, mut message: Record) -> io::Result<()> {
        let facts = &mut self.out.facts;
        for (key, fact) in [("provider", &mut facts.provider), ("model", &mut facts.model)] {
            if let Some(Value::String(value)) = message.remove(key) {
                *fact = value;
            }
        }
        let marks = [(attribute::GROUP_ID, envelope.id.as_str()), (attribute::MODEL, facts.model.as_str())];
        self.out.marks.extend(marks.map(|(key, value)| (key.to_owned(), Value::from(value))));
        let tokens = message.remove("usage").as_ref().and_then(Value::as_object).map(tokens).unwrap_or_default();
        let parts = parts_of(message.remove("content"));
        message.remove("api");
        let mut message = Some(message);
        let (is_empty, last) = (parts.is_empty(), parts.len().saturating_sub(1));
        for (n, part) in parts.into_iter().enumerate() {
            let id = if n == 0 { envelope.id.clone() } else { format!("{}-{n}", envelope.id) };
            let counted = (n == last).then_some(&tokens);
            if part["type"] == "toolCall" {
                self.call(&id, envelope.time, part, (counted, message.take()))?;
                continue;
            }
            let kind = if part["type"] == "thinking" { EventType::Thinking } else { EventType::AgentMessage };
            let mut event = self.out.event(&id, envelope.time, kind, "assistant");
            event.content.blocks.extend(block(&part));
            let mut event = rest_of(event, message.take().unwrap_or_default());
            if let Some(tokens) = counted {
                tokens.note(&mut event);
            }
            self.out.push(event)?;
        }
        if !is_empty {
            return Ok(());
        }
        // An answer that never came.
        let mut event = self.out.event(&envelope.id, envelope.time, EventType::AgentMessage, "assistant");
        tokens.note(&mut event);
        self.out.push(rest_of(event, message.unwrap_or_default()))
    }

    fn call(
        &mut self,
        id: &str,
        time: Option<Timestamp>,
        mut part: Value,
        (tokens, fields): (Option<&Tokens>, Option<Record>),
    ) -> io::Result<()> {
        let name = part["name"].as_str().unwrap_or_default().to_owned();
        let call_id = part["id"].as_str().filter(|call| !call.is_empty()).unwrap_or(id).to_owned();
        let call = tool::call(&name, records::take(&mut part, "arguments"));
        self.out.call((id, &call_id), time, &name, call)?;
        if let Some(event) = self.out.waiting_call(&call_id) {
            if let Some(tokens) = tokens {
                tokens.note(event);
            }
            *event = rest_of(event.clone(), fields.unwrap_or_default());
        }
        Ok(())
    }

    fn result(&mut self, envelope: &Envelope, mut message: Record) -> io::Result<()> {
        let call = text(&message, "toolCallId").unwrap_or(&envelope.id).to_owned();
        let is_error = message.get("isError") == Some(&Value::Bool(true));
        let mut content = Content { blocks: message.remove("content").as_ref().map(blocks).unwrap_or_default() };
        let is_command = text(&message, "toolName").and_then(tool::kind_of) == Some(Kind::Shell);
        let told = message.get("details").and_then(|details| i32::try_from(details.get("exitCode")?.as_i64()?).ok());
        let guess = || if is_command { exit_code(&content.to_text(), is_error) } else { None };
        let exit_code = told.filter(|_| is_command).or_else(guess);
        if let Some(Value::Object(mut details)) = message.remove("details") {
            // The edit once more, drawn for the screen, and the text that was cut off.
            details.remove("diff");
            let output = content.to_text();
            details.retain(|_, value| {
                value.as_str().is_none_or(|said| said.is_empty() || !output.contains(said.trim_end()))
            });
            if let Some(Value::Object(truncation)) = details.get_mut("truncation") {
                truncation.remove("content");
            }
            if !details.is_empty() {
                content.blocks.push(Block::Json { data: json!({ "details": details }) });
            }
        }
        self.out.result(
            (&envelope.id, &call),
            envelope.time,
            Outcome { content, is_error, exit_code, ..Outcome::default() },
        )
    }
}
