//! Token counts: what each answer cost, once.

use serde::{Deserialize, Serialize};

use crate::hail::{Event, Scanner, attribute};

/// One count, as the agent reports it: `input_tokens` includes what was read from the cache and what was
/// written to it, `output_tokens` includes reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names are the agent's")]
pub(super) struct Usage {
    input_tokens: u64,
    cached_input_tokens: u64,
    /// Since 0.15x.
    #[serde(default)]
    cache_write_input_tokens: u64,
    output_tokens: u64,
    reasoning_output_tokens: u64,
}

#[derive(Default)]
struct Info {
    total: Option<Usage>,
    last: Option<Usage>,
}

impl Info {
    fn read(text: &str) -> Option<Self> {
        let mut info = Self::default();
        Scanner::new(text).object(|scanner, key| {
            match key {
                "total_token_usage" if !scanner.is_at_null() => info.total = Some(Usage::scan(scanner)?),
                "last_token_usage" if !scanner.is_at_null() => info.last = Some(Usage::scan(scanner)?),
                _ => scanner.skip()?,
            }
            Some(())
        })?;
        Some(info)
    }
}

const KEYS: [&str; 5] = [
    attribute::INPUT_TOKENS,
    attribute::OUTPUT_TOKENS,
    attribute::CACHE_READ_TOKENS,
    attribute::CACHE_WRITE_TOKENS,
    attribute::REASONING_TOKENS,
];

/// The largest count that is believed, so that no log can make the sums overflow.
const MAX_COUNT: u64 = 1 << 40;

/// Follows the running total.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Meter {
    total: Option<Usage>,
}

impl Meter {
    /// What a `token_count` adds, or `None` where it only repeats: the same total comes again with
    /// every change of the rate limits. A total that falls is a new count after a resume.
    pub(super) fn read(&mut self, info: Option<&str>, flat: Option<Usage>) -> Option<Usage> {
        let Some(Info { total, last }) = info.and_then(Info::read) else { return flat };
        let previous = self.total;
        if total.is_some() {
            if total == previous {
                return None;
            }
            self.total = total;
        }
        last.or_else(|| Some(total?.since(previous.unwrap_or_default())))
    }
}

impl Usage {
    /// Reads counts; those that are missing are zero.
    pub(super) fn read(text: &str) -> Option<Self> {
        Self::scan(&mut Scanner::new(text))
    }

    fn scan(scanner: &mut Scanner<'_>) -> Option<Self> {
        let mut usage = Self::default();
        scanner.object(|scanner, key| {
            let count = match key {
                "input_tokens" => &mut usage.input_tokens,
                "cached_input_tokens" => &mut usage.cached_input_tokens,
                "cache_write_input_tokens" => &mut usage.cache_write_input_tokens,
                "output_tokens" => &mut usage.output_tokens,
                "reasoning_output_tokens" => &mut usage.reasoning_output_tokens,
                _ => return scanner.skip(),
            };
            *count = scanner.count()?;
            Some(())
        })?;
        Some(usage)
    }

    /// Whether nothing was used.
    pub(super) fn is_zero(self) -> bool {
        self == Self::default()
    }

    /// Puts the counts on an event, in HAIL's terms: fresh input apart from what went through the cache.
    pub(super) fn put_on(self, event: &mut Event) {
        let mut put = |key: &'static str, count: u64| event.attributes.insert(key, count.min(MAX_COUNT).into());
        let cached = self.cached_input_tokens.saturating_add(self.cache_write_input_tokens);
        put(attribute::INPUT_TOKENS, self.input_tokens.saturating_sub(cached));
        put(attribute::OUTPUT_TOKENS, self.output_tokens);
        if self.cached_input_tokens > 0 {
            put(attribute::CACHE_READ_TOKENS, self.cached_input_tokens);
        }
        if self.cache_write_input_tokens > 0 {
            put(attribute::CACHE_WRITE_TOKENS, self.cache_write_input_tokens);
        }
        if self.reasoning_output_tokens > 0 {
            put(attribute::REASONING_TOKENS, self.reasoning_output_tokens);
        }
    }

    /// Copies the counts from one event to another.
    pub(super) fn copy(from: &Event, to: &mut Event) {
        for key in KEYS {
            if let Some(count) = from.attributes.get(key) {
                to.attributes.insert(key, count.clone());
            }
        }
    }

    /// Takes the counts off an event.
    pub(super) fn clear(event: &mut Event) {
        event.attributes.retain(|key, _| !KEYS.contains(&key));
    }

    fn since(self, earlier: Self) -> Self {
        if self.input_tokens < earlier.input_tokens || self.output_tokens < earlier.output_tokens {
            return self;
        }
        Self {
            input_tokens: self.input_tokens - earlier.input_tokens,
            cached_input_tokens: self.cached_input_tokens.saturating_sub(earlier.cached_input_tokens),
            cache_write_input_tokens: self.cache_write_input_tokens.saturating_sub(earlier.cache_write_input_tokens),
            output_tokens: self.output_tokens - earlier.output_tokens,
            reasoning_output_tokens: self.reasoning_output_tokens.saturating_sub(earlier.reasoning_output_tokens),
        }
    }
}
