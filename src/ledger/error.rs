//! What can go wrong with a ledger.

use thiserror::Error;

use super::{MAX_SESSION_BYTES, names};
use crate::{git::GitError, hail::SessionId};

/// A ledger that cannot be read or written.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// The repository failed.
    #[error(transparent)]
    Git(#[from] GitError),
    /// What is to be stored cannot be read back from its temporary file.
    #[error("reading the session from its temporary file: {0}")]
    Spool(#[source] std::io::Error),
    /// A session is larger than any reader takes.
    #[error("the session {session} has {bytes} bytes; the limit is {MAX_SESSION_BYTES}")]
    TooLarge {
        /// The session.
        session: SessionId,
        /// The size of its events.
        bytes: u64,
    },
    /// Other writers were faster every single time.
    #[error("the ledger {reference} kept changing while it was written")]
    Contended {
        /// Its reference.
        reference: String,
    },
    /// A session is described, but what was said in it did not come along.
    #[error("session {session} has metadata only: its events exceed the remote's file size limit")]
    NoEvents {
        /// The session.
        session: String,
    },
    /// The events of a session are damaged, or too large.
    #[error("the events of the session {session} cannot be read: {cause}")]
    Unreadable {
        /// The session.
        session: SessionId,
        /// What is wrong.
        cause: String,
    },
    /// A session cannot be redacted.
    #[error("{0}")]
    Unredactable(String),
    /// Something stored is not what it should be.
    #[error(transparent)]
    Damaged(#[from] Damage),
}

/// Something stored that is not what it should be.
#[derive(Clone, Debug, Error)]
#[error("{path} in the ledger {reference} is damaged: {cause}")]
pub struct Damage {
    /// The reference of the ledger.
    pub reference: String,
    /// The path in its tree.
    pub path: String,
    /// What is wrong.
    pub cause: String,
}

/// A name that is no backend's.
#[derive(Debug, Error)]
#[error("'{name}' is not a fanout mode; known are {}", names().join(", "))]
pub struct UnknownMode {
    pub(super) name: String,
}
