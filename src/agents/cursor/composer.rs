//! Writes the bubbles of a conversation as events.

use std::io;

use serde_json::{Map, Value};

use super::{
    database::{Conversation, UNREADABLE, path_of, time},
    tool,
};
use crate::{
    agents::{
        ParseError, Warning, identity, media,
        records::{Record, text},
        transcript::{Facts, Tokens, Transcript},
    },
    hail::{Block, Content, Event, EventType, Sink, Timestamp, attribute},
};

pub(super) fn write(conversation: Conversation, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let mut transcript = Transcript::new("cursor", conversation.schema, sink);
    transcript.facts = facts(&conversation);
    let Conversation { id, info, bubbles, contents, .. } = conversation;
    for (index, bubble) in bubbles.into_iter().enumerate() {
        match bubble {
            Value::Object(bubble) => Bubble::of(bubble, index).write(&mut transcript, (&info, &contents))?,
            other => transcript.unknown(&format!("bubble-{index}"), None, "unknown", other)?,
        }
    }
    Ok(transcript.finish(identity::session_id("cursor", &id))?)
}

fn facts(conversation: &Conversation) -> Facts {
    let info = &conversation.info;
    let at = |key: &str| info.get(key).and_then(time);
    let inner = |path: &[&str]| {
        let mut value = info.get(path[0])?;
        for key in &path[1..] {
            value = value.get(key)?;
        }
        value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let (ended, created) = (at("lastUpdatedAt").or_else(|| at("lastSendTime")), at("createdAt"));
    let mut spaces = conversation.bubbles.iter().filter_map(|bubble| bubble.get("workspaceUris")?.get(0)?.as_str());
    let mut facts = Facts {
        provider: "unknown".to_owned(),
        model: inner(&["modelConfig", "modelName"]).unwrap_or_else(|| "unknown".to_owned()),
        title: inner(&["name"]).or_else(|| inner(&["chatTitle"])),
        cwd: conversation
            .folder
            .clone()
            .or_else(|| inner(&["workspaceIdentifier", "uri", "fsPath"]))
            .or_else(|| spaces.find_map(path_of)),
        branch: inner(&["createdOnBranch"]),
        parent: inner(&["subagentInfo", "parentComposerId"]),
        began: created.or(ended),
        ended,
        ..Facts::default()
    };
    facts.related.extend(facts.parent.clone());
    // What each model cost, in cents. It is known of the whole conversation only.
    let usage = info.get("usageData").and_then(Value::as_object);
    let cents = usage.into_iter().flat_map(Map::values).filter_map(|usage| usage.get("costInCents")?.as_f64());
    let cents: f64 = cents.sum();
    if cents > 0.0 {
        facts.attributes.insert(attribute::COST_USD, (cents / 100.0).into());
    }
    for (key, name) in [("mode", "unifiedMode"), ("status", "status")] {
        facts.attributes.extend(inner(&[name]).map(|value| (key, value)));
    }
    facts
}

/// One bubble: what one side said, thought or did.
struct Bubble {
    id: String,
    time: Option<Timestamp>,
    fields: Record,
}

/// What a bubble says in other words, or about the window rather than the conversation.
const SAID: [&str; 18] = [
    "_v",
    "type",
    "bubbleId",
    "id",
    "text",
    "richText",
    "rawText",
    "initText",
    "createdAt",
    "thinking",
    "toolFormerData",
    "tokenCount",
    "codeBlocks",
    "images",
    "modelType",
    "modelInfo",
    "thinkingDurationMs",
    "delegate",
];

impl Bubble {
    fn of(fields: Record, index: usize) -> Self {
        let id = text(&fields, "bubbleId")
            .or_else(|| text(&fields, "id"))
            .map_or_else(|| format!("bubble-{index}"), str::to_owned);
        let timing = fields.get("timingInfo");
        let time = fields
            .get("createdAt")
            .and_then(time)
            .or_else(|| ["clientStartTime", "clientRpcSendTime"].iter().find_map(|key| time(timing?.get(key)?)));
        Self { id, time, fields }
    }

    fn write(
        self,
        transcript: &mut Transcript<'_>,
        (info, contents): (&Record, &std::collections::HashMap<String, String>),
    ) -> io::Result<()> {
        let kind = self.fields.get("type");
        let number = kind.and_then(Value::as_u64);
        match (number, kind.and_then(Value::as_str)) {
            (Some(1), _) | (_, Some("user")) => self.prompt(transcript),
            (Some(2), _) | (_, Some("ai")) => self.answer(transcript, info, contents),
            (_, Some(UNREADABLE)) => {
                let cause = text(&self.fields, "cause").unwrap_or_default().to_owned();
                transcript.warnings.push(Warning { line: 1, cause: format!("{}: {cause}", self.id) });
                let kind = EventType::Custom { kind: UNREADABLE.to_owned() };
                let event = transcript.event(&self.id, None, kind, UNREADABLE).with(attribute::FAULT, cause);
                transcript.push(event.with_content(Content::json(Value::Object(self.fields))))
            }
            _ => transcript.unknown(&self.id, self.time, "bubble", Value::Object(self.fields)),
        }
    }

    fn prompt(self, transcript: &mut Transcript<'_>) -> io::Result<()> {
        let mut content = Content::text(text(&self.fields, "text").unwrap_or_default());
        content.blocks.extend(images(&self.fields));
        let is_empty = content.blocks.is_empty();
        let kind = if is_empty { EventType::Custom { kind: "prompt".to_owned() } } else { EventType::UserMessage };
        let mut event = transcript.event(&self.id, self.time, kind, "user").with_content(content);
        match self.rest() {
            Some(rest) => event = event.with("source.fields", rest),
            None if is_empty => return Ok(()),
            None => {}
        }
        transcript.prompt(event)
    }

    /// Thinking, then words, then a call: a bubble seldom has more than one of them.
    fn answer(
        self,
        transcript: &mut Transcript<'_>,
        info: &Record,
        contents: &std::collections::HashMap<String, String>,
    ) -> io::Result<()> {
        let model = self.model();
        if let Some(model) = &model {
            transcript.facts.model.clone_from(model);
        }
        let mut events = self.said(transcript);
        let call = self.fields.get("toolFormerData").and_then(|data| tool::ToolUse::of(data, &self.id));
        let blocks = tool::code_blocks(&self.fields, info);
        let mut rest = self.rest();
        let mut tokens = Some(self.tokens()).filter(|tokens| *tokens != Tokens::default());
        if events.is_empty() && call.is_none() && (rest.is_some() || tokens.is_some()) {
            let kind = EventType::Custom { kind: "bubble".to_owned() };
            events.push((String::new(), transcript.event(&self.id, self.time, kind, "ai")));
        }
        let last = events.len();
        let mut complete = |event: &mut Event, is_last: bool| {
            let named = [(attribute::MODEL, model.clone().map(Value::from)), ("source.fields", rest.take())];
            event.attributes.extend(named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
            event.attributes.insert(attribute::GROUP_ID.to_owned(), self.id.clone().into());
            if let Some(tokens) = tokens.take_if(|_| is_last) {
                tokens.note(event);
            }
        };
        for (index, (words, event)) in events.into_iter().enumerate() {
            let mut event = event.with_content(Content::text(words));
            complete(&mut event, index + 1 == last && call.is_none());
            transcript.push(event)?;
        }
        for (index, call) in blocks.into_iter().enumerate() {
            let id = format!("{}-code-{index}", self.id);
            let event = transcript.event(&id, self.time, call.event_type, "codeBlock").with_content(call.content);
            transcript.push(event.with(attribute::TOOL_KIND, call.group))?;
        }
        call.map_or(Ok(()), |call| call.write(transcript, self.time, contents, |event| complete(event, true)))
    }

    /// What the bubble says, without its words: they go with each event.
    fn said(&self, transcript: &mut Transcript<'_>) -> Vec<(String, Event)> {
        let mut events = Vec::new();
        let thought = self.fields.get("thinking").and_then(Value::as_object);
        if let Some(words) = thought.and_then(|thought| text(thought, "text")) {
            let mut event =
                transcript.event(&format!("{}-thinking", self.id), self.time, EventType::Thinking, "thinking");
            event.duration_ms = self.fields.get("thinkingDurationMs").and_then(Value::as_u64);
            events.push((words.to_owned(), event));
        }
        if let Some(words) = text(&self.fields, "text") {
            events.push((words.to_owned(), transcript.event(&self.id, self.time, EventType::AgentMessage, "ai")));
        }
        events
    }

    fn model(&self) -> Option<String> {
        let named = self.fields.get("modelInfo").and_then(|info| info.get("modelName")).and_then(Value::as_str);
        named.or_else(|| text(&self.fields, "modelType")).filter(|name| !name.is_empty()).map(str::to_owned)
    }

    fn tokens(&self) -> Tokens {
        let count = |key: &str| self.fields.get("tokenCount").and_then(|count| count.get(key)).and_then(Value::as_u64);
        Tokens {
            input: count("inputTokens").unwrap_or(0),
            output: count("outputTokens").unwrap_or(0),
            ..Tokens::default()
        }
    }

    /// What the bubble says beside its text; most of its fields are empty.
    fn rest(&self) -> Option<Value> {
        let mut rest = self.fields.clone();
        rest.retain(|key, _| !SAID.contains(&key.as_str()));
        let additional = self.fields.get("toolFormerData").filter(|data| data.get("name").is_none());
        rest.extend(additional.map(|data| ("toolFormerData".to_owned(), data.clone())));
        let mut rest = Value::Object(rest);
        prune(&mut rest);
        Some(rest).filter(|rest| rest.as_object().is_some_and(|fields| !fields.is_empty()))
    }
}

/// Removes what says nothing, however deep.
pub(super) fn prune(value: &mut Value) {
    let is_empty = |value: &Value| match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Number(_) | Value::Bool(true) => false,
    };
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(prune);
            fields.retain(|_, value| !is_empty(value));
        }
        Value::Array(items) => {
            items.iter_mut().for_each(prune);
            items.retain(|value| !is_empty(value));
        }
        _ => {}
    }
}

fn images(fields: &Record) -> Vec<Block> {
    let context = fields.get("context").and_then(|context| context.get("selectedImages"));
    let lists = [fields.get("images"), context, fields.get("selectedImages")];
    let images = lists.into_iter().flatten().find_map(|list| list.as_array().filter(|list| !list.is_empty()));
    let image = |image: &Value| {
        let text = |key: &str| image.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        match text("url").or_else(|| image.as_str()).filter(|url| url.starts_with("data:")) {
            Some(url) => media::image_url(url),
            None => match text("path") {
                Some(path) => Block::File { path: path.to_owned(), content: None },
                None => Block::Json { data: image.clone() },
            },
        }
    };
    images.into_iter().flatten().map(image).collect()
}
