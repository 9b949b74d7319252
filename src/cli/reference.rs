//! References to sessions, as a person writes them.

use std::{collections::BTreeMap, io::Read, path::Path};

use super::time;
use crate::{
    capture,
    context::Context,
    error::{Error, Result},
    git::{GitError, ObjectId, Repository},
    hail::{Session, SessionId},
    ledger::{self, Damage, Ledger, LedgerError, Listed, SessionKey, Tip, Tombstone},
};

/// How many candidates of an ambiguous reference are listed.
const MAX_CANDIDATES: usize = 10;

/// A session that a reference names.
pub(super) enum Named {
    /// One that is stored.
    Stored(Box<Listed>),
    /// One that was read from a file, not redacted.
    File(Box<Session>),
}

/// Every session of every ledger that is here, of whatever backend, the newest first, each once: this repository's
/// own take precedence over fetched ones, and those of the configured backend over those of the others.
pub(super) fn all(context: &Context) -> Result<(Vec<Listed>, Vec<Error>)> {
    of_tips(context, |_| true)
}

/// The sessions of the ledgers that `is_wanted` says, as [`all`] lists them.
pub(super) fn of_tips(context: &Context, is_wanted: impl Fn(&Tip) -> bool) -> Result<(Vec<Listed>, Vec<Error>)> {
    let (repository, ledger) = (context.repository()?, context.config()?.ledger);
    let mut found: BTreeMap<SessionKey, Listed> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (ledger, tip) in tips(repository, ledger)?.into_iter().filter(|(_, tip)| is_wanted(tip)) {
        // What was pushed is mostly what is here.
        if !seen.insert(tip.id) {
            continue;
        }
        let sessions = ledger.sessions(repository, &tip);
        let sessions = match sessions.and_then(|found| Ok([found, ledger.shares(repository, &tip)?].concat())) {
            Ok(sessions) => sessions,
            Err(fault) => {
                failures.push(Error::from(fault).during(format!("reading the sessions in {}", tip.reference)));
                continue;
            }
        };
        let damage = ledger.damage(repository, &tip).unwrap_or_default();
        failures.extend(damage.into_iter().map(|damage| Error::from(LedgerError::from(damage))));
        for listed in sessions {
            failures.extend(listed.damage.clone().map(|damage| damaged(&listed, damage)));
            add(&mut found, listed);
        }
    }
    // What was shared and is stored as well is one session.
    let stored = found.values().filter(|listed| !listed.is_share);
    let stored: std::collections::HashSet<ObjectId> = stored.filter_map(|listed| listed.hail).collect();
    let is_new = |listed: &Listed| !listed.is_share || listed.hail.is_none_or(|hail| !stored.contains(&hail));
    let mut sessions: Vec<Listed> = found.into_values().filter(is_new).collect();
    let last = |listed: &Listed| listed.last_activity(context.now());
    sessions.sort_by(|one, other| last(other).cmp(&last(one)).then_with(|| one.key.cmp(&other.key)));
    Ok((sessions, failures))
}

/// The ledgers that are here, those of `first` before those of the other backends.
fn tips(repository: &Repository, first: &dyn Ledger) -> Result<Vec<(&'static dyn Ledger, Tip)>> {
    let mut tips = Vec::new();
    for ledger in ledger::all_from(first) {
        tips.extend(ledger.tips(repository)?.into_iter().map(|tip| (ledger, tip)));
    }
    Ok(tips)
}

/// What is wrong with a session, and how it is removed.
fn damaged(listed: &Listed, damage: Damage) -> Error {
    let id = &listed.key.id;
    Error::user(damage).hinted(format!("to remove it everywhere: git session purge {id}"))
}

/// Adds a session to those found. Of one in the ledgers of several branches the longest counts, with the
/// commits of all.
fn add(found: &mut BTreeMap<SessionKey, Listed>, listed: Listed) {
    let known = found.entry(listed.key.clone()).or_insert_with(|| listed.clone());
    let commits = listed.meta.git.commits.iter().chain(&known.meta.git.commits);
    let commits: std::collections::BTreeSet<String> = commits.cloned().collect();
    if listed.meta.stats.event_count > known.meta.stats.event_count {
        *known = listed;
    }
    known.meta.git.commits = commits.into_iter().collect();
}

