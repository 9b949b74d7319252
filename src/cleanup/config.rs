//! The tracked file that says how long sessions are kept. It is data only: nothing in it is run.

use std::collections::BTreeMap;

use toml::{Spanned, Value};

use super::{PROVIDERS, Policy};
use crate::{
    error::{Error, Result},
    git::Repository,
    system::files,
};

/// Where the file is, from the root of the work tree.
pub const CONFIG_PATH: &str = ".opensession/cleanup/config.toml";

/// The provider that is found out from the remote.
pub const AUTO: &str = "auto";

/// The most days that anything can be kept for: a hundred years.
pub const MAX_DAYS: u32 = 36_500;

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1024 * 1024;

/// The settings of the janitor and of its CI jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// [`AUTO`], or the name of one of [`PROVIDERS`].
    pub provider: String,
    /// The remote to clean up; `None` for the one that `sync` would take.
    pub remote: Option<String>,
    /// The branch that keeps the sessions of closed reviews.
    pub session_archive_branch: Option<String>,
    /// What goes, and when.
    pub policy: Policy,
}

/// A configuration, and what was odd about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Whether there is a file.
    pub is_there: bool,
    /// The keys that mean nothing to this version, each in a sentence. They stay in the file.
    pub warnings: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { provider: AUTO.to_owned(), remote: None, session_archive_branch: None, policy: Policy::default() }
    }
}

impl Config {
    /// Reads the file in the work tree or, where there is none, in the commit that HEAD is at.
    ///
    /// # Errors
    /// When it is there and cannot be read, with the line, the key and what to write instead.
    pub fn load(repository: &Repository) -> Result<Loaded> {
        Ok(text(repository)?.map(|text| Self::parse(&text)).transpose()?.unwrap_or_default())
    }

    /// Reads the content of the file.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn parse(text: &str) -> Result<Loaded> {
        let mut loaded = Loaded { is_there: true, ..Loaded::default() };
        let Loaded { config, warnings, .. } = &mut loaded;
        for (key, value) in entries(text)? {
            let field = Field { text, key: &key, value: &value };
            let policy = &mut config.policy;
            match key.as_str() {
                "provider" => config.provider = field.provider()?,
                "remote" => config.remote = Some(field.name("origin")?),
                "session_archive_branch" => config.session_archive_branch = Some(field.name("sessions/archive")?),
                "hidden_ttl_days" => policy.hidden_ttl_days = field.days()?,
                "artifact_ttl_days" => policy.artifact_ttl_days = field.days()?,
                "session_ttl_days" => policy.session_ttl_days = Some(field.days()?),
                "max_ledger_size" => policy.max_ledger_size = Some(field.size()?),
                "promote" => policy.promote = field.flag()?,
                "pinned" => policy.pinned = field.names()?,
                _ => warnings.push(format!("{}: this version does not know '{key}'", field.place())),
            }
        }
        Ok(loaded)
    }

    /// The remote of the file. The file is tracked, so it may choose among the remotes that are configured
    /// here, by name, and never say what to connect to.
    ///
    /// # Errors
    /// When no remote here has that name.
    pub fn chosen_remote(&self, repository: &Repository) -> Result<Option<String>> {
        let Some(remote) = &self.remote else { return Ok(None) };
        let known: Vec<String> =
            repository.remotes().into_iter().filter(|name| repository.remote_url(name).is_some()).collect();
        if known.contains(remote) {
            return Ok(Some(remote.clone()));
        }
        let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Err(Error::user(format!(
            "{CONFIG_PATH} chooses the remote '{remote}', which is not configured here; configured: {there}"
        ))
        .hinted("git session cleanup run --remote REMOTE names another; git remote add configures one"))
    }

    /// The content of the file with these settings. Of what `old` has, only the values that differ are
    /// replaced: comments, order and unknown keys stay.
    ///
    /// # Errors
    /// When `old` cannot be read.
    pub fn render(&self, old: Option<&str>) -> Result<String> {
        let mut text = old.unwrap_or(HEAD).to_owned();
        let known = Self::parse(&text)?.config.fields();
        for ((key, value), (_, before)) in self.fields().into_iter().zip(known) {
            let spans = entries(&text)?;
            let place = spans.get(key).map(Spanned::span);
            match (place, value) {
                (Some(place), Some(value)) if before.as_ref() != Some(&value) => text.replace_range(place, &value),
                (Some(_), Some(_)) | (None, None) => {}
                (Some(place), None) => remove_lines(&mut text, place),
                (None, Some(value)) => insert_line(&mut text, &format!("{key} = {value}\n")),
            }
        }
        if Self::parse(&text)?.config == *self {
            return Ok(text);
        }
        Err(Error::user(format!("{CONFIG_PATH}: it cannot be edited in place"))
            .hinted(format!("git mv {CONFIG_PATH} {CONFIG_PATH}.old, and run this again")))
    }

    /// Every key with its value as TOML; `None` where it is not set.
    fn fields(&self) -> [(&'static str, Option<String>); 9] {
        let policy = &self.policy;
        let pinned: Vec<String> = policy.pinned.iter().map(|name| quoted(name)).collect();
        [
            ("provider", Some(quoted(&self.provider))),
            ("remote", self.remote.as_deref().map(quoted)),
            ("hidden_ttl_days", Some(policy.hidden_ttl_days.to_string())),
            ("artifact_ttl_days", Some(policy.artifact_ttl_days.to_string())),
            ("session_ttl_days", policy.session_ttl_days.map(|days| days.to_string())),
            ("max_ledger_size", policy.max_ledger_size.map(shown_size)),
            ("promote", Some(policy.promote.to_string())),
            ("session_archive_branch", self.session_archive_branch.as_deref().map(quoted)),
            ("pinned", Some(format!("[{}]", pinned.join(", ")))),
        ]
    }
}

