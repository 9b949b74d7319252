//! Reads a log as a map says.

use std::io;

use serde_json::Value;

use super::{
    super::{
        Log, ParseError, Warning, field, identity,
        message::{self, Message, Part, Speaker},
        records,
        transcript::{Outcome, Tokens, Transcript},
    },
    map::{Map, Pointer},
};
use crate::hail::{Sink, Timestamp};

/// Reads a log to its end.
pub(super) fn parse(
    map: &Map,
    tool: &'static str,
    log: &mut Log<'_>,
    sink: &mut dyn Sink,
) -> Result<Vec<Warning>, ParseError> {
    let mut transcript = message::transcript(tool, "generic", sink);
    let mut reader = Reader { map, id: None, first: None };
    if let Some(records) = &map.records {
        document(&mut reader, &mut transcript, records, log)?;
    } else {
        records::each((None, log), tool, &mut transcript, &mut |transcript, line, record| {
            reader.note(transcript, &record);
            reader.record(transcript, &format!("line-{line}"), record)
        })?;
    }
    let id = match &reader.id {
        Some(id) => identity::session_id(tool, id),
        None => identity::hashed_id(tool, &reader.first.unwrap_or_default()),
    };
    Ok(transcript.finish(id)?)
}

fn document(
    reader: &mut Reader<'_>,
    transcript: &mut Transcript<'_>,
    records: &Pointer,
    log: &mut Log<'_>,
) -> Result<(), ParseError> {
    let refuse = |line: usize, cause: String| ParseError::NoRecord { line: line as u64, cause };
    let text = log.document()?;
    let document: Value =
        serde_json::from_str(&text).map_err(|fault| refuse(fault.line(), format!("not JSON: {fault}")))?;
    let found = records.of(&document).and_then(Value::as_array);
    let found = found.ok_or_else(|| refuse(1, format!("there is no list at '{records}', the map's 'records'")))?;
    reader.note(transcript, &document);
    // What has no time before the first one has that one.
    let first = found.iter().find_map(|record| field::time(reader.map.record.time.as_ref()?.of(record)?));
    transcript.facts.began = transcript.facts.began.or(first);
    let mut is_any = false;
    for (index, record) in found.iter().enumerate() {
        is_any |= reader.record(transcript, &format!("record-{index}"), record.clone())?;
    }
    if is_any { Ok(()) } else { Err(refuse(1, role_is_missing(reader.map))) }
}

fn role_is_missing(map: &Map) -> String {
    format!("no record has anything at '{}', the map's 'record.role'", map.record.role)
}

struct Reader<'m> {
    map: &'m Map,
    id: Option<String>,
    /// The first record, which stands for the session where nothing names it.
    first: Option<String>,
}

/// The text that a pointer of the map, where it is there, leads to.
fn at(pointer: Option<&Pointer>, value: &Value) -> Option<String> {
    pointer?.text(value)
}

