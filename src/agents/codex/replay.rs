//! Tells the history that a fork or a spawned thread copies from its parent from what is its own.
//!
//! The copy stands at the beginning, behind the thread's own `session_meta` and that of its parent, mostly in
//! one burst with the time of the fork on every record. What ends it, best first (learned from public reports
//! on token counters, and from the fields of `session_meta`):
//! - the ordinal that `subagent_history_start_ordinal` names;
//! - a turn whose id was made after the thread (ids of version 7 hold their time), or the thread's own
//!   `session_meta` once more;
//! - where the copies kept their times, a record that is younger than the thread;
//! - the last `task_started` before the burst ends.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::record::Line;
use crate::hail::Timestamp;

/// How long nothing is written where a burst ends, in milliseconds.
const GAP: i64 = 2000;

/// How many bytes of a log are held that may be copies.
const MAX_HELD: usize = 8 << 20;

/// What a record is.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Own,
    /// The parent's, which its own log tells.
    Copied,
    /// A later record will tell.
    Held,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Stage {
    /// Before the first `session_meta`.
    #[default]
    New,
    /// A fork that has shown nothing copied yet.
    Fork,
    Copied,
    Held,
    Own,
}

/// A line that may be a copy.
pub(super) struct Held {
    pub(super) line: u64,
    pub(super) text: String,
}

/// How the reading of a copied history stands.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Replay {
    stage: Stage,
    id: String,
    born: Option<Timestamp>,
    start_ordinal: Option<u64>,
    /// Whether copied records have kept their times.
    has_old_times: bool,
    /// Whether the ids of copied turns hold their time.
    has_timed_turns: bool,
    last: Option<Timestamp>,
    #[serde(skip)]
    held: Vec<Held>,
    #[serde(skip)]
    held_bytes: usize,
}

impl Replay {
    /// Of a log that is read from its middle on everything is its own.
    pub(super) fn new(is_resumed: bool) -> Self {
        Self { stage: if is_resumed { Stage::Own } else { Stage::New }, ..Self::default() }
    }

    /// Whether lines are held, so that nothing can go on from here.
    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Holds a line.
    pub(super) fn hold(&mut self, line: u64, text: &str) {
        self.held_bytes += text.len();
        self.held.push(Held { line, text: text.to_owned() });
    }

    /// The lines that were held, where they are the thread's own.
    pub(super) fn release(&mut self) -> Vec<Held> {
        self.held_bytes = 0;
        std::mem::take(&mut self.held)
    }

    fn drop_held(&mut self) {
        self.release();
        self.stage = Stage::Copied;
    }

    /// Judges a record. Lines that were held until it is one of the thread's own are own, too.
    pub(super) fn judge(&mut self, line: &Line<'_>) -> Verdict {
        let is_meta = line.kind == "session_meta";
        if self.stage == Stage::Own || (self.stage == Stage::New && !is_meta) {
            return Verdict::Own;
        }
        let time = line.timestamp.parse::<Timestamp>().ok();
        let verdict = if is_meta { self.judge_meta(line) } else { self.judge_record(line, time) };
        self.last = time.or(self.last);
        verdict
    }

    fn judge_meta(&mut self, line: &Line<'_>) -> Verdict {
        let raw = line.payload.as_ref().map_or("", |payload| payload.raw);
        let meta: Value = serde_json::from_str(raw).unwrap_or_default();
        let text = |key: &str| meta.get(key).and_then(Value::as_str).unwrap_or_default();
        let id = text("id");
        match self.stage {
            Stage::New => {
                let spawn = ["/source/subagent/thread_spawn", "/source/sub_agent/thread_spawn"];
                let is_fork =
                    ["forked_from_id", "forked_from", "parent_thread_id"].iter().any(|key| !text(key).is_empty())
                        || spawn.iter().any(|path| meta.pointer(path).is_some());
                self.stage = if is_fork { Stage::Fork } else { Stage::Own };
                id.clone_into(&mut self.id);
                let born = [text("timestamp"), &line.timestamp];
                self.born = born.iter().find_map(|time| time.parse().ok()).or_else(|| time_of(id));
                self.start_ordinal = meta.get("subagent_history_start_ordinal").and_then(Value::as_u64);
                Verdict::Own
            }
            _ if id == self.id && self.stage == Stage::Fork => Verdict::Own,
            // Whatever is held was copied before it.
            _ if id == self.id => {
                self.release();
                self.own()
            }
            _ => {
                self.drop_held();
                Verdict::Copied
            }
        }
    }

