//! gptme: one message a line. Calls are fenced blocks or lines in the text of an answer, and what they returned is in
//! the messages of the system that follow.
//!
//! Learned from the public source (`message.py`, `tools/base.py`, `tools/shell.py`, `dirs.py`).

use std::{fs, io, path::Path};

use serde_json::{Value, json};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, diff, field, folders, identity,
    message::{self, Message, Part, Speaker},
    records::{self, Record, Teller},
    tool::{self, Call, Kind},
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Content, EventType, SessionId, Sink, Timestamp, attribute},
};

/// The file of a conversation, in a folder of its own.
const NAME: &str = "conversation.jsonl";
/// The members of a message that are told, or only say how it is shown.
const KNOWN: [&str; 8] = ["role", "content", "timestamp", "metadata", "pinned", "hide", "call_id", "quiet"];
/// What the first word of a fenced block is where it is a call, and the tool of it.
const BLOCKS: [(&str, &str); 14] = [
    ("shell", "shell"),
    ("bash", "shell"),
    ("sh", "shell"),
    ("ipython", "ipython"),
    ("python", "ipython"),
    ("save", "save"),
    ("append", "append"),
    ("patch", "patch"),
    ("morph", "morph"),
    ("read", "read"),
    ("tmux", "tmux"),
    ("gh", "gh"),
    ("todo", "todo"),
    ("choice", "choice"),
];

/// The gptme reader.
pub(super) struct Gptme;

impl Agent for Gptme {
    fn name(&self) -> &'static str {
        "gptme"
    }

    fn title(&self) -> &'static str {
        "gptme"
    }

    // The folders are named by what was asked, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let moved = environment.variable("GPTME_LOGS_HOME").map(Into::into);
        let usual = || Some(environment.folder("XDG_DATA_HOME", ".local/share")?.join("gptme/logs"));
        let Some(home) = moved.or_else(usual) else { return Vec::new() };
        let found = folders::folders(&home, |_| true).into_iter().filter_map(|folder| LogFile::at(folder.join(NAME)));
        folders::in_scope(found.collect(), scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let is_message = |record: &Value| {
            let is_text = |key: &str| record.get(key).is_some_and(Value::is_string);
            let is_role = matches!(record["role"].as_str(), Some("system" | "user" | "assistant" | "tool"));
            is_role && is_text("content") && is_text("timestamp") && record.get("type").is_none()
        };
        let is_own = |record: &Value| {
            record["pinned"].is_boolean()
                || record["hide"].is_boolean()
                || record["metadata"]["usage"].is_object()
                || record["content"].as_str().is_some_and(|text| text.starts_with("You are gptme"))
        };
        sample.records.first().is_some_and(is_message) && sample.records.iter().filter(|r| is_message(r)).any(is_own)
    }

    fn working_directory<'s>(&self, _: &'s Sample) -> Option<&'s str> {
        None
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let mut out = message::transcript("gptme", "gptme-jsonl", sink);
        let folder = log.path.and_then(Path::parent);
        let place = folder.and_then(|folder| fs::read_link(folder.join("workspace")).ok());
        out.facts.cwd = place.and_then(|place| place.to_str().map(str::to_owned));
        out.facts.attributes.insert("time_zone", "unknown".into());
        let mut parser = Parser { out, open: Vec::new(), first: None };
        records::tell(log, self.title(), &mut parser)?;
        let name = log.path.filter(|path| path.ends_with(NAME)).and_then(|path| path.parent()?.file_name()?.to_str());
        let id = records::session_id(log, [name, records::stem(log).filter(|_| name.is_none())], "gptme", parser.first);
        Ok(parser.out.finish(id)?)
    }
}

struct Parser<'s> {
    out: Transcript<'s>,
    /// The calls of the last answer that have no result yet, in order.
    open: Vec<String>,
    /// The id made of the first message, for a session that has no name.
    first: Option<SessionId>,
}

