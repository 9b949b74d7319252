//! The calls of an answer: what the model asked for, and what the window shows of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::{
    agents::{
        apply_patch, field,
        message::Part,
        tool::{self, Call, Kind},
        transcript::Outcome,
    },
    hail::{Block, Content, EventType, Timestamp},
};

/// The calls of a request in the order in which the model made them, with their results.
#[derive(Default)]
pub(super) struct Rounds<'r> {
    calls: Vec<Asked<'r>>,
    results: BTreeMap<&'r str, &'r Value>,
    next: usize,
}

/// One call as the model made it.
struct Asked<'r> {
    id: &'r str,
    call: &'r Value,
    time: Option<Timestamp>,
}

/// The id without what the program adds to it.
fn plain(id: &str) -> &str {
    id.split("__vscode").next().unwrap_or(id)
}

impl<'r> Rounds<'r> {
    /// Those in the metadata of a result.
    pub(super) fn of(metadata: &'r Value) -> Self {
        let mut rounds = Self::default();
        for round in metadata.get("toolCallRounds").and_then(Value::as_array).into_iter().flatten() {
            let time = round.get("timestamp").and_then(field::time);
            let calls = round.get("toolCalls").and_then(Value::as_array).into_iter().flatten();
            rounds
                .calls
                .extend(calls.filter_map(|call| Some(Asked { id: plain(field::text(call, "id")?), call, time })));
        }
        let results = metadata.get("toolCallResults").and_then(Value::as_object).into_iter().flatten();
        rounds.results = results.map(|(id, result)| (plain(id), result)).collect();
        rounds
    }

    /// The calls that came before the one that the window shows here, and that one.
    pub(super) fn take_to(&mut self, shown: &Value, parts: &mut Vec<Part>) {
        let id = plain(field::text(shown, "toolCallId").unwrap_or_default());
        let place = self.calls[self.next..].iter().position(|asked| asked.id == id);
        let Some(place) = place else {
            parts.extend(shown_only(id, shown, self.results.get(id).copied()));
            return;
        };
        for _ in 0..place {
            self.take_next(None, parts);
        }
        self.take_next(Some(shown), parts);
    }

    /// The calls that the window does not show.
    pub(super) fn take_rest(&mut self, parts: &mut Vec<Part>) {
        while self.next < self.calls.len() {
            self.take_next(None, parts);
        }
    }

    fn take_next(&mut self, shown: Option<&Value>, parts: &mut Vec<Part>) {
        let Some(asked) = self.calls.get(self.next) else { return };
        self.next += 1;
        let name = field::text(asked.call, "name").unwrap_or_default();
        parts.extend(asked.time.map(Part::At));
        let arguments = field::arguments(asked.call.get("arguments"));
        let id = asked.id.to_owned();
        parts.push(Part::Calls { id: id.clone(), name: name.to_owned(), calls: calls(name, arguments) });
        let outcome = outcome(shown.unwrap_or(&Value::Null), self.results.get(asked.id).copied());
        parts.extend(outcome.map(|outcome| Part::Result { id, outcome }));
    }
}

/// A call of which only what the window shows is known.
fn shown_only(id: &str, shown: &Value, result: Option<&Value>) -> Vec<Part> {
    let tool = field::text(shown, "toolId").unwrap_or_default();
    let specific = shown.get("toolSpecificData").unwrap_or(&Value::Null);
    let line =
        ["userEdited", "toolEdited", "original"].iter().find_map(|key| field::text(&specific["commandLine"], key));
    let arguments = match (field::text(specific, "kind"), line.or_else(|| field::text(specific, "command"))) {
        (Some("terminal"), Some(command)) => json!({ "command": command }),
        (Some("input"), _) => specific["rawInput"].clone(),
        (Some("subagent"), _) => field::rest(specific, &["kind", "result"]).unwrap_or_default(),
        _ => {
            let words = ["pastTenseMessage", "invocationMessage"].iter().find_map(|key| words(shown.get(*key)?));
            words.map_or(Value::Null, |words| json!({ "message": words }))
        }
    };
    let name = model_name(tool);
    let calls = calls(name, arguments);
    let mut parts = vec![Part::Calls { id: id.to_owned(), name: name.to_owned(), calls }];
    parts.extend(outcome(shown, result).map(|outcome| Part::Result { id: id.to_owned(), outcome }));
    parts
}

/// The name that the model has for a tool.
fn model_name(tool: &str) -> &str {
    match tool {
        "copilot_replaceString" => "replace_string_in_file",
        "copilot_multiReplaceString" => "multi_replace_string_in_file",
        "copilot_insertEdit" => "insert_edit_into_file",
        "copilot_applyPatch" => "apply_patch",
        "copilot_findTextInFiles" => "grep_search",
        "copilot_findFiles" => "file_search",
        "copilot_searchCodebase" => "semantic_search",
        "vscode_fetchWebPage_internal" => "fetch_webpage",
        other => other.strip_prefix("copilot_").unwrap_or(other),
    }
}

