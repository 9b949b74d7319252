//! Logs in which anything can be anywhere, of the agents that [`super::plain`] does not have.

use std::{fs, path::PathBuf};

use git_session::agents::{Agent, Log, parse_session};
use serde_json::{Value, json};

use super::{
    corpus::files_below,
    fixtures::rendered,
    plain::{agent, fixture, places},
};

/// The agents, each with the fixtures that are logs by themselves.
const AGENTS: [&str; 15] = [
    "auggie",
    "continue",
    "gptme",
    "hermes",
    "iflow",
    "junie",
    "kilo-code",
    "mini-swe-agent",
    "oh-my-pi",
    "openclaw",
    "openhands",
    "roo-code",
    "swe-agent",
    "trae-agent",
    "trae-cli",
];

fn logs() -> Vec<(&'static dyn Agent, PathBuf)> {
    let of = |name: &'static str| files_below(&fixture(name, "")).into_iter().map(move |path| (agent(name), path));
    AGENTS.into_iter().flat_map(of).collect()
}

/// What is read is valid; what is not, is refused.
fn is_sound(agent: &dyn Agent, bytes: &[u8]) {
    if let Ok(parsed) = parse_session(agent, &mut Log::new(bytes, None)) {
        rendered(&parsed);
    }
}

/// Every value with something odd in one place.
fn with_odd(whole: &Value, mut each: impl FnMut(&Value)) {
    let odd = [Value::Null, json!([7]), json!("odd"), json!({"text": [], "content": {}})];
    let mut found = Vec::new();
    places(whole, "", &mut found);
    for (place, odd) in found.iter().flat_map(|place| odd.iter().map(move |odd| (place, odd))) {
        let mut value = whole.clone();
        *value.pointer_mut(place).expect("a place") = odd.clone();
        each(&value);
    }
}

#[test]
fn anything_anywhere_in_a_document_or_a_record_does_no_harm() {
    for (agent, path) in logs() {
        let text = fs::read_to_string(&path).expect("readable");
        if let Ok(document) = serde_json::from_str::<Value>(&text) {
            with_odd(&document, |odd| is_sound(agent, odd.to_string().as_bytes()));
            continue;
        }
        let lines: Vec<&str> = text.lines().collect();
        for (index, line) in lines.iter().enumerate() {
            let record: Value = serde_json::from_str(line).expect("a record");
            with_odd(&record, |odd| {
                let odd = odd.to_string();
                let mut log = lines.clone();
                log[index] = &odd;
                is_sound(agent, log.join("\n").as_bytes());
            });
        }
    }
}

#[test]
fn anything_anywhere_in_an_event_of_openhands_does_no_harm() {
    let agent = agent("openhands");
    for folder in ["conversations", "sessions"] {
        let files = files_below(&fixture("openhands", folder)).into_iter();
        let events = files.filter(|path| path.parent().is_some_and(|folder| folder.ends_with("events")));
        let event = |path: PathBuf| serde_json::from_str(&fs::read_to_string(path).expect("readable")).expect("JSON");
        let events: Vec<Value> = events.map(event).collect();
        for (index, event) in events.iter().enumerate() {
            with_odd(event, |odd| {
                let mut all = events.clone();
                all[index] = odd.clone();
                is_sound(agent, Value::from(all).to_string().as_bytes());
            });
        }
        assert!(!events.is_empty());
    }
}

#[test]
fn a_log_cut_anywhere_is_read_or_refused() {
    for (agent, path) in logs() {
        let bytes = fs::read(&path).expect("readable");
        for end in (0..bytes.len()).step_by(29) {
            is_sound(agent, &bytes[..end]);
        }
    }
}
