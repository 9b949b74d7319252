//! Applies the patterns of rules: where they match, and what a match must be besides.

use std::ops::Range;

use regex::bytes::Regex;

use super::{
    budget::Watch,
    command,
    rules::{Check, Rule},
    value,
};

/// How many bytes of a text a pattern without a keyword looks at in one go.
const WINDOW: usize = 1 << 16;

/// How far the match of such a pattern may go beyond, in bytes.
const OVERLAP: usize = 1 << 12;

/// The least reach of such a pattern where its matches stand closely, in bytes.
const LEAST_OVERLAP: usize = 256;

/// How many bytes beyond its matches such a pattern may look at, on average, for each byte of the text.
const PER_BYTE: usize = 16;

/// How much of a match is looked at first for where its secret begins, in bytes.
const HEAD: usize = 64;

/// How far from a match a word makes it harmless, in bytes.
const NEAR: usize = 400;

/// Where a pattern without a keyword matches. A search looks at one window at a time, and from a match on
/// only so far that the whole is linear in the text, whatever the pattern.
pub(super) fn everywhere<'a>(rule: &'a Rule, text: &'a str, watch: Watch) -> impl Iterator<Item = Range<usize>> + 'a {
    let (bytes, mut at, mut matches) = (text.as_bytes(), 0, 0);
    std::iter::from_fn(move || {
        // A test compiles every pattern, and a user's was compiled when it was read.
        let regex = rule.regex()?;
        while at < bytes.len() && !watch.is_over() {
            let window = (at / WINDOW + 1) * WINDOW;
            let end = bytes.len().min(window + OVERLAP);
            // Where the first match is known to be one, which is where it may still grow.
            let Some(known) = regex.shortest_match_at(&bytes[..end], at) else {
                at = window;
                continue;
            };
            matches += 1;
            let ahead = (PER_BYTE * (at + WINDOW) / matches).clamp(LEAST_OVERLAP, OVERLAP);
            match regex.find_at(&bytes[..end.min(known + ahead)], at).filter(|found| !found.is_empty()) {
                Some(found) if found.start() < window => {
                    at = found.end();
                    return Some(found.range());
                }
                Some(_) => at = window,
                None => at = known.max(at + 1),
            }
        }
        None
    })
}

pub(super) fn matched(rule: &Rule, text: &str, start: usize, reach: usize) -> Option<Range<usize>> {
    let Some(regex) = rule.regex() else {
        // A test compiles every pattern. Should one fail all the same, hide too much, not too little.
        return Some(start..text.len());
    };
    let window = &text.as_bytes()[start..text.len().min(start + reach)];
    let whole = regex.find(window)?;
    let found = if regex.captures_len() > 1 { first_group(regex, &window[..whole.end()])? } else { whole.range() };
    let range = start + found.start..start + found.end;
    let secret = text.get(range.clone())?;
    let allowed = !rule.allow.is_empty() && {
        let lower = secret.to_ascii_lowercase();
        rule.allow.iter().any(|part| lower.contains(&part.to_ascii_lowercase()))
    };
    let checked = passes(rule.check, secret) && !stands_near(text, &range, &rule.unless);
    (checked && !allowed && (rule.entropy <= 0.0 || value::entropy(&window[found]) >= rule.entropy)).then_some(range)
}

/// Whether one of `words` stands near `range`.
fn stands_near(text: &str, range: &Range<usize>, words: &[String]) -> bool {
    let around = &text.as_bytes()[range.start.saturating_sub(NEAR)..text.len().min(range.end + NEAR)];
    words.iter().any(|word| memchr::memmem::find(around, word.as_bytes()).is_some())
}

/// Whether `secret` is what a rule demands besides.
pub(super) fn passes(check: Check, secret: &str) -> bool {
    let random = |secret: &str| value::looks_random(secret) || value::is_object_id(secret);
    match check {
        Check::None => true,
        Check::Random => random(secret) && !value::is_wordy(secret),
        Check::SomeRandom => secret.split([';', '=', ' ', ',']).any(random),
        Check::Literal => !value::is_placeholder(secret),
        Check::Generated => random(secret) || is_hex(secret),
        Check::Mixed => (random(secret) || is_hex(secret) || command::is_mixed(secret)) && !value::is_wordy(secret),
        Check::Pair => {
            command::is_mixed(secret) && secret.contains(['!', '#', '$', '%', '&', '*', '+', '?', '@', '^', '~'])
        }
    }
}

/// Whether `secret` is a number in hex of the length that keys have.
fn is_hex(secret: &str) -> bool {
    secret.len() >= 32 && secret.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The first group of a pattern in what it matches. Groups are slow to tell: where the group goes on at the end of
/// the match's head, it goes on to the end of the match.
fn first_group(regex: &Regex, matched: &[u8]) -> Option<Range<usize>> {
    let group = |text: &[u8]| regex.captures(text)?.get(1).map(|group| group.range());
    if matched.len() > HEAD
        && let Some(found) = group(&matched[..HEAD]).filter(|found| found.end == HEAD)
    {
        return Some(found.start..matched.len());
    }
    group(matched)
}
