//! Finds secrets that run over the borders of texts that follow each other: blocks of one event, chunks
//! of one output.

use std::ops::Range;

use super::{Summary, scan::Scanner};
use crate::hail::Block;

/// How much of a text on either side of a border is looked at, in bytes.
const NEAR: usize = 4096;

/// The same where a private key may lie over the border.
const FAR: usize = 1 << 15;

/// A part of a text, as a part of a joined text.
struct Part {
    /// The number of the text.
    text: usize,
    /// Where the part begins in it.
    from: usize,
    /// Where the part stands in the joined text.
    joined: Range<usize>,
}

/// Texts around borders, joined.
#[derive(Default)]
struct Group {
    text: String,
    parts: Vec<Part>,
    /// Whether the last text goes on behind its part.
    is_cut: bool,
}

impl Group {
    fn add(&mut self, text: usize, from: usize, part: &str) {
        let start = self.text.len();
        self.text.push_str(part);
        self.parts.push(Part { text, from, joined: start..self.text.len() });
    }
}

/// Replaces the secrets around the borders between `texts`: those that lie over a border, and those of
/// which a border parts what tells them.
pub(super) fn redact(scanner: &Scanner, texts: &mut [&mut String], summary: &mut Summary) {
    // From the end, so that what is still to come stays where it is.
    for group in groups(texts).iter().rev() {
        for (range, placeholder) in scanner.replacements(&group.text, group.is_cut, summary).into_iter().rev() {
            for part in group.parts.iter().rev() {
                let (start, end) = (range.start.max(part.joined.start), range.end.min(part.joined.end));
                if start < end {
                    let begins = range.start == start;
                    let within = part.from + start - part.joined.start..part.from + end - part.joined.start;
                    texts[part.text].replace_range(within, if begins { &placeholder } else { "" });
                }
            }
        }
    }
}

/// Joins what lies around the borders; of a long text only its ends.
fn groups(texts: &[&mut String]) -> Vec<Group> {
    let mut groups = vec![Group::default()];
    for (number, text) in texts.iter().enumerate() {
        let reach = if text.contains("PRIVATE KEY") { FAR } else { NEAR };
        let Some(group) = groups.last_mut() else { break };
        if text.len() <= 2 * reach {
            group.add(number, 0, text);
        } else {
            group.add(number, 0, &text[..boundary(text, reach)]);
            group.is_cut = true;
            let from = boundary(text, text.len() - reach);
            let mut next = Group::default();
            next.add(number, from, &text[from..]);
            groups.push(next);
        }
    }
    groups.retain(|group| group.parts.len() > 1);
    groups
}

/// The start of the character at `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The text of a block that may go on in the next block.
pub(super) fn text_of(block: &Block) -> Option<&str> {
    match block {
        Block::Text { text } => Some(text),
        Block::Code { code, .. } => Some(code),
        _ => None,
    }
}

/// The same, to be changed.
pub(super) fn text_of_mut(block: &mut Block) -> Option<&mut String> {
    match block {
        Block::Text { text } => Some(text.to_mut()),
        Block::Code { code, .. } => Some(code),
        _ => None,
    }
}
