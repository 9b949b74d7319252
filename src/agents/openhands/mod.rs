//! `OpenHands`: one JSON file an event, in the folder of a conversation. Its first versions number them, the later ones
//! keep what is known of the conversation in a document beside them.
//!
//! Learned from public programs that read its conversations; the form of the first versions was not compared with their
//! source.

mod first;
mod later;

use std::{fs, path::Path};

use serde_json::Value;

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, diff, document, field, folders, identity, message,
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{environment::Environment, hail::Sink, system::files};

/// What the later versions know of a conversation.
const STATE: &str = "base_state.json";
/// The folder of the events.
const EVENTS: &str = "events";
/// The first event of the first versions.
const FIRST: &str = "0.json";
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
        // Of the events in files of their own, the first stands for the conversation.
        let is_first = |document: &serde_json::Map<String, Value>| {
            document.get("id").is_some_and(|id| id == 0) && is_event(&Value::Object(document.clone()))
        };
        sample.document.as_ref().is_some_and(|document| is_state(document) || is_first(document))
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
        let mut used = later::Used::of(&state);
        let mut total = first::Total::default();
        for (index, event) in events.iter().enumerate() {
            let is_last =
                |id: &str| !events[index + 1..].iter().any(|next| field::text(next, "llm_response_id") == Some(id));
            if event.get("kind").is_some() {
                later::tell(&mut transcript, index, event, &mut used, is_last)?;
            } else {
                first::tell(&mut transcript, index, event, &mut total)?;
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

/// The counts of an answer: what was cached is counted as input, too.
fn tokens(usage: &Value) -> Tokens {
    let count = |key: &str| field::count(usage, key);
    let (cache_read, cache_write) = (count("cache_read_tokens"), count("cache_write_tokens"));
    let input = count("prompt_tokens").saturating_sub(cache_read).saturating_sub(cache_write);
    let (output, reasoning) = (count("completion_tokens"), count("reasoning_tokens"));
    Tokens { input, output, cache_read, cache_write, reasoning, cost: None }
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
