//! What the search for secrets in one text may cost, whatever the text.
//!
//! A rule looks from each of its keywords on. Where its keywords stand closely, those looks overlap, and
//! would cost their number times their reach; so the reach shrinks there. A rule looks, on average, at
//! [`PER_BYTE`] bytes for each byte of the text, and the whole search is linear in the text.

use std::{ops::Range, time::Instant};

/// How many bytes a rule may look at for each byte of the text up to its keyword.
const PER_BYTE: usize = 16;

/// How many bytes of a text count as gone by before it begins, so that a short one is looked at freely.
const HEAD_START: usize = 4096;

/// How far a rule may look from any of its keywords: most secrets are shorter.
const LEAST_REACH: usize = 256;

/// How many bytes of a text are searched between two looks at the clock.
pub(super) const STRETCH: usize = 1 << 15;

/// What one search in a text may still cost.
#[derive(Debug)]
pub(super) struct Budget {
    /// What each rule has used, by the rule's index; empty until the first keyword.
    rules: Vec<Used>,
    count: usize,
    /// How many bytes the rules were allowed to look at.
    pub(super) steps: usize,
}

/// What one rule has used.
#[derive(Clone, Debug, Default)]
struct Used {
    looks: usize,
    /// Where its last secret ends.
    found_to: usize,
}

impl Budget {
    /// A budget for `count` rules.
    pub(super) fn new(count: usize) -> Self {
        Self { rules: Vec::new(), count, steps: 0 }
    }

    /// How far a rule may look from its keyword at `keyword`; `None` where the keyword is a part of what the
    /// rule found already.
    pub(super) fn reach(&mut self, rule: usize, keyword: &Range<usize>, wanted: usize) -> Option<usize> {
        self.rules.resize(self.count, Used::default());
        let used = &mut self.rules[rule];
        if keyword.end <= used.found_to {
            return None;
        }
        used.looks += 1;
        let fair = PER_BYTE * (keyword.start + HEAD_START) / used.looks;
        let reach = wanted.min(fair.max(LEAST_REACH));
        self.steps += reach;
        Some(reach)
    }

    /// Notes what a rule has found.
    pub(super) fn found(&mut self, rule: usize, range: &Range<usize>) {
        if let Some(used) = self.rules.get_mut(rule) {
            used.found_to = used.found_to.max(range.end);
            self.steps += range.len();
        }
    }
}

/// When a search has to stop, if ever.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Watch(Option<Instant>);

impl Watch {
    pub(super) fn until(deadline: Instant) -> Self {
        Self(Some(deadline))
    }

    /// Looks at the clock.
    pub(super) fn is_over(self) -> bool {
        self.0.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
