//! What the window showed of a task: the costs of every request, and all there is where the
//! conversation itself is gone.

use std::{collections::VecDeque, io};

use serde_json::{Value, json};

use super::Writer;
use crate::{
    agents::{
        cline::tool,
        records::{self, Record, text},
        transcript::{Outcome, Tokens},
    },
    hail::{Content, EventType, Timestamp},
};

/// What the window says requests used.
const REQUESTS: [&str; 3] = ["api_req_started", "deleted_api_reqs", "subagent_usage"];

fn is_request(shown: &Record) -> bool {
    text(shown, "say").is_some_and(|say| REQUESTS.contains(&say))
}

fn is_partial(shown: &Record) -> bool {
    shown.get("partial") == Some(&Value::Bool(true))
}

/// What each request used, in order.
pub(in crate::agents::cline) fn requests(window: &[Record]) -> VecDeque<(Option<Timestamp>, Tokens)> {
    let requests = window.iter().filter(|shown| is_request(shown) && !is_partial(shown));
    let found: VecDeque<(Option<Timestamp>, Tokens)> = requests.map(|shown| (time(shown), used(shown))).collect();
    if found.iter().all(|(_, tokens)| *tokens == Tokens::default()) { VecDeque::new() } else { found }
}

fn time(shown: &Record) -> Option<Timestamp> {
    records::time(shown, "ts")
}

fn used(shown: &Record) -> Tokens {
    let said = text(shown, "text").and_then(|text| serde_json::from_str::<Record>(text).ok()).unwrap_or_default();
    let count = |key: &str| records::count(&said, key);
    Tokens {
        input: count("tokensIn"),
        output: count("tokensOut"),
        cache_read: count("cacheReads"),
        cache_write: count("cacheWrites"),
        reasoning: 0,
        cost: said.get("cost").and_then(Value::as_f64),
    }
}

impl Writer<'_> {
    /// Writes what the window showed, for want of the conversation.
    pub(super) fn window(&mut self, window: Vec<Record>) -> io::Result<()> {
        self.requests.clear();
        let mut command: Option<String> = None;
        let mut is_first = true;
        for (index, shown) in window.into_iter().enumerate().filter(|(_, shown)| !is_partial(shown)) {
            let (id, at) = (format!("shown-{index}"), time(&shown));
            let words = text(&shown, "text").unwrap_or_default().to_owned();
            let kind = text(&shown, "say").or_else(|| text(&shown, "ask")).unwrap_or("unknown").to_owned();
            match kind.as_str() {
                _ if is_request(&shown) => self.usage(&id, at, used(&shown))?,
                "text" | "completion_result" if words.is_empty() => {}
                "task" | "user_feedback" => self.prompt((&id, at), words)?,
                "text" if is_first => self.prompt((&id, at), words)?,
                "text" | "completion_result" => self.plain((&id, at), EventType::AgentMessage, words)?,
                "reasoning" => self.plain((&id, at), EventType::Thinking, words)?,
                "tool" => self.shown_tool((&id, at), &words)?,
                "command" => {
                    let call = tool::calls("execute_command", json!({ "command": words }));
                    self.transcript.calls((&id, &id), at, "execute_command", call)?;
                    command = Some(id);
                }
                "command_output" => {
                    let call_id = command.take().unwrap_or_else(|| format!("{id}-call"));
                    let outcome = Outcome { content: Content::text(words), ..Outcome::default() };
                    self.transcript.result((&id, &call_id), at, outcome)?;
                }
                _ => self.transcript.unknown(&id, at, &kind, Value::Object(shown))?,
            }
            is_first = false;
        }
        Ok(())
    }

    fn prompt(&mut self, (id, at): (&str, Option<Timestamp>), words: String) -> io::Result<()> {
        let event = self.transcript.event(id, at, EventType::UserMessage, "say").with_content(Content::text(words));
        self.transcript.prompt(event)
    }

    fn plain(&mut self, (id, at): (&str, Option<Timestamp>), kind: EventType, words: String) -> io::Result<()> {
        let event = self.transcript.event(id, at, kind, "say").with_content(Content::text(words));
        self.transcript.push(event)
    }

    /// A call as the window showed it: `{tool, path, content or diff}`.
    fn shown_tool(&mut self, (id, at): (&str, Option<Timestamp>), words: &str) -> io::Result<()> {
        let mut shown: Record =
            serde_json::from_str(words).unwrap_or_else(|_| Record::from_iter([("text".to_owned(), words.into())]));
        let name = match shown.remove("tool") {
            Some(Value::String(name)) => name,
            _ => "unknown".to_owned(),
        };
        let calls = match name.as_str() {
            "newFileCreated" => tool::calls("write_to_file", Value::Object(shown)),
            "editedExistingFile" => {
                if !shown.contains_key("diff") {
                    let content = shown.remove("content").unwrap_or_default();
                    shown.insert("diff".to_owned(), content);
                }
                tool::calls("replace_in_file", Value::Object(shown))
            }
            "fileDeleted" => tool::calls("delete_file", Value::Object(shown)),
            other => tool::calls(other, Value::Object(shown)),
        };
        self.transcript.calls((id, id), at, &name, calls)
    }
}
