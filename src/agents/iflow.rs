//! iFlow CLI: Claude Code's envelope around Gemini CLI's tools, one record a line.
//!
//! Learned from a public log and from public programs that read such logs; the program's own source is not public. An
//! answer is written again and again while its calls run, each time with the calls that run then.

use std::{collections::HashMap, io, path::Path};

use serde_json::Value;

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, field,
    folders::{self, Names},
    identity,
    message::{self, Message, Part, Speaker},
    parts,
    records::{self, Record, Teller, text, time},
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Content, Event, EventType, SessionId, Sink, Timestamp},
};

/// The members of a record that are said elsewhere, or the same on almost every line.
const TOLD: [&str; 12] = [
    "uuid",
    "parentUuid",
    "sessionId",
    "timestamp",
    "type",
    "cwd",
    "version",
    "gitBranch",
    "userType",
    "isSidechain",
    "message",
    "toolUseResult",
];

/// The iFlow CLI reader.
pub(super) struct Iflow;

impl Agent for Iflow {
    fn name(&self) -> &'static str {
        "iflow"
    }

    fn title(&self) -> &'static str {
        "iFlow CLI"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let Some(home) = environment.home() else { return Vec::new() };
        let names = scope.folder.map(|folder| Names::of(folder, encoded));
        let may_hold = |name: &str| names.as_ref().is_none_or(|names| names.may_hold(name));
        let projects = folders::folders(&home.join(".iflow/projects"), may_hold);
        folders::in_scope(
            projects.iter().flat_map(|project| folders::files(project, folders::is_jsonl)).collect(),
            scope,
        )
    }

    fn forked_from(&self) -> Option<&'static str> {
        Some("claude-code")
    }

    fn keeps(&self, path: &Path) -> bool {
        path.iter().any(|folder| folder == ".iflow")
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.records.iter().any(|record| {
            let is_own = record["sessionId"].as_str().is_some_and(|id| id.starts_with("session-"));
            is_own && record["uuid"].is_string() && record["message"].is_object() && record.get("parentUuid").is_some()
        })
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let out = message::transcript("iflow", "iflow-jsonl", sink);
        let mut parser = Parser { out, seen: HashMap::new(), last: None, session: None, first: None };
        records::tell(log, self.title(), &mut parser)?;
        let id = records::session_id(log, [parser.session.as_deref(), records::stem(log)], "iflow", parser.first);
        Ok(parser.out.finish(id)?)
    }
}

/// A project's folder: every character but ASCII letters and digits becomes a dash.
fn encoded(folder: &Path) -> (String, &'static str) {
    let dash = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    (folder.to_string_lossy().chars().map(dash).collect(), "")
}

struct Parser<'s> {
    out: Transcript<'s>,
    /// The time of each record, by its id: a copy is read once.
    seen: HashMap<String, Option<Timestamp>>,
    /// The record that the last answer followed, and what that answer used: written again, it counts once.
    last: Option<(String, [u64; 4])>,
    session: Option<String>,
    /// The id made of the first record of this agent, for a session that has no name.
    first: Option<SessionId>,
}

impl<'s> Teller<'s> for Parser<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.first.is_some()
    }

    fn state(&self) -> serde_json::Result<Option<Value>> {
        serde_json::to_value((&self.seen, &self.last, &self.session, &self.first)).map(Some)
    }

    fn restore(&mut self, state: Value) -> serde_json::Result<()> {
        (self.seen, self.last, self.session, self.first) = serde_json::from_value(state)?;
        Ok(())
    }

    fn record(&mut self, line: u64, mut record: Record) -> io::Result<()> {
        let kind = text(&record, "type").unwrap_or_default().to_owned();
        let at = time(&record, "timestamp");
        let own = text(&record, "uuid").map(str::to_owned);
        let message = record.get("message").filter(|message| message.is_object()).cloned();
        let (Some(own), Some(message), "user" | "assistant") = (own, message, kind.as_str()) else {
            return self.out.unknown(&format!("line-{line}"), at, &kind, Value::Object(record));
        };
        if self.first.is_none() {
            self.first = Some(identity::hashed_id("iflow", &Value::Object(record.clone()).to_string()));
        }
        let id = match self.seen.insert(own.clone(), at) {
            Some(known) if known == at && at.is_some() => return Ok(()),
            Some(_) => format!("{own}-{line}"),
            None => own,
        };
        self.facts(&record);
        let parent = text(&record, "parentUuid").unwrap_or_default().to_owned();
        let result = record.remove("toolUseResult").unwrap_or_default();
        let fields = field::rest(&Value::Object(record), &TOLD);
        let is_agent = kind == "assistant";
        let mut told = Message::new(id, at, if is_agent { Speaker::Agent } else { Speaker::Person });
        told.attributes.extend(fields.map(|fields| ("source.fields", fields)));
        match message.get("content").unwrap_or(&Value::Null) {
            Value::Array(blocks) => blocks.iter().for_each(|block| self.block(&mut told, block, &result)),
            other => told.say(field::content(other)),
        }
        if is_agent {
            self.answer(&mut told, &message, parent);
        }
        if told.parts.is_empty() {
            told.attributes.clear();
        }
        told.send(&mut self.out)
    }
}

