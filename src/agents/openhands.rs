//! `OpenHands`: one JSON file an event, in the folder of a conversation. Its first versions number them, the later ones
//! keep what is known of the conversation in a document beside them.
//!
//! Learned from the public source (`openhands/events` of the first versions, `openhands-sdk/event` and
//! `conversation/state` of the later ones) and from public programs that read its conversations.

use std::{collections::HashMap, fs, path::Path};

use serde_json::{Value, json};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, chat, diff, document, field, folders, identity,
    message::{self, Message, Part, Speaker},
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Block, Content, EventType, Sink, Timestamp},
    system::files,
};

/// What the later versions know of a conversation.
const STATE: &str = "base_state.json";
/// The folder of the events.
const EVENTS: &str = "events";
/// The first event of the first versions.
const FIRST: &str = "0.json";
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

/// The `OpenHands` reader.
pub(super) struct OpenHands;

impl Agent for OpenHands {
    fn name(&self) -> &'static str {
        "openhands"
    }

    fn title(&self) -> &'static str {
        "OpenHands"
    }

    // The folders are named by ids, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let home = environment.folder("OPENHANDS_PERSISTENCE_DIR", ".openhands");
        let moved = environment.variable("OPENHANDS_CONVERSATIONS_DIR").map(Into::into);
        let later = moved.or_else(|| Some(home.as_ref()?.join("conversations")));
        let first = home.map(|home| home.join("sessions"));
        let old = environment.home().map(|home| home.join(".openhands-state/sessions"));
        let mut found = Vec::new();
        for folder in [later, first, old].into_iter().flatten() {
            found.extend(folders::folders(&folder, |_| true).iter().filter_map(|folder| log_in(folder)));
        }
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        let is_state = |document: &serde_json::Map<String, Value>| {
            document.get("id").is_some_and(Value::is_string)
                && document.get("agent").is_some_and(|agent| agent.get("llm").is_some())
                && (document.contains_key("workspace") || document.contains_key("persistence_dir"))
        };
        sample
            .document
            .as_ref()
            .is_some_and(|document| is_state(document) || is_event(&Value::Object(document.clone())))
            || sample.document.is_none() && sample.records.first().is_some_and(is_event)
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        sample.document.as_ref()?.get("workspace")?.get("working_dir")?.as_str()
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let own = document::read(log)?;
        let folder = log.path.filter(|path| path.ends_with(STATE)).and_then(Path::parent);
        let parent = log.path.filter(|path| path.ends_with(Path::new(EVENTS).join(FIRST)));
        let conversation = folder.or_else(|| parent?.parent()?.parent());
        let mut transcript = message::transcript("openhands", "openhands-events", sink);
        let events = match (conversation, &own) {
            (Some(conversation), _) => events(&conversation.join(EVENTS), &mut transcript)?,
            (None, Value::Array(events)) => events.clone(),
            (None, event) if is_event(event) => vec![event.clone()],
            (None, _) => Vec::new(),
        };
        if events.is_empty() && own.get("agent").is_none() {
            return Err(ParseError::NoRecord { line: 1, cause: "no event of OpenHands".to_owned() });
        }
        let state = if own.get("agent").is_some() { own } else { Value::Null };
        note_facts(&mut transcript, &state, conversation);
        let mut used = Used::of(&state);
        let mut total = Total::default();
        for (index, event) in events.iter().enumerate() {
            let is_last =
                |id: &str| !events[index + 1..].iter().any(|next| field::text(next, "llm_response_id") == Some(id));
            if event.get("kind").is_some() {
                later(&mut transcript, index, event, &mut used, is_last)?;
            } else {
                first(&mut transcript, index, event, &mut total)?;
            }
        }
        used.rest(&mut transcript)?;
        let name = conversation.and_then(Path::file_name).and_then(|name| name.to_str());
        let seed = events.first().map(Value::to_string).unwrap_or_default();
        let id = field::text(&state, "id").or(name).map(|id| identity::session_id("openhands", id));
        Ok(transcript.finish(id.unwrap_or_else(|| identity::hashed_id("openhands", &seed)))?)
    }
}

/// Whether a value is an event of either generation.
fn is_event(event: &Value) -> bool {
    let is_text = |key: &str| event.get(key).is_some_and(Value::is_string);
    event.get("id").is_some_and(Value::is_number)
        && is_text("timestamp")
        && (is_text("action") && event.get("args").is_some()
            || is_text("observation") && event.get("content").is_some())
}

