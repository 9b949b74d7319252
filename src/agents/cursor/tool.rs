//! The calls in bubbles, and the code blocks by which the composer of 2024 edited files.

use std::{collections::HashMap, io};

use serde_json::{Map, Value, json};

use super::composer::prune;
use crate::{
    agents::{
        diff,
        records::Record,
        tool::{self, Call},
        transcript::{Outcome, Transcript},
    },
    hail::{Block, Content, Event, EventType, Timestamp},
};

/// A call of a tool with its result: `toolFormerData` of a bubble.
pub(super) struct ToolUse<'b> {
    id: &'b str,
    call_id: &'b str,
    name: &'b str,
    arguments: Value,
    status: &'b str,
    result: Option<Value>,
    data: &'b Value,
}

impl<'b> ToolUse<'b> {
    /// The call of a bubble; `None` where only a window's state is left of it.
    pub(super) fn of(data: &'b Value, id: &'b str) -> Option<Self> {
        let text = |key: &str| data.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let parsed = |key: &str| match data.get(key)? {
            Value::String(text) => serde_json::from_str::<Value>(text).ok(),
            Value::Object(fields) => Some(Value::Object(fields.clone())),
            _ => None,
        };
        let arguments =
            |key: &str| parsed(key).filter(|value| value.as_object().is_some_and(|fields| !fields.is_empty()));
        let unread = || text("rawArgs").map(|raw| json!({ "rawArgs": raw }));
        Some(Self {
            id,
            call_id: text("toolCallId").unwrap_or(id),
            name: text("name")?,
            arguments: arguments("rawArgs").or_else(|| arguments("params")).or_else(unread).unwrap_or_default(),
            status: text("status").unwrap_or_default(),
            result: parsed("result").or_else(|| text("result").map(Value::from)),
            data,
        })
    }

    pub(super) fn write(
        self,
        transcript: &mut Transcript<'_>,
        time: Option<Timestamp>,
        contents: &HashMap<String, String>,
        complete: impl FnOnce(&mut Event),
    ) -> io::Result<()> {
        // Bubbles of one answer may share an id.
        let call_id = if transcript.knows_call(self.call_id) { self.id } else { self.call_id };
        let event_id = format!("{}-call", self.id);
        transcript.call((&event_id, call_id), time, self.name, tool::call(self.name, self.arguments.clone()))?;
        if let Some(event) = transcript.waiting_call(call_id) {
            complete(event);
        }
        if self.result.is_none() && !matches!(self.status, "completed" | "error" | "cancelled") {
            return Ok(());
        }
        transcript.result((&format!("{}-result", self.id), call_id), time, self.outcome(contents))
    }

    fn outcome(self, contents: &HashMap<String, String>) -> Outcome {
        let decision = self.data.get("userDecision").and_then(Value::as_str);
        let mut is_error = matches!(self.status, "error" | "cancelled") || decision == Some("rejected");
        let mut content = Content::default();
        let (mut exit_code, mut new_diff) = (None, None);
        match self.result {
            Some(Value::Object(mut fields)) => {
                let code = ["exitCodeV2", "exitCode"].iter().find_map(|key| fields.remove(*key));
                exit_code = code.and_then(|code| i32::try_from(code.as_i64()?).ok());
                is_error |=
                    exit_code.is_some_and(|code| code != 0) || fields.get("rejected") == Some(&Value::Bool(true));
                new_diff = diff_of(&mut fields, &self.arguments, contents);
                let output = ["output", "contents", "content"]
                    .iter()
                    .find(|key| fields.get(**key).is_some_and(Value::is_string));
                if let Some(Value::String(words)) = output.and_then(|key| fields.remove(*key)) {
                    content = Content::text(words);
                }
                let mut rest = Value::Object(fields);
                prune(&mut rest);
                if rest.as_object().is_some_and(|rest| !rest.is_empty()) {
                    content.blocks.push(Block::Json { data: rest });
                }
            }
            Some(Value::String(words)) => content = Content::text(words),
            Some(other) => content = Content::json(other),
            None => {}
        }
        if let Some(error) = self.data.get("error").filter(|error| !error.is_null()) {
            let shown = error.as_str().map_or_else(|| error.to_string(), str::to_owned);
            content.blocks.push(Block::Text { text: shown.into() });
        }
        Outcome { content, is_error, exit_code, diff: new_diff, duration_ms: None }
    }
}

/// The diff of an edit: as its result shows it, or of the files before and after.
fn diff_of(result: &mut Map<String, Value>, arguments: &Value, contents: &HashMap<String, String>) -> Option<String> {
    let path = ["target_file", "file_path", "path", "relativeWorkspacePath"];
    let path = path.iter().find_map(|key| arguments.get(key)?.as_str()).unwrap_or_default();
    if let Some(chunks) = result.get("diff").and_then(|diff| diff.get("chunks")).and_then(Value::as_array) {
        let hunks: String = chunks.iter().filter_map(hunk).collect();
        if !hunks.is_empty() {
            result.remove("diff");
            return Some(diff::with_header(path, &hunks));
        }
    }
    let file = |key: &str| contents.get(result.get(key)?.as_str()?);
    let made = diff::unified(path, file("beforeContentId")?, file("afterContentId")?);
    Some(made).filter(|made| !made.is_empty())
}

fn hunk(chunk: &Value) -> Option<String> {
    let lines = chunk.get("diffString")?.as_str()?.trim_end_matches('\n');
    let number = |key: &str| chunk.get(key).and_then(Value::as_u64).unwrap_or(1);
    let count = |sign: char| lines.lines().filter(|line| !line.starts_with(sign)).count();
    let (old, new) = (count('+'), count('-'));
    Some(format!("@@ -{},{old} +{},{new} @@\n{lines}\n", number("oldStart"), number("newStart")))
}

/// What a bubble of 2024 wrote into files. Only what was accepted changed one.
pub(super) fn code_blocks(bubble: &Record, info: &Record) -> Vec<Call> {
    let blocks = bubble.get("codeBlocks").and_then(Value::as_array);
    blocks.into_iter().flatten().filter_map(|block| code_block(block, info)).collect()
}

fn code_block(block: &Value, info: &Record) -> Option<Call> {
    let uri = block.get("uri")?;
    let name = uri.get("external").or_else(|| uri.get("path"))?.as_str()?;
    let version = |value: &Value| value.get("version").and_then(Value::as_u64).unwrap_or(0);
    let versions = info.get("codeBlockData")?.get(name)?.as_array()?;
    let data = versions.iter().find(|data| version(data) == version(block))?;
    let text = |key: &str| data.get(key).and_then(Value::as_str);
    let path = uri.get("fsPath").or_else(|| uri.get("path"))?.as_str()?.to_owned();
    let code = text("content")?.to_owned();
    let code = Block::Code { code, language: text("languageId").map(str::to_owned), start_line: None };
    let status = text("status").unwrap_or_default();
    let event_type = if status == "accepted" {
        EventType::FileEdit { path: path.clone(), diff: None }
    } else {
        EventType::Custom { kind: "code_block".to_owned() }
    };
    let about = Block::Json { data: json!({ "path": path, "status": status, "version": version(block) }) };
    Some(Call { event_type, content: Content { blocks: vec![code, about] }, group: "edit" })
}
