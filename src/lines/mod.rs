//! From a line or a commit to what was said: which sessions wrote it, and why.

mod blame;
mod link;
mod sources;

pub use blame::{Origin, Writer, blame};
pub use link::{Linked, link, logs_of};
pub use sources::{LogOf, Sources};
