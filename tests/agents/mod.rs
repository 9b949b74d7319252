//! The agents' parsers against logs.

mod claude_code;
mod codex;
mod copilot_cli;
mod corpus;
mod counts;
mod factory_droid;
mod fidelity;
mod gemini_cli;
mod kiro;
mod pi;
mod plain;
mod qwen_code;