    fn judge_record(&mut self, line: &Line<'_>, time: Option<Timestamp>) -> Verdict {
        if let (Some(start), Some(ordinal)) = (self.start_ordinal, line.ordinal) {
            return if ordinal < start { Verdict::Copied } else { self.own() };
        }
        if let Some(verdict) = self.judge_by_time(line, time) {
            return verdict;
        }
        match self.stage {
            Stage::Fork => Verdict::Own,
            _ if self.has_timed_turns => Verdict::Copied,
            _ if self.is_behind_gap(time) => {
                // Where a turn begins behind the gap, the one before it was copied.
                if begins_turn(line) {
                    self.release();
                }
                self.own()
            }
            _ if self.held_bytes > MAX_HELD => self.own(),
            _ if is_start(line) => {
                self.drop_held();
                self.stage = Stage::Held;
                Verdict::Held
            }
            Stage::Held => Verdict::Held,
            _ => Verdict::Copied,
        }
    }

    /// Judges a record by when its turn was begun, or it was written.
    fn judge_by_time(&mut self, line: &Line<'_>, time: Option<Timestamp>) -> Option<Verdict> {
        let turn = line.payload.as_ref().map_or("", |payload| &*payload.turn_id);
        if let (true, Some(made), Some(born)) =
            (is_start(line) || line.kind == "turn_context", time_of(turn), self.born)
        {
            if made >= born {
                return Some(self.own());
            }
            self.has_timed_turns = true;
            self.drop_held();
            return Some(Verdict::Copied);
        }
        if let (Some(time), Some(born)) = (time, self.born) {
            if time.millis() + GAP < born.millis() {
                self.has_old_times = true;
                self.drop_held();
                return Some(Verdict::Copied);
            }
            if self.has_old_times && !self.has_timed_turns {
                return Some(self.own());
            }
        }
        None
    }

    fn is_behind_gap(&self, time: Option<Timestamp>) -> bool {
        time.zip(self.last).is_some_and(|(time, last)| time.millis() - last.millis() >= GAP)
    }

    fn own(&mut self) -> Verdict {
        self.stage = Stage::Own;
        Verdict::Own
    }
}

/// Whether a record says that a turn begins.
fn is_start(line: &Line<'_>) -> bool {
    line.payload.as_ref().is_some_and(|payload| matches!(&*payload.kind, "task_started" | "turn_started"))
}

/// Whether a record is one of those that come before the first answer of a turn.
fn begins_turn(line: &Line<'_>) -> bool {
    let (kind, role) = line.payload.as_ref().map_or(("", ""), |payload| (&*payload.kind, &*payload.role));
    is_start(line) || line.kind == "turn_context" || kind == "user_message" || role == "user"
}

/// The time in an id of version 7.
fn time_of(id: &str) -> Option<Timestamp> {
    let bytes = id.as_bytes();
    let is_timed = bytes.len() == 36 && bytes[14] == b'7' && bytes[8] == b'-' && bytes[13] == b'-';
    let digits = is_timed.then(|| Some([id.get(..8)?, id.get(9..13)?].concat()))??;
    Timestamp::from_millis(i64::from_str_radix(&digits, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::time_of;

    #[test]
    fn only_an_id_of_version_7_has_a_time() {
        let time = time_of("019c0000-0000-7000-8000-000000000001").expect("a time");
        assert_eq!(time.millis(), 0x019c_0000_0000);
        for id in [
            "",
            "t1",
            "019c0000-0000-4000-8000-000000000001",
            "019c0000x0000-7000-8000-000000000001",
            "ü19c0000-000-7000-8000-000000000001",
        ] {
            assert_eq!(time_of(id), None, "{id}");
        }
    }
}
