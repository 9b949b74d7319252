//! Finds the second saying of what was said twice.

use std::collections::VecDeque;

/// How many texts without an echo are remembered: an echo follows within one answer.
const WINDOW: usize = 64;

/// What can be said twice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    User,
    Agent,
    Reasoning,
    WebSearch,
}

/// Who says it: the model's `response_item` or the interface's `event_msg`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Item,
    Notice,
}

/// Texts that may still find their echo.
#[derive(Default)]
pub(super) struct Echoes {
    unmatched: VecDeque<(Said, Side, u64)>,
}

impl Echoes {
    /// Whether the other side has said the same, once for each time it did. White space does not
    /// count: the two sides join the pieces of a text differently.
    pub(super) fn is_echo(&mut self, said: Said, side: Side, text: &str) -> bool {
        let hash = hash(text);
        let twin = self.unmatched.iter().position(|known| known.0 == said && known.1 != side && known.2 == hash);
        if let Some(twin) = twin {
            self.unmatched.remove(twin);
            return true;
        }
        if self.unmatched.len() == WINDOW {
            self.unmatched.pop_front();
        }
        self.unmatched.push_back((said, side, hash));
        false
    }
}

/// Hashes what is not white space, eight bytes at a time: this runs over every word that is said.
fn hash(text: &str) -> u64 {
    let (mut hash, mut word, mut length) = (0, 0_u64, 0_u64);
    for &byte in text.as_bytes() {
        if !byte.is_ascii_whitespace() {
            word = word << 8 | u64::from(byte);
            length += 1;
            if length % 8 == 0 {
                hash = mixed(hash ^ word);
            }
        }
    }
    mixed(mixed(hash ^ word) ^ length)
}

/// Spreads every bit over the whole word: the two halves of a product, folded.
fn mixed(word: u64) -> u64 {
    let product = u128::from(word ^ 0x9e37_79b9_7f4a_7c15) * 0xd6e8_feb8_6659_fd93_u128;
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::{Echoes, Said, Side};

    #[test]
    fn drops_an_echo_once_and_never_a_repetition_on_the_same_side() {
        let mut echoes = Echoes::default();
        assert!(!echoes.is_echo(Said::User, Side::Item, "go on"));
        assert!(!echoes.is_echo(Said::User, Side::Item, "go on"));
        assert!(!echoes.is_echo(Said::Agent, Side::Notice, "go on"));
        assert!(echoes.is_echo(Said::User, Side::Notice, "go\non"));
        assert!(echoes.is_echo(Said::User, Side::Notice, "go on"));
        assert!(!echoes.is_echo(Said::User, Side::Notice, "go on"));
    }
}
