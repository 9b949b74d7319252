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

/// Puts `token` into every string below `value` that the model takes any text for, and returns how many there are.
fn fill(value: &mut serde_json::Value, token: &str) -> usize {
    match value {
        serde_json::Value::String(text) => {
            token.clone_into(text);
            1
        }
        serde_json::Value::Array(items) => items.iter_mut().map(|item| fill(item, token)).sum(),
        serde_json::Value::Object(fields) => {
            // What tells one kind of record from another, and when it was, is read as it is.
            let is_free = |key: &str| !["type", "timestamp", "created_at", "updated_at", "version"].contains(&key);
            fields.iter_mut().filter(|(key, _)| is_free(key)).map(|(_, item)| fill(item, token)).sum()
        }
        _ => 0,
    }
}

/// An event of every kind and with every kind of block, with something in every field.
fn events_of_every_kind() -> Vec<Event> {
    let text = || "x".to_owned();
    let kinds = vec![
        EventType::UserMessage,
        EventType::AgentMessage,
        EventType::SystemMessage,
        EventType::Thinking,
        EventType::ToolCall { name: text() },
        EventType::ToolResult { name: text(), is_error: false, call_id: Some(text()) },
        EventType::FileRead { path: text() },
        EventType::CodeSearch { query: text() },
        EventType::FileSearch { pattern: text() },
        EventType::FileEdit { path: text(), diff: Some(text()) },
        EventType::FileCreate { path: text() },
        EventType::FileDelete { path: text() },
        EventType::ShellCommand { command: text(), exit_code: None },
        EventType::ImageGenerate { prompt: text() },
        EventType::VideoGenerate { prompt: text() },
        EventType::AudioGenerate { prompt: text() },
        EventType::WebSearch { query: text() },
        EventType::WebFetch { url: text() },
        EventType::TaskStart { title: Some(text()) },
        EventType::TaskEnd { summary: Some(text()) },
        EventType::Custom { kind: text() },
    ];
    let blocks = vec![
        Block::Text { text: "x".into() },
        Block::Code { code: text(), language: Some(text()), start_line: None },
        Block::Image { url: text(), alt: Some(text()), mime: text() },
        Block::Video { url: text(), mime: text() },
        Block::Audio { url: text(), mime: text() },
        Block::File { path: text(), content: Some(text()) },
        Block::Json { data: json!({ "list": [{ "x": "x" }] }) },
        Block::Reference { uri: text(), media_type: text() },
    ];
    let of_kind = |kind: EventType| {
        let mut event = Event::new("x", Timestamp::EPOCH, kind).with_content(Content { blocks: blocks.clone() });
        event.task_id = Some(text());
        for key in [
            attribute::SCHEMA_VERSION,
            attribute::RAW_TYPE,
            attribute::FAULT,
            attribute::GROUP_ID,
            attribute::CALL_ID,
            attribute::TOOL_KIND,
            attribute::MODEL,
            "session_id",
            "note",
        ] {
            event.attributes.insert(key, json!("x"));
        }
        event
    };
    kinds.into_iter().map(of_kind).collect()
}

