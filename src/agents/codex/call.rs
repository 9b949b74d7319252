//! Calls of tools.

use std::hash::{DefaultHasher, Hasher};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    echo::{Said, Side},
    outbox::Slot,
    parser::Parser,
    patch::{self, Change},
    record::Payload,
    shell::Command,
};
use crate::{
    agents::media,
    hail::{Block, Content, Event, EventType, Loose, Scanner, attribute},
};

/// The id of a call, or of a command that goes on. Calls are remembered to the end of the log, so only a hash
/// of it is kept.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct CallId(u64);

impl CallId {
    pub(super) fn of(id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(id.as_bytes());
        Self(hasher.finish())
    }
}

/// A call that has been made.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) slot: Slot,
    pub(super) kind: CallKind,
    /// Whether a notice has already said that it failed.
    pub(super) has_failed: bool,
}

/// What its result will be needed for.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(super) enum CallKind {
    Plain,
    Command,
    /// Input for the command of that id.
    Stdin(CallId),
    /// A script that calls other tools.
    Script,
    /// More output of the script of that id.
    Wait(CallId),
    /// The changes of the patch wait with the event.
    Patch {
        /// Whether the event of the call becomes the first file's, or stays before them.
        is_alone: bool,
    },
    Settled,
}

/// A call as its record tells it.
pub(super) struct Made {
    pub(super) kind: CallKind,
    pub(super) event: Event,
    /// What it does to files, if it succeeds.
    pub(super) changes: Vec<Change>,
}

impl Made {
    pub(super) fn new(kind: CallKind, event: Event) -> Self {
        Self { kind, event, changes: Vec::new() }
    }
}

