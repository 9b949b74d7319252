//! Junie, the agent of `JetBrains`: a log of events a session, in which each block is written again whenever it changes.
//!
//! Its source is not public: learned from public programs that read the logs of its command line, and from the logs
//! that they test with.

use std::{collections::HashSet, io, path::Path};

use serde_json::{Value, json};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, diff, field, folders, identity,
    message::{self, Message, Speaker},
    records::{self, Record, Teller},
    tool::{self, Call, Kind},
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Block, Content, EventType, SessionId, Sink, Timestamp},
    system::files,
};

/// The file of the events, in the folder of a session.
const NAME: &str = "events.jsonl";
/// What only says how the program stands, or repeats all that it knows.
const NOISE: [&str; 6] = [
    "AgentCurrentStatusUpdatedEvent",
    "AgentStateUpdatedEvent",
    "EnvironmentVariablesUpdatedEvent",
    "TipSuggestionCreatedEvent",
    "ContextWindowReportEvent",
    "UserMessagesCommittedToHistory",
];

/// The Junie reader.
pub(super) struct Junie;

impl Agent for Junie {
    fn name(&self) -> &'static str {
        "junie"
    }

    fn title(&self) -> &'static str {
        "Junie"
    }

    // The folders are named by the time, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let Some(home) = environment.folder("JUNIE_HOME", ".junie") else { return Vec::new() };
        let sessions = folders::folders(&home.join("sessions"), |_| true);
        folders::in_scope(sessions.iter().filter_map(|folder| LogFile::at(folder.join(NAME))).collect(), scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.records.iter().any(|record| match record["kind"].as_str() {
            Some("UserPromptEvent") => record["prompt"].is_string(),
            Some("SessionA2uxEvent") => record["event"]["agentEvent"]["kind"].is_string(),
            _ => false,
        })
    }

    // A block changes until it is done: what was told before it cannot be gone on from.
    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        sample.records.iter().find_map(|record| record["event"]["agentEvent"]["currentDirectory"].as_str())
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let name = log.path.filter(|path| path.ends_with(NAME)).and_then(|path| path.parent()?.file_name()?.to_str());
        let mut out = message::transcript("junie", "junie-events", sink);
        if let Some((path, name)) = log.path.zip(name) {
            note_index(&mut out, path, name);
        }
        let mut parser = Parser { out, open: Vec::new(), done: HashSet::new(), first: None };
        records::tell(log, self.title(), &mut parser)?;
        for (id, at, block) in std::mem::take(&mut parser.open) {
            parser.block(&id, at, &block, false)?;
        }
        let id = records::session_id(log, [name, records::stem(log).filter(|_| name.is_none())], "junie", parser.first);
        Ok(parser.out.finish(id)?)
    }
}

/// Takes what the list of sessions says of one.
fn note_index(out: &mut Transcript<'_>, path: &Path, name: &str) {
    let index = path.ancestors().nth(2).map(|sessions| sessions.join("index.jsonl"));
    let text = index.and_then(|index| files::read_text(&index, files::LARGE).ok()).unwrap_or_default();
    let mut entries = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let Some(entry) = entries.find(|entry| field::text(entry, "sessionId") == Some(name)) else { return };
    out.facts.title = field::text(&entry, "taskName").map(str::to_owned);
    out.facts.cwd = field::any_text(&entry, &["projectDir", "cwd"]).map(str::to_owned);
    out.facts.began = entry.get("createdAt").and_then(field::time);
    out.facts.ended = entry.get("updatedAt").and_then(field::time);
}

struct Parser<'s> {
    out: Transcript<'s>,
    /// The blocks that may change, in the order in which they began.
    open: Vec<(String, Option<Timestamp>, Value)>,
    /// Those that are done.
    done: HashSet<String>,
    /// The id made of the first event, for a session that has no name.
    first: Option<SessionId>,
}

