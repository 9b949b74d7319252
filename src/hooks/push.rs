//! The hook of a push: the sessions of its commits are sent, too.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

use super::{STRICT, configured::CONFIGURED, running::other_script};
use crate::{
    attribution,
    capture::{Job, JobSession, Known, Queue, SeenLogs},
    config::{self, Config},
    context::Context,
    error::{Error, Result},
    git::{self, ObjectId, Repository},
    hail::SessionId,
    ledger::{self, BranchName, Ledger, Link, Tip},
    redact::Profile,
    report::counted,
    sync::{self, Attempts, Exchange, Outbox, Pair, Request, Selection},
};

/// How long a push may be delayed.
const BUDGET: Duration = Duration::from_secs(5);
/// How the link of a session is known that a commit's trailer names.
const TRAILER: &str = "trailer";
/// How long sessions that are being stored are waited for.
const CAPTURE_PATIENCE: Duration = Duration::from_secs(3);
/// How many commits of a push are looked at for trailers, the newest first.
const MAX_COMMITS: usize = 1000;

/// What became of the sessions of a push.
#[derive(Clone, Debug, Default)]
pub struct Pushed {
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

/// Stores what the pushed commits name and sends the ledgers of their branches to where the settings want them.
/// `arguments` are git's: the remote's name and URL; `list` is its standard input.
///
/// # Errors
/// When the repository cannot be read.
pub fn pre_push(context: &Context, arguments: &[String], list: &[u8]) -> Result<Pushed> {
    let deadline = Instant::now() + BUDGET;
    let Some(remote) = arguments.first() else { return Ok(Pushed::default()) };
    let repository = context.repository()?;
    let branches = branches(repository, list);
    let options = git::push_options();
    // A push that names ledgers, such as a mirror's, brings them itself; ours would come in its way.
    let mut names = list.split(|byte| matches!(byte, b' ' | b'\n'));
    let has_ledgers = names.any(|name| name.starts_with(b"refs/opensession/"));
    if options.is_dry_run || branches.is_empty() || has_ledgers {
        return Ok(Pushed::default());
    }
    let config = sync::follow_renamed_remotes(repository, context.config()?)?;
    let Some(target) = config.session_remote(repository, remote) else { return Ok(Pushed::default()) };
    if let Some(script) = later_script(context, repository) {
        return Ok(Pushed { problems: Vec::new(), warnings: vec![held_back(&script, &target)] });
    }
    ledger::restore_moved(repository, context.now())?;
    let mut pushed = Pushed::default();
    // Without settings that can be read, nothing goes.
    if config::redaction(repository)?.profile == Profile::Off {
        pushed.warnings.push(sync::unredacted(&target));
    }
    if let Err(fault) = store_named(context, &config, remote, &branches) {
        // What is stored can go all the same.
        pushed.problems.push(fault.to_string());
    }
    // git runs the hook once for each of the repositories that a push goes to.
    let url = arguments.get(1).map(|url| repository.separate_push_url(remote, url)).transpose()?.flatten();
    let place = sync::place(remote, url.as_deref());
    let urls = if target == *remote { vec![url] } else { repository.push_urls(&target)? };
    let is_quiet = options.is_quiet || config.quiet;
    let pushed_to = (remote.as_str(), place.as_str());
    let delivery = Delivery { context, config: &config, pushed_to, target: &target, deadline, is_quiet };
    for url in &urls {
        delivery.send(url.as_deref(), &branches, &mut pushed)?;
    }
    Ok(pushed)
}

/// A `pre-push` of this repository that git runs after the one for every repository, and that may refuse the push
/// when the sessions have gone.
fn later_script(context: &Context, repository: &Repository) -> Option<PathBuf> {
    let is_on = |variable| context.environment.is_enabled(variable);
    let is_first = is_on(config::FOR_EVERY_REPOSITORY) && is_on(CONFIGURED);
    is_first.then(|| other_script(repository, "pre-push")).flatten()
}

fn held_back(script: &Path, target: &str) -> String {
    format!(
        "no session was sent to {target}: {} runs after the hook of every repository and may refuse the push (to have \
         the hook of this repository come last: git session hooks install)",
        script.display()
    )
}

/// The sending of the sessions of one push.
struct Delivery<'a> {
    context: &'a Context,
    config: &'a Config,
    /// The remote that the branches go to, and the name of the one of its repositories.
    pushed_to: (&'a str, &'a str),
    /// The remote that the sessions go to.
    target: &'a str,
    deadline: Instant,
    is_quiet: bool,
}

