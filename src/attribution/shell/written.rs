//! What the commands of a script may have written.

use std::sync::Arc;

use super::{
    command::{Command, Place, Script},
    constant,
    effect::{Effect, How},
    files, paths,
    token::Kind,
};

/// A file that a command may have written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The path as the command has it; empty where it names none.
    pub path: String,
    /// The directory that it is meant from, as seen from that of the call, where it is another.
    pub directory: Option<String>,
    /// What may have been done.
    pub how: How,
}

/// Lists what the commands of a script may have written.
#[must_use]
pub fn written(script: &Script) -> Vec<Written> {
    let mut found = Vec::new();
    let mut outputs: Vec<Option<Arc<str>>> = Vec::with_capacity(script.commands.len());
    for command in &script.commands {
        let piped = || command.input.and_then(|at| outputs.get(at)).cloned().flatten();
        let input = command.body().map(Arc::from).or_else(piped);
        let output = constant::output(command, input.as_ref());
        let mut changes = redirected(command, output.as_ref());
        match files::effect(command, input.as_ref()) {
            Effect::Nothing => {}
            Effect::Files(files) => changes.extend(files),
            Effect::Runs => changes.push((String::new(), How::Anything)),
        }
        found.extend(changes.into_iter().map(|(path, how)| placed(&command.place, path, how)));
        outputs.push(output);
    }
    if !script.is_whole {
        found.push(Written { path: String::new(), directory: None, how: How::Anything });
    }
    found
}

fn placed(place: &Place, path: String, how: How) -> Written {
    match place {
        Place::Same => Written { path, directory: None, how },
        Place::At(directory) => Written { path, directory: Some(directory.to_string()), how },
        Place::Unknown if path.starts_with('/') || how == How::Reverted => Written { path, directory: None, how },
        Place::Unknown => Written { path: String::new(), directory: None, how: How::Anything },
    }
}

/// The files that the output of a command goes to.
fn redirected(command: &Command, output: Option<&Arc<str>>) -> Vec<(String, How)> {
    let mut found = Vec::new();
    for redirect in &command.redirects {
        let is_append = redirect.kind == Kind::Append;
        if (redirect.kind != Kind::Write && !is_append) || paths::is_device(&redirect.target.text) {
            continue;
        }
        let is_empty = command.words.is_empty() && !command.is_group && !is_append;
        let text = if is_empty { Some(String::new()) } else { output.map(ToString::to_string) };
        let text = text.filter(|_| redirect.is_output);
        let how = text.map_or(How::Changed, |text| How::Lines { text, is_append });
        found.push(paths::named(&redirect.target, how));
    }
    found
}
