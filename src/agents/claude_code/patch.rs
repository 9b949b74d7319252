//! The diff of an edit: the hunks that the program recorded, else what was asked for.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::Value;

use super::{
    super::diff,
    records::{Fields, Text},
    tools::Arguments,
};

/// One hunk of `structuredPatch`, with the line numbers of the whole file.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Hunk<'a> {
    old_start: u64,
    old_lines: u64,
    new_start: u64,
    new_lines: u64,
    #[serde(borrow)]
    lines: Vec<Text<'a>>,
}

/// The diff that the result of an edit holds.
pub(super) fn recorded(path: &str, result: &Fields<'_>) -> Option<String> {
    let hunks: Vec<Hunk<'_>> = result.read("structuredPatch")?;
    let mut text = String::new();
    for hunk in &hunks {
        let Hunk { old_start, old_lines, new_start, new_lines, lines } = hunk;
        writeln!(text, "@@ -{old_start},{old_lines} +{new_start},{new_lines} @@").ok()?;
        for line in lines {
            text.push_str(line.as_str());
            text.push('\n');
        }
    }
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
