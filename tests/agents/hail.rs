//! HAIL itself, as OpenSession writes it.

use std::fs;

use git_session::{
    agents::{Log, parse_session},
    hail::EventType,
};

use super::{
    corpus::{corpus, files_below, reason},
    fixtures::{agent, parsed},
};

#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
fn whatever_opensession_wrote_parses_and_is_canonical_from_then_on() {
    let corpus = corpus();
    let files: Vec<_> =
        files_below(&corpus.join("hail-opensession")).into_iter().filter(|path| reason(path).is_none()).collect();
    assert!(!files.is_empty());
    for path in files {
        let first = parsed("hail", &path);
        assert_eq!(first.warnings, [], "{}", path.display());
        let bytes = first.session.to_bytes();
        let second = parse_session(agent("hail"), &mut Log::new(&bytes[..], None)).expect("it is canonical");
        assert!(second.session.to_bytes() == bytes, "{}", path.display());
        let lines = fs::read(&path).expect("readable").split(|byte| *byte == b'\n').count();
        assert!(!first.session.events.is_empty() && first.session.events.len() < lines, "{}", path.display());
    }
}

#[test]
fn a_draft_is_called_after_its_first_prompt() {
    let parse = |lines: &[&str]| {
        let text = lines.join("\n");
        parse_session(agent("hail"), &mut Log::new(text.as_bytes(), None)).expect("parses").session
    };
    let header = r#"{"v":"hail/0.1","tool":"claude-code","model":"opus-9","ts":"2026-01-01T00:00:00Z"}"#;
    let said =
        [header, r#"{"role":"system","content":"Be brief."}"#, r#"{"role":"human","content":"Fly a kite\nnow"}"#];
    let session = parse(&said);
    assert_eq!(session.header.context.title, "Fly a kite");
    assert_eq!((session.events.len(), &session.events[1].event_type), (2, &EventType::UserMessage));
    let silent = parse(&said[..2]);
    assert_eq!((silent.header.context.title.as_str(), silent.events.len()), ("Imported draft session", 1));
}
