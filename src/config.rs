//! The git-config keys under `opensession.*` and their defaults.

use crate::{
    error::{Error, Result},
    git::Repository,
    ledger::{self, Ledger},
    link::TrailerKind,
    redact::{Profile, Remembered, Settings, UnknownProfile},
};

/// The key of the ledger backend.
pub const FANOUT_MODE: &str = "opensession.fanout-mode";
/// The key of the trailers.
pub const TRAILERS: &str = "opensession.trailers";
/// The key of the remotes that sessions may go to.
pub const REMOTES: &str = "opensession.remotes";

/// The key of the profile of redaction.
pub const REDACTION: &str = "opensession.redaction";
/// The key of the patterns that the user wants redacted, one a value.
pub const REDACT_PATTERN: &str = "opensession.redact-pattern";
/// The key of whether e-mail addresses are redacted.
pub const REDACT_EMAILS: &str = "opensession.redact-emails";
/// The key of whether IP addresses are redacted.
pub const REDACT_IP_ADDRESSES: &str = "opensession.redact-ip-addresses";
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
pub struct Config {
    /// Where sessions are kept.
    pub ledger: &'static dyn Ledger,
    /// Whether the ledger is set, or the default.
    pub is_ledger_set: bool,
    /// Which trailers are written, in this order.
    pub trailers: Vec<TrailerKind>,
    /// The remotes that sessions may go to; empty means every configured remote that is pushed to.
    pub remotes: Vec<String>,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one has no meaning.
    pub fn read(repository: &Repository) -> Result<Self> {
        let mode = repository.config(FANOUT_MODE);
        let ledger = match &mode {
            Some(mode) => ledger::by_name(mode).map_err(|fault| {
                Error::user(format!("{FANOUT_MODE}: {fault}"))
                    .hinted(format!("git config {FANOUT_MODE} {}", ledger::ALL[0].name()))
            })?,
            None => ledger::ALL[0],
        };
        let trailers = match repository.config(TRAILERS) {
            Some(list) => TrailerKind::parse_list(&list).map_err(|fault| {
                Error::user(format!("{TRAILERS}: {fault}"))
                    .hinted(format!("git config {TRAILERS} {}", TrailerKind::default_list()))
            })?,
            None => TrailerKind::DEFAULT.to_vec(),
        };
        for key in [MAX_BLOB_SIZE, MAX_PUSH_SIZE, MAX_PUSH_REFERENCES] {
            limit(repository, key)?;
        }
        let list = repository.config_all(REMOTES);
        let names = list.iter().flat_map(|value| value.split([',', ' ', '\n'])).filter(|name| !name.is_empty());
        Ok(Self { ledger, is_ledger_set: mode.is_some(), trailers, remotes: names.map(str::to_owned).collect() })
    }

    /// Whether sessions may go to `remote`.
    #[must_use]
    pub fn allows(&self, repository: &Repository, remote: &str) -> bool {
        if self.remotes.is_empty() {
            repository.remotes().iter().any(|name| name == remote)
        } else {
            self.remotes.iter().any(|name| name == remote)
        }
    }
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
    match std::fs::read_to_string(&path) {
        Ok(text) => settings.add_file(&text).map_err(|fault| refused(&fault))?,
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => {}
        Err(fault) => return Err(refused(&fault)),
    }
    remembered(repository)?.apply(&mut settings)?;
    Ok(settings)
}

/// What was redacted by hand in this clone.
///
/// # Errors
/// When the file cannot be read: then nothing may be stored.
pub fn remembered(repository: &Repository) -> Result<Remembered> {
    let folder = repository.state_dir();
    Remembered::load(&folder).map_err(|fault| {
        Error::user(format!("what was redacted by hand cannot be read: {fault}"))
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
    Err(Error::user(format!("{REDACTION} is off, and this repository does not allow sessions that are not redacted"))
        .hinted(format!(
            "git config {REDACTION} default; or, to allow it here: git config --local {ALLOW_UNREDACTED} true"
        )))
}

/// Whether `key` says yes.
fn flag(repository: &Repository, key: &str) -> Result<bool> {
    let Some(value) = repository.config(key) else { return Ok(false) };
    repository.config_flag(key).ok_or_else(|| {
        Error::user(format!("{key}: '{value}' is neither true nor false")).hinted(format!("git config {key} true"))
    })
}

/// The limit that is set at `key`; `None` where none is set, `Some(None)` where it is 0, for no limit.
///
/// # Errors
/// When it is no size.
pub fn limit(repository: &Repository, key: &str) -> Result<Option<Option<u64>>> {
    let meaningless = || {
        let value = repository.config(key).unwrap_or_default();
        Error::user(format!("{key}: '{value}' is no number such as 100m, or 0 for no limit"))
            .hinted(format!("git config --unset {key}"))
    };
    let Some(value) = repository.config_number(key).map_err(|_| meaningless())? else { return Ok(None) };
    let value = u64::try_from(value).map_err(|_| meaningless())?;
    Ok(Some(Some(value).filter(|value| *value > 0)))
}
