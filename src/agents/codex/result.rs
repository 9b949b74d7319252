//! Results of tools, and the notices that say more about them.

use serde::Deserialize;
use serde_json::Value;

use super::{
    call::{CallId, CallKind, Made, plain_text},
    changes,
    message::Piece,
    outbox::Slot,
    output::Outcome,
    parser::Parser,
    record::Payload,
    shell::Command,
    tokens::Usage,
};
use crate::hail::{Content, Event, EventType, attribute};

/// A duration as the agent's notices write it.
#[derive(Deserialize)]
struct Span {
    secs: u64,
    nanos: u32,
}

impl Span {
    fn milliseconds(&self) -> u64 {
        self.secs.saturating_mul(1000).saturating_add(u64::from(self.nanos / 1_000_000))
    }
}

impl Parser<'_> {
    /// Reads what a tool returned.
    pub(super) fn result(&mut self, payload: &mut Payload<'_>) {
        let outcome = Outcome::read(std::mem::take(&mut payload.output));
        self.settle(&payload.call_id, outcome, format!("response_item/{}", payload.kind));
    }

    /// Reads what a search for tools returned.
    pub(super) fn tool_search_output(&mut self, payload: &mut Payload<'_>, text: &str) {
        let mut found: Value = serde_json::from_str(text).unwrap_or_default();
        let content = Content::json(found.get_mut("tools").map(Value::take).unwrap_or_default());
        let is_error = found.get("status").and_then(Value::as_str).is_some_and(|status| status == "failed");
        let outcome = Outcome { content, is_error, ..Outcome::default() };
        self.settle(&payload.call_id, outcome, "response_item/tool_search_output");
    }

    /// Brings the call up to date and sends its result.
    fn settle(&mut self, id: &str, outcome: Outcome, raw_type: impl Into<String>) {
        self.end_answer();
        let (name, slot, kind, has_failed) = match self.calls.get_mut(&CallId::of(id)) {
            Some(call) => {
                let kind = std::mem::replace(&mut call.kind, CallKind::Settled);
                (call.name.clone(), Some(call.slot), kind, call.has_failed)
            }
            None => ("unknown".to_owned(), None, CallKind::Settled, false),
        };
        let is_error = outcome.is_error || has_failed;
        if matches!(kind, CallKind::Script) && self.script_returned(CallId::of(id), &outcome, is_error) {
            return;
        }
        let mut event = self.result_event(id, name, is_error, raw_type);
        if let Some(code) = outcome.exit_code {
            event = event.with("exit_code", code);
        }
        match slot {
            Some(slot) => self.complete(slot, kind, &outcome, is_error),
            None => event.duration_ms = outcome.duration_ms,
        }
        event.content = outcome.content;
        self.send(event);
    }

    fn result_event(&mut self, id: &str, name: String, is_error: bool, raw_type: impl Into<String>) -> Event {
        let call_id = Some(id).filter(|id| !id.is_empty()).map(str::to_owned);
        let name = if name.is_empty() { "unknown".to_owned() } else { name };
        let event = self.event(EventType::ToolResult { name, is_error, call_id: call_id.clone() }, raw_type);
        match call_id {
            Some(id) => event.with(attribute::CALL_ID, id),
            None => event,
        }
    }

    fn complete(&mut self, slot: Slot, kind: CallKind, outcome: &Outcome, is_error: bool) {
        if let Some(event) = self.outbox.events(slot).and_then(|events| events.first_mut()) {
            event.duration_ms = event.duration_ms.or(outcome.duration_ms);
        }
        match kind {
            CallKind::Settled | CallKind::Script => return,
            CallKind::Plain => {}
            CallKind::Wait(script) => self.script_polled(script, outcome, is_error),
            CallKind::Command => {
                self.note(slot, outcome.exit_code, None);
                // The command goes on: `write_stdin` will tell how it ends.
                if let Some(session) = &outcome.session {
                    self.running.insert(CallId::of(session), slot);
                    return;
                }
            }
            CallKind::Stdin(session) => self.command_polled(session, outcome, is_error),
            CallKind::Patch { is_alone } => {
                self.note(slot, outcome.exit_code, None);
                let is_applied = !is_error || outcome.content.texts().any(says_applied);
                if is_applied {
                    self.apply(slot, is_alone);
                }
            }
        }
        self.outbox.release(slot);
    }

    /// Passes on what a poll of a background command learned.
    fn command_polled(&mut self, session: CallId, outcome: &Outcome, is_error: bool) {
        let Some(&slot) = self.running.get(&session) else { return };
        self.note(slot, outcome.exit_code, outcome.duration_ms);
        if outcome.exit_code.is_some() || is_error {
            self.running.remove(&session);
            self.outbox.release(slot);
        }
    }

    /// Writes exit code and duration on the event of a call; the durations of polls add up.
    pub(super) fn note(&mut self, slot: Slot, code: Option<i32>, duration: Option<u64>) {
        let Some(event) = self.outbox.events(slot).and_then(|events| events.first_mut()) else { return };
        if let Some(duration) = duration {
            event.duration_ms = Some(event.duration_ms.unwrap_or(0).saturating_add(duration));
        }
        if let EventType::ShellCommand { exit_code, .. } = &mut event.event_type {
            *exit_code = exit_code.or(code);
        }
    }

    /// Turns the event of a patch into those of its files.
    pub(super) fn apply(&mut self, slot: Slot, is_alone: bool) {
        let changes = self.outbox.changes(slot).map(std::mem::take).unwrap_or_default();
        let Some(events) = self.outbox.events(slot) else { return };
        let Some(call) = events.pop() else { return };
        if changes.is_empty() {
            events.push(call);
        } else if is_alone {
            *events = changes::events(&call, &changes);
        } else {
            let mut files = changes::events(&call, &changes);
            for (index, file) in files.iter_mut().enumerate() {
                file.event_id = format!("{}.{}", call.event_id, index + 1);
                file.duration_ms = None;
                Usage::clear(file);
                file.attributes.remove("shell");
                file.attributes.insert(attribute::TOOL_KIND, "edit".into());
            }
            events.push(call);
            events.append(&mut files);
        }
    }

    /// Settles the patches whose result the log does not have: they count as applied, with a mark.
    pub(super) fn settle_open_patches(&mut self) {
        for call in std::mem::take(&mut self.calls).into_values() {
            let CallKind::Patch { is_alone } = call.kind else { continue };
            if call.has_failed {
                continue;
            }
            self.apply(call.slot, is_alone);
            self.mark_unconfirmed(call.slot);
        }
    }

    /// Marks the changes of a patch that nothing says was applied.
    pub(super) fn mark_unconfirmed(&mut self, slot: Slot) {
        for event in self.outbox.events(slot).into_iter().flatten() {
            if event.event_type.changed_path().is_some() {
                event.attributes.insert("patch_status", "unconfirmed".into());
            }
        }
    }

    /// Reads the report of a patch: it knows line numbers, and whether the patch was applied.
    pub(super) fn patch_ended(&mut self, id: &str, mut report: Value, raw_type: &str) {
        let status = report.get("status").and_then(Value::as_str).unwrap_or_default();
        let has_failed = report.get("success") == Some(&false.into()) || matches!(status, "failed" | "declined");
        let native = report.get_mut("changes").map(Value::take).unwrap_or_default();
        self.scripts.reports_patches = true;
        if let Some(call) = self.calls.get_mut(&CallId::of(id)) {
            call.has_failed |= has_failed;
            if let CallKind::Patch { .. } = &call.kind
                && let Some(changes) = self.outbox.changes(call.slot)
            {
                changes::enrich(changes, &native);
            }
            return;
        }
        let output = ["stdout", "stderr"].map(|key| report.get(key).and_then(Value::as_str).unwrap_or_default());
        let output = output.concat();
        if let Some(inner) = self.take_inner_patch(&native) {
            if let Some(changes) = self.outbox.changes(inner.slot) {
                changes::enrich(changes, &native);
            }
            if let (CallKind::Patch { is_alone }, false) = (inner.kind, has_failed) {
                self.apply(inner.slot, is_alone);
            }
            self.reported(&inner, id, &output);
        } else {
            self.patch_alone(id, native, has_failed, raw_type);
        }
        let mut result = self.result_event(id, "apply_patch".to_owned(), has_failed, raw_type);
        result.event_id = format!("codex-{}-result", self.line);
        self.send(result.with_content(Content::text(output)));
    }

    /// Sends the changes of a patch of which there is nothing but the report.
    fn patch_alone(&mut self, id: &str, native: Value, has_failed: bool, raw_type: &str) {
        let mut known = Vec::new();
        changes::enrich(&mut known, &native);
        let event = self.event(EventType::ToolCall { name: "apply_patch".to_owned() }, raw_type);
        let event = event.with(attribute::TOOL_KIND, "edit");
        let event = if id.is_empty() { event } else { event.with(attribute::CALL_ID, id) };
        let slot = self.send(event.with_content(Content::json(native)));
        if !has_failed {
            self.outbox.attach(slot, known);
            self.apply(slot, true);
        }
        self.settled(id, "apply_patch", slot, has_failed);
    }

    /// Reads the report of a command. One whose call is unknown is the person's own, or was put together by a
    /// script.
    pub(super) fn command_ended(&mut self, id: &str, end: CommandEnd, raw_type: &str, report: Value) {
        let duration = end.duration.as_ref().map(Span::milliseconds);
        if let Some(call) = self.calls.get(&CallId::of(id)) {
            let slot = call.slot;
            self.note(slot, end.exit_code, None);
            if let Some(event) = self.outbox.events(slot).and_then(|events| events.first_mut()) {
                event.duration_ms = event.duration_ms.or(duration);
            }
            return;
        }
        let command = end.line();
        if command.is_empty() {
            return self.custom_value(raw_type.rsplit('/').next().unwrap_or(raw_type), raw_type, report);
        }
        let has_failed = end.has_failed();
        let output = end.output.unwrap_or_default();
        if let Some(inner) = self.take_inner_command(&command) {
            self.note(inner.slot, end.exit_code, duration);
            if let (CallKind::Patch { is_alone }, false) = (inner.kind, has_failed) {
                self.apply(inner.slot, is_alone);
            }
            self.reported(&inner, id, &output);
        } else {
            let kind = EventType::ShellCommand { command, exit_code: end.exit_code };
            let mut event = self.event(kind, raw_type).with(attribute::TOOL_KIND, "shell");
            event.duration_ms = duration;
            for (key, value) in [("command_source", end.source), (attribute::CWD, end.cwd)] {
                if let Some(value) = value {
                    event = event.with(key, value);
                }
            }
            let event = if id.is_empty() { event } else { event.with(attribute::CALL_ID, id) };
            let slot = self.send(event);
            self.settled(id, "shell", slot, has_failed);
        }
        let result = self.result_event(id, "shell".to_owned(), has_failed, raw_type);
        self.send(result.with_content(Content::text(output)));
    }

    /// Reads the report of a server's tool: of a known call it adds the server, the time and the success.
    pub(super) fn mcp_call_ended(&mut self, id: &str, report: &Value, raw_type: &str) {
        let field = |path: &str| report.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (server, tool) = (field("/invocation/server"), field("/invocation/tool"));
        let span = report.get("duration").and_then(|span| Span::deserialize(span).ok());
        let has_failed = report.pointer("/result/Err").is_some()
            || ["/result/Ok/isError", "/result/Ok/is_error"]
                .iter()
                .any(|path| report.pointer(path) == Some(&true.into()));
        let name = format!("mcp__{server}__{tool}");
        if self.calls.contains_key(&CallId::of(id)) {
            return self.note_mcp(id, (server, tool), span.as_ref(), has_failed);
        }
        let arguments = report.pointer("/invocation/arguments").cloned().unwrap_or_default();
        let content = match report.pointer("/result/Ok/content").and_then(Value::as_array) {
            Some(pieces) => Outcome::of_pieces(Piece::of_values(pieces.clone())).content,
            None => Content::json(report.get("result").cloned().unwrap_or_default()),
        };
        if let Some(inner) = self.take_inner_tool(&name, &arguments) {
            self.reported(&inner, id, &content.to_text());
            self.note_mcp(id, (server, tool), span.as_ref(), has_failed);
        } else {
            let event = self.event(EventType::ToolCall { name: name.clone() }, raw_type);
            let event = event.with_content(Content::json(arguments)).with(attribute::TOOL_KIND, "mcp");
            self.register(id, name, Made::new(CallKind::Plain, event));
            self.note_mcp(id, (server, tool), span.as_ref(), has_failed);
        }
        self.settle(id, Outcome { content, ..Outcome::default() }, raw_type);
    }

    fn note_mcp(&mut self, id: &str, (server, tool): (&str, &str), span: Option<&Span>, has_failed: bool) {
        let Some(call) = self.calls.get_mut(&CallId::of(id)) else { return };
        call.has_failed |= has_failed;
        let slot = call.slot;
        if let Some(event) = self.outbox.events(slot).and_then(|events| events.first_mut()) {
            event.attributes.insert("mcp_server", server.into());
            event.attributes.insert("mcp_tool", tool.into());
            event.attributes.insert(attribute::TOOL_KIND, "mcp".into());
            event.duration_ms = event.duration_ms.or(span.map(Span::milliseconds));
        }
    }
}

