//! What a command line does to files and to git, as far as its text says.

mod effects;
mod lexer;
mod parser;
mod programs;

pub use effects::{How, written};
pub use parser::{Script, parse};

/// Whether a command makes commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Commits {
    /// It does not.
    No,
    /// It runs something that may.
    Maybe,
    /// Its text says so.
    Directly,
}

/// Whether any command of a script makes commits.
#[must_use]
pub fn commits(script: &Script) -> Commits {
    script.commands.iter().map(effects::commits).max().unwrap_or(Commits::No)
}
