//! Logs as the agents write them, small enough to be read in a test.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{Place, World};

/// A Claude Code session.
pub struct ClaudeLog {
    id: String,
    cwd: PathBuf,
    file: PathBuf,
    begins: DateTime<Utc>,
    branch: String,
    records: Vec<Value>,
}

impl ClaudeLog {
    /// A session of `id` that works in `place`, on the branch that is checked out there.
    pub fn new(world: &World, place: &Place, id: &str) -> Self {
        let cwd = place.path.clone();
        let encoded: String =
            cwd.display().to_string().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let file = world.home().join(".claude/projects").join(encoded).join(format!("{id}.jsonl"));
        let begins = "2026-01-31T10:00:00Z".parse().expect("a time");
        // Nothing in a folder that is no repository.
        let branch = place.run("git", &["symbolic-ref", "--quiet", "--short", "HEAD"]).stdout.trim_end().to_owned();
        Self { id: id.to_owned(), cwd, file, begins, branch, records: Vec::new() }
    }

    /// The session begins at another time.
    pub fn at(mut self, time: SystemTime) -> Self {
        self.begins = time.into();
        self
    }

    /// The session goes on with this branch checked out.
    pub fn on(mut self, branch: &str) -> Self {
        branch.clone_into(&mut self.branch);
        self
    }

    /// Where the log is.
    pub fn file(&self) -> &PathBuf {
        &self.file
    }

    fn push(&mut self, mut record: Value) {
        let number = self.records.len();
        let common = json!({
            "parentUuid": number.checked_sub(1).map(|before| format!("{}-{before}", self.id)),
            "uuid": format!("{}-{number}", self.id),
            "sessionId": self.id, "version": "2.1.42", "cwd": self.cwd, "gitBranch": self.branch,
            "isSidechain": false, "userType": "external",
            "timestamp": self.begins + TimeDelta::seconds(i64::try_from(number).expect("few")),
        });
        let fields = record.as_object_mut().expect("an object");
        fields.extend(common.as_object().expect("an object").clone());
        self.records.push(record);
    }

    /// The person says something.
    pub fn prompt(mut self, text: &str) -> Self {
        self.push(json!({"type": "user", "message": {"role": "user", "content": text}}));
        self
    }

    /// The agent says something.
    pub fn answer(mut self, text: &str) -> Self {
        let content = json!([{"type": "text", "text": text}]);
        self.assistant(content);
        self
    }

    fn assistant(&mut self, content: Value) {
        let number = self.records.len();
        self.push(json!({
            "type": "assistant", "requestId": format!("req_{number}"),
            "message": {
                "id": format!("msg_{number}"), "type": "message", "role": "assistant", "model": "claude-opus-4-6",
                "content": content,
                "usage": {"input_tokens": 10, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 3, "output_tokens": 5},
            },
        }));
    }

    fn tool(&mut self, name: &str, input: Value, result: Value, text: &str) {
        let call = format!("toolu_{}", self.records.len());
        self.assistant(json!([{"type": "tool_use", "id": call, "name": name, "input": input}]));
        let content = json!([{"type": "tool_result", "tool_use_id": call, "content": text}]);
        self.push(json!({"type": "user", "message": {"role": "user", "content": content}, "toolUseResult": result}));
    }

    /// The agent writes a file, in the log and for real.
    pub fn writes(mut self, place: &Place, path: &str, content: &str) -> Self {
        place.write(path, content);
        let file = place.join(path);
        self.tool(
            "Write",
            json!({"file_path": file, "content": content}),
            json!({"type": "create", "filePath": file, "content": content, "structuredPatch": [], "originalFile": null}),
            "File created successfully",
        );
        self
    }

    /// The agent replaces a text in a file, in the log and for real.
    pub fn edits(mut self, place: &Place, path: &str, old: &str, new: &str) -> Self {
        let content = place.read(path);
        assert!(content.contains(old), "{path} has no {old:?}");
        place.write(path, &content.replacen(old, new, 1));
        let file = place.join(path);
        self.tool(
            "Edit",
            json!({"file_path": file, "old_string": old, "new_string": new}),
            json!({"filePath": file, "oldString": old, "newString": new, "originalFile": content}),
            "The file has been updated",
        );
        self
    }

