//! A text as whoever reads it sees it: without colours, characters that are not seen and broken lines, and with
//! escapes decoded. What is found there is found in the text it was made of, too.
//!
//! Most texts have nothing of the kind. Of those that do, only what is around it is looked at again, so the time
//! stays linear in the text.

use std::ops::Range;

use crate::hail::is_invisible;

/// How much before and behind a disguised character is looked at, in bytes.
const BEFORE: usize = 512;
const BEHIND: usize = 2048;

/// How often what was decoded is decoded again.
const LAYERS: usize = 4;

/// The longest escape sequence of a terminal, in bytes.
const LONGEST_SEQUENCE: usize = 256;

/// A part of a text, as it is read.
pub(super) struct View {
    pub(super) text: String,
    /// Where in the text it was made of the view begins.
    start: usize,
    /// Whether that is in the middle of a word.
    is_torn: bool,
    /// The pieces of each layer: the first are of the text itself.
    layers: Vec<Vec<Piece>>,
}

/// A piece of a layer and where it stands in the layer below.
struct Piece {
    at: usize,
    from: Range<usize>,
    /// Whether it is the same there, byte by byte.
    is_same: bool,
}

impl View {
    /// Where in the text a part of the view stands; `None` for one at a border that may not be one.
    pub(super) fn original(&self, range: &Range<usize>) -> Option<Range<usize>> {
        if self.is_torn && range.start == 0 {
            return None;
        }
        let range = self.layers.iter().rev().fold(range.clone(), |range, pieces| below(pieces, &range));
        Some(self.start + range.start..self.start + range.end)
    }
}

/// Where a part of a layer stands in the layer below.
fn below(pieces: &[Piece], range: &Range<usize>) -> Range<usize> {
    let piece = |at: usize| &pieces[pieces.partition_point(|piece| piece.at <= at).saturating_sub(1)];
    let (first, last) = (piece(range.start), piece(range.end.saturating_sub(1)));
    let start = if first.is_same { first.from.start + range.start - first.at } else { first.from.start };
    let end = if last.is_same { last.from.start + range.end - last.at } else { last.from.end };
    start..end
}

/// The parts of a text that read differently than they are written.
pub(super) fn all(text: &str) -> Vec<View> {
    let spots = spots(text);
    let mut views: Vec<View> = Vec::new();
    let mut first = 0;
    while first < spots.len() {
        let mut last = first;
        while spots.get(last + 1).is_some_and(|next| next.range.start < spots[last].range.end + BEFORE + BEHIND) {
            last += 1;
        }
        let start = begin(text, spots[first].range.start);
        let end = boundary(text, spots[last].range.end + BEHIND);
        let is_torn = start > 0 && !text.as_bytes()[start - 1].is_ascii_whitespace();
        let (read, pieces) = decoded(&text[start..end], &spots[first..=last], start);
        let mut view = View { text: read, start, is_torn, layers: vec![pieces] };
        for _ in 1..LAYERS {
            let spots = self::spots(&view.text);
            if spots.is_empty() {
                break;
            }
            let (read, pieces) = decoded(&view.text, &spots, 0);
            view.text = read;
            view.layers.push(pieces);
        }
        views.push(view);
        first = last + 1;
    }
    views
}

/// All of a short text as it is read.
pub(super) fn read(text: &str) -> Option<String> {
    let mut layer = text.to_owned();
    for _ in 0..LAYERS {
        let spots = spots(&layer);
        if spots.is_empty() {
            break;
        }
        layer = decoded(&layer, &spots, 0).0;
    }
    (layer != text).then_some(layer)
}

/// Where to begin so that no word is torn and what stands before a value is seen, too.
fn begin(text: &str, spot: usize) -> usize {
    let from = boundary(text, spot.saturating_sub(BEFORE));
    if from == 0 {
        return 0;
    }
    let before = &text.as_bytes()[from..spot];
    before.iter().position(u8::is_ascii_whitespace).map_or(from, |space| from + space + 1)
}

/// The start of the character at `at`, or the end of the text.
fn boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Puts what `spots` are read as in their place; `start` is where `text` begins in that in which they stand.
fn decoded(text: &str, spots: &[Spot], start: usize) -> (String, Vec<Piece>) {
    let (mut read, mut pieces, mut done) = (String::with_capacity(text.len()), Vec::new(), 0);
    for spot in spots {
        let from = spot.range.start - start..spot.range.end - start;
        if done < from.start {
            pieces.push(Piece { at: read.len(), from: done..from.start, is_same: true });
            read.push_str(&text[done..from.start]);
        }
        if let Some(character) = spot.read {
            pieces.push(Piece { at: read.len(), from: from.clone(), is_same: false });
            read.push(character);
        }
        done = from.end;
    }
    if done < text.len() || pieces.is_empty() {
        pieces.push(Piece { at: read.len(), from: done..text.len(), is_same: true });
        read.push_str(&text[done..]);
    }
    (read, pieces)
}