/// The report of a command.
pub(super) struct CommandEnd {
    command: Value,
    exit_code: Option<i32>,
    status: Option<String>,
    duration: Option<Span>,
    output: Option<String>,
    source: Option<Value>,
    cwd: Option<Value>,
}

impl CommandEnd {
    /// Reads what is there, each field for itself.
    pub(super) fn read(report: &Value) -> Self {
        let text = |key: &str| report.get(key).and_then(Value::as_str).map(str::to_owned);
        let cwd = text("cwd").map(|cwd| cwd.strip_prefix("file://").map(str::to_owned).unwrap_or(cwd));
        Self {
            command: report.get("command").cloned().unwrap_or_default(),
            exit_code: report.get("exit_code").and_then(|code| i32::try_from(code.as_i64()?).ok()),
            status: text("status"),
            duration: report.get("duration").and_then(|span| Span::deserialize(span).ok()),
            output: text("aggregated_output").or_else(|| text("stdout")),
            source: report.get("source").filter(|source| !source.is_null()).cloned(),
            cwd: cwd.map(Value::from),
        }
    }

    /// The command as its call writes it.
    fn line(&self) -> String {
        match &self.command {
            Value::Array(words) => Command::of_words(&words.iter().map(plain_text).collect::<Vec<_>>()).line,
            command => command.as_str().unwrap_or_default().to_owned(),
        }
    }

    fn has_failed(&self) -> bool {
        self.exit_code.is_some_and(|code| code != 0) || matches!(self.status.as_deref(), Some("failed" | "declined"))
    }
}

/// Whether a script whose exit code is another's has applied its patch all the same.
pub(super) fn says_applied(text: &str) -> bool {
    text.contains("Success. Updated the following files")
}
