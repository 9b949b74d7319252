//! Holds every rule to its own examples.

use std::{ops::Range, sync::OnceLock};

use serde::Deserialize;

use super::{
    super::{Profile, Settings, rules::SOURCES},
    Hit, Scanner,
};

/// The rules with the fields that only readers and tests need, and no others.
#[derive(Deserialize)]
struct Table {
    rule: Vec<Documented>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "names every field a rule may have")]
struct Documented {
    id: String,
    description: String,
    #[serde(default)]
    keywords: Vec<String>,
    only: Option<String>,
    pattern: Option<String>,
    detector: Option<String>,
    loose: Option<bool>,
    reach: Option<usize>,
    before: Option<usize>,
    entropy: Option<f32>,
    allow: Option<Vec<String>>,
    check: Option<String>,
    files: Option<Vec<String>>,
    examples: Vec<String>,
    #[serde(default)]
    spared: Vec<String>,
}

/// A scanner that applies a rule.
fn scanner(rule: &Documented) -> &'static Scanner {
    static SCANNERS: OnceLock<[Scanner; 2]> = OnceLock::new();
    let [default, all] = SCANNERS.get_or_init(|| {
        let mut all = Settings::of(Profile::Strict);
        (all.emails, all.ip_addresses) = (true, true);
        [Settings::default(), all]
            .map(|settings| Scanner::new(&SOURCES, &settings, b"key", &[]).expect("the rules load"))
    });
    if rule.only.is_some() { all } else { default }
}

fn documented() -> Vec<Documented> {
    SOURCES.iter().flat_map(|source| toml::from_str::<Table>(source).expect("every field is known").rule).collect()
}

/// Takes the marks out of an example; returns what they mark.
fn unmarked(example: &str) -> (String, Vec<Range<usize>>) {
    let (mut text, mut starts, mut ranges) = (String::new(), Vec::new(), Vec::new());
    for character in example.chars() {
        match character {
            '¦' => {}
            '«' => starts.push(text.len()),
            '»' => ranges.extend(starts.pop().map(|start| start..text.len())),
            _ => text.push(character),
        }
    }
    (text, ranges)
}

#[test]
fn every_rule_finds_its_examples_and_names_them() {
    let mut faults = Vec::new();
    for rule in documented() {
        assert!(!rule.examples.is_empty() || rule.files.is_some(), "{} has no example", rule.id);
        for example in &rule.examples {
            let (text, ranges) = unmarked(example);
            let found: Vec<_> = named(scanner(&rule), &text);
            let expected: Vec<_> = ranges.into_iter().map(|range| (rule.id.clone(), range)).collect();
            if expected.is_empty() || found != expected {
                faults.push(format!("{}: {text:?}: expected {expected:?}, found {found:?}", rule.id));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn examples_are_found_in_json_too() {
    for rule in documented() {
        for example in &rule.examples {
            let (text, ranges) = unmarked(example);
            let escaped = serde_json::to_string(&text).expect("text");
            let found = named(scanner(&rule), &escaped);
            assert_eq!(found.len(), ranges.len(), "{}: {escaped}", rule.id);
            assert!(found.iter().all(|(id, _)| *id == rule.id), "{}: {escaped}", rule.id);
        }
    }
}

#[test]
fn no_rule_touches_what_is_to_be_spared() {
    let mut faults = Vec::new();
    for rule in documented() {
        for text in &rule.spared {
            let found = named(scanner(&rule), &text.replace('¦', ""));
            if !found.is_empty() {
                faults.push(format!("{}: {text}: {found:?}", rule.id));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn named(scanner: &Scanner, text: &str) -> Vec<(String, Range<usize>)> {
    let hits = scanner.hits(text);
    hits.into_iter().map(|Hit { range, rule }| (scanner.rules.rule(rule).id.clone(), range)).collect()
}
