//! `cleanup run`: what would be deleted, and with `--apply` deletes it.

use serde::Serialize;

use crate::{
    cleanup::{self, Candidate, Config, Facts, Kept, MAX_DAYS, Moved, Place, Plan, Policy, SessionCandidate},
    cli::remotes,
    context::Context,
    error::Result,
    report::{Describe, Report, View, counted},
};

/// Show what would be deleted, here and on a remote; delete it with --apply
///
/// The ledger of a branch that is gone is deleted when nothing in it changed for 30 days and no branch or
/// tag needs a session of it; what the default branch needs moves to its ledger first. Branches with the
/// sessions of a review are deleted after 30 days, too. What could not be checked stays. Only the very
/// objects that were examined are deleted. Options that are not given are taken from
/// `.opensession/cleanup/config.toml`. The exit code is 1 when something could not be deleted.
#[derive(clap::Args)]
pub(super) struct Args {
    /// Delete, rather than say what would be deleted
    #[arg(long)]
    apply: bool,
    /// Keep the ledger of a branch that is gone for this many days
    #[arg(long, value_name = "DAYS", value_parser = days())]
    hidden_ttl_days: Option<u32>,
    /// Keep the branch with the sessions of a review for this many days
    #[arg(long, value_name = "DAYS", value_parser = days())]
    artifact_ttl_days: Option<u32>,
    /// Remove sessions that did not change for this many days, needed or not; without it, none
    #[arg(long, value_name = "DAYS", value_parser = days())]
    session_ttl_days: Option<u32>,
    /// Remove the oldest sessions of a ledger until it has no more than this, such as 500M
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_ledger_size: Option<u64>,
    /// Do not move what the default branch needs to its ledger: keep the ledger of the other branch
    #[arg(long)]
    no_promote: bool,
    /// Clean up this remote; without it, the configured one, the upstream's, else the only one
    #[arg(long, value_name = "REMOTE", conflicts_with = "local")]
    remote: Option<String>,
    /// Clean up this repository only, and ask no remote
    #[arg(long)]
    local: bool,
}

fn days() -> clap::builder::RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(0..=i64::from(MAX_DAYS))
}

fn size(text: &str) -> std::result::Result<u64, String> {
    let size = cleanup::parse_size(text).filter(|size| *size > 0);
    size.ok_or_else(|| "a number of bytes such as 500M, at least 1".to_owned())
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    apply: bool,
    hidden_ttl_days: u32,
    artifact_ttl_days: u32,
    session_ttl_days: Option<u32>,
    max_ledger_size: Option<u64>,
    promote: bool,
    freed_by_gc: Option<u64>,
    places: Vec<Swept>,
}

#[derive(Serialize)]
struct Swept {
    place: String,
    hidden_candidates: Vec<Candidate>,
    artifact_candidates: Vec<Candidate>,
    session_candidates: Vec<SessionCandidate>,
    promoted: Vec<Moved>,
    deleted: Vec<String>,
    removed: Vec<Moved>,
    failed: Vec<Failure>,
    kept_due_to_ttl: Vec<Kept>,
    kept_alive: Vec<Kept>,
    kept_needed: Vec<Kept>,
    kept_pinned: Vec<Kept>,
    unknown: Vec<Kept>,
}

#[derive(Serialize)]
struct Failure {
    reference: String,
    error: String,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let view = self.places.iter().fold(View::default(), |view, swept| {
            let mut view = view.heading(&swept.place);
            for (kind, candidates) in [("ledger", &swept.hidden_candidates), ("review", &swept.artifact_candidates)] {
                let rows: Vec<Vec<String>> = candidates.iter().map(|candidate| self.row(swept, candidate)).collect();
                view = if rows.is_empty() { view } else { view.table(&["branch", ">days", kind, ""], rows) };
            }
            let rows: Vec<Vec<String>> =
                swept.session_candidates.iter().map(|candidate| self.session_row(swept, candidate)).collect();
            let view = if rows.is_empty() { view } else { view.table(&["session", ">days", "of branch", ""], rows) };
            let view = view.paragraph(self.summary(swept));
            let view = listed(view, "Kept until their time is up:", &swept.kept_due_to_ttl, |kept| kept.reason.clone());
            let full = |kept: &Kept| format!("{}: {}", kept.reference, kept.reason);
            let view = listed(view, "Kept for another branch or a tag:", &swept.kept_needed, full);
            listed(view, "Kept because it could not be checked:", &swept.unknown, full)
        });
        match self.freed_by_gc {
            Some(bytes) => {
                view.paragraph(format!("git gc will free {} here once they are two weeks old", counted(bytes, "byte")))
            }
            None => view,
        }
    }
}

