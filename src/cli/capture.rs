//! The `capture` command.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::Serialize;

use super::{agent::Choice, progress, reference};
use crate::{
    agents::{Agent, CopyKeeper, LogFile, Scope},
    capture::{self, Order, Source, named},
    context::Context,
    error::{Error, Result},
    git,
    ledger::{BranchName, Outcome},
    report::{Describe, Report, View},
};

/// Logs that rested longer than this are taken only with `--all` or `--since`: 30 days.
const WINDOW: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How long another process that stores what commits asked for may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Parse, redact and store sessions in the ledgers of their branches
///
/// Without FILE: the sessions that worked in this repository in the last 30 days. What is stored
/// already is not stored again.
///
/// A session goes to the ledger of the branch that has its commits, else of the branch that its log
/// names; to that of the current branch only where nothing is known of either. One that is stored
/// already is updated where it is.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Logs to capture, whatever repository they come from
    files: Vec<PathBuf>,
    /// Every session of this repository, however old
    #[arg(long, conflicts_with_all = ["files", "since"])]
    all: bool,
    #[command(flatten)]
    choice: Choice,
    /// Only sessions active since TIME, such as 2026-01-31 or "2 weeks ago"
    #[arg(long, value_name = "TIME", conflicts_with = "files")]
    since: Option<String>,
    /// Store the sessions of these logs even if they were purged or have expired
    #[arg(long, requires = "files")]
    again: bool,
    /// Show what would be stored, without storing it
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    branch: String,
    dry_run: bool,
    sessions: Vec<Captured>,
    /// Sessions that are stored and whose logs did not change since, so that they were not read.
    stored_already: usize,
    /// Logs that hold what `opensession.exclude` keeps out.
    excluded: usize,
    failed: Vec<Failed>,
}

#[derive(Serialize)]
struct Captured {
    id: String,
    tool: String,
    title: String,
    path: String,
    /// The branches whose ledgers have it.
    branches: Vec<String>,
    /// `None` in a dry run.
    outcome: Option<Outcome>,
    events: u64,
    /// Replaced secrets; home directories are not counted.
    secrets: u64,
}

impl From<capture::Captured> for Captured {
    fn from(captured: capture::Captured) -> Self {
        Self {
            id: captured.id.to_string(),
            tool: captured.tool,
            title: captured.title,
            path: captured.log,
            branches: captured.branches.iter().map(ToString::to_string).collect(),
            outcome: captured.outcome,
            events: captured.stats.event_count,
            secrets: captured.secrets,
        }
    }
}

#[derive(Serialize)]
struct Failed {
    path: PathBuf,
    error: String,
}

impl Failed {
    fn of((path, fault): &(PathBuf, Error)) -> Self {
        Self { path: path.clone(), error: fault.message().to_owned() }
    }
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let rows = self.sessions.iter().map(|session| {
            let outcome = match session.outcome {
                Some(Outcome::Added) => "added",
                Some(Outcome::Updated) => "updated",
                Some(Outcome::Unchanged) => "unchanged",
                Some(Outcome::Removed) => "not stored",
                None => "would be stored",
            };
            vec![
                session.id.chars().take(8).collect(),
                session.tool.clone(),
                outcome.to_owned(),
                session.branches.join(", "),
                session.events.to_string(),
                if session.secrets > 0 { session.secrets.to_string() } else { String::new() },
                session.title.clone(),
            ]
        });
        let rows: Vec<_> = rows.collect();
        let view = View::default();
        let view = if rows.is_empty() {
            view
        } else {
            view.table(&["id", "tool", "state", "branch", ">events", ">secrets", "title"], rows)
        };
        let count = |outcome| self.sessions.iter().filter(|session| session.outcome == outcome).count();
        let counts = [
            (count(None), "to be stored"),
            (count(Some(Outcome::Added)), "added"),
            (count(Some(Outcome::Updated)), "updated"),
            (count(Some(Outcome::Removed)), "not stored, since it was removed"),
            (count(Some(Outcome::Unchanged)) + self.stored_already, "stored already"),
            (self.excluded, "excluded"),
        ];
        let counts: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        if counts.is_empty() { view } else { view.paragraph(counts.join(", ")) }
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let _copies = CopyKeeper::new();
    let repository = context.repository()?;
    // What a commit asked for is not lost, only late.
    let late = if arguments.dry_run { None } else { capture::drain_queue(context, PATIENCE).err() };
    let branch = BranchName::current(repository, &repository.head()?);
    let is_explicit = !arguments.files.is_empty();
    let mut unknown = Vec::new();
    let sources = sources(context, arguments, &mut |path, fault| unknown.push((path.to_owned(), fault)))?;
    let order = Order { branch: &branch, is_explicit, is_dry_run: arguments.dry_run, is_again: arguments.again };
    let mut gathered = capture::gather(context, &sources, order, &mut progress::Bar::new(context))?;
    gathered.failed.splice(0..0, unknown);
    let is_empty = gathered.sessions.is_empty() && gathered.stored_already == 0 && gathered.excluded == 0;
    let is_nothing = gathered.sessions.is_empty() && gathered.stored_already == 0;
    if is_nothing && gathered.failed.len() == 1 && is_explicit && late.is_none() {
        return Err(gathered.failed.remove(0).1);
    }
    let removed = removed(context, &gathered.sessions)?;
    let mut report = Report::new(Answer {
        schema_version: 1,
        branch: branch.to_string(),
        dry_run: arguments.dry_run,
        sessions: gathered.sessions.into_iter().map(Captured::from).collect(),
        stored_already: gathered.stored_already,
        excluded: gathered.excluded,
        failed: gathered.failed.iter().map(Failed::of).collect(),
    });
    report.notes = removed;
    report.notes.extend(gathered.warnings);
    if is_empty && gathered.failed.is_empty() {
        report.notes.push(nothing(arguments).to_owned());
    }
    report.failures = late.into_iter().chain(gathered.failed.into_iter().map(|(_, fault)| fault)).collect();
    report.is_good = report.failures.is_empty();
    Ok(report)
}

