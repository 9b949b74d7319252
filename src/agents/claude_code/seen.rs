//! Which records the log has held so far: histories are copied within a file.

use serde::{Deserialize, Serialize};

use crate::hail::{Hashes, Timestamp, hash};

/// The ids so far, with the hash of what tells copies from others of the same id.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Seen {
    records: Hashes<u64>,
}

/// What an id turns out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Sighting {
    New,
    /// The same record once more.
    Copy,
    /// Another record under a known id.
    Clash,
}

impl Seen {
    /// Notes a record. The same id on another record is no copy; without a time there is no telling.
    pub(super) fn note(&mut self, id: &str, kind: (&str, Option<&str>), time: Option<Timestamp>) -> Sighting {
        let identity = hash(&(kind, time));
        match self.records.insert(hash(id), identity) {
            None => Sighting::New,
            Some(known) if known == identity && time.is_some() => Sighting::Copy,
            Some(_) => Sighting::Clash,
        }
    }

    /// Notes what a record says at a time. Whether the same was said then under another id: some versions write
    /// records once more with new ids.
    pub(super) fn is_said_again(&mut self, kind: &str, time: Timestamp, message: &str) -> bool {
        /// How much of both ends of a message tells it from others of its length: they hold the ids in it.
        const END: usize = 128;
        let bytes = message.as_bytes();
        let (start, end) = (&bytes[..bytes.len().min(END)], &bytes[bytes.len().saturating_sub(END)..]);
        self.records.insert(hash(&(kind, time, bytes.len(), start, end)), 0).is_some()
    }

    /// Whether there was a record with this id.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.records.get(hash(id)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::{Seen, Sighting};
    use crate::hail::Timestamp;

    #[test]
    fn a_record_is_a_copy_when_its_id_its_kind_and_its_time_were_seen_together() {
        let mut seen = Seen::default();
        let time = Some(Timestamp::EPOCH);
        assert_eq!(seen.note("a", ("user", None), time), Sighting::New);
        assert_eq!(seen.note("a", ("user", None), time), Sighting::Copy);
        assert_eq!(seen.note("a", ("user", Some("b")), time), Sighting::Clash);
        assert_eq!(seen.note("a", ("user", None), None), Sighting::Clash);
        assert_eq!(seen.note("b", ("user", None), None), Sighting::New);
        assert_eq!(seen.note("b", ("user", None), None), Sighting::Clash);
        assert!(seen.contains("a") && !seen.contains("c"));
    }
}
