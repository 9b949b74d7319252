//! Amp's threads.

use git_session::{
    agents::{LogFile, Scope},
    environment::Environment,
    hail::{Block, EventType, attribute},
};

use super::fixtures::{agent, fixture, is_read_however_it_is_cut, of_call, parsed, rendered, sum, texts};

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    insta::glob!("../../fixtures/agents/amp", "*.json", |path| insta::assert_snapshot!(rendered(&parsed("amp", path))));
}

#[test]
fn the_thread_says_where_it_worked_and_no_password() {
    let header = parsed("amp", &fixture("amp", "tools.json")).session.header;
    assert_eq!(header.session_id.as_str(), "T-0a1b2c3d-1111-4222-8333-444455556666");
    assert_eq!((header.cwd(), header.attribute("git_branch")), (Some("/home/ann/my shop"), Some("retries")));
    assert_eq!(header.attribute("git_remote"), Some("https://example.org/ann/shop.git"));
    assert_eq!((header.agent.provider.as_str(), header.agent.model.as_str()), ("anthropic", "claude-sonnet-4-5"));
    assert_eq!(header.context.title, "Raise the retry limit");
}

#[test]
fn an_answer_is_counted_once_though_the_ledger_counts_it_too() {
    let session = parsed("amp", &fixture("amp", "tools.json")).session;
    // The last answer has no usage of its own, and the title's making is no answer.
    assert_eq!(sum(&session, attribute::INPUT_TOKENS), 12 + 4 + 9);
    assert_eq!(sum(&session, attribute::OUTPUT_TOKENS), 80 + 60 + 21);
    assert_eq!(sum(&session, attribute::CACHE_READ_TOKENS), 3400 + 4300 + 4400);
    assert_eq!(session.header.context.attributes["source.other_usage"][0]["operationType"], "title-generation");
}

#[test]
fn results_come_in_the_persons_messages_and_find_their_calls() {
    let session = parsed("amp", &fixture("amp", "tools.json")).session;
    assert_eq!(texts(&session, &EventType::UserMessage), ["Raise the retry limit to five."]);
    let EventType::ShellCommand { exit_code, .. } = of_call(&session, "toolu_grep")[0].event_type else { panic!() };
    assert_eq!(exit_code, Some(0));
    let EventType::FileEdit { diff: Some(diff), .. } = &of_call(&session, "toolu_edit")[0].event_type else { panic!() };
    assert!(diff.ends_with("@@ -1,1 +1,1 @@\n-LIMIT = 3\n+LIMIT = 5\n"), "{diff}");
    let created = of_call(&session, "toolu_new")[0];
    assert!(matches!(&created.content.blocks[0], Block::File { content: Some(text), .. } if text == "assert True\n"));
    assert!(matches!(of_call(&session, "toolu_fail")[0].event_type, EventType::ToolCall { .. }), "it changed nothing");
}

#[test]
fn what_the_person_ran_by_hand_is_a_command_of_theirs() {
    let session = parsed("amp", &fixture("amp", "tools.json")).session;
    let ran = of_call(&session, "message-5")[0];
    assert_eq!(ran.attributes["command_source"], "user");
    assert_eq!(ran.event_type, EventType::ShellCommand { command: "pytest -q".to_owned(), exit_code: Some(1) });
}

#[test]
fn a_subagents_thread_has_a_parent_and_no_person() {
    let session = parsed("amp", &fixture("amp", "interrupted.json")).session;
    assert_eq!(session.header.role(), "auxiliary");
    assert_eq!(session.header.attribute("parent_session_id"), Some("T-0a1b2c3d-1111-4222-8333-444455556666"));
    assert_eq!(session.header.context.related_session_ids, ["T-0a1b2c3d-1111-4222-8333-444455558888"]);
    assert_eq!(texts(&session, &EventType::UserMessage), [""; 0]);
    assert_eq!(of_call(&session, "toolu_a").len(), 1, "it still runs");
    assert!(matches!(of_call(&session, "toolu_b")[1].event_type, EventType::ToolResult { is_error: true, .. }));
}

#[test]
fn threads_are_found_where_amp_and_its_old_extension_keep_them() {
    let home = tempfile::tempdir().expect("a folder");
    let folders = [".local/share/amp/threads", ".config/Code/User/globalStorage/sourcegraph.amp/threads3"];
    for folder in folders {
        std::fs::create_dir_all(home.path().join(folder)).expect("a folder");
        std::fs::write(home.path().join(folder).join("T-1.json"), "{}").expect("a file");
        std::fs::write(home.path().join(folder).join("history.json"), "{}").expect("a file");
    }
    let environment: Environment = [("HOME", home.path())].into_iter().collect();
    let found: Vec<LogFile> = agent("amp").logs(&environment, &Scope::default());
    assert_eq!(found.len(), 2, "{found:?}");
    let moved: Environment = [("XDG_DATA_HOME", home.path().join(".local/share"))].into_iter().collect();
    assert_eq!(agent("amp").logs(&moved, &Scope::default()).len(), 1);
}

#[test]
fn a_log_cut_anywhere_is_read_or_refused() {
    insta::glob!("../../fixtures/agents/amp", "*.json", |path| is_read_however_it_is_cut(agent("amp"), path));
}
