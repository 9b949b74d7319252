//! Reading what other writers leave out or spell as `null`.

use serde::{Deserialize, Deserializer};

/// Reads a value; `null` is the default.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(from: D) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}
