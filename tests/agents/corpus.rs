//! Every log of the corpus parses as what it is, or is refused for a known reason.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use git_session::{
    agents::{self, Agent, Log, LogFile, Sample},
    hail::{Canonical, Spool},
};

/// The folders of the corpus whose agent has another name here.
const NAMES: [(&str, &str); 3] = [("gemini", "gemini-cli"), ("qwen", "qwen-code"), ("hail-opensession", "hail")];

/// Files that are no session, with the reason: what their names hold.
const NO_SESSION: [(&str, &str); 12] = [
    (".meta.json", "metadata beside a session"),
    ("/message_", "one message of OpenCode, its folders flattened"),
    ("/part_", "one part of a message of OpenCode, its folders flattened"),
    ("/storage_legacy_part_", "one part of a message of OpenCode, its folders flattened"),
    ("opencode_storage_v2_migration", "a number"),
    ("/session_proj_test_", "a session of OpenCode without its messages, its folders flattened"),
    ("Fixtures_Cursor_test-store.db", "a store of the Cursor CLI without a message"),
    ("cass_api_conversation_history.json", "made up, in no format that Cline ever wrote"),
    ("opensession_bubbles.json", "a part of a database, as JSON"),
    ("opensession_composer_data.json", "a part of a database, as JSON"),
    ("empty", "nothing in it"),
    ("INDEX.tsv", "the list of the files"),
];

/// The folder of real logs and labelled secrets, which are not part of the repository: tests that read it
/// are ignored, and run with `--ignored` where `GIT_SESSION_DATA` names it.
#[expect(clippy::disallowed_methods, reason = "the data folder is the tests' own business")]
pub fn data() -> PathBuf {
    let data = env::var_os("GIT_SESSION_DATA").map(PathBuf::from);
    data.filter(|data| data.join("corpus").is_dir()).expect("GIT_SESSION_DATA names a folder that holds corpus/")
}

/// The real logs, in one folder an agent.
pub fn corpus() -> PathBuf {
    data().join("corpus")
}

/// Every file below a folder, sorted.
pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|fault| panic!("{}: {fault}", folder.display())) {
        let path = entry.expect("readable").path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// Why a file is no session.
pub fn reason(path: &Path) -> Option<&'static str> {
    let name = path.to_string_lossy();
    NO_SESSION.iter().find(|(part, _)| name.contains(part)).map(|(_, reason)| *reason)
}

/// The sessions of a file.
pub fn sessions(path: &Path) -> Result<(&'static dyn Agent, Vec<Canonical>), String> {
    let agent =
        agents::detect(&Sample::of(path).map_err(|fault| fault.to_string())?).map_err(|fault| fault.to_string())?;
    let log = LogFile::at(path.to_owned()).ok_or("no file")?;
    let parts = agent.sessions(&log).map_err(|fault| fault.to_string())?;
    let sessions: Result<Vec<Canonical>, String> = parts.iter().map(|part| parse(agent, part)).collect();
    Ok((agent, sessions?))
}

fn parse(agent: &dyn Agent, log: &LogFile) -> Result<Canonical, String> {
    let mut input = Log::open(&log.path).map_err(|fault| fault.to_string())?;
    input.part = log.part.as_deref();
    let mut spool = Spool::default();
    agent.parse(&mut input, &mut spool).map_err(|fault| format!("{}: {fault}", agent.name()))?;
    spool.finish().map_err(|fault| fault.to_string())?.ok_or_else(|| "no event".to_owned())
}

/// The agents that have a folder in the corpus, with the folder.
pub fn folders(corpus: &Path) -> Vec<(&'static str, PathBuf)> {
    let folder = |name: &'static str| {
        let known = NAMES.iter().find(|(_, agent)| *agent == name).map_or(name, |(folder, _)| folder);
        (name, corpus.join(known))
    };
    agents::names().into_iter().map(folder).filter(|(_, folder)| folder.is_dir()).collect()
}

#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
fn every_log_of_the_corpus_parses_or_is_refused_for_a_known_reason() {
    let corpus = corpus();
    let mut faults = Vec::new();
    for path in files_below(&corpus) {
        let name = path.strip_prefix(&corpus).expect("below").display().to_string();
        let is_blank = fs::read(&path).expect("readable").iter().all(u8::is_ascii_whitespace);
        match (sessions(&path), reason(&path)) {
            (Ok(_), Some(reason)) => faults.push(format!("{name}: parses, though it is {reason}")),
            (Err(fault), None) if !is_blank => faults.push(format!("{name}: {fault}")),
            (Ok((_, sessions)), None) if sessions.is_empty() => faults.push(format!("{name}: no session in it")),
            _ => {}
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
fn a_log_has_the_same_bytes_in_every_run() {
    let corpus = corpus();
    for path in files_below(&corpus).into_iter().filter(|path| reason(path).is_none()) {
        let bytes = |sessions: Vec<Canonical>| -> Vec<Vec<u8>> {
            sessions.iter().map(|session| session.to_bytes().expect("small")).collect()
        };
        let Ok((_, first)) = sessions(&path) else { continue };
        let (_, second) = sessions(&path).expect("it did before");
        assert!(bytes(first) == bytes(second), "{}", path.display());
    }
}
