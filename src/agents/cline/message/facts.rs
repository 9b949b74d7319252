//! What is known of a task as a whole, and what the model was told of its surroundings.

use serde_json::Value;

use crate::{
    agents::{
        cline::load::Task,
        field,
        records::{Record, text},
        transcript::Facts,
    },
    hail::Timestamp,
};

pub(super) fn facts(task: &Task) -> Facts {
    let last = |key: &str, name: &str| {
        let entries = task.metadata.get(key).and_then(Value::as_array)?;
        entries.iter().rev().find_map(|entry| entry.get(name)?.as_str()).map(str::to_owned)
    };
    let shown = |shown: &Record| shown.get("ts").and_then(Value::as_i64).and_then(Timestamp::from_millis);
    let updated = task.store.as_ref().and_then(|store| text(store, "updated_at")?.parse().ok());
    let deleted = task.window.iter().rev().find_map(|shown| shown.get("conversationHistoryDeletedRange").cloned());
    let mut facts = Facts {
        provider: last("model_usage", "model_provider_id").unwrap_or_else(|| "unknown".to_owned()),
        model: last("model_usage", "model_id").unwrap_or_else(|| "unknown".to_owned()),
        version: last("environment_history", "cline_version"),
        title: text(&task.item, "title").map(str::to_owned),
        cwd: text(&task.item, "workspace").map(str::to_owned).or_else(|| cwd(task)),
        parent: text(&task.item, "parentTaskId").map(str::to_owned),
        related: related(&task.item),
        began: task.began.or_else(|| task.window.first().and_then(shown)),
        ended: updated.or_else(|| task.window.last().and_then(shown)),
        ..Facts::default()
    };
    facts.attributes.extend(deleted.map(|range| ("conversation_history_deleted_range", range)));
    let item = field::rest(&Value::Object(task.item.clone()), &SAID_OF_TASK);
    facts.attributes.extend(item.map(|item| ("source.fields", item)));
    facts
}

/// What the list of tasks says of one that is said elsewhere, or only counts what the requests say.
const SAID_OF_TASK: [&str; 14] = [
    "id",
    "rootTaskId",
    "parentTaskId",
    "number",
    "ts",
    "title",
    "task",
    "tokensIn",
    "tokensOut",
    "cacheWrites",
    "cacheReads",
    "totalCost",
    "size",
    "workspace",
];

/// The tasks that one comes from and those that it gave work to.
fn related(item: &Record) -> Vec<String> {
    let above = ["parentTaskId", "rootTaskId"].into_iter().filter_map(|key| text(item, key));
    let children = item.get("childIds").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let own = text(item, "id");
    let mut found: Vec<String> = Vec::new();
    for id in above.chain(children).filter(|id| Some(*id) != own) {
        if !found.iter().any(|known| known == id) {
            found.push(id.to_owned());
        }
    }
    found
}

/// What the program told the model about its surroundings, where a block ends with it.
pub(in crate::agents::cline) fn details(block: &Value) -> Option<&str> {
    let whole = match block.get("text").or_else(|| block.get("content"))? {
        Value::Array(blocks) => blocks.last()?.get("text")?.as_str()?,
        text => text.as_str()?,
    };
    let (_, told) = whole.trim_end().strip_suffix("</environment_details>")?.rsplit_once("<environment_details>")?;
    Some(told)
}

/// The model that the surroundings name, between the tags of a mode.
pub(super) fn model_in(details: &str) -> Option<&str> {
    let (_, mode) = details.split_once("# Current Mode\n<slug>")?;
    let (model, _) = mode.split_once("<model>")?.1.split_once("</model>")?;
    Some(model.trim()).filter(|model| !model.is_empty())
}

/// The directory, which only what is told to the model says.
fn cwd(task: &Task) -> Option<String> {
    let store = task.store.as_ref().and_then(|store| text(store, "system_prompt"));
    if let Some(line) = store.and_then(|prompt| prompt.lines().find_map(|line| line.split_once("Working Directory: ")))
    {
        return Some(line.1.trim().to_owned()).filter(|cwd| !cwd.is_empty());
    }
    let blocks = task.messages.iter().filter_map(|message| message.get("content")).flat_map(texts);
    let line = blocks.flat_map(str::lines).find_map(|line| {
        line.trim()
            .strip_prefix("# Current Working Directory (")
            .or_else(|| line.trim().strip_prefix("# Current Workspace Directory ("))
    })?;
    line.rsplit_once(')').map(|(cwd, _)| cwd.to_owned())
}

pub(super) fn texts(content: &Value) -> Vec<&str> {
    match content {
        Value::String(text) => vec![text],
        Value::Array(blocks) => blocks.iter().filter_map(|block| block.get("text")?.as_str()).collect(),
        _ => Vec::new(),
    }
}
