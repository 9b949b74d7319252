//! The programs that were made of OpenCode, each with a folder of its own: the Kilo CLI, whose database the later
//! extensions of Kilo Code share, and `MiMo` Code.
//!
//! Learned from public programs that read the databases of both, and from a copy of the Kilo CLI's source under another
//! name. Their content is OpenCode's: only the folder tells them apart.

use std::path::Path;

use super::{Agent, Log, LogFile, OpenCode, ParseError, Sample, Scope, Warning, logs_of, sessions_of};
use crate::{agents::forks::Renamed, environment::Environment, hail::Sink};

/// A program that keeps what OpenCode keeps in a folder of its own.
pub(in crate::agents) struct Fork {
    name: &'static str,
    title: &'static str,
    /// Its folder among the data of programs.
    folder: &'static str,
}

/// The Kilo CLI, and the extension of that name since 2026.
pub(in crate::agents) static KILO: Fork = Fork { name: "kilo", title: "Kilo CLI", folder: "kilo" };

/// `MiMo` Code.
pub(in crate::agents) static MIMO_CODE: Fork = Fork { name: "mimo-code", title: "MiMo Code", folder: "mimocode" };

impl Agent for Fork {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        logs_of(self.folder, None, environment, scope)
    }

    fn forked_from(&self) -> Option<&'static str> {
        Some("opencode")
    }

    fn keeps(&self, path: &Path) -> bool {
        let is_database = path.file_stem().is_some_and(|stem| stem == self.folder);
        is_database || path.iter().any(|folder| folder == self.folder) && path.iter().any(|folder| folder == "storage")
    }

    // Nothing in a log is its own.
    fn recognises(&self, _: &Sample) -> bool {
        false
    }

    fn sessions(&self, log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
        sessions_of(log)
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        OpenCode.parse(log, &mut Renamed::new(self.name, sink))
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        OpenCode.working_directory(sample)
    }
}
