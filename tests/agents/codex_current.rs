//! Codex CLI as it writes since 0.13x: code mode, reports of whole items, forks, segments, compressed logs.

use std::{
    fs,
    path::{Path, PathBuf},
};

use git_session::{
    agents::{Log, LogFile, Parsed, Scope, by_name, parse_session},
    environment::Environment,
    hail::{Event, EventType, Session, attribute},
};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};

use super::fixtures::{agent, fixture, of_call, parsed};

const OWN: &str = "01a10000-0000-7000-8000-00000000bbbb";
const PARENT: &str = "01a00000-0000-7000-8000-00000000aaaa";
/// The time in [`OWN`].
const BORN: i64 = 0x01a1_0000_0000;

fn session(name: &str) -> Session {
    parsed("codex", &fixture("codex", name)).session
}

fn read(text: &str) -> Parsed {
    parse_session(agent("codex"), &mut Log::new(text.as_bytes(), None)).expect("a log of Codex")
}

fn commands(session: &Session) -> Vec<(&str, Option<i32>)> {
    let command = |event: &'_ Event| match &event.event_type {
        EventType::ShellCommand { command, exit_code } => Some((command.clone(), *exit_code)),
        _ => None,
    };
    let found: Vec<_> = session.events.iter().filter_map(command).collect();
    found.into_iter().map(|(command, code)| (&*command.leak(), code)).collect()
}

fn changed(session: &Session) -> Vec<&str> {
    session.events.iter().filter_map(|event| event.event_type.changed_path()).collect()
}

fn prompts(session: &Session) -> Vec<String> {
    let is_prompt = |event: &&Event| event.event_type == EventType::UserMessage;
    session.events.iter().filter(is_prompt).map(|event| event.content.to_text()).collect()
}

fn sum(session: &Session, key: &str) -> u64 {
    session.events.iter().map(|event| event.count(key)).sum()
}

/// A log: one record each half a second, from `start` on.
fn log(start: i64, step: i64, records: &[(&str, Value)]) -> String {
    let line = |(number, (kind, payload)): (i64, &(&str, Value))| {
        let time = git_session::hail::Timestamp::from_millis(start + number * step).expect("a time");
        format!("{}\n", json!({"timestamp": time, "type": kind, "payload": payload}))
    };
    (0..).zip(records).map(line).collect()
}

fn user(text: &str) -> (&'static str, Value) {
    ("response_item", json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}))
}