#[test]
fn no_string_that_a_session_can_have_keeps_a_token() {
    let token = token();
    let mut header = session(Vec::new()).header;
    header.agent.tool_version = Some("x".to_owned());
    (header.context.title, header.context.description) = ("x".to_owned(), Some("x".to_owned()));
    header.context.tags.push("x".to_owned());
    header.context.related_session_ids.push("x".to_owned());
    for key in [attribute::CWD, attribute::GIT_BRANCH, attribute::PARENT_SESSION_ID, attribute::SESSION_ROLE] {
        header.context.attributes.insert(key, json!("x"));
    }
    let mut header = serde_json::to_value(&header).expect("JSON");
    assert_eq!(fill(&mut header, &token), 13, "{header}");
    let mut header: Header = serde_json::from_value(header).expect("a token may be an id");
    // Keys that are free text hold it, too.
    header.context.attributes.insert(token.clone(), json!({ &token: 1 }));
    for (number, event) in events_of_every_kind().into_iter().enumerate() {
        let mut event = serde_json::to_value(&event).expect("JSON");
        assert!(fill(&mut event, &token) >= 24, "{event}");
        let mut event: Event = serde_json::from_value(event).expect("an event");
        event.event_id = format!("{token}-{number}");
        event.content.blocks.push(Block::Json {
            data: json!({ &token: "x", "nested": format!("{{\"\\u0061\":\"x\",\"{token}\":1}}") }),
        });
        event.attributes.insert(token.clone(), json!(1));
        let found = redactor().event_findings(&event);
        for field in ["event_id", "task_id", "attributes.semantic.call_id", "attributes.source.raw_type"] {
            assert!(found.iter().any(|found| found.field == field), "{field}: {found:?}");
        }
        let session = Session { header: header.clone(), events: vec![event], stats: Stats::default() };
        let result = redactor().session(session).expect("memory").expect("events");
        let text = String::from_utf8(result.value().to_bytes().expect("memory")).expect("UTF-8");
        assert!(!text.contains(&token[4..]), "{text}");
    }
    for field in ["session_id", "agent.model", "context.related_session_ids[0]"] {
        assert!(redactor().header_findings(&header).iter().any(|found| found.field == field), "{field}");
    }
}

#[test]
fn calls_and_results_still_pair_and_sessions_keep_ids_that_are_valid() {
    let token = token();
    let call = Event::new(token.clone(), Timestamp::EPOCH, EventType::ToolCall { name: token.clone() })
        .with(attribute::CALL_ID, token.clone());
    let kind = EventType::ToolResult { name: token.clone(), is_error: false, call_id: Some(token.clone()) };
    let result = Event::new("2", Timestamp::EPOCH, kind).with(attribute::CALL_ID, token.clone());
    let mut events = [call, result];
    for event in &mut events {
        redactor().event(event, &mut Summary::default());
    }
    let [EventType::ToolCall { name: called }, EventType::ToolResult { name, call_id: Some(id), .. }] =
        events.each_ref().map(|event| &event.event_type)
    else {
        panic!("{events:?}")
    };
    assert_eq!((called, id), (name, name));
    assert!(name.starts_with("REDACTED-github-") && !name.contains(&token[4..]), "{name}");
    assert!(events.iter().all(|event| event.attributes[attribute::CALL_ID] == **name), "{events:?}");
    let mut header = session(Vec::new()).header;
    header.session_id = token.parse().expect("a token may be an id");
    header.context.related_session_ids = vec![token.clone()];
    redactor().names(&mut header);
    assert_eq!(header.session_id.as_str(), name, "the name is the same everywhere");
    assert_eq!(header.context.related_session_ids, [name.as_str()]);
    let again = header.clone();
    redactor().names(&mut header);
    assert_eq!(header, again);
}

#[test]
fn names_that_are_no_tokens_stay() {
    let kinds =
        ["mcp__github__create_pull_request", "mcp__Auth0__get_access_token_8f3kD02mXq91LpZ7aaaa", "turn_context"];
    for name in kinds.map(str::to_owned) {
        let event = Event::new(format!("{name}-1"), Timestamp::EPOCH, EventType::ToolCall { name: name.clone() })
            .with(attribute::CALL_ID, "toolu_01A2b3C4d5E6f7G8h9J0k1L2")
            .with(attribute::MODEL, "claude-opus-4-5-20251101");
        let mut redacted = event.clone();
        redactor().event(&mut redacted, &mut Summary::default());
        assert_eq!(redacted, event);
    }
    let data = json!({ "/home/alice/a.rs": { "version": 1 }, "plain key": "x", "max_tokens": 5 });
    let mut event = Event::new("1", Timestamp::EPOCH, EventType::AgentMessage).with_content(Content::json(data));
    redactor().event(&mut event, &mut Summary::default());
    let expected = json!({ "~/a.rs": { "version": 1 }, "plain key": "x", "max_tokens": 5 });
    assert_eq!(event.content, Content::json(expected));
}