/// The most that is listed of what stays; `--json` has all of it.
const MOST_LISTED: usize = 20;

/// Adds a list of what stays, unless it is empty.
fn listed(view: View, heading: &str, all: &[Kept], line: impl Fn(&Kept) -> String) -> View {
    if all.is_empty() {
        return view;
    }
    let mut lines: Vec<String> = all.iter().take(MOST_LISTED).map(line).collect();
    if all.len() > MOST_LISTED {
        lines.push(format!("and {} more; --json lists them all", all.len() - MOST_LISTED));
    }
    view.paragraph(heading).list(lines)
}

impl Answer {
    fn new(apply: bool, policy: &Policy, (freed_by_gc, places): (Option<u64>, Vec<Swept>)) -> Self {
        Self {
            schema_version: 1,
            apply,
            hidden_ttl_days: policy.hidden_ttl_days,
            artifact_ttl_days: policy.artifact_ttl_days,
            session_ttl_days: policy.session_ttl_days,
            max_ledger_size: policy.max_ledger_size,
            promote: policy.promote,
            freed_by_gc,
            places,
        }
    }

    fn summary(&self, swept: &Swept) -> String {
        let (count, verb) = if self.apply {
            (swept.deleted.len(), "deleted")
        } else {
            (swept.hidden_candidates.len() + swept.artifact_candidates.len(), "would be deleted")
        };
        let things = if swept.artifact_candidates.is_empty() { "ledger" } else { "reference" };
        let done = format!("{} {verb}", counted(count, things));
        let sessions = if self.apply { swept.removed.len() } else { swept.session_candidates.len() };
        let promoted = if self.apply {
            swept.promoted.len()
        } else {
            swept.hidden_candidates.iter().map(|candidate| candidate.promotes.len()).sum()
        };
        let would = if self.apply { "" } else { "would be " };
        let more = [
            (sessions, format!("{} {would}removed", counted(sessions, "session"))),
            (promoted, format!("{} {would}moved to the default branch's ledger", counted(promoted, "session"))),
            (swept.kept_alive.len(), format!("{} kept, branch exists", swept.kept_alive.len())),
            (swept.kept_due_to_ttl.len(), format!("{} kept until their time is up", swept.kept_due_to_ttl.len())),
            (swept.kept_needed.len(), format!("{} kept for another branch or a tag", swept.kept_needed.len())),
            (swept.kept_pinned.len(), format!("{} kept, pinned", swept.kept_pinned.len())),
            (swept.unknown.len(), format!("{} kept, could not be checked", swept.unknown.len())),
        ];
        let more = more.into_iter().filter(|(count, _)| *count > 0).map(|(_, what)| format!("; {what}"));
        format!("{done}{}", more.collect::<String>())
    }

    fn row(&self, swept: &Swept, candidate: &Candidate) -> Vec<String> {
        let state = self.state(swept, &candidate.reference, "deleted");
        vec![candidate.branch.clone(), candidate.age_days.to_string(), candidate.reference.clone(), state]
    }

    fn session_row(&self, swept: &Swept, candidate: &SessionCandidate) -> Vec<String> {
        let state = self.state(swept, &candidate.reference, "removed");
        vec![candidate.session.to_string(), candidate.age_days.to_string(), candidate.branch.to_string(), state]
    }

