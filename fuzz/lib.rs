//! What every target checks: whatever the bytes are, a parser ends, and what it gives is a session
//! that reads back.

#[path = "../tests/support/sent.rs"]
mod sent;

use std::{path::Path, sync::LazyLock};

use git_session::{
    agents::{self, Agent, Log, LogFile, Sample},
    hail::{Lines, Reader, Record, Spool, Validator},
    redact::{Profile, Redactor, Settings},
};
use sent::Sent;

/// Parses `bytes` as a log of the agent of that name, in one go and put away in the middle.
pub fn parse_as(agent: &str, bytes: &[u8]) {
    let agent = agents::by_name(agent).expect("a known agent");
    check(agent, &mut Log::new(bytes, None));
    check_pause(agent, bytes);
}

/// Parses `bytes` as a log of every agent, and as that of the one that recognises it.
pub fn parse_as_any(bytes: &[u8]) {
    for agent in agents::ALL {
        check(*agent, &mut Log::new(bytes, None));
    }
    if let Ok(agent) = Sample::read(bytes).map(|sample| agents::detect(&sample)) {
        let _ = agent.map(|agent| check(agent, &mut Log::new(bytes, None)));
    }
}

/// Parses every session of a file.
pub fn parse_file(path: &Path) {
    let Ok(sample) = Sample::of(path) else { return };
    let (Ok(agent), Some(log)) = (agents::detect(&sample), LogFile::at(path.to_owned())) else { return };
    for session in agent.sessions(&log).unwrap_or_default() {
        let Ok(mut input) = Log::open(path) else { return };
        input.part = session.part.as_deref();
        check(agent, &mut input);
    }
}

fn check(agent: &dyn Agent, log: &mut Log<'_>) {
    let mut spool = Spool::default();
    if agent.parse(log, &mut spool).is_err() {
        return;
    }
    let Some(session) = spool.finish().expect("memory") else { return };
    let bytes = session.to_bytes().expect("memory");
    read_back(agent.name(), &bytes);
}

/// Insists that a parse that is put away after the line in the middle gives what one in a single go does.
fn check_pause(agent: &dyn Agent, bytes: &[u8]) {
    let Some(end) = bytes[..bytes.len() / 2].iter().rposition(|byte| *byte == b'\n').map(|end| end + 1) else { return };
    let (mut whole, mut before, mut after) = (Sent::default(), Sent::default(), Sent::default());
    let mut log = Log::new(&bytes[..end], None);
    log.pause_at = Some(end as u64);
    let parsed = agent.parse(&mut log, &mut before).and(agent.parse(&mut Log::new(bytes, None), &mut whole));
    let (Ok(warnings), Some(pause)) = (parsed, before.pause.take()) else { return };
    let pause = serde_json::from_slice(&serde_json::to_vec(&pause).expect("JSON")).expect("the same");
    let later = agent.parse(&mut Log::after(pause, &bytes[end..], None), &mut after).expect("it went well at once");
    before.events.append(&mut after.events);
    assert!(before.events == whole.events && after.header == whole.header && later == warnings, "paused at {end}");
}

/// Insists that canonical bytes are a valid session.
fn read_back(agent: &str, bytes: &[u8]) {
    let mut lines = Lines::new(bytes);
    let mut reader = Reader::new(&mut lines);
    let mut validator = Validator::default();
    let mut events = 0;
    while let Some((line, record)) = reader.next_record().unwrap_or_else(|fault| panic!("{agent}: {fault}")) {
        let violations = validator.check(line, &record);
        assert!(violations.is_empty(), "{agent}: {violations:?}");
        events += u64::from(matches!(record, Record::Event(_)));
    }
    assert!(events > 0, "{agent}: no event");
}

/// Redacts `bytes`, again and again: whatever the text, no more is looked at than [`MOST_STEPS`] for each of its
/// bytes, what is found are whole characters in order, and redacting twice changes nothing.
pub fn redact(bytes: &[u8]) {
    static REDACTORS: LazyLock<[Redactor; 2]> = LazyLock::new(|| {
        [Profile::Default, Profile::Strict]
            .map(|profile| Redactor::new(&Settings::of(profile), b"key", &[]).expect("the rules load"))
    });
    let Some((repeats, bytes)) = bytes.split_first() else { return };
    // A debugging build has to come to its end.
    let most = MOST_BYTES / bytes.len().max(1);
    let bytes = &bytes[..bytes.len().min(MOST_BYTES)];
    let text = String::from_utf8_lossy(bytes).repeat(usize::from(*repeats).min(most) + 1);
    for redactor in REDACTORS.iter() {
        let steps = redactor.steps(&text);
        assert!(steps <= MOST_STEPS * (text.len() + 4096), "{steps} steps for {} bytes", text.len());
        let mut end = 0;
        for found in redactor.findings(&text) {
            assert!(found.range.start >= end && text.get(found.range.clone()).is_some(), "{found:?}");
            end = found.range.end;
        }
        let (once, _) = redactor.text(&text);
        assert_eq!(redactor.text(&once).0, once);
    }
}

/// How many bytes the rules may look at for each byte of a text: all of them together, not one.
const MOST_STEPS: usize = 300;

/// How long a text is that is repeated, in bytes.
const MOST_BYTES: usize = 8 << 10;
