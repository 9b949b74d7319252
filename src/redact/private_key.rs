//! Finds private keys in their armour.

use std::ops::Range;

/// The least of a key that is worth hiding, in bytes behind the armour's first line.
const LEAST_BODY: usize = 16;

/// Finds the block that begins at `start`: to its last line, or as far as it goes.
pub(super) fn find(text: &str, start: usize, reach: usize) -> Option<Range<usize>> {
    let bytes = &text.as_bytes()[start..text.len().min(start + reach)];
    let label = bytes.strip_prefix(b"-----BEGIN ")?;
    let dashes = memchr::memmem::find(&label[..label.len().min(64)], b"-----")?;
    let (label, body_start) = (&label[..dashes], 11 + dashes + 5);
    if !label.ends_with(b"PRIVATE KEY") && !label.ends_with(b"PRIVATE KEY BLOCK") {
        return None;
    }
    let body = &bytes[body_start..];
    let length = memchr::memmem::find(body, b"-----").unwrap_or(body.len());
    let armoured = |byte: &u8| {
        byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || b"+/=\\:,.-%()<>@\"'#|".contains(byte)
    };
    let length = body[..length].iter().take_while(|byte| armoured(byte)).count();
    let run =
        body[..length].split(|byte| !byte.is_ascii_alphanumeric() && !b"+/=".contains(byte)).map(<[u8]>::len).max();
    if run.unwrap_or(0) < LEAST_BODY {
        return None;
    }
    let end = body_start + length + end_line(&body[length..]).unwrap_or(0);
    Some(start..start + bytes[..end].trim_ascii_end().len()).map(|range| range.start..without_quote(text, range))
}

/// The length of a last line of armour.
fn end_line(rest: &[u8]) -> Option<usize> {
    let label = rest.strip_prefix(b"-----END ")?;
    memchr::memmem::find(&label[..label.len().min(64)], b"-----").map(|dashes| 9 + dashes + 5)
}

/// The end of a block that was cut off, without the quote that closes the string around it.
fn without_quote(text: &str, range: Range<usize>) -> usize {
    let block = text[range.clone()].trim_end_matches(['"', '\'', '\\', ',', ')', '.', '>', ' ']);
    range.start + block.len()
}
