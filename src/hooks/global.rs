//! Hooks for every repository of a person, where that person asks for them.
//!
//! git 2.54 and newer read them from a file of ours that the user's configuration includes. An older git gets them
//! from a template for new clones. Neither takes the place of a hook of anybody: see ADR 33.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    ALL,
    before::Before,
    by_hand::lines as by_hand,
    configured::{self, FILE, FIRST_GIT},
    install::{self, State},
    script::{script_for, script_for_every_repository},
};
use crate::{
    context::Context,
    error::{Error, Result},
    git::UserConfig,
    system::files,
};

const INCLUDE: &str = "include.path";
const TEMPLATE_DIR: &str = "init.templateDir";
const HOOKS_PATH: &str = "core.hooksPath";
/// The template, in our folder.
const TEMPLATE: &str = "template";
/// What a repository has that does not come from a template.
const NOT_OF_A_TEMPLATE: [&str; 6] = ["HEAD", "config", "objects", "refs", "reftable", "packed-refs"];

/// How the hooks for every repository stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Global {
    /// The entries, which git 2.54 and newer run in every repository.
    pub configuration: State,
    /// The file they are in.
    pub file: PathBuf,
    /// The scripts, which git puts into new clones.
    pub template: State,
    /// The folder they are in.
    pub template_folder: PathBuf,
    /// Whether this git is to use the entries.
    pub uses_configuration: bool,
}

impl Global {
    /// Whether this git has the hooks as this program would install them.
    #[must_use]
    pub fn works(&self) -> bool {
        if self.uses_configuration { self.configuration.works() } else { self.template.works() }
    }

    /// Whether anything is there.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.configuration != State::Absent || self.template != State::Absent
    }
}

/// The places of the hooks for every repository.
struct Places {
    folder: PathBuf,
    file: PathBuf,
    template: PathBuf,
}

impl Places {
    fn of(context: &Context) -> Result<Self> {
        let folder = context.environment.folder("XDG_CONFIG_HOME", ".config").filter(|folder| folder.is_absolute());
        let folder =
            folder.ok_or_else(|| Error::user("HOME does not name an absolute path").hinted("export HOME=/home/you"))?;
        let file = folder.join(FILE);
        let folder = folder.join("git-session");
        Ok(Self { template: folder.join(TEMPLATE), file, folder })
    }

    fn hook(&self, hook: &str) -> PathBuf {
        self.template.join("hooks").join(hook)
    }
}

/// How they stand.
///
/// # Errors
/// When git does not run, or the user's configuration cannot be read.
pub fn status(context: &Context, program: &Path) -> Result<Global> {
    let places = Places::of(context)?;
    let is_supported = UserConfig.git_numbers()? >= FIRST_GIT;
    let wants_scripts = UserConfig.setting(configured::SETTING)?.is_some_and(|(_, value)| value == "scripts");
    let configuration = if !UserConfig.own(INCLUDE)?.contains(&text(&places.file)) {
        State::Absent
    } else if !is_supported {
        State::Unsupported
    } else if UserConfig.settings_in(&places.file).is_ok_and(|found| found == entries(program)) {
        State::Installed
    } else {
        State::Outdated
    };
    let is_up_to_date = |(hook, script): &(&str, &str)| {
        let expected = script_for_every_repository(&script_for(script, program));
        files::read(&places.hook(hook), files::SMALL).is_ok_and(|found| found == expected.as_bytes())
    };
    let template = if !UserConfig.own(TEMPLATE_DIR)?.contains(&text(&places.template)) {
        State::Absent
    } else if ALL.iter().all(is_up_to_date) {
        State::Installed
    } else {
        State::Outdated
    };
    let uses_configuration = is_supported && !wants_scripts;
    Ok(Global { configuration, file: places.file, template, template_folder: places.template, uses_configuration })
}

/// Installs them: the entries, where this git runs them and scripts are not asked for, else the template.
///
/// # Errors
/// When a setting of the person is in the way, which stays as it is, or something cannot be written.
pub fn install(context: &Context, program: &Path) -> Result<Global> {
    let places = Places::of(context)?;
    let before = status(context, program)?;
    if before.works() {
        return Ok(before);
    }
    if !before.uses_configuration {
        check_settings(context, &places)?;
    }
    let noted = Before::look(UserConfig.file(), &places.folder);
    fs::create_dir_all(&places.folder).map_err(|fault| install::at(&places.folder, &fault))?;
    if !before.is_there() {
        noted.save(&places.folder).map_err(|fault| install::at(&places.folder, &fault))?;
    }
    if before.uses_configuration {
        write_entries(&places, program)?;
        if before.configuration == State::Absent {
            UserConfig.add(INCLUDE, &text(&places.file))?;
        }
    } else {
        write_template(&places, program, before.template)?;
    }
    status(context, program)
}

