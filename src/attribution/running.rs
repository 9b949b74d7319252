//! Whether an agent's own command makes the commit that is being made.
//!
//! Agents write a call to their log before they run it, so that a call without a result is one that runs. Somebody
//! else may commit meanwhile: what the environment and the processes above the hook say decides.

use std::path::Path;

use super::store::StoredCall;
use crate::{
    environment::Environment,
    hail::{SessionId, Timestamp},
    logs::in_roots,
    system::processes::Process,
};

/// How long a call that nothing confirms is taken to run, in milliseconds: half an hour.
const MAX_AGE: i64 = 30 * 60 * 1000;

/// What agents set for the commands they run: the agent, a variable, and one with the id of the session. From their
/// public documentation and source.
const VARIABLES: &[(&str, &str, Option<&str>)] = &[
    ("claude-code", "CLAUDECODE", Some("CLAUDE_CODE_SESSION_ID")),
    ("codex", "CODEX_SANDBOX", None),
    ("codex", "CODEX_THREAD_ID", Some("CODEX_THREAD_ID")),
    ("gemini-cli", "GEMINI_CLI", None),
    ("qwen-code", "QWEN_CODE", None),
    ("cursor", "CURSOR_AGENT", None),
    ("copilot-cli", "COPILOT_CLI", None),
    ("opencode", "OPENCODE", None),
    ("amp", "AMP_CURRENT_THREAD_ID", Some("AMP_CURRENT_THREAD_ID")),
    ("goose", "GOOSE_TERMINAL", None),
];

/// The agents that set a variable for every command they run: without it, they run none.
const ALWAYS: &[&str] = &["claude-code", "gemini-cli"];

/// What surrounds the commit that is being made.
pub struct Surroundings<'a> {
    /// The environment variables.
    pub environment: &'a Environment,
    /// The processes above the hook, the nearest first.
    pub processes: &'a [Process],
    /// The work tree.
    pub work_tree: &'a Path,
    /// The folders of the repository.
    pub roots: &'a [std::path::PathBuf],
    /// The time.
    pub now: Timestamp,
}

impl Surroundings<'_> {
    /// The session that the environment names, where it names one.
    #[must_use]
    pub fn named_session(&self) -> Option<SessionId> {
        let ids = VARIABLES.iter().filter_map(|(_, _, id)| self.environment.variable((*id)?)?.to_str());
        ids.into_iter().find_map(|id| id.parse().ok())
    }

    /// Whether a call that has not come back makes the commit: one of a session of `tool`.
    #[must_use]
    pub fn makes(&self, call: &StoredCall, tool: &str) -> bool {
        if let Some(session) = self.named_session() {
            return session == call.session;
        }
        let set: Vec<&str> = VARIABLES
            .iter()
            .filter(|(_, variable, _)| self.environment.variable(variable).is_some_and(|value| !value.is_empty()))
            .map(|(tool, ..)| *tool)
            .collect();
        let is_confirmed = set.contains(&tool) || self.runs_under(call, tool);
        let is_refuted = !is_confirmed
            && (!set.is_empty()
                || ALWAYS.contains(&tool)
                || !call.is_direct
                || self.now.millis() - call.started.millis() > MAX_AGE
                || self.processes.iter().any(Process::is_interactive_shell));
        !is_refuted && self.is_here(call)
    }

    /// Whether a process above is the agent or runs the call's command.
    fn runs_under(&self, call: &StoredCall, tool: &str) -> bool {
        let names = [tool, tool.trim_end_matches("-code"), tool.trim_end_matches("-cli")];
        let squeeze = |text: &str| text.split_whitespace().collect::<String>();
        let command = squeeze(&call.command);
        self.processes.iter().filter(|process| process.name() != "git").any(|process| {
            let program = process.arguments.iter().take(3).map(|word| word.rsplit('/').next().unwrap_or(word));
            let is_agent = !process.is_shell() && program.into_iter().any(|word| names.contains(&word));
            let is_call = process.is_shell()
                && command.len() > 3
                && process.arguments.iter().any(|word| squeeze(word).contains(&command));
            is_agent || is_call
        })
    }

    /// Whether a command runs in this work tree, or goes there.
    fn is_here(&self, call: &StoredCall) -> bool {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let work_tree = real(self.work_tree);
        let folder = call.directory.as_deref().map(|folder| in_roots(Path::new(folder).to_owned(), self.roots));
        let own = folder.as_ref().and_then(|folder| {
            let above = self.roots.iter().filter(|root| folder.starts_with(root));
            above.max_by_key(|root| root.as_os_str().len())
        });
        if own.is_some_and(|own| real(own) == work_tree) {
            return true;
        }
        // Elsewhere it has to go here: the name of the work tree's folder is in the command.
        let name = work_tree.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        folder.is_none() || (!name.is_empty() && call.command.contains(&name))
    }
}
