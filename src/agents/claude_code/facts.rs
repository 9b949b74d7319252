//! What the records tell about the session as a whole.

use std::{ffi::OsStr, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    discovery,
    records::{Record, Word},
    seen::Seen,
};
use crate::hail::{Agent, Content, Header, ObjectHash, SessionId, Timestamp, attribute, title_of};

/// The attribute that names where the title came from, so that the next part of a log can tell
/// whether it knows a better one.
const TITLE_SOURCE: &str = "title_source";

/// Where a title may come from, best last.
const TITLE_RANKS: [&str; 5] = ["command", "prompt", "summary", "ai-title", "custom-title"];

/// Collected while the records pass.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Facts {
    sessions: Vec<String>,
    last_session: Option<String>,
    last_talk: Option<String>,
    agent: Option<String>,
    has_main_talk: bool,
    has_sidechain: bool,
    cwd: Option<String>,
    branch: Option<String>,
    version: Option<String>,
    model: Option<String>,
    prompt: Option<String>,
    command: Option<String>,
    summaries: Vec<(String, String)>,
    ai_title: Option<String>,
    custom_title: Option<String>,
    teleported: Option<Value>,
    /// The id made of the first record, for a session that has none.
    nameless: Option<SessionId>,
    /// The session of which this one copied the beginning.
    #[serde(default)]
    forked_from: Option<String>,
}

impl Facts {
    /// Takes a record as it passes.
    pub(super) fn note(&mut self, record: &Record<'_>, line: &str) {
        self.nameless.get_or_insert_with(|| nameless(&ObjectHash::of(line.as_bytes()).short()));
        let is_talk = matches!(record.kind(), "user" | "assistant");
        if let Some(session) = record.session.as_deref() {
            self.note_session(session, is_talk);
        }
        if is_talk {
            self.has_main_talk |= !record.is_sidechain;
            self.has_sidechain |= record.is_sidechain;
            if record.is_sidechain {
                first(&mut self.agent, &record.agent);
            }
        }
        first(&mut self.cwd, &record.cwd);
        first(&mut self.branch, &record.branch);
        last(&mut self.version, record.version.as_deref());
        let text = |key: &str| record.rest.text(key).filter(|text| !text.trim().is_empty());
        match record.kind() {
            "assistant" => last(&mut self.model, model_of(record)),
            "system" => {
                // As the program prints it for other programs.
                let [version, model] = ["claude_code_version", "model"].map(text);
                last(&mut self.version, version.as_deref());
                if self.model.is_none() {
                    last(&mut self.model, model.as_deref().filter(|model| !is_synthetic(model)));
                }
            }
            "custom-title" => self.custom_title = text("customTitle").map(|text| title_of(&text)),
            "ai-title" => self.ai_title = text("aiTitle").map(|text| title_of(&text)).or(self.ai_title.take()),
            "summary" => {
                let summary = text("leafUuid").zip(text("summary"));
                self.summaries.extend(summary.map(|(leaf, summary)| (leaf.into_owned(), title_of(&summary))));
            }
            "teleported-from" => self.teleported = serde_json::from_str(line).ok(),
            _ => {}
        }
    }

    fn note_session(&mut self, session: &str, is_talk: bool) {
        let is_last = self.last_session.as_deref() == Some(session);
        if !is_last && session.parse::<SessionId>().is_err() {
            return;
        }
        if !is_last && !self.sessions.iter().any(|known| known == session) {
            self.sessions.push(session.to_owned());
        }
        last(&mut self.last_session, Some(session));
        if is_talk {
            last(&mut self.last_talk, Some(session));
        }
    }

    /// Takes the session of which this one copied the beginning; says whether that is news.
    pub(super) fn note_fork(&mut self, session: &str) -> bool {
        if self.forked_from.as_deref() == Some(session) {
            return false;
        }
        self.forked_from = Some(session.to_owned());
        if session.parse::<SessionId>().is_ok() && !self.sessions.iter().any(|known| known == session) {
            self.sessions.push(session.to_owned());
        }
        true
    }

    /// Takes the title that a prompt makes, of which the first counts.
    pub(super) fn note_prompt(&mut self, title: impl FnOnce() -> String) {
        if self.prompt.is_none() {
            self.prompt = Some(title()).filter(|title| !title.is_empty());
        }
    }

    /// Takes injected text: a slash command stands in for a title where no prompt is.
    pub(super) fn note_command(&mut self, content: &Content) {
        let Some(text) = content.texts().next().filter(|_| self.command.is_none()) else { return };
        let tagged = |tag: &str| {
            let (_, after) = text.split_once(&format!("<{tag}>"))?;
            after.split_once(&format!("</{tag}>")).map(|(inner, _)| inner.trim())
        };
        if let Some(name) = tagged("command-name").filter(|_| text.trim_start().starts_with("<command-")) {
            self.command = Some(title_of(&format!("{name} {}", tagged("command-args").unwrap_or_default())));
        }
    }

    /// Whether anything was said in the main conversation, as against a subagent's.
    pub(super) fn has_main_talk(&self) -> bool {
        self.has_main_talk
    }

