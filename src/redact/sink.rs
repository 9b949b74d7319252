//! Redacts events on their way into a spool, so that no unredacted line is ever kept.

use std::io;

use serde::{Deserialize, Serialize};

use super::{
    Profile, Redacted, Redactor, Summary,
    stream::{PausedStream, Stream},
    walk::Walker,
};
use crate::hail::{Canonical, Event, Header, Pause, PausedSpool, Sink, Spool};

/// A sink that redacts what it is given.
#[derive(Debug)]
pub struct RedactingSpool<'r> {
    redactor: &'r Redactor,
    stream: Stream<'r>,
    spool: Spool,
    summary: Summary,
    paused: Option<(Pause, PausedStream, Summary)>,
}

/// How the reading of a log stood, from the parser to the spool: another can go on from there. It holds
/// nothing unredacted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PausedReading {
    /// How the parser stood.
    pub parser: Pause,
    /// How the spool stood.
    pub spool: PausedSpool,
    stream: PausedStream,
    summary: Summary,
}

impl<'r> RedactingSpool<'r> {
    pub(super) fn new(redactor: &'r Redactor) -> Self {
        let (spool, summary) = (Spool::default(), Summary::default());
        Self { redactor, stream: Stream::new(redactor), spool, summary, paused: None }
    }

    pub(super) fn after(redactor: &'r Redactor, paused: PausedReading, lines: Vec<u8>) -> io::Result<(Self, Pause)> {
        let PausedReading { parser, spool, stream, summary } = paused;
        let (stream, spool) = (Stream::after(redactor, stream), Spool::after(spool, lines)?);
        Ok((Self { redactor, stream, spool, summary, paused: None }, parser))
    }

    /// The session; `None` when there was no header or no event.
    ///
    /// # Errors
    /// Those of the spool's temporary file.
    pub fn finish(self) -> io::Result<Option<Redacted<Canonical>>> {
        Ok(self.finish_paused()?.map(|(session, _)| session))
    }

    /// The session, and how the reading stood where it paused, if it can go on from there.
    ///
    /// # Errors
    /// Those of the spool's temporary file, and when what was read earlier would have to be different.
    pub fn finish_paused(mut self) -> io::Result<Option<(Redacted<Canonical>, Option<PausedReading>)>> {
        let rest = self.stream.finish(&mut self.summary);
        rest.into_iter().try_for_each(|event| self.spool.event(event))?;
        let Some((value, spool)) = self.spool.finish_paused()? else { return Ok(None) };
        let paused = self.paused.zip(spool);
        let paused = paused.map(|((parser, stream, summary), spool)| PausedReading { parser, spool, stream, summary });
        Ok(Some((Redacted { value, summary: self.summary }, paused)))
    }
}

impl Sink for RedactingSpool<'_> {
    fn header(&mut self, mut header: Header) -> io::Result<()> {
        self.redactor.header(&mut header, &mut self.summary);
        header.context.title = self.redactor.title(&header.context.title, &mut self.summary);
        self.spool.header(header)
    }

    fn event(&mut self, mut event: Event) -> io::Result<()> {
        self.redactor.images.apply(&mut event);
        if self.redactor.profile() == Profile::Off {
            return self.spool.event(event);
        }
        if self.stream.is_torn_by(&event) {
            return Err(io::Error::other("an event goes on with one that was redacted without it"));
        }
        let done = self.stream.next(event, &mut self.summary);
        done.into_iter().try_for_each(|event| self.spool.event(event))
    }

    fn pause(&mut self, mut pause: Pause) -> io::Result<()> {
        pause.held.iter_mut().for_each(|event| self.redactor.images.apply(event));
        self.redactor.images.json(&mut pause.state);
        let (mut stream, mut summary) = (PausedStream::default(), self.summary.clone());
        if self.redactor.profile() != Profile::Off {
            // Under another name, what comes later would not find what it belongs to.
            let Some(paused) = self.stream.pause(&mut pause.held, &mut summary) else { return Ok(()) };
            stream = paused;
            // What is in the state is counted where it becomes part of the session.
            let mut uncounted = Summary::default();
            let mut walker = Walker::new(self.redactor, &mut uncounted);
            walker.json(None, &mut pause.state, 0);
            if walker.has_renamed() {
                return Ok(());
            }
        }
        self.spool.pause();
        self.paused = Some((pause, stream, summary));
        Ok(())
    }
}