/// Removes exactly what [`install`] put there.
///
/// # Errors
/// When something cannot be written.
pub fn uninstall(context: &Context, program: &Path) -> Result<Global> {
    let places = Places::of(context)?;
    let before = Before::read(&places.folder);
    // The settings go first: what they name may then go without anybody missing it.
    UserConfig.remove(INCLUDE, &text(&places.file))?;
    UserConfig.remove(TEMPLATE_DIR, &text(&places.template))?;
    before.restore().map_err(|fault| Error::from(fault).during("putting the end of your configuration back"))?;
    let gone = |result: io::Result<()>, path: &Path| match result {
        Err(fault) if fault.kind() != io::ErrorKind::NotFound => Err(install::at(path, &fault)),
        _ => Ok(()),
    };
    gone(fs::remove_file(&places.file), &places.file)?;
    gone(fs::remove_dir_all(&places.template), &places.template)?;
    gone(Before::remove(&places.folder), &places.folder)?;
    // A folder that has something else stays.
    let _ = fs::remove_dir(&places.folder);
    if let Some(above) = places.folder.parent().filter(|_| before.had_no_folder()) {
        let _ = fs::remove_dir(above);
    }
    status(context, program)
}

/// Refuses to take the place of what a person set for every repository.
fn check_settings(context: &Context, places: &Places) -> Result<()> {
    let version = format!("git before {}.{}", FIRST_GIT.0, FIRST_GIT.1);
    if let Some((scope, value)) = UserConfig.setting(HOOKS_PATH)? {
        let message = format!(
            "{HOOKS_PATH} is set to '{value}' in the {scope} configuration, so {version} runs no hook of a clone's own"
        );
        return Err(Error::user(message).hinted(by_hand()));
    }
    let instead = "in each clone: git session hooks install";
    if let Some(folder) = context.environment.variable("GIT_TEMPLATE_DIR") {
        let message =
            format!("GIT_TEMPLATE_DIR is '{}', where git takes the files of new clones from", folder.to_string_lossy());
        return Err(Error::user(message).hinted(instead));
    }
    match UserConfig.setting(TEMPLATE_DIR)? {
        Some((scope, value)) if value != text(&places.template) => {
            let message = format!(
                "{TEMPLATE_DIR} is set to '{value}' in the {scope} configuration, where {version} takes the hooks of new \
                 clones from"
            );
            Err(Error::user(message).hinted(instead))
        }
        _ => Ok(()),
    }
}

/// What the file of entries says, as git lists it.
fn entries(program: &Path) -> Vec<(String, String)> {
    let of_hook = |(hook, script): &(&'static str, &str)| {
        let section = configured::section(hook);
        let command = configured::command_for_every_repository(&script_for(script, program));
        // The event comes last: git refuses to work at all where an event has no command.
        [(format!("{section}.command"), command), (format!("{section}.event"), (*hook).to_owned())]
    };
    ALL.iter().flat_map(of_hook).collect()
}

/// Writes the file as a whole, since git reads it at every command.
fn write_entries(places: &Places, program: &Path) -> Result<()> {
    let at = |fault: io::Error| install::at(&places.file, &fault);
    let folder = tempfile::tempdir_in(&places.folder).map_err(at)?;
    let file = folder.path().join("hooks");
    install::write(&file, b"# git session hooks uninstall --global removes this file.\n", 0o644).map_err(at)?;
    for (key, value) in entries(program) {
        UserConfig.set_in(&file, &key, &value)?;
    }
    fs::rename(&file, &places.file).map_err(at)
}

/// Makes the template: what git puts into a repository anyhow, and our scripts.
fn write_template(places: &Places, program: &Path, state: State) -> Result<()> {
    let at = |fault: io::Error| install::at(&places.template, &fault);
    // What was written before would come along.
    if state != State::Absent {
        UserConfig.remove(TEMPLATE_DIR, &text(&places.template))?;
    }
    let folder = tempfile::tempdir_in(&places.folder).map_err(at)?;
    let made = folder.path().join(TEMPLATE);
    UserConfig.make_bare_repository(&made)?;
    for name in NOT_OF_A_TEMPLATE {
        let path = made.join(name);
        if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) }
            .or_else(|fault| if fault.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(fault) })
            .map_err(at)?;
    }
    let hooks = made.join("hooks");
    fs::create_dir_all(&hooks).map_err(at)?;
    for (hook, script) in &ALL {
        let path = hooks.join(hook);
        if path.exists() {
            fs::rename(&path, install::aside(&path)).map_err(at)?;
        }
        let script = script_for_every_repository(&script_for(script, program));
        install::write(&path, script.as_bytes(), 0o755).map_err(at)?;
    }
    if places.template.exists() {
        fs::remove_dir_all(&places.template).map_err(at)?;
    }
    fs::rename(&made, &places.template).map_err(at)?;
    Ok(UserConfig.add(TEMPLATE_DIR, &text(&places.template))?)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
