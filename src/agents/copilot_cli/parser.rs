//! Tells the events of a log as those of a session.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    super::{
        Log, ParseError, Warning, apply_patch, diff, identity,
        records::{self, Record, Teller, count, text, time, with_fields},
        tool,
        transcript::{Outcome, Tokens, Transcript},
    },
    content::{self, TOLD_OF_ANSWER, attachment, exit_code, shown_beside},
    fork::{self, Fork},
};
use crate::hail::{Block, Content, EventType, SessionId, Sink, Timestamp, attribute};

/// Reads a log to its end, which is one of the agent of that name, schema and title.
pub(in crate::agents) fn parse(
    log: &mut Log<'_>,
    (name, schema, title): (&'static str, &'static str, &str),
    sink: &mut dyn Sink,
) -> Result<Vec<Warning>, ParseError> {
    let out = Transcript::new(name, schema, sink);
    let fork = log.path.map(Fork::of).unwrap_or_default();
    let known = Known { fork, ..Known::default() };
    let mut parser = Parser { out, known };
    records::tell(log, title, &mut parser)?;
    "github".clone_into(&mut parser.out.facts.provider);
    if let Some(path) = log.path {
        fork::take_workspace(path, &mut parser.out.facts);
    }
    let in_name = log.path.and_then(|path| match path.file_stem()?.to_str()? {
        "events" => path.parent()?.file_name()?.to_str(),
        stem => Some(stem),
    });
    // What a fork copied may name the other session.
    parser.known.session.take_if(|_| parser.known.fork.parent.is_some());
    let id = records::session_id(log, [parser.known.session.as_deref(), in_name], name, parser.known.first);
    Ok(parser.out.finish(id)?)
}

struct Parser<'s> {
    out: Transcript<'s>,
    known: Known,
}

/// What the parser knows besides the transcript.
#[derive(Default, Serialize, Deserialize)]
struct Known {
    session: Option<String>,
    /// The id made of the first record of this agent, for a session that has no name.
    first: Option<SessionId>,
    /// The output tokens that answers noted since the last total.
    output: u64,
    /// The thought that the answer after it repeats.
    thought: Option<String>,
    fork: Fork,
}

/// What every record has.
struct Envelope {
    id: String,
    time: Option<Timestamp>,
    kind: String,
    is_subagent: bool,
}

impl<'s> Teller<'s> for Parser<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.known.first.is_some()
    }

    fn state(&self) -> serde_json::Result<Option<Value>> {
        serde_json::to_value(&self.known).map(Some)
    }

    fn restore(&mut self, state: Value) -> serde_json::Result<()> {
        self.known = serde_json::from_value(state)?;
        Ok(())
    }

    fn record(&mut self, line: u64, mut record: Record) -> io::Result<()> {
        let at = time(&record, "timestamp");
        let kind = text(&record, "type").unwrap_or_default().to_owned();
        let id = text(&record, "id").map_or_else(|| format!("line-{line}"), str::to_owned);
        let Some(Value::Object(mut data)) = record.remove("data") else {
            return self.out.unknown(&id, at, &kind, Value::Object(record));
        };
        if self.known.first.is_none() {
            self.known.first = Some(identity::hashed_id("copilot-cli", &format!("{id}{kind}")));
        }
        let is_subagent = self.mark(text(&record, "agentId"), text(&data, "parentToolCallId"));
        let envelope = Envelope { id, time: at, kind, is_subagent };
        if self.is_copy(&envelope)? {
            self.facts(&envelope.kind, &data);
            return Ok(());
        }
        match envelope.kind.as_str() {
            "user.message" => self.prompt(&envelope, data),
            "assistant.message" => self.answer(&envelope, data),
            "tool.execution_start" => self.start(&envelope, &data),
            "tool.execution_complete" => self.result(&envelope, &data),
            "system.message" | "system.notification" => self.system(&envelope, &mut data),
            // They only mark where the messages between them begin and end.
            "assistant.turn_start" | "assistant.turn_end" => Ok(()),
            "assistant.reasoning" => self.reasoning(&envelope, text(&data, "content")),
            "hook.start" => {
                // The input repeats the prompt, the call or the result that the hook is told of.
                data.remove("input");
                self.custom(&envelope, data)
            }
            _ => {
                self.facts(&envelope.kind, &data);
                self.custom(&envelope, data)
            }
        }
    }
}

