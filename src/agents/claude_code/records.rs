//! The lines of a log, borrowed from the line they were read from.
//!
//! Field names were learned from logs of the versions 1.0.24 to 2.1.220. What is not named here
//! stays in [`Record::rest`] as raw JSON, so that a new field is carried along unread.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::loose::Loose;

/// A string that borrows from the line unless it has escapes, also inside an `Option`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl Text<'_> {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn into_string(self) -> String {
        self.0.into_owned()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

/// The fields of an object, values unread.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(pub(super) Vec<(Text<'a>, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// The value of `key` read as a `T`, if it is there and is one.
    pub(super) fn read<T: Deserialize<'a>>(&self, key: &str) -> Option<T> {
        let (_, raw) = self.0.iter().find(|(name, _)| name.as_str() == key)?;
        serde_json::from_str(raw.get()).ok()
    }

    /// The value of `key` where it is a string.
    pub(super) fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.read::<Text<'a>>(key).map(|text| text.0)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut fields = Fields::default();
        while let Some(field) = map.next_entry()? {
            fields.0.push(field);
        }
        Ok(fields)
    }
}

/// One line.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    pub(super) kind: Option<Text<'a>>,
    pub(super) subtype: Option<Text<'a>>,
    pub(super) uuid: Option<Text<'a>>,
    pub(super) parent: Option<Text<'a>>,
    pub(super) session: Option<Text<'a>>,
    pub(super) agent: Option<Text<'a>>,
    pub(super) timestamp: Option<Text<'a>>,
    pub(super) cwd: Option<Text<'a>>,
    pub(super) branch: Option<Text<'a>>,
    pub(super) version: Option<Text<'a>>,
    pub(super) request: Option<Text<'a>>,
    pub(super) is_sidechain: bool,
    pub(super) is_meta: bool,
    pub(super) is_compact_summary: bool,
    pub(super) message: Option<Message<'a>>,
    pub(super) result: Option<Loose<'a>>,
    pub(super) data: Option<Loose<'a>>,
    pub(super) rest: Fields<'a>,
}

impl Record<'_> {
    pub(super) fn kind(&self) -> &str {
        self.kind.as_ref().map_or("unknown", Text::as_str)
    }

    /// The type with its subtype, such as `system/compact_boundary`.
    pub(super) fn full_kind(&self) -> String {
        match &self.subtype {
            Some(subtype) => format!("{}/{}", self.kind(), subtype.as_str()),
            None => self.kind().to_owned(),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Record<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RecordVisitor)
    }
}

struct RecordVisitor;

impl<'de> Visitor<'de> for RecordVisitor {
    type Value = Record<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut record = Record::default();
        let flag = |map: &mut M| map.next_value::<Option<bool>>().map(Option::unwrap_or_default);
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match key.as_str() {
                "type" => record.kind = map.next_value()?,
                "subtype" => record.subtype = map.next_value()?,
                "uuid" => record.uuid = map.next_value()?,
                "parentUuid" => record.parent = map.next_value()?,
                "sessionId" => record.session = map.next_value()?,
                "agentId" => record.agent = map.next_value()?,
                "timestamp" => record.timestamp = map.next_value()?,
                "cwd" => record.cwd = map.next_value()?,
                "gitBranch" => record.branch = map.next_value()?,
                "version" => record.version = map.next_value()?,
                "requestId" => record.request = map.next_value()?,
                "isSidechain" => record.is_sidechain = flag(&mut map)?,
                "isMeta" => record.is_meta = flag(&mut map)?,
                "isCompactSummary" => record.is_compact_summary = flag(&mut map)?,
                "message" => record.message = map.next_value()?,
                "data" => record.data = map.next_value()?,
                "toolUseResult" => record.result = map.next_value()?,
                _ => record.rest.0.push((key, map.next_value()?)),
            }
        }
        Ok(record)
    }
}

/// The API message inside a `user` or `assistant` record.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    pub(super) id: Option<Text<'a>>,
    pub(super) model: Option<Text<'a>>,
    pub(super) content: Option<Body<'a>>,
    pub(super) usage: Option<&'a RawValue>,
    pub(super) rest: Fields<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Message<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MessageVisitor)
    }
}

struct MessageVisitor;

impl<'de> Visitor<'de> for MessageVisitor {
    type Value = Message<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut message = Message::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match key.as_str() {
                "id" => message.id = map.next_value()?,
                "model" => message.model = map.next_value()?,
                "content" => message.content = map.next_value()?,
                "usage" => message.usage = map.next_value()?,
                // The same on every line: `message`, and the type of the record.
                "type" | "role" => drop(map.next_value::<IgnoredAny>()?),
                _ => message.rest.0.push((key, map.next_value()?)),
            }
        }
        Ok(message)
    }
}

/// What a message or a tool's result holds: a string in some records, blocks in others.
#[derive(Debug)]
pub(super) enum Body<'a> {
    Text(Text<'a>),
    Blocks(Vec<Block<'a>>),
    /// An object, as the results of the provider's own tools are when they fail.
    Object,
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BodyVisitor)
    }
}

struct BodyVisitor;

impl<'de> Visitor<'de> for BodyVisitor {
    type Value = Body<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, an array of blocks or an object")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Body::Text(Text(Cow::Borrowed(text))))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Body::Text(Text(Cow::Owned(text.to_owned()))))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        let mut blocks = Vec::new();
        while let Some(block) = seq.next_element()? {
            blocks.push(block);
        }
        Ok(Body::Blocks(blocks))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Body::Object)
    }
}

/// One content block. Which fields it has depends on `kind`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Block<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) thinking: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_use_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) content: Option<Body<'a>>,
    pub(super) is_error: Option<bool>,
    #[serde(borrow)]
    pub(super) source: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) citations: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) caller: Option<&'a RawValue>,
}

impl Block<'_> {
    pub(super) fn kind(&self) -> &str {
        self.kind.as_ref().map_or("", Text::as_str)
    }
}

/// Where an image or a document comes from.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Media<'a> {
    #[serde(borrow, rename = "media_type")]
    pub(super) mime: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) data: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) url: Option<Text<'a>>,
}
