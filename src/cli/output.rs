//! Standard output is the answer, standard error everything else.

use std::{
    borrow::Cow,
    ffi::OsString,
    io::{self, IsTerminal, Write},
    process::ExitCode,
};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Effects, Style as Ansi};

use super::{Cli, When};
use crate::{
    context::Context,
    error::{Error, Kind, Result},
    report::{self, Format, Report, Style, printable},
};

/// How the person wants the answer.
pub(super) struct Options {
    format: Option<&'static dyn Format>,
    fields: Vec<String>,
    colour: When,
    pager: bool,
}

impl Options {
    pub(super) fn of(cli: &Cli) -> Self {
        let named = cli.format.as_deref().and_then(report::by_name);
        let json = cli.json.as_ref().and_then(|_| report::by_name("json"));
        Self {
            format: named.or(json),
            fields: cli.json.clone().unwrap_or_default(),
            colour: cli.color,
            pager: !cli.no_pager,
        }
    }
}

/// Prints a report; returns the exit code.
pub(super) fn print(context: &Context, mut report: Report, options: &Options) -> ExitCode {
    if !options.fields.is_empty() {
        report = match report.with_fields(options.fields.clone()) {
            Ok(report) => report,
            Err(fault) => return fail(&fault),
        };
    }
    let format = options.format.unwrap_or_else(|| report.default_format());
    if let Err(fault) = render(context, &mut report, format, options) {
        return fail(&fault);
    }
    let mut stderr = anstream::stderr().lock();
    for note in &report.notes {
        // There is no place left for a message when standard error is closed.
        let _ = writeln!(stderr, "{}", printable(note));
    }
    for failure in &report.failures {
        complain(&mut stderr, failure);
    }
    ExitCode::from(super::exit_code(&report))
}

fn render(context: &Context, report: &mut Report, format: &dyn Format, options: &Options) -> Result<()> {
    let wants_colour = match options.colour {
        When::Always => true,
        When::Never => false,
        When::Auto => context.is_terminal && context.environment.variable("NO_COLOR").is_none(),
    };
    let width = (context.is_terminal).then(terminal_width).flatten();
    let style = Style { colour: wants_colour, is_terminal: context.is_terminal, width };
    let is_paged = context.is_terminal && options.pager && report.is_long && format.name() == "text";
    if is_paged && let Ok(repository) = context.repository() {
        let mut text = Vec::new();
        report.render(format, style, &mut text)?;
        if repository.page(&text) {
            return Ok(());
        }
        return Ok(io::stdout().lock().write_all(&text)?);
    }
    let mut out = io::BufWriter::with_capacity(1 << 16, io::stdout().lock());
    report.render(format, style, &mut out)?;
    Ok(out.flush()?)
}

fn terminal_width() -> Option<u16> {
    terminal_size::terminal_size().map(|(width, _)| width.0)
}

/// Prints what a panic says.
pub(super) fn bug(message: &str) {
    let text = format!("this is a bug of git session, please report it: {message}");
    complain(&mut anstream::stderr().lock(), &Error::user(text));
}

/// Prints a failure; returns the exit code.
pub(super) fn fail(fault: &Error) -> ExitCode {
    if fault.kind != Kind::ClosedPipe {
        complain(&mut anstream::stderr().lock(), fault);
    }
    ExitCode::from(fault.kind.exit_code())
}

fn complain(stderr: &mut impl Write, fault: &Error) {
    let bold = |colour: AnsiColor| -> Ansi { colour.on_default().effects(Effects::BOLD) };
    let (error, hint) = (bold(AnsiColor::Red), bold(AnsiColor::Cyan));
    let _ = writeln!(stderr, "{error}error{error:#}: {}", printable(fault.message()));
    if let Some(text) = fault.hint() {
        let _ = writeln!(stderr, "{hint}hint{hint:#}: {}", printable(text));
    }
}

/// Prints what a hook has to say.
pub(super) fn messages(messages: &[String]) {
    let choice = if io::stderr().is_terminal() { ColorChoice::Auto } else { ColorChoice::Never };
    let mut stderr = AutoStream::new(io::stderr(), choice);
    for message in messages {
        let _ = writeln!(stderr, "{}", printable(message));
    }
}

/// Prints clap's help or complaint, which ends with the command that tells more; returns the exit code.
pub(super) fn clap(fault: &clap::Error, arguments: &[OsString]) -> ExitCode {
    let help = super::help_for(arguments);
    // It may repeat an argument that holds more than text.
    let is_text = |argument: &OsString| matches!(printable(&argument.to_string_lossy()), Cow::Borrowed(_));
    let rendered = fault.render();
    let styled = if arguments.iter().all(is_text) {
        rendered.ansi().to_string()
    } else {
        printable(&rendered.to_string()).into_owned()
    };
    // clap names an option that git keeps for itself.
    let text = match styled.rfind("For more information, try") {
        Some(end) if fault.use_stderr() => format!("{}For more information: {help}\n", &styled[..end]),
        _ => styled,
    };
    // A closed pipe is no failure of the program.
    let _ = if fault.use_stderr() {
        anstream::stderr().write_all(text.as_bytes())
    } else {
        anstream::stdout().write_all(text.as_bytes())
    };
    ExitCode::from(if fault.use_stderr() { Kind::Usage.exit_code() } else { 0 })
}
