//! Finds the secrets that a command line gives to a program: as a word behind an option, as a part of an option, at
//! its place among the words, or printed into the program by another.

use std::ops::Range;

use super::value::is_placeholder;

/// How many words of a command are looked at.
const MAX_WORDS: usize = 40;

/// The shortest secret, in bytes.
const MIN_VALUE: usize = 4;

/// Programs that print their words.
const PRINTERS: [&str; 3] = ["echo", "printf", "Write-Output"];

/// Finds the first secret among the words behind a program's name; `options` says where it may stand:
/// `-p _` behind an option, `-p_` within one, `-u *:_` behind a user's name, `-passin pass:_` behind a prefix,
/// `#2` as the second word that is no option.
pub(super) fn find(text: &str, keyword: &Range<usize>, reach: usize, options: &[String]) -> Option<Range<usize>> {
    let bytes = &text.as_bytes()[..text.len().min(keyword.end + reach)];
    let spaces = text[keyword.clone()].len() - text[keyword.clone()].trim_end_matches([' ', '-']).len();
    let rest = bytes[keyword.end..].iter().take(32);
    let name = rest.take_while(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte)).count();
    let mut words = Words { bytes, at: if spaces > 0 { keyword.end - spaces } else { keyword.end + name } };
    // A name in quotes is the first string of an array of words.
    words.at += usize::from(bytes.get(words.at).is_some_and(|byte| b"\"'".contains(byte)));
    if !matches!(bytes.get(words.at), Some(b' ' | b'\t' | b',')) {
        return None;
    }
    let mut place = 0;
    for _ in 0..MAX_WORDS {
        let word = words.next()?;
        let content = text.get(word.clone())?;
        place += usize::from(!content.starts_with(['-', '/']));
        for option in options {
            let found = match option.strip_prefix('#') {
                Some(place_and_form) => {
                    let (number, form) = place_and_form.split_once(' ').unwrap_or((place_and_form, "_"));
                    let is_it = !content.starts_with(['-', '/']) && number.parse() == Ok(place);
                    if is_it { of_form(text, word.clone(), form) } else { None }
                }
                None => behind_option(text, &word, option, &words),
            };
            if let Some(found) = found.filter(|found| is_given(&text[found.clone()])) {
                return Some(found);
            }
        }
    }
    None
}

/// The secret that `option` gives at `word`.
fn behind_option(text: &str, word: &Range<usize>, option: &str, words: &Words<'_>) -> Option<Range<usize>> {
    let content = &text[word.clone()];
    // Most words are another option or none: told by their first letter, which costs far less than taking both apart.
    let first = option.as_bytes().first();
    if !matches!(first, Some(b'*' | b'_')) && first != content.as_bytes().first() {
        return None;
    }
    let (value, form) = match option.split_once(' ') {
        Some((option, form)) if content == option => (words.clone().next()?, form),
        Some((option, form)) => {
            let rest = content.strip_prefix(option)?.strip_prefix('=')?;
            (word.end - rest.len()..word.end, form)
        }
        None => {
            let at = option.find(['*', '_'])?;
            let rest = content.strip_prefix(&option[..at]).filter(|rest| !rest.is_empty())?;
            (word.end - rest.len()..word.end, &option[at..])
        }
    };
    of_form(text, value, form)
}

/// The part of `value` where `form` has its `_`.
fn of_form(text: &str, value: Range<usize>, form: &str) -> Option<Range<usize>> {
    let value = unquoted(text, value);
    let (before, after) = form.split_once('_')?;
    let content = text.get(value.clone())?;
    let skipped = match before.strip_prefix('*') {
        Some(sign) => content.find(sign)? + sign.len(),
        None => content.starts_with(before).then_some(before.len())?,
    };
    let end = if after.is_empty() { content.len() } else { content.rfind(after)? };
    (skipped < end).then(|| unquoted(text, value.start + skipped..value.start + end))
}

/// Finds the last word that `echo` or the like prints into the program at `keyword`, behind a colon with `is_pair`.
pub(super) fn find_piped(text: &str, keyword: &Range<usize>, reach: usize, is_pair: bool) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let from = keyword.start.saturating_sub(reach.min(512));
    let line = memchr::memrchr(b'\n', &bytes[from..keyword.start]).map_or(from, |at| from + at + 1);
    let pipe = memchr::memrchr(b'|', &bytes[line..keyword.start]).map(|at| line + at)?;
    let printer = PRINTERS.iter().find_map(|name| {
        let at = memchr::memmem::rfind(&bytes[line..pipe], name.as_bytes())? + line;
        matches!(bytes.get(at + name.len()), Some(b' ')).then_some(at + name.len())
    })?;
    let words = Words { bytes: &bytes[..pipe], at: printer };
    let word = words.filter(|word| bytes[word.start] != b'-').last()?;
    let content = text.get(word.clone())?;
    let skipped = if is_pair { content.find(':')? + 1 } else { 0 };
    let ended = content.trim_end_matches("\\n").len();
    let found = word.start + skipped..word.start + ended.max(skipped);
    is_given(text.get(found.clone())?).then_some(found)
}

