//! Writes the requests of a session and their answers as events.

use std::{io, path::Path};

use serde_json::{Value, json};

use super::{
    load::Session,
    tool::{self, Rounds, path_of, words},
};
use crate::{
    agents::{
        ParseError, Warning, field, identity,
        message::{self, Message, Part, Speaker},
        tool::Call,
        transcript::{Tokens, Transcript},
    },
    hail::{Content, EventType, Sink},
    system::files,
};

/// The members of a request that are said elsewhere, repeat what its calls say, or are proposals.
const REQUEST: [&str; 17] = [
    "requestId",
    "responseId",
    "message",
    "variableData",
    "response",
    "result",
    "timestamp",
    "modelId",
    "agent",
    "modelState",
    "followups",
    "contentReferences",
    "responseMarkdownInfo",
    "codeCitations",
    "isHidden",
    "timeSpentWaiting",
    "editedFileEvents",
];

/// What the window shows beside an answer: marks that say nothing of it.
const MARKS: [&str; 5] =
    ["undoStop", "codeblockUri", "prepareToolInvocation", "mcpServersStarting", "autoModeResolution"];

pub(super) fn write(session: Session, path: Option<&Path>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let Session { value, unreadable, warnings } = session;
    let mut transcript = message::transcript("copilot-chat", "vscode-chat-session", sink);
    transcript.warnings = warnings;
    note_facts(&mut transcript, &value, path);
    let requests = value.get("requests").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for (index, request) in requests.iter().enumerate() {
        let id = field::text(request, "requestId").map_or_else(|| format!("request-{index}"), str::to_owned);
        prompt(&mut transcript, &id, request)?;
        answer(&mut transcript, &id, request)?;
    }
    for (line, cause, raw) in unreadable {
        transcript.unreadable(line, &cause, raw)?;
    }
    let in_name = path.and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
    let id = field::text(&value, "sessionId").map(str::to_owned).or(in_name).unwrap_or_default();
    Ok(transcript.finish(identity::session_id("copilot-chat", &id))?)
}

fn note_facts(transcript: &mut Transcript<'_>, session: &Value, path: Option<&Path>) {
    let facts = &mut transcript.facts;
    facts.began = session.get("creationDate").and_then(field::time);
    facts.ended = session.get("lastMessageDate").and_then(field::time);
    facts.title = field::any_text(session, &["customTitle", "computedTitle"]).map(str::to_owned);
    facts.cwd = path.and_then(workspace);
    let repository = session.get("repoData").unwrap_or(&Value::Null);
    facts.branch = field::any_text(repository, &["localBranch", "branch"]).map(str::to_owned);
    let named = [
        ("git_remote", field::text(repository, "remoteUrl").map(field::without_credentials)),
        ("git_commit", field::any_text(repository, &["localHeadCommit", "headCommit"]).map(str::to_owned)),
        ("responder", field::text(session, "responderUsername").map(str::to_owned)),
        ("location", field::text(session, "initialLocation").map(str::to_owned)),
    ];
    facts.attributes.extend(named.into_iter().filter_map(|(key, value)| Some((key, Value::from(value?)))));
}

/// The folder that a workspace's storage is of.
fn workspace(log: &Path) -> Option<String> {
    let facts = log.parent()?.parent()?.join("workspace.json");
    let facts: Value = serde_json::from_str(&files::read_text(&facts, files::SMALL).ok()?).ok()?;
    if let Some(folder) = field::text(&facts, "folder") {
        return field::path_of_uri(folder);
    }
    // Several folders: the file that lists them is mostly in the one above them.
    let list = field::path_of_uri(field::any_text(&facts, &["workspace", "configuration"])?)?;
    Some(Path::new(&list).parent()?.to_str()?.to_owned())
}

fn prompt(transcript: &mut Transcript<'_>, id: &str, request: &Value) -> io::Result<()> {
    let text = request.get("message").and_then(|message| message.as_str().or_else(|| field::text(message, "text")));
    let time = request.get("timestamp").and_then(field::time);
    let is_system = request.get("isSystemInitiated") == Some(&Value::Bool(true));
    let speaker = if is_system { Speaker::Program("system") } else { Speaker::Person };
    let mut message = Message::new(id.to_owned(), time, speaker);
    message.say(Content::text(text.unwrap_or_default()));
    let attached = request.pointer("/variableData/variables").and_then(Value::as_array).into_iter().flatten();
    let attached: Vec<Value> = attached.filter_map(attachment).collect();
    if !attached.is_empty() {
        message.attributes.push(("source.attachments", attached.into()));
    }
    message.attributes.extend(field::rest(request, &REQUEST).map(|rest| ("source.fields", rest)));
    if message.parts.is_empty() {
        // A request that only confirms something.
        message.parts.push(Part::Other("request".to_owned(), json!({ "confirmation": request.get("confirmation") })));
    }
    message.send(transcript)
}

/// What was attached to a prompt, without what it holds.
fn attachment(variable: &Value) -> Option<Value> {
    let value = variable.get("value").unwrap_or(&Value::Null);
    let path = path_of(value).or_else(|| path_of(value.get("uri")?));
    let named = [
        ("kind", field::text(variable, "kind").map(str::to_owned)),
        ("name", field::text(variable, "name").map(str::to_owned)),
        ("path", path),
    ];
    let named: serde_json::Map<String, Value> =
        named.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?.into()))).collect();
    (!named.is_empty()).then(|| named.into())
}