impl Reader<'_> {
    /// Takes what a value says about the whole session; what was said first holds.
    fn note(&mut self, transcript: &mut Transcript<'_>, value: &Value) {
        let session = &self.map.session;
        let first = |known: &mut Option<String>, pointer: &Option<Pointer>| {
            if known.is_none() {
                *known = at(pointer.as_ref(), value);
            }
        };
        first(&mut self.id, &session.id);
        let facts = &mut transcript.facts;
        first(&mut facts.title, &session.title);
        first(&mut facts.cwd, &session.cwd);
        first(&mut facts.branch, &session.branch);
        first(&mut facts.version, &session.version);
        first(&mut facts.parent, &session.parent);
        facts.began = facts.began.or_else(|| field::time(session.time.as_ref()?.of(value)?));
        if let Some(model) = at(session.model.as_ref(), value) {
            self.note_model(transcript, &model);
        }
        if let Some(provider) = at(session.provider.as_ref(), value) {
            transcript.facts.provider = provider;
        }
    }

    /// The model that answered last is the session's.
    fn note_model(&self, transcript: &mut Transcript<'_>, model: &str) {
        model.clone_into(&mut transcript.facts.model);
        if self.map.session.provider.is_none() {
            field::provider_of(model).clone_into(&mut transcript.facts.provider);
        }
    }

    /// Takes one record; says whether it has a role.
    fn record(&mut self, transcript: &mut Transcript<'_>, place: &str, record: Value) -> io::Result<bool> {
        let map = self.map;
        self.first.get_or_insert_with(|| record.to_string());
        let time = map.record.time.as_ref().and_then(|time| time.of(&record)).and_then(field::time);
        let id = at(map.record.id.as_ref(), &record).unwrap_or_else(|| place.to_owned());
        let Some(role) = map.record.role.text(&record) else {
            // A line that only tells of the session is no event.
            let is_header = map.session.id.as_ref().is_some_and(|pointer| pointer.of(&record).is_some());
            if !is_header {
                transcript.unknown(&id, time, "record", record)?;
            }
            return Ok(is_header);
        };
        let is = |names: &[String]| names.contains(&role);
        let speaker = match () {
            () if is(&map.roles.ignore) => return Ok(true),
            () if is(&map.roles.user) => Speaker::Person,
            () if is(&map.roles.agent) || is(&map.roles.thinking) || is(&map.roles.call) => Speaker::Agent,
            () if is(&map.roles.system) => Speaker::Program("system"),
            () if is(&map.roles.result) => {
                self.result(transcript, (&id, time), &record)?;
                return Ok(true);
            }
            () => {
                transcript.unknown(&id, time, &role, record)?;
                return Ok(true);
            }
        };
        let mut message = Message::new(id, time, speaker);
        self.read(&mut message, &record, (is(&map.roles.thinking), is(&map.roles.call)));
        if let Some(model) = at(map.record.model.as_ref(), &record) {
            self.note_model(transcript, &model);
            message.model = Some(model);
        }
        message.tokens = self.tokens(&record);
        message.attributes.extend(self.rest(&record).map(|rest| ("source.fields", rest)));
        message.send(transcript)?;
        Ok(true)
    }

    fn read(&self, message: &mut Message, record: &Value, (is_thought, is_call): (bool, bool)) {
        let map = self.map;
        if let Some(thought) = map.record.thinking.as_ref().and_then(|pointer| pointer.of(record)) {
            message.parts.push(Part::Thought(field::content(thought).to_text()));
        }
        if let Some(text) = map.record.text.as_ref().and_then(|pointer| pointer.of(record)) {
            let said = field::content(text);
            if is_thought { message.parts.push(Part::Thought(said.to_text())) } else { message.say(said) }
        }
        let Some(calls) = &map.calls else { return };
        if is_call {
            self.call(message, record);
        }
        let list = calls.list.as_ref().and_then(|list| list.of(record)).and_then(Value::as_array);
        list.into_iter().flatten().for_each(|call| self.call(message, call));
    }

    /// Takes a call, and the result where it is beside it.
    fn call(&self, message: &mut Message, call: &Value) {
        let Some(map) = &self.map.calls else { return };
        let number = message.parts.len() + 1;
        let id = at(map.id.as_ref(), call).unwrap_or_else(|| format!("{}-call-{number}", message.id));
        let arguments = map.arguments.as_ref().and_then(|pointer| pointer.of(call)).cloned().unwrap_or_default();
        let arguments = match &arguments {
            // Some programs keep the arguments as the text that the model sent.
            Value::String(text) => serde_json::from_str(text).unwrap_or(arguments),
            _ => arguments,
        };
        let name = map.name.text(call).unwrap_or_default();
        message.parts.push(Part::Call { id: id.clone(), name, arguments });
        if let Some(result) = map.result.as_ref().and_then(|pointer| pointer.of(call)) {
            let outcome = outcome(result, (map.is_error.as_ref(), map.exit_code.as_ref()), call);
            message.parts.push(Part::Result { id, outcome });
        }
    }

    fn result(
        &self,
        transcript: &mut Transcript<'_>,
        (id, time): (&str, Option<Timestamp>),
        record: &Value,
    ) -> io::Result<()> {
        let map = &self.map.result;
        let text = map.text.as_ref().or(self.map.record.text.as_ref());
        let text = text.and_then(|pointer| pointer.of(record)).unwrap_or(&Value::Null);
        let outcome = outcome(text, (map.is_error.as_ref(), map.exit_code.as_ref()), record);
        let call = at(map.call_id.as_ref(), record).unwrap_or_else(|| id.to_owned());
        transcript.result((id, &call), time, outcome)
    }

    fn tokens(&self, record: &Value) -> Tokens {
        let map = &self.map.tokens;
        let count = |pointer: &Option<Pointer>| {
            pointer.as_ref().and_then(|pointer| pointer.of(record)).and_then(Value::as_u64).unwrap_or(0)
        };
        let (cache_read, cache_write) = (count(&map.cache_read), count(&map.cache_write));
        let cached = if map.input_includes_cache { cache_read.saturating_add(cache_write) } else { 0 };
        Tokens {
            input: count(&map.input).saturating_sub(cached),
            output: count(&map.output),
            cache_read,
            cache_write,
            reasoning: count(&map.reasoning),
            cost: map.cost.as_ref().and_then(|pointer| pointer.of(record)).and_then(Value::as_f64),
        }
    }

    /// The members of a record that the map says nothing about.
    fn rest(&self, record: &Value) -> Option<Value> {
        let (map, calls, counts) = (self.map, self.map.calls.as_ref(), &self.map.tokens);
        let of_calls = calls.into_iter().flat_map(|calls| {
            let own = calls.list.is_none().then_some([Some(&calls.name), calls.id.as_ref(), calls.arguments.as_ref()]);
            own.into_iter().flatten().chain([calls.list.as_ref(), calls.result.as_ref()])
        });
        let record_of = [&map.record.id, &map.record.time, &map.record.text, &map.record.thinking, &map.record.model];
        let session = &map.session;
        let session_of = [&session.id, &session.title, &session.time, &session.cwd, &session.branch, &session.version];
        let counts = [&counts.input, &counts.output, &counts.cache_read, &counts.cache_write, &counts.reasoning];
        let others = record_of.into_iter().chain(session_of).chain(counts).map(Option::as_ref);
        let mapped = others.chain(of_calls).chain([Some(&map.record.role), map.tokens.cost.as_ref()]).flatten();
        let known: Vec<&str> = mapped.filter_map(Pointer::first).collect();
        field::rest(record, &known)
    }
}

/// What a call returned, and whether it failed: an error is a truth, or anything that is not empty.
fn outcome(text: &Value, (is_error, exit_code): (Option<&Pointer>, Option<&Pointer>), value: &Value) -> Outcome {
    let code = exit_code.and_then(|pointer| pointer.of(value)).and_then(Value::as_i64);
    let is_error = is_error.and_then(|pointer| pointer.of(value)).is_some_and(|error| match error {
        Value::Bool(is_error) => *is_error,
        Value::String(text) => !text.is_empty(),
        _ => true,
    });
    Outcome {
        content: field::content(text),
        is_error,
        exit_code: code.and_then(|code| i32::try_from(code).ok()),
        ..Outcome::default()
    }
}
