//! A session's metadata: what lists and filters need without reading its events.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{BranchName, Capture, Link};
use crate::{
    hail::{Canonical, Header, SessionId, Stats, Timestamp, attribute, or_default},
    redact::Redacted,
};

/// The version of the metadata's shape.
const SCHEMA_VERSION: u64 = 2;

/// What older versions wrote of the native log, and is not written again: by it a guess of what was redacted can
/// be confirmed.
const TELLTALE: [&str; 2] = ["native_sha256", "native_bytes"];

/// The content of a `.meta.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Meta {
    /// The version of this shape; OpenSession's first had none.
    #[serde(default = "first_version")]
    pub schema_version: u64,
    /// The session.
    pub session_id: SessionId,
    /// One line for lists.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
    /// The agent.
    #[serde(default, deserialize_with = "or_default")]
    pub tool: String,
    /// The model.
    #[serde(default, deserialize_with = "or_default")]
    pub model: String,
    /// `primary` or `auxiliary`.
    #[serde(default, deserialize_with = "or_default")]
    pub session_role: String,
    /// The numbers of the session's last line.
    #[serde(default, deserialize_with = "or_default")]
    pub stats: Stats,
    /// Where in git it belongs.
    #[serde(default, deserialize_with = "or_default")]
    pub git: GitFacts,
    /// What only this tool writes and reads.
    #[serde(default, deserialize_with = "or_default", rename = "git_session", skip_serializing_if = "Own::is_empty")]
    pub own: Own,
    /// What a newer version or another tool put there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Where in git a session belongs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GitFacts {
    /// The remote's URL, without credentials.
    pub remote: Option<String>,
    /// The repository's name, `owner/name` where the URL tells it.
    pub repo_name: Option<String>,
    /// The branch.
    #[serde(deserialize_with = "or_default")]
    pub branch: String,
    /// HEAD when it was stored.
    pub head: Option<String>,
    /// The commits it had a part in, sorted.
    #[serde(deserialize_with = "or_default")]
    pub commits: Vec<String>,
    /// What a newer version or another tool put there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// Our additions, which OpenSession ignores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Own {
    /// When the session began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// When something last happened in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Timestamp>,
    /// The agent's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_version: Option<String>,
    /// The session that started this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_session_id: Option<String>,
    /// When it was last stored in the knowledge of what was purged and redacted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Timestamp>,
    /// How often each redaction rule hit.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub redactions: BTreeMap<String, u64>,
    /// The branches it belongs to, where one ledger holds the sessions of all: as text, or as
    /// `base64url:` and the encoded bytes where they are none.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub branches: BTreeSet<String>,
    /// What a newer version put there.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

impl Meta {
    /// Describes a session that is about to be stored.
    pub(super) fn of(capture: &Capture) -> Self {
        let session = capture.session.value();
        let mut meta = Self::of_header(&session.header, session.stats.clone());
        meta.git = capture.git.clone();
        meta.own.redactions.clone_from(&capture.session.summary().rules);
        meta.own.cleared_at = capture.cleared_at;
        meta.with_commits(&capture.links)
    }

    /// Adds commits that the session had a part in.
    pub(super) fn with_commits(mut self, links: &[Link]) -> Self {
        self.git.commits.extend(links.iter().map(|link| link.commit.to_string()));
        self.git.commits.sort();
        self.git.commits.dedup();
        self
    }

    /// Adds commits to stored metadata and nothing else: what another tool wrote stays as it is.
    /// Returns `None` where it cannot be read.
    pub(super) fn linked(stored: &[u8], links: &[Link]) -> Option<Vec<u8>> {
        let meta = Self::parse(stored).ok()?.with_commits(links);
        let mut value: Value = serde_json::from_slice(stored).ok()?;
        let git = value.as_object_mut()?.entry("git").or_insert_with(|| Value::Object(Map::new()));
        if git.is_null() {
            *git = Value::Object(Map::new());
        }
        git.as_object_mut()?.insert("commits".to_owned(), meta.git.commits.into());
        if let Some(own) = value.get_mut("git_session").and_then(Value::as_object_mut) {
            own.retain(|key, _| !TELLTALE.contains(&key.as_str()));
        }
        serde_json::to_vec_pretty(&value).ok()
    }

