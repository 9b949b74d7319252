//! Files for other programs of the user: man pages and completions, where those programs look for them.

use std::path::{Path, PathBuf};

use crate::{
    context::Context,
    error::{Error, Result},
};

/// The folder `share` that belongs to the folder of the PATH in which git finds this program, where that is in
/// the home directory, and else `~/.local/share`: `man` looks beside every folder of the PATH.
pub(super) fn share(context: &Context) -> Result<PathBuf> {
    let home = home(context)?;
    let beside = bin(context).filter(|bin| bin.starts_with(&home) && bin.ends_with("bin"));
    Ok(beside.and_then(|bin| Some(bin.parent()?.join("share"))).unwrap_or_else(|| home.join(".local/share")))
}

/// The folder of the PATH in which git finds this program.
fn bin(context: &Context) -> Option<PathBuf> {
    folders(context).into_iter().find(|folder| folder.join("git-session").is_file())
}

/// The folders of the PATH.
pub(super) fn folders(context: &Context) -> Vec<PathBuf> {
    context.environment.variable("PATH").map(|path| std::env::split_paths(path).collect()).unwrap_or_default()
}

/// The user's home directory.
pub(super) fn home(context: &Context) -> Result<PathBuf> {
    context.environment.home().ok_or_else(|| Error::user("HOME is not set").hinted("export HOME=~"))
}

/// Writes a file, and the folders it is in.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<()> {
    let written = path.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(path, content));
    written.map_err(|fault| Error::from(fault).during(format!("writing {}", path.display())))
}
