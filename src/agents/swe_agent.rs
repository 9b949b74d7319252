//! SWE-agent and mini-SWE-agent: the trajectory of a task, one JSON document.
//!
//! Learned from a public trajectory of mini-SWE-agent 2.2; the rest follows what is generally known of both and was not
//! compared with their documentation. The prompt is a task in a frame of instructions.

use std::path::Path;

use serde_json::{Map, Value};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, chat, document, field, folders, identity,
    message::{self, Message, Part, Speaker},
    tool::{self, Kind},
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Content, Sink, Timestamp, attribute},
};

/// The mini-SWE-agent reader.
pub(super) struct MiniSweAgent;

/// The SWE-agent reader.
pub(super) struct SweAgent;

impl Agent for MiniSweAgent {
    fn name(&self) -> &'static str {
        "mini-swe-agent"
    }

    fn title(&self) -> &'static str {
        "mini-SWE-agent"
    }

    // Only the last one has a place of its own; the others are where they were asked for.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let home = environment.folder("MSWEA_GLOBAL_CONFIG_DIR", ".config/mini-swe-agent");
        let is_log = |name: &str| name.ends_with(".traj.json");
        folders::in_scope(home.map(|home| folders::files(&home, is_log)).unwrap_or_default(), scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.document.as_ref().is_some_and(|document| {
            let info = document.get("info").unwrap_or(&Value::Null);
            let is_named = field::text(info, "mini_version").is_some()
                || document
                    .get("trajectory_format")
                    .and_then(Value::as_str)
                    .is_some_and(|name| name.contains("mini-swe"));
            is_named && document.contains_key("messages")
        })
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        sample
            .document
            .as_ref()?
            .get("info")?
            .pointer("/config/environment/cwd")?
            .as_str()
            .filter(|cwd| !cwd.is_empty())
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let trajectory = document::read(log)?;
        let Some(messages) = trajectory.get("messages").and_then(Value::as_array) else {
            return Err(ParseError::NoRecord { line: 1, cause: "not a trajectory of mini-SWE-agent".to_owned() });
        };
        let mut out = message::transcript("mini-swe-agent", "mini-swe-agent-trajectory", sink);
        let info = trajectory.get("info").unwrap_or(&Value::Null);
        if let Some(model) = info.pointer("/config/model/model_name").and_then(Value::as_str) {
            message::note_model(&mut out, model);
        }
        let text = |pointer: &str| info.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        out.facts.version = text("/mini_version");
        out.facts.cwd = text("/config/environment/cwd").filter(|cwd| !cwd.is_empty());
        note_end(&mut out, info);
        let mut open = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            mini(&mut out, index, message, &mut open)?;
        }
        finish(out, "mini-swe-agent", messages.first().zip(messages.get(1)), log.path)
    }
}

