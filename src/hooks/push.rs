//! The hook of a push: what its commits name goes along.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use crate::{
    capture::{Job, JobSession, Queue},
    config::Config,
    context::Context,
    error::{Error, Result},
    git::{self, ObjectId, Repository},
    hail::SessionId,
    ledger::{BranchName, Link, Meta, Tip},
    link,
    sync::{self, Exchange, Guard, Pair},
};

/// How long a push may be delayed.
const BUDGET: Duration = Duration::from_secs(5);
/// How the link of a session is known that a commit's trailer names.
const TRAILER: &str = "trailer";
/// How long sessions that are being stored are waited for.
const CAPTURE_PATIENCE: Duration = Duration::from_secs(3);
/// How many commits of a push are looked at for trailers, the newest first.
const MAX_COMMITS: usize = 1000;

/// What a push brought along.
#[derive(Clone, Debug, Default)]
pub struct Pushed {
    /// How many ledgers the remote took.
    pub ledgers: usize,
    /// What did not work, in words.
    pub problems: Vec<String>,
    /// What to know although all worked: it fails no push.
    pub warnings: Vec<String>,
}

/// A branch on its way to a remote.
struct PushedBranch {
    pair: Pair,
    new: ObjectId,
    old: Option<ObjectId>,
}

/// Stores what the pushed commits name and pushes the ledgers of their branches. `arguments` are
/// git's: the remote's name and URL; `list` is its standard input.
///
/// # Errors
/// When the repository cannot be read.
pub fn pre_push(context: &Context, arguments: &[String], list: &[u8]) -> Result<Pushed> {
    let deadline = Instant::now() + BUDGET;
    let Some(remote) = arguments.first() else { return Ok(Pushed::default()) };
    let repository = context.repository()?;
    let branches = branches(repository, list);
    let config = context.config()?;
    // A push that names ledgers, such as a mirror's, brings them itself; ours would come in its way.
    let mut names = list.split(|byte| matches!(byte, b' ' | b'\n'));
    let has_ledgers = names.any(|name| name.starts_with(b"refs/opensession/"));
    if git::is_dry_run_push() {
        return Ok(Pushed::default());
    }
    if branches.is_empty() || has_ledgers || !config.allows(repository, remote) {
        return Ok(Pushed::default());
    }
    let mut pushed = Pushed::default();
    if let Err(fault) = store_named(context, &config, remote, &branches) {
        // What is stored can go all the same.
        pushed.problems.push(fault.to_string());
    }
    let pairs: Vec<Pair> = branches.into_iter().map(|branch| branch.pair).collect();
    // Without rules that load, nothing goes.
    let guard = Guard::new(context.redactor()?);
    let guard = Some(&guard).filter(|guard| guard.is_needed());
    let exchange = Exchange { repository, ledger: config.ledger, remote, deadline, now: context.now(), guard };
    let outcome = exchange.push(&pairs)?;
    pushed.ledgers = outcome.pushed.len();
    // Told when it happens, and not again at pushes that have nothing new.
    let withheld = outcome.warning.filter(|_| !outcome.pushed.is_empty());
    pushed.warnings = withheld.into_iter().chain(guard.is_none().then(|| sync::unredacted(remote))).collect();
    pushed.problems.extend(outcome.problems);
    Ok(pushed)
}

/// Reads git's list `<local ref> <local id> <remote ref> <remote id>`: the branches that are not
/// being deleted.
fn branches(repository: &Repository, list: &[u8]) -> Vec<PushedBranch> {
    let null = repository.null_id();
    let id = |hex: &[u8]| repository.parse_id(std::str::from_utf8(hex).ok()?).filter(|id| *id != null);
    let parse = |line: &[u8]| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let [local, new, remote, old] = fields.as_slice() else { return None };
        let remote = BranchName::from(remote.strip_prefix(b"refs/heads/")?);
        let new = id(new)?;
        let local = match local.strip_prefix(b"refs/heads/") {
            Some(name) => BranchName::from(name),
            // `git push origin HEAD:main` and friends: the sessions are in the ledger of HEAD.
            None => BranchName::current(repository, &repository.head().ok()?),
        };
        Some(PushedBranch { pair: Pair { local, remote }, new, old: id(old) })
    };
    list.split(|byte| *byte == b'\n').filter_map(parse).collect()
}

