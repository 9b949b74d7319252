//! What a tool call amounts to, by the names of tools and arguments that the agents share.
//!
//! Every argument is kept: what has no place of its own in the event stays in a JSON block.

use serde_json::{Map, Value};

use super::diff;
use crate::hail::{Block, Content, EventType};

/// What kind of thing a tool does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Shell,
    Read,
    Write,
    Edit,
    Delete,
    Search,
    Glob,
    Fetch,
    WebSearch,
    Task,
}

/// The tools' names in lower case without `_`, `-` and `.`, as the agents' documentation and logs
/// have them. An agent whose tool of such a name does something else says so in its own file.
const NAMES: &[(Kind, &[&str])] = &[
    (
        Kind::Shell,
        &[
            "bash",
            "shell",
            "sh",
            "powershell",
            "exec",
            "execcommand",
            "executecommand",
            "runcommand",
            "runshellcommand",
            "shellcommand",
            "runterminalcmd",
            "runterminalcommand",
            "runterminalcommandv2",
            "runinterminal",
            "developershell",
            "executebash",
            "executepwsh",
            "execute",
            "terminal",
        ],
    ),
    (Kind::Read, &["read", "readfile", "readfilev2", "view", "viewfile", "fsread", "openfile", "developerreadfile"]),
    (
        Kind::Write,
        &[
            "write",
            "writefile",
            "writetofile",
            "create",
            "createfile",
            "fswrite",
            "newfile",
            "savefile",
            "newrulefile",
            "createnewfile",
        ],
    ),
    (
        Kind::Edit,
        &[
            "edit",
            "editfile",
            "editfilev2",
            "multiedit",
            "replace",
            "replaceinfile",
            "strreplace",
            "strreplacefile",
            "searchreplace",
            "strreplaceeditor",
            "strreplacebasededittool",
            "applydiff",
            "insert",
            "multiedits",
            "editexistingfile",
            "fileeditor",
            "singlefindandreplace",
            "texteditor",
            "developertexteditor",
        ],
    ),
    (Kind::Delete, &["delete", "deletefile", "removefile"]),
    (
        Kind::Search,
        &[
            "grep",
            "grepsearch",
            "ripgrep",
            "ripgrepsearch",
            "ripgreprawsearch",
            "rg",
            "search",
            "searchfiles",
            "searchfilecontent",
            "codebasesearch",
            "semanticsearchfull",
            "codesearch",
            "searchcode",
            "searchtext",
        ],
    ),
    (
        Kind::Glob,
        &[
            "glob",
            "globfilesearch",
            "filesearch",
            "findfiles",
            "find",
            "ls",
            "list",
            "listdir",
            "listdirv2",
            "listdirectory",
            "listfiles",
            "findpath",
        ],
    ),
    (Kind::Fetch, &["webfetch", "fetch", "fetchurl", "readwebpage", "fetchwebpage", "urlfetch", "browseraction"]),
    (Kind::WebSearch, &["websearch", "googlewebsearch", "searchweb"]),
    (Kind::Task, &["task", "agent", "subagent", "dispatchagent", "newtask", "runsubagent", "delegate"]),
];

/// The arguments that hold what a kind is about, the likeliest first.
const fn keys(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Shell => &["command", "cmd", "script", "commandLine"],
        Kind::Read | Kind::Write | Kind::Edit | Kind::Delete => &[
            "file_path",
            "filePath",
            "filepath",
            "path",
            "absolute_path",
            "target_file",
            "targetFile",
            "relativeWorkspacePath",
            "fileName",
            "filename",
            "file",
        ],
        Kind::Search => &["pattern", "query", "regex", "search", "searchTerm"],
        Kind::Glob => &[
            "pattern",
            "glob_pattern",
            "globPattern",
            "glob",
            "query",
            "path",
            "dir_path",
            "target_directory",
            "targetDirectory",
            "directory",
            "dirPath",
            "filePattern",
        ],
        Kind::Fetch => &["url", "uri", "prompt"],
        Kind::WebSearch => &["query", "searchTerm", "search_term", "q"],
        Kind::Task => &["description", "title", "task", "prompt"],
    }
}

/// The arguments that hold the text of a new file.
const CONTENT: &[&str] = &["content", "contents", "file_text", "fileText", "text", "code_edit"];
/// The pairs of arguments that hold what an edit replaced and what replaced it.
const REPLACED: &[(&str, &str)] = &[
    ("old_string", "new_string"),
    ("oldString", "newString"),
    ("old_str", "new_str"),
    ("oldStr", "newStr"),
    ("oldText", "newText"),
    ("old_text", "new_text"),
    ("old_content", "new_content"),
    ("before", "after"),
];

/// The event of a call.
pub(super) struct Call {
    pub(super) event_type: EventType,
    pub(super) content: Content,
    /// `semantic.tool_kind`.
    pub(super) group: &'static str,
}

/// Makes the event of a call of `name`.
pub(super) fn call(name: &str, arguments: Value) -> Call {
    match kind_of(name) {
        Some(kind) => call_as(kind, name, arguments),
        None => generic(name, arguments),
    }
}

