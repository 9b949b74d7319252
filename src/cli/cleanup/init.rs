//! `cleanup init`: writes what the jobs of a CI need.

use std::path::Path;

use serde::Serialize;

use super::install::{self, InstallArgs};
use crate::{
    cleanup::{self, AUTO, Config, Job, MAX_DAYS, Managed, Provider, SCHEDULE, Setup, State},
    cli::remotes,
    context::Context,
    error::{Error, Result},
    report::{Describe, Report, View, printable},
    system::prompt,
};

/// Write the configuration and the CI jobs that clean up regularly
///
/// Shows the files with their content, or what changes in them, and asks; without a terminal it needs
/// --yes. Run again, it brings them up to date. A file that was edited is reported and left alone,
/// unless --force is given; in a file of your own, only the lines between markers are written.
///
/// The jobs install git-session from where --install-source or --install-url says. That is remembered in your
/// git configuration (opensession.install-source and others) for the next repository.
#[derive(clap::Args)]
pub(in crate::cli) struct Args {
    /// Whose CI runs the jobs; without it, known by the URL of the remote or the files in the work tree
    #[arg(long, value_name = "NAME", value_parser = provider_names())]
    provider: Option<String>,
    /// The remote to clean up; without it, the upstream's remote, else the only one
    #[arg(long, value_name = "REMOTE")]
    remote: Option<String>,
    /// Keep the ledger of a branch that is gone for this many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_DAYS)))]
    hidden_ttl_days: Option<u32>,
    /// Keep the branch with the sessions of a review for this many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(0..=i64::from(MAX_DAYS)))]
    artifact_ttl_days: Option<u32>,
    /// Keep the sessions of every review on this branch
    #[arg(long, value_name = "BRANCH")]
    session_archive_branch: Option<String>,
    /// When the jobs run, as a cron schedule in UTC
    #[arg(long, value_name = "CRON")]
    schedule: Option<String>,
    #[command(flatten)]
    install: InstallArgs,
    /// Write the files without asking
    #[arg(long)]
    yes: bool,
    /// Overwrite files that were edited, too
    #[arg(long)]
    force: bool,
}

fn provider_names() -> clap::builder::PossibleValuesParser {
    [AUTO].into_iter().chain(cleanup::PROVIDERS.iter().map(|provider| provider.name())).collect::<Vec<_>>().into()
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    provider: &'static str,
    reason: String,
    is_written: bool,
    written: Vec<String>,
    left_alone: Vec<String>,
    files: Vec<Managed>,
    paste: String,
    next_steps: Vec<String>,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let view = View::default().pairs([("provider", format!("{}, since {}", self.provider, self.reason))]);
        let mut view = if self.is_written { written(view, self) } else { self.files.iter().fold(view, file) };
        if !self.paste.is_empty() {
            view = view.heading("Add these lines to your .gitlab-ci.yml").code("yaml", &self.paste);
        }
        if self.next_steps.is_empty() { view } else { view.heading("Next steps").list(self.next_steps.clone()) }
    }
}

fn written(view: View, answer: &Answer) -> View {
    let rows = answer.files.iter().map(|file| {
        let done = if answer.written.contains(&file.path) { "written" } else { words(file.state) };
        vec![file.path.clone(), done.to_owned()]
    });
    let view = view.table(&["file", ""], rows.collect());
    let left = answer.files.iter().filter(|file| answer.left_alone.contains(&file.path));
    left.fold(view, |view, file| view.heading(format!("{}, left alone", file.path)).code("diff", &file.diff))
}

fn file(view: View, file: &Managed) -> View {
    let view = view.heading(format!("{}: {}", file.path, words(file.state)));
    match file.state {
        State::Missing => view.code("", &file.content),
        State::Current => view,
        State::Outdated | State::Changed | State::Foreign => view.code("diff", &file.diff),
    }
}

/// The state of a file in words.
pub(super) fn words(state: State) -> &'static str {
    match state {
        State::Missing => "not there yet",
        State::Current => "up to date",
        State::Outdated => "out of date",
        State::Changed => "edited by hand",
        State::Foreign => "not written by cleanup init",
    }
}

pub(in crate::cli) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let root = work_tree(context)?;
    let (config, mut notes) = config(context, arguments)?;
    let (provider, reason) = provider(context, &config)?;
    let job = job(context, arguments, provider, &config)?;
    let Setup { files, paste } = cleanup::setup(root, provider, &config, &job)?;
    let mut answer = Answer {
        schema_version: 1,
        provider: provider.name(),
        reason,
        is_written: false,
        written: Vec::new(),
        left_alone: Vec::new(),
        files,
        paste,
        next_steps: provider.next_steps().iter().map(|step| (*step).to_owned()).collect(),
    };
    let is_wanted = arguments.yes || (context.is_interactive && ask(&answer, arguments.force)?);
    if is_wanted {
        write(root, &mut answer, arguments.force)?;
        if let Some(install) = &job.install {
            notes.extend(install::remember(context.repository()?, install)?);
        }
    } else if context.is_interactive {
        return Err(Error::user("nothing was written").hinted("git session cleanup init --yes"));
    } else {
        notes.push("nothing was written; git session cleanup init --yes writes these files".to_owned());
    }
    if !answer.left_alone.is_empty() {
        notes.push(format!(
            "not overwritten, edited by hand: {}; git session cleanup init --force overwrites it",
            answer.left_alone.join(", ")
        ));
    }
    let is_good = answer.is_written && answer.left_alone.is_empty();
    let mut report = Report::new(answer);
    report.is_good = is_good;
    report.notes = notes;
    Ok(report)
}

