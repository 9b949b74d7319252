//! The one integration binary: every test runs the real program on real repositories, in a home of
//! its own.

mod agents;
mod commands;
mod extension_points;
mod hooks;
mod interop;
mod ledger;
mod places;
mod promises;
mod review;
mod secrets;
mod support;
mod sync;
