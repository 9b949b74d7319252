//! Kimi CLI and Kimi Code: a log of what passed between the agent and its window.
//!
//! Learned in November 2026 from the public source of Kimi CLI (`wire/types.py`, `wire/file.py`, `session.py`, to
//! 1.49 of July 2026), and for Kimi Code, which took its place, from real logs that a public reader tests with
//! (protocol 1.4, July 2026).

mod code;
mod context;
mod md5;
mod wire;

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning, field, folders};
use crate::{environment::Environment, hail::Sink, system::files};

/// The Kimi reader.
pub(super) struct Kimi;

impl Agent for Kimi {
    fn name(&self) -> &'static str {
        "kimi"
    }

    fn title(&self) -> &'static str {
        "Kimi CLI"
    }

    // The folders are named by hashes, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let mut found = Vec::new();
        if let Some(home) = environment.folder("KIMI_SHARE_DIR", ".kimi") {
            found.extend(sessions(&home).iter().filter_map(|session| log_of(session)));
        }
        if let Some(home) = environment.folder("KIMI_CODE_HOME", ".kimi-code") {
            for session in sessions(&home) {
                let agents = folders::folders(&session.join("agents"), |_| true);
                found.extend(agents.iter().filter_map(|agent| LogFile::at(agent.join("wire.jsonl"))));
            }
        }
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample
            .records
            .iter()
            .any(|record| wire::is_record(record) || code::is_record(record) || context::is_record(record))
    }

    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let bytes = log.rest()?;
        let sample = Sample::read(bytes.as_slice())?;
        let mut again = Log::new(bytes.as_slice(), log.path);
        again.resumed = log.resumed.take();
        if sample.records.iter().any(code::is_record) {
            code::parse(&mut again, sink)
        } else if sample.records.iter().any(context::is_record) {
            context::parse(&mut again, sink)
        } else {
            wire::parse(&mut again, sink)
        }
    }
}

/// The folders of the sessions of a home, which are below one for each directory.
fn sessions(home: &Path) -> Vec<PathBuf> {
    let folders = folders::folders(&home.join("sessions"), |_| true);
    folders.iter().flat_map(|folder| folders::folders(folder, |_| true)).collect()
}

/// The log of a session; early versions kept only what the model was sent.
fn log_of(session: &Path) -> Option<LogFile> {
    LogFile::at(session.join("wire.jsonl")).or_else(|| LogFile::at(session.join("context.jsonl")))
}

/// The directory that a log of Kimi CLI is of: the list of directories has its hash.
fn directory(log: &Path) -> Option<String> {
    let folder = log.parent()?.parent()?;
    let hash = folder.file_name()?.to_str()?;
    let home = folder.parent()?.parent()?;
    let known: Value = serde_json::from_str(&files::read_text(&home.join("kimi.json"), files::LARGE).ok()?).ok()?;
    let mut directories = known.get("work_dirs")?.as_array()?.iter().filter_map(|known| field::text(known, "path"));
    directories.find(|path| hash.rsplit('_').next() == Some(&md5::hex(path.as_bytes()))).map(str::to_owned)
}

/// The title that a document beside a log has, where the person gave one.
fn title(log: &Path) -> Option<String> {
    let state: Value =
        serde_json::from_str(&files::read_text(&log.with_file_name("state.json"), files::LARGE).ok()?).ok()?;
    field::text(&state, "custom_title").map(str::to_owned)
}
