//! Finds every secret in one text and replaces it.

use std::{borrow::Cow, ops::Range, path::PathBuf, sync::Arc, time::Instant};

use super::{
    Profile, RulesError, Settings, Summary, apart, assignment, basic,
    budget::{Budget, STRETCH, Watch},
    columns, command, credential_file, encoded, environment,
    home::{self, Homes},
    pattern,
    placeholder::{self, Placeholders, UNREAD},
    private_key,
    rules::{Candidate, Check, Detector, Rule, Rules},
    service, verdict, view,
};

/// How often a text is scanned again because replacing something may have laid bare something else.
const MAX_PASSES: usize = 8;

/// How often a text is decoded that stands encoded in another.
const MAX_LAYERS: usize = 2;

/// The rules, made ready for one repository and one machine.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    pub(super) rules: Arc<Rules>,
    watch: Watch,
    pub(super) placeholders: Placeholders,
    pub(super) home_rule: usize,
    assignment_rule: usize,
    file_rule: usize,
    environment_rule: usize,
    pub(super) only: Option<String>,
    profile: Profile,
}

/// A secret, and the rule that found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) range: Range<usize>,
    pub(super) rule: usize,
}

impl Scanner {
    pub(super) fn new(
        sources: &[&str],
        settings: &Settings,
        key: &[u8],
        homes: &[PathBuf],
    ) -> Result<Self, RulesError> {
        let rules = Rules::load(sources, settings, &Homes::new(homes))?;
        let position = |detector| rules.position(detector).ok_or_else(|| RulesError::missing(detector));
        Ok(Self {
            home_rule: position(Detector::HomeDirectory)?,
            assignment_rule: position(Detector::Assignment)?,
            file_rule: position(Detector::CredentialFile)?,
            environment_rule: position(Detector::Environment)?,
            placeholders: Placeholders::new(key),
            only: settings.only.clone(),
            rules: Arc::new(rules),
            watch: Watch::default(),
            profile: settings.profile,
        })
    }

    /// The same scanner, which stops looking at `deadline`.
    pub(super) fn until(&self, deadline: Instant) -> Self {
        Self { watch: Watch::until(deadline), ..self.clone() }
    }

    /// Whether its time is over, and it may have stopped before it was done.
    pub(super) fn is_late(&self) -> bool {
        self.watch.is_over()
    }

