//! Puts a session together for the agents whose logs say plainly what happened: messages, calls,
//! results.

use std::{
    collections::{HashMap, VecDeque},
    io,
    ops::Range,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use super::tokens::Tokens;
use super::{Log, Warning, tool};
use crate::hail::{
    Agent, Attributes, Content, Event, EventType, Header, SessionId, Sink, Timestamp, attribute, title_of,
};

/// How many events may wait for the result of a call. Beyond that the oldest leaves as it is: a
/// command that never ends must not keep the rest of the session in memory.
const MAX_WAITING: usize = 1024;

/// What is known of the whole session.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) provider: String,
    /// The last one that answered.
    pub(super) model: String,
    pub(super) version: Option<String>,
    /// The agent's own title; without one, the first prompt gives it.
    pub(super) title: Option<String>,
    pub(super) cwd: Option<String>,
    pub(super) branch: Option<String>,
    /// The session that started this one as its subagent.
    pub(super) parent: Option<String>,
    /// Sessions it goes back to or goes on from.
    pub(super) related: Vec<String>,
    pub(super) began: Option<Timestamp>,
    pub(super) ended: Option<Timestamp>,
    /// The words under which the agent files the session.
    #[serde(default)]
    pub(super) tags: Vec<String>,
    /// Anything else; keys with a dot, such as `git.remote`.
    pub(super) attributes: Attributes,
}

/// A transcript's state but for the events that wait.
#[derive(Serialize, Deserialize)]
pub(super) struct Told {
    facts: Facts,
    warnings: Vec<Warning>,
    marks: Attributes,
    /// Which of the events that wait are open.
    open: Vec<bool>,
    first: u64,
    calls: HashMap<String, (String, Range<u64>)>,
    last_time: Option<Timestamp>,
    prompt_title: Option<String>,
}

struct Waiting {
    event: Event,
    is_open: bool,
}

/// What a call of a tool returned.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) content: Content,
    pub(super) is_error: bool,
    pub(super) exit_code: Option<i32>,
    /// What an edit changed, where the result tells.
    pub(super) diff: Option<String>,
    pub(super) duration_ms: Option<u64>,
}

/// A session on its way to the sink.
pub(super) struct Transcript<'s> {
    tool: &'static str,
    schema: &'static str,
    /// What the header will say.
    pub(super) facts: Facts,
    /// What a person may want to know about the log.
    pub(super) warnings: Vec<Warning>,
    /// What every event bears from now on.
    pub(super) marks: Attributes,
    sink: &'s mut dyn Sink,
    waiting: VecDeque<Waiting>,
    first: u64,
    /// The tool's name, and where the events of the call are.
    calls: HashMap<String, (String, Range<u64>)>,
    last_time: Option<Timestamp>,
    prompt_title: Option<String>,
}

impl<'s> Transcript<'s> {
    /// Begins the session of `tool`, whose records have the shape that `schema` names.
    pub(super) fn new(tool: &'static str, schema: &'static str, sink: &'s mut dyn Sink) -> Self {
        Self {
            tool,
            schema,
            facts: Facts::default(),
            warnings: Vec::new(),
            marks: Attributes::new(),
            sink,
            waiting: VecDeque::new(),
            first: 0,
            calls: HashMap::new(),
            last_time: None,
            prompt_title: None,
        }
    }

    /// Goes on where an earlier parse of the log ended.
    pub(super) fn resume(&mut self, header: &Header) {
        let attribute = |key: &str| header.attribute(key).map(str::to_owned);
        self.facts = Facts {
            provider: header.agent.provider.clone(),
            model: header.agent.model.clone(),
            version: header.agent.tool_version.clone(),
            title: Some(header.context.title.clone()).filter(|title| !title.is_empty()),
            cwd: header.cwd().map(str::to_owned),
            branch: attribute(attribute::GIT_BRANCH),
            parent: attribute(attribute::PARENT_SESSION_ID),
            related: header.context.related_session_ids.clone(),
            tags: header.context.tags.clone(),
            began: Some(header.context.created_at),
            ended: None,
            attributes: Attributes::new(),
        };
        self.last_time = Some(header.context.updated_at);
    }

    /// Tells the sink how things stand after the line of `log` that was read last; `own` is what the parser
    /// knows besides.
    ///
    /// # Errors
    /// Those of the sink.
    pub(super) fn pause(&mut self, log: &Log<'_>, own: Value) -> io::Result<()> {
        let told = Told {
            facts: self.facts.clone(),
            warnings: self.warnings.clone(),
            marks: self.marks.clone(),
            open: self.waiting.iter().map(|waiting| waiting.is_open).collect(),
            first: self.first,
            calls: self.calls.clone(),
            last_time: self.last_time,
            prompt_title: self.prompt_title.clone(),
        };
        let held = self.waiting.iter().map(|waiting| waiting.event.clone()).collect();
        self.sink.pause(log.pause(held, (told, own))?)
    }