fn says(text: &str) -> (&'static str, Value) {
    (
        "response_item",
        json!({"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}),
    )
}

fn turn(id: &str) -> (&'static str, Value) {
    ("turn_context", json!({"turn_id": id, "cwd": "/home/ann/kite", "model": "gpt-6-astra"}))
}

fn starts(id: &str) -> (&'static str, Value) {
    ("event_msg", json!({"type": "task_started", "turn_id": id}))
}

fn ends(id: &str) -> (&'static str, Value) {
    ("event_msg", json!({"type": "task_complete", "turn_id": id}))
}

fn tokens(total: [u64; 2], last: [u64; 2]) -> (&'static str, Value) {
    let usage = |[input, output]: [u64; 2]| json!({"input_tokens": input, "output_tokens": output});
    let info = json!({"total_token_usage": usage(total), "last_token_usage": usage(last)});
    ("event_msg", json!({"type": "token_count", "info": info}))
}

/// The time of [`BORN`] and so many milliseconds, as a log writes it.
fn after_birth(millis: i64) -> String {
    git_session::hail::Timestamp::from_millis(BORN + millis).expect("a time").to_string()
}

fn meta(id: &str, more: &Value) -> (&'static str, Value) {
    let mut meta = json!({"id": id, "timestamp": after_birth(0), "cwd": "/home/ann/kite", "cli_version": "0.157.0"});
    meta.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    ("session_meta", meta)
}

fn spawned() -> Value {
    json!({"forked_from_id": PARENT, "thread_source": "subagent",
           "source": {"subagent": {"thread_spawn": {"parent_thread_id": PARENT, "depth": 1}}}})
}

/// What a parent said before the fork, as turns of the ids that are given.
fn history(turns: [&str; 2], has_tasks: bool) -> Vec<(&'static str, Value)> {
    let mut records = vec![("session_meta", json!({"id": PARENT, "timestamp": after_birth(-900_000), "cwd": "/p"}))];
    for (number, id) in (1..).zip(turns) {
        if has_tasks {
            records.push(starts(id));
        }
        records.extend([turn(id), user(&format!("Parent asks {number}")), says("Parent answers")]);
        records.push(tokens([1000 * number, 100 * number], [1000, 100]));
        if has_tasks && number == 1 {
            records.push(ends(id));
        }
    }
    records
}

/// What the child says, whose counts go on from the parent's.
fn own(id: &str) -> Vec<(&'static str, Value)> {
    let last = tokens([2300, 230], [300, 30]);
    vec![starts(id), turn(id), user("Child asks"), says("Child answers"), last, ends(id)]
}

fn is_own_only(name: &str, log: &str) {
    let session = read(log).session;
    assert_eq!(prompts(&session), ["Child asks"], "{name}");
    assert_eq!(session.header.context.title, "Child asks", "{name}");
    assert_eq!((sum(&session, attribute::INPUT_TOKENS), sum(&session, attribute::OUTPUT_TOKENS)), (300, 30), "{name}");
    assert_eq!(session.header.session_id.as_str(), OWN, "{name}");
    assert_eq!(session.header.context.related_session_ids, [PARENT], "{name}");
    assert_eq!(session.header.cwd(), Some("/home/ann/kite"), "{name}");
}

#[test]
fn a_fork_counts_its_own_turns_only_however_it_copies_its_parent() {
    let old = ["019f0000-0000-7000-8000-000000000001", "019f0001-0000-7000-8000-000000000001"];
    let new = "01a10000-0001-7000-8000-000000000001";
    for marks in
        [spawned(), json!({"forked_from_id": PARENT}), json!({"parent_thread_id": PARENT, "session_id": PARENT})]
    {
        let fork = |history: Vec<(&'static str, Value)>, own: Vec<(&'static str, Value)>| {
            [vec![meta(OWN, &marks)], history, own].concat()
        };
        let plain = fork(history(["t0", "t1"], false), own("t9"));
        let tasks = fork(history(["t0", "t1"], true), own("t9"));
        let timed = fork(history(old, true), own(new));
        let again = fork(history(["t0", "t1"], true), [vec![meta(OWN, &json!({}))], own("t9")].concat());
        is_own_only("one burst", &log(BORN, 10, &plain));
        is_own_only("one burst, with tasks", &log(BORN, 10, &tasks));
        is_own_only("ids with a time", &log(BORN, 10, &timed));
        is_own_only("ids with a time, slowly", &log(BORN, 3000, &timed));
        is_own_only("its own meta record once more", &log(BORN, 10, &again));
        let (copied, rest) = tasks.split_at(tasks.len() - own("t9").len());
        is_own_only("a pause after the burst", &(log(BORN, 10, copied) + &log(BORN + 60_000, 1500, &rest[1..])));
        let old_times = log(BORN, 1, &copied[..1]) + &log(BORN - 800_000, 5000, &copied[1..]);
        is_own_only("copies with their times", &(old_times + &log(BORN + 500, 10, rest)));
    }
}

#[test]
fn a_fork_goes_on_from_the_ordinal_that_it_names() {
    let mut marks = spawned();
    marks["subagent_history_start_ordinal"] = json!(9);
    let records = [vec![meta(OWN, &marks)], history(["t0", "t1"], false)[1..].to_vec(), own("t9")].concat();
    let lines: Vec<String> = (0..)
        .zip(log(BORN, 10, &records).lines())
        .map(|(number, line)| line.replacen('{', &format!("{{\"ordinal\":{number},"), 1) + "\n")
        .collect();
    assert_eq!(records[9].1["type"], "task_started");
    is_own_only("an ordinal", &lines.concat());
}

#[test]
fn a_spawned_thread_that_copies_nothing_loses_nothing() {
    for first in [vec![starts("t1"), turn("t1")], vec![turn("t1")], vec![]] {
        let records = [vec![meta(OWN, &spawned())], first, own("t9")[2..].to_vec()].concat();
        is_own_only("no copies", &log(BORN, 10, &records));
    }
    let empty = [vec![meta(OWN, &spawned())], history(["t0", "t1"], false)].concat();
    let session = read(&log(BORN, 10, &empty)).session;
    assert_eq!((prompts(&session).len(), session.stats.total_input_tokens), (0, 0));
    assert_eq!(session.header.attribute(attribute::PARENT_SESSION_ID), Some(PARENT));
}

#[test]
fn commands_and_patches_in_a_script_are_events_of_their_own() {
    let session = session("code-mode-0.144.jsonl");
    let expected = [("make kite", Some(2)), ("wc -l \"kite.txt\"", Some(0)), ("ls", None), ("./fly", Some(5))];
    assert_eq!(commands(&session), expected);
    let files = ["kite.txt", "tail.txt", "/home/ann/kite/blue.txt", "/home/ann/kite/red.txt"];
    assert_eq!(changed(&session), files, "a patch that failed or was caught changes nothing");
    let EventType::FileEdit { diff: Some(diff), .. } = &of_call(&session, "exec-x1")[1].event_type else { panic!() };
    assert!(diff.contains("@@ -7 +7 @@\n-short\n+long\n"), "{diff}");
    let scripts = session
        .events
        .iter()
        .filter(|event| matches!(&event.event_type, EventType::ToolCall { name } if name == "exec"));
    let scripts: Vec<String> = scripts.map(|event| event.content.to_text()).collect();
    assert_eq!(scripts.len(), 1, "{scripts:?}");
    assert!(scripts[0].contains("patch_of(colour)"), "what only running it tells stays as it is");
    assert!(
        matches!(of_call(&session, "exec-x8")[0].event_type, EventType::ToolCall { ref name } if name == "mcp__wiki__lookup")
    );
}

#[test]
fn reports_of_items_go_to_their_calls_and_are_never_told_twice() {
    let session = session("items-0.157.jsonl");
    let expected = [("fold paper", Some(3)), ("crease left", Some(0)), ("crease right", Some(1)), ("date", Some(0))];
    assert_eq!(commands(&session), expected);
    assert_eq!(changed(&session), ["paper.txt"]);
    assert_eq!(prompts(&session), ["Fold the paper"]);
    assert_eq!(of_call(&session, "ce1")[1].content.to_text(), "no paper\n");
    assert!(matches!(of_call(&session, "mc1")[1].event_type, EventType::ToolResult { is_error: true, .. }));
    let said = session.events.iter().filter(|event| event.event_type == EventType::AgentMessage).count();
    let thought = session.events.iter().filter(|event| event.event_type == EventType::Thinking).count();
    assert_eq!((said, thought), (1, 1));
    let kinds: Vec<&str> = session
        .events
        .iter()
        .filter_map(|event| match &event.event_type {
            EventType::Custom { kind } => kind.strip_prefix("item_completed"),
            _ => None,
        })
        .collect();
    assert_eq!(kinds, ["/Plan", "/ContextCompaction", "/SomethingNew"]);
    let keys = [attribute::INPUT_TOKENS, attribute::CACHE_READ_TOKENS, attribute::CACHE_WRITE_TOKENS];
    assert_eq!(keys.map(|key| sum(&session, key)), [7800, 1500, 7700]);
}

#[test]
fn a_script_is_settled_by_what_it_returns_where_nothing_is_reported() {
    let exec = |id: &str, script: &str| {
        ("response_item", json!({"type": "custom_tool_call", "call_id": id, "name": "exec", "input": script}))
    };
    let returns = |id: &str, text: &str| {
        ("response_item", json!({"type": "custom_tool_call_output", "call_id": id, "output": text}))
    };
    let patch = "await tools.apply_patch(`*** Begin Patch\n*** Add File: a.txt\n+a\n*** End Patch`)";
    for (script, output, files, codes) in [
        (patch, "Script completed\nWall time 0.1 seconds\nOutput:\n", vec!["a.txt"], vec![]),
        (patch, "Script failed\nWall time 0.1 seconds\nOutput:\nno", vec![], vec![]),
        (
            "text(await tools.shell_command({command: 'x'}))",
            "Script completed\nOutput:\nExit code: 4\nWall time: 1 seconds\nOutput:\n",
            vec![],
            vec![Some(4)],
        ),
        (
            "const r = await tools.exec_command({cmd: 'x'}); text(r.output)",
            "Script completed\nOutput:\nx",
            vec![],
            vec![None],
        ),
    ] {
        let session = read(&log(BORN, 500, &[meta(OWN, &json!({})), exec("c", script), returns("c", output)])).session;
        assert_eq!(changed(&session), files, "{script} {output}");
        let found: Vec<Option<i32>> = commands(&session).into_iter().map(|(_, code)| code).collect();
        assert_eq!(found, codes, "{script} {output}");
    }
}

#[test]
fn the_task_of_a_spawned_agent_is_no_prompt_but_its_title() {
    let message = |text: &str| {
        let content =
            json!([{"type": "input_text", "text": text}, {"type": "encrypted_content", "encrypted_content": "Z"}]);
        ("response_item", json!({"type": "agent_message", "author": "lead", "recipient": "lead/p", "content": content}))
    };
    for (text, title) in [
        ("Message Type: TASK\nTask name: lead/p\nSender: lead\nPayload:\nAnswer with ping.", "Answer with ping."),
        ("Answer with ping.", "Answer with ping."),
        ("Message Type: RESULT\nSender: lead\nPayload:\nDone.", ""),
    ] {
        let session = read(&log(BORN, 500, &[meta(OWN, &spawned()), turn("t1"), message(text), says("ping")])).session;
        assert_eq!(session.header.context.title, title);
        assert!(prompts(&session).is_empty());
        let is_message =
            |event: &&Event| event.event_type == EventType::SystemMessage && event.content.to_text() == text;
        assert_eq!(session.events.iter().filter(is_message).count(), 1, "{text}");
    }
}

#[test]
fn the_head_of_an_output_may_begin_with_the_command() {
    for (command, code, output) in [
        ("/bin/bash -lc make", 2, "no rule\n"),
        ("/bin/bash -lc 'multi\nline\n\nExit code: 9\nof it'", 0, "Process exited with code 7\n"),
        ("/bin/bash -lc 'many\n\n\n\n\n\n\n\n\n\n\n\nlines'", 1, ""),
    ] {
        let head = format!(
            "Command: {command}\nChunk ID: 4c\nWall time: 0.07 seconds\nProcess exited with code {code}\nOriginal token count: 4\nOutput:\n{output}"
        );
        let call = json!({"type": "function_call", "name": "exec_command", "arguments": "{\"cmd\": \"make\"}", "call_id": "c"});
        let result = json!({"type": "function_call_output", "call_id": "c", "output": head});
        let session =
            read(&log(BORN, 500, &[meta(OWN, &json!({})), ("response_item", call), ("response_item", result)])).session;
        assert_eq!(commands(&session), [("make", Some(code))], "{command}");
        let EventType::ToolResult { is_error, .. } = of_call(&session, "c")[1].event_type else { panic!() };
        assert_eq!(is_error, code != 0, "{command}");
    }
}

#[test]
fn a_printed_stream_is_read() {
    let session = session("printed/exec.jsonl");
    assert_eq!(session.header.session_id.as_str(), "00000000-0000-4000-8000-000000000031");
    assert_eq!(commands(&session), [("ls -la", Some(2))]);
    assert_eq!(changed(&session), ["/home/ann/kite/kite.txt", "/home/ann/kite/tail.txt", "/home/ann/kite/rope.txt"]);
    assert_eq!((sum(&session, attribute::INPUT_TOKENS), sum(&session, attribute::OUTPUT_TOKENS)), (8, 3));
    assert_eq!(sum(&session, attribute::CACHE_READ_TOKENS), 2);
    assert_eq!(session.stats.tool_call_count, 5);
    let is_kept = |event: &&Event| matches!(&event.event_type, EventType::Custom { kind } if kind.starts_with("item"));
    assert_eq!(session.events.iter().filter(is_kept).count(), 0);
}

/// A home of the agent with files in it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn write(&self, path: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, bytes).expect("a file");
        path
    }

    fn logs(&self) -> Vec<LogFile> {
        let environment: Environment = [("CODEX_HOME", self.0.path().as_os_str())].into_iter().collect();
        agent("codex").logs(&environment, &Scope::default())
    }
}

