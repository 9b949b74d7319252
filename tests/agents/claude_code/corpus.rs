//! The real logs of Claude Code.

use std::{
    fs,
    path::{Path, PathBuf},
};

use git_session::agents::{Sample, by_name};

use super::parse;

/// The folder of real logs, which are not part of the repository.
fn corpus() -> Option<PathBuf> {
    #[expect(clippy::disallowed_methods, reason = "a test may be told where the corpus is")]
    let folder = std::env::var_os("GIT_SESSION_DATA");
    #[expect(clippy::print_stderr, reason = "a skipped test says so")]
    if folder.is_none() {
        eprintln!("GIT_SESSION_DATA is not set: the corpus is not read");
    }
    folder.map(|folder| Path::new(&folder).join("corpus"))
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
    found.sort();
}

#[test]
fn every_log_of_the_corpus_is_recognised_and_parsed_without_loss() {
    let Some(corpus) = corpus() else { return };
    let mut files = Vec::new();
    files_below(&corpus.join("claude-code"), &mut files);
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
fn no_log_of_another_agent_in_the_corpus_is_taken_for_one_of_claude_code() {
    // Two logs of Claude Code were published under another agent's name.
    const MISLABELLED: [&str; 2] = ["gemini/entire_397b25e94a.json", "gemini/entire_71b2542fc4.json"];
    let Some(corpus) = corpus() else { return };
    let mut files = Vec::new();
    files_below(&corpus, &mut files);
    let foreign = files.iter().filter(|path| !path.starts_with(corpus.join("claude-code")));
    for path in foreign {
        let sample = Sample::read(&fs::read(path).expect("readable")[..]).expect("readable");
        let recognised = by_name("claude-code").expect("known").recognises(&sample);
        assert_eq!(recognised, MISLABELLED.iter().any(|name| path.ends_with(name)), "{}", path.display());
    }
}
