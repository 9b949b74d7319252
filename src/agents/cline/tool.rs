//! What Cline's tools do: some do several things in one call, and edits come as blocks of text to
//! search and to put there instead.

use serde_json::{Map, Value, json};

use crate::{
    agents::{
        apply_patch, diff,
        tool::{self, Call, Kind},
        transcript::Outcome,
    },
    hail::{Block, Content, EventType},
};

/// The events of a call.
pub(super) fn calls(name: &str, arguments: Value) -> Vec<Call> {
    let text = |key: &str| arguments.get(key).and_then(Value::as_str);
    let found = match name {
        "read_files" => each(&arguments, "files", Kind::Read, "path"),
        "run_commands" => each(&arguments, "commands", Kind::Shell, "command"),
        "search_codebase" => each(&arguments, "queries", Kind::Search, "query"),
        "fetch_web_content" => each(&arguments, "requests", Kind::Fetch, "url"),
        "read_file" => read_files(&arguments),
        "insert_content" => insert(&arguments).into_iter().collect(),
        "search_and_replace" => replace(&arguments).into_iter().collect(),
        "new_task" => task(&arguments).into_iter().collect(),
        "apply_patch" => apply_patch::calls(text("input").or_else(|| text("patch")).unwrap_or_default()),
        "replace_in_file" | "apply_diff" => search_replace(&arguments).into_iter().collect(),
        "editor" => editor(&arguments).into_iter().collect(),
        "list_code_definition_names" => vec![tool::call_as(Kind::Glob, name, arguments.clone())],
        // Ends the task with a summary, and may propose a command without running it.
        "attempt_completion" => vec![tool::generic(name, arguments.clone())],
        _ => Vec::new(),
    };
    if found.is_empty() { vec![tool::call(name, arguments)] } else { found }
}

/// One event for each element of a list, which is a text or has one under `key`.
fn each(arguments: &Value, list: &str, kind: Kind, key: &str) -> Vec<Call> {
    let Some(Value::Array(items)) = arguments.get(list) else { return Vec::new() };
    let call = |item: &Value| match item {
        Value::String(text) => tool::call_as(kind, list, json!({ key: text })),
        other => tool::call_as(kind, list, other.clone()),
    };
    items.iter().map(call).collect()
}

/// The files that a fork reads at once: a list, or tags within the arguments.
fn read_files(arguments: &Value) -> Vec<Call> {
    let read = |path: &str| tool::call_as(Kind::Read, "read_file", json!({ "path": path }));
    match arguments.get("args").and_then(Value::as_str) {
        Some(files) => {
            files.split("<path>").skip(1).filter_map(|rest| Some(read(rest.split_once("</path>")?.0.trim()))).collect()
        }
        None => each(arguments, "files", Kind::Read, "path"),
    }
}

/// A text that a fork puts into a file before a line.
fn insert(arguments: &Value) -> Option<Call> {
    let mut rest = arguments.as_object()?.clone();
    let Some(Value::String(path)) = rest.remove("path").filter(|path| path != "") else { return None };
    Some(edit(path, None, rest))
}

/// A text that a fork replaces; with a pattern, only running it would tell what changed.
fn replace(arguments: &Value) -> Option<Call> {
    let mut rest = arguments.as_object()?.clone();
    let is_pattern = rest.get("use_regex").is_some_and(|flag| flag == true || flag == "true");
    if !is_pattern {
        for (from, to) in [("search", "old_string"), ("replace", "new_string")] {
            let value = rest.remove(from);
            rest.extend(value.map(|value| (to.to_owned(), value)));
        }
    }
    Some(tool::call_as(Kind::Edit, "search_and_replace", Value::Object(rest)))
}

/// A task that a fork gives to another conversation.
fn task(arguments: &Value) -> Option<Call> {
    let mut rest = arguments.as_object()?.clone();
    let message = rest.remove("message").filter(Value::is_string)?;
    rest.insert("description".to_owned(), message);
    Some(tool::call_as(Kind::Task, "new_task", Value::Object(rest)))
}

/// An edit by blocks of text to search and to put there instead.
fn search_replace(arguments: &Value) -> Option<Call> {
    let mut rest = arguments.as_object()?.clone();
    let (Some(Value::String(path)), Some(Value::String(blocks))) = (rest.remove("path"), rest.remove("diff")) else {
        return None;
    };
    let hunks = hunks(&blocks);
    let is_read = !hunks.is_empty();
    let diff = is_read.then(|| diff::with_header(&path, &hunks));
    if !is_read {
        rest.insert("diff".to_owned(), blocks.into());
    }
    Some(edit(path, diff, rest))
}

fn edit(path: String, diff: Option<String>, rest: Map<String, Value>) -> Call {
    let content = if rest.is_empty() { Content::default() } else { Content::json(Value::Object(rest)) };
    Call { event_type: EventType::FileEdit { path, diff }, content, group: "edit" }
}