/// Something that reads differently than it is written.
struct Spot {
    range: Range<usize>,
    /// What it is read as; nothing where it is not seen.
    read: Option<char>,
}

/// The bytes with which such a thing may begin.
const BEGINS: [bool; 256] = {
    let mut begins = [false; 256];
    let bytes = b"\0\x1b%&\\=\xc2\xcc\xcd\xd8\xe1\xe2\xe3\xef\xf0\xf3";
    let mut at = 0;
    while at < bytes.len() {
        begins[bytes[at] as usize] = true;
        at += 1;
    }
    begins
};

fn spots(text: &str) -> Vec<Spot> {
    let (mut spots, mut at) = (Vec::new(), 0);
    let bytes = text.as_bytes();
    while let Some(next) = bytes[at..].iter().position(|byte| BEGINS[usize::from(*byte)]) {
        let start = at + next;
        at = match spot(text, start) {
            Some((length, read)) => {
                spots.push(Spot { range: start..start + length, read });
                start + length
            }
            None => start + 1,
        };
    }
    spots
}

/// What begins at `at`: how long it is, and what it is read as.
fn spot(text: &str, at: usize) -> Option<(usize, Option<char>)> {
    let rest = &text.as_bytes()[at..];
    match rest {
        [0, ..] => Some((1, None)),
        [0x1b, rest @ ..] => sequence(rest).map(|length| (1 + length, None)),
        [b'%', high, low, ..] => ascii(&[*high, *low], 16).map(|read| (3, Some(read))),
        [b'&', rest @ ..] => entity(rest).map(|(length, read)| (1 + length, read)),
        [b'\\', ..] => escape(rest),
        [b'=', b'\n', ..] => Some((2, None)),
        [b'=', b'\r', b'\n', ..] => Some((3, None)),
        // Quoted-printable has upper case.
        [b'=', high, low, ..] if !high.is_ascii_lowercase() && !low.is_ascii_lowercase() => {
            ascii(&[*high, *low], 16).map(|read| (3, Some(read)))
        }
        [0x80..=0xff, ..] => {
            let character = text.get(at..)?.chars().next()?;
            let length = character.len_utf8();
            match character {
                // A terminal's own control sequences, begun with one character.
                '\u{9b}' => parameters(&rest[length..]).map(|more| (length + more, None)),
                '\u{ff01}'..='\u{ff5e}' => {
                    char::from_u32(u32::from(character) - 0xfee0).map(|read| (length, Some(read)))
                }
                _ => is_unseen(character).then_some((length, None)),
            }
        }
        _ => None,
    }
}

/// Whether a character is not seen, or seen only as a mark on the one before.
fn is_unseen(character: char) -> bool {
    let is_mark = matches!(character, '\u{300}'..='\u{36f}' | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}');
    is_mark || is_invisible(character)
}

/// The length of an escape sequence of a terminal behind its first byte.
fn sequence(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'[', rest @ ..] => parameters(rest).map(|length| 1 + length),
        // An operating system command, such as a title or a link, up to a bell or a string terminator.
        [b']' | b'P' | b'X' | b'^' | b'_', rest @ ..] => {
            let rest = &rest[..rest.len().min(LONGEST_SEQUENCE)];
            let bell = memchr::memchr(0x07, rest).map(|at| at + 1);
            let terminator = memchr::memmem::find(rest, b"\x1b\\").map(|at| at + 2);
            [bell, terminator].into_iter().flatten().min().map(|length| 1 + length)
        }
        [b'(' | b')' | b'*' | b'+' | b'#' | b'%', _, ..] => Some(2),
        [b'0'..=b'9' | b'=' | b'>' | b'<' | b'A'..=b'O' | b'Q'..=b'W' | b'Y' | b'Z' | b'c' | b'\\', ..] => Some(1),
        _ => None,
    }
}

/// The length of the parameters of a control sequence, with the letter that ends it.
fn parameters(rest: &[u8]) -> Option<usize> {
    let rest = &rest[..rest.len().min(LONGEST_SEQUENCE)];
    let length = rest.iter().take_while(|byte| matches!(byte, 0x20..=0x3f)).count();
    rest.get(length).filter(|byte| matches!(byte, 0x40..=0x7e)).map(|_| length + 1)
}

/// An entity of HTML behind its `&`.
fn entity(rest: &[u8]) -> Option<(usize, Option<char>)> {
    let length = memchr::memchr(b';', &rest[..rest.len().min(20)])?;
    let name = &rest[..length];
    let read = match name {
        [b'#', b'x' | b'X', digits @ ..] => Some(character(digits, 16)?),
        [b'#', digits @ ..] => Some(character(digits, 10)?),
        b"shy" | b"zwj" | b"zwnj" | b"ZeroWidthSpace" | b"NoBreak" | b"lrm" | b"rlm" => None,
        _ => Some(NAMED.iter().find(|(known, _)| known.as_bytes() == name)?.1),
    };
    Some((length + 1, read))
}

