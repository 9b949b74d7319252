//! The `blame` command.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use crate::{
    context::Context,
    error::{Error, Result},
    lines::{self, Origin, Writer},
    report::{Describe, Report, View, single_line},
};

/// Show which session wrote each line of a file
///
/// Like git blame, with the agent and the session in front of each line. A line that no session wrote is a person's;
/// where the commit has a session that is not known to have written the line, it is unknown (?).
#[derive(clap::Args)]
pub(super) struct Args {
    /// The file
    file: String,
    /// Only these lines, as git blame -L takes them: 10,20 or :function
    #[arg(short = 'L', value_name = "RANGE")]
    ranges: Vec<String>,
    /// Count the lines by agent, model and person
    #[arg(long)]
    summary: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    Lines(Vec<Origin>),
    Summary(Summary),
}

/// How many lines are whose.
#[derive(Serialize)]
struct Summary {
    schema_version: u32,
    lines: usize,
    agent: usize,
    person: usize,
    unknown: usize,
    /// By agent and model.
    by_model: BTreeMap<String, usize>,
}

impl Summary {
    fn of(lines: &[Origin]) -> Self {
        let count = |kind: Writer| lines.iter().filter(|line| line.kind == kind).count();
        let mut by_model = BTreeMap::new();
        for line in lines.iter().filter(|line| line.kind == Writer::Agent) {
            let (tool, model) = (line.tool.as_deref().unwrap_or("?"), line.model.as_deref().unwrap_or("?"));
            *by_model.entry(format!("{tool} ({model})")).or_default() += 1;
        }
        Self {
            schema_version: 1,
            lines: lines.len(),
            agent: count(Writer::Agent),
            person: count(Writer::Person),
            unknown: count(Writer::Unknown),
            by_model,
        }
    }
}

impl Describe for Answer {
    fn describe(&self) -> View {
        match self {
            Self::Lines(lines) => {
                let row = |line: &Origin| {
                    let commit = line.commit.as_deref().map_or("0000000", |commit| &commit[..7]);
                    let (who, session) = match line.kind {
                        Writer::Agent => {
                            let id = line.session.as_ref().map_or("", |session| session.as_str());
                            (line.tool.clone().unwrap_or_default(), id.chars().take(8).collect())
                        }
                        Writer::Person => (line.author.clone().unwrap_or_default(), String::new()),
                        Writer::Unknown => ("?".to_owned(), String::new()),
                    };
                    let text = line.text.trim_end().replace('\t', "    ");
                    vec![commit.to_owned(), single_line(&who), session, line.line.to_string(), text]
                };
                let rows = lines.iter().map(row).collect();
                View::default().table(&["commit", "by", "session", ">line", ""], rows)
            }
            Self::Summary(summary) => {
                let percent = |count: usize| format!("{} %", count * 100 / summary.lines.max(1));
                let mut rows: Vec<Vec<String>> = Vec::new();
                let mut add =
                    |name: &str, count: usize| rows.push(vec![name.to_owned(), count.to_string(), percent(count)]);
                summary.by_model.iter().for_each(|(model, count)| add(model, *count));
                add("person", summary.person);
                add("unknown", summary.unknown);
                View::default().table(&["by", "lines", ""], rows)
            }
        }
    }
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let path = in_repository(context, &arguments.file)?;
    let lines = lines::blame(context, &path, &arguments.ranges)?;
    let answer = if arguments.summary { Answer::Summary(Summary::of(&lines)) } else { Answer::Lines(lines) };
    let mut report = Report::new(answer);
    report.is_long = true;
    Ok(report)
}

/// The path of a file below the root of the work tree.
pub(super) fn in_repository(context: &Context, file: &str) -> Result<String> {
    let repository = context.repository()?;
    let root = repository.work_tree().ok_or_else(|| Error::user("a bare repository has no files to look at"))?;
    let path = context.path(Path::new(file));
    let real = path.canonicalize().map_err(|fault| {
        Error::user(format!("{file}: {fault}")).hinted("name a file of the work tree: git ls-files")
    })?;
    let real_root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
    let within = real.strip_prefix(&real_root).ok().and_then(Path::to_str);
    within.map(str::to_owned).ok_or_else(|| {
        Error::user(format!("{file} is outside of the work tree {}", root.display()))
            .hinted("git session -C <repository> blame <file>")
    })
}
