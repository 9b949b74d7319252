//! Messages in the shape of the chat interface that most models have, which several agents keep: a role, a text, calls beside it, and a
//! message for each result.

use serde_json::Value;

use super::{field, message::Part, transcript::Outcome};
use crate::hail::{Block, Content};

/// The calls of a message. Some agents keep name and arguments in `function`, some beside the id.
pub(super) fn calls(message: &Value) -> Vec<Part> {
    let calls = message.get("tool_calls").or_else(|| message.get("toolCalls")).and_then(Value::as_array);
    let part = |call: &Value| {
        let function = call.get("function").filter(|function| function.is_object()).unwrap_or(call);
        Part::Call {
            id: field::text(call, "id").unwrap_or_default().to_owned(),
            name: field::text(function, "name").unwrap_or_default().to_owned(),
            arguments: field::arguments(function.get("arguments")),
        }
    };
    calls.into_iter().flatten().map(part).collect()
}

/// The result that a message is.
pub(super) fn result(message: &Value, is_error: bool, exit_code: Option<i32>) -> Part {
    let id = field::any_text(message, &["tool_call_id", "toolCallId"]).unwrap_or_default().to_owned();
    let content = field::content(message.get("content").unwrap_or(&Value::Null));
    Part::Result { id, outcome: Outcome { content, is_error, exit_code, ..Outcome::default() } }
}

/// What is said in a message: a text, or a list of parts, one of which may be a picture.
pub(super) fn said(content: &Value) -> Content {
    let Some(parts) = content.as_array() else { return field::content(content) };
    let block = |part: &Value| match (field::text(part, "type"), field::text(part, "url")) {
        (Some("image"), Some(url)) => Some(super::media::image_url(url)),
        _ => field::block(part),
    };
    Content { blocks: parts.iter().filter_map(block).collect::<Vec<Block>>() }
}
