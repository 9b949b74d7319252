//! Redacting again what is stored.

use std::{cell::RefCell, collections::BTreeMap};

use crate::{
    hail::{Canonical, Session},
    ledger::{LedgerError, Redaction},
    redact::{Redacted, Redactor, Summary, forms_of},
};

/// How often each rule hit; a home directory is no secret.
pub type Count = BTreeMap<String, u64>;

/// A redactor that also takes out one text, and counts.
pub struct Again<'a> {
    redactor: &'a Redactor,
    /// What must not be left anywhere.
    texts: Vec<String>,
    counted: RefCell<Count>,
}

impl<'a> Again<'a> {
    /// Redacts with `redactor`, which knows `text`, and makes sure that nothing of `text` is left.
    #[must_use]
    pub fn new(redactor: &'a Redactor, text: Option<&str>) -> Self {
        let texts = text.map(forms_of).unwrap_or_default();
        Self { redactor, texts, counted: RefCell::new(Count::new()) }
    }

    /// What was found since the last time.
    #[must_use]
    pub fn take_count(&self) -> Count {
        self.counted.take()
    }

    fn count(&self, summary: &Summary) {
        let mut counted = self.counted.borrow_mut();
        for (rule, count) in &summary.rules {
            *counted.entry(rule.clone()).or_default() += count;
        }
    }
}

impl Redaction for Again<'_> {
    fn session(&self, bytes: &[u8]) -> Result<Redacted<Canonical>, LedgerError> {
        let session = read(bytes)?;
        let id = session.header.session_id.clone();
        let redacted = self.redactor.session(session).map_err(LedgerError::Spool)?;
        let redacted = redacted.ok_or_else(|| LedgerError::Unredactable("it has no events".to_owned()))?;
        if redacted.value().header.session_id != id {
            let cause =
                "its id is a token; git session purge removes it, and the next capture stores it under another id";
            return Err(LedgerError::Unredactable(cause.to_owned()));
        }
        self.count(redacted.summary());
        let bytes = redacted.value().to_bytes().map_err(LedgerError::Spool)?;
        if self.texts.iter().any(|text| memchr::memmem::find(&bytes, text.as_bytes()).is_some()) {
            let cause = "the text is part of an id, a key or a name, and cannot be replaced";
            return Err(LedgerError::Unredactable(cause.to_owned()));
        }
        Ok(redacted)
    }

    fn text(&self, text: &str) -> String {
        let mut summary = Summary::default();
        let redacted = self.redactor.stored_text(text, &mut summary);
        self.count(&summary);
        redacted
    }
}

fn read(bytes: &[u8]) -> Result<Session, LedgerError> {
    Session::read(bytes).map_err(|fault| LedgerError::Unredactable(format!("it cannot be read: {fault}")))
}
