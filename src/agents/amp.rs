//! Amp: one JSON document a thread.
//!
//! Learned from the agent's documentation and from the public source of tools that read its threads.
//! Tool results are blocks of the next user message; usage is on the answers and once more in a
//! ledger, which also counts what no answer shows, such as the making of a title.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, diff, field, folders, identity,
    message::{self, Message, Part, Speaker},
    tool,
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    environment::Environment,
    hail::{Block, Content, EventType, Sink, Timestamp, attribute},
};

/// The shape of the native records, as events name it.
const SCHEMA: &str = "amp-thread";
/// The members of a thread that are said elsewhere, or only count its revisions.
const KNOWN: [&str; 10] =
    ["v", "id", "created", "title", "env", "messages", "usageLedger", "nextMessageId", "mainThreadID", "~debug"];
/// The members of a message that are said elsewhere. `userState` is which files an editor showed.
const MESSAGE: [&str; 8] = ["role", "messageId", "content", "usage", "state", "meta", "userState", "protocolMessageID"];
/// The editors whose extension kept threads of its own before there was one folder for all.
const EDITORS: [&str; 5] = ["Code", "Code - Insiders", "VSCodium", "Cursor", "Windsurf"];

/// The Amp parser.
pub(super) struct Amp;

impl Agent for Amp {
    fn name(&self) -> &'static str {
        "amp"
    }

    fn title(&self) -> &'static str {
        "Amp"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let data = environment.folder("XDG_DATA_HOME", ".local/share");
        let mut folders: Vec<PathBuf> = data.map(|data| data.join("amp/threads")).into_iter().collect();
        let homes = environment.home().map(|home| [home.join(".config"), home.join("Library/Application Support")]);
        for (home, editor) in homes.iter().flatten().flat_map(|home| EDITORS.map(|editor| (home, editor))) {
            folders.push(home.join(editor).join("User/globalStorage/sourcegraph.amp/threads3"));
        }
        let entries = folders.iter().filter_map(|folder| folder.read_dir().ok()).flatten().flatten();
        let threads = entries.filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("T-") && Path::new(&*name).extension().is_some_and(|extension| extension == "json")
        });
        let found: Vec<LogFile> = threads.filter_map(|entry| LogFile::of(&entry)).collect();
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.document.as_ref().is_some_and(|thread| {
            thread.get("id").and_then(Value::as_str).is_some_and(|id| id.starts_with("T-"))
                && thread.contains_key("messages")
                && thread.contains_key("created")
        })
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        let uri = sample.document.as_ref()?.get("env")?.pointer("/initial/trees/0/uri")?.as_str()?;
        uri.strip_prefix("file://").filter(|path| !path.contains('%'))
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let text = log.document()?;
        let thread: Value = serde_json::from_str(&text)
            .map_err(|fault| ParseError::NoRecord { line: fault.line() as u64, cause: format!("not JSON: {fault}") })?;
        let refuse = || ParseError::NoRecord { line: 1, cause: "not a thread of Amp".to_owned() };
        let id = field::text(&thread, "id").ok_or_else(refuse)?;
        let messages = thread.get("messages").and_then(Value::as_array).ok_or_else(refuse)?;
        let mut transcript = message::transcript("amp", SCHEMA, sink);
        note_facts(&mut transcript, &thread);
        for (index, message) in messages.iter().enumerate() {
            send(&mut transcript, Ledger::of(&thread), index, message)?;
        }
        Ok(transcript.finish(identity::session_id("amp", id))?)
    }
}

/// What the thread itself says.
fn note_facts(transcript: &mut Transcript<'_>, thread: &Value) {
    let facts = &mut transcript.facts;
    facts.began = thread.get("created").and_then(field::time);
    facts.title = field::text(thread, "title").map(str::to_owned);
    let own = |pointer: &str| thread.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    facts.version = own("/env/initial/platform/clientVersion");
    facts.cwd = own("/env/initial/trees/0/uri").and_then(|uri| field::path_of_uri(&uri));
    let reference = own("/env/initial/trees/0/repository/ref");
    facts.branch = reference.map(|name| name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned());
    facts.parent = field::text(thread, "mainThreadID").map(str::to_owned);
    let relations = thread.get("relationships").and_then(Value::as_array).into_iter().flatten();
    facts.related = relations.filter_map(|relation| field::text(relation, "threadID")).map(str::to_owned).collect();
    let named = [
        (attribute::GIT_REMOTE, own("/env/initial/trees/0/repository/url").map(|url| field::without_credentials(&url))),
        ("git_commit", own("/env/initial/trees/0/repository/sha")),
    ];
    facts.attributes.extend(named.into_iter().filter_map(|(key, value)| Some((key, Value::from(value?)))));
    facts.attributes.extend(field::rest(thread, &KNOWN).map(|rest| ("source.fields", rest)));
    let other = Ledger::of(thread).unanswered();
    if !other.is_empty() {
        facts.attributes.insert("source.other_usage", Value::Array(other));
    }
}

