//! The log of Kimi CLI: each message that the window was sent, with its time.

use std::{io, path::Path};

use serde_json::{Value, json};

use crate::{
    agents::{
        Log, ParseError, Warning, chat, diff, field, identity,
        message::{self, Message, Part, Speaker},
        records::{self, Record, Teller},
        tool::{self, Call, Kind},
        transcript::{Outcome, Tokens, Transcript},
    },
    hail::{Block, Content, SessionId, Sink, Timestamp},
};

/// Messages that only mark where others begin and end, or that the window shows and forgets.
const MARKS: [&str; 9] = [
    "TurnEnd",
    "StepBegin",
    "CompactionBegin",
    "CompactionEnd",
    "MCPLoadingBegin",
    "MCPLoadingEnd",
    "ToolCallPart",
    "HookTriggered",
    "StepRetry",
];

/// Whether a record is one of such a log.
pub(super) fn is_record(record: &Value) -> bool {
    let message = record.get("message").unwrap_or(&Value::Null);
    record.get("timestamp").is_some_and(Value::is_number)
        && message.get("payload").is_some_and(Value::is_object)
        && field::text(message, "type").is_some_and(|kind| kind.starts_with(|first: char| first.is_ascii_uppercase()))
}

pub(super) fn parse(log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let mut out = message::transcript("kimi", "kimi-wire", sink);
    "moonshot".clone_into(&mut out.facts.provider);
    out.facts.cwd = log.path.and_then(super::directory);
    out.facts.title = log.path.and_then(super::title);
    let mut reader = Reader { out, first: None, answer: None };
    records::tell(log, "Kimi CLI", &mut reader)?;
    reader.flush()?;
    let folder = log.path.and_then(Path::parent).and_then(Path::file_name).and_then(|name| name.to_str());
    let id = records::session_id(log, [folder, None], "kimi", reader.first);
    Ok(reader.out.finish(id)?)
}

struct Reader<'s> {
    out: Transcript<'s>,
    /// The id made of the first record, for a session that has no name.
    first: Option<SessionId>,
    /// What the model says in this step; the counts come after it.
    answer: Option<Message>,
}

impl<'s> Teller<'s> for Reader<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.first.is_some()
    }

    fn record(&mut self, line: u64, record: Record) -> io::Result<()> {
        let record = Value::Object(record);
        let id = format!("line-{line}");
        if !is_record(&record) {
            // The first line names the protocol.
            if record["type"] == "metadata" {
                return Ok(());
            }
            return self.out.unknown(&id, None, field::text(&record, "type").unwrap_or_default(), record.clone());
        }
        self.first.get_or_insert_with(|| identity::hashed_id("kimi", &record.to_string()));
        let time = record.get("timestamp").and_then(field::time);
        self.message((id, time), &record["message"], None)
    }
}

impl Reader<'_> {
    fn flush(&mut self) -> io::Result<()> {
        match self.answer.take() {
            Some(message) if !message.parts.is_empty() => message.send(&mut self.out),
            _ => Ok(()),
        }
    }

    /// Takes a message, which may be of a subagent: then of the call that started it.
    fn message(
        &mut self,
        (id, time): (String, Option<Timestamp>),
        message: &Value,
        subagent: Option<&str>,
    ) -> io::Result<()> {
        let kind = field::text(message, "type").unwrap_or_default();
        let payload = message.get("payload").unwrap_or(&Value::Null);
        match kind {
            "TurnBegin" | "SteerInput" => {
                self.flush()?;
                let speaker = if subagent.is_some() { Speaker::Program("subagent") } else { Speaker::Person };
                let mut message = Message::new(id, time, speaker);
                message.say(chat::said(payload.get("user_input").unwrap_or(&Value::Null)));
                message.send(&mut self.out)
            }
            "ContentPart" | "ToolCall" => {
                let message = self.answer.get_or_insert_with(|| Message::new(id, time, Speaker::Agent));
                // Words come in pieces, each with its time.
                message.parts.extend(time.filter(|_| kind == "ToolCall").map(Part::At));
                add(message, payload, kind);
                Ok(())
            }
            "ToolResult" => {
                self.flush()?;
                result(&mut self.out, (&id, time), payload)
            }
            "StatusUpdate" => self.used((id, time), payload),
            "SubagentEvent" => self.subagent((id, time), payload),
            mark if MARKS.contains(&mark) => self.flush(),
            kind => {
                self.flush()?;
                self.out.unknown(&id, time, kind, payload.clone())
            }
        }
    }

    /// What a subagent says is among the messages of the agent that started it.
    fn subagent(&mut self, at: (String, Option<Timestamp>), payload: &Value) -> io::Result<()> {
        self.flush()?;
        let parent = field::any_text(payload, &["parent_tool_call_id", "task_tool_call_id"]).unwrap_or_default();
        self.out.marks.insert("source.parent_call_id".to_owned(), parent.into());
        self.message(at, payload.get("event").unwrap_or(&Value::Null), Some(parent))?;
        self.flush()?;
        self.out.marks.remove("source.parent_call_id");
        Ok(())
    }

    /// What a step used belongs to what was said in it.
    fn used(&mut self, (id, time): (String, Option<Timestamp>), payload: &Value) -> io::Result<()> {
        let Some(used) = payload.get("token_usage").filter(|used| used.is_object()) else { return Ok(()) };
        let tokens = Tokens {
            input: field::count(used, "input_other"),
            output: field::count(used, "output"),
            cache_read: field::count(used, "input_cache_read"),
            cache_write: field::count(used, "input_cache_creation"),
            ..Tokens::default()
        };
        let mut message = self.answer.take().unwrap_or_else(|| Message::new(id, time, Speaker::Agent));
        message.tokens = tokens;
        let native = field::text(payload, "message_id").map(|id| ("source.message_id", json!(id)));
        message.attributes.extend(native.filter(|_| !message.parts.is_empty()));
        message.send(&mut self.out)
    }
}

