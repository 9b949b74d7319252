//! What an answer cost.

use crate::hail::{Event, attribute};

/// The token counts of one answer, in HAIL's sense: input is fresh input only, output includes
/// reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Tokens {
    pub(super) input: u64,
    pub(super) output: u64,
    pub(super) cache_read: u64,
    pub(super) cache_write: u64,
    pub(super) reasoning: u64,
    /// In US dollars.
    pub(super) cost: Option<f64>,
}

impl Tokens {
    /// Notes the counts on the last event of an answer.
    pub(super) fn note(&self, event: &mut Event) {
        let counts = [
            (attribute::INPUT_TOKENS, self.input),
            (attribute::OUTPUT_TOKENS, self.output),
            (attribute::CACHE_READ_TOKENS, self.cache_read),
            (attribute::CACHE_WRITE_TOKENS, self.cache_write),
            (attribute::REASONING_TOKENS, self.reasoning),
        ];
        for (key, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            event.attributes.insert(key.to_owned(), count.into());
        }
        if let Some(cost) = self.cost.filter(|cost| *cost > 0.0) {
            event.attributes.insert(attribute::COST_USD.to_owned(), cost.into());
        }
    }
}
