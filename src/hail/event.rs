//! What happened in a session, one event at a time.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{Attributes, Content, Key, Timestamp, or_default};

/// The attribute names that readers and writers agree on.
pub mod attribute {
    /// The directory the agent worked in.
    pub const CWD: &str = "cwd";
    /// The git branch that was checked out.
    pub const GIT_BRANCH: &str = "git_branch";
    /// The address of the remote repository, as the agent recorded it, without credentials.
    pub const GIT_REMOTE: &str = "git_remote";
    /// `primary` or `auxiliary` (a subagent).
    pub const SESSION_ROLE: &str = "session_role";
    /// The session that started this one.
    pub const PARENT_SESSION_ID: &str = "parent_session_id";
    /// The version of the native record's shape.
    pub const SCHEMA_VERSION: &str = "source.schema_version";
    /// The native record's own type.
    pub const RAW_TYPE: &str = "source.raw_type";
    /// Why a native record could not be read.
    pub const FAULT: &str = "source.fault";
    /// Ties together the events of one model answer.
    pub const GROUP_ID: &str = "semantic.group_id";
    /// Ties a tool's result to its call.
    pub const CALL_ID: &str = "semantic.call_id";
    /// What kind of tool was called.
    pub const TOOL_KIND: &str = "semantic.tool_kind";
    /// The model that answered.
    pub const MODEL: &str = "model";
    /// Fresh input tokens of one answer, without cache reads and writes.
    pub const INPUT_TOKENS: &str = "input_tokens";
    /// Output tokens of one answer, reasoning included.
    pub const OUTPUT_TOKENS: &str = "output_tokens";
    /// Input tokens so far: the maximum counts.
    pub const INPUT_TOKENS_TOTAL: &str = "input_tokens_total";
    /// Output tokens so far: the maximum counts.
    pub const OUTPUT_TOKENS_TOTAL: &str = "output_tokens_total";
    /// Input tokens read from the provider's cache.
    pub const CACHE_READ_TOKENS: &str = "cache_read_tokens";
    /// Input tokens written to the provider's cache.
    pub const CACHE_WRITE_TOKENS: &str = "cache_write_tokens";
    /// The part of the output tokens that was reasoning.
    pub const REASONING_TOKENS: &str = "reasoning_tokens";
    /// What the answer cost, in US dollars, as the agent reports it.
    pub const COST_USD: &str = "cost_usd";
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Unique within the session and the same at every parse of the same log.
    pub event_id: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// What it was.
    pub event_type: EventType,
    /// The task it belongs to, where the agent has tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// What was said or returned.
    #[serde(default, deserialize_with = "or_default")]
    pub content: Content,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// Everything else that is known about it.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Attributes::is_empty")]
    pub attributes: Attributes,
}

/// The kind of an event, with what only that kind has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data", remote = "Self")]
pub enum EventType {
    /// What the person said.
    UserMessage,
    /// What the agent answered.
    AgentMessage,
    /// What the harness said, or injected on the person's behalf.
    SystemMessage,
    /// The agent's reasoning.
    Thinking,
    /// A call of a tool that has no kind of its own.
    ToolCall {
        /// The tool's name.
        name: String,
    },
    /// What a tool returned.
    ToolResult {
        /// The tool's name.
        name: String,
        /// Whether it failed.
        is_error: bool,
        /// The call it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call_id: Option<String>,
    },
    /// A file was read.
    FileRead {
        /// Its path.
        path: String,
    },
    /// File contents were searched.
    CodeSearch {
        /// The query.
        query: String,
    },
    /// File names were searched.
    FileSearch {
        /// The pattern.
        pattern: String,
    },
    /// A file was changed.
    FileEdit {
        /// Its path.
        path: String,
        /// What changed, as a unified diff.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        diff: Option<String>,
    },
    /// A file was created or overwritten as a whole.
    FileCreate {
        /// Its path.
        path: String,
    },
    /// A file was deleted.
    FileDelete {
        /// Its path.
        path: String,
    },
    /// A command was run.
    ShellCommand {
        /// The command line.
        command: String,
        /// Its exit code, once known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit_code: Option<i32>,
    },
    /// An image was made.
    ImageGenerate {
        /// The prompt.
        prompt: String,
    },
    /// A video was made.
    VideoGenerate {
        /// The prompt.
        prompt: String,
    },
    /// A sound was made.
    AudioGenerate {
        /// The prompt.
        prompt: String,
    },
    /// The web was searched.
    WebSearch {
        /// The query.
        query: String,
    },
    /// A page was fetched.
    WebFetch {
        /// Its address.
        url: String,
    },
    /// A task began.
    TaskStart {
        /// Its title.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
    },
    /// A task ended.
    TaskEnd {
        /// Its outcome.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        summary: Option<String>,
    },
    /// A record that has no other place here.
    Custom {
        /// The native record's type.
        kind: String,
    },
}

