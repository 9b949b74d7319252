//! The git-config keys under `opensession.*` and their defaults.

mod destination;
mod exclude;

pub use destination::Destination;
pub use exclude::{Exclusions, Subject};

use crate::{
    attribution::TrailerKind,
    error::{Error, Result},
    git::{ConfigScope, Repository},
    hail::{Images, UnknownImages},
    ledger::{self, Ledger},
    redact::{Profile, Remembered, Settings, UnknownProfile},
    system::files,
};

/// The key of the ledger backend.
pub const FANOUT_MODE: &str = "opensession.fanout-mode";
/// The key of the trailers.
pub const TRAILERS: &str = "opensession.trailers";
/// The key of the remotes that sessions may go to.
pub const REMOTES: &str = "opensession.remotes";

/// The key of where the sessions of a push go.
pub const DESTINATION: &str = "opensession.destination";
/// The key of whether sessions without a commit are pushed, too.
pub const PUSH_UNLINKED: &str = "opensession.push-unlinked";
/// The key of whether a push says nothing of the sessions that it sent.
pub const QUIET: &str = "opensession.quiet";
/// The key of what is never stored, one a value.
pub const EXCLUDE: &str = "opensession.exclude";

/// The key of whether the hooks do anything here.
pub const ENABLED: &str = "opensession.enabled";
/// Set by the hooks that serve every repository of a person: only what a repository itself says sets it up.
pub const FOR_EVERY_REPOSITORY: &str = "OPENSESSION_GLOBAL";

/// The key of the profile of redaction.
pub const REDACTION: &str = "opensession.redaction";
/// The key of the patterns that the user wants redacted, one a value.
pub const REDACT_PATTERN: &str = "opensession.redact-pattern";
/// The key of whether e-mail addresses are redacted.
pub const REDACT_EMAILS: &str = "opensession.redact-emails";
/// The key of whether IP addresses are redacted.
pub const REDACT_IP_ADDRESSES: &str = "opensession.redact-ip-addresses";
/// The key of what is kept of pictures, sounds and films.
pub const IMAGES: &str = "opensession.images";
/// The local file of patterns that the user wants redacted, in the directory of the repository's state.
pub const REDACT_FILE: &str = "redact.toml";

/// The key of what allows the profile `off`, in a repository's own configuration only.
pub const ALLOW_UNREDACTED: &str = "opensession.allow-unredacted";

/// The key of the largest file that a remote takes.
pub const MAX_BLOB_SIZE: &str = "opensession.max-blob-size";
/// The key of the largest push that a remote takes.
pub const MAX_PUSH_SIZE: &str = "opensession.max-push-size";
/// The key of the most references that a remote takes in one push.
pub const MAX_PUSH_REFERENCES: &str = "opensession.max-push-references";

