//! Finds the keywords of all rules in one pass, without regard to case.
//!
//! Most of a text is no keyword. So each position is tried against a small table of bits, by a hash of
//! the first three and the first four letters there; only where a bit is set, the keywords that begin
//! so are compared. The time is linear in the text: no more keywords are compared than share a hash.

use std::ops::Range;

/// How many bits of a hash number the entries of a table.
const BITS: u32 = 16;

/// The letters of a keyword that the tables know: all keywords are at least [`LEAST`] long.
const MOST: usize = 4;

/// The least length of a keyword.
pub(super) const LEAST: usize = 3;

/// The keywords, ready to be looked for.
pub(super) struct Keywords {
    all: Vec<Keyword>,
    short: Table,
    long: Table,
}

/// A keyword of a rule.
struct Keyword {
    rule: usize,
    text: Vec<u8>,
    heeds_case: bool,
}

/// Which keywords begin with the letters of a hash.
struct Table {
    /// Whether any does: small enough to stay in the nearest cache.
    bits: Vec<u64>,
    /// The number of the group in `groups`.
    heads: Vec<u16>,
    groups: Vec<Vec<u16>>,
}

impl Table {
    fn new() -> Self {
        Self { bits: vec![0; (1 << BITS) / 64], heads: vec![0; 1 << BITS], groups: vec![Vec::new()] }
    }

    fn insert(&mut self, letters: u32, keyword: u16) {
        let entry = entry(letters);
        self.bits[entry / 64] |= 1 << (entry % 64);
        if self.heads[entry] == 0 {
            self.heads[entry] = u16::try_from(self.groups.len()).unwrap_or(u16::MAX);
            self.groups.push(Vec::new());
        }
        self.groups[usize::from(self.heads[entry])].push(keyword);
    }

    fn may_hold(&self, letters: u32) -> bool {
        let entry = entry(letters);
        self.bits[entry / 64] >> (entry % 64) & 1 == 1
    }

    fn group(&self, letters: u32) -> &[u16] {
        &self.groups[usize::from(self.heads[entry(letters)])]
    }
}

/// Spreads letters over the entries of a table.
fn entry(letters: u32) -> usize {
    (letters.wrapping_mul(0x9E37_79B1) >> (32 - BITS)) as usize
}

/// Makes letters of either case equal; what is no letter stays apart from them well enough.
fn fold(letters: u32) -> u32 {
    letters | 0x2020_2020
}

/// The first three of four letters.
fn first_three(letters: u32) -> u32 {
    letters & 0x00FF_FFFF
}

fn letters(bytes: &[u8]) -> u32 {
    let mut four = [0; MOST];
    let length = bytes.len().min(MOST);
    four[..length].copy_from_slice(&bytes[..length]);
    fold(u32::from_le_bytes(four))
}

impl Keywords {
    /// Takes the keywords with the indices of their rules and whether their case counts; `None` when
    /// there are too many.
    pub(super) fn new<'a>(keywords: impl Iterator<Item = (usize, &'a str, bool)>) -> Option<Self> {
        let mut made = Self { all: Vec::new(), short: Table::new(), long: Table::new() };
        for (rule, text, heeds_case) in keywords {
            let number = u16::try_from(made.all.len()).ok().filter(|number| *number < u16::MAX)?;
            let bytes = text.as_bytes();
            match bytes.len() {
                LEAST => made.short.insert(first_three(letters(bytes)), number),
                _ => made.long.insert(letters(bytes), number),
            }
            made.all.push(Keyword { rule, text: bytes.to_vec(), heeds_case });
        }
        Some(made)
    }

    /// Tells `found` every place in `text` where a keyword stands, and the index of its rule.
    pub(super) fn find(&self, text: &[u8], mut found: impl FnMut(usize, Range<usize>)) {
        for (at, four) in text.windows(MOST).enumerate() {
            let four = fold(u32::from_le_bytes([four[0], four[1], four[2], four[3]]));
            if self.long.may_hold(four) {
                self.compare(self.long.group(four), text, at, &mut found);
            }
            if self.short.may_hold(first_three(four)) {
                self.compare(self.short.group(first_three(four)), text, at, &mut found);
            }
        }
        if let Some(at) = text.len().checked_sub(LEAST) {
            self.compare(self.short.group(first_three(letters(&text[at..]))), text, at, &mut found);
        }
    }

    fn compare(&self, group: &[u16], text: &[u8], at: usize, found: &mut impl FnMut(usize, Range<usize>)) {
        for keyword in group.iter().map(|number| &self.all[usize::from(*number)]) {
            let range = at..at + keyword.text.len();
            let Some(here) = text.get(range.clone()) else { continue };
            let is_equal =
                if keyword.heeds_case { here == keyword.text } else { here.eq_ignore_ascii_case(&keyword.text) };
            if is_equal {
                found(keyword.rule, range);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Keywords;

    fn find(text: &str) -> Vec<(usize, usize)> {
        let keywords = [(0, "key", false), (1, "Secret", true), (2, "secret", false), (3, "Ke$1", false)];
        let keywords = Keywords::new(keywords.into_iter()).expect("few");
        let mut found = Vec::new();
        keywords.find(text.as_bytes(), |rule, range| found.push((rule, range.start)));
        found.sort_unstable();
        found
    }

    #[test]
    fn keywords_are_found_wherever_they_stand() {
        assert_eq!(find("a keyKEY"), [(0, 2), (0, 5)]);
        assert_eq!(find("xSecret secret"), [(1, 1), (2, 1), (2, 8)]);
        assert_eq!(find("ke$1"), [(3, 0)]);
        assert_eq!(find("key"), [(0, 0)]);
        assert!(
            find("ke").is_empty() && find("").is_empty() && find("secre").is_empty() && find("ke\u{4}1").is_empty()
        );
    }
}