/// A piece of an answer.
#[derive(Debug, PartialEq)]
enum Piece<'t> {
    Words(&'t str),
    Thought(&'t str),
    /// A fenced block that is a call: its tool, what else its first line says, and what it holds.
    Block(&'static str, &'t str, &'t str),
    /// A line that is a call: tool, id, arguments.
    Line(&'t str, &'t str, Value),
}

impl<'s> Teller<'s> for Parser<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.first.is_some()
    }

    fn record(&mut self, line: u64, record: Record) -> io::Result<()> {
        let native = Value::Object(record);
        let (id, at) = (format!("line-{line}"), native.get("timestamp").and_then(field::time));
        let Some(words) = native.get("content").and_then(Value::as_str) else {
            return self.out.unknown(&id, at, field::text(&native, "role").unwrap_or_default(), native.clone());
        };
        if self.first.is_none() {
            self.first = Some(identity::hashed_id("gptme", &native.to_string()));
        }
        let fields = field::rest(&native, &KNOWN);
        let plain = |speaker: Speaker, out: &mut Transcript<'_>| {
            let mut message = Message::new(id.clone(), at, speaker);
            message.say(field::content(&Value::from(words)));
            message.attributes.extend(fields.clone().map(|fields| ("source.fields", fields)));
            message.send(out)
        };
        match field::text(&native, "role") {
            Some("user") => {
                self.open.clear();
                plain(Speaker::Person, &mut self.out)
            }
            Some("assistant") => self.answer(&id, at, &native, words),
            Some("system" | "tool") if self.takes(&native) => self.result(&id, at, &native, words),
            Some("system" | "tool") => plain(Speaker::Program("system"), &mut self.out),
            role => self.out.unknown(&id, at, role.unwrap_or_default(), native.clone()),
        }
    }
}

impl Parser<'_> {
    fn answer(&mut self, id: &str, at: Option<Timestamp>, native: &Value, words: &str) -> io::Result<()> {
        self.open.clear();
        let metadata = native.get("metadata").unwrap_or(&Value::Null);
        let model = field::text(metadata, "model").map(str::to_owned);
        if let Some(model) = &model {
            message::note_model(&mut self.out, model);
        }
        let (tokens, pieces) = (tokens(metadata), pieces(words));
        let last = pieces.len();
        for (n, piece) in pieces.into_iter().enumerate() {
            let id = if n == 0 { id.to_owned() } else { format!("{id}-{}", n + 1) };
            let (name, call_id, call) = match piece {
                Piece::Block(name, rest, body) => (name.to_owned(), id.clone(), block_call(name, rest, body)),
                Piece::Line(name, call, arguments) => (name.to_owned(), call.to_owned(), line_call(name, arguments)),
                piece => {
                    let mut message = Message::new(id, at, Speaker::Agent);
                    match piece {
                        Piece::Thought(thought) => message.parts.push(Part::Thought(thought.to_owned())),
                        Piece::Words(words) => message.say(Content::text(words)),
                        Piece::Block(..) | Piece::Line(..) => {}
                    }
                    message.model.clone_from(&model);
                    message.tokens = if n + 1 == last { tokens } else { Tokens::default() };
                    message.send(&mut self.out)?;
                    continue;
                }
            };
            self.out.call((&id, &call_id), at, &name, call)?;
            if let Some(event) = self.out.waiting_call(&call_id) {
                event
                    .attributes
                    .extend(model.as_deref().map(|model| (attribute::MODEL.to_owned(), Value::from(model))));
                if n + 1 == last {
                    tokens.note(event);
                }
            }
            self.open.push(call_id);
        }
        Ok(())
    }

    /// Whether a message of the system is what a call returned.
    fn takes(&self, native: &Value) -> bool {
        match field::text(native, "call_id") {
            Some(call) => self.open.iter().any(|open| open == call),
            None => !self.open.is_empty() && native["pinned"] != true && native["hide"] != true,
        }
    }

    fn result(&mut self, id: &str, at: Option<Timestamp>, native: &Value, words: &str) -> io::Result<()> {
        let named = field::text(native, "call_id").and_then(|call| self.open.iter().position(|open| open == call));
        let call = self.open.remove(named.unwrap_or(0));
        let is_command = self.out.waiting_call(&call).map(|event| event.event_type.clone());
        let is_command = is_command.is_some_and(|kind| matches!(kind, EventType::ShellCommand { .. }));
        let exit_code = exit_code(words).filter(|_| is_command);
        let is_error = exit_code.is_some_and(|code| code != 0) || is_failure(words);
        let outcome = Outcome { content: Content::text(words), is_error, exit_code, ..Outcome::default() };
        self.out.result((id, &call), at, outcome)
    }
}