#[test]
fn two_keys_that_become_one_stay_two() {
    let data = json!({ "/home/alice/x": 1, "/home/bob/x": 2, "~/x": 3 });
    let mut event = Event::new("1", Timestamp::EPOCH, EventType::AgentMessage).with_content(Content::json(data));
    redactor().event(&mut event, &mut Summary::default());
    let [Block::Json { data }] = event.content.blocks.as_slice() else { panic!("{event:?}") };
    assert_eq!(*data, json!({ "~/x": 3, "~/x 2": 1, "~/x 3": 2 }));
}

#[test]
fn a_title_is_redacted_before_it_is_cut_wherever_a_token_lies_in_it() {
    let token = token();
    let placeholder = redacted(&token);
    for before in 0..140 {
        let line = format!("{} {token} and more words{}", "x".repeat(before), " word".repeat(before / 8));
        let mut summary = Summary::default();
        let title = redactor().title(&line, &mut summary);
        assert!(title.chars().count() <= 100, "{title}");
        assert!((4..=token.len()).all(|end| !title.contains(&token[end - 4..end])), "{before}: {title}");
        assert_eq!(title.contains("REDA"), title.contains(&placeholder), "{before}: {title}");
        let mut header = session(Vec::new()).header;
        header.context.title = title;
        assert_eq!(redactor().header_findings(&header), [], "{before}");
    }
}