/// The hunks of blocks between `SEARCH`, `=======` and `REPLACE`, whatever marks stand before them.
fn hunks(text: &str) -> String {
    let is_mark = |line: &str, word: &str| {
        let rest = line.trim_end().strip_suffix(word).or_else(|| line.trim_end().strip_suffix(&format!("{word}>")));
        rest.is_some_and(|rest| {
            rest.trim_end().len() >= 3 && rest.trim_end().bytes().all(|b| matches!(b, b'-' | b'<' | b'+' | b'>'))
        })
    };
    let (mut old, mut new, mut found) = (String::new(), String::new(), String::new());
    let mut side = 0;
    for line in text.lines() {
        match side {
            0 if is_mark(line, "SEARCH") => side = 1,
            // The forks say where to search before the text itself.
            1 if old.is_empty() && (line.starts_with(":start_line:") || line == "-------") => {}
            1 if line.trim_end() == "=======" => side = 2,
            2 if is_mark(line, "REPLACE") => {
                found.push_str(&diff::hunks(&old, &new));
                (side, old, new) = (0, String::new(), String::new());
            }
            1 => old.push_str(&format!("{line}\n")),
            2 => new.push_str(&format!("{line}\n")),
            _ => {}
        }
    }
    found
}

/// The editor of the later programs: it replaces a text, inserts one, or makes a file.
fn editor(arguments: &Value) -> Option<Call> {
    let mut rest = arguments.as_object()?.clone();
    let has = |rest: &Map<String, Value>, key: &str| {
        rest.get(key).is_some_and(|value| value.as_str().is_some_and(|text| !text.is_empty()))
    };
    if !has(&rest, "path") {
        return None;
    }
    if has(&rest, "old_text") {
        return Some(tool::call_as(Kind::Edit, "editor", Value::Object(rest)));
    }
    if rest.get("insert_line").is_some_and(|line| !line.is_null()) {
        let Some(Value::String(path)) = rest.remove("path") else { return None };
        return Some(edit(path, None, rest));
    }
    rest.remove("old_text");
    let content = rest.remove("new_text").filter(Value::is_string)?;
    rest.insert("content".to_owned(), content);
    Some(tool::call_as(Kind::Write, "editor", Value::Object(rest)))
}

/// What a call returned.
pub(super) fn outcome(content: &Value, is_error: bool) -> Outcome {
    let mut failed = is_error;
    let mut blocks = Vec::new();
    match content {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            // The later programs return JSON, as it is or as text.
            Ok(answer @ Value::Object(_)) if answer.get("success").is_some() => {
                blocks.extend(answered(&answer, &mut failed));
            }
            _ => blocks.extend(words(text)),
        },
        Value::Array(items) => {
            for item in items {
                match (item.get("type").and_then(Value::as_str), item.get("text").and_then(Value::as_str)) {
                    (_, Some(text)) => blocks.extend(words(text)),
                    (Some("image"), _) => blocks.push(super::message::image(item)),
                    _ if item.get("success").is_some() => blocks.extend(answered(item, &mut failed)),
                    _ => blocks.push(Block::Json { data: item.clone() }),
                }
            }
        }
        Value::Null => {}
        other => blocks.push(Block::Json { data: other.clone() }),
    }
    let said = Content { blocks };
    failed |= said.texts().any(|text| {
        ["<error>", "The tool execution failed", "The user denied this operation"]
            .iter()
            .any(|start| text.starts_with(start))
    });
    let exit_code = exit_code(&said);
    failed |= exit_code.is_some_and(|code| code != 0);
    Outcome { exit_code, content: said, is_error: failed, ..Outcome::default() }
}

fn words(text: &str) -> Option<Block> {
    (!text.is_empty()).then(|| Block::Text { text: text.into() })
}

/// An answer of the later programs: what was asked, what came of it, and whether it went well.
fn answered(answer: &Value, failed: &mut bool) -> Vec<Block> {
    let mut rest = answer.as_object().cloned().unwrap_or_default();
    *failed |= rest.remove("success") == Some(Value::Bool(false));
    rest.remove("query");
    let mut blocks = Vec::new();
    for key in ["result", "error"] {
        match rest.remove(key) {
            Some(Value::String(text)) => blocks.extend(words(&text)),
            Some(other) => drop(rest.insert(key.to_owned(), other)),
            None => {}
        }
    }
    rest.retain(|_, value| !value.is_null());
    if !rest.is_empty() {
        blocks.push(Block::Json { data: Value::Object(rest) });
    }
    blocks
}

/// The exit code that stands at the beginning of what a command returned.
fn exit_code(content: &Content) -> Option<i32> {
    let first = content.texts().next()?.lines().next()?;
    let after = ["Command failed with exit code ", "Command executed with exit code ", "exit code ", "Exit code: "]
        .iter()
        .find_map(|mark| first.split_once(mark).map(|(_, after)| after))?;
    let digits: String = after.chars().take_while(|c| c.is_ascii_digit() || *c == '-').collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::hunks;

    #[test]
    fn blocks_of_either_generation_become_hunks() {
        for text in [
            "------- SEARCH\n1\n=======\n2\n+++++++ REPLACE\n",
            "<<<<<<< SEARCH\n1\n=======\n2\n>>>>>>> REPLACE\n",
            "<<<<<<< SEARCH\n:start_line:7\n-------\n1\n=======\n2\n>>>>>>> REPLACE",
        ] {
            assert!(hunks(text).ends_with("-1\n+2\n"), "{text}");
        }
        assert_eq!(hunks("no block"), "");
    }
}
