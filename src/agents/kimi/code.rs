//! The log of Kimi Code: operations on the context of an agent, each with its time.

use std::{io, path::Path};

use serde_json::{Value, json};

use super::wire;
use crate::{
    agents::{
        Log, ParseError, Warning, chat, field, identity,
        message::{self, Message, Part, Speaker},
        records::{self, Record, Teller},
        transcript::{Outcome, Tokens, Transcript},
    },
    hail::{Content, SessionId, Sink, Timestamp},
    system::files,
};

/// Operations that say how the model is asked, or mark where others begin and end.
const MARKS: [&str; 5] =
    ["metadata", "tools.set_active_tools", "llm.tools_snapshot", "full_compaction.begin", "full_compaction.complete"];

/// Whether a record is one of such a log.
pub(super) fn is_record(record: &Value) -> bool {
    let kind = field::text(record, "type").unwrap_or_default();
    record.get("time").is_some_and(Value::is_number)
        && ["turn.", "context.", "llm.", "usage.", "config.", "full_compaction."]
            .iter()
            .any(|start| kind.starts_with(start))
}

pub(super) fn parse(log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let mut out = message::transcript("kimi", "kimi-code-wire", sink);
    "moonshot".clone_into(&mut out.facts.provider);
    let agent = log.path.and_then(Path::parent);
    let session = agent.and_then(Path::parent).and_then(Path::parent);
    let name =
        |folder: Option<&Path>| folder.and_then(Path::file_name).and_then(|name| name.to_str()).map(str::to_owned);
    let (agent, own) = (name(agent).unwrap_or_else(|| "main".to_owned()), name(session));
    if let Some(session) = session {
        note_facts(&mut out, &session.join("state.json"));
    }
    let is_main = agent == "main";
    if !is_main {
        out.facts.parent.clone_from(&own);
        out.facts.related.extend(own.clone());
        out.facts.title = None;
    }
    let mut reader = Reader { out, first: None, answer: None };
    records::tell(log, "Kimi Code", &mut reader)?;
    reader.flush()?;
    let own = own.filter(|own| own.starts_with("session"));
    let own = if is_main { own } else { own.map(|own| format!("{own}-{agent}")) };
    let id = records::session_id(log, [own.as_deref(), None], "kimi", reader.first);
    Ok(reader.out.finish(id)?)
}

fn note_facts(out: &mut Transcript<'_>, state: &Path) {
    let Some(state) = files::read_text(state, files::LARGE).ok().and_then(|text| serde_json::from_str(&text).ok())
    else {
        return;
    };
    let state: Value = state;
    out.facts.title = field::text(&state, "title").map(str::to_owned);
    out.facts.cwd = field::text(&state, "workDir").map(str::to_owned);
    out.facts.began = state.get("createdAt").and_then(field::time);
    out.facts.ended = state.get("updatedAt").and_then(field::time);
}

struct Reader<'s> {
    out: Transcript<'s>,
    /// The id made of the first record, for a session that has no name.
    first: Option<SessionId>,
    /// What the model says in this step; the counts come at its end.
    answer: Option<Message>,
}

impl<'s> Teller<'s> for Reader<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.first.is_some()
    }

    fn record(&mut self, line: u64, record: Record) -> io::Result<()> {
        let record = Value::Object(record);
        if is_record(&record) {
            self.first.get_or_insert_with(|| identity::hashed_id("kimi", &record.to_string()));
        }
        let at = (format!("line-{line}"), record.get("time").and_then(field::time));
        let kind = field::text(&record, "type").unwrap_or_default();
        match kind {
            mark if MARKS.contains(&mark) => Ok(()),
            "turn.prompt" => self.said(at, &record["origin"], &record["input"]),
            "context.append_message" => self.appended(at, &record),
            "context.append_loop_event" => self.event(at, &record["event"]),
            "llm.request" | "config.update" => {
                self.note(&record);
                Ok(())
            }
            // What an answer used is told at its end, too.
            "usage.record" if record["usageScope"] == "turn" => Ok(()),
            "usage.record" => {
                let mut message = Message::new(at.0, at.1, Speaker::Agent);
                message.tokens = tokens(&record["usage"]);
                message.send(&mut self.out)
            }
            "context.apply_compaction" => {
                self.flush()?;
                let mut message = Message::new(at.0, at.1, Speaker::Program("compact_summary"));
                message.say(Content::text(field::text(&record, "summary").unwrap_or_default()));
                message.send(&mut self.out)
            }
            kind => {
                self.flush()?;
                self.out.unknown(&at.0, at.1, kind, record.clone())
            }
        }
    }
}

