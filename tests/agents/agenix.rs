//! Agenix: what its code writes, and what its documentation describes.

use std::{fs, path::Path};

use git_session::{
    agents::{Log, Scope, parse_session},
    environment::Environment,
    hail::{EventType, attribute},
};

use super::fixtures::{agent, fixture, grows, is_read_however_it_is_cut, of_call, parsed, rendered, sum};

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    insta::glob!("../../fixtures/agents/agenix", "*.json*", |path| {
        insta::assert_snapshot!(rendered(&parsed("agenix", path)));
    });
}

#[test]
fn a_call_said_twice_is_one_and_a_failed_write_is_none() {
    let session = parsed("agenix", &fixture("agenix", "20260305_101500.jsonl")).session;
    assert_eq!(session.stats.tool_call_count, 2);
    assert!(matches!(of_call(&session, "c1")[0].event_type, EventType::ToolCall { .. }));
    assert_eq!(session.stats.files_changed, 0);
    assert_eq!(of_call(&session, "c2").len(), 2);
}

#[test]
fn both_spellings_of_the_token_counts_are_read() {
    let count = |name: &str| {
        let session = parsed("agenix", &fixture("agenix", name)).session;
        (sum(&session, attribute::INPUT_TOKENS), sum(&session, attribute::OUTPUT_TOKENS))
    };
    assert_eq!(count("20260305_101500.jsonl"), (240, 29));
    assert_eq!(count("documented.json"), (100, 50));
}

#[test]
fn lines_are_kept_below_the_folder_in_which_the_session_worked() {
    let bytes = fs::read(fixture("agenix", "20260305_101500.jsonl")).expect("readable");
    let path = Path::new("/home/ann/shop/.agenix/20260305_101500.jsonl");
    let parsed = parse_session(agent("agenix"), &mut Log::new(&bytes[..], Some(path))).expect("parses");
    assert_eq!(parsed.session.header.cwd(), Some("/home/ann/shop"));
}

#[test]
fn a_session_that_grew_begins_as_before() {
    grows(agent("agenix"), &fixture("agenix", "20260305_101500.jsonl"));
}

#[test]
fn sessions_are_found_in_the_home_in_the_moved_folder_and_in_the_repository() {
    let root = tempfile::tempdir().expect("a folder");
    for path in ["home/.agenix/sessions/shop/1.json", "moved/2.jsonl", "repository/.agenix/3.jsonl"] {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, "{}").expect("a file");
    }
    fs::write(root.path().join("repository/.agenix/settings.json"), "{}").expect("a file");
    let names = |variables: &[(&str, &str)], folder: Option<&Path>| -> Vec<String> {
        let environment: Environment = variables.iter().map(|(name, path)| (*name, root.path().join(path))).collect();
        let logs = agent("agenix").logs(&environment, &Scope { folder, ..Scope::default() });
        logs.iter().map(|log| log.path.file_name().expect("a name").to_string_lossy().into_owned()).collect()
    };
    let repository = root.path().join("repository");
    assert_eq!(names(&[("HOME", "home")], None), ["1.json"]);
    assert_eq!(names(&[("HOME", "home"), ("AGENIX_SESSION_DIR", "moved")], Some(&repository)), ["2.jsonl", "3.jsonl"]);
}

#[test]
fn a_log_cut_anywhere_is_read_or_refused() {
    insta::glob!("../../fixtures/agents/agenix", "*.json*", |path| is_read_however_it_is_cut(agent("agenix"), path));
}

#[test]
fn the_tags_of_a_session_are_its_tags() {
    let session = parsed("agenix", &fixture("agenix", "documented.json")).session;
    assert_eq!(session.header.context.tags, ["refactoring"]);
}
