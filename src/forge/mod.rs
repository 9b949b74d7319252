//! What forges and their CI make of texts that reach them, and the names of the branches made for them.

mod harmless;
mod review_branch;

pub use harmless::{without_commands, without_references};
pub use review_branch::{is_review_folder, review_folder};
