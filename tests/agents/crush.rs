//! Crush: the database of a folder.

use std::path::Path;

use git_session::{
    agents::{ParseError, Parsed, Scope},
    environment::Environment,
    hail::{Block, EventType, attribute},
};

use super::{
    fixtures::{agent, of_call, parsed_part, parts, rendered, texts},
    plain::{changes, exit_codes, tokens},
};

const AGENT: &str = "crush";

fn session() -> Parsed {
    parsed_part(AGENT, "crush.sql", Some("s-1")).expect("read")
}

#[test]
fn every_session_is_the_one_that_was_agreed_on() {
    insta::assert_snapshot!("crush_session", rendered(&session()));
    insta::assert_snapshot!("crush_child", rendered(&parsed_part(AGENT, "crush.sql", Some("m2$$c5")).expect("read")));
}

#[test]
fn empty_sessions_and_those_that_make_a_title_are_none() {
    assert_eq!(parts(AGENT, "crush.sql"), ["s-1", "m2$$c5"]);
    let several = parsed_part(AGENT, "crush.sql", None).expect_err("two");
    assert!(matches!(several, ParseError::SeveralSessions { parts } if parts.len() == 2));
    assert!(parsed_part(AGENT, "crush.sql", Some("none")).is_err());
}

#[test]
fn an_edit_has_the_diff_of_the_file_before_and_after() {
    let parsed = session();
    assert_eq!(changes(&parsed), ["~kite.txt"], "what failed changed nothing");
    let EventType::FileEdit { diff: Some(diff), .. } = &of_call(&parsed.session, "c2")[0].event_type else { panic!() };
    assert!(diff.ends_with("@@ -1,3 +1,3 @@\n a\n b\n-short\n+long\n"), "{diff}");
}

#[test]
fn a_command_has_its_code_unless_it_went_to_the_background() {
    let parsed = session();
    assert_eq!(exit_codes(&parsed), [Some(2), None, Some(0)]);
    assert_eq!(of_call(&parsed.session, "c3")[1].duration_ms, Some(1500));
    let by_hand = parsed.session.events.iter().find(|event| event.attributes.contains_key("command_source"));
    assert!(matches!(&by_hand.expect("one").event_type, EventType::ShellCommand { command, .. } if command == "ls"));
}

#[test]
fn who_said_it_and_what_it_cost() {
    let parsed = session();
    assert_eq!(texts(&parsed.session, &EventType::UserMessage), ["Lengthen the tail"]);
    assert_eq!(texts(&parsed.session, &EventType::SystemMessage), ["The kite has a long tail."]);
    assert!(matches!(parsed.session.events[0].content.blocks[1], Block::Image { .. }));
    let header = &parsed.session.header;
    assert_eq!(header.context.attributes[attribute::COST_USD], 0.25);
    assert_eq!(tokens(&parsed), [0; 5], "the counts are those of the last request");
    assert_eq!(header.context.attributes["last_prompt_tokens"], 5200);
    assert_eq!((header.agent.provider.as_str(), header.agent.model.as_str()), ("anthropic", "claude-sonnet-4-5"));
    assert_eq!(parsed.warnings.len(), 1, "a message whose parts are broken is told");
}

#[test]
fn a_subagent_has_a_parent_and_no_person() {
    let child = parsed_part(AGENT, "crush.sql", Some("m2$$c5")).expect("read").session;
    assert_eq!((child.header.role(), child.stats.user_message_count), ("auxiliary", 0));
    assert_eq!(child.header.attribute(attribute::PARENT_SESSION_ID), Some("s-1"));
}

#[test]
fn a_database_is_found_in_the_folder_and_above_it() {
    let home = tempfile::tempdir().expect("a folder");
    let work = home.path().join("kite");
    std::fs::create_dir_all(work.join(".crush")).expect("made");
    std::fs::write(work.join(".crush/crush.db"), "x").expect("written");
    let environment: Environment = [("HOME", home.path())].into_iter().collect();
    let count =
        |folder: &Path| agent(AGENT).logs(&environment, &Scope { folder: Some(folder), ..Scope::default() }).len();
    assert_eq!((count(&work), count(&work.join("tail")), count(home.path())), (1, 1, 0));
    assert!(agent(AGENT).is_local());
}