    /// The agent runs a command, in the log only.
    pub fn runs(mut self, command: &str) -> Self {
        let result = json!({"stdout": "", "stderr": "", "interrupted": false, "isImage": false});
        self.tool("Bash", json!({"command": command}), result, "");
        self
    }

    /// The agent runs a command that fails, in the log only.
    pub fn fails(mut self, command: &str, code: i32) -> Self {
        let call = format!("toolu_{}", self.records.len());
        let text = format!("Exit code {code}\nit did not work");
        self.assistant(json!([{"type": "tool_use", "id": call, "name": "Bash", "input": {"command": command}}]));
        let content = json!([{"type": "tool_result", "tool_use_id": call, "is_error": true, "content": text}]);
        let result = format!("Error: {text}");
        self.push(json!({"type": "user", "message": {"role": "user", "content": content}, "toolUseResult": result}));
        self
    }

    /// Writes the log where the agent would.
    pub fn save(&self) {
        fs::create_dir_all(self.file.parent().expect("a folder")).expect("a folder");
        let lines: Vec<String> = self.records.iter().map(|record| format!("{record}\n")).collect();
        fs::write(&self.file, lines.concat()).expect("a log");
    }
}

/// A Codex session.
pub struct CodexLog {
    id: String,
    file: PathBuf,
    hour: u8,
    records: Vec<Value>,
}

impl CodexLog {
    /// A session of `id` that works in `place`.
    pub fn new(world: &World, place: &Place, id: &str) -> Self {
        let name = format!("rollout-2026-01-31T11-00-00-{id}.jsonl");
        let file = world.home().join(".codex/sessions/2026/01/31").join(name);
        let mut log = Self { id: id.to_owned(), file, hour: 11, records: Vec::new() };
        let id = log.id.clone();
        log.push(
            "session_meta",
            json!({"id": id, "timestamp": "2026-01-31T11:00:00.000Z", "cwd": place.path, "originator": "codex_cli_rs",
                   "cli_version": "0.98.0", "source": "cli", "model_provider": "openai", "git": {"branch": "main"}}),
        );
        log.push("turn_context", json!({"cwd": place.path, "model": "gpt-5.3-codex", "effort": "medium"}));
        log
    }

    pub fn file(&self) -> &PathBuf {
        &self.file
    }

    fn push(&mut self, kind: &str, payload: Value) {
        let number = self.records.len();
        let timestamp = format!("2026-01-31T{}:{:02}:{:02}.000Z", self.hour, number / 60, number % 60);
        self.records.push(json!({"timestamp": timestamp, "type": kind, "payload": payload}));
    }

    /// What follows is said in that hour.
    pub fn in_hour(mut self, hour: u8) -> Self {
        self.hour = hour;
        self
    }

    /// The person says something.
    pub fn prompt(mut self, text: &str) -> Self {
        let content = json!([{"type": "input_text", "text": text}]);
        self.push("response_item", json!({"type": "message", "role": "user", "content": content}));
        self.push("event_msg", json!({"type": "user_message", "message": text}));
        self
    }

    /// A record as it is.
    pub fn record(mut self, kind: &str, payload: Value, time: &Value) -> Self {
        self.records.push(json!({"timestamp": time, "type": kind, "payload": payload}));
        self
    }

    /// The agent writes a file, in the log and for real.
    pub fn writes(mut self, place: &Place, path: &str, content: &str) -> Self {
        place.write(path, content);
        let added: String = content.lines().map(|line| format!("+{line}\n")).collect();
        let change = format!("*** Begin Patch\n*** Add File: {path}\n{added}*** End Patch");
        let call = format!("call_{}", self.records.len());
        self.push(
            "response_item",
            json!({"type": "custom_tool_call", "call_id": call, "name": "apply_patch", "input": change}),
        );
        let output = json!({"output": "Success.", "metadata": {"exit_code": 0, "duration_seconds": 0.1}}).to_string();
        self.push("response_item", json!({"type": "custom_tool_call_output", "call_id": call, "output": output}));
        self
    }

    /// Writes the log where the agent would.
    pub fn save(&self) {
        self.save_as(&self.file);
    }

    /// Writes the log to another file.
    pub fn save_as(&self, file: &Path) {
        fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        let lines: Vec<String> = self.records.iter().map(|record| format!("{record}\n")).collect();
        fs::write(file, lines.concat()).expect("a log");
    }
}
