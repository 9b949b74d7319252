//! A session on its way from a parser to its canonical bytes, in bounded memory.
//!
//! A parser sends events as soon as they are settled, not always in the order of time, and the
//! header when it knows it. Events are kept as canonical lines: the first ones in memory up to a bound,
//! the others in a temporary file without a name. What is kept for every event is 24 bytes and its id's
//! hash.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write},
    ops::Deref,
    sync::Arc,
};

use memmap2::MmapMut;

use super::{Event, Hashes, Header, Sink, Stats, StatsCollector, Timestamp, VERSION, attribute, hash, writer};

/// How many bytes of lines stay in memory: 48 MiB.
const MAX_MEMORY: usize = 48 * 1024 * 1024;
/// How many bytes are put aside at once: few enough to stay in the processor's cache.
const BLOCK: usize = 256 * 1024;

/// A sink that keeps a session as canonical lines.
#[derive(Debug, Default)]
pub struct Spool {
    header: Option<Header>,
    /// The last lines.
    block: Vec<u8>,
    /// The lines before them.
    lines: Lines,
    places: Vec<Place>,
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

/// Where the line of an event is.
#[derive(Debug)]
struct Found {
    place: Place,
    offset: u64,
}

/// Whether an event is the call of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    No,
    Anonymous,
    /// Half of the hash of its id, which is compared with its neighbours'.
    Named(u32),
}

impl Call {
    fn of(event: &Event) -> Self {
        if !event.event_type.is_tool_call() {
            return Self::No;
        }
        let id = event.attributes.get(attribute::CALL_ID).and_then(serde_json::Value::as_str);
        #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
        id.map_or(Self::Anonymous, |id| Self::Named(hash(id) as u32))
    }
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
    lines: Lines,
    /// The events in the order of time, where they did not come in it.
    order: Option<Vec<Found>>,
}

/// Lines, one after the other: some in memory, and after them a file.
#[derive(Debug, Default)]
struct Lines {
    memory: Memory,
    file: Option<File>,
    in_memory: usize,
    written: u64,
}

#[derive(Debug)]
enum Memory {
    /// The only block.
    Block(Vec<u8>),
    Mapped(MmapMut),
}

impl Default for Memory {
    fn default() -> Self {
        Self::Block(Vec::new())
    }
}

impl Memory {
    /// Of every page that is touched the system clears a small one at a time, which costs more than to
    /// write it, unless it is told that large ones are welcome.
    fn map() -> io::Result<MmapMut> {
        let memory = MmapMut::map_anon(MAX_MEMORY)?;
        #[cfg(target_os = "linux")]
        // A system without large pages has small ones.
        let _ = memory.advise(memmap2::Advice::HugePage);
        Ok(memory)
    }

    /// Writes `bytes` at `start`.
    fn put(&mut self, start: usize, bytes: &[u8]) -> io::Result<()> {
        if let Self::Block(_) = self {
            *self = Self::Mapped(Self::map()?);
        }
        if let Self::Mapped(memory) = self {
            memory[start..start + bytes.len()].copy_from_slice(bytes);
        }
        Ok(())
    }
}

impl Deref for Memory {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Block(bytes) => bytes,
            Self::Mapped(bytes) => bytes,
        }
    }
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
        self.stats.add(&event);
        let start = self.block.len();
        writer::event_line(&mut self.block, &event)?;
        let call = Call::of(&event);
        let length = u32::try_from(self.block.len() - start).map_err(io::Error::other)?;
        self.places.push(Place { time: event.timestamp, length, call });
        if self.block.len() > BLOCK { self.lines.put(&mut self.block) } else { Ok(()) }
    }
}