/// The log of a conversation: the document of the later versions, else its first event.
fn log_in(folder: &Path) -> Option<LogFile> {
    let log = LogFile::at(folder.join(STATE)).or_else(|| LogFile::at(folder.join(EVENTS).join(FIRST)))?;
    let changed = folder.join(EVENTS).metadata().ok()?.modified().ok()?;
    Some(LogFile { modified: log.modified.max(changed), ..log })
}

/// The events of a conversation, in order. One that is being written is told and left out.
fn events(folder: &Path, transcript: &mut Transcript<'_>) -> Result<Vec<Value>, ParseError> {
    let mut names: Vec<(u64, String)> = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let digits = name.trim_start_matches("event-").split(['-', '.']).next().unwrap_or_default().parse();
        names
            .extend(digits.ok().filter(|_| folders::has_extension(&name, "json")).map(|number| (number, name.clone())));
    }
    names.sort();
    let mut found = Vec::new();
    for (number, name) in names {
        match serde_json::from_str(&files::read_text(&folder.join(&name), files::LARGE)?) {
            Ok(event) => found.push(event),
            Err(fault) => {
                transcript.warnings.push(Warning { line: number + 1, cause: format!("{name}: not JSON: {fault}") });
            }
        }
    }
    Ok(found)
}

fn note_facts(transcript: &mut Transcript<'_>, state: &Value, conversation: Option<&Path>) {
    if let Some(model) = state.pointer("/agent/llm/model").and_then(Value::as_str) {
        message::note_model(transcript, model);
    }
    let beside = conversation.and_then(|folder| files::read_text(&folder.join("metadata.json"), files::LARGE).ok());
    let metadata: Value = beside.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    let facts = &mut transcript.facts;
    facts.cwd = state.pointer("/workspace/working_dir").and_then(Value::as_str).map(str::to_owned);
    facts.title = field::text(&metadata, "title").or_else(|| field::text(state, "title")).map(str::to_owned);
    facts.branch = field::text(&metadata, "selected_branch").map(str::to_owned);
    facts.attributes.insert("time_zone", "unknown".into());
}

/// What each answer used, by its id, as the document of the later versions has it.
struct Used {
    answers: HashMap<String, (Option<String>, Tokens)>,
}

impl Used {
    fn of(state: &Value) -> Self {
        let models = state.pointer("/stats/usage_to_metrics").and_then(Value::as_object).into_iter().flatten();
        let answers = models.filter_map(|(_, metrics)| metrics.get("token_usages")?.as_array()).flatten();
        let answers = answers.filter_map(|usage| {
            let model = field::text(usage, "model").map(str::to_owned);
            Some((field::text(usage, "response_id")?.to_owned(), (model, tokens(usage))))
        });
        Self { answers: answers.collect() }
    }

