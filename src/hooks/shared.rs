//! Our lines in a hook that is a tracked file: the same on every machine, and gone without a trace.

use std::{fs, io, path::Path};

use super::{
    by_hand::calls_us,
    install::{self, Installed, MARKER, State},
    manager::{Manager, contains},
};
use crate::system::files;

const INPUT: &str = include_str!("../../hooks/shared/input");
const LAST: &str = include_str!("../../hooks/shared/last");
const LAST_WITH_INPUT: &str = include_str!("../../hooks/shared/last-with-input");
const END: &[u8] = b"# <<< git-session <<<\n";

/// What there was before our lines; they say it themselves, for the one who removes them.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    Lines,
    LinesWithoutFinalLineFeed,
}

impl Before {
    const ALL: [Self; 3] = [Self::Nothing, Self::LinesWithoutFinalLineFeed, Self::Lines];

    const fn removed(self) -> &'static str {
        match self {
            Self::Nothing => "this file",
            Self::Lines => "these lines",
            Self::LinesWithoutFinalLineFeed => "these lines and the line feed before them",
        }
    }
}

/// How the hook in the tracked `folder` stands.
pub(super) fn look(folder: &Path, hook: &'static str) -> Installed {
    let path = folder.join(hook);
    let state = match files::read(&path, files::SMALL) {
        Ok(found) if found == with_ours(&found, hook) => State::Installed,
        Ok(found) if contains(&found, MARKER) => State::Outdated,
        Ok(found) if calls_us(&found, hook) => State::ByHand,
        Ok(_) => State::Foreign,
        Err(_) if path.symlink_metadata().is_ok() => State::Foreign,
        Err(_) => State::Absent,
    };
    Installed { hook, state, path, chained: None, manager: Some(Manager::Husky), global: false, beside: None }
}

/// Brings our lines into the hook; the file is made where there is none.
pub(super) fn add(folder: &Path, hook: &'static str) -> io::Result<()> {
    let path = folder.join(hook);
    match files::read(&path, files::SMALL) {
        Ok(found) if calls_us(&found, hook) && !contains(&found, MARKER) => Ok(()),
        Ok(found) => replace(&path, &with_ours(&found, hook)),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound && path.symlink_metadata().is_err() => {
            install::write(&path, &joined(&[], Before::Nothing, hook), 0o755)
        }
        Err(fault) => Err(fault),
    }
}

/// Takes our lines out of the hook, and the file away that we made.
pub(super) fn remove(folder: &Path, hook: &str) -> io::Result<()> {
    let path = folder.join(hook);
    let Ok(found) = files::read(&path, files::SMALL) else { return Ok(()) };
    if !contains(&found, MARKER) {
        return Ok(());
    }
    match without_ours(&found) {
        (rest, Before::Nothing) if rest.is_empty() => fs::remove_file(&path),
        (rest, _) => replace(&path, &rest),
    }
}

/// Keeps the mode of the file, and the link that leads to it.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = path.canonicalize()?;
    let mode = install::mode(&path)?;
    install::write(&path, content, mode)
}

fn with_ours(found: &[u8], hook: &str) -> Vec<u8> {
    let (rest, before) = without_ours(found);
    joined(&rest, before, hook)
}

fn joined(rest: &[u8], before: Before, hook: &str) -> Vec<u8> {
    let reads_input = matches!(hook, "pre-push" | "post-rewrite");
    let mut content = rest.to_vec();
    if matches!(before, Before::LinesWithoutFinalLineFeed) {
        content.push(b'\n');
    }
    if reads_input {
        let first = content.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let start = if content.starts_with(b"#!") { first } else { 0 };
        content.splice(start..start, INPUT.bytes());
    }
    let last = if reads_input { LAST_WITH_INPUT } else { LAST };
    content.extend(last.replace("@HOOK@", hook).replace("@WHAT@", before.removed()).bytes());
    content
}

/// The file as it would be without our lines, and what there was before them.
fn without_ours(found: &[u8]) -> (Vec<u8>, Before) {
    let mut rest = found.to_vec();
    let mut before = None;
    while let Some(start) = position(&rest, MARKER) {
        let Some(length) = position(&rest[start..], END) else { break };
        let block: Vec<u8> = rest.drain(start..start + length + END.len()).collect();
        let says = |what: &Before| contains(&block, format!("removes {}\n", what.removed()).as_bytes());
        if let Some(said) = Before::ALL.into_iter().find(says) {
            before = Some(said);
            if matches!(said, Before::LinesWithoutFinalLineFeed) && start == rest.len() && rest.ends_with(b"\n") {
                rest.pop();
            }
        }
    }
    let has_final_line_feed = rest.is_empty() || rest.ends_with(b"\n");
    let as_is = if has_final_line_feed { Before::Lines } else { Before::LinesWithoutFinalLineFeed };
    match before {
        Some(Before::Nothing) if has_final_line_feed => (rest, Before::Nothing),
        _ => (rest, as_is),
    }
}

fn position(content: &[u8], part: &[u8]) -> Option<usize> {
    content.windows(part.len()).position(|window| window == part)
}
