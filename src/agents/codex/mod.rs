//! Placeholder.
use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning};
use crate::{environment::Environment, hail::Sink};

pub(super) struct Codex;

impl Agent for Codex {
    fn name(&self) -> &'static str {
        "codex"
    }
    fn title(&self) -> &'static str {
        "codex"
    }
    fn logs(&self, _: &Environment, _: &Scope<'_>) -> Vec<LogFile> {
        Vec::new()
    }
    fn recognises(&self, _: &Sample) -> bool {
        false
    }
    fn parse(&self, _: &mut Log<'_>, _: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        Err(ParseError::Empty)
    }
}
