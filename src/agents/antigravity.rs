//! Antigravity, Google's agent: the transcript of a conversation that its command line keeps.
//!
//! Learned in November 2026 from excerpts of real transcripts that a public reader tests with (June 2026). The
//! conversations themselves (`*.pb`) are encrypted and are not read. Records have no ids but the number of the
//! step: a result goes to the first call that waits for one. Long texts are cut by the program, which says so.

use std::{collections::VecDeque, io, path::Path};

use serde_json::{Map, Value, json};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, field, folders, identity,
    message::{self, Message, Part, Speaker},
    records,
    tool::{self, Call, Kind},
    transcript::{Outcome, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Content, Sink, Timestamp},
};

/// Arguments of the tools, and what the tool table calls them.
const NAMES: [(&str, &str); 13] = [
    ("CommandLine", "command"),
    ("AbsolutePath", "path"),
    ("TargetFile", "path"),
    ("DirectoryPath", "path"),
    ("CodeContent", "content"),
    ("TargetContent", "old_string"),
    ("ReplacementContent", "new_string"),
    ("ReplacementChunks", "edits"),
    ("Query", "query"),
    ("Pattern", "pattern"),
    ("Url", "url"),
    ("Task", "task"),
    ("Prompt", "prompt"),
];

/// The reader of Antigravity.
pub(super) struct Antigravity;

impl Agent for Antigravity {
    fn name(&self) -> &'static str {
        "antigravity"
    }

    fn title(&self) -> &'static str {
        "Antigravity"
    }

    // The folders are named by conversation, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let home = environment.folder("GEMINI_CLI_HOME", "").map(|home| home.join(".gemini"));
        let mut found = Vec::new();
        for program in ["antigravity-cli", "antigravity"] {
            let Some(brain) = home.as_ref().map(|home| home.join(program).join("brain")) else { continue };
            for conversation in folders::folders(&brain, |_| true) {
                found.extend(LogFile::at(conversation.join(".system_generated/logs/transcript.jsonl")));
            }
        }
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.records.iter().any(is_step)
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let mut transcript = message::transcript("antigravity", "antigravity-transcript", sink);
        "google".clone_into(&mut transcript.facts.provider);
        let path = log.path;
        let mut first = None;
        let mut open = VecDeque::new();
        records::each((None, log), self.title(), &mut transcript, &mut |transcript, line, record| {
            if is_step(&record) {
                first.get_or_insert_with(|| identity::hashed_id("antigravity", &record.to_string()));
            }
            step(transcript, line, &record, &mut open)?;
            Ok(is_step(&record))
        })?;
        let folder = path.and_then(|path| path.ancestors().nth(3)?.file_name()?.to_str());
        let id = records::session_id(log, [folder, None], "antigravity", first);
        Ok(transcript.finish(id)?)
    }
}

fn is_step(record: &Value) -> bool {
    record.get("step_index").is_some_and(Value::is_number)
        && ["source", "type", "status"].iter().all(|key| field::text(record, key).is_some())
}

/// A call that waits for its result.
type Open = VecDeque<String>;

fn step(transcript: &mut Transcript<'_>, line: u64, record: &Value, open: &mut Open) -> io::Result<()> {
    let id = format!("line-{line}");
    let time = record.get("created_at").and_then(field::time);
    let kind = field::text(record, "type").unwrap_or_default();
    let text = field::text(record, "content").unwrap_or_default();
    match (kind, field::text(record, "source")) {
        ("USER_INPUT", _) => prompt(transcript, &id, time, text),
        ("PLANNER_RESPONSE", _) => answer(transcript, &id, time, record, open),
        ("CHECKPOINT" | "SYSTEM_MESSAGE" | "CONVERSATION_HISTORY", _) => {
            let reason = if kind == "CHECKPOINT" { "compact_summary" } else { "system" };
            let mut message = Message::new(id, time, Speaker::Program(reason));
            message.say(Content::text(text));
            message.send(transcript)
        }
        (_, Some("MODEL")) if is_step(record) => match open.pop_front() {
            Some(call) => transcript.result((&id, &call), time, outcome(record, text)),
            None => transcript.unknown(&id, time, kind, record.clone()),
        },
        _ => transcript.unknown(&id, time, kind, record.clone()),
    }
}

