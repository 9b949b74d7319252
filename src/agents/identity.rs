//! What a session is called.

use crate::hail::{ObjectHash, SessionId};

/// The session's own id where it can be one, else a hash of it after the agent's name.
pub(super) fn session_id(agent: &str, native: &str) -> SessionId {
    native.parse().unwrap_or_else(|_| hashed_id(agent, native))
}

/// An id made of what tells a session from the agent's others.
pub(super) fn hashed_id(agent: &str, seed: &str) -> SessionId {
    let hash = ObjectHash::of(seed.as_bytes()).to_string();
    format!("{agent}-{}", &hash[..16]).parse().expect("an agent's name and hex digits make a session id")
}

#[cfg(test)]
mod tests {
    use super::session_id;

    #[test]
    fn an_id_that_cannot_name_a_session_is_hashed() {
        assert_eq!(session_id("amp", "T-1").as_str(), "T-1");
        assert!(session_id("amp", "../x").as_str().starts_with("amp-"));
    }
}