impl Parser<'_> {
    /// Marks what a subagent said and did; returns whether it is one's.
    fn mark(&mut self, agent: Option<&str>, call: Option<&str>) -> bool {
        self.out.marks.clear();
        let marks = [("source.parent_call_id", call), ("source.agent_id", agent)];
        for (key, value) in marks {
            self.out.marks.extend(value.map(|value| (key.to_owned(), Value::from(value))));
        }
        agent.is_some() || call.is_some()
    }

    /// Whether a record was copied from the session that this one was forked from; the first one says so.
    fn is_copy(&mut self, envelope: &Envelope) -> io::Result<bool> {
        let Known { fork, .. } = &mut self.known;
        let began = fork.began;
        let is_copy = fork.is_copy(&envelope.id, envelope.time);
        if is_copy && fork.copied == 1 {
            let parent = fork.parent.clone();
            self.out.facts.related.extend(parent.clone());
            self.out.facts.began = began;
            let told = json!({ "session_id": parent });
            let kind = EventType::Custom { kind: "forked_from".to_owned() };
            let event = self.out.event("forked-from", began, kind, "forked_from").with_content(Content::json(told));
            self.out.push(event)?;
        }
        Ok(is_copy)
    }

    /// Takes what the events of a session's life say of it.
    fn facts(&mut self, kind: &str, data: &Record) {
        let facts = &mut self.out.facts;
        let field = |key: &str| text(data, key).map(str::to_owned);
        if kind == "session.start" {
            self.known.session = self.known.session.take().or_else(|| field("sessionId"));
            facts.began = facts.began.or(time(data, "startTime"));
        }
        // A session that goes on from another one: started as that one ended, or taken over from elsewhere.
        for key in ["detachedFromSpawningParentSessionId", "remoteSessionId"] {
            facts.related.extend(field(key).filter(|other| !facts.related.contains(other)));
        }
        if let Some(model) = field("currentModel") {
            facts.model = model;
        }
        if !matches!(kind, "session.start" | "session.resume" | "session.context_changed" | "session.model_change") {
            return;
        }
        facts.version = field("copilotVersion").or(facts.version.take());
        if let Some(model) = field("newModel").or_else(|| field("selectedModel")) {
            facts.model = model;
        }
        // The context of a change is the data itself.
        let context = data.get("context").and_then(Value::as_object).unwrap_or(data);
        facts.cwd = facts.cwd.take().or_else(|| text(context, "cwd").map(str::to_owned));
        facts.branch = text(context, "branch").map(str::to_owned).or(facts.branch.take());
        for (key, name) in [("headCommit", "git_commit"), ("repository", "git_repository")] {
            let is_known = facts.attributes.contains_key(name);
            if let Some(value) = text(context, key).filter(|_| !is_known) {
                facts.attributes.insert(name, value.into());
            }
        }
    }

    fn custom(&mut self, envelope: &Envelope, data: Record) -> io::Result<()> {
        let kind = EventType::Custom { kind: envelope.kind.clone() };
        let mut event = self.out.event(&envelope.id, envelope.time, kind, &envelope.kind);
        if envelope.kind == "session.shutdown" {
            self.total(&data).note(&mut event);
        }
        if envelope.kind == "session.binary_asset" {
            event.content = content::asset(data);
        } else if !data.is_empty() {
            event.content = Content::json(Value::Object(data));
        }
        self.out.push(event)
    }

    /// The counts of a session that ended, without what its answers noted.
    fn total(&mut self, data: &Record) -> Tokens {
        let models = data.get("modelMetrics").and_then(Value::as_object);
        let mut tokens = models.map(content::used).unwrap_or_default();
        // An end without counts leaves what came before it to the next one.
        if models.is_some_and(|models| !models.is_empty()) {
            tokens.output = tokens.output.saturating_sub(std::mem::take(&mut self.known.output));
        }
        tokens
    }

    fn prompt(&mut self, envelope: &Envelope, mut data: Record) -> io::Result<()> {
        let mut take = |key: &str| match data.remove(key) {
            Some(Value::String(text)) => text,
            _ => String::new(),
        };
        let (typed, sent, source) = (take("content"), take("transformedContent"), take("source"));
        let mut blocks = Content::text(typed.clone()).blocks;
        if let Some(Value::Array(attachments)) = data.remove("attachments") {
            blocks.extend(attachments.into_iter().map(attachment));
        }
        data.remove("supportedNativeDocumentMimeTypes");
        data.remove("interactionId");
        let is_continued = data.remove("isAutopilotContinuation") == Some(Value::Bool(true));
        let is_said_by_person = matches!(source.as_str(), "" | "user") && !envelope.is_subagent && !is_continued;
        let is_typed = is_said_by_person && !blocks.is_empty();
        let is_said = !typed.is_empty() && (is_typed || !is_said_by_person);
        let added = if is_said { sent.replacen(&typed, "", 1) } else { sent };
        let added = if added.trim() == typed.trim() { "" } else { added.trim() };
        if is_typed {
            let event = self.out.event(&envelope.id, envelope.time, EventType::UserMessage, &envelope.kind);
            self.out.prompt(with_fields(event.with_content(Content { blocks }), data, &[]))?;
            blocks = Vec::new();
        }
        blocks.extend(Content::text(added).blocks);
        if blocks.is_empty() {
            return Ok(());
        }
        let id = if is_typed { format!("{}-context", envelope.id) } else { envelope.id.clone() };
        let why = match source.as_str() {
            _ if is_continued => "autopilot",
            _ if envelope.is_subagent => "subagent",
            "" => "context",
            source => source,
        };
        let event = self.out.event(&id, envelope.time, EventType::SystemMessage, &envelope.kind);
        self.out.push(event.with_content(Content { blocks }).with("source.injected", why))
    }

    fn system(&mut self, envelope: &Envelope, data: &mut Record) -> io::Result<()> {
        let said = match data.remove("content") {
            Some(Value::String(said)) => Content::text(said),
            Some(other) => Content::json(other),
            None => Content::default(),
        };
        data.remove("role");
        let event = self.out.event(&envelope.id, envelope.time, EventType::SystemMessage, &envelope.kind);
        self.out.push(with_fields(event.with_content(said), std::mem::take(data), &[]))
    }

    fn answer(&mut self, envelope: &Envelope, mut data: Record) -> io::Result<()> {
        if let Some(model) = text(&data, "model") {
            if !envelope.is_subagent {
                model.clone_into(&mut self.out.facts.model);
            }
            self.out.marks.insert(attribute::MODEL.to_owned(), model.into());
        }
        self.out.marks.insert(attribute::GROUP_ID.to_owned(), envelope.id.as_str().into());
        let tokens = Tokens { output: count(&data, "outputTokens"), ..Tokens::default() };
        self.known.output = self.known.output.saturating_add(tokens.output);
        let calls = match data.remove("toolRequests") {
            Some(Value::Array(calls)) => calls,
            _ => Vec::new(),
        };
        let said = text(&data, "content").unwrap_or_default().to_owned();
        let thought = text(&data, "reasoningText").filter(|thought| self.known.thought.as_deref() != Some(thought));
        self.thought(envelope, thought)?;
        self.known.thought = None;
        if !said.is_empty() || calls.is_empty() {
            let event = self.out.event(&envelope.id, envelope.time, EventType::AgentMessage, &envelope.kind);
            let mut event = with_fields(event.with_content(Content::text(said)), data, &TOLD_OF_ANSWER);
            if calls.is_empty() {
                tokens.note(&mut event);
            }
            self.out.push(event)?;
        }
        self.requests(envelope, calls, &tokens)
    }

    /// A thought that the answer after it may repeat.
    fn reasoning(&mut self, envelope: &Envelope, thought: Option<&str>) -> io::Result<()> {
        self.thought(envelope, thought)?;
        self.known.thought = thought.map(str::to_owned);
        Ok(())
    }

    fn thought(&mut self, envelope: &Envelope, thought: Option<&str>) -> io::Result<()> {
        let Some(thought) = thought else { return Ok(()) };
        let id = format!("{}-thought", envelope.id);
        let event = self.out.event(&id, envelope.time, EventType::Thinking, &envelope.kind);
        self.out.push(event.with_content(Content::text(thought)))
    }

    /// The calls that an answer asks for.
    fn requests(&mut self, envelope: &Envelope, calls: Vec<Value>, tokens: &Tokens) -> io::Result<()> {
        let last = calls.len().saturating_sub(1);
        for (n, call) in calls.into_iter().enumerate() {
            let Value::Object(call) = call else { continue };
            let event_id = format!("{}-call-{n}", envelope.id);
            let id = text(&call, "toolCallId").unwrap_or(&event_id).to_owned();
            self.call((&event_id, &id), envelope.time, call.get("arguments"), text(&call, "name").unwrap_or_default())?;
            if let Some(event) = self.out.waiting_call(&id).filter(|_| n == last) {
                tokens.note(event);
            }
        }
        Ok(())
    }

    fn call(
        &mut self,
        ids: (&str, &str),
        time: Option<Timestamp>,
        arguments: Option<&Value>,
        name: &str,
    ) -> io::Result<()> {
        let arguments = match arguments.cloned().unwrap_or_default() {
            // Early versions write the arguments as text.
            Value::String(text) if name != "apply_patch" => serde_json::from_str(&text).unwrap_or(Value::String(text)),
            other => other,
        };
        let calls = match arguments.as_str().map(apply_patch::calls) {
            Some(calls) if !calls.is_empty() => calls,
            _ => vec![tool::call(name, arguments)],
        };
        self.out.calls(ids, time, name, calls)
    }

    /// A call that runs. Mostly the answer has it already.
    fn start(&mut self, envelope: &Envelope, data: &Record) -> io::Result<()> {
        let id = text(data, "toolCallId").unwrap_or(&envelope.id);
        if self.out.knows_call(id) {
            return Ok(());
        }
        let name = text(data, "toolName").unwrap_or_default();
        self.call((&envelope.id, id), envelope.time, data.get("arguments"), name)
    }

    fn result(&mut self, envelope: &Envelope, data: &Record) -> io::Result<()> {
        let call = text(data, "toolCallId").unwrap_or(&envelope.id);
        let result = data.get("result").and_then(Value::as_object).cloned().unwrap_or_default();
        let error = data.get("error").filter(|error| !error.is_null());
        let is_error = data.get("success") == Some(&Value::Bool(false))
            || error.is_some()
            || text(&result, "result_type").is_some_and(|kind| kind != "success");
        let said = ["content", "text_result_for_llm"].into_iter().find_map(|key| text(&result, key));
        let mut content = Content::text(said.unwrap_or_default());
        if let Some(error) = error {
            let message = error.get("message").and_then(Value::as_str).filter(|_| content.blocks.is_empty());
            content.blocks.push(match message {
                Some(message) => Block::Text { text: message.into() },
                None => Block::Json { data: json!({ "error": error }) },
            });
        }
        for shown in ["contents", "binaryResultsForLlm"].iter().filter_map(|key| result.get(*key)?.as_array()).flatten()
        {
            content.blocks.extend(shown_beside(shown).filter(|block| !content.blocks.contains(block)));
        }
        let detail = text(&result, "detailedContent");
        let hunks = detail.and_then(|detail| Some(detail[detail.find("\n@@ ")? + 1..].to_owned()));
        let event = self.out.waiting_call(call);
        let is_file = event.as_ref().is_some_and(|event| {
            event.event_type.changed_path().is_some() || matches!(event.event_type, EventType::FileRead { .. })
        });
        if let Some(detail) = detail.filter(|detail| !is_file && !said.is_some_and(|said| said.contains(detail.trim())))
        {
            content.blocks.push(Block::Json { data: json!({ "detailedContent": detail }) });
        }
        let has_own_diff = detail.is_some_and(|detail| detail.matches("\ndiff --git ").count() == 1);
        let path = event.and_then(|event| event.event_type.changed_path().map(str::to_owned));
        let diff = path.zip(hunks.filter(|_| has_own_diff)).map(|(path, hunks)| diff::with_header(&path, &hunks));
        let exit_code = exit_code(data, said.unwrap_or_default());
        let outcome = Outcome { content, is_error, exit_code, diff, duration_ms: None };
        self.out.result((&envelope.id, call), envelope.time, outcome)
    }
}
