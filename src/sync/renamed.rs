//! Follows renamed remotes: git updates only its own settings.
//!
//! `opensession.remotes` then names a remote that is not there, and what is remembered of it is under its old
//! name. Which repository a name stood for is noted at every push and `sync`.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    config::{Config, DESTINATION, Destination, REMOTES},
    error::Result,
    git::{ConfigScope, Expected, RefUpdate, Repository},
    ledger::extra_ref_root,
    system::files,
};

/// The file, in the directory of the repository's state, of the URLs that remotes had: `<name>\t<url>` a line.
const FILE: &str = "remotes";
/// The largest such file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// The settings that outlast a command.
const MOST_LASTING: ConfigScope = ConfigScope::WorkTree;
/// What follows a remote's name in the references that remember what it has.
const KINDS: [&str; 4] = ["branches/", "notes/", "summaries", "handoff/"];

/// Notes which repositories the names of the remotes stand for, and follows those that were renamed since: in
/// the settings, and in the references that remember what they have. Returns the settings as they are then.
///
/// # Errors
/// When the settings or the references cannot be written.
pub fn follow_renamed_remotes(repository: &Repository, config: Config) -> Result<Config> {
    let current: BTreeMap<String, String> = repository
        .remotes()
        .into_iter()
        .filter_map(|name| Some((name.clone(), repository.remote_url(&name)?)))
        .collect();
    let noted = read(repository);
    let destination = match &config.destination {
        Destination::Remote(name) => Some(name),
        Destination::SameRemote | Destination::Local => None,
    };
    let named = noted.keys().chain(config.remotes.iter().flatten()).chain(destination);
    let missing: BTreeSet<String> = named.filter(|name| !current.contains_key(*name)).cloned().collect();
    let mut left = noted.clone();
    left.extend(current.clone());
    let mut is_changed = false;
    for old in &missing {
        let Some(new) = new_name(repository, old, noted.get(old), &current) else { continue };
        move_known(repository, old, &new)?;
        is_changed |= rename_in_settings(repository, &config, old, &new)?;
        left.remove(old);
    }
    if left != noted {
        write(repository, &left)?;
    }
    if is_changed { config.read_again(&Repository::open(repository.git_dir())?) } else { Ok(config) }
}

/// The name that the remote `old`, which is not there, has now: that of the only remote with its URL, else what
/// git noted when it renamed the branches of the remote.
fn new_name(
    repository: &Repository,
    old: &str,
    url: Option<&String>,
    current: &BTreeMap<String, String>,
) -> Option<String> {
    let mut same = current.iter().filter(|(_, known)| Some(*known) == url).map(|(name, _)| name.clone());
    let found = same.next();
    if found.is_some() && same.next().is_none() {
        return found;
    }
    current.keys().find(|name| repository.was_renamed_from(name, old)).cloned()
}

/// Puts what is remembered of `old` under the name `new`.
fn move_known(repository: &Repository, old: &str, new: &str) -> Result<()> {
    let (from, to) = (extra_ref_root(old), extra_ref_root(new));
    for (name, id) in repository.references(&from)? {
        let name = name.to_string();
        // The rest may be of a remote whose name begins like this one's.
        let Some(rest) = name.strip_prefix(&from).filter(|rest| KINDS.iter().any(|kind| rest.starts_with(kind))) else {
            continue;
        };
        let moved = format!("{to}{rest}");
        if repository.find_reference(moved.as_bytes())?.is_none() {
            let update = RefUpdate { name: moved.into(), expected: Expected::Absent, new: Some(id) };
            repository.update_reference(&update)?;
        }
        repository.update_reference(&RefUpdate { name: name.into(), expected: Expected::Is(id), new: None })?;
    }
    Ok(())
}

/// Writes the new name where the settings have the old one; returns whether they had. Those of one command
/// stay as they are.
fn rename_in_settings(repository: &Repository, config: &Config, old: &str, new: &str) -> Result<bool> {
    let mut is_changed = false;
    if config.destination == Destination::Remote(old.to_owned()) {
        repository.set_config(DESTINATION, &Destination::Remote(new.to_owned()).to_string())?;
        is_changed = true;
    }
    let is_of_command =
        repository.config_scoped("opensession", "remotes").iter().any(|(scope, _)| *scope > MOST_LASTING);
    let names = config.remotes.as_deref().unwrap_or_default();
    if !is_of_command && names.iter().any(|name| name == old) {
        let mut renamed: Vec<&str> = Vec::new();
        for name in names.iter().map(|name| if name == old { new } else { name }) {
            if !renamed.contains(&name) {
                renamed.push(name);
            }
        }
        repository.unset_config(REMOTES)?;
        repository.set_config(REMOTES, &renamed.join(","))?;
        is_changed = true;
    }
    Ok(is_changed)
}

fn read(repository: &Repository) -> BTreeMap<String, String> {
    let text = files::read_text(&repository.state_dir().join(FILE), MAX_BYTES).unwrap_or_default();
    text.lines().filter_map(|line| line.split_once('\t')).map(|(name, url)| (name.to_owned(), url.to_owned())).collect()
}

fn write(repository: &Repository, all: &BTreeMap<String, String>) -> Result<()> {
    let text: String = all.iter().map(|(name, url)| format!("{name}\t{url}\n")).collect();
    Ok(files::replace(&repository.state_dir().join(FILE), text.as_bytes())?)
}