/// What the person asked for is between tags; the rest is the program's.
fn prompt(transcript: &mut Transcript<'_>, id: &str, time: Option<Timestamp>, text: &str) -> io::Result<()> {
    let asked = text.split_once("<USER_REQUEST>").and_then(|(_, rest)| rest.split_once("</USER_REQUEST>"));
    let (asked, added) = asked.map_or((text, ""), |(asked, rest)| (asked.trim(), rest.trim()));
    if let Some(model) = chosen_model(added) {
        transcript.facts.model = model;
    }
    let mut message = Message::new(id.to_owned(), time, Speaker::Person);
    message.say(Content::text(asked));
    message.send(transcript)?;
    let mut message = Message::new(format!("{id}-context"), time, Speaker::Program("context"));
    message.say(Content::text(added));
    message.send(transcript)
}

/// The model that the person chose, as the program tells it to the model.
fn chosen_model(text: &str) -> Option<String> {
    let change = text.split_once("`Model Selection` from ")?.1;
    let model = change.lines().next()?.split_once(" to ")?.1;
    Some(model.trim().trim_end_matches('.').to_owned()).filter(|model| !model.is_empty())
}

fn answer(
    transcript: &mut Transcript<'_>,
    id: &str,
    time: Option<Timestamp>,
    record: &Value,
    open: &mut Open,
) -> io::Result<()> {
    let mut message = Message::new(id.to_owned(), time, Speaker::Agent);
    message.parts.extend(field::text(record, "thinking").map(|text| Part::Thought(text.to_owned())));
    message.say(Content::text(field::text(record, "content").unwrap_or_default()));
    for (index, call) in record.get("tool_calls").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let name = field::text(call, "name").unwrap_or_default().to_owned();
        let arguments = plain(call.get("args").unwrap_or(&Value::Null));
        let cwd = field::text(&arguments, "Cwd").map(str::to_owned);
        transcript.facts.cwd = transcript.facts.cwd.take().or(cwd);
        let call = format!("{id}-call-{index}");
        open.push_back(call.clone());
        message.parts.push(Part::Calls { id: call, calls: vec![self::call(&name, arguments)], name });
    }
    message.model = Some(transcript.facts.model.clone()).filter(|model| model != "unknown");
    if let Some(cut) = record.get("truncated_fields").filter(|_| !message.parts.is_empty()) {
        message.attributes.push(("truncated_fields", cut.clone()));
    }
    message.send(transcript)
}

/// The arguments of a call, each of which is JSON in a text.
fn plain(arguments: &Value) -> Value {
    let Some(members) = arguments.as_object() else { return arguments.clone() };
    let member = |(key, value): (&String, &Value)| (key.clone(), field::arguments(Some(value)));
    Value::Object(members.iter().map(member).collect())
}

fn call(name: &str, arguments: Value) -> Call {
    let Value::Object(members) = arguments else { return tool::call(name, arguments) };
    let known = |key: &str| {
        NAMES.iter().find(|(native, _)| *native == key).map_or(key.to_owned(), |(_, own)| (*own).to_owned())
    };
    let renamed = |members: Map<String, Value>| -> Map<String, Value> {
        members.into_iter().map(|(key, value)| (known(&key), value)).collect()
    };
    let mut members = renamed(members);
    if let Some(Value::Array(edits)) = members.get_mut("edits") {
        for edit in edits.iter_mut() {
            if let Value::Object(members) = edit {
                *members = renamed(std::mem::take(members));
            }
        }
    }
    let arguments = Value::Object(members);
    match name {
        "replace_file_content" | "multi_replace_file_content" => tool::call_as(Kind::Edit, name, arguments),
        "write_to_file" => tool::call_as(Kind::Write, name, arguments),
        "find_by_name" => tool::call_as(Kind::Glob, name, arguments),
        "read_url_content" => tool::call_as(Kind::Fetch, name, arguments),
        "browser_subagent" => tool::call_as(Kind::Task, name, arguments),
        _ => tool::call(name, arguments),
    }
}

fn outcome(record: &Value, text: &str) -> Outcome {
    let code = text.split_once("exit code: ").or_else(|| text.split_once("exit code ")).map(|(_, rest)| rest);
    let code = code.and_then(|rest| rest.split(|c: char| !c.is_ascii_digit() && c != '-').next()?.parse().ok());
    let is_done = text.contains("The command completed successfully");
    let status = field::text(record, "status").unwrap_or_default();
    let is_command = field::text(record, "type") == Some("RUN_COMMAND");
    let mut content = Content::text(text);
    if let Some(cut) = record.get("truncated_fields") {
        content.blocks.push(crate::hail::Block::Json { data: json!({ "truncated_fields": cut }) });
    }
    Outcome {
        content,
        is_error: matches!(status, "ERROR" | "FAILED" | "CANCELED" | "CANCELLED"),
        exit_code: code.or_else(|| is_done.then_some(0)).filter(|_| is_command),
        ..Outcome::default()
    }
}
