//! Hooks that are not this repository's: a person adds the call of this program.

use super::{
    ALL, configured,
    install::{Home, at, own_home},
};
use crate::{error::Error, git::Repository};

/// Why the hooks cannot be installed here, with what to do by hand; `None` where they can.
#[must_use]
pub fn refusal(repository: &Repository) -> Option<Error> {
    if configured::are_wanted(repository).unwrap_or(false) {
        return None;
    }
    let folder = match own_home(repository) {
        Ok(Home::Scripts(folder) | Home::Shared(folder)) => folder,
        Err(fault) => return Some(fault),
    };
    let there = folder.ancestors().find(|folder| folder.exists()).unwrap_or(&folder);
    tempfile::tempfile_in(there).err().map(|fault| at(there, &fault).hinted(lines()))
}

/// Whether a line of a hook calls this program for `hook`.
pub(super) fn calls_us(content: &[u8], hook: &str) -> bool {
    let text = String::from_utf8_lossy(content);
    let is_call = |line: &str| {
        ["git-session hook ", "git session hook "].iter().any(|call| {
            let after = line.split_once(call).map(|(_, rest)| rest.trim_start());
            after.and_then(|rest| rest.split_whitespace().next()) == Some(hook)
        })
    };
    text.lines().map(str::trim_start).any(|line| !line.starts_with('#') && is_call(line))
}

/// What to do where the hooks cannot be installed.
pub(super) fn lines() -> String {
    let lines: Vec<String> = ALL.iter().map(|(hook, _)| format!("{hook}: git-session hook {hook} \"$@\"")).collect();
    format!("add these lines to the hooks there by hand:\n    {}", lines.join("\n    "))
}

#[cfg(test)]
mod tests {
    use super::calls_us;

    #[test]
    fn a_call_is_a_line_that_is_no_comment_and_names_the_hook() {
        for (content, expected) in [
            ("git-session hook pre-push \"$@\"", true),
            ("#!/bin/sh\n  exec /opt/bin/git-session hook pre-push \"$@\" || exit 1\n", true),
            ("git session hook pre-push origin", true),
            ("# git-session hook pre-push \"$@\"", false),
            ("git-session hook pre-push-too", false),
            ("git-session hook post-commit", false),
            ("git-session log", false),
            ("", false),
        ] {
            assert_eq!(calls_us(content.as_bytes(), "pre-push"), expected, "{content}");
        }
    }
}
