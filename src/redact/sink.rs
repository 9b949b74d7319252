//! Redacts events on their way into a spool, so that no unredacted line is ever kept.

use std::io;

use super::{Profile, Redacted, Redactor, Summary, stream::Stream};
use crate::hail::{Canonical, Event, Header, Sink, Spool};

/// A sink that redacts what it is given.
#[derive(Debug)]
pub struct RedactingSpool<'r> {
    redactor: &'r Redactor,
    stream: Stream<'r>,
    spool: Spool,
    summary: Summary,
}

impl<'r> RedactingSpool<'r> {
    pub(super) fn new(redactor: &'r Redactor) -> Self {
        Self { redactor, stream: Stream::new(redactor), spool: Spool::default(), summary: Summary::default() }
    }

    /// The session; `None` when there was no header or no event.
    ///
    /// # Errors
    /// Those of the spool's temporary file.
    pub fn finish(mut self) -> io::Result<Option<Redacted<Canonical>>> {
        let rest = self.stream.finish(&mut self.summary);
        rest.into_iter().try_for_each(|event| self.spool.event(event))?;
        let summary = self.summary;
        Ok(self.spool.finish()?.map(|value| Redacted { value, summary }))
    }
}

impl Sink for RedactingSpool<'_> {
    fn header(&mut self, mut header: Header) -> io::Result<()> {
        self.redactor.header(&mut header, &mut self.summary);
        self.spool.header(header)
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        if self.redactor.profile() == Profile::Off {
            return self.spool.event(event);
        }
        let done = self.stream.next(event, &mut self.summary);
        done.into_iter().try_for_each(|event| self.spool.event(event))
    }
}
