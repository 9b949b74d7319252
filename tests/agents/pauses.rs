//! A parse that is put away between two lines and goes on from there gives what one in a single go does.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use git_session::{
    agents::{Agent, Log, Sample, Warning, detect},
    redact::{PausedReading, Redactor, Settings},
};

use proptest::prelude::*;

use super::corpus;
use crate::support::Sent;

/// The agents whose logs are read from where the last parse stood. The other logs of lines say too little:
/// Cursor's have no times, Kiro's have counts in a document beside them, Gemini CLI's take back what they said,
/// Goose's are of versions long gone, and those of Agenix and ox are read when somebody names them.
const PAUSING: [&str; 11] = [
    "claude-code",
    "codex",
    "copilot-cli",
    "factory-droid",
    "hermes",
    "iflow",
    "oh-my-pi",
    "openclaw",
    "pi",
    "qwen-code",
    "trae-cli",
];

fn parse(agent: &dyn Agent, mut log: Log<'_>) -> (Sent, Vec<Warning>) {
    let mut sent = Sent::default();
    let warnings = agent.parse(&mut log, &mut sent).expect("it was recognised");
    (sent, warnings)
}

/// Pauses at the end of every `step`th line; returns how often the parser could.
fn goes_on_wherever_it_pauses(agent: &dyn Agent, file: &Path, step: usize) -> usize {
    goes_on(agent, file, &fs::read(file).expect("readable"), step)
}

fn goes_on(agent: &dyn Agent, file: &Path, bytes: &[u8], step: usize) -> usize {
    let (whole, warnings) = parse(agent, Log::new(bytes, Some(file)));
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', bytes).map(|end| end + 1).collect();
    let mut pauses = 0;
    for end in ends.into_iter().step_by(step) {
        let mut log = Log::new(&bytes[..end], Some(file));
        log.pause_at = Some(end as u64);
        let mut before = Sent::default();
        // The first lines may not be the agent's yet.
        if agent.parse(&mut log, &mut before).is_err() {
            continue;
        }
        let Some(pause) = before.pause else { continue };
        let pause = serde_json::from_str(&serde_json::to_string(&pause).expect("JSON")).expect("the same");
        let (after, later) = parse(agent, Log::after(pause, &bytes[end..], Some(file)));
        let place = format!("{}, paused at byte {end}", file.display());
        assert_eq!(after.header, whole.header, "{place}");
        assert_eq!(before.events.len() + after.events.len(), whole.events.len(), "{place}");
        for (event, expected) in before.events.iter().chain(&after.events).zip(&whole.events) {
            assert_eq!(event, expected, "{place}");
        }
        assert_eq!(later, warnings, "{place}");
        pauses += 1;
    }
    pauses
}

/// Redacts what a parse of the whole file sends, and what one sends that pauses at the end of every `step`th
/// line: nothing may tell them apart. Returns how often the second half could go on, and how often not.
fn is_redacted_alike(redactor: &Redactor, agent: &dyn Agent, file: &Path, step: usize) -> (usize, usize) {
    let bytes = fs::read(file).expect("readable");
    let mut spool = redactor.spool();
    agent.parse(&mut Log::new(&bytes[..], Some(file)), &mut spool).expect("it was recognised");
    let whole = spool.finish().expect("memory").expect("a session").value().to_bytes().expect("memory");
    let ends: Vec<usize> = memchr::memchr_iter(b'\n', &bytes).map(|end| end + 1).collect();
    let (mut able, mut unable) = (0, 0);
    for end in ends.into_iter().step_by(step) {
        let mut log = Log::new(&bytes[..end], Some(file));
        log.pause_at = Some(end as u64);
        let mut spool = redactor.spool();
        if agent.parse(&mut log, &mut spool).is_err() {
            continue;
        }
        let Some((first, Some(paused))) = spool.finish_paused().expect("memory") else { continue };
        let first = first.value().to_bytes().expect("memory");
        let header = memchr::memchr(b'\n', &first).expect("a line") + 1;
        let paused: PausedReading =
            serde_json::from_str(&serde_json::to_string(&paused).expect("JSON")).expect("the same");
        let length = usize::try_from(paused.spool.bytes).expect("small");
        let lines = first[header..header + length].to_vec();
        let Ok((mut spool, pause)) = redactor.spool_after(paused, lines) else { continue };
        let rest = agent.parse(&mut Log::after(pause, &bytes[end..], Some(file)), &mut spool);
        let Ok(Some(session)) = rest.map_err(|_| ()).and_then(|_| spool.finish().map_err(drop)) else {
            unable += 1;
            continue;
        };
        let both = session.value().to_bytes().expect("memory");
        let (both, whole) = (String::from_utf8_lossy(&both), String::from_utf8_lossy(&whole));
        for (line, expected) in both.lines().zip(whole.lines()) {
            assert_eq!(line, expected, "{}, paused at byte {end}", file.display());
        }
        assert_eq!(both.len(), whole.len());
        able += 1;
    }
    (able, unable)
}

fn redactor() -> Redactor {
    Redactor::new(&Settings::default(), b"key", &[PathBuf::from("/home/ann")]).expect("the rules load")
}

fn agent_of(file: &Path) -> Option<&'static dyn Agent> {
    detect(&Sample::of(file).ok()?).ok()
}

#[test]
fn every_fixture_can_be_paused_at_every_line() {
    let (redactor, mut pauses) = (redactor(), BTreeMap::new());
    insta::glob!("../../fixtures/agents", "*/*.jsonl", |file| {
        let Some(agent) = agent_of(file) else { return };
        *pauses.entry(agent.name()).or_insert(0) += goes_on_wherever_it_pauses(agent, file, 1);
        is_redacted_alike(&redactor, agent, file, 1);
    });
    let able: Vec<&str> = pauses.iter().filter(|(_, count)| **count > 0).map(|(agent, _)| *agent).collect();
    assert_eq!(able, PAUSING);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    /// Copies, gaps and results before their calls: what a pause keeps must not depend on a log being sound.
    #[test]
    fn a_log_with_lines_taken_from_any_place_can_be_paused(
        agent in prop::sample::select(PAUSING.to_vec()),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 2..30),
    ) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents").join(agent);
        let files = corpus::files_below(&folder).into_iter().filter(|file| file.extension().is_some_and(|it| it == "jsonl"));
        let lines: Vec<Vec<u8>> = files
            .flat_map(|file| fs::read(file).expect("readable").split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>())
            .filter(|line| line.ends_with(b"\n"))
            .collect();
        let log: Vec<u8> = picks.iter().flat_map(|pick| pick.get(&lines).clone()).collect();
        let (agent, file) = (super::fixtures::agent(agent), folder.join("mixed.jsonl"));
        if agent.parse(&mut Log::new(&log[..], Some(&file)), &mut Sent::default()).is_ok() {
            goes_on(agent, &file, &log, 1);
        }
    }
}

#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
fn real_logs_can_be_paused() {
    let redactor = redactor();
    let (mut pauses, mut able, mut unable) = (0, 0, 0);
    for file in corpus::files_below(&corpus::corpus()) {
        let Some(agent) = agent_of(&file).filter(|agent| PAUSING.contains(&agent.name())) else { continue };
        let lines = memchr::memchr_iter(b'\n', &fs::read(&file).expect("readable")).count();
        pauses += goes_on_wherever_it_pauses(agent, &file, lines / 7 + 1);
        let (more, less) = is_redacted_alike(&redactor, agent, &file, lines / 7 + 1);
        able += more;
        unable += less;
    }
    assert!(pauses > 100, "{pauses}");
    assert!(able > 10 * unable, "{able} could go on, {unable} could not");
}
