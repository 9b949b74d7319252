//! Finds secrets that stand below the name of their column: in tables of Markdown or of comma-separated values, and in
//! `INSERT` statements.

use std::ops::Range;

use super::{Profile, assignment, command, verdict};

/// How many rows are looked at.
const MAX_ROWS: usize = 64;

/// Finds the fields below the column in whose name `keyword` lies.
pub(super) fn find(text: &str, keyword: &Range<usize>, reach: usize, profile: Profile) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let Some(name) = assignment::name_around(bytes, keyword) else { return Vec::new() };
    // Most names are none of a column: no other name, and no border, follows them.
    let next = bytes[name.end..].iter().find(|byte| !b" \"`\\".contains(byte));
    if !matches!(next, Some(b'|' | b',' | b')' | b'\n')) {
        return Vec::new();
    }
    let from = keyword.start.saturating_sub(512);
    let line = memchr::memrchr(b'\n', &bytes[from..keyword.start]).map_or(from, |at| from + at + 1);
    let end = text.len().min(keyword.end + reach);
    let head = &bytes[line..name.start];
    let fields = if head.trim_ascii_start().starts_with(b"|") {
        below(bytes, line, &name, end, b'|')
    } else if is_header(&bytes[line..bytes.len().min(name.end + 64)]) {
        below(bytes, line, &name, end, b',')
    } else if let Some(open) = memchr::memrchr(b'(', head).filter(|_| has_insert(head)) {
        inserted(bytes, line + open, &name, end)
    } else {
        return Vec::new();
    };
    let is_secret = |range: &Range<usize>| {
        let value = text.get(range.clone()).unwrap_or_default();
        verdict::is_secret_under(text.get(name.clone()).unwrap_or_default(), value, profile) && command::is_given(value)
    };
    fields.into_iter().filter(is_secret).collect()
}

fn has_insert(head: &[u8]) -> bool {
    head.windows(7).any(|word| word.eq_ignore_ascii_case(b"insert ") || word.eq_ignore_ascii_case(b"replace"))
}

/// The fields below `name`, whose line begins at `line`, in rows that `sign` parts.
fn below(bytes: &[u8], line: usize, name: &Range<usize>, end: usize, sign: u8) -> Vec<Range<usize>> {
    let column = count(&bytes[line..name.start], sign);
    let (mut found, mut at) = (Vec::new(), line);
    for row in bytes[line..end].split(|byte| *byte == b'\n').take(MAX_ROWS) {
        if count(row, sign) < column.max(1) {
            break;
        }
        let mut from = at;
        for (number, field) in row.split(|byte| *byte == sign).enumerate() {
            if number == column && at > line {
                found.extend(trimmed(field).map(|range| from + range.start..from + range.end));
            }
            from += field.len() + 1;
        }
        at += row.len() + 1;
    }
    found
}

/// Whether a line is nothing but names of columns, parted by commas.
fn is_header(line: &[u8]) -> bool {
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default().trim_ascii_end();
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-\"".contains(byte);
    line.contains(&b',') && line.split(|byte| *byte == b',').all(|name| !name.is_empty() && name.iter().all(is_name))
}

/// The values of an `INSERT` in the column of `name`; its columns open at `open`.
fn inserted(bytes: &[u8], open: usize, name: &Range<usize>, end: usize) -> Vec<Range<usize>> {
    let column = count(&bytes[open..name.start], b',');
    let mut found = Vec::new();
    let Some(close) = memchr::memchr(b')', &bytes[name.end..end]) else { return found };
    let mut at = name.end + close + 1;
    for _ in 0..MAX_ROWS {
        let Some(next) = bytes[at..end].iter().take(64).position(|byte| *byte == b'(') else { break };
        at += next + 1;
        for number in 0.. {
            at += bytes[at..end].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            if let Some(string) = command::quoted(&bytes[..end], at) {
                at = string.end + 1;
                found.extend((number == column).then_some(string));
            }
            match bytes[at..end].iter().position(|byte| b",)".contains(byte)) {
                Some(skipped) if bytes[at + skipped] == b',' => at += skipped + 1,
                Some(skipped) => {
                    at += skipped + 1;
                    break;
                }
                None => return found,
            }
        }
    }
    found
}

fn count(bytes: &[u8], sign: u8) -> usize {
    memchr::memchr_iter(sign, bytes).count()
}

/// A field without the spaces and marks around it.
fn trimmed(field: &[u8]) -> Option<Range<usize>> {
    let is_content = |byte: &u8| !byte.is_ascii_whitespace() && !b"`*\"'".contains(byte);
    let start = field.iter().position(is_content)?;
    let end = field.iter().rposition(is_content)? + 1;
    Some(start..end)
}