fn answer(transcript: &mut Transcript<'_>, id: &str, request: &Value) -> io::Result<()> {
    let result = request.get("result").unwrap_or(&Value::Null);
    let metadata = result.get("metadata").unwrap_or(&Value::Null);
    note_agent(transcript, request, metadata);
    let mut message = Message::new(
        field::text(request, "responseId")
            .filter(|own| *own != id)
            .map_or_else(|| format!("{id}-answer"), str::to_owned),
        request.get("timestamp").and_then(field::time),
        Speaker::Agent,
    );
    read_parts(request, metadata, &mut message);
    message.model = Some(transcript.facts.model.clone()).filter(|model| model != "unknown");
    message.tokens = Tokens {
        input: field::count(metadata, "promptTokens"),
        output: field::count(metadata, "outputTokens"),
        ..Tokens::default()
    };
    let details = field::text(result, "details").map(|details| ("details", json!(details)));
    message.attributes.extend(details.filter(|_| !message.parts.is_empty()));
    message.send(transcript)?;
    failure(transcript, id, result)
}

/// Reads what the window shows of an answer, and the calls that it hides.
fn read_parts(request: &Value, metadata: &Value, message: &mut Message) {
    let mut rounds = Rounds::of(metadata);
    let shown = request.get("response").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut said = String::new();
    let mut groups = Vec::new();
    for part in shown {
        if let Some(words) = words_of(part) {
            said.push_str(&words);
            continue;
        }
        match field::text(part, "kind").unwrap_or_default() {
            mark if MARKS.contains(&mark) => {}
            "textEditGroup" | "notebookEditGroup" => groups.push(part),
            _ => {
                flush(&mut said, message);
                shown_part(part, &mut rounds, message);
            }
        }
    }
    flush(&mut said, message);
    rounds.take_rest(&mut message.parts);
    add_edits(&groups, &mut message.parts);
}

/// Why there is no whole answer.
fn failure(transcript: &mut Transcript<'_>, id: &str, result: &Value) -> io::Result<()> {
    let Some(why) = result.get("errorDetails").and_then(|details| field::text(details, "message")) else {
        return Ok(());
    };
    let mut message = Message::new(format!("{id}-error"), None, Speaker::Program("error"));
    message.say(Content::text(why));
    message.send(transcript)
}

fn note_agent(transcript: &mut Transcript<'_>, request: &Value, metadata: &Value) {
    let chosen = field::text(request, "modelId").map(|model| model.rsplit('/').next().unwrap_or(model));
    if let Some(model) = field::text(metadata, "resolvedModel").or(chosen) {
        message::note_model(transcript, model);
    }
    let agent = request.get("agent").unwrap_or(&Value::Null);
    let extension = agent.get("extensionId").and_then(|id| id.as_str().or_else(|| field::text(id, "value")));
    if extension.is_none_or(|extension| extension.eq_ignore_ascii_case("github.copilot-chat")) {
        "github".clone_into(&mut transcript.facts.provider);
    }
    let version = field::text(agent, "extensionVersion").map(str::to_owned);
    transcript.facts.version = version.or(transcript.facts.version.take());
}

/// What a part says in words: they come in pieces, with places between them.
fn words_of(part: &Value) -> Option<String> {
    match field::text(part, "kind") {
        None => part.as_str().or_else(|| part.get("value")?.as_str()).map(str::to_owned),
        Some("markdownContent" | "markdownVuln") => words(part.get("content")?).map(str::to_owned),
        Some("inlineReference") => {
            let place = part.get("inlineReference")?;
            let name = field::text(part, "name").or_else(|| field::text(place, "name")).map(str::to_owned);
            let name = name.or_else(|| path_of(place.get("uri").unwrap_or(place)));
            name.map(|name| format!("`{name}`"))
        }
        _ => None,
    }
}

fn flush(said: &mut String, message: &mut Message) {
    let said = std::mem::take(said);
    // A fence around edits, which are shown elsewhere, is left empty.
    if said.chars().any(|character| !character.is_whitespace() && character != '`') {
        message.say(Content::text(said.trim_matches('\n')));
    }
}

fn shown_part(part: &Value, rounds: &mut Rounds<'_>, message: &mut Message) {
    match field::text(part, "kind").unwrap_or_default() {
        "thinking" => {
            let text = match part.get("value") {
                Some(Value::Array(lines)) => lines.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n"),
                value => value.and_then(Value::as_str).unwrap_or_default().to_owned(),
            };
            // An empty one marks the end of a thought.
            if !text.is_empty() {
                message.parts.push(Part::Thought(text));
            }
        }
        "toolInvocationSerialized" | "toolInvocation" => rounds.take_to(part, &mut message.parts),
        kind => message.parts.push(Part::Other(kind.to_owned(), part.clone())),
    }
}

/// Adds the edits that the editor made and no call tells.
fn add_edits(groups: &[&Value], parts: &mut Vec<Part>) {
    let told: Vec<String> = parts.iter().flat_map(changed).collect();
    for group in groups {
        let path = group.get("uri").and_then(path_of).unwrap_or_default();
        match tool::edits(group) {
            Some(call) if !told.iter().any(|told| path.ends_with(told.as_str())) => {
                let (id, name) = (String::new(), "edit".to_owned());
                parts.push(Part::Calls { id, name, calls: vec![call] });
            }
            Some(_) => {}
            None => parts.push(Part::Other("notebookEditGroup".to_owned(), (*group).clone())),
        }
    }
}

/// The files that a call changes.
fn changed(part: &Part) -> Vec<String> {
    let Part::Calls { calls, .. } = part else { return Vec::new() };
    let path = |call: &Call| match &call.event_type {
        EventType::FileEdit { path, .. } | EventType::FileCreate { path } => Some(path.clone()),
        _ => None,
    };
    calls.iter().filter_map(path).collect()
}
