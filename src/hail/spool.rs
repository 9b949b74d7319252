//! A session on its way from a parser to its canonical bytes, in bounded memory.
//!
//! A parser sends events as soon as they are settled, not always in the order of time, and the
//! header when it knows it. Events are kept as canonical lines: the first ones in memory up to a bound,
//! the others in a temporary file without a name. What is kept for every event is 24 bytes and its id's
//! hash.

use std::{
    io::{self, BufWriter, Write},
    ops::Range,
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{
    Event, Hashes, Header, Sink, Stats, StatsCollector, Timestamp, VERSION,
    arena::{Arena, BLOCK},
    hash,
    stats::Call,
    writer,
};

/// A sink that keeps a session as canonical lines.
#[derive(Debug, Default)]
pub struct Spool {
    header: Option<Header>,
    /// The last lines.
    block: Vec<u8>,
    /// The lines before them.
    lines: Arena,
    /// Those that an earlier spool had, where this one goes on from there.
    before: Option<Before>,
    places: Vec<Place>,
    seen: Hashes<()>,
    stats: StatsCollector,
    paused: Option<PausedSpool>,
}

/// Lines that are in their order already.
#[derive(Clone, Copy, Debug)]
struct Before {
    bytes: u64,
    last: Timestamp,
}

/// How a spool stood in the middle of a session: another can go on from there, given the lines.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PausedSpool {
    /// How many bytes the lines have.
    pub bytes: u64,
    /// How many events there were since the spool began.
    #[serde(skip)]
    events: usize,
    seen: Hashes<()>,
    stats: StatsCollector,
}

/// What decides about an event's place in the session.
#[derive(Clone, Copy, Debug)]
struct Place {
    time: Timestamp,
    /// How long its line is, in bytes.
    length: u32,
    call: Call,
}

/// A whole session in canonical form.
#[derive(Clone, Debug)]
pub struct Canonical {
    /// The first line.
    pub header: Header,
    /// The last line.
    pub stats: Stats,
    body: Arc<Body>,
}

#[derive(Debug)]
struct Body {
    lines: Arena,
    /// Where the lines are, in the order of time, where they did not come in it.
    order: Option<Vec<Range<u64>>>,
}

impl Sink for Spool {
    fn header(&mut self, header: Header) -> io::Result<()> {
        self.header = Some(header);
        Ok(())
    }

    /// Takes an event; one whose id was already seen is dropped.
    fn event(&mut self, event: Event) -> io::Result<()> {
        if self.seen.insert(hash(&event.event_id), ()).is_some() {
            return Ok(());
        }
        let call = self.stats.count(&event);
        let start = self.block.len();
        writer::event_line(&mut self.block, &event)?;
        let length = u32::try_from(self.block.len() - start).map_err(io::Error::other)?;
        self.places.push(Place { time: event.timestamp, length, call });
        if self.block.len() > BLOCK { self.lines.put(&mut self.block) } else { Ok(()) }
    }
}

impl Spool {
    /// Goes on from where another one stood, whose lines these are.
    ///
    /// # Errors
    /// Those of the temporary file.
    pub fn after(paused: PausedSpool, lines: Vec<u8>) -> io::Result<Self> {
        let PausedSpool { bytes, seen, mut stats, .. } = paused;
        stats.go_on();
        let (_, last) = stats.span().ok_or_else(|| io::Error::other("there was no event"))?;
        let (lines, before) = (Arena::after(lines)?, Some(Before { bytes, last }));
        Ok(Self { lines, before, seen, stats, ..Self::default() })
    }

    /// Notes how it stands.
    pub fn pause(&mut self) {
        let mut stats = self.stats.clone();
        if !self.is_sorted() {
            stats.recount_calls(sorted(&self.places).iter().map(|(place, _)| place.call));
        }
        let bytes = self.lines.written + self.block.len() as u64;
        self.paused = Some(PausedSpool { bytes, events: self.places.len(), seen: self.seen.clone(), stats });
    }

    /// The session; `None` when there was no header or no event.
    ///
    /// # Errors
    /// Those of the temporary file, and when an event comes before those of another spool that this one
    /// goes on from.
    pub fn finish(self) -> io::Result<Option<Canonical>> {
        Ok(self.finish_paused()?.map(|(session, _)| session))
    }

