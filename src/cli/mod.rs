//! The command line: one file a command.
//!
//! A command is a doc comment (its help), `Args`, and `run`, which returns a Report and prints
//! nothing.

mod agent;
mod blame;
mod capture;
mod choices;
mod cleanup;
mod completion;
mod demo;
mod discover;
mod doctor;
mod hooks;
mod hydrate;
mod leftovers;
mod link;
mod log;
mod man;
mod output;
mod parse;
mod progress;
mod purge;
mod quickstart;
mod redact;
mod reference;
mod remotes;
mod removal;
mod review;
mod scan;
mod show;
mod sync;
mod time;
mod user_files;
mod why;

use std::{ffi::OsString, path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::{
    context::Context,
    error::{Kind, Result},
    report::Report,
};

/// Keep AI coding sessions in git, beside the commits they made
#[derive(Parser)]
#[command(name = "git-session", bin_name = "git session", version, propagate_version = false)]
#[command(arg_required_else_help = true)]
#[command(after_help = "Try it on sample data: git session demo\nGet started: git session quickstart")]
pub(crate) struct Cli {
    /// Run as if started in this directory
    #[arg(short = 'C', value_name = "PATH", global = true, display_order = 901)]
    directory: Option<PathBuf>,
    /// Print JSON, optionally only these fields
    #[arg(long, value_name = "FIELDS", num_args = 0..=1, require_equals = true, value_delimiter = ',', global = true, display_order = 902)]
    json: Option<Vec<String>>,
    /// Set the output format
    #[arg(long, value_name = "FORMAT", global = true, display_order = 903, value_parser = clap::builder::PossibleValuesParser::new(crate::report::names()))]
    format: Option<String>,
    /// Set when to use colours
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        global = true,
        display_order = 904,
        hide_possible_values = false
    )]
    color: When,
    /// Do not use a pager
    #[arg(long, global = true, display_order = 905)]
    no_pager: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

#[derive(Subcommand)]
enum Command {
    Doctor(doctor::Args),
    Hooks(hooks::Args),
    Demo(demo::Args),
    Quickstart(quickstart::Args),
    Discover(discover::Args),
    Capture(capture::Args),
    Parse(parse::Args),
    Log(log::Args),
    Show(show::Args),
    Review(review::Args),
    Scan(scan::Args),
    Redact(redact::Args),
    Purge(purge::Args),
    Sync(sync::Args),
    Hydrate(hydrate::Args),
    Why(why::Args),
    Blame(blame::Args),
    #[command(visible_alias = "relink")]
    Link(link::Args),
    Cleanup(cleanup::Args),
    Completion(completion::Args),
    Man(man::Args),
}

impl Command {
    /// Whether what the command does depends on the sessions that are stored.
    fn reads_ledgers(&self) -> bool {
        match self {
            Self::Hooks(_)
            | Self::Demo(_)
            | Self::Quickstart(_)
            | Self::Discover(_)
            | Self::Parse(_)
            | Self::Completion(_)
            | Self::Man(_) => false,
            Self::Doctor(_)
            | Self::Capture(_)
            | Self::Log(_)
            | Self::Show(_)
            | Self::Review(_)
            | Self::Scan(_)
            | Self::Redact(_)
            | Self::Purge(_)
            | Self::Sync(_)
            | Self::Hydrate(_)
            | Self::Why(_)
            | Self::Blame(_)
            | Self::Link(_)
            | Self::Cleanup(_) => true,
        }
    }
}

/// Runs the program; returns its exit code. A panic is our bug: it is said so, and a hook that
/// panics blocks no git command.
pub fn main(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.collect();
    let is_hook = arguments.get(1).is_some_and(|first| first == "hook");
    std::panic::set_hook(Box::new(|panic| output::bug(&panic.to_string())));
    std::panic::catch_unwind(|| run(&arguments)).unwrap_or_else(|_| {
        let code = if is_hook { 0 } else { Kind::Bug.exit_code() };
        ExitCode::from(code)
    })
}

fn run(arguments: &[OsString]) -> ExitCode {
    // A hook runs at every commit, so it does not pay for the command line of people.
    if let [_, first, name, rest @ ..] = arguments
        && first == "hook"
    {
        let text = |argument: &OsString| argument.to_string_lossy().into_owned();
        let outcome = crate::hooks::run(&text(name), &rest.iter().map(text).collect::<Vec<_>>());
        output::messages(&outcome.messages);
        return ExitCode::from(outcome.exit_code);
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(fault) => return output::clap(&fault, arguments),
    };
    let options = output::Options::of(&cli);
    match answer(cli) {
        Ok((context, report)) => output::print(&context, report, &options),
        Err(fault) => output::fail(&fault),
    }
}

fn answer(cli: Cli) -> Result<(Context, Report)> {
    let context = Context::from_process(cli.directory.as_deref())?;
    if cli.command.reads_ledgers()
        && let Ok(repository) = context.repository()
    {
        // Where that cannot be written, what is there is read as it is.
        let _ = crate::ledger::restore_moved(repository, context.now());
    }
    let report = match cli.command {
        Command::Doctor(arguments) => doctor::run(&context, &arguments),
        Command::Hooks(arguments) => hooks::run(&context, &arguments),
        Command::Demo(arguments) => demo::run(&context, &arguments),
        Command::Quickstart(arguments) => quickstart::run(&context, &arguments),
        Command::Discover(arguments) => discover::run(&context, &arguments),
        Command::Capture(arguments) => capture::run(&context, &arguments),
        Command::Parse(arguments) => parse::run(&context, &arguments),
        Command::Log(arguments) => log::run(&context, &arguments),
        Command::Show(arguments) => show::run(&context, &arguments),
        Command::Review(arguments) => review::run(&context, &arguments),
        Command::Scan(arguments) => scan::run(&context, &arguments),
        Command::Redact(arguments) => redact::run(&context, &arguments),
        Command::Purge(arguments) => purge::run(&context, &arguments),
        Command::Sync(arguments) => sync::run(&context, &arguments),
        Command::Hydrate(arguments) => hydrate::run(&context, &arguments),
        Command::Why(arguments) => why::run(&context, &arguments),
        Command::Blame(arguments) => blame::run(&context, &arguments),
        Command::Link(arguments) => link::run(&context, &arguments),
        Command::Cleanup(arguments) => cleanup::run(&context, &arguments),
        Command::Completion(arguments) => completion::run(&context, &arguments),
        Command::Man(arguments) => man::run(&context, &arguments),
    }?;
    Ok((context, report))
}

/// The command that explains what was asked for. `git session --help` is not it: git turns that into
/// `man git-session`, and there may be no such page.
fn help_for(arguments: &[OsString]) -> String {
    let program = command();
    let mut help = "git session help".to_owned();
    let mut command = &program;
    for argument in arguments.iter().skip(1).filter_map(|argument| argument.to_str()) {
        let Some(found) = command.find_subcommand(argument) else { continue };
        help.push_str(&format!(" {argument}"));
        command = found;
    }
    help
}

/// The command line as clap knows it, for completions and man pages.
fn command() -> clap::Command {
    Cli::command()
}

/// The exit code of a report that was printed.
fn exit_code(report: &Report) -> u8 {
    if !report.failures.is_empty() {
        Kind::Partial.exit_code()
    } else if report.is_good {
        0
    } else {
        Kind::User.exit_code()
    }
}
