//! The git hooks: installing them, and what they do.
//!
//! The scripts themselves are the files in `/hooks`; each runs the hook that was there before and
//! hands over to this program.

mod before;
mod by_hand;
mod commit;
mod configured;
pub mod global;
mod install;
mod interpreter;
mod manager;
mod pending;
mod push;
mod rewrite;
mod run;
mod running;
mod script;
mod shared;

pub use by_hand::refusal;
pub use commit::{commit_msg, post_commit, prepare_commit_msg};
pub use install::{Installed, State, install, status, uninstall};
pub use interpreter::faults;
pub use manager::Manager;
pub use push::{Pushed, pre_push};
pub use rewrite::post_rewrite;
pub use run::run;

/// Set in a commit's or push's environment: the hooks do nothing.
pub const DISABLE: &str = "OPENSESSION_DISABLE";
/// Set in a push's environment: a failed fanout fails the push.
pub const STRICT: &str = "OPENSESSION_STRICT";
/// Set by this program for its own pushes.
pub const INTERNAL_PUSH: &str = "OPENSESSION_INTERNAL_PUSH";

/// Every hook with its script.
pub static ALL: [(&str, &str); 5] = [
    ("prepare-commit-msg", include_str!("../../hooks/prepare-commit-msg")),
    ("commit-msg", include_str!("../../hooks/commit-msg")),
    ("post-commit", include_str!("../../hooks/post-commit")),
    ("post-rewrite", include_str!("../../hooks/post-rewrite")),
    ("pre-push", include_str!("../../hooks/pre-push")),
];

/// Whether commits are made in `repository`: in a bare one only where it has linked work trees.
#[must_use]
pub fn has_commits_made(repository: &crate::git::Repository) -> bool {
    !repository.is_bare() || !repository.work_trees().is_empty()
}
