//! The stored or canonical bytes of a session, where the answer is one.

use std::io::Write;

use super::{Format, Report, Style, printable::JsonEscaper};
use crate::error::{Error, Result};

/// The HAIL format.
pub(super) struct Hail;

impl Format for Hail {
    fn name(&self) -> &'static str {
        "hail"
    }

    fn render(&self, report: &mut Report, style: Style, out: &mut dyn Write) -> Result<()> {
        match report.hail.take() {
            // Canonical bytes are data for programs; a terminal would obey what is in them.
            Some(write) if style.is_terminal => write(&mut JsonEscaper::new(out)),
            Some(write) => write(out),
            None => Err(Error::usage("this answer is no session, so it has no HAIL form").hinted("use --format json")),
        }
    }
}
