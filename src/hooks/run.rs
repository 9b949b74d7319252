//! How git runs the hooks: quickly, quietly, and without ever standing in the way.

use std::{io::Read, time::Duration};

use super::{
    DISABLE, INTERNAL_PUSH, STRICT, commit_msg, configured::CONFIGURED, post_commit, post_rewrite, pre_push,
    prepare_commit_msg, running,
};
use crate::{
    capture, config,
    context::Context,
    error::{Error, Result},
    git, sync,
};

/// How long the capture in the background waits for another one.
const CAPTURE_PATIENCE: Duration = Duration::from_secs(60);
/// The argument of a capture in the background.
pub(super) const PATIENTLY: &str = "patiently";
/// How often such a capture is tried again.
const MORE_ATTEMPTS: u32 = 4;
/// How long to wait before the first of these; before the others longer.
const PAUSE: Duration = Duration::from_millis(500);

/// What a hook has to say, and its exit code.
#[derive(Debug, Default)]
pub struct HookOutcome {
    /// Lines for standard error.
    pub messages: Vec<String>,
    /// 0, unless strict mode asked for more.
    pub exit_code: u8,
}

/// Runs the hook `name` with git's arguments.
pub fn run(name: &str, arguments: &[String]) -> HookOutcome {
    if matches!(name, "capture" | "send") {
        git::detach_from_terminal();
    }
    let context = match Context::from_process(None) {
        Ok(context) => context,
        Err(fault) => return HookOutcome { messages: vec![describe(&fault)], exit_code: 0 },
    };
    let is_strict = context.environment.is_enabled(STRICT);
    match dispatch(&context, name, arguments) {
        Ok(said) => {
            let exit_code = u8::from(is_strict && !said.problems.is_empty());
            HookOutcome { exit_code, messages: said.problems.into_iter().chain(said.warnings).collect() }
        }
        Err(fault) => HookOutcome { messages: vec![describe(&fault)], exit_code: u8::from(is_strict) },
    }
}

fn describe(fault: &Error) -> String {
    let hint = fault.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("git session: {fault}{hint}")
}

/// What a hook that came to its end has to say.
#[derive(Default)]
struct Said {
    /// What did not work, which strict mode takes for a failure.
    problems: Vec<String>,
    /// What to know.
    warnings: Vec<String>,
}

fn dispatch(context: &Context, name: &str, arguments: &[String]) -> Result<Said> {
    let silent = |()| Said::default();
    let line = |text: String| format!("git session: {text}");
    let is_disabled = context.environment.is_enabled(DISABLE);
    let is_enabled = || config::is_enabled(context.repository()?);
    if context.environment.is_enabled(CONFIGURED) && running::is_run_as_script(context.repository()?, name) {
        return Ok(Said::default());
    }
    match name {
        "pre-push" => {
            let list = standard_input()?;
            if is_disabled || context.environment.is_enabled(INTERNAL_PUSH) || !is_enabled()? {
                return Ok(Said::default());
            }
            let pushed = pre_push(context, arguments, &list)?;
            let warnings = pushed.warnings.into_iter().map(line).collect();
            Ok(Said { problems: pushed.problems.into_iter().map(line).collect(), warnings })
        }
        "post-rewrite" => {
            let list = standard_input()?;
            if is_disabled || !is_enabled()? { Ok(Said::default()) } else { post_rewrite(context, &list).map(silent) }
        }
        _ if is_disabled => Ok(Said::default()),
        "prepare-commit-msg" | "commit-msg" | "post-commit" if !is_enabled()? => Ok(Said::default()),
        "prepare-commit-msg" => prepare_commit_msg(context, arguments).map(silent),
        "commit-msg" => commit_msg(context, arguments).map(silent),
        "post-commit" => post_commit(context).map(silent),
        "send" => sync::send_requests(context, arguments.first().map(String::as_str).unwrap_or_default()).map(silent),
        "capture" => drain_queue(context, arguments.iter().any(|argument| argument == PATIENTLY)).map(silent),
        other => {
            Err(Error::usage(format!("'{other}' is not a hook of git session")).hinted("git session hooks --help"))
        }
    }
}

/// Works off the queue in the background. What fails since others are at work in the repository, such as
/// git's own maintenance, is tried again by somebody who sees it as it is then.
fn drain_queue(context: &Context, is_patient: bool) -> Result<()> {
    let mut worked = capture::drain_queue(context, CAPTURE_PATIENCE);
    for attempt in 1..=MORE_ATTEMPTS {
        if worked.is_ok() || !is_patient {
            break;
        }
        std::thread::sleep(PAUSE * attempt);
        let fresh = Context::new(context.environment.clone(), context.directory.clone());
        worked = capture::drain_queue(&fresh, CAPTURE_PATIENCE);
    }
    worked
}

/// What git tells the hook; git waits for it to be read, whether it is wanted or not.
fn standard_input() -> Result<Vec<u8>> {
    let mut list = Vec::new();
    std::io::stdin().read_to_end(&mut list)?;
    Ok(list)
}