/// What an answer used. Input is what was fresh, as the providers count it.
fn tokens(metadata: &Value) -> Tokens {
    // Early versions had the counts beside the model.
    let usage = metadata.get("usage").unwrap_or(metadata);
    let count = |key: &str| field::count(usage, key);
    Tokens {
        input: count("input_tokens"),
        output: count("output_tokens"),
        cache_read: count("cache_read_tokens"),
        cache_write: count("cache_creation_tokens"),
        reasoning: 0,
        cost: metadata.get("cost").and_then(Value::as_f64),
    }
}

/// The code of a command that did not end well, at the end of its output; one that says none did.
fn exit_code(words: &str) -> Option<i32> {
    if !words.starts_with("Ran ") {
        return None;
    }
    let last = words.trim_end().lines().rev().find_map(|line| line.trim().strip_prefix("Return code:"));
    last.map_or(Some(0), |code| code.trim().parse().ok())
}

fn is_failure(words: &str) -> bool {
    ["Error", "Failed", "Patch failed", "Aborted", "Execution failed"].iter().any(|start| words.starts_with(start))
}

/// Takes the text of an answer apart.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut rest, mut start) = (text, 0);
    let mut offset = 0;
    while let Some(line) = rest.split_inclusive('\n').next() {
        let next = offset + line.len();
        let after = &text[next..];
        let taken = match line.trim_start().strip_prefix("```").map(str::trim) {
            Some(language) => fence(language, after),
            None => tagged(&text[offset..]).or_else(|| called(&text[offset..])),
        };
        let Some((piece, length, is_after)) = taken else {
            (offset, rest) = (next, after);
            continue;
        };
        let end = length + if is_after { next } else { offset };
        // A block that is no call stays a part of the words around it.
        if let Some(piece) = piece {
            push_words(&mut found, &text[start..offset]);
            found.push(piece);
            start = end;
        }
        (offset, rest) = (end, &text[end..]);
    }
    push_words(&mut found, &text[start..]);
    found
}

type Taken<'t> = Option<(Option<Piece<'t>>, usize, bool)>;

/// A fenced block, whose first line is read already: its end is the next fence.
fn fence<'t>(language: &'t str, after: &'t str) -> Taken<'t> {
    let mut length = 0;
    let end = after.split_inclusive('\n').find_map(|line| {
        let begin = length;
        length += line.len();
        (line.trim() == "```").then_some(begin)
    });
    let body = &after[..end.unwrap_or(after.len())];
    let (word, rest) = language.split_once(' ').unwrap_or((language, ""));
    let tool = BLOCKS.iter().find(|(name, _)| *name == word).map(|(_, tool)| *tool);
    Some((tool.map(|tool| Piece::Block(tool, rest.trim(), body)), length, true))
}

/// Reasoning between tags.
fn tagged(text: &str) -> Taken<'_> {
    let inner = text.strip_prefix("<think>").map(|inner| (inner, "</think>", 7));
    let (inner, end, begin) = inner.or_else(|| Some((text.strip_prefix("<thinking>")?, "</thinking>", 10)))?;
    let length = inner.find(end)?;
    Some((Some(Piece::Thought(inner[..length].trim())), begin + length + end.len(), false))
}

/// A call in one line: `@tool(id): {…}`.
fn called(text: &str) -> Taken<'_> {
    let (name, rest) = text.strip_prefix('@')?.split_once('(')?;
    let (id, arguments) = rest.split_once("):")?;
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_.-:".contains(c));
    if !is_name(name) || !is_name(id) {
        return None;
    }
    let mut values = serde_json::Deserializer::from_str(arguments).into_iter::<Value>();
    let value = values.next()?.ok().filter(Value::is_object)?;
    let length = text.len() - arguments.len() + values.byte_offset();
    Some((Some(Piece::Line(name, id, value)), length, false))
}

