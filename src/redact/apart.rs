//! Finds values whose names stand apart from them: `{"name": "DB_PASSWORD", "value": …}`, outputs of Terraform, property
//! lists, attributes of XML, and the values of Kubernetes secrets, whose names say nothing.

use std::ops::Range;

use super::{Profile, assignment, command, value::is_stand_in, verdict};

/// How many bytes lie between a name and its value at most.
const MAX_GAP: usize = 160;

/// Names of the value beside a name.
const VALUES: [&[u8]; 6] = [b"value", b"Value", b"VALUE", b"default", b"<string>", b"string_value"];

/// Finds the value beside the name in which `keyword` lies.
pub(super) fn find(text: &str, keyword: &Range<usize>, reach: usize, profile: Profile) -> Option<Range<usize>> {
    let bytes = &text.as_bytes()[..text.len().min(keyword.end + reach)];
    let name = assignment::name_around(bytes, keyword)?;
    if !(is_named(&bytes[..name.start]) || opens_object(&bytes[name.end..])) {
        return None;
    }
    let gap = &bytes[name.end..bytes.len().min(name.end + MAX_GAP)];
    // Another entry, or another object, has other values.
    let closed = memchr::memchr2(b'}', b';', gap).unwrap_or(gap.len());
    let next = memchr::memmem::find(gap, b"- name").unwrap_or(gap.len());
    let gap = &gap[..closed.min(next)];
    let (at, word) = VALUES.iter().filter_map(|word| Some((memchr::memmem::find(gap, word)?, word.len()))).min()?;
    let start = name.end + at + word;
    let value = value_at(text, bytes, start, gap[at] == b'<')?;
    verdict::is_secret_under(&text[name], &text[value.clone()], profile).then_some(value)
}

/// Whether what follows is the value of a name or a key, or the name of an element with attributes.
fn is_named(before: &[u8]) -> bool {
    let signs = before.iter().rev().take(8).take_while(|byte| b"\"' \\:=>".contains(byte)).count();
    let before = &before[..before.len() - signs];
    let ends =
        |word: &[u8]| before.len() >= word.len() && before[before.len() - word.len()..].eq_ignore_ascii_case(word);
    (signs > 0 && (ends(b"name") || ends(b"key"))) || (signs == 0 && before.ends_with(b"<"))
}

/// Whether an object opens as the value of a name.
fn opens_object(after: &[u8]) -> bool {
    let signs = after.iter().take(8).take_while(|byte| b"\"' \\:=".contains(byte)).count();
    signs > 0 && after.get(signs) == Some(&b'{')
}

/// The value behind the word that names it.
fn value_at(text: &str, bytes: &[u8], start: usize, is_element: bool) -> Option<Range<usize>> {
    let is_sign = |byte: &u8| byte.is_ascii_whitespace() || b":=>\\".contains(byte);
    if is_element {
        let length = memchr::memchr(b'<', &bytes[start..])?;
        return Some(trimmed(text, start..start + length));
    }
    // The quote that closes the name of the value, the sign, and the quote that opens the value.
    let mut at = start + usize::from(matches!(bytes.get(start..), Some([b'\\', b'"', ..])));
    at += usize::from(bytes.get(at).is_some_and(|byte| b"\"'".contains(byte)));
    let signs = bytes.get(at..)?.iter().take(12).take_while(|byte| is_sign(byte)).count();
    if signs == 0 {
        return None;
    }
    at += signs;
    let slashes = bytes[..at].iter().rev().take(8).take_while(|byte| **byte == b'\\').count();
    if let Some(quoted) = command::quoted(bytes, at - slashes) {
        return Some(quoted);
    }
    let length = bytes[at..].iter().take_while(|byte| !byte.is_ascii_whitespace() && !b",}\"'".contains(byte)).count();
    Some(at..at + length)
}

fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let content = &text[range.clone()];
    let start = range.start + content.len() - content.trim_start().len();
    start..start + content.trim().len()
}

/// The values below `data:` and `stringData:` of the Kubernetes secret of which `keyword` is the line `kind: Secret`.
pub(super) fn manifest(text: &str, keyword: &Range<usize>, reach: usize) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let (from, to) = (keyword.start.saturating_sub(reach), bytes.len().min(keyword.end + reach));
    // A document of several ends at three dashes.
    let dashes = [&b"\n---"[..], b"\\n---"];
    let before = dashes.iter().filter_map(|dashes| memchr::memmem::rfind(&bytes[from..keyword.start], dashes)).max();
    let after = dashes.iter().filter_map(|dashes| memchr::memmem::find(&bytes[keyword.end..to], dashes)).min();
    let (from, to) = (before.map_or(from, |at| from + at), after.map_or(to, |at| keyword.end + at));
    let region = &bytes[from..to];
    let separator: &[u8] = if region.contains(&b'\n') { b"\n" } else { b"\\n" };
    let (mut found, mut at, mut data) = (Vec::new(), from, None);
    let ends = memchr::memmem::find_iter(region, separator).map(|end| from + end).chain([to]);
    for end in ends {
        let line = &bytes[at..end];
        let indent = line.iter().take_while(|byte| **byte == b' ').count();
        let content = line[indent..].trim_ascii();
        if data.is_some_and(|data| indent <= data) && !content.is_empty() {
            data = None;
        }
        if [&b"data:"[..], b"stringData:", b"\"data\": {", b"\"stringData\": {"].contains(&content) {
            data = Some(indent);
        } else if data.is_some() {
            let value = value_of(line).map(|value| at + value.start..at + value.end);
            found.extend(value.filter(|value| text.get(value.clone()).is_some_and(is_value)));
        }
        at = (end + separator.len()).min(to);
    }
    found
}

/// The value on a line of a manifest, without its quotes.
fn value_of(line: &[u8]) -> Option<Range<usize>> {
    let colon = memchr::memmem::find(line, b": ")? + 2;
    let is_content = |byte: &u8| !b" \"',\\\r".contains(byte);
    let start = line[colon..].iter().position(is_content)?;
    let end = line[colon..].iter().rposition(is_content)?;
    Some(colon + start..colon + end + 1)
}

fn is_value(value: &str) -> bool {
    value.len() >= 4 && !is_stand_in(value) && !value.starts_with(['|', '>', '#', '{'])
}
