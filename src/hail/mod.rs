//! The session model and its canonical JSONL, version `hail-1.0.0`.
//!
//! Nothing here touches a clock, and only [`Spool`] a disk, with what is too much for memory: readers
//! take any [`std::io::BufRead`], writers any [`std::io::Write`]. `docs/format.md` shows the bytes.

mod arena;
mod assembly;
mod attributes;
mod content;
mod draft;
mod event;
mod hashes;
mod id;
mod json;
mod lenient;
mod lines;
mod media;
mod plain;
mod reader;
mod scan;
#[cfg(test)]
mod scan_tests;
mod semantic;
mod session;
mod spool;
mod stats;
mod surrogates;
mod text;
mod time;
mod title;
mod validate;
mod writer;

pub use assembly::{Assembly, Pause, Sink};
pub use attributes::{Attributes, Key};
pub use content::{Block, Content};
pub use event::{Event, EventType, attribute};
pub(crate) use hashes::{Hashes, hash};
pub use id::{InvalidSessionId, ObjectHash, SessionId};
pub(crate) use lenient::or_default;
pub use lines::{Line, LineFault, Lines, MAX_LINE_BYTES};
pub(crate) use lines::{describe_json, last_line_end};
pub(crate) use media::{CONTENTS, MEDIA_TYPES, decode, is_media};
pub use media::{Images, Pictured, UnknownImages, shown};
pub use reader::{ReadError, Reader, Record};
pub(crate) use scan::{Loose, Scanner};
pub use session::{Agent, Context, Header, Session, VERSION};
pub use spool::{Canonical, PausedSpool, Spool};
pub use stats::{Stats, StatsCollector};
pub(crate) use surrogates::repaired;
pub use text::Text;
pub use time::{InvalidTimestamp, Timestamp};
pub use title::{Titled, cut, is_invisible, title, title_of};
pub use validate::{Validator, Violation};
pub use writer::Writer;