/// Why sessions were not stored, and what to do for them to be.
fn removed(context: &Context, sessions: &[capture::Captured]) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for session in sessions.iter().filter(|session| session.outcome == Some(Outcome::Removed)) {
        let tombstone = reference::tombstone(context.repository()?, context.config()?.ledger, session.id.as_str())?;
        let Some(tombstone) = tombstone else { continue };
        let what = reference::fate(&tombstone);
        let fix = match tombstone.purged_at {
            None if tombstone.redacted_at.is_some() => {
                format!("to redact it in this clone, too: git session redact {}", tombstone.session_id)
            }
            _ => format!("to store it again: git session capture --again '{}'", session.log),
        };
        lines.push(format!("{} was not stored, since it {what} ({fix})", session.id));
    }
    Ok(lines)
}

fn nothing(arguments: &Args) -> &'static str {
    if arguments.all {
        "no session of this repository found; git session discover lists those of other directories"
    } else {
        "no session of the last 30 days in this repository; git session capture --all looks further back"
    }
}

fn sources(context: &Context, arguments: &Args, fail: &mut impl FnMut(&Path, Error)) -> Result<Vec<Source>> {
    if !arguments.files.is_empty() {
        let agent = arguments.choice.agent(context)?;
        let mut sources = Vec::new();
        for file in &arguments.files {
            match source(context, agent, file) {
                Ok(source) => sources.push(source),
                Err(fault) => fail(file, fault),
            }
        }
        return Ok(sources);
    }
    if arguments.choice.has_map() {
        return Err(Error::usage("a map reads the logs that are named, and finds none")
            .hinted("git session capture --map FILE.toml LOG..."));
    }
    let now = context.now();
    let since = match &arguments.since {
        Some(since) => Some(git::parse_time(since, now).ok_or_else(|| {
            Error::usage(format!("'{since}' is not a date or time")).hinted("git session capture --since '2 weeks ago'")
        })?),
        None if arguments.all => None,
        None => Some(now),
    };
    let since = since.map(|time| SystemTime::from(time.to_chrono()));
    let since = if arguments.since.is_none() { since.and_then(|now| now.checked_sub(WINDOW)) } else { since };
    // The folder of a log is only a hint: which sessions are of this repository their content tells.
    let scope = Scope { since, ..Scope::default() };
    let repository = context.repository()?;
    Ok(capture::discover_near(&context.environment, &scope, arguments.choice.agent.as_deref(), Some(repository)))
}

fn source(context: &Context, agent: Option<&'static dyn Agent>, file: &Path) -> Result<Source> {
    let path = context.path(file);
    let agent = match agent {
        Some(agent) => agent,
        None => capture::recognise(&path)?,
    };
    let log = LogFile::at(path).ok_or_else(|| named(file, "no such file").hinted("git session discover"))?;
    Ok(Source { agent, log: agent.whole(log) })
}
