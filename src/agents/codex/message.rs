//! What was said: by the person, by the harness in the person's name, by the agent, and to itself.

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    echo::{self, Said, Side},
    parser::Parser,
    record::Payload,
};
use crate::{
    agents::media,
    hail::{Block, Content, EventType, Scanner},
};

/// How the texts begin that the harness puts into the person's mouth.
const INJECTED: [&str; 23] = [
    "<environment_context",
    "<user_instructions",
    "# AGENTS.md instructions",
    "<INSTRUCTIONS>",
    "<turn_aborted",
    "<skill>",
    "<skills_instructions",
    "<plugins_instructions",
    "<apps_instructions",
    "<recommended_plugins",
    "<user_shell_command",
    "<user_action",
    "<subagent_notification",
    "<subagent_context",
    "<permissions instructions",
    "<collaboration_mode",
    "<personality_spec",
    "<model_switch",
    "<realtime_conversation",
    "<hook_prompt",
    "<goal_context",
    "<network_policy",
    "<system-reminder",
];

/// Where the person's own words begin behind what an editor tells about itself.
const REQUEST: &str = "## My request for Codex:";

/// One piece of a message, or of what a tool returned.
#[derive(Default, Deserialize)]
pub(super) struct Piece {
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    image_url: Option<Value>,
    /// The whole piece, where it is neither text nor picture.
    #[serde(skip)]
    other: Option<Value>,
}

impl Piece {
    /// The pieces of a list, or of a single string.
    pub(super) fn list(raw: Option<&str>) -> Vec<Self> {
        let Some(raw) = raw else { return Vec::new() };
        if let Some(pieces) = Self::known_list(raw) {
            return pieces;
        }
        match serde_json::from_str::<Vec<&RawValue>>(raw) {
            Ok(pieces) => pieces.into_iter().map(Self::read).collect(),
            Err(_) => serde_json::from_str(raw).map(Self::of_text).into_iter().collect(),
        }
    }

    /// The pieces of a list that has nothing but texts and pictures.
    fn known_list(raw: &str) -> Option<Vec<Self>> {
        let mut pieces = Vec::new();
        Scanner::new(raw).array(|scanner| {
            let mut piece = Self::default();
            scanner.object(|scanner, key| {
                match key {
                    "text" if scanner.is_at_null() => scanner.skip()?,
                    "text" => piece.text = Some(scanner.string()?.into_owned()),
                    "image_url" => piece.image_url = Some(scanner.value()?).filter(|url| !url.is_null()),
                    _ => scanner.skip()?,
                }
                Some(())
            })?;
            let is_known = piece.is_known();
            pieces.push(piece);
            is_known.then_some(())
        })?;
        Some(pieces)
    }

    /// The pieces of a list that was read already.
    pub(super) fn of_values(values: Vec<Value>) -> Vec<Self> {
        let read = |value: Value| match Self::deserialize(&value) {
            Ok(piece) if piece.is_known() => piece,
            _ => Self { other: Some(value), ..Self::default() },
        };
        values.into_iter().map(read).collect()
    }

    fn read(raw: &RawValue) -> Self {
        match serde_json::from_str::<Self>(raw.get()) {
            Ok(piece) if piece.is_known() => piece,
            _ => Self { other: serde_json::from_str(raw.get()).ok(), ..Self::default() },
        }
    }

    pub(super) fn of_text(text: String) -> Self {
        Self { text: Some(text), ..Self::default() }
    }

    fn of_image(url: String) -> Self {
        Self { image_url: Some(Value::String(url)), ..Self::default() }
    }

    /// The block that holds it; `None` where there is nothing to hold.
    pub(super) fn into_block(self) -> Option<Block> {
        match (self.text, self.image_url) {
            (Some(text), _) if text.is_empty() => None,
            (Some(text), _) => Some(Block::Text { text: text.into() }),
            (None, Some(url)) => {
                let url = url.get("url").unwrap_or(&url).as_str()?.to_owned();
                Some(media::image_url(&url))
            }
            (None, None) => self.other.map(|data| Block::Json { data }),
        }
    }

