//! The messages of a chat as the interface of `OpenAI` has them, and as many agents write them down.

use serde_json::Value;

use super::{
    field,
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
            let call = field::any_text(native, &["tool_call_id", "toolCallId"]).unwrap_or_default().to_owned();
            let outcome = Outcome { content: field::content(content), ..Outcome::default() };
            let mut message = Message::new(id, time, Speaker::Program("tool"));
            message.parts.push(Part::Result { id: call, outcome });
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
    let calls = native.get("tool_calls").or_else(|| native.get("toolCalls")).and_then(Value::as_array);
    message.parts.extend(calls.into_iter().flatten().map(call));
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

/// The arguments of a call, which may be JSON in a text; what is none stays a text.
pub(super) fn arguments_of(native: &Value) -> Value {
    let parsed =
        native.as_str().map(|text| if text.trim().is_empty() { Ok(Value::Null) } else { serde_json::from_str(text) });
    match parsed {
        Some(Ok(arguments)) => arguments,
        _ => native.clone(),
    }
}
