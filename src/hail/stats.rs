//! The numbers of the last line, always computed from the events.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Block, Event, EventType, Timestamp, attribute, hash};

/// The last line of a HAIL file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// All events.
    pub event_count: u64,
    /// What the person and the agent said.
    pub message_count: u64,
    /// Calls of every tool: commands, edits, reads and searches included.
    pub tool_call_count: u64,
    /// Tasks that began.
    pub task_count: u64,
    /// From the first event to the last, in seconds.
    pub duration_seconds: u64,
    /// Fresh input tokens.
    pub total_input_tokens: u64,
    /// Output tokens, reasoning included.
    pub total_output_tokens: u64,
    /// What the person said.
    pub user_message_count: u64,
    /// Distinct files changed, created or deleted.
    pub files_changed: u64,
    /// Lines added by edits and in created files.
    pub lines_added: u64,
    /// Lines removed by edits.
    pub lines_removed: u64,
}

/// Adds up [`Stats`] while events pass by.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct StatsCollector {
    stats: Stats,
    span: Option<(Timestamp, Timestamp)>,
    files: HashSet<String>,
    input_total: u64,
    output_total: u64,
    last_call: Call,
    /// The last call before this collector went on, and how many calls there were by then.
    #[serde(skip)]
    calls_before: (Call, u64),
}

/// Whether an event is the call of a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Call {
    #[default]
    No,
    Anonymous,
    /// Half of the hash of its id, which is compared with its neighbours'.
    Named(u32),
}

impl Call {
    fn of(event: &Event) -> Self {
        if !event.event_type.is_tool_call() {
            return Self::No;
        }
        let id = event.attributes.get(attribute::CALL_ID).and_then(serde_json::Value::as_str);
        #[expect(clippy::cast_possible_truncation, reason = "half of a hash is a hash")]
        id.map_or(Self::Anonymous, |id| Self::Named(hash(id) as u32))
    }

    /// Counts the call. Events that follow one another with one call id are one call, such as a patch over
    /// several files.
    fn count(self, last: &mut Self, count: &mut u64) {
        if self != Self::No {
            *count += u64::from(self == Self::Anonymous || self != *last);
            *last = self;
        }
    }
}

impl StatsCollector {
    /// Counts one event.
    pub fn add(&mut self, event: &Event) {
        self.count(event);
    }

    /// Counts one event, and tells which call it is.
    pub(super) fn count(&mut self, event: &Event) -> Call {
        let stats = &mut self.stats;
        stats.event_count += 1;
        for (key, value) in &event.attributes {
            let count = || value.as_u64().unwrap_or(0);
            match key {
                // Counts come from logs that anybody may have written.
                attribute::INPUT_TOKENS => {
                    stats.total_input_tokens = stats.total_input_tokens.saturating_add(count());
                }
                attribute::OUTPUT_TOKENS => {
                    stats.total_output_tokens = stats.total_output_tokens.saturating_add(count());
                }
                attribute::INPUT_TOKENS_TOTAL => self.input_total = self.input_total.max(count()),
                attribute::OUTPUT_TOKENS_TOTAL => self.output_total = self.output_total.max(count()),
                _ => {}
            }
        }
        let call = Call::of(event);
        call.count(&mut self.last_call, &mut stats.tool_call_count);
        match &event.event_type {
            EventType::UserMessage => {
                stats.message_count += 1;
                stats.user_message_count += 1;
            }
            EventType::AgentMessage => stats.message_count += 1,
            EventType::TaskStart { .. } => stats.task_count += 1,
            EventType::FileEdit { diff: Some(diff), .. } => {
                let (added, removed) = changed_lines(diff);
                stats.lines_added += added;
                stats.lines_removed += removed;
            }
            EventType::FileCreate { .. } => stats.lines_added += created_lines(event),
            _ => {}
        }
        if let Some(path) = event.event_type.changed_path()
            && !self.files.contains(path)
        {
            self.files.insert(path.to_owned());
        }
        let (first, last) = self.span.unwrap_or((event.timestamp, event.timestamp));
        self.span = Some((first.min(event.timestamp), last.max(event.timestamp)));
        call
    }

    /// Goes on where another collector stood.
    pub(super) fn go_on(&mut self) {
        self.calls_before = (self.last_call, self.stats.tool_call_count);
    }

    /// Corrects the number of calls, which depends on the order of the events: all since this collector
    /// began or went on.
    pub(super) fn recount_calls(&mut self, calls: impl Iterator<Item = Call>) {
        let (mut last, mut count) = self.calls_before;
        calls.for_each(|call| call.count(&mut last, &mut count));
        (self.last_call, self.stats.tool_call_count) = (last, count);
    }

    /// The times of the first event and the last.
    pub(super) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.span
    }

    /// The sums so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let duration = self.span.map_or(0, |(first, last)| last.since(first).num_seconds());
        let mut stats = self.stats.clone();
        stats.files_changed = self.files.len() as u64;
        stats.duration_seconds = u64::try_from(duration).unwrap_or(0);
        if self.input_total > 0 {
            stats.total_input_tokens = self.input_total;
        }
        if self.output_total > 0 {
            stats.total_output_tokens = self.output_total;
        }
        stats
    }
}

/// Counts the added and removed lines of a unified diff, headers excluded.
fn changed_lines(diff: &str) -> (u64, u64) {
    let mut counts = (0, 0);
    let mut in_hunk = false;
    for line in diff.lines() {
        match line.as_bytes().first() {
            Some(b'@') => in_hunk = true,
            Some(b'+') if in_hunk => counts.0 += 1,
            Some(b'-') if in_hunk => counts.1 += 1,
            Some(b' ' | b'\\') | None => {}
            _ => in_hunk = false,
        }
    }
    counts
}

fn created_lines(event: &Event) -> u64 {
    let lines = |block: &Block| match block {
        Block::File { content: Some(content), .. } => content.lines().count() as u64,
        _ => 0,
    };
    event.content.blocks.iter().map(lines).sum()
}
