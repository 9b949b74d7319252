//! Facts by name. There are a handful on every event, mostly under the same few names: a sorted
//! list of borrowed names costs one allocation where a map of owned ones costs a dozen.

use std::{borrow::Cow, fmt, ops::Index};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};
use serde_json::Value;

/// The name of a fact: borrowed where the program knows it, owned where a file told it.
pub type Key = Cow<'static, str>;

/// How many facts there is room for at first: most events have no more.
const ROOM: usize = 8;

/// Free-form facts about a session or an event, sorted by key so that their bytes are stable.
#[derive(Clone, Default, PartialEq)]
pub struct Attributes {
    sorted: Vec<(Key, Value)>,
}

impl Attributes {
    /// No facts.
    #[must_use]
    pub const fn new() -> Self {
        Self { sorted: Vec::new() }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        let index = self.find(key).ok()?;
        Some(&self.sorted[index].1)
    }

    /// The value of `key`, to be changed.
    #[must_use]
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let index = self.find(key).ok()?;
        Some(&mut self.sorted[index].1)
    }

    /// Whether there is a value for `key`.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.find(key).is_ok()
    }

    /// Sets the value of `key` and returns the one it had.
    pub fn insert(&mut self, key: impl Into<Key>, value: Value) -> Option<Value> {
        let key = key.into();
        match self.find(&key) {
            Ok(index) => Some(std::mem::replace(&mut self.sorted[index].1, value)),
            Err(index) => {
                if self.sorted.capacity() == 0 {
                    self.sorted.reserve(ROOM);
                }
                self.sorted.insert(index, (key, value));
                None
            }
        }
    }

    /// Takes `key` out and returns the value it had.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let index = self.find(key).ok()?;
        Some(self.sorted.remove(index).1)
    }

    /// Takes everything out.
    pub fn clear(&mut self) {
        self.sorted.clear();
    }

    /// Keeps only the facts that `keep` wants.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        self.sorted.retain_mut(|(key, value)| keep(key, value));
    }

    /// The facts, sorted by key.
    pub fn iter(&self) -> Iter<'_> {
        self.sorted.iter().map(|(key, value)| (&**key, value))
    }

    /// The facts, sorted by key, with values that can be changed.
    pub fn iter_mut(&mut self) -> IterMut<'_> {
        self.sorted.iter_mut().map(|(key, value)| (&**key, value))
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.sorted.binary_search_by(|(known, _)| known.as_ref().cmp(key))
    }
}

/// The facts one by one.
pub type Iter<'a> = std::iter::Map<std::slice::Iter<'a, (Key, Value)>, fn(&'a (Key, Value)) -> (&'a str, &'a Value)>;

/// The facts one by one, with values that can be changed.
pub type IterMut<'a> =
    std::iter::Map<std::slice::IterMut<'a, (Key, Value)>, fn(&'a mut (Key, Value)) -> (&'a str, &'a mut Value)>;

impl<'a> IntoIterator for &'a Attributes {
    type Item = (&'a str, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Attributes {
    type Item = (&'a str, &'a mut Value);
    type IntoIter = IterMut<'a>;

    fn into_iter(self) -> IterMut<'a> {
        self.iter_mut()
    }
}

impl IntoIterator for Attributes {
    type Item = (Key, Value);
    type IntoIter = std::vec::IntoIter<(Key, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.sorted.into_iter()
    }
}

/// As with a JSON value, a name without a value gives null.
impl Index<&str> for Attributes {
    type Output = Value;

    fn index(&self, key: &str) -> &Value {
        self.get(key).unwrap_or(&Value::Null)
    }
}

impl<K: Into<Key>, V: Into<Value>> Extend<(K, V)> for Attributes {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, facts: I) {
        for (key, value) in facts {
            self.insert(key, value.into());
        }
    }
}

impl<K: Into<Key>, V: Into<Value>> FromIterator<(K, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(facts: I) -> Self {
        let mut attributes = Self::new();
        attributes.extend(facts);
        attributes
    }
}

impl fmt::Debug for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl Serialize for Attributes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self)
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AttributesVisitor)
    }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = Attributes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Attributes, M::Error> {
        let mut attributes = Attributes::new();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            attributes.insert(key, value);
        }
        Ok(attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::Attributes;

    #[test]
    fn facts_are_sorted_whatever_order_they_come_in_and_the_last_of_a_name_counts() {
        let mut facts: Attributes = [("model", 1), ("cwd", 2), ("tokens", 3), ("model", 4)].into_iter().collect();
        assert_eq!(serde_json::to_string(&facts).expect("JSON"), r#"{"cwd":2,"model":4,"tokens":3}"#);
        let read: Attributes = serde_json::from_str(r#"{"tokens":3,"model":0,"cwd":2,"model":4}"#).expect("JSON");
        assert_eq!(read, facts);
        assert_eq!(facts.remove("cwd"), Some(2.into()));
        facts.retain(|key, _| key == "model");
        assert_eq!(facts.iter().collect::<Vec<_>>(), [("model", &4.into())]);
    }
}
