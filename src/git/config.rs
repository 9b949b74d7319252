//! Reading and writing git's configuration.

use std::path::{Path, PathBuf};

use gix::{bstr::ByteSlice, config::Source};

use super::{GitError, Repository, error::During};

/// Where a value is set, from the least specific to the most: the last wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConfigScope {
    /// The machine's configuration.
    System,
    /// The user's.
    User,
    /// The repository's.
    Repository,
    /// The work tree's.
    WorkTree,
    /// `git -c`, or the environment.
    Command,
}

/// A setting as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Whether it is in the configuration of this repository or of this work tree.
    pub is_own: bool,
    /// Its key, with section and name in small letters.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Repository {
    /// The last value of `key` over all of git's configuration files.
    #[must_use]
    pub fn config(&self, key: &str) -> Option<String> {
        self.gix.config_snapshot().string(key).map(|value| value.to_str_lossy().into_owned())
    }

    /// A yes-or-no value, as git reads it: a key without `=` means yes.
    ///
    /// # Errors
    /// When the value is neither.
    pub fn config_bool(&self, key: &str) -> Result<Option<bool>, GitError> {
        self.gix.config_snapshot().try_boolean(key).during("reading a yes or no")
    }

    /// A yes-or-no value; one that is neither counts as unset.
    #[must_use]
    pub fn config_flag(&self, key: &str) -> Option<bool> {
        self.gix.config_snapshot().boolean(key)
    }

    /// A whole number, with git's `k`, `m` and `g`.
    ///
    /// # Errors
    /// When the value is none.
    pub fn config_number(&self, key: &str) -> Result<Option<i64>, GitError> {
        self.gix.config_snapshot().try_integer(key).during("reading a number")
    }

    /// Every value of `key`, in order.
    #[must_use]
    pub fn config_all(&self, key: &str) -> Vec<String> {
        let snapshot = self.gix.config_snapshot();
        let values = snapshot.plumbing().strings(key).unwrap_or_default();
        values.iter().map(|value| value.to_str_lossy().into_owned()).collect()
    }

    /// Every value of `<section>.<name>` with where it is set, in order; an empty value is one, too.
    #[must_use]
    pub fn config_scoped(&self, section: &str, name: &str) -> Vec<(ConfigScope, String)> {
        let snapshot = self.gix.config_snapshot();
        let sections = snapshot.plumbing().sections_by_name(section).into_iter().flatten();
        let values = sections.filter(|section| section.header().subsection_name().is_none()).flat_map(|section| {
            let scope = match section.meta().source {
                Source::GitInstallation | Source::System => ConfigScope::System,
                Source::Git | Source::User => ConfigScope::User,
                Source::Local => ConfigScope::Repository,
                Source::Worktree => ConfigScope::WorkTree,
                Source::Env | Source::Cli | Source::Api | Source::EnvOverride => ConfigScope::Command,
            };
            section.values(name).into_iter().map(move |value| (scope, value.to_str_lossy().into_owned()))
        });
        values.collect()
    }

    /// A path in a setting: `~/` is the home directory, and a relative path begins at the work tree.
    #[must_use]
    pub fn path_of_setting(&self, value: &str) -> PathBuf {
        let home = value.strip_prefix("~/").and_then(|rest| Some(gix::path::env::home_dir()?.join(rest)));
        let root = self.work_tree().unwrap_or_else(|| self.git_dir());
        home.unwrap_or_else(|| root.join(Path::new(value)))
    }

    /// The settings whose keys match `pattern`, as they are now and in order.
    ///
    /// # Errors
    /// When git does not run.
    pub fn config_matching(&self, pattern: &str) -> Result<Vec<Setting>, GitError> {
        // 1: there is none.
        let finished = self.git(&["config", "--null", "--show-scope", "--get-regexp", pattern]).run()?;
        let finished = if finished.code == Some(1) { return Ok(Vec::new()) } else { finished.require()? };
        let mut parts = finished.stdout.split_terminator('\0');
        let mut found = Vec::new();
        while let (Some(scope), Some(setting)) = (parts.next(), parts.next()) {
            let (key, value) = setting.split_once('\n').unwrap_or((setting, ""));
            let is_own = matches!(scope, "local" | "worktree");
            found.push(Setting { is_own, key: key.to_owned(), value: value.to_owned() });
        }
        Ok(found)
    }

    /// A yes-or-no value of this repository's own configuration, whatever the user's and the machine's say.
    ///
    /// # Errors
    /// When git does not run, or the value is neither.
    pub fn own_flag(&self, key: &str) -> Result<Option<bool>, GitError> {
        // 1: there is none.
        let finished = self.git(&["config", "--local", "--type=bool", "--get", key]).run()?;
        if finished.code == Some(1) {
            return Ok(None);
        }
        Ok(Some(finished.require()?.stdout.trim() == "true"))
    }

    /// Writes a value of this repository's own configuration.
    ///
    /// # Errors
    /// When git cannot write it.
    pub fn set_config(&self, key: &str, value: &str) -> Result<(), GitError> {
        self.git(&["config", "--local", key, value]).run()?.require().map(drop)
    }

    /// Writes a value of the user's configuration, which counts in every repository of theirs.
    ///
    /// # Errors
    /// When git cannot write it.
    pub fn set_user_config(&self, key: &str, value: &str) -> Result<(), GitError> {
        self.git(&["config", "--global", key, value]).run()?.require().map(drop)
    }

    /// Removes every value of `key` from the user's configuration; none is no error.
    ///
    /// # Errors
    /// When git cannot write it.
    pub fn unset_user_config(&self, key: &str) -> Result<(), GitError> {
        let finished = self.git(&["config", "--global", "--unset-all", key]).run()?;
        // 5: there was nothing to unset.
        if finished.code == Some(5) { Ok(()) } else { finished.require().map(drop) }
    }

    /// Removes every value of `key` from this repository's own configuration; none is no error.
    ///
    /// # Errors
    /// When git cannot write it.
    pub fn unset_config(&self, key: &str) -> Result<(), GitError> {
        let finished = self.git(&["config", "--local", "--unset-all", key]).run()?;
        // 5: there was nothing to unset.
        if finished.code == Some(5) { Ok(()) } else { finished.require().map(drop) }
    }

    /// Removes a section of this repository's own configuration; none is no error.
    ///
    /// # Errors
    /// When git does not run.
    pub fn remove_config_section(&self, section: &str) -> Result<(), GitError> {
        self.git(&["config", "--local", "--remove-section", section]).run().map(drop)
    }

    /// The folder git runs hooks from, by git's own rules.
    ///
    /// # Errors
    /// When git does not run.
    pub fn hooks_dir(&self) -> Result<PathBuf, GitError> {
        // git 2.30 knows no `--path-format`, and takes it for a path: what it says is relative to where it runs.
        let finished = self.git(&["rev-parse", "--git-path", "hooks"]).run()?.require()?;
        let told = PathBuf::from(finished.stdout.trim_end_matches('\n'));
        let folder = self.work_tree().unwrap_or_else(|| self.git_dir()).join(told);
        // Written as git would write an absolute path, also where there is no such folder yet.
        let (Some(parent), Some(name)) = (folder.parent(), folder.file_name()) else { return Ok(folder) };
        Ok(parent.canonicalize().map_or_else(|_| folder.clone(), |parent| parent.join(name)))
    }

    /// The same folder as the configuration names it, for a hook that is in a hurry: no process is started.
    #[must_use]
    pub fn hooks_dir_in_brief(&self) -> PathBuf {
        let set = self.gix.config_snapshot().trusted_path("core.hooksPath").ok().flatten();
        let set = set.map(|path| self.work_tree().unwrap_or_else(|| self.git_dir()).join(path));
        set.unwrap_or_else(|| self.common_dir().join("hooks"))
    }

    /// Where `core.hooksPath` is set, as `<scope>\t<value>`; `None` where it is not.
    ///
    /// # Errors
    /// When git does not run.
    pub fn hooks_path_setting(&self) -> Result<Option<(String, String)>, GitError> {
        let finished = self.git(&["config", "--show-scope", "--get", "core.hooksPath"]).run()?;
        let setting = finished.stdout.trim_end().split_once('\t');
        Ok(setting.map(|(scope, value)| (scope.to_owned(), value.to_owned())))
    }
}
