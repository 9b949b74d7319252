//! The text of a note: a few lines for people, then one JSON line a session.
//!
//! ```text
//! AI sessions of this commit:
//!   c96e93e8-…  claude-code (claude-opus-4-6)  Fix the parser
//!
//! {"session_id":"c96e93e8-…","hail_path":"sessions/c9/…","meta_path":"…","stored_at":"…"}
//!
//! What people added with git notes append
//! ```

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{IndexEntry, Meta};
use crate::hail::{SessionId, Timestamp};

/// The key of an entry under which a note keeps what its readable line shows.
pub(super) const SHOWN: &str = "git_session";
/// The key below it that says when that was last made sure to hold nothing that had to go.
const CLEARED_AT: &str = "cleared_at";
/// The first line.
const HEADER: &[u8] = b"AI sessions of this commit:";
/// What begins the readable line of a session.
const INDENT: &[u8] = b"  ";

/// What a note says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Note {
    /// The sessions of its commit.
    pub(super) entries: BTreeMap<SessionId, IndexEntry>,
    /// Paragraphs that are not this tool's, none twice.
    pub(super) remarks: Vec<Vec<u8>>,
}

impl Note {
    /// Reads any text, also one that git joined of several notes (`notes.rewriteMode`), whatever it did to the order
    /// of the lines.
    pub(super) fn parse(text: &[u8]) -> Self {
        let mut note = Self::default();
        let mut paragraph: Vec<&[u8]> = Vec::new();
        let mut is_head = false;
        for line in text.split(|byte| *byte == b'\n') {
            is_head = line == HEADER || is_head && line.starts_with(INDENT);
            if is_head {
                continue;
            }
            match entry(line) {
                Some(entry) => note.add(entry),
                None if line.is_empty() => note.remark(&mut paragraph),
                None => paragraph.push(line),
            }
        }
        note.remark(&mut paragraph);
        note.without_own_lines()
    }

    /// Takes the lines that are made of the entries out of the remarks: sorted lines are not below their header.
    fn without_own_lines(mut self) -> Self {
        let own: Vec<Vec<u8>> =
            self.entries.values().map(|entry| [INDENT, readable(entry).as_bytes()].concat()).collect();
        let remarks = std::mem::take(&mut self.remarks);
        for remark in remarks {
            let is_own = |line: &&[u8]| *line == HEADER || own.iter().any(|own| own == line);
            let mut rest: Vec<&[u8]> = remark.split(|byte| *byte == b'\n').filter(|line| !is_own(line)).collect();
            self.remark(&mut rest);
        }
        self
    }

    fn remark(&mut self, paragraph: &mut Vec<&[u8]>) {
        let text = std::mem::take(paragraph).join(&b'\n');
        if !text.is_empty() && !self.remarks.contains(&text) {
            self.remarks.push(text);
        }
    }

    /// Adds an entry; of two for one session the one of the higher rank stays.
    pub(super) fn add(&mut self, entry: IndexEntry) {
        let known = self.entries.entry(entry.session_id.clone()).or_insert_with(|| entry.clone());
        if entry.rank() > known.rank() {
            *known = entry;
        }
    }

    /// Merges two notes of one commit. Like all of the merge it depends neither on the order nor on
    /// the grouping: remarks keep their order where one side has all of them, else they are sorted,
    /// which is the least order there is.
    pub(super) fn merged(mut self, other: Self) -> Self {
        for entry in other.entries.into_values() {
            self.add(entry);
        }
        let all: BTreeSet<Vec<u8>> = self.remarks.iter().chain(&other.remarks).cloned().collect();
        let is_whole = |remarks: &Vec<Vec<u8>>| remarks.len() == all.len();
        let whole = [self.remarks, other.remarks].into_iter().filter(is_whole).max();
        self.remarks = whole.unwrap_or_else(|| all.into_iter().collect());
        self
    }

    /// The text to store.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut text = Vec::new();
        let mut line = |parts: &[&[u8]]| {
            text.extend(parts.concat());
            text.push(b'\n');
        };
        if !self.entries.is_empty() {
            line(&[HEADER]);
            self.entries.values().for_each(|entry| line(&[INDENT, readable(entry).as_bytes()]));
            line(&[]);
            self.entries.values().for_each(|entry| line(&[&entry.to_bytes()]));
        }
        for (position, remark) in self.remarks.iter().enumerate() {
            if position > 0 || !self.entries.is_empty() {
                line(&[]);
            }
            line(&[remark]);
        }
        text
    }
}

fn entry(line: &[u8]) -> Option<IndexEntry> {
    if line.starts_with(b"{") { serde_json::from_slice(line).ok() } else { None }
}

