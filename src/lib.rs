//! Keeps AI coding sessions in git, beside the commits they made.
//!
//! ```text
//! agent log ──agents──▶ hail::Event ──redact──▶ Redacted<Canonical> ──ledger──▶ hidden ref | note
//!                                                                        │
//! commit message ◀──link (which session made these lines?)───────────────┤
//!                                                                        │
//!              remote ◀──── sync (fetch, merge, push) ───────────────────┤
//!                                                                        │
//!                  log · show · review · cleanup ──▶ Report ──▶ text │ json │ jsonl │ markdown │ hail
//! ```
//!
//! Data flows left to right; a module imports what stands to its left, never a sibling extension,
//! never [`cli`]. `docs/architecture.md` is the longer map.

pub mod agents;
pub mod attribution;
pub mod capture;
pub mod cleanup;
pub mod cli;
pub mod config;
pub mod context;
pub mod demo;
pub mod environment;
pub mod erase;
pub mod error;
pub mod forge;
pub mod git;
pub mod hail;
pub mod hooks;
pub mod ledger;
pub mod lines;
pub mod logs;

pub mod redact;
pub mod report;
pub mod review;
pub mod sync;
pub mod system;
