//! The `parse` command.

use std::{
    fs::File,
    io::{self, Seek, Write},
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{agent::Choice, time};
use crate::{
    agents::{self, Agent, Counting, Kinds, Log, Sample, Unknown},
    capture::{self, explain_parse, named},
    config,
    context::Context,
    error::{Error, Result},
    hail::{Canonical, Header, Images, Sink, Spool, Stats, Titled, Writer},
    report::{Describe, Message, Report, View},
};

/// Convert a native log to canonical HAIL on standard output
///
/// Which agent wrote the log is found out from its content. Nothing is redacted and nothing is
/// stored.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The log; `-` reads standard input
    file: PathBuf,
    #[command(flatten)]
    choice: Choice,
    /// The session to convert, of a file that holds several
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Show a summary instead of the session
    #[arg(long)]
    preview: bool,
    /// Fail where a line cannot be read or a kind of record is new to the parser
    #[arg(long)]
    strict: bool,
}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    agent: &'static str,
    header: Header,
    stats: Stats,
    warnings: Vec<String>,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let header = &self.header;
        let stats = &self.stats;
        View::default().heading(&header.context.title).pairs([
            ("session", header.session_id.to_string()),
            ("agent", format!("{} {}", self.agent, header.agent.tool_version.as_deref().unwrap_or_default())),
            ("model", header.agent.model.clone()),
            ("directory", header.cwd().unwrap_or_default().to_owned()),
            ("began", time::minute(header.context.created_at)),
            ("lasted", time::span(stats.duration_seconds)),
            ("events", stats.event_count.to_string()),
            ("messages", format!("{}, {} of them yours", stats.message_count, stats.user_message_count)),
            ("tool calls", stats.tool_call_count.to_string()),
            ("files changed", format!("{} (+{} -{})", stats.files_changed, stats.lines_added, stats.lines_removed)),
            ("tokens", format!("{} in, {} out", stats.total_input_tokens, stats.total_output_tokens)),
        ])
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let input = Input::open(context, arguments)?;
    let agent = match arguments.choice.agent(context)? {
        Some(agent) => agent,
        None => input.recognise()?,
    };
    if let Some(out) = &arguments.out {
        let odd = write_to(&context.path(out), |out| input.convert(agent, out))?;
        return Ok(arguments.judge(Report::new(Message::new(format!("wrote {}\n", out.display()))), odd));
    }
    if agent.is_streaming() && !arguments.preview && !arguments.strict {
        let lazy = Report::new(Message::new("this log is converted as it is read; use --preview for a summary\n"));
        return Ok(lazy.with_hail(Box::new(move |out| input.convert(agent, out).map(drop))).prefer_hail());
    }
    let (session, odd) = input.parse(agent)?;
    let answer = Answer {
        schema_version: 1,
        agent: agent.name(),
        header: session.header.clone(),
        stats: session.stats.clone(),
        warnings: odd.warnings.clone(),
    };
    let report = arguments.judge(Report::new(answer), odd).with_hail(Box::new(move |out| Ok(session.write(out)?)));
    Ok(if arguments.preview { report } else { report.prefer_hail() })
}

/// What was odd about a log.
struct Odd {
    warnings: Vec<String>,
    unknown: Unknown,
    agent: &'static str,
}

impl Args {
    /// Adds what was odd; where nothing may be, the command fails.
    fn judge(&self, mut report: Report, odd: Odd) -> Report {
        let Odd { warnings, unknown, agent } = odd;
        report.is_good = !self.strict || (warnings.is_empty() && unknown.kinds.is_empty());
        report.notes = warnings;
        if self.strict {
            let of_kind = |(kind, count): (&String, &u64)| format!("{kind}: {count} events of a kind that is new");
            report.notes.extend(unknown.kinds.iter().map(of_kind));
        }
        let newer = unknown.newest.map(|newest| format!("newer than {agent} {newest}, the newest that is known"));
        report.notes.extend(newer);
        report
    }
}