    /// Replaces the secrets in `text`.
    pub(super) fn redact<'a>(&self, text: &'a str, summary: &mut Summary) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for _ in 0..MAX_PASSES {
            let hits = self.hits(&text);
            if hits.is_empty() {
                break;
            }
            text = Cow::Owned(self.replace(&text, &hits, summary));
        }
        text
    }

    pub(super) fn counts(&self, rule: usize) -> bool {
        self.only.as_ref().is_none_or(|only| self.rules.rule(rule).id == *only)
    }

    /// Whether there is a rule of this id.
    pub(super) fn has_rule(&self, id: &str) -> bool {
        id == UNREAD || self.rules.has(id)
    }

    /// The id of the rule that finds home directories, which are private but no secret.
    pub(super) fn home_rule(&self) -> &str {
        &self.rules.rule(self.home_rule).id
    }

    /// The secrets in `text`, with the ids of the rules that find them; a home directory is none.
    pub(super) fn secrets<'a>(&'a self, text: &str) -> impl Iterator<Item = (&'a str, Range<usize>)> {
        let secrets = self.hits(text).into_iter().filter(|hit| hit.rule != self.home_rule);
        secrets.map(|hit| (self.rules.rule(hit.rule).id.as_str(), hit.range))
    }

    /// The secrets in `text`, and what stands in their place. Where the text is cut off, a secret at its
    /// end may go on: it is left to whoever has the rest.
    pub(super) fn replacements(&self, text: &str, is_cut: bool, summary: &mut Summary) -> Vec<(Range<usize>, String)> {
        let is_whole = |hit: &Hit| !is_cut || hit.range.end < text.len();
        let hits = self.hits(text).into_iter().filter(is_whole);
        hits.map(|hit| (hit.range.clone(), self.stand_in(&hit, text, summary))).collect()
    }

    /// The rule of files that hold nothing but credentials.
    pub(super) fn credential_files(&self) -> &[String] {
        &self.rules.rule(self.file_rule).files
    }

    /// Replaces every value in `text`, which is a file of credentials.
    pub(super) fn redact_file(&self, text: &str, summary: &mut Summary) -> String {
        if !self.counts(self.file_rule) {
            return text.to_owned();
        }
        let values = credential_file::values(text).into_iter().map(|range| Hit { range, rule: self.file_rule });
        self.replace(text, &apart_from_placeholders(text, values.collect()), summary)
    }

    /// Replaces the values in `text`, which lists the variables of an environment, that may be secrets.
    pub(super) fn redact_environment(&self, text: &str, summary: &mut Summary) -> String {
        if !self.counts(self.environment_rule) {
            return text.to_owned();
        }
        // What another rule finds has the name of that one.
        let values = environment::values(text).into_iter().map(|range| Hit { range, rule: self.environment_rule });
        let hits = merged(self.hits(text).into_iter().chain(values).collect());
        self.replace(text, &apart_from_placeholders(text, hits), summary)
    }

    /// Replaces `value` as a whole when the key under which it is stored says that it is a secret.
    pub(super) fn redact_under(&self, key: &str, value: &str, summary: &mut Summary) -> Option<String> {
        if !self.counts(self.assignment_rule)
            || !verdict::is_secret_under(key, value, self.profile)
            || self.hits(value).iter().any(|hit| hit.range.len() == value.len())
        {
            return None;
        }
        let rule = self.rules.rule(self.assignment_rule);
        summary.count(&rule.id);
        Some(self.placeholders.of(&rule.id, value.as_bytes()))
    }

    fn replace(&self, text: &str, hits: &[Hit], summary: &mut Summary) -> String {
        let mut out = String::with_capacity(text.len() + hits.len() * 16);
        let mut done = 0;
        for hit in hits {
            out.push_str(&text[done..hit.range.start]);
            out.push_str(&self.stand_in(hit, text, summary));
            done = hit.range.end;
        }
        out.push_str(&text[done..]);
        out
    }

    /// What stands in the place of a secret, which is counted.
    pub(super) fn stand_in(&self, Hit { range, rule }: &Hit, text: &str, summary: &mut Summary) -> String {
        let id = &self.rules.rule(*rule).id;
        summary.count(id);
        if *rule == self.home_rule {
            return "~".to_owned();
        }
        // In disguise it is the same secret.
        let secret = &text[range.clone()];
        self.placeholders.of(id, view::read(secret).as_deref().unwrap_or(secret).as_bytes())
    }

    /// The secrets in `text` in order; they do not overlap each other or a placeholder.
    pub(super) fn hits(&self, text: &str) -> Vec<Hit> {
        self.hits_within(text, MAX_LAYERS, &mut Budget::new(self.rules.len()))
    }

    /// How many bytes the rules look at in `text`.
    pub(super) fn steps(&self, text: &str) -> usize {
        let mut budget = Budget::new(self.rules.len());
        self.hits_within(text, MAX_LAYERS, &mut budget);
        budget.steps
    }

    /// The same, with what stands in it in disguise; what is encoded in what is encoded, down to so many layers.
    fn hits_within(&self, text: &str, layers: usize, budget: &mut Budget) -> Vec<Hit> {
        let mut hits = self.written(text, budget);
        for view in view::all(text) {
            let mut of_view = Budget::new(self.rules.len());
            let found = apart_from_placeholders(&view.text, merged(self.written(&view.text, &mut of_view)));
            budget.steps += of_view.steps;
            let found = found.into_iter().filter(|hit| hit.rule != self.home_rule);
            hits.extend(found.filter_map(|hit| Some(Hit { range: view.original(&hit.range)?, ..hit })));
        }
        let mut run = |range: Range<usize>| {
            let rule = self.rules.of_run(&text.as_bytes()[range.clone()]).filter(|rule| self.counts(*rule));
            hits.extend(rule.map(|rule| Hit { range, rule }));
        };
        let encoded = if layers > 0 && !self.watch.is_over() { encoded::all(text, &mut run) } else { Vec::new() };
        for (range, read) in encoded {
            let mut of_read = Budget::new(self.rules.len());
            let found = self.hits_within(&read, layers - 1, &mut of_read);
            budget.steps += of_read.steps;
            let rule = found.iter().map(|hit| hit.rule).filter(|rule| self.is_sure(*rule)).min();
            hits.extend(rule.map(|rule| Hit { range, rule }));
        }
        if hits.is_empty() { hits } else { apart_from_placeholders(text, merged(hits)) }
    }

    /// The secrets in `text` as it is written, in any order.
    fn written(&self, text: &str, budget: &mut Budget) -> Vec<Hit> {
        let mut hits: Vec<Hit> = Vec::new();
        let mut at = 0;
        while at < text.len() && !self.watch.is_over() {
            at = self.rules.candidates(text, at..at + STRETCH, |candidate, keyword| match candidate {
                Candidate::Rule(index) => self.try_rule(index, keyword, text, budget, &mut hits),
                Candidate::Home => {
                    hits.extend(home::known(text, keyword).map(|range| Hit { range, rule: self.home_rule }));
                }
            });
        }
        for (index, rule) in self.rules.everywhere() {
            let found = pattern::everywhere(rule, text, self.watch);
            hits.extend(found.map(|range| Hit { range: on_boundaries(text, range), rule: index }));
        }
        hits.retain(|hit| hit.rule == self.home_rule || self.counts(hit.rule));
        hits
    }
}

