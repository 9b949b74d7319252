//! Holds every rule to its own examples.

use std::{
    ops::Range,
    sync::OnceLock,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::{
    super::{Profile, Redactor, Settings, Summary, rules::SOURCES, stream::Stream},
    Hit, Scanner,
};
use crate::hail::{Block, Content, Event, EventType, Timestamp};

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
    unless: Option<Vec<String>>,
    check: Option<String>,
    files: Option<Vec<String>>,
    options: Option<Vec<String>>,
    argument: Option<usize>,
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

/// What a session makes of its texts: the text, and the text behind it, for each.
fn through_session(events: Vec<Event>) -> String {
    static REDACTOR: OnceLock<Redactor> = OnceLock::new();
    let redactor = REDACTOR.get_or_init(|| {
        let mut all = Settings::of(Profile::Strict);
        (all.emails, all.ip_addresses) = (true, true);
        Redactor::new(&all, b"key", &[]).expect("the rules load")
    });
    let (mut stream, mut summary) = (Stream::new(redactor), Summary::default());
    let mut done: Vec<Event> = events.into_iter().flat_map(|event| stream.next(event, &mut summary)).collect();
    done.extend(stream.finish(&mut summary));
    let text = |block: &Block| match block {
        Block::Text { text } => text.to_string(),
        other => serde_json::to_string(other).expect("serialises"),
    };
    done.iter().flat_map(|event| event.content.blocks.iter().map(text)).collect()
}

fn result(number: usize, blocks: Vec<Block>) -> Event {
    let kind = EventType::ToolResult { name: "run".to_owned(), is_error: false, call_id: Some("call".to_owned()) };
    Event::new(number.to_string(), Timestamp::EPOCH, kind).with_content(Content { blocks })
}

/// A part of a text, each of which is found or not.
#[derive(Default)]
struct Recall {
    tried: usize,
    missed: Vec<String>,
}

impl Recall {
    fn judge(&mut self, form: &str, secrets: &[String], left: &str) {
        self.tried += 1;
        if secrets.iter().any(|secret| left.contains(secret.as_str())) {
            self.missed.push(format!("{form}: {left:?}"));
        }
    }

    fn demand(&self) {
        let found = self.tried - self.missed.len();
        assert!(found * 100 >= self.tried * 99, "{found} of {}:\n{}", self.tried, self.missed.join("\n"));
    }
}

#[test]
fn secrets_of_known_form_are_found_raw_in_json_and_split_anywhere() {
    let text = |text: &str| Block::Text { text: text.into() };
    let (mut plain, mut split) = (Recall::default(), Recall::default());
    for example in documented().iter().flat_map(|rule| &rule.examples) {
        let (whole, ranges) = unmarked(example);
        let secrets: Vec<String> = ranges.iter().map(|range| whole[range.clone()].to_owned()).collect();
        plain.judge("raw", &secrets, &through_session(vec![result(0, vec![text(&whole)])]));
        // Nothing of a secret needs an escape of JSON but the line breaks and quotes in a private key.
        let told: Vec<String> = secrets.iter().map(|secret| secret.lines().next().unwrap_or("").to_owned()).collect();
        let escaped = serde_json::json!({"a": whole}).to_string();
        let twice = serde_json::json!({"b": escaped}).to_string();
        plain.judge("in JSON", &told, &through_session(vec![result(0, vec![text(&escaped)])]));
        plain.judge("in JSON twice", &told, &through_session(vec![result(0, vec![text(&twice)])]));
        let data = Block::Json { data: serde_json::json!({"b": [escaped]}) };
        plain.judge("in JSON in a block", &told, &through_session(vec![result(0, vec![data])]));
        for at in (1..whole.len()).filter(|at| whole.is_char_boundary(*at)) {
            let (left, right) = whole.split_at(at);
            split.judge("blocks", &secrets, &through_session(vec![result(0, vec![text(left), text(right)])]));
            let chunks = vec![result(0, vec![text(left)]), result(1, vec![text(right)])];
            split.judge("chunks", &secrets, &through_session(chunks));
        }
    }
    plain.demand();
    split.demand();
}

#[test]
fn a_long_text_is_joined_at_its_ends_only() {
    let token = ["ghp", "_k3Xz8QpL5mNb2VcR7tYw9JhGf4DsA6eU1iO0"].concat();
    let filler = "word and word ".repeat(2000);
    let blocks = [
        format!("{filler}{}", &token[..9]),
        format!("{} {filler}{}", &token[9..], &token[..20]),
        token[20..].to_owned(),
    ];
    let left = through_session(vec![result(0, blocks.iter().map(|text| Block::Text { text: text.into() }).collect())]);
    assert!(!left.contains(&token[5..]), "a part is left");
    assert_eq!(left.matches("[REDACTED:github:").count(), 2);
    assert_eq!(left.len(), 2 * filler.len() + " ".len() + 2 * "[REDACTED:github:00000000]".len());
}

#[test]
fn a_value_below_its_name_is_found() {
    let scanner = Scanner::new(&SOURCES, &Settings::default(), b"key", &[]).expect("the rules load");
    for (text, secret) in [
        (
            "use the following password to go on:\n\n4403ea9c3b74156cfec89435589a1ca6\n\nrest",
            "4403ea9c3b74156cfec89435589a1ca6",
        ),
        ("Initial admin password:\nx7Kq!92mvB\n", "x7Kq!92mvB"),
        ("<password>\n  h7x!kQ2z\n</password>", "h7x!kQ2z"),
        ("| user | password |\n|---|---|\n| ann | h7x!kQ2z |\n", "h7x!kQ2z"),
        ("name,password\nann,h7x!kQ2z\n", "h7x!kQ2z"),
    ] {
        let found = named(&scanner, text);
        assert_eq!(found.len(), 1, "{text:?}: {found:?}");
        assert_eq!(&text[found[0].1.clone()], secret);
    }
}

/// Keywords with what makes rules look far: signs of assignment, quotes that are not closed, values that go on.
fn hostile(keywords: &[String]) -> Vec<String> {
    const AROUND: [(&str, &str); 18] = [
        ("", ""),
        (" ", " "),
        ("", "="),
        ("", "=\""),
        ("\"", "\":\""),
        ("", ": "),
        ("--", " "),
        ("", "-"),
        ("", "/"),
        ("", "://a:"),
        ("", "1a"),
        ("", "=x1Y2z3"),
        ("'", "','"),
        ("<", ">"),
        ("", "=\\\""),
        ("", "\\\\"),
        ("\"a1B2c3D4e5F6g7H8i9_", "\","),
        ("", "\n"),
    ];
    // Each keyword with a sixth of them: neighbours are looked at by like rules.
    let around = |(number, keyword): (usize, &String)| {
        let some = AROUND.into_iter().skip(number % 6).step_by(6);
        some.map(|(before, after)| format!("{before}{keyword}{after}")).collect::<Vec<_>>()
    };
    let pairs = keywords.windows(2).step_by(3).map(|pair| format!("{}={}=", pair[0], pair[1]));
    let nested = keywords.windows(3).step_by(3).map(|three| format!("{}=\"{}='{}=`", three[0], three[1], three[2]));
    keywords.iter().enumerate().flat_map(around).chain(pairs).chain(nested).collect()
}

#[test]
fn the_time_is_linear_in_the_text_whatever_is_repeated() {
    /// A text of this length is short enough for debugging builds, and long enough for every reach to shrink.
    const LENGTH: usize = 4 << 10;
    let scanner = Scanner::new(&SOURCES, &Settings::of(Profile::Strict), b"key", &[]).expect("the rules load");
    let all: Vec<Documented> = documented();
    // Of the many names of services, which are looked at alike, some.
    let few = |rule: &Documented| if rule.detector.as_deref() == Some("service") { 97 } else { 1 };
    let mut keywords: Vec<String> =
        all.iter().flat_map(|rule| rule.keywords.iter().step_by(few(rule)).cloned()).collect();
    keywords.sort();
    keywords.dedup();
    let mut units = hostile(&keywords);
    units.push(keywords.join("="));
    units.push(keywords.join(" "));
    let check = |unit: &String| {
        let text = unit.repeat(LENGTH / unit.len() + 1);
        let (half, whole) = (scanner.steps(&text), scanner.steps(&text.repeat(2)));
        assert!(half <= 300 * (text.len() + 4096), "{unit:?}: {half} steps for {} bytes", text.len());
        assert!(whole <= half * 9 / 4 + 4096, "{unit:?}: {half} steps, and {whole} for twice the text");
    };
    std::thread::scope(|scope| {
        for units in units.chunks(units.len() / 2 + 1) {
            scope.spawn(move || units.iter().for_each(check));
        }
    });
}

#[test]
fn a_list_of_secrets_with_names_in_them_is_gone_through_once() {
    let scanner = Scanner::new(&SOURCES, &Settings::default(), b"key", &[]).expect("the rules load");
    let text = "\"a1B2c3D4e5F6g7H8i9_key\",".repeat(4000);
    assert_eq!(scanner.hits(&text).len(), 3999);
    assert!(scanner.steps(&text) <= 20 * text.len(), "{}", scanner.steps(&text));
}

#[test]
fn many_placeholders_and_many_secrets_stay_apart() {
    let scanner = Scanner::new(&SOURCES, &Settings::default(), b"key", &[]).expect("the rules load");
    let secret = "password=[REDACTED:assignment:0123abcd] DB_PASSWORD='h7x!kQ2z' ";
    let hits = scanner.hits(&secret.repeat(3000));
    assert_eq!(hits.len(), 3000);
    assert!(hits.iter().all(|hit| hit.range.len() == 8), "{:?}", hits.first());
}

#[test]
fn a_pattern_that_looks_far_ahead_costs_no_more_than_its_share() {
    let mut settings = Settings::default();
    settings.add_pattern("far", "(?s)ab.*Z|ab").expect("a pattern");
    let scanner = Scanner::new(&SOURCES, &settings, b"key", &[]).expect("the rules load");
    let text = "ab".repeat(1 << 17);
    let found = named(&scanner, &text);
    assert_eq!(found.len(), 1 << 17, "every one of them");
    let long = format!("ab{}Z", "c".repeat(4000));
    assert_eq!(named(&scanner, &long), [("far".to_owned(), 0..long.len())]);
}

#[test]
fn a_search_stops_within_a_text() {
    let scanner = Scanner::new(&SOURCES, &Settings::default(), b"key", &[]).expect("the rules load");
    let text = "DB_PASSWORD=h7x!kQ2z\n".repeat(4);
    let (past, future) = (Instant::now(), Instant::now() + Duration::from_secs(600));
    assert!(scanner.until(past).hits(&text).is_empty() && scanner.until(past).is_late());
    assert_eq!(scanner.until(future).hits(&text).len(), 4);
    assert!(!scanner.until(future).is_late() && !scanner.is_late());
}