#[test]
fn what_a_stored_title_keeps_of_a_secret_is_found() {
    let token = token();
    let mut header = session(Vec::new()).header;
    for (title, is_found) in [
        (format!("Use {}…", &token[..38]), true),
        (format!("Use {}…", &token[..34]), true),
        (format!("Use \"{}…", &token[..20]), true),
        (format!("Set PASSWORD=\"kX9!vQ2m{}…", "zW"), true),
        ("Explain why ghp_ tokens begin with a pre…".to_owned(), false),
        ("Rename configuration_of_the_application_server_2024_final_ver…".to_owned(), false),
        ("Look at 3f786850e387550fdab836ed7e6dc881de23…".to_owned(), false),
    ] {
        header.context.title.clone_from(&title);
        let found = redactor().header_findings(&header);
        assert_eq!(!found.is_empty(), is_found, "{title}: {found:?}");
        assert_eq!(redactor().metadata_findings(&json!({ "title": title })).is_empty(), !is_found, "{title}");
        redactor().header(&mut header, &mut Summary::default());
        assert_eq!(header.context.title == title, !is_found, "{title}: {}", header.context.title);
        assert!(header.context.title.ends_with('…') && !header.context.title.contains(&token[4..12]));
        assert_eq!(redactor().header_findings(&header), [], "{title}: {}", header.context.title);
    }
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

/// An event of a call, with its text.
fn of_call(kind: EventType, call: &str, text: &str) -> Event {
    let id = format!("{call}-{}", text.len());
    Event::new(id, Timestamp::EPOCH, kind).with(attribute::CALL_ID, call).with_content(Content::text(text))
}

/// What is left of a text that is the result of a call, and of the same as the result of another.
fn result_of(call: EventType, text: &str) -> String {
    let result = |call: &str| {
        let kind = EventType::ToolResult { name: "Read".to_owned(), is_error: false, call_id: Some(call.to_owned()) };
        of_call(kind, call, text)
    };
    let session = session(vec![of_call(call, "call_1", "reading"), result("call_1"), result("call_2")]);
    let redacted = redactor().session(session).expect("memory").expect("events");
    String::from_utf8(redacted.value().to_bytes().expect("memory")).expect("UTF-8")
}

fn run(command: &str) -> EventType {
    EventType::ShellCommand { command: command.to_owned(), exit_code: None }
}

#[test]
fn a_file_of_credentials_that_an_agent_reads_has_no_value_left() {
    let file = "     1→PORT=3000\n     2→NAME=\"a plain word\"\n     3→# note\n";
    let read = |path: &str| EventType::FileRead { path: path.to_owned() };
    for (kind, is_hidden) in [
        (read("app/.env"), true),
        (read("C:\\app\\.npmrc"), true),
        (run("cat ~/.aws/credentials"), true),
        (run("grep -v '^#\\|^$' app/.env"), true),
        (run("docker exec web cat /app/.env"), true),
        (run("git show HEAD:.env"), true),
        (read("src/.env.example"), false),
        (run("source .env && npm test"), false),
    ] {
        let text = result_of(kind.clone(), file);
        let left = if is_hidden { 1 } else { 2 };
        assert_eq!(text.matches("3000").count(), left, "{kind:?}: {text}");
        assert_eq!(text.matches("a plain word").count(), left, "{kind:?}: {text}");
        assert_eq!(text.matches("# note").count(), 2, "{kind:?}: {text}");
        let again = redactor().event_findings(&of_call(kind, "call_1", "reading"));
        assert_eq!(again, [], "what reads is no secret");
    }
}

#[test]
fn of_what_a_command_says_of_the_environment_only_what_tells_nothing_is_left() {
    let list = "PORT=3000\nMODE=production\nPATH=/usr/bin:/bin\nOPENER=h7x!kQ2z\nAPI_URL=https://api.example.org/v2\n";
    for (command, is_hidden) in [
        ("printenv", true),
        ("kubectl exec web-1 -- env | sort", true),
        ("cat list.txt", false),
        ("env CI=1 make", false),
    ] {
        let text = result_of(run(command), list);
        assert_eq!(text.matches("h7x!kQ2z").count(), if is_hidden { 1 } else { 2 }, "{command}: {text}");
        for harmless in ["3000", "production", "/usr/bin:/bin", "https://api.example.org/v2"] {
            assert_eq!(text.matches(harmless).count(), 2, "{command}: {text}");
        }
    }
}

/// What becomes of the address of a picture.
fn inline(url: &str) -> String {
    let blocks = vec![Block::Image { url: url.to_owned(), alt: None, mime: "image/png".to_owned() }];
    let mut event = Event::new("1", Timestamp::EPOCH, EventType::UserMessage).with_content(Content { blocks });
    let found = redactor().event_findings(&event);
    redactor().event(&mut event, &mut Summary::default());
    assert_eq!(redactor().event_findings(&event), [], "{url}");
    let [Block::Image { url: new, .. }] = event.content.blocks.as_slice() else { panic!("{event:?}") };
    assert_eq!(found.is_empty(), new == url, "{url} became {new}: {found:?}");
    new.clone()
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes)
}

/// A text in lines of so many letters.
fn wrapped(text: &str, length: usize) -> String {
    text.as_bytes().chunks(length).map(|line| format!("{}\n", String::from_utf8_lossy(line))).collect()
}

