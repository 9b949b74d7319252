//! Installing and removing the hooks. What was there before is moved aside, run first, and put back
//! byte for byte. With husky our lines go into the tracked hooks; see [`super::shared`].

use std::{
    fs, io,
    io::Write,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    ALL,
    by_hand::{calls_us, lines as by_hand},
    configured::{self, Entries},
    manager::{Manager, beside, contains},
    script::{self, script_for, script_for_every_repository},
    shared,
};
use crate::{
    error::{Error, Result},
    git::Repository,
    system::files,
};

/// Every script of ours has this line.
pub(super) const MARKER: &[u8] = b"# >>> git-session >>>";
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
    /// A hook of somebody else is there, which calls this program: a person added the line.
    ByHand,
    /// A hook of somebody else is there, without ours.
    Foreign,
    /// A hook manager moved ours away and does not run it as git would.
    Displaced,
    /// It is in the configuration, where this git does not look.
    Unsupported,
    /// It is in the configuration, which says that it is not to run.
    SwitchedOff,
}

impl State {
    /// Whether git runs this program at that hook.
    #[must_use]
    pub fn works(self) -> bool {
        matches!(self, Self::Installed | Self::ByHand)
    }
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
    /// The hook manager that runs it, or whose hook runs first.
    pub manager: Option<Manager>,
    /// Whether it is there since the hooks are installed for every repository of the person.
    pub global: bool,
    /// Somebody else's script that git runs after ours.
    #[serde(skip)]
    pub beside: Option<PathBuf>,
}

impl Installed {
    /// Whether installing repairs it.
    #[must_use]
    pub fn has_to_be_mended(&self) -> bool {
        !self.state.works() || self.is_too_early()
    }

    /// Whether a script runs after it that can undo or refuse what it did.
    #[must_use]
    pub fn is_too_early(&self) -> bool {
        LAST.contains(&self.hook) && self.beside.is_some()
    }
}

/// The hooks that have to come after everybody else's: one that writes the message anew loses the
/// trailers, and a push that is refused must not have sent the sessions.
const LAST: [&str; 2] = ["prepare-commit-msg", "pre-push"];

/// Where hooks go.
pub(super) enum Home {
    /// A folder of git's, with scripts of ours.
    Scripts(PathBuf),
    /// A folder of tracked hooks, with lines of ours.
    Shared(PathBuf),
}

