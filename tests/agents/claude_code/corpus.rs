//! The real logs of Claude Code.

use std::fs;

use git_session::agents::{Sample, by_name};

use super::parse;
use crate::agents::corpus::{corpus, files_below};

#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
fn every_log_of_the_corpus_is_recognised_and_parsed_without_loss() {
    let files = files_below(&corpus().join("claude-code"));
    assert!(!files.is_empty());
    for path in files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "jsonl")) {
        let input = fs::read(path).expect("readable");
        if input.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let name = path.display();
        let sample = Sample::read(&input[..]).expect("readable");
        assert!(by_name("claude-code").expect("known").recognises(&sample), "{name}");
        let session = parse(&input, Some(path)).unwrap_or_else(|fault| panic!("{name}: {fault}")).session;
        let again = parse(&input, Some(path)).expect("parses").session;
        assert!(session.to_bytes() == again.to_bytes(), "{name} differs from run to run");
        let sum = |key: &str| session.events.iter().map(|event| event.count(key)).sum::<u64>();
        assert_eq!(sum("input_tokens"), session.stats.total_input_tokens, "{name}");
        assert_eq!(sum("output_tokens"), session.stats.total_output_tokens, "{name}");
        assert!(session.events.is_sorted_by_key(|event| event.timestamp), "{name}");
        assert_ne!(session.header.agent.model, "<synthetic>", "{name}");
        assert!(
            !session.events.iter().any(|event| event.attributes.get("model").is_some_and(|m| m == "<synthetic>")),
            "{name}"
        );
    }
}

#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
fn no_log_of_another_agent_in_the_corpus_is_taken_for_one_of_claude_code() {
    // Two logs of Claude Code were published under another agent's name.
    const MISLABELLED: [&str; 2] = ["gemini/entire_397b25e94a.json", "gemini/entire_71b2542fc4.json"];
    let corpus = corpus();
    let files = files_below(&corpus);
    let foreign = files.iter().filter(|path| !path.starts_with(corpus.join("claude-code")));
    for path in foreign {
        let sample = Sample::read(&fs::read(path).expect("readable")[..]).expect("readable");
        let recognised = by_name("claude-code").expect("known").recognises(&sample);
        assert_eq!(recognised, MISLABELLED.iter().any(|name| path.ends_with(name)), "{}", path.display());
    }
}