    /// Goes on from such a state.
    pub(super) fn restore(&mut self, told: Told, held: Vec<Event>) {
        let Told { facts, warnings, marks, open, first, calls, last_time, prompt_title } = told;
        (self.facts, self.warnings, self.marks, self.first) = (facts, warnings, marks, first);
        (self.calls, self.last_time, self.prompt_title) = (calls, last_time, prompt_title);
        self.waiting = held.into_iter().zip(open).map(|(event, is_open)| Waiting { event, is_open }).collect();
    }

    /// The time of a record that has none of its own: that of the one before.
    pub(super) fn time(&mut self, own: Option<Timestamp>) -> Timestamp {
        let time = own.or(self.last_time).or(self.facts.began).unwrap_or(Timestamp::EPOCH);
        self.last_time = Some(time);
        time
    }

    /// Makes an event of a native record of type `raw_type`.
    pub(super) fn event(&mut self, id: &str, time: Option<Timestamp>, kind: EventType, raw_type: &str) -> Event {
        let time = self.time(time);
        let mut event = Event::new(id, time, kind);
        event.attributes = self.marks.clone();
        event.with(attribute::SCHEMA_VERSION, self.schema).with(attribute::RAW_TYPE, raw_type)
    }

    /// Takes what the person said. An empty prompt is none.
    ///
    /// # Errors
    /// Those of the sink, as everywhere here.
    pub(super) fn prompt(&mut self, event: Event) -> io::Result<()> {
        if self.prompt_title.is_none() {
            self.prompt_title = Some(title_of(&event.content.to_text())).filter(|title| !title.is_empty());
        }
        self.push(event)
    }

    /// Takes an event that is complete.
    pub(super) fn push(&mut self, event: Event) -> io::Result<()> {
        self.waiting.push_back(Waiting { event, is_open: false });
        self.flush()
    }

    /// Takes a call, whose event waits for the result.
    pub(super) fn call(
        &mut self,
        ids: (&str, &str),
        time: Option<Timestamp>,
        name: &str,
        call: tool::Call,
    ) -> io::Result<()> {
        self.calls(ids, time, name, vec![call])
    }

    /// Takes a call that does several things, such as a patch over several files: each has an event
    /// of its own, and all have the call's id.
    pub(super) fn calls(
        &mut self,
        (id, call_id): (&str, &str),
        time: Option<Timestamp>,
        name: &str,
        calls: Vec<tool::Call>,
    ) -> io::Result<()> {
        // HAIL has no result of a tool without a name.
        let name = if name.trim().is_empty() { "unknown" } else { name };
        // An id that comes again must not keep what it meant before waiting.
        self.close(call_id);
        let start = self.first + self.waiting.len() as u64;
        for (index, call) in calls.into_iter().enumerate() {
            let id = if index == 0 { id.to_owned() } else { format!("{id}.{index}") };
            let event = self
                .event(&id, time, call.event_type, "tool_call")
                .with_content(call.content)
                .with(attribute::CALL_ID, call_id)
                .with(attribute::TOOL_KIND, call.group);
            self.waiting.push_back(Waiting { event, is_open: true });
        }
        let end = self.first + self.waiting.len() as u64;
        self.calls.insert(call_id.to_owned(), (name.to_owned(), start..end));
        self.flush()
    }

    /// Whether a call of that id came.
    pub(super) fn knows_call(&self, call_id: &str) -> bool {
        self.calls.contains_key(call_id)
    }

    /// Whether a call of that id came and its result did not.
    pub(super) fn is_open(&mut self, call_id: &str) -> bool {
        self.waiting_calls(call_id).any(|waiting| waiting.is_open)
    }

    /// The event of a call that still waits for its result; the last one of several.
    pub(super) fn waiting_call(&mut self, call_id: &str) -> Option<&mut Event> {
        self.waiting_calls(call_id).last().map(|waiting| &mut waiting.event)
    }

    fn waiting_calls(&mut self, call_id: &str) -> impl Iterator<Item = &mut Waiting> {
        let first = self.first;
        let range = self.calls.get(call_id).map_or(0..0, |(_, range)| range.clone());
        let index = |place: u64| usize::try_from(place.saturating_sub(first)).unwrap_or(usize::MAX);
        let (start, end) = (index(range.start), index(range.end));
        self.waiting.iter_mut().take(end).skip(start)
    }

    /// Takes the result of a call and completes the event of the call with it.
    pub(super) fn result(
        &mut self,
        (id, call_id): (&str, &str),
        time: Option<Timestamp>,
        outcome: Outcome,
    ) -> io::Result<()> {
        let name = self.calls.get(call_id).map_or_else(|| "unknown".to_owned(), |(name, _)| name.clone());
        let kind = EventType::ToolResult { name, is_error: outcome.is_error, call_id: Some(call_id.to_owned()) };
        let mut event =
            self.event(id, time, kind, "tool_result").with_content(outcome.content).with(attribute::CALL_ID, call_id);
        event.duration_ms = outcome.duration_ms;
        let mut new_diff = outcome.diff;
        for call in self.waiting_calls(call_id).map(|waiting| &mut waiting.event) {
            match &mut call.event_type {
                EventType::ShellCommand { exit_code, .. } => *exit_code = exit_code.or(outcome.exit_code),
                EventType::FileEdit { diff, .. } if new_diff.is_some() => *diff = new_diff.take(),
                _ => {}
            }
            // What failed changed nothing.
            if outcome.is_error {
                revoke(call);
            }
        }
        self.waiting.push_back(Waiting { event, is_open: false });
        self.close(call_id);
        self.flush()
    }

