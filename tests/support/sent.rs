//! A sink for parses that are put away and go on; the fuzz targets have it, too.

use std::io;

use git_session::hail::{Event, Header, Pause, Sink};

/// What a parse sends, up to a pause where there is one.
#[derive(Debug, Default, PartialEq)]
pub struct Sent {
    /// How it begins.
    pub header: Option<Header>,
    /// The events up to the pause, in the order in which they were sent.
    pub events: Vec<Event>,
    /// Where the parse was put away.
    pub pause: Option<Pause>,
}

impl Sink for Sent {
    fn header(&mut self, header: Header) -> io::Result<()> {
        self.header = Some(header);
        Ok(())
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        if self.pause.is_none() {
            self.events.push(event);
        }
        Ok(())
    }

    fn pause(&mut self, pause: Pause) -> io::Result<()> {
        self.pause = Some(pause);
        Ok(())
    }
}
