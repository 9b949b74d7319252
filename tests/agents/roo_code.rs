//! Roo Code and Kilo Code: Cline's files, in folders and with marks of their own.

use std::{fs, path::Path};

use git_session::{
    agents::{Sample, Scope, detect},
    hail::{EventType, attribute},
};

use super::{
    fixtures::of_call,
    plain::{changes, event, exit_codes, fixture, found, parse_file, texts, tokens},
};

const ROO_TASK: &str = "rooveterinaryinc.roo-cline/tasks/0199aaaa-0000-7000-8000-000000000002";
const KILO_TASK: &str = "kilocode.kilo-code/tasks/0199bbbb-0000-7000-8000-000000000001";
const HISTORY: &str = "api_conversation_history.json";

fn name_of(path: &Path) -> &'static str {
    detect(&Sample::of(path).expect("readable")).unwrap_or_else(|fault| panic!("{}: {fault}", path.display())).name()
}

#[test]
fn a_task_gives_edits_codes_tokens_and_who_gave_it() {
    let parsed = parse_file("roo-code", &fixture("roo-code", &format!("{ROO_TASK}/{HISTORY}")));
    let header = &parsed.session.header;
    assert_eq!((header.session_id.as_str(), header.cwd()), (&ROO_TASK[33..], Some("/home/ann/kite")));
    assert_eq!((header.agent.tool.as_str(), header.agent.model.as_str()), ("roo-code", "glider-4"));
    assert_eq!((header.context.title.as_str(), header.role()), ("A short tail", "auxiliary"));
    assert_eq!(header.attribute(attribute::PARENT_SESSION_ID), Some("0199aaaa-0000-7000-8000-000000000001"));
    assert_eq!(header.context.related_session_ids.len(), 2, "the parent and the child");
    assert_eq!(changes(&parsed), ["~tail.py"], "what was denied changed nothing");
    let EventType::FileEdit { diff: Some(diff), .. } = &event(&parsed, "message-2-2").event_type else { panic!() };
    assert!(diff.ends_with("-LENGTH = 9\n+LENGTH = 3\n"), "{diff}");
    assert_eq!(exit_codes(&parsed), [Some(1)]);
    assert_eq!(tokens(&parsed), [157, 27, 40, 0, 0]);
    assert_eq!(event(&parsed, "message-2-0").attributes[attribute::MODEL], "glider-3");
}

#[test]
fn the_words_of_another_task_and_a_summary_are_no_prompts() {
    let parsed = parse_file("roo-code", &fixture("roo-code", &format!("{ROO_TASK}/{HISTORY}")));
    assert_eq!(texts(&parsed, &EventType::UserMessage), [""; 0]);
    assert_eq!(event(&parsed, "message-0").attributes["source.injected"], "subagent");
    assert_eq!(event(&parsed, "message-6").attributes["source.injected"], "compact_summary");
    assert_eq!(texts(&parsed, &EventType::Thinking), ["The tail is too long.", "Done?"]);
    let reads = of_call(&parsed.session, "call_read");
    assert_eq!(reads.len(), 3, "two files and one result");
    let given = of_call(&parsed.session, "call_new")[0];
    assert_eq!(given.event_type, EventType::TaskStart { title: Some("Say what a tail is for".to_owned()) });
}

#[test]
fn a_versioned_conversation_is_read_like_the_others() {
    let parsed = parse_file("roo-code", &fixture("roo-code", "versioned.json"));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Which way does the wind blow?"]);
    assert_eq!(texts(&parsed, &EventType::Thinking), ["Ask the vane."]);
    let events = of_call(&parsed.session, "v1");
    assert!(matches!(events[0].event_type, EventType::ShellCommand { .. }));
    assert!(matches!(events[1].event_type, EventType::ToolResult { is_error: true, .. }));
}

#[test]
fn kilo_codes_calls_are_tags_and_its_model_is_told() {
    let parsed = parse_file("kilo-code", &fixture("kilo-code", &format!("{KILO_TASK}/{HISTORY}")));
    let header = &parsed.session.header;
    assert_eq!((header.agent.tool.as_str(), header.agent.model.as_str()), ("kilo-code", "z-ai/glm-9:free"));
    assert_eq!((header.session_id.as_str(), header.cwd()), (&KILO_TASK[25..], Some("/home/ann/kite")));
    assert_eq!(texts(&parsed, &EventType::UserMessage), ["Name the kite"]);
    assert_eq!(changes(&parsed), ["~kite.py"]);
    let reads = of_call(&parsed.session, "message-1-0.1");
    let read = |n: usize| reads[n].event_type.clone();
    let of = |path: &str| EventType::FileRead { path: path.to_owned() };
    assert_eq!((read(0), read(1)), (of("kite.py"), of("name.txt")));
    assert_eq!(tokens(&parsed), [65, 10, 0, 0, 0]);
}

#[test]
fn what_a_fork_marks_is_its_own_wherever_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    for (from, name) in [
        (fixture("roo-code", &format!("{ROO_TASK}/{HISTORY}")), "roo-code"),
        (fixture("roo-code", &format!("{ROO_TASK}/ui_messages.json")), "roo-code"),
        (fixture("kilo-code", &format!("{KILO_TASK}/ui_messages.json")), "kilo-code"),
        // Its conversation says no more than that of what it was made of.
        (fixture("kilo-code", &format!("{KILO_TASK}/{HISTORY}")), "roo-code"),
        (fixture("cline", "native-calls.json"), "cline"),
    ] {
        let bare = folder.path().join("bare.json");
        fs::copy(&from, &bare).expect("copied");
        assert_eq!(name_of(&bare), name, "{}", from.display());
    }
    assert_eq!(name_of(&fixture("kilo-code", &format!("{KILO_TASK}/{HISTORY}"))), "kilo-code", "by its folder");
}

#[test]
fn a_log_without_marks_is_of_the_fork_in_whose_folder_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    for (extension, name) in [
        ("rooveterinaryinc.roo-cline", "roo-code"),
        ("kilocode.Kilo-Code", "kilo-code"),
        ("saoudrizwan.claude-dev", "cline"),
    ] {
        let task = folder.path().join(extension).join("tasks/1770000000000");
        fs::create_dir_all(&task).expect("made");
        fs::copy(fixture("cline", "native-calls.json"), task.join(HISTORY)).expect("copied");
        assert_eq!(name_of(&task.join(HISTORY)), name);
    }
}

#[test]
fn a_model_quoted_in_a_text_is_not_the_sessions() {
    let text = r#"[{"role":"user","content":[{"type":"text","text":"<environment_details>\n# Current Mode\n<slug>x</slug>\n<model>quoted</model></environment_details> says the file"}]}]"#;
    let sample = Sample::read(text.as_bytes()).expect("readable");
    assert_eq!(detect(&sample).expect("known").name(), "cline");
}

#[test]
fn tasks_are_found_in_every_editor() {
    for (name, extension) in [("roo-code", "rooveterinaryinc.roo-cline"), ("kilo-code", "kilocode.kilo-code")] {
        let log = format!(".config/Code/User/globalStorage/{extension}/tasks/1/{HISTORY}");
        let server = format!(".vscode-server/data/User/globalStorage/{extension}/tasks/2/{HISTORY}");
        let other = ".config/Code/User/globalStorage/saoudrizwan.claude-dev/tasks/3/api_conversation_history.json";
        assert_eq!(found(name, &[&log, &server, other], &Scope::default()), [log.clone(), server.clone()]);
    }
}