/// Makes the event of a call whose kind is known; a plain call where the arguments do not fit it.
pub(super) fn call_as(kind: Kind, name: &str, arguments: Value) -> Call {
    let Value::Object(mut rest) = arguments else { return generic(name, arguments) };
    // An editor with several commands says in an argument which one is meant.
    let kind = match (kind, rest.get("command").and_then(Value::as_str)) {
        (Kind::Edit, Some("view")) => Kind::Read,
        (Kind::Edit, Some("create" | "write")) => Kind::Write,
        _ => kind,
    };
    let Some(subject) = take_text(&mut rest, keys(kind)) else { return generic(name, Value::Object(rest)) };
    let mut blocks = Vec::new();
    let (event_type, group) = match kind {
        Kind::Shell => (EventType::ShellCommand { command: subject, exit_code: None }, "shell"),
        Kind::Read => (EventType::FileRead { path: subject }, "read"),
        Kind::Delete => (EventType::FileDelete { path: subject }, "edit"),
        Kind::Write => {
            let content = take_text(&mut rest, CONTENT).or_else(|| take_empty(&mut rest));
            blocks.push(Block::File { path: subject.clone(), content });
            (EventType::FileCreate { path: subject }, "edit")
        }
        Kind::Edit => {
            let diff = take_diff(&subject, &mut rest);
            (EventType::FileEdit { path: subject, diff }, "edit")
        }
        Kind::Search => (EventType::CodeSearch { query: subject }, "search"),
        Kind::Glob => (EventType::FileSearch { pattern: subject }, "search"),
        Kind::Fetch => (EventType::WebFetch { url: subject }, "web"),
        Kind::WebSearch => (EventType::WebSearch { query: subject }, "web"),
        Kind::Task => (EventType::TaskStart { title: Some(subject) }, "task"),
    };
    if !rest.is_empty() {
        blocks.push(Block::Json { data: Value::Object(rest) });
    }
    Call { event_type, content: Content { blocks }, group }
}

/// The event of a tool that has no kind of its own.
pub(super) fn generic(name: &str, arguments: Value) -> Call {
    let group = if name.starts_with("mcp__") || name.contains("__") { "mcp" } else { "tool" };
    let is_empty = match &arguments {
        Value::Null => true,
        Value::Object(members) => members.is_empty(),
        _ => false,
    };
    let content = if is_empty { Content::default() } else { Content::json(arguments) };
    // HAIL has no call without a name.
    let name = if name.trim().is_empty() { "unknown" } else { name };
    Call { event_type: EventType::ToolCall { name: name.to_owned() }, content, group }
}

/// What kind of thing the tool of that name does.
pub(super) fn kind_of(name: &str) -> Option<Kind> {
    let plain: String = name.chars().filter(|c| !matches!(c, '_' | '-' | '.')).flat_map(char::to_lowercase).collect();
    NAMES.iter().find(|(_, names)| names.contains(&plain.as_str())).map(|(kind, _)| *kind)
}

/// Takes the first of `keys` that is text and not empty.
fn take_text(arguments: &mut Map<String, Value>, keys: &[&str]) -> Option<String> {
    let key = keys.iter().find(|key| arguments.get(**key).and_then(Value::as_str).is_some_and(|text| !text.is_empty()));
    match arguments.remove(*key?) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// Takes the text of a file that is made empty.
fn take_empty(arguments: &mut Map<String, Value>) -> Option<String> {
    let is_empty = |key: &&&str| arguments.get(**key).is_some_and(|text| text == "");
    let key = CONTENT.iter().find(is_empty)?;
    arguments.remove(*key).map(|_| String::new())
}

/// Takes what an edit replaced and what replaced it, as a unified diff.
fn take_diff(path: &str, arguments: &mut Map<String, Value>) -> Option<String> {
    for (old, new) in REPLACED {
        if let (Some(Value::String(before)), Some(Value::String(after))) = (arguments.get(*old), arguments.get(*new)) {
            let diff = diff::unified(path, before, after);
            arguments.remove(*old);
            arguments.remove(*new);
            return (!diff.is_empty()).then_some(diff);
        }
    }
    let edits = arguments.get("edits").and_then(Value::as_array)?;
    let hunks: Option<Vec<String>> = edits.iter().map(hunks_of).collect();
    let hunks = hunks?.concat();
    arguments.remove("edits");
    (!hunks.is_empty()).then(|| diff::with_header(path, &hunks))
}

fn hunks_of(edit: &Value) -> Option<String> {
    let text = |key: &str| edit.get(key).and_then(Value::as_str);
    let (before, after) = REPLACED.iter().find_map(|(old, new)| Some((text(old)?, text(new)?)))?;
    Some(diff::hunks(before, after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Block, EventType, call};

    #[test]
    fn an_edit_becomes_a_diff_and_keeps_what_else_was_asked() {
        let call = call("search_replace", json!({"file_path":"a.rs","old_string":"1\n","new_string":"2\n","n":3}));
        let EventType::FileEdit { path, diff: Some(diff) } = call.event_type else { panic!("no edit") };
        assert_eq!(path, "a.rs");
        assert!(diff.ends_with("-1\n+2\n"), "{diff}");
        assert_eq!(call.content.blocks, [Block::Json { data: json!({"n":3}) }]);
    }

    #[test]
    fn a_call_whose_arguments_do_not_fit_its_name_stays_a_plain_call() {
        let call = call("bash", json!({"input":"ls"}));
        assert_eq!(call.event_type, EventType::ToolCall { name: "bash".to_owned() });
        assert_eq!(call.content.blocks, [Block::Json { data: json!({"input":"ls"}) }]);
    }
}
