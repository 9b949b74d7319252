//! JSON, one item of a list a line.

use std::io::Write;

use serde_json::Value;

use super::{Format, Report, Style, printable::escape_json, written};
use crate::error::Result;

/// The JSONL format.
pub(super) struct JsonLines;

impl Format for JsonLines {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn render(&self, report: &mut Report, _: Style, out: &mut dyn Write) -> Result<()> {
        match report.answer.json() {
            Value::Array(items) => items.iter().try_for_each(|item| line(out, item)),
            value => line(out, &value),
        }
    }
}

fn line(out: &mut dyn Write, item: &Value) -> Result<()> {
    written(writeln!(out, "{}", escape_json(&item.to_string())))
}
