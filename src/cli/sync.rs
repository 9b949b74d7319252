//! The `sync` command.

use std::{
    collections::{BTreeSet, HashSet},
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{
    reference::{self, Named},
    remotes,
};
use crate::{
    capture,
    config::{self, Config, Destination},
    context::Context,
    error::{Error, Result},
    git::Repository,
    hail::SessionId,
    ledger::{self, BranchName},
    report::{Describe, Report, View, counted},
    sync::{self, Exchange, Fetched, Leak, Outbox, Outcome, Pair, SecretCheck, Selection, Withheld},
};

/// How long a remote may take to answer; longer than in a hook.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the sessions may take to be sent. What was delivered by then stays delivered.
const PUSH_PATIENCE: Duration = Duration::from_secs(30 * 60);
/// How many branches are named in a line.
const MAX_NAMED: usize = 3;

/// Fetch, merge and push session ledgers
///
/// Without REMOTE: the remote of the branch's upstream, else the only one there is.
///
/// What is pushed are the sessions of commits that the remote has, in the ledgers of branches that it has. The
/// sessions of a branch that was never pushed go only with --branch, and a session without a commit only with
/// --session or where opensession.push-unlinked is true.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The remote to exchange sessions with
    remote: Option<String>,
    /// Fetch and merge, without pushing
    #[arg(long, conflicts_with_all = ["branch", "session"])]
    fetch_only: bool,
    /// Also push the sessions of this branch, which the remote does not have
    #[arg(long, value_name = "NAME")]
    branch: Vec<String>,
    /// Also push this session, which has no commit on the remote
    #[arg(long, value_name = "REF")]
    session: Vec<String>,
}

#[derive(Default, Serialize)]
struct Answer {
    schema_version: u32,
    remote: String,
    fetched: Vec<String>,
    pushed: Vec<String>,
    others_fetched: Vec<String>,
    others_pushed: Vec<String>,
    /// The branches whose sessions stay here, since the remote does not have them.
    held_branches: Vec<String>,
    /// The sessions that stay here, since they have no commit that the remote has.
    held_sessions: BTreeSet<SessionId>,
    /// What stays here, since the host takes no file of its size.
    withheld: Vec<Withheld>,
    /// What stays here, since it still holds secrets.
    leaks: Vec<Leak>,
    /// The branches from whose sessions on the remote was taken what was purged or redacted.
    mended: Vec<String>,
    /// Whether something did not work, which is said apart.
    #[serde(skip)]
    has_failed: bool,
    /// What to know although all worked, which is said apart.
    #[serde(skip)]
    warnings: Vec<String>,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let others = [("also fetched", &self.others_fetched), ("also pushed", &self.others_pushed)];
        let others: Vec<_> = others.into_iter().filter(|(_, names)| !names.is_empty()).collect();
        if self.fetched.is_empty() && self.pushed.is_empty() && others.is_empty() {
            let remote = &self.remote;
            return View::default().paragraph(if self.has_failed {
                format!("nothing new from {remote}; not everything was sent")
            } else {
                format!("up to date with {remote}")
            });
        }
        let sessions =
            [("remote", self.remote.clone()), ("fetched", list(&self.fetched)), ("pushed", list(&self.pushed))];
        View::default().pairs(sessions.into_iter().chain(others.into_iter().map(|(name, names)| (name, list(names)))))
    }
}

