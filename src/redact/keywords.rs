//! Finds the keywords of all rules in one pass, without regard to case.
//!
//! Most of a text is no keyword. So each position is tried against a table of bits, by a hash of the four
//! letters there; only where a bit is set, the keywords that begin so are compared. The time is linear in
//! the text: no more keywords are compared than share a hash.

use std::ops::Range;

/// How many bits of a hash number the entries of the table: its bits stay in the nearest cache.
const BITS: u32 = 18;

/// How many letters are hashed.
const HASHED: usize = 4;

/// The least length of a keyword.
pub(super) const LEAST: usize = 3;

/// How many letters of a keyword are compared at once.
const HEAD: usize = 8;

/// The keywords, ready to be looked for.
pub(super) struct Keywords {
    /// Whether any keyword begins with the letters of a hash.
    bits: Box<[u64; 1 << (BITS - 6)]>,
    /// The number of the group of those keywords.
    groups: Vec<u16>,
    /// The groups, each a part of `members`.
    ranges: Vec<Range<u32>>,
    /// The numbers of the keywords in each group, with their first letters.
    members: Vec<Member>,
    all: Vec<Keyword>,
}

/// A keyword of a rule.
struct Keyword {
    rule: usize,
    text: Vec<u8>,
    heeds_case: bool,
}

/// The first letters of a keyword, to be compared at once.
#[derive(Clone, Copy)]
struct Member {
    head: u64,
    mask: u64,
    keyword: u32,
}

/// Spreads letters over the entries of the table.
fn entry(letters: u32) -> usize {
    (letters.wrapping_mul(0x9E37_79B1) >> (32 - BITS)) as usize
}

/// Makes letters of either case equal; what is no letter stays apart from them well enough.
fn fold(letters: u32) -> u32 {
    letters | 0x2020_2020
}

/// The first letters of `bytes`, folded.
fn head(bytes: &[u8]) -> u64 {
    let mut first = [0; HEAD];
    let length = bytes.len().min(HEAD);
    first[..length].copy_from_slice(&bytes[..length]);
    u64::from_le_bytes(first) | 0x2020_2020_2020_2020
}

/// All that four letters may be where a keyword begins.
fn beginnings(keyword: &[u8]) -> Vec<u32> {
    let four = |last: u8| fold(u32::from_le_bytes([keyword[0], keyword[1], keyword[2], last]));
    match keyword.get(HASHED - 1) {
        Some(last) => vec![four(*last)],
        None => (0..=u8::MAX).filter(|last| last & 0x20 != 0).map(four).collect(),
    }
}

impl Keywords {
    /// Takes the keywords, each of at least [`LEAST`] letters, with the indices of their rules and whether
    /// their case counts; `None` when there are too many.
    pub(super) fn new<'a>(keywords: impl Iterator<Item = (usize, &'a str, bool)>) -> Option<Self> {
        let to_keyword = |(rule, text, heeds_case): (usize, &str, bool)| Keyword {
            rule,
            text: text.as_bytes().to_vec(),
            heeds_case,
        };
        let all: Vec<Keyword> = keywords.map(to_keyword).collect();
        let mut entries: Vec<(usize, u32)> = Vec::new();
        for (number, keyword) in (0..).zip(&all) {
            entries.extend(beginnings(&keyword.text).into_iter().map(|letters| (entry(letters), number)));
        }
        entries.sort_unstable();
        entries.dedup();
        let mut made = Self {
            bits: vec![0; 1 << (BITS - 6)].into_boxed_slice().try_into().ok()?,
            groups: vec![0; 1 << BITS],
            ranges: Vec::new(),
            members: Vec::new(),
            all,
        };
        for group in entries.chunk_by(|one, other| one.0 == other.0) {
            let entry = group[0].0;
            made.bits[entry / 64] |= 1 << (entry % 64);
            made.groups[entry] = u16::try_from(made.ranges.len()).ok()?;
            let start = u32::try_from(made.members.len()).ok()?;
            made.members.extend(group.iter().map(|(_, keyword)| member(*keyword, &made.all[*keyword as usize].text)));
            made.ranges.push(start..u32::try_from(made.members.len()).ok()?);
        }
        Some(made)
    }

    /// Tells `found` every place in `text` where a keyword stands, and the index of its rule.
    pub(super) fn find(&self, text: &[u8], mut found: impl FnMut(usize, Range<usize>)) {
        for (at, four) in text.windows(HASHED).enumerate() {
            let entry = entry(fold(u32::from_le_bytes([four[0], four[1], four[2], four[3]])));
            if self.bits[entry / 64] >> (entry % 64) & 1 == 1 {
                self.compare(entry, text, at, &mut found);
            }
        }
        if let Some(at) = text.len().checked_sub(LEAST) {
            let entry = entry(fold(u32::from_le_bytes([text[at], text[at + 1], text[at + 2], 0])));
            if self.bits[entry / 64] >> (entry % 64) & 1 == 1 {
                self.compare(entry, text, at, &mut found);
            }
        }
    }

    fn compare(&self, entry: usize, text: &[u8], at: usize, found: &mut impl FnMut(usize, Range<usize>)) {
        let Range { start, end } = self.ranges[usize::from(self.groups[entry])];
        let here = head(&text[at..]);
        for member in &self.members[start as usize..end as usize] {
            if here & member.mask != member.head {
                continue;
            }
            let keyword = &self.all[member.keyword as usize];
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

fn member(keyword: u32, text: &[u8]) -> Member {
    let mask = if text.len() >= HEAD { u64::MAX } else { (1 << (8 * text.len())) - 1 };
    Member { head: head(text) & mask, mask, keyword }
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
