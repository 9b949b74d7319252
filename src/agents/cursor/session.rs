//! Writes the messages of a store as events.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value};

use super::{
    composer::prune,
    speech,
    store::{self, Message, Store},
};
use crate::{
    agents::{
        ParseError, Warning, apply_patch, diff,
        field::provider_of,
        identity,
        records::{Record, text},
        tool::{self, Call},
        transcript::{Facts, Outcome, Transcript},
    },
    hail::{Block, Content, Event, EventType, Sink, Timestamp, attribute},
};

/// What a session is called before it has a title.
const NO_TITLE: &str = "New Agent";
/// The tags of the first message, after which the folder stands.
const FOLDER: &str = "Workspace Path: ";
/// What a result repeats of its call, of the text beside it, or of another session.
const SAID: [&str; 16] = [
    "command",
    "workingDirectory",
    "path",
    "stdout",
    "stderr",
    "interleavedOutput",
    "content",
    "fileContent",
    "beforeFullFileContent",
    "afterFullFileContent",
    "diffString",
    "exitCode",
    "executionTime",
    "message",
    "resultForModel",
    "conversationSteps",
];

pub(super) fn write(path: &Path, store: Store, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    if store.messages.is_empty() {
        return Err(ParseError::NoRecord { line: 1, cause: "no message in the store".to_owned() });
    }
    let mut transcript = Transcript::new("cursor", "cursor-store", sink);
    transcript.facts = facts(&store);
    let in_name = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let id = store.fact("agentId").or_else(|| in_name.map(str::to_owned)).unwrap_or_default();
    for id in &store.missing {
        let cause = format!("the message {id} is gone");
        transcript.warnings.push(Warning { line: 1, cause });
    }
    let results = store.messages.iter().flat_map(|message| results(&message.record)).collect();
    let mut writer = Writer {
        time: store.times().0,
        is_subagent: is_subagent(&store),
        path: path.to_owned(),
        seen: HashMap::new(),
        summaries: store.root.summaries,
        results,
        transcript,
    };
    store.messages.into_iter().try_for_each(|message| writer.message(message))?;
    Ok(writer.transcript.finish(identity::session_id("cursor", &id))?)
}

fn is_subagent(store: &Store) -> bool {
    store.beside.get("isSubagent") == Some(&Value::Bool(true))
}

fn facts(store: &Store) -> Facts {
    let (began, ended) = store.times();
    let model = store.fact("lastUsedModel").unwrap_or_else(|| "unknown".to_owned());
    let told = || store.messages.iter().find_map(|message| folder_told(&message.record));
    let titles = [text(&store.meta, "name"), text(&store.beside, "title")];
    let mut facts = Facts {
        provider: provider_of(&model).to_owned(),
        model,
        title: titles.into_iter().flatten().find(|title| *title != NO_TITLE).map(str::to_owned),
        cwd: text(&store.beside, "cwd").map(str::to_owned).or_else(|| store.root.folder.clone()).or_else(told),
        branch: store.root.branch.clone(),
        began,
        ended,
        ..Facts::default()
    };
    if is_subagent(store) {
        facts.attributes.insert(attribute::SESSION_ROLE, "auxiliary".into());
    }
    facts
        .attributes
        .extend(store.fact("mode").filter(|mode| mode != "default").map(|mode| ("mode", Value::from(mode))));
    // How full the context is, not what was paid for.
    facts.attributes.extend(store.root.context_tokens.map(|count| ("cursor.context_tokens", Value::from(count))));
    facts
}

/// The folder, as the model was told of it.
fn folder_told(message: &Record) -> Option<String> {
    let said = match message.get("content")? {
        Value::String(words) => words.as_str(),
        Value::Array(parts) => parts.first()?.get("text")?.as_str()?,
        _ => return None,
    };
    let (_, rest) = said.starts_with("<user_info>").then(|| said.split_once(FOLDER))??;
    rest.lines().next().map(str::trim).filter(|folder| folder.starts_with('/')).map(str::to_owned)
}

/// What the program knows of a result beside the text that the model saw.
#[derive(Clone, Default)]
struct Known {
    is_error: bool,
    fields: Map<String, Value>,
}

/// What the program knows of the results in a message, by the ids of their calls.
fn results(message: &Record) -> Vec<(String, Known)> {
    let known = known(message);
    let parts = message.get("content").and_then(Value::as_array);
    let ids = parts.into_iter().flatten().filter_map(|part| part.get("toolCallId")?.as_str());
    if text(message, "role") == Some("tool") {
        ids.map(|id| (id.to_owned(), known.clone())).collect()
    } else {
        Vec::new()
    }
}

