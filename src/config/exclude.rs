//! What is never stored: `opensession.exclude`, one value each.
//!
//! - `agent:<name>`: every session of that agent.
//! - `session:<id>`: that session; of a longer id the first 8 or more characters do.
//! - a path: every session that worked in that folder or below it, or whose log is there. `~/` is the home
//!   directory; a relative path begins at the root of the work tree.
//!
//! The values of all configuration files add up; an empty one takes back those before it.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use super::EXCLUDE;
use crate::{
    agents,
    error::{Error, Result},
    git::Repository,
    hail::SessionId,
};

/// How much of an id, at least, stands for all of it, in characters.
const LEAST_PREFIX: usize = 8;

/// What is never stored.
#[derive(Clone, Debug, Default)]
pub struct Exclusions {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    Agent(String),
    Session(String),
    Folder(PathBuf),
}

/// What is known of a session, which may be only a part.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The agent's name.
    pub agent: &'a str,
    /// The session.
    pub session: Option<&'a SessionId>,
    /// The folder it worked in.
    pub folder: Option<&'a Path>,
    /// Its log.
    pub log: Option<&'a Path>,
}

impl Exclusions {
    /// Reads the setting.
    ///
    /// # Errors
    /// When a value has no meaning: then nothing may be stored, since it was to keep something out.
    pub(super) fn read(repository: &Repository) -> Result<Self> {
        let mut rules = Vec::new();
        for value in repository.config_all(EXCLUDE) {
            if value.is_empty() {
                rules.clear();
                continue;
            }
            rules.push(Rule::parse(&value, repository).map_err(|expected| {
                Error::user(format!("{EXCLUDE}: '{value}' {expected}"))
                    .hinted(format!("to see where it is set: git config --show-origin --get-all {EXCLUDE}"))
            })?);
        }
        Ok(Self { rules })
    }

    /// Whether nothing is excluded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether a folder is: only then is it worth asking where a session worked.
    #[must_use]
    pub fn has_folder(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule, Rule::Folder(_)))
    }

    /// Whether a session is excluded, as far as it is known.
    #[must_use]
    pub fn covers(&self, subject: &Subject<'_>) -> bool {
        self.rules.iter().any(|rule| match rule {
            Rule::Agent(name) => subject.agent == name,
            Rule::Session(id) => match subject.session {
                Some(session) => is_meant(id, session.as_str()),
                // Most agents name the log after the session.
                None => subject
                    .log
                    .and_then(Path::file_stem)
                    .and_then(OsStr::to_str)
                    .is_some_and(|stem| is_meant(id, stem) || stem.ends_with(&format!("-{id}"))),
            },
            Rule::Folder(folder) => [subject.folder, subject.log].into_iter().flatten().any(|path| holds(folder, path)),
        })
    }
}

/// Whether a rule, which is an id or the first characters of one, means `id`.
fn is_meant(rule: &str, id: &str) -> bool {
    id == rule || (rule.len() >= LEAST_PREFIX && id.starts_with(rule))
}

/// Whether `path` is `folder` or below it, by their names or by where these lead.
fn holds(folder: &Path, path: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    path.starts_with(folder) || real(path).starts_with(real(folder))
}

impl Rule {
    /// Reads one value; else says what it is not.
    fn parse(value: &str, repository: &Repository) -> std::result::Result<Self, String> {
        let kind = value.split_once(':').filter(|(kind, _)| !kind.contains('/'));
        match kind {
            Some(("agent", name)) => match agents::by_name(name) {
                Ok(agent) => Ok(Self::Agent(agent.name().to_owned())),
                Err(_) => Err(format!("is not a known agent; known are {}", agents::names().join(", "))),
            },
            Some(("session", id)) if !id.is_empty() => Ok(Self::Session(id.to_owned())),
            Some(_) => Err("is not agent:<name>, session:<id> or a folder".to_owned()),
            None if value.starts_with('~') && !value.starts_with("~/") => {
                Err("is not a path: write ~/ for your home directory, or an absolute path".to_owned())
            }
            None => Ok(Self::Folder(repository.path_of_setting(value))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Exclusions, Rule, Subject};

    #[test]
    fn a_session_is_excluded_by_its_agent_its_id_its_folder_or_its_log() {
        let id = "11111111-2222-4333-8444-555555555555".parse().expect("an id");
        let session = Subject {
            agent: "codex",
            session: Some(&id),
            folder: Some(Path::new("/srv/work/sub")),
            log: Some(Path::new("/srv/logs/a.jsonl")),
        };
        let covers = |rule: Rule| Exclusions { rules: vec![rule] }.covers(&session);
        assert!(covers(Rule::Agent("codex".to_owned())) && !covers(Rule::Agent("goose".to_owned())));
        assert!(covers(Rule::Session("11111111".to_owned())) && !covers(Rule::Session("21111111".to_owned())));
        for folder in ["/srv/work", "/srv/work/sub", "/srv/logs", "/srv"] {
            assert!(covers(Rule::Folder(folder.into())), "{folder}");
        }
        for folder in ["/srv/work/sub/deeper", "/srv/wor", "/other"] {
            assert!(!covers(Rule::Folder(folder.into())), "{folder}");
        }
        assert!(!Exclusions::default().covers(&session));
        // Of a log that was not read its name tells.
        for name in ["11111111-2222.jsonl", "rollout-2026-01-31T10-00-00-11111111-2222.jsonl"] {
            let unread = Subject { log: Some(Path::new(name)), ..Subject::default() };
            let rule = Rule::Session("11111111-2222".to_owned());
            assert!(Exclusions { rules: vec![rule] }.covers(&unread), "{name}");
        }
    }
}