    /// Describes a session of which only the events are stored.
    pub(super) fn of_header(header: &Header, stats: Stats) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            session_id: header.session_id.clone(),
            title: header.context.title.clone(),
            tool: header.agent.tool.clone(),
            model: header.agent.model.clone(),
            session_role: header.role().to_owned(),
            stats,
            git: GitFacts::default(),
            own: Own {
                created_at: Some(header.context.created_at),
                updated_at: Some(header.context.updated_at),
                tool_version: header.agent.tool_version.clone(),
                parent_session_id: header.attribute(attribute::PARENT_SESSION_ID).map(str::to_owned),
                ..Own::default()
            },
            other: Map::new(),
        }
    }

    /// What can be said of a session of which nothing is here but its name.
    pub(super) fn unknown(id: &SessionId) -> Self {
        let agent = crate::hail::Agent::default();
        Self::of_header(&Header::new(id.clone(), agent, Timestamp::EPOCH), Stats::default()).without_times()
    }

    fn without_times(mut self) -> Self {
        (self.own.created_at, self.own.updated_at) = (None, None);
        self
    }

    /// Reads stored metadata.
    ///
    /// # Errors
    /// When the bytes are no metadata, with what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut meta: Self = serde_json::from_slice(bytes).map_err(|fault| fault.to_string())?;
        meta.own.other.retain(|key, _| !TELLTALE.contains(&key.as_str()));
        Ok(meta)
    }

    /// The bytes to store: pretty-printed with sorted keys, as OpenSession writes them.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let value = serde_json::to_value(self).expect("metadata has string keys only");
        serde_json::to_vec_pretty(&value).expect("metadata has string keys only")
    }

    /// Takes over what another version of the same session knows and what belongs to the session
    /// rather than to the version: its commits, and whatever other tools or people added.
    pub(super) fn absorbing(mut self, other: &Self) -> Self {
        self.git.commits.extend(other.git.commits.iter().cloned());
        self.git.commits.sort();
        self.git.commits.dedup();
        self.own.branches.extend(other.own.branches.iter().cloned());
        greatest(&mut self.other, &other.other);
        greatest(&mut self.git.other, &other.git.other);
        greatest(&mut self.own.other, &other.own.other);
        self
    }

    /// Describes a version after it was redacted again.
    pub(super) fn redacted_as(mut self, session: &Redacted<Canonical>) -> Self {
        let header = &session.value().header;
        self.title.clone_from(&header.context.title);
        self.tool.clone_from(&header.agent.tool);
        self.model.clone_from(&header.agent.model);
        self.own.tool_version.clone_from(&header.agent.tool_version);
        self.stats = session.value().stats.clone();
        self.own.created_at = Some(header.context.created_at);
        self.own.updated_at = Some(header.context.updated_at);
        for (rule, count) in &session.summary().rules {
            *self.own.redactions.entry(rule.clone()).or_default() += count;
        }
        self
    }

    /// The same with `redact` applied to every text in it.
    pub(super) fn cleared(mut self, now: Timestamp, redact: &dyn Fn(&str) -> String) -> Self {
        let (remote, name) = (&mut self.git.remote, &mut self.git.repo_name);
        let own = [&mut self.own.tool_version, &mut self.own.parent_session_id];
        let optional = [remote, name].into_iter().chain(own).filter_map(Option::as_mut);
        let texts = [&mut self.title, &mut self.tool, &mut self.model, &mut self.session_role];
        for text in texts.into_iter().chain(optional) {
            *text = redact(text);
        }
        for value in [&mut self.other, &mut self.git.other, &mut self.own.other].into_iter().flat_map(Map::values_mut) {
            clear(value, redact);
        }
        self.own.cleared_at = self.own.cleared_at.max(Some(now));
        self
    }

    /// Tells `look` every text in it that `Self::cleared` would redact.
    pub fn look_at_texts(&self, look: &dyn Fn(&str)) {
        let _ = self.clone().cleared(Timestamp::EPOCH, &|text| {
            look(text);
            text.to_owned()
        });
    }

    /// Notes that the session belongs to `branch` too.
    pub(super) fn of_branch(mut self, branch: &BranchName) -> Self {
        self.own.branches.insert(branch.spelled());
        self
    }

    /// The branches it belongs to, as far as it says so itself, the one it was last stored for first.
    pub(super) fn branches(&self) -> Vec<BranchName> {
        let named = self.own.branches.iter().filter(|name| !name.is_empty());
        let mut branches: Vec<BranchName> = named.map(|name| BranchName::spelling(name)).collect();
        if branches.is_empty() && !self.git.branch.is_empty() {
            branches.push(BranchName::from(self.git.branch.as_str()));
        }
        branches.sort_by_key(|branch| branch.to_string() != self.git.branch);
        branches
    }

    /// Merges two descriptions of the same events: field by field the greater value, and all commits.
    pub(super) fn merged(self, other: &Self) -> Self {
        let fields = |meta: &Self| match serde_json::to_value(meta) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let mut merged = fields(&self);
        greatest(&mut merged, &fields(other));
        let parsed = serde_json::from_value::<Self>(Value::Object(merged)).unwrap_or_else(|_| self.clone());
        parsed.absorbing(&self).absorbing(other)
    }
}

fn first_version() -> u64 {
    1
}

/// Applies `redact` to every text in a value.
pub(super) fn clear(value: &mut Value, redact: &dyn Fn(&str) -> String) {
    match value {
        Value::String(text) => *text = redact(text),
        Value::Array(items) => items.iter_mut().for_each(|item| clear(item, redact)),
        Value::Object(fields) => fields.values_mut().for_each(|item| clear(item, redact)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Adds the entries of `more`; of two values for one key the one with the greater text stays.
pub(super) fn greatest(map: &mut Map<String, Value>, more: &Map<String, Value>) {
    for (key, value) in more {
        let known = map.entry(key.clone()).or_insert_with(|| value.clone());
        if value.to_string().cmp(&known.to_string()).is_gt() {
            known.clone_from(value);
        }
    }
}

impl Own {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl GitFacts {
    /// Guesses `owner/name` from a remote's URL.
    #[must_use]
    pub fn name_of(url: &str) -> Option<String> {
        let path = url.split_once("://").map_or_else(
            || url.split_once(':').map_or(url, |(_, path)| path),
            |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path),
        );
        let mut parts = path.trim_matches('/').trim_end_matches(".git").rsplit('/');
        let name = parts.next().filter(|name| !name.is_empty())?;
        let owner = parts.next().filter(|owner| !["", ".", ".."].contains(owner));
        Some(owner.map_or_else(|| name.to_owned(), |owner| format!("{owner}/{name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::GitFacts;

    #[test]
    fn names_a_repository_by_its_url() {
        for (url, name) in [
            ("https://example.org/team/app.git", "team/app"),
            ("git@example.org:team/app.git", "team/app"),
            ("https://example.org/group/sub/app", "sub/app"),
            ("/srv/git/app.git", "git/app"),
            ("../app.git", "app"),
        ] {
            assert_eq!(GitFacts::name_of(url).as_deref(), Some(name), "{url}");
        }
        assert_eq!(GitFacts::name_of("https://example.org"), None);
    }
}
