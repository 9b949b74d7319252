//! What a session wrote: its edits and commands, once their results say that they happened.

use std::{collections::HashMap, io};

use super::{
    diff::{self, Hunk},
    line::{Line, LineHash},
    prompt::PromptAt,
    shell::{self, Commits, How},
};
use crate::hail::{
    Block, Content, Event, EventType, Header, Session, SessionId, Sink, Timestamp, attribute, cut, title_of,
};

/// How much is kept of what the agent said, in characters.
const ANSWER_CHARS: usize = 400;
/// The largest content of a created file whose lines are read, in bytes.
const MAX_CONTENT_BYTES: usize = 8 << 20;

/// A line and the one before it, which tells it from others of its text; zero where that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrittenLine {
    /// The line.
    pub line: Line,
    /// The line before.
    pub before: LineHash,
}

/// One change of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The path as the log has it.
    pub path: String,
    /// The directory that a relative path is meant from, where the log says so at this place.
    pub directory: Option<String>,
    /// When it began and when it was done.
    pub from: Timestamp,
    /// When it was done.
    pub at: Timestamp,
    /// The event, and its place among the events of the session.
    pub event: String,
    /// The prompt that led here: its place in [`Writes::prompts`].
    pub prompt: Option<usize>,
    /// What the agent said last before: its place in [`Writes::answers`].
    pub answer: Option<usize>,
    /// What was done to the file.
    pub what: What,
}

/// What was done to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Lines were written and removed.
    Lines {
        /// The lines that are new.
        added: Vec<WrittenLine>,
        /// The lines that are gone.
        removed: Vec<Line>,
        /// Whether the file was created or overwritten, so that it has no other lines.
        is_whole: bool,
    },
    /// It was deleted.
    Deleted,
    /// It got this name, and was called so before.
    Moved {
        /// The old path.
        from: String,
    },
    /// A command that names it changed it; what it wrote is not known.
    Changed,
    /// A command may have changed it, which names no file: the path is empty.
    Anything,
}

/// A command that may make commits, or that has not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The agent's id of the call.
    pub id: Option<String>,
    /// The event.
    pub event: String,
    /// The command.
    pub command: String,
    /// Where it runs.
    pub directory: Option<String>,
    /// When it began.
    pub from: Timestamp,
    /// When it came back; `None` while it runs.
    pub until: Option<Timestamp>,
    /// Whether it makes commits.
    pub commits: Commits,
    /// The commits that its output names, abbreviated as git does.
    pub named: Vec<String>,
    /// The prompt that led here: its place in [`Writes::prompts`].
    pub prompt: Option<usize>,
}

/// Collects what a session, or a stretch of its log, wrote.
#[derive(Debug, Default)]
pub struct Writes {
    /// What is known of the session.
    pub header: Option<Header>,
    /// The changes of files, in the order in which they were done.
    pub writes: Vec<Write>,
    /// The commands that make commits.
    pub calls: Vec<Call>,
    /// What the person asked for.
    pub prompts: Vec<PromptAt>,
    /// What the agent said, cut.
    pub answers: Vec<String>,
    /// The calls that have no result yet, each with what it is going to have written.
    pending: HashMap<String, Pending>,
    /// The ids of pending calls in the order of the log.
    order: Vec<String>,
    /// The directory of the last event that names one.
    directory: Option<String>,
    has_results: bool,
}

#[derive(Debug, Default)]
struct Pending {
    writes: Vec<Write>,
    calls: Vec<Call>,
    /// Whether the command is known to have ended with an exit code.
    has_ended: bool,
}

impl Writes {
    /// Goes on after an earlier stretch of a log, whose last prompt is known.
    #[must_use]
    pub fn after(prompt: Option<&str>) -> Self {
        let known = |title: &str| PromptAt { event: String::new(), title: title.to_owned(), is_redacted: true };
        Self { prompts: prompt.map(known).into_iter().collect(), ..Self::default() }
    }

    /// What a whole session wrote.
    #[must_use]
    pub fn of(session: Session) -> Self {
        let mut writes = Self { header: Some(session.header), ..Self::default() };
        for event in session.events {
            // Only a sink that writes can fail.
            let _ = writes.event(event);
        }
        writes
    }

    /// The ids of the calls that have no result, in the order of the log.
    #[must_use]
    pub fn unanswered(&self) -> Vec<&str> {
        self.order.iter().filter(|id| self.pending.contains_key(*id)).map(String::as_str).collect()
    }

