//! `cleanup status`: how the janitor stands.

use serde::Serialize;

use super::init;
use crate::{
    cleanup::{self, CONFIG_PATH, Config, Cron, Managed, Place, State},
    cli::{remotes, time},
    context::Context,
    error::Result,
    hail::Timestamp,
    report::{Describe, Report, View, counted},
};

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    provider: &'static str,
    reason: String,
    is_configured: bool,
    hidden_ttl_days: u32,
    artifact_ttl_days: u32,
    session_archive_branch: Option<String>,
    files: Vec<Managed>,
    paste: String,
    schedule: Option<String>,
    next_run: Option<Timestamp>,
    preview: Vec<Preview>,
}

/// What the next run would do in one place.
#[derive(Serialize)]
struct Preview {
    place: String,
    would_delete: Vec<String>,
    error: Option<String>,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let source = if self.is_configured { CONFIG_PATH } else { "the defaults" };
        let next = match (self.next_run, &self.schedule) {
            (Some(next), _) => time::minute(next),
            (None, Some(schedule)) => format!("never, with the schedule '{schedule}'"),
            (None, None) => "the schedule is not in these files".to_owned(),
        };
        let view = View::default().pairs([
            ("provider", format!("{}, since {}", self.provider, self.reason)),
            ("configuration", source.to_owned()),
            ("ledgers of gone branches", counted(self.hidden_ttl_days, "day")),
            ("branches of reviews", counted(self.artifact_ttl_days, "day")),
            ("archive", self.session_archive_branch.clone().unwrap_or_default()),
            ("next run", next),
        ]);
        let rows = self.files.iter().map(|file| vec![file.path.clone(), init::words(file.state).to_owned()]);
        let mut view = view.table(&["file", ""], rows.collect());
        for file in self.files.iter().filter(|file| !matches!(file.state, State::Current | State::Missing)) {
            view = view.heading(format!("{}: what cleanup init would change", file.path)).code("diff", &file.diff);
        }
        if !self.paste.is_empty() {
            view = view.heading("Missing from .gitlab-ci.yml").code("yaml", &self.paste);
        }
        self.preview.iter().fold(view, |view, preview| {
            let view = view.heading(format!("The next run, in {}", preview.place));
            match &preview.error {
                Some(error) => view.paragraph(format!("not known: {error}")),
                None if preview.would_delete.is_empty() => view.paragraph("deletes nothing"),
                None => view.list(preview.would_delete.iter().map(|name| format!("deletes {name}")).collect()),
            }
        })
    }
}

pub(in crate::cli) fn run(context: &Context) -> Result<Report> {
    let root = init::work_tree(context)?;
    let loaded = Config::load(context.repository()?)?;
    let config = loaded.config;
    let (provider, reason) = init::provider(context, &config)?;
    let job = init::current_job(context, provider, &config)?.checked()?;
    let setup = cleanup::setup(root, provider, &config, &job)?;
    // On GitLab the schedule is kept beside the repository, and cron's is wherever it was installed.
    let schedule = (provider.name() == "github").then(|| job.schedule.clone());
    let next_run = schedule.as_deref().and_then(Cron::parse).and_then(|cron| cron.next(context.now()));
    let is_current = setup.files.iter().all(|file| file.state == State::Current) && setup.paste.is_empty();
    let is_installable = job.install.is_some() || !provider.installs();
    let mut report = Report::new(Answer {
        schema_version: 1,
        provider: provider.name(),
        reason,
        is_configured: loaded.is_there,
        hidden_ttl_days: config.policy.hidden_ttl_days,
        artifact_ttl_days: config.policy.artifact_ttl_days,
        session_archive_branch: config.session_archive_branch.clone(),
        files: setup.files,
        paste: setup.paste,
        schedule,
        next_run,
        preview: preview(context, &config)?,
    });
    report.is_good = is_current && is_installable;
    report.notes = loaded.warnings;
    if !is_current {
        report.notes.push("git session cleanup init brings the files up to date".to_owned());
    }
    if !is_installable {
        report
            .notes
            .push("the jobs do not know where to install git-session from: git session cleanup init --install-source GIT-URL --install-revision TAG".to_owned());
    }
    Ok(report)
}

/// What a run would delete now, here and on the remote. A remote that does not answer is said to.
fn preview(context: &Context, config: &Config) -> Result<Vec<Preview>> {
    let repository = context.repository()?;
    let settings = context.config()?;
    let chosen = config.chosen_remote(repository);
    let unknown = chosen.as_ref().err().map(|fault| Preview {
        place: "remote".to_owned(),
        would_delete: Vec::new(),
        error: Some(fault.message().to_owned()),
    });
    let default = || remotes::default_remote(repository, &settings).ok();
    let remote = chosen.map_or(None, |remote| remote.or_else(default));
    let places = [("this repository".to_owned(), Place::Here)].into_iter();
    let places = places.chain(remote.map(|remote| (format!("remote {remote}"), Place::Remote(remote))));
    let now = context.now();
    let previews = places.map(|(name, place)| match cleanup::examine(repository, &place, &config.policy, now) {
        Ok(facts) => {
            let plan = cleanup::plan(now, &config.policy, &facts);
            let whole = plan.hidden_candidates.into_iter().chain(plan.artifact_candidates).map(|one| one.reference);
            let sessions = plan.session_candidates.iter().map(|one| format!("{} of {}", one.session, one.reference));
            Preview { place: name, would_delete: whole.chain(sessions).collect(), error: None }
        }
        Err(fault) => Preview { place: name, would_delete: Vec::new(), error: Some(fault.to_string()) },
    });
    Ok(previews.chain(unknown).collect())
}
