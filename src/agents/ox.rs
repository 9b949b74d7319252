//! ox: what it recorded of another agent's session, `raw.jsonl`.
//!
//! Learned from its public source. A header with `metadata`, or one named `_meta`; entries whose
//! fields are on the line or below `data`; a footer. Neither form ties a result to its call by an id
//! everywhere, so that results go to the calls in their order.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, field, identity,
    message::{self, Message, Part, Speaker},
    records,
    tool::{self, Kind},
    transcript::{Outcome, Transcript},
};
use crate::{
    environment::Environment,
    hail::{SessionId, Sink, Timestamp, attribute},
};

/// The members of an entry that are said elsewhere.
const ENTRY: [&str; 22] = [
    "type",
    "content",
    "seq",
    "eid",
    "ts",
    "timestamp",
    "role",
    "data",
    "tool",
    "tool_name",
    "tool_input",
    "tool_output",
    "input",
    "output",
    "result",
    "call_id",
    "tool_call_id",
    "tool_use_id",
    "is_error",
    "exit_code",
    "model",
    "text",
];

/// The ox reader.
pub(super) struct Ox;

impl Agent for Ox {
    fn name(&self) -> &'static str {
        "ox"
    }

    fn title(&self) -> &'static str {
        "ox"
    }

    // It records sessions of other agents, whose own logs are read: theirs say more, and a session
    // must not be stored twice.
    fn logs(&self, _: &Environment, _: &Scope<'_>) -> Vec<LogFile> {
        Vec::new()
    }

    fn has_home(&self) -> bool {
        false
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.records.first().is_some_and(|record| metadata(record).is_some())
    }

    // A header may be written anew, and a result belongs to a call before it.
    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let mut transcript = message::transcript("ox", "ox-raw", sink);
        let path: Option<PathBuf> = log.path.map(Path::to_owned);
        let mut reader = Reader::default();
        records::each((None, log), self.title(), &mut transcript, &mut |transcript, line, record| {
            reader.entry(transcript, line, &record)?;
            Ok(reader.id.is_some())
        })?;
        let id = reader.session_id(path.as_deref());
        Ok(transcript.finish(id)?)
    }
}

/// What a header says.
fn metadata(record: &Value) -> Option<&Value> {
    let is_header = field::text(record, "type") == Some("header") && record.get("session_id").is_none();
    let found = if is_header { record.get("metadata") } else { record.get("_meta") };
    found.filter(|metadata| ["agent_type", "agent_id", "session_id"].iter().any(|key| metadata.get(*key).is_some()))
}

#[derive(Default)]
struct Reader {
    /// Ids by how well they tell a session from others, and the header as a last resort.
    id: Option<(Option<String>, Option<String>, String)>,
    /// The calls without a result: id and name.
    open: VecDeque<(String, String)>,
}

impl Reader {
    fn entry(&mut self, transcript: &mut Transcript<'_>, line: u64, record: &Value) -> std::io::Result<()> {
        if let Some(metadata) = metadata(record).filter(|_| self.id.is_none()) {
            self.header(transcript, metadata);
            return Ok(());
        }
        let body = record.get("data").filter(|data| data.is_object()).unwrap_or(record);
        let time = record.get("timestamp").or_else(|| record.get("ts")).and_then(field::time);
        let id = field::text(record, "eid").map_or_else(|| format!("line-{line}"), str::to_owned);
        let kind = field::text(record, "type").unwrap_or_default();
        let kind = if kind == "message" { field::text(body, "role").unwrap_or_default() } else { kind };
        let speaker = match kind {
            "user" => Speaker::Person,
            "assistant" | "thinking" => Speaker::Agent,
            "system" => Speaker::Program("system"),
            "tool" | "tool_call" => return self.call(transcript, (&id, time), body),
            "tool_result" => return self.result(transcript, (&id, time), body),
            "footer" => {
                let ended = record.get("closed_at").or_else(|| record.get("ended_at"));
                transcript.facts.ended = ended.and_then(field::time);
                return Ok(());
            }
            _ => return transcript.unknown(&id, time, kind, record.clone()),
        };
        let content = field::content(body.get("content").or_else(|| body.get("text")).unwrap_or(&Value::Null));
        let mut message = Message::new(id, time, speaker);
        if kind == "thinking" {
            message.parts.push(Part::Thought(content.to_text()));
        } else {
            message.say(content);
        }
        message.model = field::text(body, "model").map(str::to_owned);
        message.attributes.extend(field::rest(body, &ENTRY).map(|rest| ("source.fields", rest)));
        message.send(transcript)
    }

