//! Aider's chat histories: one Markdown file, many sessions.

use std::{fs, path::Path};

use git_session::{
    agents::{Log, LogFile, ParseError, Parsed, Sample, Scope, detect, parse_session},
    environment::Environment,
    hail::{Block, EventType, attribute},
};

use super::fixtures::{agent, fixture, rendered, sum, texts};
use crate::support::World;

/// Where the fixtures would be: the folder is a part of the ids.
const PATH: &str = "/home/ann/shop/.aider.chat.history.md";

/// Every session of a history, or one of them.
fn read(bytes: &[u8], part: Option<&str>) -> Result<Parsed, ParseError> {
    let mut log = Log::new(bytes, Some(Path::new(PATH)));
    log.part = part;
    parse_session(agent("aider"), &mut log)
}

fn sessions(bytes: &[u8]) -> Vec<Parsed> {
    match read(bytes, None) {
        Ok(parsed) => vec![parsed],
        Err(ParseError::SeveralSessions { parts }) => {
            parts.iter().map(|part| read(bytes, Some(part)).expect("it is among the parts")).collect()
        }
        Err(fault) => panic!("{fault}"),
    }
}

fn fixture_bytes(name: &str) -> Vec<u8> {
    fs::read(fixture("aider", name)).expect("readable")
}

#[test]
fn every_fixture_gives_the_sessions_that_were_agreed_on() {
    insta::glob!("../../fixtures/agents/aider", "*.md", |path| {
        assert_eq!(detect(&Sample::of(path).expect("readable")).expect("known").name(), "aider");
        let all = sessions(&fs::read(path).expect("readable"));
        insta::assert_snapshot!(all.iter().map(rendered).collect::<Vec<_>>().join("\n"));
    });
}

#[test]
fn a_start_without_a_prompt_is_no_session() {
    let log = LogFile::at(fixture("aider", "several.md")).expect("a file");
    assert_eq!(agent("aider").sessions(&log).expect("readable").len(), 2);
    let only_start = b"\n# aider chat started at 2025-07-15 11:38:37\n\n> Aider v0.85.1  \n";
    assert_eq!(sessions(only_start).len(), 1, "unless there is nothing else");
}

#[test]
fn only_marked_lines_are_the_persons_and_the_programs() {
    let all = sessions(&fixture_bytes("several.md"));
    let [first, _] = &all[..] else { panic!("two sessions") };
    assert_eq!(texts(&first.session, &EventType::UserMessage), ["/add calc.py", "Double the result,\nand add a note."]);
    assert_eq!(first.session.header.context.title, "Double the result,");
    let answer = &texts(&first.session, &EventType::AgentMessage)[0];
    assert!(answer.contains("#### A heading of the model\n> a quotation of the model\n"), "{answer}");
}

#[test]
fn an_applied_edit_has_the_blocks_of_the_answer() {
    let all = sessions(&fixture_bytes("several.md"));
    let changes = |index: usize| -> Vec<_> {
        all[index].session.events.iter().filter(|event| event.event_type.changed_path().is_some()).collect()
    };
    let EventType::FileEdit { path, diff: Some(diff) } = &changes(0)[0].event_type else { panic!("an edit") };
    assert_eq!(path, "calc.py");
    assert!(diff.ends_with("@@ -1,2 +1,2 @@\n def f(x):\n-    return x\n+    return 2 * x\n"), "{diff}");
    assert_eq!(changes(0).len(), 1, "what was not applied is no edit");
    let created = changes(1)[0];
    assert_eq!(created.event_type, EventType::FileCreate { path: "list.txt".to_owned() });
    assert!(matches!(&created.content.blocks[..], [Block::File { content: Some(text), .. }] if text == "one\n"));
}

#[test]
fn tokens_and_cost_are_those_that_aider_rounds() {
    let session = &sessions(&fixture_bytes("several.md"))[0].session;
    assert_eq!(sum(session, attribute::INPUT_TOKENS), 2200);
    assert_eq!((sum(session, attribute::CACHE_READ_TOKENS), sum(session, attribute::OUTPUT_TOKENS)), (1000, 184));
    let costs: Vec<_> = session.events.iter().filter_map(|event| event.attributes.get(attribute::COST_USD)).collect();
    assert_eq!(costs, [0.01]);
}

#[test]
fn a_command_was_run_where_the_program_asked_for_it() {
    let session = &sessions(&fixture_bytes("several.md"))[0].session;
    let command = EventType::ShellCommand { command: "python calc.py".to_owned(), exit_code: None };
    assert_eq!(session.events.iter().filter(|event| event.event_type == command).count(), 1);
}

