//! The `quickstart` command.

use serde::Serialize;

use crate::{
    context::Context,
    error::Result,
    report::{Describe, Report, View},
};

/// Show the first commands to run
#[derive(clap::Args)]
pub(super) struct Args {}

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Step {
    why: &'static str,
    command: &'static str,
}

const STEPS: [Step; 7] = [
    Step { why: "see it work, in a temporary repository", command: "git session demo" },
    Step { why: "list the sessions of your agents", command: "git session discover" },
    Step { why: "link sessions to commits, and push them along", command: "git session hooks install" },
    Step { why: "check the installation", command: "git session doctor" },
    Step { why: "work with your agent, then as usual", command: "git commit && git push" },
    Step { why: "in any clone, fetch the sessions of others", command: "git session sync" },
    Step { why: "read them", command: "git session log && git session show HEAD" },
];

impl Describe for Answer {
    fn describe(&self) -> View {
        self.steps.iter().enumerate().fold(View::default(), |view, (index, step)| {
            view.paragraph(format!("{}. {}", index + 1, step.why)).code("sh", step.command)
        })
    }
}

pub(super) fn run(_: &Context, _: &Args) -> Result<Report> {
    Ok(Report::new(Answer { schema_version: 1, steps: STEPS.into() }))
}