fn parse_log(log: &LogFile) -> Session {
    let mut input = Log::open(&log.path).expect("it can be opened");
    input.part = log.part.as_deref();
    parse_session(by_name("codex").expect("known"), &mut input).expect("a log of Codex").session
}

#[test]
fn a_compressed_log_is_found_and_read_like_any_other() {
    let home = Home::new();
    let text = log(BORN, 500, &[meta(OWN, &json!({})), turn("t1"), user("Name a colour"), says("Red.")]);
    let compressed = compress_to_vec(text.as_bytes(), CompressionLevel::Fastest);
    let name = format!("rollout-2026-10-05T08-00-00-{OWN}.jsonl.zst");
    let path = home.write(&format!("sessions/2026/10/05/{name}"), &compressed);
    home.write("archived_sessions/rollout-b.jsonl", text.as_bytes());
    home.write("archived_sessions/rollout-b.jsonl.zst", &compressed);
    let paths: Vec<PathBuf> = home.logs().into_iter().map(|log| log.path).collect();
    assert_eq!(paths, [home.0.path().join("archived_sessions/rollout-b.jsonl"), path.clone()]);
    assert!(!agent("codex").is_appended(&path));
    let session = parsed("codex", &path).session;
    assert_eq!((session.header.session_id.as_str(), prompts(&session)), (OWN, vec!["Name a colour".to_owned()]));
    let nameless = log(BORN, 500, &[turn("t1"), says("Red.")]);
    fs::write(&path, compress_to_vec(nameless.as_bytes(), CompressionLevel::Fastest)).expect("a file");
    assert_eq!(parsed("codex", &path).session.header.session_id.as_str(), OWN, "the name of the file has the id");
}

