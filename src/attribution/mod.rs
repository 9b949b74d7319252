//! Which sessions made which commit: what they touched, and the trailers that say so.

mod at_commit;
mod commit_diff;
mod diff;
mod encoding;
mod evidence;
mod file_path;
mod line;
mod matching;
mod message;
mod prompt;
mod rewritten;
mod running;
mod scan;
mod sessions;
mod shell;
mod squash;
mod store;
mod trailer_lines;
mod trailers;
mod writes;

pub use at_commit::{FindError, Found, find_sessions};
pub use commit_diff::{facts, read as read_diff};
pub use encoding::Encoding;
pub use evidence::Evidence;
pub use message::{Comments, append};
pub use prompt::PromptAt;
pub use rewritten::{Linked, Match, UnlinkedCommit, find_rewritten};
pub use scan::{ScanContext, refresh};
pub use sessions::{
    CommitDiff, CommitFacts, EditDetail, Known as KnownSession, OtherChange, Part, Parts, Sessions, roots,
};
pub use squash::squashed;
pub use store::{Store, path_in as store_path};
pub use trailer_lines::{Attribution, TrailerKind, UnknownTrailer};
pub use trailers::{PROMPT_TRAILER, SESSION_TRAILER, quotes, sessions_in, sessions_named};
pub use writes::{Call, What, Write, Writes};
