//! How much of real logs is kept: counted over logs that are not in the repository, published in
//! `docs/agents.md`, and compared with what is published there.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use git_session::{
    agents::{Log, by_name, parse_session},
    hail::{Block, EventType, Session, attribute},
};

/// The agents of the table: the folder in the corpus is the agent's name.
const AGENTS: [&str; 2] = ["claude-code", "codex"];
const BEGIN: &str = "<!-- fidelity:begin -->\n";
const END: &str = "<!-- fidelity:end -->";
const UPDATE: &str = "GIT_SESSION_UPDATE_DOCS=1 cargo test --test suite fidelity";

/// What is counted over the logs of one agent.
#[derive(Default)]
struct Counts {
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
    input: u64,
    output: u64,
    cache_read: u64,
    reasoning: u64,
}

impl Counts {
    fn add(&mut self, session: &Session) {
        self.files += 1;
        self.events += session.stats.event_count;
        self.prompts += session.stats.user_message_count;
        self.calls += session.stats.tool_call_count;
        self.input += session.stats.total_input_tokens;
        self.output += session.stats.total_output_tokens;
        self.subagents += u64::from(session.header.role() == "auxiliary");
        for event in &session.events {
            self.cache_read += event.count(attribute::CACHE_READ_TOKENS);
            self.reasoning += event.count(attribute::REASONING_TOKENS);
            self.images += event.content.blocks.iter().filter(|block| is_image(block)).count() as u64;
            match &event.event_type {
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
    }

    fn rows(&self) -> [(&'static str, String); 15] {
        let share = |part: u64, whole: u64| format!("{} / {}", grouped(part), grouped(whole));
        [
            ("log files", grouped(self.files)),
            ("events", grouped(self.events)),
            ("human prompts", grouped(self.prompts)),
            ("tool calls", grouped(self.calls)),
            ("tool results", grouped(self.results)),
            ("edits with a diff / edits", share(self.edits_with_diff, self.edits)),
            ("created files", grouped(self.created)),
            ("commands with an exit code / commands", share(self.commands_with_code, self.commands)),
            ("thinking", grouped(self.thinking)),
            ("subagent sessions", grouped(self.subagents)),
            ("images", grouped(self.images)),
            ("input tokens", grouped(self.input)),
            ("output tokens", grouped(self.output)),
            ("cache-read tokens", grouped(self.cache_read)),
            ("reasoning tokens", grouped(self.reasoning)),
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

/// A number with a comma after every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn variable(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "a test may be told where the corpus is")]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn logs_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            logs_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "jsonl") {
            found.push(path);
        }
    }
    found.sort();
}

fn count(agent: &str, folder: &Path) -> Counts {
    let mut logs = Vec::new();
    logs_below(folder, &mut logs);
    let mut counts = Counts::default();
    for path in logs.iter().filter(|path| path.metadata().is_ok_and(|metadata| metadata.len() > 0)) {
        let mut log = Log::open(path).expect("the log can be opened");
        let parsed = parse_session(by_name(agent).expect("known"), &mut log);
        let parsed = parsed.unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        counts.add(&parsed.session);
    }
    counts
}

fn table(corpus: &Path) -> String {
    let columns = AGENTS.map(|agent| (agent, count(agent, &corpus.join(agent)).rows()));
    let titles = AGENTS.map(|agent| by_name(agent).expect("known").title());
    let mut text = format!("| | {} |\n|---|{}\n", titles.join(" | "), "---:|".repeat(AGENTS.len()));
    for row in 0..columns[0].1.len() {
        let cells: Vec<&str> = columns.iter().map(|(_, rows)| rows[row].1.as_str()).collect();
        writeln!(text, "| {} | {} |", columns[0].1[row].0, cells.join(" | ")).expect("memory takes it");
    }
    text
}

#[test]
fn the_published_figures_of_fidelity_are_those_of_the_corpus() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/agents.md");
    let page = fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = page.split_once(BEGIN).expect("the page says where the table begins");
    let (published, after) = rest.split_once(END).expect("the page says where the table ends");
    let Some(data) = variable("GIT_SESSION_DATA") else {
        eprintln!("GIT_SESSION_DATA is not set: the figures in docs/agents.md are not checked");
        return;
    };
    let counted = table(&Path::new(&data).join("corpus"));
    if variable("GIT_SESSION_UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{BEGIN}{counted}{END}{after}")).expect("the page can be written");
    } else {
        assert_eq!(published, counted, "docs/agents.md is out of date; to bring it up to date: {UPDATE}");
    }
}