    /// The header, starting from what an earlier parse learned where there is that.
    pub(super) fn header(self, resumed: Option<Header>, path: Option<&Path>, time: Timestamp, seen: &Seen) -> Header {
        let mut header = resumed.unwrap_or_else(|| self.new_header(path, time));
        let agent = &mut header.agent;
        agent.model = self.model.clone().unwrap_or_else(|| std::mem::take(&mut agent.model));
        agent.tool_version = self.version.clone().or_else(|| agent.tool_version.take());
        let id = header.session_id.to_string();
        let parent = header.attribute(attribute::PARENT_SESSION_ID).map(str::to_owned);
        let related = &mut header.context.related_session_ids;
        for session in &self.sessions {
            if *session != id && Some(session) != parent.as_ref() && !related.contains(session) {
                related.push(session.clone());
            }
        }
        self.put_title(&mut header, seen);
        let facts = [
            (attribute::CWD, self.cwd.map(Value::from)),
            (attribute::GIT_BRANCH, self.branch.map(Value::from)),
            ("teleported_from", self.teleported),
        ];
        for (key, fact) in facts {
            if let Some(fact) = fact.filter(|_| !header.context.attributes.contains_key(key)) {
                header.context.attributes.insert(key, fact);
            }
        }
        header
    }

    fn new_header(&self, path: Option<&Path>, time: Timestamp) -> Header {
        let agent = Agent {
            provider: "anthropic".to_owned(),
            model: "unknown".to_owned(),
            tool: "claude-code".to_owned(),
            tool_version: None,
        };
        let subagent = self.subagent(path);
        let id = subagent.clone().unwrap_or_else(|| self.session(path));
        let mut header = Header::new(id, agent, time);
        let role = if subagent.is_some() { "auxiliary" } else { "primary" };
        header.context.attributes.insert(attribute::SESSION_ROLE, role.into());
        if subagent.is_some()
            && let Some(parent) = self.parent(path, header.session_id.as_str())
        {
            header.context.attributes.insert(attribute::PARENT_SESSION_ID, parent.into());
        }
        header
    }

    /// The id of a subagent's session: its file is named `agent-<id>`, or all it says is said
    /// beside the main conversation, by an agent with an id.
    fn subagent(&self, path: Option<&Path>) -> Option<SessionId> {
        let named = stem(path).filter(|stem| stem.starts_with("agent-"));
        let told = self.agent.as_deref().filter(|_| self.has_sidechain && !self.has_main_talk);
        match (named, told) {
            (Some(stem), None) => stem.parse().ok(),
            (_, Some(agent)) => format!("agent-{agent}").parse().ok(),
            (None, None) => None,
        }
    }

    /// The session that started this one: named by the records, else by the folder.
    fn parent(&self, path: Option<&Path>, id: &str) -> Option<String> {
        let told = self.last_talk.clone().filter(|session| session != id);
        told.or_else(|| {
            let session: SessionId = discovery::session_folder(path?)?.file_name()?.to_str()?.parse().ok()?;
            Some(session.to_string())
        })
    }

    /// The id of the session. A resumed session's file can hold records of several ids: the file
    /// name is the program's own choice among them. Under any other name (a copy, standard input)
    /// it is the id under which the conversation was last continued; progress and mode records do
    /// not count, for hooks go on reporting under the earlier id.
    fn session(&self, path: Option<&Path>) -> SessionId {
        let named = stem(path).filter(|stem| self.sessions.iter().any(|session| session == stem));
        let told = named.or(self.last_talk.as_deref()).or(self.last_session.as_deref()).or(stem(path));
        told.and_then(|id| id.parse().ok()).or_else(|| self.nameless.clone()).unwrap_or_else(|| nameless("empty"))
    }

    fn put_title(&self, header: &mut Header, seen: &Seen) {
        let summary = self.summaries.iter().rev().find(|(leaf, _)| seen.contains(leaf)).map(|(_, text)| text);
        let titles =
            [self.command.as_ref(), self.prompt.as_ref(), summary, self.ai_title.as_ref(), self.custom_title.as_ref()];
        let best = (0..titles.len()).rev().find_map(|rank| Some((rank, titles[rank]?)));
        let Some((rank, title)) = best else { return };
        let known = header.attribute(TITLE_SOURCE).unwrap_or_default();
        let known = TITLE_RANKS.iter().position(|source| *source == known);
        // The first command and the first prompt count, the last of everything else.
        if known.is_none_or(|known| rank > known || (rank == known && rank > 1)) {
            header.context.title.clone_from(title);
            header.context.attributes.insert(TITLE_SOURCE, TITLE_RANKS[rank].into());
        }
    }
}

fn nameless(hash: &str) -> SessionId {
    format!("claude-code-{hash}").parse().expect("letters, digits and dashes")
}

/// The model that answered; `<synthetic>` stands for messages that the program made up.
pub(super) fn model_of<'a>(record: &'a Record<'_>) -> Option<&'a str> {
    record.message.as_ref()?.model.as_deref().filter(|model| !is_synthetic(model))
}

/// Whether `model` is none.
pub(super) fn is_synthetic(model: &str) -> bool {
    model == "<synthetic>"
}

fn stem(path: Option<&Path>) -> Option<&str> {
    path?.file_stem().and_then(OsStr::to_str)
}

fn first(fact: &mut Option<String>, text: &Word<'_>) {
    if fact.is_none() {
        *fact = text.as_deref().filter(|text| !text.is_empty()).map(str::to_owned);
    }
}

fn last(fact: &mut Option<String>, text: Option<&str>) {
    if let Some(text) = text
        && fact.as_deref() != Some(text)
    {
        *fact = Some(text.to_owned());
    }
}