/// How the hooks of a repository stand.
///
/// # Errors
/// When git does not tell where its hooks are.
pub fn status(repository: &Repository, program: &Path) -> Result<Vec<Installed>> {
    let found: Vec<Installed> = match home(repository)? {
        Home::Shared(folder) => ALL.iter().map(|(hook, _)| shared::look(&folder, hook)).collect(),
        Home::Scripts(folder) => {
            ALL.iter().map(|(hook, script)| look(&folder, hook, &script_for(script, program))).collect()
        }
    };
    let entries = Entries::read(repository)?;
    let with_entry = |(found, (hook, script)): (Installed, &(&'static str, &str))| {
        let state = entries.state(hook, &script_for(script, program));
        // Where git runs our script as well, the script does the work.
        let is_script = matches!(found.state, State::Installed | State::ByHand | State::Outdated);
        let Some(state) = state.filter(|_| !is_script) else { return found };
        let is_others =
            matches!(found.state, State::Foreign | State::Displaced) && found.manager != Some(Manager::PreCommit);
        let beside = Some(found.path).filter(|path| is_others && (is_executable(path) || found.manager.is_some()));
        let global = entries.is_global(hook);
        let path = if global { configured::included(repository) } else { None };
        let path = path.unwrap_or_else(|| repository.common_dir().join("config"));
        Installed { hook, state, path, chained: None, manager: None, global, beside }
    };
    Ok(found.into_iter().zip(&ALL).map(with_entry).collect())
}

fn home(repository: &Repository) -> Result<Home> {
    let folder = repository.hooks_dir()?;
    let is_in_work_tree = repository.work_tree().is_some_and(|root| folder.starts_with(root));
    Ok(match Manager::husky_folder(&folder).filter(|_| is_in_work_tree) {
        Some(folder) => Home::Shared(folder),
        None => Home::Scripts(folder),
    })
}

fn look(folder: &Path, hook: &'static str, script: &str) -> Installed {
    let top = folder.join(hook);
    let found = files::read(&top, files::SMALL);
    let over = Manager::of(&top).filter(|_| !found.as_ref().is_ok_and(|found| contains(found, MARKER)));
    let moved = over.map(|manager| manager.moves(&top));
    let path = match (over, moved) {
        (Some(manager), Some(moved)) if manager.runs_what_it_moved(hook) => moved,
        (Some(manager), Some(moved)) if is_ours(&moved) => {
            return Installed {
                hook,
                state: State::Displaced,
                path: moved,
                chained: chained(&top),
                manager: Some(manager),
                global: false,
                beside: None,
            };
        }
        _ => top.clone(),
    };
    let found = files::read(&path, files::SMALL);
    let global = found.as_ref().is_ok_and(|found| contains(found, script::IS_GLOBAL.as_bytes()));
    let script = if global { &script_for_every_repository(script) } else { script };
    let state = match found {
        Ok(found) if found == script.as_bytes() && !is_executable(&path) => State::NotExecutable,
        Ok(found) if found == script.as_bytes() => State::Installed,
        Ok(found) if contains(&found, MARKER) => State::Outdated,
        Ok(found) if calls_us(&found, hook) && is_executable(&path) => State::ByHand,
        Ok(_) => State::Foreign,
        // A dangling symbolic link is no hook to git, but it is somebody's file.
        Err(_) if path.symlink_metadata().is_ok() => State::Foreign,
        Err(_) => State::Absent,
    };
    let manager = over.or_else(|| Manager::of(&aside(&top)));
    Installed { hook, state, path, chained: chained(&top), manager, global, beside: None }
}

/// Installs every hook.
///
/// # Errors
/// When the hooks belong to a place that is not this repository's, or a file cannot be written.
pub fn install(repository: &Repository, program: &Path) -> Result<Vec<Installed>> {
    if configured::are_wanted(repository)? {
        return install_configured(repository, program);
    }
    let home = own_home(repository)?;
    for (hook, script) in &ALL {
        add(&home, hook, &script_for(script, program))?;
    }
    if configured::are_refused(repository) {
        configured::remove(repository)?;
    }
    status(repository, program)
}

/// Installs every hook in the configuration, and a script where ours has to come after somebody's.
fn install_configured(repository: &Repository, program: &Path) -> Result<Vec<Installed>> {
    let entries = Entries::read(repository)?.own();
    let home = own_home(repository);
    for (hook, script) in &ALL {
        let script = script_for(script, program);
        let before = entries.state(hook, &script);
        if before != Some(State::Installed) {
            configured::write(repository, hook, &configured::command(&script))?;
        }
        match &home {
            Ok(home) if has_to_follow(home, hook, &script) => add(home, hook, &script)?,
            // A script that is there beside an entry is for an older git.
            Ok(Home::Scripts(folder)) if before.is_none() => {
                let found = look(folder, hook, &script);
                if matches!(found.state, State::Installed | State::Outdated | State::NotExecutable) {
                    take_away(&folder.join(hook), &found).map_err(|fault| at(&found.path, &fault))?;
                }
            }
            // Hooks that are not this repository's stay as they are.
            _ => {}
        }
    }
    status(repository, program)
}

fn has_to_follow(home: &Home, hook: &'static str, script: &str) -> bool {
    let folder = match home {
        Home::Shared(folder) => return LAST.contains(&hook) && folder.join(hook).exists(),
        Home::Scripts(folder) => folder,
    };
    let found = look(folder, hook, script);
    let has_other = match found.state {
        State::Foreign => is_executable(&found.path),
        State::Absent => false,
        State::Displaced => true,
        _ => found.chained.is_some(),
    };
    LAST.contains(&hook) && has_other
}

/// Adds our script, or our lines.
fn add(home: &Home, hook: &'static str, script: &str) -> Result<()> {
    let folder = match home {
        Home::Scripts(folder) => folder,
        Home::Shared(folder) => return shared::add(folder, hook).map_err(|fault| at(&folder.join(hook), &fault)),
    };
    if look(folder, hook, script).state == State::ByHand {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|fault| at(folder, &fault).hinted(by_hand()))?;
    make_way(&folder.join(hook), hook, &look(folder, hook, script))?;
    let found = look(folder, hook, script);
    if found.state != State::Installed || found.global {
        write(&found.path, script.as_bytes(), 0o755).map_err(|fault| at(&found.path, &fault).hinted(by_hand()))?;
    }
    Ok(())
}

/// Moves what is in the way of ours aside, from where ours runs it. A script that a manager made is
/// replaced by the same manager's newer one; a person's hook is never lost.
fn make_way(top: &Path, hook: &str, found: &Installed) -> Result<()> {
    let kept = aside(top);
    let rename = |from: &Path, to: &Path| fs::rename(from, to).map_err(|fault| at(from, &fault));
    let over = Manager::of(top).filter(|_| !is_ours(top));
    let is_same_manager = over.is_some() && Manager::of(&kept) == over;
    if over.is_some_and(|manager| manager.runs_what_it_moved(hook)) && is_same_manager {
        // The manager's hook is on top, so ours must not run it once more.
        fs::remove_file(&kept).map_err(|fault| at(&kept, &fault))?;
    }
    match found.state {
        State::Displaced if found.chained.is_some() && !is_same_manager => {
            // A person's hook goes where the manager would have put it had ours not been there.
            rename(&kept, &found.path)?;
            rename(top, &kept)
        }
        State::Displaced => {
            rename(top, &kept)?;
            fs::remove_file(&found.path).map_err(|fault| at(&found.path, &fault))
        }
        State::Foreign if kept.symlink_metadata().is_ok() && !is_same_manager => {
            Err(Error::user(format!("{} is in the way", kept.display()))
                .hinted(format!("look at it, then: rm '{}' && git session hooks install", kept.display())))
        }
        State::Foreign => rename(&found.path, &kept),
        _ => Ok(()),
    }
}

/// Removes every hook of ours and puts back what was there before.
///
/// # Errors
/// When a file cannot be written.
pub fn uninstall(repository: &Repository, program: &Path) -> Result<Vec<Installed>> {
    configured::remove(repository)?;
    if let Home::Shared(folder) = home(repository)? {
        for (hook, _) in &ALL {
            shared::remove(&folder, hook).map_err(|fault| at(&folder.join(hook), &fault))?;
        }
    }
    // With husky there may be scripts of ours from before it came.
    let folder = match home(repository)? {
        Home::Scripts(folder) => folder,
        Home::Shared(_) => repository.common_dir().join("hooks"),
    };
    for (hook, script) in &ALL {
        let found = look(&folder, hook, &script_for(script, program));
        if !matches!(found.state, State::Foreign | State::ByHand) {
            take_away(&folder.join(hook), &found).map_err(|fault| at(&found.path, &fault))?;
        }
    }
    // Only an empty folder goes, which is what there was where we made it.
    let _ = fs::remove_dir(&folder);
    status(repository, program)
}

fn take_away(top: &Path, found: &Installed) -> io::Result<()> {
    let is_on_top = found.path == top;
    match &found.chained {
        // The manager's hook is on top already.
        Some(kept) if !is_on_top && Manager::of(kept) == found.manager => {
            fs::remove_file(kept)?;
            if is_ours(&found.path) { fs::remove_file(&found.path) } else { Ok(()) }
        }
        Some(kept) => fs::rename(kept, &found.path),
        None if found.state != State::Absent => fs::remove_file(&found.path),
        None => Ok(()),
    }
}

/// Where the hooks go, where that is this repository's own.
pub(super) fn own_home(repository: &Repository) -> Result<Home> {
    let folder = repository.hooks_dir()?;
    let Some((scope, value)) = repository.hooks_path_setting()? else { return Ok(Home::Scripts(folder)) };
    if scope != "local" && scope != "worktree" {
        let message =
            format!("core.hooksPath is set to '{value}' in the {scope} configuration, which serves every repository");
        return Err(Error::user(message).hinted(by_hand()));
    }
    if let shared @ Home::Shared(_) = home(repository)? {
        return Ok(shared);
    }
    let common = repository.common_dir();
    let is_tracked = repository.work_tree().is_some_and(|root| folder.starts_with(root))
        && !folder.starts_with(&common)
        && !folder.starts_with(repository.git_dir());
    if is_tracked {
        let message = format!("core.hooksPath is set to '{value}', which is part of the work tree");
        return Err(Error::user(message).hinted(by_hand()));
    }
    Ok(Home::Scripts(folder))
}

pub(super) fn is_ours(path: &Path) -> bool {
    files::read(path, files::SMALL).is_ok_and(|content| contains(&content, MARKER))
}

pub(super) fn aside(path: &Path) -> PathBuf {
    beside(path, ASIDE)
}

fn chained(path: &Path) -> Option<PathBuf> {
    Some(aside(path)).filter(|aside| aside.symlink_metadata().is_ok())
}

#[cfg(unix)]
pub(super) fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0)
}

/// The permissions of a file.
#[cfg(unix)]
pub(super) fn mode(path: &Path) -> io::Result<u32> {
    use std::os::unix::fs::PermissionsExt;
    Ok(path.metadata()?.permissions().mode() & 0o7777)
}

/// Writes a file as a whole or not at all.
#[cfg(unix)]
pub(super) fn write(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    file.persist(path).map_err(|fault| fault.error)?;
    Ok(())
}

pub(super) fn at(path: &Path, fault: &io::Error) -> Error {
    Error::user(format!("{}: {fault}", path.display())).hinted(format!("ls -l '{}'", path.display()))
}
