//! Records of kinds that a parser does not know: none in logs that it was learned from.

use std::{collections::BTreeSet, path::Path};

use git_session::{agents::Kinds, hail::Session};

use super::{
    corpus::{corpus, files_below, reason, sessions},
    fixture,
};

/// What is new in the sessions of the files below a folder: the agent and the kind.
fn unknown_below(folder: &Path) -> BTreeSet<String> {
    let mut unknown = BTreeSet::new();
    for path in files_below(folder).into_iter().filter(|path| reason(path).is_none()) {
        let Ok((_, sessions)) = sessions(&path) else { continue };
        for session in sessions {
            let session = Session::read(session.to_bytes().expect("small").as_slice()).expect("HAIL");
            let agent = &session.header.agent.tool;
            unknown.extend(Kinds::of(&session).unknown().kinds.into_keys().map(|kind| format!("{agent}: {kind}")));
        }
    }
    unknown
}

#[test]
#[ignore = "reads real logs, which GIT_SESSION_DATA names"]
fn no_kind_of_the_corpus_is_new_to_its_parser() {
    // A line that is no record, and what another program's tests made up.
    let others = ["claude-code: unknown", "cursor: custom_block"];
    assert_eq!(unknown_below(&corpus()), others.into_iter().map(str::to_owned).collect());
}

#[test]
fn what_the_fixtures_made_up_is_new_and_nothing_else() {
    let unknown = unknown_below(&fixture(""));
    let made_up = [
        "claude-code: assistant/hologram",
        "claude-code: from-the-future",
        "codex: item_completed/SomethingNew",
        "codex: sun_risen",
        "codex: unknown",
        "cursor: gust",
        "gemini-cli: hologram",
        "gemini-cli: unknown",
        "opencode: gust",
    ];
    assert_eq!(unknown, made_up.into_iter().map(str::to_owned).collect());
}

#[test]
fn a_version_is_newer_from_the_first_number_that_is_larger() {
    let newest = |version: &str| {
        let text = std::fs::read_to_string(fixture("claude-code/tools.jsonl")).expect("a log");
        let log = tempfile::NamedTempFile::with_suffix(".jsonl").expect("a file");
        std::fs::write(log.path(), text.replace("2.1.30", version)).expect("written");
        let (_, sessions) = sessions(log.path()).expect("a session");
        let session = Session::read(sessions[0].to_bytes().expect("small").as_slice()).expect("HAIL");
        Kinds::of(&session).unknown().newest
    };
    assert_eq!(newest("2.1.258"), None);
    assert_eq!(newest("2.1.99"), None);
    assert_eq!(newest("2.1.300").as_deref(), Some("2.1.258"));
    assert_eq!(newest("3").as_deref(), Some("2.1.258"));
    assert_eq!(newest("a kite"), None);
}
