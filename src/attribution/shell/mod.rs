//! What a command line does to files and to git, as far as its text says.
//!
//! Pure: nothing is run, no file is looked at. [`parse`] finds the programs that a command line runs, also
//! behind `sudo`, `xargs` or `bash -c`, and the directory of each; [`written`] and [`commits`] say what
//! they do. Agents' command lines are untrusted: time is linear in their length, and depth is bounded.
//!
//! Read as bash reads it: <https://www.gnu.org/software/bash/manual/bash.html>.

mod command;
mod commits;
mod constant;
mod effect;
mod escapes;
mod files;
mod git;
mod lexer;
mod lists;
mod parser;
mod paths;
mod programs;
mod tasks;
mod token;
mod words;
mod wrappers;
mod written;

#[cfg(test)]
mod tests;

pub use commits::commits;
pub use effect::{Commits, How};
pub use parser::parse;
pub use written::written;
