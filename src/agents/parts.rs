//! Messages made of parts, calls and their results, as Gemini CLI and Qwen Code share them.

use serde_json::{Map, Value, json};

use super::{
    diff, media,
    tool::{self, Call, Kind},
    transcript::Outcome,
};
use crate::hail::{Block, Content, Event, EventType};

/// One part of a message.
pub(super) enum Part {
    Thought(String),
    Call {
        id: Option<String>,
        name: String,
        arguments: Value,
    },
    Response {
        id: Option<String>,
        response: Value,
    },
    /// Something said, shown or kept as it is.
    Block(Block),
}

impl Part {
    /// What is said, shown or kept as it is.
    pub(super) fn into_block(self) -> Option<Block> {
        if let Self::Block(block) = self { Some(block) } else { None }
    }
}

/// Takes a message apart: a text, one part, or a list of either.
pub(super) fn parts(content: &Value) -> Vec<Part> {
    match content {
        Value::Null => Vec::new(),
        Value::Array(parts) => parts.iter().filter_map(part).collect(),
        part_alone => part(part_alone).into_iter().collect(),
    }
}

/// What is said in a message, without calls and their results.
pub(super) fn blocks(content: &Value) -> Vec<Block> {
    parts(content).into_iter().filter_map(Part::into_block).collect()
}

fn part(part: &Value) -> Option<Part> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(words) = part.as_str() {
        return (!words.is_empty()).then(|| Part::Block(Block::Text { text: words.into() }));
    }
    if let Some(words) = text(part, "text") {
        return match part.get("thought") {
            _ if words.is_empty() => None,
            Some(Value::Bool(true)) => Some(Part::Thought(words)),
            _ => Some(Part::Block(Block::Text { text: words.into() })),
        };
    }
    if let Some(call) = part.get("functionCall")
        && let Some(name) = text(call, "name")
    {
        let arguments = call.get("args").cloned().unwrap_or(Value::Null);
        return Some(Part::Call { id: text(call, "id"), name, arguments });
    }
    if let Some(answer) = part.get("functionResponse") {
        let response = answer.get("response").cloned().unwrap_or(Value::Null);
        return Some(Part::Response { id: text(answer, "id"), response });
    }
    if let Some(inline) = part.get("inlineData")
        && let (Some(mime), Some(data)) = (text(inline, "mimeType"), text(inline, "data"))
    {
        return Some(Part::Block(inline_data(&mime, &data)));
    }
    if let Some(file) = part.get("fileData")
        && let Some(uri) = text(file, "fileUri")
    {
        let media_type = text(file, "mimeType").unwrap_or_else(|| "application/octet-stream".to_owned());
        return Some(Part::Block(Block::Reference { uri, media_type }));
    }
    (!part.is_null()).then(|| Part::Block(Block::Json { data: part.clone() }))
}

fn inline_data(mime: &str, data: &str) -> Block {
    if mime.starts_with("image/") {
        media::image(mime, data)
    } else {
        Block::Json { data: json!({ "inlineData": { "mimeType": mime, "data": data } }) }
    }
}

/// What the tools show of an edit, where it is whole.
struct Shown<'v> {
    hunks: &'v str,
    is_new: bool,
    new_content: Option<&'v str>,
}

impl<'v> Shown<'v> {
    fn of(display: &'v Value) -> Option<Self> {
        let shown = display.as_object()?;
        let text = |key: &str| shown.get(key).and_then(Value::as_str);
        let is_cut = shown.get("truncatedForSession").is_some_and(|cut| cut == &Value::Bool(true));
        let diff = text("fileDiff").filter(|_| !is_cut)?;
        let is_new = match shown.get("isNewFile") {
            Some(Value::Bool(is_new)) => *is_new,
            _ => shown.get("originalContent").is_some_and(Value::is_null),
        };
        let hunks = diff.find("\n@@ ").map_or("", |at| &diff[at + 1..]);
        Some(Self { hunks, is_new, new_content: text("newContent") })
    }
}

/// The event of a call, with what the program shows of its result.
pub(super) fn call(name: &str, arguments: Value, display: Option<&Value>) -> Call {
    let shown = display.and_then(Shown::of);
    let kind = tool::kind_of(name);
    let call = match (&shown, kind) {
        (Some(shown), Some(Kind::Edit)) if shown.is_new => new_file(name, arguments, shown),
        _ => tool::call(name, arguments),
    };
    match (call.event_type, shown) {
        (EventType::FileCreate { path }, Some(shown)) if !shown.is_new && kind == Some(Kind::Write) => {
            let diff = Some(diff::with_header(&path, shown.hunks)).filter(|diff| !diff.is_empty());
            let is_content = |block: &Block| matches!(block, Block::File { .. });
            let blocks = call.content.blocks.into_iter().filter(|block| diff.is_none() || !is_content(block)).collect();
            Call { event_type: EventType::FileEdit { path, diff }, content: Content { blocks }, group: call.group }
        }
        (event_type, _) => Call { event_type, ..call },
    }
}

