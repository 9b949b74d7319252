use std::{borrow::Cow, path::PathBuf, sync::LazyLock};

use proptest::prelude::*;
use serde_json::json;

use super::{Redactor, Settings, Summary};
use crate::hail::{Agent, Block, Content, Event, EventType, Header, Session, Stats, Timestamp, attribute};

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

#[test]
fn every_field_that_holds_text_is_redacted_and_no_field_that_identifies() {
    let token = token();
    let with = |kind: EventType| Event::new("1", Timestamp::EPOCH, kind);
    let mut events = vec![
        with(EventType::ShellCommand { command: format!("curl -H 'x: {token}'"), exit_code: Some(0) }),
        with(EventType::FileEdit { path: format!("/{token}"), diff: Some(token.clone()) }),
        with(EventType::WebFetch { url: format!("https://h/?q={token}") }),
        with(EventType::TaskStart { title: Some(token.clone()) }),
        with(EventType::WebSearch { query: token.clone() }),
    ];
    let blocks = [
        Block::Text { text: token.as_str().into() },
        Block::Code { code: token.clone(), language: None, start_line: None },
        Block::File { path: token.clone(), content: Some(token.clone()) },
        Block::Json { data: json!({"list": [{"x": token}]}) },
        Block::Reference { uri: format!("https://h/{token}"), media_type: "x".to_owned() },
        Block::Image { url: format!("https://h/{token}"), alt: Some(token.clone()), mime: "x".to_owned() },
    ];
    events.extend(blocks.map(|block| with(EventType::AgentMessage).with_content(Content { blocks: vec![block] })));
    events.push(with(EventType::AgentMessage).with("note", json!({"deep": [token]})));
    events.iter_mut().enumerate().for_each(|(number, event)| event.event_id = number.to_string());
    let mut session = session(events);
    session.header.context.title.clone_from(&token);
    session.header.context.description = Some(token.clone());
    session.header.context.tags.push(token.clone());
    session.header.context.attributes.insert(attribute::CWD.to_owned(), json!("/home/alice/x"));
    let result = redactor().session(session).expect("memory").expect("events");
    let text = String::from_utf8(result.value().to_bytes().expect("memory")).expect("UTF-8");
    assert!(!text.contains(&token[4..]), "{text}");
    assert!(text.contains(r#""cwd":"~/x""#), "{text}");

    let kept = Event::new(token.clone(), Timestamp::EPOCH, EventType::ToolCall { name: token.clone() })
        .with(attribute::CALL_ID, token.clone());
    let mut event = kept.clone();
    redactor().event(&mut event, &mut Summary::default());
    assert_eq!(event, kept);
}

#[test]
fn the_key_of_a_json_value_is_its_context() {
    let mut event = Event::new("1", Timestamp::EPOCH, EventType::AgentMessage).with_content(Content::json(json!({
        "api_key": "Zk81mQx07LpB",
        "max_tokens": "4096",
        "nested": "{\"env\":\"{\\\"client_secret\\\":\\\"Zk81mQx07LpB\\\"}\"}",
        "path": "{\"a\":\"b\\n\"}",
    })));
    let mut summary = Summary::default();
    redactor().event(&mut event, &mut summary);
    let text = serde_json::to_string(&event.content).expect("serialises");
    assert!(!text.contains("Zk81mQx07LpB"), "{text}");
    assert!(text.contains("4096") && text.contains(r#""path":"{\"a\":\"b\\n\"}""#), "{text}");
    assert_eq!(summary.rules.get("assignment"), Some(&2));
}

#[test]
fn a_file_of_credentials_that_an_agent_reads_has_no_value_left() {
    let file = "     1→PORT=3000\n     2→NAME=\"a plain word\"\n     3→# note\n";
    let with = |kind: EventType, call: &str, text: &str| {
        let id = format!("{call}-{}", text.len());
        Event::new(id, Timestamp::EPOCH, kind).with(attribute::CALL_ID, call).with_content(Content::text(text))
    };
    let result = |call: &str| {
        let kind = EventType::ToolResult { name: "Read".to_owned(), is_error: false, call_id: Some(call.to_owned()) };
        with(kind, call, file)
    };
    let read = |path: &str| EventType::FileRead { path: path.to_owned() };
    let run = |command: &str| EventType::ShellCommand { command: command.to_owned(), exit_code: None };
    for (kind, is_hidden) in [
        (read("app/.env"), true),
        (read("C:\\app\\.npmrc"), true),
        (run("cat ~/.aws/credentials"), true),
        (read("src/.env.example"), false),
        (run("source .env && npm test"), false),
    ] {
        let session = session(vec![with(kind.clone(), "call_1", "reading"), result("call_1"), result("call_2")]);
        let redacted = redactor().session(session).expect("memory").expect("events");
        let text = String::from_utf8(redacted.value().to_bytes().expect("memory")).expect("UTF-8");
        let left = if is_hidden { 1 } else { 2 };
        assert_eq!(text.matches("3000").count(), left, "{kind:?}: {text}");
        assert_eq!(text.matches("a plain word").count(), left, "{kind:?}: {text}");
        assert_eq!(text.matches("# note").count(), 2, "{kind:?}: {text}");
        let again = redactor().event_findings(&with(kind, "call_1", "reading"));
        assert_eq!(again, [], "what reads is no secret");
    }
}

#[test]
fn inline_images_are_left_alone() {
    let url = format!("data:image/png;base64,iVBORw0KGgo/{}", token());
    let block = Block::Image { url: url.clone(), alt: None, mime: "image/png".to_owned() };
    let mut event =
        Event::new("1", Timestamp::EPOCH, EventType::UserMessage).with_content(Content { blocks: vec![block.clone()] });
    redactor().event(&mut event, &mut Summary::default());
    assert_eq!(event.content.blocks, [block]);
}

#[test]
fn secrets_side_by_side_and_in_each_other_leave_no_rest() {
    let token = token();
    for text in [
        format!("{token}{token}"),
        format!("password=\"{token}\""),
        format!("https://user:{token}@github.com/o/r.git"),
        format!("Authorization: Bearer {token}"),
        format!("Cookie: session={token}; other={token}"),
        format!("ä{token}ö"),
    ] {
        let result = redacted(&text);
        assert!(!result.contains(&token[4..]), "{text}: {result}");
        assert_eq!(redacted(&result), result);
    }
}

/// Pieces of which texts are made that come near to what the rules look for.
fn piece() -> impl Strategy<Value = String> {
    let fixed = [
        "password=",
        "\"api_key\": \"",
        "token: ",
        "'",
        "\"",
        "\\\"",
        "\\",
        "\n",
        " ",
        "/home/alice",
        "/home/bob/",
        "C:\\Users\\",
        "-----BEGIN PRIVATE KEY-----\n",
        "-----END PRIVATE KEY-----",
        "://",
        ":",
        "@host",
        "Bearer ",
        "Basic ",
        "[REDACTED:github:0123abcd]",
        "[REDACTED:",
        "ghp_",
        "sk-ant-",
        "eyJ",
        ".",
        "~",
        "<password>",
        "é",
        "Cookie: a=",
        "secret ",
        "x1Y2z3A4b5C6d7E8f9G0h1I2j3K4l5M6n7O8p9Q0",
        "AKIA",
        "&#39;",
        "=",
        "{",
        "[",
        "]",
        "%3D",
        "-home-alice-",
    ];
    prop_oneof![
        4 => proptest::sample::select(fixed.to_vec()).prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
        1 => "[A-Za-z0-9]{8,40}",
        1 => "\\PC{0,4}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn redacting_twice_changes_nothing(pieces in proptest::collection::vec(piece(), 0..24)) {
        let redactor = redactor();
        let text = pieces.concat();
        let once = redactor.text(&text).0.into_owned();
        let (twice, summary) = redactor.text(&once);
        prop_assert_eq!(summary, Summary::default(), "{:?} became {:?}", text, twice);
        prop_assert_eq!(twice, once.as_str());
    }

    #[test]
    fn placeholders_are_never_touched(before in "\\PC{0,20}", after in "\\PC{0,20}") {
        let placeholder = "[REDACTED:github:0123abcd]";
        let text = format!("{before}password=\"{placeholder}\"{after}");
        prop_assert!(redactor().text(&text).0.contains(placeholder));
    }

    #[test]
    fn json_of_any_shape_survives(text in "[\\[\\]{}\":\\\\a-z0-9,]{0,40}") {
        let mut event = Event::new("1", Timestamp::EPOCH, EventType::AgentMessage).with_content(Content::text(text));
        redactor().event(&mut event, &mut Summary::default());
    }
}
