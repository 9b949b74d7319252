//! Forks of agents, whose logs look like those of the agent that they are a fork of.

use std::io;

use super::{ALL, Agent, Sample};
use crate::hail::{Event, Header, Pause, Sink};

/// Leaves the most specific of the agents that a log may be of: a fork rather than what it is a fork of, where the
/// content says so or else the folder.
pub(super) fn choose(candidates: &mut Vec<&'static dyn Agent>, sample: &Sample) {
    let all = candidates.clone();
    candidates.retain(|agent| !all.iter().any(|other| is_fork_of(*other, *agent)));
    let Some(path) = &sample.path else { return };
    for agent in candidates {
        let in_its_folder = |fork: &&&'static dyn Agent| is_fork_of(**fork, *agent) && fork.keeps(path);
        if let Some(fork) = ALL.iter().find(in_its_folder) {
            *agent = *fork;
        }
    }
}

/// Whether a log is of `agent` and not of a fork of it.
#[must_use]
pub fn is_of(agent: &dyn Agent, sample: &Sample) -> bool {
    let is_at_home = |fork: &dyn Agent| sample.path.as_deref().is_some_and(|path| fork.keeps(path));
    let is_of_fork = |fork: &&dyn Agent| is_fork_of(*fork, agent) && (fork.recognises(sample) || is_at_home(*fork));
    agent.recognises(sample) && !ALL.iter().any(is_of_fork)
}

/// Whether `fork` is a fork of `agent`, or of a fork of it.
fn is_fork_of(fork: &dyn Agent, agent: &dyn Agent) -> bool {
    let parent = |name: &&str| ALL.iter().find(|agent| agent.name() == *name).and_then(|agent| agent.forked_from());
    std::iter::successors(fork.forked_from(), parent).any(|name| name == agent.name())
}

/// Takes a session that the parser of another agent makes of a fork's log, and calls it the fork's.
pub(super) struct Renamed<'s> {
    tool: &'static str,
    sink: &'s mut dyn Sink,
}

impl<'s> Renamed<'s> {
    pub(super) fn new(tool: &'static str, sink: &'s mut dyn Sink) -> Self {
        Self { tool, sink }
    }
}

impl Sink for Renamed<'_> {
    fn header(&mut self, mut header: Header) -> io::Result<()> {
        self.tool.clone_into(&mut header.agent.tool);
        self.sink.header(header)
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        self.sink.event(event)
    }

    fn pause(&mut self, pause: Pause) -> io::Result<()> {
        self.sink.pause(pause)
    }
}
