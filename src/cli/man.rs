//! The `man` command.

use super::user_files;
use crate::{
    context::Context,
    error::{Error, Result},
    report::{Message, Report},
};

/// Print a man page, or install all of them where `man` looks
///
/// To read one: git session man log | man -l -
/// For `git session --help`, which git answers with the man page: git session man --install
#[derive(clap::Args)]
pub(super) struct Args {
    /// The command the page is about; without it, the program
    command: Option<String>,
    /// Write the pages of the program and of each command where `man` finds them by itself
    #[arg(long, conflicts_with = "command")]
    install: bool,
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let mut program = super::command();
    program.build();
    if arguments.install {
        return install(context, &program);
    }
    let page = match &arguments.command {
        None => page(&program)?,
        Some(name) => page(program.find_subcommand(name).ok_or_else(|| {
            Error::usage(format!("'{name}' is not a command of git session")).hinted("git session help")
        })?)?,
    };
    Ok(Report::new(Message::new(String::from_utf8_lossy(&page))))
}

fn page(command: &clap::Command) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    Ok(text)
}

fn install(context: &Context, program: &clap::Command) -> Result<Report> {
    let folder = user_files::share(context)?.join("man/man1");
    let mut pages = 0;
    let mut waiting = vec![("git-session".to_owned(), program)];
    while let Some((name, command)) = waiting.pop() {
        user_files::write(&folder.join(format!("{name}.1")), &page(command)?)?;
        pages += 1;
        let below = command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set());
        waiting.extend(below.map(|below| (format!("{name}-{}", below.get_name()), below)));
    }
    let mut report = Report::new(Message::new(format!("wrote {pages} man pages to {}\n", folder.display())));
    let beside = folder.ancestors().nth(3).map(|prefix| prefix.join("bin"));
    if beside.is_some_and(|bin| !user_files::folders(context).contains(&bin)) {
        let share = folder.parent().unwrap_or(&folder).display();
        report.notes.push(format!("man finds them with: export MANPATH='{share}:'"));
    }
    Ok(report)
}
