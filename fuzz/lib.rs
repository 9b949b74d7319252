//! What every target checks: whatever the bytes are, a parser ends, and what it gives is a session
//! that reads back.

use std::path::Path;

use git_session::{
    agents::{self, Agent, Log, LogFile, Sample},
    hail::{Lines, Reader, Record, Spool, Validator},
};

/// Parses `bytes` as a log of the agent of that name.
pub fn parse_as(agent: &str, bytes: &[u8]) {
    check(agents::by_name(agent).expect("a known agent"), &mut Log::new(bytes, None));
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
