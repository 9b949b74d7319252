//! The extensions that were made of Cline: Roo Code, and Kilo Code, which was made of that.
//!
//! Learned from the public source of `Roo-Code` (`packages/types/history`, `apiMessages`, `getEnvironmentDetails`) and
//! `kilocode` before it was rebuilt in 2026, and from public programs that read their tasks.

use std::path::Path;

use serde_json::Value;

use super::{
    Agent, Log, LogFile, ParseError, Sample, Scope, Warning, is_task, is_versioned, load, message, task_folders,
    tasks_in,
};
use crate::{agents::folders, environment::Environment, hail::Sink};

/// An extension that writes Cline's files into a folder of its own.
pub(in crate::agents) struct Fork {
    name: &'static str,
    title: &'static str,
    /// What it was made of.
    parent: &'static str,
    /// Its name among the extensions of an editor.
    extension: &'static str,
    /// What only it, or what was made of it, writes into a text.
    marks: &'static [&'static str],
    /// Whether its later versions write the conversation as a document with a version.
    has_versions: bool,
}

/// Roo Code. What it tells the model of its mode has tags.
pub(in crate::agents) static ROO_CODE: Fork = Fork {
    name: "roo-code",
    title: "Roo Code",
    parent: "cline",
    extension: "rooveterinaryinc.roo-cline",
    marks: &["# Current Mode\n<slug>", "\"apiProtocol\":"],
    has_versions: true,
};

/// Kilo Code, the extension before 2026. Its requests name the provider that a router chose.
pub(in crate::agents) static KILO_CODE: Fork = Fork {
    name: "kilo-code",
    title: "Kilo Code",
    parent: "roo-code",
    extension: "kilocode.kilo-code",
    marks: &["\"inferenceProvider\":", "\"usageMissing\":"],
    has_versions: false,
};

impl Agent for Fork {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    // The folders are named by the time or by an id, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let folders = task_folders(environment, self.extension);
        folders::in_scope(folders.iter().flat_map(|tasks| tasks_in(tasks)).collect(), scope)
    }

    fn forked_from(&self) -> Option<&'static str> {
        Some(self.parent)
    }

    fn keeps(&self, path: &Path) -> bool {
        path.iter().any(|folder| folder.eq_ignore_ascii_case(self.extension))
    }

    fn recognises(&self, sample: &Sample) -> bool {
        if let Some(document) = &sample.document {
            return self.has_versions && is_versioned(document);
        }
        let is_marked = |text: &str| self.marks.iter().any(|mark| text.contains(mark));
        is_task(sample) && sample.records.iter().any(|record| told(record).any(is_marked))
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        message::write(self.name, load::load(self.name, log)?, sink)
    }

    fn working_directory<'s>(&self, _: &'s Sample) -> Option<&'s str> {
        None
    }
}

/// What the program told the model about its surroundings, or the window about a request. What a person or the model
/// writes is not asked: it may quote anything.
fn told(record: &Value) -> impl Iterator<Item = &str> {
    let request = record["text"].as_str().filter(|_| record["say"] == "api_req_started");
    let blocks = record["content"].as_array().into_iter().flatten().filter(|_| record["role"] == "user");
    request.into_iter().chain(blocks.filter_map(|block| message::details(block)))
}
