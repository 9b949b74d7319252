//! Trae Agent: the trajectory that it records of a task, one JSON document.
//!
//! Learned from its public documentation and source (`docs/TRAJECTORY_RECORDING.md`, `trajectory_recorder.py`). Every
//! request to the model is there with its answer, and every step once more with the results of its calls.

use std::{collections::HashSet, path::Path};

use serde_json::Value;

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, chat, document, field, folders, identity,
    message::{self, Message, Part, Speaker},
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Content, EventType, Sink},
};

/// The folder of the trajectories, in the one that the agent was started in.
const FOLDER: &str = "trajectories";
/// The members of a trajectory that are told as events or as facts of the session.
const KNOWN: [&str; 9] = [
    "task",
    "start_time",
    "end_time",
    "provider",
    "model",
    "llm_interactions",
    "agent_steps",
    "final_result",
    "max_steps",
];

/// The Trae Agent reader.
pub(super) struct TraeAgent;

impl Agent for TraeAgent {
    fn name(&self) -> &'static str {
        "trae-agent"
    }

    fn title(&self) -> &'static str {
        "Trae Agent"
    }

    fn is_local(&self) -> bool {
        true
    }

    fn logs(&self, _: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let folders = scope.folder.into_iter().flat_map(Path::ancestors).map(|folder| folder.join(FOLDER));
        let is_log = |name: &str| name.starts_with("trajectory_") && folders::has_extension(name, "json");
        folders::in_scope(folders.flat_map(|folder| folders::files(&folder, is_log)).collect(), scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.document.as_ref().is_some_and(|document| {
            document.get("task").is_some_and(Value::is_string)
                && document.contains_key("llm_interactions")
                && document.contains_key("start_time")
        })
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn working_directory<'s>(&self, _: &'s Sample) -> Option<&'s str> {
        None
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let trajectory = document::read(log)?;
        let (Some(task), Some(interactions)) =
            (field::text(&trajectory, "task"), trajectory.get("llm_interactions").and_then(Value::as_array))
        else {
            return Err(ParseError::NoRecord { line: 1, cause: "not a trajectory of Trae Agent".to_owned() });
        };
        let mut transcript = message::transcript("trae-agent", "trae-trajectory", sink);
        note_facts(&mut transcript, &trajectory);
        let mut prompt = Message::new("task".to_owned(), None, Speaker::Person);
        prompt.say(Content::text(task));
        prompt.send(&mut transcript)?;
        let mut told = HashSet::new();
        for (index, interaction) in interactions.iter().enumerate() {
            asked(&mut transcript, (index, task), interaction, &mut told)?;
            answered(&mut transcript, index, interaction)?;
            results(&mut transcript, &trajectory, interaction, &mut told)?;
        }
        for (index, step) in steps(&trajectory).enumerate() {
            for key in ["reflection", "error"] {
                if let Some(words) = field::text(step, key) {
                    let at = step.get("timestamp").and_then(field::time);
                    let event = transcript.event(&format!("{key}-{index}"), at, EventType::SystemMessage, key);
                    transcript.push(event.with_content(Content::text(words)).with("source.injected", key))?;
                }
            }
        }
        let seed = format!("{} {task}", field::text(&trajectory, "start_time").unwrap_or_default());
        Ok(transcript.finish(identity::hashed_id("trae-agent", &seed))?)
    }
}

fn note_facts(transcript: &mut Transcript<'_>, trajectory: &Value) {
    if let Some(model) = field::text(trajectory, "model") {
        message::note_model(transcript, model);
    }
    let facts = &mut transcript.facts;
    if let Some(provider) = field::text(trajectory, "provider") {
        provider.clone_into(&mut facts.provider);
    }
    facts.began = trajectory.get("start_time").and_then(field::time);
    facts.ended = trajectory.get("end_time").and_then(field::time);
    facts.attributes.insert("time_zone", "unknown".into());
    facts.attributes.extend(field::rest(trajectory, &KNOWN).map(|rest| ("source.fields", rest)));
    let first = trajectory.pointer("/llm_interactions/0/input_messages").and_then(Value::as_array);
    let mut told = first.into_iter().flatten().filter_map(|message| field::text(message, "content"));
    facts.cwd = told.find_map(root_in);
}

/// The folder that the first message names.
fn root_in(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("[Project root path]:")?;
    rest.trim_start().lines().next().map(|line| line.trim().to_owned()).filter(|line| line.starts_with('/'))
}

