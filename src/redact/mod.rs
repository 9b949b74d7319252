//! Removes secrets from a session before it is written anywhere.
//!
//! Every text goes through one search for the keywords of all rules (`rules/*.toml`). Where a
//! keyword stands, its rule looks at the text from there on, within a bounded reach: the time is
//! linear in the text, whatever the text. What is found becomes `[REDACTED:<rule>:<8 hex>]`, the
//! same for the same secret under the same key; a home directory becomes `~`. Redacting twice
//! changes nothing.

mod apart;
mod assignment;
mod attachment;
mod basic;
mod border;
mod budget;
mod columns;
mod command;
mod credential_file;
mod encoded;
mod environment;
mod home;
mod inline;
mod key;
mod key_name;
mod keywords;
mod letters;
mod notation;
mod pattern;
mod placeholder;
mod private_key;
mod remembered;
mod rules;
mod scan;
mod service;
mod settings;
mod sink;
mod special;
mod stream;
mod value;
mod verdict;
mod view;
mod walk;

use std::{borrow::Cow, collections::BTreeMap, io, ops::Range, path::PathBuf, time::Instant};

use serde_json::Value;

use crate::hail::{Canonical, Event, EventType, Header, Images, ObjectHash, Pause, Session, Sink, title};

pub use key::load_key;
pub use remembered::{Remembered, forms as forms_of};
pub use rules::RulesError;
pub use settings::{Profile, Settings, UnknownProfile};
pub use sink::{PausedReading, RedactingSpool};

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

/// A secret in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding<'a> {
    /// The id of the rule that found it.
    pub rule: &'a str,
    /// Where it stands, in bytes.
    pub range: Range<usize>,
}

/// A secret in a field of an event or a header.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FieldFinding {
    /// The field, such as `content.blocks[0].text` or `attributes.note`.
    pub field: String,
    /// The id of the rule that found it.
    pub rule: String,
}

/// Finds and replaces secrets.
#[derive(Debug)]
pub struct Redactor {
    scanner: scan::Scanner,
    profile: Profile,
    images: Images,
    fingerprint: ObjectHash,
}

impl Redactor {
    /// Loads the rules that `settings` ask for; `key` is this repository's secret for placeholders, `homes` are the home
    /// directories to hide.
    ///
    /// # Errors
    /// When the rules are not what they should be: then nothing may be stored.
    pub fn new(settings: &Settings, key: &[u8], homes: &[PathBuf]) -> Result<Self, RulesError> {
        let scanner = scan::Scanner::new(&rules::SOURCES, settings, key, homes)?;
        let fingerprint = ObjectHash::of(format!("{settings:?} {key:?} {homes:?}").as_bytes());
        Ok(Self { scanner, profile: settings.profile, images: settings.images, fingerprint })
    }

    /// How much is redacted.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// Whether there is a rule of this id.
    #[must_use]
    pub fn has_rule(&self, id: &str) -> bool {
        self.scanner.has_rule(id)
    }

