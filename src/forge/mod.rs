//! What forges and their CI make of texts that reach them.

mod harmless;

pub use harmless::{without_commands, without_references};
