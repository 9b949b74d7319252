//! `git session discover`.

use std::{
    fs,
    time::{Duration, SystemTime},
};

use super::{check, first_log, second_log};
use crate::support::World;

/// Gives a file a time that every run agrees on.
fn settle(path: &std::path::Path) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_900_000);
    fs::File::options().write(true).open(path).expect("a file").set_modified(time).expect("a time");
}

#[test]
fn says_how_to_begin_where_there_is_nothing() {
    let world = World::new();
    let place = world.place("anywhere");
    check(&world, "discover_empty", &place.session(&["discover"]));
    check(&world, "discover_empty_json", &place.session(&["discover", "--json"]));
}

#[test]
fn counts_every_agents_logs() {
    let world = World::new();
    let work = world.repository("work");
    let log = first_log(&world, &work);
    log.save();
    settle(log.file());
    let ran = work.session(&["discover"]);
    let ran = crate::support::Ran { stdout: ran.stdout.replace(&encoded(&work), "[ENCODED]"), ..ran };
    let ran = crate::support::Ran { stdout: blur_size(&ran.stdout), ..ran };
    check(&world, "discover_one", &ran);
    second_log(&world, &work).save();
    let found = work.json(&["discover"]);
    assert_eq!(found["schema_version"], 1);
    assert_eq!(sessions(&found), [("codex", 1), ("claude-code", 1)]);
    let one = work.json(&["discover", "--agent", "codex"]);
    assert_eq!(one["agents"].as_array().map(Vec::len), Some(1), "{one}");
    assert_eq!(one["agents"][0]["agent"], "codex");
}

#[test]
fn says_which_logs_are_of_this_repository_once_they_were_read() {
    let world = World::new();
    let (work, other) = (world.repository("work"), world.repository("other"));
    first_log(&world, &work).save();
    second_log(&world, &other).save();
    let here = |number: usize| work.json(&["discover"])["agents"][number]["here"].clone();
    let agents = work.json(&["discover"]);
    let place = |name| agents["agents"].as_array().expect("an array").iter().position(|agent| agent["agent"] == name);
    let (claude, codex) = (place("claude-code").expect("known"), place("codex").expect("known"));
    assert_eq!(here(claude), serde_json::json!({ "sessions": 0, "stored": 0, "unread": 1 }));
    work.session(&["capture"]).ok();
    assert_eq!(here(claude), serde_json::json!({ "sessions": 1, "stored": 1, "unread": 0 }));
    assert_eq!(here(codex), serde_json::json!({ "sessions": 0, "stored": 0, "unread": 0 }));
    work.git(&["update-ref", "-d", "refs/opensession/branches/bWFpbg"]);
    assert_eq!(here(claude), serde_json::json!({ "sessions": 1, "stored": 0, "unread": 0 }));
    work.session(&["capture"]).ok();
    assert_eq!(here(claude)["stored"], 1, "a ledger that is gone is made anew");
}

/// The agents that have sessions, with their number.
fn sessions(found: &serde_json::Value) -> Vec<(&str, u64)> {
    let count = |agent: &serde_json::Value| agent["sessions"].as_u64().expect("a number");
    let agents = found["agents"].as_array().expect("an array").iter().filter(|agent| count(agent) > 0);
    agents.map(|agent| (agent["agent"].as_str().expect("a name"), count(agent))).collect()
}

fn encoded(work: &crate::support::Place) -> String {
    work.path.display().to_string().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// The size of a log depends on the length of the world's path.
fn blur_size(text: &str) -> String {
    text.lines()
        .map(|line| {
            line.split(" kB")
                .map(|part| part.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.'))
                .collect::<Vec<_>>()
                .join("[SIZE] kB")
                + "\n"
        })
        .collect()
}

#[test]
fn looks_where_the_agents_own_variables_point() {
    let world = World::new();
    let work = world.repository("work");
    first_log(&world, &work).save();
    second_log(&world, &work).save();
    fs::rename(world.home().join(".claude"), world.path().join("claude home")).expect("a folder");
    fs::rename(world.home().join(".codex"), world.path().join("codex-home")).expect("a folder");
    let none = work.json(&["discover"]);
    assert!(none["agents"].as_array().expect("an array").iter().all(|agent| agent["sessions"] == 0), "{none}");
    let claude = world.path().join("claude home").display().to_string();
    let codex = world.path().join("codex-home").display().to_string();
    let moved = work.with("CLAUDE_CONFIG_DIR", &claude).with("CODEX_HOME", &codex);
    let found = moved.json(&["discover"]);
    assert_eq!(sessions(&found), [("codex", 1), ("claude-code", 1)]);
    // And capturing looks there as well.
    moved.session(&["capture"]).ok();
    assert_eq!(moved.stored().len(), 2);
}

#[test]
fn works_without_a_home() {
    let world = World::new();
    let place = world.place("anywhere");
    let ran = place.run("env", &["-u", "HOME", "git-session", "discover"]);
    check(&world, "discover_without_home", &ran);
}

#[test]
fn names_the_agents_it_knows() {
    let world = World::new();
    check(&world, "discover_unknown_agent", &world.place("x").session(&["discover", "--agent", "nobody"]));
}
