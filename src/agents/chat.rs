//! The messages of a chat as the interface of `OpenAI` has them, and as many agents write them down.

use serde_json::Value;

use super::{
    field, media,
    message::{Message, Part, Speaker},
    transcript::Outcome,
};
use crate::hail::{Content, Timestamp};

/// Reads a message with all its parts; `None` where it has a role that no chat has.
pub(super) fn message(id: String, time: Option<Timestamp>, native: &Value) -> Option<Message> {
    let content = native.get("content").unwrap_or(&Value::Null);
    let speaker = match field::text(native, "role")? {
        "user" => Speaker::Person,
        "assistant" => Speaker::Agent,
        "system" => Speaker::Program("system"),
        "developer" => Speaker::Program("developer"),
        "tool" | "function" => {
            let mut message = Message::new(id, time, Speaker::Program("tool"));
            message.parts.push(result(native, false, None));
            return Some(message);
        }
        _ => return None,
    };
    let mut message = Message::new(id, time, speaker);
    let thought = field::any_text(native, &["reasoning_content", "reasoning"]);
    message.parts.extend(thought.map(|thought| Part::Thought(thought.to_owned())));
    match content {
        Value::Array(blocks) => blocks.iter().for_each(|block| read_block(&mut message, block)),
        other => message.say(field::content(other)),
    }
    message.parts.extend(calls(native));
    Some(message)
}

/// Takes one part of a content that is a list.
fn read_block(message: &mut Message, block: &Value) {
    match (field::text(block, "type"), field::any_text(block, &["thinking", "text"])) {
        (Some("thinking" | "reasoning"), Some(thought)) => message.parts.push(Part::Thought(thought.to_owned())),
        (Some("imageUrl"), _) => {
            let image = serde_json::json!({ "type": "image_url", "image_url": block.get("imageUrl") });
            message.say(Content { blocks: field::block(&image).into_iter().collect() });
        }
        _ => message.say(Content { blocks: field::block(block).into_iter().collect() }),
    }
}

/// Reads a call: its arguments are an object, or JSON in a text.
pub(super) fn call(native: &Value) -> Part {
    let function = native.get("function").unwrap_or(native);
    let id = field::any_text(native, &["id", "call_id", "callId"]).unwrap_or_default().to_owned();
    let arguments = ["arguments", "args", "input", "parameters"].iter().find_map(|key| function.get(*key));
    let name = field::text(function, "name").unwrap_or_default().to_owned();
    Part::Call { id, name, arguments: arguments.map(arguments_of).unwrap_or_default() }
}

/// The calls of a message.
pub(super) fn calls(native: &Value) -> impl Iterator<Item = Part> {
    let calls = native.get("tool_calls").or_else(|| native.get("toolCalls")).and_then(Value::as_array);
    calls.into_iter().flatten().map(call)
}

/// The result that a message is.
pub(super) fn result(native: &Value, is_error: bool, exit_code: Option<i32>) -> Part {
    let id = field::any_text(native, &["tool_call_id", "toolCallId"]).unwrap_or_default().to_owned();
    let content = field::content(native.get("content").unwrap_or(&Value::Null));
    Part::Result { id, outcome: Outcome { content, is_error, exit_code, ..Outcome::default() } }
}

/// What is said: a text, or a list of parts, one of which may be a picture.
pub(super) fn said(content: &Value) -> Content {
    let Some(parts) = content.as_array() else { return field::content(content) };
    let block = |part: &Value| match (field::text(part, "type"), field::text(part, "url")) {
        (Some("image"), Some(url)) => Some(media::image_url(url)),
        _ => field::block(part),
    };
    Content { blocks: parts.iter().filter_map(block).collect() }
}

/// The arguments of a call, which may be JSON in a text; what is none stays a text.
pub(super) fn arguments_of(native: &Value) -> Value {
    field::arguments(Some(native))
}
