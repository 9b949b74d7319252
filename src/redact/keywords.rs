//! Finds the keywords of all rules in one pass.
//!
//! Most of a text is no keyword. So the three letters at each position are looked up, by a hash of them, in
//! a table of sets: an entry tells which two letters come next in the keywords that begin so. Only where the
//! text has two of those, the keywords are compared. The time is linear in the text: no more keywords are
//! compared than share a hash.

use std::ops::Range;

/// How many bits of a hash number the entries of the table.
const BITS: u32 = 13;

/// The least length of a keyword, and how many letters are hashed.
pub(super) const LEAST: usize = 3;

/// How many letters of a text are read at once.
const HEAD: usize = 8;

/// At how many positions they are looked up: at each of these, five of them are there.
const STEP: usize = HEAD - LEAST - 1;

/// What makes letters of either case equal; what is no letter stays apart from them well enough.
const FOLD: u64 = 0x2020_2020_2020_2020;

/// The keywords, ready to be looked for, each with what it announces.
pub(super) struct Keywords<T> {
    /// What may come next, for each hash: a bit for each class of two letters.
    sets: Box<[u64; 1 << BITS]>,
    /// The keywords of each hash, as a part of `all`.
    groups: Vec<Range<u32>>,
    all: Vec<Keyword<T>>,
}

/// A keyword, its first letters in a form that is compared at once.
struct Keyword<T> {
    head: u64,
    /// The bytes of the head that there are.
    mask: u64,
    /// The bits in which they may differ: the case, unless it counts.
    fold: u64,
    text: Vec<u8>,
    heeds_case: bool,
    announces: T,
}

/// The first letters of `bytes`; nothing is a zero.
fn head(bytes: &[u8]) -> u64 {
    match bytes.first_chunk() {
        Some(letters) => u64::from_le_bytes(*letters),
        None => bytes.iter().rev().fold(0, |head, letter| head << 8 | u64::from(*letter)),
    }
}

/// Spreads the first three letters of a folded head over the entries of the table: the others leave no
/// trace in the upper bits of the product.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "more than three letters are left")]
fn entry(folded: u64) -> usize {
    ((folded as u32).wrapping_mul(0x009E_3779 << 8) >> (u32::BITS - BITS)) as usize
}

/// Puts three bits of each letter beside three of the next: they are the same for letters of either case.
fn pairs(letters: u64) -> u64 {
    let bits = letters & 0x0707_0707_0707_0707;
    bits | bits >> 5
}

/// The class of the fourth and the fifth letter of a head, below 64, from its pairs.
#[inline]
fn class(pairs: u64) -> u64 {
    pairs >> 24 & 0x3F
}

/// The classes of the letters that may come next where a keyword begins.
fn classes(keyword: &[u8]) -> u64 {
    let class = class(pairs(head(keyword)));
    match keyword.len() {
        LEAST => u64::MAX,
        4 => 0x0101_0101_0101_0101 << class,
        _ => 1 << class,
    }
}

impl<T> Keyword<T> {
    fn new(announces: T, text: &str, heeds_case: bool) -> Self {
        let text = text.as_bytes().to_vec();
        let of_case = |byte: &u8| if byte.is_ascii_alphabetic() && !heeds_case { 0x20 } else { 0 };
        let fold = head(&text.iter().map(of_case).collect::<Vec<u8>>());
        let mask = head(&vec![u8::MAX; text.len()]);
        Self { head: head(&text) | fold, mask, fold, text, heeds_case, announces }
    }

    /// The entry under which the keyword is looked up.
    fn entry(&self) -> usize {
        entry(self.head | FOLD)
    }

    /// Whether the keyword stands at the beginning of `text`, which has this head.
    fn is_at(&self, head: u64, text: &[u8]) -> bool {
        if (head | self.fold) & self.mask != self.head {
            return false;
        }
        let (Some(rest), Some(text)) = (self.text.get(HEAD..), text.get(HEAD..self.text.len())) else {
            // The head was all of it: a zero is in no keyword.
            return self.text.len() <= HEAD;
        };
        if self.heeds_case { text == rest } else { text.eq_ignore_ascii_case(rest) }
    }
}