impl Parser<'_> {
    /// Reads the call of a tool.
    pub(super) fn call(&mut self, payload: &mut Payload<'_>) {
        let raw_type = format!("response_item/{}", payload.kind);
        let name = match &*payload.kind {
            "local_shell_call" => "local_shell".to_owned(),
            "tool_search_call" => "tool_search".to_owned(),
            _ => full_name(&payload.namespace, &payload.name),
        };
        let mut given = std::mem::take(&mut payload.arguments);
        if given.is_missing() {
            given = std::mem::take(&mut payload.input);
        }
        let arguments = match payload.action {
            Some(action) if given.is_missing() => serde_json::from_str(action).unwrap_or_default(),
            _ => arguments(given),
        };
        if payload.kind == "custom_tool_call"
            && payload.name == "exec"
            && let Value::String(source) = arguments
        {
            return self.script(&payload.call_id, source, &raw_type);
        }
        let made = self.made(&payload.name, arguments, &name, raw_type);
        self.register(&payload.call_id, name, made);
    }

    /// Makes the event of a call; `name` is the tool's with that of its server.
    pub(super) fn made(&mut self, tool: &str, arguments: Value, name: &str, raw_type: String) -> Made {
        match tool {
            "shell" | "container.exec" | "shell_command" | "exec_command" => self.command(arguments, name, raw_type),
            "" if name == "local_shell" => self.command(arguments, name, raw_type),
            "apply_patch" => self.patch(arguments, raw_type),
            _ => self.plain_call(arguments, name, raw_type),
        }
    }

    /// Sends the event of a call and waits for its result.
    pub(super) fn register(&mut self, id: &str, name: String, Made { kind, event, changes }: Made) {
        let event = if id.is_empty() { event } else { event.with(attribute::CALL_ID, id) };
        // Without an id no result can be told to be this call's; a patch is settled at the end.
        let holds = u8::from(!id.is_empty());
        let slot = self.answer(event, holds);
        self.outbox.attach(slot, changes);
        let key = if id.is_empty() { CallId::of(&format!("line {}", self.line)) } else { CallId::of(id) };
        self.calls.insert(key, Call { name, slot, kind, has_failed: false });
    }

    fn command(&mut self, given: Value, name: &str, raw_type: String) -> Made {
        let Value::Object(mut arguments) = given else { return self.plain_call(given, name, raw_type) };
        let key = if arguments.contains_key("command") { "command" } else { "cmd" };
        let command = match arguments.get_mut(key) {
            Some(Value::String(script)) if !script.trim().is_empty() => Command::of_script(std::mem::take(script)),
            Some(Value::Array(words)) => Command::of_words(&words.iter().map(plain_text).collect::<Vec<_>>()),
            _ => return self.plain_call(Value::Object(arguments), name, raw_type),
        };
        if command.line.trim().is_empty() {
            return self.plain_call(Value::Object(arguments), name, raw_type);
        }
        arguments.remove("command");
        arguments.remove("cmd");
        let changes: Vec<Change> = command.patches.iter().flat_map(|patch| patch::parse(patch)).collect();
        let is_alone = command.is_patch && !changes.is_empty();
        let kind = EventType::ShellCommand { command: command.line, exit_code: None };
        let mut event = self.event(kind, raw_type);
        let folder = ["workdir", "working_directory"].into_iter().find_map(|key| arguments.remove(key));
        if let Some(folder) = folder.filter(|folder| !folder.is_null()) {
            event = event.with(attribute::CWD, folder);
        }
        if !arguments.is_empty() {
            event = event.with("arguments", Value::Object(arguments));
        }
        if !command.shell.is_empty() {
            event = event.with("shell", command.shell);
        }
        if changes.is_empty() {
            return Made::new(CallKind::Command, event.with(attribute::TOOL_KIND, "shell"));
        }
        let tool_kind = if is_alone { "edit" } else { "shell" };
        let event = event.with(attribute::TOOL_KIND, tool_kind);
        Made { kind: CallKind::Patch { is_alone }, event, changes }
    }

    /// Until the result says that the patch was applied, its event is the call with the patch.
    fn patch(&mut self, arguments: Value, raw_type: String) -> Made {
        let field = |key: &str| arguments.get(key).and_then(Value::as_str);
        let text = arguments.as_str().or_else(|| field("input")).or_else(|| field("patch")).unwrap_or_default();
        let changes = patch::parse(text);
        let event = self.event(EventType::ToolCall { name: "apply_patch".to_owned() }, raw_type);
        let event = event.with_content(content_of(arguments)).with(attribute::TOOL_KIND, "edit");
        Made { kind: CallKind::Patch { is_alone: true }, event, changes }
    }

    fn plain_call(&mut self, arguments: Value, name: &str, raw_type: String) -> Made {
        let field = |keys: [&str; 2]| {
            let text = keys.iter().find_map(|key| arguments.get(key)?.as_str());
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let mut kind = CallKind::Plain;
        let typed = match name {
            "view_image" | "read_file" => {
                field(["path", "file_path"]).map(|path| (EventType::FileRead { path }, "read"))
            }
            "grep_files" => field(["pattern", "query"]).map(|query| (EventType::CodeSearch { query }, "search")),
            "write_stdin" => {
                let session = arguments.get("session_id").map(plain_text).unwrap_or_default();
                kind = CallKind::Stdin(CallId::of(&session));
                None
            }
            "wait" => {
                kind = arguments.get("cell_id").map_or(kind, |cell| CallKind::Wait(CallId::of(&plain_text(cell))));
                None
            }
            _ => None,
        };
        let name = if name.is_empty() { "unknown" } else { name };
        let (event_type, tool_kind) =
            typed.unwrap_or_else(|| (EventType::ToolCall { name: name.to_owned() }, tool_kind(name)));
        let event = self.event(event_type, raw_type).with(attribute::TOOL_KIND, tool_kind);
        Made::new(kind, event.with_content(content_of(arguments)))
    }

    /// Reads a search of the web, which both sides tell.
    pub(super) fn web_search(&mut self, payload: &mut Payload<'_>, text: &str) {
        let is_item = payload.kind == "web_search_call";
        let mut value: Value = serde_json::from_str(text).unwrap_or_default();
        let action = value.get("action").filter(|action| action.is_object()).unwrap_or(&value);
        let field =
            |key: &str| action.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
        let first = action.pointer("/queries/0").and_then(Value::as_str).map(str::to_owned);
        let (query, url, pattern) = (field("query").or(first), field("url"), field("pattern"));
        let said: Vec<&str> = [&query, &url, &pattern].into_iter().filter_map(Option::as_deref).collect();
        let side = if is_item { Side::Item } else { Side::Notice };
        if !said.is_empty() && self.echoes.is_echo(Said::WebSearch, side, &said.join("\n")) {
            return;
        }
        let kind = match (url, query) {
            (Some(url), _) => EventType::WebFetch { url },
            (None, Some(query)) => EventType::WebSearch { query },
            (None, None) => EventType::ToolCall { name: "web_search".to_owned() },
        };
        let queries = action.get("queries").and_then(Value::as_array).filter(|queries| queries.len() > 1).cloned();
        let raw_type = if is_item { "response_item/web_search_call" } else { "event_msg/web_search_end" };
        let mut event = self.event(kind, raw_type).with(attribute::TOOL_KIND, "web");
        if let Some(pattern) = pattern {
            event = event.with("pattern", pattern);
        }
        if let Some(queries) = queries {
            event = event.with("queries", queries);
        }
        if matches!(event.event_type, EventType::ToolCall { .. }) {
            event = event.with_content(Content::json(value.take()));
        }
        self.answer(event, 0);
    }

    /// Reads a picture that the model made, which both sides tell.
    pub(super) fn image(&mut self, text: &str) {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let field = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
        let id = [field("call_id"), field("id")].into_iter().find(|id| !id.is_empty()).unwrap_or_default().to_owned();
        if !id.is_empty() && self.calls.contains_key(&CallId::of(&id)) {
            return;
        }
        let prompt = field("revised_prompt").to_owned();
        let raw_type = if field("type") == "image_generation_end" { "event_msg" } else { "response_item" };
        let raw_type = format!("{raw_type}/{}", field("type"));
        let event = self.event(EventType::ImageGenerate { prompt }, raw_type).with(attribute::TOOL_KIND, "image");
        let picture = Some(field("result")).filter(|result| !result.is_empty());
        let blocks: Vec<Block> = picture.map(|result| media::image("image/png", result)).into_iter().collect();
        let event = event.with_content(Content { blocks });
        let slot = self.answer(event, 0);
        if !id.is_empty() {
            let call = Call { name: "image_generation".to_owned(), slot, kind: CallKind::Settled, has_failed: false };
            self.calls.insert(CallId::of(&id), call);
        }
    }
}

