//! The hooks, from the side of a person who commits and pushes.

mod commit;
mod install;
mod push;
mod relink;
mod rewriting;
