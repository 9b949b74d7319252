//! TRAE CLI, the second of that name, which was made of Codex.
//!
//! Its source is not public: learned from public programs that read its rollouts. Its sessions name `trae` as the
//! provider of their model.

use std::path::Path;

use super::{Agent, Codex, Log, LogFile, ParseError, Sample, Scope, Warning, all_logs};
use crate::{agents::forks::Renamed, environment::Environment, hail::Sink};

/// The TRAE CLI reader.
pub(in crate::agents) struct TraeCli;

impl Agent for TraeCli {
    fn name(&self) -> &'static str {
        "trae-cli"
    }

    fn title(&self) -> &'static str {
        "TRAE CLI"
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        environment.home().map_or_else(Vec::new, |home| all_logs(&home.join(".trae/cli"), scope))
    }

    fn forked_from(&self) -> Option<&'static str> {
        Some("codex")
    }

    fn keeps(&self, path: &Path) -> bool {
        let folders: Vec<_> = path.iter().collect();
        folders.windows(2).any(|pair| pair == [".trae", "cli"])
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.records.iter().any(|record| {
            let payload = &record["payload"];
            let instructions = payload["base_instructions"]["text"].as_str();
            record["type"] == "session_meta"
                && (payload["model_provider"] == "trae"
                    || instructions.is_some_and(|text| text.starts_with("You are TRAE CLI")))
        })
    }

    fn join(&self, logs: Vec<LogFile>) -> Vec<LogFile> {
        Codex.join(logs)
    }

    fn whole(&self, log: LogFile) -> LogFile {
        Codex.whole(log)
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        Codex.parse(log, &mut Renamed::new(self.name(), sink))
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        Codex.working_directory(sample)
    }
}
