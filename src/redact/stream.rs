//! Redacts events in the order in which they come: some can only be told from what comes before or after.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{
    Redactor, Summary,
    border::{self, text_of, text_of_mut},
    walk::{Content, Walker},
};
use crate::hail::{Event, EventType, attribute};

/// How much text is held back for what may follow it, in bytes.
const MOST_HELD: usize = 1 << 20;

/// Redacts events one after the other.
#[derive(Clone, Debug)]
pub(super) struct Stream<'r> {
    redactor: &'r Redactor,
    /// The last events, each of which goes on in the next.
    held: Vec<Event>,
    size: usize,
    /// The calls that read a file of credentials, and whose results are such files.
    calls: HashSet<String>,
    /// The calls that print the environment.
    environments: HashSet<String>,
    /// Where this stream goes on and nothing new came yet: the ids of the events that come once more.
    again: Option<HashSet<String>>,
}

/// How a stream stood, and the events that its parser still held: all of them redacted as if nothing followed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct PausedStream {
    held: Vec<Event>,
    calls: HashSet<String>,
    #[serde(default)]
    environments: HashSet<String>,
    again: HashSet<String>,
}

impl<'r> Stream<'r> {
    pub(super) fn new(redactor: &'r Redactor) -> Self {
        Self { redactor, held: Vec::new(), size: 0, calls: HashSet::new(), environments: HashSet::new(), again: None }
    }

    /// Goes on where another stream stood.
    pub(super) fn after(redactor: &'r Redactor, paused: PausedStream) -> Self {
        let PausedStream { held, calls, environments, again } = paused;
        let size = held.iter().map(size_of).sum();
        Self { held, size, calls, environments, again: Some(again), ..Self::new(redactor) }
    }

    /// How it stands. Redacts what its parser holds, too, and what either holds as if nothing followed. `None`
    /// where an id would have to be replaced in it, by which later events name it.
    pub(super) fn pause(&self, of_parser: &mut Vec<Event>, summary: &mut Summary) -> Option<PausedStream> {
        let mut rest = self.clone();
        let names: Vec<_> = self.held.iter().chain(&*of_parser).map(names_of).collect();
        let mut redacted = Vec::new();
        for event in of_parser.drain(..) {
            redacted.extend(rest.next(event, summary));
        }
        redacted.extend(rest.finish(summary));
        let is_same = names
            .iter()
            .map(|(id, call)| (id.as_str(), call.as_deref()))
            .eq(redacted.iter().map(|event| (event.event_id.as_str(), call_of(event))));
        let is_token = |call: &String| self.redactor.scanner.redact_id(call, true, &mut Summary::default()).is_some();
        if !is_same || self.calls.iter().chain(&self.environments).any(is_token) {
            return None;
        }
        *of_parser = redacted.split_off(self.held.len());
        let again = of_parser.iter().map(|event| event.event_id.clone()).collect();
        let (calls, environments) = (self.calls.clone(), self.environments.clone());
        Some(PausedStream { held: redacted, calls, environments, again })
    }

    /// Whether an event goes on with one that was redacted before anybody knew: a secret that lies over
    /// the border between them is not to be found any more.
    pub(super) fn is_torn_by(&mut self, event: &Event) -> bool {
        let is_new = self.again.take_if(|again| !again.contains(&event.event_id)).is_some();
        is_new && self.held.last().is_some_and(|last| goes_on(last, event))
    }

    /// Takes the next event; returns those that nothing can follow any more, redacted.
    pub(super) fn next(&mut self, event: Event, summary: &mut Summary) -> Vec<Event> {
        if self.redactor.reads_credentials(&event.event_type) {
            self.calls.extend(call_of(&event).map(str::to_owned));
        }
        if Redactor::prints_environment(&event.event_type) {
            self.environments.extend(call_of(&event).map(str::to_owned));
        }
        let goes_on = self.held.last().is_some_and(|last| goes_on(last, &event)) && self.size < MOST_HELD;
        let done = if goes_on { Vec::new() } else { self.finish(summary) };
        self.size += size_of(&event);
        self.held.push(event);
        done
    }

    /// Returns the events that were held back, redacted.
    pub(super) fn finish(&mut self, summary: &mut Summary) -> Vec<Event> {
        let mut events = std::mem::take(&mut self.held);
        self.size = 0;
        if events.len() > 1 {
            let mut texts: Vec<&mut String> =
                events.iter_mut().flat_map(|event| &mut event.content.blocks).filter_map(text_of_mut).collect();
            border::redact(&self.redactor.scanner, &mut texts, summary);
        }
        for event in &mut events {
            let is_result = matches!(event.event_type, EventType::ToolResult { is_error: false, .. });
            let call = call_of(event).filter(|_| is_result);
            let holds = |calls: &HashSet<String>| call.is_some_and(|call| calls.contains(call));
            let content = match () {
                () if holds(&self.calls) => Content::Credentials,
                () if holds(&self.environments) => Content::Environment,
                () => Content::Any,
            };
            Walker::new(self.redactor, summary).event(event, content);
        }
        events
    }
}

/// How long the texts of an event are, in bytes.
fn size_of(event: &Event) -> usize {
    event.content.blocks.iter().filter_map(text_of).map(str::len).sum()
}

/// Whether `next` may be the next chunk of what `last` is a chunk of.
fn goes_on(last: &Event, next: &Event) -> bool {
    let of_one_kind = match (&last.event_type, &next.event_type) {
        (EventType::ToolResult { .. }, EventType::ToolResult { .. }) => {
            call_of(last).is_some() && call_of(last) == call_of(next)
        }
        (EventType::Custom { kind }, EventType::Custom { kind: next }) => kind == next,
        (EventType::AgentMessage, EventType::AgentMessage)
        | (EventType::Thinking, EventType::Thinking)
        | (EventType::SystemMessage, EventType::SystemMessage) => true,
        _ => false,
    };
    of_one_kind
        && last.content.blocks.last().is_some_and(|block| text_of(block).is_some())
        && next.content.blocks.first().is_some_and(|block| text_of(block).is_some())
}

/// What other events name an event by.
fn names_of(event: &Event) -> (String, Option<String>) {
    (event.event_id.clone(), call_of(event).map(str::to_owned))
}

fn call_of(event: &Event) -> Option<&str> {
    match &event.event_type {
        EventType::ToolResult { call_id: Some(call), .. } => Some(call),
        _ => event.attributes.get(attribute::CALL_ID)?.as_str(),
    }
}
