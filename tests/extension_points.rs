//! Every extension point has a trait, an `ALL`, and these checks for whatever is in it.

use std::collections::HashSet;

use git_session::{
    agents::{self, Agent, Log, ParseError, Sample, Scope},
    cleanup,
    environment::Environment,
    hail::Assembly,
    ledger,
    report::{self, Message, Report, Style},
};

fn are_good_names(names: &[&str]) {
    let is_good = |name: &&str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b"-_".contains(&b));
    assert!(names.iter().all(is_good), "{names:?}");
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
}

fn parse(agent: &dyn Agent, bytes: &[u8]) -> Result<usize, ParseError> {
    let mut assembly = Assembly::default();
    agent.parse(&mut Log::new(bytes, None), &mut assembly)?;
    Ok(assembly.finish().map_or(0, |session| session.events.len()))
}

#[test]
fn names_are_distinct_words_of_the_command_line() {
    are_good_names(&agents::names());
    are_good_names(&ledger::names());
    are_good_names(&report::names());
    are_good_names(&cleanup::PROVIDERS.iter().map(|provider| provider.name()).collect::<Vec<_>>());
}

#[test]
fn every_agent_is_found_by_its_name_and_by_nothing_else() {
    for agent in agents::ALL {
        assert_eq!(agents::by_name(agent.name()).expect("it is known").name(), agent.name());
    }
    assert!(agents::by_name("nobody").is_err());
}

#[test]
fn every_agent_explains_what_is_no_log_and_never_panics() {
    let deep = format!("{}{}\n", "[".repeat(5000), "]".repeat(5000));
    let inputs: [&[u8]; 9] = [
        b"",
        b"\n\n",
        b"prose\n",
        b"{}\n",
        b"[]",
        b"\xff\xfe\x00",
        b"{\"type\":\"user\",\"type\":\"user\"}\n",
        b"{\"type\":1e999,\"sessionId\":NaN}\n",
        deep.as_bytes(),
    ];
    for agent in agents::ALL {
        for input in inputs {
            let result = parse(*agent, input);
            if let Err(fault) = &result {
                let text = fault.to_string();
                assert!(text.starts_with("line "), "{}: {text}", agent.name());
                assert!(!text.contains('\n'), "{}: {text}", agent.name());
            }
            let sample = Sample::read(input).expect("memory does not fail");
            assert!(!agent.recognises(&sample), "{} recognises {:?}", agent.name(), String::from_utf8_lossy(input));
        }
    }
}

#[test]
fn every_agent_finds_nothing_in_an_empty_home() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let environment: Environment = [("HOME", home.path())].into_iter().collect();
    for agent in agents::ALL {
        assert!(agent.logs(&environment, &Scope::default()).is_empty(), "{}", agent.name());
        assert!(agent.logs(&Environment::default(), &Scope::default()).is_empty(), "{}", agent.name());
    }
}

#[test]
fn every_agent_reads_every_prefix_of_its_fixtures_without_losing_a_complete_record() {
    for agent in agents::ALL {
        let folder = format!("{}/fixtures/agents/{}", env!("CARGO_MANIFEST_DIR"), agent.name());
        let Ok(files) = std::fs::read_dir(&folder) else { continue };
        for file in files {
            let path = file.expect("an entry").path();
            // Logs of several files, and databases, have checks of their own.
            if path.is_dir() || path.extension().is_some_and(|extension| extension == "sql") {
                continue;
            }
            let bytes = std::fs::read(&path).expect("a fixture");
            let mut before = 0;
            let mut end = 0;
            for line in bytes.split_inclusive(|byte| *byte == b'\n') {
                // In the middle of a line, what came before it must be as it was.
                let cut = end + line.len() / 2;
                let events = parse(*agent, &bytes[..cut]).unwrap_or(0);
                assert!(events + 1 >= before, "{}: {events} events at byte {cut}, {before} before", path.display());
                end += line.len();
                before = parse(*agent, &bytes[..end]).unwrap_or(0);
            }
        }
    }
}

#[test]
fn every_format_renders_an_answer_or_says_why_not() {
    for format in report::ALL {
        let mut report = Report::new(Message::new("hello\n"));
        let mut out = Vec::new();
        match report.render(*format, Style::default(), &mut out) {
            Ok(()) => assert!(String::from_utf8_lossy(&out).contains("hello"), "{}", format.name()),
            Err(fault) => assert!(fault.hint().is_some(), "{}: {fault}", format.name()),
        }
    }
}

#[test]
fn exactly_one_provider_of_ci_serves_a_remote() {
    for url in ["https://github.com/a/b", "git@gitlab.com:a/b", "/srv/git/a.git", ""] {
        let provider = cleanup::provider_of(url);
        assert!(provider.recognises(url));
        assert!(!provider.permission_hint().is_empty());
    }
}