    /// The secrets in `text`, in order and apart from each other; a home directory is none. The profile
    /// `off` finds what `default` finds: it is replacing that it leaves out.
    #[must_use]
    pub fn findings(&self, text: &str) -> Vec<Finding<'_>> {
        self.scanner.secrets(text).map(|(rule, range)| Finding { rule, range }).collect()
    }

    /// How many bytes the rules look at in `text`, by their own account: a measure of the time that does not depend on
    /// the machine.
    #[must_use]
    pub fn steps(&self, text: &str) -> usize {
        self.scanner.steps(text)
    }

    /// The secrets in an event, field by field, as redacting it would find them; home directories are
    /// none.
    #[must_use]
    pub fn event_findings(&self, event: &Event) -> Vec<FieldFinding> {
        walk::findings(self, |walker| walker.event(&mut event.clone(), walk::Content::Any))
    }

    /// The secrets in a header, as those of an event.
    #[must_use]
    pub fn header_findings(&self, header: &Header) -> Vec<FieldFinding> {
        walk::findings(self, |walker| walker.header(&mut header.clone()))
    }

    /// Looks for secrets as this redactor does, but no longer than until `deadline`.
    #[must_use]
    pub fn search(&self, deadline: Instant) -> Search {
        let Self { profile, images, fingerprint, .. } = *self;
        Search(Self { scanner: self.scanner.until(deadline), profile, images, fingerprint })
    }

    /// A sink that redacts a session on its way, and cuts its title when it has none of its secrets left.
    #[must_use]
    pub fn spool(&self) -> RedactingSpool<'_> {
        RedactingSpool::new(self)
    }

    /// A sink that goes on where another one stood, whose lines these are, and how its parser stood.
    ///
    /// # Errors
    /// Those of the spool's temporary file.
    pub fn spool_after(&self, paused: PausedReading, lines: Vec<u8>) -> io::Result<(RedactingSpool<'_>, Pause)> {
        RedactingSpool::after(self, paused, lines)
    }

    /// What tells this redactor from one that redacts in another way: a hash of its settings and its key.
    #[must_use]
    pub fn fingerprint(&self) -> ObjectHash {
        self.fingerprint
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

    /// Redacts a header, and adds to `summary` what was found.
    pub fn header(&self, header: &mut Header, summary: &mut Summary) {
        if self.profile != Profile::Off {
            walk::Walker::new(self, summary).header(header);
        }
    }

    /// Redacts what a header says a session is known by, and nothing else: its id, those of other sessions, the
    /// agent and the model.
    pub fn names(&self, header: &mut Header) {
        if self.profile != Profile::Off {
            walk::Walker::new(self, &mut Summary::default()).names(header);
        }
    }

    /// Makes a title of a line: redacted, with single spaces, and only then cut.
    pub fn title(&self, line: &str, summary: &mut Summary) -> String {
        if self.profile == Profile::Off {
            return title(line);
        }
        let redacted = self.scanner.redact(line, summary);
        // What stands closer now may be found only now.
        let line = redacted.split_whitespace().collect::<Vec<_>>().join(" ");
        let title = title(&self.scanner.redact(&line, summary));
        self.scanner.redact_cut(&title, summary).unwrap_or(title)
    }

    /// The secrets in the metadata of a session, field by field.
    #[must_use]
    pub fn metadata_findings(&self, metadata: &Value) -> Vec<FieldFinding> {
        walk::findings(self, |walker| walker.metadata(&mut metadata.clone()))
    }

    /// Redacts a text that may have been cut before it was redacted, as `…` at its end says.
    pub fn stored_text(&self, text: &str, summary: &mut Summary) -> String {
        let redacted = self.scanner.redact(text, summary);
        self.scanner.redact_cut(&redacted, summary).unwrap_or_else(|| redacted.into_owned())
    }

    /// Redacts one event alone, and adds to `summary` what was found. What can only be told from other
    /// events, [`Self::spool`] redacts besides.
    pub fn event(&self, event: &mut Event, summary: &mut Summary) {
        if self.profile != Profile::Off {
            walk::Walker::new(self, summary).event(event, walk::Content::Any);
        }
    }

    /// Whether what such an event reads, or writes, is a file that holds nothing but credentials.
    fn reads_credentials(&self, event_type: &EventType) -> bool {
        let files = self.scanner.credential_files();
        match event_type {
            EventType::FileRead { path } | EventType::FileCreate { path } | EventType::FileEdit { path, .. } => {
                credential_file::is_one(path, files)
            }
            EventType::ShellCommand { command, .. } => credential_file::is_read_by(command, files),
            _ => false,
        }
    }

    /// Whether such an event prints the variables of an environment.
    fn prints_environment(event_type: &EventType) -> bool {
        matches!(event_type, EventType::ShellCommand { command, .. } if environment::is_printed_by(command))
    }

    /// Redacts one text.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> (Cow<'a, str>, Summary) {
        let mut summary = Summary::default();
        if self.profile == Profile::Off {
            return (Cow::Borrowed(text), summary);
        }
        let text = self.scanner.redact(text, &mut summary);
        (text, summary)
    }
}

/// A search for secrets that ends at a deadline, also within one long text. It replaces nothing.
#[derive(Debug)]
pub struct Search(Redactor);

/// There was no time to look at all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there was no time to look for secrets in all of it")]
pub struct TimedOut;

impl Search {
    /// Looks with the redactor for what `look` asks of it.
    ///
    /// # Errors
    /// When the deadline came first: what was found until then need not be all there is.
    pub fn find<T>(&self, look: impl FnOnce(&Redactor) -> T) -> Result<T, TimedOut> {
        let found = look(&self.0);
        if self.0.scanner.is_late() { Err(TimedOut) } else { Ok(found) }
    }
}

#[cfg(test)]
mod tests;