impl Agent for SweAgent {
    fn name(&self) -> &'static str {
        "swe-agent"
    }

    fn title(&self) -> &'static str {
        "SWE-agent"
    }

    /// Trajectories are where they were asked for.
    fn logs(&self, _: &Environment, _: &Scope<'_>) -> Vec<LogFile> {
        Vec::new()
    }

    fn has_home(&self) -> bool {
        false
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.document.as_ref().is_some_and(|document| {
            let has_step = |steps: &Value| steps[0]["action"].is_string() && steps[0].get("observation").is_some();
            document.get("trajectory").is_some_and(|steps| steps.is_null() || has_step(steps))
                && ["history", "info"].iter().all(|key| document.contains_key(*key))
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
        let Some(steps) = trajectory.get("trajectory").and_then(Value::as_array) else {
            return Err(ParseError::NoRecord { line: 1, cause: "not a trajectory of SWE-agent".to_owned() });
        };
        let mut out = message::transcript("swe-agent", "swe-agent-trajectory", sink);
        let info = trajectory.get("info").unwrap_or(&Value::Null);
        out.facts.version = field::text(info, "swe_agent_version").map(str::to_owned);
        note_end(&mut out, info);
        let history = trajectory.get("history").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let is_before = |message: &&Value| matches!(field::text(message, "role"), Some("system" | "user"));
        let mut has_task = false;
        for (index, native) in history.iter().take_while(is_before).enumerate() {
            if let Some(mut message) = chat::message(format!("history-{index}"), None, native) {
                let is_demo = native.get("is_demo") == Some(&Value::Bool(true));
                if message.speaker == Speaker::Person && (is_demo || std::mem::replace(&mut has_task, true)) {
                    message.speaker = Speaker::Program("instructions");
                }
                message.send(&mut out)?;
            }
        }
        for (index, step) in steps.iter().enumerate() {
            self::step(&mut out, index, step)?;
        }
        let stats = info.get("model_stats").unwrap_or(&Value::Null);
        let mut total = Message::new("session".to_owned(), None, Speaker::Agent);
        let cost = stats.get("instance_cost").and_then(Value::as_f64);
        let (input, output) = (field::count(stats, "tokens_sent"), field::count(stats, "tokens_received"));
        total.tokens = Tokens { input, output, cost, ..Tokens::default() };
        total.send(&mut out)?;
        finish(out, "swe-agent", history.first().zip(history.get(1)), log.path)
    }
}

/// Takes how a task ended.
fn note_end(out: &mut Transcript<'_>, info: &Value) {
    for key in ["exit_status", "submission"] {
        let value = field::text(info, key).map(str::to_owned);
        out.facts.attributes.extend(value.map(|value| (key, value)));
    }
}

/// Names the session after its file, else after how it begins.
fn finish(
    out: Transcript<'_>,
    agent: &str,
    first: Option<(&Value, &Value)>,
    path: Option<&Path>,
) -> Result<Vec<Warning>, ParseError> {
    let name = path.and_then(|path| path.file_name()?.to_str());
    let name = name.map(|name| name.trim_end_matches(".json").trim_end_matches(".traj"));
    let seed = first.map_or_else(String::new, |(one, other)| format!("{one}{other}"));
    // The same task may be tried again, and a name such as `last_mini_run` says nothing.
    let id = identity::hashed_id(agent, &format!("{} {seed}", name.unwrap_or_default()));
    Ok(out.finish(id)?)
}

/// Tells a step of SWE-agent: a thought, an action and what came of it.
fn step(out: &mut Transcript<'_>, index: usize, step: &Value) -> std::io::Result<()> {
    let id = format!("step-{index}");
    let mut said = Message::new(id.clone(), None, Speaker::Agent);
    let words = field::any_text(step, &["thought", "response"]).unwrap_or_default();
    said.say(field::content(&Value::from(words.trim())));
    said.send(out)?;
    let Some(action) = field::text(step, "action") else { return Ok(()) };
    let call_id = format!("{id}-action");
    out.call((&call_id, &call_id), None, action.split(' ').next().unwrap_or_default(), act(action.trim_end()))?;
    let content = step.get("observation").map(field::content).unwrap_or_default();
    let seconds = step.get("execution_time").and_then(Value::as_f64).filter(|seconds| (0.0..1e9).contains(seconds));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between zero and a billion")]
    let duration_ms = seconds.map(|seconds| (seconds * 1000.0) as u64);
    out.result((&format!("{id}-observation"), &call_id), None, Outcome { content, duration_ms, ..Outcome::default() })
}

/// The event of an action: a command of the shell, or one of the tools that are put there.
fn act(action: &str) -> tool::Call {
    let words: Vec<&str> = action.split_whitespace().collect();
    let json = |key: &str, value: &str| Value::Object(Map::from_iter([(key.to_owned(), value.into())]));
    match words.as_slice() {
        ["str_replace_editor", "view", path, ..] | ["open", path, ..] => {
            tool::call_as(Kind::Read, "view", json("path", path))
        }
        ["str_replace_editor", "str_replace" | "insert", path, ..] => {
            let mut arguments = json("path", path);
            arguments["action"] = action.into();
            tool::call_as(Kind::Edit, "str_replace_editor", arguments)
        }
        ["submit", ..] => tool::generic("submit", Value::Null),
        _ => tool::call_as(Kind::Shell, "bash", json("command", action)),
    }
}

/// Tells a message of mini-SWE-agent.
fn mini(out: &mut Transcript<'_>, index: usize, native: &Value, open: &mut Vec<String>) -> std::io::Result<()> {
    let id = format!("message-{index}");
    let extra = native.get("extra").unwrap_or(&Value::Null);
    let at = extra.get("timestamp").or_else(|| extra.pointer("/response/created")).and_then(field::time);
    let words = native.get("content").and_then(Value::as_str).unwrap_or_default();
    match field::text(native, "role") {
        Some("user" | "tool") if words.trim_start().starts_with("<returncode>") || is_result(native) => {
            let named = field::text(native, "tool_call_id").map(str::to_owned);
            if let Some(named) = &named {
                open.retain(|call| call != named);
            }
            let call = named.or_else(|| (!open.is_empty()).then(|| open.remove(0)));
            returned(out, (&id, at), call.as_deref().unwrap_or(&id), native, words)
        }
        Some("assistant") => answered(out, (&id, at), native, words, open),
        Some("exit") => {
            let mut message = Message::new(id, at, Speaker::Program("exit"));
            message.say(Content::text(words));
            message.send(out)
        }
        role => match chat::message(id.clone(), at, native) {
            Some(mut message) => {
                // The first message is the task; the others are about the form of an answer.
                if message.speaker == Speaker::Person && index > 1 {
                    message.speaker = Speaker::Program("instructions");
                }
                message.send(out)
            }
            None => out.unknown(&id, at, role.unwrap_or_default(), native.clone()),
        },
    }
}

fn is_result(native: &Value) -> bool {
    native.get("tool_call_id").is_some() || native.pointer("/extra/returncode").is_some()
}

fn returned(
    out: &mut Transcript<'_>,
    (id, at): (&str, Option<Timestamp>),
    call: &str,
    native: &Value,
    words: &str,
) -> std::io::Result<()> {
    let inner = |tag: &str| Some(words.split_once(&format!("<{tag}>"))?.1.split_once(&format!("</{tag}>"))?.0);
    let own = native.pointer("/extra/returncode").and_then(Value::as_i64);
    let code = own.or_else(|| inner("returncode")?.trim().parse().ok()).and_then(|code| i32::try_from(code).ok());
    let output = inner("output").map_or(words, |output| output.strip_prefix('\n').unwrap_or(output));
    let outcome = Outcome {
        content: field::content(&Value::from(output)),
        is_error: code.is_some_and(|code| code != 0),
        exit_code: code,
        ..Outcome::default()
    };
    out.result((id, call), at, outcome)
}

/// Tells an answer. The first versions have their command as a block of text.
fn answered(
    out: &mut Transcript<'_>,
    (id, at): (&str, Option<Timestamp>),
    native: &Value,
    words: &str,
    open: &mut Vec<String>,
) -> std::io::Result<()> {
    let Some(mut message) = chat::message(id.to_owned(), at, native) else { return Ok(()) };
    let response = native.pointer("/extra/response").unwrap_or(&Value::Null);
    message.tokens = tokens(response.get("usage").unwrap_or(&Value::Null));
    message.tokens.cost = native.pointer("/extra/cost").and_then(Value::as_f64);
    message.model = field::text(response, "model").map(str::to_owned);
    open.clear();
    open.extend(message.parts.iter().filter_map(|part| match part {
        Part::Call { id, .. } => Some(id.clone()),
        _ => None,
    }));
    let block = words.split_once("```bash\n").or_else(|| words.split_once("```mswea_bash_command\n"));
    let command = block.and_then(|(_, rest)| Some(rest.split_once("\n```")?.0)).filter(|_| open.is_empty());
    let tokens = message.tokens;
    if command.is_some() {
        message.tokens = Tokens::default();
    }
    message.send(out)?;
    let Some(command) = command else { return Ok(()) };
    let call = format!("{id}-command");
    let arguments = Value::Object(Map::from_iter([("command".to_owned(), command.into())]));
    out.call((&call, &call), at, "bash", tool::call_as(Kind::Shell, "bash", arguments))?;
    if let Some(event) = out.waiting_call(&call) {
        event.attributes.insert(attribute::GROUP_ID.to_owned(), id.into());
        tokens.note(event);
    }
    open.push(call);
    Ok(())
}

/// The counts of an answer: what was cached is counted as input, too.
fn tokens(usage: &Value) -> Tokens {
    let detail = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let cache_read = detail("/prompt_tokens_details/cached_tokens");
    let cache_write = detail("/prompt_tokens_details/cache_creation_tokens");
    let input = field::count(usage, "prompt_tokens").saturating_sub(cache_read).saturating_sub(cache_write);
    let (output, reasoning) =
        (field::count(usage, "completion_tokens"), detail("/completion_tokens_details/reasoning_tokens"));
    Tokens { input, output, cache_read, cache_write, reasoning, cost: None }
}
