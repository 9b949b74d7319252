//! Calls that the model wrote as tags in its text, before it had calls of its own.

use serde_json::{Map, Value};

/// The tools whose tags are calls; any other tag is text.
const TOOLS: [&str; 26] = [
    "execute_command",
    "read_file",
    "write_to_file",
    "replace_in_file",
    "apply_diff",
    "insert_content",
    "search_and_replace",
    "search_files",
    "list_files",
    "list_code_definition_names",
    "codebase_search",
    "browser_action",
    "use_mcp_tool",
    "access_mcp_resource",
    "web_fetch",
    "web_search",
    "ask_followup_question",
    "attempt_completion",
    "plan_mode_respond",
    "new_task",
    "condense",
    "switch_mode",
    "load_mcp_documentation",
    "use_skill",
    "update_todo_list",
    "fetch_instructions",
];

/// A piece of a text.
#[derive(Debug, PartialEq)]
pub(super) enum Piece<'t> {
    Words(&'t str),
    Thinking(&'t str),
    Call { name: &'static str, arguments: Map<String, Value> },
}

/// Takes a text apart.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((start, name)) = first_tag(rest) {
        push_words(&mut found, &rest[..start]);
        let inner = &rest[start + name.len() + 2..];
        let end_tag = format!("</{name}>");
        // What a call writes may hold its own tag; a text that breaks off has no end.
        let (body, after) = match inner.find(&end_tag) {
            Some(end) => (&inner[..end], &inner[end + end_tag.len()..]),
            None => (inner, ""),
        };
        found.push(if name == "thinking" {
            Piece::Thinking(body.trim())
        } else {
            Piece::Call { name, arguments: arguments(body) }
        });
        rest = after;
    }
    push_words(&mut found, rest);
    found
}

fn push_words<'t>(found: &mut Vec<Piece<'t>>, words: &'t str) {
    let words = words.trim();
    if !words.is_empty() {
        found.push(Piece::Words(words));
    }
}

/// The first tag of a tool, and where it is: at the beginning of a line.
fn first_tag(text: &str) -> Option<(usize, &'static str)> {
    let names = TOOLS.into_iter().chain(["thinking"]);
    let place = |name: &str| {
        let tag = format!("<{name}>");
        text.match_indices(&tag)
            .map(|(at, _)| at)
            .find(|at| text[..*at].trim_end_matches([' ', '\t']).ends_with('\n') || text[..*at].trim().is_empty())
    };
    names.filter_map(|name| Some((place(name)?, name))).min()
}

/// The arguments of a call, each between tags of its own.
fn arguments(body: &str) -> Map<String, Value> {
    let mut found = Map::new();
    let mut rest = body;
    while let Some((name, inner)) = rest.split_once('<').and_then(|(_, tag)| tag.split_once('>')) {
        let end_tag = format!("</{name}>");
        // A file may hold the tag that ends it: the last one counts.
        let is_long = matches!(name, "content" | "diff" | "arguments" | "result" | "response");
        let end = if is_long { inner.rfind(&end_tag) } else { inner.find(&end_tag) };
        let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let Some(end) = end.filter(|_| is_name) else {
            rest = inner;
            continue;
        };
        let value = &inner[..end];
        let value = if is_long { value.strip_prefix('\n').unwrap_or(value) } else { value.trim() };
        found.insert(name.to_owned(), value.into());
        rest = &inner[end + end_tag.len()..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces};

    #[test]
    fn a_call_is_taken_out_of_the_text_with_its_arguments() {
        let text = "<thinking>\nhm\n</thinking>\n\nI write.\n<write_to_file>\n<path>a.html</path>\n<content>\n<b>x</b>\n</content>\n</write_to_file>";
        let found = pieces(text);
        assert_eq!(found[0], Piece::Thinking("hm"));
        assert_eq!(found[1], Piece::Words("I write."));
        let Piece::Call { name, arguments } = &found[2] else { panic!("{found:?}") };
        assert_eq!((*name, arguments["path"].as_str()), ("write_to_file", Some("a.html")));
        assert_eq!(arguments["content"], "<b>x</b>\n");
    }

    #[test]
    fn a_tag_in_the_middle_of_a_line_is_text() {
        assert_eq!(pieces("use <read_file> for that"), [Piece::Words("use <read_file> for that")]);
    }
}
