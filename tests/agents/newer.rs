//! Agents whose logs are known from their documentation and from what other programs read of them.

use std::path::Path;

use git_session::{
    agents::{self, Log, LogFile, Parsed, Sample, Scope, parse_session},
    hail::{Block, EventType, attribute},
};

use super::{
    from_sql,
    plain::{agent, changes, event, exit_codes, fixture, found, parse_file, texts, tokens},
};

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
    let trae = agent("trae-agent");
    assert_eq!(trae.logs(&git_session::environment::Environment::default(), &scope).len(), 1);
    assert!(trae.is_local(), "a clone may bring one");
}

#[test]
fn openhands_events_are_files_and_its_state_says_what_answers_used() {
    let log = fixture("openhands", "conversations/0000000000004000800000000000a001/base_state.json");
    let parsed = parse_file("openhands", &log);
    let header = &parsed.session.header;
    assert_eq!(header.session_id.as_str(), "00000000-0000-4000-8000-00000000a001");
    assert_eq!((header.cwd(), header.agent.model.as_str()), (Some("/home/ann/kite"), "anthropic/opus-9"));
    assert_eq!((exit_codes(&parsed), changes(&parsed)), (vec![Some(3)], vec!["~/home/ann/kite/kite.py".to_owned()]));
    let EventType::FileEdit { diff: Some(diff), .. } = &event(&parsed, "e2-3").event_type else { panic!("no edit") };
    assert!(diff.ends_with("@@ -1,2 +1,2 @@\n 0\n-1\n+2\n"), "{diff}");
    assert_eq!(tokens(&parsed), [38, 24, 60, 10, 4], "each answer once, that of the title, too");
    assert_eq!(event(&parsed, "e3").count(attribute::OUTPUT_TOKENS), 20, "on the last event of the answer");
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Fix the kite"]);
    assert_eq!(event(&parsed, "e7").attributes["source.injected"], "compact_summary");
    assert_eq!(event(&parsed, "e9").event_type, EventType::Custom { kind: "PauseEvent".to_owned() });
}

#[test]
fn openhands_first_versions_number_their_events_and_count_on() {
    let log = fixture("openhands", "sessions/00000000000040008000000000000b01/events/0.json");
    let parsed = parse_file("openhands", &log);
    let header = &parsed.session.header;
    assert_eq!(header.session_id.as_str(), "00000000000040008000000000000b01");
    assert_eq!((header.context.title.as_str(), header.attribute(attribute::GIT_BRANCH)), ("A red kite", Some("red")));
    assert_eq!((exit_codes(&parsed), changes(&parsed)), (vec![Some(2)], vec!["+/home/ann/kite/red.txt".to_owned()]));
    assert_eq!(tokens(&parsed), [90, 16, 40, 0, 0], "the counts are running totals");
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Paint it red"]);
    assert_eq!(texts(&parsed, &EventType::AgentMessage), ["I paint."]);
}

#[test]
fn auggies_exchanges_hold_results_of_the_one_before() {
    let parsed = parse_file("auggie", &fixture("auggie", "00000000-0000-4000-8000-00000000c001.json"));
    let header = &parsed.session.header;
    assert_eq!((header.cwd(), header.context.title.as_str()), (Some("/home/ann/kite"), "Lighter"));
    assert_eq!(header.agent.model, "claude-opus-9");
    assert_eq!(
        (exit_codes(&parsed), changes(&parsed)),
        (vec![Some(3)], ["~kite.py", "-a.txt", "-b.txt"].map(str::to_owned).into())
    );
    assert_eq!(parsed.session.stats.tool_call_count, 3, "a call that is being written is none");
    assert_eq!(tokens(&parsed), [11, 22, 30, 40, 0]);
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Make it lighter"]);
    assert_eq!(event(&parsed, "r3-summary-1").attributes["source.injected"], "compact_summary");
    let text = String::from_utf8(parsed.session.to_bytes()).expect("HAIL is UTF-8");
    assert!(!text.contains("ann@example.com"), "who it was is not asked");
}

