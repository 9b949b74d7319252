//! What a person asked for, on its way into the store or to whoever asks.

use crate::redact::{Redactor, Summary};

/// What a person asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptAt {
    /// The event; empty where an earlier stretch of the log had it.
    pub event: String,
    /// One line of it.
    pub title: String,
    /// Whether it has no secrets any more.
    pub is_redacted: bool,
}

impl PromptAt {
    /// The prompt without secrets; without a redactor nothing is kept.
    #[must_use]
    pub fn redacted(&self, redactor: Option<&Redactor>) -> Option<String> {
        if self.is_redacted {
            return Some(self.title.clone());
        }
        redactor.map(|redactor| redactor.title(&self.title, &mut Summary::default()))
    }
}
