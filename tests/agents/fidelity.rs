//! The table in `docs/agents.md`: what the parsers make of logs that are not in the repository.
//!
//! `GIT_SESSION_DATA` names the folder with `corpus/<agent>/…`; `GIT_SESSION_UPDATE_DOCS=1` rewrites
//! the table rather than comparing it. Agents without a log there are shown by the project's fixtures.

use std::{
    collections::HashSet,
    env, fs,
    path::{Path, PathBuf},
};

use git_session::{
    agents,
    hail::{Block, Canonical, Event, EventType, Header, Lines, Reader, Record, attribute},
};

use tempfile::TempDir;

use super::{
    corpus::{corpus, files_below, folders, reason, sessions},
    from_sql,
};

const BEGIN: &str = "<!-- fidelity:begin -->\n";
const END: &str = "<!-- fidelity:end -->";

/// What the logs of one agent hold: pairs are what is known, and of how many.
#[derive(Default)]
struct Row {
    sessions: u64,
    events: u64,
    prompts: u64,
    titles: u64,
    directories: u64,
    branches: u64,
    models: u64,
    versions: u64,
    calls: u64,
    results: [u64; 2],
    commands: [u64; 2],
    edits: [u64; 2],
    created: u64,
    thinking: u64,
    subagents: u64,
    compactions: u64,
    images: u64,
    costs: u64,
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
    /// Sums up every session of `agent` in the files.
    fn of(agent: &str, files: &[PathBuf]) -> Self {
        let mut row = Self::default();
        for path in files.iter().filter(|path| reason(path).is_none()) {
            match sessions(path) {
                Ok((found, sessions)) if found.name() == agent => sessions.iter().for_each(|session| row.add(session)),
                _ => {}
            }
        }
        row
    }

    fn add(&mut self, session: &Canonical) {
        self.sessions += 1;
        self.calls += session.stats.tool_call_count;
        self.add_header(&session.header);
        let events = events(session);
        let id = |event: &Event| event.attributes.get(attribute::CALL_ID).map(ToString::to_string);
        let calls: HashSet<String> = events.iter().filter(|event| !is_result(event)).filter_map(id).collect();
        for event in &events {
            if is_result(event) {
                self.results[0] += u64::from(id(event).is_some_and(|id| calls.contains(&id)));
                self.results[1] += 1;
            }
            self.add_event(event);
        }
        let has_cost = |event: &Event| event.attributes.contains_key(attribute::COST_USD);
        let is_priced = session.header.context.attributes.contains_key(attribute::COST_USD);
        self.costs += u64::from(is_priced || events.iter().any(has_cost));
    }

    fn add_header(&mut self, header: &Header) {
        self.titles += u64::from(!header.context.title.is_empty());
        self.directories += u64::from(header.cwd().is_some());
        self.branches += u64::from(header.attribute(attribute::GIT_BRANCH).is_some());
        self.models += u64::from(!["", "unknown"].contains(&header.agent.model.as_str()));
        self.versions += u64::from(header.agent.tool_version.is_some());
        self.subagents += u64::from(header.role() == "auxiliary");
    }

    fn add_event(&mut self, event: &Event) {
        self.events += 1;
        for (sum, key) in self.tokens.iter_mut().zip(TOKENS) {
            *sum += event.count(key);
        }
        let raw = event.attributes.get(attribute::RAW_TYPE).and_then(|raw| raw.as_str()).unwrap_or_default();
        let injected = event.attributes.get("source.injected").and_then(|raw| raw.as_str()).unwrap_or_default();
        self.compactions += u64::from(format!("{raw} {injected}").to_lowercase().contains("compact"));
        self.images += event.content.blocks.iter().filter(|block| is_image(block)).count() as u64;
        match &event.event_type {
            EventType::UserMessage => self.prompts += 1,
            EventType::FileEdit { diff, .. } => add(&mut self.edits, diff.is_some()),
            EventType::FileCreate { .. } => self.created += 1,
            EventType::ShellCommand { exit_code, .. } => add(&mut self.commands, exit_code.is_some()),
            EventType::Thinking => self.thinking += 1,
            _ => {}
        }
    }

