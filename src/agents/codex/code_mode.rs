//! Code mode, in which the tool `exec` runs a script that calls the other tools.
//!
//! Each call that the text of the script tells becomes an event of its own; what it does not tell stays a call
//! of `exec` with the script. Newer versions report each inner call under an id of its own, before the script
//! comes back: the report goes to its call where there is one, and else makes the events by itself.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    call::{Call, CallId, CallKind, Made},
    changes,
    outbox::Slot,
    output::Outcome,
    parser::Parser,
    script::{self, Inner},
};
use crate::hail::{self, Content, Event, EventType, attribute};

/// How many scripts may run at once. Beyond that the oldest counts as closed.
const MAX_CELLS: usize = 64;

/// The scripts that have not come back.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Scripts {
    cells: Vec<Cell>,
    /// Whether patches are reported in this log: then one without a report was not applied.
    pub(super) reports_patches: bool,
}

/// A script with the calls in it that nothing has reported yet.
#[derive(Serialize, Deserialize)]
struct Cell {
    call: CallId,
    /// Under which id `wait` reaches it.
    id: Option<CallId>,
    inner: Vec<InnerCall>,
    /// Whether every call in it has an event of its own.
    is_whole: bool,
    /// The hashes of the outputs that were reported.
    reported: Vec<u64>,
}

/// A call in a script.
#[derive(Serialize, Deserialize)]
pub(super) struct InnerCall {
    pub(super) slot: Slot,
    pub(super) kind: CallKind,
    /// The tool as scripts name it.
    tool: String,
    /// The hash of the command, or of the argument.
    hash: u64,
    script: CallId,
}

