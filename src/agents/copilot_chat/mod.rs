//! GitHub Copilot Chat and the other agents of the chat of VS Code: a document a session, later a log of
//! changes to it.
//!
//! Learned in November 2026 from the public source of VS Code (`chatModel.ts`, `chatSessionStore.ts`,
//! `objectMutationLog.ts`) and of its Copilot Chat extension (`conversation.ts`,
//! `sessionTranscriptService.ts`), and from excerpts of real logs in public issues and tests; no whole log
//! of a real session was seen. What a request says of its answer is what the window shows; the calls with
//! their arguments and results are in the metadata of its result.

mod load;
mod message;
mod tool;

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Agent, Log, LogFile, ParseError, Sample, Scope, Warning, copilot_cli, editors, folders};
use crate::{environment::Environment, hail::Sink};
use load::Loaded;

/// The folder of the Copilot extension in the storage of a workspace.
const EXTENSION: &str = "GitHub.copilot-chat";

/// The reader of the chat of VS Code.
pub(super) struct CopilotChat;

impl Agent for CopilotChat {
    fn name(&self) -> &'static str {
        "copilot-chat"
    }

    fn title(&self) -> &'static str {
        "GitHub Copilot Chat"
    }

    // The folders are named by a hash of the workspace, so the scope's folder is not asked.
    fn logs(&self, environment: &Environment, scope: &Scope<'_>) -> Vec<LogFile> {
        let users = editors::user_folders(environment);
        let found: Vec<LogFile> = users.iter().flat_map(|user| logs_of(user)).collect();
        folders::in_scope(found, scope)
    }

    fn recognises(&self, sample: &Sample) -> bool {
        sample.document.as_ref().is_some_and(is_session)
            || is_log_of_changes(sample)
            || sample.records.iter().any(copilot_cli::is_of_editor)
    }

    // A log of changes grows by lines, and each can change what was said before.
    fn is_appended(&self, _: &Path) -> bool {
        false
    }

    fn working_directory<'s>(&self, sample: &'s Sample) -> Option<&'s str> {
        sample.records.iter().find_map(|record| record.pointer("/data/context/cwd")?.as_str())
    }

    fn parse(&self, log: &mut Log<'_>, sink: &mut dyn Sink) -> Result<Vec<Warning>, ParseError> {
        let bytes = log.rest()?;
        match load::load(&bytes)? {
            Loaded::Session(session) => message::write(*session, log.path, sink),
            Loaded::Transcript => {
                let names = ("copilot-chat", "copilot-chat-transcript", self.title());
                copilot_cli::parse(&mut Log::new(bytes.as_slice(), log.path), names, sink)
            }
        }
    }
}

/// The sessions of an editor: those of its workspaces, those of windows without a folder, and those that
/// only the extension still has.
fn logs_of(user: &Path) -> Vec<LogFile> {
    let is_session = |name: &str| folders::is_jsonl(name) || folders::has_extension(name, "json");
    let mut found = Vec::new();
    for store in ["emptyWindowChatSessions", "transferredChatSessions"] {
        found.extend(folders::files(&user.join("globalStorage").join(store), is_session));
    }
    for workspace in folders::folders(&user.join("workspaceStorage"), |_| true) {
        let sessions = folders::files(&workspace.join("chatSessions"), is_session);
        let is_known = |name: &str| sessions.iter().any(|log| log.path.file_stem() == Path::new(name).file_stem());
        let transcripts = workspace.join(EXTENSION).join("transcripts");
        found.extend(folders::files(&transcripts, |name| folders::is_jsonl(name) && !is_known(name)));
        found.extend(sessions);
    }
    found.extend(folders::files(&user.join("globalStorage/github.copilot-chat/transcripts"), folders::is_jsonl));
    found
}

/// Whether a document is a session; what lies beyond the sample is not asked.
fn is_session(document: &Map<String, Value>) -> bool {
    document.get("requests").is_some_and(|requests| requests.is_array() || requests.is_null())
        && ["responderUsername", "initialLocation", "creationDate"].into_iter().any(|key| document.contains_key(key))
        && !document.contains_key("messages")
}

/// Whether a file begins with a session to which changes are added.
fn is_log_of_changes(sample: &Sample) -> bool {
    let first = sample.records.first().filter(|first| first.get("kind") == Some(&json!(0)));
    let session = first.and_then(|first| first.get("v")?.as_object());
    let start = sample.text.trim_start_matches('\u{feff}').trim_start();
    // The session may be longer than the sample.
    session.is_some_and(is_session)
        || sample.records.is_empty()
            && start.starts_with("{\"kind\":0,\"v\":{\"version\":")
            && start.contains("\"requests\":")
}