    /// The columns, in order.
    fn cells(&self) -> Vec<(&'static str, String)> {
        let number = |number: u64| if number == 0 { "–".to_owned() } else { number.to_string() };
        let share = |[part, whole]: [u64; 2]| if whole == 0 { "–".to_owned() } else { format!("{part} / {whole}") };
        let [input, output, cache_read, cache_write, reasoning] = self.tokens;
        vec![
            ("sessions", number(self.sessions)),
            ("events", number(self.events)),
            ("human prompts", number(self.prompts)),
            ("title", number(self.titles)),
            ("directory", number(self.directories)),
            ("branch", number(self.branches)),
            ("model", number(self.models)),
            ("version", number(self.versions)),
            ("tool calls", number(self.calls)),
            ("results with their call", share(self.results)),
            ("commands with exit code", share(self.commands)),
            ("edits with diff", share(self.edits)),
            ("files created", number(self.created)),
            ("thinking", number(self.thinking)),
            ("subagent sessions", number(self.subagents)),
            ("compaction", number(self.compactions)),
            ("images", number(self.images)),
            ("sessions with cost", number(self.costs)),
            ("input tokens", number(input)),
            ("output tokens", number(output)),
            ("cache-read tokens", number(cache_read)),
            ("cache-write tokens", number(cache_write)),
            ("reasoning tokens", number(reasoning)),
        ]
    }
}

fn add(share: &mut [u64; 2], is_known: bool) {
    share[0] += u64::from(is_known);
    share[1] += 1;
}

fn is_result(event: &Event) -> bool {
    matches!(event.event_type, EventType::ToolResult { .. } | EventType::TaskEnd { .. })
}

fn is_image(block: &Block) -> bool {
    match block {
        Block::Image { .. } => true,
        Block::Reference { media_type, .. } => media_type.starts_with("image/"),
        _ => false,
    }
}

fn events(session: &Canonical) -> Vec<Event> {
    let bytes = session.to_bytes().expect("small");
    let mut lines = Lines::new(&bytes[..]);
    let mut reader = Reader::new(&mut lines);
    let mut events = Vec::new();
    while let Some((_, record)) = reader.next_record().expect("canonical") {
        if let Record::Event(event) = record {
            events.push(*event);
        }
    }
    events
}

/// The files, with databases in place of those that a fixture makes, and the folders that these are in.
fn with_databases(files: Vec<PathBuf>) -> (Vec<TempDir>, Vec<PathBuf>) {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents");
    let mut made = Vec::new();
    let file = |file: PathBuf| match file.strip_prefix(&fixtures) {
        Ok(name) if name.extension().is_some_and(|end| end == "sql") => {
            let (folder, database) = from_sql(&name.to_string_lossy());
            made.push(folder);
            database
        }
        _ => file,
    };
    let files = files.into_iter().map(file).collect();
    (made, files)
}

/// The Markdown table: an agent a row, of the logs in `corpus`, else of the fixtures.
fn table(corpus: &Path) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let known = folders(corpus);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents");
    let mut rows = Vec::new();
    for agent in agents::names() {
        let folder = known.iter().find(|(name, _)| *name == agent).map(|(_, folder)| folder.clone());
        let (name, folder) = match folder {
            Some(folder) => (agent.to_owned(), folder),
            None => (format!("{agent} (fixtures)"), fixtures.join(agent)),
        };
        if folder.is_dir() {
            let (made, files) = with_databases(files_below(&folder));
            rows.push((name, Row::of(agent, &files).cells()));
            drop(made);
        }
    }
    rows.sort_by(|one, other| one.0.cmp(&other.0));
    let names: Vec<String> = rows[0].1.iter().map(|(name, _)| (*name).to_owned()).collect();
    let rule = format!("|---|{}\n", "---:|".repeat(names.len()));
    let mut table = line(&[vec!["agent".to_owned()], names].concat()) + &rule;
    for (agent, cells) in rows {
        let values = cells.into_iter().map(|(_, value)| value).collect();
        table.push_str(&line(&[vec![agent], values].concat()));
    }
    table
}

#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
#[expect(clippy::disallowed_methods, reason = "whether to rewrite the document is the test's own business")]
fn the_fidelity_table_is_what_the_parsers_make_of_the_corpus() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/agents.md");
    let text = fs::read_to_string(&document).expect("docs/agents.md is there");
    let (head, rest) = text.split_once(BEGIN).expect("docs/agents.md marks where the table begins");
    let (known, tail) = rest.split_once(END).expect("docs/agents.md marks where the table ends");
    let table = table(&corpus());
    if env::var_os("GIT_SESSION_UPDATE_DOCS").is_some_and(|update| update == "1") {
        fs::write(&document, format!("{head}{BEGIN}{table}{END}{tail}")).expect("docs/agents.md can be written");
        return;
    }
    assert!(
        known == table,
        "the table in docs/agents.md differs; to rewrite it: GIT_SESSION_UPDATE_DOCS=1 cargo test --test suite fidelity -- --ignored\n\
         in the document:\n{known}\nnow:\n{table}"
    );
}