    fn header(&mut self, transcript: &mut Transcript<'_>, metadata: &Value) {
        let text = |keys: &[&str]| field::any_text(metadata, keys).map(str::to_owned);
        let own = text(&["session_id"]);
        let unique = own.clone().filter(|id| id.starts_with("ses_")).or_else(|| text(&["oxsid"]));
        self.id = Some((unique, own, metadata.to_string()));
        let facts = &mut transcript.facts;
        facts.began = ["created_at", "started_at"].iter().find_map(|key| metadata.get(*key).and_then(field::time));
        facts.ended = metadata.get("ended_at").and_then(field::time);
        facts.version = text(&["ox_version"]);
        if let Some(model) = text(&["model"]) {
            facts.provider = field::provider_of(&model).to_owned();
            facts.model = model;
        }
        let named = [
            ("recorded_agent", text(&["agent_type"])),
            ("recorded_agent_version", text(&["agent_version"])),
            ("recorded_agent_id", text(&["agent_id"])),
            ("repo_id", text(&["repo_id"])),
            (attribute::GIT_REMOTE, text(&["project_remote"]).map(|url| field::without_credentials(&url))),
            ("source", text(&["source"])),
        ];
        facts.attributes.extend(named.into_iter().filter_map(|(key, value)| Some((key, Value::from(value?)))));
    }

    /// The id: one that is unique, the folder's name, the agent's short id, or the header's hash.
    fn session_id(self, path: Option<&Path>) -> SessionId {
        let Some((unique, own, header)) = self.id else { return identity::hashed_id("ox", "") };
        let raw = path.filter(|path| path.file_name().is_some_and(|name| name == "raw.jsonl"));
        let folder = raw.and_then(Path::parent).and_then(Path::file_name);
        let folder = folder.map(|name| name.to_string_lossy().into_owned());
        match unique.or(folder).or(own) {
            Some(id) => identity::session_id("ox", &id),
            None => identity::hashed_id("ox", &header),
        }
    }

    fn call(
        &mut self,
        transcript: &mut Transcript<'_>,
        (id, time): (&str, Option<Timestamp>),
        body: &Value,
    ) -> std::io::Result<()> {
        let name = field::any_text(body, &["tool_name", "tool", "name"]).unwrap_or_default().to_owned();
        let input = body.get("tool_input").or_else(|| body.get("input")).unwrap_or(&Value::Null);
        let call = call_id(body).unwrap_or(id).to_owned();
        let mut message = Message::new(id.to_owned(), time, Speaker::Agent);
        let arguments = arguments(&name, input);
        message.parts.push(Part::Call { id: call.clone(), name: name.clone(), arguments });
        message.attributes.extend(field::rest(body, &ENTRY).map(|rest| ("source.fields", rest)));
        message.send(transcript)?;
        self.open.push_back((call, name));
        if body.get("tool_output").is_some_and(|output| !output.is_null()) {
            let id = format!("{id}-result");
            return self.result(transcript, (&id, time), body);
        }
        Ok(())
    }

    fn result(
        &mut self,
        transcript: &mut Transcript<'_>,
        (id, time): (&str, Option<Timestamp>),
        body: &Value,
    ) -> std::io::Result<()> {
        let name = field::any_text(body, &["tool_name", "tool", "name"]);
        let own = call_id(body);
        let place = self.open.iter().position(|(call, asked)| match own {
            Some(own) => own == call,
            None => name.is_none_or(|name| name == asked),
        });
        // A call with its output on the same line has no id of its own, and is the last.
        let is_whole = own.is_none() && body.get("tool_output").is_some_and(|output| !output.is_null());
        let found = if is_whole { self.open.pop_back() } else { place.and_then(|place| self.open.remove(place)) };
        let call = found.map(|(call, _)| call).or_else(|| own.map(str::to_owned));
        let output = ["tool_output", "result", "output", "content"].iter().find_map(|key| body.get(*key));
        let code = body.get("exit_code").and_then(Value::as_i64);
        let outcome = Outcome {
            content: field::content(output.unwrap_or(&Value::Null)),
            is_error: body.get("is_error") == Some(&Value::Bool(true)),
            exit_code: code.and_then(|code| i32::try_from(code).ok()),
            ..Outcome::default()
        };
        transcript.result((id, call.as_deref().unwrap_or(id)), time, outcome)
    }
}

fn call_id(body: &Value) -> Option<&str> {
    field::any_text(body, &["call_id", "tool_call_id", "tool_use_id"])
}

/// The arguments of a call: an object, an object as text, or what the tool is about.
fn arguments(name: &str, input: &Value) -> Value {
    let Some(text) = input.as_str() else { return input.clone() };
    if let Ok(Value::Object(members)) = serde_json::from_str(text) {
        return Value::Object(members);
    }
    let key = match tool::kind_of(name) {
        Some(Kind::Shell) => "command",
        Some(Kind::Read) => "file_path",
        Some(Kind::Search | Kind::Glob) => "pattern",
        Some(Kind::Fetch) => "url",
        Some(Kind::WebSearch) => "query",
        _ => "input",
    };
    json!({ key: text })
}
