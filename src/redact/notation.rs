//! Reads how a value is written behind the name of its key: the signs between them, the quotes around it, and where it
//! ends.

use std::ops::Range;

use super::value::is_identifier_byte;

/// The longest value that is a secret rather than a document, in bytes.
pub(super) const MAX_VALUE: usize = 2048;

/// The longest rest of a line that announces a value below it, in bytes.
const MAX_TITLE: usize = 96;

/// How a value is written, from the surest to the least sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notation {
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

/// How the names of functions end that make a value of a string.
const MAKERS: [&[u8]; 14] = [
    b"some",
    b"just",
    b"string",
    b"byte",
    b"bytes",
    b"::from",
    b".from",
    b"secret",
    b"credential",
    b"value",
    b"password",
    b"b64encode",
    b"unhexlify",
    b"fromhex",
];

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
pub(super) type Quote<'a> = Option<&'a [u8]>;

/// Walks from the end of a key's name to its value.
pub(super) struct Cursor<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    pub(super) fn take(&mut self, text: &[u8]) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    pub(super) fn spaces(&mut self) -> usize {
        let count = self.rest().iter().take(32).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.at += count;
        count
    }

    /// A quote, with the backslashes that escape it or as an HTML entity.
    pub(super) fn quote(&mut self) -> Quote<'a> {
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
    pub(super) fn operator(&mut self, opened_by: Option<u8>, is_option: bool) -> Option<(Notation, Quote<'a>)> {
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
        let quote = self.string().or_else(|| self.wrapped());
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
    pub(super) fn spoken(&mut self, begins_line: bool) -> Option<(Notation, Quote<'a>)> {
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

    /// An opening quote behind what makes a value of a string: `Some("`, `new Secret("`, `[]byte("`.
    fn wrapped(&mut self) -> Quote<'a> {
        let start = self.at;
        let is_new = self.take(b"new ");
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.:[]".contains(byte);
        let length = self.rest().iter().take(48).take_while(|byte| is_part(byte)).count();
        let name = &self.rest()[..length];
        self.at += length;
        let makes = is_new || MAKERS.iter().any(|maker| ends_with(name, maker));
        let quote = (makes && length > 0 && self.take(b"(")).then(|| self.string()).flatten();
        if quote.is_none() {
            self.at = start;
        }
        quote
    }

    /// The value up to its closing quote, or to the end of the bare word.
    pub(super) fn value(&self, notation: Notation, quote: Quote<'a>) -> Option<Range<usize>> {
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

fn ends_with(name: &[u8], end: &[u8]) -> bool {
    name.len() >= end.len() && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
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
