//! Programs that were made of another agent: their logs are read by its parser and are their own.

use std::{fs, path::Path};

use git_session::{
    agents::{Agent, Log, LogFile, Sample, Scope, detect, parse_session},
    hail::{Block, EventType, attribute},
};
use rusqlite::Connection;
use serde_json::json;

use super::{
    fixture as path_of,
    plain::{agent, changes, event, exit_codes, fixture, found, parse_file, texts, tokens},
};
use crate::support::World;

/// Whose the file is; its parent agent knows the content, too.
fn owner(path: &Path) -> &'static str {
    detect(&Sample::of(path).expect("readable")).unwrap_or_else(|fault| panic!("{}: {fault}", path.display())).name()
}

#[test]
fn openclaws_log_gives_commands_edits_and_tokens() {
    let parsed = parse_file("openclaw", &fixture("openclaw", "session.jsonl"));
    let header = &parsed.session.header;
    assert_eq!((header.agent.tool.as_str(), header.agent.provider.as_str()), ("openclaw", "anthropic"));
    assert_eq!(header.agent.model, "opus-9", "the mirror is no model");
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Repair the kite"], "a heartbeat is no prompt");
    assert_eq!(event(&parsed, "u0").attributes["source.injected"], "heartbeat");
    assert_eq!(event(&parsed, "x1").attributes["source.injected"], "openclaw.runtime-context");
    assert_eq!(event(&parsed, "a3").attributes["source.injected"], "delivery-mirror");
    assert_eq!(texts(&parsed, &EventType::AgentMessage), ["HEARTBEAT_OK", "It is whole."]);
    assert_eq!((exit_codes(&parsed), changes(&parsed)), (vec![Some(3)], vec!["~kite.md".to_owned()]));
    assert_eq!(tokens(&parsed), [18, 27, 30, 40, 0]);
    assert_eq!(header.context.title, "Repair the kite");
}

#[test]
fn oh_my_pis_log_has_a_title_that_changes_in_place_and_models_by_role() {
    let parsed = parse_file("oh-my-pi", &fixture("oh-my-pi", "2026-02-03T10-00-00-000Z_1f9d2a6b9c0d1234.jsonl"));
    let header = &parsed.session.header;
    assert_eq!((header.session_id.as_str(), header.agent.tool.as_str()), ("1f9d2a6b9c0d1234", "oh-my-pi"));
    assert_eq!((header.agent.model.as_str(), header.context.title.as_str()), ("opus-9", "A kite"));
    assert_eq!(header.context.related_session_ids, ["0a9d2a6b9c0d1234"]);
    assert_eq!(texts(&parsed, &EventType::UserMessage).len(), 1);
    assert_eq!(event(&parsed, "d1").attributes["source.injected"], "developer");
    let content = Some("a tail\n".to_owned());
    assert_eq!(event(&parsed, "f1").content.blocks, [Block::File { path: "kite.txt".to_owned(), content }]);
    assert!(
        matches!(&event(&parsed, "u1").content.blocks[1], Block::Reference { uri, .. } if uri.starts_with("blob:"))
    );
    assert_eq!((changes(&parsed), tokens(&parsed)), (vec!["~kite.txt".to_owned()], [7, 8, 9, 10, 0]));
}

#[test]
fn oh_my_pis_subagent_is_known_by_the_folder_it_is_in() {
    let parsed =
        parse_file("oh-my-pi", &fixture("oh-my-pi", "2026-02-03T10-00-00-000Z_1f9d2a6b9c0d1234/Explore.jsonl"));
    let header = &parsed.session.header;
    assert_eq!(
        (header.role(), header.attribute(attribute::PARENT_SESSION_ID)),
        ("auxiliary", Some("1f9d2a6b9c0d1234"))
    );
    assert_eq!(texts(&parsed, &EventType::UserMessage), [""; 0]);
    assert_eq!(event(&parsed, "u1").attributes["source.injected"], "subagent");
}

#[test]
fn traes_log_is_codexs_under_its_own_name() {
    let log = fixture("trae-cli", "rollout-2026-02-03T10-00-00-019c2000-0000-7000-8000-0000000000e1.jsonl");
    let parsed = parse_file("trae-cli", &log);
    let header = &parsed.session.header;
    assert_eq!((header.agent.tool.as_str(), header.agent.provider.as_str()), ("trae-cli", "trae"));
    assert_eq!((header.agent.model.as_str(), header.cwd()), ("glider-5", Some("/home/ann/kite")));
    assert_eq!(exit_codes(&parsed), [Some(2)]);
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Fly"]);
}