impl Parser<'_> {
    /// Reads a call of `exec`.
    pub(super) fn script(&mut self, id: &str, source: String, raw_type: &str) {
        let found = script::calls(&source);
        let is_whole = !found.is_empty() && found.iter().all(|call| call.argument.is_some());
        let key = if id.is_empty() { CallId::of(&format!("line {}", self.line)) } else { CallId::of(id) };
        let with_id = |event: Event| if id.is_empty() { event } else { event.with(attribute::CALL_ID, id) };
        let is_single = found.len() == 1;
        let mut source = Some(source);
        let mut first = None;
        if !is_whole {
            let event = self.event(EventType::ToolCall { name: "exec".to_owned() }, raw_type);
            let event = event.with_content(Content::text(source.take().unwrap_or_default()));
            first = Some(self.answer(with_id(event.with(attribute::TOOL_KIND, "shell")), 0));
        }
        let mut inner = Vec::new();
        for Inner { name, argument } in found {
            let Some(argument) = argument else { continue };
            let made = self.inner_call(argument, &name, raw_type);
            let mut event = with_id(made.0.event);
            let is_patch = matches!(made.0.kind, CallKind::Patch { is_alone: true }) && !made.0.changes.is_empty();
            // A patch says all that a script says which does nothing else.
            if let Some(source) = source.take().filter(|_| !(is_single && is_patch)) {
                event = event.with("script", source);
            }
            if self.part > 1 {
                event.event_id = format!("codex-{}-{}", self.line, self.part - 1);
            }
            let slot = self.answer(event, 1);
            self.outbox.attach(slot, made.0.changes);
            inner.push(InnerCall { slot, kind: made.0.kind, tool: name, hash: made.1, script: key });
            first = first.or(Some(slot));
        }
        let slot = first.unwrap_or_default();
        self.calls.insert(key, Call { name: "exec".to_owned(), slot, kind: CallKind::Script, has_failed: false });
        self.open_cell(Cell { call: key, id: None, inner, is_whole, reported: Vec::new() });
    }

    /// Makes the event of a call in a script, and what tells it from others.
    fn inner_call(&mut self, argument: Value, name: &str, raw_type: &str) -> (Made, u64) {
        let hash = hash_of(&argument);
        let made = self.made(name, argument, name, raw_type.to_owned());
        let hash = match &made.event.event_type {
            EventType::ShellCommand { command, .. } => hail::hash(command.as_str()),
            _ => hash,
        };
        (made, hash)
    }

    fn open_cell(&mut self, cell: Cell) {
        if self.scripts.cells.len() == MAX_CELLS {
            let oldest = self.scripts.cells.remove(0);
            self.close_cell(oldest, &Outcome::default(), false);
        }
        self.scripts.cells.push(cell);
    }

    /// Takes what a script returned. Says whether the reports of its calls have said all of it before.
    pub(super) fn script_returned(&mut self, call: CallId, outcome: &Outcome, is_error: bool) -> bool {
        let Some(at) = self.scripts.cells.iter().position(|cell| cell.call == call) else { return false };
        self.cell_returned(at, outcome, is_error)
    }

    /// Takes what `wait` learned of a script that went on.
    pub(super) fn script_polled(&mut self, id: CallId, outcome: &Outcome, is_error: bool) {
        if let Some(at) = self.scripts.cells.iter().position(|cell| cell.id == Some(id)) {
            self.cell_returned(at, outcome, is_error);
        }
    }

    fn cell_returned(&mut self, at: usize, outcome: &Outcome, is_error: bool) -> bool {
        if let Some(id) = &outcome.session {
            self.scripts.cells[at].id = Some(CallId::of(id));
            return false;
        }
        let cell = self.scripts.cells.remove(at);
        let is_said = |text: &str| text.is_empty() || text == "{}" || cell.reported.contains(&hail::hash(text));
        let is_known = cell.is_whole
            && cell.inner.is_empty()
            && !is_error
            && outcome.content.blocks.len() == outcome.content.texts().count()
            && outcome.content.texts().all(|text| is_said(behind_head(text).trim()));
        self.close_cell(cell, outcome, is_error);
        is_known
    }

    /// Settles the calls in a script that nothing has reported.
    fn close_cell(&mut self, cell: Cell, outcome: &Outcome, is_error: bool) {
        let says_applied = outcome.content.texts().any(super::result::says_applied);
        let codes: Vec<i32> = outcome.content.texts().flat_map(|text| exit_codes(behind_head(text))).collect();
        let is_command = |inner: &&InnerCall| inner.tool != "apply_patch" && is_run(inner.kind);
        let is_coded = codes.len() == cell.inner.iter().filter(is_command).count();
        let mut codes = codes.into_iter().filter(|_| is_coded);
        for inner in cell.inner {
            if is_command(&&inner) {
                self.note(inner.slot, codes.next(), None);
            }
            if let CallKind::Patch { is_alone } = inner.kind {
                // A command that also patches has no report.
                let is_assumed = !is_error && (!self.scripts.reports_patches || !is_alone);
                if is_assumed || says_applied {
                    self.apply(inner.slot, is_alone);
                }
                if is_assumed && !says_applied {
                    self.mark_unconfirmed(inner.slot);
                }
            }
            self.outbox.release(inner.slot);
        }
    }

    /// Settles the scripts that the log does not see the end of.
    pub(super) fn close_cells(&mut self) {
        for cell in std::mem::take(&mut self.scripts.cells) {
            self.close_cell(cell, &Outcome::default(), false);
        }
    }

    /// The call in a script that a report is of: the first that `is_it`.
    fn take_inner(&mut self, is_it: impl Fn(&InnerCall) -> bool) -> Option<InnerCall> {
        self.scripts.cells.iter_mut().find_map(|cell| {
            let at = cell.inner.iter().position(&is_it)?;
            Some(cell.inner.remove(at))
        })
    }

    /// The call in a script that ran a command.
    pub(super) fn take_inner_command(&mut self, command: &str) -> Option<InnerCall> {
        let hash = hail::hash(command);
        self.take_inner(|inner| is_run(inner.kind) && inner.hash == hash)
    }

    /// The call in a script that a tool of a server answered.
    pub(super) fn take_inner_tool(&mut self, name: &str, argument: &Value) -> Option<InnerCall> {
        let name: String = name.chars().map(|char| if char.is_ascii_alphanumeric() { char } else { '_' }).collect();
        let hash = hash_of(argument);
        let named = |inner: &InnerCall| inner.tool.trim_start_matches('_') == name.trim_start_matches('_');
        self.take_inner(|inner| named(inner) && inner.hash == hash).or_else(|| self.take_inner(named))
    }

    /// The call in a script that made these changes: all that its patch changes is among them.
    pub(super) fn take_inner_patch(&mut self, native: &Value) -> Option<InnerCall> {
        let outbox = &mut self.outbox;
        let cells = self.scripts.cells.iter_mut();
        for cell in cells {
            let is_it = |inner: &InnerCall| {
                let is_patch = matches!(inner.kind, CallKind::Patch { .. });
                is_patch && outbox.changes(inner.slot).is_some_and(|known| changes::are_among(known, native))
            };
            if let Some(at) = cell.inner.iter().position(is_it) {
                return Some(cell.inner.remove(at));
            }
        }
        None
    }

    /// Gives a call in a script the id of its report, under which the output comes, too.
    pub(super) fn reported(&mut self, inner: &InnerCall, id: &str, output: &str) {
        if let Some(cell) = self.scripts.cells.iter_mut().find(|cell| cell.call == inner.script) {
            cell.reported.push(hail::hash(output.trim()));
        }
        for event in self.outbox.events(inner.slot).into_iter().flatten() {
            if !id.is_empty()
                && let Some(script) = event.attributes.insert(attribute::CALL_ID, id.into())
            {
                event.attributes.insert("script_call_id", script);
            }
        }
        self.outbox.release(inner.slot);
        self.settled(id, &inner.tool, inner.slot, false);
    }

    /// Notes a call that is over, so that another report of it says nothing new.
    pub(super) fn settled(&mut self, id: &str, name: &str, slot: Slot, has_failed: bool) {
        if !id.is_empty() {
            let call = Call { name: name.to_owned(), slot, kind: CallKind::Settled, has_failed };
            self.calls.insert(CallId::of(id), call);
        }
    }
}

