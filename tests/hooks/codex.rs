//! Commits of what Codex did in code mode, and in threads of several files.

use git_session::hail::Timestamp;
use serde_json::{Value, json};

use crate::support::{CodexLog, World};

const ID: &str = "019bc0de-aaaa-7bbb-8ccc-000000000001";

fn exec(script: &str) -> Value {
    json!({"type": "custom_tool_call", "call_id": "c1", "name": "exec", "input": script})
}

fn returned() -> Value {
    json!({"type": "custom_tool_call_output", "call_id": "c1",
           "output": [{"type": "input_text", "text": "Script completed\nWall time 0.1 seconds\nOutput:\n"}]})
}

/// The names of the sessions in the trailers of a commit of `kite.txt`, which a script is said to have written.
fn named(records: &[(&str, Value)]) -> Vec<String> {
    let world = World::new();
    let work = world.repository("work");
    work.session(&["hooks", "install"]).ok();
    work.write("kite.txt", "red\n");
    // A command counts as the writer of a file where it ran when the file was written.
    let written = work.join("kite.txt").metadata().and_then(|file| file.modified()).expect("it is there");
    let written = Value::from(Timestamp::from(written).to_string());
    let log = CodexLog::new(&world, &work, ID).prompt("Build a kite.");
    let add = |log: CodexLog, (kind, payload): &(&str, Value)| log.record(kind, payload.clone(), &written);
    records.iter().fold(log, add).save();
    work.commit_all("kite");
    work.trailers("HEAD")
}

#[test]
fn a_commit_of_a_file_that_a_script_wrote_names_the_session() {
    let patch = "await tools.apply_patch(`*** Begin Patch\n*** Add File: kite.txt\n+red\n*** End Patch`)";
    let dynamic = "await tools.apply_patch(patch_of('kite.txt'))";
    let changes = json!({"kite.txt": {"type": "add", "content": "red\n"}});
    let ended = json!({"type": "patch_apply_end", "call_id": "exec-1", "success": true, "changes": changes});
    let item = json!({"type": "FileChange", "id": "fc1", "changes": changes, "status": "completed"});
    let completed = json!({"type": "item_completed", "item": item});
    let command =
        "await Promise.all([tools.exec_command({cmd: 'true'}), tools.exec_command({cmd: 'echo red > kite.txt'})])";
    for (name, records) in [
        ("a patch", vec![("response_item", exec(patch)), ("response_item", returned())]),
        (
            "its report",
            vec![("response_item", exec(patch)), ("event_msg", ended.clone()), ("response_item", returned())],
        ),
        ("a report alone", vec![("response_item", exec(dynamic)), ("event_msg", ended), ("response_item", returned())]),
        ("an item", vec![("response_item", exec(dynamic)), ("event_msg", completed), ("response_item", returned())]),
        ("the second of two commands", vec![("response_item", exec(command)), ("response_item", returned())]),
    ] {
        assert_eq!(named(&records), [ID], "{name}");
    }
}

#[test]
fn a_patch_that_failed_or_still_waits_names_no_session() {
    let patch = "await tools.apply_patch(`*** Begin Patch\n*** Add File: kite.txt\n+red\n*** End Patch`)";
    let changes = json!({"kite.txt": {"type": "add", "content": "red\n"}});
    let ended = json!({"type": "patch_apply_end", "call_id": "exec-1", "success": false, "changes": changes});
    let records = [("response_item", exec(patch)), ("event_msg", ended), ("response_item", returned())];
    assert_eq!(named(&records), [""; 0]);
    assert_eq!(named(&[("response_item", exec(patch))]), [""; 0]);
}

#[test]
fn a_thread_that_goes_on_in_another_file_is_named_and_stored_as_one_session() {
    let world = World::new();
    let (work, _) = world.shared();
    let first = CodexLog::new(&world, &work, ID).prompt("Build a kite.").writes(&work, "kite.txt", "red\n");
    first.save();
    work.commit_all("kite");
    let second = CodexLog::new(&world, &work, ID).in_hour(12).prompt("And a tail.").writes(&work, "tail.txt", "long\n");
    let name = format!("rollout-2026-02-01T11-00-00-{ID}_019bc0de-aaaa-7bbb-8ccc-000000000002.jsonl");
    second.save_as(&first.file().with_file_name(name));
    work.commit_all("tail");
    assert_eq!((work.trailers("HEAD~"), work.trailers("HEAD")), (vec![ID.to_owned()], vec![ID.to_owned()]));
    assert_eq!(work.wait_for_sessions(1), [ID]);
    let shown = work.session(&["show", ID]).ok().stdout;
    assert!(shown.contains("kite.txt") && shown.contains("tail.txt"), "{shown}");
    let found = work.session(&["capture", "--all"]).ok();
    assert_eq!(work.stored(), [ID], "{found}");
}