/// Branches, for people.
fn list(names: &[String]) -> String {
    let every = BranchName::every().to_string();
    let shown = |name: &String| if *name == every { "every branch".to_owned() } else { name.clone() };
    names.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// What was put right on the remote, where something was.
fn mended(answer: &Answer) -> Option<String> {
    let branches = Some(list(&answer.mended)).filter(|branches| !branches.is_empty())?;
    Some(format!("removed purged or redacted content from the sessions of {branches} on {}", answer.remote))
}

/// What stays here, and the command that sends it.
fn held(answer: &Answer) -> Vec<String> {
    let mut lines = Vec::new();
    let remote = &answer.remote;
    if !answer.held_branches.is_empty() {
        let named = &answer.held_branches[..answer.held_branches.len().min(MAX_NAMED)];
        let more = answer.held_branches.len() - named.len();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let options: String = named.iter().map(|name| format!(" --branch {name}")).collect();
        lines.push(format!(
            "not sent: the sessions of {}{more}, which {remote} does not have (to send them: git session sync {remote}{options})",
            named.join(", ")
        ));
    }
    if let Some(first) = answer.held_sessions.first() {
        lines.push(format!(
            "not sent: {} without a commit that {remote} has (to send one: git session sync {remote} --session {first}; \
             all: git config {} true)",
            counted(answer.held_sessions.len(), "session"),
            config::PUSH_UNLINKED
        ));
    }
    lines
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository()?;
    let config = sync::follow_renamed_remotes(repository, context.config()?)?;
    let remote = match &arguments.remote {
        Some(remote) => known(repository, remote)?,
        None => remotes::default_remote(repository, &config)?,
    };
    if !arguments.fetch_only && !config.allows(repository, &remote) {
        return Err(remotes::refusal(&config, &remote));
    }
    // Stores what is still queued by earlier commits.
    capture::drain_queue(context, PATIENCE)?;
    let deadline = Instant::now() + PATIENCE;
    // Without rules that load, nothing is pushed.
    let secret_check = if arguments.fetch_only { None } else { Some(SecretCheck::new(context.redactor()?)) };
    let secret_check = secret_check.as_ref().filter(|secret_check| secret_check.is_needed());
    let (ledger, now, selection, watch) = (config.ledger, context.now(), None, None);
    let exchange =
        Exchange { repository, ledger, remote: &remote, push_url: None, deadline, now, secret_check, selection, watch };
    let fetched = exchange
        .fetch_all()
        .map_err(|fault| fault.during(format!("fetching from {remote}")).hinted(format!("git ls-remote {remote}")))?;
    let fetched_from = fetched.branches.iter().map(ToString::to_string).collect();
    let mut answer = Answer { schema_version: 1, remote: remote.clone(), fetched: fetched_from, ..Answer::default() };
    let followed = sync::follow(repository, &config, &remote, context.now())?;
    let exchange = Exchange { ledger: followed.as_ref().map_or(config.ledger, |(ledger, _)| *ledger), ..exchange };
    answer.warnings.extend(followed.map(|(_, line)| line));
    let mut notes = fetched.problems.clone();
    if arguments.fetch_only {
        let carried = exchange.exchange_extra_refs(fetched.extra_refs, false)?;
        (answer.others_fetched, answer.others_pushed) = (carried.fetched, carried.pushed);
        notes.extend(carried.problems);
    } else {
        let delivery = Delivery { exchange, config: &config, wanted: Wanted::of(context, arguments)? };
        notes.extend(delivery.run(&fetched, &mut answer)?);
    }
    answer.warnings.extend((!arguments.fetch_only && secret_check.is_none()).then(|| sync::unredacted(&remote)));
    Ok(report(answer, notes))
}

/// The report of an exchange in which `problems` did not work.
fn report(mut answer: Answer, problems: Vec<String>) -> Report {
    answer.has_failed = !problems.is_empty();
    let (is_good, told) = (problems.is_empty(), mended(&answer).into_iter().chain(held(&answer)).collect::<Vec<_>>());
    let warnings = std::mem::take(&mut answer.warnings);
    let mut report = Report::new(answer);
    report.is_good = is_good;
    report.notes = problems.into_iter().chain(told).chain(warnings).collect();
    report
}

/// What a person named.
struct Wanted {
    branches: Vec<BranchName>,
    sessions: Vec<SessionId>,
    /// The branches of those sessions.
    of_sessions: HashSet<BranchName>,
}

impl Wanted {
    fn of(context: &Context, arguments: &Args) -> Result<Self> {
        let repository = context.repository()?;
        let branches: Vec<BranchName> = arguments.branch.iter().map(|name| BranchName::from(name.as_str())).collect();
        let mut tips = Vec::new();
        for ledger in ledger::ALL {
            tips.extend(ledger.tips(repository)?);
        }
        let has_ledger = |branch: &&BranchName| tips.iter().any(|tip| tip.remote.is_none() && tip.covers(branch));
        if let Some(unknown) = branches.iter().find(|branch| !has_ledger(branch)) {
            return Err(Error::user(format!("no session of a branch '{unknown}' is stored"))
                .hinted("git session log lists the stored sessions"));
        }
        let mut wanted = Self { branches, sessions: Vec::new(), of_sessions: HashSet::new() };
        for named in &arguments.session {
            for found in reference::resolve(context, named)? {
                let Named::Stored(listed) = found else {
                    return Err(Error::user(format!("'{named}' is a file, not a stored session"))
                        .hinted("git session log lists the stored sessions"));
                };
                wanted.of_sessions.extend(listed.branches());
                wanted.sessions.push(listed.key.id.clone());
            }
        }
        Ok(wanted)
    }
}

/// The sending of ledgers by hand.
struct Delivery<'a> {
    exchange: Exchange<'a>,
    config: &'a Config,
    wanted: Wanted,
}

