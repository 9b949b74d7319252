//! The `hooks` command.

mod everywhere;

use std::path::PathBuf;

use serde::Serialize;

use super::choices::{Choices, Given};
use crate::{
    attribution::{self, ScanContext, Store},
    config::{self, Config},
    context::Context,
    error::{Error, Result},
    git::Repository,
    hooks::{self, Installed, Manager, State},
    report::{Describe, Report, View},
};

/// Install, remove or check the git hooks
///
/// Hooks that are there already are kept: they run first, with the same arguments and input, and
/// `uninstall` puts them back byte for byte.
///
/// git 2.54 and newer are told of them in the repository's configuration, so that no file is touched.
/// Only where somebody else's `prepare-commit-msg` or `pre-push` is there, ours is a script that runs
/// it first: git would run it last, when ours has done its work. Programs with an older git of their
/// own need scripts: `git config opensession.hooks scripts`, then `git session hooks install`.
///
/// With husky, a few lines are added to the tracked files `.husky/<hook>`, which you commit for
/// everybody; `uninstall` removes just these. pre-commit and lefthook keep running too; when one of
/// them is installed again, `git session doctor` says whether ours has to be as well.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Install the hooks in this repository
    ///
    /// On a terminal you are asked, once, where the sessions of a push may go and whether the first words
    /// of prompts may be in commit messages. Without one they go to the remote that is pushed to, where it
    /// is one of `opensession.remotes`: where that is not set, it is set now, to the remote that the branch
    /// is pushed to, or origin. The answers are kept in the repository's configuration.
    ///
    /// `--global` installs them for all of your repositories, after asking where there is a terminal. Commits then
    /// name their sessions everywhere, but a push sends none until the repository itself says where they may go.
    /// git 2.54 and newer read the hooks from a file that your configuration includes, and run them beside those of
    /// the repository. An older git copies them into the repositories that you clone or make from then on. To leave a
    /// repository out: `git config opensession.enabled false`.
    Install {
        /// Install them for all of your repositories
        #[arg(long, conflicts_with_all = ["remotes", "destination", "trailers"])]
        global: bool,
        /// A remote that sessions may go to; may be given more than once
        #[arg(long = "remote", value_name = "NAME")]
        remotes: Vec<String>,
        /// Where the sessions of a push go: same-remote, remote:NAME or local
        #[arg(long, value_name = "WHERE")]
        destination: Option<String>,
        /// The trailers that commits get, such as session,tool
        #[arg(long, value_name = "LIST")]
        trailers: Option<String>,
    },
    /// Remove the hooks and restore the previous ones
    Uninstall {
        /// Remove those for all of your repositories
        #[arg(long)]
        global: bool,
    },
    /// Show the state of each hook
    Status {
        /// Show those for all of your repositories
        #[arg(long)]
        global: bool,
    },
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    program: PathBuf,
    fanout_mode: &'static str,
    trailers: Vec<&'static str>,
    destination: String,
    remotes: Vec<String>,
    /// Whether it was decided where the sessions of this repository go.
    #[serde(skip)]
    is_set_up: bool,
    hooks: Vec<Installed>,
    /// The tracked files that were written or removed, which wait to be committed.
    tracked_files: Vec<PathBuf>,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let rows = self.hooks.iter().map(|hook| {
            let runs = hook.chained.as_ref().filter(|_| hook.state != State::Displaced);
            let chained = runs.map(|path| format!("runs first: {}", path.display()));
            let state = words(hook.state);
            let state = if hook.global { format!("{state}, for every repository") } else { state.to_owned() };
            vec![hook.hook.to_owned(), state, chained.unwrap_or_default()]
        });
        View::default().table(&["hook", "state", "before it"], rows.collect()).pairs([
            ("sessions are kept in", self.fanout_mode.to_owned()),
            ("commits get trailers", self.trailers.join(", ")),
            ("sessions go to remotes", self.goes_to()),
        ])
    }
}

impl Answer {
    fn goes_to(&self) -> String {
        match self.destination.as_str() {
            _ if !self.is_set_up => "none, until it is decided for this repository".to_owned(),
            "same-remote" if self.remotes.is_empty() => "none".to_owned(),
            "same-remote" => self.remotes.join(", "),
            "local" => "none: they stay in this clone".to_owned(),
            elsewhere => format!("{}, whichever is pushed to", elsewhere.trim_start_matches("remote:")),
        }
    }
}

/// The state of a hook in words.
pub(super) fn words(state: State) -> &'static str {
    match state {
        State::Installed => "installed",
        State::Outdated => "installed by another version or from another place",
        State::NotExecutable => "installed, but not executable",
        State::ByHand => "called by a line that was added by hand",
        State::Absent => "not installed",
        State::Foreign => "another hook, without ours",
        State::Unsupported => "in the configuration, which git before 2.54 ignores",
        State::SwitchedOff => "switched off in the configuration",
        State::Displaced => "not run: a hook manager was installed over it",
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    match arguments.action {
        Action::Install { global: true, .. } => everywhere::install(context),
        Action::Uninstall { global: true } => everywhere::uninstall(context),
        Action::Status { global: true } => everywhere::status(context),
        _ => run_here(context, arguments),
    }
}

