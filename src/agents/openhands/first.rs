//! The events of the first versions: an action, or an observation that an action caused.

use serde_json::{Value, json};

use super::{
    super::{
        field, media,
        message::{self, Message, Part, Speaker},
        transcript::{Tokens, Transcript},
    },
    observed, tokens,
};
use crate::hail::{Block, Content, EventType, Timestamp};

/// The running counts of the first versions.
#[derive(Default)]
pub(super) struct Total {
    tokens: Tokens,
}

impl Total {
    /// What was used since the last event that said so.
    fn used(&mut self, event: &Value) -> Tokens {
        let Some(metrics) = event.get("llm_metrics").filter(|metrics| metrics.is_object()) else {
            return Tokens::default();
        };
        let usage = metrics.get("accumulated_token_usage").unwrap_or(&Value::Null);
        let cost = metrics.get("accumulated_cost").and_then(Value::as_f64);
        let now = Tokens { cost, ..tokens(usage) };
        let before = std::mem::replace(&mut self.tokens, now);
        Tokens {
            input: now.input.saturating_sub(before.input),
            output: now.output.saturating_sub(before.output),
            cache_read: now.cache_read.saturating_sub(before.cache_read),
            cache_write: now.cache_write.saturating_sub(before.cache_write),
            reasoning: 0,
            cost: cost.map(|cost| cost - before.cost.unwrap_or(0.0)).filter(|cost| *cost > 1e-9),
        }
    }
}

/// The call that an event is, or is of.
fn call_of(event: &Value, number: &str) -> String {
    let named = event.pointer("/tool_call_metadata/tool_call_id").and_then(Value::as_str);
    named.map_or_else(|| format!("event-{number}"), str::to_owned)
}

/// Tells an event of the first versions; one that only says how the program stands is left out.
pub(super) fn tell(
    transcript: &mut Transcript<'_>,
    index: usize,
    event: &Value,
    total: &mut Total,
) -> std::io::Result<()> {
    let number = event.get("id").map_or_else(|| index.to_string(), Value::to_string);
    let id = format!("event-{number}");
    let time = event.get("timestamp").and_then(field::time);
    let args = event.get("args").unwrap_or(&Value::Null);
    if let Some(kind) = field::text(event, "observation") {
        return observation(transcript, (&id, time), kind, event);
    }
    let by_agent = field::text(event, "source") == Some("agent");
    let mut message = Message::new(id.clone(), time, if by_agent { Speaker::Agent } else { Speaker::Person });
    message.tokens = total.used(event);
    message.model =
        event.pointer("/tool_call_metadata/model_response/model").and_then(Value::as_str).map(str::to_owned);
    if let Some(model) = &message.model {
        message::note_model(transcript, model);
    }
    let thought = field::text(args, "thought").filter(|_| by_agent);
    match field::text(event, "action").unwrap_or_default() {
        "message" => said(&mut message, args),
        "think" => message.parts.extend(thought.map(|thought| Part::Thought(thought.to_owned()))),
        kind @ ("run" | "run_ipython" | "read" | "write" | "edit" | "browse" | "browse_interactive" | "delegate"
        | "call_tool_mcp" | "mcp" | "finish" | "task_tracking") => {
            message.parts.extend(thought.map(|words| Part::Said(Content::text(words))));
            let (name, arguments) = action(kind, event, args);
            message.parts.push(Part::Call { id: call_of(event, &number), name, arguments });
        }
        kind @ ("system" | "condensation") => {
            message.speaker = Speaker::Program(if kind == "system" { "system" } else { "compact_summary" });
            message.say(Content::text(field::any_text(args, &["content", "summary"]).unwrap_or_default()));
        }
        "change_agent_state" => return Ok(()),
        kind => return transcript.unknown(&id, time, kind, event.clone()),
    }
    message.send(transcript)
}

fn said(message: &mut Message, args: &Value) {
    message.say(Content::text(field::text(args, "content").unwrap_or_default()));
    let images = args.get("image_urls").and_then(Value::as_array).into_iter().flatten();
    let images = images.filter_map(Value::as_str).map(media::image_url);
    message.say(Content { blocks: images.collect() });
}

/// The tool of an action with its arguments: as the model called it where that is known.
fn action(kind: &str, event: &Value, args: &Value) -> (String, Value) {
    let mut arguments = args.clone();
    if let Value::Object(fields) = &mut arguments {
        fields.retain(|key, value| {
            !value.is_null() && !matches!(key.as_str(), "thought" | "confirmation_state" | "security_risk" | "hidden")
        });
    }
    let name = match kind {
        "run" => "bash",
        "call_tool_mcp" | "mcp" => field::text(args, "name").unwrap_or(kind),
        "edit" => "str_replace_editor",
        "browse" => "fetch",
        kind => event
            .pointer("/tool_call_metadata/function_name")
            .and_then(Value::as_str)
            .filter(|_| kind == "finish")
            .unwrap_or(kind),
    };
    (name.to_owned(), arguments)
}

fn observation(
    transcript: &mut Transcript<'_>,
    (id, time): (&str, Option<Timestamp>),
    kind: &str,
    event: &Value,
) -> std::io::Result<()> {
    let cause = event.get("cause").filter(|cause| cause.is_number()).map(Value::to_string);
    let call = call_of(event, &cause.unwrap_or_default());
    if !transcript.knows_call(&call) {
        // What the program looked up for itself, and its state.
        return match kind {
            "agent_state_changed" | "null" => Ok(()),
            kind => transcript.unknown(id, time, kind, event.clone()),
        };
    }
    let extras = event.get("extras").unwrap_or(&Value::Null);
    let mut outcome = observed(&json!({
        "content": event.get("content"), "metadata": extras.get("metadata"), "exit_code": extras.get("exit_code"),
        "path": extras.get("path"), "old_content": extras.get("old_content"), "new_content": extras.get("new_content"),
    }));
    outcome.is_error |= matches!(kind, "error" | "user_rejected") || event.get("success") == Some(&Value::Bool(false));
    if let Some(EventType::FileEdit { .. }) = transcript.waiting_call(&call).map(|call| &call.event_type)
        && outcome.diff.is_some()
    {
        // The diff says what the output says.
        outcome.content.blocks.retain(|block| !matches!(block, Block::Text { text } if text.is_empty()));
    }
    transcript.result((id, &call), time, outcome)
}
