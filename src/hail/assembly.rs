//! Brings the records of a log into one well-formed session.

use std::{collections::HashSet, io};

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