/// What a new file begins with.
const HEAD: &str = "# How long `git session cleanup` keeps sessions: docs/cleanup.md of git-session.\n";

/// The content of the file, where there is one.
fn text(repository: &Repository) -> Result<Option<String>> {
    let failed = |fault: &dyn std::fmt::Display| Error::user(format!("{CONFIG_PATH}: {fault}"));
    let Some(root) = repository.work_tree() else {
        let Some(head) = repository.head()?.commit else { return Ok(None) };
        let found = repository.find_in_tree(repository.tree_of(head)?, CONFIG_PATH)?;
        let bytes = found.map(|blob| repository.read_blob(blob, MAX_BYTES)).transpose()?;
        return bytes.map(|bytes| String::from_utf8(bytes).map_err(|fault| failed(&fault))).transpose();
    };
    let path = root.join(CONFIG_PATH);
    match files::read_text(&path, MAX_BYTES) {
        Err(fault) if fault.kind() == std::io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some).map_err(|fault| failed(&fault)),
    }
}

fn entries(text: &str) -> Result<BTreeMap<String, Spanned<Value>>> {
    toml::from_str(text).map_err(|fault| {
        let line = fault.span().map_or(1, |span| line_of(text, span.start));
        Error::user(format!("{CONFIG_PATH}, line {line}: {}", fault.message().replace('\n', ", ")))
            .hinted("every line is `key = value`, such as hidden_ttl_days = 30")
    })
}

fn line_of(text: &str, position: usize) -> usize {
    memchr::memchr_iter(b'\n', &text.as_bytes()[..position.min(text.len())]).count() + 1
}

/// One key of the file.
struct Field<'a> {
    text: &'a str,
    key: &'a str,
    value: &'a Spanned<Value>,
}

impl Field<'_> {
    fn place(&self) -> String {
        format!("{CONFIG_PATH}, line {}", line_of(self.text, self.value.span().start))
    }

    /// Says what the key takes, and gives a line to write instead.
    fn refused(&self, takes: &str, instead: &str) -> Error {
        let written = self.text.get(self.value.span()).unwrap_or_default();
        Error::user(format!("{}: {} = {written}: it takes {takes}", self.place(), self.key))
            .hinted(format!("write it as {} = {instead}", self.key))
    }

    fn days(&self) -> Result<u32> {
        let days = self.value.get_ref().as_integer().and_then(|days| u32::try_from(days).ok());
        days.filter(|days| *days <= MAX_DAYS)
            .ok_or_else(|| self.refused(&format!("a number of days from 0, for the next run, to {MAX_DAYS}"), "30"))
    }

    fn size(&self) -> Result<u64> {
        let size = match self.value.get_ref() {
            Value::Integer(bytes) => u64::try_from(*bytes).ok(),
            Value::String(text) => parse_size(text),
            _ => None,
        };
        size.filter(|size| *size > 0).ok_or_else(|| self.refused("a size of at least a byte", "\"500M\""))
    }

    fn flag(&self) -> Result<bool> {
        self.value.get_ref().as_bool().ok_or_else(|| self.refused("true or false", "true"))
    }

    /// A name that no command takes for an option.
    fn name(&self, example: &str) -> Result<String> {
        let name = self.value.get_ref().as_str().filter(|name| is_name(name)).map(str::to_owned);
        name.ok_or_else(|| self.refused("a name", &quoted(example)))
    }

    fn names(&self) -> Result<Vec<String>> {
        let refused = || self.refused("a list of session ids and branch names", "[\"main\"]");
        let list = self.value.get_ref().as_array().ok_or_else(refused)?;
        let names = list.iter().map(|name| name.as_str().filter(|name| is_name(name)).map(str::to_owned));
        names.collect::<Option<_>>().ok_or_else(refused)
    }

    fn provider(&self) -> Result<String> {
        let known: Vec<&str> = [AUTO].into_iter().chain(PROVIDERS.iter().map(|provider| provider.name())).collect();
        let name = self.value.get_ref().as_str().filter(|name| known.contains(name)).map(str::to_owned);
        name.ok_or_else(|| self.refused(&format!("one of {}", known.join(", ")), &quoted(AUTO)))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('-') && !name.chars().any(char::is_control)
}

/// Reads a size such as `500M`; the units are powers of 1024.
#[must_use]
pub fn parse_size(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|last: char| last.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(1 << unit)
}

fn shown_size(bytes: u64) -> String {
    let unit = [("G", 30), ("M", 20), ("K", 10)].into_iter().find(|(_, shift)| bytes.is_multiple_of(1 << shift));
    unit.map_or_else(|| bytes.to_string(), |(unit, shift)| format!("\"{}{unit}\"", bytes >> shift))
}

/// A string of TOML.
fn quoted(text: &str) -> String {
    // What JSON escapes, TOML reads; the one character that TOML forbids besides is in no name.
    serde_json::Value::from(text).to_string()
}

/// Removes the lines of a value.
fn remove_lines(text: &mut String, value: std::ops::Range<usize>) {
    let start = text[..value.start].rfind('\n').map_or(0, |end| end + 1);
    let end = text[value.end..].find('\n').map_or(text.len(), |end| value.end + end + 1);
    text.replace_range(start..end, "");
}

/// Adds a line after the others and before the first table.
fn insert_line(text: &mut String, line: &str) {
    let table = if text.starts_with('[') { Some(0) } else { text.find("\n[").map(|before| before + 1) };
    let place = table.unwrap_or(text.len());
    if place > 0 && !text[..place].ends_with('\n') {
        text.insert(place, '\n');
        text.insert_str(place + 1, line);
    } else {
        text.insert_str(place, line);
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
