//! The agents' parsers against logs.

mod codex;
