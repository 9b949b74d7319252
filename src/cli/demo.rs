//! The `demo` command.

use serde::Serialize;

use crate::{
    context::Context,
    demo,
    error::Result,
    report::{Describe, Report, View},
};

/// Run the whole workflow on sample data, in a temporary repository
///
/// Makes a repository, a bare remote and a second clone in a temporary directory with a home of
/// their own, plays one Claude Code and one Codex session, commits, pushes, reads the sessions in
/// the second clone, and removes everything.
#[derive(clap::Args)]
pub(super) struct Args {}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    steps: Vec<demo::Step>,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let text: Vec<String> = self.steps.iter().map(describe).collect();
        View::default().raw(text.join("\n"))
    }
}

fn describe(step: &demo::Step) -> String {
    let mut text = format!("# {}\n", step.comment);
    for run in &step.runs {
        let folder = if run.folder.is_empty() { String::new() } else { format!("{} ", run.folder) };
        text.push_str(&format!("{folder}$ {}\n{}", run.command, crate::report::printable(&run.output)));
    }
    text
}

pub(super) fn run(context: &Context, _: &Args) -> Result<Report> {
    let steps = demo::play(&context.program()?, &context.environment)?;
    Ok(Report::new(Answer { schema_version: 1, steps }))
}
