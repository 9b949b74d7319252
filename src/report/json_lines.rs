//! JSON, one item of a list a line.

use std::io::Write;

use serde_json::Value;

use super::{Format, Report, Style, written};
use crate::error::Result;

/// The JSONL format.
pub(super) struct JsonLines;

impl Format for JsonLines {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn render(&self, report: &mut Report, _: Style, out: &mut dyn Write) -> Result<()> {
        match report.answer.json() {
            Value::Array(items) => items.iter().try_for_each(|item| written(writeln!(out, "{item}"))),
            value => written(writeln!(out, "{value}")),
        }
    }
}