/// What the thread used, call by call of a model.
#[derive(Clone, Copy)]
struct Ledger<'t> {
    thread: &'t Value,
}

impl<'t> Ledger<'t> {
    fn of(thread: &'t Value) -> Self {
        Self { thread }
    }

    fn events(self) -> impl Iterator<Item = &'t Value> {
        self.thread.pointer("/usageLedger/events").and_then(Value::as_array).into_iter().flatten()
    }

    /// The entry of an answer.
    fn answer(self, message: &Value) -> Option<&'t Value> {
        let id = message.get("messageId")?;
        self.events().find(|event| event.get("toMessageId") == Some(id))
    }

    /// The entries that belong to no answer.
    fn unanswered(self) -> Vec<Value> {
        let messages = self.thread.get("messages").and_then(Value::as_array);
        let ids: Vec<&Value> = messages.into_iter().flatten().filter_map(|message| message.get("messageId")).collect();
        let is_other = |event: &&Value| event.get("toMessageId").is_none_or(|id| !ids.contains(&id));
        self.events().filter(is_other).cloned().collect()
    }
}

fn send(transcript: &mut Transcript<'_>, ledger: Ledger<'_>, index: usize, native: &Value) -> std::io::Result<()> {
    let id = match native.get("messageId") {
        Some(Value::String(id)) => id.clone(),
        Some(Value::Number(id)) => format!("message-{id}"),
        _ => format!("message-at-{index}"),
    };
    match field::text(native, "role") {
        Some("user") => {
            let time = native.pointer("/meta/sentAt").and_then(field::time);
            let is_sent = |key: &str| native.pointer(key).is_some_and(|value| !value.is_null() && value != false);
            let is_relayed = is_sent("/meta/fromExecutorThreadID") || is_sent("/meta/fromAggman");
            let speaker = if is_relayed { Speaker::Program("thread") } else { Speaker::Person };
            let mut message = Message::new(id, time, speaker);
            read_blocks(&mut message, native);
            message.attributes.extend(field::rest(native, &MESSAGE).map(|rest| ("source.fields", rest)));
            message.send(transcript)
        }
        Some("assistant") => answer(transcript, ledger, id, native),
        Some("info") => info(transcript, &id, native),
        role => {
            let kind = role.unwrap_or("message").to_owned();
            transcript.unknown(&id, None, &kind, native.clone())
        }
    }
}

fn answer(transcript: &mut Transcript<'_>, ledger: Ledger<'_>, id: String, native: &Value) -> std::io::Result<()> {
    let entry = ledger.answer(native);
    let usage = native.get("usage").filter(|usage| usage.is_object());
    let time = usage.and_then(|usage| usage.get("timestamp")).or_else(|| entry?.get("timestamp"));
    let mut message = Message::new(id, time.and_then(field::time), Speaker::Agent);
    read_blocks(&mut message, native);
    let model = usage.or(entry).and_then(|usage| field::text(usage, "model"));
    if let Some(model) = model {
        message::note_model(transcript, model);
        message.model = Some(model.to_owned());
    }
    message.tokens = match (usage, entry.and_then(|entry| entry.get("tokens"))) {
        (Some(usage), _) => tokens(usage, "inputTokens", "outputTokens"),
        (None, Some(counts)) => tokens(counts, "input", "output"),
        (None, None) => Tokens::default(),
    };
    let credits = usage.and_then(|usage| usage.get("credits")).or_else(|| entry?.get("credits"));
    let state = native.get("state");
    let stop = state.and_then(|state| field::any_text(state, &["stopReason", "type"]));
    let attributes = [
        ("credits", credits.filter(|credits| credits.is_number()).cloned()),
        ("stop_reason", stop.map(Value::from)),
        ("source.fields", field::rest(native, &MESSAGE)),
    ];
    message.attributes.extend(attributes.into_iter().filter_map(|(key, value)| Some((key, value?))));
    message.send(transcript)
}

/// Input here is fresh input: the sum with what the cache gave and took is in `totalInputTokens`.
fn tokens(counts: &Value, input: &str, output: &str) -> Tokens {
    Tokens {
        input: field::count(counts, input),
        output: field::count(counts, output),
        cache_read: field::count(counts, "cacheReadInputTokens"),
        cache_write: field::count(counts, "cacheCreationInputTokens"),
        ..Tokens::default()
    }
}

fn read_blocks(message: &mut Message, native: &Value) {
    let content = native.get("content").unwrap_or(&Value::Null);
    let Some(blocks) = content.as_array() else { return message.say(field::content(content)) };
    for block in blocks {
        match field::text(block, "type") {
            Some("text" | "image") => message.say(Content { blocks: field::block(block).into_iter().collect() }),
            Some("thinking") => {
                message.parts.extend(field::text(block, "thinking").map(|text| Part::Thought(text.to_owned())));
            }
            Some("redacted_thinking") => message.parts.push(Part::Thought(String::new())),
            Some("tool_use") => message.parts.push(Part::Call {
                id: field::text(block, "id").unwrap_or_default().to_owned(),
                name: field::text(block, "name").unwrap_or_default().to_owned(),
                arguments: block.get("input").cloned().unwrap_or_default(),
            }),
            Some("tool_result") => message.parts.extend(result(block)),
            Some("summary") if message.speaker == Speaker::Person => {
                message.speaker = Speaker::Program("compact_summary");
                let summary = block.get("summary").unwrap_or(block);
                message
                    .say(field::text(summary, "summary").map_or_else(|| Content::json(block.clone()), Content::text));
            }
            kind => message.parts.push(Part::Other(kind.unwrap_or("block").to_owned(), block.clone())),
        }
    }
}

