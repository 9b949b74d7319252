//! GitHub Copilot Chat: the documents of VS Code, the logs of changes to them, and the extension's transcripts.

use std::fs;

use git_session::{
    agents::{Log, Parsed, Scope, parse_session},
    hail::{Block, EventType, attribute},
};

use super::{
    fixtures::{agent, fixture, is_read_however_it_is_cut, of_call, parsed, rendered, sum, texts},
    plain::{changes, exit_codes, found},
};

const AGENT: &str = "copilot-chat";

fn session() -> Parsed {
    parsed(AGENT, &fixture(AGENT, "session.json"))
}

#[test]
fn every_fixture_gives_the_session_that_was_agreed_on() {
    insta::glob!("../../fixtures/agents/copilot-chat", "*.json*", |path| {
        insta::assert_snapshot!(rendered(&parsed(AGENT, path)));
    });
}

#[test]
fn the_calls_are_those_of_the_model_in_its_order_also_where_the_window_hides_them() {
    let session = session().session;
    let calls: Vec<&str> = session
        .events
        .iter()
        .filter(|event| event.attributes.get(attribute::RAW_TYPE).is_some_and(|raw| raw == "tool_call"))
        .filter_map(|event| event.attributes.get(attribute::CALL_ID)?.as_str())
        .collect();
    assert_eq!(
        calls[..6],
        ["call_read", "call_hidden", "call_edit", "call_run", "call_denied", "call_multi"],
        "{calls:?}"
    );
    assert_eq!(of_call(&session, "call_read")[1].content.to_text(), "kite: red\ntail: short");
    let EventType::FileEdit { diff: Some(diff), .. } = &of_call(&session, "call_edit")[0].event_type else { panic!() };
    assert!(diff.ends_with("-tail: short\n+tail: long\n"), "{diff}");
    assert_eq!(of_call(&session, "call_edit")[0].timestamp.millis(), 1_770_000_003_000);
}

#[test]
fn an_edit_that_a_call_tells_is_told_once_and_one_that_only_the_editor_shows_has_no_diff() {
    let parsed = session();
    let edited =
        ["~/home/ann/kite/kite.txt", "~/home/ann/kite/a.txt", "~/home/ann/kite/b.txt", "~/home/ann/kite/paint.txt"];
    assert_eq!(changes(&parsed), edited);
    let last = parsed
        .session
        .events
        .iter()
        .find(|event| event.event_type.changed_path().is_some_and(|path| path.ends_with("paint.txt")));
    assert!(matches!(&last.expect("an edit").event_type, EventType::FileEdit { diff: None, .. }));
}

#[test]
fn a_command_has_its_exit_code_and_what_was_refused_changed_nothing() {
    let parsed = session();
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    let ran = of_call(&parsed.session, "call_run");
    assert_eq!((ran[1].duration_ms, ran[1].content.to_text().as_str()), (Some(1500), "no wind"));
    let denied = of_call(&parsed.session, "call_denied");
    assert!(matches!(denied[0].event_type, EventType::ToolCall { .. }));
    assert!(matches!(denied[1].event_type, EventType::ToolResult { is_error: true, .. }));
}

#[test]
fn pieces_of_words_are_one_answer_and_empty_fences_are_none() {
    let parsed = session();
    assert_eq!(texts(&parsed.session, &EventType::UserMessage), ["Lengthen the tail", "Paint it"]);
    let said = texts(&parsed.session, &EventType::AgentMessage);
    assert_eq!(said, ["I look at `kite.txt` first.", "The tail is longer."]);
    assert_eq!(texts(&parsed.session, &EventType::Thinking), ["First I read it.\nThen I edit it."]);
    assert_eq!(texts(&parsed.session, &EventType::SystemMessage), ["The paint ran out."]);
    let attached = &parsed.session.events[0].attributes["source.attachments"];
    assert_eq!(attached[0]["path"], "/home/ann/kite/kite.txt");
    assert_eq!(attached[1], serde_json::json!({"kind": "image", "name": "tail.png"}));
}

#[test]
fn the_session_says_who_and_where_and_no_password() {
    let header = session().session.header;
    assert_eq!(header.session_id.as_str(), "0a000000-0000-4000-8000-0000000000c1");
    assert_eq!((header.agent.provider.as_str(), header.agent.model.as_str()), ("github", "gpt-5"));
    assert_eq!(header.agent.tool_version.as_deref(), Some("0.33.5"));
    assert_eq!((header.context.title.as_str(), header.attribute("git_branch")), ("A longer tail", Some("tails")));
    assert_eq!(header.attribute("git_remote"), Some("https://example.org/ann/kite.git"));
    assert_eq!(
        (sum(&session().session, attribute::INPUT_TOKENS), sum(&session().session, attribute::OUTPUT_TOKENS)),
        (1200, 90)
    );
}

