//! The diff of an edit: the hunks that the program recorded, else what was asked for.

use std::borrow::Cow;

use serde_json::Value;

use super::{super::diff, records::Fields, tools::Arguments};
use crate::hail::Scanner;

/// One hunk of `structuredPatch`, with the line numbers of the whole file.
#[derive(Default)]
struct Hunk<'a> {
    old_start: Option<u64>,
    old_lines: Option<u64>,
    new_start: Option<u64>,
    new_lines: Option<u64>,
    lines: Vec<Cow<'a, str>>,
}

impl<'a> Hunk<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Option<Self> {
        let mut hunk = Self::default();
        scanner.object(|scanner, key| {
            match key {
                "oldStart" => hunk.old_start = Some(scanner.count()?),
                "oldLines" => hunk.old_lines = Some(scanner.count()?),
                "newStart" => hunk.new_start = Some(scanner.count()?),
                "newLines" => hunk.new_lines = Some(scanner.count()?),
                "lines" => scanner.array(|scanner| {
                    hunk.lines.push(scanner.string()?);
                    Some(())
                })?,
                _ => scanner.skip()?,
            }
            Some(())
        })?;
        Some(hunk)
    }

    fn write(&self, text: &mut String) -> Option<()> {
        let [old_start, old_lines] = [self.old_start?, self.old_lines?];
        let [new_start, new_lines] = [self.new_start?, self.new_lines?];
        text.push_str(&format!("@@ -{old_start},{old_lines} +{new_start},{new_lines} @@\n"));
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        Some(())
    }
}

/// The diff that the result of an edit holds.
pub(super) fn recorded(path: &str, result: &Fields<'_>) -> Option<String> {
    let mut text = String::new();
    let hunks = |scanner: &mut Scanner<'_>| scanner.array(|scanner| Hunk::read(scanner)?.write(&mut text));
    Scanner::whole(result.raw("structuredPatch")?, hunks)?;
    (!text.is_empty()).then(|| diff::with_header(path, &text))
}

/// The diff that an edit's arguments amount to; its line numbers are those of the replaced text.
pub(super) fn requested(path: &str, arguments: &Arguments, result: Option<&Fields<'_>>) -> Option<String> {
    let text = |from: &Arguments, key: &str| from.get(key).and_then(Value::as_str).map(str::to_owned);
    let pair = |edit: &Arguments| Some(diff::hunks(&text(edit, "old_string")?, &text(edit, "new_string")?));
    let hunks = if let Some(edits) = arguments.get("edits").and_then(Value::as_array) {
        edits.iter().filter_map(Value::as_object).filter_map(pair).collect()
    } else if let Some(new) = text(arguments, "new_source") {
        let old = result.and_then(|result| result.text("old_source")).unwrap_or_default();
        diff::hunks(&old, &new)
    } else {
        pair(arguments)?
    };
    let diff = diff::with_header(path, &hunks);
    (!diff.is_empty()).then_some(diff)
}

/// The diff of a file that was overwritten.
pub(super) fn overwritten(path: &str, content: &str, result: &Fields<'_>) -> Option<String> {
    recorded(path, result).or_else(|| {
        let diff = diff::unified(path, &result.text("originalFile")?, content);
        (!diff.is_empty()).then_some(diff)
    })
}
