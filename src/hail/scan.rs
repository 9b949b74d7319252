//! Reads the JSON of a record in one pass, field by field.
//!
//! Nearly all of a log is long strings: what tools gave back, with an escape every forty bytes. serde
//! decodes such a string into a buffer of its own that grows anew with every line, or passes over it
//! twice; here it can stay as it is spelled. Everything that is not in the way of a string stays with
//! serde.

use std::borrow::Cow;

use serde_json::Value;

use super::{Text, plain, surrogates};

/// How deep values may be nested, as in serde.
const MAX_DEPTH: u8 = 127;

/// A value that is mostly a string: read in one pass where it is, as JSON where it is not.
#[derive(Default)]
pub(crate) enum Loose<'a> {
    #[default]
    Missing,
    Text(Cow<'a, str>),
    Other(Value),
}

impl Loose<'_> {
    /// The text, which is taken out; `None` where it is anything else.
    pub(crate) fn take_text(&mut self) -> Option<String> {
        match std::mem::take(self) {
            Self::Text(text) => Some(text.into_owned()),
            Self::Missing | Self::Other(_) => None,
        }
    }

    /// Whether the field is missing or `null`.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Missing)
    }
}

/// A place in the text of a record. What reads returns `None` where the text is not JSON, or not of
/// the type that is asked for.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
    /// Whether there are control characters, which strings must not have: hardly ever.
    has_controls: bool,
}

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        let has_controls = text.bytes().fold(u8::MAX, u8::min) < b' ';
        Self { text, at: 0, depth: 0, has_controls }
    }

    /// Reads all of `text`, which has to be one value.
    pub(crate) fn whole<T>(text: &'a str, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut scanner = Self::new(text);
        let value = read(&mut scanner)?;
        scanner.is_at_end().then_some(value)
    }

    /// Reads an object; `field` has to read the value of each key, or to pass over it.
    pub(crate) fn object(&mut self, mut field: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.fields(|scanner, key| field(scanner, &key))
    }

    /// Reads an object of which the keys are kept.
    pub(crate) fn fields(&mut self, mut field: impl FnMut(&mut Self, Cow<'a, str>) -> Option<()>) -> Option<()> {
        self.items(b'{', b'}', |scanner| {
            let key = scanner.string()?;
            scanner.expect(b':')?;
            field(scanner, key)
        })
    }

    /// Reads an array; `item` has to read each value, or to pass over it.
    pub(crate) fn array(&mut self, item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.items(b'[', b']', item)
    }

    /// Reads a string, which is copied only where it has escapes.
    pub(crate) fn string(&mut self) -> Option<Cow<'a, str>> {
        match self.spelling()? {
            (spelling, Escapes::None) => Some(Cow::Borrowed(spelling)),
            (spelling, _) => decode(spelling).map(Cow::Owned),
        }
    }

    /// Reads a string as it is spelled, where that is the canonical way.
    pub(crate) fn passage(&mut self) -> Option<Text> {
        match self.spelling()? {
            (spelling, Escapes::Other) => decode(spelling).map(Text::from),
            (spelling, escapes) => Some(Text::spelled(spelling, escapes == Escapes::Canonical)),
        }
    }

    /// Reads a string or `null`, which counts as an empty one.
    pub(crate) fn word(&mut self) -> Option<Cow<'a, str>> {
        if self.peek()? == b'"' { self.string() } else { self.literal("null").map(|()| Cow::Borrowed("")) }
    }

    /// Reads a value that is mostly a string.
    pub(crate) fn loose(&mut self) -> Option<Loose<'a>> {
        if self.peek()? == b'"' {
            return self.string().map(Loose::Text);
        }
        match self.raw()? {
            "null" => Some(Loose::Missing),
            raw => surrogates::from_json(raw).ok().map(Loose::Other),
        }
    }

    /// Reads any value.
    pub(crate) fn value(&mut self) -> Option<Value> {
        Some(match self.loose()? {
            Loose::Missing => Value::Null,
            Loose::Text(text) => Value::String(text.into_owned()),
            Loose::Other(value) => value,
        })
    }

    /// Reads a natural number.
    pub(crate) fn count(&mut self) -> Option<u64> {
        self.raw()?.parse().ok()
    }

    /// Reads an object for its raw text as well.
    pub(crate) fn raw_object(&mut self, field: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.object(field)?;
        Some(&self.text[start..self.at])
    }

    /// What has not been read.
    pub(crate) fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    /// Passes over a value and returns its text.
    pub(crate) fn raw(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        Some(&self.text[start..self.at])
    }

    /// Passes over a value.
    pub(crate) fn skip(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.spelling().map(drop),
            b'{' => self.object(|scanner, _| scanner.skip()),
            b'[' => self.array(Self::skip),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            _ => self.skip_number(),
        }
    }

    /// Whether the next value is `null`.
    pub(crate) fn is_at_null(&mut self) -> bool {
        self.peek() == Some(b'n')
    }

    /// Whether nothing but white space is left.
    pub(crate) fn is_at_end(&mut self) -> bool {
        self.peek().is_none()
    }

    fn items(&mut self, open: u8, close: u8, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.expect(open)?;
        self.depth = self.depth.checked_add(1).filter(|depth| *depth <= MAX_DEPTH)?;
        if self.peek()? == close {
            self.at += 1;
        } else {
            loop {
                item(self)?;
                self.peek()?;
                match self.take()? {
                    b',' => {}
                    end if end == close => break,
                    _ => return None,
                }
            }
        }
        self.depth -= 1;
        Some(())
    }

    /// Passes over a string; returns what stands between the quotes. Whether surrogates are pairs is seen
    /// where it is decoded.
    fn spelling(&mut self) -> Option<(&'a str, Escapes)> {
        self.expect(b'"')?;
        let (start, rest) = (self.at, &self.text.as_bytes()[self.at..]);
        let (length, escapes) = spelled(rest)?;
        self.at += length + 1;
        let spelling = &self.text[start..start + length];
        (!self.has_controls || spelling.bytes().all(|byte| byte >= b' ')).then_some((spelling, escapes))
    }

    /// Reads what follows a backslash, which was taken already.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.take()? {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'u' => return self.code_point(),
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            _ => return None,
        })
    }

    /// Reads four hexadecimal digits, or twice as many where they are a pair of surrogates.
    fn code_point(&mut self) -> Option<char> {
        let unit = self.unit()?;
        let behind = self.at;
        if (0xd800..0xdc00).contains(&unit)
            && self.literal("\\u").is_some()
            && let Some(low) = self.unit().and_then(|low| low.checked_sub(0xdc00)).filter(|low| *low < 0x400)
        {
            return char::from_u32(0x10000 + ((unit - 0xd800) << 10) + low);
        }
        self.at = behind;
        // One half of a pair alone is no character.
        Some(char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal)
    }

    fn skip_number(&mut self) -> Option<()> {
        self.at += usize::from(self.peek()? == b'-');
        let begins_with_zero = self.text.as_bytes().get(self.at) == Some(&b'0');
        if self.digits()? > 1 && begins_with_zero {
            return None;
        }
        let bytes = self.text.as_bytes();
        if bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = bytes.get(self.at) {
            self.at += 1;
            self.at += usize::from(matches!(bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        Some(())
    }

    /// Passes over digits, of which there has to be one, and counts them.
    fn digits(&mut self) -> Option<usize> {
        let count = self.text.as_bytes()[self.at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        Some(count).filter(|count| *count > 0)
    }

    fn literal(&mut self, text: &str) -> Option<()> {
        let found = self.text.as_bytes()[self.at..].starts_with(text.as_bytes());
        self.at += text.len();
        found.then_some(())
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        let found = self.peek()?;
        self.at += 1;
        (found == byte).then_some(())
    }

    /// The next byte that is not white space.
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                byte => return Some(*byte),
            }
        }
    }

    fn take(&mut self) -> Option<u8> {
        let byte = *self.text.as_bytes().get(self.at)?;
        self.at += 1;
        Some(byte)
    }
}

