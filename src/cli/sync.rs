//! The `sync` command.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::remotes;
use crate::{
    capture,
    context::Context,
    error::{Error, Result},
    git::Repository,
    ledger::BranchName,
    report::{Describe, Report, View},
    sync::{self, Companions, Exchange, Guard, Leak, Withheld},
};

/// How long a remote may take to answer: nobody waits for a hook here.
const PATIENCE: Duration = Duration::from_secs(120);

/// Fetch, unite and push the ledgers
///
/// Without REMOTE: the remote of the branch's upstream, else the only one there is.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The remote to exchange sessions with
    remote: Option<String>,
    /// Fetch and unite, but push nothing
    #[arg(long)]
    fetch_only: bool,
}

#[derive(Default, Serialize)]
struct Answer {
    schema_version: u32,
    remote: String,
    fetched: Vec<String>,
    pushed: Vec<String>,
    others_fetched: Vec<String>,
    others_pushed: Vec<String>,
    /// What stays here, since the host takes no file of its size.
    withheld: Vec<Withheld>,
    /// What stays here, since it still holds secrets.
    leaks: Vec<Leak>,
    /// The branches from whose sessions on the remote was taken what was purged or redacted.
    mended: Vec<String>,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let others = [("also fetched", &self.others_fetched), ("also pushed", &self.others_pushed)];
        let others: Vec<_> = others.into_iter().filter(|(_, names)| !names.is_empty()).collect();
        if self.fetched.is_empty() && self.pushed.is_empty() && others.is_empty() {
            return View::default().paragraph(format!("up to date with {}", self.remote));
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
    Some(format!("what was purged or redacted was taken out of the sessions of {branches} on {}", answer.remote))
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository()?;
    let config = context.config()?;
    let ledger = config.ledger;
    let remote = match &arguments.remote {
        Some(remote) => known(repository, remote)?,
        None => remotes::default_remote(repository, &config)?,
    };
    if !arguments.fetch_only && !config.allows(repository, &remote) {
        return Err(remotes::refusal(&config, &remote));
    }
    // Stores what commits asked for and nobody got to yet.
    capture::work_off(context, PATIENCE)?;
    let deadline = Instant::now() + PATIENCE;
    // Without rules that load, nothing is pushed.
    let guard = if arguments.fetch_only { None } else { Some(Guard::new(context.redactor()?)) };
    let guard = guard.as_ref().filter(|guard| guard.is_needed());
    let exchange = Exchange { repository, ledger, remote: &remote, deadline, now: context.now(), guard };
    let fetched = exchange
        .fetch_all()
        .map_err(|fault| fault.during(format!("fetching from {remote}")).hinted(format!("git ls-remote {remote}")))?;
    let mut answer = Answer {
        schema_version: 1,
        remote: remote.clone(),
        fetched: fetched.branches.iter().map(ToString::to_string).collect(),
        ..Answer::default()
    };
    let (problems, warning) = send(&exchange, fetched.companions, &mut answer, !arguments.fetch_only)?;
    let mended = mended(&answer);
    let mut report = Report::new(answer);
    report.is_good = problems.is_empty();
    report.notes = problems.into_iter().chain(mended).collect();
    report.notes.extend(warning);
    report.notes.extend((!arguments.fetch_only && guard.is_none()).then(|| sync::unredacted(&remote)));
    Ok(report)
}

/// Pushes the ledgers where that is wanted, and exchanges what lies beside them. Returns what went
/// wrong, and what is worth a word though nothing did.
fn send(
    exchange: &Exchange<'_>,
    companions: Companions,
    answer: &mut Answer,
    is_push: bool,
) -> Result<(Vec<String>, Option<String>)> {
    let (mut problems, mut warning) = (Vec::new(), None);
    if is_push {
        let outcome = exchange.push_all()?;
        answer.pushed = outcome.pushed.iter().map(ToString::to_string).collect();
        (answer.withheld, answer.leaks) = (outcome.withheld, outcome.leaks);
        problems = outcome.problems;
        warning = outcome.warning;
        answer.mended = outcome.mended.iter().map(ToString::to_string).collect();
    }
    let carried = exchange.exchange_companions(companions, is_push)?;
    problems.extend(carried.problems);
    (answer.others_fetched, answer.others_pushed) = (carried.fetched, carried.pushed);
    Ok((problems, warning))
}

fn known(repository: &Repository, remote: &str) -> Result<String> {
    if repository.remotes().iter().any(|name| name == remote) {
        return Ok(remote.to_owned());
    }
    let others = match repository.remotes().as_slice() {
        [] => "there is none at all".to_owned(),
        remotes => format!("there are: {}", remotes.join(", ")),
    };
    Err(Error::user(format!("there is no remote '{remote}'; {others}")).hinted("git remote add NAME URL"))
}