/// The arguments of a call: JSON, JSON in a string, or a plain string.
fn arguments(given: Loose<'_>) -> Value {
    match given {
        Loose::Missing => Value::Null,
        Loose::Other(value) => value,
        Loose::Text(text) => match object(&text) {
            Some(fields) => Value::Object(fields),
            None => Value::String(text.into_owned()),
        },
    }
}

fn object(text: &str) -> Option<Map<String, Value>> {
    let mut fields = Map::new();
    let mut scanner = Scanner::new(text);
    scanner.object(|scanner, key| {
        fields.insert(key.to_owned(), scanner.value()?);
        Some(())
    })?;
    scanner.is_at_end().then_some(fields)
}

fn content_of(arguments: Value) -> Content {
    match arguments {
        Value::Null => Content::default(),
        Value::String(text) => Content::text(text),
        value => Content::json(value),
    }
}

/// The name of a tool with that of its server, as the model knows it.
fn full_name(namespace: &str, name: &str) -> String {
    match (namespace, name) {
        ("", _) => name.to_owned(),
        _ if namespace.ends_with('_') || name.starts_with('_') => format!("{namespace}{name}"),
        _ => format!("{namespace}__{name}"),
    }
}

fn tool_kind(name: &str) -> &'static str {
    match name {
        _ if name.starts_with("mcp__") => "mcp",
        "update_plan" => "plan",
        "write_stdin" | "exec" | "wait" => "shell",
        "spawn_agent" | "send_input" | "wait_agent" | "close_agent" | "resume_agent" => "agent",
        _ => "other",
    }
}

/// A number or string as text.
pub(super) fn plain_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
