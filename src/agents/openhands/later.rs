//! The events of the later versions, and what is known of their answers.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    super::{
        chat, field,
        message::{Message, Part, Speaker},
        transcript::{Outcome, Tokens, Transcript},
    },
    observed, tokens,
};
use crate::hail::Content;

/// The members of an event of the later versions that are told, or repeat what is.
const KNOWN: [&str; 14] = [
    "id",
    "timestamp",
    "source",
    "kind",
    "llm_message",
    "thought",
    "reasoning_content",
    "thinking_blocks",
    "action",
    "tool_name",
    "tool_call_id",
    "tool_call",
    "llm_response_id",
    "responses_reasoning_item",
];

/// What each answer used, by its id, as the document of the later versions has it.
pub(super) struct Used {
    answers: HashMap<String, (Option<String>, Tokens)>,
}

impl Used {
    pub(super) fn of(state: &Value) -> Self {
        let models = state.pointer("/stats/usage_to_metrics").and_then(Value::as_object).into_iter().flatten();
        let answers = models.filter_map(|(_, metrics)| metrics.get("token_usages")?.as_array()).flatten();
        let answers = answers.filter_map(|usage| {
            let model = field::text(usage, "model").map(str::to_owned);
            Some((field::text(usage, "response_id")?.to_owned(), (model, tokens(usage))))
        });
        Self { answers: answers.collect() }
    }

    /// Keeps what was used by answers that no event names, such as the making of a summary.
    pub(super) fn rest(self, transcript: &mut Transcript<'_>) -> std::io::Result<()> {
        let mut rest: Vec<_> = self.answers.into_iter().collect();
        rest.sort_by(|one, other| one.0.cmp(&other.0));
        for (id, (model, tokens)) in rest {
            let mut message = Message::new(id, None, Speaker::Agent);
            (message.model, message.tokens) = (model, tokens);
            message.send(transcript)?;
        }
        Ok(())
    }
}

/// Tells an event of the later versions; one that only says how the program stands is left out.
pub(super) fn tell(
    transcript: &mut Transcript<'_>,
    index: usize,
    event: &Value,
    used: &mut Used,
    is_last: impl Fn(&str) -> bool,
) -> std::io::Result<()> {
    let id = field::text(event, "id").map_or_else(|| format!("event-{index}"), str::to_owned);
    let time = event.get("timestamp").and_then(field::time);
    let speaker = if field::text(event, "source") == Some("agent") { Speaker::Agent } else { Speaker::Person };
    let mut message = Message::new(id.clone(), time, speaker);
    let response = field::text(event, "llm_response_id").filter(|id| is_last(id));
    if let Some(answer) = response.and_then(|response| used.answers.remove(response)) {
        (message.model, message.tokens) = answer;
    }
    thoughts(&mut message, event);
    match field::text(event, "kind").unwrap_or_default() {
        "MessageEvent" => {
            message.say(event.pointer("/llm_message/content").map(field::content).unwrap_or_default());
            message.send(transcript)
        }
        "ActionEvent" => acted(transcript, message, event),
        "ObservationEvent" => {
            let observation = event.get("observation").unwrap_or(&Value::Null);
            transcript.result((&id, field::text(event, "tool_call_id").unwrap_or(&id)), time, observed(observation))
        }
        "AgentErrorEvent" | "UserRejectObservation" if field::text(event, "tool_call_id").is_some() => {
            let why = Content::text(field::any_text(event, &["error", "rejection_reason"]).unwrap_or_default());
            let outcome = Outcome { content: why, is_error: true, ..Outcome::default() };
            transcript.result((&id, field::text(event, "tool_call_id").unwrap_or(&id)), time, outcome)
        }
        kind @ ("SystemPromptEvent" | "Condensation") => {
            message.speaker = Speaker::Program(if kind == "Condensation" { "compact_summary" } else { "system" });
            let words = event.pointer("/system_prompt/text").or_else(|| event.get("summary"));
            program(transcript, message, words)
        }
        "ConversationStateUpdateEvent" => Ok(()),
        kind => transcript.unknown(&id, time, kind, event.clone()),
    }
}

fn thoughts(message: &mut Message, event: &Value) {
    let blocks = event.get("thinking_blocks").and_then(Value::as_array).into_iter().flatten();
    let thoughts: Vec<&str> = blocks.filter_map(|block| field::text(block, "thinking")).collect();
    let whole =
        if thoughts.is_empty() { field::text(event, "reasoning_content").into_iter().collect() } else { thoughts };
    message.parts.extend(whole.into_iter().map(|thought| Part::Thought(thought.to_owned())));
}

fn program(transcript: &mut Transcript<'_>, mut message: Message, words: Option<&Value>) -> std::io::Result<()> {
    message.say(words.map(field::content).unwrap_or_default());
    message.send(transcript)
}

/// Tells a call, with what was said and thought before it.
fn acted(transcript: &mut Transcript<'_>, mut message: Message, event: &Value) -> std::io::Result<()> {
    message.say(event.get("thought").map(field::content).unwrap_or_default());
    let call = event.get("tool_call").unwrap_or(&Value::Null);
    let name = field::text(event, "tool_name").or_else(|| field::text(call, "name")).unwrap_or_default();
    let arguments = call.get("arguments").or_else(|| call.pointer("/function/arguments"));
    let arguments = arguments.map(chat::arguments_of).or_else(|| event.get("action").cloned());
    let id = field::text(event, "tool_call_id").unwrap_or(&message.id).to_owned();
    message.parts.push(Part::Call { id, name: name.to_owned(), arguments: arguments.unwrap_or_default() });
    message.attributes.extend(field::rest(event, &KNOWN).map(|rest| ("source.fields", rest)));
    message.send(transcript)
}