/// Finds what `reference` names: `HEAD`, `HEAD~N`, `HEAD^N`, an id or the beginning of one, a commit
/// or a range of commits, a file, or `-`.
pub(super) fn resolve(context: &Context, reference: &str) -> Result<Vec<Named>> {
    let path = context.path(reference.as_ref());
    if reference == "-" || (path.is_file() && reference.contains(['/', '.'])) {
        return from_file(context, reference);
    }
    if is_path(reference) && !path.is_file() {
        capture::open(&path)?;
    }
    let (repository, ledger) = (context.repository()?, context.config()?.ledger);
    let (sessions, _) = all(context)?;
    let stored = |found: Vec<Listed>| Ok(found.into_iter().map(|listed| Named::Stored(Box::new(listed))).collect());
    if let Some(range) = latest(reference) {
        let found: Vec<Listed> = sessions.into_iter().skip(range.start).take(range.len()).collect();
        return if found.is_empty() { Err(none(reference)) } else { stored(found) };
    }
    if let Some(revision) = reference.strip_prefix("commit:") {
        return stored(of_commits(repository, sessions, revision)?);
    }
    if let Some(found) = by_id(&sessions, reference)? {
        return stored(vec![found]);
    }
    match of_commits(repository, sessions, reference) {
        Ok(found) => stored(found),
        Err(_) if repository.resolve(reference.split("..").next().unwrap_or_default()).is_err() => {
            Err(match tombstone(repository, ledger, reference)? {
                Some(tombstone) => Error::user(format!("the session {} {}", tombstone.session_id, fate(&tombstone)))
                    .hinted("git session log lists the stored sessions"),
                None => none(reference),
            })
        }
        Err(fault) => Err(fault),
    }
}

/// Whether a reference can be nothing but the path of a file.
fn is_path(reference: &str) -> bool {
    ["/", "./", "../"].iter().any(|start| reference.starts_with(start))
        || Path::new(reference).extension().is_some_and(|extension| extension == "jsonl")
}

/// The session whose id begins with `reference`; more than one is an error that names them. A shared
/// session goes by its hash, and by the session's own id where nothing else does.
fn by_id(sessions: &[Listed], reference: &str) -> Result<Option<Listed>> {
    let mut found: Vec<&Listed> = sessions.iter().filter(|listed| matches(&listed.key, reference)).collect();
    if found.is_empty() {
        let own_key = |listed: &&Listed| matches(&SessionKey::from(listed.meta.session_id.clone()), reference);
        found = sessions.iter().filter(|listed| listed.is_share).filter(own_key).collect();
    }
    let exact = found.iter().find(|listed| listed.key.to_string() == reference);
    match (found.as_slice(), exact) {
        ([], _) => Ok(None),
        ([only], _) | (_, Some(only)) => Ok(Some((*only).clone())),
        (several, None) => {
            let names: Vec<String> = several.iter().take(MAX_CANDIDATES).map(|listed| listed.key.to_string()).collect();
            let count = several.len();
            Err(Error::user(format!("'{reference}' could be any of {count} sessions: {}", names.join(", ")))
                .hinted(format!("git session show {}", names[0])))
        }
    }
}

