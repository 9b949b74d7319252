//! The options that say whose a log is.

use std::path::PathBuf;

use crate::{
    agents::{self, Agent, Generic},
    capture::named,
    context::Context,
    error::{Error, Result},
};

/// The agent that wrote a log.
#[derive(clap::Args)]
pub(super) struct Choice {
    /// Only this agent's logs, or read the file as this agent's
    #[arg(long, visible_alias = "profile", value_parser = clap::builder::PossibleValuesParser::new(names()))]
    pub(super) agent: Option<String>,
    /// Read the log with this map; see docs/generic.md
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
}

fn names() -> Vec<&'static str> {
    let mut names = agents::names();
    names.push(Generic::NAME);
    names
}

impl Choice {
    /// The agent that was chosen; `None` where the log has to be looked at.
    ///
    /// # Errors
    /// When the map cannot be read, is missing, or is given for another agent.
    pub(super) fn agent(&self, context: &Context) -> Result<Option<&'static dyn Agent>> {
        match (self.agent.as_deref(), &self.map) {
            (None | Some(Generic::NAME), Some(map)) => {
                let path = context.path(map);
                let hint = "docs/generic.md lists the keys of a map";
                Ok(Some(Generic::read(&path).map_err(|fault| named(&path, fault).hinted(hint))?))
            }
            (Some(Generic::NAME), None) => Err(Error::usage("--agent generic reads logs as a map says, and needs one")
                .hinted("git session parse --agent generic --map FILE.toml LOG")),
            (Some(name), Some(_)) => Err(Error::usage(format!("--map is for --agent generic, not for {name}"))
                .hinted("git session parse --map FILE.toml LOG")),
            (Some(name), None) => Ok(Some(agents::by_name(name)?)),
            (None, None) => Ok(None),
        }
    }

    /// Whether a map was given, which finds no logs.
    pub(super) fn has_map(&self) -> bool {
        self.map.is_some() || self.agent.as_deref() == Some(Generic::NAME)
    }
}
