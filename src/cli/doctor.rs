//! The `doctor` command.

mod installed;
mod kinds;
mod notes;
mod remotes;
mod transfers;

use std::time::Duration;

use serde::Serialize;

use super::{choices::Given, leftovers, reference};
use crate::{
    attribution,
    capture::{self, CaptureLock, Queue},
    config::{self, Config},
    context::Context,
    error::{Error, Result},
    git::Repository,
    ledger::{self, Ledger, switch::Switch},
    report::{Describe, Report, View, counted},
    system::prompt,
};

/// The oldest git that is supported.
const OLDEST_GIT: (u32, u32) = (2, 30);
/// How many commits the trailer coverage is taken over.
const COVERAGE: usize = 50;
/// How long another process that stores sessions is waited for.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);

/// Check the installation and repair problems
///
/// `--fix` shows its plan, asks, and applies it. Without a terminal it needs `--yes`, and
/// `--fanout-mode` where none is stored.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Repair what can be repaired
    #[arg(long)]
    fix: bool,
    /// Do not ask
    #[arg(long, requires = "fix")]
    yes: bool,
    /// Keep sessions this way
    #[arg(long, value_name = "MODE", requires = "fix", value_parser = clap::builder::PossibleValuesParser::new(ledger::names()))]
    fanout_mode: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    checks: Vec<Check>,
    fixed: Vec<String>,
}

/// One thing that was looked at.
#[derive(Serialize)]
pub(super) struct Check {
    name: &'static str,
    status: Status,
    message: String,
    /// The command that repairs it.
    fix: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    Ok,
    Info,
    Warning,
    Error,
}

impl Check {
    pub(super) fn new(name: &'static str, status: Status, message: impl Into<String>) -> Self {
        Self { name, status, message: message.into(), fix: None }
    }

    pub(super) fn fixed_by(mut self, command: impl Into<String>) -> Self {
        self.fix = Some(command.into());
        self
    }
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let rows = self.checks.iter().map(|check| {
            let status = match check.status {
                Status::Ok => "ok",
                Status::Info => "-",
                Status::Warning => "warning",
                Status::Error => "error",
            };
            vec![status.to_owned(), check.name.to_owned(), check.message.clone()]
        });
        let view = View::default().table(&["status", "check", ""], rows.collect());
        let fixes: Vec<String> = self.checks.iter().filter_map(|check| check.fix.clone()).collect();
        let view = if fixes.is_empty() { view } else { view.heading("To repair").list(fixes) };
        if self.fixed.is_empty() { view } else { view.heading("Done").list(self.fixed.clone()) }
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository()?;
    let fixed = if arguments.fix { fix(context, repository, arguments)? } else { Vec::new() };
    // Settings are read once per context: a new one sees the repairs.
    let context = &Context::new(context.environment.clone(), context.directory.clone());
    let repository = context.repository()?;
    let checks = checks(context, repository);
    let is_good = checks.iter().all(|check| check.status != Status::Error);
    let can_be_fixed = !arguments.fix
        && checks.iter().any(|check| check.fix.as_deref().is_some_and(|fix| fix.contains("doctor --fix")));
    let mut report = Report::new(Answer { schema_version: 1, checks, fixed });
    report.is_good = is_good;
    if can_be_fixed {
        report.notes.push("git session doctor --fix repairs it".to_owned());
    }
    Ok(report)
}

fn checks(context: &Context, repository: &Repository) -> Vec<Check> {
    let mut checks = vec![check_git(repository), check_identity(repository)];
    checks.extend(installed::check(context, repository));
    match installed::settings(context, repository) {
        Ok(config) => {
            checks.push(check_mode(&config));
            checks.push(remotes::check(repository, &config));
            checks.extend(remotes::mirrors(repository));
            checks.extend(transfers::refspecs(repository));
            checks.extend(transfers::sending(repository));
            checks.push(check_ledger(context));
            checks.extend(kinds::check(context, repository));
            checks.extend(check_left_behind(context, repository, &config));
            checks.extend(notes::check(repository));
            checks.extend(check_coverage(repository));
        }
        Err(fault) => checks
            .push(Check::new("settings", Status::Error, fault.message()).fixed_by(fault.hint().unwrap_or_default())),
    }
    checks.push(check_agents(context));
    checks.push(check_redaction(context));
    checks.extend(check_queue(context, repository));
    checks.extend(leftovers::checks(repository, context.now()));
    checks
}

