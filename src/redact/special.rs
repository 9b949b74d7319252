//! What is no text, or not all of one: ids, what is left of a text that was cut, attachments.

use super::{
    Summary,
    placeholder::UNREAD,
    rules::{Candidate, Check, Detector},
    scan::{Hit, Scanner, stands_alone},
    value,
};
use crate::hail::SessionId;

/// How much of a token is worth hiding where the rest was cut off, in bytes behind what tells its kind.
const LEAST_OF_TOKEN: usize = 8;

impl Scanner {
    /// Replaces tokens of a known form in an id, which stays one: every rule that needs a context or goes by
    /// how random a value is would take ids for secrets. With `heeds_patterns`, the user's patterns count, too.
    pub(super) fn redact_id(&self, id: &str, heeds_patterns: bool, summary: &mut Summary) -> Option<String> {
        let counts = |hit: &Hit| match self.rules.rule(hit.rule).detector {
            Detector::Pattern => self.rules.rule(hit.rule).check == Check::None,
            Detector::Run => true,
            Detector::Everywhere => heeds_patterns,
            _ => false,
        };
        let mut hits = self.hits(id);
        hits.retain(counts);
        let (mut out, mut done) = (String::new(), 0);
        for Hit { range, rule } in &hits {
            let rule = &self.rules.rule(*rule).id;
            summary.count(rule);
            out.push_str(&id[done..range.start]);
            out.push_str(&self.placeholders.in_id(rule, id[range.clone()].as_bytes()));
            done = range.end;
        }
        out.push_str(&id[done..]);
        (!hits.is_empty()).then_some(out)
    }

    /// A whole id in place of one that holds a token and would be too long with a placeholder in it.
    pub(super) fn id_of(&self, id: &str) -> SessionId {
        self.placeholders.in_id("id", id.as_bytes()).parse().expect("letters, digits and dashes")
    }

    /// Replaces `content`, of which `runs` is all the text that can be read, where there is a secret in that.
    pub(super) fn redact_opaque(&self, runs: &str, content: &str, summary: &mut Summary) -> Option<String> {
        let hit = self.hits(runs).into_iter().find(|hit| hit.rule != self.home_rule)?;
        Some(self.stand_in(&Hit { range: 0..content.len(), rule: hit.rule }, content, summary))
    }

    /// Replaces `content`, which cannot be read, whatever it is.
    pub(super) fn redact_unread(&self, content: &str, summary: &mut Summary) -> Option<String> {
        if content.is_empty() || self.only.as_ref().is_some_and(|only| only != UNREAD) {
            return None;
        }
        summary.count(UNREAD);
        Some(self.placeholders.of(UNREAD, content.as_bytes()))
    }

    /// Whether what a rule finds in a decoded text is no accident.
    pub(super) fn is_sure(&self, rule: usize) -> bool {
        rule != self.home_rule && self.rules.rule(rule).detector != Detector::Service
    }

    /// Whether there are rules that no keyword announces, which may hit anything.
    pub(super) fn has_patterns(&self) -> bool {
        self.rules.everywhere().next().is_some()
    }

    /// Replaces what is left of a secret at the end of `text`, where `text` was cut, as `…` says, before
    /// anybody looked for secrets in it.
    pub(super) fn redact_cut(&self, text: &str, summary: &mut Summary) -> Option<String> {
        let kept = text.strip_suffix('…')?;
        let hit = self.cut_token(kept).or_else(|| self.cut_value(kept)).filter(|hit| self.counts(hit.rule))?;
        Some(format!("{}{}…", &kept[..hit.range.start], self.stand_in(&hit, kept, summary)))
    }

    /// The beginning of a token at the end of `text`: what stands at the beginning of tokens of a known form,
    /// and letters and digits enough to be one.
    fn cut_token(&self, text: &str) -> Option<Hit> {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.=/+:".contains(&byte);
        let word = text.bytes().rposition(|byte| !is_part(byte)).map_or(0, |at| at + 1);
        let mut found: Option<Hit> = None;
        let _ = self.rules.candidates(text, word..text.len(), |candidate, keyword| {
            let Candidate::Rule(index) = candidate else { return };
            let rule = self.rules.rule(index);
            let begins = keyword.start >= word && (rule.loose || stands_alone(text.as_bytes(), keyword.start));
            if rule.detector == Detector::Pattern
                && begins
                && text.len() - keyword.end >= LEAST_OF_TOKEN
                && value::looks_random(&text[keyword.start..])
                && found.as_ref().is_none_or(|found| keyword.start < found.range.start)
            {
                found = Some(Hit { range: keyword.start..text.len(), rule: index });
            }
        });
        found
    }

    /// The beginning of a value in quotes at the end of `text`: it is one when the quote is closed.
    fn cut_value(&self, text: &str) -> Option<Hit> {
        ["\"", "'", "`"].iter().find_map(|quote| {
            let closed = format!("{text}{quote}");
            let hit = self.hits(&closed).pop().filter(|hit| hit.rule != self.home_rule)?;
            (hit.range.end >= text.len()).then_some(Hit { range: hit.range.start..text.len(), rule: hit.rule })
        })
    }
}