/// What the model was told before an answer: all of it the program's words, for the task is told already.
fn asked(
    transcript: &mut Transcript<'_>,
    (index, task): (usize, &str),
    interaction: &Value,
    told: &mut HashSet<String>,
) -> std::io::Result<()> {
    let messages = interaction.get("input_messages").and_then(Value::as_array);
    for (n, native) in messages.into_iter().flatten().enumerate() {
        let role = field::text(native, "role").unwrap_or("message");
        let result = native.get("tool_result").filter(|result| result.is_object());
        if let Some(result) = result {
            returned(transcript, result, told)?;
            continue;
        }
        let words = native.get("content").map(field::content).unwrap_or_default();
        let is_new = role != "assistant" && words.to_text() != task && told.insert(words.to_text());
        if is_new && !words.blocks.is_empty() {
            let reason = if role == "system" { "system" } else { "context" };
            let mut message = Message::new(format!("input-{index}-{n}"), None, Speaker::Program(reason));
            message.say(words);
            message.send(transcript)?;
        }
    }
    Ok(())
}

fn answered(transcript: &mut Transcript<'_>, index: usize, interaction: &Value) -> std::io::Result<()> {
    let response = interaction.get("response").unwrap_or(&Value::Null);
    let time = interaction.get("timestamp").and_then(field::time);
    let mut message = Message::new(format!("answer-{index}"), time, Speaker::Agent);
    message.say(response.get("content").map(field::content).unwrap_or_default());
    let calls = response.get("tool_calls").and_then(Value::as_array).into_iter().flatten();
    message.parts.extend(calls.map(|call| {
        let id = field::any_text(call, &["call_id", "id"]).unwrap_or_default().to_owned();
        match chat::call(call) {
            Part::Call { name, arguments, .. } => Part::Call { id, name, arguments },
            other => other,
        }
    }));
    message.model = field::any_text(interaction, &["model"]).map(str::to_owned);
    message.tokens = tokens(response, field::text(interaction, "provider").unwrap_or_default());
    let stop = response.get("finish_reason").filter(|reason| reason.is_string());
    message.attributes.extend(stop.map(|reason| ("stop_reason", reason.clone())));
    message.send(transcript)
}

/// What an answer used. Only Anthropic counts what was cached apart.
fn tokens(response: &Value, provider: &str) -> Tokens {
    let usage = response.get("usage").unwrap_or(&Value::Null);
    let count = |key: &str| field::count(usage, key);
    let (cache_read, cache_write) = (count("cache_read_input_tokens"), count("cache_creation_input_tokens"));
    let input = count("input_tokens");
    let fresh = if provider == "anthropic" { input } else { input.saturating_sub(cache_read) };
    let (output, reasoning) = (count("output_tokens"), count("reasoning_tokens"));
    Tokens { input: fresh, output, cache_read, cache_write, reasoning, cost: None }
}

fn steps(trajectory: &Value) -> impl Iterator<Item = &Value> {
    trajectory.get("agent_steps").and_then(Value::as_array).into_iter().flatten()
}

/// The results of the calls of an answer, which the step has.
fn results(
    transcript: &mut Transcript<'_>,
    trajectory: &Value,
    interaction: &Value,
    told: &mut HashSet<String>,
) -> std::io::Result<()> {
    let calls = interaction.pointer("/response/tool_calls").and_then(Value::as_array).into_iter().flatten();
    for id in calls.filter_map(|call| field::any_text(call, &["call_id", "id"])) {
        let mut all = steps(trajectory).filter_map(|step| step.get("tool_results")?.as_array()).flatten();
        let is_of = |result: &&Value| field::any_text(result, &["call_id", "id"]) == Some(id);
        if let Some(result) = all.find(is_of) {
            returned(transcript, result, told)?;
        }
    }
    Ok(())
}

/// Tells a result, once.
fn returned(transcript: &mut Transcript<'_>, result: &Value, told: &mut HashSet<String>) -> std::io::Result<()> {
    let id = field::any_text(result, &["call_id", "id"]).unwrap_or_default();
    if !told.insert(format!("result {id}")) {
        return Ok(());
    }
    let mut content = result.get("result").map(field::content).unwrap_or_default();
    content.blocks.extend(result.get("error").map(field::content).unwrap_or_default().blocks);
    let is_error = result.get("success") == Some(&Value::Bool(false));
    transcript.result((&format!("{id}-result"), id), None, Outcome { content, is_error, ..Outcome::default() })
}
