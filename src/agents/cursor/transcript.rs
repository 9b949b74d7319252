//! Reads the transcripts of Cursor's agent: who said what, without times and mostly without results.

use std::{collections::VecDeque, io, path::Path};

use serde_json::Value;

use super::speech;
use crate::{
    agents::{
        Log, ParseError, Warning, identity,
        records::{self, Record, Teller, text},
        tool,
        transcript::{Outcome, Transcript},
    },
    hail::{Block, Content, Event, EventType, SessionId, Sink, Timestamp, attribute},
};

/// What stands for the reasoning that was taken out.
const REDACTED: &str = "[REDACTED]";

struct Reader<'s> {
    transcript: Transcript<'s>,
    is_subagent: bool,
    /// The calls that have no result yet, the oldest first.
    open: VecDeque<String>,
    /// What the first event of a line says beside its text.
    fields: Option<Record>,
    /// The id made of the first record, for a session that comes from no file.
    seed: Option<SessionId>,
    is_recognised: bool,
}

pub(super) fn write(log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let mut transcript = Transcript::new("cursor", "cursor-transcript", sink);
    for fact in [&mut transcript.facts.provider, &mut transcript.facts.model] {
        "unknown".clone_into(fact);
    }
    // The log has no times: all that is known is when it was last written.
    let modified = log.path.and_then(|path| path.metadata().ok()?.modified().ok());
    transcript.facts.began = modified.map(Timestamp::from);
    transcript.facts.parent = log.path.and_then(parent);
    transcript.facts.related.extend(transcript.facts.parent.clone());
    let is_subagent = transcript.facts.parent.is_some();
    let mut reader =
        Reader { transcript, is_subagent, open: VecDeque::new(), fields: None, seed: None, is_recognised: false };
    records::tell(log, "Cursor", &mut reader)?;
    let id = records::session_id(log, [None, records::stem(log)], "cursor", reader.seed);
    Ok(reader.transcript.finish(id)?)
}

/// The session that started this one: `agent-transcripts/<parent>/subagents/<id>.jsonl`.
fn parent(path: &Path) -> Option<String> {
    let folder = path.parent().filter(|folder| folder.ends_with("subagents"))?;
    let name = folder.parent()?.file_name()?.to_str()?;
    Some(name.to_owned())
}

impl<'s> Teller<'s> for Reader<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.transcript
    }

    fn is_recognised(&self) -> bool {
        self.is_recognised
    }

    fn record(&mut self, line: u64, mut record: Record) -> io::Result<()> {
        self.is_recognised |= text(&record, "role").is_some() && record.contains_key("message");
        if self.seed.is_none() {
            self.seed = Some(identity::hashed_id("cursor", &Value::Object(record.clone()).to_string()));
        }
        let role = text(&record, "role").unwrap_or_default().to_owned();
        let Some(Value::Object(mut message)) =
            record.remove("message").filter(|_| matches!(&*role, "user" | "assistant"))
        else {
            let kind = text(&record, "type").unwrap_or("unknown").to_owned();
            return self.transcript.unknown(&format!("{line}"), None, &kind, Value::Object(record));
        };
        if let Some(model) = text(&record, "model") {
            model.clone_into(&mut self.transcript.facts.model);
        }
        let content = message.remove("content").unwrap_or_default();
        record.remove("role");
        record.extend(message);
        self.fields = Some(record);
        match content {
            Value::Array(blocks) => blocks
                .into_iter()
                .enumerate()
                .try_for_each(|(index, block)| self.block(&format!("{line}-{index}"), &role, block)),
            Value::String(words) => self.said(&format!("{line}-0"), &role, &words),
            other => self.transcript.unknown(&format!("{line}-0"), None, "content", other),
        }
    }
}

