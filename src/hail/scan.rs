//! Reads the JSON of a record in one pass, field by field.
//!
//! Nearly all of a log is long strings: what tools gave back, with an escape every forty bytes. serde
//! decodes such a string into a buffer of its own that grows anew with every line, or passes over it
//! twice; here it can stay as it is spelled. Everything that is not in the way of a string stays with
//! serde.

use std::borrow::Cow;

use serde_json::Value;

use super::Text;

/// How deep values may be nested, as in serde.
const MAX_DEPTH: u8 = 127;

/// How much room a string with escapes has at first, at most.
const MAX_ROOM: usize = 64 * 1024;

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
        self.expect(b'"')?;
        let first = self.plain()?;
        if self.take()? == b'"' {
            return Some(Cow::Borrowed(first));
        }
        // A long string is mostly the last of its record.
        let mut string = String::with_capacity(MAX_ROOM.min(first.len() + self.text.len() - self.at));
        string.push_str(first);
        loop {
            string.push(self.escaped()?);
            string.push_str(self.plain()?);
            if self.take()? == b'"' {
                break;
            }
        }
        if string.len() < string.capacity() / 2 {
            string.shrink_to_fit();
        }
        Some(Cow::Owned(string))
    }

    /// Reads a string as it is spelled, where that is the canonical way.
    pub(crate) fn passage(&mut self) -> Option<Text> {
        self.expect(b'"')?;
        let start = self.at;
        let mut has_escapes = false;
        loop {
            self.plain()?;
            if self.take()? == b'"' {
                return Some(Text::spelled(&self.text[start..self.at - 1], has_escapes));
            }
            has_escapes = true;
            match canonical_escape(&self.text.as_bytes()[self.at..]) {
                Some(length) => self.at += length,
                None => break,
            }
        }
        self.at = start - 1;
        self.string().map(Text::from)
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
            raw => serde_json::from_str::<Value>(raw).ok().map(Loose::Other),
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
            b'"' => self.skip_string(),
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

    /// What stands before the next quote or backslash.
    fn plain(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.at += plain_length(&self.text.as_bytes()[start..]);
        let piece = &self.text[start..self.at];
        (!self.has_controls || piece.bytes().all(|byte| byte >= b' ')).then_some(piece)
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
        if !(0xd800..0xdc00).contains(&unit) {
            return char::from_u32(unit);
        }
        self.literal("\\u")?;
        let low = self.unit()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        char::from_u32(0x10000 + ((unit - 0xd800) << 10) + low)
    }

    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        let is_hexadecimal = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        u32::from_str_radix(digits, 16).ok().filter(|_| is_hexadecimal)
    }

    fn skip_string(&mut self) -> Option<()> {
        self.expect(b'"')?;
        loop {
            self.plain()?;
            if self.take()? == b'"' {
                return Some(());
            }
            // Whether surrogates are pairs is seen where the string is decoded.
            if self.text.as_bytes().get(self.at) == Some(&b'u') {
                self.at += 1;
                self.unit()?;
            } else {
                self.escaped()?;
            }
        }
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

/// The text that canonical JSON spells so.
pub(super) fn decode(spelling: &str) -> String {
    let mut scanner = Scanner { text: spelling, at: 0, depth: 0, has_controls: false };
    let mut text = String::with_capacity(spelling.len());
    while let Some(piece) = scanner.plain() {
        text.push_str(piece);
        if scanner.take().is_none() {
            break;
        }
        text.extend(scanner.escaped());
    }
    text
}

/// How long the escape is that begins behind a backslash, where it is the canonical one of its
/// character.
fn canonical_escape(bytes: &[u8]) -> Option<usize> {
    match bytes {
        [b'n' | b't' | b'r' | b'b' | b'f' | b'"' | b'\\', ..] => Some(1),
        // Those of the characters above do not count.
        [b'u', b'0', b'0', b'0', b'0'..=b'7' | b'b' | b'e' | b'f', ..]
        | [b'u', b'0', b'0', b'1', b'0'..=b'9' | b'a'..=b'f', ..] => Some(5),
        _ => None,
    }
}

/// How many bytes come before the first quote or backslash. Escapes stand too close together for a
/// search that has to be set up, so eight bytes at a time are looked at as one word, in which a byte
/// that is sought sets its highest bit.
fn plain_length(bytes: &[u8]) -> usize {
    const ONES: u64 = u64::MAX / 255;
    let equal = |word: u64, byte: u8| {
        let differing = word ^ (ONES * u64::from(byte));
        differing.wrapping_sub(ONES) & !differing & (ONES << 7)
    };
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let found = equal(word, b'"') | equal(word, b'\\');
        if found != 0 {
            return index * 8 + found.trailing_zeros() as usize / 8;
        }
    }
    let length = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\')).count();
    words.len() * 8 + length
}
