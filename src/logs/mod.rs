//! Which logs may concern a repository, and whose they are: by what they say, not by the folder they are in.

mod catalogue;
mod ownership;
mod paths;

pub use catalogue::recent;
pub use ownership::mentions;
pub use paths::{absolute, below, forms_of, in_roots, is_elsewhere};