impl Reader<'_> {
    fn block(&mut self, id: &str, role: &str, block: Value) -> io::Result<()> {
        let text = |key: &str| block.get(key).and_then(Value::as_str);
        match text("type").unwrap_or_default() {
            "text" => self.said(id, role, text("text").unwrap_or_default()),
            "thinking" => self.push(id, EventType::Thinking, Content::text(text("thinking").unwrap_or_default())),
            "tool_use" | "tool_call" | "tool-call" => {
                let call_id = text("id").or_else(|| text("toolCallId")).unwrap_or(id).to_owned();
                let name = text("name").or_else(|| text("toolName")).unwrap_or("unknown");
                let arguments = block.get("input").or_else(|| block.get("args")).cloned().unwrap_or_default();
                self.transcript.call((id, &call_id), None, name, tool::call(name, arguments))?;
                let fields = self.fields.take();
                if let Some((event, fields)) = self.transcript.waiting_call(&call_id).zip(fields) {
                    *event = records::with_fields(event.clone(), fields, &[]);
                }
                self.open.push_back(call_id);
                Ok(())
            }
            "tool_result" | "tool-result" => {
                let named = text("tool_use_id").or_else(|| text("toolCallId")).unwrap_or_default();
                // Calls are written without their ids; results come in the order of the calls.
                let place = self.open.iter().position(|open| open == named).unwrap_or(0);
                let call_id = self.open.remove(place).unwrap_or_else(|| named.to_owned());
                let is_error = block.get("is_error") == Some(&Value::Bool(true));
                let content = result(block.get("content").or_else(|| block.get("result")));
                self.transcript.result((id, &call_id), None, Outcome { content, is_error, ..Outcome::default() })
            }
            "image" => match speech::image(&block) {
                Some(image) => self.push(id, EventType::UserMessage, Content { blocks: vec![image] }),
                None => self.transcript.unknown(id, None, "image", block),
            },
            kind => {
                let kind = if kind.is_empty() { "unknown" } else { kind }.to_owned();
                self.transcript.unknown(id, None, &kind, block)
            }
        }
    }

    /// What one side said. A person's words are marked; what is around them, the program added.
    fn said(&mut self, id: &str, role: &str, words: &str) -> io::Result<()> {
        if role == "assistant" {
            let (words, is_redacted) = match words.trim_end().strip_suffix(REDACTED) {
                Some(rest) => (rest.trim_end(), true),
                None => (words, false),
            };
            if !words.is_empty() {
                self.push(id, EventType::AgentMessage, Content::text(words))?;
            }
            if is_redacted {
                let event = self.transcript.event(&format!("{id}-thinking"), None, EventType::Thinking, "text");
                self.transcript.push(event.with("redacted", true))?;
            }
            return Ok(());
        }
        let Some((before, query, after)) = speech::query(words) else {
            let is_injected = self.is_subagent || speech::is_tagged(words);
            return self.say(id, words, is_injected);
        };
        for (part, around) in [("before", before), ("after", after)] {
            if !around.trim().is_empty() {
                self.say(&format!("{id}-{part}"), around.trim(), true)?;
            }
        }
        self.say(id, query, self.is_subagent)
    }

    fn say(&mut self, id: &str, words: &str, is_injected: bool) -> io::Result<()> {
        if words.is_empty() {
            return Ok(());
        }
        if !is_injected {
            return self.push(id, EventType::UserMessage, Content::text(words));
        }
        let event = self.transcript.event(id, None, EventType::SystemMessage, "text");
        self.transcript.push(event.with_content(Content::text(words)).with("source.injected", "text"))
    }

    fn push(&mut self, id: &str, kind: EventType, content: Content) -> io::Result<()> {
        let mut event: Event = self.transcript.event(id, None, kind, "text").with_content(content);
        if let Some(fields) = self.fields.take() {
            event = records::with_fields(event, fields, &[]);
        }
        if event.event_type != EventType::UserMessage {
            let model = self.transcript.facts.model.clone();
            if model != "unknown" {
                event = event.with(attribute::MODEL, model);
            }
            return self.transcript.push(event);
        }
        self.transcript.prompt(event)
    }
}

fn result(content: Option<&Value>) -> Content {
    let block = |block: &Value| match block.get("text").and_then(Value::as_str) {
        Some(words) => Block::Text { text: words.into() },
        None => speech::image(block).unwrap_or_else(|| Block::Json { data: block.clone() }),
    };
    match content {
        Some(Value::String(words)) => Content::text(words.as_str()),
        Some(Value::Array(blocks)) => Content { blocks: blocks.iter().map(block).collect() },
        None | Some(Value::Null) => Content::default(),
        Some(other) => Content::json(other.clone()),
    }
}