/// The settings of a repository.
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Config {
    /// Where sessions are kept.
    pub ledger: &'static dyn Ledger,
    /// Whether the ledger is set, or follows that of the remotes.
    pub is_ledger_set: bool,
    /// Which trailers are written, in this order.
    pub trailers: Vec<TrailerKind>,
    /// Where the sessions of a push go.
    pub destination: Destination,
    /// The remotes that sessions may go to, as the most specific configuration that names any says; `None`
    /// where no configuration does, and empty where it says that there is none.
    pub remotes: Option<Vec<String>>,
    /// Whether somebody decided where the sessions of this repository go: only then does a push send any.
    pub is_set_up: bool,
    /// Whether that has to be in the repository's own configuration.
    must_be_set_here: bool,
    /// Whether sessions without a commit are pushed, too.
    pub push_unlinked: bool,
    /// Whether a push says nothing of the sessions that it sent.
    pub quiet: bool,
    /// What is never stored.
    pub exclude: Exclusions,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one has no meaning.
    pub fn read(repository: &Repository) -> Result<Self> {
        Self::read_as(repository, false)
    }

    /// Reads the settings anew, by the same rules.
    ///
    /// # Errors
    /// When one has no meaning.
    pub fn read_again(&self, repository: &Repository) -> Result<Self> {
        Self::read_as(repository, self.must_be_set_here)
    }

    /// Reads the settings for hooks that serve every repository of a person, which was not asked about this one:
    /// where sessions go must be decided in its own configuration.
    ///
    /// # Errors
    /// When one has no meaning.
    pub fn read_for_every_repository(repository: &Repository) -> Result<Self> {
        Self::read_as(repository, true)
    }

    fn read_as(repository: &Repository, must_be_set_here: bool) -> Result<Self> {
        let mode = repository.config(FANOUT_MODE);
        let ledger = match &mode {
            Some(mode) => ledger::by_name(mode).map_err(|fault| {
                Error::user(format!("{FANOUT_MODE}: {fault}"))
                    .hinted(format!("git config {FANOUT_MODE} {}", ledger::ALL[0].name()))
            })?,
            None => ledger::in_use(repository)?,
        };
        for key in [MAX_BLOB_SIZE, MAX_PUSH_SIZE, MAX_PUSH_REFERENCES] {
            limit(repository, key)?;
        }
        let destination = match repository.config(DESTINATION) {
            Some(value) => value.parse().map_err(|fault| {
                Error::user(format!("{DESTINATION}: {fault}"))
                    .hinted(format!("git config {DESTINATION} {}", Destination::SameRemote))
            })?,
            None => Destination::SameRemote,
        };
        let remotes = remotes(repository);
        let is_decided_here = |name: &str| {
            repository.config_scoped("opensession", name).iter().any(|(scope, _)| *scope >= ConfigScope::Repository)
        };
        let names_remotes = if must_be_set_here { is_decided_here("remotes") } else { remotes.is_some() };
        let is_set_up = names_remotes || is_decided_here("destination");
        Ok(Self {
            ledger,
            is_ledger_set: mode.is_some(),
            trailers: trailers(repository, &destination, is_set_up)?,
            destination,
            remotes,
            is_set_up,
            must_be_set_here,
            push_unlinked: flag(repository, PUSH_UNLINKED)?,
            quiet: flag(repository, QUIET)?,
            exclude: Exclusions::read(repository)?,
        })
    }

    /// Whether only the repository's own configuration decides where its sessions go: its hooks are those of every
    /// repository of the person.
    #[must_use]
    pub fn must_be_set_here(&self) -> bool {
        self.must_be_set_here
    }

    /// The remote that the sessions of a push to `pushed` are sent to; `None` where they stay here. Nothing is
    /// sent without a decision.
    #[must_use]
    pub fn session_remote(&self, repository: &Repository, pushed: &str) -> Option<String> {
        if !self.is_set_up {
            return None;
        }
        let is_enabled = |remote: &str| self.enabled_remotes(repository).iter().any(|name| name == remote);
        match &self.destination {
            Destination::Local => None,
            Destination::SameRemote => is_enabled(pushed).then(|| pushed.to_owned()),
            Destination::Remote(name) => {
                let is_allowed = self.remotes.is_none() || is_enabled(pushed) || is_enabled(name);
                (is_allowed && repository.remotes().contains(name)).then(|| name.clone())
            }
        }
    }

    /// The remotes whose pushes bring sessions: those that are named, else `origin`, else the only one. One that
    /// was added later, such as a fork, is not among them by itself.
    #[must_use]
    pub fn enabled_remotes(&self, repository: &Repository) -> Vec<String> {
        if let Some(named) = &self.remotes {
            return named.clone();
        }
        let mut known = repository.remotes();
        if known.len() > 1 {
            known.retain(|name| name == "origin");
        }
        known
    }

    /// Whether a command that names `remote` may send sessions to it.
    #[must_use]
    pub fn allows(&self, repository: &Repository, remote: &str) -> bool {
        match &self.destination {
            Destination::Local => false,
            Destination::Remote(name) => name == remote && self.remotes.as_ref().is_none_or(|list| !list.is_empty()),
            Destination::SameRemote => match &self.remotes {
                Some(list) => list.iter().any(|name| name == remote),
                None => repository.remotes().iter().any(|name| name == remote),
            },
        }
    }
}

/// The trailers that are written. Where nothing is said of them, the words of a prompt get into a commit message
/// only where the sessions go to the same place as the commits.
fn trailers(repository: &Repository, destination: &Destination, is_set_up: bool) -> Result<Vec<TrailerKind>> {
    match repository.config(TRAILERS) {
        Some(list) => TrailerKind::parse_list(&list).map_err(|fault| {
            Error::user(format!("{TRAILERS}: {fault}"))
                .hinted(format!("git config {TRAILERS} {}", TrailerKind::default_list()))
        }),
        None if is_set_up && *destination == Destination::SameRemote => Ok(TrailerKind::DEFAULT.to_vec()),
        None => Ok(TrailerKind::WITHOUT_PROMPT.to_vec()),
    }
}

/// The values of the most specific configuration that has any, so that one of the repository takes the place of
/// one of the user. An empty value takes back what came before it.
fn remotes(repository: &Repository) -> Option<Vec<String>> {
    let values = repository.config_scoped("opensession", "remotes");
    let scope = values.iter().map(|(scope, _)| *scope).max()?;
    let mut names: Vec<String> = Vec::new();
    for (_, value) in values.iter().filter(|(of, _)| *of == scope) {
        let mut listed = value.split([',', ' ', '\n']).filter(|name| !name.is_empty()).peekable();
        if listed.peek().is_none() {
            names.clear();
        }
        names.extend(listed.map(str::to_owned));
    }
    Some(names)
}

