//! What `codex exec --json` prints (`codex-rs/exec/src/exec_events.rs`): no prompt, no times, and items only.

use serde_json::{Value, json};

use super::{
    echo::Side,
    item::as_notice,
    parser::Parser,
    record::Payload,
    result::CommandEnd,
    shell::{self, Command},
    tokens::Usage,
};
use crate::hail::{Content, EventType, attribute};

/// Whether a record is one of such a stream.
pub(super) fn is_event(record: &Value) -> bool {
    let is_text = |path: &str| record.pointer(path).is_some_and(Value::is_string);
    match record.get("type").and_then(Value::as_str) {
        Some("thread.started") => is_text("/thread_id"),
        Some("item.started" | "item.updated" | "item.completed") => is_text("/item/type"),
        Some("turn.completed") => record.pointer("/usage/input_tokens").is_some(),
        _ => false,
    }
}

impl Parser<'_> {
    /// Reads an event of a stream; gives it back where it is none.
    pub(super) fn stream_event(&mut self, mut event: Value) -> Option<Value> {
        let kind = event.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_plain = matches!(kind.as_str(), "turn.started" | "turn.failed" | "error");
        if !(is_event(&event) || (self.is_stream && is_plain)) {
            return Some(event);
        }
        self.is_stream = true;
        self.recognised = true;
        if let Some(written) = self.written {
            self.clock = written;
            self.header.see(written);
        }
        match kind.as_str() {
            "thread.started" => {
                self.header.see_thread(event["thread_id"].as_str().unwrap_or_default());
                self.custom_value("session_meta", &kind, event);
            }
            "turn.started" => self.task_started(""),
            "turn.completed" => {
                self.token_count(&mut Payload::default(), Usage::read(&event["usage"].to_string()));
                self.end_of_turn(&kind, None);
            }
            "turn.failed" => {
                let reason = event.pointer("/error/message").and_then(Value::as_str).map(str::to_owned);
                self.end_of_turn(&kind, reason);
            }
            "error" => self.fault(&kind, &event),
            // The end of an item repeats all that was known of it before.
            "item.completed" => self.printed_item(event["item"].take()),
            _ => {}
        }
        None
    }

    fn end_of_turn(&mut self, kind: &str, reason: Option<String>) {
        self.close_answer();
        let summary = reason.map(|reason| format!("failed: {reason}"));
        let event = self.event(EventType::TaskEnd { summary }, kind);
        self.send(event);
    }

    fn fault(&mut self, kind: &str, value: &Value) {
        let message = value.get("message").and_then(Value::as_str).unwrap_or_default().to_owned();
        let event = self.event(EventType::SystemMessage, kind);
        self.send(event.with_content(Content::text(message)));
    }

    fn printed_item(&mut self, mut item: Value) {
        let text = |key: &str| item.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, id) = (text("type"), text("id"));
        let raw_type = format!("item.completed/{kind}");
        match kind.as_str() {
            "agent_message" => self.say(vec![text("text")], Side::Item, ""),
            "reasoning" => self.think(vec![text("text")], Side::Item),
            "command_execution" => {
                // A whole command line, quoted as for a shell.
                let line = Command::of_words(&shell::words(&text("command"))).line;
                item["command"] = line.into();
                self.command_ended(&id, CommandEnd::read(&item), &raw_type, item);
            }
            "file_change" => self.files_changed(&id, &raw_type, item),
            "mcp_tool_call" => self.mcp_call_ended(&id, &as_notice(&mut item), &raw_type),
            "web_search" => self.web_search(&mut Payload::default(), &item.to_string()),
            "todo_list" => {
                let event = self.event(EventType::ToolCall { name: "update_plan".to_owned() }, raw_type);
                let plan = json!({ "items": item["items"].take() });
                self.answer(event.with_content(Content::json(plan)).with(attribute::TOOL_KIND, "plan"), 0);
            }
            "error" => self.fault(&raw_type, &item),
            _ => self.custom_value(&raw_type, &raw_type, item),
        }
    }

    /// Tells which files were changed: how, the stream does not say.
    fn files_changed(&mut self, id: &str, raw_type: &str, item: Value) {
        let changes = item.get("changes").and_then(Value::as_array).filter(|_| item["status"] != "failed");
        let Some(changes) = changes else {
            let event = self.event(EventType::ToolCall { name: "apply_patch".to_owned() }, raw_type);
            self.answer(event.with_content(Content::json(item)).with(attribute::CALL_ID, id), 0);
            return;
        };
        for change in changes {
            let Some(path) = change.get("path").and_then(Value::as_str).map(str::to_owned) else { continue };
            let kind = match change.get("kind").and_then(Value::as_str) {
                Some("add") => EventType::FileCreate { path },
                Some("delete") => EventType::FileDelete { path },
                _ => EventType::FileEdit { path, diff: None },
            };
            let event = self.event(kind, raw_type).with(attribute::TOOL_KIND, "edit");
            self.answer(event.with(attribute::CALL_ID, id), 0);
        }
    }
}
