//! Finds values that are assigned to a key whose name promises a secret, in any notation.

use std::ops::Range;

use super::{
    Profile,
    key_name::{Promise, promise},
    value::{
        changes_class, is_identifier_byte, is_no_word, is_object_id, is_placeholder, is_record_id, is_stand_in,
        is_unpronounceable, is_word, is_wordy, looks_random,
    },
};

/// The longest name of a key, in bytes.
const MAX_NAME: usize = 80;

/// The longest rest of a line that announces a value below it, in bytes.
const MAX_TITLE: usize = 96;

/// The shortest value that is a secret, in bytes.
const MIN_VALUE: usize = 4;

/// The longest value that is a secret rather than a document, in bytes.
const MAX_VALUE: usize = 2048;

/// How many bytes of a value tell what it is.
const TELLING: usize = 256;

/// How a value is written, from the surest to the least sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    /// Between quotes or tags.
    Quoted,
    /// `KEY=value`, without spaces.
    Tight,
    /// Bare, behind `:` or a spaced `=`.
    Bare,
    /// In quotes or bare, as the other word of a line of two: `requirepass value`.
    Directive,
    /// Bare, behind nothing but a space.
    Spoken,
}

/// Finds the value assigned to the key in which `keyword` lies, at most `reach` bytes on; the first one
/// when it is a list, of which `find_next` finds the others.
pub(super) fn find(text: &str, keyword: &Range<usize>, reach: usize, profile: Profile) -> Option<Range<usize>> {
    let bytes = text.as_bytes();
    let name = name_around(bytes, keyword)?;
    let mut cursor = Cursor { bytes: &bytes[..bytes.len().min(name.end + reach)], at: name.end };
    let opened_by = name.start.checked_sub(1).map(|at| bytes[at]);
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
    is_secret(promise, notation, text.get(value.clone())?, profile).then_some(value)
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
    if value.len() > MAX_VALUE {
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
        return value.len() >= 6
            && digits
            && letters
            && !is_wordy(value)
            && (looks_random(value)
                || is_object_id(value)
                || (value.len() >= 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit()))
                || (promise == Promise::Password
                    && (symbols || changes_class(value) >= 3 || is_unpronounceable(value, 5)))
                || long);
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

/// Which bytes end a bare value.
const ENDS: [bool; 256] = {
    let mut ends = [false; 256];
    let (bytes, mut at) = (b" \t\n\r\x0c\"'`,;)}]>&|<\\", 0);
    while at < bytes.len() {
        ends[bytes[at] as usize] = true;
        at += 1;
    }
    ends
};

/// An opening quote: its text, to be found again at the end of the value.
type Quote<'a> = Option<&'a [u8]>;

/// Walks from the end of a key's name to its value.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn take(&mut self, text: &[u8]) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    fn spaces(&mut self) -> usize {
        let count = self.rest().iter().take(32).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.at += count;
        count
    }

    /// A quote, with the backslashes that escape it or as an HTML entity.
    fn quote(&mut self) -> Quote<'a> {
        let rest = self.rest();
        let slashes = rest.iter().take(8).take_while(|byte| **byte == b'\\').count();
        let length = match rest.get(slashes) {
            Some(b'"' | b'\'' | b'`') => slashes + 1,
            Some(b'&') => {
                [&b"&#39;"[..], b"&quot;", b"&#34;", b"&#x27;"].iter().find(|entity| rest.starts_with(entity))?.len()
            }
            _ => return None,
        };
        self.at += length;
        Some(&rest[..length])
    }

    /// Goes over the operator between key and value; returns how the value is written.
    fn operator(&mut self, opened_by: Option<u8>, is_option: bool) -> Option<(Notation, Quote<'a>)> {
        let closed = self.quote().is_some();
        self.take(b"]");
        self.take(b"?");
        if opened_by == Some(b'<') && self.take(b">") {
            self.blanks();
            return Some((Notation::Quoted, Some(b"</")));
        }
        if !closed && opened_by != Some(b'(') && self.take(b"(") {
            let quote = self.string()?;
            return Some((Notation::Directive, Some(quote)));
        }
        let before = self.spaces();
        let Some(sign) = self.sign() else {
            let listed = closed && self.take(b",");
            let after = self.spaces();
            return match self.string() {
                Some(quote) if listed || is_option => Some((Notation::Quoted, Some(quote))),
                None if before == 1 && after == 0 && !closed && is_option => Some((Notation::Tight, None)),
                _ => None,
            };
        };
        let after = self.spaces();
        if sign == b":" && self.rest().starts_with(b"\n") {
            return self.below();
        }
        if sign == b":" && !closed {
            self.skip_type();
        }
        if self.take(b"[") {
            self.spaces();
        }
        let quote = self.string();
        let tight = before == 0 && after == 0 && sign != b":";
        let bare = if tight { Notation::Tight } else { Notation::Bare };
        Some((if quote.is_some() { Notation::Quoted } else { bare }, quote))
    }

    /// Goes over spaces and the ends of lines.
    fn blanks(&mut self) {
        self.at += self.rest().iter().take(64).take_while(|byte| byte.is_ascii_whitespace()).count();
    }

    /// Goes over what stands between a name and its value where no sign does: `requirepass value`,
    /// `setx TOKEN "value"`, `the password is value`, `password for ann: value`, and a value on a line of its own
    /// below the line that announces it.
    fn spoken(&mut self, begins_line: bool) -> Option<(Notation, Quote<'a>)> {
        let spaces = self.spaces();
        if spaces == 0 {
            return None;
        }
        // Cisco's routers say first how the value is written.
        if matches!(self.rest(), [b'0'..=b'9', b' ', ..]) {
            self.at += 2;
        }
        if let Some(quote) = self.string() {
            return Some((Notation::Directive, Some(quote)));
        }
        let word = self.word();
        if self.rest()[..word].iter().any(u8::is_ascii_digit) {
            let after = self.rest()[word..].iter().find(|byte| !b" \t\r".contains(byte));
            let ends = begins_line && matches!(after, None | Some(b'\n' | b'#'));
            return (ends || spaces == 1).then_some((if ends { Notation::Directive } else { Notation::Spoken }, None));
        }
        let line = &self.rest()[..self.rest().len().min(MAX_TITLE)];
        if let Some(end) = memchr::memchr(b'\n', line)
            && line[..end].trim_ascii_end().ends_with(b":")
        {
            self.at += end;
            return self.below();
        }
        if line.starts_with(b"for ") {
            let sign = memchr::memmem::find(line, b": ").or_else(|| Some(memchr::memmem::find(line, b" is ")? + 2));
            self.at += sign? + 2;
            return Some((Notation::Bare, self.string()));
        }
        let verbs = [&b"is "[..], b"was ", b"to ", b"is: ", b"are "];
        verbs.into_iter().any(|verb| self.take(verb)).then(|| {
            let quote = self.string();
            (if quote.is_some() { Notation::Directive } else { Notation::Bare }, quote)
        })
    }

    /// Goes to a value that has a line of its own below the line that announces it.
    fn below(&mut self) -> Option<(Notation, Quote<'a>)> {
        self.blanks();
        let word = self.word();
        (word >= 8 && matches!(self.rest().get(word), None | Some(b'\n'))).then_some((Notation::Bare, None))
    }

    /// The length of the word that begins here.
    fn word(&self) -> usize {
        self.rest().iter().take(MAX_VALUE).take_while(|byte| !byte.is_ascii_whitespace()).count()
    }

    /// A sign of assignment or of comparison.
    fn sign(&mut self) -> Option<&'static [u8]> {
        let signs = [&b"==="[..], b"!==", b"=>", b":=", b"==", b"!=", b"=", b":", b"%3D"];
        let may_begin = matches!(self.rest(), [b'=' | b'!' | b':' | b'%', ..]);
        may_begin.then(|| signs.into_iter().find(|sign| self.take(sign))).flatten()
    }

    /// Goes over a type annotation, as in `token: str = "…"`.
    fn skip_type(&mut self) {
        let is_type = |byte: &u8| is_identifier_byte(*byte) || b" &<>'[]|.?:".contains(byte);
        let length = self.rest().iter().take(48).take_while(|byte| is_type(byte)).count();
        if length > 0 && self.rest().get(length) == Some(&b'=') {
            self.at += length + 1;
            self.spaces();
        }
    }

    /// An opening quote, also behind the letter that marks a kind of string.
    fn string(&mut self) -> Quote<'a> {
        let start = self.at;
        if matches!(self.rest(), [b'b' | b'f' | b'r' | b'u' | b'@' | b'(', b'"' | b'\'' | b'`' | b'\\', ..]) {
            self.at += 1;
        }
        let quote = self.quote();
        if quote.is_none() {
            self.at = start;
        }
        quote
    }

    /// The value up to its closing quote, or to the end of the bare word.
    fn value(&self, notation: Notation, quote: Quote<'a>) -> Option<Range<usize>> {
        let rest = self.rest();
        let length = match (notation, quote) {
            (_, Some(b"</")) => {
                let length = closing(rest, b"</")?;
                let value = rest[..length].trim_ascii_end();
                (!value.contains(&b'\n')).then_some(value.len())?
            }
            (Notation::Quoted | Notation::Directive, Some(quote)) => {
                let length = closing(rest, quote)?;
                memchr::memchr2(b'\n', b'\r', &rest[..length]).is_none().then_some(length)?
            }
            _ => bare(rest, notation),
        };
        (length > 0).then_some(self.at..self.at + length)
    }
}

