//! Tells the records as events.

use std::{collections::HashMap, io, iter};

use serde_json::{Value, json};

use super::{
    super::{
        Log, ParseError, Warning, identity,
        parts::{self, Part},
        records::{self, Record, Teller, text, time},
        tool::{self, Kind},
        transcript::{Tokens, Transcript},
    },
    fields::{TOLD, compact, file_content, rest_of, rest_of_result, tokens},
};
use crate::hail::{Block, Content, Event, EventType, SessionId, Sink, Timestamp, attribute, title_of};

/// Reads a log to its end.
pub(super) fn parse(log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
    let out = Transcript::new("qwen-code", "qwen-code-jsonl", sink);
    let mut parser = Parser { out, seen: HashMap::new(), last: None, session: None, first: None };
    records::tell(log, "Qwen Code", &mut parser)?;
    let id = records::session_id(log, [parser.session.as_deref(), records::stem(log)], "qwen-code", parser.first);
    Ok(parser.out.finish(id)?)
}

struct Parser<'s> {
    out: Transcript<'s>,
    /// The time of each record, by its id: a copy is read once.
    seen: HashMap<String, Option<Timestamp>>,
    /// The id of the record before.
    last: Option<String>,
    session: Option<String>,
    /// The id made of the first record of this agent, for a session that has no name.
    first: Option<SessionId>,
}

/// What every record has.
struct Envelope {
    id: String,
    time: Option<Timestamp>,
    kind: String,
    model: Option<String>,
}

impl<'s> Teller<'s> for Parser<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.first.is_some()
    }

    fn state(&self) -> serde_json::Result<Option<Value>> {
        serde_json::to_value((&self.seen, &self.last, &self.session, &self.first)).map(Some)
    }

    fn restore(&mut self, state: Value) -> serde_json::Result<()> {
        (self.seen, self.last, self.session, self.first) = serde_json::from_value(state)?;
        Ok(())
    }

    fn record(&mut self, line: u64, mut record: Record) -> io::Result<()> {
        let kind = ["type", "subtype"].map(|key| text(&record, key).unwrap_or_default().to_owned());
        let is_own = text(&record, "uuid").is_some() && !kind[0].is_empty();
        let at = time(&record, "timestamp");
        let Some(id) = text(&record, "uuid").map(str::to_owned).filter(|_| is_own) else {
            return self.out.unknown(&format!("line-{line}"), at, &kind[0], Value::Object(record));
        };
        if self.first.is_none() {
            self.first = Some(identity::hashed_id("qwen-code", &Value::Object(record.clone()).to_string()));
        }
        let id = match self.seen.get(&id) {
            Some(known) if *known == at && at.is_some() => return Ok(()),
            // One answer may be written in several records.
            Some(_) => format!("{id}-{line}"),
            None => id,
        };
        self.facts(&record, &id, at);
        if self.is_copy(&record, at)? {
            return Ok(());
        }
        let message = record.get_mut("message").map(Value::take).unwrap_or_default();
        let content = ["parts", "content"].into_iter().find_map(|key| message.get(key)).cloned().unwrap_or_default();
        let model = text(&record, "model").map(str::to_owned);
        let envelope = Envelope { id, time: at, kind: kind[0].clone(), model };
        match kind.each_ref().map(String::as_str) {
            ["user", subtype] => self.prompt(&envelope, subtype, &content, record),
            ["assistant", _] => self.answer(&envelope, &content, record),
            ["tool_result", _] => self.results(&envelope, &content, record),
            ["system", subtype] => {
                self.origin(subtype, &mut record);
                self.custom(&envelope, subtype, record)
            }
            _ => {
                if !message.is_null() {
                    record.insert("message".to_owned(), message);
                }
                self.out.unknown(&envelope.id, at, &envelope.kind, Value::Object(record))
            }
        }
    }
}

