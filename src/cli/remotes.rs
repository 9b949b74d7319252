//! Which remotes sessions may go to: asked when the hooks are installed, and kept to ever after.

use crate::{
    config::{Config, DESTINATION, Destination, REMOTES},
    error::{Error, Result},
    git::Repository,
    system::prompt,
};

/// The remotes that sessions may go to where nothing says so: those that the answer is, where there are several
/// and a person may be asked; else the one that is pushed to.
pub(super) fn choose(repository: &Repository, known: &[String], may_ask: bool) -> Result<Vec<String>> {
    let default = default(repository, known);
    if known.len() > 1 && may_ask { ask(known, &default) } else { Ok(vec![default]) }
}

/// The remote that the branch is pushed to, else `origin`, else the first.
fn default(repository: &Repository, known: &[String]) -> String {
    let branch = repository.head().ok().and_then(|head| head.branch).map(|branch| branch.to_string());
    let of_branch = |key: &str| branch.as_ref().and_then(|branch| repository.config(&format!("branch.{branch}.{key}")));
    let candidates = [
        of_branch("pushRemote"),
        repository.config("remote.pushDefault"),
        of_branch("remote"),
        Some("origin".to_owned()),
    ];
    let found = candidates.into_iter().flatten().find(|name| known.contains(name));
    found.unwrap_or_else(|| known[0].clone())
}

fn ask(known: &[String], default: &str) -> Result<Vec<String>> {
    loop {
        let list = known.join(", ");
        let line = prompt::ask(&format!("Which remotes may sessions go to? There are {list}. [{default}]"))?;
        let names = line.split([',', ' ', '\t']).filter(|name| !name.is_empty());
        let names: Vec<String> = names.map(str::to_owned).collect();
        if names.is_empty() {
            return Ok(vec![default.to_owned()]);
        }
        match checked(known, names) {
            Ok(names) => return Ok(names),
            Err(fault) => prompt::explain(fault.message())?,
        }
    }
}

/// The names, if all of them are remotes.
pub(super) fn checked(known: &[String], names: Vec<String>) -> Result<Vec<String>> {
    match names.iter().find(|name| !known.contains(name)) {
        None => Ok(names),
        Some(unknown) => {
            let there = if known.is_empty() { "none at all".to_owned() } else { known.join(", ") };
            Err(Error::usage(format!("no remote '{unknown}'; configured: {there}")).hinted("git remote add NAME URL"))
        }
    }
}

/// The remote that a command means where none is named: that of the branch's upstream, else the only
/// one, of those that sessions may go to.
pub(super) fn default_remote(repository: &Repository, config: &Config) -> Result<String> {
    let all = repository.remotes();
    let allowed: Vec<String> = all.iter().filter(|name| config.allows(repository, name)).cloned().collect();
    let branch = repository.head()?.branch.map(|branch| branch.to_string());
    let upstream = branch.and_then(|branch| repository.upstream_remote(&branch));
    if let Some(upstream) = upstream.filter(|upstream| all.is_empty() || allowed.contains(upstream)) {
        return Ok(upstream);
    }
    match allowed.as_slice() {
        [] if all.is_empty() => Err(Error::user("this repository has no remote").hinted("git remote add origin URL")),
        [] => Err(refusal(config, &all[0])),
        [only] => Ok(only.clone()),
        several => Err(Error::user(format!("which remote? there are {}", several.join(", ")))
            .hinted(format!("git session sync {}", several[0]))),
    }
}

/// Why nothing is pushed to `remote`.
pub(super) fn refusal(config: &Config, remote: &str) -> Error {
    let get = |fault: Error| fault.hinted(format!("to get its sessions: git session sync {remote} --fetch-only"));
    match &config.destination {
        Destination::SameRemote => get(Error::user(format!(
            "sessions may not go to '{remote}', which {REMOTES} does not name (to let them: git config --add {REMOTES} {remote})"
        ))),
        elsewhere => get(Error::user(format!(
            "sessions may not go to '{remote}', since {DESTINATION} is {elsewhere} (to change that: git config {DESTINATION} {})",
            Destination::SameRemote
        ))),
    }
}