/// What the user wants redacted: settings of git and a file in git's own directory, never a file that
/// is tracked and so comes from somebody else.
///
/// # Errors
/// When a setting has no meaning or the file cannot be read: then nothing may be stored.
pub fn redaction(repository: &Repository) -> Result<Settings> {
    let profile = match repository.config(REDACTION) {
        Some(name) => name.parse().map_err(|fault: UnknownProfile| {
            Error::user(format!("{REDACTION}: {fault}")).hinted(format!("git config {REDACTION} default"))
        })?,
        None => Profile::Default,
    };
    let mut settings = Settings::of(profile);
    settings.emails = flag(repository, REDACT_EMAILS)?;
    settings.ip_addresses = flag(repository, REDACT_IP_ADDRESSES)?;
    settings.images = images(repository)?;
    for pattern in repository.config_all(REDACT_PATTERN) {
        settings.add_pattern("user-pattern", &pattern).map_err(|fault| {
            Error::user(format!("{REDACT_PATTERN}: {fault}"))
                .hinted(format!("correct it: git config edit; or git config --unset-all {REDACT_PATTERN}"))
        })?;
    }
    let path = repository.state_dir().join(REDACT_FILE);
    let refused = |fault: &dyn std::fmt::Display| {
        Error::user(format!("{}: {fault}", path.display())).hinted("correct the file, or remove it; nothing was stored")
    };
    match files::read_text(&path, files::SMALL) {
        Ok(text) => settings.add_file(&text).map_err(|fault| refused(&fault))?,
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {}
        Err(fault) => return Err(refused(&fault)),
    }
    remembered(repository)?.apply(&mut settings)?;
    Ok(settings)
}

/// What is kept of pictures, sounds and films.
///
/// # Errors
/// When the setting has no meaning.
pub fn images(repository: &Repository) -> Result<Images> {
    let Some(value) = repository.config(IMAGES) else { return Ok(Images::default()) };
    value.parse().map_err(|fault: UnknownImages| {
        Error::user(format!("{IMAGES}: {fault}")).hinted(format!("git config {IMAGES} {}", Images::default()))
    })
}

/// What was redacted by hand in this clone.
///
/// # Errors
/// When the file cannot be read: then nothing may be stored.
pub fn remembered(repository: &Repository) -> Result<Remembered> {
    let folder = repository.state_dir();
    Remembered::load(&folder).map_err(|fault| {
        Error::user(format!("the texts redacted by hand cannot be read: {fault}"))
            .hinted(format!("nothing was stored; correct or remove the file in {}", folder.display()))
    })
}

/// Refuses the profile `off` where this repository's own configuration does not allow it: one of the
/// whole machine, or of the user, would turn it off everywhere.
///
/// # Errors
/// When it is off and that is not allowed here.
pub fn check_off(repository: &Repository, settings: &Settings) -> Result<()> {
    if settings.profile != Profile::Off || repository.own_flag(ALLOW_UNREDACTED)? == Some(true) {
        return Ok(());
    }
    Err(Error::user(format!("{REDACTION} is off, which this repository does not allow")).hinted(format!(
        "git config {REDACTION} default; or, to allow it here: git config --local {ALLOW_UNREDACTED} true"
    )))
}

/// Whether the hooks do anything in this repository, as they do unless it says no.
///
/// # Errors
/// When the value is neither yes nor no.
pub fn is_enabled(repository: &Repository) -> Result<bool> {
    repository.config_bool(ENABLED).map(|value| value != Some(false)).map_err(|_| {
        let value = repository.config(ENABLED).unwrap_or_default();
        Error::user(format!("{ENABLED}: '{value}' is neither true nor false"))
            .hinted(format!("git config {ENABLED} false"))
    })
}

/// Whether `key` says yes.
fn flag(repository: &Repository, key: &str) -> Result<bool> {
    repository.config_bool(key).map(|value| value == Some(true)).map_err(|_| {
        let value = repository.config(key).unwrap_or_default();
        Error::user(format!("{key}: '{value}' is not a boolean")).hinted(format!("git config {key} true"))
    })
}

/// The limit that is set at `key`; `None` where none is set, `Some(None)` where it is 0, for no limit.
///
/// # Errors
/// When it is no size.
pub fn limit(repository: &Repository, key: &str) -> Result<Option<Option<u64>>> {
    let meaningless = || {
        let value = repository.config(key).unwrap_or_default();
        Error::user(format!("{key}: '{value}' is not a size such as 100m, or 0 for no limit"))
            .hinted(format!("git config --unset {key}"))
    };
    let Some(value) = repository.config_number(key).map_err(|_| meaningless())? else { return Ok(None) };
    let value = u64::try_from(value).map_err(|_| meaningless())?;
    Ok(Some(Some(value).filter(|value| *value > 0)))
}
