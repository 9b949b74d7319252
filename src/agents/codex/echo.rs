//! Finds the second saying of what was said twice.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// How many texts without an echo are remembered: an echo follows within one answer.
const WINDOW: usize = 64;

/// What can be said twice.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Said {
    User,
    Agent,
    Reasoning,
    WebSearch,
}

/// Who says it: the model's `response_item` or the interface's `event_msg`.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Side {
    Item,
    Notice,
}

/// Texts that may still find their echo.
#[derive(Default, Serialize, Deserialize)]
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

/// Hashes what is neither white space nor a control character. This runs over every word that is said, and where a word ends no
/// processor can guess: so what counts is first put together, without a branch.
pub(super) fn hash(text: &str) -> u64 {
    const PIECE: usize = 64;
    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
    let (mut hash, mut length) = (SEED, 0);
    let mut kept = [0; PIECE + 8];
    for piece in text.as_bytes().chunks(PIECE) {
        for &byte in piece {
            kept[length] = byte;
            length += usize::from(byte > b' ');
        }
        let (words, rest) = kept[..length].as_chunks::<8>();
        hash = words.iter().fold(hash, |hash, word| mixed(hash ^ u64::from_le_bytes(*word)));
        let hashed = length - rest.len();
        kept.copy_within(hashed..length, 0);
        length -= hashed;
    }
    let rest = kept[..length].iter().fold(1, |rest: u64, byte| rest << 8 | u64::from(*byte));
    mixed(mixed(hash ^ rest))
}

/// Spreads every bit over the whole word.
fn mixed(word: u64) -> u64 {
    const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;
    let word = (word ^ (word >> 32)).wrapping_mul(FACTOR);
    let word = (word ^ (word >> 32)).wrapping_mul(FACTOR);
    word ^ (word >> 32)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Echoes, Said, Side, hash};

    #[test]
    fn tells_texts_apart_by_every_byte_that_is_no_white_space() {
        let words: Vec<String> = (0..40).map(|number| format!("word{number}")).collect();
        assert_eq!(hash(&words.join(" ")), hash(&words.join("\r\n\t")));
        let text = words.concat();
        let cut = |length: usize| hash(&text[..length]);
        let all: HashSet<u64> = (0..=text.len()).map(cut).collect();
        assert_eq!(all.len(), text.len() + 1);
        assert_ne!(hash("ab cd ef gh ij"), hash("ab cd ef gh ji"));
    }

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