/// In the repository that the command was started in.
fn run_here(context: &Context, arguments: &Args) -> Result<Report> {
    let repository = context.repository()?;
    let program = context.program()?;
    // Read first: where a setting has no meaning, nothing is done yet.
    context.config()?;
    let before = hooks::status(repository, &program)?;
    let installed = match &arguments.action {
        Action::Install { remotes, destination, trailers, .. } => {
            let (destination, trailers) = (destination.as_deref(), trailers.as_deref());
            install(context, repository, Given { remotes, destination, trailers, may_ask: true })?
        }
        Action::Uninstall { .. } => hooks::uninstall(repository, &program)?,
        Action::Status { .. } => hooks::status(repository, &program)?,
    };
    let is_good = !matches!(arguments.action, Action::Status { .. }) || installed.iter().all(|hook| hook.state.works());
    let tracked_files = tracked_files(&before, &installed);
    let shared = (!tracked_files.is_empty()).then(|| {
        let names: Vec<String> = tracked_files.iter().map(|path| path.display().to_string()).collect();
        format!("these files are tracked, so commit what changed: {}", names.join(", "))
    });
    // Settings are read once; which remotes there are to be is known only now.
    let fresh = Context::new(context.environment.clone(), context.directory.clone());
    let config = settings(&fresh, &installed)?;
    let mut said: Vec<String> = shared.into_iter().chain(notes(&arguments.action, &config, is_good)).collect();
    said.extend(of_every_repository(repository, &installed)?);
    let mut report = Report::new(Answer {
        schema_version: 1,
        program,
        fanout_mode: config.ledger.name(),
        trailers: config.trailers.iter().map(|kind| kind.name()).collect(),
        destination: config.destination.to_string(),
        remotes: if config.is_set_up { config.enabled_remotes(repository) } else { Vec::new() },
        is_set_up: config.is_set_up,
        hooks: installed,
        tracked_files,
    });
    report.is_good = is_good;
    report.notes = said;
    Ok(report)
}

/// What a person may not expect where the hooks of every repository are, or where all of them are switched off.
fn of_every_repository(repository: &Repository, installed: &[Installed]) -> Result<Option<String>> {
    let switch = config::ENABLED;
    if !config::is_enabled(repository)? {
        return Ok(Some(format!("{switch} is false: the hooks do nothing here")));
    }
    let is_served = installed.iter().any(|hook| hook.global && hook.state.works());
    Ok(is_served.then(|| format!("to leave this repository out: git config {switch} false")))
}

/// The settings as the hooks that are there read them.
pub(super) fn settings(context: &Context, installed: &[Installed]) -> Result<Config> {
    if installed.iter().any(|hook| hook.global) {
        return Config::read_for_every_repository(context.repository()?);
    }
    context.config()
}

/// The hooks that changed and are files of everybody.
pub(super) fn tracked_files(before: &[Installed], after: &[Installed]) -> Vec<PathBuf> {
    let both = before.iter().zip(after);
    let changed = both.filter(|(before, after)| after.manager == Some(Manager::Husky) && before.state != after.state);
    changed.map(|(_, after)| after.path.clone()).collect()
}

fn notes(action: &Action, config: &Config, is_good: bool) -> Option<String> {
    match action {
        Action::Install { .. } if !config.is_ledger_set => Some(format!(
            "the default is used for what is not set; to change it: git session doctor --fix --fanout-mode {}",
            crate::ledger::names().join("|")
        )),
        Action::Uninstall { .. } => Some("sessions that are stored stay where they are".to_owned()),
        Action::Status { .. } if !is_good => Some("to install them: git session hooks install".to_owned()),
        _ => None,
    }
}

/// Installs the hooks and reads the logs, so that the first commit need not. Where sessions may go is settled before anything is done.
pub(super) fn install(context: &Context, repository: &Repository, given: Given<'_>) -> Result<Vec<Installed>> {
    if !hooks::has_commits_made(repository) {
        return Err(Error::user("no commit is made in a bare repository without work trees, so it needs no hooks")
            .hinted("install them in a clone: git session -C <clone> hooks install"));
    }
    let choices = Choices::settle(context, &context.config()?, given)?;
    let installed = hooks::install(repository, &context.program()?)?;
    choices.save(repository)?;
    let store = Store::open(&repository.state_dir())?;
    let redactor = || context.redactor().ok();
    let scan = ScanContext { environment: &context.environment, repository, redactor: &redactor, now: context.now() };
    attribution::refresh(&scan, &store)?;
    store.save()?;
    Ok(installed)
}
