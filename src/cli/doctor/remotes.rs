//! What the doctor says of remotes.

use super::{Check, Status};
use crate::{
    config::{self, Config},
    git::Repository,
};

/// Which remotes sessions go to.
pub(super) fn check(repository: &Repository, config: &Config) -> Check {
    let remotes = repository.remotes();
    if remotes.is_empty() {
        return Check::new("remotes", Status::Info, "none: sessions stay in this repository");
    }
    let unknown: Vec<&String> = config.remotes.iter().filter(|name| !remotes.contains(name)).collect();
    if let Some(unknown) = unknown.first() {
        let message = format!("{} names '{unknown}', which is no remote", config::REMOTES);
        return Check::new("remotes", Status::Warning, message).fixed_by(format!(
            "git config {} {}",
            config::REMOTES,
            remotes.join(",")
        ));
    }
    let allowed: Vec<String> = remotes.into_iter().filter(|remote| config.allows(repository, remote)).collect();
    Check::new("remotes", Status::Ok, format!("sessions go along with a push to {}", allowed.join(", ")))
}

/// Remotes that take or give every reference, the sessions too.
pub(super) fn mirrors(repository: &Repository) -> Vec<Check> {
    let mut checks = Vec::new();
    for remote in repository.remotes() {
        if repository.config_flag(&format!("remote.{remote}.mirror")) == Some(true) {
            let message = format!("{remote} is a mirror: a push to it copies every reference, the sessions too");
            let fix = format!("git config --unset remote.{remote}.mirror");
            checks.push(Check::new("remotes", Status::Warning, message).fixed_by(fix));
        }
        let fetched = repository.config_all(&format!("remote.{remote}.fetch"));
        if fetched.iter().any(|refspec| refspec.ends_with(":refs/*")) {
            let message = format!(
                "a pruning fetch from {remote} deletes every reference that it does not have, sessions that were not pushed too"
            );
            let fix = format!("git config remote.{remote}.fetch '+refs/heads/*:refs/remotes/{remote}/*'");
            checks.push(Check::new("remotes", Status::Warning, message).fixed_by(fix));
        }
    }
    checks
}
