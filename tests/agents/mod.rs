//! The agents' parsers against logs.

mod claude_code;
mod codex;
mod corpus;
mod counts;
mod fidelity;
