//! Which sessions made which commit: what they touched, and the trailers that say so.

mod changes;
mod commit_diff;
mod credit;
mod diff;
mod documents;
mod encoding;
mod evidence;
mod hook_old;
mod line;
mod matching;
mod message;
mod paths;
mod rewritten;
mod scan;
mod sessions;
mod shell;
mod squash;
mod state;
mod store;
mod touched;
mod trailers;
mod writes;

pub use commit_diff::{facts, read as read_diff};
pub use credit::{Credit, TrailerKind, UnknownTrailer};
pub use encoding::Encoding;
pub use evidence::Evidence;
pub use hook_old::{Found, Look, find_sessions, first_look, warm};
pub use message::{Comments, append};
pub use rewritten::{Linked, Match, UnlinkedCommit, find_rewritten};
pub use sessions::{CommitDiff, CommitFacts, EditDetail, Known as KnownSession, OtherChange, Part, Parts, Sessions};
pub use squash::squashed;
pub use state::{LogState, State, StateFile, Touch};
pub use trailers::{PROMPT_TRAILER, SESSION_TRAILER, quotes, sessions_in, sessions_named};
pub use writes::{Call, PromptAt, What, Write, Writes};