/// Entities with names of characters that stand in secrets and before them.
const NAMED: [(&str, char); 22] = [
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("apos", '\''),
    ("lowbar", '_'),
    ("UnderBar", '_'),
    ("hyphen", '-'),
    ("dash", '-'),
    ("period", '.'),
    ("sol", '/'),
    ("bsol", '\\'),
    ("plus", '+'),
    ("equals", '='),
    ("colon", ':'),
    ("semi", ';'),
    ("comma", ','),
    ("commat", '@'),
    ("num", '#'),
    ("dollar", '$'),
    ("percnt", '%'),
    ("nbsp", ' '),
];

/// An escape of a programming language or a shell, which may itself be escaped.
fn escape(rest: &[u8]) -> Option<(usize, Option<char>)> {
    let slashes = rest.iter().take(8).take_while(|byte| **byte == b'\\').count();
    let body = &rest[slashes..];
    let (length, read) = match body {
        [b'\n', ..] => (1, None),
        [b'\r', b'\n', ..] => (2, None),
        [b'x' | b'u', b'{', ..] => {
            let end = memchr::memchr(b'}', &body[..body.len().min(10)])?;
            (end + 1, Some(character(&body[2..end], 16)?))
        }
        [b'x' | b'X', high, low, ..] => (3, Some(character(&[*high, *low], 16)?)),
        [b'u', digits @ ..] => (5, Some(character(digits.get(..4)?, 16)?)),
        [b'U', digits @ ..] => (9, Some(character(digits.get(..8)?, 16)?)),
        [b'0'..=b'3', b'0'..=b'7', b'0'..=b'7', ..] => (3, Some(character(&body[..3], 8)?)),
        // Only in front of what it begins.
        [b'e' | b'E', b'[', ..] => (1, Some('\u{1b}')),
        _ => return None,
    };
    Some((slashes + length, read))
}

/// The character of a number in digits of a base.
fn character(digits: &[u8], base: u32) -> Option<char> {
    let is_number = !digits.is_empty() && digits.len() <= 8 && digits.iter().all(u8::is_ascii_alphanumeric);
    let digits = std::str::from_utf8(digits).ok().filter(|_| is_number)?;
    char::from_u32(u32::from_str_radix(digits, base).ok()?).filter(|character| *character != '\n')
}

/// The same where it is a letter, a digit or a sign.
fn ascii(digits: &[u8], base: u32) -> Option<char> {
    character(digits, base).filter(char::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::{all, read};

    #[test]
    fn a_text_is_read_as_people_and_programs_read_it() {
        for (text, expected) in [
            ("a\u{200b}b\u{ad}c\u{fe0f}d\u{34f}e", "abcde"),
            ("\u{1b}[1;31mab\u{1b}[0mc\u{1b}]8;;x\u{7}d\u{1b}(B", "abcd"),
            ("a\0b\0c\0", "abc"),
            ("&#103;&#x68;p&lowbar;&shy;&amp;", "ghp_&"),
            ("&amp;#103;", "g"),
            ("%67h%70%5F %zz 100%", "ghp_ %zz 100%"),
            ("%2567", "g"),
            (r"\x67\u0068\160\u{5f}\\u0041\U00000042", "ghp_AB"),
            (r"\u001b[31mred\033[0m\e[1mx", "redx"),
            ("ab\\\ncd=\nef=5F", "abcdef_"),
            ("ｇｈｐ＿", "ghp_"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text:?}");
        }
        for text in ["plain", "C:\\Users\\new", "a=b&c=d", "50 % of it", "naïve \u{2026}", "\\n \\t \\\"", "a = b\nc"]
        {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_found_in_a_view_stands_where_it_was_written() {
        let text = format!("{} x\u{200b}yz\u{200b}w {} %61b", "é ".repeat(2000), "é ".repeat(3000));
        let views = all(&text);
        assert_eq!(views.len(), 2, "what is far apart is looked at apart");
        for (view, read, written) in [(&views[0], "xyzw", "x\u{200b}yz\u{200b}w"), (&views[1], "ab", "%61b")] {
            let start = view.text.find(read).expect("it is read");
            let range = view.original(&(start..start + read.len())).expect("it has a place");
            assert_eq!(&text[range], written);
        }
        let twice = "a &amp;#37;67 b";
        let view = &all(twice)[0];
        assert_eq!(view.text, "a g b");
        assert_eq!(view.original(&(2..3)).map(|range| &twice[range]), Some("&amp;#37;67"));
    }
}
