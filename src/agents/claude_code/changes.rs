//! Fields that say the same on almost every line: kept where they change.

use serde::{Deserialize, Serialize};

use super::{known::Known, records::Record};
use crate::hail::{Event, attribute};

/// Fields of the program's own that stay among the other fields of a record.
const ENVELOPE: [&str; 3] = ["slug", "entrypoint", "userType"];

/// What these fields said last.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Changes {
    facts: [Known; 5],
    envelope: [Known; ENVELOPE.len()],
}

impl Changes {
    /// Notes where the session moves to another folder, branch, id or version.
    pub(super) fn mark(&mut self, event: &mut Event, record: &Record<'_>) {
        let facts = [
            (attribute::CWD, &record.cwd),
            (attribute::GIT_BRANCH, &record.branch),
            ("source.session_id", &record.session),
            ("source.version", &record.version),
            ("source.agent_id", &record.agent),
        ];
        for ((key, fact), known) in facts.into_iter().zip(&mut self.facts) {
            if let Some(fact) = fact.as_deref()
                && has_changed(known, fact)
            {
                event.attributes.insert(key, fact.into());
            }
        }
    }

    /// Whether a field is to be kept: any other one, or one of the envelope that changed.
    pub(super) fn is_news(&mut self, name: &str, raw: &str) -> bool {
        let index = ENVELOPE.iter().position(|known| *known == name);
        index.is_none_or(|index| has_changed(&mut self.envelope[index], raw))
    }
}

fn has_changed(known: &mut Known, now: &str) -> bool {
    let is_new = !known.is(now);
    if is_new {
        known.set(now);
    }
    is_new
}
