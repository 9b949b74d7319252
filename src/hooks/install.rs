//! Installing and removing the hooks. What was there before is moved aside, run first, and put back
//! byte for byte.

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::ALL;
use crate::{
    error::{Error, Result},
    git::Repository,
};

/// Every script of ours has this line.
const MARKER: &[u8] = b"# >>> git-session >>>";
/// What is appended to the name of a hook that was there before.
const ASIDE: &str = ".before-git-session";

/// How a hook stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Ours is there and up to date.
    Installed,
    /// Ours is there, of another version or for a program elsewhere.
    Outdated,
    /// Ours is there but cannot be run.
    NotExecutable,
    /// It is not there.
    Absent,
    /// A hook of somebody else is there, without ours.
    Foreign,
}

/// One hook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// Its name.
    pub hook: &'static str,
    /// How it stands.
    pub state: State,
    /// Where it is.
    pub path: PathBuf,
    /// Where the hook went that was there before and runs first.
    pub chained: Option<PathBuf>,
}

/// How the hooks of a repository stand.
///
/// # Errors
/// When git does not tell where its hooks are.
pub fn status(repository: &Repository, program: &Path) -> Result<Vec<Installed>> {
    let folder = repository.hooks_dir()?;
    Ok(ALL.iter().map(|(hook, script)| look(&folder, hook, &script_for(script, program))).collect())
}

fn look(folder: &Path, hook: &'static str, script: &str) -> Installed {
    let path = folder.join(hook);
    let state = match fs::read(&path) {
        Ok(found) if found == script.as_bytes() && !is_executable(&path) => State::NotExecutable,
        Ok(found) if found == script.as_bytes() => State::Installed,
        Ok(found) if is_ours(&found) => State::Outdated,
        Ok(_) => State::Foreign,
        // A dangling symbolic link is no hook to git, but it is somebody's file.
        Err(_) if path.symlink_metadata().is_ok() => State::Foreign,
        Err(_) => State::Absent,
    };
    let chained = Some(aside(&path)).filter(|aside| aside.symlink_metadata().is_ok());
    Installed { hook, state, path, chained }
}

/// Installs every hook.
///
/// # Errors
/// When the hooks belong to a place that is not this repository's, or a file cannot be written.
pub fn install(repository: &Repository, program: &Path) -> Result<Vec<Installed>> {
    let folder = own_folder(repository)?;
    fs::create_dir_all(&folder).map_err(|fault| at(&folder, &fault))?;
    for (hook, script) in &ALL {
        let script = script_for(script, program);
        let path = folder.join(hook);
        let found = look(&folder, hook, &script);
        if found.state == State::Foreign {
            let aside = aside(&path);
            if found.chained.is_some() {
                return Err(Error::user(format!("{} is in the way", aside.display()))
                    .hinted(format!("look at it, then: rm '{}' && git session hooks install", aside.display())));
            }
            fs::rename(&path, &aside).map_err(|fault| at(&path, &fault))?;
        }
        if found.state != State::Installed {
            write(&path, &script).map_err(|fault| at(&path, &fault))?;
        }
    }
    status(repository, program)
}

/// Removes every hook of ours and puts back what was there before.
///
/// # Errors
/// When a file cannot be written.
pub fn uninstall(repository: &Repository, program: &Path) -> Result<Vec<Installed>> {
    let folder = repository.hooks_dir()?;
    for found in status(repository, program)? {
        if matches!(found.state, State::Foreign) {
            continue;
        }
        match &found.chained {
            Some(aside) => fs::rename(aside, &found.path).map_err(|fault| at(&found.path, &fault))?,
            None if found.state != State::Absent => {
                fs::remove_file(&found.path).map_err(|fault| at(&found.path, &fault))?;
            }
            None => {}
        }
    }
    // Only an empty folder goes, which is what there was where we made it.
    let _ = fs::remove_dir(&folder);
    status(repository, program)
}

/// The hooks folder, where it is this repository's own.
fn own_folder(repository: &Repository) -> Result<PathBuf> {
    let folder = repository.hooks_dir()?;
    let Some((scope, value)) = repository.hooks_path_setting()? else { return Ok(folder) };
    let lines: Vec<String> = ALL.iter().map(|(hook, _)| format!("{hook}: git-session hook {hook} \"$@\"")).collect();
    let by_hand = format!("add these lines to the hooks there by hand:\n    {}", lines.join("\n    "));
    if scope != "local" && scope != "worktree" {
        let message =
            format!("core.hooksPath is set to '{value}' in the {scope} configuration, which serves every repository");
        return Err(Error::user(message).hinted(by_hand));
    }
    let common = repository.common_dir();
    let is_tracked = repository.work_tree().is_some_and(|root| folder.starts_with(root))
        && !folder.starts_with(&common)
        && !folder.starts_with(repository.git_dir());
    if is_tracked {
        let message = format!("core.hooksPath is set to '{value}', which is part of the work tree");
        return Err(Error::user(message).hinted(by_hand));
    }
    Ok(folder)
}

fn script_for(script: &str, program: &Path) -> String {
    // A single quote ends a quoted word of sh, so it is written outside.
    script.replace("@PROGRAM@", &program.display().to_string().replace('\'', r"'\''"))
}

fn is_ours(content: &[u8]) -> bool {
    content.windows(MARKER.len()).any(|window| window == MARKER)
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ASIDE);
    PathBuf::from(name)
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

/// Writes an executable file as a whole or not at all.
#[cfg(unix)]
fn write(path: &Path, script: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(script.as_bytes())?;
    file.as_file().set_permissions(fs::Permissions::from_mode(0o755))?;
    file.persist(path).map_err(|fault| fault.error)?;
    Ok(())
}

fn at(path: &Path, fault: &io::Error) -> Error {
    Error::user(format!("{}: {fault}", path.display())).hinted(format!("ls -l '{}'", path.display()))
}