/// The files of a thread that was resumed twice: the second repeats a record of the first.
fn segmented(home: &Home) -> Vec<PathBuf> {
    let numbered = |first: usize, records: &[(&str, Value)], start: i64| -> String {
        let line = |(number, line): (usize, &str)| line.replacen('{', &format!("{{\"ordinal\":{number},"), 1) + "\n";
        (first..).zip(log(start, 500, records).lines()).map(line).collect()
    };
    let base = |end: usize| json!({"history_mode": "paginated", "history_base": {"thread_id": OWN, "end_ordinal_exclusive": end}});
    let first = [
        meta(OWN, &json!({"history_mode": "paginated"})),
        turn("t1"),
        user("One"),
        says("1"),
        tokens([100, 10], [100, 10]),
    ];
    let second =
        [tokens([100, 10], [100, 10]), meta(OWN, &base(5)), user("Two"), says("2"), tokens([300, 30], [200, 20])];
    let third = [meta(OWN, &base(9)), user("Three"), says("3"), tokens([600, 60], [300, 30])];
    let name =
        |day: u8, segment: &str| format!("sessions/2026/10/0{day}/rollout-2026-10-0{day}T08-00-00-{OWN}{segment}");
    vec![
        home.write(&(name(5, "") + ".jsonl"), numbered(0, &first, BORN).as_bytes()),
        home.write(
            &(name(6, "_01a10000-0000-7000-8000-000000000002") + ".jsonl.zst"),
            &compress_to_vec(numbered(4, &second, BORN + 9000).as_bytes(), CompressionLevel::Fastest),
        ),
        home.write(
            &(name(7, "_01a10000-0000-7000-8000-000000000003") + ".jsonl"),
            numbered(9, &third, BORN + 18_000).trim_end().as_bytes(),
        ),
    ]
}

