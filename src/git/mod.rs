//! The only module that names gix or starts a git process, so that every access to a repository
//! can be audited in one place.
//!
//! gix serves objects, refs, the index and configuration; the system `git` serves fetch and push,
//! so that credentials, proxies, hooks and transports are git's own, and reference writes in
//! reftable repositories, which gix does not know.

mod address;
mod ancestry;
mod blame;
mod changes;
mod command_config;
mod comments;
mod config;
mod embedded;
mod error;
mod fingerprint;
mod first_line;
mod history;
mod import;
mod index;
mod kept_tips;
mod leftovers;
mod objects;
mod process;
mod promisor;
mod references;
mod remote;
mod repository;
mod sandbox;
mod scratch;
mod user;
mod without_hooks;

pub use address::Address;
pub use ancestry::{PushOptions, push_options};
pub use blame::BlamedLine;
pub use changes::{FileVersion, TreeChange};
pub use config::{ConfigScope, Setting};
pub use error::GitError;
pub use fingerprint::Fingerprint;
pub use gix::ObjectId;
pub use history::{ChangedFile, Commit, Operation, parse_time};
pub use import::Import;
pub use index::StagedPath;
pub use leftovers::Leftover;
pub use objects::{Entry, EntryKind, MAX_ENTRIES, NewBlob, TreeUpdate};
pub use process::{Finished, detach_from_terminal, spawn_detached};
pub use references::{Expected, RefUpdate, is_branch_name};
pub use remote::{Listing, PushSpec, PushStatus, Pushing, RemoteRef, without_credentials};
pub use repository::{Head, Repository};
pub use sandbox::Sandbox;
pub use scratch::Scratch;
pub use user::UserConfig;
