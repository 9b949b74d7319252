//! Any agent whose logs are JSON: a map, written by a person, says what is what.
//!
//! It is not among [`super::ALL`]: without a map it knows nothing, so it recognises nothing and finds
//! nothing. A command that is given a map makes one of these and uses it like any other agent.

mod map;
mod read;

use std::path::Path;

pub use map::MapError;

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning};
use crate::{environment::Environment, hail::Sink};

/// An agent that a map describes.
pub struct Generic {
    map: map::Map,
    /// The name that sessions bear.
    tool: &'static str,
}

impl Generic {
    /// The name on the command line.
    pub const NAME: &'static str = "generic";

    /// Reads the map in a file. The agent lives as long as the program, as all agents do: a command
    /// reads one map.
    ///
    /// # Errors
    /// When the map cannot be read, or says something that a map cannot say.
    pub fn read(path: &Path) -> Result<&'static Self, MapError> {
        let map = map::Map::read(path)?;
        let tool = map.tool.clone().leak();
        Ok(Box::leak(Box::new(Self { map, tool })))
    }
}

impl Agent for Generic {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn title(&self) -> &'static str {
        "Generic"
    }

    fn logs(&self, _: &Environment, _: &Scope<'_>) -> Vec<LogFile> {
        Vec::new()
    }

    fn has_home(&self) -> bool {
        false
    }

    fn recognises(&self, _: &Sample) -> bool {
        false
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        read::parse(&self.map, self.tool, log, sink)
    }
}