impl Parser<'_> {
    /// Takes what a record says of the session.
    fn facts(&mut self, record: &Record) {
        let field = |key: &str| text(record, key).map(str::to_owned);
        let facts = &mut self.out.facts;
        facts.cwd = facts.cwd.take().or_else(|| field("cwd"));
        facts.branch = field("gitBranch").or(facts.branch.take());
        facts.version = field("version").or(facts.version.take());
        let session = field("sessionId");
        match &self.session {
            None => self.session = session,
            // A log that goes on from another session names that one in its copied records.
            Some(own) => {
                let other = session.filter(|id| id != own && !facts.related.contains(id));
                facts.related.extend(other);
            }
        }
    }

    fn answer(&mut self, told: &mut Message, message: &Value, parent: String) {
        if let Some(model) = field::text(message, "model") {
            message::note_model(&mut self.out, model);
            told.model = Some(model.to_owned());
        }
        let usage = message.get("usage").unwrap_or(&Value::Null);
        let keys = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
        let counts = keys.map(|key| field::count(usage, key));
        let answer = (parent, counts);
        if self.last.as_ref() != Some(&answer) {
            let [input, output, cache_read, cache_write] = counts;
            told.tokens = Tokens { input, output, cache_read, cache_write, ..Tokens::default() };
        }
        self.last = Some(answer);
    }

    fn block(&mut self, told: &mut Message, block: &Value, view: &Value) {
        let text = |key: &str| field::text(block, key).unwrap_or_default().to_owned();
        match field::text(block, "type") {
            Some("tool_use") => {
                let id = text("id");
                let is_told = |part: &Part| matches!(part, Part::Call { id: known, .. } if *known == id);
                if !self.out.knows_call(&id) && !told.parts.iter().any(is_told) {
                    let arguments = block.get("input").cloned().unwrap_or_default();
                    told.parts.push(Part::Call { id, name: text("name"), arguments });
                }
            }
            Some("tool_result") => {
                let id = text("tool_use_id");
                let outcome = self.outcome(&id, block, view);
                told.parts.push(Part::Result { id, outcome });
            }
            Some("thinking") => told.parts.push(Part::Thought(text("thinking"))),
            _ => told.say(Content { blocks: field::block(block).into_iter().collect() }),
        }
    }

    /// What a tool returned: Gemini's response, and what the program showed of it.
    fn outcome(&mut self, call: &str, block: &Value, view: &Value) -> Outcome {
        let content = block.get("content").unwrap_or(&Value::Null);
        let status = field::text(view, "status").unwrap_or_default();
        let response = content.pointer("/responseParts/functionResponse/response");
        let is_error = block.get("is_error") == Some(&Value::Bool(true))
            || matches!(status, "error" | "failed" | "cancelled")
            || response.is_some_and(|response| response.get("error").is_some());
        let Some(response) = response else {
            return Outcome { content: field::content(content), is_error, ..Outcome::default() };
        };
        let display = content.get("resultDisplay");
        let mut outcome = parts::outcome(response.clone(), display, is_error);
        parts::name_file(&mut outcome, self.out.waiting_call(call));
        let is_command = |event: &mut Event| matches!(event.event_type, EventType::ShellCommand { .. });
        if !self.out.waiting_call(call).is_some_and(is_command) {
            outcome.exit_code = None;
        }
        outcome
    }
}
