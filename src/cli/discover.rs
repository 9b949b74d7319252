//! The `discover` command.

use std::path::PathBuf;

use serde::Serialize;

use super::time;
use crate::{
    agents::{self, Scope},
    capture,
    context::Context,
    error::Result,
    hail::Timestamp,
    report::{Describe, Report, View},
};

/// List the sessions of every agent on this machine
///
/// Looks at names and metadata only. Nothing is read, nothing is stored.
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
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let rows = self.agents.iter().map(|found| {
            vec![
                found.title.to_owned(),
                found.sessions.to_string(),
                time::bytes(found.bytes),
                found.newest.map(time::minute).unwrap_or_default(),
                found.newest_path.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
            ]
        });
        View::default().table(&["agent", ">sessions", ">size", "newest", "path"], rows.collect())
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let sources = capture::discover(&context.environment, &Scope::default(), arguments.agent.as_deref());
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
            }
        })
        .collect();
    let is_empty = found.iter().all(|found| found.sessions == 0);
    let mut report = Report::new(Answer { schema_version: 1, agents: found });
    if is_empty {
        report.notes.push("no agent has left a session on this machine yet; try: git session demo".to_owned());
    }
    Ok(report)
}
