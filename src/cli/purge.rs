//! The `purge` command.

use std::io::{BufRead, Write};

use serde::Serialize;

use super::erasing;
use crate::{
    context::Context,
    erase::{Erased, Erasure, Fate},
    error::{Error, Result},
    report::{Describe, Report, View},
};

/// Remove a session everywhere, for good
///
/// Rewrites every ledger, note, summary and artifact that holds it, here and, with --push, on the
/// remote, and leaves a tombstone, so that a clone that has it still does not bring it back. Its log
/// is not touched, and is not captured again.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The session
    #[arg(value_name = "REF")]
    reference: String,
    /// Remove it on the remote as well
    #[arg(long)]
    push: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    session: String,
    #[serde(flatten)]
    erased: Erased,
    /// The remote that was pushed to.
    #[serde(skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    pushed: Vec<String>,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        View::default()
            .paragraph(format!("removed session {}", self.session))
            .pairs(erased(&self.erased).into_iter().chain([("pushed", self.pushed.join(", "))]))
    }
}

/// What was changed, for people.
pub(super) fn erased(erased: &Erased) -> Vec<(&'static str, String)> {
    let summaries = if erased.summaries { "rewritten" } else { "" };
    vec![
        ("ledgers", erased.ledgers.join(", ")),
        ("forgotten", erased.forgotten.join(", ")),
        ("summaries", summaries.to_owned()),
        ("artifacts", erased.artifacts.join(", ")),
    ]
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository()?;
    let config = context.config()?;
    let remote = arguments.push.then(|| erasing::remote(context, &config)).transpose()?;
    if let Some(remote) = &remote {
        erasing::fetch(context, &config, remote)?;
    }
    let session = erasing::session(context, &arguments.reference, "purge")?;
    if !arguments.yes && !confirmed(context, &arguments.reference, session.as_str(), remote.as_deref())? {
        return Err(Error::user("nothing was removed"));
    }
    let erasure = Erasure { repository, session: &session, fate: Fate::Purged, now: context.now() };
    let erased = erasure.run()?;
    let (pushed, problems) = match &remote {
        Some(remote) => erasing::push(context, &config, remote)?,
        None => (Vec::new(), Vec::new()),
    };
    let is_pushed = remote.is_some();
    let mut report = Report::new(Answer { schema_version: 1, session: session.to_string(), erased, remote, pushed });
    report.is_good = problems.is_empty();
    report.notes = problems;
    if !is_pushed && !repository.remotes().is_empty() {
        report.notes.push("the remote still has it until the next push: git session sync".to_owned());
    }
    report.notes.extend(erasing::ADVICE.map(str::to_owned));
    report.notes.push(format!(
        "its log is not captured again; to take that back: git session capture --again LOG (the log of {session})"
    ));
    Ok(report)
}

/// Asks whether to go on.
fn confirmed(context: &Context, reference: &str, session: &str, remote: Option<&str>) -> Result<bool> {
    let everywhere = remote.map(|remote| format!(" and on {remote}")).unwrap_or_default();
    if !context.is_interactive {
        let push = if remote.is_some() { " --push" } else { "" };
        return Err(Error::usage(format!("nobody can be asked whether to remove session {session} here{everywhere}"))
            .hinted(format!("git session purge {reference}{push} --yes")));
    }
    let mut stderr = anstream::stderr().lock();
    writeln!(stderr, "This removes session {session} here{everywhere}, for good.\nGo on? [y/N] ")?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