    /// The session, and how the spool stood where it paused: its lines then are the first lines of the
    /// session. Where later ones came in between there is no telling.
    ///
    /// # Errors
    /// Those of [`Self::finish`].
    pub fn finish_paused(mut self) -> io::Result<Option<(Canonical, Option<PausedSpool>)>> {
        let Some(mut header) = self.header.take() else { return Ok(None) };
        let Some((first, last)) = self.stats.span() else { return Ok(None) };
        let is_early = |place: &Place| self.before.is_some_and(|before| place.time < before.last);
        if self.places.iter().any(is_early) {
            return Err(io::Error::other("an event comes before those that were read earlier"));
        }
        let paused = self.paused.take().filter(|paused| {
            let (before, after) = self.places.split_at(paused.events);
            let last = before.iter().map(|place| place.time).max();
            after.iter().all(|place| last.is_none_or(|last| last <= place.time))
        });
        self.lines.put_last(std::mem::take(&mut self.block))?;
        VERSION.clone_into(&mut header.version);
        header.context.created_at = header.context.created_at.min(first);
        header.context.updated_at = header.context.updated_at.max(last);
        let order = (!self.is_sorted()).then(|| {
            let found = sorted(&self.places);
            self.stats.recount_calls(found.iter().map(|(place, _)| place.call));
            let start = self.before.map_or(0, |before| before.bytes);
            let at = |(place, offset): &(Place, u64)| start + offset..start + offset + u64::from(place.length);
            std::iter::once(0..start).chain(found.iter().map(at)).collect()
        });
        let body = Body { lines: self.lines, order };
        Ok(Some((Canonical { header, stats: self.stats.stats(), body: Arc::new(body) }, paused)))
    }

    fn is_sorted(&self) -> bool {
        self.places.is_sorted_by_key(|place| place.time)
    }
}

/// Finds the lines, one after the other, and sorts them by time.
fn sorted(places: &[Place]) -> Vec<(Place, u64)> {
    let mut end = 0;
    let find = |place: &Place| {
        let offset = end;
        end += u64::from(place.length);
        (*place, offset)
    };
    let mut found: Vec<(Place, u64)> = places.iter().map(find).collect();
    found.sort_by_key(|(place, _)| place.time);
    found
}

impl Canonical {
    /// How many bytes [`Canonical::write`] writes.
    #[must_use]
    pub fn size(&self) -> u64 {
        let mut ends = Vec::new();
        let _ = writer::header_line(&mut ends, &self.header).and_then(|()| writer::stats_line(&mut ends, &self.stats));
        self.body.lines.written + ends.len() as u64
    }

    /// Writes the canonical bytes.
    ///
    /// # Errors
    /// Those of `out` and of the temporary file.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut line = Vec::new();
        writer::header_line(&mut line, &self.header)?;
        out.write_all(&line)?;
        match &self.body.order {
            None => self.body.lines.write(out)?,
            Some(order) => self.body.lines.write_at(order.iter().cloned(), out)?,
        }
        line.clear();
        writer::stats_line(&mut line, &self.stats)?;
        out.write_all(&line)?;
        out.flush()
    }

    /// The canonical bytes, all in memory.
    ///
    /// # Errors
    /// Those of the temporary file.
    pub fn to_bytes(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.size()).unwrap_or_default());
        self.write(&mut BufWriter::new(&mut bytes))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::Spool;
    use crate::hail::{
        Agent, Content, Event, EventType, Header, Lines, Reader, Record, Sink, Timestamp, arena::MAX_MEMORY,
    };

    /// Every event has more than a block, so that both the memory and the file have some.
    fn spooled(order: &[u8]) -> Vec<u8> {
        let time = |second: u8| format!("2026-01-01T00:00:{second:02}Z").parse::<Timestamp>().expect("a time");
        let mut spool = Spool::default();
        let agent = Agent { provider: "p".to_owned(), model: "m".to_owned(), tool: "t".to_owned(), tool_version: None };
        spool.header(Header::new("long".parse().expect("an id"), agent, time(0))).expect("a header");
        for number in order {
            let text = number.to_string().repeat(2 * 1024 * 1024);
            let event = Event::new(format!("e{number}"), time(*number), EventType::UserMessage)
                .with_content(Content::text(text));
            spool.event(event).expect("an event");
        }
        spool.finish().expect("a file").expect("a session").to_bytes().expect("bytes")
    }

    #[test]
    fn what_does_not_fit_into_memory_comes_back_in_its_place() {
        let sorted: Vec<u8> = (10..45).collect();
        let bytes = spooled(&sorted);
        assert!(bytes.len() > MAX_MEMORY + MAX_MEMORY / 4);
        // Some of the file come first, and some of the memory last.
        let mixed: Vec<u8> = (30..45).rev().chain(10..30).collect();
        assert!(spooled(&mixed) == bytes, "the order of arrival makes a difference");
        let mut lines = Lines::new(bytes.as_slice());
        let mut reader = Reader::new(&mut lines);
        let mut ids = Vec::new();
        while let Some((_, record)) = reader.next_record().expect("a record") {
            if let Record::Event(event) = record {
                ids.push(event.event_id);
            }
        }
        assert_eq!(ids, sorted.iter().map(|number| format!("e{number}")).collect::<Vec<_>>());
    }
}
