//! Which events make up one answer of the model, and which of them bears its token counts.

use serde::{Deserialize, Serialize};

use super::{SCHEMA, outbox::Slot, parser::Parser, record::Payload, tokens::Usage};
use crate::hail::{Event, EventType, attribute};

/// The answer that is being read.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Answer {
    /// The name that its events share; none between answers.
    group: Option<String>,
    /// Its last event, held until the counts come.
    last: Option<Slot>,
    /// Whether a new request has begun and nothing came back yet.
    is_awaited: bool,
    /// Counts that came before the answer, as an event of their own so far.
    early: Option<(Usage, Slot)>,
}

impl Parser<'_> {
    /// Makes an event of the current record.
    pub(super) fn event(&mut self, kind: EventType, raw_type: impl Into<String>) -> Event {
        let id = match self.part {
            0 => format!("codex-{}", self.line),
            part => format!("codex-{}.{part}", self.line),
        };
        self.part += 1;
        let mut event = Event::new(id, self.clock, kind)
            .with(attribute::SCHEMA_VERSION, SCHEMA)
            .with(attribute::RAW_TYPE, raw_type.into());
        event.task_id.clone_from(&self.turn);
        event
    }

    /// Sends an event that is no part of an answer.
    pub(super) fn send(&mut self, event: Event) -> Slot {
        self.outbox.push(event, 0)
    }

    /// Sends an event of the model's answer; `holds` says whether it also waits for a result.
    pub(super) fn answer(&mut self, mut event: Event, holds: u8) -> Slot {
        if let Some(model) = &self.header.model {
            event = event.with(attribute::MODEL, model.as_str());
        }
        let line = self.line;
        let group = self.answer.group.get_or_insert_with(|| format!("answer-{line}"));
        event = event.with(attribute::GROUP_ID, group.as_str());
        self.answer.is_awaited = false;
        if let Some((usage, early)) = self.answer.early.take()
            && let Some(events) = self.outbox.events(early)
        {
            events.clear();
            self.outbox.release(early);
            usage.put_on(&mut event);
            return self.outbox.push(event, holds);
        }
        let slot = self.outbox.push(event, holds + 1);
        if let Some(last) = self.answer.last.replace(slot) {
            self.outbox.release(last);
        }
        slot
    }

    /// Ends the answer: a tool has returned, somebody else speaks, or a request begins.
    pub(super) fn end_answer(&mut self) {
        self.answer.group = None;
    }

    /// Notes that the model is being asked again, as a `turn_context` says in old versions.
    pub(super) fn begin_request(&mut self) {
        self.close_answer();
        self.answer.is_awaited = true;
    }

    /// Ends the answer and whatever waits for its counts.
    pub(super) fn close_answer(&mut self) {
        if let Some(last) = self.answer.last {
            self.outbox.release(last);
        }
        if let Some((_, slot)) = self.answer.early {
            self.outbox.release(slot);
        }
        self.answer = Answer::default();
    }

    /// Takes a `token_count`. Newer versions write it after the answer, older ones (to 0.47) after
    /// its reasoning and before its other items, or right after the `turn_context` where there is
    /// no reasoning. The counts go to the last event of the answer so far, in that last case to its
    /// first; where nothing was answered, to a `Custom` event. What it says about rate limits is
    /// the account's affair, not the session's, and is left out.
    pub(super) fn token_count(&mut self, payload: &mut Payload<'_>, flat: Option<Usage>) {
        let Some(usage) = self.meter.read(payload.info, flat).filter(|usage| !usage.is_zero()) else { return };
        if let Some(last) = self.answer.last.take()
            && let Some(event) = self.outbox.events(last).and_then(|events| events.last_mut())
        {
            usage.put_on(event);
            self.outbox.release(last);
            return;
        }
        let mut event = self.event(EventType::Custom { kind: "token_count".to_owned() }, "event_msg/token_count");
        usage.put_on(&mut event);
        if self.answer.is_awaited && self.answer.early.is_none() {
            let slot = self.outbox.push(event, 1);
            self.answer.early = Some((usage, slot));
        } else {
            self.send(event);
        }
    }
}