fn check_git(repository: &Repository) -> Check {
    match repository.git_version().and_then(|version| Ok((version, repository.git_numbers()?))) {
        Err(fault) => Check::new("git", Status::Error, fault.to_string()),
        Ok((version, numbers)) if numbers < OLDEST_GIT => {
            let (major, minor) = OLDEST_GIT;
            let message = format!("{version} is older than {major}.{minor}, the oldest that is supported");
            Check::new("git", Status::Warning, message)
        }
        Ok((version, _)) => Check::new("git", Status::Ok, version),
    }
}

fn check_identity(repository: &Repository) -> Check {
    match repository.identity() {
        Ok(identity) => Check::new("identity", Status::Ok, identity),
        Err(fault) => {
            let error = Error::from(fault);
            Check::new("identity", Status::Error, error.message()).fixed_by(error.hint().unwrap_or_default())
        }
    }
}

fn check_mode(config: &Config) -> Check {
    let name = config.ledger.name();
    if config.is_ledger_set {
        Check::new("fanout mode", Status::Ok, name)
    } else {
        let reason = if name == ledger::ALL[0].name() { "the default" } else { "as the remotes have it" };
        Check::new("fanout mode", Status::Info, format!("{name}, {reason}"))
    }
}

fn check_ledger(context: &Context) -> Check {
    match reference::all(context) {
        Ok((sessions, failures)) if failures.is_empty() => {
            Check::new("ledger", Status::Ok, counted(sessions.len(), "session"))
        }
        Ok((_, failures)) => Check::new("ledger", Status::Error, failures[0].message()),
        Err(fault) => Check::new("ledger", Status::Error, fault.message()).fixed_by(fault.hint().unwrap_or_default()),
    }
}

/// Sessions in the ledgers of another mode. They are shown and pushed as they are.
fn check_left_behind(context: &Context, repository: &Repository, config: &Config) -> Option<Check> {
    let mut left = Vec::new();
    for switch in switches(context, repository, config.ledger) {
        match switch.is_needed() {
            Ok(true) => left.push(switch.from.name()),
            Ok(false) => {}
            Err(fault) => return Some(Check::new("other modes", Status::Warning, fault.to_string())),
        }
    }
    (!left.is_empty()).then(|| {
        let message = format!("some sessions are kept in {}; they are shown and pushed, too", left.join(", "));
        Check::new("other modes", Status::Warning, message).fixed_by("git session doctor --fix")
    })
}

/// The ways from every other backend to `to`.
fn switches<'a>(context: &Context, repository: &'a Repository, to: &'static dyn Ledger) -> Vec<Switch<'a>> {
    let others = ledger::ALL.iter().copied().filter(|from| from.name() != to.name());
    others.map(|from| Switch { repository, from, to, now: context.now() }).collect()
}

fn check_coverage(repository: &Repository) -> Option<Check> {
    let head = repository.head().ok()?.commit?;
    let commits = repository.commits(&[head], &[], COVERAGE).ok()?;
    let has_trailer =
        |id| repository.commit(id).is_ok_and(|commit| !attribution::sessions_in(&commit.message).is_empty());
    let total = commits.len();
    let named = commits.into_iter().filter(|id| has_trailer(*id)).count();
    Some(Check::new(
        "trailers",
        Status::Info,
        format!("sessions are named by {named} of the last {}", counted(total, "commit")),
    ))
}

fn check_agents(context: &Context) -> Check {
    let repository = context.repository().ok();
    let sources = capture::discover_near(&context.environment, &crate::agents::Scope::default(), None, repository);
    let mut counts: Vec<String> = Vec::new();
    for agent in crate::agents::ALL {
        let count = sources.iter().filter(|source| source.agent.name() == agent.name()).count();
        if count > 0 {
            counts.push(format!("{}: {count}", agent.title()));
        }
    }
    let message = if counts.is_empty() { "no sessions on this machine yet".to_owned() } else { counts.join(", ") };
    Check::new("agents", Status::Info, message)
}

fn check_redaction(context: &Context) -> Check {
    match context.redactor() {
        Ok(_) => Check::new("redaction", Status::Ok, "the rules load"),
        Err(fault) => {
            Check::new("redaction", Status::Error, fault.message()).fixed_by(fault.hint().unwrap_or_default())
        }
    }
}

fn check_queue(context: &Context, repository: &Repository) -> Vec<Check> {
    let queue = Queue::of(repository);
    let (waiting, lost) = (queue.jobs().len(), queue.lost());
    let mut checks = Vec::new();
    if waiting > 0 {
        let message = format!("the sessions of {} wait to be stored", counted(waiting, "commit"));
        let check = Check::new("queue", Status::Warning, message);
        checks.push(if context.redactor().is_ok() { check.fixed_by("git session doctor --fix") } else { check });
    }
    if lost > 0 {
        let folder = repository.state_dir().join("queue");
        let message =
            format!("the logs of the sessions of {} were gone before they were stored", counted(lost, "commit"));
        checks
            .push(Check::new("queue", Status::Warning, message).fixed_by(format!("rm '{}'/*.lost", folder.display())));
    }
    checks
}

