//! What the interface was told: turns, names, errors, and much that the items say too.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    call::CallId,
    echo::{self, Side},
    parser::Parser,
    record::Payload,
    result::CommandEnd,
    tokens::Usage,
};
use crate::hail::{Content, EventType, title_of};

impl Parser<'_> {
    /// Reads an `event_msg`.
    pub(super) fn notice(&mut self, payload: &mut Payload<'_>, text: &str) {
        match &*payload.kind {
            "token_count" => {
                let flat = payload.info.is_none().then(|| Usage::read(text)).flatten();
                self.token_count(payload, flat);
            }
            "user_message" => self.user_notice(payload, text),
            "agent_message" => {
                self.say(payload.message.take_text().into_iter().collect(), Side::Notice, &payload.phase);
            }
            "agent_reasoning" | "agent_reasoning_raw_content" => {
                let words = payload.text.take_text().or_else(|| payload.message.take_text());
                self.think(words.into_iter().collect(), Side::Notice);
            }
            "task_started" | "turn_started" => self.task_started(&payload.turn_id),
            "task_complete" | "turn_complete" | "turn_aborted" => self.task_ended(payload, text),
            "exec_command_end" => {
                let end: Value = serde_json::from_str(text).unwrap_or_default();
                self.command_ended(&payload.call_id, CommandEnd::read(&end), "event_msg/exec_command_end", end);
            }
            "patch_apply_end" => {
                let end = serde_json::from_str(text).unwrap_or_default();
                self.patch_ended(&payload.call_id, end, "event_msg/patch_apply_end");
            }
            "mcp_tool_call_end" => {
                let end = serde_json::from_str(text).unwrap_or_default();
                self.mcp_call_ended(&payload.call_id, &end, "event_msg/mcp_tool_call_end");
            }
            "item_completed" => self.item_completed(text),
            "web_search_end" => self.web_search(payload, text),
            "image_generation_end" => self.image(text),
            // Both name nothing but a call that is told as a whole when it ends.
            "web_search_begin" | "image_generation_begin" => {}
            "context_compacted" if std::mem::take(&mut self.is_compacted) => {}
            "error" | "warning" | "stream_error" => self.complaint(payload, text),
            _ => self.other_notice(payload, text),
        }
    }

    fn other_notice(&mut self, payload: &Payload<'_>, text: &str) {
        let kind = &*payload.kind;
        if kind == "thread_name_updated"
            && let Ok(payload) = serde_json::from_str::<Value>(text)
            && let Some(name) = payload.get("thread_name").and_then(Value::as_str)
        {
            self.header.see_name(name);
        }
        // These say nothing that the call, its result and the whole message do not say.
        let is_part = kind.ends_with("_begin") || kind == "exec_command_output_delta" || kind == "view_image_tool_call";
        let is_delta = matches!(
            kind,
            "agent_message_delta"
                | "agent_message_content_delta"
                | "agent_reasoning_delta"
                | "agent_reasoning_raw_content_delta"
                | "agent_reasoning_section_break"
                | "reasoning_content_delta"
                | "reasoning_raw_content_delta"
        );
        if is_delta || (is_part && self.calls.contains_key(&CallId::of(&payload.call_id))) {
            return;
        }
        self.custom(kind, &format!("event_msg/{kind}"), text);
    }

    pub(super) fn task_started(&mut self, turn: &str) {
        self.close_answer();
        self.turn = Some(turn.to_owned()).filter(|turn| !turn.is_empty());
        let event = self.event(EventType::TaskStart { title: None }, "event_msg/task_started");
        self.send(event);
    }

    /// The end of a task repeats the agent's last words: of those only a title is kept, unless they
    /// were said nowhere else.
    fn task_ended(&mut self, payload: &mut Payload<'_>, text: &str) {
        #[derive(Default, Deserialize)]
        struct End {
            last_agent_message: Option<String>,
            reason: Option<String>,
            duration_ms: Option<u64>,
        }
        self.close_answer();
        let end: End = serde_json::from_str(text).unwrap_or_default();
        let said = end.last_agent_message.filter(|words| !words.trim().is_empty());
        let summary = match (said, &end.reason) {
            (Some(words), _) if self.last_said == Some(echo::hash(&words)) => Some(title_of(&words)),
            (Some(words), _) => Some(words),
            (None, Some(reason)) => Some(format!("aborted: {reason}")),
            (None, None) => None,
        };
        if !payload.turn_id.is_empty() {
            self.turn = Some(payload.turn_id.to_string());
        }
        let mut event = self.event(EventType::TaskEnd { summary }, format!("event_msg/{}", payload.kind));
        event.duration_ms = end.duration_ms;
        if let Some(reason) = end.reason {
            event = event.with("reason", reason);
        }
        self.send(event);
        self.turn = None;
    }

    fn complaint(&mut self, payload: &mut Payload<'_>, text: &str) {
        let Some(message) = payload.message.take_text() else {
            return self.custom(&payload.kind, &format!("event_msg/{}", payload.kind), text);
        };
        let event = self.event(EventType::SystemMessage, format!("event_msg/{}", payload.kind));
        self.send(event.with_content(Content::text(message)));
    }

    /// Reads a `compacted` record. Its `replacement_history` repeats records that came before, so
    /// only their number is kept.
    pub(super) fn compacted(&mut self, text: &str) {
        let Ok(Value::Object(mut fields)) = serde_json::from_str(text) else { return };
        let replaced = fields.remove("replacement_history");
        let replaced = replaced.as_ref().and_then(Value::as_array).map_or(0, Vec::len);
        fields.insert("replacement_items".to_owned(), json!(replaced));
        self.is_compacted = true;
        match fields.remove("message") {
            Some(Value::String(message)) if !message.is_empty() => {
                let event = self.event(EventType::SystemMessage, "compacted");
                self.send(event.with_content(Content::text(message)).with("compacted", Value::Object(fields)));
            }
            _ => self.custom_value("compacted", "compacted", Value::Object(fields)),
        }
    }
}
