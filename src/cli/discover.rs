//! The `discover` command.

use std::{collections::HashSet, path::PathBuf};

use serde::Serialize;

use super::time;
use crate::{
    agents::{self, Scope},
    capture::{self, SeenLogs, Source},
    config::{Exclusions, Subject},
    context::Context,
    error::Result,
    hail::{SessionId, Timestamp},
    ledger,
    report::{Describe, Report, View},
};

/// List the sessions of every agent on this machine
///
/// Looks at names and metadata only; which logs belong to this repository is known of those that a
/// capture has read. Nothing is read, nothing is stored.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Only this agent's
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(agents::names()))]
    agent: Option<String>,
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    agents: Vec<Found>,
}

#[derive(Serialize)]
struct Found {
    agent: &'static str,
    title: &'static str,
    sessions: usize,
    bytes: u64,
    newest: Option<Timestamp>,
    newest_path: Option<PathBuf>,
    /// Of `sessions`, those that `opensession.exclude` keeps out; `null` outside of a repository.
    excluded: Option<usize>,
    /// Of this repository; `null` outside of one.
    here: Option<Here>,
}

/// What is known of the logs from earlier captures in this repository.
#[derive(Clone, Copy, Default, Serialize)]
struct Here {
    /// Sessions that belong to it.
    sessions: usize,
    /// Those that are stored as their logs are.
    stored: usize,
    /// Logs that no capture has looked at yet, or that changed since.
    unread: usize,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let is_here = self.agents.iter().any(|found| found.here.is_some());
        let has_excluded = self.agents.iter().any(|found| found.excluded > Some(0));
        let rows = self.agents.iter().filter(|found| found.sessions > 0).map(|found| {
            let mut row = vec![
                found.title.to_owned(),
                found.sessions.to_string(),
                time::bytes(found.bytes),
                found.newest.map(time::minute).unwrap_or_default(),
            ];
            row.extend(found.here.into_iter().flat_map(|here| [here.sessions, here.stored, here.unread].map(count)));
            row.extend(found.excluded.filter(|_| has_excluded).map(count));
            row.push(found.newest_path.as_ref().map(|path| path.display().to_string()).unwrap_or_default());
            row
        });
        let mut columns = vec!["agent", ">logs", ">size", "newest"];
        columns.extend([">here", ">stored", ">unread"].into_iter().filter(|_| is_here));
        columns.extend(has_excluded.then_some(">excluded"));
        columns.push("path");
        let rows: Vec<_> = rows.collect();
        if rows.is_empty() { View::default() } else { View::default().table(&columns, rows) }
    }
}

fn count(number: usize) -> String {
    number.to_string()
}

/// What tells which logs belong to this repository, without opening one.
struct Known {
    exclude: Exclusions,
    seen_logs: SeenLogs,
    stored: HashSet<SessionId>,
}

impl Known {
    fn of(context: &Context) -> Option<Self> {
        let repository = context.repository().ok()?;
        let config = context.config().ok()?;
        let mut stored = HashSet::new();
        for ledger in ledger::ALL {
            let tips = ledger.tips(repository).ok()?;
            let blobs = tips.iter().flat_map(|tip| ledger.blobs(repository, tip).unwrap_or_default());
            stored.extend(blobs.map(|(session, _)| session));
        }
        Some(Self { exclude: config.exclude, seen_logs: SeenLogs::of(repository), stored })
    }

    /// How many logs are kept out, as far as their names, earlier captures and, where a folder is excluded,
    /// their first records tell.
    fn excluded(&self, logs: &[&Source]) -> usize {
        let is_excluded = |source: &&&Source| {
            let known = self.seen_logs.sessions(&source.log).unwrap_or_default();
            let session = (known.len() == 1).then(|| known[0].map(|known| &known.id)).flatten();
            let folder = self.exclude.has_folder().then(|| capture::working_directory(source)).flatten();
            self.exclude.covers(&Subject { folder: folder.as_deref(), ..source.subject(session) })
        };
        if self.exclude.is_empty() { 0 } else { logs.iter().filter(is_excluded).count() }
    }

    fn count(&self, logs: &[&Source]) -> Here {
        let mut here = Here::default();
        for source in logs {
            match self.seen_logs.sessions(&source.log) {
                Some(sessions) => {
                    here.sessions += sessions.iter().flatten().count();
                    here.stored +=
                        sessions.iter().flatten().filter(|session| self.stored.contains(&session.id)).count();
                }
                None => here.unread += 1,
            }
        }
        here
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository().ok();
    let sources =
        capture::discover_near(&context.environment, &Scope::default(), arguments.agent.as_deref(), repository);
    let known = Known::of(context);
    let found: Vec<Found> = agents::ALL
        .iter()
        .filter(|agent| agent.has_home() && arguments.agent.as_deref().is_none_or(|name| agent.name() == name))
        .map(|agent| {
            // The newest come first.
            let logs: Vec<_> = sources.iter().filter(|source| source.agent.name() == agent.name()).collect();
            Found {
                agent: agent.name(),
                title: agent.title(),
                sessions: logs.len(),
                bytes: logs.iter().map(|source| source.log.size).sum(),
                newest: logs.first().map(|source| source.log.modified.into()),
                newest_path: logs.first().map(|source| source.log.path.clone()),
                excluded: known.as_ref().map(|known| known.excluded(&logs)),
                here: known.as_ref().map(|known| known.count(&logs)),
            }
        })
        .collect();
    let is_empty = found.iter().all(|found| found.sessions == 0);
    let mut report = Report::new(Answer { schema_version: 1, agents: found });
    if is_empty {
        report.notes.push("no agent session found on this machine; try: git session demo".to_owned());
    }
    Ok(report)
}