// The derived code serves the known kinds; any other kind, of a newer version, becomes `Custom`.
impl Serialize for EventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for EventType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::deserialize(&value).or_else(|fault| match value.get("type").and_then(Value::as_str) {
            Some(kind) if !KINDS.contains(&kind) => Ok(Self::Custom { kind: kind.to_owned() }),
            _ => Err(serde::de::Error::custom(fault)),
        })
    }
}

const KINDS: [&str; 21] = [
    "UserMessage",
    "AgentMessage",
    "SystemMessage",
    "Thinking",
    "ToolCall",
    "ToolResult",
    "FileRead",
    "CodeSearch",
    "FileSearch",
    "FileEdit",
    "FileCreate",
    "FileDelete",
    "ShellCommand",
    "ImageGenerate",
    "VideoGenerate",
    "AudioGenerate",
    "WebSearch",
    "WebFetch",
    "TaskStart",
    "TaskEnd",
    "Custom",
];

impl EventType {
    /// The path of the file that the event changed, created or deleted.
    #[must_use]
    pub fn changed_path(&self) -> Option<&str> {
        match self {
            Self::FileEdit { path, .. } | Self::FileCreate { path } | Self::FileDelete { path } => Some(path),
            _ => None,
        }
    }

    /// Whether the agent called a tool here.
    #[must_use]
    pub fn is_tool_call(&self) -> bool {
        match self {
            Self::UserMessage
            | Self::AgentMessage
            | Self::SystemMessage
            | Self::Thinking
            | Self::ToolResult { .. }
            | Self::TaskStart { .. }
            | Self::TaskEnd { .. }
            | Self::Custom { .. } => false,
            Self::ToolCall { .. }
            | Self::FileRead { .. }
            | Self::CodeSearch { .. }
            | Self::FileSearch { .. }
            | Self::FileEdit { .. }
            | Self::FileCreate { .. }
            | Self::FileDelete { .. }
            | Self::ShellCommand { .. }
            | Self::ImageGenerate { .. }
            | Self::VideoGenerate { .. }
            | Self::AudioGenerate { .. }
            | Self::WebSearch { .. }
            | Self::WebFetch { .. } => true,
        }
    }
}

impl Event {
    /// Makes an event without content or attributes.
    #[must_use]
    pub fn new(event_id: impl Into<String>, timestamp: Timestamp, event_type: EventType) -> Self {
        Self {
            event_id: event_id.into(),
            timestamp,
            event_type,
            task_id: None,
            content: Content::default(),
            duration_ms: None,
            attributes: Attributes::new(),
        }
    }

    /// Sets the content.
    #[must_use]
    pub fn with_content(mut self, content: Content) -> Self {
        self.content = content;
        self
    }

    /// Sets an attribute.
    #[must_use]
    pub fn with(mut self, key: impl Into<Key>, value: impl Into<Value>) -> Self {
        self.attributes.insert(key, value.into());
        self
    }

    /// Reads a count from an attribute; anything but a natural number counts as zero.
    #[must_use]
    pub fn count(&self, key: &str) -> u64 {
        self.attributes.get(key).and_then(Value::as_u64).unwrap_or(0)
    }
}
