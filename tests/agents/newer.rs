//! Agents whose logs are known from their documentation and from what other programs read of them.

use std::path::Path;

use git_session::{
    agents::Scope,
    hail::{Block, EventType, attribute},
};

use super::plain::{changes, event, exit_codes, fixture, found, parse_file, texts, tokens};

#[test]
fn iflow_writes_an_answer_again_and_again_and_it_counts_once() {
    let parsed = parse_file("iflow", &fixture("iflow", "session-00000000-0000-4000-8000-0000000000d1.jsonl"));
    let header = &parsed.session.header;
    assert_eq!(header.session_id.as_str(), "session-00000000-0000-4000-8000-0000000000d1");
    assert_eq!((header.cwd(), header.attribute(attribute::GIT_BRANCH)), (Some("/home/ann/kite"), Some("tail")));
    assert_eq!((header.agent.tool_version.as_deref(), header.agent.model.as_str()), (Some("0.4.8"), "glider-6"));
    assert_eq!(parsed.session.stats.tool_call_count, 3);
    assert_eq!(tokens(&parsed), [170, 18, 0, 0, 0]);
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Raise the kite"]);
}

#[test]
fn iflows_results_complete_commands_and_edits() {
    let parsed = parse_file("iflow", &fixture("iflow", "session-00000000-0000-4000-8000-0000000000d1.jsonl"));
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    assert_eq!(changes(&parsed), ["~/home/ann/kite/a.py"], "what failed made nothing");
    let EventType::FileEdit { diff: Some(diff), .. } = &event(&parsed, "a2").event_type else { panic!("no edit") };
    assert!(diff.ends_with("@@ -7,1 +7,1 @@\n-1\n+2\n"), "{diff}");
}

#[test]
fn trae_agents_trajectory_pairs_steps_with_requests() {
    let parsed = parse_file("trae-agent", &fixture("trae-agent", "trajectory_20260203_100000.json"));
    let header = &parsed.session.header;
    assert_eq!((header.cwd(), header.agent.provider.as_str()), (Some("/home/ann/kite"), "openai"));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Make the kite blue"]);
    assert_eq!(texts(&parsed, &EventType::AgentMessage), ["I paint it.", "It is blue."]);
    assert_eq!(changes(&parsed), ["~/home/ann/kite/kite.py"]);
    assert_eq!(tokens(&parsed), [90, 25, 40, 0, 7], "what was cached is counted apart");
    let results = parsed.session.events.iter().filter(|e| matches!(e.event_type, EventType::ToolResult { .. }));
    let failed: Vec<bool> =
        results.map(|e| matches!(e.event_type, EventType::ToolResult { is_error: true, .. })).collect();
    assert_eq!(failed, [false, true], "each once, though two places have it");
}

#[test]
fn gptmes_calls_are_blocks_and_lines_and_their_results_follow() {
    let parsed = parse_file("gptme", &fixture("gptme", "2026-02-03-fly-kite/conversation.jsonl"));
    let header = &parsed.session.header;
    assert_eq!((header.session_id.as_str(), header.agent.model.as_str()), ("2026-02-03-fly-kite", "anthropic/opus-9"));
    assert_eq!(header.agent.provider, "anthropic");
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Fly the kite"]);
    assert_eq!(texts(&parsed, &EventType::Thinking), ["Wind first."]);
    assert_eq!((exit_codes(&parsed), changes(&parsed)), (vec![Some(4)], vec!["~kite.py".into(), "+wait.txt".into()]));
    let EventType::FileEdit { diff: Some(diff), .. } = &event(&parsed, "line-3-4").event_type else { panic!() };
    assert!(diff.ends_with("-string = 1\n+string = 2\n"), "{diff}");
    assert_eq!(tokens(&parsed), [13, 36, 56, 7, 0]);
    assert_eq!(event(&parsed, "line-6").attributes["source.injected"], "system", "no call waits any more");
    assert_eq!(texts(&parsed, &EventType::AgentMessage), ["I check.", "No wind:\n```json\n{\"wind\":0}\n```"]);
}

#[test]
fn continues_session_has_its_date_beside_it_and_results_in_two_places() {
    let parsed = parse_file("continue", &fixture("continue", "00000000-0000-4000-8000-0000000000f1.json"));
    let header = &parsed.session.header;
    assert_eq!((header.cwd(), header.context.title.as_str()), (Some("/home/ann/kite"), "Fold the kite"));
    assert_eq!(header.context.created_at.to_string(), "2026-02-03T10:00:00Z");
    assert_eq!((exit_codes(&parsed), changes(&parsed)), (vec![Some(3)], vec!["~kite.py".to_owned()]));
    assert_eq!(tokens(&parsed), [35, 26, 60, 10, 0], "the sum of the session is said by its answers");
    let results = parsed.session.events.iter().filter(|e| matches!(e.event_type, EventType::ToolResult { .. }));
    assert_eq!(results.count(), 2);
    assert_eq!(texts(&parsed, &EventType::Thinking), ["With care.", "Which way?"]);
    assert!(matches!(event(&parsed, "message-0").content.blocks[1], Block::Image { .. }));
    assert_eq!(event(&parsed, "message-0-context").attributes["source.injected"], "context");
    assert_eq!(event(&parsed, "message-4-summary").attributes["source.injected"], "compact_summary");
}

#[test]
fn logs_are_found_where_each_keeps_them() {
    let files = [
        ".iflow/projects/-home-ann-kite/session-1.jsonl",
        ".iflow/projects/-home-ann-other/session-2.jsonl",
        ".local/share/gptme/logs/2026-02-03-fly/conversation.jsonl",
        ".local/share/gptme/logs/2026-02-03-fly/branches/main-1.jsonl",
        ".continue/sessions/1.json",
        ".continue/sessions/sessions.json",
    ];
    let scope = Scope { folder: Some(Path::new("/home/ann/kite")), ..Scope::default() };
    for (name, own) in [("iflow", &files[..1]), ("gptme", &files[2..3]), ("continue", &files[4..5])] {
        assert_eq!(found(name, &files, &scope), own, "{name}");
    }
    let work = tempfile::tempdir().expect("a folder");
    let folder = work.path().join("trajectories");
    std::fs::create_dir_all(&folder).expect("made");
    std::fs::write(folder.join("trajectory_1.json"), "{}").expect("written");
    let scope = Scope { folder: Some(work.path()), ..Scope::default() };
    let trae = super::plain::agent("trae-agent");
    assert_eq!(trae.logs(&git_session::environment::Environment::default(), &scope).len(), 1);
    assert!(trae.is_local(), "a clone may bring one");
}
