//! From a line or a commit to what was said: which sessions wrote it, and why.

mod link;
mod sources;

pub use link::{Linked, link, logs_of};
pub use sources::{LogOf, Sources};