    fn is_known(&self) -> bool {
        self.text.is_some() || self.image_url.is_some()
    }

    /// Whether it only says where a picture begins or ends.
    fn is_picture_tag(&self) -> bool {
        self.text.as_deref().is_some_and(|text| text.starts_with("<image") || text.trim() == "</image>")
    }
}

impl Parser<'_> {
    /// Reads a `message` item.
    pub(super) fn message(&mut self, payload: &mut Payload<'_>) {
        let mut pieces = Piece::list(payload.content);
        if pieces.iter().any(|piece| piece.image_url.is_some()) {
            pieces.retain(|piece| !piece.is_picture_tag());
        }
        match &*payload.role {
            "assistant" => {
                let texts = pieces.into_iter().filter_map(|piece| piece.text);
                self.say(texts.collect(), Side::Item, &payload.phase);
            }
            "user" => self.user_pieces(pieces, "response_item/message"),
            _ => self.inject(pieces, "response_item/message"),
        }
    }

    /// Reads an `agent_message` item: what one agent says to another, such as the task of a spawned one.
    pub(super) fn agents_message(&mut self, payload: &Payload<'_>, text: &str) {
        let is_readable = |piece: &Piece| piece.other.as_ref().is_none_or(|it| it.get("encrypted_content").is_none());
        let pieces = Piece::list(payload.content).into_iter().filter(is_readable);
        let blocks: Vec<Block> = pieces.filter_map(Piece::into_block).collect();
        if blocks.is_empty() {
            return self.custom("agent_message", "response_item/agent_message", text);
        }
        self.end_answer();
        let mut event = self.event(EventType::SystemMessage, "response_item/agent_message");
        event.content = Content { blocks };
        let message = event.content.to_text();
        // A head of a few lines says what kind of message it is.
        let (head, task) = message.split_once("\nPayload:\n").unwrap_or(("", &message));
        if head.is_empty() || head.contains("Message Type: TASK") {
            self.header.see_task(task);
        }
        let fields: Value = serde_json::from_str(text).unwrap_or_default();
        for key in ["author", "recipient"] {
            if let Some(name) = fields.get(key).filter(|name| name.is_string()) {
                event = event.with(key, name.clone());
            }
        }
        self.send(event.with("source.injected", "agent"));
    }

    /// Reads a `user_message` notice. Old versions give one for injected texts too, with a kind.
    pub(super) fn user_notice(&mut self, payload: &mut Payload<'_>, text: &str) {
        #[derive(Default, Deserialize)]
        struct Details {
            kind: Option<String>,
            images: Option<Vec<String>>,
        }
        let details: Details = serde_json::from_str(text).unwrap_or_default();
        let Some(message) = payload.message.take_text() else { return };
        let is_plain = details.kind.is_none_or(|kind| kind == "plain");
        let text = Piece::of_text(message);
        if !is_plain || text.text.as_deref().is_some_and(is_injected) {
            return self.inject(vec![text], "event_msg/user_message");
        }
        let images = details.images.unwrap_or_default().into_iter().map(Piece::of_image);
        self.prompt(std::iter::once(text).chain(images).collect(), Side::Notice);
    }

    /// Sends what the agent said, unless it was sent before.
    pub(super) fn say(&mut self, texts: Vec<String>, side: Side, phase: &str) {
        let texts = self.unheard(Said::Agent, side, texts);
        if texts.is_empty() {
            return;
        }
        self.last_said = Some(echo::hash(&texts.concat()));
        let mut event = self.event(EventType::AgentMessage, raw_type(side, "message", "agent_message"));
        if !phase.is_empty() {
            event = event.with("phase", phase);
        }
        event.content.blocks = texts.into_iter().map(|text| Block::Text { text: text.into() }).collect();
        self.answer(event, 0);
    }

    /// Reads a `reasoning` item. Its `encrypted_content` is for the provider alone and is left out:
    /// nobody else can read it. What is readable comes as a summary, rarely as the reasoning itself.
    pub(super) fn reasoning(&mut self, payload: &mut Payload<'_>) {
        let mut pieces = Piece::list(payload.summary);
        pieces.append(&mut Piece::list(payload.content));
        let texts = pieces.into_iter().filter_map(|piece| piece.text).collect();
        self.think(texts, Side::Item);
    }

    /// Sends what the agent thought, unless it was sent before.
    pub(super) fn think(&mut self, texts: Vec<String>, side: Side) {
        for text in self.unheard(Said::Reasoning, side, texts) {
            let event = self.event(EventType::Thinking, raw_type(side, "reasoning", "agent_reasoning"));
            self.answer(event.with_content(Content::text(text)), 0);
        }
    }

    /// Sends the person's own words, unless they were sent before.
    fn prompt(&mut self, pieces: Vec<Piece>, side: Side) {
        let text: String = pieces.iter().filter_map(|piece| piece.text.as_deref()).collect();
        if pieces.is_empty() || self.echoes.is_echo(Said::User, side, &text) {
            return;
        }
        self.end_answer();
        let mut blocks: Vec<Block> = pieces.into_iter().filter_map(Piece::into_block).collect();
        let editor = split_request(&mut blocks);
        if let Some(editor) = editor {
            let event = self.event(EventType::SystemMessage, raw_type(side, "message", "user_message"));
            self.send(event.with_content(Content::text(editor)));
        }
        let mut event = self.event(EventType::UserMessage, raw_type(side, "message", "user_message"));
        event.content.blocks = blocks;
        self.header.see_prompt(&event.content.to_text());
        self.send(event);
    }

    /// Sends what is said in the person's name, apart from what the harness says in it.
    pub(super) fn user_pieces(&mut self, pieces: Vec<Piece>, raw_type: &str) {
        let (injected, own): (Vec<_>, Vec<_>) =
            pieces.into_iter().partition(|piece| piece.text.as_deref().is_some_and(is_injected));
        self.inject(injected, raw_type);
        self.prompt(own, side_of(raw_type));
    }

    /// Sends what the harness told the model.
    pub(super) fn inject(&mut self, pieces: Vec<Piece>, raw_type: &str) {
        let blocks: Vec<Block> = pieces.into_iter().filter_map(Piece::into_block).collect();
        if blocks.is_empty() {
            return;
        }
        let content = Content { blocks };
        content.texts().for_each(|text| self.header.see_environment(text));
        if self.echoes.is_echo(Said::User, side_of(raw_type), &content.to_text()) {
            return;
        }
        let event = self.event(EventType::SystemMessage, raw_type);
        self.send(event.with_content(content));
    }

    /// The texts that the other side has not said yet, whether it said them one by one or at once.
    fn unheard(&mut self, said: Said, side: Side, mut texts: Vec<String>) -> Vec<String> {
        texts.retain(|text| !text.trim().is_empty());
        if texts.len() > 1 && self.echoes.is_echo(said, side, &texts.concat()) {
            return Vec::new();
        }
        texts.retain(|text| !self.echoes.is_echo(said, side, text));
        texts
    }
}

fn is_injected(text: &str) -> bool {
    let text = text.trim_start();
    INJECTED.iter().any(|start| text.starts_with(start))
}

fn side_of(raw_type: &str) -> Side {
    if raw_type.starts_with("event_msg") { Side::Notice } else { Side::Item }
}

fn raw_type(side: Side, item: &str, notice: &str) -> String {
    match side {
        Side::Item => format!("response_item/{item}"),
        Side::Notice => format!("event_msg/{notice}"),
    }
}

/// Cuts what an editor says about its open files off the front of the request, and returns it.
fn split_request(blocks: &mut [Block]) -> Option<String> {
    let Some(Block::Text { text }) = blocks.first_mut() else { return None };
    if !text.starts_with("# Context from my IDE setup:") {
        return None;
    }
    let (editor, request) = text.split_once(REQUEST)?;
    let (editor, request) = (editor.trim_end().to_owned(), request.trim_start().to_owned());
    if request.is_empty() {
        return None;
    }
    *text = request.into();
    Some(editor)
}