fn known(message: &Record) -> Known {
    let result = option(message, "highLevelToolCallResult");
    let output = result.and_then(|result| result.get("output")).and_then(Value::as_object);
    let is_true = |value: Option<&Value>| value == Some(&Value::Bool(true));
    let mut known = Known { is_error: is_true(result.and_then(|result| result.get("isError"))), ..Known::default() };
    if let Some(output) = output {
        known.is_error |= is_true(output.get("isError"));
        // One member that says how it ended, with what there is to know.
        let ends = output.iter().find_map(|(name, value)| Some((name, value.as_object()?)));
        known.is_error |= ends.is_some_and(|(name, _)| name != "success");
        known.fields = ends.map(|(_, fields)| fields.clone()).unwrap_or_default();
    }
    known
}

/// What the program notes beside a message.
fn option<'m>(message: &'m Record, key: &str) -> Option<&'m Value> {
    message.get("providerOptions")?.get("cursor")?.get(key)
}

struct Writer<'s> {
    transcript: Transcript<'s>,
    /// The only time that is known: messages have none.
    time: Option<Timestamp>,
    is_subagent: bool,
    path: PathBuf,
    summaries: Vec<String>,
    results: HashMap<String, Known>,
    /// How often a message came: the same words are the same blob.
    seen: HashMap<String, usize>,
}

impl Writer<'_> {
    fn message(&mut self, message: Message) -> io::Result<()> {
        let Message { id: blob, mut record } = message;
        let id = self.event_id(&blob);
        let is_true = |key: &str| option(&record, key).is_some_and(|value| value != &Value::Bool(false));
        let injected = match text(&record, "role") {
            Some("system") => Some("system"),
            _ if is_true("isSummary") || self.summaries.contains(&blob) => Some("compact_summary"),
            _ if is_true("loopReminder") => Some("reminder"),
            _ if self.is_subagent => Some("subagent"),
            _ => None,
        };
        let role = text(&record, "role").unwrap_or_default().to_owned();
        let parts = match record.remove("content") {
            Some(Value::Array(parts)) => parts,
            Some(Value::String(words)) => vec![serde_json::json!({ "type": "text", "text": words })],
            other => vec![other.unwrap_or_default()],
        };
        for (index, part) in parts.into_iter().enumerate() {
            let id = if index == 0 { id.clone() } else { format!("{id}-{index}") };
            match &*role {
                "assistant" => self.answer(&id, (&blob, part))?,
                "tool" => self.result(&id, &part)?,
                _ => self.said(&id, injected, &part)?,
            }
        }
        Ok(())
    }

    /// The id of a message: the beginning of its hash, and a number where the same words come again.
    fn event_id(&mut self, blob: &str) -> String {
        let count = self.seen.entry(blob.to_owned()).or_insert(0);
        *count += 1;
        let short = blob.get(..16).unwrap_or(blob);
        if *count == 1 { short.to_owned() } else { format!("{short}.{count}") }
    }

    /// What a person said, or the program in the person's name. A person's words may be marked.
    fn said(&mut self, id: &str, injected: Option<&'static str>, part: &Value) -> io::Result<()> {
        let Some(words) = part.get("text").and_then(Value::as_str) else {
            return match speech::image(part) {
                Some(image) => self.say(id, injected, Content { blocks: vec![image] }),
                None => self.transcript.unknown(id, self.time, kind_of(part), part.clone()),
            };
        };
        let Some((before, query, after)) = speech::query(words).filter(|_| injected.is_none()) else {
            let injected = injected.or_else(|| speech::is_tagged(words).then_some("text"));
            return self.say(id, injected, Content::text(words));
        };
        for (place, around) in [("before", before), ("after", after)] {
            if !around.trim().is_empty() {
                self.say(&format!("{id}-{place}"), Some("text"), Content::text(around.trim()))?;
            }
        }
        self.say(id, None, Content::text(query))
    }

    fn say(&mut self, id: &str, injected: Option<&'static str>, content: Content) -> io::Result<()> {
        if content.to_text().is_empty() && content.blocks.iter().all(|block| matches!(block, Block::Text { .. })) {
            return Ok(());
        }
        let kind = if injected.is_some() { EventType::SystemMessage } else { EventType::UserMessage };
        let event = self.transcript.event(id, self.time, kind, "text").with_content(content);
        match injected {
            Some(reason) => self.transcript.push(event.with("source.injected", reason)),
            None => self.transcript.prompt(event),
        }
    }

    fn answer(&mut self, id: &str, (blob, part): (&str, Value)) -> io::Result<()> {
        let text = |key: &str| part.get(key).and_then(Value::as_str).unwrap_or_default();
        let (kind, words) = match kind_of(&part) {
            "text" if text("text").is_empty() => return Ok(()),
            "text" => (EventType::AgentMessage, text("text")),
            "reasoning" => (EventType::Thinking, text("text")),
            "redacted-reasoning" => (EventType::Thinking, ""),
            "tool-call" => return self.call(id, (blob, &part)),
            kind => return self.transcript.unknown(id, self.time, kind, part.clone()),
        };
        let mut event = self.transcript.event(id, self.time, kind, kind_of(&part)).with_content(Content::text(words));
        if words.is_empty() {
            event = event.with_content(Content::default()).with("redacted", true);
        }
        let event = self.of_answer(event, blob);
        self.transcript.push(event)
    }

    fn of_answer(&self, event: Event, blob: &str) -> Event {
        let event = event.with(attribute::GROUP_ID, blob.get(..16).unwrap_or(blob));
        let model = &self.transcript.facts.model;
        if model == "unknown" { event } else { event.with(attribute::MODEL, model.clone()) }
    }

    fn call(&mut self, id: &str, (blob, part): (&str, &Value)) -> io::Result<()> {
        let text = |key: &str| part.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let (call_id, name) = (text("toolCallId").unwrap_or(id), text("toolName").unwrap_or("unknown"));
        let known = self.results.get(call_id).cloned().unwrap_or_default();
        let calls = calls(name, part.get("args").cloned().unwrap_or_default(), &known);
        self.transcript.calls((id, call_id), self.time, name, calls)?;
        let mut event = match self.transcript.waiting_call(call_id) {
            Some(event) => event.clone(),
            None => return Ok(()),
        };
        event = self.of_answer(event, blob);
        if let Some(child) = known.fields.get("agentId").and_then(Value::as_str) {
            event = event.with("task.session_id", child);
            let related = &mut self.transcript.facts.related;
            if !related.iter().any(|known| known == child) {
                related.push(child.to_owned());
            }
        }
        if let Some(waiting) = self.transcript.waiting_call(call_id) {
            *waiting = event;
        }
        Ok(())
    }

    fn result(&mut self, id: &str, part: &Value) -> io::Result<()> {
        let Some(call_id) = part.get("toolCallId").and_then(Value::as_str).filter(|_| kind_of(part) == "tool-result")
        else {
            return self.transcript.unknown(id, self.time, kind_of(part), part.clone());
        };
        let call_id = call_id.to_owned();
        let known = self.results.get(&call_id).cloned().unwrap_or_default();
        let outcome = self.outcome(part, known);
        self.transcript.result((id, &call_id), self.time, outcome)
    }

    fn outcome(&self, part: &Value, known: Known) -> Outcome {
        let Known { is_error, mut fields } = known;
        let said = part.get("result").and_then(Value::as_str).unwrap_or_default();
        let mut content = match part.get("result") {
            None | Some(Value::String(_) | Value::Null) => Content::text(said),
            Some(other) => Content::json(other.clone()),
        };
        let shown = part.get("experimental_content").and_then(Value::as_array);
        for block in shown.into_iter().flatten() {
            match block.get("text").and_then(Value::as_str) {
                Some(words) if said.contains(words) || words.is_empty() => {}
                Some(words) => content.blocks.push(Block::Text { text: words.into() }),
                None => content.blocks.extend(speech::image(block)),
            }
        }
        let exit_code = fields.get("exitCode").and_then(Value::as_i64).or_else(|| exit_code(said));
        let exit_code = exit_code.and_then(|code| i32::try_from(code).ok());
        let duration_ms = fields.get("executionTime").and_then(Value::as_u64);
        // What a subagent did, its own store tells, where there is one.
        let child = fields.get("agentId").and_then(Value::as_str);
        let is_told = child.is_none_or(|child| store::sibling(&self.path, child).is_some());
        fields.retain(|key, _| !SAID.contains(&key.as_str()) || key == "conversationSteps" && !is_told);
        let mut rest = Value::Object(fields);
        prune(&mut rest);
        if rest.as_object().is_some_and(|rest| !rest.is_empty()) {
            content.blocks.push(Block::Json { data: rest });
        }
        let is_error = is_error || exit_code.is_some_and(|code| code != 0);
        Outcome { content, is_error, exit_code, diff: None, duration_ms }
    }
}

