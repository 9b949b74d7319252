//! Which kinds of records each parser keeps as `Custom` on purpose. Every other one is new to it.

use std::{collections::BTreeMap, io};

use crate::hail::{Event, EventType, Header, Pause, Session, Sink};

/// What a parser was learned from.
struct Known {
    agent: &'static str,
    /// The newest version; `None` where logs do not say theirs or the parser was learned from other signs.
    newest: Option<&'static [u32]>,
    /// The kinds; `*` at the end stands for anything.
    kinds: &'static [&'static str],
}

/// What parsers make themselves, whatever the agent.
const MADE: [&str; 6] = ["forked_from", "incomplete", "rewind", "rewrite", "unreadable", "usage"];

const PI: &[&str] = &[
    "branch_summary",
    "compaction",
    "custom",
    "custom_message",
    "label",
    "mode_change",
    "model_change",
    "session_info",
    "session_init",
    "thinking_level_change",
    "title_change",
];

const OPENCODE: &[&str] = &[
    "agent",
    "agent-switched",
    "compaction",
    "error",
    "idle",
    "location-switched",
    "model-switched",
    "patch",
    "retry",
    "snapshot",
    "step-finish",
    "subtask",
    "todos",
];

/// Agents that are not here are not judged.
const ALL: &[Known] = &[
    Known {
        agent: "claude-code",
        newest: Some(&[2, 1, 258]),
        kinds: &[
            "agent-color",
            "agent-name",
            "agent-setting",
            "ai-title",
            "assistant/fallback",
            "atis-latch",
            "attachment",
            "bridge-session",
            "content-replacement",
            "custom-title",
            "file-history-delta",
            "file-history-snapshot",
            "frame-link",
            "last-prompt",
            "mode",
            "permission-mode",
            "pr-link",
            "progress",
            "queue-operation",
            "relocated",
            "result",
            "result/error_during_execution",
            "result/error_max_turns",
            "result/success",
            "started",
            "summary",
            "system/agents_killed",
            "system/api_error",
            "system/api_metrics",
            "system/away_summary",
            "system/bridge_status",
            "system/compact_boundary",
            "system/error",
            "system/hook_progress",
            "system/hook_response",
            "system/hook_started",
            "system/informational",
            "system/init",
            "system/local_command",
            "system/memory_saved",
            "system/microcompact_boundary",
            "system/permission_retry",
            "system/scheduled_task_fire",
            "system/session_start",
            "system/status",
            "system/stop_hook_summary",
            "system/task_notification",
            "system/task_progress",
            "system/task_started",
            "system/turn_duration",
            "tag",
            "teleported-from",
            "user",
            "worktree-state",
        ],
    },
    Known {
        agent: "codex",
        newest: Some(&[0, 157]),
        kinds: &[
            "agent_message",
            "background_event",
            "compacted",
            "context_compacted",
            "deprecation_notice",
            "entered_review_mode",
            "error",
            "exec_command_begin",
            "exec_command_output_delta",
            "exited_review_mode",
            "ghost_snapshot",
            "inter_agent_communication_metadata",
            "item_completed/ContextCompaction",
            "item_completed/Plan",
            "mcp_tool_call_begin",
            "model_reroute",
            "patch_apply_begin",
            "plan_completed",
            "plan_update",
            "response_item",
            "session_meta",
            "stream_error",
            "task_complete",
            "thread_goal_updated",
            "thread_name_updated",
            "thread_rolled_back",
            "token_count",
            "turn_context",
            "turn_diff",
            "view_image_tool_call",
            "warning",
            "web_search_begin",
            "world_state",
        ],
    },
    Known {
        agent: "copilot-cli",
        newest: Some(&[1, 0, 88]),
        kinds: &[
            "abort",
            "external_tool.completed",
            "external_tool.requested",
            "hook.end",
            "hook.start",
            "permission.completed",
            "permission.requested",
            "session.auto_mode_resolved",
            "session.autopilot_objective_changed",
            "session.binary_asset",
            "session.canvas.recorded",
            "session.canvas.removed",
            "session.compaction_complete",
            "session.compaction_start",
            "session.context_changed",
            "session.context_cleared",
            "session.custom*",
            "session.error",
            "session.handoff",
            "session.info",
            "session.mode_changed",
            "session.model_change",
            "session.permissions_changed",
            "session.plan_changed",
            "session.remote_steerable_changed",
            "session.resume",
            "session.schedule_*",
            "session.session_limits_changed",
            "session.shutdown",
            "session.snapshot_rewind",
            "session.start",
            "session.task_complete",
            "session.truncation",
            "session.usage_checkpoint",
            "session.warning",
            "session.workspace_file_changed",
            "skill.invoked",
            "subagent.completed",
            "subagent.deselected",
            "subagent.failed",
            "subagent.selected",
            "subagent.started",
            "tool.user_requested",
            "tool_search.activated",
        ],
    },
    Known {
        agent: "qwen-code",
        newest: Some(&[0, 24]),
        kinds: &[
            "agent_bootstrap",
            "agent_launch_prompt",
            "agent_retry",
            "agent_session_ready",
            "at_command",
            "attachment",
            "attribution_snapshot",
            "background_task_completed",
            "branch_checkpoint",
            "chat_compression",
            "cron",
            "custom_title",
            "file_history_snapshot",
            "goal_runtime",
            "goal_state",
            "goal_turn_end",
            "managed_session_*",
            "notification",
            "omni_recall",
            "parent_session",
            "realtime_message",
            "session_approval_mode",
            "session_artifact_event",
            "session_artifact_snapshot",
            "session_execution_engine",
            "session_model",
            "session_notes",
            "session_source",
            "session_sources_snapshot",
            "slash_command",
            "turn_result",
            "ui_telemetry*",
            "user_text_elements",
        ],
    },
    Known { agent: "gemini-cli", newest: None, kinds: &[] },
    Known { agent: "opencode", newest: Some(&[2, 2]), kinds: OPENCODE },
    Known { agent: "pi", newest: None, kinds: PI },
    Known { agent: "oh-my-pi", newest: None, kinds: PI },
    Known { agent: "openclaw", newest: None, kinds: PI },
    Known { agent: "cursor", newest: None, kinds: &["bubble", "code_block", "prompt", "turn_ended"] },
    Known { agent: "goose", newest: None, kinds: &["contextLengthExceeded", "header", "toolRequest"] },
    Known { agent: "cline", newest: None, kinds: &["checkpoint_created", "message"] },
    Known {
        agent: "factory-droid",
        newest: None,
        kinds: &["completion", "error", "session_event", "system", "todo_state"],
    },
];