impl<'s> Teller<'s> for Parser<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.first.is_some()
    }

    fn record(&mut self, line: u64, record: Record) -> io::Result<()> {
        let record = Value::Object(record);
        let id = format!("line-{line}");
        let at = record.get("timestampMs").and_then(field::time);
        let kind = field::text(&record, "kind").unwrap_or_default();
        if self.first.is_none() && matches!(kind, "UserPromptEvent" | "SessionA2uxEvent") {
            self.first = Some(identity::hashed_id("junie", &record.to_string()));
        }
        match (kind, record.pointer("/event/agentEvent").filter(|event| event.is_object())) {
            ("UserPromptEvent", _) => {
                let mut message = Message::new(id, at, Speaker::Person);
                message.say(record.get("prompt").map(field::content).unwrap_or_default());
                message.send(&mut self.out)
            }
            ("SessionA2uxEvent", Some(event)) => {
                let completion = record.get("completion").and_then(|completion| completion.get("taskCostUsd"));
                self.told(&id, at, event, completion.and_then(Value::as_f64))
            }
            (kind, _) if NOISE.contains(&kind) => Ok(()),
            (kind, _) => self.out.unknown(&id, at, kind, record.clone()),
        }
    }
}

impl Parser<'_> {
    fn told(&mut self, id: &str, at: Option<Timestamp>, event: &Value, _cost: Option<f64>) -> io::Result<()> {
        let kind = field::text(event, "kind").unwrap_or_default();
        match kind {
            "AgentTaskNameUpdatedEvent" => {
                let name = field::any_text(event, &["taskName", "name"]).map(str::to_owned);
                self.out.facts.title = self.out.facts.title.take().or(name);
                Ok(())
            }
            "CurrentDirectoryUpdatedEvent" => {
                let folder = field::text(event, "currentDirectory").map(str::to_owned);
                self.out.facts.cwd = self.out.facts.cwd.take().or(folder);
                Ok(())
            }
            "LlmResponseMetadataEvent" => self.used(id, at, event),
            "AgentFailureEvent" => {
                let mut message = Message::new(id.to_owned(), at, Speaker::Program("error"));
                message.say(event.get("message").map(field::content).unwrap_or_default());
                message.send(&mut self.out)
            }
            kind if NOISE.contains(&kind) => Ok(()),
            kind => match field::text(event, "stepId") {
                Some(step) if is_block(kind) => self.update(step, at, event),
                _ => self.out.unknown(id, at, kind, event.clone()),
            },
        }
    }

    /// Takes a block as it is now; once it is done, nothing changes it any more.
    fn update(&mut self, step: &str, at: Option<Timestamp>, event: &Value) -> io::Result<()> {
        if self.done.contains(step) {
            return Ok(());
        }
        let place = self.open.iter().position(|(open, _, _)| open == step);
        let status = field::text(event, "status").unwrap_or_default();
        let is_result = field::text(event, "kind") == Some("ResultBlockUpdatedEvent");
        if is_result || matches!(status, "COMPLETED" | "FAILED" | "CANCELLED" | "CANCELED" | "ERROR") {
            let began = place.and_then(|place| self.open.remove(place).1);
            self.done.insert(step.to_owned());
            return self.block(step, began.or(at), event, true);
        }
        match place {
            Some(place) => self.open[place].2 = event.clone(),
            None => self.open.push((step.to_owned(), at, event.clone())),
        }
        Ok(())
    }

    /// Tells a block.
    fn block(&mut self, step: &str, at: Option<Timestamp>, event: &Value, is_done: bool) -> io::Result<()> {
        let kind = field::text(event, "kind").unwrap_or_default();
        if matches!(kind, "ResultBlockUpdatedEvent" | "MarkdownBlockUpdatedEvent" | "AgentThoughtBlockUpdatedEvent") {
            let words = field::any_text(event, &["result", "text"]).filter(|text| *text != "Empty");
            let kind = if kind.starts_with("AgentThought") { EventType::Thinking } else { EventType::AgentMessage };
            let Some(words) = words else { return Ok(()) };
            let said = self.out.event(step, at, kind, "block").with_content(Content::text(words));
            return self.out.push(said);
        }
        let (name, calls) = calls(kind, event);
        self.out.calls((step, step), at, name, calls)?;
        if !is_done {
            return Ok(());
        }
        let status = field::text(event, "status").unwrap_or_default();
        let code = event.get("exitCode").and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok());
        let outcome = Outcome {
            content: field::any_text(event, &["output", "details"]).map_or_else(Content::default, Content::text),
            is_error: status != "COMPLETED" || code.is_some_and(|code| code != 0),
            exit_code: code,
            ..Outcome::default()
        };
        self.out.result((&format!("{step}-result"), step), at, outcome)
    }

    /// Tells what an answer used.
    fn used(&mut self, id: &str, at: Option<Timestamp>, event: &Value) -> io::Result<()> {
        let usages = event.get("modelUsage").and_then(Value::as_array).into_iter().flatten();
        for (n, usage) in usages.enumerate() {
            let count = |key: &str| field::count(usage, key);
            let mut message = Message::new(format!("{id}-{n}"), at, Speaker::Agent);
            message.tokens = Tokens {
                input: count("inputTokens"),
                output: count("outputTokens"),
                cache_read: count("cacheInputTokens"),
                cache_write: count("cacheCreateTokens"),
                reasoning: 0,
                cost: usage.get("cost").and_then(Value::as_f64),
            };
            if let Some(model) = field::text(usage, "model") {
                message::note_model(&mut self.out, model);
                message.model = Some(model.to_owned());
            }
            message.send(&mut self.out)?;
        }
        Ok(())
    }
}

