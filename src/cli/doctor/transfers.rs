//! What the doctor says of fetches that reach our references, and of sessions that are on their way.

use super::{Check, Status};
use crate::{git::Repository, sync::Outbox};

/// What ends a refspec that fetches every reference: it is told of as a mirror.
const EVERYTHING: &str = ":refs/*";

/// Refspecs with which a fetch overwrites or prunes the ledgers of this repository.
pub(super) fn refspecs(repository: &Repository) -> Vec<Check> {
    let found = repository.refspecs_over_kept_tips().into_iter();
    let check = |(remote, refspec): (String, String)| {
        let message = format!(
            "a fetch from {remote} overwrites the sessions of this repository, as the refspec {refspec} says; what it \
             overwrote is merged again at the next command"
        );
        let fix = format!("git config --fixed-value --unset-all remote.{remote}.fetch '{refspec}'");
        Check::new("refspecs", Status::Warning, message).fixed_by(fix)
    };
    found.filter(|(_, refspec)| !refspec.ends_with(EVERYTHING)).map(check).collect()
}

/// Sessions that a push left to be sent in the background.
pub(super) fn sending(repository: &Repository) -> Vec<Check> {
    let mut checks = Vec::new();
    for outbox in Outbox::all(repository) {
        let Some(status) = outbox.status() else { continue };
        let sync = format!("git session sync {}", status.remote);
        if outbox.is_busy() {
            checks.push(Check::new("sending", Status::Info, status.in_background(&status.remote)));
        } else if !outbox.is_empty() {
            let message =
                format!("sending sessions to {} stopped after {} of {}", status.remote, status.sent, status.total);
            checks.push(Check::new("sending", Status::Warning, message).fixed_by(sync));
        } else if let Some(problem) = status.problems.first() {
            checks.push(Check::new("sending", Status::Warning, problem.clone()).fixed_by(sync));
        }
    }
    checks
}