impl Reader<'_> {
    fn flush(&mut self) -> io::Result<()> {
        match self.answer.take() {
            Some(message) if !message.parts.is_empty() => message.send(&mut self.out),
            _ => Ok(()),
        }
    }

    /// Notes which model is asked, and where.
    fn note(&mut self, record: &Value) {
        if let Some(model) = field::text(record, "model") {
            model.clone_into(&mut self.out.facts.model);
        }
        let cwd = field::text(record, "cwd").map(str::to_owned);
        self.out.facts.cwd = cwd.or(self.out.facts.cwd.take());
    }

    fn said(&mut self, (id, time): (String, Option<Timestamp>), origin: &Value, content: &Value) -> io::Result<()> {
        self.flush()?;
        let speaker = match field::text(origin, "kind") {
            Some("user") | None => Speaker::Person,
            Some("system_trigger") if origin["name"] == "subagent" => Speaker::Program("subagent"),
            Some(_) => Speaker::Program("context"),
        };
        let mut message = Message::new(id, time, speaker);
        message.say(chat::said(content));
        message.send(&mut self.out)
    }

    /// A message that the model was sent. A prompt was told before.
    fn appended(&mut self, at: (String, Option<Timestamp>), record: &Value) -> io::Result<()> {
        let message = &record["message"];
        let origin = &message["origin"];
        match (field::text(message, "role"), field::text(origin, "kind")) {
            (Some("user"), Some("user" | "system_trigger")) => Ok(()),
            (Some("user"), _) => self.said(at, &json!({ "kind": "injection" }), &message["content"]),
            _ => {
                self.flush()?;
                self.out.unknown(&at.0, at.1, "context.append_message", record.clone())
            }
        }
    }

    fn event(&mut self, (id, time): (String, Option<Timestamp>), event: &Value) -> io::Result<()> {
        let text = |key: &str| field::text(event, key).unwrap_or_default().to_owned();
        match field::text(event, "type").unwrap_or_default() {
            "step.begin" => self.flush(),
            "content.part" | "tool.call" => {
                let message = self.answer.get_or_insert_with(|| Message::new(id, time, Speaker::Agent));
                message.parts.extend(time.map(Part::At));
                if event["type"] == "tool.call" {
                    let calls = vec![wire::call(&text("name"), event.get("args").cloned().unwrap_or_default())];
                    message.parts.push(Part::Calls { id: text("toolCallId"), name: text("name"), calls });
                } else if let Some(thought) = field::text(&event["part"], "think") {
                    message.parts.push(Part::Thought(thought.to_owned()));
                } else {
                    message.say(Content { blocks: field::block(&event["part"]).into_iter().collect() });
                }
                Ok(())
            }
            "tool.result" => self.result((&id, time), event),
            "step.end" => {
                let mut message = self.answer.take().unwrap_or_else(|| Message::new(id, time, Speaker::Agent));
                message.tokens = tokens(&event["usage"]);
                message.model = Some(self.out.facts.model.clone()).filter(|model| model != "unknown");
                let stop = field::text(event, "finishReason").map(|reason| ("stop_reason", json!(reason)));
                message.attributes.extend(stop.filter(|_| !message.parts.is_empty()));
                message.send(&mut self.out)
            }
            kind => {
                self.flush()?;
                self.out.unknown(&id, time, kind, event.clone())
            }
        }
    }

    /// The result of a call. It comes before the end of the step, which has the counts, and waits for it.
    fn result(&mut self, (id, time): (&str, Option<Timestamp>), event: &Value) -> io::Result<()> {
        let returned = &event["result"];
        let call = field::text(event, "toolCallId").unwrap_or(id).to_owned();
        let content = chat::said(returned.get("output").unwrap_or(&Value::Null));
        let is_error = returned.get("isError") == Some(&Value::Bool(true));
        let is_command = call.starts_with("Bash");
        let exit_code = wire::code(&content.to_text()).or_else(|| (!is_error).then_some(0)).filter(|_| is_command);
        let outcome = Outcome { content, is_error, exit_code, ..Outcome::default() };
        match &mut self.answer {
            Some(message) => {
                message.parts.extend(time.map(Part::At));
                message.parts.push(Part::Result { id: call, outcome });
                Ok(())
            }
            None => self.out.result((id, &call), time, outcome),
        }
    }
}

fn tokens(used: &Value) -> Tokens {
    Tokens {
        input: field::count(used, "inputOther"),
        output: field::count(used, "output"),
        cache_read: field::count(used, "inputCacheRead"),
        cache_write: field::count(used, "inputCacheCreation"),
        ..Tokens::default()
    }
}
