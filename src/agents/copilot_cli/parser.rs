//! Tells the events of a log as those of a session.

use std::{io, path::Path};

use serde_json::{Value, json};

use super::super::{
    Log, ParseError, Warning, apply_patch, diff, identity, media,
    records::{self, Record, Teller, count, text, time, with_fields},
    tool,
    transcript::{Outcome, Tokens, Transcript},
};
use crate::{
    hail::{Block, Content, EventType, SessionId, Sink, Timestamp, attribute, title_of},
    system::files,
};

/// Reads a log to its end, which is one of the agent of that name, schema and title.
pub(in crate::agents) fn parse(
    log: &mut Log<'_>,
    (name, schema, title): (&'static str, &'static str, &str),
    sink: &mut dyn Sink,
) -> Result<Vec<Warning>, ParseError> {
    let out = Transcript::new(name, schema, sink);
    let mut parser = Parser { out, session: None, first: None, output: 0 };
    records::tell(log, title, &mut parser)?;
    "github".clone_into(&mut parser.out.facts.provider);
    if let Some(path) = log.path {
        take_workspace(path, &mut parser.out);
    }
    let in_name = log.path.and_then(|path| match path.file_stem()?.to_str()? {
        "events" => path.parent()?.file_name()?.to_str(),
        stem => Some(stem),
    });
    let id = records::session_id(log, [parser.session.as_deref(), in_name], name, parser.first);
    Ok(parser.out.finish(id)?)
}

/// Takes what `workspace.yaml` beside the log says and the log does not.
fn take_workspace(log: &Path, out: &mut Transcript<'_>) {
    let Ok(yaml) = files::read_text(&log.with_file_name("workspace.yaml"), files::SMALL) else { return };
    let value = |key: &str| {
        let line = yaml.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        let plain = line.trim().trim_matches(['"', '\'']);
        // A block of several lines is not read.
        (!plain.is_empty() && !plain.starts_with(['|', '>'])).then(|| plain.to_owned())
    };
    let facts = &mut out.facts;
    facts.title = facts.title.take().or_else(|| value("name").or_else(|| value("summary")).as_deref().map(title_of));
    facts.cwd = facts.cwd.take().or_else(|| value("cwd"));
    facts.branch = facts.branch.take().or_else(|| value("branch"));
}

struct Parser<'s> {
    out: Transcript<'s>,
    session: Option<String>,
    /// The id made of the first record of this agent, for a session that has no name.
    first: Option<SessionId>,
    /// The output tokens that answers noted since the last total.
    output: u64,
}

/// What of an answer is told elsewhere, names a request, or can be read by the provider only.
const TOLD_OF_ANSWER: [&str; 14] = [
    "content",
    "parentToolCallId",
    "reasoningText",
    "reasoningOpaque",
    "encryptedContent",
    "outputTokens",
    "model",
    "messageId",
    "interactionId",
    "turnId",
    "requestId",
    "serviceRequestId",
    "clientRequestId",
    "apiCallId",
];

/// What every record has.
struct Envelope {
    id: String,
    time: Option<Timestamp>,
    kind: String,
}