impl Scanner {
    /// Adds what a rule finds at its keyword.
    fn try_rule(&self, index: usize, keyword: Range<usize>, text: &str, budget: &mut Budget, hits: &mut Vec<Hit>) {
        let rule = self.rules.rule(index);
        if !rule.loose && !stands_alone(text.as_bytes(), keyword.start) {
            return;
        }
        let Some(reach) = budget.reach(index, &keyword, rule.reach) else { return };
        let many = match rule.detector {
            Detector::Column => columns::find(text, &keyword, reach, self.profile),
            Detector::Manifest => apart::manifest(text, &keyword, reach),
            Detector::Environment => environment::behind(text, &keyword, reach),
            _ => Vec::new(),
        };
        for range in many {
            budget.found(index, &range);
            hits.push(Hit { range: on_boundaries(text, range), rule: index });
        }
        let Some(mut range) = detect(rule, text, keyword, reach, self.profile) else { return };
        let mut hit = |range: &Range<usize>| {
            budget.found(index, range);
            hits.push(Hit { range: on_boundaries(text, range.clone()), rule: index });
        };
        hit(&range);
        while rule.detector == Detector::Assignment
            && let Some(next) = assignment::find_next(text, &range)
        {
            hit(&next);
            range = next;
        }
    }
}

/// The secret that `rule` finds at `keyword`.
fn detect(rule: &Rule, text: &str, keyword: Range<usize>, reach: usize, profile: Profile) -> Option<Range<usize>> {
    match rule.detector {
        Detector::Pattern => pattern::matched(rule, text, keyword.start.checked_sub(rule.before)?, reach),
        Detector::PrivateKey => private_key::find(text, keyword.start, reach),
        Detector::BasicCredentials => basic::find(text, keyword.end, reach),
        Detector::HomeDirectory => home::find(text, keyword),
        Detector::Assignment => assignment::find(text, &keyword, reach, profile),
        Detector::Service => service::find(text, &keyword, reach, rule.check == Check::Random),
        Detector::Command => {
            let found = command::find(text, &keyword, reach, &rule.options)?;
            pattern::passes(rule.check, &text[found.clone()]).then_some(found)
        }
        Detector::Piped => command::find_piped(text, &keyword, reach, !rule.options.is_empty()),
        Detector::Before => command::find_before(text, &keyword),
        Detector::Argument => command::find_argument(text, &keyword, reach, rule.argument),
        Detector::NameAndValue => apart::find(text, &keyword, reach, profile),
        Detector::Everywhere
        | Detector::Run
        | Detector::CredentialFile
        | Detector::Column
        | Detector::Manifest
        | Detector::Environment => None,
    }
}

/// Whether no word runs into `start`; the end of an escape such as `\n` or `%3D` is no word.
pub(super) fn stands_alone(bytes: &[u8], start: usize) -> bool {
    match &bytes[..start] {
        [] | [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] | [.., b'\\', b'u', _, _, _, _] => true,
        [.., b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => true,
        // A colour code of a terminal.
        [before @ .., b'm'] => before
            .iter()
            .rev()
            .take(12)
            .find(|byte| !byte.is_ascii_digit() && **byte != b';')
            .is_some_and(|byte| *byte == b'['),
        [.., last] => !last.is_ascii_alphanumeric() && *last != b'_',
    }
}

/// Widens `range` to whole characters.
fn on_boundaries(text: &str, range: Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (range.start, range.end);
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}

/// Joins overlapping hits; the rule that stands first in the table names the whole.
fn merged(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|hit| (hit.range.start, hit.rule));
    let mut merged: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits {
        match merged.last_mut() {
            Some(last) if hit.range.start < last.range.end => {
                last.range.end = last.range.end.max(hit.range.end);
                last.rule = last.rule.min(hit.rule);
            }
            _ => merged.push(hit),
        }
    }
    merged
}

/// Cuts placeholders out of the hits, so that what was redacted once stays as it is. Both are in order.
fn apart_from_placeholders(text: &str, hits: Vec<Hit>) -> Vec<Hit> {
    let taken = placeholder::ranges(text);
    if taken.is_empty() {
        return hits;
    }
    let mut apart = Vec::with_capacity(hits.len());
    let mut first = 0;
    for Hit { range, rule } in hits {
        first += taken[first..].iter().take_while(|taken| taken.end <= range.start).count();
        let mut start = range.start;
        for taken in taken[first..].iter().take_while(|taken| taken.start < range.end) {
            apart.push(Hit { range: start..taken.start.max(start), rule });
            start = taken.end;
        }
        apart.push(Hit { range: start..range.end.max(start), rule });
    }
    apart.retain(|hit| text[hit.range.clone()].bytes().any(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii()));
    apart
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
