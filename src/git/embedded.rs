//! Bare repositories that a clone of another repository may have brought.
//!
//! A repository can have the files of a bare repository among its own: with them come settings such as
//! `core.sshCommand`, which are commands. git itself uses such a repository as soon as somebody works in its
//! folder, unless `safe.bareRepository` is `explicit`. No file below a folder named `.git` can be tracked, so
//! that a git directory in one was made here.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{GitError, process::REPOSITORY_VARIABLES};

/// Refuses a repository that git would find from `directory` where it must be named instead.
///
/// # Errors
/// When it is bare and either inside the work tree of another repository or `safe.bareRepository` is
/// `explicit`.
#[expect(clippy::disallowed_methods, reason = "whether the repository was named is in the environment of git")]
pub(super) fn check(directory: &Path) -> Result<(), GitError> {
    if std::env::var_os("GIT_DIR").is_some() {
        return Ok(());
    }
    // What cannot be found cannot be opened either, which says so better.
    let Ok((found, _)) = gix::discover::upwards(directory) else { return Ok(()) };
    let is_found_as_such = matches!(found, gix::discover::repository::Path::Repository(_));
    let (git_dir, _) = found.into_repository_and_work_tree_directories();
    if is_below_dot_git(&real(&git_dir)) {
        return Ok(());
    }
    if let Some(outer) = outer_work_tree(&git_dir) {
        return Err(GitError::BareInWorkTree { directory: real(&git_dir), outer });
    }
    if is_found_as_such && protected_setting("safe.bareRepository").as_deref() == Some("explicit") {
        return Err(GitError::BareNotNamed { directory: real(&git_dir) });
    }
    Ok(())
}

/// The value of `key` where no repository can have set it: of the machine, the user, or this command.
#[expect(clippy::disallowed_methods, reason = "no repository is open yet")]
fn protected_setting(key: &str) -> Option<String> {
    let mut command = Command::new("git");
    for variable in REPOSITORY_VARIABLES {
        command.env_remove(variable);
    }
    // Where there can be no repository.
    command.args(["config", "--get", key]).current_dir("/").env("GIT_DIR", "/dev/null").stdin(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// The root of the work tree of another repository that could have brought `git_dir`.
pub(super) fn outer_work_tree(git_dir: &Path) -> Option<PathBuf> {
    let git_dir = real(git_dir);
    if is_below_dot_git(&git_dir) {
        return None;
    }
    git_dir.ancestors().skip(1).find(|folder| is_other_work_tree(folder, &git_dir)).map(Path::to_owned)
}

fn is_below_dot_git(git_dir: &Path) -> bool {
    git_dir.components().any(|component| component.as_os_str() == OsStr::new(".git"))
}

/// Whether `folder` is the root of a work tree, but not of the repository at `git_dir`, which may lie in its
/// own work tree under another name and be named there by a file `.git`.
fn is_other_work_tree(folder: &Path, git_dir: &Path) -> bool {
    let dot_git = folder.join(".git");
    if dot_git.is_dir() {
        return dot_git.join("HEAD").symlink_metadata().is_ok();
    }
    let named = gix::discover::path::from_gitdir_file(&dot_git);
    named.is_ok_and(|named| !shares_a_repository(&real(&named), git_dir))
}

/// Whether the two are one repository, whichever of its linked work trees each serves.
fn shares_a_repository(one: &Path, other: &Path) -> bool {
    common_dir(one) == common_dir(other)
}

/// The git directory of the main work tree, for one of a linked work tree: `<main>/worktrees/<name>`.
fn common_dir(git_dir: &Path) -> &Path {
    let list = git_dir.parent().filter(|list| list.ends_with("worktrees"));
    list.and_then(Path::parent).unwrap_or(git_dir)
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