/// What a session has that the parser of its agent does not know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unknown {
    /// How many events there are of each kind that the parser does not know.
    pub kinds: BTreeMap<String, u64>,
    /// The newest version that the parser knows, where the session was written by a newer one.
    pub newest: Option<String>,
}

/// Counts the events of kinds that HAIL has no word for.
#[derive(Clone, Debug, Default)]
pub struct Kinds {
    counts: BTreeMap<String, u64>,
    agent: String,
    version: Option<String>,
}

impl Kinds {
    /// Those of a session that was read.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let mut kinds = Self::default();
        kinds.see_header(&session.header);
        session.events.iter().for_each(|event| kinds.see(event));
        kinds
    }

    fn see_header(&mut self, header: &Header) {
        self.agent.clone_from(&header.agent.tool);
        self.version.clone_from(&header.agent.tool_version);
    }

    fn see(&mut self, event: &Event) {
        let EventType::Custom { kind } = &event.event_type else { return };
        match self.counts.get_mut(kind) {
            Some(count) => *count += 1,
            None => drop(self.counts.insert(kind.clone(), 1)),
        }
    }

    /// What of it is new to the parser of the session's agent.
    #[must_use]
    pub fn unknown(self) -> Unknown {
        let Some(known) = ALL.iter().find(|known| known.agent == self.agent) else { return Unknown::default() };
        let kinds = self.counts.into_iter().filter(|(kind, _)| !known.has(kind)).collect();
        let version = self.version.as_deref().and_then(numbers);
        let newest =
            known.newest.zip(version).filter(|(newest, version)| version.iter().take(newest.len()).gt(*newest));
        let newest = newest.map(|(newest, _)| newest.iter().map(u32::to_string).collect::<Vec<_>>().join("."));
        Unknown { kinds, newest }
    }
}

/// Counts what a parser sends on its way to another sink.
pub struct Counting<'a> {
    /// Where it goes.
    pub sink: &'a mut dyn Sink,
    /// What was counted.
    pub kinds: &'a mut Kinds,
}

impl Sink for Counting<'_> {
    fn header(&mut self, header: Header) -> io::Result<()> {
        self.kinds.see_header(&header);
        self.sink.header(header)
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        self.kinds.see(&event);
        self.sink.event(event)
    }

    fn pause(&mut self, pause: Pause) -> io::Result<()> {
        self.sink.pause(pause)
    }
}

impl Known {
    fn has(&self, kind: &str) -> bool {
        let is_it = |known: &&str| known.strip_suffix('*').map_or(kind == *known, |start| kind.starts_with(start));
        MADE.contains(&kind) || self.kinds.iter().any(is_it)
    }
}

/// The numbers that a version begins with.
fn numbers(version: &str) -> Option<Vec<u32>> {
    let version = version.trim_start_matches('v');
    let numbers: Vec<u32> = version.split(['.', '-', '+', ' ']).map_while(|part| part.parse().ok()).collect();
    (!numbers.is_empty()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn a_version_is_as_many_numbers_as_it_begins_with() {
        assert_eq!(numbers("v2.1.258 (Kite)"), Some(vec![2, 1, 258]));
        assert_eq!(numbers("0.160.0-alpha.3"), Some(vec![0, 160, 0]));
        assert_eq!(numbers("dev"), None);
    }
}
