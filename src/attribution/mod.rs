//! Which sessions made which commit: what they touched, and the trailers that say so.

mod changes;
mod credit;
mod documents;
mod encoding;
mod evidence;
mod message;
mod relink;
mod scan;
mod squash;
mod state;
mod touched;
mod trailers;

pub use credit::{Credit, TrailerKind, UnknownTrailer};
pub use encoding::Encoding;
pub use evidence::{Found, Look, find_sessions, first_look, warm};
pub use message::{Comments, append};
pub use relink::{Kinship, Known, Orphan, Reunion, relink};
pub use squash::squashed;
pub use state::{LogState, State, StateFile, Touch};
pub use trailers::{PROMPT_TRAILER, SESSION_TRAILER, quotes, sessions_in, sessions_named};
