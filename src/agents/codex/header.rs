//! What a log says about its session as a whole.

use std::{collections::BTreeMap, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{super::field::without_credentials, parser::Parser, repeat::Last, segments};
use crate::hail::{Agent, Content, EventType, Header, ObjectHash, SessionId, Timestamp, attribute, title_of};

/// The header while it is being learned.
#[derive(Serialize, Deserialize)]
pub(super) struct HeaderState {
    /// The model of the current turn.
    pub(super) model: Option<String>,
    header: Header,
    has_id: bool,
    /// Whether there is an id of the session, if only from the name of the file.
    is_named: bool,
    has_time: bool,
    meta: Option<Last<Value>>,
    context: BTreeMap<String, Last<Value>>,
    context_text: Option<Last<String>>,
}

impl HeaderState {
    pub(super) fn new(path: Option<&Path>, resumed: Option<Header>) -> Self {
        let is_resumed = resumed.is_some();
        let id = || id_in_name(path).unwrap_or_else(|| id_of(b""));
        let header = resumed.unwrap_or_else(|| new_header(id()));
        let model = Some(header.agent.model.clone()).filter(|model| is_resumed && model != "unknown");
        Self {
            model,
            header,
            has_id: is_resumed,
            is_named: is_resumed || id_in_name(path).is_some(),
            has_time: is_resumed,
            meta: None,
            context: BTreeMap::new(),
            context_text: None,
        }
    }

    /// The time that holds until a record brings its own.
    pub(super) fn time(&self) -> Timestamp {
        self.header.context.updated_at
    }

    /// Names the session after its first line, until a record or the file's name does better.
    pub(super) fn see_line(&mut self, line: &str) {
        if !self.is_named {
            self.is_named = true;
            self.header.session_id = id_of(line.as_bytes());
        }
    }

    /// Widens the session to `time`.
    pub(super) fn see(&mut self, time: Timestamp) {
        let context = &mut self.header.context;
        context.created_at = if self.has_time { context.created_at.min(time) } else { time };
        context.updated_at = if self.has_time { context.updated_at.max(time) } else { time };
        self.has_time = true;
    }

    /// Names the session after its first prompt, unless it has a name already.
    pub(super) fn see_prompt(&mut self, prompt: &str) {
        if self.header.context.title.is_empty() {
            self.header.context.title = title_of(prompt);
        }
    }

    /// Names a session that another agent started after the task that it was given.
    pub(super) fn see_task(&mut self, task: &str) {
        if self.header.role() == "auxiliary" {
            self.see_prompt(task);
        }
    }

    /// Takes the name that a person gave; the last one counts.
    pub(super) fn see_name(&mut self, name: &str) {
        let title = title_of(name);
        if !title.is_empty() {
            self.header.context.title = title;
        }
    }

    /// Takes the folder from the injected context, where no record has it: the bare format.
    pub(super) fn see_environment(&mut self, text: &str) {
        if !text.trim_start().starts_with("<environment_context>") || self.header.cwd().is_some() {
            return;
        }
        let between = |start: &str, end: &str| Some(text.split_once(start)?.1.split_once(end)?.0.trim().to_owned());
        let cwd = between("<cwd>", "</cwd>").or_else(|| between("Current working directory:", "\n"));
        if let Some(cwd) = cwd {
            self.set(attribute::CWD, cwd);
        }
    }

    /// The finished header.
    pub(super) fn finish(mut self) -> Header {
        if let Some(model) = self.model {
            self.header.agent.model = model;
        }
        self.header
    }

    fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.header.context.attributes.insert(key, value.into());
    }

    fn relate(&mut self, id: &str) {
        let related = &mut self.header.context.related_session_ids;
        if !id.is_empty() && id != self.header.session_id.as_str() && !related.iter().any(|known| known == id) {
            related.push(id.to_owned());
        }
    }

    /// Takes the first meta record as it is. The desktop application repeats it with every turn; a
    /// resumed or forked session begins with the copied history of another one, whose meta record
    /// follows its own: that one only becomes a related session.
    fn see_meta(&mut self, meta: &Value) {
        let text = |key: &str| meta.get(key).and_then(Value::as_str);
        let id = text("id").unwrap_or_default();
        if self.has_id {
            self.relate(id);
            return;
        }
        if let Ok(id) = id.parse() {
            self.header.session_id = id;
        }
        self.has_id = true;
        if let Some(time) = text("timestamp").and_then(|time| time.parse().ok()) {
            self.see(time);
        }
        if let Some(provider) = text("model_provider").filter(|provider| !provider.is_empty()) {
            provider.clone_into(&mut self.header.agent.provider);
        }
        self.header.agent.tool_version = text("cli_version").map(str::to_owned);
        for (from, to) in [("cwd", attribute::CWD), ("originator", "originator"), ("thread_source", "thread_source")] {
            if let Some(value) = text(from) {
                self.set(to, value);
            }
        }
        self.see_git(meta.get("git"));
        self.see_source(meta);
    }

    /// Takes the id that a stream names.
    pub(super) fn see_thread(&mut self, id: &str) {
        if let (false, Ok(id)) = (self.has_id, id.parse()) {
            self.header.session_id = id;
            self.has_id = true;
            self.set(attribute::SESSION_ROLE, "primary");
        }
    }

    /// Takes the `session_meta` of a thread of which this one copied the history.
    pub(super) fn see_copied_meta(&mut self, text: &str) {
        let meta: Value = serde_json::from_str(text).unwrap_or_default();
        self.relate(meta.get("id").and_then(Value::as_str).unwrap_or_default());
    }

    fn see_git(&mut self, git: Option<&Value>) {
        let text = |key: &str| git.and_then(|git| git.get(key)).and_then(Value::as_str);
        if let Some(branch) = text("branch") {
            self.set(attribute::GIT_BRANCH, branch);
        }
        if let Some(commit) = text("commit_hash") {
            self.set("git_commit", commit);
        }
        if let Some(url) = text("repository_url") {
            self.set("git_remote", without_credentials(url));
        }
    }

    /// Learns where the session comes from: a person, a review, or another session.
    fn see_source(&mut self, meta: &Value) {
        let text = |key: &str| meta.get(key).and_then(Value::as_str).map(str::to_owned);
        let source = meta.get("source");
        if let Some(source) = source {
            self.set("source", source.clone());
        }
        let subagent = source.and_then(|source| source.get("subagent").or_else(|| source.get("sub_agent")));
        let spawn = subagent.and_then(|subagent| subagent.get("thread_spawn"));
        let spawner = spawn.and_then(|spawn| spawn.get("parent_thread_id")).and_then(Value::as_str);
        let parent = spawner.map(str::to_owned).or_else(|| text("parent_thread_id"));
        let is_subagent = subagent.is_some() || text("thread_source").is_some_and(|source| source == "subagent");
        let role = if is_subagent || parent.is_some() { "auxiliary" } else { "primary" };
        self.set(attribute::SESSION_ROLE, role);
        if let Some(parent) = parent {
            self.set(attribute::PARENT_SESSION_ID, parent);
        }
        for id in ["forked_from_id", "forked_from", "session_id"].into_iter().filter_map(text) {
            self.relate(&id);
        }
    }
}

