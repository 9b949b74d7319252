//! What is reported as a whole when it is over: `item_completed`, which newer versions write instead of the
//! notices of single kinds (`codex-rs/protocol/src/items.rs`, where they are called turn items).

use serde_json::{Value, json};

use super::{call::CallId, echo::Side, message::Piece, parser::Parser, record::Payload, result::CommandEnd};
use crate::hail::{Content, EventType};

/// The type that events of reports name.
const RAW: &str = "event_msg/item_completed";

impl Parser<'_> {
    /// Reads an `item_completed`. Most of them say what a `response_item` says, too.
    pub(super) fn item_completed(&mut self, text: &str) {
        let mut report: Value = serde_json::from_str(text).unwrap_or_default();
        let mut item = report.get_mut("item").map(Value::take).unwrap_or_default();
        let kind = item.get("type").and_then(Value::as_str).unwrap_or("unknown").to_owned();
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let texts = |key: &str| texts_of(item.get(key));
        match kind.as_str() {
            "UserMessage" => self.user_pieces(pieces_of(item.get("content")), RAW),
            "AgentMessage" => {
                let phase = item.get("phase").and_then(Value::as_str).unwrap_or_default().to_owned();
                self.say(texts("content"), Side::Notice, &phase);
            }
            "Reasoning" => self.think([texts("summary_text"), texts("raw_content")].concat(), Side::Notice),
            "HookPrompt" => {
                let pieces = texts("fragments").into_iter().map(Piece::of_text).collect();
                self.inject(pieces, RAW);
            }
            "CommandExecution" => self.command_ended(&id, CommandEnd::read(&item), RAW, item),
            "FileChange" => self.patch_ended(&id, item, RAW),
            "McpToolCall" => self.mcp_call_ended(&id, &as_notice(&mut item), RAW),
            "WebSearch" => {
                let mut payload = Payload::default();
                self.web_search(&mut payload, &item.to_string());
            }
            "ImageGeneration" => self.image(&item.to_string()),
            "ContextCompaction" if std::mem::take(&mut self.is_compacted) => {}
            // These repeat a call that is known.
            "ImageView" | "DynamicToolCall" | "CollabAgentToolCall" | "SubAgentActivity" if self.is_known(&id) => {}
            "ImageView" => self.image_viewed(&item),
            _ => self.custom_value(&format!("item_completed/{kind}"), RAW, item),
        }
    }

    fn is_known(&self, id: &str) -> bool {
        self.calls.contains_key(&CallId::of(id))
    }

    fn image_viewed(&mut self, item: &Value) {
        let path = item.get("path").and_then(Value::as_str).unwrap_or_default();
        let path = path.strip_prefix("file://").unwrap_or(path).to_owned();
        if self.take_inner_tool("view_image", &json!({ "path": path })).is_none() && !path.is_empty() {
            let event = self.event(EventType::FileRead { path }, RAW);
            self.send(event.with_content(Content::default()));
        }
    }
}

/// The texts of a list of strings, or of objects that have one.
fn texts_of(list: Option<&Value>) -> Vec<String> {
    let text = |item: &Value| item.as_str().or_else(|| item.get("text")?.as_str()).map(str::to_owned);
    list.and_then(Value::as_array).into_iter().flatten().filter_map(text).collect()
}

fn pieces_of(content: Option<&Value>) -> Vec<Piece> {
    let is_piece = |item: &&Value| item.get("text").is_some() || item.get("image_url").is_some();
    Piece::of_values(content.and_then(Value::as_array).into_iter().flatten().filter(is_piece).cloned().collect())
}

/// The report of a server's tool as its notice told it.
pub(super) fn as_notice(item: &mut Value) -> Value {
    let mut take = |key: &str| item.get_mut(key).map(Value::take).unwrap_or_default();
    let [server, tool, arguments, error] = ["server", "tool", "arguments", "error"].map(&mut take);
    let result = if error.is_null() { json!({ "Ok": take("result") }) } else { json!({ "Err": error }) };
    json!({
        "invocation": { "server": server, "tool": tool, "arguments": arguments },
        "result": result,
        "duration": take("duration"),
    })
}
