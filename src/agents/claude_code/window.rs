//! Holds events back until nothing that follows can change them: the exit code of a command, the
//! diff of an edit, what an answer cost.

use std::{
    collections::VecDeque,
    io,
    ops::{Index, IndexMut},
};

use serde::{Deserialize, Serialize};

use crate::hail::{Event, EventType, Sink, Timestamp};

/// How many bytes of log may wait as events. Beyond that the oldest leaves as it is: a command that
/// never comes back must not keep the rest of the session in memory.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What an event costs in memory besides its content, in bytes.
const OVERHEAD: usize = 512;

/// Events on their way to the sink, in the order of the log. An event is known by its index among
/// all events of the log.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Window {
    held: VecDeque<Held>,
    sent: usize,
    bytes: usize,
    began: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Held {
    #[serde(skip, default = "none")]
    event: Event,
    holds: u8,
    bytes: usize,
}

/// What stands for an event until it is put back.
fn none() -> Event {
    Event::new("", Timestamp::EPOCH, EventType::UserMessage)
}

impl Window {
    /// Puts the events that were held back into their places.
    pub(super) fn put_back(&mut self, events: Vec<Event>) {
        for (held, event) in self.held.iter_mut().zip(events) {
            held.event = event;
        }
    }

    /// Takes an event that was made of so many bytes, and returns its index.
    pub(super) fn push(&mut self, event: Event, bytes: usize) -> usize {
        let bytes = bytes + OVERHEAD;
        self.bytes += bytes;
        self.held.push_back(Held { event, holds: 0, bytes });
        self.end() - 1
    }

    /// The index that the next event will have.
    pub(super) fn end(&self) -> usize {
        self.sent + self.held.len()
    }

    /// The event, unless it has left.
    pub(super) fn get_mut(&mut self, index: usize) -> Option<&mut Event> {
        self.held(index).map(|held| &mut held.event)
    }

    /// The events that have not left.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Event> {
        self.held.iter().map(|held| &held.event)
    }

    /// The same, to be changed.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Event> {
        self.held.iter_mut().map(|held| &mut held.event)
    }

    /// Keeps an event from leaving until it is released as often.
    pub(super) fn hold(&mut self, index: usize) {
        if let Some(held) = self.held(index) {
            held.holds = held.holds.saturating_add(1);
        }
    }

    /// Takes a hold back.
    pub(super) fn release(&mut self, index: usize) {
        if let Some(held) = self.held(index) {
            held.holds = held.holds.saturating_sub(1);
        }
    }

    /// Sends what need not wait any more.
    pub(super) fn send_settled(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        while self.held.front().is_some_and(|held| held.holds == 0) {
            self.send_first(sink)?;
        }
        Ok(())
    }

    /// Sends everything.
    pub(super) fn send_all(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        while !self.held.is_empty() {
            self.send_first(sink)?;
        }
        Ok(())
    }

    /// Sends the oldest event.
    pub(super) fn send_first(&mut self, sink: &mut dyn Sink) -> io::Result<()> {
        let Some(Held { event, bytes, .. }) = self.held.pop_front() else { return Ok(()) };
        self.sent += 1;
        self.bytes -= bytes;
        self.began.get_or_insert(event.timestamp);
        sink.event(event)
    }

    /// The index of the oldest event where it has to leave to make room.
    pub(super) fn too_old(&self) -> Option<usize> {
        (self.bytes > MAX_BYTES).then_some(self.sent)
    }

    /// The time of the first event of all.
    pub(super) fn began(&self) -> Option<Timestamp> {
        self.began.or_else(|| Some(self.held.front()?.event.timestamp))
    }

    fn held(&mut self, index: usize) -> Option<&mut Held> {
        self.held.get_mut(index.checked_sub(self.sent)?)
    }
}

/// An event of the record that is being read, none of which has left.
impl Index<usize> for Window {
    type Output = Event;

    fn index(&self, index: usize) -> &Event {
        &self.held[index - self.sent].event
    }
}

impl IndexMut<usize> for Window {
    fn index_mut(&mut self, index: usize) -> &mut Event {
        &mut self.held[index - self.sent].event
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, Window};
    use crate::hail::{Assembly, Event, EventType, Timestamp};

    fn event(id: &str) -> Event {
        Event::new(id, Timestamp::EPOCH, EventType::UserMessage)
    }

    #[test]
    fn an_event_waits_for_every_hold_and_those_behind_it_wait_too() {
        let (mut window, mut sink) = (Window::default(), Assembly::default());
        let first = window.push(event("a"), 1);
        let second = window.push(event("b"), 1);
        window.hold(first);
        window.hold(first);
        window.release(first);
        window.send_settled(&mut sink).expect("memory takes all");
        assert!(window.get_mut(first).is_some() && window.get_mut(second).is_some());
        window.release(first);
        window.send_settled(&mut sink).expect("memory takes all");
        assert!(window.get_mut(first).is_none() && window.get_mut(second).is_none());
        assert_eq!(window.end(), 2);
    }

    #[test]
    fn only_the_oldest_has_to_leave_when_there_is_no_room() {
        let (mut window, mut sink) = (Window::default(), Assembly::default());
        let first = window.push(event("a"), MAX_BYTES / 2);
        let second = window.push(event("b"), MAX_BYTES / 2);
        assert_eq!(window.too_old(), Some(first));
        window.send_first(&mut sink).expect("memory takes all");
        assert_eq!(window.too_old(), None);
        assert!(window.get_mut(second).is_some());
    }
}
