//! The second look for secrets, at exactly what is about to be pushed.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Instant};

use serde::Serialize;

use crate::{
    config,
    error::Result,
    git::{NewBlob, ObjectId, Repository},
    hail::{Lines, Reader, Record},
    ledger::{MAX_SESSION_BYTES, SessionKey},
    redact::{FieldFinding, Profile, Redactor, TimedOut},
};

/// A session that stays here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leak {
    /// The session, or the variant of it.
    pub session: String,
    /// Why it stays.
    #[serde(flatten)]
    pub reason: Reason,
}

/// Why a session stays here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Reason {
    /// It still holds a secret.
    Secret {
        /// The number of the event, from 1; none where it is in the header or in the metadata.
        #[serde(skip_serializing_if = "Option::is_none")]
        event: Option<usize>,
        /// The field.
        field: String,
        /// The rule that found it.
        rule: String,
    },
    /// There was no time to look at all of it.
    TimedOut {
        /// How long it was looked at.
        timed_out_after_seconds: u64,
    },
    /// It is damaged or too large to be read.
    Unreadable {
        /// What is wrong with it.
        unreadable: String,
    },
}

impl Leak {
    /// Whether it is among those that are known, whatever its place.
    pub(super) fn is_of(&self, known: &[Self]) -> bool {
        known.iter().any(|leak| leak.session == self.session)
    }

    /// What to tell, with the command that fixes it.
    #[must_use]
    pub fn line(&self, remote: &str) -> String {
        let Self { session, reason } = self;
        let id = session.split('~').next().unwrap_or(session);
        match reason {
            Reason::Secret { event, field, rule } => {
                let event = event.map(|event| format!(" of event {event}")).unwrap_or_default();
                format!(
                    "session {session} was not pushed to {remote}: its {field}{event} still holds a secret, as the \
                     rule {rule} says (to take it out: git session redact {id})"
                )
            }
            Reason::TimedOut { timed_out_after_seconds: seconds } => format!(
                "session {session} was not pushed to {remote}: secret scan timed out after {seconds} s; the other \
                 sessions went (to scan it for longer and push it: git session sync {remote})"
            ),
            Reason::Unreadable { unreadable } => format!(
                "session {session} was not pushed to {remote}: it cannot be checked for secrets: {unreadable} (to \
                 remove it: git session purge {id})"
            ),
        }
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
pub struct SecretCheck<'a> {
    redactor: &'a Redactor,
    seen: RefCell<BTreeMap<ObjectId, Rc<Option<Leak>>>>,
}

impl<'a> SecretCheck<'a> {
    /// A `SecretCheck` that goes by the rules of `redactor`.
    #[must_use]
    pub fn new(redactor: &'a Redactor) -> Self {
        Self { redactor, seen: RefCell::new(BTreeMap::new()) }
    }

    /// Whether there is anything to look for: not where the user wants nothing redacted.
    #[must_use]
    pub fn is_needed(&self) -> bool {
        self.redactor.profile() != Profile::Off
    }

    /// Why a blob of a ledger has to stay: the first secret in it, or that there was no time to look at all of
    /// it. It gets half of the time there is until `deadline`, so that others get theirs.
    ///
    /// # Errors
    /// When the blob cannot be read.
    pub(super) fn look_at(
        &self,
        repository: &Repository,
        blob: &NewBlob,
        deadline: Instant,
    ) -> Result<Rc<Option<Leak>>> {
        if let Some(known) = self.seen.borrow().get(&blob.id) {
            return Ok(Rc::clone(known));
        }
        let started = Instant::now();
        let until = started + deadline.saturating_duration_since(started) / 2;
        let found = Rc::new(self.find(repository, blob, until)?);
        self.seen.borrow_mut().insert(blob.id, Rc::clone(&found));
        Ok(found)
    }

