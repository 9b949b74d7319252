//! A session on its way from a parser to its canonical bytes, in bounded memory.
//!
//! A parser sends events as soon as they are settled, not always in the order of time, and the
//! header when it knows it. Events are kept as canonical lines: in memory up to a bound, beyond that
//! in a temporary file without a name. What is kept for every event is 48 bytes and its id's hash.

use std::{
    collections::HashSet,
    fs::File,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, BufWriter, Read, Seek, SeekFrom, Write},
    sync::Arc,
};

use super::{Event, Header, Sink, Stats, StatsCollector, Timestamp, VERSION, attribute, writer};

/// How many bytes of lines stay in memory: 48 MiB.
const MAX_MEMORY: usize = 48 * 1024 * 1024;
/// How many bytes are written to the file at once.
const BLOCK: usize = 1024 * 1024;

/// A sink that keeps a session as canonical lines.
#[derive(Debug, Default)]
pub struct Spool {
    header: Option<Header>,
    memory: Vec<u8>,
    file: Option<File>,
    written: u64,
    places: Vec<Place>,
    seen: HashSet<u128>,
    stats: StatsCollector,
}

/// Where an event's line is, and what decides its place in the session.
#[derive(Clone, Copy, Debug)]
struct Place {
    time: Timestamp,
    offset: u64,
    length: u64,
    call: Call,
}

/// Whether an event is the call of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    No,
    Anonymous,
    /// The hash of its id.
    Named(u64),
}

impl Call {
    fn of(event: &Event) -> Self {
        let id = event.attributes.get(attribute::CALL_ID).and_then(serde_json::Value::as_str);
        #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
        match id {
            _ if !event.event_type.is_tool_call() => Self::No,
            Some(id) => Self::Named(hash(id) as u64),
            None => Self::Anonymous,
        }
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
    memory: Vec<u8>,
    file: Option<File>,
    written: u64,
    /// The events in the order of time, where they did not come in it.
    order: Option<Vec<Place>>,
}

impl Sink for Spool {
    fn header(&mut self, header: Header) -> io::Result<()> {
        self.header = Some(header);
        Ok(())
    }

    /// Takes an event; one whose id was already seen is dropped.
    fn event(&mut self, event: Event) -> io::Result<()> {
        if !self.seen.insert(hash(&event.event_id)) {
            return Ok(());
        }
        self.stats.add(&event);
        let start = self.memory.len();
        writer::event_line(&mut self.memory, &event)?;
        let call = Call::of(&event);
        let length = (self.memory.len() - start) as u64;
        self.places.push(Place { time: event.timestamp, offset: self.written + start as u64, length, call });
        if self.memory.len() > if self.file.is_some() { BLOCK } else { MAX_MEMORY } {
            self.spill()?;
        }
        Ok(())
    }
}

impl Spool {
    /// The session; `None` when there was no header or no event.
    ///
    /// # Errors
    /// Those of the temporary file.
    pub fn finish(self) -> io::Result<Option<Canonical>> {
        let Self { header, memory, mut file, written, mut places, mut stats, .. } = self;
        let Some(mut header) = header else { return Ok(None) };
        if let Some(file) = &mut file {
            file.write_all(&memory)?;
        }
        let is_sorted = places.is_sorted_by_key(|place| place.time);
        places.sort_by_key(|place| place.time);
        let [Some(first), Some(last)] = [places.first(), places.last()] else { return Ok(None) };
        VERSION.clone_into(&mut header.version);
        header.context.created_at = header.context.created_at.min(first.time);
        header.context.updated_at = header.context.updated_at.max(last.time);
        if !is_sorted {
            stats.count_calls(calls(&places));
        }
        let written = written + memory.len() as u64;
        let memory = if file.is_some() { Vec::new() } else { memory };
        let body = Body { memory, file, written, order: (!is_sorted).then_some(places) };
        Ok(Some(Canonical { header, stats: stats.stats(), body: Arc::new(body) }))
    }

    fn spill(&mut self) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(tempfile::tempfile()?),
        };
        file.write_all(&self.memory)?;
        self.written += self.memory.len() as u64;
        self.memory.clear();
        self.memory.shrink_to(2 * BLOCK);
        Ok(())
    }
}

/// How many calls there are: events that follow one another with one call id are one call.
fn calls(places: &[Place]) -> u64 {
    let mut last = Call::No;
    let mut count = 0;
    for call in places.iter().map(|place| place.call).filter(|call| *call != Call::No) {
        count += u64::from(call == Call::Anonymous || call != last);
        last = call;
    }
    count
}

/// The same on every machine and in every run.
fn hash(id: &str) -> u128 {
    let half = |seed: u8| {
        let mut hasher = DefaultHasher::new();
        (seed, id).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(0) << 64 | half(1)
}

impl Canonical {
    /// How many bytes [`Canonical::write`] writes.
    #[must_use]
    pub fn size(&self) -> u64 {
        let mut ends = Vec::new();
        let _ = writer::header_line(&mut ends, &self.header).and_then(|()| writer::stats_line(&mut ends, &self.stats));
        self.body.written + ends.len() as u64
    }

    /// Writes the canonical bytes.
    ///
    /// # Errors
    /// Those of `out` and of the temporary file.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writer::header_line(&mut *out, &self.header)?;
        match (&self.body.order, &self.body.file) {
            (None, None) => out.write_all(&self.body.memory)?,
            (None, Some(file)) => {
                let mut file = file;
                file.seek(SeekFrom::Start(0))?;
                io::copy(&mut file.take(self.body.written), out)?;
            }
            (Some(order), None) => {
                for place in order {
                    let range =
                        usize::try_from(place.offset).ok().zip(usize::try_from(place.offset + place.length).ok());
                    let line = range.and_then(|(start, end)| self.body.memory.get(start..end)).unwrap_or_default();
                    out.write_all(line)?;
                }
            }
            (Some(order), Some(file)) => {
                let mut file = file;
                let mut line = Vec::new();
                let mut at = u64::MAX;
                for place in order {
                    if at != place.offset {
                        file.seek(SeekFrom::Start(place.offset))?;
                    }
                    line.clear();
                    file.take(place.length).read_to_end(&mut line)?;
                    at = place.offset + place.length;
                    out.write_all(&line)?;
                }
            }
        }
        writer::stats_line(&mut *out, &self.stats)?;
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