/// Repairs what can be repaired, after asking; returns what was done.
fn fix(context: &Context, repository: &Repository, arguments: &Args) -> Result<Vec<String>> {
    let config = context.config()?;
    let mode = wanted_mode(context, &config, arguments)?;
    let are_hooks_missing = installed::can_be_installed(context, repository)?;
    // Without redaction nothing can be stored.
    let waiting = if context.redactor().is_ok() { Queue::of(repository).jobs().len() } else { 0 };
    let sets_mode = !config.is_ledger_set || config.ledger.name() != mode.name();
    let mut moves = Vec::new();
    for switch in switches(context, repository, mode) {
        if switch.is_needed()? {
            moves.push(switch);
        }
    }
    let mut plan: Vec<String> = moves
        .iter()
        .map(|switch| format!("move the sessions from {} to {}", switch.from.name(), mode.name()))
        .collect();
    plan.extend(sets_mode.then(|| format!("set {} to {}", config::FANOUT_MODE, mode.name())));
    plan.extend(are_hooks_missing.then(|| "install the hooks".to_owned()));
    plan.extend((waiting > 0).then(|| format!("store the sessions of {}", counted(waiting, "commit"))));
    let left_over = leftovers::plan(repository, context.now());
    plan.extend(left_over.iter().map(|(_, line)| line.clone()));
    if plan.is_empty() || !confirm(context, &plan, arguments)? {
        return Ok(Vec::new());
    }
    // First, since a lock is in the way of all else.
    leftovers::remove(repository, &left_over, context.now())?;
    plan.extend(set_mode(repository, &moves, sets_mode.then_some(mode))?);
    // Settings are read once; what follows goes by the new ones.
    let context = &Context::new(context.environment.clone(), context.directory.clone());
    let repository = context.repository()?;
    if are_hooks_missing {
        super::hooks::install(context, repository, Given::default())?;
    }
    if waiting > 0 {
        capture::drain_queue(context, Duration::from_secs(60))?;
    }
    Ok(plan)
}

fn wanted_mode(context: &Context, config: &Config, arguments: &Args) -> Result<&'static dyn Ledger> {
    match &arguments.fanout_mode {
        Some(mode) => ledger::by_name(mode).map_err(|fault| Error::usage(fault.to_string())),
        None if config.is_ledger_set => Ok(config.ledger),
        None if context.is_interactive => Ok(config.ledger),
        None => Err(Error::usage("opensession.fanout-mode is not set, and there is no terminal to ask on")
            .hinted(format!("git session doctor --fix --yes --fanout-mode {}", config.ledger.name()))),
    }
}

/// Copies the sessions, changes the setting, and deletes what is safe in the new mode; broken
/// off anywhere, it can be begun again. Returns what became of the old references.
fn set_mode(repository: &Repository, moves: &[Switch<'_>], mode: Option<&dyn Ledger>) -> Result<Vec<String>> {
    // Hooks that store something wait, or leave it in the queue.
    let _lock = CaptureLock::take(repository, LOCK_PATIENCE);
    let mut told = Vec::new();
    for switch in moves {
        let passed_over = switch.copy()?.passed_over.into_iter();
        told.extend(passed_over.map(|(reference, reason)| format!("pass over {reference}: {reason}")));
    }
    if let Some(mode) = mode {
        repository.set_config(config::FANOUT_MODE, mode.name())?;
    }
    for switch in moves {
        let released = switch.release()?;
        told.extend(released.removed.into_iter().map(|reference| format!("remove {reference}")));
        told.extend(released.kept.into_iter().map(|(reference, reason)| format!("keep {reference}: {reason}")));
    }
    Ok(told)
}

fn confirm(context: &Context, plan: &[String], arguments: &Args) -> Result<bool> {
    if arguments.yes {
        return Ok(true);
    }
    if !context.is_interactive {
        let mode = arguments.fanout_mode.as_ref().map(|mode| format!(" --fanout-mode {mode}")).unwrap_or_default();
        return Err(Error::usage(format!("cannot ask for confirmation without a terminal: {}", plan.join(", ")))
            .hinted(format!("git session doctor --fix --yes{mode}")));
    }
    Ok(prompt::confirm(&format!("This will:\n  {}\nContinue?", plan.join("\n  ")), false)?)
}
