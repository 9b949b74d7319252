//! Pi: lists and trees of entries.

use std::path::Path;

use git_session::{
    agents::Scope,
    hail::{EventType, attribute},
};

use super::plain::{changes, event, exit_codes, fixture, found, parse_file, texts, tokens};

const AGENT: &str = "pi";

#[test]
fn a_list_gives_edits_codes_tokens_and_cost() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "linear-v1.jsonl"));
    assert_eq!(changes(&parsed), ["~kite.txt"]);
    assert_eq!(exit_codes(&parsed), [Some(2), Some(0)]);
    assert_eq!(tokens(&parsed), [11, 22, 33, 44, 0]);
    let costs = parsed.session.events.iter().filter_map(|event| event.attributes.get(attribute::COST_USD)?.as_f64());
    assert!((costs.sum::<f64>() - 0.36).abs() < 1e-9);
    assert_eq!(parsed.session.header.context.related_session_ids, ["00000000-0000-4000-8000-00000000d000"]);
}

#[test]
fn a_command_that_the_person_ran_says_so() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "linear-v1.jsonl"));
    assert_eq!(event(&parsed, "line-10").attributes["command_source"], "user");
}

#[test]
fn branches_that_were_left_are_kept_and_named() {
    let parsed = parse_file(AGENT, &fixture(AGENT, "tree-v3.jsonl"));
    assert_eq!(parsed.session.header.context.attributes["source.abandoned"], serde_json::json!(["a1", "t1"]));
    assert_eq!(event(&parsed, "b1").attributes["source.parent_id"], "u1");
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Lengthen the tail", "Like this?"]);
    assert_eq!(parsed.session.header.context.title, "Longer tail");
}

#[test]
fn a_way_that_comes_back_to_itself_ends() {
    let home = tempfile::tempdir().expect("a folder");
    let log = home.path().join("2026_loop.jsonl");
    let entry = |id: &str, parent: &str| {
        format!(r#"{{"type":"message","id":"{id}","parentId":"{parent}","message":{{"role":"user","content":"x"}}}}"#)
    };
    std::fs::write(&log, format!("{}\n{}\n", entry("a", "b"), entry("b", "a"))).expect("a file");
    let parsed = parse_file(AGENT, &log);
    assert_eq!((parsed.session.events.len(), parsed.session.header.session_id.as_str()), (2, "loop"));
}

#[test]
fn logs_are_found_by_the_folder_of_the_project() {
    let kite = ".pi/agent/sessions/--home-ann-kite--/1_a.jsonl";
    let files = [kite, ".pi/agent/sessions/--home-ann-kites--/1_b.jsonl", ".pi/agent/models.json"];
    let scope = Scope { folder: Some(Path::new("/home/ann/kite")), ..Scope::default() };
    assert_eq!(found(AGENT, &files, &scope), [kite]);
    assert_eq!(found(AGENT, &files, &Scope::default()), files[..2]);
}
