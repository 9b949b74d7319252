//! Brings the records of a log into one well-formed session.

use std::{collections::HashSet, io};

use serde::{Deserialize, Serialize};

use super::{Event, Header, Session, StatsCollector, VERSION};

/// Where a parser sends what it reads.
pub trait Sink {
    /// Takes the header: exactly once, at the latest after the last event.
    ///
    /// # Errors
    /// Those of the output behind the sink.
    fn header(&mut self, header: Header) -> io::Result<()>;

    /// Takes one event, in the order of the log.
    ///
    /// # Errors
    /// Those of the output behind the sink.
    fn event(&mut self, event: Event) -> io::Result<()>;

    /// Hears how the parser stands in the middle of the log, where somebody asked for it.
    ///
    /// # Errors
    /// Those of the output behind the sink.
    fn pause(&mut self, _: Pause) -> io::Result<()> {
        Ok(())
    }
}

/// How a parse stands between two lines: another can begin there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    /// Where the next line begins, in bytes from the beginning of the log.
    pub offset: u64,
    /// How many lines come before it.
    pub lines: u64,
    /// The events that the parser has not sent, because a later line may change them.
    pub held: Vec<Event>,
    /// What it knows besides: its own affair. No text in it is compared with the log.
    pub state: serde_json::Value,
}

/// Collects a session in memory: sorts by time (stable), drops events whose id was already seen.
#[derive(Debug, Default)]
pub struct Assembly {
    header: Option<Header>,
    events: Vec<Event>,
    seen: HashSet<String>,
}

impl Sink for Assembly {
    fn header(&mut self, header: Header) -> io::Result<()> {
        self.header = Some(header);
        Ok(())
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        if self.seen.insert(event.event_id.clone()) {
            self.events.push(event);
        }
        Ok(())
    }
}

impl Assembly {
    /// The session, or `None` when the parser gave no header or no event.
    #[must_use]
    pub fn finish(self) -> Option<Session> {
        let Self { header, mut events, .. } = self;
        let mut header = header?;
        events.sort_by_key(|event| event.timestamp);
        let (first, last) = (events.first()?.timestamp, events.last()?.timestamp);
        VERSION.clone_into(&mut header.version);
        header.context.created_at = header.context.created_at.min(first);
        header.context.updated_at = header.context.updated_at.max(last);
        let mut stats = StatsCollector::default();
        for event in &events {
            stats.add(event);
        }
        Some(Session { header, events, stats: stats.stats() })
    }
}
