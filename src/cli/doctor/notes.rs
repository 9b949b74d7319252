//! What the doctor says of other tools that work on notes.

use super::{Check, Status};
use crate::git::Repository;

/// The notes that sessions may be kept in.
const REFERENCE: &str = "refs/notes/opensession";
/// The setting that has git copy notes at an amend or a rebase.
const REWRITE_REF: &str = "notes.rewriteRef";
/// The setting that says what git does where there are notes already.
const REWRITE_MODE: &str = "notes.rewriteMode";

/// Settings that have git copy the notes of sessions, which git session does itself.
pub(super) fn check(repository: &Repository) -> Option<Check> {
    repository.find_reference(REFERENCE.as_bytes()).ok()??;
    let pattern = repository.config_all(REWRITE_REF).into_iter().find(|pattern| is_meant(pattern))?;
    let mode = repository.config(REWRITE_MODE).unwrap_or_else(|| "concatenate".to_owned());
    let message = format!(
        "{REWRITE_REF}={pattern} with {REWRITE_MODE}={mode} has git copy the notes of sessions at an amend or a rebase; \
         git session does that itself, and reads and rewrites what git joined"
    );
    let value = pattern.replace('*', "\\*");
    let fix = if pattern == REFERENCE {
        format!("git config --unset-all {REWRITE_REF} '^{value}$'")
    } else {
        format!("git config --replace-all {REWRITE_REF} refs/notes/commits '^{value}$'")
    };
    Some(Check::new("notes", Status::Warning, message).fixed_by(fix))
}

/// Whether a pattern, whose `*` matches anything, is of our notes.
fn is_meant(pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = REFERENCE.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    // After a star at the end anything may follow.
    rest.is_empty() || last == Some("")
}

#[cfg(test)]
mod tests {
    use super::is_meant;

    #[test]
    fn a_pattern_is_matched_as_git_does() {
        for pattern in
            ["refs/notes/*", "refs/notes/opensession", "refs/*", "*", "refs/notes/open*", "refs/*/opensession"]
        {
            assert!(is_meant(pattern), "{pattern}");
        }
        for pattern in ["refs/notes/commits", "refs/notes", "refs/heads/*", "", "refs/notes/opensession-2"] {
            assert!(!is_meant(pattern), "{pattern}");
        }
    }
}