/// Finds the password of the user before `keyword`, as in `user:password@tcp(`.
pub(super) fn find_before(text: &str, keyword: &Range<usize>) -> Option<Range<usize>> {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b"\"'`=,(<>".contains(byte);
    let bytes = text.as_bytes();
    let length = bytes[..keyword.start].iter().rev().take(160).take_while(|byte| !ends(byte)).count();
    let start = keyword.start - length;
    let colon = memchr::memchr(b':', &bytes[start..keyword.start])? + start;
    let found = colon + 1..keyword.start;
    is_given(text.get(found.clone())?).then_some(found)
}

/// Finds the argument of this number, from 1, of the call of a function named by `keyword`.
pub(super) fn find_argument(text: &str, keyword: &Range<usize>, reach: usize, number: usize) -> Option<Range<usize>> {
    let bytes = &text.as_bytes()[..text.len().min(keyword.end + reach)];
    let mut at = keyword.end;
    at += bytes[at..].iter().take(24).take_while(|byte| byte.is_ascii_alphanumeric() || b"_=: ".contains(byte)).count();
    if bytes.get(at) != Some(&b'(') {
        return None;
    }
    at += 1;
    for count in 1..=number {
        at += bytes[at..].iter().take(32).take_while(|byte| byte.is_ascii_whitespace()).count();
        if count == number {
            at += if bytes[at..].starts_with(b"Some(") { 5 } else { 0 };
            let quoted = quoted(bytes, at)?;
            return is_mixed(text.get(quoted.clone())?).then_some(quoted);
        }
        at = match quoted(bytes, at) {
            Some(string) => string.end,
            None => at,
        };
        at += bytes[at..].iter().take(128).position(|byte| b",)\n;".contains(byte))?;
        if bytes[at] != b',' {
            return None;
        }
        at += 1;
    }
    None
}

/// The content of the string that begins at `at`.
pub(super) fn quoted(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let slashes = bytes.get(at..)?.iter().take(8).take_while(|byte| **byte == b'\\').count();
    let quote = *bytes.get(at + slashes).filter(|byte| b"\"'`".contains(byte))?;
    let start = at + slashes + 1;
    let length = memchr::memchr2(quote, b'\n', &bytes[start..]).filter(|end| bytes[start + end] == quote)?;
    let end = start + length;
    Some(start..end - bytes[start..end].iter().rev().take(slashes).take_while(|byte| **byte == b'\\').count())
}

/// Whether somebody gave `value` as a secret: it is no stand-in, no option and no port.
pub(super) fn is_given(value: &str) -> bool {
    let is_port = value.len() <= 5 && value.bytes().all(|byte| byte.is_ascii_digit());
    value.len() >= MIN_VALUE
        && !is_port
        && !value.starts_with(['-', '$', '<', '{', '@', '\\'])
        && !value.contains(['\n', '('])
        && !is_placeholder(&value.replace(' ', "_"))
}

/// Whether `value`, which may also be a name or a word, is mixed as passwords are.
pub(super) fn is_mixed(value: &str) -> bool {
    let symbols = value.bytes().any(|byte| b"!#$%&*+?@^~=".contains(&byte));
    let digits = value.bytes().any(|byte| byte.is_ascii_digit());
    let letters = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    let changes = super::value::changes_class(value);
    is_given(value)
        && value.len() >= 6
        && digits
        && letters
        && (symbols || changes >= 3 || super::value::is_unpronounceable(value, 5))
        && !value.contains([' ', '/', '\\', ')', '{', '<'])
        && !super::value::is_object_id(value)
}

/// Takes the quotes off a word.
fn unquoted(text: &str, word: Range<usize>) -> Range<usize> {
    match quoted(&text.as_bytes()[..word.end], word.start) {
        Some(content) => content,
        None => word,
    }
}

/// The words of a command, as a shell parts them; they end where the command does.
#[derive(Clone)]
struct Words<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            match self.bytes.get(self.at..)? {
                [b' ' | b'\t' | b',' | b'[', ..] => self.at += 1,
                [b'\\', b'\n', ..] => self.at += 2,
                [b'\\', b'\\', b'\\', b'n', ..] => self.at += 4,
                _ => break,
            }
        }
        let start = self.at;
        if let Some(content) = quoted(self.bytes, start) {
            let slashes = content.start - start - 1;
            self.at = content.end + slashes + 1;
            return Some(content);
        }
        while let Some(byte) = self.bytes.get(self.at) {
            match byte {
                b'&' if self.bytes.get(self.at + 1).is_some_and(u8::is_ascii_alphanumeric) => self.at += 1,
                b' ' | b'\t' | b'\n' | b'\r' | b'|' | b';' | b'&' | b'`' | b')' => break,
                b'\\' if matches!(self.bytes.get(self.at + 1), Some(b'n' | b'"')) => break,
                b'"' | b'\'' => match quoted(self.bytes, self.at) {
                    Some(content) if self.at > start => self.at = content.end + 1,
                    _ => break,
                },
                _ => self.at += 1,
            }
        }
        (self.at > start).then_some(start..self.at)
    }
}