    /// The commands that run, in the order of the log.
    #[must_use]
    pub fn running(&self) -> Vec<&Call> {
        let pending = self.order.iter().filter_map(|id| self.pending.get(id));
        pending.flat_map(|pending| &pending.calls).collect()
    }

    /// Ends the session: in a log that never tells results, whatever was asked for was done.
    pub fn finish(&mut self) {
        if self.has_results {
            return;
        }
        for id in std::mem::take(&mut self.order) {
            let Some(pending) = self.pending.remove(&id) else { continue };
            self.writes.extend(pending.writes);
            self.calls.extend(pending.calls);
        }
    }

    /// The session that is credited: a subagent works for the one that started it.
    #[must_use]
    pub fn session(&self) -> Option<SessionId> {
        self.header.as_ref().map(credited)
    }

    fn edit(&mut self, event: &Event, what: What, path: &str) {
        let write = self.write(event, event_directory(event), path, what);
        self.done(event, vec![write], Vec::new());
    }

    fn write(&self, event: &Event, directory: Option<String>, path: &str, what: What) -> Write {
        Write {
            path: path.to_owned(),
            directory: directory.or_else(|| self.directory.clone()),
            from: event.timestamp,
            at: event.timestamp,
            event: event.event_id.clone(),
            prompt: self.prompts.len().checked_sub(1),
            answer: self.answers.len().checked_sub(1),
            what,
        }
    }

    /// Takes what an event did: now, or once the result of its call is known.
    fn done(&mut self, event: &Event, writes: Vec<Write>, calls: Vec<Call>) {
        let Some(id) = event.attributes.get(attribute::CALL_ID).and_then(serde_json::Value::as_str) else {
            self.writes.extend(writes);
            self.calls.extend(calls);
            return;
        };
        if !self.pending.contains_key(id) {
            self.order.push(id.to_owned());
        }
        let pending = self.pending.entry(id.to_owned()).or_default();
        pending.has_ended |= matches!(event.event_type, EventType::ShellCommand { exit_code: Some(_), .. });
        pending.writes.extend(writes);
        pending.calls.extend(calls);
    }

    /// A call came back.
    fn returned(&mut self, id: &str, is_error: bool, event: &Event) {
        self.has_results = true;
        let Some(pending) = self.pending.remove(id) else { return };
        // A command that failed may have written before it did; one without an exit code never ran.
        let is_command = !pending.calls.is_empty() || pending.has_ended;
        if is_error && !(is_command && pending.has_ended) {
            return;
        }
        let at = event.timestamp;
        self.writes.extend(pending.writes.into_iter().map(|write| Write { at, ..write }));
        let named = if pending.calls.is_empty() { Vec::new() } else { commits_in(&event.content) };
        self.calls.extend(pending.calls.into_iter().map(|call| Call { until: Some(at), named: named.clone(), ..call }));
    }

    fn command(&mut self, event: &Event, command: &str) {
        let directory = event_directory(event).or_else(|| self.directory.clone());
        let script = shell::parse(command);
        let within = |below: &Option<String>| match (directory.as_deref(), below.as_deref()) {
            (Some(directory), Some(below)) => Some(format!("{directory}/{below}")),
            (None, Some(below)) => Some(below.to_owned()),
            (directory, None) => directory.map(str::to_owned),
        };
        let mut writes = Vec::new();
        for written in shell::written(&script) {
            let what = match written.how {
                How::Lines { text, is_append } => lines_of(&text, !is_append),
                How::Changed => What::Changed,
                How::Removed => What::Deleted,
                How::Moved { from } => What::Moved { from },
                How::Anything => What::Anything,
                // What git put back is not what the session wrote.
                How::Reverted => continue,
            };
            let directory = match &written.directory {
                Some(below) if below.starts_with('/') => Some(below.clone()),
                below => within(below),
            };
            writes.push(self.write(event, directory, &written.path, what));
        }
        let commits = shell::commits(&script);
        let call = Call {
            id: event.attributes.get(attribute::CALL_ID).and_then(serde_json::Value::as_str).map(str::to_owned),
            event: event.event_id.clone(),
            command: command.to_owned(),
            directory,
            from: event.timestamp,
            until: None,
            commits,
            named: Vec::new(),
            prompt: self.prompts.len().checked_sub(1),
        };
        self.done(event, writes, vec![call]);
    }
}