impl Spool {
    /// The session; `None` when there was no header or no event.
    ///
    /// # Errors
    /// Those of the temporary file.
    pub fn finish(self) -> io::Result<Option<Canonical>> {
        let Self { header, block, mut lines, places, mut stats, seen } = self;
        drop(seen);
        let Some(mut header) = header else { return Ok(None) };
        lines.put_last(block)?;
        let times = || places.iter().map(|place| place.time);
        let (Some(first), Some(last)) = (times().min(), times().max()) else { return Ok(None) };
        VERSION.clone_into(&mut header.version);
        header.context.created_at = header.context.created_at.min(first);
        header.context.updated_at = header.context.updated_at.max(last);
        let order = (!times().is_sorted()).then(|| sorted(places));
        if let Some(order) = &order {
            stats.count_calls(calls(order));
        }
        let body = Body { lines, order };
        Ok(Some(Canonical { header, stats: stats.stats(), body: Arc::new(body) }))
    }
}

impl Lines {
    /// Puts `block` aside and leaves it empty.
    fn put(&mut self, block: &mut Vec<u8>) -> io::Result<()> {
        self.written += block.len() as u64;
        let end = self.in_memory + block.len();
        if self.file.is_none() && end <= MAX_MEMORY {
            self.memory.put(self.in_memory, block)?;
            self.in_memory = end;
        } else {
            let file = match &mut self.file {
                Some(file) => file,
                None => self.file.insert(tempfile::tempfile()?),
            };
            file.write_all(block)?;
        }
        block.clear();
        block.shrink_to(2 * BLOCK);
        Ok(())
    }

    /// Puts the last block aside, which may be the only one.
    fn put_last(&mut self, mut block: Vec<u8>) -> io::Result<()> {
        if self.written > 0 || block.len() > MAX_MEMORY {
            return self.put(&mut block);
        }
        (self.written, self.in_memory) = (block.len() as u64, block.len());
        self.memory = Memory::Block(block);
        Ok(())
    }

    /// Writes them all.
    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&self.memory[..self.in_memory])?;
        let Some(mut file) = self.file.as_ref() else { return Ok(()) };
        file.seek(SeekFrom::Start(0))?;
        let mut rest = BufReader::with_capacity(BLOCK, file.take(self.written - self.in_memory as u64));
        while let block @ [_, ..] = rest.fill_buf()? {
            out.write_all(block)?;
            let written = block.len();
            rest.consume(written);
        }
        Ok(())
    }

    /// Writes those that were found, in that order.
    fn write_at(&self, found: &[Found], out: &mut dyn Write) -> io::Result<()> {
        let mut line = Vec::new();
        let mut at = u64::MAX;
        for Found { place, offset } in found {
            match self.file.as_ref() {
                Some(mut file) if *offset >= self.in_memory as u64 => {
                    if at != *offset {
                        file.seek(SeekFrom::Start(offset - self.in_memory as u64))?;
                    }
                    line.clear();
                    file.take(place.length.into()).read_to_end(&mut line)?;
                    at = offset + u64::from(place.length);
                    out.write_all(&line)?;
                }
                _ => {
                    let from = usize::try_from(*offset).map_err(io::Error::other)?;
                    out.write_all(&self.memory[from..from + place.length as usize])?;
                }
            }
        }
        Ok(())
    }
}

/// Finds the lines, one after the other, and sorts them by time.
fn sorted(places: Vec<Place>) -> Vec<Found> {
    let mut end = 0;
    let find = |place: Place| {
        let offset = end;
        end += u64::from(place.length);
        Found { place, offset }
    };
    let mut found: Vec<Found> = places.into_iter().map(find).collect();
    found.sort_by_key(|found| found.place.time);
    found
}

/// How many calls there are: events that follow one another with one call id are one call.
fn calls(found: &[Found]) -> u64 {
    let mut last = Call::No;
    let mut count = 0;
    for call in found.iter().map(|found| found.place.call).filter(|call| *call != Call::No) {
        count += u64::from(call == Call::Anonymous || call != last);
        last = call;
    }
    count
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
            Some(order) => self.body.lines.write_at(order, out)?,
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
    use super::{MAX_MEMORY, Spool};
    use crate::hail::{Agent, Content, Event, EventType, Header, Lines, Reader, Record, Sink, Timestamp};

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
