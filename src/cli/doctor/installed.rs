//! What the doctor says of the hooks.

use super::{Check, Status};
use crate::{
    cli::hooks::{settings as settings_of, words},
    config::{self, Config},
    context::Context,
    error::Result,
    git::Repository,
    hooks::{self, Installed, State},
};

/// How the hooks stand, and those of others that are in their way.
pub(super) fn check(context: &Context, repository: &Repository) -> Vec<Check> {
    if !hooks::has_commits_made(repository) {
        return vec![Check::new("hooks", Status::Info, "a bare repository without work trees needs none")];
    }
    let status = context.program().and_then(|program| hooks::status(repository, &program));
    let installed = match status {
        Ok(installed) => installed,
        Err(fault) => return vec![Check::new("hooks", Status::Error, fault.message())],
    };
    let mut checks = vec![check_ours(context, repository, &installed)];
    checks.extend(check_others(context, &installed));
    if config::is_enabled(repository).is_ok_and(|is_enabled| !is_enabled) {
        checks.push(Check::new(
            "hooks",
            Status::Info,
            format!("{} is false: the hooks do nothing here", config::ENABLED),
        ));
    }
    checks
}

fn check_ours(context: &Context, repository: &Repository, installed: &[Installed]) -> Check {
    let named = |hook: &&Installed| format!("{} is {}", hook.hook, words(hook.state));
    let is_left_out = |hook: &&Installed| hook.global && hook.state == State::SwitchedOff;
    let bad: Vec<&Installed> = installed.iter().filter(|hook| !hook.state.works() && !is_left_out(hook)).collect();
    let Some(first) = bad.first() else {
        let Some(global) = installed.iter().find(|hook| hook.global) else {
            return Check::new("hooks", Status::Ok, "installed");
        };
        let left_out: Vec<String> = installed.iter().filter(is_left_out).map(|hook| named(&hook)).collect();
        let message = format!("installed for every repository, in {}", global.path.display());
        let message = std::iter::once(message).chain(left_out).collect::<Vec<_>>().join("; ");
        return Check::new("hooks", Status::Ok, message);
    };
    let is_every = bad.len() == installed.len() && bad.iter().all(|hook| hook.state == first.state);
    let one = [State::Absent, State::Unsupported].contains(&first.state) && is_every;
    let message =
        if one { words(first.state).to_owned() } else { bad.iter().map(named).collect::<Vec<_>>().join("; ") };
    let check = Check::new("hooks", Status::Error, message);
    if bad.iter().any(|hook| is_of_every_repository(hook)) {
        return check.fixed_by("git session hooks install --global");
    }
    match hooks::refusal(repository) {
        Some(refusal) => check.fixed_by(refusal.hint().unwrap_or(refusal.message())),
        None if context.config().is_ok() => check.fixed_by("git session doctor --fix"),
        // What the settings say is put right first.
        None => check,
    }
}

/// Hooks of others that cannot run, for which git session would be blamed, or that run after ours.
fn check_others(context: &Context, installed: &[Installed]) -> Vec<Check> {
    let warning = |message: String| Check::new("hooks", Status::Warning, message);
    let path = context.environment.variable("PATH").cloned().unwrap_or_default();
    let told = |(path, fault): (std::path::PathBuf, String)| warning(format!("{} {fault}", path.display()));
    let faults = installed.iter().flat_map(|hook| hooks::faults(hook, &path)).map(told);
    let early = installed.iter().filter(|hook| hook.is_too_early()).map(|hook| {
        // To put it in order is to install the hooks here, with all that has to be decided then.
        let fix = if hook.global { "git session hooks install" } else { "git session doctor --fix" };
        warning(format!("{} runs before somebody else's, which can undo it", hook.hook)).fixed_by(fix)
    });
    faults.chain(early).collect()
}

/// Whether the global entry has to be repaired. A git too old for it ignores the entry; this repository can have
/// scripts instead.
fn is_of_every_repository(hook: &Installed) -> bool {
    hook.global && hook.state != State::Unsupported
}

/// Whether hooks are missing that can be installed in this repository.
pub(super) fn can_be_installed(context: &Context, repository: &Repository) -> Result<bool> {
    let can_be = hooks::has_commits_made(repository) && hooks::refusal(repository).is_none();
    let installed = if can_be { hooks::status(repository, &context.program()?)? } else { Vec::new() };
    Ok(installed.iter().any(|hook| hook.has_to_be_mended() && !is_of_every_repository(hook)))
}

/// The settings as the hooks that are there read them.
pub(super) fn settings(context: &Context, repository: &Repository) -> Result<Config> {
    // Where that cannot be told, the check of the hooks says so.
    let installed = context.program().and_then(|program| hooks::status(repository, &program));
    settings_of(context, &installed.unwrap_or_default())
}
