//! Auggie, the command line of Augment: one JSON document a session, an exchange for each request to the model.
//!
//! Its source is not public: learned from public programs that read its sessions. What the extension keeps is in a
//! database of another kind and is not read.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, chat, document, field, folders, identity,
    message::{self, Message, Part, Speaker},
    tool::{self, Call, Kind},
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Sink, Timestamp, attribute},
};

/// The members of a session that are told as events or as facts; some of it is about the person.
const KNOWN: [&str; 8] =
    ["sessionId", "title", "customTitle", "created", "modified", "chatHistory", "agentState", "subAgentCreditsUsed"];
/// The types of nodes that are read, and what each has.
const TEXT: u64 = 0;

/// The Auggie reader.
pub(super) struct Auggie;

impl Agent for Auggie {
    fn name(&self) -> &'static str {
        "auggie"
    }

    fn title(&self) -> &'static str {
        "Auggie"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let Some(home) = environment.folder("AUGMENT_CACHE_DIR", ".augment") else { return Vec::new() };
        let found = folders::files(&home.join("sessions"), |name| folders::has_extension(name, "json"));
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.document.as_ref().is_some_and(|document| {
            document.get("sessionId").is_some_and(Value::is_string) && document.contains_key("chatHistory")
        })
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        let history = sample.document.as_ref()?.get("chatHistory")?.as_array()?;
        history.iter().find_map(|entry| folder_in(entry.get("exchange")?))
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let session = document::read(log)?;
        let (Some(id), Some(history)) =
            (field::text(&session, "sessionId"), session.get("chatHistory").and_then(Value::as_array))
        else {
            return Err(ParseError::NoRecord { line: 1, cause: "not a session of Auggie".to_owned() });
        };
        let mut transcript = message::transcript("auggie", "auggie-session", sink);
        if let Some(model) = session.pointer("/agentState/modelId").and_then(Value::as_str) {
            message::note_model(&mut transcript, model);
        }
        let facts = &mut transcript.facts;
        facts.began = session.get("created").and_then(field::time);
        facts.ended = session.get("modified").and_then(field::time);
        facts.title = field::any_text(&session, &["customTitle", "title"]).map(str::to_owned);
        facts.cwd = history.iter().find_map(|entry| folder_in(entry.get("exchange")?)).map(str::to_owned);
        facts.attributes.extend(field::rest(&session, &KNOWN).map(|rest| ("source.fields", rest)));
        for (index, entry) in history.iter().enumerate() {
            match entry.get("exchange").filter(|exchange| exchange.is_object()) {
                Some(exchange) => tell(&mut transcript, index, entry, exchange)?,
                None => transcript.unknown(&format!("exchange-{index}"), None, "exchange", entry.clone())?,
            }
        }
        Ok(transcript.finish(identity::session_id("auggie", id))?)
    }
}

fn nodes<'e>(exchange: &'e Value, key: &str) -> impl Iterator<Item = &'e Value> {
    exchange.get(key).and_then(Value::as_array).into_iter().flatten()
}

/// The folder that the surroundings name.
fn folder_in(exchange: &Value) -> Option<&str> {
    nodes(exchange, "request_nodes").find_map(|node| {
        let state = node.get("ide_state_node")?;
        let folder = state.pointer("/workspace_folders/0")?;
        field::any_text(folder, &["folder_root", "repository_root"])
    })
}

fn tell(transcript: &mut Transcript<'_>, index: usize, entry: &Value, exchange: &Value) -> std::io::Result<()> {
    let id = field::text(exchange, "request_id").map_or_else(|| format!("exchange-{index}"), str::to_owned);
    let finished = entry.get("finishedAt").and_then(field::time);
    let begun = nodes(exchange, "response_nodes").find_map(|node| field::time(node.get("timestamp_ms")?));
    asked(transcript, &id, begun, entry, exchange)?;
    answered(transcript, &id, finished.or(begun), exchange)
}

/// The prompt, and the results of the calls before.
fn asked(
    transcript: &mut Transcript<'_>,
    id: &str,
    time: Option<Timestamp>,
    entry: &Value,
    exchange: &Value,
) -> std::io::Result<()> {
    let is_summary = entry.get("isHistorySummary") == Some(&Value::Bool(true));
    let speaker = if is_summary { Speaker::Program("compact_summary") } else { Speaker::Person };
    let mut prompt = Message::new(id.to_owned(), time, speaker);
    for (n, node) in nodes(exchange, "request_nodes").enumerate() {
        match (node.get("text_node"), node.get("tool_result_node"), node.get("history_summary_node")) {
            (Some(text), _, _) => prompt.say(text.get("content").map(field::content).unwrap_or_default()),
            (_, Some(result), _) => returned(transcript, &format!("{id}-result-{n}"), time, result)?,
            (_, _, Some(summary)) => {
                let mut message = Message::new(format!("{id}-summary-{n}"), time, Speaker::Program("compact_summary"));
                message.say(summary.get("summary_text").map(field::content).unwrap_or_default());
                message.send(transcript)?;
            }
            _ if node.get("ide_state_node").is_some() => {}
            _ => transcript.unknown(&format!("{id}-node-{n}"), time, "request_node", node.clone())?,
        }
    }
    if prompt.parts.is_empty() {
        prompt.say(exchange.get("request_message").map(field::content).unwrap_or_default());
    }
    prompt.send(transcript)
}

