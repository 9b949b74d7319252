//! Whether a command makes commits.

use super::{
    command::{Command, Script},
    effect::{Commits, Effect},
    files, git,
    lists::COMMITTING,
};

/// Whether any command of a script makes commits.
#[must_use]
pub fn commits(script: &Script) -> Commits {
    let unread = if script.is_whole { Commits::No } else { Commits::Maybe };
    script.commands.iter().map(of).max().unwrap_or(Commits::No).max(unread)
}

fn of(command: &Command) -> Commits {
    let name = command.name();
    if name == "git" {
        return git::commits(command);
    }
    let operands = command.operands(&["-R", "--repository", "--at-op"]);
    let task = operands.first().map_or("", |word| word.text.as_str());
    let is_listed =
        COMMITTING.iter().any(|(known, tasks)| *known == name && (tasks.is_empty() || tasks.contains(&task)));
    match files::effect(command, None) {
        _ if is_listed && !command.has_any(&["--help", "--dry-run", "--no-git-tag-version"]) => Commits::Directly,
        Effect::Runs => Commits::Maybe,
        _ => Commits::No,
    }
}
