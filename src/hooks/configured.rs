//! Hooks that git's configuration defines, which git 2.54 and newer run: no file of anybody is
//! touched, and no hook manager moves them away.
//!
//! git runs them before the script in its hooks folder, and all of them even when one refuses.

use std::path::PathBuf;

use super::{install::State, script::IS_GLOBAL};
use crate::{
    error::{Error, Result},
    git::{Repository, Setting},
};

/// The setting that chooses between them and scripts.
pub(super) const SETTING: &str = "opensession.hooks";
/// The first git that runs them.
pub(super) const FIRST_GIT: (u32, u32) = (2, 54);
/// Set by them for this program, which leaves the work to a script of ours where git runs one too.
pub(super) const CONFIGURED: &str = "OPENSESSION_CONFIGURED";

/// Where these are, below the folder of the user's settings.
pub(super) const FILE: &str = "git-session/hooks.config";
/// What the hook of a commit says when the program is gone.
const GONE: &str = "so this commit names no AI session";
/// The same with the way to be rid of it: a program that is gone cannot remove its hooks.
const GONE_FOR_EVERY_REPOSITORY: &str = "so this commit names no AI session; to remove its hooks: git config --global --unset-all include.path git-session/hooks.config";

/// The hooks in the configuration as it is now.
pub(super) struct Entries {
    settings: Vec<Setting>,
    is_supported: bool,
}

impl Entries {
    pub(super) fn read(repository: &Repository) -> Result<Self> {
        let settings = repository.config_matching(r"^hook\.")?;
        // Asked only where it matters: it starts a process.
        let is_supported = !settings.is_empty() && is_supported(repository)?;
        Ok(Self { settings, is_supported })
    }

    /// Those of the repository itself.
    pub(super) fn own(&self) -> Self {
        let settings = self.settings.iter().filter(|setting| setting.is_own).cloned().collect();
        Self { settings, is_supported: self.is_supported }
    }

    /// How `hook` stands in the configuration, where its script is `script`; `None` where it is not there.
    pub(super) fn state(&self, hook: &str, script: &str) -> Option<State> {
        let section = section(hook);
        let is_off = |section: &str| {
            let value = self.values(&format!("{section}.enabled")).last().map_or("true", |setting| &setting.value);
            ["false", "no", "off", "0"].contains(&value.to_lowercase().as_str())
        };
        self.values(&format!("{section}.event")).find(|event| event.value == hook)?;
        let is_up_to_date = self.last_command(hook).is_some_and(|last| {
            let expected = if last.is_own { command(script) } else { command_for_every_repository(script) };
            last.value == expected
        });
        Some(if !self.is_supported {
            State::Unsupported
        } else if is_off(&section) || is_off(&format!("hook.{hook}")) {
            State::SwitchedOff
        } else if is_up_to_date {
            State::Installed
        } else {
            State::Outdated
        })
    }

    /// Whether the entry that counts is the one of every repository of the person.
    pub(super) fn is_global(&self, hook: &str) -> bool {
        self.last_command(hook).is_some_and(|last| !last.is_own)
    }

    fn last_command(&self, hook: &str) -> Option<&Setting> {
        self.values(&format!("{}.command", section(hook))).last()
    }

    fn values(&self, key: &str) -> impl DoubleEndedIterator<Item = &Setting> {
        self.settings.iter().filter(move |setting| setting.key == key)
    }
}

/// Whether hooks go into the configuration: where this git runs them from there, unless the setting
/// wants scripts, which programs with another git run too.
pub(super) fn are_wanted(repository: &Repository) -> Result<bool> {
    match repository.config(SETTING).as_deref() {
        Some("scripts") => Ok(false),
        None | Some("configuration") => is_supported(repository),
        Some(other) => Err(Error::user(format!("{SETTING}: '{other}' is neither configuration nor scripts"))
            .hinted(format!("git config {SETTING} configuration"))),
    }
}

/// Whether the setting wants nothing but scripts.
pub(super) fn are_refused(repository: &Repository) -> bool {
    repository.config(SETTING).is_some_and(|setting| setting == "scripts")
}

fn is_supported(repository: &Repository) -> Result<bool> {
    Ok(repository.git_numbers()? >= FIRST_GIT)
}

/// The section of `hook`, which is the same for one repository and for all: git runs it once, as the repository has
/// it.
pub(super) fn section(hook: &str) -> String {
    format!("hook.git-session-{hook}")
}

/// Writes `hook` into this repository's configuration.
pub(super) fn write(repository: &Repository, hook: &str, command: &str) -> Result<()> {
    let section = section(hook);
    repository.remove_config_section(&section)?;
    // The event comes last: git refuses to work at all where an event has no command.
    repository.set_config(&format!("{section}.command"), command)?;
    Ok(repository.set_config(&format!("{section}.event"), hook)?)
}

/// Removes every hook of ours from this repository's configuration.
pub(super) fn remove(repository: &Repository) -> Result<()> {
    for (hook, _) in &super::ALL {
        repository.remove_config_section(&section(hook))?;
    }
    Ok(())
}

/// What the script does, without what it does for a hook that was there before.
pub(super) fn command(script: &str) -> String {
    let mut command = format!("export {CONFIGURED}=1");
    let mut is_for_previous = false;
    for line in script.lines() {
        let part = line.trim_start();
        let is_only_for_previous = is_for_previous
            || part == r#"if [ -x "$previous" ]; then"#
            || part.starts_with(r#"if [ -x "$previous" ]; then "#);
        if part.starts_with("elif ") {
            is_for_previous = false;
            command += "\n";
            command += part.trim_start_matches("el");
        } else if is_only_for_previous {
            is_for_previous = !part.ends_with("; fi");
        } else if !["#", "previous=", "case $0 "].iter().any(|start| part.starts_with(start)) {
            command += "\n";
            command += line;
        }
    }
    // git adds ` "$@"` to what it hands to the shell.
    command + "\n#"
}

/// The same in the configuration of a person, which serves every repository.
pub(super) fn command_for_every_repository(script: &str) -> String {
    let own = command(script);
    format!("{IS_GLOBAL}\n{own}").replace(GONE, GONE_FOR_EVERY_REPOSITORY)
}

/// The file with the hooks of every repository, as the configuration includes it.
pub(super) fn included(repository: &Repository) -> Option<PathBuf> {
    repository.config_all("include.path").into_iter().map(PathBuf::from).find(|path| path.ends_with(FILE))
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_hooks_of_every_repository_say_how_to_be_rid_of_them() {
        assert!(super::GONE_FOR_EVERY_REPOSITORY.ends_with(super::FILE));
        let (_, script) = &crate::hooks::ALL[0];
        let command = super::command_for_every_repository(script);
        assert!(
            command.starts_with(super::IS_GLOBAL) && command.contains(super::GONE_FOR_EVERY_REPOSITORY),
            "{command}"
        );
    }

    #[test]
    fn a_command_has_nothing_of_what_a_script_does_for_others() {
        for (hook, script) in &crate::hooks::ALL {
            let command = super::command(script);
            assert!(!command.contains("previous") && !command.contains("list"), "{command}");
            assert!(command.contains(&format!(r#""$program" hook {hook} "$@""#)), "{command}");
            assert_eq!(command.matches("if [").count(), command.matches("\nfi").count(), "{command}");
        }
    }
}