/// What escapes a string has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Escapes {
    None,
    /// Those that canonical JSON has, too.
    Canonical,
    Other,
}

/// How many bytes come before the quote at the end of a string, and what escapes are among them.
#[inline]
fn spelled(bytes: &[u8]) -> Option<(usize, Escapes)> {
    let (mut escapes, mut done) = (Escapes::None, 0);
    for (start, block) in plain::blocks(bytes) {
        for at in plain::places(plain::ends(block)).map(|at| start + at) {
            if at < done {
                // A part of an escape.
                continue;
            }
            if bytes[at] == b'"' {
                return Some((at, escapes));
            }
            let (length, kind) = escape(&bytes[at + 1..])?;
            done = at + 1 + length;
            escapes = escapes.max(kind);
        }
    }
    None
}

/// How long the escape is that begins behind a backslash, and what it is.
#[inline]
fn escape(bytes: &[u8]) -> Option<(usize, Escapes)> {
    match bytes {
        [b'n' | b'"' | b'\\' | b't' | b'r' | b'b' | b'f', ..] => Some((1, Escapes::Canonical)),
        // Canonical JSON has them for what has no shorter one.
        [b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..]
        | [b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => Some((5, Escapes::Canonical)),
        [b'u', digits @ ..] => digits.get(..4)?.iter().all(u8::is_ascii_hexdigit).then_some((5, Escapes::Other)),
        [b'/', ..] => Some((1, Escapes::Other)),
        _ => None,
    }
}

/// The text that is spelled so.
pub(super) fn decode(spelling: &str) -> Option<String> {
    let mut scanner = Scanner { text: spelling, at: 0, depth: 0, has_controls: false };
    let mut text = String::with_capacity(spelling.len());
    for (start, block) in plain::blocks(spelling.as_bytes()) {
        for at in plain::places(plain::ends(block)).map(|at| start + at) {
            if at >= scanner.at {
                text.push_str(&spelling[scanner.at..at]);
                scanner.at = at + 1;
                text.push(scanner.escaped()?);
            }
        }
    }
    text.push_str(&spelling[scanner.at..]);
    Some(text)
}
