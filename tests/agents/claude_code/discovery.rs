//! Which files are logs.

use std::{fs, path::Path};

use git_session::{
    agents::{LogFile, Scope, by_name},
    environment::Environment,
};

#[test]
fn logs_are_found_by_folder_and_copies_of_a_parent_are_not() {
    let home = tempfile::tempdir().expect("a folder");
    let shop = home.path().join("projects/-home-ann-shop");
    let below = shop.join("0a00/subagents");
    fs::create_dir_all(&below).expect("created");
    fs::create_dir_all(home.path().join("projects/-home-bob")).expect("created");
    let names =
        ["0a00.jsonl", "agent-a1.jsonl", "agent-acompact-1.jsonl", "notes.txt", "0a00/subagents/agent-a2.jsonl"];
    for name in names.iter().chain(&["../-home-bob/0b00.jsonl", "0a00/subagents/agent-aside_question-1.jsonl"]) {
        fs::write(shop.join(name), "{}\n").expect("written");
    }
    let environment: Environment = [("CLAUDE_CONFIG_DIR", home.path())].into_iter().collect();
    let found = |scope: &Scope<'_>| {
        let logs: Vec<LogFile> = by_name("claude-code").expect("known").logs(&environment, scope);
        let name = |log: LogFile| log.path.strip_prefix(home.path()).expect("inside").display().to_string();
        logs.into_iter().map(name).collect::<Vec<String>>()
    };
    let own = ["0a00.jsonl", "0a00/subagents/agent-a2.jsonl", "agent-a1.jsonl"]
        .map(|name| format!("projects/-home-ann-shop/{name}"));
    assert_eq!(found(&Scope { folder: Some(Path::new("/home/ann/shop")), ..Scope::default() }), own);
    assert_eq!(found(&Scope::default()).len(), 4);
    let later = fs::metadata(shop.join("0a00.jsonl")).and_then(|file| file.modified()).expect("known");
    let since = Some(later + std::time::Duration::from_secs(3600));
    assert_eq!(found(&Scope { since, ..Scope::default() }), [""; 0]);
}

#[test]
fn logs_of_a_workflow_and_of_both_folders_of_the_program_are_found() {
    let home = tempfile::tempdir().expect("a folder");
    let session = "55555555-5555-4555-8555-000000000001";
    let run = format!(".claude/projects/-home-ann-shop/{session}/subagents/workflows/wf_1/agent-a1.jsonl");
    let record = format!(
        r#"{{"parentUuid":null,"isSidechain":true,"sessionId":"{session}","agentId":"a1","version":"2.1.258","type":"user","uuid":"u1","timestamp":"2026-10-05T08:00:00Z","message":{{"role":"user","content":"Go"}}}}"#
    );
    let nameless = record.replace(session, "").replace(r#""sessionId":"","#, "");
    for (path, text) in [
        (run.as_str(), nameless.as_str()),
        (".config/claude/projects/-home-ann-shop/0a00.jsonl", &record),
        ("elsewhere/claude/projects/-home-ann-shop/0b00.jsonl", &record),
    ] {
        let path = home.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("created");
        fs::write(path, format!("{text}\n")).expect("written");
    }
    let found = |variables: &[(&str, &str)]| -> Vec<String> {
        let home = home.path();
        let variables = variables.iter().map(|(name, path)| (*name, home.join(path).into_os_string()));
        let environment: Environment = variables.chain([("HOME", home.as_os_str().to_owned())]).collect();
        let logs = by_name("claude-code").expect("known").logs(&environment, &Scope::default());
        logs.iter().map(|log| log.path.strip_prefix(home).expect("inside").display().to_string()).collect()
    };
    assert_eq!(found(&[]), [run.as_str(), ".config/claude/projects/-home-ann-shop/0a00.jsonl"]);
    assert_eq!(found(&[("XDG_CONFIG_HOME", "elsewhere")])[1], "elsewhere/claude/projects/-home-ann-shop/0b00.jsonl");
    assert_eq!(
        found(&[("CLAUDE_CONFIG_DIR", ".config/claude")]),
        [".config/claude/projects/-home-ann-shop/0a00.jsonl"]
    );
    let path = home.path().join(&run);
    let header = super::parse(nameless.as_bytes(), Some(&path)).expect("parses").session.header;
    assert_eq!(header.attribute("parent_session_id"), Some(session));
}
