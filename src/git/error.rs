//! What can go wrong in a repository.

use std::{path::PathBuf, time::Duration};

use thiserror::Error;

/// A failed access to a repository.
#[derive(Debug, Error)]
pub enum GitError {
    /// No repository there or above.
    #[error("{} is not in a git repository", directory.display())]
    NotARepository {
        /// Where the search began.
        directory: PathBuf,
    },
    /// The repository belongs to somebody else.
    #[error("the repository {} belongs to another user", directory.display())]
    NotTrusted {
        /// Its git directory.
        directory: PathBuf,
    },
    /// A bare repository that a clone of another repository may have brought.
    #[error(
        "the bare repository {} is inside the work tree of {}, so its configuration may not be yours",
        directory.display(),
        outer.display()
    )]
    BareInWorkTree {
        /// Its git directory.
        directory: PathBuf,
        /// The root of the work tree around it.
        outer: PathBuf,
    },
    /// A bare repository that was found, not named, where `safe.bareRepository` is `explicit`.
    #[error("the bare repository {} was not named, and safe.bareRepository is 'explicit'", directory.display())]
    BareNotNamed {
        /// Its git directory.
        directory: PathBuf,
    },
    /// No author identity is configured.
    #[error("user.name and user.email are not set")]
    NoIdentity,
    /// A reference changed between reading and writing it.
    #[error("the reference {name} was changed by another process")]
    Conflict {
        /// Its full name.
        name: String,
    },
    /// A lock file stands in the way.
    #[error("the reference {name} is locked by {}{}", lock.display(), in_words(*age))]
    Locked {
        /// Its full name.
        name: String,
        /// The lock file.
        lock: PathBuf,
        /// How long it has been there.
        age: Option<Duration>,
    },
    /// The file or folder is not writable.
    #[error("the reference {name} cannot be written: {}: {cause}", folder.display())]
    NotWritable {
        /// Its full name.
        name: String,
        /// The folder that would hold it.
        folder: PathBuf,
        /// What the system says.
        cause: String,
    },
    /// An object is not here, as can happen in a partial clone.
    #[error("the object {id} is not in this repository")]
    Missing {
        /// Its id.
        id: String,
    },
    /// An object is too large to be what it claims to be.
    #[error("the object {id} has {size} bytes; the limit is {limit}")]
    TooLarge {
        /// Its id.
        id: String,
        /// Its size in bytes.
        size: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// A tree, with all below it, has more entries than anything that this tool writes.
    #[error("a tree has more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: usize,
    },
    /// A name that does not resolve.
    #[error("'{spec}' is not a commit in this repository")]
    UnknownRevision {
        /// The name as given.
        spec: String,
    },
    /// A git process failed.
    #[error("git {command} failed: {message}")]
    Process {
        /// The subcommand.
        command: String,
        /// What git said, or why it did not run.
        message: String,
    },
    /// A git process took too long.
    #[error("git {command} was stopped after {seconds} s")]
    TimedOut {
        /// The subcommand.
        command: String,
        /// The limit in seconds.
        seconds: u64,
    },
    /// Anything else that reading or writing a repository can say.
    #[error("{action}: {cause}")]
    Failed {
        /// What was attempted.
        action: &'static str,
        /// Why it did not work.
        cause: String,
    },
}

impl GitError {
    /// Whether an object is here and is not what it should be: too large, or not what its name or its place says.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::TooLarge { .. } | Self::TooManyEntries { .. } | Self::Failed { .. })
    }

    /// Says that `lock` stands in the way, and since when.
    pub(super) fn locked(name: String, lock: PathBuf) -> Self {
        let made = lock.metadata().and_then(|metadata| metadata.modified());
        Self::Locked { name, age: made.ok().and_then(|made| made.elapsed().ok()), lock }
    }

    /// Wraps any failure of `action`, with its whole chain of causes.
    pub(super) fn failed(action: &'static str, cause: &dyn std::error::Error) -> Self {
        let mut text = cause.to_string();
        let mut source = cause.source();
        while let Some(next) = source {
            let next_text = next.to_string();
            if !text.contains(&next_text) {
                text.push_str(": ");
                text.push_str(&next_text);
            }
            source = next.source();
        }
        Self::Failed { action, cause: text }
    }
}

/// An age as the end of a sentence; nothing for what has only just been made.
fn in_words(age: Option<Duration>) -> String {
    let minutes = age.unwrap_or_default().as_secs() / 60;
    match minutes {
        0 => String::new(),
        1..120 => format!(", {minutes} min old"),
        120..2880 => format!(", {} h old", minutes / 60),
        _ => format!(", {} days old", minutes / 1440),
    }
}

/// Turns gix's one error into ours.
pub(super) trait During<T> {
    /// Names what was attempted.
    fn during(self, action: &'static str) -> Result<T, GitError>;
}

impl<T, E: std::error::Error> During<T> for Result<T, E> {
    fn during(self, action: &'static str) -> Result<T, GitError> {
        self.map_err(|fault| GitError::failed(action, &fault))
    }
}
