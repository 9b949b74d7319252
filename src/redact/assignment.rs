//! Finds values that are assigned to a key whose name promises a secret, in any notation.

use std::ops::Range;

use super::{
    Profile,
    key_name::{Promise, promise},
    letters::is_no_word,
    notation::{Cursor, Notation},
    value::{
        changes_class, is_foreign_word, is_identifier_byte, is_object_id, is_passphrase, is_placeholder, is_public,
        is_record_id, is_stand_in, is_unpronounceable, is_word, is_wordy, looks_random,
    },
};

/// The longest name of a key, in bytes.
const MAX_NAME: usize = 80;

/// The shortest value that is a secret, in bytes.
const MIN_VALUE: usize = 4;

/// The longest value that is a secret rather than a document, in bytes.
pub(super) const MAX_VALUE: usize = 2048;

/// How many bytes of a value tell what it is.
const TELLING: usize = 256;

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
    let notation =
        if notation == Notation::Spoken && is_variable(&text[name.clone()]) { Notation::Directive } else { notation };
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
    (is_phrase || is_secret(promise, notation, found, profile)).then_some(value)
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
    (closed && is_secret(Promise::Perhaps, Notation::Quoted, text.get(value.clone())?, Profile::Default))
        .then_some(value)
}

/// Whether `value`, which a document stores under `key`, is a secret.
pub(super) fn is_secret_under(key: &str, value: &str, profile: Profile) -> bool {
    (MIN_VALUE..=MAX_VALUE).contains(&value.len())
        && promise(key, profile).is_some_and(|promise| is_secret(promise, Notation::Quoted, value, profile))
}

fn is_secret(promise: Promise, notation: Notation, value: &str, profile: Profile) -> bool {
    if value.len() > MAX_VALUE || is_public(value) || is_foreign_word(value) {
        return false;
    }
    let value = telling(value);
    // What takes longest comes last: few values are mixed enough to get there.
    let found = (looks_secret(promise, notation, value) && !is_placeholder(value))
        || (profile == Profile::Strict && may_be_secret(promise, notation, value) && !is_stand_in(value));
    let is_password = promise == Promise::Password;
    found && !is_record_id(value) && (notation == Notation::Quoted || !is_code(value, is_password))
}

/// The beginning of a value, which tells as much as the whole.
fn telling(value: &str) -> &str {
    let end = (0..=value.len().min(TELLING)).rev().find(|end| value.is_char_boundary(*end));
    &value[..end.unwrap_or(0)]
}

/// Whether `value` is mixed as secrets are, as much as its key and its notation leave in doubt.
fn looks_secret(promise: Promise, notation: Notation, value: &str) -> bool {
    let Mixture { digits, letters, symbols } = Mixture::of(value);
    let mixed = digits && letters && !is_wordy(value);
    let long = mixed && is_long(value);
    let firm = matches!(notation, Notation::Quoted | Notation::Tight);
    if notation == Notation::Directive {
        return mixed && value.len() >= 6 && is_given_alone(promise, value);
    }
    if notation == Notation::Spoken && promise == Promise::Password && value.len() >= 8 && mixed && symbols {
        return true;
    }
    match promise {
        Promise::Password if firm && is_no_word(value) => true,
        Promise::Password if firm => {
            value.len() >= 6
                && ((digits && letters) || symbols || is_unpronounceable(value, 4))
                && !is_plain_word(value.trim_end_matches(|c: char| c.is_ascii_punctuation()))
                && !(value.contains(['-', '_', '.', '/']) && is_wordy(value))
        }
        Promise::Password if notation == Notation::Bare => {
            looks_random(value)
                || (value.len() >= 8 && digits && letters && (symbols || changes_class(value) >= 3))
                || (value.len() >= 6 && !value.bytes().any(|byte| byte.is_ascii_uppercase()) && is_no_word(value))
        }
        Promise::Secret if firm => {
            (is_object_id(value) && digits)
                || looks_random(value)
                || (mixed && value.len() >= 8 && (changes_class(value) >= 2 || symbols || value.len() >= 16))
                || (value.len() >= 12 && is_unpronounceable(value, 5) && !value.contains(['_', '.', '/']))
        }
        Promise::Secret if notation == Notation::Bare => is_object_id(value) || looks_random(value) || long,
        Promise::Password | Promise::Secret => (mixed && looks_random(value)) || long,
        Promise::Perhaps => mixed && looks_random(value),
        Promise::Likely => (mixed && looks_random(value)) || (long && notation != Notation::Spoken),
    }
}

/// Whether `value`, which stands beside its name without a sign, is mixed enough to be no other word.
fn is_given_alone(promise: Promise, value: &str) -> bool {
    let is_password = Mixture::of(value).symbols || changes_class(value) >= 3 || is_unpronounceable(value, 5);
    looks_random(value)
        || is_object_id(value)
        || is_long(value)
        || (value.len() >= 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || (promise == Promise::Password && is_password)
}

/// Which kinds of letters a value has.
struct Mixture {
    digits: bool,
    letters: bool,
    symbols: bool,
}

impl Mixture {
    fn of(value: &str) -> Self {
        Self {
            digits: value.bytes().any(|byte| byte.is_ascii_digit()),
            letters: value.bytes().any(|byte| byte.is_ascii_alphabetic()),
            symbols: value.bytes().any(|byte| byte.is_ascii_punctuation() && !b"_-.,:;/".contains(&byte)),
        }
    }
}

/// Whether `value` is a word in small letters.
fn is_plain_word(value: &str) -> bool {
    !is_unpronounceable(value, 4) && value.bytes().all(|byte| byte.is_ascii_lowercase())
}

/// Whether `value` is so long that no person types it, and of one piece.
fn is_long(value: &str) -> bool {
    value.len() >= 20 && !is_object_id(value) && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Whether `value` may be a secret: also one that a person chose, and one that is short.
fn may_be_secret(promise: Promise, notation: Notation, value: &str) -> bool {
    let Mixture { digits, letters, symbols } = Mixture::of(value);
    let quoted = notation == Notation::Quoted;
    let fits = match promise {
        Promise::Password => value.len() >= 4 && !is_word(value),
        Promise::Secret => value.len() >= 6 && (digits || symbols || (quoted && value.len() >= 8)) && !is_word(value),
        Promise::Likely | Promise::Perhaps => {
            value.len() >= 8 && digits && letters && !is_object_id(value) && !is_wordy(value)
        }
    };
    fits && notation != Notation::Spoken
}

/// Whether a bare value is an expression of a programming language.
fn is_code(value: &str, may_have_signs: bool) -> bool {
    let identifier = |piece: &str| {
        piece.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_') && !looks_random(piece)
    };
    value.contains(['(', '[', '{', '|', '\\'])
        || (value.contains(['*', '&']) && !(may_have_signs && value.starts_with(|c: char| c.is_ascii_alphanumeric())))
        || value.contains("::")
        || value.contains("->")
        || (value.contains('.') && value.split('.').all(identifier))
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
