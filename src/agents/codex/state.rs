//! How a parse is put away between two lines, and taken up again.

use std::{collections::HashMap, io};

use serde::{Deserialize, Serialize};

use super::{
    call::{Call, CallId, CallKind},
    outbox::Slot,
    parser::Parser,
};
use crate::agents::log::{Log, ParseError};

/// The calls of a log. Of nearly all of them no more counts than the tool's name, for a second result.
#[derive(Serialize, Deserialize)]
struct Calls {
    over: Vec<(String, Vec<CallId>)>,
    others: Vec<(CallId, Call)>,
}

impl Calls {
    /// `first` is the first slot that has not left.
    fn of(calls: &HashMap<CallId, Call>, first: Slot) -> Self {
        let mut over: HashMap<&str, Vec<CallId>> = HashMap::new();
        let mut others = Vec::new();
        for (id, call) in calls {
            let is_over = call.slot < first && !call.has_failed;
            if is_over && matches!(call.kind, CallKind::Settled | CallKind::Plain) {
                over.entry(&call.name).or_default().push(*id);
            } else {
                others.push((*id, call.clone()));
            }
        }
        let over = over.into_iter().map(|(name, ids)| (name.to_owned(), ids)).collect();
        Self { over, others }
    }

    fn take_up(self) -> HashMap<CallId, Call> {
        let over = self.over.into_iter().flat_map(|(name, ids)| {
            // The first slot of all is one that has left.
            let call = Call { name, slot: 0, kind: CallKind::Settled, has_failed: false };
            ids.into_iter().map(move |id| (id, call.clone()))
        });
        over.chain(self.others).collect()
    }
}

impl Parser<'_> {
    /// Tells the sink how the parse stands after the line that was read last.
    pub(super) fn pause(&mut self, log: &Log<'_>) -> io::Result<()> {
        let calls = Calls::of(&self.calls, self.outbox.first());
        let running: Vec<_> = self.running.iter().collect();
        let reading = (&self.header, &self.answer, &self.meter, &self.echoes, calls, running, &self.scripts);
        let rest = (&self.turn, self.clock, self.is_compacted, self.last_said, self.recognised, &self.warnings);
        let rest = (rest, &self.replay, &self.numbered, self.is_stream);
        self.outbox.pause(log, (reading, rest))
    }

    /// Goes on where an earlier parse was put away.
    pub(super) fn take_up(&mut self, log: &mut Log<'_>) -> Result<(), ParseError> {
        let Some((held, ((reading, rest), standing))) = log.take_pause()? else { return Ok(()) };
        let (calls, running): (Calls, Vec<_>);
        (self.header, self.answer, self.meter, self.echoes, calls, running, self.scripts) = reading;
        let (rest, replay, numbered, is_stream) = rest;
        (self.replay, self.numbered, self.is_stream) = (replay, numbered, is_stream);
        (self.turn, self.clock, self.is_compacted, self.last_said, self.recognised, self.warnings) = rest;
        (self.calls, self.running) = (calls.take_up(), running.into_iter().collect());
        self.outbox.restore(standing, held);
        Ok(())
    }
}
