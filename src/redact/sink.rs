//! Redacts events on their way into a spool, so that no unredacted line is ever kept.

use std::io;

use super::{Redacted, Redactor, Summary};
use crate::hail::{Canonical, Event, Header, Sink, Spool};

/// A sink that redacts what it is given.
#[derive(Debug)]
pub struct RedactingSpool<'r> {
    redactor: &'r Redactor,
    spool: Spool,
    summary: Summary,
}

impl<'r> RedactingSpool<'r> {
    pub(super) fn new(redactor: &'r Redactor) -> Self {
        Self { redactor, spool: Spool::default(), summary: Summary::default() }
    }

    /// The session; `None` when there was no header or no event.
    ///
    /// # Errors
    /// Those of the spool's temporary file.
    pub fn finish(self) -> io::Result<Option<Redacted<Canonical>>> {
        let summary = self.summary;
        Ok(self.spool.finish()?.map(|value| Redacted { value, summary }))
    }
}

impl Sink for RedactingSpool<'_> {
    fn header(&mut self, mut header: Header) -> io::Result<()> {
        self.redactor.header(&mut header, &mut self.summary);
        self.spool.header(header)
    }

    fn event(&mut self, mut event: Event) -> io::Result<()> {
        self.redactor.event(&mut event, &mut self.summary);
        self.spool.event(event)
    }
}