impl Delivery<'_> {
    /// Sends to every repository that the remote is pushed to. Returns what did not work.
    fn run(&self, fetched: &Fetched, answer: &mut Answer) -> Result<Vec<String>> {
        let mut problems = Vec::new();
        let urls = self.exchange.repository.push_urls(self.exchange.remote)?;
        if !urls.contains(&None) {
            let carried = self.exchange.exchange_extra_refs(fetched.extra_refs.clone(), false)?;
            answer.others_fetched = carried.fetched;
            problems.extend(carried.problems);
        }
        for url in &urls {
            let deadline = Instant::now() + PUSH_PATIENCE;
            let exchange = Exchange { push_url: url.as_deref(), deadline, ..self.exchange };
            let own = url.as_ref().map(|_| exchange.fetch_all()).transpose();
            match own {
                Ok(own) => problems.extend(self.send(exchange, own.as_ref().unwrap_or(fetched), answer)?),
                Err(fault) => problems.push(format!("the sessions were not pushed to {}: {fault}", exchange.remote)),
            }
        }
        Ok(problems)
    }

    /// Sends to one of them.
    fn send(&self, exchange: Exchange<'_>, fetched: &Fetched, answer: &mut Answer) -> Result<Vec<String>> {
        let selection = self.selection(fetched)?;
        let exchange = Exchange { selection: Some(&selection).filter(|_| !self.config.push_unlinked), ..exchange };
        let mut outcome = Outcome::default();
        for exchange in exchange.of_each_backend() {
            let (pairs, held) = self.pairs(&exchange, fetched)?;
            for name in held.iter().map(ToString::to_string) {
                if !answer.held_branches.contains(&name) {
                    answer.held_branches.push(name);
                }
            }
            outcome.add(exchange.push_and_clear(pairs)?);
        }
        answer.pushed.extend(outcome.pushed.iter().map(ToString::to_string));
        answer.held_sessions.extend(outcome.held);
        answer.withheld.extend(outcome.withheld);
        answer.leaks.extend(outcome.leaks);
        answer.mended.extend(outcome.repaired.iter().map(ToString::to_string));
        answer.warnings.extend(outcome.warning);
        let mut problems = outcome.problems;
        if problems.is_empty() {
            Outbox::of(exchange.repository, exchange.remote, exchange.push_url).clear();
        }
        if outcome.is_refused {
            problems.push(sync::how_to_stop(self.config, exchange.remote));
        }
        let carried = exchange.exchange_extra_refs(fetched.extra_refs.clone(), true)?;
        problems.extend(carried.problems);
        answer.others_fetched.extend(carried.fetched);
        answer.others_pushed.extend(carried.pushed);
        Ok(problems)
    }

    /// The remotes whose branches count as what is published.
    fn published_on(&self) -> Vec<String> {
        match self.config.destination {
            Destination::Remote(_) => self.config.enabled_remotes(self.exchange.repository),
            Destination::SameRemote | Destination::Local => vec![self.exchange.remote.to_owned()],
        }
    }

    fn selection(&self, fetched: &Fetched) -> Result<Selection> {
        let mut tips: Vec<_> = fetched.heads.iter().map(|(_, id)| *id).collect();
        for branch in &self.wanted.branches {
            let name = [b"refs/heads/", branch.as_bytes()].concat();
            tips.extend(self.exchange.repository.find_reference(&name)?);
        }
        let mut selection = Selection::new(tips, self.published_on());
        selection.named.clone_from(&self.wanted.sessions);
        Ok(selection)
    }

    /// The ledgers that go, and the branches of those that would but are not on the remote.
    fn pairs(&self, exchange: &Exchange<'_>, fetched: &Fetched) -> Result<(Vec<Pair>, Vec<BranchName>)> {
        let mut published: HashSet<BranchName> = fetched.heads.iter().map(|(name, _)| name.clone()).collect();
        published.insert(BranchName::every());
        if matches!(self.config.destination, Destination::Remote(_)) {
            for remote in self.published_on() {
                let branches = exchange.repository.tracking_branches(&remote)?;
                published.extend(branches.into_iter().map(|(name, _)| BranchName::from(name.as_slice())));
            }
        }
        let Wanted { branches, of_sessions, .. } = &self.wanted;
        let (pairs, others): (Vec<Pair>, Vec<Pair>) = exchange.all_pairs()?.into_iter().partition(|pair| {
            published.contains(&pair.remote) || branches.contains(&pair.local) || of_sessions.contains(&pair.local)
        });
        let mut held = Vec::new();
        for pair in others {
            if exchange.is_ahead(&pair)? {
                held.push(pair.local);
            }
        }
        Ok((pairs, held))
    }
}

fn known(repository: &Repository, remote: &str) -> Result<String> {
    if repository.remotes().iter().any(|name| name == remote) {
        return Ok(remote.to_owned());
    }
    let others = match repository.remotes().as_slice() {
        [] => "this repository has none".to_owned(),
        remotes => format!("there are: {}", remotes.join(", ")),
    };
    Err(Error::user(format!("no remote '{remote}'; {others}")).hinted("git remote add NAME URL"))
}
