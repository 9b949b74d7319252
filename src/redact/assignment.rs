//! Finds values that are assigned to a key whose name promises a secret, in any notation.

use std::ops::Range;

use super::{
    Profile,
    key_name::{Promise, promise},
    notation::{Cursor, MAX_VALUE, Notation},
    value::{is_identifier_byte, is_passphrase},
    verdict::Place,
};

/// The longest name of a key, in bytes.
const MAX_NAME: usize = 80;

/// Finds the value assigned to the key in which `keyword` lies, at most `reach` bytes on; the first one
/// when it is a list, of which `find_next` finds the others.
pub(super) fn find(text: &str, keyword: &Range<usize>, reach: usize, profile: Profile) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let name = name_around(bytes, keyword)?;
    let mut cursor = Cursor { bytes: &bytes[..bytes.len().min(name.end + reach)], at: name.end };
    let opened_by = name.start.checked_sub(1).map(|at| bytes[at]);
    if is_test_result(bytes, &name) {
        return None;
    }
    let is_option = text[name.clone()].starts_with('-');
    let operator = cursor.operator(opened_by, is_option).or_else(|| {
        cursor.at = name.end;
        cursor.spoken(begins_line(bytes, name.start))
    });
    let (notation, quote) = operator?;
    // Looked at only now: most keywords are not in front of an operator.
    let promise = promise(&text[name.clone()], profile)?;
    let is_variable = is_variable(&text[name.clone()]);
    let notation = if notation == Notation::Spoken && is_variable { Notation::Directive } else { notation };
    if notation == Notation::Directive && !matches!(promise, Promise::Password | Promise::Secret) {
        return None;
    }
    let mut value = cursor.value(notation, quote)?;
    if opened_by == Some(b'/') && notation != Notation::Quoted {
        // A user name in a URL: behind the value comes the host.
        value.end = memchr::memchr(b'@', &bytes[value.clone()]).map_or(value.end, |at| value.start + at);
    }
    let found = text.get(value.clone())?;
    let is_phrase = promise == Promise::Password
        && is_set(&text[name.clone()], &bytes[name.end..value.start])
        && is_passphrase(found);
    (is_phrase || Place { promise, notation, is_variable }.has_secret(found, profile)).then_some(value)
}

/// Whether `name` is a variable that a shell or a file of settings sets to a quoted value: `NAME="value"`.
fn is_set(name: &str, sign: &[u8]) -> bool {
    !name.bytes().any(|byte| byte.is_ascii_lowercase())
        && matches!(sign, [b'=', quote @ ..] if matches!(quote, [.., b'"' | b'\''] if quote.len() <= 3))
}

/// Finds the next value of a list behind the one at `value`.
pub(super) fn find_next(text: &str, value: &Range<usize>) -> Option<Range<usize>> {
    let mut cursor = Cursor { bytes: &text.as_bytes()[..text.len().min(value.end + MAX_VALUE)], at: value.end };
    let quote = cursor.quote()?;
    let listed = cursor.take(b",");
    cursor.spaces();
    let next = cursor.quote().filter(|next| listed && *next == quote)?;
    let value = cursor.value(Notation::Quoted, Some(next))?;
    // In an object, a key would come next.
    let closed = !matches!(text.as_bytes().get(value.end + quote.len()), Some(b':' | b'=' | b' '));
    let place = Place { promise: Promise::Perhaps, notation: Notation::Quoted, is_variable: false };
    (closed && place.has_secret(text.get(value.clone())?, Profile::Default)).then_some(value)
}

/// Whether `name` is written as variables of the environment are.
fn is_variable(name: &str) -> bool {
    name.contains('_') && !name.bytes().any(|byte| byte.is_ascii_lowercase())
}

/// Whether `name` tells that a test passed, as `--- PASS: TestName` does.
fn is_test_result(bytes: &[u8], name: &Range<usize>) -> bool {
    let before = &bytes[..name.start];
    &bytes[name.clone()] == b"PASS"
        && bytes[name.end..].starts_with(b": ")
        && (before.is_empty() || before.ends_with(b"\n") || before.ends_with(b"--- "))
}

/// Whether nothing but spaces stands before `at` on its line.
fn begins_line(bytes: &[u8], at: usize) -> bool {
    let before = bytes[..at].iter().rev().take(32).find(|byte| !b" \t".contains(byte));
    matches!(before, None | Some(b'\n'))
}

/// The identifier around `keyword`.
pub(super) fn name_around(bytes: &[u8], keyword: &Range<usize>) -> Option<Range<usize>> {
    let before =
        bytes[..keyword.start].iter().rev().take(MAX_NAME).take_while(|byte| is_identifier_byte(**byte)).count();
    let after = bytes[keyword.end..].iter().take(MAX_NAME).take_while(|byte| is_identifier_byte(**byte)).count();
    let (mut start, end) = (keyword.start - before, keyword.end + after);
    // The letter of an escape such as \n belongs to no name.
    if start > 0 && bytes[start - 1] == b'\\' && start < keyword.start && matches!(bytes[start], b'n' | b'r' | b't') {
        start += 1;
    }
    (before < MAX_NAME && after < MAX_NAME).then_some(start..end)
}