/// What a call does: one tool edits several files, another reads several pages.
fn calls(name: &str, mut arguments: Value) -> Vec<Call> {
    let own = match name {
        "apply_patch" => field::text(&arguments, "input").map(apply_patch::calls).unwrap_or_default(),
        "multi_replace_string_in_file" => {
            let replacements = arguments.get("replacements").and_then(Value::as_array).into_iter().flatten();
            replacements.map(|one| tool::call_as(Kind::Edit, name, one.clone())).collect()
        }
        "insert_edit_into_file" | "replace_string_in_file" => vec![tool::call_as(Kind::Edit, name, arguments.clone())],
        "semantic_search" | "file_search" | "grep_search" => {
            let kind = if name == "file_search" { Kind::Glob } else { Kind::Search };
            vec![tool::call_as(kind, name, arguments.clone())]
        }
        "fetch_webpage" => {
            let first = arguments.pointer("/urls/0").cloned();
            arguments
                .as_object_mut()
                .zip(first)
                .map(|(members, first): (&mut Map<_, _>, _)| members.insert("url".to_owned(), first));
            vec![tool::call_as(Kind::Fetch, name, arguments.clone())]
        }
        _ => Vec::new(),
    };
    if own.is_empty() { vec![tool::call(name, arguments)] } else { own }
}

/// What came of a call; `None` where nothing tells.
fn outcome(shown: &Value, result: Option<&Value>) -> Option<Outcome> {
    let details = shown.get("resultDetails").unwrap_or(&Value::Null);
    let state = &shown["toolSpecificData"]["terminalCommandState"];
    let exit_code = field::exit_code(state, "exitCode");
    let is_denied = matches!(shown.get("isConfirmed"), Some(Value::Bool(false))) || shown["isConfirmed"]["type"] == 0;
    let said = match result.and_then(|result| result.get("content")).or_else(|| details.get("output")) {
        Some(Value::Array(pieces)) => pieces.iter().map(piece).collect::<Vec<_>>().concat(),
        Some(Value::String(text)) => text.clone(),
        _ => field::text(&shown["toolSpecificData"]["terminalCommandOutput"], "text")
            .or_else(|| field::text(&shown["toolSpecificData"], "result"))
            .unwrap_or_default()
            .to_owned(),
    };
    let is_error = is_denied || details["isError"] == true || exit_code.is_some_and(|code| code != 0);
    if said.is_empty() && exit_code.is_none() && !is_error && result.is_none() {
        return None;
    }
    let said = if said.is_empty() && is_denied { "not allowed by the person".to_owned() } else { said };
    let duration_ms = state.get("duration").and_then(Value::as_u64);
    Some(Outcome { content: Content::text(said), is_error, exit_code, duration_ms, ..Outcome::default() })
}

/// The text of a piece of a result: as it is, or in the leaves of a tree that is laid out.
fn piece(piece: &Value) -> String {
    match piece.get("value").unwrap_or(piece) {
        Value::String(text) => text.clone(),
        Value::Object(value) => {
            let mut text = String::new();
            leaves(value.get("node").unwrap_or(&Value::Null), &mut text);
            text
        }
        _ => String::new(),
    }
}

fn leaves(node: &Value, text: &mut String) {
    if let Some(leaf) = node.get("text").and_then(Value::as_str) {
        if node["lineBreakBefore"] == true && !text.is_empty() {
            text.push('\n');
        }
        text.push_str(leaf);
    }
    node.get("children").and_then(Value::as_array).into_iter().flatten().for_each(|child| leaves(child, text));
}

/// A text, or one that is to be laid out.
pub(super) fn words(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| field::text(value, "value")).filter(|text| !text.is_empty())
}

/// The edit of a file as the editor records it: new text by range, without the replaced text.
pub(super) fn edits(group: &Value) -> Option<Call> {
    let edits: Vec<Value> = group.get("edits")?.as_array()?.iter().flat_map(flat).collect();
    let path = path_of(group.get("uri")?)?;
    let content = Content { blocks: vec![Block::Json { data: json!({ "edits": edits }) }] };
    Some(Call { event_type: EventType::FileEdit { path, diff: None }, content, group: "edit" })
}

fn flat(edit: &Value) -> Vec<Value> {
    edit.as_array().cloned().unwrap_or_else(|| vec![edit.clone()])
}

/// The path of a place that is kept as its parts.
pub(super) fn path_of(uri: &Value) -> Option<String> {
    let text = field::any_text(uri, &["fsPath", "path"]).map(str::to_owned);
    text.or_else(|| field::path_of_uri(uri.as_str().or_else(|| field::text(uri, "external"))?))
}
