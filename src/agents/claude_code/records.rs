//! The lines of a log, borrowed from the line they were read from.
//!
//! Field names were learned from logs of the versions 1.0.24 to 2.1.220. What is not named here
//! stays in [`Record::rest`] as raw JSON, so that a new field is carried along unread.

use std::borrow::Cow;

use serde::Deserialize;

use super::loose::Loose;
use crate::hail::{Scanner, Text};

/// A short string, which borrows from the line unless it has escapes.
pub(super) type Word<'a> = Option<Cow<'a, str>>;

/// The fields of an object, values unread.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(pub(super) Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Fields<'a> {
    /// The fields of `json` where it is an object.
    pub(super) fn of(json: &'a str) -> Option<Self> {
        Scanner::whole(json, Self::read)
    }

    pub(super) fn read(scanner: &mut Scanner<'a>) -> Option<Self> {
        let mut fields = Self::default();
        scanner.fields(|scanner, key| {
            fields.0.push((key, scanner.raw()?));
            Some(())
        })?;
        Some(fields)
    }

    /// The value of `key`, as it is spelled.
    pub(super) fn raw(&self, key: &str) -> Option<&'a str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, raw)| *raw)
    }

    /// The value of `key` as a `T`, if it is there and is one.
    pub(super) fn value<T: Deserialize<'a>>(&self, key: &str) -> Option<T> {
        serde_json::from_str(self.raw(key)?).ok()
    }

    /// The value of `key` where it is a string.
    pub(super) fn text(&self, key: &str) -> Word<'a> {
        Scanner::whole(self.raw(key)?, Scanner::string)
    }

    /// The value of `key` where it is an object.
    pub(super) fn fields(&self, key: &str) -> Option<Self> {
        Self::of(self.raw(key)?)
    }
}

/// Reads a value that may be `null`, which counts as missing.
fn fill<'a, T>(
    place: &mut Option<T>,
    scanner: &mut Scanner<'a>,
    read: impl FnOnce(&mut Scanner<'a>) -> Option<T>,
) -> Option<()> {
    *place = if scanner.is_at_null() { scanner.skip().map(|()| None)? } else { Some(read(scanner)?) };
    Some(())
}

fn flag(scanner: &mut Scanner<'_>) -> Option<bool> {
    match scanner.raw()? {
        "true" => Some(true),
        "false" | "null" => Some(false),
        _ => None,
    }
}

/// One line.
#[derive(Debug, Default)]
pub(super) struct Record<'a> {
    pub(super) kind: Word<'a>,
    pub(super) subtype: Word<'a>,
    pub(super) uuid: Word<'a>,
    pub(super) parent: Word<'a>,
    pub(super) session: Word<'a>,
    pub(super) agent: Word<'a>,
    pub(super) timestamp: Word<'a>,
    pub(super) cwd: Word<'a>,
    pub(super) branch: Word<'a>,
    pub(super) version: Word<'a>,
    pub(super) request: Word<'a>,
    pub(super) is_sidechain: bool,
    pub(super) is_meta: bool,
    pub(super) is_compact_summary: bool,
    /// Where a copied record was made.
    pub(super) forked_from: Option<&'a str>,
    /// The message as it is spelled.
    pub(super) spelling: &'a str,
    pub(super) message: Option<Message<'a>>,
    pub(super) result: Option<Loose<'a>>,
    pub(super) data: Option<Loose<'a>>,
    pub(super) rest: Fields<'a>,
}

impl<'a> Record<'a> {
    /// Reads a line; `None` where it is no object, or a field has another type than it should.
    pub(super) fn of(line: &'a str) -> Option<Self> {
        let mut record = Self::default();
        Scanner::whole(line, |scanner| scanner.fields(|scanner, key| record.field(scanner, key)))?;
        Some(record)
    }

    fn field(&mut self, scanner: &mut Scanner<'a>, key: Cow<'a, str>) -> Option<()> {
        match &*key {
            "type" => fill(&mut self.kind, scanner, Scanner::string)?,
            "subtype" => fill(&mut self.subtype, scanner, Scanner::string)?,
            "uuid" => fill(&mut self.uuid, scanner, Scanner::string)?,
            "parentUuid" => fill(&mut self.parent, scanner, Scanner::string)?,
            // The second as the program prints it for other programs.
            "sessionId" | "session_id" if self.session.is_none() => fill(&mut self.session, scanner, Scanner::string)?,
            "agentId" => fill(&mut self.agent, scanner, Scanner::string)?,
            "timestamp" => fill(&mut self.timestamp, scanner, Scanner::string)?,
            "cwd" => fill(&mut self.cwd, scanner, Scanner::string)?,
            "gitBranch" => fill(&mut self.branch, scanner, Scanner::string)?,
            "version" => fill(&mut self.version, scanner, Scanner::string)?,
            "requestId" => fill(&mut self.request, scanner, Scanner::string)?,
            "isSidechain" => self.is_sidechain = flag(scanner)?,
            // What is printed for other programs says so of a subagent's records.
            "parent_tool_use_id" if !scanner.is_at_null() => {
                self.is_sidechain = true;
                self.rest.0.push((key, scanner.raw()?));
            }
            "isMeta" => self.is_meta = flag(scanner)?,
            "isCompactSummary" => self.is_compact_summary = flag(scanner)?,
            "forkedFrom" => fill(&mut self.forked_from, scanner, Scanner::raw)?,
            "message" => {
                let before = scanner.rest();
                fill(&mut self.message, scanner, Message::read)?;
                self.spelling = &before[..before.len() - scanner.rest().len()];
            }
            "data" => fill(&mut self.data, scanner, Loose::read)?,
            "toolUseResult" => fill(&mut self.result, scanner, Loose::read)?,
            _ => self.rest.0.push((key, scanner.raw()?)),
        }
        Some(())
    }