/// Writes a file that appears when it is whole. What is no regular file, such as a pipe or a device,
/// is written to as it is, and a link is followed: neither may be replaced.
fn write_to<T>(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<T>) -> Result<T> {
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let file = File::options().write(true).open(path).map_err(|fault| named(path, fault))?;
        return write(&mut io::BufWriter::new(file));
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    if !folder.is_dir() {
        return Err(named(path, "no such directory").hinted(format!("mkdir -p '{}'", folder.display())));
    }
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(|fault| named(path, fault))?;
    let result = write(&mut io::BufWriter::new(file.as_file_mut()))?;
    file.persist(path).map_err(|fault| named(path, fault.error))?;
    Ok(result)
}

/// A log that can be read twice: once to recognise it, once to parse it.
struct Input {
    path: PathBuf,
    file: File,
    is_stdin: bool,
    session: Option<String>,
    images: Images,
}

impl Input {
    fn open(context: &Context, Args { file, session, .. }: &Args) -> Result<Self> {
        let session = session.clone();
        let images = context.repository().map_or(Ok(Images::default()), config::images)?;
        if file.as_path() != Path::new("-") {
            let path = context.path(file);
            let file = capture::open(&path)?;
            return Ok(Self { path, file, is_stdin: false, session, images });
        }
        let mut copy = tempfile::tempfile()?;
        io::copy(&mut io::stdin().lock(), &mut copy)?;
        Ok(Self { path: PathBuf::from("standard input"), file: copy, is_stdin: true, session, images })
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn recognise(&self) -> Result<&'static dyn Agent> {
        if !self.is_stdin {
            return capture::recognise(&self.path);
        }
        let mut file = &self.file;
        file.rewind()?;
        let sample = Sample::read(io::BufReader::new(file))?;
        agents::detect(&sample).map_err(|fault| named(&self.path, fault).hinted("git session discover"))
    }

    fn log(&self) -> Result<Log<'_>> {
        let mut file = &self.file;
        file.rewind()?;
        let path = (!self.is_stdin).then_some(self.path.as_path());
        let mut log = Log::new(io::BufReader::with_capacity(1 << 17, file), path);
        log.part = self.session.as_deref();
        Ok(log)
    }

    /// Reads the session, and what was odd about its log.
    fn parse(&self, agent: &dyn Agent) -> Result<(Canonical, Odd)> {
        let mut spool = Spool::default();
        let odd = self.send(agent, &mut spool)?;
        let session = spool.finish()?.ok_or_else(|| named(&self.path, "no event in it"))?;
        Ok((session, odd))
    }

    /// Writes canonical HAIL, as it is read where the agent's log allows that.
    fn convert(&self, agent: &dyn Agent, out: &mut dyn Write) -> Result<Odd> {
        if !agent.is_streaming() {
            let (session, odd) = self.parse(agent)?;
            session.write(out)?;
            return Ok(odd);
        }
        let mut writer = Writer::new(out);
        let odd = self.send(agent, &mut writer)?;
        writer.finish()?;
        Ok(odd)
    }

    fn send(&self, agent: &dyn Agent, sink: &mut dyn Sink) -> Result<Odd> {
        let mut kinds = Kinds::default();
        let mut counting = Counting { sink, kinds: &mut kinds };
        // What is HAIL has what was kept of pictures already.
        let images = if agent.is_streaming() { Images::Keep(u64::MAX) } else { self.images };
        let warnings = agent.parse(&mut self.log()?, &mut Titled(&mut images.sink(&mut counting))).map_err(
            |fault| match fault {
                agents::ParseError::Io(fault) => Error::from(fault),
                fault => explain_parse(&self.path, &fault),
            },
        )?;
        let name = self.name();
        let warnings = warnings.iter().map(|warning| format!("{name}: line {}: {}", warning.line, warning.cause));
        Ok(Odd { warnings: warnings.collect(), unknown: kinds.unknown(), agent: agent.title() })
    }
}
