//! The process environment, read once and passed down: nothing below [`crate::context`] reads a
//! global.

use std::{collections::HashMap, ffi::OsString, path::PathBuf};

/// Environment variables and the user's home.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: HashMap<OsString, OsString>,
}

impl Environment {
    /// Takes the variables of this process.
    #[must_use]
    pub fn from_process() -> Self {
        Self { variables: std::env::vars_os().collect() }
    }

    /// The value of `name`; an empty value counts as unset.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&OsString> {
        self.variables.get(&OsString::from(name)).filter(|value| !value.is_empty())
    }

    /// Whether `name` is set to something that means yes: anything but empty, `0`, `false`, `no`.
    #[must_use]
    pub fn is_enabled(&self, name: &str) -> bool {
        self.variable(name).is_some_and(|value| !["0", "false", "no"].iter().any(|no| value == no))
    }

    /// The user's home directory, where there is one.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").map(PathBuf::from)
    }

    /// The folder that `variable` names, else `folder` below the home directory.
    #[must_use]
    pub fn folder(&self, variable: &str, folder: &str) -> Option<PathBuf> {
        self.variable(variable).map(PathBuf::from).or_else(|| Some(self.home()?.join(folder)))
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self { variables: variables.into_iter().map(|(key, value)| (key.into(), value.into())).collect() }
    }
}
