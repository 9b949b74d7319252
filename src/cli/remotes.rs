//! Which remotes sessions may go to: asked when the hooks are installed, and kept to ever after.

use std::io::{BufRead, Write};

use crate::{
    config::{Config, REMOTES},
    context::Context,
    error::{Error, Result},
    git::Repository,
};

/// How the remotes are chosen.
#[derive(Clone, Copy)]
pub(super) enum Choice<'a> {
    /// Those that the person named; where there are none, those that the answer is.
    Person(&'a [String]),
    /// The one that is pushed to.
    Default,
}

/// Decides which remotes sessions may go to; `None` where that is decided already, or there is none
/// yet.
pub(super) fn choose(context: &Context, config: &Config, choice: Choice<'_>) -> Result<Option<Vec<String>>> {
    let repository = context.repository()?;
    let known = repository.remotes();
    if let Choice::Person(names) = choice
        && !names.is_empty()
    {
        return checked(&known, names.to_vec()).map(Some);
    }
    if known.is_empty() || config.remotes.is_some() {
        return Ok(None);
    }
    let default = default(repository, &known);
    match choice {
        Choice::Person(_) if known.len() > 1 && context.is_interactive => ask(&known, &default).map(Some),
        _ => Ok(Some(vec![default])),
    }
}

/// Keeps what was chosen.
pub(super) fn save(repository: &Repository, names: &[String]) -> Result<()> {
    // There may be a value a line.
    repository.unset_config(REMOTES)?;
    Ok(repository.set_config(REMOTES, &names.join(","))?)
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
    let mut stderr = anstream::stderr().lock();
    loop {
        let list = known.join(", ");
        writeln!(stderr, "Which remotes may sessions go to? There are {list}. [{default}] ")?;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        let names: Vec<String> = line.split([',', ' ', '\t']).map(str::trim).map(str::to_owned).collect();
        let names: Vec<String> = names.into_iter().filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            return Ok(vec![default.to_owned()]);
        }
        match checked(known, names) {
            Ok(names) => return Ok(names),
            Err(fault) => writeln!(stderr, "{}", fault.message())?,
        }
    }
}

fn checked(known: &[String], names: Vec<String>) -> Result<Vec<String>> {
    match names.iter().find(|name| !known.contains(name)) {
        None => Ok(names),
        Some(unknown) => {
            let there = if known.is_empty() { "none at all".to_owned() } else { known.join(", ") };
            Err(Error::usage(format!("there is no remote '{unknown}'; there is {there}"))
                .hinted("git remote add NAME URL"))
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
        [] => Err(refusal(&all[0])),
        [only] => Ok(only.clone()),
        several => Err(Error::user(format!("which remote? there are {}", several.join(", ")))
            .hinted(format!("git session sync {}", several[0]))),
    }
}

/// Why nothing is pushed to `remote`.
pub(super) fn refusal(remote: &str) -> Error {
    Error::user(format!("sessions may not go to '{remote}', which {REMOTES} does not name"))
        .hinted(format!("git config --add {REMOTES} {remote}"))
}
