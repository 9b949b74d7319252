//! Amazon Q Developer CLI: a database with one conversation a folder, and what `/save` writes.
//!
//! Learned in November 2026 from its public source (`conversation.rs`, `message.rs`, `database/mod.rs`, up to
//! the last version of April 2026); no database of a real user was seen.

use serde_json::Value;

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning, database, document, folders, q_conversation};
use crate::{environment::Environment, hail::Sink};

/// The reader of Amazon Q Developer CLI.
pub(super) struct AmazonQ;

impl Agent for AmazonQ {
    fn name(&self) -> &'static str {
        "amazon-q"
    }

    fn title(&self) -> &'static str {
        "Amazon Q Developer CLI"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        folders::in_scope(q_conversation::databases(environment, "amazon-q"), scope)
    }

    // Kiro CLI keeps the table of the program that it goes on from beside its own.
    fn recognises(&self, sample: &Sample) -> bool {
        let is_own = q_conversation::has_tables(sample, "conversations");
        is_own && !q_conversation::has_tables(sample, "conversations_v2")
            || sample.document.as_ref().is_some_and(|document| {
                document.contains_key("conversation_id")
                    && document.get("history").is_some_and(|history| history.is_array() || history.is_null())
                    && ["transcript", "next_message", "valid_history_range"]
                        .iter()
                        .any(|key| document.contains_key(*key))
            })
    }

    fn sessions(&self, log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
        q_conversation::sessions(log)
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        let history = sample.document.as_ref()?.get("history").and_then(Value::as_array)?;
        history.iter().find_map(q_conversation::working_directory)
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        match log.path.filter(|path| database::is_database_at(path)) {
            Some(path) => q_conversation::write_row(path, log.part, self.name(), sink),
            None => q_conversation::write(self.name(), &document::read(log)?, None, sink),
        }
    }
}
