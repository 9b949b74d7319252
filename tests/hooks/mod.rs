//! The hooks, from the side of a person who commits and pushes.

mod codex;
mod commit;
mod configured;
mod crash;
mod destination;
mod fanout;
mod install;
mod managers;
mod push;
mod queue;
mod relink;
mod remotes;
mod rewriting;
mod surroundings;