    fn find(&self, repository: &Repository, blob: &NewBlob, deadline: Instant) -> Result<Option<Leak>> {
        let Some(session) = session(&blob.path) else { return Ok(None) };
        let started = Instant::now();
        let bytes = match repository.read_blob(blob.id, MAX_SESSION_BYTES) {
            Err(fault) if fault.is_damage() => {
                let reason = Reason::Unreadable { unreadable: fault.to_string() };
                return Ok(Some(Leak { session, reason }));
            }
            bytes => bytes?,
        };
        let reason = self.reason(&blob.path, &bytes, deadline).unwrap_or_else(|TimedOut| {
            let seconds = started.elapsed().as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX);
            Some(Reason::TimedOut { timed_out_after_seconds: seconds })
        });
        Ok(reason.map(|reason| Leak { session, reason }))
    }

    fn reason(&self, path: &str, bytes: &[u8], deadline: Instant) -> std::result::Result<Option<Reason>, TimedOut> {
        let search = self.redactor.search(deadline);
        let is_over = || Instant::now() >= deadline;
        let found = search.find(|redactor| {
            if path.ends_with(".meta.json") { in_meta(redactor, bytes) } else { in_session(redactor, bytes, is_over) }
        });
        let secret = |(event, FieldFinding { field, rule })| Reason::Secret { event, field, rule };
        Ok(found?.map(secret))
    }
}

/// A secret, with the number of its event.
type Found = Option<(Option<usize>, FieldFinding)>;

/// Metadata that cannot be read is looked at as text.
fn in_meta(redactor: &Redactor, bytes: &[u8]) -> Found {
    match serde_json::from_slice(bytes) {
        Ok(metadata) => redactor.metadata_findings(&metadata).into_iter().next().map(|found| (None, found)),
        Err(_) => in_text(redactor, bytes),
    }
}

/// What cannot be read is not hidden by it: the text is looked at as it is.
fn in_text(redactor: &Redactor, bytes: &[u8]) -> Found {
    let text = String::from_utf8_lossy(bytes);
    let rule = redactor.findings(&text).first()?.rule.to_owned();
    Some((None, FieldFinding { field: "text".to_owned(), rule }))
}

fn in_session(redactor: &Redactor, bytes: &[u8], is_over: impl Fn() -> bool) -> Found {
    let mut lines = Lines::new(bytes);
    let mut reader = Reader::new(&mut lines);
    let mut count = 0;
    // The redactor stops by itself when its time is over; nothing has to be read for it any more then.
    while !is_over() {
        match reader.next_record() {
            Ok(None) => return None,
            Ok(Some((_, Record::Header(header)))) => {
                if let Some(found) = redactor.header_findings(&header).into_iter().next() {
                    return Some((None, found));
                }
            }
            Ok(Some((_, Record::Event(event)))) => {
                count += 1;
                if let Some(found) = redactor.event_findings(&event).into_iter().next() {
                    return Some((Some(count), found));
                }
            }
            Ok(Some((_, Record::Stats(_)))) => {}
            Err(_) => return in_text(redactor, bytes),
        }
    }
    None
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

    use super::{Leak, Reason, SecretCheck};
    use crate::{
        hail::{Agent, Content, Event, EventType, Header, Session, Stats, Timestamp},
        redact::{Profile, Redactor, Settings, TimedOut},
    };

    #[test]
    fn a_session_that_there_is_no_time_to_look_at_is_named() {
        let redactor = Redactor::new(&Settings::of(Profile::Default), b"key", &[]).expect("rules");
        let agent = Agent { provider: "p".into(), model: "m".into(), tool: "t".into(), tool_version: None };
        let event = Event::new("e", Timestamp::EPOCH, EventType::UserMessage).with_content(Content::text("Hello."));
        let header = Header::new("s".parse().expect("an id"), agent, Timestamp::EPOCH);
        let bytes = Session { header, events: vec![event], stats: Stats::default() }.to_bytes();
        let secret_check = SecretCheck::new(&redactor);
        assert_eq!(secret_check.reason("s.hail.jsonl", &bytes, Instant::now()), Err(TimedOut));
        let later = Instant::now() + Duration::from_secs(600);
        assert_eq!(secret_check.reason("s.hail.jsonl", &bytes, later), Ok(None));
        let reason = Reason::TimedOut { timed_out_after_seconds: 3 };
        let line = Leak { session: "s".to_owned(), reason }.line("origin");
        assert!(line.starts_with("session s was not pushed to origin: secret scan timed out after 3 s; "), "{line}");
    }
}