#[test]
fn junies_blocks_change_until_they_are_done() {
    let parsed = parse_file("junie", &fixture("junie", "sessions/session-260203-100000-ab12/events.jsonl"));
    let header = &parsed.session.header;
    assert_eq!(header.session_id.as_str(), "session-260203-100000-ab12");
    assert_eq!((header.cwd(), header.context.title.as_str()), (Some("/home/ann/kite"), "Knot the kite"));
    assert_eq!(exit_codes(&parsed), [Some(1)]);
    let EventType::ShellCommand { command, .. } = &event(&parsed, "s1").event_type else { panic!("no command") };
    assert_eq!(command, "knot --tight");
    assert_eq!(changes(&parsed), ["~kite.py", "+knot.txt", "-old.txt"]);
    assert_eq!(tokens(&parsed), [100, 30, 20, 5, 0]);
    assert_eq!(texts(&parsed, &EventType::AgentMessage), ["It is knotted."]);
    assert_eq!(event(&parsed, "s4").event_type, EventType::ToolCall { name: "tool".to_owned() }, "never done");
    assert_eq!(event(&parsed, "line-11").event_type, EventType::Custom { kind: "WindEvent".to_owned() });
}

#[test]
fn hermes_results_are_json_in_a_text() {
    let parsed = parse_file("hermes", &fixture("hermes", "20260203_100000_ab12cd34.jsonl"));
    let header = &parsed.session.header;
    assert_eq!((header.session_id.as_str(), header.agent.model.as_str()), ("20260203_100000_ab12cd34", "openai/gpt-9"));
    assert_eq!((exit_codes(&parsed), changes(&parsed)), (vec![Some(7)], vec!["~/home/ann/kite/s.py".to_owned()]));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Wind the string"]);
    assert_eq!(event(&parsed, "line-6").attributes["source.injected"], "compact_summary");
    let snapshot = parse_file("hermes", &fixture("hermes", "session_20260203_110000_ef56ab78.json"));
    assert_eq!(snapshot.session.header.session_id.as_str(), "20260203_110000_ef56ab78");
    assert_eq!(texts(&snapshot, &EventType::AgentMessage), ["It is."]);
}

#[test]
fn conversations_in_folders_and_snapshots_are_found() {
    let files = [
        ".augment/sessions/1.json",
        ".hermes/sessions/20260203_1.jsonl",
        ".hermes/sessions/session_20260203_1.json",
        ".hermes/sessions/session_20260203_2.json",
        ".junie/sessions/index.jsonl",
        ".junie/sessions/session-1/events.jsonl",
        ".openhands/conversations/1/base_state.json",
        ".openhands/conversations/1/events/event-00000-a.json",
        ".openhands/sessions/2/events/0.json",
        ".openhands/sessions/2/events/1.json",
    ];
    for (name, own) in [
        ("auggie", vec![files[0]]),
        ("hermes", vec![files[1], files[3]]),
        ("junie", vec![files[5]]),
        ("openhands", vec![files[6], files[8]]),
    ] {
        assert_eq!(found(name, &files, &Scope::default()), own, "{name}");
    }
}

/// A session of a database that is made of a fixture.
fn of_database(name: &str, sql: &str, part: &str) -> Parsed {
    let (_folder, path) = from_sql(&format!("{name}/{sql}"));
    assert_eq!(agents::detect(&Sample::of(&path).expect("readable")).expect("known").name(), name);
    let mut log = Log::open(&path).expect("opened");
    log.part = Some(part);
    parse_session(agent(name), &mut log).expect("parses")
}

fn parts_of(name: &str, sql: &str) -> Vec<String> {
    let (_folder, path) = from_sql(&format!("{name}/{sql}"));
    let sessions = agent(name).sessions(&LogFile::at(path).expect("a file")).expect("listed");
    sessions.into_iter().filter_map(|log| log.part).collect()
}

