//! The second look for secrets, at exactly what is about to be pushed.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Instant};

use serde::Serialize;

use crate::{
    config,
    error::{Error, Result},
    git::{NewBlob, ObjectId, Repository},
    hail::{Lines, Reader, Record},
    ledger::{MAX_SESSION_BYTES, SessionKey},
    redact::{FieldFinding, Profile, Redactor},
};

/// A session that stays here, since it still holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// The session, or the variant of it.
    pub session: String,
    /// The number of the event, from 1; none where it is in the header or in the metadata.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<usize>,
    /// The field.
    pub field: String,
    /// The rule that found it.
    pub rule: String,
}

impl Leak {
    /// Whether it is among those that are known, whatever its place.
    pub(super) fn is_of(&self, known: &[Self]) -> bool {
        known.iter().any(|leak| leak.session == self.session)
    }

    /// What to tell, with the command that fixes it.
    #[must_use]
    pub fn line(&self, remote: &str) -> String {
        let Self { session, field, rule, .. } = self;
        let event = self.event.map(|event| format!(" of event {event}")).unwrap_or_default();
        let id = session.split('~').next().unwrap_or(session);
        format!(
            "session {session} was not pushed to {remote}: its {field}{event} still holds a secret, as the rule \
             {rule} says (to take it out: git session redact {id})"
        )
    }
}

/// What to tell at every push where nothing is redacted.
#[must_use]
pub fn unredacted(remote: &str) -> String {
    format!(
        "redaction is off here: every secret in the sessions that go to {remote} goes there as it is \
         (to turn it on: git config {} default)",
        config::REDACTION
    )
}

/// Looks at blobs once, however many ledgers have them.
pub struct Guard<'a> {
    redactor: &'a Redactor,
    seen: RefCell<BTreeMap<ObjectId, Rc<Option<Leak>>>>,
}

impl<'a> Guard<'a> {
    /// A guard that goes by the rules of `redactor`.
    #[must_use]
    pub fn new(redactor: &'a Redactor) -> Self {
        Self { redactor, seen: RefCell::new(BTreeMap::new()) }
    }

    /// Whether there is anything to look for: not where the user wants nothing redacted.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.redactor.profile() != Profile::Off
    }

    /// The first secret in a blob of a ledger.
    ///
    /// # Errors
    /// When the blob cannot be read, or not until `deadline`: what was not looked at is not pushed.
    pub(super) fn look_at(
        &self,
        repository: &Repository,
        blob: &NewBlob,
        deadline: Instant,
    ) -> Result<Rc<Option<Leak>>> {
        if let Some(known) = self.seen.borrow().get(&blob.id) {
            return Ok(Rc::clone(known));
        }
        let found = Rc::new(self.find(repository, blob, deadline)?);
        self.seen.borrow_mut().insert(blob.id, Rc::clone(&found));
        Ok(found)
    }

    fn find(&self, repository: &Repository, blob: &NewBlob, deadline: Instant) -> Result<Option<Leak>> {
        let Some(session) = session(&blob.path) else { return Ok(None) };
        let bytes = repository.read_blob(blob.id, MAX_SESSION_BYTES)?;
        let found =
            if blob.path.ends_with(".meta.json") { self.in_meta(&bytes) } else { self.in_session(&bytes, deadline)? };
        let leak = |(event, FieldFinding { field, rule })| Leak { session, event, field, rule };
        Ok(found.map(leak))
    }

    /// Metadata that cannot be read is looked at as text.
    fn in_meta(&self, bytes: &[u8]) -> Option<(Option<usize>, FieldFinding)> {
        let found = match serde_json::from_slice(bytes) {
            Ok(metadata) => self.redactor.metadata_findings(&metadata).into_iter().next()?,
            Err(_) => self.in_text(bytes)?,
        };
        Some((None, found))
    }

    /// What cannot be read is not hidden by it.
    fn in_text(&self, bytes: &[u8]) -> Option<FieldFinding> {
        let text = String::from_utf8_lossy(bytes);
        let rule = self.redactor.findings(&text).first()?.rule.to_owned();
        Some(FieldFinding { field: "text".to_owned(), rule })
    }

    fn in_session(&self, bytes: &[u8], deadline: Instant) -> Result<Option<(Option<usize>, FieldFinding)>> {
        let mut lines = Lines::new(bytes);
        let mut reader = Reader::new(&mut lines);
        let mut count = 0;
        loop {
            match reader.next_record() {
                Ok(None) => return Ok(None),
                Ok(Some((_, Record::Header(header)))) => {
                    if let Some(found) = self.redactor.header_findings(&header).into_iter().next() {
                        return Ok(Some((None, found)));
                    }
                }
                Ok(Some((_, Record::Event(event)))) => {
                    if Instant::now() >= deadline {
                        return Err(late());
                    }
                    count += 1;
                    if let Some(found) = self.redactor.event_findings(&event).into_iter().next() {
                        return Ok(Some((Some(count), found)));
                    }
                }
                Ok(Some((_, Record::Stats(_)))) => {}
                Err(_) => return Ok(self.in_text(bytes).map(|found| (None, found))),
            }
        }
    }
}

fn late() -> Error {
    Error::user("there was no time to look for secrets in all that is new: the sessions stay here")
        .hinted("git session sync")
}

/// The session that a path of a ledger is of.
fn session(path: &str) -> Option<String> {
    let file = path.rsplit('/').next()?;
    let key = [".hail.jsonl", ".meta.json", ".jsonl"].into_iter().find_map(|ending| file.strip_suffix(ending))?;
    SessionKey::parse(key).map(|key| key.to_string())
}

/// The paths of the files of the sessions that leak.
pub(super) fn files_of<'a>(blobs: &'a [NewBlob], leaks: &'a [Leak]) -> impl Iterator<Item = &'a str> {
    let leaks = move |blob: &&NewBlob| {
        session(&blob.path).is_some_and(|session| leaks.iter().any(|leak| leak.session == session))
    };
    blobs.iter().filter(leaks).map(|blob| blob.path.as_str())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Guard;
    use crate::{
        hail::{Agent, Content, Event, EventType, Header, Session, Stats, Timestamp},
        redact::{Profile, Redactor, Settings},
    };

    #[test]
    fn what_there_is_no_time_to_look_at_is_not_pushed() {
        let redactor = Redactor::new(&Settings::of(Profile::Default), b"key", &[]).expect("rules");
        let agent = Agent { provider: "p".into(), model: "m".into(), tool: "t".into(), tool_version: None };
        let event = Event::new("e", Timestamp::EPOCH, EventType::UserMessage).with_content(Content::text("Hello."));
        let header = Header::new("s".parse().expect("an id"), agent, Timestamp::EPOCH);
        let bytes = Session { header, events: vec![event], stats: Stats::default() }.to_bytes();
        let guard = Guard::new(&redactor);
        assert!(guard.in_session(&bytes, Instant::now()).is_err());
        assert!(guard.in_session(&bytes, Instant::now() + Duration::from_secs(600)).is_ok_and(|found| found.is_none()));
    }
}