    /// Keeps what was used by answers that no event names, such as the making of a summary.
    fn rest(self, transcript: &mut Transcript<'_>) -> std::io::Result<()> {
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

/// The counts of an answer: what was cached is counted as input, too.
fn tokens(usage: &Value) -> Tokens {
    let count = |key: &str| field::count(usage, key);
    let (cache_read, cache_write) = (count("cache_read_tokens"), count("cache_write_tokens"));
    let input = count("prompt_tokens").saturating_sub(cache_read).saturating_sub(cache_write);
    let (output, reasoning) = (count("completion_tokens"), count("reasoning_tokens"));
    Tokens { input, output, cache_read, cache_write, reasoning, cost: None }
}

/// Tells an event of the later versions.
fn later(
    transcript: &mut Transcript<'_>,
    index: usize,
    event: &Value,
    used: &mut Used,
    is_last: impl Fn(&str) -> bool,
) -> std::io::Result<()> {
    let id = field::text(event, "id").map_or_else(|| format!("event-{index}"), str::to_owned);
    let time = event.get("timestamp").and_then(field::time);
    let by_agent = field::text(event, "source") == Some("agent");
    let mut message = Message::new(id.clone(), time, if by_agent { Speaker::Agent } else { Speaker::Person });
    let response = field::text(event, "llm_response_id").filter(|id| is_last(id));
    if let Some((model, tokens)) = response.and_then(|response| used.answers.remove(response)) {
        (message.model, message.tokens) = (model, tokens);
    }
    thoughts(&mut message, event);
    match field::text(event, "kind").unwrap_or_default() {
        "MessageEvent" => {
            message.say(event.pointer("/llm_message/content").map(field::content).unwrap_or_default());
            message.send(transcript)
        }
        "ActionEvent" => {
            message.say(event.get("thought").map(field::content).unwrap_or_default());
            let call = event.get("tool_call").unwrap_or(&Value::Null);
            let name = field::text(event, "tool_name").or_else(|| field::text(call, "name")).unwrap_or_default();
            let arguments = call.get("arguments").or_else(|| call.pointer("/function/arguments"));
            let arguments = arguments.map(chat::arguments_of).or_else(|| event.get("action").cloned());
            let call = field::text(event, "tool_call_id").unwrap_or(&id).to_owned();
            message.parts.push(Part::Call {
                id: call,
                name: name.to_owned(),
                arguments: arguments.unwrap_or_default(),
            });
            message.attributes.extend(field::rest(event, &KNOWN).map(|rest| ("source.fields", rest)));
            message.send(transcript)
        }
        "ObservationEvent" => {
            let observation = event.get("observation").unwrap_or(&Value::Null);
            transcript.result((&id, field::text(event, "tool_call_id").unwrap_or(&id)), time, observed(observation))
        }
        "AgentErrorEvent" | "UserRejectObservation" if field::text(event, "tool_call_id").is_some() => {
            let why = field::any_text(event, &["error", "rejection_reason"]).unwrap_or_default();
            let outcome = Outcome { content: Content::text(why), is_error: true, ..Outcome::default() };
            transcript.result((&id, field::text(event, "tool_call_id").unwrap_or(&id)), time, outcome)
        }
        kind @ ("SystemPromptEvent" | "Condensation") => {
            let words = event.pointer("/system_prompt/text").or_else(|| event.get("summary")).map(field::content);
            let why = if kind == "Condensation" { "compact_summary" } else { "system" };
            message.speaker = Speaker::Program(why);
            message.say(words.unwrap_or_default());
            message.send(transcript)
        }
        // Only says how the program stands, again and again.
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

/// What a tool returned.
fn observed(observation: &Value) -> Outcome {
    let own = ["content", "output", "text"].iter().find_map(|key| observation.get(*key));
    let code = observation.pointer("/metadata/exit_code").or_else(|| observation.get("exit_code"));
    let exit_code = code.and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok()).filter(|code| *code >= 0);
    let is_error = observation.get("is_error") == Some(&Value::Bool(true)) || exit_code.is_some_and(|code| code != 0);
    let text = |key: &str| observation.get(key).and_then(Value::as_str);
    let changed = text("path").zip(text("old_content").zip(text("new_content")));
    let diff = changed.map(|(path, (old, new))| diff::unified(path, old, new)).filter(|diff| !diff.is_empty());
    Outcome { content: own.map(field::content).unwrap_or_default(), is_error, exit_code, diff, duration_ms: None }
}

/// The running counts of the first versions.
#[derive(Default)]
struct Total {
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

/// Tells an event of the first versions.
fn first(transcript: &mut Transcript<'_>, index: usize, event: &Value, total: &mut Total) -> std::io::Result<()> {
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
        "message" => {
            message.say(Content::text(field::text(args, "content").unwrap_or_default()));
            let images = args.get("image_urls").and_then(Value::as_array).into_iter().flatten();
            let images = images.filter_map(Value::as_str).map(super::media::image_url);
            message.say(Content { blocks: images.collect() });
        }
        "system" => {
            message.speaker = Speaker::Program("system");
            message.say(Content::text(field::text(args, "content").unwrap_or_default()));
        }
        "think" => message.parts.extend(thought.map(|thought| Part::Thought(thought.to_owned()))),
        kind @ ("run" | "run_ipython" | "read" | "write" | "edit" | "browse" | "browse_interactive" | "delegate"
        | "call_tool_mcp" | "mcp" | "finish" | "task_tracking") => {
            message.parts.extend(thought.map(|words| Part::Said(Content::text(words))));
            let (name, arguments) = action(kind, event, args);
            message.parts.push(Part::Call { id: call_of(event, &number), name, arguments });
        }
        "condensation" => {
            message.speaker = Speaker::Program("compact_summary");
            message.say(Content::text(field::text(args, "summary").unwrap_or_default()));
        }
        // Only says how the program stands.
        "change_agent_state" => return Ok(()),
        kind => return transcript.unknown(&id, time, kind, event.clone()),
    }
    message.send(transcript)
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
