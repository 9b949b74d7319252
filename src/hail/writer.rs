//! Writes the canonical form.

use std::io::{self, Write};

use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::{Block, Content, Event, Header, Sink, Stats, StatsCollector, json};

/// Writes a session line by line in canonical form; the statistics are computed on the way.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    stats: StatsCollector,
    line: Vec<u8>,
}

#[derive(Serialize)]
struct Tagged<'a, T> {
    r#type: &'static str,
    #[serde(flatten)]
    record: &'a T,
}

/// An event line without `flatten`, which would go through a map for every event.
#[derive(Serialize)]
struct EventLine<'a> {
    r#type: &'static str,
    event_id: &'a str,
    timestamp: super::Timestamp,
    event_type: &'a super::EventType,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<&'a str>,
    content: Spelled<'a, Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(skip_serializing_if = "super::Attributes::is_empty")]
    attributes: &'a super::Attributes,
}

/// Content whose texts are written as they are spelled, where that is known.
struct Spelled<'a, T: ?Sized>(&'a T);

impl Serialize for Spelled<'_, Content> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut content = serializer.serialize_struct("Content", 1)?;
        content.serialize_field("blocks", &Spelled(self.0.blocks.as_slice()))?;
        content.end()
    }
}

impl Serialize for Spelled<'_, [Block]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Spelled))
    }
}

impl Serialize for Spelled<'_, Block> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Block::Text { text } = self.0 else { return self.0.serialize(serializer) };
        let Some(spelling) = text.spelling() else { return self.0.serialize(serializer) };
        let mut block = serializer.serialize_struct("Block", 2)?;
        block.serialize_field("type", "Text")?;
        block.serialize_field("text", &json::Spelled(spelling))?;
        block.end()
    }
}

impl<W: Write> Writer<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        Self { out, stats: StatsCollector::default(), line: Vec::new() }
    }

    /// Writes one event.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write_event(&mut self, event: &Event) -> io::Result<()> {
        self.stats.add(event);
        event_line(&mut self.line, event)?;
        self.write_line()
    }

    /// Writes the statistics, flushes, and returns them.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<Stats> {
        let stats = self.stats.stats();
        stats_line(&mut self.line, &stats)?;
        self.write_line()?;
        self.out.flush()?;
        Ok(stats)
    }

    fn write_line(&mut self) -> io::Result<()> {
        self.out.write_all(&self.line)?;
        self.line.clear();
        Ok(())
    }
}

/// Writes the first line.
pub(super) fn header_line(out: &mut Vec<u8>, header: &Header) -> io::Result<()> {
    line(out, &Tagged { r#type: "header", record: header })
}

/// Writes the line of an event.
pub(super) fn event_line(out: &mut Vec<u8>, event: &Event) -> io::Result<()> {
    let record = EventLine {
        r#type: "event",
        event_id: &event.event_id,
        timestamp: event.timestamp,
        event_type: &event.event_type,
        task_id: event.task_id.as_deref(),
        content: Spelled(&event.content),
        duration_ms: event.duration_ms,
        attributes: &event.attributes,
    };
    line(out, &record)
}

/// Writes the last line.
pub(super) fn stats_line(out: &mut Vec<u8>, stats: &Stats) -> io::Result<()> {
    line(out, &Tagged { r#type: "stats", record: stats })
}

fn line(out: &mut Vec<u8>, record: &impl Serialize) -> io::Result<()> {
    json::write(out, record)?;
    out.push(b'\n');
    Ok(())
}

impl<W: Write> Sink for Writer<W> {
    fn header(&mut self, header: Header) -> io::Result<()> {
        let header = Header { version: super::VERSION.to_owned(), ..header };
        header_line(&mut self.line, &header)?;
        self.write_line()
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        self.write_event(&event)
    }
}