fn is_block(kind: &str) -> bool {
    kind.ends_with("BlockUpdatedEvent")
}

/// The events of a block that is a call.
fn calls(kind: &str, event: &Value) -> (&'static str, Vec<Call>) {
    let list = |key: &str| event.get(key).and_then(Value::as_array).into_iter().flatten();
    let (name, found): (&str, Vec<Call>) = match kind {
        "TerminalBlockUpdatedEvent" => {
            let command = event.get("command").filter(|command| command.is_string());
            let call = |command: &Value| tool::call_as(Kind::Shell, "terminal", json!({ "command": command }));
            ("terminal", command.map(call).into_iter().collect())
        }
        "ViewFilesBlockUpdatedEvent" => {
            let paths = list("files").filter_map(|file| field::any_text(file, &["relativePath", "path"]));
            ("view_files", paths.map(|path| tool::call_as(Kind::Read, "view_files", json!({ "path": path }))).collect())
        }
        "FileChangesBlockUpdatedEvent" => ("change_files", list("changes").filter_map(change).collect()),
        "McpBlockUpdatedEvent" => ("mcp", Vec::new()),
        _ => ("tool", Vec::new()),
    };
    if found.is_empty() {
        let rest = field::rest(event, &["kind", "stepId", "status", "output", "details", "exitCode", "agent"]);
        return (name, vec![tool::generic(name, rest.unwrap_or_default())]);
    }
    (name, found)
}

/// The change of a file, from what it was before and after.
fn change(change: &Value) -> Option<Call> {
    let (before, after) = (field::text(change, "beforeRelativePath"), field::text(change, "afterRelativePath"));
    let text = |key: &str| change.get(key).and_then(Value::as_str);
    let mut content = Content::default();
    let event_type = match (before, after) {
        (Some(path), None) => EventType::FileDelete { path: path.to_owned() },
        (None, Some(path)) => {
            let written = text("afterContent").map(str::to_owned);
            content.blocks.push(Block::File { path: path.to_owned(), content: written });
            EventType::FileCreate { path: path.to_owned() }
        }
        (Some(from), Some(path)) => {
            if from != path {
                content.blocks.push(Block::Json { data: json!({ "renamed_from": from }) });
            }
            let both = text("beforeContent").zip(text("afterContent"));
            let diff = both.map(|(old, new)| diff::unified(path, old, new)).filter(|diff| !diff.is_empty());
            EventType::FileEdit { path: path.to_owned(), diff }
        }
        (None, None) => return None,
    };
    Some(Call { event_type, content, group: "edit" })
}
