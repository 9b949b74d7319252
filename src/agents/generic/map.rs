//! The map: which field of somebody's records is what in HAIL. `docs/generic.md` describes it.

use std::{fmt, io, path::Path};

use serde::{Deserialize, Deserializer, de};
use serde_json::Value;
use thiserror::Error;

use crate::{hail::SessionId, system::files};

/// Why a map cannot be used.
#[derive(Debug, Error)]
pub enum MapError {
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not TOML, or says something that a map cannot say.
    #[error("line {line}: {cause}")]
    Content {
        /// The 1-based line.
        line: usize,
        /// What is wrong.
        cause: String,
    },
}

/// A whole map.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Map {
    /// What wrote the logs: the name in HAIL's `agent.tool`.
    #[serde(default = "generic", deserialize_with = "tool_name")]
    pub(super) tool: String,
    /// Where a document holds its records; without it every line is one.
    pub(super) records: Option<Pointer>,
    #[serde(default)]
    pub(super) session: Session,
    pub(super) record: Record,
    #[serde(default)]
    pub(super) roles: Roles,
    pub(super) calls: Option<Calls>,
    #[serde(default)]
    pub(super) result: Returned,
    #[serde(default)]
    pub(super) tokens: Counts,
}

/// Where the facts about the whole session are: in the document, or in any of the lines.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Session {
    pub(super) id: Option<Pointer>,
    pub(super) title: Option<Pointer>,
    pub(super) time: Option<Pointer>,
    pub(super) cwd: Option<Pointer>,
    pub(super) branch: Option<Pointer>,
    pub(super) version: Option<Pointer>,
    pub(super) provider: Option<Pointer>,
    pub(super) model: Option<Pointer>,
    pub(super) parent: Option<Pointer>,
}

/// Where the parts of a message are in its record.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    pub(super) role: Pointer,
    pub(super) id: Option<Pointer>,
    pub(super) time: Option<Pointer>,
    pub(super) text: Option<Pointer>,
    pub(super) thinking: Option<Pointer>,
    pub(super) model: Option<Pointer>,
}

/// What the roles are called.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Roles {
    pub(super) user: Vec<String>,
    pub(super) agent: Vec<String>,
    pub(super) system: Vec<String>,
    pub(super) thinking: Vec<String>,
    pub(super) call: Vec<String>,
    pub(super) result: Vec<String>,
    pub(super) ignore: Vec<String>,
}

impl Default for Roles {
    fn default() -> Self {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            user: names(&["user", "human"]),
            agent: names(&["assistant", "agent", "model"]),
            system: names(&["system", "developer"]),
            thinking: names(&["thinking", "reasoning"]),
            call: names(&["tool_call", "function_call"]),
            result: names(&["tool", "tool_result", "function_call_output"]),
            ignore: Vec::new(),
        }
    }
}

/// Where calls of tools are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Calls {
    /// The list of them in a message; without it, a record of the role `call` is one.
    pub(super) list: Option<Pointer>,
    pub(super) name: Pointer,
    pub(super) id: Option<Pointer>,
    pub(super) arguments: Option<Pointer>,
    /// The result, where it is beside its call.
    pub(super) result: Option<Pointer>,
    pub(super) is_error: Option<Pointer>,
    pub(super) exit_code: Option<Pointer>,
}

/// Where the result of a call is, in a record of the role `result`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Returned {
    pub(super) call_id: Option<Pointer>,
    pub(super) text: Option<Pointer>,
    pub(super) is_error: Option<Pointer>,
    pub(super) exit_code: Option<Pointer>,
}

/// Where the counts of an answer are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    pub(super) input: Option<Pointer>,
    pub(super) output: Option<Pointer>,
    pub(super) cache_read: Option<Pointer>,
    pub(super) cache_write: Option<Pointer>,
    pub(super) reasoning: Option<Pointer>,
    pub(super) cost: Option<Pointer>,
    /// Whether the input counts include what the cache gave and took.
    #[serde(default)]
    pub(super) input_includes_cache: bool,
}

/// A JSON pointer (RFC 6901): `/message/content`; the empty one is the whole value.
#[derive(Clone, Debug)]
pub(super) struct Pointer(String);

impl Pointer {
    /// The value it points at; `null` counts as none.
    pub(super) fn of<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        value.pointer(&self.0).filter(|value| !value.is_null())
    }

    /// The text it points at, or the number or truth as text.
    pub(super) fn text(&self, value: &Value) -> Option<String> {
        match self.of(value)? {
            Value::String(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            scalar @ (Value::Number(_) | Value::Bool(_)) => Some(scalar.to_string()),
            _ => None,
        }
    }

    /// The first member that it passes through.
    pub(super) fn first(&self) -> Option<&str> {
        self.0.strip_prefix('/')?.split('/').next()
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pointer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() || text.starts_with('/') {
            Ok(Self(text))
        } else {
            Err(de::Error::custom(format_args!("'{text}' is not a path: it begins with '/', such as /message/content")))
        }
    }
}

fn generic() -> String {
    "generic".to_owned()
}

fn tool_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let name = String::deserialize(deserializer)?;
    // Ids of sessions are made of it, so it has to look like one.
    if name.len() <= 64 && name.parse::<SessionId>().is_ok() {
        Ok(name)
    } else {
        Err(de::Error::custom("a tool's name is 1 to 64 letters, digits and - _ . and begins with none of - ."))
    }
}

impl Map {
    /// Reads a map from a file.
    pub(super) fn read(path: &Path) -> Result<Self, MapError> {
        let text = files::read_text(path, files::SMALL)?;
        Self::parse(&text)
    }

    /// Reads a map from a text.
    pub(super) fn parse(text: &str) -> Result<Self, MapError> {
        toml::from_str(text).map_err(|fault| {
            let line = fault.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            MapError::Content { line, cause: fault.message().replace('\n', " ") }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Map, MapError};

    fn fault(text: &str) -> (usize, String) {
        match Map::parse(text) {
            Err(MapError::Content { line, cause }) => (line, cause),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_key_that_a_map_does_not_know_is_named_with_its_line() {
        let (line, cause) = fault("[record]\nrole = '/role'\ntxet = '/text'\n");
        assert_eq!(line, 3);
        assert!(cause.contains("`txet`"), "{cause}");
        assert!(fault("[recrod]\nrole = '/role'\n").1.contains("`recrod`"));
        assert!(fault("[session]\nid = '/id'\n").1.contains("`record`"), "the only table that must be there");
    }

    #[test]
    fn a_path_and_a_name_have_a_form() {
        assert!(fault("[record]\nrole = 'role'\n").1.contains("'role' is not a path"));
        for name in ["a b", "", "-a", &"x".repeat(65)] {
            assert!(fault(&format!("tool = '{name}'\n[record]\nrole = '/role'\n")).1.contains("name"), "{name}");
        }
        assert!(Map::parse("tool = 'my-agent'\n[record]\nrole = '/role'\n").is_ok());
    }
}