    pub(super) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or("unknown")
    }

    /// The type with its subtype, such as `system/compact_boundary`.
    pub(super) fn full_kind(&self) -> String {
        match &self.subtype {
            Some(subtype) => format!("{}/{subtype}", self.kind()),
            None => self.kind().to_owned(),
        }
    }
}

/// The API message inside a `user` or `assistant` record.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    pub(super) id: Word<'a>,
    pub(super) model: Word<'a>,
    pub(super) content: Option<Body<'a>>,
    pub(super) usage: Option<&'a str>,
    pub(super) rest: Fields<'a>,
}

impl<'a> Message<'a> {
    /// Reads a message that stands alone.
    pub(super) fn of(json: &'a str) -> Option<Self> {
        Scanner::whole(json, Self::read)
    }

    fn read(scanner: &mut Scanner<'a>) -> Option<Self> {
        let mut message = Self::default();
        scanner.fields(|scanner, key| {
            match &*key {
                "id" => fill(&mut message.id, scanner, Scanner::string)?,
                "model" => fill(&mut message.model, scanner, Scanner::string)?,
                "content" => fill(&mut message.content, scanner, Body::read)?,
                "usage" => fill(&mut message.usage, scanner, Scanner::raw)?,
                // The same on every line: `message`, and the type of the record.
                "type" | "role" => scanner.skip()?,
                _ => message.rest.0.push((key, scanner.raw()?)),
            }
            Some(())
        })?;
        Some(message)
    }
}

/// What a message or a tool's result holds: a string in some records, blocks in others.
#[derive(Debug)]
pub(super) enum Body<'a> {
    Text(Text),
    Blocks(Vec<Block<'a>>),
    /// An object, as the results of the provider's own tools are when they fail.
    Object,
}

impl<'a> Body<'a> {
    pub(super) fn read(scanner: &mut Scanner<'a>) -> Option<Self> {
        match scanner.peek()? {
            b'"' => scanner.passage().map(Self::Text),
            b'[' => {
                let mut blocks = Vec::new();
                scanner.array(|scanner| {
                    blocks.push(Block::read(scanner)?);
                    Some(())
                })?;
                Some(Self::Blocks(blocks))
            }
            b'{' => scanner.skip().map(|()| Self::Object),
            _ => None,
        }
    }
}

/// One content block. Which fields it has depends on `kind`.
#[derive(Debug, Default)]
pub(super) struct Block<'a> {
    pub(super) kind: Word<'a>,
    pub(super) text: Option<Text>,
    pub(super) thinking: Option<Text>,
    pub(super) id: Word<'a>,
    pub(super) name: Word<'a>,
    pub(super) input: Option<&'a str>,
    pub(super) tool_use_id: Word<'a>,
    pub(super) content: Option<Body<'a>>,
    pub(super) is_error: bool,
    pub(super) source: Option<&'a str>,
    pub(super) citations: Option<&'a str>,
    pub(super) caller: Option<&'a str>,
}

impl<'a> Block<'a> {
    fn read(scanner: &mut Scanner<'a>) -> Option<Self> {
        let mut block = Self::default();
        scanner.fields(|scanner, key| {
            match &*key {
                "type" => fill(&mut block.kind, scanner, Scanner::string)?,
                "text" => fill(&mut block.text, scanner, Scanner::passage)?,
                "thinking" => fill(&mut block.thinking, scanner, Scanner::passage)?,
                "id" => fill(&mut block.id, scanner, Scanner::string)?,
                "name" => fill(&mut block.name, scanner, Scanner::string)?,
                "input" => fill(&mut block.input, scanner, Scanner::raw)?,
                "tool_use_id" => fill(&mut block.tool_use_id, scanner, Scanner::string)?,
                "content" => fill(&mut block.content, scanner, Body::read)?,
                "is_error" => block.is_error = flag(scanner)?,
                "source" => fill(&mut block.source, scanner, Scanner::raw)?,
                "citations" => fill(&mut block.citations, scanner, Scanner::raw)?,
                "caller" => fill(&mut block.caller, scanner, Scanner::raw)?,
                _ => scanner.skip()?,
            }
            Some(())
        })?;
        Some(block)
    }

    pub(super) fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }
}