/// Puts into an entry what its readable line is to show.
pub(super) fn show(entry: &mut IndexEntry, meta: &Meta) {
    let fields = [("tool", &meta.tool), ("model", &meta.model), ("title", &meta.title)];
    let shown = fields.into_iter().map(|(name, value)| (name.to_owned(), plain(value)));
    let cleared_at = meta.own.cleared_at.map(|at| (CLEARED_AT.to_owned(), at.to_string()));
    let shown = shown.filter(|(_, value)| !value.is_empty()).chain(cleared_at);
    let shown: Map<String, Value> = shown.map(|(name, value)| (name, Value::String(value))).collect();
    entry.other.insert(SHOWN.to_owned(), Value::Object(shown));
}

/// When what an entry shows was last written in the knowledge of what was purged and redacted.
pub(super) fn cleared_at(entry: &IndexEntry) -> Option<Timestamp> {
    entry.other.get(SHOWN)?.get(CLEARED_AT)?.as_str()?.parse().ok()
}

fn readable(entry: &IndexEntry) -> String {
    let field = |name: &str| {
        let value = entry.other.get(SHOWN).and_then(|shown| shown.get(name)).and_then(Value::as_str);
        value.map(plain).filter(|value| !value.is_empty())
    };
    let mut line = entry.session_id.to_string();
    if let Some(tool) = field("tool") {
        line.push_str(&format!("  {tool}"));
    }
    if let Some(model) = field("model") {
        line.push_str(&format!(" ({model})"));
    }
    if let Some(title) = field("title") {
        line.push_str(&format!("  {title}"));
    }
    line
}

/// One line without the characters that move the cursor, reorder text or hide in it: git shows a
/// note as it is.
fn plain(text: &str) -> String {
    let is_harmful = |character: char| {
        character.is_control()
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}')
            || matches!(character, '\u{feff}' | '\u{061c}')
    };
    let words: String = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect();
    let words: String = words.chars().filter(|character| !is_harmful(*character)).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::{Note, plain};

    const ENTRY: &str = r#"{"session_id":"abc","hail_path":"h","meta_path":"m","stored_at":"2026-02-01T12:00:00Z","git_session":{"model":"m","title":"Do \u001b[2J it","tool":"t"}}"#;

    #[test]
    fn a_note_survives_being_read_and_written() {
        let text =
            format!("AI sessions of this commit:\n  abc  t (m)  Do [2J it\n\n{ENTRY}\n\nA remark\n  of two lines\n");
        let note = Note::parse(text.as_bytes());
        assert_eq!((note.entries.len(), note.remarks.len()), (1, 1));
        assert_eq!(String::from_utf8_lossy(&note.to_bytes()), text);
        assert_eq!(Note::parse(b"\xff {}\n{\"a\":1}\n").to_bytes(), b"\xff {}\n{\"a\":1}\n");
    }

    #[test]
    fn a_note_that_git_joined_of_two_is_read_as_both() {
        let other = ENTRY.replace("abc", "abd");
        let texts = [
            format!("AI sessions of this commit:\n  abc  t (m)  Do [2J it\n\n{ENTRY}\n\nA remark\n"),
            format!("AI sessions of this commit:\n  abd  t (m)  Do [2J it\n\n{other}\n\nA remark\n"),
        ];
        let [one, two] = texts.each_ref().map(|text| Note::parse(text.as_bytes()));
        let whole = one.clone().merged(two);
        for joined in [texts.join("\n"), texts.concat(), [texts.concat(), texts.concat()].concat()] {
            assert_eq!(Note::parse(joined.as_bytes()), whole, "{joined}");
        }
        // `cat_sort_uniq`.
        let mut lines: Vec<String> =
            texts.concat().lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
        lines.sort();
        lines.dedup();
        assert_eq!(Note::parse(format!("{}\n", lines.join("\n")).as_bytes()), whole, "{lines:?}");
        assert_eq!(Note::parse(&whole.to_bytes()), whole);
    }

    #[test]
    fn remarks_of_both_sides_stay_in_their_order_where_they_can() {
        let [ba, ab, c] = ["b\n\na\n", "a\n\nb\n", "c\n"].map(|text| Note::parse(text.as_bytes()));
        assert_eq!(ba.clone().merged(Note::default()), ba);
        assert_eq!(ab.clone().merged(ba.clone()), ba);
        let sorted = ab.merged(c.clone());
        assert_eq!(sorted.remarks, [b"a", b"b", b"c"]);
        assert_eq!(c.merged(ba), sorted);
    }

    #[test]
    fn a_readable_line_cannot_control_the_terminal() {
        assert_eq!(plain("one\n\u{1b}[31mtwo\u{202e}\t three"), "one [31mtwo three");
    }
}
