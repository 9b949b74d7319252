//! The `capture` command.

use std::{
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::Serialize;

use crate::{
    agents::{self, LogFile, Scope},
    capture::{self, CaptureLock, Source, named},
    context::Context,
    error::{Error, Result},
    git,
    ledger::{BranchName, Capture, Outcome},
    report::{Describe, Report, View},
};

/// Logs that rested longer than this are taken only with `--all` or `--since`: 30 days.
const WINDOW: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Parse, redact and store sessions in the current branch's ledger
///
/// Without FILE: the sessions that worked in this repository in the last 30 days. What is stored
/// already is not stored again.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Logs to capture, whatever repository they come from
    files: Vec<PathBuf>,
    /// Every session of this repository, however old
    #[arg(long, conflicts_with_all = ["files", "since"])]
    all: bool,
    /// Only this agent's
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(agents::names()))]
    agent: Option<String>,
    /// Only sessions that went on since then, such as 2026-01-31 or "2 weeks ago"
    #[arg(long, value_name = "TIME", conflicts_with = "files")]
    since: Option<String>,
    /// Say what would be stored, and store nothing
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    branch: String,
    dry_run: bool,
    sessions: Vec<Captured>,
    failed: Vec<Failed>,
}

#[derive(Serialize)]
struct Captured {
    id: String,
    tool: String,
    title: String,
    path: PathBuf,
    /// `None` in a dry run.
    outcome: Option<Outcome>,
    events: u64,
    /// Replaced secrets; home directories are not counted.
    secrets: u64,
}

#[derive(Serialize)]
struct Failed {
    path: PathBuf,
    error: String,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let rows = self.sessions.iter().map(|session| {
            let outcome = match session.outcome {
                Some(Outcome::Added) => "added",
                Some(Outcome::Updated) => "updated",
                Some(Outcome::Unchanged) => "unchanged",
                None => "would be stored",
            };
            vec![
                session.id.chars().take(8).collect(),
                session.tool.clone(),
                outcome.to_owned(),
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
            view.table(&["id", "tool", "state", ">events", ">secrets", "title"], rows)
        };
        let changed = self.sessions.iter().filter(|session| session.outcome != Some(Outcome::Unchanged)).count();
        let verb = if self.dry_run { "would go" } else { "went" };
        view.paragraph(format!(
            "{changed} of {} sessions {verb} into the ledger of {}",
            self.sessions.len(),
            self.branch
        ))
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository()?;
    let redactor = context.redactor()?;
    let branch = BranchName::current(repository, &repository.head()?);
    let is_explicit = !arguments.files.is_empty();
    let mut failures = Vec::new();
    let mut failed = Vec::new();
    let mut notes = Vec::new();
    let mut fail = |path: &Path, fault: Error| {
        failed.push(Failed { path: path.to_owned(), error: fault.message().to_owned() });
        failures.push(fault);
    };
    let mut captures: Vec<(PathBuf, Capture)> = Vec::new();
    for source in sources(context, arguments, &mut fail)? {
        match capture::read(repository, redactor, &source, !is_explicit) {
            Ok(Some((capture, warnings))) => {
                let name = source.log.path.display().to_string();
                notes
                    .extend(warnings.iter().map(|warning| format!("{name}: line {}: {}", warning.line, warning.cause)));
                captures.push((source.log.path, capture));
            }
            Ok(None) => {}
            Err(fault) => fail(&source.log.path, fault),
        }
    }
    let outcomes = store(context, arguments, &branch, &captures)?;
    let sessions: Vec<Captured> = captures
        .iter()
        .enumerate()
        .map(|(index, (path, capture))| describe(path, capture, outcomes.get(index).copied()))
        .collect();
    if sessions.is_empty() && failures.len() == 1 && is_explicit {
        return Err(failures.remove(0));
    }
    if sessions.is_empty() && !is_explicit {
        let window = if arguments.all { "" } else { " in that time; --all looks further back" };
        notes.push(format!("no session worked in this repository{window}"));
    }
    let mut report = Report::new(Answer {
        schema_version: 1,
        branch: branch.to_string(),
        dry_run: arguments.dry_run,
        sessions,
        failed,
    });
    report.is_good = failures.is_empty();
    report.failures = failures;
    report.notes = notes;
    Ok(report)
}

fn store(
    context: &Context,
    arguments: &Args,
    branch: &BranchName,
    captures: &[(PathBuf, Capture)],
) -> Result<Vec<Outcome>> {
    if arguments.dry_run || captures.is_empty() {
        return Ok(Vec::new());
    }
    let repository = context.repository()?;
    let _lock = CaptureLock::take(repository, Duration::from_secs(30));
    let captures: Vec<Capture> = captures.iter().map(|(_, capture)| capture.clone()).collect();
    Ok(context.config()?.ledger.store(repository, branch, &captures, context.now())?)
}

fn describe(path: &Path, capture: &Capture, outcome: Option<Outcome>) -> Captured {
    let session = capture.session.value();
    Captured {
        id: session.header.session_id.to_string(),
        tool: session.header.agent.tool.clone(),
        title: session.header.context.title.clone(),
        path: path.to_owned(),
        outcome,
        events: session.stats.event_count,
        secrets: secrets(&capture.session.summary().rules),
    }
}

fn secrets(rules: &std::collections::BTreeMap<String, u64>) -> u64 {
    rules.iter().filter(|(rule, _)| *rule != "home-directory").map(|(_, count)| count).sum()
}

fn sources(context: &Context, arguments: &Args, fail: &mut impl FnMut(&Path, Error)) -> Result<Vec<Source>> {
    if !arguments.files.is_empty() {
        let mut sources = Vec::new();
        for file in &arguments.files {
            match source(context, arguments.agent.as_deref(), file) {
                Ok(source) => sources.push(source),
                Err(fault) => fail(file, fault),
            }
        }
        return Ok(sources);
    }
    let now = context.now();
    let since = match &arguments.since {
        Some(since) => Some(git::parse_time(since, now).ok_or_else(|| {
            Error::usage(format!("'{since}' is not a time")).hinted("git session capture --since '2 weeks ago'")
        })?),
        None if arguments.all => None,
        None => Some(now),
    };
    let since = since.map(|time| SystemTime::from(time.to_chrono()));
    let since = if arguments.since.is_none() { since.and_then(|now| now.checked_sub(WINDOW)) } else { since };
    let roots: Vec<PathBuf> = context.repository()?.work_trees();
    let mut sources: Vec<Source> = Vec::new();
    for root in &roots {
        let scope = Scope { folder: Some(root), since };
        let found = capture::discover(&context.environment, &scope, arguments.agent.as_deref());
        sources.extend(
            found
                .into_iter()
                .filter(|new| !sources.iter().any(|known| known.log.path == new.log.path))
                .collect::<Vec<_>>(),
        );
    }
    Ok(sources)
}

fn source(context: &Context, agent: Option<&str>, file: &Path) -> Result<Source> {
    let path = context.path(file);
    let agent = match agent {
        Some(name) => agents::by_name(name)?,
        None => capture::recognise(&path)?,
    };
    let log = LogFile::at(path).ok_or_else(|| named(file, "no such file").hinted("git session discover"))?;
    Ok(Source { agent, log })
}