impl Delivery<'_> {
    /// Has the ledgers of `branches` sent by a process of its own, and waits for it until the deadline.
    fn send(&self, url: Option<&str>, branches: &[PushedBranch], pushed: &mut Pushed) -> Result<()> {
        let repository = self.context.repository()?;
        let (pushed_to, place) = self.pushed_to;
        let mut attempts = Attempts::load(repository);
        let (mut pairs, mut tips, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        for branch in branches {
            if attempts.is_refused(place, &branch.pair.remote, branch.old) {
                refused.push(branch.pair.remote.to_string());
                tips.extend(branch.old);
                pairs.extend(branch.old.map(|_| branch.pair.clone()));
            } else {
                tips.push(branch.new);
                pairs.push(branch.pair.clone());
            }
        }
        if !refused.is_empty() {
            pushed.warnings.push(format!(
                "{pushed_to} did not have {} after the last push, so the new sessions wait until it has (then: git session sync)",
                refused.join(", ")
            ));
        }
        let selection = Selection::new(tips, vec![pushed_to.to_owned()]);
        let selection = Some(&selection).filter(|_| !self.config.push_unlinked || !refused.is_empty());
        if self.request(url, &pairs, selection, pushed)? {
            for branch in branches.iter().filter(|branch| pairs.contains(&branch.pair)) {
                attempts.note(place, &branch.pair.remote, branch.old, branch.new);
            }
        }
        attempts.save()
    }

    /// Has what is new in the ledgers of `pairs` sent. Returns whether the remote got something, or may still get
    /// it.
    fn request(
        &self,
        push_url: Option<&str>,
        pairs: &[Pair],
        selection: Option<&Selection>,
        pushed: &mut Pushed,
    ) -> Result<bool> {
        let repository = self.context.repository()?;
        let (ledger, remote, deadline, now) = (self.config.ledger, self.target, self.deadline, self.context.now());
        let (secret_check, watch) = (None, None);
        let exchange = Exchange { repository, ledger, remote, push_url, deadline, now, secret_check, selection, watch };
        let outbox = Outbox::of(repository, remote, push_url);
        let mut backends = exchange.of_each_backend();
        if backends.try_fold(false, |found, exchange| Ok::<_, Error>(found || exchange.has_unsent(pairs)?))? {
            let process = outbox.send(self.context, &Request::new(&exchange, pairs))?;
            return self.wait(&outbox, process, pushed);
        }
        if !self.is_quiet && outbox.is_busy() {
            pushed.warnings.extend(outbox.status().map(|status| status.in_background(remote)));
        }
        Ok(false)
    }

    /// Waits for what sends until the deadline, and tells how far it came. Returns whether the remote got
    /// something, or may still get it.
    fn wait(&self, outbox: &Outbox, mut process: Child, pushed: &mut Pushed) -> Result<bool> {
        let mut pause = Duration::from_millis(1);
        while process.try_wait()?.is_none() && Instant::now() < self.deadline {
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(10));
        }
        let status = outbox.status().unwrap_or_default();
        let is_done = status.is_finished && status.process == process.id();
        if is_done {
            pushed.problems.extend(status.problems.iter().cloned());
            pushed.warnings.extend(status.warnings.iter().cloned());
            pushed.warnings.extend(status.is_refused.then(|| sync::how_to_stop(self.config, self.target)));
        } else if self.context.environment.is_enabled(STRICT) {
            pushed.problems.push(status.in_background(self.target));
            return Ok(true);
        }
        if !self.is_quiet && !is_done {
            pushed.warnings.push(status.in_background(self.target));
        } else if !self.is_quiet && status.sent > 0 {
            let branches = status.branches.join(", ");
            pushed.warnings.push(format!("{} ({branches}) sent to {}", counted(status.sent, "session"), self.target));
        }
        Ok(!is_done || !status.branches.is_empty())
    }
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
    let seen_logs = SeenLogs::of(repository);
    let tips = tips(repository, config)?;
    let mut pushed: Vec<(&BranchName, Vec<(ObjectId, SessionId)>)> = Vec::new();
    for branch in branches {
        let local = &branch.pair.local;
        let of_branch: Vec<&StoredTip> = tips.iter().filter(|(_, tip)| tip.covers(local)).collect();
        let named = named(repository, remote, branch)?;
        let stored = if named.is_empty() { HashSet::new() } else { blobs_of(repository, &of_branch)? };
        // A session that many commits name is looked up, and captured, once.
        let mut asked = HashSet::new();
        for (commit, id) in named.iter().filter(|(_, id)| asked.insert(id)) {
            let session = JobSession { id: id.clone(), log: None, evidence: TRAILER.to_owned() };
            if !is_up_to_date(context, &seen_logs, &stored, &session)? {
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
    let tips = tips(repository, config)?;
    let of_branch: Vec<&StoredTip> = tips.iter().filter(|(_, tip)| tip.covers(branch)).collect();
    let mut unlinked: Vec<(SessionId, Link)> = Vec::new();
    for (commit, id) in named {
        if !is_linked(repository, &of_branch, &id, commit) {
            unlinked.push((id, Link::new(commit, TRAILER)));
        }
    }
    // Each passes over what it does not have.
    for ledger in ledger::ALL {
        ledger.link(repository, branch, &unlinked, context.now())?;
    }
    Ok(())
}

/// A ledger that is here.
type StoredTip = (&'static dyn Ledger, Tip);

/// Every ledger that is here, of whatever backend.
fn tips(repository: &Repository, config: &Config) -> Result<Vec<StoredTip>> {
    let mut tips = Vec::new();
    for ledger in ledger::all_from(config.ledger) {
        tips.extend(ledger.tips(repository)?.into_iter().map(|tip| (ledger, tip)));
    }
    Ok(tips)
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

/// Why queued sessions could not be stored: the background process has no terminal to say so.
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

fn is_linked(repository: &Repository, tips: &[&StoredTip], session: &SessionId, commit: ObjectId) -> bool {
    tips.iter().any(|(ledger, tip)| {
        let entries = ledger.linked(repository, tip, commit).unwrap_or_default();
        entries.iter().any(|entry| entry.session_id == *session)
    })
}

/// Whether a session is stored as far as its log goes: the log did not change since it was read, and the ledger
/// has what was stored then. Where there is no log here, what is stored is all there is.
fn is_up_to_date(
    context: &Context,
    seen_logs: &SeenLogs,
    stored: &HashSet<String>,
    session: &JobSession,
) -> Result<bool> {
    let Some(source) = session.source(&context.environment, context.repository()?) else { return Ok(true) };
    let known = seen_logs.sessions(&source.log).unwrap_or_default();
    let is_there =
        |known: &&Known| known.id == session.id && known.hail.as_ref().is_some_and(|hail| stored.contains(hail));
    Ok(known.iter().flatten().any(is_there))
}

/// The blobs of the sessions that ledgers have.
fn blobs_of(repository: &Repository, tips: &[&StoredTip]) -> Result<HashSet<String>> {
    let mut blobs = HashSet::new();
    for (ledger, tip) in tips {
        blobs.extend(ledger.blobs(repository, tip)?.into_iter().map(|(_, hail)| hail.to_string()));
    }
    Ok(blobs)
}

/// The sessions that the commits which the remote does not have yet name.
fn named(repository: &Repository, remote: &str, branch: &PushedBranch) -> Result<Vec<(ObjectId, SessionId)>> {
    let mut hidden: Vec<ObjectId> = branch.old.into_iter().collect();
    if hidden.is_empty() {
        let known = repository.tracking_branches(remote)?;
        hidden.extend(known.into_iter().map(|(_, id)| id));
    }
    let mut found = Vec::new();
    for commit in repository.commits(&[branch.new], &hidden, MAX_COMMITS)? {
        let sessions = attribution::sessions_in(&repository.commit(commit)?.message);
        found.extend(sessions.into_iter().map(|session| (commit, session)));
    }
    Ok(found)
}
