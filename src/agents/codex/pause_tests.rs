//! A log that is read in two goes says what it says when it is read in one.

#![expect(clippy::disallowed_methods, reason = "where the logs of others are is told to tests only")]

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    super::{Agent, Log, Warning},
    Codex,
};
use crate::hail::{Event, Header, Pause, Sink};

/// What comes before a pause, and the pause.
#[derive(Default)]
struct Heard {
    events: Vec<Event>,
    header: Option<Header>,
    pause: Option<Pause>,
}

impl Sink for Heard {
    fn header(&mut self, header: Header) -> io::Result<()> {
        self.header = Some(header);
        Ok(())
    }

    fn event(&mut self, event: Event) -> io::Result<()> {
        if self.pause.is_none() {
            self.events.push(event);
        }
        Ok(())
    }

    fn pause(&mut self, pause: Pause) -> io::Result<()> {
        self.pause = Some(pause);
        Ok(())
    }
}

/// Stands for redaction.
fn redacted(text: &str) -> String {
    text.replace("/home/ann", "~").replace(" the ", " <article> ")
}

/// All that a parse says, redacted.
fn told(events: &[Event], header: Option<&Header>, warnings: &[Warning]) -> String {
    let events: Vec<_> = events.iter().map(|event| serde_json::to_string(event).expect("JSON")).collect();
    let header = serde_json::to_string(&header).expect("JSON");
    redacted(&format!("{}\n{header}\n{warnings:?}", events.join("\n")))
}

fn whole(bytes: &[u8], path: &Path) -> String {
    let mut heard = Heard::default();
    let warnings = Codex.parse(&mut Log::new(bytes, Some(path)), &mut heard).expect("a log");
    told(&heard.events, heard.header.as_ref(), &warnings)
}

/// Reads the log up to `at`, and then what is left; `None` where nobody can pause there.
fn in_two(bytes: &[u8], at: usize, path: &Path) -> Option<String> {
    let mut before = Heard::default();
    let mut log = Log::new(&bytes[..at], Some(path));
    log.pause_at = Some(at as u64);
    Codex.parse(&mut log, &mut before).ok()?;
    let text = redacted(&serde_json::to_string(&before.pause?).expect("JSON"));
    let mut after = Heard::default();
    let mut log = Log::after(serde_json::from_str(&text).expect("JSON"), &bytes[at..], Some(path));
    let warnings = Codex.parse(&mut log, &mut after).expect("the rest of a log");
    before.events.append(&mut after.events);
    Some(told(&before.events, after.header.as_ref(), &warnings))
}

fn logs(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => logs(&path, found),
            path if path.extension().is_some_and(|ending| ending == "jsonl") => found.push(path),
            _ => {}
        }
    }
}

#[test]
fn a_log_may_be_put_away_after_any_line() {
    let mut found = Vec::new();
    logs(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents/codex"), &mut found);
    if let Some(data) = std::env::var_os("GIT_SESSION_DATA") {
        logs(&Path::new(&data).join("corpus/codex"), &mut found);
    }
    let mut pauses = 0;
    for path in found {
        let bytes = fs::read(&path).expect("a log");
        let whole = whole(&bytes, &path);
        let ends: Vec<usize> = memchr::memchr_iter(b'\n', &bytes).map(|end| end + 1).collect();
        // Of a long log some are enough: both parts are read for each.
        let step = ends.len() * bytes.len() / 20_000_000 + 1;
        for at in ends.into_iter().step_by(step) {
            let Some(in_two) = in_two(&bytes, at, &path) else { continue };
            pauses += 1;
            for (line, (in_two, whole)) in in_two.lines().zip(whole.lines()).enumerate() {
                assert_eq!(in_two, whole, "{}, put away at {at}, line {line}", path.display());
            }
            assert_eq!(in_two.len(), whole.len(), "{}, put away at {at}", path.display());
        }
    }
    assert!(pauses > 50, "only {pauses} pauses");
}
