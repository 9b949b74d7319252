//! What a line is known by: its text without what a formatter changes.

use serde::{Deserialize, Serialize};

/// How many characters a line must have that says something by itself.
const TELLING_CHARS: usize = 12;
/// How many letters in a row it must have.
const TELLING_LETTERS: usize = 3;

/// The text of a line without white space, with one kind of quotes, and without a comma or semicolon at its end:
/// 64 bits of it. A blank line is zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LineHash(pub u64);

/// A line as it is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// What it is known by.
    pub hash: LineHash,
    /// Whether it says enough to be known by itself: a brace or a `return` does not.
    pub is_telling: bool,
}

impl LineHash {
    /// Whether the line has nothing but white space.
    #[must_use]
    pub fn is_blank(self) -> bool {
        self.0 == 0
    }
}

impl Line {
    /// Reads a line of a file, with or without its line feed.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.trim_end_matches(|character: char| character.is_whitespace() || ",;".contains(character));
        // FNV-1a: the same on every machine and in every version, since it is stored.
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        let (mut chars, mut letters, mut longest) = (0_usize, 0_usize, 0_usize);
        for character in text.chars().filter(|character| !character.is_whitespace()) {
            let character = if character == '\'' { '"' } else { character };
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
            // A character of Chinese or Japanese says as much as several letters.
            let weight = if character.is_ascii() { 1 } else { 2 };
            chars += weight;
            letters = if character.is_alphabetic() { letters + weight } else { 0 };
            longest = longest.max(letters);
        }
        let hash = if chars == 0 { LineHash::default() } else { LineHash(hash.max(1)) };
        Self { hash, is_telling: chars >= TELLING_CHARS && longest >= TELLING_LETTERS }
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn a_formatter_does_not_change_what_a_line_is_known_by() {
        for (one, other) in [
            ("def f( a,b ):", "def f(a, b):\n"),
            ("\treturn a+b;", "    return a + b"),
            ("x = 'single'", "x = \"single\","),
            ("  last: 1", "last: 1,\r\n"),
        ] {
            assert_eq!(Line::of(one).hash, Line::of(other).hash, "{one:?} {other:?}");
        }
        assert_ne!(Line::of("a = 1").hash, Line::of("a = 2").hash);
        assert!(Line::of(" \t\r\n").hash.is_blank() && Line::of("").hash.is_blank());
    }

    #[test]
    fn a_line_tells_when_it_has_words() {
        for (text, is_telling) in [
            ("}", false),
            ("return x;", false),
            ("let total = sum(all);", true),
            ("123456789012345678", false),
            ("############ --", false),
            ("共有设置保存", true),
        ] {
            assert_eq!(Line::of(text).is_telling, is_telling, "{text}");
        }
    }
}
