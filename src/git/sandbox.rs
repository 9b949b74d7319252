//! Commands in an environment of their own, for the demonstration.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::environment::Environment;

/// Runs commands as a person would type them, in an environment of its own: another home, no global
/// configuration, fixed names, this program found as `git session`.
pub struct Sandbox {
    home: PathBuf,
    path: OsString,
}

impl Sandbox {
    /// A sandbox with `home`, in which `program` is git's `session` command.
    #[must_use]
    pub fn new(program: &Path, home: &Path, environment: &Environment) -> Self {
        let mut path = program.parent().map(|folder| folder.as_os_str().to_owned()).unwrap_or_default();
        if let Some(inherited) = environment.variable("PATH") {
            path.push(":");
            path.push(inherited);
        }
        Self { home: home.to_owned(), path }
    }

    /// Runs one line of sh in `folder`; returns whether it succeeded, and what it said.
    ///
    /// # Errors
    /// When it does not start.
    #[expect(clippy::disallowed_methods, reason = "the demonstration shows commands of git")]
    pub fn run(&self, folder: &Path, line: &str) -> std::io::Result<(bool, String)> {
        let name = "A. Developer";
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(folder).stdin(Stdio::null());
        command.env_clear().env("HOME", &self.home).env("PATH", &self.path).env("TZ", "UTC").env("LC_ALL", "C");
        command.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", self.home.join(".gitconfig"));
        command.env("GIT_AUTHOR_NAME", name).env("GIT_AUTHOR_EMAIL", "developer@example.org");
        command.env("GIT_COMMITTER_NAME", name).env("GIT_COMMITTER_EMAIL", "developer@example.org");
        let output = command.output()?;
        let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
        said.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.success(), said))
    }
}
