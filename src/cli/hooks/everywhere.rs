//! `hooks … --global`: the hooks of every repository of a person.

use std::path::PathBuf;

use serde::Serialize;

use super::words;
use crate::{
    config,
    context::Context,
    error::Result,
    hooks::{
        State,
        global::{self, Global},
    },
    report::{Describe, Report, View},
    system::prompt,
};

#[derive(Serialize)]
struct Answer {
    schema_version: u32,
    program: PathBuf,
    #[serde(flatten)]
    global: Global,
}

impl Describe for Answer {
    fn describe(&self) -> View {
        let row = |what: &str, state: State, setting: &str, path: &PathBuf| {
            vec![what.to_owned(), words(state).to_owned(), format!("git config --global {setting} {}", path.display())]
        };
        let global = &self.global;
        View::default().table(
            &["for every repository", "state", "by"],
            vec![
                row("git 2.54 and newer", global.configuration, "include.path", &global.file),
                row("new clones, with any git", global.template, "init.templateDir", &global.template_folder),
            ],
        )
    }
}

/// Installs them, once a person who can be asked agrees.
pub(super) fn install(context: &Context) -> Result<Report> {
    let program = context.program()?;
    let before = global::status(context, &program)?;
    if context.is_interactive && !before.is_there() {
        prompt::explain(&consequences(&before))?;
        if !prompt::confirm("Install the hooks for every repository of yours?", false)? {
            return answer(context, before, vec!["nothing was changed".to_owned()], true);
        }
    }
    let installed = global::install(context, &program)?;
    let notes = if before.works() { Vec::new() } else { told(&installed) };
    answer(context, installed, notes, true)
}

/// Removes them.
pub(super) fn uninstall(context: &Context) -> Result<Report> {
    let program = context.program()?;
    let before = global::status(context, &program)?;
    let after = global::uninstall(context, &program)?;
    let mut notes = vec!["sessions that are stored stay where they are".to_owned()];
    if before.template != State::Absent {
        notes.push(
            "clones that were made meanwhile keep their scripts; in each: git session hooks uninstall".to_owned(),
        );
    }
    answer(context, after, notes, true)
}

/// Says how they stand.
pub(super) fn status(context: &Context) -> Result<Report> {
    let global = global::status(context, &context.program()?)?;
    let works = global.works();
    let install = Some("to install them: git session hooks install --global".to_owned()).filter(|_| !works);
    answer(context, global, install.into_iter().collect(), works)
}

fn answer(context: &Context, global: Global, notes: Vec<String>, is_good: bool) -> Result<Report> {
    let mut report = Report::new(Answer { schema_version: 1, program: context.program()?, global });
    report.notes = notes;
    report.is_good = is_good;
    Ok(report)
}

/// What is to be known before: who is affected, and what leaves the machine.
fn consequences(global: &Global) -> String {
    let first = if global.uses_configuration {
        "The hooks will run in every repository of yours, with git 2.54 and newer. Hooks of the repositories keep running."
    } else {
        "The hooks will be put into every repository that you clone or make from now on. A git before 2.54 cannot run \
         hooks\nin all repositories without taking the place of theirs."
    };
    format!("\n{first}\n\n  {}\n", told(global).join("\n  "))
}

/// The same, after it was done.
fn told(global: &Global) -> Vec<String> {
    let mut lines = vec![
        "commits name the sessions that they come from, in their messages: AI-Session and AI-Tool".to_owned(),
        format!(
            "no push sends a session until a repository says where: there, git session hooks install, or git config {} \
             same-remote",
            config::DESTINATION
        ),
        format!("to leave a repository out: there, git config {} false", config::ENABLED),
        "to remove them: git session hooks uninstall --global".to_owned(),
    ];
    if !global.uses_configuration {
        lines.push("clones that are there already get them with: git init, or git session hooks install".to_owned());
    }
    lines
}
