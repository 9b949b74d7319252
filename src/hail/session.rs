//! A whole session: who, when, where, and what happened.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::{Attributes, Event, SessionId, Sink, Stats, Timestamp, Writer, attribute, or_default};

/// The format version that is written.
pub const VERSION: &str = "hail-1.0.0";

/// A parsed session, held in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Session {
    /// The first line.
    pub header: Header,
    /// The events in chronological order.
    pub events: Vec<Event>,
    /// The last line, always computed from the events.
    pub stats: Stats,
}

/// The first line of a HAIL file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The format version, `hail-*`.
    pub version: String,
    /// The agent's own id of the session.
    pub session_id: SessionId,
    /// Who answered.
    pub agent: Agent,
    /// What it was about.
    pub context: Context,
}

/// The agent that took part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// Who serves the model, such as `anthropic`.
    pub provider: String,
    /// The model that answered most recently.
    pub model: String,
    /// The program, such as `claude-code`.
    pub tool: String,
    /// The program's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_version: Option<String>,
}

/// What a session was about, and when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// One line for lists.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
    /// A longer description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Labels.
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// When it began.
    pub created_at: Timestamp,
    /// When something last happened.
    pub updated_at: Timestamp,
    /// Sessions this one came from or led to.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub related_session_ids: Vec<String>,
    /// Everything else that is known about it.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

impl Header {
    /// Makes a header of the current version, untitled, beginning and ending at `time`.
    #[must_use]
    pub fn new(session_id: SessionId, agent: Agent, time: Timestamp) -> Self {
        Self {
            version: VERSION.to_owned(),
            session_id,
            agent,
            context: Context {
                title: String::new(),
                description: None,
                tags: Vec::new(),
                created_at: time,
                updated_at: time,
                related_session_ids: Vec::new(),
                attributes: Attributes::new(),
            },
        }
    }

    /// A textual attribute of the session.
    #[must_use]
    pub fn attribute(&self, key: &str) -> Option<&str> {
        self.context.attributes.get(key).and_then(serde_json::Value::as_str)
    }

    /// The directory the agent worked in, where known.
    #[must_use]
    pub fn cwd(&self) -> Option<&str> {
        self.attribute(attribute::CWD).or_else(|| self.attribute("working_directory"))
    }

    /// `primary`, or `auxiliary` for a subagent.
    #[must_use]
    pub fn role(&self) -> &str {
        self.attribute(attribute::SESSION_ROLE).unwrap_or("primary")
    }
}

impl Session {
    /// Writes the canonical bytes.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write<W: Write>(&self, out: W) -> io::Result<()> {
        let mut writer = Writer::new(out);
        writer.header(self.header.clone())?;
        for event in &self.events {
            writer.write_event(event)?;
        }
        writer.finish().map(drop)
    }

    /// The canonical bytes: what a hash is taken over and what a ledger stores.
    ///
    /// # Panics
    /// Never: memory takes every byte.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes).expect("writing to memory succeeds");
        bytes
    }
}
