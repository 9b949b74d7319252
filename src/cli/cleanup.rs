//! The `cleanup` command.

mod init;
mod install;
mod run;
mod status;

use crate::{context::Context, error::Result, report::Report};

/// Delete expired sessions of deleted branches
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(clap::Subcommand)]
enum Action {
    Init(init::Args),
    /// Show the configuration, the files of the jobs, the next run and what it would delete
    ///
    /// The exit code is 1 when a file is not as `cleanup init` would write it.
    Status,
    Run(run::Args),
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    match &arguments.action {
        Action::Init(arguments) => init::run(context, arguments),
        Action::Status => status::run(context),
        Action::Run(arguments) => run::run(context, arguments),
    }
}
