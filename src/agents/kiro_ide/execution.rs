//! What the agent did for one answer: a document of its own.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::{
    agents::{
        diff, field,
        message::{Message, Part, Speaker},
        tool::{self, Call, Kind},
        transcript::{Outcome, Transcript},
    },
    hail::{Block, Content, EventType, ObjectHash},
    system::files,
};

/// The folder of the executions of a workspace: the SHA-256 of a constant of the program.
const FOLDER: &str = "414d1636299d2b9e4ce7e17fb11f63e9";
/// How much of an execution is looked at for its id, in bytes.
const HEAD: u64 = 4096;
/// Actions that only say what the program was about.
const MARKS: [&str; 3] = ["model", "intentClassification", "userMessage"];

/// The executions of a workspace, by their ids.
#[derive(Default)]
pub(super) struct Executions {
    paths: BTreeMap<String, PathBuf>,
}

impl Executions {
    /// Those of the workspace in `cwd`, one of whose sessions is at `session`.
    pub(super) fn beside(session: &Path, cwd: &str) -> Self {
        let store = session.parent().and_then(Path::parent).and_then(Path::parent);
        let hash = ObjectHash::of(cwd.as_bytes()).to_string();
        let Some(folder) = store.map(|store| store.join(&hash[..32]).join(FOLDER)) else { return Self::default() };
        let entries = folder.read_dir().into_iter().flatten().flatten();
        let paths = entries.filter_map(|entry| Some((id_of(&entry.path())?, entry.path()))).collect();
        Self { paths }
    }

    /// The execution that made an answer.
    pub(super) fn of(&self, entry: &Value) -> Option<Value> {
        let path = self.paths.get(field::text(entry, "executionId")?)?;
        serde_json::from_str(&files::read_text(path, files::LARGE).ok()?).ok()
    }
}

fn id_of(path: &Path) -> Option<String> {
    let head = String::from_utf8_lossy(&files::read_head(path, HEAD).ok()?).into_owned();
    let rest = head.split_once("\"executionId\"")?.1.split_once('"')?.1;
    Some(rest.split_once('"')?.0.to_owned())
}

/// Writes an answer as its execution tells it; `said` is what the document says of it.
pub(super) fn write(transcript: &mut Transcript<'_>, id: &str, execution: &Value, said: Content) -> io::Result<()> {
    let began = execution.get("startTime").and_then(field::time);
    let mut message = Message::new(id.to_owned(), began, Speaker::Agent);
    for (index, action) in execution.get("actions").and_then(Value::as_array).into_iter().flatten().enumerate() {
        message.parts.extend(action.get("emittedAt").and_then(field::time).map(Part::At));
        let call = field::text(action, "actionId").map_or_else(|| format!("{id}-action-{index}"), str::to_owned);
        add(&mut message, call, action);
    }
    if !message.parts.iter().any(|part| matches!(part, Part::Said(_))) {
        message.say(said);
    }
    let used = execution.get("usageSummary").and_then(Value::as_array).into_iter().flatten();
    let credits: f64 = used.filter_map(|used| used.get("usage")?.as_f64()).sum();
    if credits > 0.0 {
        message.attributes.push(("kiro.credits", json!(credits)));
    }
    let state = field::text(execution, "status").filter(|state| *state != "succeed");
    message.attributes.extend(state.map(|state| ("status", json!(state))));
    message.model = Some(transcript.facts.model.clone()).filter(|model| model != "unknown");
    message.send(transcript)
}

fn add(message: &mut Message, id: String, action: &Value) {
    let kind = field::text(action, "actionType").unwrap_or_default();
    let output = action.get("output").unwrap_or(&Value::Null);
    if kind == "say" {
        message.say(Content::text(field::text(output, "message").unwrap_or_default()));
        return;
    }
    if MARKS.contains(&kind) {
        return;
    }
    let Some(calls) = calls(kind, action.get("input").unwrap_or(&Value::Null)) else {
        message.parts.push(Part::Other(kind.to_owned(), action.clone()));
        return;
    };
    message.parts.push(Part::Calls { id: id.clone(), name: kind.to_owned(), calls });
    let state = field::text(action, "actionState").unwrap_or_default();
    let exit_code = field::exit_code(output, "exitCode");
    let text = field::any_text(output, &["output", "message", "response"]).map(Content::text);
    let content = text.or_else(|| field::rest(output, &["exitCode"]).map(Content::json));
    let is_error =
        matches!(state, "Error" | "Failed" | "Rejected" | "Aborted") || exit_code.is_some_and(|code| code != 0);
    if content.is_some() || exit_code.is_some() || is_error {
        let outcome = Outcome { content: content.unwrap_or_default(), is_error, exit_code, ..Outcome::default() };
        message.parts.push(Part::Result { id, outcome });
    }
}

/// The events of an action; `None` where it is not known what it does.
fn calls(kind: &str, input: &Value) -> Option<Vec<Call>> {
    let path = field::any_text(input, &["file", "path"]);
    let own = |kind: Kind| Some(vec![tool::call_as(kind, "action", input.clone())]);
    match kind {
        "runCommand" => own(Kind::Shell),
        "replace" | "append" | "editCode" => Some(vec![edit(path?, input)]),
        "create" | "write" => {
            let text = ["modifiedContent", "fileText", "content"].iter().find_map(|key| input.get(*key)?.as_str());
            let path = path?.to_owned();
            let blocks = vec![Block::File { path: path.clone(), content: text.map(str::to_owned) }];
            Some(vec![Call { event_type: EventType::FileCreate { path }, content: Content { blocks }, group: "edit" }])
        }
        "delete" => own(Kind::Delete),
        "readFile" | "readCode" => own(Kind::Read),
        "readFiles" => {
            let files = input.get("files")?.as_array()?;
            Some(files.iter().map(|file| tool::call_as(Kind::Read, kind, named(file))).collect())
        }
        "search" => own(Kind::Search),
        "mcp" => {
            let name = format!("mcp__{}", field::text(input, "toolName")?);
            Some(vec![tool::generic(&name, input.get("toolArgs").cloned().unwrap_or_default())])
        }
        _ => None,
    }
}

fn named(file: &Value) -> Value {
    if file.is_string() { json!({ "path": file }) } else { file.clone() }
}

fn edit(path: &str, input: &Value) -> Call {
    let text = |key: &str| input.get(key).and_then(Value::as_str);
    let replaced = text("originalContent").zip(text("modifiedContent")).or_else(|| text("oldStr").zip(text("newStr")));
    let diff = replaced.map(|(old, new)| diff::unified(path, old, new)).filter(|diff| !diff.is_empty());
    let event_type = EventType::FileEdit { path: path.to_owned(), diff };
    let known = ["file", "path", "originalContent", "modifiedContent", "oldStr", "newStr"];
    let rest = field::rest(input, if replaced.is_some() { &known } else { &known[..2] });
    Call { event_type, content: rest.map_or_else(Content::default, Content::json), group: "edit" }
}
