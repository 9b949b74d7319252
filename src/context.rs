//! What a command may see: the environment, the repository, the clock, the terminal. Nothing below
//! reads a global.

use std::{
    cell::OnceCell,
    io::IsTerminal,
    path::{Path, PathBuf},
};

use crate::{
    config::{self, Config},
    environment::Environment,
    error::{Error, Result},
    git::Repository,
    hail::Timestamp,
    redact::{Redactor, Settings},
};

/// Everything a command needs to know about where and when it runs.
pub struct Context {
    /// The environment variables.
    pub environment: Environment,
    /// The directory the command works in, `-C` applied.
    pub directory: PathBuf,
    /// Whether standard output is a terminal.
    pub is_terminal: bool,
    /// Whether somebody watches what is said beside the answer.
    pub is_watched: bool,
    /// Whether a question can be asked and answered.
    pub is_interactive: bool,
    repository: OnceCell<Repository>,
    redactor: OnceCell<Redactor>,
}

impl Context {
    /// Takes everything from this process.
    ///
    /// # Errors
    /// When the current directory is gone.
    #[expect(clippy::disallowed_methods, reason = "this is where the current directory is read")]
    pub fn from_process(directory: Option<&Path>) -> Result<Self> {
        let current = std::env::current_dir().map_err(|fault| {
            Error::user(format!("the current directory cannot be read: {fault}")).hinted("cd to an existing directory")
        })?;
        let directory = directory.map_or_else(|| current.clone(), |directory| current.join(directory));
        if !directory.is_dir() {
            return Err(Error::user(format!("{} is not a directory", directory.display()))
                .hinted("-C takes the path of an existing directory"));
        }
        Ok(Self::new(Environment::from_process(), directory))
    }

    /// A context for `directory` with the given environment.
    #[must_use]
    pub fn new(environment: Environment, directory: PathBuf) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let is_interactive = is_terminal && std::io::stdin().is_terminal();
        Self {
            environment,
            directory,
            is_terminal,
            is_watched: std::io::stderr().is_terminal(),
            is_interactive,
            repository: OnceCell::new(),
            redactor: OnceCell::new(),
        }
    }

    /// The repository around the directory.
    ///
    /// # Errors
    /// When there is none.
    pub fn repository(&self) -> Result<&Repository> {
        if let Some(repository) = self.repository.get() {
            return Ok(repository);
        }
        let found = Repository::discover(&self.directory)?;
        Ok(self.repository.get_or_init(|| found))
    }

    /// The `opensession.*` settings of the repository.
    ///
    /// # Errors
    /// When there is no repository, or a setting has no meaning.
    pub fn config(&self) -> Result<Config> {
        if self.environment.is_enabled(config::FOR_EVERY_REPOSITORY) {
            return Config::read_for_every_repository(self.repository()?);
        }
        Config::read(self.repository()?)
    }

    /// The time. `GIT_SESSION_NOW` (RFC 3339) stands in for the clock where a run has to be
    /// repeatable.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
    pub fn now(&self) -> Timestamp {
        let fixed = self.environment.variable("GIT_SESSION_NOW").and_then(|time| time.to_str()?.parse().ok());
        fixed.unwrap_or_else(|| std::time::SystemTime::now().into())
    }

    /// A path that a person wrote, as seen from the directory.
    #[must_use]
    pub fn path(&self, path: &Path) -> PathBuf {
        self.directory.join(path)
    }

    /// The redactor of this repository: its own key and settings, the user's home directory.
    ///
    /// # Errors
    /// When there is no repository, its key cannot be kept, a setting has no meaning or the rules do
    /// not load.
    pub fn redactor(&self) -> Result<&Redactor> {
        if let Some(redactor) = self.redactor.get() {
            return Ok(redactor);
        }
        let redactor = self.redactor_of(&config::redaction(self.repository()?)?)?;
        Ok(self.redactor.get_or_init(|| redactor))
    }

    /// A redactor of this repository with other settings.
    ///
    /// # Errors
    /// Those of [`Self::redactor`].
    pub fn redactor_of(&self, settings: &Settings) -> Result<Redactor> {
        config::check_off(self.repository()?, settings)?;
        let key = crate::redact::load_key(&self.repository()?.state_dir().join("redaction.key"))
            .map_err(|fault| Error::from(fault).during("keeping the redaction key"))?;
        let mut homes: Vec<PathBuf> = self.environment.home().into_iter().collect();
        let canonical = self.environment.home().and_then(|home| home.canonicalize().ok());
        homes.extend(canonical.filter(|home| !homes.contains(home)));
        Ok(Redactor::new(settings, &key, &homes)?)
    }

    /// The path of this program.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn program(&self) -> Result<PathBuf> {
        Ok(std::env::current_exe()?)
    }
}
