//! Placeholder.
use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning};
use crate::{environment::Environment, hail::Sink};

pub(super) struct ClaudeCode;

impl Agent for ClaudeCode {
    fn name(&self) -> &'static str {
        "claude-code"
    }
    fn title(&self) -> &'static str {
        "claude_code"
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