#[test]
fn forges_messages_are_one_document_in_a_row() {
    assert_eq!(parts_of("forge", "forge.sql").len(), 2, "one has no messages at all");
    let parsed = of_database("forge", "forge.sql", "00000000-0000-4000-8000-00000000d101");
    let header = &parsed.session.header;
    assert_eq!((header.cwd(), header.context.title.as_str()), (Some("/home/ann/kite"), "Glue"));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Glue the kite"], "the frame is the program's");
    assert_eq!((exit_codes(&parsed), changes(&parsed)), (vec![Some(5)], vec!["~/home/ann/kite/k.py".to_owned()]));
    let EventType::FileEdit { diff: Some(diff), .. } = &event(&parsed, "message-2-call-1").event_type else { panic!() };
    assert!(diff.ends_with("-torn\n+glued\n"), "{diff}");
    assert_eq!(tokens(&parsed), [77, 13, 30, 0, 0]);
    let broken = of_database("forge", "forge.sql", "00000000-0000-4000-8000-00000000d103");
    assert_eq!(broken.warnings.len(), 1);
}

#[test]
fn warps_database_has_the_prompts_and_says_that_no_more_is_there() {
    assert_eq!(parts_of("warp", "warp.sql"), ["00000000-0000-4000-8000-00000000e101"], "nothing was asked in one");
    let parsed = of_database("warp", "warp.sql", "00000000-0000-4000-8000-00000000e101");
    let header = &parsed.session.header;
    assert_eq!((header.cwd(), header.agent.model.as_str()), (Some("/home/ann/kite"), "claude-opus-9"));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Warp the kite", "And the tail"]);
    assert_eq!(event(&parsed, "x3-1").attributes["cwd"], "/home/ann/tail");
    assert_eq!(event(&parsed, "x3").event_type, EventType::Custom { kind: "ActionResult".to_owned() });
    assert!(header.attribute("source.incomplete").is_some());
    assert_eq!(tokens(&parsed), [0; 5], "the sums do not tell input from output");
}

#[test]
fn mini_swe_agents_commands_are_calls_or_blocks_of_text() {
    let parsed = parse_file("mini-swe-agent", &fixture("mini-swe-agent", "last_mini_run.traj.json"));
    let header = &parsed.session.header;
    assert_eq!((header.cwd(), header.agent.tool_version.as_deref()), (Some("/home/ann/kite"), Some("2.2.7")));
    assert_eq!((header.agent.provider.as_str(), header.attribute("exit_status")), ("deepseek", Some("Submitted")));
    assert_eq!(exit_codes(&parsed), [Some(2), Some(0), Some(0)]);
    assert_eq!(tokens(&parsed), [41, 26, 64, 0, 3]);
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Measure the kite"]);
    assert_eq!(event(&parsed, "message-5").attributes["source.injected"], "instructions");
}

#[test]
fn swe_agents_steps_are_a_thought_an_action_and_what_came_of_it() {
    let parsed = parse_file("swe-agent", &fixture("swe-agent", "kite__kite-1.traj"));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Solve kite-1"], "a demonstration is none");
    assert_eq!(texts(&parsed, &EventType::AgentMessage), ["I look.", "I test."]);
    assert_eq!(event(&parsed, "step-0-action").event_type, EventType::FileRead { path: "/kite/k.py".to_owned() });
    assert_eq!(exit_codes(&parsed), [None], "it records none");
    assert_eq!(event(&parsed, "step-1-observation").duration_ms, Some(1250));
    assert_eq!(tokens(&parsed), [1000, 50, 0, 0, 0]);
}

#[test]
fn databases_and_the_last_run_are_found() {
    let files = [
        ".config/mini-swe-agent/.env",
        ".config/mini-swe-agent/last_mini_run.traj.json",
        ".forge/.forge.db",
        ".local/state/warp-terminal/warp.sqlite",
    ];
    for (name, own) in [("mini-swe-agent", 1), ("forge", 2), ("warp", 3)] {
        assert_eq!(found(name, &files, &Scope::default()), [files[own]], "{name}");
    }
    assert!(!agent("swe-agent").has_home());
}