/// Makes sure that every session that a pushed commit names is in its branch's ledger, as far as it
/// has come by now, and linked to the commit: a hook that was stopped leaves one that is not. Storing
/// happens in a process of its own: a push waits for it only so long.
fn store_named(context: &Context, config: &Config, remote: &str, branches: &[PushedBranch]) -> Result<()> {
    let repository = context.repository()?;
    let queue = Queue::of(repository);
    let tips = config.ledger.tips(repository)?;
    let mut pushed: Vec<(&BranchName, Vec<(ObjectId, SessionId)>)> = Vec::new();
    for branch in branches {
        let local = &branch.pair.local;
        let of_branch: Vec<&Tip> = tips.iter().filter(|tip| tip.covers(local)).collect();
        let named = named(repository, remote, branch)?;
        // A session that many commits name is looked up, and captured, once.
        let mut asked = HashSet::new();
        for (commit, id) in named.iter().filter(|(_, id)| asked.insert(id)) {
            let session = JobSession { id: id.clone(), log: None, evidence: TRAILER.to_owned() };
            if !is_up_to_date(context, config, &of_branch, &session)? {
                queue.add(&Job::new(commit.to_string(), local, vec![session]))?;
            }
        }
        pushed.push((local, named));
    }
    let stored = wait_for_captures(context, &queue);
    for (branch, named) in pushed {
        link_named(context, config, branch, named)?;
    }
    stored
}

/// Links the sessions that pushed commits name, where the ledger does not know of it yet.
fn link_named(
    context: &Context,
    config: &Config,
    branch: &BranchName,
    named: Vec<(ObjectId, SessionId)>,
) -> Result<()> {
    let repository = context.repository()?;
    let tips = config.ledger.tips(repository)?;
    let of_branch: Vec<&Tip> = tips.iter().filter(|tip| tip.covers(branch)).collect();
    let mut unlinked: Vec<(SessionId, Link)> = Vec::new();
    for (commit, id) in named {
        if !is_linked(repository, config, &of_branch, &id, commit)? {
            unlinked.push((id, Link::new(commit, TRAILER)));
        }
    }
    Ok(config.ledger.link(repository, branch, &unlinked, context.now())?)
}

/// Has what waits in the queue stored, and waits for that a while.
fn wait_for_captures(context: &Context, queue: &Queue) -> Result<()> {
    if queue.is_empty() {
        return Ok(());
    }
    let started = Instant::now();
    let mut capture = git::spawn_detached(&context.program()?, &["hook", "capture"], &context.directory)?;
    while !queue.is_empty() {
        if capture.try_wait()?.is_some() && !queue.is_empty() {
            return Err(unstored(context));
        }
        if started.elapsed() > CAPTURE_PATIENCE {
            return Err(Error::user("some sessions are still being stored; they go with the next push"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Why what waits could not be stored: the process that tried has nobody to tell.
fn unstored(context: &Context) -> Error {
    let found = context.repository().map(|repository| repository.leftovers(context.now())).unwrap_or_default();
    match found.iter().find(|leftover| leftover.is_lock) {
        Some(lock) => {
            let path = lock.path.display();
            Error::user(format!("some sessions could not be stored: {path} is in the way"))
                .hinted(format!("if no git command is running: rm '{path}'"))
        }
        None => Error::user("some sessions could not be stored").hinted("git session doctor"),
    }
}

fn is_linked(
    repository: &Repository,
    config: &Config,
    tips: &[&Tip],
    session: &SessionId,
    commit: ObjectId,
) -> Result<bool> {
    for tip in tips {
        let entries = config.ledger.linked(repository, tip, commit)?;
        if entries.iter().any(|entry| entry.session_id == *session) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a session is stored as far as its log goes. Where there is no log here, what is stored
/// is all there is.
fn is_up_to_date(context: &Context, config: &Config, tips: &[&Tip], session: &JobSession) -> Result<bool> {
    let Some(source) = session.source(&context.environment, context.repository()?) else { return Ok(true) };
    for tip in tips {
        let meta = config.ledger.find(context.repository()?, tip, &session.id)?;
        let is_whole = |meta: Meta| {
            if source.log.part.is_none() {
                return meta.own.native_bytes == Some(source.log.size);
            }
            // A file of several sessions tells when each was continued, but not how large it is.
            let updated = meta.own.updated_at.and_then(|updated| updated.unless_after(context.now()));
            updated.is_some_and(|updated| updated >= source.log.modified.into())
        };
        if meta.is_some_and(is_whole) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The sessions that the commits which the remote does not have yet name.
fn named(repository: &Repository, remote: &str, branch: &PushedBranch) -> Result<Vec<(ObjectId, SessionId)>> {
    let mut hidden: Vec<ObjectId> = branch.old.into_iter().collect();
    if hidden.is_empty() {
        let known = repository.references(&format!("refs/remotes/{remote}/"))?;
        hidden.extend(known.into_iter().map(|(_, id)| id));
    }
    let mut found = Vec::new();
    for commit in repository.commits(&[branch.new], &hidden, MAX_COMMITS)? {
        let sessions = link::sessions_in(&repository.commit(commit)?.message);
        found.extend(sessions.into_iter().map(|session| (commit, session)));
    }
    Ok(found)
}
