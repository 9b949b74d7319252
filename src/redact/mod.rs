//! Removes secrets from a session before it is written anywhere.
//!
//! Every text goes through one automaton over the keywords of all rules (`rules.toml`). Where a
//! keyword stands, its rule looks at the text from there on, within a bounded reach: the time is
//! linear in the text, whatever the text. What is found becomes `[REDACTED:<rule>:<8 hex>]`, the
//! same for the same secret under the same key; a home directory becomes `~`. Redacting twice
//! changes nothing.

mod assignment;
mod basic;
mod home;
mod key;
mod key_name;
mod placeholder;
mod private_key;
mod rules;
mod scan;
mod sink;
mod value;
mod walk;

use std::{borrow::Cow, collections::BTreeMap, io, path::PathBuf};

use crate::hail::{Canonical, Event, Session, Sink};

pub use key::load_key;
pub use rules::RulesError;
pub use sink::RedactingSpool;

/// A value that went through a [`Redactor`]: the only thing a ledger accepts.
///
/// Nothing else can make one:
/// ```compile_fail
/// # use git_session::redact::{Redacted, Summary};
/// let forged = Redacted { value: "secret", summary: Summary::default() };
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Redacted<T> {
    value: T,
    summary: Summary,
}

/// What was redacted.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// How often each rule hit.
    pub rules: BTreeMap<String, u64>,
}

impl Summary {
    /// How often any rule hit.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.rules.values().sum()
    }

    fn count(&mut self, rule: &str) {
        match self.rules.get_mut(rule) {
            Some(count) => *count += 1,
            None => {
                self.rules.insert(rule.to_owned(), 1);
            }
        }
    }
}

impl<T> Redacted<T> {
    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }

    /// What was redacted.
    pub fn summary(&self) -> &Summary {
        &self.summary
    }
}

/// Finds and replaces secrets.
#[derive(Debug)]
pub struct Redactor {
    scanner: scan::Scanner,
}

impl Redactor {
    /// Loads the rules; `key` is this repository's secret for placeholders, `homes` are the home
    /// directories to hide.
    ///
    /// # Errors
    /// When the rules are not what they should be: then nothing may be stored.
    pub fn new(key: &[u8], homes: &[PathBuf]) -> Result<Self, RulesError> {
        Ok(Self { scanner: scan::Scanner::new(rules::SOURCE, key, homes)? })
    }

    /// A sink that redacts a session on its way; ids, times and keys stay as they are.
    #[must_use]
    pub fn spool(&self) -> RedactingSpool<'_> {
        RedactingSpool::new(self)
    }

    /// Redacts a session in memory; `None` when it has no event.
    ///
    /// # Errors
    /// Those of the spool's temporary file.
    pub fn session(&self, session: Session) -> io::Result<Option<Redacted<Canonical>>> {
        let mut spool = self.spool();
        spool.header(session.header)?;
        session.events.into_iter().try_for_each(|event| spool.event(event))?;
        spool.finish()
    }

    /// Redacts one event, and adds to `summary` what was found.
    pub fn event(&self, event: &mut Event, summary: &mut Summary) {
        walk::Walker { redactor: self, summary }.event(event);
    }

    /// Redacts one text.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> (Cow<'a, str>, Summary) {
        let mut summary = Summary::default();
        let text = self.scanner.redact(text, &mut summary);
        (text, summary)
    }
}

#[cfg(test)]
mod tests;
