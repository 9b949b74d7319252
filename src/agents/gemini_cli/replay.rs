//! Replays a log of operations on a session: what was said, and what was given up.

use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::super::{
    Log, ParseError, Warning,
    records::{Entry, Record, Records, text},
};

/// What a session consists of, in the order of its log.
#[derive(Default)]
pub(super) struct Replay {
    /// What the records say about the whole.
    pub(super) facts: Record,
    pub(super) items: Vec<Item>,
    pub(super) warnings: Vec<Warning>,
    /// The ids of the messages that were given up by going back to before them.
    pub(super) abandoned: Vec<String>,
    messages: HashMap<String, usize>,
}

/// One thing of a session.
pub(super) struct Item {
    pub(super) line: u64,
    pub(super) what: What,
    /// Put there by the program, when it rewrote the conversation.
    pub(super) is_rewritten: bool,
}

pub(super) enum What {
    Message(Record),
    /// A record that is none of a message.
    Note(&'static str, Value),
    Unreadable(String, Value),
}

impl Replay {
    /// Reads a log to its end.
    pub(super) fn read(log: &mut Log<'_>) -> Result<Self, ParseError> {
        let bytes = log.lines.rest(super::super::MAX_DOCUMENT_BYTES)?;
        let mut replay = Self::default();
        if let Some(document) = document(&bytes) {
            replay.document(document);
            return Ok(replay);
        }
        let mut lines = Log::new(bytes.as_slice(), log.path);
        lines.resumed.clone_from(&log.resumed);
        let mut records = Records::of(&mut lines);
        let mut is_recognised = false;
        while let Some((line, entry)) = records.next_entry()? {
            match entry {
                Entry::Record(record) => is_recognised |= replay.record(line, record),
                Entry::Unreadable { cause, raw } => replay.push(line, What::Unreadable(cause, raw), false),
            }
        }
        replay.warnings.extend(records.finish("Gemini CLI", is_recognised)?);
        Ok(replay)
    }

    fn document(&mut self, mut document: Record) {
        let is_list = |key: &&str| document.get(*key).is_some_and(Value::is_array);
        let list = ["messages", "history"].into_iter().find(is_list).and_then(|key| document.remove(key));
        self.facts = document;
        let Some(Value::Array(messages)) = list else { return };
        for message in messages {
            self.member(1, message, false);
        }
    }

    fn record(&mut self, line: u64, mut record: Record) -> bool {
        if let Some(to) = text(&record, "$rewindTo").map(str::to_owned) {
            self.rewind(line, &to);
        } else if let Some(Value::Object(changes)) = record.remove("$set") {
            self.change(line, changes);
        } else if text(&record, "id").is_some() && record.contains_key("type") {
            self.message(line, record, false);
        } else if text(&record, "sessionId").is_some() {
            self.facts.extend(record);
        } else {
            self.push(line, What::Note("unknown", Value::Object(record)), false);
            return false;
        }
        true
    }

    /// What was given up stays: it happened, and it was paid for. The header tells it rather than
    /// the events, which stay as they were.
    fn rewind(&mut self, line: u64, to: &str) {
        // A message that is not known takes everything with it.
        let from = self.messages.get(to).copied().unwrap_or(0);
        for item in &self.items[from..] {
            if let What::Message(message) = &item.what {
                self.abandoned
                    .extend(text(message, "id").filter(|id| self.messages.contains_key(*id)).map(str::to_owned));
            }
        }
        self.messages.retain(|_, index| *index < from);
        self.push(line, What::Note("rewind", json!({ "to": to })), false);
    }

    fn change(&mut self, line: u64, mut changes: Record) {
        if let Some(Value::Array(messages)) = changes.remove("messages") {
            self.rewrite(line, messages);
        }
        self.facts.extend(changes);
    }

    /// The program wrote the conversation anew, shorter. What it left out was said all the same, and
    /// what it kept was whole before; only what it put in is new.
    fn rewrite(&mut self, line: u64, messages: Vec<Value>) {
        let id = |message: &Value| message.get("id").and_then(Value::as_str).map(str::to_owned);
        let kept: HashSet<String> = messages.iter().filter_map(id).collect();
        let left_out: Vec<&String> = self.messages.keys().filter(|id| !kept.contains(*id)).collect();
        let note = json!({ "messages": messages.len(), "left_out": left_out.len() });
        self.push(line, What::Note("rewrite", note), false);
        for message in messages {
            if id(&message).is_none_or(|id| !self.messages.contains_key(&id)) {
                self.member(line, message, true);
            }
        }
    }

    fn member(&mut self, line: u64, message: Value, is_rewritten: bool) {
        match message {
            Value::Object(message) => self.message(line, message, is_rewritten),
            other => self.push(line, What::Note("unknown", other), is_rewritten),
        }
    }

    fn message(&mut self, line: u64, message: Record, is_rewritten: bool) {
        let id = text(&message, "id").map(str::to_owned);
        if let Some(index) = id.as_ref().and_then(|id| self.messages.get(id)) {
            self.items[*index].what = What::Message(message);
            return;
        }
        if let Some(id) = id {
            self.messages.insert(id, self.items.len());
        }
        self.push(line, What::Message(message), is_rewritten);
    }

    fn push(&mut self, line: u64, what: What, is_rewritten: bool) {
        self.items.push(Item { line, what, is_rewritten });
    }
}

/// The session that is one document, where the whole of the log is.
fn document(bytes: &[u8]) -> Option<Record> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let record: Record = serde_json::from_slice(bytes).ok()?;
    let is_list = |key: &str| record.get(key).is_some_and(Value::is_array);
    (is_list("messages") || is_list("history")).then_some(record)
}
