//! The `man` command.

use crate::{
    context::Context,
    error::{Error, Result},
    report::{Message, Report},
};

/// Print a man page
///
/// To read one: git session man log | man -l -
/// To install it, so that `git session --help` finds it: git session man >
/// ~/.local/share/man/man1/git-session.1
#[derive(clap::Args)]
pub(super) struct Args {
    /// The command the page is about; without it, the program
    command: Option<String>,
}

pub(super) fn run(_: &Context, arguments: &Args) -> Result<Report> {
    let mut program = super::command();
    program.build();
    let page = match &arguments.command {
        None => clap_mangen::Man::new(program),
        Some(name) => {
            let found = program.find_subcommand(name).cloned().ok_or_else(|| {
                Error::usage(format!("'{name}' is not a command of git session")).hinted("git session --help")
            })?;
            clap_mangen::Man::new(found)
        }
    };
    let mut text = Vec::new();
    page.render(&mut text)?;
    Ok(Report::new(Message::new(String::from_utf8_lossy(&text))))
}