#[test]
fn databases_in_the_folder_of_a_fork_are_its_own() {
    let folder = tempfile::tempdir().expect("a folder");
    let sql = fs::read_to_string(path_of("opencode/database.sql")).expect("readable");
    for (file, name) in [("kilo.db", "kilo"), ("mimocode.db", "mimo-code"), ("opencode.db", "opencode")] {
        let path = folder.path().join(file);
        Connection::open(&path).expect("made").execute_batch(&sql).expect("well-formed");
        assert_eq!(owner(&path), name);
        let agent: &dyn Agent = agent(name);
        let sessions = agent.sessions(&LogFile::at(path.clone()).expect("a file")).expect("listed");
        let mut log = Log::open(&path).expect("opened");
        log.part = sessions[0].part.as_deref();
        let session = parse_session(agent, &mut log).expect("parses").session;
        assert_eq!((session.header.agent.tool.as_str(), session.events.is_empty()), (name, false));
    }
}

#[test]
fn a_bare_file_is_of_the_fork_only_where_its_content_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let bare = |from: &Path, name: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::copy(from, &path).expect("copied");
        owner(&path)
    };
    assert_eq!(bare(&fixture("openclaw", "session.jsonl"), "a.jsonl"), "openclaw");
    let omp = fixture("oh-my-pi", "2026-02-03T10-00-00-000Z_1f9d2a6b9c0d1234.jsonl");
    assert_eq!(bare(&omp, "b.jsonl"), "oh-my-pi");
    assert_eq!(bare(&omp, "agents/main/sessions/b.jsonl"), "oh-my-pi", "the content wins");
    let pi = fixture("pi", "tree-v3.jsonl");
    assert_eq!(bare(&pi, "c.jsonl"), "pi");
    assert_eq!(bare(&pi, "agents/main/sessions/c.jsonl"), "openclaw");
    assert_eq!(bare(&pi, ".omp/agent/sessions/-kite/c.jsonl"), "oh-my-pi");
    let codex = fixture("codex", "shell-command-0.99.jsonl");
    assert_eq!(bare(&codex, "d.jsonl"), "codex");
    assert_eq!(bare(&codex, ".trae/cli/sessions/2026/02/03/d.jsonl"), "trae-cli");
}

#[test]
fn logs_are_found_in_the_folders_of_the_forks() {
    let files = [
        ".openclaw/agents/main/sessions/1.jsonl",
        ".openclaw/agents/main/sessions/2.jsonl.reset.2026-02-03T10-00-00.000Z",
        ".openclaw/agents/main/sessions/3.jsonl.deleted.2026-02-03T10-00-00.000Z",
        ".openclaw/agents/main/sessions/4.checkpoint.5.jsonl",
        ".openclaw/agents/main/sessions/sessions.json",
        ".omp/agent/sessions/-kite/1_a.jsonl",
        ".omp/agent/sessions/-kite/1_a/Explore.jsonl",
        ".pi/agent/sessions/--home-ann-kite--/1_b.jsonl",
        ".trae/cli/sessions/2026/02/03/rollout-1.jsonl",
        ".codex/sessions/2026/02/03/rollout-2.jsonl",
        ".local/share/kilo/kilo.db",
        ".local/share/mimocode/mimocode.db",
        ".local/share/opencode/opencode.db",
    ];
    for (name, own) in [
        ("openclaw", &files[..2]),
        ("oh-my-pi", &files[5..7]),
        ("pi", &files[7..8]),
        ("trae-cli", &files[8..9]),
        ("codex", &files[9..10]),
        ("kilo", &files[10..11]),
        ("mimo-code", &files[11..12]),
        ("opencode", &files[12..]),
    ] {
        assert_eq!(found(name, &files, &Scope::default()), own, "{name}");
    }
}

#[test]
fn a_session_of_a_fork_is_stored_under_its_own_name() {
    let world = World::new();
    let work = world.repository("work");
    let task = ".config/Code/User/globalStorage/kilocode.kilo-code/tasks/1770000000000";
    let task = world.home().join(task);
    let details = format!(
        "<environment_details>\n# Current Workspace Directory ({}) Files\n</environment_details>",
        work.path.display()
    );
    let text = |text: &str| json!({ "type": "text", "text": text });
    let history = json!([
        { "role": "user", "content": [text("<task>\nName it\n</task>"), text(&details)] },
        { "role": "assistant", "content": [text("Ada.")] }
    ]);
    fs::create_dir_all(&task).expect("made");
    fs::write(task.join("api_conversation_history.json"), history.to_string()).expect("written");
    for (name, sessions) in [("kilo-code", 1), ("cline", 0), ("roo-code", 0)] {
        assert_eq!(work.json(&["discover", "--agent", name])["agents"][0]["sessions"], sessions, "{name}");
    }
    work.session(&["capture", "--all"]).ok();
    assert_eq!(work.stored().len(), 1);
    let listed = work.session(&["log", "--json"]).ok().stdout;
    assert!(listed.contains("kilo-code") && !listed.contains("\"cline\""), "{listed}");
}
