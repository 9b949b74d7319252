use std::{borrow::Cow, path::PathBuf, sync::LazyLock};

use super::{Redactor, Settings, Summary};
use crate::hail::{Agent, Event, EventType, Header, Session, Stats, Timestamp};

#[path = "disguise_tests.rs"]
mod disguise;
#[path = "field_tests.rs"]
mod field;
#[path = "inline_tests.rs"]
mod inline;
#[path = "property_tests.rs"]
mod property;

fn redactor() -> &'static Redactor {
    static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| {
        Redactor::new(&Settings::default(), b"key", &[PathBuf::from("/home/alice"), PathBuf::from("/srv/people/bo.b")])
            .expect("the rules load")
    });
    &REDACTOR
}

/// A GitHub token that is put together only here, so that no scanner takes it for a live one.
fn token() -> String {
    format!("ghp_{}", "k3Xz8QpL5mNb2VcR7tYw9JhGf4DsA6eU1iO0")
}

fn redacted(text: &str) -> String {
    redactor().text(text).0.into_owned()
}

fn session(events: Vec<Event>) -> Session {
    let id = "019c9e6f-4fc8-7a93-aceb-ca158bd3ed77".parse().expect("valid");
    Session { header: Header::new(id, Agent::default(), Timestamp::EPOCH), events, stats: Stats::default() }
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

/// A text in lines of so many letters.
fn wrapped(text: &str, length: usize) -> String {
    text.as_bytes().chunks(length).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
}

#[test]
fn a_placeholder_is_the_same_for_the_same_secret_under_the_same_key_only() {
    let text = format!("{0} and {0}", token());
    let first = redacted(&text);
    let (left, right) = first.split_once(" and ").expect("both are there");
    assert_eq!(left, right);
    assert!(left.starts_with("[REDACTED:github:") && left.len() == "[REDACTED:github:00000000]".len(), "{left}");
    let other = Redactor::new(&Settings::default(), b"another key", &[]).expect("the rules load");
    assert_ne!(other.text(&text).0, first);
}

#[test]
fn clean_text_is_borrowed() {
    let (text, summary) = redactor().text("nothing to see here");
    assert!(matches!(text, Cow::Borrowed(_)));
    assert_eq!(summary, Summary::default());
}

#[test]
fn ids_are_never_redacted() {
    for id in [
        "3f786850e387550fdab836ed7e6dc881de23001b",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "019c9e6f-4fc8-7a93-aceb-ca158bd3ed77",
        "toolu_01A2b3C4d5E6f7G8h9J0k1L2",
        "call_k3Xz8QpL5mNb2VcR7tYw9JhG",
        "msg_01XFDUDYJgAACzvnptvVoYEL",
    ] {
        for text in [
            id.to_owned(),
            format!("commit {id}"),
            format!("\"key\": \"{id}\""),
            format!("\"token_id\": \"{id}\""),
            format!("\"session_key\":\"sha\",\"id\":\"{id}\""),
            format!("cache_key={id}"),
            format!("the token {id} was seen"),
            format!("index 0000000..{id}"),
        ] {
            assert_eq!(redacted(&text), text);
        }
    }
}

#[test]
fn home_directories_become_a_tilde() {
    for (text, expected) in [
        ("/home/alice", "~"),
        ("cd /home/alice/project", "cd ~/project"),
        ("/home/alice2/x", "~/x"),
        ("--- a/home/alice/x\n+++ b/home/bob/x\n", "--- a/~/x\n+++ b/~/x\n"),
        ("grab a/home/alice", "grab a/~"),
        ("data/home/alice", "data/home/alice"),
        ("/srv/people/bo.b/x:/srv/people/bo.bcat", "~/x:/srv/people/bo.bcat"),
        ("~/.claude/projects/-home-alice-project/1.jsonl", "~/.claude/projects/~-project/1.jsonl"),
        ("-srv-people-bo-b-project", "~-project"),
        ("{\"cwd\":\"/Users/carol/work\"}", "{\"cwd\":\"~/work\"}"),
        (r"C:\Users\carol\work", r"~\work"),
        ("https://example.com/home/alice2/x", "https://example.com/home/alice2/x"),
    ] {
        assert_eq!(redacted(text), expected);
    }
}

#[test]
fn a_home_within_another_hides_neither() {
    let homes = ["/srv/bo", "/srv/bo/sub"].map(PathBuf::from);
    let redactor = Redactor::new(&Settings::default(), b"key", &homes).expect("the rules load");
    for (text, expected) in
        [("/srv/bo/sub/x", "~/x"), ("/srv/bo/subway", "~/subway"), ("/srv/bo/x", "~/x"), ("/srv/bob/x", "/srv/bob/x")]
    {
        assert_eq!(redactor.text(text).0, expected);
    }
}

#[test]
fn a_key_of_many_lines_leaves_the_statistics_right() {
    let key = "-----BEGIN PRIVATE KEY-----\n+MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n+BKcwggSjAgEAAoIBAQC7\n+-----END PRIVATE KEY-----";
    let diff = format!("--- a/key.pem\n+++ b/key.pem\n@@ -0,0 +1,5 @@\n+{key}\n+end\n");
    let event = Event::new("1", Timestamp::EPOCH, EventType::FileEdit { path: "key.pem".to_owned(), diff: Some(diff) });
    let result = redactor().session(session(vec![event])).expect("memory").expect("an event");
    assert_eq!(result.value().stats.lines_added, 2);
    assert_eq!(result.summary().rules.get("private-key"), Some(&1));
}