#[test]
fn inline_pictures_stay_and_nothing_else_that_calls_itself_one() {
    let token = token();
    let picture = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\x02\0\0\0".to_vec();
    let text_in = |text: &str| [&picture[..], b"\0\0\0\x31tEXtComment\0", text.as_bytes(), b"\0\0\0\0IEND"].concat();
    for clean in [picture.clone(), text_in("Made with a camera, 4000 x 3000"), b"RIFF\x10\0\0\0WEBPVP8 \x02".to_vec()] {
        let url = format!("data:image/png;base64,{}", base64(clean));
        assert_eq!(inline(&url), url);
    }
    let dotenv = format!("# mine\nGITHUB_TOKEN={token}\nDB_PASSWORD=hunter2!xY9\n");
    for url in [
        format!("data:image/png;base64,{}", base64(text_in(&token))),
        format!("data:image/png;base64,{}", base64(&dotenv)),
        format!("data:text/plain;base64,{}", base64(&dotenv)),
        format!("data:;base64,{}", base64(&dotenv)),
        format!("DATA:TEXT/PLAIN;base64,{}", base64(&dotenv).trim_end_matches('=')),
        format!("data:image/svg+xml;base64,{}", base64(format!("<svg><!-- {token} --></svg>"))),
        format!("data:application/octet-stream;base64,{}", base64([b"\0\x01\x02", dotenv.as_bytes()].concat())),
        format!("data:application/zip;base64,{}", base64(b"PK\x03\x04\0\0\xff\xfe")),
        format!("data:;base64,AAAA,{token}"),
        format!("data:image/png;base64,iVBORw0KGgo/{token}"),
        format!("data:text/plain,{token}"),
        format!(
            "data:text/plain;base64,{}",
            base64(dotenv.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>())
        ),
        format!("data:text/plain;base64,{}", wrapped(&base64(&dotenv), 40)),
        format!("see data:text/plain;base64,{} here", base64(&dotenv)),
        format!("data:text/plain;base64,{}", base64(format!("data:text/plain;base64,{}", base64(&dotenv)))),
    ] {
        let new = inline(&url);
        assert_ne!(new, url);
        assert!(!new.contains(&token[4..]), "{new}");
        let content = new.split("base64,").last().unwrap_or_default().trim_end_matches(" here");
        let decoded = super::inline::decode(content).and_then(|bytes| super::inline::text_of(&bytes));
        let decoded = decoded.unwrap_or_default();
        assert!(!decoded.contains(&token[4..]) && !decoded.contains("hunter2"), "{url}: {decoded}");
    }
}

#[test]
fn what_an_object_has_in_base64_is_looked_at() {
    let dotenv = base64(format!("GITHUB_TOKEN={}\n", token()));
    for data in [
        json!({ "inlineData": { "mimeType": "text/plain", "data": dotenv } }),
        json!({ "type": "document", "source": { "type": "base64", "media_type": "application/x-env", "data": dotenv } }),
        json!({ "uri": "file:///x", "mimeType": "text/plain", "blob": dotenv }),
        json!({ "media_type": "application/pdf", "data": base64(b"%PDF-1.7\n\xe2\xe3\0 and what nobody can read") }),
    ] {
        let mut event =
            Event::new("1", Timestamp::EPOCH, EventType::AgentMessage).with_content(Content::json(data.clone()));
        redactor().event(&mut event, &mut Summary::default());
        let [Block::Json { data: new }] = event.content.blocks.as_slice() else { panic!("{event:?}") };
        assert_ne!(*new, data);
        assert!(!new.to_string().contains(&dotenv[20..]), "{new}");
        assert_eq!(redactor().event_findings(&event), []);
    }
}

/// The ways in which a token may stand in a text and still be read as one.
fn disguises(token: &str) -> Vec<String> {
    let between = |gap: &str| token.chars().map(|letter| format!("{letter}{gap}")).collect::<String>();
    let each = |write: &dyn Fn(u32) -> String| token.chars().map(|letter| write(u32::from(letter))).collect::<String>();
    let in_the_middle = |gap: &str| format!("{}{gap}{}", &token[..17], &token[17..]);
    let gaps = [
        "\u{200b}",
        "\u{ad}",
        "\u{feff}",
        "\u{2060}",
        "\u{fe0f}",
        "\u{34f}",
        "\u{200d}",
        "\u{e0041}",
        "\0",
        "\u{1b}[0m",
    ];
    let lines = [
        "\\\n",
        "=\n",
        "=\r\n",
        "\u{1b}[1;31m",
        "\u{1b}]8;;x\u{7}",
        "\\u200b",
        "&shy;",
        "&#8203;",
        "\\x1b[0m",
        "\\e[K",
        "\u{9b}1m",
    ];
    let mut found: Vec<String> = gaps.into_iter().map(between).collect();
    found.extend(gaps.into_iter().chain(lines).map(in_the_middle));
    found.extend([
        each(&|code| format!("&#{code};")),
        each(&|code| format!("&#x{code:X};")),
        each(&|code| format!("%{code:02X}")),
        each(&|code| format!("%25{code:02x}")),
        each(&|code| format!("\\x{code:02x}")),
        each(&|code| format!("\\u{code:04x}")),
        each(&|code| format!("\\u{{{code:x}}}")),
        each(&|code| format!("\\\\u{code:04X}")),
        each(&|code| format!("\\{code:03o}")),
        each(&|code| format!("={code:02X}")),
        each(&|code| char::from_u32(code + 0xfee0).expect("a wide letter").to_string()),
        token.replace('_', "%5F"),
        token.replace('_', "&lowbar;"),
        base64(token),
        base64(token).trim_end_matches('=').to_owned(),
        base64(format!("token is {token}, keep it")),
        base64(base64(token)),
        base64(token.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>()),
        wrapped(&base64(format!("{0}\n{token}\n{0}", "A line that says nothing at all.")), 64),
        each(&|code| format!("{code:02x}")),
    ]);
    found
}

