//! A message in the parts that most agents' messages have, and the events they become.

use std::io;

use serde_json::{Value, json};

use super::{
    field, tool,
    transcript::{Outcome, Tokens, Transcript},
};
use crate::hail::{Content, Event, EventType, Sink, Timestamp, attribute};

/// Begins a session of `tool` of whose model nothing is known yet.
pub(super) fn transcript<'s>(tool: &'static str, schema: &'static str, sink: &'s mut dyn Sink) -> Transcript<'s> {
    let mut transcript = Transcript::new(tool, schema, sink);
    "unknown".clone_into(&mut transcript.facts.provider);
    "unknown".clone_into(&mut transcript.facts.model);
    transcript
}

/// Notes the model that answered last, and who makes it.
pub(super) fn note_model(transcript: &mut Transcript<'_>, model: &str) {
    model.clone_into(&mut transcript.facts.model);
    field::provider_of(model).clone_into(&mut transcript.facts.provider);
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    Person,
    Agent,
    /// The program, or somebody on the person's behalf; the reason why it is not the person.
    Program(&'static str),
}

/// One part of a message.
pub(super) enum Part {
    Said(Content),
    Thought(String),
    Call {
        id: String,
        name: String,
        arguments: Value,
    },
    /// A call that is known to do these things.
    Calls {
        id: String,
        name: String,
        calls: Vec<tool::Call>,
    },
    Result {
        id: String,
        outcome: Outcome,
    },
    /// The time of what follows, where it is not that of the message.
    At(Timestamp),
    /// Anything else, with its type.
    Other(String, Value),
}

/// One message.
pub(super) struct Message {
    /// The id of its first event; the others add `-<n>`.
    pub(super) id: String,
    pub(super) time: Option<Timestamp>,
    pub(super) speaker: Speaker,
    pub(super) parts: Vec<Part>,
    pub(super) model: Option<String>,
    /// What the answer used, noted on its last event.
    pub(super) tokens: Tokens,
    /// More facts, noted on the last event.
    pub(super) attributes: Vec<(&'static str, Value)>,
}

impl Message {
    pub(super) fn new(id: String, time: Option<Timestamp>, speaker: Speaker) -> Self {
        let (parts, attributes) = (Vec::new(), Vec::new());
        Self { id, time, speaker, parts, model: None, tokens: Tokens::default(), attributes }
    }

    /// Adds what was said to what was said right before.
    pub(super) fn say(&mut self, content: Content) {
        match self.parts.last_mut() {
            _ if content.blocks.is_empty() => {}
            Some(Part::Said(said)) => said.blocks.extend(content.blocks),
            _ => self.parts.push(Part::Said(content)),
        }
    }

    /// Sends the events of the message.
    ///
    /// # Errors
    /// Those of the sink.
    pub(super) fn send(mut self, transcript: &mut Transcript<'_>) -> io::Result<()> {
        let parts = std::mem::take(&mut self.parts);
        let count = parts.iter().filter(|part| !matches!(part, Part::At(_))).count();
        let mut is_noted = false;
        let mut index = 0;
        for part in parts {
            if let Part::At(time) = part {
                self.time = Some(time);
                continue;
            }
            let id = if index == 0 { self.id.clone() } else { format!("{}-{}", self.id, index + 1) };
            index += 1;
            is_noted = self.send_part(transcript, &id, part, index == count)?;
        }
        if !is_noted && (self.tokens != Tokens::default() || !self.attributes.is_empty()) {
            let kind = EventType::Custom { kind: "usage".to_owned() };
            let mut event = transcript.event(&format!("{}-usage", self.id), self.time, kind, "usage");
            self.note(&mut event, true);
            transcript.push(event)?;
        }
        Ok(())
    }

    /// Sends one part; returns whether what is known of the whole message was noted on it.
    fn send_part(&self, transcript: &mut Transcript<'_>, id: &str, part: Part, is_last: bool) -> io::Result<bool> {
        let (kind, raw, content) = match part {
            Part::Said(content) => {
                let kind = match self.speaker {
                    Speaker::Person => EventType::UserMessage,
                    Speaker::Agent => EventType::AgentMessage,
                    Speaker::Program(_) => EventType::SystemMessage,
                };
                (kind, "text".to_owned(), content)
            }
            Part::Thought(text) => (EventType::Thinking, "thinking".to_owned(), Content::text(text)),
            Part::At(_) => return Ok(false),
            Part::Other(kind, value) => (EventType::Custom { kind: kind.clone() }, kind, Content::json(value)),
            Part::Call { id: call, name, arguments } => {
                let calls = vec![tool::call(&name, arguments)];
                return self.send_calls(transcript, id, (call, name, calls), is_last);
            }
            Part::Calls { id: call, name, calls } => {
                return self.send_calls(transcript, id, (call, name, calls), is_last);
            }
            Part::Result { id: call, outcome } => {
                transcript.result((id, &call), self.time, outcome)?;
                return Ok(false);
            }
        };
        let is_prompt = kind == EventType::UserMessage;
        let mut event = transcript.event(id, self.time, kind, &raw).with_content(content);
        self.note(&mut event, is_last);
        if is_prompt {
            transcript.prompt(event)?;
        } else {
            transcript.push(event)?;
        }
        Ok(is_last)
    }

    fn send_calls(
        &self,
        transcript: &mut Transcript<'_>,
        id: &str,
        (call, name, calls): (String, String, Vec<tool::Call>),
        is_last: bool,
    ) -> io::Result<bool> {
        let call = if call.is_empty() { id.to_owned() } else { call };
        transcript.calls((id, &call), self.time, &name, calls)?;
        // A call that does not wait has left already.
        let event = transcript.waiting_call(&call);
        Ok(event.map(|event| self.note(event, is_last)).is_some() && is_last)
    }

    fn note(&self, event: &mut Event, is_last: bool) {
        let mut put = |key: &str, value: Value| event.attributes.insert(key.to_owned(), value);
        match (self.speaker, &self.model) {
            (Speaker::Agent, model) => {
                put(attribute::GROUP_ID, json!(self.id));
                model.as_ref().map(|model| put(attribute::MODEL, json!(model)));
            }
            (Speaker::Program(reason), _) => drop(put("source.injected", json!(reason))),
            (Speaker::Person, _) => {}
        }
        if is_last {
            for (key, value) in &self.attributes {
                put(key, value.clone());
            }
            self.tokens.note(event);
        }
    }
}
