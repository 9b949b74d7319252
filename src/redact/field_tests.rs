//! What is redacted of which field of a session, and what a call that reads says of its result.

use serde_json::json;

use super::{redacted, redactor, session, token};
use crate::{
    hail::{Block, Content, Event, EventType, Header, Session, Stats, Timestamp, attribute},
    redact::Summary,
};

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
