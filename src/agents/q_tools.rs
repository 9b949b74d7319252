//! The tools of Amazon Q Developer CLI, which Kiro has, too.

use serde_json::Value;

use super::tool::{self, Call, Kind};
use crate::hail::Block;

/// The event of a call. One tool writes and edits; the reading one lists what it reads.
pub(super) fn call(name: &str, mut input: Value) -> Call {
    match (name, input["command"].as_str()) {
        ("write" | "fs_write", Some("str_replace" | "strReplace" | "insert" | "append")) => {
            tool::call_as(Kind::Edit, name, input)
        }
        ("read" | "fs_read", _) if input["path"].is_null() => {
            let path = input["operations"][0]["path"].clone();
            if let Value::Object(input) = &mut input {
                input.insert("path".to_owned(), path);
            }
            tool::call_as(Kind::Read, name, input)
        }
        _ => tool::call(name, input),
    }
}

/// The code of a command, in the result of the shell tool: a number, or words that end with it.
pub(super) fn exit_code(block: &Block) -> Option<i32> {
    let Block::Json { data } = block else { return None };
    match data.get("exit_status")? {
        Value::Number(code) => i32::try_from(code.as_i64()?).ok(),
        Value::String(status) => status.rsplit([' ', ':']).next()?.parse().ok(),
        _ => None,
    }
}