    fn state(&self, swept: &Swept, reference: &str, done: &str) -> String {
        match swept.failed.iter().find(|failure| failure.reference == reference) {
            Some(failure) => failure.error.clone(),
            None if self.apply => done.to_owned(),
            None => String::new(),
        }
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository()?;
    let loaded = Config::load(repository)?;
    let policy = policy(&loaded.config, arguments);
    let now = context.now();
    // Everything is looked at before anything is deleted: a remote that does not answer stops it all.
    let planned = |place: Place| {
        let facts = cleanup::examine(repository, &place, &policy, now)?;
        let plan = cleanup::plan(now, &policy, &facts);
        Ok((place, facts, plan))
    };
    let places = places(context, arguments, &loaded.config)?;
    let plans: Vec<(Place, Facts, Plan)> = places.into_iter().map(planned).collect::<Result<_>>()?;
    let mut notes = loaded.warnings;
    let is_anything = plans.iter().any(|(_, _, plan)| !plan.is_empty());
    let mut swept = Vec::new();
    for (place, facts, plan) in plans {
        let done = if arguments.apply {
            cleanup::sweep(repository, &place, (&facts, &plan), now)?
        } else {
            cleanup::Sweep::default()
        };
        swept.push((place, plan, done));
    }
    let freed_by_gc = cleanup::freed_by_gc(repository, &swept.iter().map(|(_, _, done)| done).collect::<Vec<_>>());
    let places: Vec<Swept> =
        swept.into_iter().map(|(place, plan, done)| told(&place, plan, done, &mut notes)).collect();
    if is_anything && !arguments.apply {
        notes.push("nothing was deleted; git session cleanup run --apply deletes".to_owned());
    }
    let is_good = places.iter().all(|swept| swept.failed.is_empty());
    let mut report = Report::new(Answer::new(arguments.apply, &policy, (freed_by_gc, places)));
    (report.is_good, report.notes) = (is_good, notes);
    Ok(report)
}

/// Puts together what became of one place; what failed is told aside too.
fn told(place: &Place, plan: Plan, swept: cleanup::Sweep, notes: &mut Vec<String>) -> Swept {
    let name = match place {
        Place::Here => "this repository".to_owned(),
        Place::Remote(remote) => format!("remote {remote}"),
    };
    notes.extend(swept.failed.iter().map(|(reference, reason)| format!("{name}: {reference}: {reason}")));
    notes.extend(swept.hint.map(str::to_owned));
    let failed = swept.failed.into_iter().map(|(reference, error)| Failure { reference, error });
    Swept {
        place: name,
        hidden_candidates: plan.hidden_candidates,
        artifact_candidates: plan.artifact_candidates,
        session_candidates: plan.session_candidates,
        promoted: swept.promoted,
        deleted: swept.deleted,
        removed: swept.removed,
        failed: failed.collect(),
        kept_due_to_ttl: plan.kept_due_to_ttl,
        kept_alive: plan.kept_alive,
        kept_needed: plan.kept_needed,
        kept_pinned: plan.kept_pinned,
        unknown: plan.unknown,
    }
}

/// The configured policy, with what the command line says in its place.
fn policy(config: &Config, arguments: &Args) -> Policy {
    let mut policy = config.policy.clone();
    policy.hidden_ttl_days = arguments.hidden_ttl_days.unwrap_or(policy.hidden_ttl_days);
    policy.artifact_ttl_days = arguments.artifact_ttl_days.unwrap_or(policy.artifact_ttl_days);
    policy.session_ttl_days = arguments.session_ttl_days.or(policy.session_ttl_days);
    policy.max_ledger_size = arguments.max_ledger_size.or(policy.max_ledger_size);
    policy.promote &= !arguments.no_promote;
    // What is archived is to stay, whatever the branch is called.
    policy.pinned.extend(config.session_archive_branch.clone());
    policy
}

fn places(context: &Context, arguments: &Args, config: &Config) -> Result<Vec<Place>> {
    let repository = context.repository()?;
    let here = if repository.is_bare() { Vec::new() } else { vec![Place::Here] };
    if arguments.local || (arguments.remote.is_none() && repository.remotes().is_empty()) {
        return Ok(vec![Place::Here]);
    }
    let chosen = match &arguments.remote {
        Some(remote) => Some(remote.clone()),
        None => config.chosen_remote(repository)?,
    };
    let remote = match chosen {
        Some(remote) => remote,
        None => remotes::default_remote(repository, &context.config()?)?,
    };
    if arguments.apply && !context.config()?.allows(repository, &remote) {
        return Err(remotes::refusal(&context.config()?, &remote));
    }
    Ok(here.into_iter().chain([Place::Remote(remote)]).collect())
}