    fn close(&mut self, call_id: &str) {
        self.waiting_calls(call_id).for_each(|waiting| waiting.is_open = false);
    }

    /// Keeps a record of no known type whole.
    pub(super) fn unknown(&mut self, id: &str, time: Option<Timestamp>, kind: &str, record: Value) -> io::Result<()> {
        let event_type = EventType::Custom { kind: if kind.is_empty() { "unknown" } else { kind }.to_owned() };
        let event = self.event(id, time, event_type, kind).with_content(Content::json(record));
        self.push(event)
    }

    /// Says that the session goes on from a copy of another one, whose records count where they were made.
    pub(super) fn forked_from(
        &mut self,
        time: Option<Timestamp>,
        parent: Option<&str>,
        copied: usize,
    ) -> io::Result<()> {
        if let Some(parent) = parent.filter(|parent| !self.facts.related.iter().any(|known| known == parent)) {
            self.facts.related.push(parent.to_owned());
        }
        let told = serde_json::json!({ "session_id": parent, "messages": copied });
        let kind = EventType::Custom { kind: "forked_from".to_owned() };
        let event = self.event("forked-from", time, kind, "forked_from").with_content(Content::json(told));
        self.push(event)
    }

    /// Keeps a line that is no record, and warns of it.
    pub(super) fn unreadable(&mut self, line: u64, cause: &str, raw: Value) -> io::Result<()> {
        let time = self.time(None);
        self.warnings.push(Warning { line, cause: cause.to_owned() });
        self.push(super::log::unreadable(line, time, cause, raw))
    }

    /// Sends what still waits, and the header; the warnings are given back.
    pub(super) fn finish(mut self, id: SessionId) -> io::Result<Vec<Warning>> {
        while !self.waiting.is_empty() {
            self.send_first()?;
        }
        let facts = self.facts;
        let agent = Agent {
            provider: if facts.provider.is_empty() { "unknown".to_owned() } else { facts.provider },
            model: facts.model,
            tool: self.tool.to_owned(),
            tool_version: facts.version,
        };
        let began = facts.began.or(self.last_time).unwrap_or(Timestamp::EPOCH);
        let mut header = Header::new(id, agent, began);
        header.context.updated_at = facts.ended.unwrap_or(began).max(began);
        header.context.title = facts.title.or(self.prompt_title).unwrap_or_default();
        let role = if facts.parent.is_some() { "auxiliary" } else { "primary" };
        header.context.related_session_ids = facts.related;
        header.context.tags = facts.tags;
        let named = [
            (attribute::CWD, facts.cwd),
            (attribute::GIT_BRANCH, facts.branch),
            (attribute::PARENT_SESSION_ID, facts.parent),
            (attribute::SESSION_ROLE, Some(role.to_owned())),
        ];
        let named = named.into_iter().filter_map(|(key, value)| Some((key, Value::from(value?))));
        for (key, value) in named {
            header.context.attributes.insert(key.to_owned(), value);
        }
        for (key, value) in facts.attributes {
            header.context.attributes.insert(key.into_owned(), value);
        }
        self.sink.header(header)?;
        Ok(self.warnings)
    }

    fn flush(&mut self) -> io::Result<()> {
        while self.waiting.front().is_some_and(|front| !front.is_open) || self.waiting.len() > MAX_WAITING {
            self.send_first()?;
        }
        Ok(())
    }

    fn send_first(&mut self) -> io::Result<()> {
        match self.waiting.pop_front() {
            Some(first) => {
                self.first += 1;
                self.sink.event(sound(first.event, self.first))
            }
            None => Ok(()),
        }
    }
}

/// Gives an event that a log left without an id, or without what its kind needs, what HAIL asks for.
fn sound(mut event: Event, number: u64) -> Event {
    if event.event_id.is_empty() {
        event.event_id = format!("event-{number}");
    }
    if event.event_type.empty_field().is_some() {
        event.event_type = EventType::Custom { kind: "incomplete".to_owned() };
    }
    event
}

/// Turns an edit that failed into a plain call that keeps what was asked: no file was changed.
fn revoke(event: &mut Event) {
    let name = match &event.event_type {
        EventType::FileEdit { .. } => "edit",
        EventType::FileCreate { .. } => "write",
        EventType::FileDelete { .. } => "delete",
        _ => return,
    };
    if let EventType::FileEdit { path, diff } = &event.event_type {
        let asked = serde_json::json!({ "path": path, "diff": diff });
        event.content.blocks.insert(0, crate::hail::Block::Json { data: asked });
    } else if let EventType::FileDelete { path } = &event.event_type {
        event.content.blocks.insert(0, crate::hail::Block::Json { data: serde_json::json!({ "path": path }) });
    }
    event.event_type = EventType::ToolCall { name: name.to_owned() };
}
