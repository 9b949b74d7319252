//! What the doctor says of remotes.

use super::{Check, Status};
use crate::{
    config::{self, Config, Destination},
    git::Repository,
};

/// Which remotes sessions go to.
pub(super) fn check(repository: &Repository, config: &Config) -> Check {
    let remotes = repository.remotes();
    if remotes.is_empty() {
        return Check::new("remotes", Status::Info, "none: sessions stay in this repository");
    }
    let unknown: Vec<&String> = config.remotes.iter().flatten().filter(|name| !remotes.contains(name)).collect();
    if let Some(unknown) = unknown.first() {
        let message = format!("{} names '{unknown}', which is not a remote", config::REMOTES);
        return Check::new("remotes", Status::Warning, message).fixed_by(format!(
            "git config {} {}",
            config::REMOTES,
            remotes.join(",")
        ));
    }
    destination(repository, config, &remotes)
}

fn destination(repository: &Repository, config: &Config, remotes: &[String]) -> Check {
    let stays = |why: String| Check::new("remotes", Status::Info, format!("sessions stay here: {why}"));
    if !config.is_set_up && config.must_be_set_here() {
        return stays("nothing is decided for this repository (to decide it: git session hooks install)".to_owned());
    }
    if !config.is_set_up {
        return Check::new("remotes", Status::Warning, "sessions stay here: no destination is set")
            .fixed_by("git session hooks install");
    }
    match &config.destination {
        Destination::Local => return stays(format!("{} is local", config::DESTINATION)),
        Destination::Remote(name) if !remotes.contains(name) => {
            let message = format!("{} names '{name}', which is not a remote: sessions stay here", config::DESTINATION);
            return Check::new("remotes", Status::Warning, message).fixed_by(format!("git remote add {name} URL"));
        }
        _ => {}
    }
    let mut lines = Vec::new();
    for remote in remotes {
        match config.session_remote(repository, remote) {
            Some(same) if same == *remote => lines.push(remote.clone()),
            Some(other) => lines.push(format!("{remote} (to {other})")),
            None => {}
        }
    }
    if lines.is_empty() {
        return stays(format!("{} names none", config::REMOTES));
    }
    Check::new("remotes", Status::Ok, format!("sessions are pushed along to {}", lines.join(", ")))
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
