//! The `log` command.

use serde::Serialize;

use super::{reference, time};
use crate::{
    agents,
    context::Context,
    error::{Error, Result},
    git::{self, Repository},
    hail::{Stats, Timestamp},
    ledger::{BranchName, Listed, Tip},
    report::{Describe, Report, View, counted},
};

/// List the sessions of this repository, the newest first
#[derive(clap::Args)]
pub(super) struct Args {
    /// Show at most N sessions
    #[arg(short = 'n', long = "max-count", value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Show all of them
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Only sessions of this branch
    #[arg(long, value_name = "BRANCH")]
    branch: Option<String>,
    /// Only sessions of this agent
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// Only sessions active since TIME, such as 2026-01-31 or "2 weeks ago"
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only sessions started before TIME
    #[arg(long, value_name = "TIME")]
    before: Option<String>,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Answer {
    sessions: Vec<Row>,
}

/// One session in a list.
#[derive(Serialize)]
pub(super) struct Row {
    schema_version: u32,
    id: String,
    tool: String,
    tool_version: Option<String>,
    model: String,
    title: String,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    role: String,
    branch: String,
    repository: Option<String>,
    commits: Vec<String>,
    is_stub: bool,
    stats: Stats,
}

impl Row {
    pub(super) fn of(repository: &Repository, listed: &Listed) -> Self {
        let meta = &listed.meta;
        Self {
            schema_version: 1,
            id: listed.key.to_string(),
            tool: meta.tool.clone(),
            tool_version: meta.own.tool_version.clone(),
            model: meta.model.clone(),
            title: meta.title.clone(),
            created_at: meta.own.created_at,
            updated_at: meta.own.updated_at,
            role: meta.session_role.clone(),
            branch: listed.branch.to_string(),
            repository: meta.git.repo_name.clone(),
            commits: meta.git.commits.clone(),
            is_stub: listed.hail.is_none_or(|hail| !repository.has_object(hail)),
            stats: meta.stats.clone(),
        }
    }
}

impl Describe for Answer {
    fn describe(&self) -> View {
        if self.sessions.is_empty() {
            return View::default();
        }
        let rows = self.sessions.iter().map(|session| {
            let commits: Vec<&str> = session.commits.iter().filter_map(|commit| commit.get(..7)).collect();
            let shown =
                if commits.len() > 2 { format!("{} +{}", commits[0], commits.len() - 1) } else { commits.join(" ") };
            vec![
                session.id.chars().take(8).collect(),
                session.updated_at.or(session.created_at).map(time::minute).unwrap_or_default(),
                session.tool.clone(),
                session.branch.clone(),
                shown,
                if session.is_stub { format!("{} (not fetched)", session.title) } else { session.title.clone() },
            ]
        });
        View::default().table(&["id", "when", "tool", "branch", "commits", "title"], rows.collect())
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository()?;
    let branch = arguments.branch.as_deref().map(BranchName::from);
    let is_of_branch = |tip: &Tip| branch.as_ref().is_none_or(|branch| tip.covers(branch));
    let (sessions, failures) = reference::of_tips(context, is_of_branch)?;
    if let Some(tool) = &arguments.tool {
        check_tool(tool, &sessions)?;
    }
    let since = moment(context, arguments.since.as_deref())?;
    let before = moment(context, arguments.before.as_deref())?;
    let now = context.now();
    let is_wanted = |listed: &&Listed| {
        let created_at = listed.meta.own.created_at.map(|time| time.clamped(now));
        branch.as_ref().is_none_or(|branch| listed.branches().contains(branch))
            && arguments.tool.as_deref().is_none_or(|tool| listed.meta.tool == tool)
            && since.is_none_or(|since| listed.last_activity(now).is_some_and(|time| time >= since))
            && before.is_none_or(|before| created_at.is_some_and(|time| time < before))
    };
    let limit = if arguments.all { usize::MAX } else { arguments.limit };
    let wanted: Vec<&Listed> = sessions.iter().filter(is_wanted).collect();
    let rows: Vec<Row> = wanted.iter().take(limit).map(|listed| Row::of(repository, listed)).collect();
    let hidden = wanted.len() - rows.len();
    let is_empty = rows.is_empty();
    let mut report = Report::new(Answer { sessions: rows });
    let is_complete = failures.is_empty();
    report.failures = failures;
    report.is_long = true;
    if hidden > 0 {
        report.notes.push(format!("{} not shown: git session log --all", counted(hidden, "older session")));
    }
    if is_empty && sessions.is_empty() && is_complete {
        report.notes.push("no session is stored yet; git session capture stores those of this repository".to_owned());
    }
    Ok(report)
}

fn moment(context: &Context, text: Option<&str>) -> Result<Option<Timestamp>> {
    let Some(text) = text else { return Ok(None) };
    let time = git::parse_time(text, context.now()).ok_or_else(|| {
        Error::usage(format!("'{text}' is not a date or time")).hinted("git session log --since '2 weeks ago'")
    })?;
    Ok(Some(time))
}

/// Refuses a name that neither a known agent has nor a session that is here.
fn check_tool(tool: &str, sessions: &[Listed]) -> Result<()> {
    let stored = sessions.iter().map(|listed| listed.meta.tool.as_str());
    let known: std::collections::BTreeSet<&str> = agents::names().into_iter().chain(stored).collect();
    if known.contains(tool) {
        return Ok(());
    }
    let mut names: Vec<&str> = known.into_iter().collect();
    names.sort_by_key(|name| distance(name, tool));
    let hint = names.first().map_or_else(String::new, |nearest| format!("git session log --tool {nearest}"));
    Err(Error::usage(format!("there is no agent '{tool}'; known, the nearest first: {}", names.join(", ")))
        .hinted(hint))
}

/// How many letters have to be added, removed or replaced to make one name of another; none where one is a
/// part of the other.
fn distance(one: &str, other: &str) -> usize {
    if one.contains(other) || other.contains(one) {
        return 0;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], line + 1);
        for (column, wanted) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(letter != wanted);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