/// The length of a bare value. An ampersand ends it where another parameter of a URL follows.
fn bare(rest: &[u8], notation: Notation) -> usize {
    let run =
        |from: usize| rest[from..].iter().take(MAX_VALUE + 1).take_while(|byte| !ENDS[usize::from(**byte)]).count();
    let length = run(0);
    if rest.get(length) == Some(&b'&') && length > 0 {
        let next = run(length + 1);
        if (1..32).contains(&next)
            && !rest[length + 1..][..next].contains(&b'=')
            && rest.get(length + 1 + next) != Some(&b'&')
        {
            return length + 1 + next;
        }
    }
    let spoken = matches!(notation, Notation::Bare | Notation::Spoken | Notation::Directive);
    let trimmed = if spoken { rest[..length].iter().rev().take_while(|byte| b".:?".contains(byte)).count() } else { 0 };
    length - trimmed
}

/// Where `quote` closes: not where more backslashes stand before it than opened it.
fn closing(rest: &[u8], quote: &[u8]) -> Option<usize> {
    let slashes = quote.iter().take_while(|byte| **byte == b'\\').count();
    memchr::memmem::find_iter(rest, &quote[slashes..]).find_map(|at| {
        let before = rest[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
        (before <= slashes).then(|| at - before)
    })
}