/// A result, once the tool is done.
fn result(block: &Value) -> Option<Part> {
    let id = field::text(block, "toolUseID").unwrap_or_default().to_owned();
    let run = block.get("run").unwrap_or(&Value::Null);
    let status = field::text(run, "status").unwrap_or_default();
    if matches!(status, "in-progress" | "queued" | "blocked-on-user") {
        return None;
    }
    let mut outcome = Outcome { is_error: !matches!(status, "done" | ""), ..Outcome::default() };
    let returned = run.get("result").unwrap_or(&Value::Null);
    let code = returned.get("exitCode").or_else(|| run.pointer("/error/exitCode"));
    outcome.exit_code = code.and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok());
    outcome.diff = field::text(returned, "diff").and_then(unified);
    outcome.content = match &outcome.diff {
        // The edit holds the diff.
        Some(_) => field::rest(returned, &["diff"]).map_or_else(Content::default, Content::json),
        None => content_of(returned),
    };
    let why = run.pointer("/error/message").or_else(|| run.get("error")).or_else(|| run.get("reason"));
    if let Some(why) = why {
        outcome.content.blocks.extend(field::content(why).blocks);
    }
    let rest = field::rest(run, &["status", "result", "error", "reason", "~debug"]);
    outcome.content.blocks.extend(rest.map(|data| Block::Json { data }));
    Some(Part::Result { id, outcome })
}

/// What a tool returned: its text first, then what else there is.
fn content_of(returned: &Value) -> Content {
    let Some(key) = ["output", "content"].into_iter().find(|key| returned.get(*key).is_some_and(Value::is_string))
    else {
        return field::content(returned);
    };
    let mut content = Content::text(field::text(returned, key).unwrap_or_default());
    let rest = field::rest(returned, &[key, "exitCode"]);
    content.blocks.extend(rest.map(|data| Block::Json { data }));
    content
}

/// A unified diff without the fence around it; `None` where it has no hunk, and then the arguments of
/// the edit tell more.
fn unified(text: &str) -> Option<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("```")).collect();
    let hunk = lines.iter().position(|line| line.starts_with("@@ "))?;
    let name = lines[..hunk].iter().find_map(|line| line.strip_prefix("+++ "))?;
    let hunks: String = lines[hunk..].iter().flat_map(|line| [*line, "\n"]).collect();
    Some(diff::with_header(name.split('\t').next()?.trim_start_matches("b/"), &hunks))
}

/// What the program notes between the messages: mostly a command that the person ran.
fn info(transcript: &mut Transcript<'_>, id: &str, native: &Value) -> std::io::Result<()> {
    let blocks = native.get("content").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, block) in blocks.iter().enumerate() {
        let id = if index == 0 { id.to_owned() } else { format!("{id}-{}", index + 1) };
        let command = block.get("args").and_then(|args| field::any_text(args, &["cmd", "command"]));
        match (field::text(block, "type"), command) {
            (Some("manual_bash_invocation"), Some(command)) => ran_by_hand(transcript, &id, command, block)?,
            (Some("text"), _) => {
                let mut message = Message::new(id, None, Speaker::Program("info"));
                message.say(Content { blocks: field::block(block).into_iter().collect() });
                message.send(transcript)?;
            }
            (kind, _) => transcript.unknown(&id, None, kind.unwrap_or("info"), block.clone())?,
        }
    }
    Ok(())
}

fn ran_by_hand(transcript: &mut Transcript<'_>, id: &str, command: &str, block: &Value) -> std::io::Result<()> {
    let time: Option<Timestamp> = None;
    let event_type = EventType::ShellCommand { command: command.to_owned(), exit_code: None };
    let mut arguments = block.get("args").cloned().unwrap_or_default();
    arguments.as_object_mut().into_iter().for_each(|args: &mut Map<String, Value>| {
        args.retain(|key, _| !matches!(key.as_str(), "cmd" | "command"));
    });
    let content = field::rest(&arguments, &[]).map_or_else(Content::default, Content::json);
    transcript.call((id, id), time, "bash", tool::Call { event_type, content, group: "shell" })?;
    if let Some(event) = transcript.waiting_call(id) {
        event.attributes.insert("command_source".to_owned(), json!("user"));
    }
    let run = json!({ "toolUseID": id, "run": block.get("toolRun") });
    match result(&run) {
        Some(Part::Result { outcome, .. }) if block.get("toolRun").is_some() => {
            transcript.result((&format!("{id}-result"), id), time, outcome)
        }
        _ => Ok(()),
    }
}
