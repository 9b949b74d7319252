//! Hashes with a value each, in little more memory than they have themselves: of a long session there
//! are a million.

use std::{
    collections::HashMap,
    hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hash, Hasher},
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// How many of the last are kept where they are found fast: what fits into a table of 65,536 places.
const RECENT: usize = 7 << 13;

/// Values by the hashes of what they belong to. Only 64 bits of a hash count: among a million one is
/// mistaken for another with a chance of one in forty million.
#[derive(Clone, Debug)]
pub(crate) struct Hashes<V> {
    recent: HashMap<u64, V, BuildHasherDefault<Itself>>,
    /// Those before them, sorted by hash.
    older: Vec<(u64, V)>,
}

impl<V> Default for Hashes<V> {
    fn default() -> Self {
        Self { recent: HashMap::default(), older: Vec::new() }
    }
}

impl<V: Copy> Hashes<V> {
    /// The value of a hash.
    pub(crate) fn get(&self, hash: u64) -> Option<V> {
        self.recent.get(&hash).copied().or_else(|| {
            let at = self.older.binary_search_by_key(&hash, |(known, _)| *known).ok()?;
            Some(self.older[at].1)
        })
    }

    /// Notes the value of a hash unless there is one, which is returned then.
    pub(crate) fn insert(&mut self, hash: u64, value: V) -> Option<V> {
        if let Some(known) = self.get(hash) {
            return Some(known);
        }
        if self.recent.len() == RECENT {
            self.older.reserve_exact(RECENT);
            self.older.extend(self.recent.drain());
            // Finds that the most of it is sorted.
            self.older.sort_by_key(|(hash, _)| *hash);
        }
        self.recent.insert(hash, value);
        None
    }
}

impl<V: Copy + Serialize> Serialize for Hashes<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_seq(self.older.iter().copied().chain(self.recent.iter().map(|(hash, value)| (*hash, *value))))
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Hashes<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut older = Vec::<(u64, V)>::deserialize(deserializer)?;
        older.sort_by_key(|(hash, _)| *hash);
        Ok(Self { recent: HashMap::default(), older })
    }
}

/// The hash of a value, the same in every run.
pub(crate) fn hash(value: &(impl Hash + ?Sized)) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}

/// Takes a hash for its own hash.
#[derive(Debug, Default)]
struct Itself(u64);

impl Hasher for Itself {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(0, |hash, byte| hash << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::{Hashes, RECENT, hash};

    #[test]
    fn the_first_value_of_a_hash_counts_however_many_come_after_it() {
        let many = 3 * RECENT + 5;
        let mut hashes = Hashes::default();
        for number in 0..many {
            assert_eq!(hashes.insert(hash(&number), number), None);
        }
        for number in 0..many {
            assert_eq!(hashes.get(hash(&number)), Some(number));
            assert_eq!(hashes.insert(hash(&number), 0), Some(number));
        }
        let text = serde_json::to_string(&hashes).expect("numbers");
        let mut again: Hashes<usize> = serde_json::from_str(&text).expect("the same");
        assert!((0..many).all(|number| again.insert(hash(&number), 0) == Some(number)));
        assert_eq!(hashes.get(hash(&many)), None);
    }
}