impl Sink for Writes {
    fn header(&mut self, header: Header) -> io::Result<()> {
        self.header = Some(header);
        Ok(())
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        // Where a command runs says nothing about the next event.
        if !matches!(event.event_type, EventType::ShellCommand { .. })
            && let Some(directory) = event_directory(&event)
        {
            self.directory = Some(directory);
        }
        match &event.event_type {
            EventType::UserMessage => {
                let title = title_of(&event.content.to_text());
                if !title.is_empty() {
                    self.prompts.push(PromptAt { event: event.event_id, title, is_redacted: false });
                }
            }
            EventType::AgentMessage | EventType::Thinking => {
                let text = cut(&event.content.to_text(), ANSWER_CHARS);
                if !text.trim().is_empty() {
                    self.answers.push(text);
                }
            }
            EventType::ShellCommand { command, .. } => self.command(&event, command),
            EventType::ToolResult { call_id: Some(call), is_error, .. } => self.returned(call, *is_error, &event),
            EventType::FileEdit { path, diff } => {
                let hunks = diff.as_deref().map(diff::parse).unwrap_or_default();
                let moved = renamed_from(&event.content).map(|from| What::Moved { from });
                let lines = (!hunks.is_empty()).then(|| of_hunks(&hunks, false));
                let whats = match (moved, lines) {
                    (None, None) => vec![What::Changed],
                    (moved, lines) => moved.into_iter().chain(lines).collect(),
                };
                for what in whats {
                    self.edit(&event, what, path);
                }
            }
            EventType::FileCreate { path } => {
                let what = created(&event.content).map_or(What::Changed, |text| lines_of(text, true));
                self.edit(&event, what, path);
            }
            EventType::FileDelete { path } => self.edit(&event, What::Deleted, path),
            _ => {}
        }
        Ok(())
    }
}

/// The session that is credited with a log: a subagent works for the one that started it.
#[must_use]
pub fn credited(header: &Header) -> SessionId {
    let parent = header.attribute(attribute::PARENT_SESSION_ID).filter(|_| header.role() == "auxiliary");
    parent.and_then(|parent| parent.parse().ok()).unwrap_or_else(|| header.session_id.clone())
}

fn event_directory(event: &Event) -> Option<String> {
    event.attributes.get(attribute::CWD).and_then(serde_json::Value::as_str).map(str::to_owned)
}

fn created(content: &Content) -> Option<&str> {
    let text = |block: &'_ Block| matches!(block, Block::File { content: Some(_), .. });
    let block = content.blocks.iter().find(|block| text(block))?;
    let Block::File { content: Some(content), .. } = block else { return None };
    (content.len() <= MAX_CONTENT_BYTES).then_some(content)
}

fn lines_of(text: &str, is_whole: bool) -> What {
    let added: Vec<Line> = text.lines().map(Line::of).collect();
    of_hunks(&[Hunk { start: 1, added, ..Hunk::default() }], is_whole)
}

/// The lines of hunks, but for those on both sides of one: the agent quoted them to find its place.
fn of_hunks(hunks: &[Hunk], is_whole: bool) -> What {
    let (mut added, mut removed) = (Vec::new(), Vec::new());
    for hunk in hunks {
        let mut gone: HashMap<LineHash, usize> = HashMap::new();
        for line in &hunk.removed {
            *gone.entry(line.hash).or_default() += 1;
        }
        let mut quoted: HashMap<LineHash, usize> = HashMap::new();
        let mut before = hunk.before;
        for line in &hunk.added {
            match gone.get_mut(&line.hash).filter(|count| **count > 0) {
                Some(count) => {
                    *count -= 1;
                    *quoted.entry(line.hash).or_default() += 1;
                }
                None => added.push(WrittenLine { line: *line, before }),
            }
            before = line.hash;
        }
        removed.extend(hunk.removed.iter().filter(|line| match quoted.get_mut(&line.hash) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        }));
    }
    What::Lines { added, removed, is_whole }
}

fn renamed_from(content: &Content) -> Option<String> {
    content.blocks.iter().find_map(|block| match block {
        Block::Json { data } => data.get("renamed_from").and_then(serde_json::Value::as_str).map(str::to_owned),
        _ => None,
    })
}

/// The commits that git says it made: `[main abc1234] subject`.
fn commits_in(content: &Content) -> Vec<String> {
    let mut found = Vec::new();
    for text in content.texts() {
        for line in text.lines() {
            let Some((head, _)) = line.trim_start().strip_prefix('[').and_then(|rest| rest.split_once("] ")) else {
                continue;
            };
            let id = head.rsplit(' ').next().unwrap_or_default();
            let is_id = (7..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_id && head.contains(' ') {
                found.push(id.to_owned());
            }
        }
    }
    found
}
