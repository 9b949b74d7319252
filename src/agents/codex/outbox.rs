//! Holds events back until what belongs to them is known: the exit code, the success of a patch,
//! the token counts.

use std::{collections::VecDeque, io};

use serde::{Deserialize, Serialize};

use super::{
    changes,
    patch::{Change, Written},
};
use crate::{
    agents::Log,
    hail::{Event, Sink},
};

/// How many slots may wait. Beyond that the oldest leaves as it is: a background command that
/// never ends must not keep the rest of the session in memory.
const MAX_WAITING: usize = 1024;

/// How many bytes of the log the waiting slots may stand for: 32 MiB.
const MAX_BYTES: usize = 32 << 20;

/// Names a slot.
pub(super) type Slot = u64;

struct Waiting {
    events: Vec<Event>,
    /// What the call does to files, if it succeeds.
    changes: Vec<Change>,
    bytes: usize,
    holds: u8,
}

/// How the outbox stands, but for the events.
#[derive(Serialize, Deserialize)]
pub(super) struct Standing {
    first: Slot,
    next_bytes: usize,
    waiting: Vec<Counted>,
}

/// A slot without its events and its changes, which follow one another among those that are held.
#[derive(Serialize, Deserialize)]
struct Counted {
    events: usize,
    changes: Vec<Written>,
    bytes: usize,
    holds: u8,
}

/// Events on their way to the sink, in the order of the log.
pub(super) struct Outbox<'s> {
    sink: &'s mut dyn Sink,
    first: Slot,
    waiting: VecDeque<Waiting>,
    /// What the waiting slots stand for.
    bytes: usize,
    /// What the next slot will stand for.
    next_bytes: usize,
}

impl<'s> Outbox<'s> {
    pub(super) fn new(sink: &'s mut dyn Sink) -> Self {
        Self { sink, first: 0, waiting: VecDeque::new(), bytes: 0, next_bytes: 0 }
    }

    /// Notes the size of the line of which the next event is made.
    pub(super) fn weigh(&mut self, bytes: usize) {
        self.next_bytes = bytes;
    }

    /// Takes an event; it leaves when all of its `holds` are released.
    pub(super) fn push(&mut self, event: Event, holds: u8) -> Slot {
        let bytes = std::mem::take(&mut self.next_bytes);
        self.bytes += bytes;
        self.waiting.push_back(Waiting { events: vec![event], changes: Vec::new(), bytes, holds });
        self.first + self.waiting.len() as u64 - 1
    }

    /// The events of a slot, unless they have left.
    pub(super) fn events(&mut self, slot: Slot) -> Option<&mut Vec<Event>> {
        Some(&mut self.waiting(slot)?.events)
    }

    /// Keeps the changes that a call makes if it succeeds with its event: both leave together.
    pub(super) fn attach(&mut self, slot: Slot, changes: Vec<Change>) {
        if let Some(waiting) = self.waiting(slot) {
            waiting.changes = changes;
        }
    }

    /// The changes of a slot, unless they have left.
    pub(super) fn changes(&mut self, slot: Slot) -> Option<&mut Vec<Change>> {
        Some(&mut self.waiting(slot)?.changes)
    }

    /// Takes away one hold.
    pub(super) fn release(&mut self, slot: Slot) {
        if let Some(waiting) = self.waiting(slot) {
            waiting.holds = waiting.holds.saturating_sub(1);
        }
    }

    /// Sends what need not wait any more.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        while self.waiting.front().is_some_and(|front| front.holds == 0) || self.is_full() {
            self.send_first()?;
        }
        Ok(())
    }

    /// Tells the sink how things stand after the line that was read last; `known` is what the parser knows.
    pub(super) fn pause(&mut self, log: &Log<'_>, known: impl Serialize) -> io::Result<()> {
        let held = self.waiting.iter().flat_map(|slot| {
            let changes = changes::put_away(&slot.changes);
            slot.events.iter().cloned().chain(changes)
        });
        let counted = |slot: &Waiting| Counted {
            events: slot.events.len(),
            changes: slot.changes.iter().map(Change::written).collect(),
            bytes: slot.bytes,
            holds: slot.holds,
        };
        let waiting = self.waiting.iter().map(counted).collect();
        let standing = Standing { first: self.first, next_bytes: self.next_bytes, waiting };
        self.sink.pause(log.pause(held.collect(), (known, standing))?)
    }

    /// Goes on from there.
    pub(super) fn restore(&mut self, Standing { first, next_bytes, waiting }: Standing, held: Vec<Event>) {
        let mut held = held.into_iter();
        let slots = waiting.into_iter().map(|Counted { events, changes, bytes, holds }| {
            let events = held.by_ref().take(events).collect();
            let changes = changes.into_iter().zip(held.by_ref());
            let changes = changes.filter_map(|(written, event)| changes::take_up(event, written)).collect();
            Waiting { events, changes, bytes, holds }
        });
        self.waiting = slots.collect();
        self.bytes = self.waiting.iter().map(|slot| slot.bytes).sum();
        (self.first, self.next_bytes) = (first, next_bytes);
    }

    /// The first slot that has not left.
    pub(super) fn first(&self) -> Slot {
        self.first
    }

    /// Sends everything and gives the sink back.
    pub(super) fn finish(mut self) -> io::Result<&'s mut dyn Sink> {
        while !self.waiting.is_empty() {
            self.send_first()?;
        }
        Ok(self.sink)
    }

    fn send_first(&mut self) -> io::Result<()> {
        if let Some(front) = self.waiting.pop_front() {
            self.first += 1;
            self.bytes -= front.bytes;
            front.events.into_iter().try_for_each(|event| self.sink.event(event))?;
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.waiting.len() > MAX_WAITING || self.bytes > MAX_BYTES
    }

    fn waiting(&mut self, slot: Slot) -> Option<&mut Waiting> {
        let index = usize::try_from(slot.checked_sub(self.first)?).ok()?;
        self.waiting.get_mut(index)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{MAX_BYTES, Outbox};
    use crate::hail::{Event, EventType, Header, Sink, Timestamp};

    struct Ids(Vec<String>);

    impl Sink for Ids {
        fn header(&mut self, _: Header) -> io::Result<()> {
            Ok(())
        }

        fn event(&mut self, event: Event) -> io::Result<()> {
            self.0.push(event.event_id);
            Ok(())
        }
    }

    #[test]
    fn a_call_without_a_result_waits_until_too_much_waits_behind_it() {
        let mut ids = Ids(Vec::new());
        let mut outbox = Outbox::new(&mut ids);
        let mut push = |id: &str, bytes: usize, holds: u8| {
            outbox.weigh(bytes);
            outbox.push(Event::new(id, Timestamp::EPOCH, EventType::UserMessage), holds);
            outbox.flush().expect("memory does not fail");
            outbox.waiting.len()
        };
        assert_eq!(push("call", 100, 1), 1);
        assert_eq!(push("result of another", MAX_BYTES - 100, 0), 2);
        assert_eq!(push("one byte more", 1, 0), 0);
        assert_eq!(ids.0, ["call", "result of another", "one byte more"]);
    }
}
