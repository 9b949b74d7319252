//! What a program needs of its system. No word of sessions or of git is in here.

pub mod files;
pub mod processes;
pub mod prompt;