fn kind_of(part: &Value) -> &str {
    part.get("type").and_then(Value::as_str).unwrap_or("unknown")
}

/// The exit code at the head of what a command printed.
fn exit_code(said: &str) -> Option<i64> {
    said.strip_prefix("Exit code: ")?.lines().next()?.trim().parse().ok()
}

/// What a call did, as far as its arguments and its result tell.
fn calls(name: &str, arguments: Value, known: &Known) -> Vec<Call> {
    if let Some(patch) = arguments.as_str().or_else(|| arguments.get("patch")?.as_str()) {
        let calls = apply_patch::calls(patch);
        if !calls.is_empty() {
            return calls;
        }
    }
    let mut call = tool::call(name, arguments);
    let file = |key: &str| known.fields.get(key).and_then(Value::as_str);
    let (before, after) = (file("beforeFullFileContent"), file("afterFullFileContent"));
    let is_there = before.is_some_and(|before| !before.is_empty());
    if let (EventType::FileEdit { path, .. } | EventType::FileCreate { path }, true) = (&call.event_type, is_there) {
        let made = diff::unified(path, before.unwrap_or_default(), after.unwrap_or_default());
        if after.is_some() && !made.is_empty() {
            call.content.blocks.retain(|block| !matches!(block, Block::File { .. }));
            call.event_type = EventType::FileEdit { path: path.clone(), diff: Some(made) };
        }
    }
    vec![call]
}
