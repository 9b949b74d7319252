//! The agents: where each keeps its logs, how to recognise one, how to parse it.
//!
//! An agent is one file or folder and one line in [`ALL`]. A parser is pure: lines in, events out.
//! It keeps what it does not know as `Custom` events and never fails for the sake of one record.

mod agenix;
mod aider;
mod amazon_q;
mod amp;
mod antigravity;
mod apply_patch;
mod auggie;
mod chat;
mod claude_code;
mod cline;
mod codex;
mod compressed;
mod continue_dev;
mod copies;
mod copilot_chat;
mod copilot_cli;
mod crush;
mod cursor;
mod database;
mod detect;
pub(crate) mod diff;
mod document;
mod editors;
mod factory_droid;
mod field;
mod folders;
mod forge;
mod forks;
mod gemini_cli;
mod generic;
mod goose;
mod gptme;
mod grok;
mod hail;
mod hermes;
mod identity;
mod iflow;
mod junie;
mod kimi;
mod kinds;
mod kiro;
mod kiro_ide;
mod log;
mod media;
mod message;
mod opencode;
mod openhands;
mod ox;
mod parts;
mod pi;
mod q_conversation;
mod q_tools;
mod qwen_code;
mod records;
mod swe_agent;
mod tokens;
mod tool;
mod tracked;
mod trae_agent;
mod transcript;
mod vibe;
mod warp;
mod zed;

use std::{fs::DirEntry, path::Path};

use thiserror::Error;

pub use copies::CopyKeeper;
pub use detect::{DetectError, Sample, detect};
pub use forks::is_of;
pub use generic::{Generic, MapError};
pub use kinds::{Counting, Kinds, Unknown};
pub use log::{Log, LogFile, MAX_DOCUMENT_BYTES, ParseError, Parsed, Warning, parse_session};
pub use tracked::is_own;

use crate::{
    environment::Environment,
    hail::{Header, Sink},
};

/// Every agent, in the order in which recognition asks them.
pub static ALL: &[&dyn Agent] = &[
    &codex::Codex,
    &codex::TraeCli,
    &gemini_cli::GeminiCli,
    &qwen_code::QwenCode,
    &copilot_cli::CopilotCli,
    &copilot_chat::CopilotChat,
    &pi::Pi,
    &pi::OhMyPi,
    &pi::OpenClaw,
    &factory_droid::FactoryDroid,
    &antigravity::Antigravity,
    &grok::Grok,
    &kimi::Kimi,
    &vibe::Vibe,
    &amazon_q::AmazonQ,
    &kiro::Kiro,
    &kiro_ide::KiroIde,
    &claude_code::ClaudeCode,
    &iflow::Iflow,
    &opencode::OpenCode,
    &opencode::KILO,
    &opencode::MIMO_CODE,
    &cursor::Cursor,
    &goose::Goose,
    &crush::Crush,
    &zed::Zed,
    &cline::Cline,
    &cline::KILO_CODE,
    &cline::ROO_CODE,
    &amp::Amp,
    &aider::Aider,
    &auggie::Auggie,
    &continue_dev::Continue,
    &forge::Forge,
    &gptme::Gptme,
    &hermes::Hermes,
    &junie::Junie,
    &openhands::OpenHands,
    &swe_agent::MiniSweAgent,
    &swe_agent::SweAgent,
    &trae_agent::TraeAgent,
    &warp::Warp,
    &agenix::Agenix,
    &ox::Ox,
    &hail::Hail,
];

/// One coding agent.
pub trait Agent: Sync {
    /// The name in HAIL's `agent.tool`, in trailers and on the command line.
    fn name(&self) -> &'static str;

    /// The name for people.
    fn title(&self) -> &'static str;

    /// The logs on this machine that may belong to `scope`, from names and metadata alone.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile>;

    /// Whether it keeps logs of its own on a machine; a mere file format does not.
    fn has_home(&self) -> bool {
        true
    }

    /// Whether it keeps its logs in the folders it works in, so that they are found only by looking
    /// there.
    fn is_local(&self) -> bool {
        false
    }

    /// Whether the first records of a file are this agent's.
    fn recognises(&self, sample: &Sample) -> bool;

    /// The name of the agent that this one is a fork of, where their logs may look the same. What it
    /// [`recognises`](Self::recognises) then is what only the fork writes.
    fn forked_from(&self) -> Option<&'static str> {
        None
    }

    /// Whether a log at `path` is in a folder of this fork: what decides where the content tells no more than the
    /// agent that it is a fork of.
    fn keeps(&self, _: &Path) -> bool {
        false
    }

    /// The sessions of a log, the log itself where it holds one.
    ///
    /// # Errors
    /// When a file that may hold several cannot be read.
    fn sessions(&self, log: &LogFile) -> Result<Vec<LogFile>, ParseError> {
        Ok(vec![log.clone()])
    }

    /// Puts those logs together that are of one session in several files.
    fn join(&self, logs: Vec<LogFile>) -> Vec<LogFile> {
        logs
    }

    /// The log with all other files of its session.
    fn whole(&self, log: LogFile) -> LogFile {
        log
    }

    /// Whether a log grows line by line, so that a later look may begin where the last one ended.
    fn is_appended(&self, path: &Path) -> bool {
        path.extension().is_some_and(|extension| extension == "jsonl")
    }

    /// Reads a log to its end; the events go to `sink` in the order of the log, the header exactly
    /// once.
    ///
    /// # Errors
    /// When the input fails, or holds not one record of this agent.
    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError>;

    /// The directory a session worked in, from the first records of its log.
    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        sample.records.iter().find_map(|record| record.get("cwd")?.as_str())
    }

    /// Whether the header comes first and the events are in order, so that a parse can be written
    /// out as it goes.
    fn is_streaming(&self) -> bool {
        false
    }
}

/// Which logs are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope<'a> {
    /// Only logs that may come from a session in this folder, below it or above it.
    pub folder: Option<&'a Path>,
    /// Only logs modified since then.
    pub since: Option<std::time::SystemTime>,
    /// Logs that nobody waits for, sorted by path; an agent that keeps all logs in one place leaves them out, since
    /// to look at a file costs more than all else.
    pub left_out: &'a [&'a str],
}

impl Scope<'_> {
    /// Looks at an entry of a folder, unless it is left out.
    fn look_at(&self, entry: &DirEntry) -> Option<LogFile> {
        let is_left_out = |path: &Path| path.to_str().is_some_and(|name| self.left_out.binary_search(&name).is_ok());
        let is_wanted = self.left_out.is_empty() || !is_left_out(&entry.path());
        is_wanted.then(|| LogFile::of(entry)).flatten()
    }
}

/// A name that is no agent's.
#[derive(Debug, Error)]
#[error("'{name}' is not an agent; known are {}", names().join(", "))]
pub struct UnknownAgent {
    name: String,
}

/// The names of all agents.
#[must_use]
pub fn names() -> Vec<&'static str> {
    ALL.iter().map(|agent| agent.name()).collect()
}

/// Finds an agent by its name.
///
/// # Errors
/// When there is none of that name.
pub fn by_name(name: &str) -> Result<&'static dyn Agent, UnknownAgent> {
    ALL.iter().copied().find(|agent| agent.name() == name).ok_or_else(|| UnknownAgent { name: name.to_owned() })
}

/// Whether a session worked in `folder`, where its log has only a hash of the directory.
#[must_use]
pub fn has_hash_of(header: &Header, folder: &Path) -> bool {
    gemini_cli::is_project(header, folder)
}