impl<T: Copy> Keywords<T> {
    /// Takes the keywords, each of at least [`LEAST`] letters, with what they announce and whether their
    /// case counts; `None` when there are too many.
    pub(super) fn new<'a>(keywords: impl Iterator<Item = (T, &'a str, bool)>) -> Option<Self> {
        let mut all: Vec<Keyword<T>> =
            keywords.map(|(announces, text, heeds_case)| Keyword::new(announces, text, heeds_case)).collect();
        all.sort_by_key(Keyword::entry);
        let mut made = Self {
            sets: vec![0; 1 << BITS].into_boxed_slice().try_into().ok()?,
            groups: vec![0..0; 1 << BITS],
            all: Vec::new(),
        };
        let mut start = 0;
        for group in all.chunk_by(|one, other| one.entry() == other.entry()) {
            let entry = group[0].entry();
            let end = start + u32::try_from(group.len()).ok()?;
            made.groups[entry] = start..end;
            made.sets[entry] = group.iter().fold(0, |set, keyword| set | classes(&keyword.text));
            start = end;
        }
        Some(Self { all, ..made })
    }

    /// Tells `found` every place in `text` where a keyword begins within `stretch`, and what it announces;
    /// returns where to go on: a little behind it, or at the end of the text.
    pub(super) fn find(&self, text: &[u8], stretch: Range<usize>, mut found: impl FnMut(T, Range<usize>)) -> usize {
        let mut at = stretch.start;
        while let Some(letters) = text.get(at..).and_then(|rest| rest.first_chunk()) {
            if at >= stretch.end {
                return at;
            }
            let letters = u64::from_le_bytes(*letters);
            let (folded, pairs) = (letters | FOLD, pairs(letters));
            let begins = |step: usize| self.begins(folded >> (8 * step), pairs >> (8 * step));
            // Mostly there is nothing at any of them, and no step needs to be told from another.
            if (0..STEP).any(begins) {
                for step in (0..STEP).filter(|step| begins(*step)) {
                    self.compare(text, at + step, &mut found);
                }
            }
            at += STEP;
        }
        for at in at..(text.len() + 1).saturating_sub(LEAST) {
            let head = head(&text[at..]);
            if self.begins(head | FOLD, pairs(head)) {
                self.compare(text, at, &mut found);
            }
        }
        text.len()
    }

    /// Whether a keyword may begin with the first five letters of a head.
    #[inline]
    fn begins(&self, folded: u64, pairs: u64) -> bool {
        self.sets[entry(folded)] >> class(pairs) & 1 == 1
    }

    /// Tells `found` the keywords that stand at `at`.
    fn compare(&self, text: &[u8], at: usize, found: &mut impl FnMut(T, Range<usize>)) {
        let text = &text[at..];
        let head = head(text);
        let Range { start, end } = self.groups[entry(head | FOLD)];
        for keyword in self.all[start as usize..end as usize].iter().filter(|keyword| keyword.is_at(head, text)) {
            found(keyword.announces, at..at + keyword.text.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Keywords;

    const KEYWORDS: [(usize, &str, bool); 8] = [
        (0, "key", false),
        (1, "Secret", true),
        (2, "secret", false),
        (3, "Ke$1", false),
        (4, "seckey", false),
        (5, "keysecret", true),
        (6, "SECRETKEY$", false),
        (7, "1eys", true),
    ];

    fn find(text: &str) -> Vec<(usize, usize)> {
        let keywords = Keywords::new(KEYWORDS.into_iter()).expect("few");
        let (mut found, mut at) = (Vec::new(), 0);
        while at < text.len() {
            at = keywords.find(text.as_bytes(), at..at + 7, |rule, range| found.push((rule, range.start)));
        }
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

    proptest! {
        #[test]
        fn no_keyword_is_missed_and_none_is_made_up(pieces in prop::collection::vec("(?i:key|sec|ret|[kesy$1\u{e9} ])", 0..24)) {
            let text = pieces.concat();
            let is_at = |at: usize, keyword: &str, heeds_case: bool| {
                let here = text.as_bytes().get(at..at + keyword.len());
                here.is_some_and(|here| if heeds_case { here == keyword.as_bytes() } else { here.eq_ignore_ascii_case(keyword.as_bytes()) })
            };
            let all = KEYWORDS.into_iter().flat_map(|(rule, keyword, heeds_case)| {
                (0..text.len()).filter(move |at| is_at(*at, keyword, heeds_case)).map(move |at| (rule, at))
            });
            prop_assert_eq!(find(&text), all.collect::<Vec<_>>());
        }
    }
}
