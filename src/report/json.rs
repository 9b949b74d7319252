//! One JSON value, pretty-printed.

use std::io::Write;

use super::{Format, Report, Style, printable::escape_json, written};
use crate::error::Result;

/// The JSON format.
pub(super) struct Json;

impl Format for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn render(&self, report: &mut Report, _: Style, out: &mut dyn Write) -> Result<()> {
        let text = serde_json::to_string_pretty(&report.answer.json()).expect("a JSON value can be printed");
        written(writeln!(out, "{}", escape_json(&text)))
    }
}
