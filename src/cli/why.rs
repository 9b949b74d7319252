//! The `why` command.

use serde::Serialize;

use super::blame::in_repository;
use crate::{
    context::Context,
    error::{Error, Result},
    lines::{self, Origin, Writer},
    report::{Describe, Report, View, single_line},
};

/// Show why a line is there: the prompt and the answer that led to it
///
/// Asks git blame which commit wrote the line, and the sessions which of them wrote it in that commit. Says so where a
/// person wrote it, and where it is not known.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The file, with a line or the first and last one: src/auth.rs:42 or src/auth.rs:40,45
    #[arg(value_name = "FILE[:LINE[,LINE]]")]
    place: String,
    /// Lines as git blame -L takes them: 10,20 or :function
    #[arg(short = 'L', value_name = "RANGE")]
    ranges: Vec<String>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Answer {
    One(Box<Origin>),
    Several(Vec<Origin>),
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let lines: Vec<&Origin> = match self {
            Self::One(line) => vec![line],
            Self::Several(lines) => lines.iter().collect(),
        };
        let mut view = View::default();
        // Lines that stand together and come from one edit are told once.
        for group in lines.chunk_by(|one, other| key(one) == key(other)) {
            view = describe(view, group);
        }
        view
    }
}

fn key(line: &Origin) -> (Option<&str>, Option<&str>, Writer) {
    (line.commit.as_deref(), line.event.as_deref(), line.kind)
}

fn describe(view: View, group: &[&Origin]) -> View {
    let [first, ..] = group else { return view };
    let shown: Vec<String> =
        group.iter().take(5).map(|line| format!("{:>5}  {}", line.line, line.text.trim_end())).collect();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut add = |name: &str, value: String| rows.push(vec![name.to_owned(), value]);
    match (&first.commit, &first.subject) {
        (Some(commit), Some(subject)) => {
            let author = first.author.as_deref().unwrap_or_default();
            add("commit", single_line(&format!("{} {subject} ({author})", &commit[..7])));
        }
        _ => add("commit", "not committed yet".to_owned()),
    }
    match first.kind {
        Writer::Agent => {
            let id: String = first.session.as_ref().map_or("", |id| id.as_str()).chars().take(8).collect();
            let (tool, model) = (first.tool.as_deref().unwrap_or_default(), first.model.as_deref().unwrap_or_default());
            add("session", format!("{id} {tool} ({model})"));
            let at = first.at.map(|at| at.to_string()).unwrap_or_default();
            add("written", at);
            first.prompt.iter().for_each(|prompt| add("prompt", single_line(prompt)));
            first.answer.iter().for_each(|answer| add("answer", single_line(answer)));
            add("more", format!("git session show {id}"));
        }
        Writer::Person => add("written by", "a person: no session wrote this line".to_owned()),
        Writer::Unknown if first.commit.is_some() => {
            add(
                "written by",
                "unknown: the commit has a session that is not known to have written this line".to_owned(),
            );
        }
        Writer::Unknown => {}
    }
    view.paragraph(shown.join("\n")).table(&["", ""], rows)
}

pub(super) fn run(context: &Context, arguments: &Args) -> Result<Report> {
    let (file, mut ranges) = split(context, &arguments.place);
    ranges.extend(arguments.ranges.iter().cloned());
    let path = in_repository(context, &file)?;
    let mut lines = lines::blame(context, &path, &ranges)?;
    let answer = match lines.len() {
        0 => return Err(Error::user(format!("{file} has no lines"))),
        1 => Answer::One(Box::new(lines.remove(0))),
        _ => Answer::Several(lines),
    };
    let mut report = Report::new(answer);
    report.is_long = true;
    Ok(report)
}

/// The file and the lines of `FILE:LINE`, unless there is a file of that very name.
fn split(context: &Context, place: &str) -> (String, Vec<String>) {
    if let Some((file, lines)) = place.rsplit_once(':')
        && !context.path(place.as_ref()).exists()
        && lines.starts_with(|first: char| first.is_ascii_digit())
    {
        let range = if lines.contains(',') { lines.to_owned() } else { format!("{lines},{lines}") };
        return (file.to_owned(), vec![range]);
    }
    (place.to_owned(), Vec::new())
}
