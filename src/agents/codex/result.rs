//! Results of tools, and the notices that say more about them.

use serde::Deserialize;
use serde_json::Value;

use super::{
    call::{CallId, CallKind, Made, plain_text},
    changes,
    outbox::Slot,
    output::Outcome,
    parser::Parser,
    record::Payload,
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
            CallKind::Settled => return,
            CallKind::Plain => {}
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
    fn note(&mut self, slot: Slot, code: Option<i32>, duration: Option<u64>) {
        let Some(event) = self.outbox.events(slot).and_then(|events| events.first_mut()) else { return };
        if let Some(duration) = duration {
            event.duration_ms = Some(event.duration_ms.unwrap_or(0).saturating_add(duration));
        }
        if let EventType::ShellCommand { exit_code, .. } = &mut event.event_type {
            *exit_code = exit_code.or(code);
        }
    }

    /// Turns the event of a patch into those of its files.
    fn apply(&mut self, slot: Slot, is_alone: bool) {
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
            for event in self.outbox.events(call.slot).into_iter().flatten() {
                if event.event_type.changed_path().is_some() {
                    event.attributes.insert("patch_status", "unconfirmed".into());
                }
            }
        }
    }

    /// Reads `patch_apply_end`: it knows line numbers, and whether the patch was applied.
    pub(super) fn patch_ended(&mut self, payload: &mut Payload<'_>, text: &str) {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let Some(call) = self.calls.get_mut(&CallId::of(&payload.call_id)) else {
            return self.custom("patch_apply_end", "event_msg/patch_apply_end", text);
        };
        call.has_failed |= value.get("success").and_then(Value::as_bool) == Some(false);
        if let (CallKind::Patch { .. }, Some(native)) = (&call.kind, value.get("changes"))
            && let Some(changes) = self.outbox.changes(call.slot)
        {
            changes::enrich(changes, native);
        }
    }

    /// Reads `exec_command_end`. A call that is unknown is the person's own command.
    pub(super) fn command_ended(&mut self, payload: &mut Payload<'_>, text: &str) {
        #[derive(Default, Deserialize)]
        struct End {
            command: Option<Value>,
            exit_code: Option<i32>,
            duration: Option<Span>,
            aggregated_output: Option<String>,
            stdout: Option<String>,
            source: Option<Value>,
        }
        let end: End = serde_json::from_str(text).unwrap_or_default();
        let duration = end.duration.as_ref().map(Span::milliseconds);
        if let Some(call) = self.calls.get(&CallId::of(&payload.call_id)) {
            let slot = call.slot;
            self.note(slot, end.exit_code, None);
            if let Some(event) = self.outbox.events(slot).and_then(|events| events.first_mut()) {
                event.duration_ms = event.duration_ms.or(duration);
            }
            return;
        }
        let words = end.command.as_ref().and_then(Value::as_array).into_iter().flatten();
        let command = super::shell::Command::of_words(&words.map(plain_text).collect::<Vec<_>>()).line;
        if command.is_empty() {
            return self.custom("exec_command_end", "event_msg/exec_command_end", text);
        }
        let kind = EventType::ShellCommand { command, exit_code: end.exit_code };
        let mut event = self.event(kind, "event_msg/exec_command_end").with(attribute::TOOL_KIND, "shell");
        event.duration_ms = duration;
        if let Some(source) = end.source {
            event = event.with("command_source", source);
        }
        if !payload.call_id.is_empty() {
            event = event.with(attribute::CALL_ID, &*payload.call_id);
        }
        self.send(event);
        let is_error = end.exit_code.is_some_and(|code| code != 0);
        let output = end.aggregated_output.or(end.stdout).unwrap_or_default();
        let result = self.result_event(&payload.call_id, "shell".to_owned(), is_error, "event_msg/exec_command_end");
        self.send(result.with_content(Content::text(output)));
    }

    /// Reads `mcp_tool_call_end`: of a known call it adds the server, the time and the success.
    pub(super) fn mcp_call_ended(&mut self, payload: &mut Payload<'_>, text: &str) {
        let value: Value = serde_json::from_str(text).unwrap_or_default();
        let field = |path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let (server, tool) = (field("/invocation/server"), field("/invocation/tool"));
        let span = value.get("duration").and_then(|span| Span::deserialize(span).ok());
        let has_failed = value.pointer("/result/Err").is_some()
            || ["/result/Ok/isError", "/result/Ok/is_error"]
                .iter()
                .any(|path| value.pointer(path) == Some(&true.into()));
        let name = format!("mcp__{server}__{tool}");
        if !self.calls.contains_key(&CallId::of(&payload.call_id)) {
            let arguments = value.pointer("/invocation/arguments").cloned().unwrap_or_default();
            let event = self.event(EventType::ToolCall { name: name.clone() }, "event_msg/mcp_tool_call_end");
            let event = event.with_content(Content::json(arguments)).with(attribute::TOOL_KIND, "mcp");
            self.register(&payload.call_id, name, Made::new(CallKind::Plain, event));
            self.note_mcp(&payload.call_id, (server, tool), span.as_ref(), has_failed);
            let content = Content::json(value.get("result").cloned().unwrap_or_default());
            let outcome = Outcome { content, ..Outcome::default() };
            return self.settle(&payload.call_id, outcome, "event_msg/mcp_tool_call_end");
        }
        self.note_mcp(&payload.call_id, (server, tool), span.as_ref(), has_failed);
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

/// Whether a script whose exit code is another's has applied its patch all the same.
fn says_applied(text: &str) -> bool {
    text.contains("Success. Updated the following files")
}