impl Parser<'_> {
    /// Takes what a record says of the session, and notes where it does not follow the one before.
    fn facts(&mut self, record: &Record, id: &str, at: Option<Timestamp>) {
        let field = |key: &str| text(record, key).map(str::to_owned);
        let facts = &mut self.out.facts;
        "qwen".clone_into(&mut facts.provider);
        facts.cwd = facts.cwd.take().or_else(|| field("cwd"));
        facts.branch = field("gitBranch").or(facts.branch.take());
        facts.version = field("version").or(facts.version.take());
        self.session = self.session.take().or_else(|| field("sessionId"));
        self.out.marks.clear();
        let parent = field("parentUuid");
        if parent.is_some() && parent != self.last && self.last.is_some() {
            self.out.marks.insert("source.parent_id".to_owned(), parent.into());
        }
        let own = field("uuid").unwrap_or_else(|| id.to_owned());
        self.last = Some(own.clone());
        self.seen.insert(own, at);
    }

    /// Whether a record was copied from the session that this one was branched off; the first one says so.
    fn is_copy(&mut self, record: &Record, at: Option<Timestamp>) -> io::Result<bool> {
        let parent = record.get("forkedFrom").and_then(|from| from.get("sessionId")).and_then(Value::as_str);
        let Some(parent) = parent.filter(|parent| self.session.as_deref() != Some(parent)) else { return Ok(false) };
        if self.out.facts.related.iter().any(|known| known == parent) {
            return Ok(true);
        }
        self.out.facts.related.push(parent.to_owned());
        let told = json!({ "session_id": parent });
        let kind = EventType::Custom { kind: "forked_from".to_owned() };
        let event = self.out.event("forked-from", at, kind, "forkedFrom").with_content(Content::json(told));
        self.out.push(event)?;
        Ok(true)
    }

    /// Takes the title and which session started this one, and leaves out what a subagent was told of that one.
    fn origin(&mut self, subtype: &str, record: &mut Record) {
        let Some(payload) = record.get_mut("systemPayload").and_then(Value::as_object_mut) else { return };
        if subtype == "custom_title" {
            let title = payload.get("customTitle").and_then(Value::as_str);
            self.out.facts.title = title.map(title_of).or(self.out.facts.title.take());
        }
        if subtype == "parent_session"
            && let Some(parent) = text(payload, "parentSessionId").map(str::to_owned)
        {
            self.out.facts.related.push(parent.clone());
            self.out.facts.parent = Some(parent);
        }
        if subtype == "agent_bootstrap"
            && let Some(Value::Array(history)) = payload.remove("history")
        {
            payload.insert("history_items".to_owned(), history.len().into());
        }
    }

    fn prompt(&mut self, envelope: &Envelope, subtype: &str, content: &Value, record: Record) -> io::Result<()> {
        let is_sidechain = record.get("isSidechain") == Some(&Value::Bool(true));
        let subtype = if is_sidechain && subtype.is_empty() { "sidechain" } else { subtype };
        let payload = record.get("systemPayload");
        let shown = payload.and_then(|payload| payload.get("displayText")).and_then(Value::as_str).map(str::to_owned);
        let is_typed = matches!(subtype, "" | "mid_turn_user_message");
        let event = |out: &mut Transcript<'_>, id: &str, kind, blocks| {
            out.event(id, envelope.time, kind, &envelope.kind).with_content(Content { blocks })
        };
        let mut said = parts::blocks(content);
        let mut injected = Vec::new();
        if !is_typed {
            injected.append(&mut said);
        } else if let Some(shown) = shown.filter(|shown| !shown.is_empty()) {
            // What was typed is apart from what hooks and mentioned files added.
            let is_shown = |block: &Block| matches!(block, Block::Text { text } if text.trim() == shown.trim());
            let is_image = |block: &Block| !matches!(block, Block::Text { .. });
            let (typed, added): (Vec<_>, Vec<_>) =
                said.into_iter().partition(|block| is_shown(block) || is_image(block));
            (said, injected) = (typed, added);
            if !said.iter().any(is_shown) {
                said.insert(0, Block::Text { text: shown.into() });
            }
        }
        if !said.is_empty() {
            let event = event(&mut self.out, &envelope.id, EventType::UserMessage, said);
            self.out.prompt(rest_of(event, record))?;
        }
        if injected.is_empty() {
            return Ok(());
        }
        let why = if is_typed { "context" } else { subtype };
        let id = if is_typed { format!("{}-context", envelope.id) } else { envelope.id.clone() };
        let event = event(&mut self.out, &id, EventType::SystemMessage, injected).with("source.injected", why);
        self.out.push(event)
    }

    fn answer(&mut self, envelope: &Envelope, content: &Value, record: Record) -> io::Result<()> {
        self.mark_answer(envelope);
        let tokens = record.get("usageMetadata").and_then(Value::as_object).map(tokens).unwrap_or_default();
        let mut parts = parts::parts(content).into_iter().enumerate().peekable();
        if parts.peek().is_none() {
            let mut event = self.out.event(&envelope.id, envelope.time, EventType::AgentMessage, &envelope.kind);
            tokens.note(&mut event);
            return self.out.push(rest_of(event, record));
        }
        let mut record = Some(record);
        while let Some((n, part)) = parts.next() {
            let id = if n == 0 { envelope.id.clone() } else { format!("{}-{n}", envelope.id) };
            let (kind, mut blocks) = match part {
                Part::Thought(text) => (EventType::Thinking, vec![Block::Text { text: text.into() }]),
                Part::Block(block) => (EventType::AgentMessage, vec![block]),
                Part::Response { response, .. } => (EventType::AgentMessage, vec![Block::Json { data: response }]),
                Part::Call { id: call, name, arguments } => {
                    let call = call.unwrap_or_else(|| id.clone());
                    let tokens = parts.peek().is_none().then_some(&tokens);
                    self.call((&id, &call), envelope.time, (&name, arguments), tokens)?;
                    continue;
                }
            };
            // What follows without a break is one message.
            if kind == EventType::AgentMessage {
                let follows = || parts.next_if(|(_, part)| matches!(part, Part::Block(_)));
                blocks.extend(iter::from_fn(follows).filter_map(|(_, part)| part.into_block()));
            }
            let event = self.out.event(&id, envelope.time, kind, &envelope.kind).with_content(Content { blocks });
            let mut event = rest_of(event, record.take().unwrap_or_default());
            if parts.peek().is_none() {
                tokens.note(&mut event);
            }
            self.out.push(event)?;
        }
        Ok(())
    }

    /// Notes on the events of an answer that they are of it.
    fn mark_answer(&mut self, envelope: &Envelope) {
        if let Some(model) = &envelope.model {
            self.out.facts.model.clone_from(model);
            self.out.marks.insert(attribute::MODEL.to_owned(), model.as_str().into());
        }
        self.out.marks.insert(attribute::GROUP_ID.to_owned(), envelope.id.as_str().into());
    }

    fn call(
        &mut self,
        ids: (&str, &str),
        time: Option<Timestamp>,
        (name, arguments): (&str, Value),
        tokens: Option<&Tokens>,
    ) -> io::Result<()> {
        self.out.call(ids, time, name, tool::call(name, arguments))?;
        if let (Some(event), Some(tokens)) = (self.out.waiting_call(ids.1), tokens) {
            tokens.note(event);
        }
        Ok(())
    }

    fn results(&mut self, envelope: &Envelope, content: &Value, mut record: Record) -> io::Result<()> {
        let native = record.remove("toolCallResult").unwrap_or_default();
        let status = native.get("status").and_then(Value::as_str).unwrap_or_default();
        let mut others = Vec::new();
        let mut results = Vec::new();
        for (n, part) in parts::parts(content).into_iter().enumerate() {
            match part {
                Part::Response { id, response } => results.push((n, id, response)),
                Part::Block(block) => others.push(block),
                Part::Thought(text) => others.push(Block::Text { text: text.into() }),
                Part::Call { name, arguments, .. } => others.push(Block::Json { data: json!({ name: arguments }) }),
            }
        }
        if results.is_empty() {
            results.push((0, None, Value::Null));
        }
        for (n, id, response) in results {
            let named = native.get("callId").and_then(Value::as_str).map(str::to_owned);
            let call = id.or(named).unwrap_or_else(|| envelope.id.clone());
            let is_error = matches!(status, "error" | "cancelled") || response.get("error").is_some();
            let display = native.get("resultDisplay");
            self.see_display(&call, display);
            let mut outcome = parts::outcome(response, display, is_error);
            parts::name_file(&mut outcome, self.out.waiting_call(&call));
            outcome.content.blocks.append(&mut others);
            let is_command = |event: &mut Event| matches!(event.event_type, EventType::ShellCommand { .. });
            if !self.out.waiting_call(&call).is_some_and(is_command) || status == "cancelled" {
                outcome.exit_code = None;
            }
            let beside = display.and_then(|display| parts::display_beside(display, &outcome));
            outcome.content.blocks.extend(beside.map(|shown| Block::Json { data: json!({ "resultDisplay": shown }) }));
            let rest = rest_of_result(&native);
            outcome.content.blocks.extend(rest.map(|data| Block::Json { data }));
            let id = if n == 0 { envelope.id.clone() } else { format!("{}-{n}", envelope.id) };
            self.out.result((&id, &call), envelope.time, outcome)?;
        }
        Ok(())
    }

    /// Tells an edit from a new file by what the program shows of the result.
    fn see_display(&mut self, call: &str, display: Option<&Value>) {
        let Some(display) = display.filter(|display| display.get("fileDiff").is_some()) else { return };
        let Some(event) = self.out.waiting_call(call) else { return };
        let (name, path, content) = match &event.event_type {
            EventType::FileCreate { path } => ("write_file", path.clone(), file_content(event)),
            EventType::FileEdit { path, .. } => ("edit", path.clone(), None),
            _ => return,
        };
        let arguments = json!({ "file_path": path, "content": content });
        let shown = parts::call(name, arguments, Some(display));
        if tool::kind_of(name) == Some(Kind::Write) || matches!(shown.event_type, EventType::FileCreate { .. }) {
            let is_file = |block: &Block| matches!(block, Block::File { .. });
            event.content.blocks.retain(|block| !is_file(block));
            event.content.blocks.splice(0..0, shown.content.blocks.into_iter().filter(is_file));
            event.event_type = shown.event_type;
        }
    }

    /// A record of the program. Telemetry is most of a log, and says little that is not said
    /// elsewhere: what is said twice or is nothing is left out.
    fn custom(&mut self, envelope: &Envelope, subtype: &str, mut record: Record) -> io::Result<()> {
        let mut payload = record.remove("systemPayload").unwrap_or_default();
        for told in TOLD {
            record.remove(told);
        }
        let mut kind = if subtype.is_empty() { "system".to_owned() } else { subtype.to_owned() };
        if subtype == "ui_telemetry"
            && let Some(Value::Object(ui_event)) = payload.get_mut("uiEvent").map(Value::take)
        {
            let name = text(&ui_event, "event.name").unwrap_or("unknown").to_owned();
            kind = format!("ui_telemetry/{}", name.trim_start_matches("qwen-code."));
            payload = Value::Object(compact(ui_event));
        }
        if !record.is_empty() {
            payload = json!({ "systemPayload": payload, "fields": record });
        }
        let raw_type = format!("{}/{subtype}", envelope.kind);
        let content = if payload.is_null() { Content::default() } else { Content::json(payload) };
        let event = self.out.event(&envelope.id, envelope.time, EventType::Custom { kind }, &raw_type);
        self.out.push(event.with_content(content))
    }
}
