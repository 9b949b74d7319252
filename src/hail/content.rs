//! What an event holds: an ordered list of typed blocks.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::Text;

/// The body of an event.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// The blocks in order; written even when there are none.
    #[serde(default, deserialize_with = "super::or_default")]
    pub blocks: Vec<Block>,
}

/// One typed piece of content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", remote = "Self")]
pub enum Block {
    /// Prose, or the raw output of a tool.
    Text {
        /// The text.
        text: Text,
    },
    /// Source code.
    Code {
        /// The code.
        code: String,
        /// Its language, as the agent names it.
        #[serde(skip_serializing_if = "Option::is_none")]
        language: Option<String>,
        /// The 1-based line of the file at which it starts.
        #[serde(skip_serializing_if = "Option::is_none")]
        start_line: Option<u64>,
    },
    /// A picture, inline as a `data:` URL or elsewhere.
    Image {
        /// Where it is.
        url: String,
        /// What it shows.
        #[serde(skip_serializing_if = "Option::is_none")]
        alt: Option<String>,
        /// Its media type.
        mime: String,
    },
    /// A film.
    Video {
        /// Where it is.
        url: String,
        /// Its media type.
        mime: String,
    },
    /// A sound.
    Audio {
        /// Where it is.
        url: String,
        /// Its media type.
        mime: String,
    },
    /// A file, with its content where the agent had it.
    File {
        /// Its path, as the agent wrote it.
        path: String,
        /// Its whole content.
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<String>,
    },
    /// Structured data.
    Json {
        /// The value.
        data: Value,
    },
    /// Something kept elsewhere.
    Reference {
        /// Where it is.
        uri: String,
        /// Its media type.
        media_type: String,
    },
}

impl Content {
    /// Content of one text block, or of none when `text` is empty.
    #[must_use]
    pub fn text(text: impl Into<Text>) -> Self {
        let text = text.into();
        let blocks = if text.is_empty() { Vec::new() } else { vec![Block::Text { text }] };
        Self { blocks }
    }

    /// Content of one JSON block.
    #[must_use]
    pub fn json(data: Value) -> Self {
        Self { blocks: vec![Block::Json { data }] }
    }

    /// The text blocks, joined by line feeds.
    #[must_use]
    pub fn to_text(&self) -> String {
        let texts: Vec<&str> = self.texts().collect();
        texts.join("\n")
    }

    /// The text blocks one by one.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Text { text } => Some(text.as_str()),
            _ => None,
        })
    }
}

// The derived code serves the known kinds; a block of any other kind is kept as JSON, not dropped.
impl Serialize for Block {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Block {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let data = Value::deserialize(deserializer)?;
        Ok(Self::deserialize(&data).unwrap_or(Self::Json { data }))
    }
}