fn ask(answer: &Answer, is_forced: bool) -> Result<bool> {
    let due: Vec<&str> =
        answer.files.iter().filter(|file| file.is_due(is_forced)).map(|file| file.path.as_str()).collect();
    if due.is_empty() {
        return Ok(true);
    }
    for file in &answer.files {
        let shown = if file.state == State::Missing { &file.content } else { &file.diff };
        prompt::explain(&format!("{}: {}\n{}", file.path, words(file.state), printable(shown)))?;
    }
    Ok(prompt::confirm(&format!("Write {}?", due.join(", ")), false)?)
}

fn write(root: &Path, answer: &mut Answer, is_forced: bool) -> Result<()> {
    for file in &answer.files {
        if file.is_due(is_forced) {
            file.write(root)?;
            answer.written.push(file.path.clone());
        } else if file.state != State::Current {
            answer.left_alone.push(file.path.clone());
        }
    }
    answer.is_written = true;
    Ok(())
}

/// The root of the work tree, where the files are.
pub(super) fn work_tree(context: &Context) -> Result<&Path> {
    let root = context.repository()?.work_tree();
    root.ok_or_else(|| {
        Error::user("a bare repository has no work tree").hinted("run it in a clone, then commit and push the files")
    })
}

fn config(context: &Context, arguments: &Args) -> Result<(Config, Vec<String>)> {
    let repository = context.repository()?;
    let loaded = Config::load(repository)?;
    let mut config = loaded.config;
    let policy = &mut config.policy;
    policy.hidden_ttl_days = arguments.hidden_ttl_days.unwrap_or(policy.hidden_ttl_days);
    policy.artifact_ttl_days = arguments.artifact_ttl_days.unwrap_or(policy.artifact_ttl_days);
    if let Some(provider) = &arguments.provider {
        config.provider.clone_from(provider);
    }
    if let Some(remote) = &arguments.remote {
        if !repository.remotes().contains(remote) {
            return Err(Error::usage(format!("no remote '{remote}'")).hinted("git remote -v"));
        }
        config.remote = Some(remote.clone());
    }
    config.session_archive_branch = arguments.session_archive_branch.clone().or(config.session_archive_branch);
    Ok((config, loaded.warnings))
}

/// The provider of the configuration, and why it is that one.
pub(super) fn provider(context: &Context, config: &Config) -> Result<(&'static dyn Provider, String)> {
    if let Some(provider) = cleanup::by_name(&config.provider) {
        return Ok((provider, "it was named".to_owned()));
    }
    let repository = context.repository()?;
    let remote =
        config.chosen_remote(repository)?.or_else(|| remotes::default_remote(repository, &context.config().ok()?).ok());
    let url = remote.and_then(|remote| repository.remote_url(&remote));
    Ok(cleanup::detect(work_tree(context)?, url.as_deref()))
}

/// What the jobs are made with: what was asked for, else what the files that are there say.
fn job(context: &Context, arguments: &Args, provider: &dyn Provider, config: &Config) -> Result<Job> {
    let mut job = current_job(context, provider, config)?;
    if let Some(schedule) = &arguments.schedule {
        if cleanup::Cron::parse(schedule).is_none() {
            return Err(
                Error::usage(format!("'{schedule}' is not a cron schedule")).hinted(format!("--schedule '{SCHEDULE}'"))
            );
        }
        job.schedule.clone_from(schedule);
    }
    // Where nothing is installed, nothing is asked.
    job.install = match arguments.install.install(job.install.take()) {
        _ if !provider.installs() => None,
        Some(install) => Some(install),
        None => Some(install::ask(context)?),
    };
    job.checked()
}

/// What the jobs are made with, as the files that are there say, else the user's configuration, and as the
/// configuration of the repository now is.
pub(super) fn current_job(context: &Context, provider: &dyn Provider, config: &Config) -> Result<Job> {
    let fanout_mode = context.config()?.ledger.name().to_owned();
    let archive = config.session_archive_branch.clone();
    let wanted = Job { install: None, schedule: SCHEDULE.to_owned(), fanout_mode, archive };
    let known = cleanup::known_job(work_tree(context)?, provider, &wanted);
    let (install, schedule) = known.map_or((None, None), |known| (known.install, Some(known.schedule)));
    let install = if provider.installs() { install.or(install::remembered(context.repository()?)) } else { None };
    Ok(Job { install, schedule: schedule.unwrap_or(wanted.schedule.clone()), ..wanted })
}
