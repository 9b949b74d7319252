//! Which hooks git runs beside an entry of the configuration.

use std::path::PathBuf;

use super::{
    by_hand::calls_us,
    install::{is_executable, is_ours},
    manager::Manager,
};
use crate::{git::Repository, system::files};

/// Whether git runs a script of ours for `hook`.
pub(super) fn is_run_as_script(repository: &Repository, hook: &str) -> bool {
    let folder = repository.hooks_dir_in_brief();
    let top = folder.join(hook);
    let shared = Manager::husky_folder(&folder).map(|folder| folder.join(hook));
    let moved = Manager::of(&top).filter(|manager| manager.runs_what_it_moved(hook)).map(|manager| manager.moves(&top));
    let calls = |path: &PathBuf| files::read(path, files::SMALL).is_ok_and(|content| calls_us(&content, hook));
    let can_run = |path: &PathBuf| is_executable(path) && (is_ours(path) || calls(path));
    can_run(&top) || moved.is_some_and(|path| can_run(&path)) || shared.is_some_and(|path| is_ours(&path))
}

/// Somebody else's script that git runs for `hook` after the entries of the configuration.
pub(super) fn other_script(repository: &Repository, hook: &str) -> Option<PathBuf> {
    let folder = repository.hooks_dir_in_brief();
    // husky has a script for every hook, and runs the tracked one where there is one.
    let script = match Manager::husky_folder(&folder) {
        Some(folder) => Some(folder.join(hook)).filter(|script| script.exists()),
        None => Some(folder.join(hook)).filter(|script| is_executable(script)),
    };
    script.filter(|_| !is_run_as_script(repository, hook))
}
