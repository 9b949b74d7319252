//! git outside of every repository: the user's own configuration.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use super::{
    GitError,
    process::{Finished, Git, REPOSITORY_VARIABLES},
};

/// The configuration of the user, which counts in every repository of theirs. All access goes through git.
#[derive(Clone, Copy, Debug)]
pub struct UserConfig;

impl UserConfig {
    /// The first two numbers of the version of git.
    ///
    /// # Errors
    /// When git is not installed.
    pub fn git_numbers(self) -> Result<(u32, u32), GitError> {
        let version = git(&["--version"]).run()?.require()?.stdout;
        let version = version.trim().trim_start_matches("git version ");
        let mut numbers = version.split(['.', ' ']).map(|part| part.parse().unwrap_or(0));
        Ok((numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)))
    }

    /// The value of `key` in a repository that says nothing of it, with where it is set: `system`, `global` or
    /// `command`.
    ///
    /// # Errors
    /// When git does not run, or the configuration cannot be read.
    pub fn setting(self, key: &str) -> Result<Option<(String, String)>, GitError> {
        let found = value_of(git(&["config", "--show-scope", "--get", key]))?;
        Ok(found.and_then(|found| found.split_once('\t').map(|(scope, value)| (scope.to_owned(), value.to_owned()))))
    }

    /// Every value of `key` in the user's own file.
    ///
    /// # Errors
    /// When git does not run, or the configuration cannot be read.
    pub fn own(self, key: &str) -> Result<Vec<String>, GitError> {
        let found = value_of(git(&["config", "--global", "--null", "--get-all", key]))?.unwrap_or_default();
        Ok(found.split_terminator('\0').map(str::to_owned).collect())
    }

    /// Adds a value to those of `key` in the user's own file.
    ///
    /// # Errors
    /// When git cannot write it.
    pub fn add(self, key: &str, value: &str) -> Result<(), GitError> {
        git(&["config", "--global", "--add", key, value]).run()?.require().map(drop)
    }

    /// Removes `value` from those of `key` in the user's own file; none is no error.
    ///
    /// # Errors
    /// When git cannot write it.
    pub fn remove(self, key: &str, value: &str) -> Result<(), GitError> {
        let finished = git(&["config", "--global", "--fixed-value", "--unset-all", key, value]).run()?;
        // 5: there was nothing to unset.
        if finished.code == Some(5) { Ok(()) } else { finished.require().map(drop) }
    }

    /// Writes a value into a file of settings.
    ///
    /// # Errors
    /// When git cannot write it.
    pub fn set_in(self, file: &Path, key: &str, value: &str) -> Result<(), GitError> {
        let words = [OsStr::new("config"), OsStr::new("--file"), file.as_os_str(), OsStr::new(key), OsStr::new(value)];
        git(&words).run()?.require().map(drop)
    }

    /// The settings in a file, in order; none where there is no such file.
    ///
    /// # Errors
    /// When git does not run, or the file cannot be read.
    pub fn settings_in(self, file: &Path) -> Result<Vec<(String, String)>, GitError> {
        if !file.exists() {
            return Ok(Vec::new());
        }
        let words = [OsStr::new("config"), OsStr::new("--null"), OsStr::new("--file"), file.as_os_str()];
        let mut words = words.to_vec();
        words.push(OsStr::new("--list"));
        let listed = git(&words).run()?.require()?.stdout;
        let pair = |setting: &str| {
            let (key, value) = setting.split_once('\n').unwrap_or((setting, ""));
            (key.to_owned(), value.to_owned())
        };
        Ok(listed.split_terminator('\0').map(pair).collect())
    }

    /// Makes a bare repository, with everything that git's own templates put into one.
    ///
    /// # Errors
    /// When git cannot make it.
    pub fn make_bare_repository(self, folder: &Path) -> Result<(), GitError> {
        let words = [OsStr::new("init"), OsStr::new("--quiet"), OsStr::new("--bare"), folder.as_os_str()];
        git(&words).run()?.require().map(drop)
    }

    /// The file that git writes the user's settings to, as git chooses it.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "which file it is, is in the environment of git")]
    pub fn file(self) -> Option<PathBuf> {
        if let Some(file) = std::env::var_os("GIT_CONFIG_GLOBAL").filter(|file| !file.is_empty()) {
            return Some(file.into());
        }
        let home = PathBuf::from(std::env::var_os("HOME")?);
        let folder = std::env::var_os("XDG_CONFIG_HOME").filter(|folder| !folder.is_empty());
        let other = folder.map_or_else(|| home.join(".config"), PathBuf::from).join("git/config");
        let file = home.join(".gitconfig");
        Some(if !file.exists() && other.exists() { other } else { file })
    }
}

/// The value that a command of git prints; `None` where there is none.
fn value_of(command: Git) -> Result<Option<String>, GitError> {
    let finished = command.run()?;
    // 1: there is none.
    if finished.code == Some(1) && finished.stderr.is_empty() {
        return Ok(None);
    }
    finished.require().map(|Finished { stdout, .. }| Some(stdout.trim_end_matches('\n').to_owned()))
}

/// Prepares `git <arguments>` where no repository is.
#[expect(clippy::disallowed_methods, reason = "this is git without a repository")]
fn git<S: AsRef<OsStr>>(arguments: &[S]) -> Git {
    let mut command = Command::new("git");
    for variable in REPOSITORY_VARIABLES {
        command.env_remove(variable);
    }
    // Nor may one of its parents be a repository.
    command.current_dir("/").env("GIT_CEILING_DIRECTORIES", "/").env("LC_ALL", "C").args(arguments);
    let subcommand = arguments.first().map(|word| word.as_ref().to_string_lossy().into_owned()).unwrap_or_default();
    Git::new(command, subcommand)
}
