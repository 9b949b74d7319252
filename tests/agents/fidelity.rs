//! The table in `docs/agents.md`: what the parsers make of logs that are not in the repository.
//!
//! `GIT_SESSION_DATA` names the folder with `corpus/<agent>/…`; `GIT_SESSION_UPDATE_DOCS=1` rewrites
//! the table rather than comparing it.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use git_session::{
    agents::{Log, by_name, parse_session},
    hail::{Block, Event, EventType, Session, attribute},
};

const AGENTS: [&str; 2] = ["claude-code", "codex"];
const BEGIN: &str = "<!-- fidelity:begin -->\n";
const END: &str = "<!-- fidelity:end -->";

/// What the logs of one agent hold.
#[derive(Default)]
struct Row {
    files: u64,
    events: u64,
    prompts: u64,
    calls: u64,
    results: u64,
    edits: u64,
    edits_with_diff: u64,
    created: u64,
    commands: u64,
    commands_with_code: u64,
    thinking: u64,
    subagents: u64,
    images: u64,
    tokens: [u64; 5],
}

/// The token counts in the order of their columns.
const TOKENS: [&str; 5] = [
    attribute::INPUT_TOKENS,
    attribute::OUTPUT_TOKENS,
    attribute::CACHE_READ_TOKENS,
    attribute::CACHE_WRITE_TOKENS,
    attribute::REASONING_TOKENS,
];

impl Row {
    /// Sums up every log of `agent`.
    fn of(agent: &str, folder: &Path) -> Self {
        let mut row = Self::default();
        for path in logs_below(folder) {
            let bytes = fs::read(&path).expect("readable");
            if bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let parsed = parse_session(by_name(agent).expect("known"), &mut Log::new(&bytes[..], Some(&path)));
            row.add(&parsed.unwrap_or_else(|fault| panic!("{}: {fault}", path.display())).session);
        }
        row
    }

    fn add(&mut self, session: &Session) {
        self.files += 1;
        self.subagents += u64::from(session.header.role() == "auxiliary");
        self.calls += session.stats.tool_call_count;
        for event in &session.events {
            self.add_event(event);
        }
    }

    fn add_event(&mut self, event: &Event) {
        self.events += 1;
        for (sum, key) in self.tokens.iter_mut().zip(TOKENS) {
            *sum += event.count(key);
        }
        self.images += event.content.blocks.iter().filter(|block| is_image(block)).count() as u64;
        match &event.event_type {
            EventType::UserMessage => self.prompts += 1,
            EventType::ToolResult { .. } => self.results += 1,
            EventType::FileEdit { diff, .. } => {
                self.edits += 1;
                self.edits_with_diff += u64::from(diff.is_some());
            }
            EventType::FileCreate { .. } => self.created += 1,
            EventType::ShellCommand { exit_code, .. } => {
                self.commands += 1;
                self.commands_with_code += u64::from(exit_code.is_some());
            }
            EventType::Thinking => self.thinking += 1,
            _ => {}
        }
    }

    /// The columns, in order.
    fn cells(&self) -> Vec<(&'static str, String)> {
        let share = |part: u64, whole: u64| format!("{part} / {whole}");
        let [input, output, cache_read, cache_write, reasoning] = self.tokens;
        vec![
            ("files", self.files.to_string()),
            ("events", self.events.to_string()),
            ("human prompts", self.prompts.to_string()),
            ("tool calls", self.calls.to_string()),
            ("tool results", self.results.to_string()),
            ("edits with diff / edits", share(self.edits_with_diff, self.edits)),
            ("files created", self.created.to_string()),
            ("commands with exit code / commands", share(self.commands_with_code, self.commands)),
            ("thinking", self.thinking.to_string()),
            ("subagent sessions", self.subagents.to_string()),
            ("images", self.images.to_string()),
            ("input tokens", input.to_string()),
            ("output tokens", output.to_string()),
            ("cache-read tokens", cache_read.to_string()),
            ("cache-write tokens", cache_write.to_string()),
            ("reasoning tokens", reasoning.to_string()),
        ]
    }
}

fn is_image(block: &Block) -> bool {
    match block {
        Block::Image { .. } => true,
        Block::Reference { media_type, .. } => media_type.starts_with("image/"),
        _ => false,
    }
}

fn logs_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display())) {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(logs_below(&path));
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The Markdown table over the logs in `corpus`.
fn table(corpus: &Path) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let rows = AGENTS.map(|agent| (agent, Row::of(agent, &corpus.join(agent)).cells()));
    let names: Vec<String> = rows[0].1.iter().map(|(name, _)| (*name).to_owned()).collect();
    let rule = format!("|---|{}\n", "---:|".repeat(names.len()));
    let mut table = line(&[vec!["agent".to_owned()], names].concat()) + &rule;
    for (agent, cells) in rows {
        let values = cells.into_iter().map(|(_, value)| value).collect();
        table.push_str(&line(&[vec![agent.to_owned()], values].concat()));
    }
    table
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the data folder is the tests' own business")]
fn the_fidelity_table_is_what_the_parsers_make_of_the_corpus() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/agents.md");
    let text = fs::read_to_string(&document).expect("docs/agents.md is there");
    let (head, rest) = text.split_once(BEGIN).expect("docs/agents.md marks where the table begins");
    let (known, tail) = rest.split_once(END).expect("docs/agents.md marks where the table ends");
    let Some(data) = env::var_os("GIT_SESSION_DATA") else {
        eprintln!("GIT_SESSION_DATA is not set: the table in docs/agents.md is not checked");
        return;
    };
    let table = table(&Path::new(&data).join("corpus"));
    if env::var_os("GIT_SESSION_UPDATE_DOCS").is_some_and(|update| update == "1") {
        fs::write(&document, format!("{head}{BEGIN}{table}{END}{tail}")).expect("docs/agents.md can be written");
        return;
    }
    assert!(
        known == table,
        "the table in docs/agents.md differs; to rewrite it: GIT_SESSION_UPDATE_DOCS=1 cargo test --test suite fidelity\n\
         in the document:\n{known}\nnow:\n{table}"
    );
}