#[test]
fn a_token_in_disguise_is_found_and_its_placeholder_is_the_same() {
    let token = token();
    let placeholder = redacted(&token);
    for disguise in disguises(&token) {
        for text in [
            disguise.clone(),
            format!("It is {disguise} and nothing else."),
            format!("{}\n{disguise}\n{}", "é line\n".repeat(900), "more 100% é\n".repeat(900)),
        ] {
            let found = redactor().findings(&text);
            assert_eq!(found.len(), 1, "{disguise:?}: {found:?}");
            let new = redacted(&text);
            assert!(new.contains("[REDACTED:github:"), "{disguise:?}: {new}");
            assert_eq!(redacted(&new), new, "{disguise:?}");
            assert!(super::view::read(&new).is_none_or(|read| !read.contains(&token[8..16])), "{disguise:?}: {new}");
            let is_encoded = !super::encoded::all(&disguise, |_| ()).is_empty();
            assert!(is_encoded || new.contains(&placeholder), "{disguise:?}: {new}");
        }
    }
}

#[test]
fn what_is_coloured_or_escaped_and_no_secret_stays() {
    for text in [
        "\u{1b}[32m✓\u{1b}[0m 12 tests passed in 3f786850e387550fdab836ed7e6dc881de23001b",
        "https://example.org/?q=a%20b%2Fc&sha=3f786850e387550fdab836ed7e6dc881de23001b",
        "C:\\Users\\x\\new\\table and \\u00e9\\n &amp; &lt;b&gt; 👩‍👩‍👧 ❤\u{fe0f}",
        "data 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        &base64("The quick brown fox jumps over the lazy dog, again and again."),
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
    ] {
        assert_eq!(redacted(text).replace("\\x", ""), text.replace("C:\\Users\\x\\new", "~\\new").replace("\\x", ""));
    }
}

#[test]
fn a_private_key_that_a_tool_lists_is_hidden_whole() {
    let body = ["575YX8XM5mSLFy5UBIHEYeD7p4Zdl/AK6j0KgodkDINzNlxICAbaG8wy1JZirLnq"; 30];
    let mut lines = vec!["-----BEGIN RSA PRIVATE KEY-----"];
    lines.extend(body);
    lines.push("-----END RSA PRIVATE KEY-----");
    for (before, behind) in
        [("     1→", ""), ("│ 1 │ ", " │"), ("\u{1b}[32m+", "\u{1b}[0m"), ("a_b.pem:1:", ""), ("\u{200b}", "")]
    {
        let listing: String = lines.iter().map(|line| format!("{before}{line}{behind}\n")).collect();
        let text = redacted(&format!("Here:\n{listing}\nDone, and nothing was wrong.\n"));
        assert!(!text.contains("575YX8") && !text.contains("RSA") && text.contains("Done, and"), "{before:?}: {text}");
        assert_eq!(redacted(&text), text);
    }
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
        "\u{200b}",
        "\u{1b}[31m",
        "\0",
        "&#103;",
        "%67",
        "\\x68",
        "=\n",
        "Z2hwX2szWHo4UXBMNW1OYjJWY1I3dFl3OUpoR2Y0RHNBNmVVMWlPMA==",
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