/// An edit that made a file.
fn new_file(name: &str, arguments: Value, shown: &Shown<'_>) -> Call {
    let Value::Object(mut arguments) = arguments else { return tool::generic(name, arguments) };
    let written = arguments.remove("new_string");
    arguments.remove("old_string");
    let content = shown.new_content.map(Value::from).or(written).unwrap_or_default();
    arguments.insert("content".to_owned(), content);
    tool::call_as(Kind::Write, name, Value::Object(arguments))
}

/// What a call returned: `response` to the model, `display` to the person.
pub(super) fn outcome(response: Value, display: Option<&Value>, is_error: bool) -> Outcome {
    let (content, text) = match response {
        Value::Object(mut fields) if fields.len() == 1 => match take_text(&mut fields) {
            Some(text) => (Content::text(text.clone()), Some(text)),
            None => (Content::json(Value::Object(fields)), None),
        },
        Value::Null => (Content::default(), None),
        Value::Object(fields) if fields.is_empty() => (Content::default(), None),
        other => (Content::json(other), None),
    };
    let diff = display.and_then(Shown::of).filter(|shown| !shown.is_new && !shown.hunks.is_empty());
    Outcome {
        content,
        is_error,
        exit_code: text.as_deref().and_then(exit_code),
        diff: diff.map(|shown| shown.hunks.to_owned()),
        duration_ms: None,
    }
}

fn take_text(fields: &mut Map<String, Value>) -> Option<String> {
    let key = ["output", "error", "result", "content"].into_iter().find(|key| fields.contains_key(*key))?;
    match fields.remove(key)? {
        Value::String(text) => Some(text),
        other => {
            fields.insert(key.to_owned(), other);
            None
        }
    }
}

/// Names the file in the diff of an edit's result: the one that the call names.
pub(super) fn name_file(outcome: &mut Outcome, call: Option<&mut Event>) {
    let path = call.and_then(|call| call.event_type.changed_path().map(str::to_owned));
    outcome.diff = outcome.diff.take().zip(path).map(|(hunks, path)| diff::with_header(&path, &hunks));
}

/// What the program shows of a result, without what the result or the edit says already.
pub(super) fn display_beside(display: &Value, outcome: &Outcome) -> Option<Value> {
    match display {
        Value::Null => None,
        Value::String(text) if text.is_empty() || outcome.content.to_text().contains(text.trim_end()) => None,
        Value::Object(fields) if fields.contains_key("fileDiff") => {
            let mut fields = fields.clone();
            for said in ["fileDiff", "originalContent", "newContent", "fileName", "filePath", "isNewFile"] {
                fields.remove(said);
            }
            (!fields.is_empty()).then_some(Value::Object(fields))
        }
        other => Some(other.clone()),
    }
}

/// What the shell tool says below a command's output, line by line.
const TRAILER: [&str; 6] = ["Error:", "Exit Code:", "Signal:", "Background PIDs:", "Process Group PGID:", "PID:"];

/// The exit code of a command that came to its end. Early versions always say it, later ones only
/// where it is not zero.
pub(super) fn exit_code(text: &str) -> Option<i32> {
    let is_always_said = text.starts_with("Command:");
    if !is_always_said && !text.starts_with("Output:") && !text.starts_with("Error:") {
        return None;
    }
    let is_trailer = |line: &&str| TRAILER.iter().any(|key| line.starts_with(key));
    let trailer: Vec<&str> = text.trim_end().lines().rev().take_while(is_trailer).collect();
    let value = |key: &str| trailer.iter().find_map(|line| line.strip_prefix(key)).map(str::trim);
    match value("Exit Code:") {
        Some(code) => code.parse().ok(),
        None if is_always_said || value("Signal:").is_some_and(|signal| !matches!(signal, "0" | "(none)")) => None,
        None => Some(0),
    }
}

#[cfg(test)]
mod tests {
    use super::exit_code;

    #[test]
    fn an_exit_code_is_what_stands_below_the_output_and_not_in_it() {
        for (text, code) in [
            ("Command: a\nDirectory: /\nOutput: x\nError: (none)\nExit Code: 3\nSignal: 0", Some(3)),
            ("Command: a\nDirectory: /\nOutput: x\nError: (none)\nExit Code: (none)\nSignal: SIGKILL", None),
            ("Output: Exit Code: 7\nmore\nProcess Group PGID: 12", Some(0)),
            ("Output: x\nExit Code: 2\nProcess Group PGID: 12", Some(2)),
            ("Output: x\nSignal: SIGTERM\nProcess Group PGID: 12", None),
            ("Command is running in background. PID: 4", None),
        ] {
            assert_eq!(exit_code(text), code, "{text}");
        }
    }
}