fn push_words<'t>(found: &mut Vec<Piece<'t>>, words: &'t str) {
    let words = words.trim();
    if !words.is_empty() {
        found.push(Piece::Words(words));
    }
}

fn block_call(name: &str, rest: &str, body: &str) -> Call {
    match name {
        "shell" => tool::call_as(Kind::Shell, name, json!({ "command": body.trim_end() })),
        "ipython" => tool::generic(name, json!({ "code": body })),
        _ => line_call(name, json!({ "path": rest, "content": body })),
    }
}

fn line_call(name: &str, arguments: Value) -> Call {
    let path = field::any_text(&arguments, &["path", "filename"]).map(str::to_owned);
    let text = field::any_text(&arguments, &["patch", "content"]).map(str::to_owned);
    match (name, path, text) {
        ("shell", _, _) => tool::call_as(Kind::Shell, name, arguments),
        ("save", Some(path), content) => {
            tool::call_as(Kind::Write, name, json!({ "path": path, "content": content.unwrap_or_default() }))
        }
        ("read", path, text) => {
            let path = path.or(text.map(|text| text.trim().to_owned()));
            tool::call_as(Kind::Read, name, json!({ "path": path }))
        }
        ("append" | "patch" | "morph", Some(path), text) => {
            let text = text.unwrap_or_default();
            let hunks = if name == "patch" { hunks(&text) } else { String::new() };
            let diff = Some(diff::with_header(&path, &hunks)).filter(|diff| !diff.is_empty());
            let content = if diff.is_some() { Content::default() } else { Content::json(json!({ "text": text })) };
            Call { event_type: EventType::FileEdit { path, diff }, content, group: "edit" }
        }
        _ => tool::call(name, arguments),
    }
}

/// The hunks of a patch with conflict markers: the old lines, then the new ones.
fn hunks(patch: &str) -> String {
    let mut found = String::new();
    for block in patch.split("<<<<<<< ORIGINAL\n").skip(1) {
        let Some((block, _)) = block.split_once(">>>>>>> UPDATED") else { continue };
        let parts = block.strip_prefix("=======\n").map(|new| ("", new));
        if let Some((old, new)) = parts.or_else(|| block.split_once("\n=======\n")) {
            let old = if old.is_empty() { String::new() } else { format!("{old}\n") };
            found.push_str(&diff::hunks(&old, new));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Piece, hunks, pieces};

    #[test]
    fn blocks_of_tools_are_calls_and_others_are_words() {
        let text = "<think>Hm.</think>\nLook:\n```json\n{}\n```\n```shell\nls\n```\n```save a b.txt\nx\n```\nDone.\n@read(c-1): {\"path\": \"a\"}\n";
        let found = pieces(text);
        assert_eq!(found[0], Piece::Thought("Hm."));
        assert_eq!(found[1], Piece::Words("Look:\n```json\n{}\n```"));
        assert_eq!(found[2], Piece::Block("shell", "", "ls\n"));
        assert_eq!(found[3], Piece::Block("save", "a b.txt", "x\n"));
        assert_eq!(found[4], Piece::Words("Done."));
        assert_eq!(found[5], Piece::Line("read", "c-1", serde_json::json!({"path": "a"})));
    }

    #[test]
    fn a_block_that_breaks_off_is_read_to_the_end() {
        assert_eq!(pieces("```shell\nls"), [Piece::Block("shell", "", "ls")]);
        assert_eq!(pieces("@read(c-1): {\"pa"), [Piece::Words("@read(c-1): {\"pa")]);
    }

    #[test]
    fn a_patch_becomes_hunks() {
        let found = hunks("<<<<<<< ORIGINAL\na\nb\n=======\na\nc\n>>>>>>> UPDATED\n");
        assert!(found.ends_with(" a\n-b\n+c\n"), "{found}");
        assert_eq!(hunks("none"), "");
    }
}
