//! The agents' parsers against logs.

mod agenix;
mod aider;
mod amp;
mod claude_code;
mod codex;
mod corpus;
mod counts;
mod fidelity;
mod fixtures;
mod generic;
mod hail;
mod ox;
