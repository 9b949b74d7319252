//! The `completion` command.

use clap_complete::Shell;

use crate::{
    context::Context,
    error::Result,
    report::{Message, Report},
};

/// Print a completion script for a shell
///
/// For bash: git-session completion bash > ~/.local/share/bash-completion/completions/git-session
#[derive(clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

pub(super) fn run(_: &Context, arguments: &Args) -> Result<Report> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::command(), "git-session", &mut script);
    Ok(Report::new(Message::new(String::from_utf8_lossy(&script))))
}