#[test]
fn the_folder_is_that_of_the_workspace() {
    let home = tempfile::tempdir().expect("a folder");
    let chats = home.path().join("chatSessions");
    fs::create_dir(&chats).expect("made");
    let log = chats.join("s.json");
    fs::copy(fixture(AGENT, "session.json"), &log).expect("copied");
    for (facts, folder) in [
        (r#"{"folder":"file:///home/ann/my%20kite"}"#, "/home/ann/my kite"),
        (r#"{"folder":"vscode-remote://ssh-remote%2Bbox/srv/kite"}"#, "/srv/kite"),
        (r#"{"workspace":"file:///home/ann/kites.code-workspace"}"#, "/home/ann"),
    ] {
        fs::write(home.path().join("workspace.json"), facts).expect("written");
        assert_eq!(parsed(AGENT, &log).session.header.cwd(), Some(folder));
    }
}

#[test]
fn changes_are_made_and_one_of_what_is_not_there_is_told() {
    let parsed = parsed(AGENT, &fixture(AGENT, "changes.jsonl"));
    assert_eq!(texts(&parsed.session, &EventType::AgentMessage), ["I look.", " There is."]);
    assert_eq!(of_call(&parsed.session, "call_a")[0].event_type, EventType::CodeSearch { query: "wind".to_owned() });
    assert_eq!(of_call(&parsed.session, "call_a")[1].content.to_text(), "one match");
    assert_eq!((parsed.warnings.len(), parsed.warnings[0].line), (1, 9));
    assert_eq!(parsed.session.header.context.title, "Wind");
}

#[test]
fn a_log_of_changes_that_breaks_off_keeps_what_came_before() {
    let bytes = fs::read(fixture(AGENT, "changes.jsonl")).expect("readable");
    let parsed = parse_session(agent(AGENT), &mut Log::new(&bytes[..bytes.len() - 9], None)).expect("read");
    assert!(parsed.warnings.iter().any(|warning| warning.cause.contains("breaks off")), "{:?}", parsed.warnings);
    assert_eq!(texts(&parsed.session, &EventType::AgentMessage), ["I look."]);
}

#[test]
fn a_transcript_is_of_the_editor_and_not_of_the_program() {
    let parsed = parsed(AGENT, &fixture(AGENT, "transcript.jsonl"));
    assert_eq!(changes(&parsed), ["+/home/ann/kite/bow.txt"]);
    assert_eq!(parsed.session.header.cwd(), Some("/home/ann/kite"));
    assert_eq!(parsed.session.header.agent.tool, AGENT);
    let file = of_call(&parsed.session, "c1")[0].content.blocks[0].clone();
    assert_eq!(file, Block::File { path: "/home/ann/kite/bow.txt".to_owned(), content: Some("bow\n".to_owned()) });
}

#[test]
fn sessions_of_every_editor_are_found_and_a_transcript_only_where_its_session_is_gone() {
    let files = [
        ".config/Code/User/globalStorage/emptyWindowChatSessions/e.jsonl",
        ".config/Code/User/workspaceStorage/w/GitHub.copilot-chat/transcripts/gone.jsonl",
        ".config/Code/User/workspaceStorage/w/GitHub.copilot-chat/transcripts/one.jsonl",
        ".config/Code/User/workspaceStorage/w/chatSessions/one.json",
        ".config/Code/User/workspaceStorage/w/workspace.json",
        ".config/VSCodium/User/workspaceStorage/w/chatSessions/two.jsonl",
        ".vscode-server/data/User/workspaceStorage/w/chatSessions/three.jsonl",
        "Library/Application Support/Code - Insiders/User/workspaceStorage/w/chatSessions/four.json",
    ];
    let mut logs = files.to_vec();
    logs.retain(|file| !file.ends_with("transcripts/one.jsonl") && !file.ends_with("workspace.json"));
    assert_eq!(found(AGENT, &files, &Scope::default()), logs);
}

#[test]
fn a_log_cut_anywhere_is_read_or_refused() {
    is_read_however_it_is_cut(agent(AGENT), &fixture(AGENT, "changes.jsonl"));
    is_read_however_it_is_cut(agent(AGENT), &fixture(AGENT, "transcript.jsonl"));
}