impl<'s> Teller<'s> for Parser<'s> {
    fn out(&mut self) -> &mut Transcript<'s> {
        &mut self.out
    }

    fn is_recognised(&self) -> bool {
        self.first.is_some()
    }

    fn state(&self) -> serde_json::Result<Option<Value>> {
        serde_json::to_value((&self.session, &self.first, &self.output)).map(Some)
    }

    fn restore(&mut self, state: Value) -> serde_json::Result<()> {
        (self.session, self.first, self.output) = serde_json::from_value(state)?;
        Ok(())
    }

    fn record(&mut self, line: u64, mut record: Record) -> io::Result<()> {
        let at = time(&record, "timestamp");
        let kind = text(&record, "type").unwrap_or_default().to_owned();
        let id = text(&record, "id").map_or_else(|| format!("line-{line}"), str::to_owned);
        let Some(Value::Object(mut data)) = record.remove("data") else {
            return self.out.unknown(&id, at, &kind, Value::Object(record));
        };
        if self.first.is_none() {
            self.first = Some(identity::hashed_id("copilot-cli", &format!("{id}{kind}")));
        }
        self.out.marks.clear();
        if let Some(parent) = text(&data, "parentToolCallId") {
            // Said by a subagent.
            self.out.marks.insert("source.parent_call_id".to_owned(), parent.into());
        }
        let envelope = Envelope { id, time: at, kind };
        match envelope.kind.as_str() {
            "user.message" => self.prompt(&envelope, data),
            "assistant.message" => self.answer(&envelope, data),
            "tool.execution_start" => self.start(&envelope, &data),
            "tool.execution_complete" => self.result(&envelope, &data),
            "system.message" | "system.notification" => self.system(&envelope, &mut data),
            // They only mark where the messages between them begin and end.
            "assistant.turn_start" | "assistant.turn_end" => Ok(()),
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
    /// Takes what the events of a session's life say of it.
    fn facts(&mut self, kind: &str, data: &Record) {
        let facts = &mut self.out.facts;
        let field = |key: &str| text(data, key).map(str::to_owned);
        if kind == "session.start" {
            self.session = self.session.take().or_else(|| field("sessionId"));
            facts.began = facts.began.or(time(data, "startTime"));
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
        if !data.is_empty() {
            event.content = Content::json(Value::Object(data));
        }
        self.out.push(event)
    }

    /// The counts of a session that ended, without what its answers noted.
    fn total(&mut self, data: &Record) -> Tokens {
        let mut tokens = Tokens::default();
        let models = data.get("modelMetrics").and_then(Value::as_object);
        for usage in
            models.into_iter().flat_map(serde_json::Map::values).filter_map(|model| model.get("usage")?.as_object())
        {
            let [read, write] = ["cacheReadTokens", "cacheWriteTokens"].map(|key| count(usage, key));
            // The input includes what came from the cache and what went there.
            let input = count(usage, "inputTokens").saturating_sub(read).saturating_sub(write);
            tokens.input = tokens.input.saturating_add(input);
            tokens.output = tokens.output.saturating_add(count(usage, "outputTokens"));
            tokens.cache_read = tokens.cache_read.saturating_add(read);
            tokens.cache_write = tokens.cache_write.saturating_add(write);
            tokens.reasoning = tokens.reasoning.saturating_add(count(usage, "reasoningTokens"));
        }
        // An end without counts leaves what came before it to the next one.
        if models.is_some_and(|models| !models.is_empty()) {
            tokens.output = tokens.output.saturating_sub(std::mem::take(&mut self.output));
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
        let is_typed = matches!(source.as_str(), "" | "user") && !blocks.is_empty();
        let added = if is_typed && !typed.is_empty() { sent.replacen(&typed, "", 1) } else { sent };
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
        let why = if source.is_empty() { "context" } else { &source };
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
            if !data.contains_key("parentToolCallId") {
                model.clone_into(&mut self.out.facts.model);
            }
            self.out.marks.insert(attribute::MODEL.to_owned(), model.into());
        }
        self.out.marks.insert(attribute::GROUP_ID.to_owned(), envelope.id.as_str().into());
        let tokens = Tokens { output: count(&data, "outputTokens"), ..Tokens::default() };
        self.output = self.output.saturating_add(tokens.output);
        let calls = match data.remove("toolRequests") {
            Some(Value::Array(calls)) => calls,
            _ => Vec::new(),
        };
        let said = text(&data, "content").unwrap_or_default().to_owned();
        self.thought(envelope, text(&data, "reasoningText"))?;
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
        for shown in result.get("contents").and_then(Value::as_array).into_iter().flatten() {
            content.blocks.extend(shown_beside(shown));
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

fn shown_beside(shown: &Value) -> Option<Block> {
    let field = |key: &str| shown.get(key).and_then(Value::as_str);
    match field("type") {
        // The text is the content again.
        Some("text" | "terminal") => None,
        Some("image") => Some(media::image(field("mimeType")?, field("data")?)),
        _ => Some(Block::Json { data: shown.clone() }),
    }
}

/// The code of a command: in the telemetry where it is not zero, else in the output's last line.
fn exit_code(data: &Record, output: &str) -> Option<i32> {
    let noted = data.get("toolTelemetry").and_then(|telemetry| telemetry.get("metrics")?.get("exit_code")?.as_i64());
    noted.and_then(|code| i32::try_from(code).ok()).or_else(|| {
        let last = output.trim_end().lines().next_back()?;
        let code = last.strip_suffix('>')?.rsplit_once(" exit code ")?;
        let is_own = code.0.starts_with("<shellId: ") || code.0.starts_with("<exited with");
        code.1.parse().ok().filter(|_| is_own)
    })
}

fn attachment(attachment: Value) -> Block {
    let field = |key: &str| attachment.get(key).and_then(Value::as_str);
    match (field("type"), field("path"), field("mimeType"), field("data")) {
        (_, _, Some(mime), Some(data)) if mime.starts_with("image/") => media::image(mime, data),
        (Some("file"), Some(path), ..) => Block::File { path: path.to_owned(), content: None },
        _ => Block::Json { data: attachment },
    }
}