fn add(message: &mut Message, payload: &Value, kind: &str) {
    if kind == "ToolCall" {
        let function = payload.get("function").unwrap_or(payload);
        let name = field::text(function, "name").unwrap_or_default().to_owned();
        let calls = vec![call(&name, field::arguments(function.get("arguments")))];
        message.parts.push(Part::Calls { id: field::text(payload, "id").unwrap_or_default().to_owned(), name, calls });
        return;
    }
    match field::text(payload, "type") {
        Some("think") => {
            let text = field::text(payload, "think").unwrap_or_default();
            match message.parts.last_mut() {
                Some(Part::Thought(thought)) => thought.push_str(text),
                _ => message.parts.push(Part::Thought(text.to_owned())),
            }
        }
        _ => say(message, payload),
    }
}

/// Adds what is said: a piece of text goes on with the one before it.
fn say(message: &mut Message, part: &Value) {
    let words = field::text(part, "text").filter(|_| part["type"] == "text");
    if let (Some(words), Some(Part::Said(said))) = (words, message.parts.last_mut())
        && let Some(Block::Text { text }) = said.blocks.last_mut()
    {
        text.to_mut().push_str(words);
        return;
    }
    message.say(Content { blocks: field::block(part).into_iter().collect() });
}

/// The event of a call; one tool has what it replaces in a member of its own.
pub(super) fn call(name: &str, mut arguments: Value) -> Call {
    if name == "StrReplaceFile"
        && let Some(members) = arguments.as_object_mut()
        && let Some(edit) = members.remove("edit")
    {
        let edits = if edit.is_array() { edit } else { json!([edit]) };
        let pair = |edit: &Value| json!({ "old_string": edit["old"], "new_string": edit["new"] });
        let edits: Vec<Value> = edits.as_array().into_iter().flatten().map(pair).collect();
        members.insert("edits".to_owned(), edits.into());
        return tool::call_as(Kind::Edit, name, arguments);
    }
    tool::call(name, arguments)
}

fn result(out: &mut Transcript<'_>, (id, time): (&str, Option<Timestamp>), payload: &Value) -> io::Result<()> {
    let returned = payload.get("return_value").or_else(|| payload.get("result")).unwrap_or(&Value::Null);
    let call = field::text(payload, "tool_call_id").unwrap_or(id);
    let mut content = chat::said(returned.get("output").unwrap_or(&Value::Null));
    let message = field::text(returned, "message").unwrap_or_default();
    content.blocks.extend(Content::text(message).blocks.into_iter().filter(|_| !message.is_empty()));
    let is_error = returned.get("is_error") == Some(&Value::Bool(true));
    let is_command = out
        .waiting_call(call)
        .is_some_and(|call| call.attributes.get("semantic.tool_kind").is_some_and(|kind| kind == "shell"));
    let outcome = Outcome {
        content,
        is_error,
        exit_code: code(message).or_else(|| (!is_error).then_some(0)).filter(|_| is_command),
        diff: shown_diff(returned),
        ..Outcome::default()
    };
    out.result((id, call), time, outcome)
}

/// The code of a command that failed, as the tool says it.
pub(super) fn code(message: &str) -> Option<i32> {
    let code = message.rsplit_once("exit code: ")?.1;
    code.split(|c: char| !c.is_ascii_digit() && c != '-').next()?.parse().ok()
}

/// The changes that the window shows of an edit, with the lines of the file at which they begin.
fn shown_diff(returned: &Value) -> Option<String> {
    let shown = returned.get("display")?.as_array()?;
    let mut path = None;
    let mut hunks = String::new();
    for block in shown.iter().filter(|block| block["type"] == "diff" && block["is_summary"] != true) {
        let text = |key: &str| block.get(key).and_then(Value::as_str);
        let (Some(old), Some(new)) = (text("old_text"), text("new_text")) else { continue };
        let start = |key: &str| usize::try_from(field::count(block, key).max(1)).unwrap_or(1);
        path = path.or_else(|| text("path"));
        hunks.push_str(&diff::hunks_at(old, new, (start("old_start"), start("new_start"))));
    }
    (!hunks.is_empty()).then(|| diff::with_header(path.unwrap_or_default(), &hunks))
}
