//! Which records the log has held so far: histories are copied within a file.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash},
};

use crate::hail::Timestamp;

type Hashes = BuildHasherDefault<DefaultHasher>;

/// The ids so far, with what tells copies from others of the same id. Of both only 64 bits are
/// kept: among a million records one is mistaken for a copy with a chance of one in forty million.
#[derive(Debug, Default)]
pub(super) struct Seen {
    records: HashMap<u64, u64, Hashes>,
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
        match self.records.entry(hash(id)) {
            Entry::Occupied(known) if *known.get() == identity && time.is_some() => Sighting::Copy,
            Entry::Occupied(_) => Sighting::Clash,
            Entry::Vacant(place) => {
                place.insert(identity);
                Sighting::New
            }
        }
    }

    /// Whether there was a record with this id.
    pub(super) fn contains(&self, id: &str) -> bool {
        self.records.contains_key(&hash(id))
    }
}

/// Hashes the same way at every run.
pub(super) fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    Hashes::default().hash_one(value)
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
