//! The one error type at the edge: what failed, why, and the command that fixes it.

use std::fmt;

use crate::{agents, git::GitError, ledger, redact};

/// How a command ends; each kind has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The user can fix it: exit code 1.
    User,
    /// The command line is wrong: exit code 2.
    Usage,
    /// Some items failed, the rest is done: exit code 3.
    Partial,
    /// Our fault: exit code 255.
    Bug,
    /// Whoever read our output went away: exit code 0.
    ClosedPipe,
}

impl Kind {
    /// The exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::ClosedPipe => 0,
            Self::User => 1,
            Self::Usage => 2,
            Self::Partial => 3,
            Self::Bug => 255,
        }
    }
}

/// A failed command.
#[derive(Debug)]
pub struct Error {
    /// Who can do something about it.
    pub kind: Kind,
    message: String,
    hint: Option<String>,
}

/// What commands return.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Something the user can fix.
    #[must_use]
    pub fn user(message: impl fmt::Display) -> Self {
        Self { kind: Kind::User, message: message.to_string(), hint: None }
    }

    /// A wrong command line.
    #[must_use]
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { kind: Kind::Usage, ..Self::user(message) }
    }

    /// Adds what to do next: a runnable command, or a sentence that holds one.
    #[must_use]
    pub fn hinted(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// Says what was attempted.
    #[must_use]
    pub fn during(mut self, action: impl fmt::Display) -> Self {
        self.message = format!("{action}: {}", self.message);
        self
    }

    /// What failed and why, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<GitError> for Error {
    fn from(fault: GitError) -> Self {
        let error = Self::user(&fault);
        match &fault {
            GitError::NotARepository { .. } => error.hinted("run it inside a repository, or create one: git init"),
            GitError::NotTrusted { directory } => {
                error.hinted(format!("git config --global --add safe.directory '{}'", directory.display()))
            }
            GitError::BareInWorkTree { directory, .. } | GitError::BareNotNamed { directory } => {
                error.hinted(format!("if you trust it, name it: git --git-dir='{}' session …", directory.display()))
            }
            GitError::NoIdentity => {
                error.hinted("git config user.name 'Your Name' && git config user.email you@example.org")
            }
            GitError::Locked { lock, .. } => {
                error.hinted(format!("if no git command is running: rm '{}'", lock.display()))
            }
            GitError::NotWritable { folder, .. } => {
                error.hinted(format!("to store sessions, make it writable: ls -ld '{}'", folder.display()))
            }
            GitError::Missing { .. } => {
                error.hinted("git session hydrate --all; or, in a full clone: git session sync --fetch-only")
            }
            GitError::UnknownRevision { .. } => error.hinted("git session log"),
            _ => error,
        }
    }
}

impl From<ledger::LedgerError> for Error {
    fn from(fault: ledger::LedgerError) -> Self {
        match fault {
            ledger::LedgerError::Git(fault) => fault.into(),
            ref missing @ ledger::LedgerError::NoEvents { .. } => Self::user(missing)
                .hinted("the clone that captured it has the events: git session show REF --format hail"),
            ledger::LedgerError::Unreadable { ref session, .. } => {
                let hint = format!("to remove it everywhere: git session purge {session}");
                Self::user(&fault).hinted(hint)
            }
            other => Self::user(other).hinted("git session doctor"),
        }
    }
}

impl From<agents::UnknownAgent> for Error {
    fn from(fault: agents::UnknownAgent) -> Self {
        Self { kind: Kind::Usage, ..Self::user(fault) }
    }
}

impl From<redact::RulesError> for Error {
    fn from(fault: redact::RulesError) -> Self {
        Self::user(fault).hinted("nothing was stored; git session doctor")
    }
}

impl From<std::io::Error> for Error {
    fn from(fault: std::io::Error) -> Self {
        let kind = if fault.kind() == std::io::ErrorKind::BrokenPipe { Kind::ClosedPipe } else { Kind::User };
        Self { kind, ..Self::user(fault) }
    }
}