fn is_run(kind: CallKind) -> bool {
    matches!(kind, CallKind::Command | CallKind::Patch { .. })
}

fn hash_of(argument: &Value) -> u64 {
    hail::hash(argument.to_string().as_str())
}

/// What a script printed, without the lines that the harness puts before it.
fn behind_head(text: &str) -> &str {
    if !text.starts_with("Script ") {
        return text;
    }
    text.split_once("Output:").map_or(text, |(_, output)| output)
}

/// The exit codes in what a script printed: results as JSON, or as the text of a command.
fn exit_codes(text: &str) -> Vec<i32> {
    let text = text.trim();
    if text.starts_with(['{', '['])
        && let Ok(value) = serde_json::from_str(text)
    {
        let mut codes = Vec::new();
        collect_codes(&value, &mut codes);
        return codes;
    }
    Outcome::of_head(text).exit_code.into_iter().collect()
}

fn collect_codes(value: &Value, codes: &mut Vec<i32>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect_codes(item, codes)),
        Value::Object(fields) => match fields.get("exit_code").and_then(Value::as_i64) {
            Some(code) => codes.extend(i32::try_from(code)),
            // As `Promise.allSettled` wraps it.
            None => fields.get("value").into_iter().for_each(|value| collect_codes(value, codes)),
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::exit_codes;

    #[test]
    fn exit_codes_are_read_from_results_in_every_wrapping() {
        for (text, codes) in [
            (r#"{"exit_code":3,"output":"no"}"#, vec![3]),
            (r#"[{"exit_code":0},{"exit_code":1}]"#, vec![0, 1]),
            (r#"[{"status":"fulfilled","value":{"exit_code":2}},{"status":"rejected","reason":"x"}]"#, vec![2]),
            ("Exit code: 4\nWall time: 1 seconds\nOutput:\nExit code: 5", vec![4]),
            ("Exit code 4", vec![]),
            ("{}", vec![]),
            ("{broken", vec![]),
        ] {
            assert_eq!(exit_codes(text), codes, "{text}");
        }
    }
}
