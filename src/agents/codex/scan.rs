//! Reads the JSON of a record in one pass, field by field.
//!
//! Nearly all of a log is long strings: what tools gave back, with an escape every forty bytes. serde
//! decodes such a string into a buffer of its own that grows anew with every line, or passes over it
//! twice. Everything that is not in the way of a string stays with serde.

use std::borrow::Cow;

use serde_json::Value;

use super::record::Loose;

/// How deep values may be nested, as in serde.
const MAX_DEPTH: u8 = 127;

/// How much room a string with escapes has at first, at most.
const MAX_ROOM: usize = 64 * 1024;

/// A place in the text of a record. What reads returns `None` where the text is not JSON, or not of
/// the type that is asked for.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
    /// Whether there are control characters, which strings must not have: hardly ever.
    has_controls: bool,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let has_controls = text.bytes().fold(u8::MAX, u8::min) < b' ';
        Self { text, at: 0, depth: 0, has_controls }
    }

    /// Reads an object; `field` has to read the value of each key, or to pass over it.
    pub(super) fn object(&mut self, mut field: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.items(b'{', b'}', |scanner| {
            let key = scanner.string()?;
            scanner.expect(b':')?;
            field(scanner, &key)
        })
    }

    /// Reads an array; `item` has to read each value, or to pass over it.
    pub(super) fn array(&mut self, item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.items(b'[', b']', item)
    }

    /// Reads a string, which is copied only where it has escapes.
    pub(super) fn string(&mut self) -> Option<Cow<'a, str>> {
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

    /// Reads a string or `null`, which counts as an empty one.
    pub(super) fn word(&mut self) -> Option<Cow<'a, str>> {
        if self.peek()? == b'"' { self.string() } else { self.literal("null").map(|()| Cow::Borrowed("")) }
    }

    /// Reads a value that is mostly a string.
    pub(super) fn loose(&mut self) -> Option<Loose<'a>> {
        if self.peek()? == b'"' {
            return self.string().map(Loose::Text);
        }
        match self.raw()? {
            "null" => Some(Loose::Missing),
            raw => serde_json::from_str::<Value>(raw).ok().map(Loose::Other),
        }
    }

    /// Reads any value.
    pub(super) fn value(&mut self) -> Option<Value> {
        Some(match self.loose()? {
            Loose::Missing => Value::Null,
            Loose::Text(text) => Value::String(text.into_owned()),
            Loose::Other(value) => value,
        })
    }

    /// Reads a natural number.
    pub(super) fn count(&mut self) -> Option<u64> {
        self.raw()?.parse().ok()
    }

    /// Reads an object for its raw text as well.
    pub(super) fn raw_object(&mut self, field: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.object(field)?;
        Some(&self.text[start..self.at])
    }

    /// Passes over a value and returns its text.
    pub(super) fn raw(&mut self) -> Option<&'a str> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        Some(&self.text[start..self.at])
    }

    /// Passes over a value.
    pub(super) fn skip(&mut self) -> Option<()> {
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
    pub(super) fn is_at_null(&mut self) -> bool {
        self.peek() == Some(b'n')
    }

    /// Whether nothing but white space is left.
    pub(super) fn is_at_end(&mut self) -> bool {
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
    fn peek(&mut self) -> Option<u8> {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, value::RawValue};

    use super::Scanner;

    #[test]
    fn decodes_strings_as_serde_does() {
        for quoted in [
            r#""""#,
            r#""plain and long enough for more than a word""#,
            r#""\"\\\/\b\f\n\r\t""#,
            r#""a\u00e9\u2028z\u0000""#,
            r#""é, twelve bytes in, \ud83d\uDE00!""#,
            r#""\\u00e9\\""#,
            r#""\ud83d""#,
            r#""\ude00\ud83d""#,
            r#""\ud83d\u0041""#,
            r#""\u+123""#,
            r#""\x""#,
            r#""\"#,
            r#""open"#,
            "\"a tab\tis a control character\"",
        ] {
            let decoded = Scanner::new(quoted).string().map(String::from);
            assert_eq!(decoded, serde_json::from_str(quoted).ok(), "{quoted}");
        }
    }

    #[test]
    fn passes_over_what_serde_takes_for_a_value_and_nothing_else() {
        for text in [
            r#"{"a":[1,-2.5e+3,{"b":null}],"c":{},"d":[],"e":"\"\ud83d"}"#,
            " [ true , false , null ] ",
            "0",
            "-0.1E5",
            "01",
            "-",
            "1.",
            "1e",
            "[1,]",
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            "{1:1}",
            "[1}",
            "tru",
            "nul",
            "[",
            "",
            "1 2",
        ] {
            let mut scanner = Scanner::new(text);
            let is_value = scanner.skip().is_some() && scanner.is_at_end();
            assert_eq!(is_value, serde_json::from_str::<&RawValue>(text).is_ok(), "{text}");
        }
        let deep = "[".repeat(200) + &"]".repeat(200);
        assert!(Scanner::new(&deep).skip().is_none());
        assert!(serde_json::from_str::<Value>(&deep).is_err());
    }
}