impl Parser<'_> {
    /// Reads a `session_meta` record; it is kept whole unless it says what the last one said.
    pub(super) fn session_meta(&mut self, text: &str) {
        let Ok(mut meta) = serde_json::from_str::<Value>(text) else { return };
        strip_remote(&mut meta);
        self.header.see_meta(&meta);
        if !self.header.meta.as_ref().is_some_and(|last| last.is(&meta)) {
            self.custom_value("session_meta", "session_meta", meta.clone());
            self.header.meta = Some(Last::Said(meta));
        }
    }

    /// Reads the first line of the bare format.
    pub(super) fn bare_header(&mut self, mut meta: Value) {
        strip_remote(&mut meta);
        self.header.see_meta(&meta);
        self.custom_value("session_meta", "session_meta", meta);
    }

    /// Reads a `turn_context` record: kept are the fields that differ from the last one, since old
    /// versions write the same with every request.
    pub(super) fn turn_context(&mut self, text: &str) {
        self.begin_request();
        if self.header.context_text.as_ref().is_some_and(|last| last.is(text)) {
            return;
        }
        self.header.context_text = Some(Last::Said(text.to_owned()));
        let Ok(mut context) = serde_json::from_str::<Map<String, Value>>(text) else { return };
        let word = |value: Option<Value>| value.and_then(|value| value.as_str().map(str::to_owned));
        if let Some(turn) = word(context.remove("turn_id")) {
            self.turn = Some(turn);
        }
        if let Some(model) = word(context.get("model").cloned()).filter(|model| !model.is_empty()) {
            self.header.model = Some(model);
        }
        if let Some(cwd) = word(context.get("cwd").cloned()).filter(|_| self.header.header.cwd().is_none()) {
            self.header.set(attribute::CWD, cwd);
        }
        let known = std::mem::take(&mut self.header.context);
        let gone = known.keys().filter(|key| !context.contains_key(*key)).map(|key| (key.clone(), Value::Null));
        let differing = context.iter().filter(|(key, value)| !known.get(*key).is_some_and(|last| last.is(*value)));
        let changes: Map<String, Value> =
            differing.map(|(key, value)| (key.clone(), value.clone())).chain(gone).collect();
        self.header.context = context.into_iter().map(|(key, value)| (key, Last::Said(value))).collect();
        if !changes.is_empty() {
            let event = self.event(EventType::Custom { kind: "turn_context".to_owned() }, "turn_context");
            self.send(event.with_content(Content::json(Value::Object(changes))));
        }
    }
}

fn new_header(id: SessionId) -> Header {
    let agent = Agent {
        provider: "openai".to_owned(),
        model: "unknown".to_owned(),
        tool: "codex".to_owned(),
        tool_version: None,
    };
    Header::new(id, agent, Timestamp::EPOCH)
}

/// The id of the thread in the file's name.
fn id_in_name(path: Option<&Path>) -> Option<SessionId> {
    segments::thread_of(path?)?.0.parse().ok()
}

/// An id for a log that names none.
fn id_of(bytes: &[u8]) -> SessionId {
    format!("codex-{}", ObjectHash::of(bytes).short()).parse().expect("hex digits make a session id")
}

fn strip_remote(meta: &mut Value) {
    if let Some(url) = meta.pointer_mut("/git/repository_url")
        && let Some(text) = url.as_str()
    {
        *url = without_credentials(text).into();
    }
}