/// What any ledger remembers of a removed session whose id begins with `reference`.
pub(super) fn tombstone(repository: &Repository, ledger: &dyn Ledger, reference: &str) -> Result<Option<Tombstone>> {
    for (ledger, tip) in tips(repository, ledger)? {
        let is_meant = |session: &SessionId| matches(&SessionKey::from(session.clone()), reference);
        // A ledger that cannot be read says nothing of what is in the others.
        let Ok(tombstones) = ledger.tombstones(repository, &tip) else { continue };
        if let Some(found) = tombstones.of_session(is_meant) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// What became of a session, for the end of a sentence.
pub(super) fn fate(tombstone: &Tombstone) -> String {
    if let Some(at) = tombstone.purged_at {
        return format!("was purged on {}", time::minute(at));
    }
    match (&tombstone.expired, tombstone.redacted_at) {
        (Some(expiry), _) => {
            let policy = expiry.policy.as_ref().map(|policy| format!(" ({policy})")).unwrap_or_default();
            format!("expired on {}{policy}", time::minute(expiry.on.unwrap_or(expiry.at)))
        }
        (None, Some(at)) => format!("was redacted elsewhere on {}", time::minute(at)),
        (None, None) => "was removed".to_owned(),
    }
}

fn none(reference: &str) -> Error {
    Error::user(format!("no session '{reference}' in this repository")).hinted(
        "git session log lists the stored sessions; git session sync --fetch-only fetches those of other clones",
    )
}

fn matches(key: &SessionKey, reference: &str) -> bool {
    reference.len() >= 4 && key.to_string().starts_with(reference) || key.to_string() == reference
}

/// Reads `HEAD`, `HEAD~N` (the latest N) and `HEAD^N` (the Nth most recent, counted from 0).
fn latest(reference: &str) -> Option<std::ops::Range<usize>> {
    let rest = reference.strip_prefix("HEAD")?;
    let number = |text: &str| text.parse::<usize>().ok();
    match rest.split_at_checked(1) {
        // As in git, no number means one.
        None | Some(("~", "")) => Some(0..1),
        Some(("^", "")) => Some(1..2),
        Some(("~", count)) => Some(0..number(count)?),
        Some(("^", index)) => number(index).map(|index| index..index + 1),
        Some(_) => None,
    }
}

/// The commits of a range, the history of a branch or tag, or a single commit.
pub(super) fn history(repository: &Repository, range: &str) -> Result<Vec<ObjectId>> {
    let prefixes = ["refs/heads/", "refs/tags/", "refs/remotes/", "refs/"];
    let is_name =
        |prefix: &str| repository.find_reference(format!("{prefix}{range}").as_bytes()).is_ok_and(|id| id.is_some());
    if prefixes.iter().any(|prefix| is_name(prefix)) {
        return Ok(repository.commits(&[repository.resolve(range)?], &[], usize::MAX)?);
    }
    commits(repository, range)
}

/// A commit or the commits of a range, the newest first.
pub(super) fn commits(repository: &Repository, revision: &str) -> Result<Vec<ObjectId>> {
    Ok(match revision.split_once("..") {
        Some((from, to)) => {
            let or_head = |spec: &str| repository.resolve(if spec.is_empty() { "HEAD" } else { spec });
            repository.commits(&[or_head(to.trim_start_matches('.'))?], &[or_head(from)?], 10_000)?
        }
        None => vec![repository.resolve(revision)?],
    })
}

/// The sessions linked to a commit or to the commits of a range.
fn of_commits(repository: &Repository, sessions: Vec<Listed>, revision: &str) -> Result<Vec<Listed>> {
    let commits = commits(repository, revision)?;
    let mut ids = std::collections::HashSet::new();
    let mut named = std::collections::HashSet::new();
    for commit in &commits {
        ids.insert(commit.to_string());
        match repository.commit(*commit) {
            Ok(commit) => named.extend(crate::attribution::sessions_in(&commit.message)),
            Err(GitError::Missing { .. }) => {}
            Err(fault) => return Err(fault.into()),
        }
    }
    let is_linked = |listed: &Listed| {
        named.contains(&listed.key.id) || listed.meta.git.commits.iter().any(|commit| ids.contains(commit))
    };
    let found: Vec<Listed> = sessions.into_iter().filter(is_linked).collect();
    if found.is_empty() {
        let missing: Vec<String> = named.iter().map(ToString::to_string).collect();
        return Err(if missing.is_empty() {
            Error::user(format!("no session is linked to {revision}, and its message names none"))
                .hinted("git session log lists the stored sessions, with their commits")
        } else {
            Error::user(format!("{revision} names the session {}, which is not here", missing.join(", ")))
                .hinted("git session sync --fetch-only")
        });
    }
    Ok(found)
}

fn from_file(context: &Context, reference: &str) -> Result<Vec<Named>> {
    let path = context.path(reference.as_ref());
    if reference == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes)?;
        let session = capture::parse_bytes(Path::new("standard input"), &bytes)?.session;
        return Ok(vec![Named::File(Box::new(session))]);
    }
    let agent = capture::recognise(&path)?;
    Ok(vec![Named::File(Box::new(capture::parse(agent, &path, None)?.session))])
}

/// Reads what a ledger has of a session.
pub(super) fn read_stored(bytes: &[u8]) -> Result<Session> {
    Session::read(bytes).map_err(|fault| Error::user(format!("not a stored session: {fault}")))
}