#[test]
fn a_thread_in_several_files_is_one_session_in_order_and_counted_once() {
    let home = Home::new();
    let paths = segmented(&home);
    home.write("sessions/2026/10/05/rollout-other.jsonl", b"{}\n");
    let logs = agent("codex").join(home.logs());
    let names: Vec<(&Path, Option<&str>)> = logs.iter().map(|log| (log.path.as_path(), log.part.as_deref())).collect();
    assert!(names.contains(&(&paths[0], Some(OWN))), "{names:?}");
    assert_eq!(logs.len(), 2, "{names:?}");
    let whole = logs.iter().find(|log| log.part.is_some()).expect("it is there");
    let session = parse_log(whole);
    assert_eq!(prompts(&session), ["One", "Two", "Three"]);
    assert_eq!((sum(&session, attribute::INPUT_TOKENS), sum(&session, attribute::OUTPUT_TOKENS)), (600, 60));
    assert_eq!(session.header.session_id.as_str(), OWN);
    assert!(session.header.context.related_session_ids.is_empty());
    for path in &paths {
        let log = agent("codex").whole(LogFile::at(path.clone()).expect("a file"));
        assert_eq!((&log.path, log.part.as_deref()), (&paths[0], Some(OWN)), "any of its files stands for the thread");
        assert_eq!(log.modified, whole.modified);
    }
}
