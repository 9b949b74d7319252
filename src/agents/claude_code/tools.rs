//! Tool calls: which event each tool becomes, with every argument kept.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::hail::{Block, Content, EventType};

/// The arguments of a call.
pub(super) type Arguments = Map<String, Value>;

/// A call whose result is still to come.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Call {
    /// The index of its event.
    pub(super) event: usize,
    pub(super) name: String,
    /// The arguments of an edit, which its result decides about; empty for every other tool.
    pub(super) arguments: Arguments,
}

/// What a call becomes.
pub(super) struct Opened {
    pub(super) kind: EventType,
    pub(super) content: Content,
    pub(super) group: &'static str,
    pub(super) arguments: Arguments,
}

impl Opened {
    fn new(kind: EventType, group: &'static str, rest: Arguments) -> Self {
        Self { kind, content: rest_of(rest), group, arguments: Arguments::new() }
    }
}

/// Makes the event of a call. Arguments that have no typed field stay in a JSON block.
pub(super) fn open(name: &str, input: Value) -> Opened {
    let Value::Object(mut arguments) = input else {
        let content = Content::json(input);
        let kind = EventType::ToolCall { name: name.to_owned() };
        return Opened { kind, content, group: "tool", arguments: Arguments::new() };
    };
    if is_edit(name)
        && let Some(path) = path_of_edit(&arguments)
    {
        let kind = EventType::FileEdit { path, diff: None };
        return Opened { kind, content: Content::default(), group: "edit", arguments };
    }
    if name == "Write" && arguments.get("content").is_some_and(Value::is_string) {
        return write(arguments);
    }
    if let Some((kind, group)) = typed(name, &mut arguments) {
        return Opened::new(kind, group, arguments);
    }
    let group = if name.starts_with("mcp__") { "mcp" } else { "tool" };
    Opened::new(EventType::ToolCall { name: name.to_owned() }, group, arguments)
}

/// The kind of a tool with a kind of its own; what it holds is taken from the arguments.
fn typed(name: &str, arguments: &mut Arguments) -> Option<(EventType, &'static str)> {
    let mut take = |key: &str| take_text(arguments, key);
    Some(match name {
        "Read" => (EventType::FileRead { path: take("file_path")? }, "read"),
        "NotebookRead" => (EventType::FileRead { path: take("notebook_path")? }, "read"),
        "Grep" => (EventType::CodeSearch { query: take("pattern")? }, "search"),
        "Glob" => (EventType::FileSearch { pattern: take("pattern")? }, "search"),
        "LS" => (EventType::FileSearch { pattern: take("path")? }, "search"),
        "Bash" | "bash" | "PowerShell" => {
            (EventType::ShellCommand { command: take("command")?, exit_code: None }, "shell")
        }
        "WebSearch" => (EventType::WebSearch { query: take("query")? }, "web"),
        "WebFetch" => (EventType::WebFetch { url: take("url")? }, "web"),
        // The subagent tool was renamed; a to-do list's `TaskCreate` is another matter.
        "Task" | "Agent" => (EventType::TaskStart { title: take("description") }, "task"),
        _ => return None,
    })
}

fn write(mut arguments: Arguments) -> Opened {
    let Some(path) = take_text(&mut arguments, "file_path") else {
        return Opened::new(EventType::ToolCall { name: "Write".to_owned() }, "tool", arguments);
    };
    let content = match arguments.remove("content") {
        Some(Value::String(content)) => Some(content),
        _ => None,
    };
    let mut opened = Opened::new(EventType::FileCreate { path: path.clone() }, "edit", arguments);
    opened.content.blocks.insert(0, Block::File { path, content });
    opened
}

/// Turns an edit that did not happen back into a plain call with all its arguments.
pub(super) fn revoke(event: &mut crate::hail::Event, call: Call) {
    let mut arguments = call.arguments;
    if let EventType::FileCreate { .. } = event.event_type {
        for block in std::mem::take(&mut event.content.blocks) {
            match block {
                Block::File { path, content } => {
                    arguments.insert("file_path".to_owned(), path.into());
                    arguments.insert("content".to_owned(), content.into());
                }
                Block::Json { data: Value::Object(rest) } => arguments.extend(rest),
                block => event.content.blocks.push(block),
            }
        }
    }
    if event.event_type.changed_path().is_some() {
        event.event_type = EventType::ToolCall { name: call.name };
        event.content = rest_of(arguments);
    }
}

/// A JSON block of what is left of the arguments, if anything is.
pub(super) fn rest_of(arguments: Arguments) -> Content {
    if arguments.is_empty() { Content::default() } else { Content::json(Value::Object(arguments)) }
}

fn is_edit(name: &str) -> bool {
    matches!(name, "Edit" | "MultiEdit" | "NotebookEdit")
}

fn path_of_edit(arguments: &Arguments) -> Option<String> {
    let path = arguments.get("file_path").or_else(|| arguments.get("notebook_path"))?.as_str()?;
    (!path.is_empty()).then(|| path.to_owned())
}

/// Takes a string that is not empty.
fn take_text(arguments: &mut Arguments, key: &str) -> Option<String> {
    match arguments.remove(key) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(other) => {
            arguments.insert(key.to_owned(), other);
            None
        }
        None => None,
    }
}