fn returned(transcript: &mut Transcript<'_>, id: &str, time: Option<Timestamp>, result: &Value) -> std::io::Result<()> {
    let content = result.get("content").map(field::content).unwrap_or_default();
    let exit_code = exit_code(&content.to_text());
    let is_error = result.get("is_error") == Some(&Value::Bool(true)) || exit_code.is_some_and(|code| code != 0);
    let call = field::text(result, "tool_use_id").unwrap_or_default();
    transcript.result((id, call), time, Outcome { content, is_error, exit_code, ..Outcome::default() })
}

/// The code of a command, between tags before its output.
fn exit_code(text: &str) -> Option<i32> {
    let (before, rest) = text.split_once("<return-code>")?;
    let is_head = !before.contains("<output>");
    rest.split_once("</return-code>")?.0.trim().parse().ok().filter(|_| is_head)
}

fn answered(
    transcript: &mut Transcript<'_>,
    id: &str,
    time: Option<Timestamp>,
    exchange: &Value,
) -> std::io::Result<()> {
    let mut answer = Message::new(format!("{id}-answer"), time, Speaker::Agent);
    let mut calls = Vec::new();
    for node in nodes(exchange, "response_nodes") {
        let has = |key: &str| node.get(key).filter(|value| value.is_object());
        if let Some(thinking) = has("thinking") {
            let thought = field::any_text(thinking, &["summary", "content"]);
            answer.parts.extend(thought.map(|thought| Part::Thought(thought.to_owned())));
        } else if let Some(used) = has("token_usage") {
            answer.tokens = tokens(used);
        } else if let Some(call) = has("tool_use") {
            calls.push(call);
        } else if field::count(node, "type") == TEXT {
            answer.say(node.get("content").map(field::content).unwrap_or_default());
        }
    }
    let is_said = answer.parts.iter().any(|part| matches!(part, Part::Said(_)));
    if !is_said {
        answer.say(exchange.get("response_text").map(field::content).unwrap_or_default());
    }
    let tokens = answer.tokens;
    if !calls.is_empty() {
        answer.tokens = Tokens::default();
    }
    answer.send(transcript)?;
    called(transcript, (id, time), &calls, tokens)
}

fn called(
    transcript: &mut Transcript<'_>,
    (id, time): (&str, Option<Timestamp>),
    calls: &[&Value],
    tokens: Tokens,
) -> std::io::Result<()> {
    for (n, native) in calls.iter().enumerate() {
        // A call is there once while it is written, and once more when it is whole.
        if native.get("is_partial") == Some(&Value::Bool(true)) {
            continue;
        }
        let name = field::text(native, "tool_name").unwrap_or_default();
        let event_id = format!("{id}-call-{n}");
        let call_id = field::text(native, "tool_use_id").unwrap_or(&event_id).to_owned();
        let arguments = native.get("input_json").map(chat::arguments_of).unwrap_or_default();
        transcript.calls((&event_id, &call_id), time, name, events(name, arguments))?;
        if let Some(event) = transcript.waiting_call(&call_id) {
            event.attributes.insert(attribute::GROUP_ID.to_owned(), json!(format!("{id}-answer")));
            if n + 1 == calls.len() {
                tokens.note(event);
            }
        }
    }
    Ok(())
}

fn tokens(used: &Value) -> Tokens {
    let count = |key: &str| field::count(used, key);
    Tokens {
        input: count("input_tokens"),
        output: count("output_tokens"),
        cache_read: count("cache_read_input_tokens"),
        cache_write: count("cache_creation_input_tokens"),
        ..Tokens::default()
    }
}

/// The events of a call, in the names that its tools have.
fn events(name: &str, mut arguments: Value) -> Vec<Call> {
    match name {
        "launch-process" => vec![tool::call_as(Kind::Shell, name, arguments)],
        "codebase-retrieval" => {
            let query = arguments.get("information_request").cloned();
            let named = query.map(|query| json!({ "query": query })).unwrap_or(arguments);
            vec![tool::call_as(Kind::Search, name, named)]
        }
        "save-file" => {
            if let Value::Object(fields) = &mut arguments {
                let content = fields.remove("file_content");
                fields.extend(content.map(|content| ("content".to_owned(), content)));
                fields.remove("instructions_reminder");
            }
            vec![tool::call_as(Kind::Write, name, arguments)]
        }
        "remove-files" => {
            let paths = arguments["file_paths"].as_array().cloned().unwrap_or_default();
            let calls: Vec<Call> =
                paths.iter().map(|path| tool::call_as(Kind::Delete, name, json!({ "path": path }))).collect();
            if calls.is_empty() { vec![tool::generic(name, arguments)] } else { calls }
        }
        "str-replace-editor" => vec![tool::call_as(Kind::Edit, name, edits(arguments))],
        _ => vec![tool::call(name, arguments)],
    }
}

/// The arguments of an edit, whose replaced texts are numbered.
fn edits(mut arguments: Value) -> Value {
    let Value::Object(fields) = &mut arguments else { return arguments };
    let mut edits = Vec::new();
    for n in 1.. {
        let (old, new) = (format!("old_str_{n}"), format!("new_str_{n}"));
        if !fields.contains_key(&old) {
            break;
        }
        let (old, new) = (fields.remove(&old), fields.remove(&new));
        edits.push(json!({ "old_str": old, "new_str": new.unwrap_or_else(|| json!("")) }));
        fields.remove(&format!("old_str_start_line_number_{n}"));
        fields.remove(&format!("old_str_end_line_number_{n}"));
    }
    fields.remove("instruction_reminder");
    if !edits.is_empty() {
        fields.insert("edits".to_owned(), edits.into());
    }
    arguments
}
