//! The `cleanup` command.

mod init;
mod status;

use serde::Serialize;

use crate::{
    cleanup::{self, Candidate, Kept, Place, Policy},
    context::Context,
    error::{Error, Result},
    report::{Describe, Report, View},
};

/// Let sessions go whose branch is gone and whose time is up
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    Init(init::Args),
    /// Say how the janitor stands: configuration, files, the next run and what it would delete
    ///
    /// The exit code is 1 when a file is not as `cleanup init` would write it.
    Status,
    Run(RunArgs),
}

/// Say what would be deleted, here and on a remote; delete it with --apply
///
/// The ledger of a branch goes when the branch is gone and the ledger has not changed for 30 days.
/// Whatever is not known for certain stays. Only the very objects that were examined are deleted.
#[derive(clap::Args)]
struct RunArgs {
    /// Delete, rather than say what would be deleted
    #[arg(long)]
    apply: bool,
    /// Keep the ledger of a branch that is gone for this many days
    #[arg(long, value_name = "DAYS", default_value_t = Policy::default().hidden_ttl_days, value_parser = clap::value_parser!(u32).range(0..=36_500))]
    hidden_ttl_days: u32,
    /// Clean up this remote; without it, the upstream's remote, else the only one
    #[arg(long, value_name = "REMOTE", conflicts_with = "local")]
    remote: Option<String>,
    /// Clean up this repository only, and ask no remote
    #[arg(long)]
    local: bool,
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    apply: bool,
    hidden_ttl_days: u32,
    places: Vec<Swept>,
}

#[derive(Serialize)]
struct Swept {
    place: String,
    hidden_candidates: Vec<Candidate>,
    deleted: Vec<String>,
    failed: Vec<Failure>,
    kept_due_to_ttl: Vec<Kept>,
    kept_alive: Vec<Kept>,
    kept_unknown: Vec<Kept>,
}

#[derive(Serialize)]
struct Failure {
    reference: String,
    error: String,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        self.places.iter().fold(View::default(), |view, swept| {
            let view = view.heading(&swept.place);
            let rows: Vec<Vec<String>> =
                swept.hidden_candidates.iter().map(|candidate| self.row(swept, candidate)).collect();
            let view = if rows.is_empty() { view } else { view.table(&["branch", ">days", "ledger", ""], rows) };
            view.paragraph(self.summary(swept))
        })
    }
}

impl Answer {
    fn summary(&self, swept: &Swept) -> String {
        let ledgers = |count: usize| if count == 1 { "1 ledger".to_owned() } else { format!("{count} ledgers") };
        let done = if self.apply {
            format!("{} deleted", ledgers(swept.deleted.len()))
        } else {
            format!("{} would be deleted", ledgers(swept.hidden_candidates.len()))
        };
        let kept = [
            (swept.kept_alive.len(), "branch exists".to_owned()),
            (swept.kept_due_to_ttl.len(), format!("not gone for {} days", self.hidden_ttl_days)),
            (swept.kept_unknown.len(), "too little is known".to_owned()),
        ];
        let kept = kept.iter().filter(|(count, _)| *count > 0).map(|(count, why)| format!("; {count} kept, {why}"));
        format!("{done}{}", kept.collect::<String>())
    }

    fn row(&self, swept: &Swept, candidate: &Candidate) -> Vec<String> {
        let failure = swept.failed.iter().find(|failure| failure.reference == candidate.reference);
        let state = match failure {
            Some(failure) => failure.error.clone(),
            None if self.apply => "deleted".to_owned(),
            None => String::new(),
        };
        vec![candidate.branch.clone(), candidate.age_days.to_string(), candidate.reference.clone(), state]
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    match &arguments.action {
        Action::Init(arguments) => init::run(context, arguments),
        Action::Status => status::run(context),
        Action::Run(arguments) => clean(context, arguments),
    }
}

fn clean(context: &Context, arguments: &RunArgs) -> Result<Report> {
    let repository = context.repository()?;
    let ledger = context.config()?.ledger;
    let policy = Policy { hidden_ttl_days: arguments.hidden_ttl_days, ..Policy::default() };
    let mut places = Vec::new();
    let mut failures = Vec::new();
    for place in self::places(context, arguments)? {
        let facts = cleanup::examine(repository, ledger, &place)?;
        let plan = cleanup::plan(context.now(), &policy, &facts);
        let name = match &place {
            Place::Here => "this repository".to_owned(),
            Place::Remote(remote) => format!("remote {remote}"),
        };
        let swept = if arguments.apply {
            cleanup::sweep(repository, &place, &plan.hidden_candidates)?
        } else {
            cleanup::Sweep::default()
        };
        for (reference, reason) in &swept.failed {
            let error = Error::user(format!("{name}: {reference}: {reason}"));
            failures.push(
                swept.hint.map_or(error, |hint| Error::user(format!("{name}: {reference}: {reason}")).hinted(hint)),
            );
        }
        let failed = swept.failed.into_iter().map(|(reference, error)| Failure { reference, error });
        places.push(Swept {
            place: name,
            hidden_candidates: plan.hidden_candidates,
            deleted: swept.deleted,
            failed: failed.collect(),
            kept_due_to_ttl: plan.kept_due_to_ttl,
            kept_alive: plan.kept_alive,
            kept_unknown: plan.kept_unknown,
        });
    }
    let has_candidates = places.iter().any(|swept| !swept.hidden_candidates.is_empty());
    let mut report = Report::new(Answer {
        schema_version: 1,
        apply: arguments.apply,
        hidden_ttl_days: arguments.hidden_ttl_days,
        places,
    });
    if has_candidates && !arguments.apply {
        report.notes.push("nothing was deleted; git session cleanup run --apply deletes".to_owned());
    }
    report.failures = failures;
    Ok(report)
}

fn places(context: &Context, arguments: &RunArgs) -> Result<Vec<Place>> {
    let repository = context.repository()?;
    let here = if repository.is_bare() { Vec::new() } else { vec![Place::Here] };
    if arguments.local || (arguments.remote.is_none() && repository.remotes().is_empty()) {
        return Ok(vec![Place::Here]);
    }
    let remote = match &arguments.remote {
        Some(remote) => remote.clone(),
        None => super::remotes::default_remote(repository, &context.config()?)?,
    };
    if arguments.apply && !context.config()?.allows(repository, &remote) {
        return Err(super::remotes::refusal(&remote));
    }
    Ok(here.into_iter().chain([Place::Remote(remote)]).collect())
}
