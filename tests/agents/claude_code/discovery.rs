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
