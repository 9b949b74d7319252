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

#[test]
fn what_a_branch_copied_counts_in_the_session_that_it_is_of() {
    let home = tempfile::tempdir().expect("a folder");
    let entry = |time: &str, role: &str, words: &str| {
        let usage = r#""usage":{"input":5,"output":3,"cacheRead":0,"cacheWrite":0},"#;
        let usage = if role == "assistant" { usage } else { "" };
        format!(
            r#"{{"type":"message","timestamp":"2026-01-01T0{time}:00Z","message":{{"role":"{role}",{usage}"content":[{{"type":"text","text":"{words}"}}]}}}}"#
        )
    };
    let history = [entry("6:01", "user", "First"), entry("6:02", "assistant", "a")];
    let own = [entry("7:01", "user", "Second"), entry("7:02", "assistant", "b")];
    let header = |id: &str, time: &str, rest: &str| {
        format!(r#"{{"type":"session","id":"{id}","timestamp":"2026-01-01T0{time}:00Z","cwd":"/home/ann/kite"{rest}}}"#)
    };
    let write = |name: &str, header: String, lines: &[String]| {
        let path = home.path().join(name);
        std::fs::write(&path, [&[header][..], lines].concat().join("\n")).expect("a file");
        path
    };
    let parent = "2026-01-01T06-00-00_s-one.jsonl";
    let from = format!(r#","branchedFrom":"/elsewhere/{parent}""#);
    let branch =
        write("2026-01-01T07-00-00_s-two.jsonl", header("s-two", "7:00", &from), &[&history[..], &own[..]].concat());
    let alone = parse_file(AGENT, &branch);
    assert_eq!(texts(&alone, &EventType::UserMessage), ["First", "Second"], "nobody else tells it");
    let first = parse_file(AGENT, &write(parent, header("s-one", "6:00", ""), &history));
    let second = parse_file(AGENT, &branch);
    assert_eq!(texts(&second, &EventType::UserMessage), ["Second"]);
    assert_eq!((tokens(&first)[..2].to_vec(), tokens(&second)[..2].to_vec()), (vec![5, 3], vec![5, 3]));
    let context = &second.session.header.context;
    assert_eq!((context.title.as_str(), context.related_session_ids.as_slice()), ("Second", &["s-one".to_owned()][..]));
}
