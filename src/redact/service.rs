//! Finds values that stand behind the name of a service and a word for a credential, as in
//! `acme-api-token 0123…`: what a service's keys look like needs not be known for it.

use std::ops::Range;

use super::value::{changes_class, is_object_id, is_public, is_stand_in, is_unpronounceable, is_wordy, looks_random};

/// How many bytes lie between the name and the value at most.
const MAX_GAP: usize = 48;

/// How many words lie between the name and the value at most.
const MAX_WORDS: usize = 5;

/// Parts of words that announce a credential.
const CREDENTIALS: [&str; 9] = ["key", "token", "secret", "passw", "pwd", "access", "private", "auth", "cred"];

/// Words after which something else than a credential is told.
const OTHERS: [&str; 33] = [
    "commit",
    "sha",
    "sha1",
    "sha256",
    "hash",
    "digest",
    "checksum",
    "id",
    "ids",
    "uuid",
    "guid",
    "session",
    "request",
    "version",
    "model",
    "public",
    "count",
    "counts",
    "tokens",
    "usage",
    "file",
    "path",
    "url",
    "at",
    "from",
    "in",
    "is",
    "and",
    "to",
    "http",
    "https",
    "site",
    "publishable",
];

/// Finds the value behind `name`, at most `reach` bytes on. With `is_word` the name is also a common
/// word: then the credential has to follow at once, and the value has to look random unless they are
/// one word, as in `boxKey`.
pub(super) fn find(text: &str, name: &Range<usize>, reach: usize, is_word: bool) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    if name.start.checked_sub(1).is_some_and(|before| bytes[before].is_ascii_alphanumeric()) {
        return None;
    }
    let rest = &bytes[name.end..bytes.len().min(name.end + reach)];
    // Another word begins like the name, unless what follows is a word of its own, as in `acmekey`.
    let runs_on = rest.first().is_some_and(u8::is_ascii_lowercase) && bytes[name.end - 1].is_ascii_lowercase();
    if runs_on && !CREDENTIALS.iter().any(|word| rest.starts_with(word.as_bytes())) {
        return None;
    }
    let (gap, words) = gap(rest)?;
    let start = name.end + gap;
    let length = rest[gap..].iter().take_while(|byte| is_value_byte(**byte)).count();
    let value = text.get(start..start + length)?.trim_end_matches(['.', '-', '_', '/']);
    // What announces a public key may stand in the gap, as in `pk_live_…`.
    let token =
        start - rest[..gap].iter().rev().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let separators = rest[..gap].iter().filter(|byte| !byte.is_ascii_alphanumeric()).count();
    // The word may run into the value, as in `TOKEN12-34ab…`.
    let announced = is_credential(&rest[..gap]) || is_credential(letters(value.as_bytes()));
    let found = if is_word {
        let joined = words == 1 && rest.first().is_some_and(|byte| b"_-".contains(byte) || byte.is_ascii_alphabetic());
        announced
            && words <= 2
            && separators <= 4
            && ((joined && is_credible(value, 20)) || (looks_random(value) && !is_wordy(value)))
    } else if announced {
        is_credible(value, 10) && (!is_object_id(value) || words <= 2)
    } else {
        words == 0 && separators <= 4 && !rest[..gap].contains(&b'\n') && is_credible(value, 20)
    };
    (found && !is_stand_in(value) && !is_public(&text[token..])).then_some(start..start + value.len())
}

/// How far the value is, and how many words lie between.
fn gap(rest: &[u8]) -> Option<(usize, usize)> {
    let (mut at, mut words) = (0, 0);
    while at <= MAX_GAP && words <= MAX_WORDS {
        let skipped = rest[at..].iter().take_while(|byte| is_separator(**byte)).count();
        at += skipped;
        let piece = &rest[at..];
        let length = piece.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let word = &piece[..length];
        if length == 0 {
            return None;
        }
        // A digit, or a word longer than words are, begins the value.
        if word.iter().any(u8::is_ascii_digit) || (length >= 16 && !is_credential(word)) {
            return (at <= MAX_GAP).then_some((at, words));
        }
        let lower = word.to_ascii_lowercase();
        if OTHERS.iter().any(|other| lower == other.as_bytes()) || memchr::memmem::find(&lower, b"public").is_some() {
            return None;
        }
        at += length;
        words += 1;
    }
    None
}

fn is_separator(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"-_=:.\"'`>()[]{},|\\/".contains(&byte)
}

fn is_value_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.+/=~".contains(&byte)
}

fn letters(value: &[u8]) -> &[u8] {
    &value[..value.iter().take_while(|byte| byte.is_ascii_alphabetic()).count()]
}

fn is_credential(context: &[u8]) -> bool {
    let lower = context.to_ascii_lowercase();
    CREDENTIALS.iter().any(|word| memchr::memmem::find(&lower, word.as_bytes()).is_some())
        || lower.split(|byte| !byte.is_ascii_alphanumeric()).any(|word| word == b"pat")
}

/// Whether `value` is none of the words, names, versions, dates and paths that stand there else.
fn is_credible(value: &str, least: usize) -> bool {
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let one_word = digits + letters == value.len();
    let one_case =
        !value.bytes().any(|byte| byte.is_ascii_lowercase()) || !value.bytes().any(|byte| byte.is_ascii_uppercase());
    let date = value.len() >= 10
        && value.as_bytes()[..10].iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if value.len() < least || date {
        return false;
    }
    // A name of many words changes case where they meet, what a generator made changes oftener.
    let is_name =
        one_word && !one_case && digits < 3 && changes_class(value) * 2 < value.len() && !is_unpronounceable(value, 5);
    if is_name {
        return false;
    }
    match (digits, letters) {
        (0, _) => one_word && value.len() >= 20 && (one_case || is_unpronounceable(value, 4)),
        (_, 0) => one_word && value.len() >= 20,
        // A name with a number in it, as in `OAuth2Tests`, has fewer digits.
        _ if digits < 3 && value.len() < 20 => false,
        _ => !is_wordy(value) || (value.len() >= 20 && (one_word || (digits >= 8 && !value.contains(['_', '.', '/'])))),
    }
}
