//! What a session is called where a store names it.

use crate::hail::{ObjectHash, SessionId};

/// The session's own id where it can be one, else a hash of it after the agent's name.
pub(super) fn session_id(native: &str, agent: &str) -> SessionId {
    native.parse().unwrap_or_else(|_| {
        let hash = ObjectHash::of(native.as_bytes()).to_string();
        format!("{agent}-{}", &hash[..16]).parse().expect("letters, digits and dashes")
    })
}
