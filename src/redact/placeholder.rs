//! What stands in the place of a secret: `[REDACTED:<rule>:<8 hex>]`.

use std::{fmt, ops::Range};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const HEAD: &str = "[REDACTED:";

/// What stands in placeholders for the rule by which attachments go that cannot be read.
pub(super) const UNREAD: &str = "unread-attachment";

/// Makes placeholders that are equal for equal secrets, under one key.
#[derive(Clone)]
pub(super) struct Placeholders {
    mac: Hmac<Sha256>,
}

// Shows nothing of the key.
impl fmt::Debug for Placeholders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Placeholders").finish_non_exhaustive()
    }
}

impl Placeholders {
    pub(super) fn new(key: &[u8]) -> Self {
        Self { mac: Hmac::new_from_slice(key).expect("HMAC takes keys of every length") }
    }

    /// The placeholder of `secret`.
    pub(super) fn of(&self, rule: &str, secret: &[u8]) -> String {
        format!("{HEAD}{rule}:{}]", self.digest(secret))
    }

    /// The placeholder of `secret` in an id, of the letters that every id may have.
    pub(super) fn in_id(&self, rule: &str, secret: &[u8]) -> String {
        format!("REDACTED-{rule}-{}", self.digest(secret))
    }

    fn digest(&self, secret: &[u8]) -> String {
        let digest = self.mac.clone().chain_update(secret).finalize().into_bytes();
        format!("{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3])
    }
}

/// Where placeholders stand in `text`.
pub(super) fn ranges(text: &str) -> Vec<Range<usize>> {
    let starts = memchr::memmem::find_iter(text.as_bytes(), HEAD.as_bytes());
    starts.filter_map(|start| length(&text.as_bytes()[start..]).map(|length| start..start + length)).collect()
}

fn length(bytes: &[u8]) -> Option<usize> {
    let rest = &bytes[HEAD.len()..];
    let id =
        rest.iter().take_while(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || **byte == b'-').count();
    let tail = rest.get(id..id + 10)?;
    let hash = tail[1..9].iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'));
    (id > 0 && tail[0] == b':' && hash && tail[9] == b']').then_some(HEAD.len() + id + 10)
}