#[test]
fn a_session_has_the_same_id_however_its_file_is_reached_and_another_in_another_folder() {
    let bytes = fixture_bytes("windows.md");
    let id = |path: &str| {
        let mut log = Log::new(&bytes[..], Some(Path::new(path)));
        parse_session(agent("aider"), &mut log).expect("one session").session.header.session_id
    };
    assert_eq!(id(PATH), id("/home/ann/shop/src/.././.aider.chat.history.md"));
    assert_ne!(id(PATH), id("/home/ann/other/.aider.chat.history.md"));
}

#[test]
fn sessions_of_the_same_second_are_two() {
    let twice = fixture_bytes("windows.md").repeat(2);
    let all = sessions(&twice);
    assert_eq!(all.len(), 2);
    assert_ne!(all[0].session.header.session_id, all[1].session.header.session_id);
}

#[test]
fn what_is_not_utf8_and_what_breaks_off_costs_only_itself() {
    let mut bytes = fixture_bytes("windows.md");
    bytes.extend(b"#### More\xff  \n#### and mo");
    let parsed = read(&bytes, None).expect("one session");
    assert_eq!(parsed.warnings.iter().map(|warning| warning.line).collect::<Vec<_>>(), [10, 11]);
    assert_eq!(texts(&parsed.session, &EventType::UserMessage).len(), 2);
    for end in 0..bytes.len() {
        let _ = read(&bytes[..end], None);
    }
}

#[test]
fn the_history_is_found_in_the_folder_and_above_it() {
    let root = tempfile::tempdir().expect("a folder");
    let below = root.path().join("src/deep");
    fs::create_dir_all(&below).expect("a folder");
    fs::write(root.path().join(".aider.chat.history.md"), "").expect("a file");
    let logs = |variables: &[(&str, &str)], folder: Option<&Path>| {
        let environment: Environment = variables.iter().copied().collect();
        agent("aider").logs(&environment, &Scope { folder, ..Scope::default() }).len()
    };
    assert_eq!(logs(&[], Some(&below)), 1);
    assert_eq!(logs(&[], None), 0);
    fs::write(root.path().join("chat.md"), "").expect("a file");
    assert_eq!(logs(&[("AIDER_CHAT_HISTORY_FILE", "chat.md")], Some(root.path())), 2);
}

#[test]
fn capture_and_discover_look_into_the_repository_they_are_in() {
    let world = World::new();
    let work = world.repository("work");
    let other = world.repository("other");
    fs::copy(fixture("aider", "several.md"), work.join(".aider.chat.history.md")).expect("a copy");
    assert_eq!(work.json(&["discover", "--agent", "aider"])["agents"][0]["sessions"], 1, "one file");
    let captured = work.json(&["capture", "--all"]);
    assert_eq!(captured["sessions"].as_array().expect("sessions").len(), 2, "{captured}");
    assert_eq!(work.stored().len(), 2);
    assert_eq!(work.json(&["capture", "--all"])["stored_already"], 2);
    assert_eq!(other.json(&["discover", "--agent", "aider"])["agents"][0]["sessions"], 0);
}

#[test]
fn an_answer_that_corrects_a_failed_one_has_its_own_blocks_only() {
    let block = |new: &str| format!("a.txt\n```\n<<<<<<< SEARCH\none\n=======\n{new}\n>>>>>>> REPLACE\n```\n");
    let history = format!(
        "\n# aider chat started at 2025-07-15 11:40:00\n\n#### Two.  \n\n{}\n> Tokens: 1k sent, 5 received.  \n\
         > The block failed to match  \n\n{}\n> Tokens: 2k sent, 6 received.  \n> Applied edit to a.txt  \n",
        block("three"),
        block("two")
    );
    let session = read(history.as_bytes(), None).expect("one session").session;
    let edits = session.events.iter().filter_map(|event| match &event.event_type {
        EventType::FileEdit { diff, .. } => diff.clone(),
        _ => None,
    });
    assert_eq!(edits.collect::<Vec<_>>(), ["--- a/a.txt\n+++ b/a.txt\n@@ -1,1 +1,1 @@\n-one\n+two\n"]);
    assert_eq!(session.stats.total_output_tokens, 11);
}

#[test]
fn a_commit_of_what_aider_changed_names_its_session_and_stores_it() {
    let world = World::new();
    let work = world.repository("work");
    work.session(&["hooks", "install"]).ok();
    work.write("calc.py", "def f(x):\n    return x\n");
    work.commit_all("base");
    fs::copy(fixture("aider", "several.md"), work.join(".aider.chat.history.md")).expect("a copy");
    work.write(".git/info/exclude", ".aider*\n");
    work.write("calc.py", "def f(x):\n    return 2 * x\n");
    work.commit_all("double");
    let stored = work.wait_for_sessions(1);
    assert_eq!(work.trailers("HEAD"), stored);
}
