//! What becomes of the pictures in a session: `opensession.images`.

use std::{fs, io::Write};

use super::FIRST;
use crate::support::{ClaudeLog, Place, World};

const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const HASH: &str = "sha256:6b7fa434f92a8b80aab02d9bf1a12e49ffcae424e4013a1c4f68b67e3d2bbcd0?size=70";
/// `password: hunter2 is the secret`, as if it were a picture.
const TEXT: &str = "cGFzc3dvcmQ9aHVudGVyMmlzdGhlc2VjcmV0Cg==";

/// A session in which a person showed a picture, and a text that claims to be one.
fn shown(world: &World, work: &Place) -> ClaudeLog {
    let log = ClaudeLog::new(world, work, FIRST).prompt("What is this?").writes(work, "kite.txt", "a kite\n");
    log.save();
    let block = |data: &str| serde_json::json!({ "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": data } });
    let record = serde_json::json!({
        "type": "user", "uuid": "picture-1", "parentUuid": null, "sessionId": FIRST, "version": "2.1.42",
        "cwd": work.path, "timestamp": "2026-01-31T10:00:50Z",
        "message": { "role": "user", "content": [{ "type": "text", "text": "And this?" }, block(PNG), block(TEXT)] },
    });
    let mut file = fs::File::options().append(true).open(log.file()).expect("a log");
    writeln!(file, "{record}").expect("written");
    log
}

fn stored(work: &Place) -> String {
    work.session(&["show", "--format", "hail", FIRST]).ok().stdout
}

#[test]
fn a_commit_stores_the_hash_of_a_picture_and_readers_say_what_there_was() {
    let world = World::new();
    let work = world.shared().0;
    shown(&world, &work);
    work.write("kite.txt", "a kite\n");
    work.commit_all("Write a kite");
    work.wait_for_sessions(1);
    let hail = stored(&work);
    assert!(hail.contains(HASH) && !hail.contains(PNG), "{hail}");
    for format in ["text", "markdown"] {
        let shown = work.session(&["show", "--full", "--format", format, FIRST]).ok().stdout;
        assert!(shown.contains("image/png, 70 bytes, not kept, sha256:6b7fa434f92a"), "{shown}");
    }
}

#[test]
fn a_text_that_claims_to_be_a_picture_is_scanned_and_has_no_hash() {
    let world = World::new();
    let work = world.repository("work");
    shown(&world, &work);
    work.session(&["capture"]).ok();
    let hail = stored(&work);
    assert!(!hail.contains(TEXT), "its secret is redacted: {hail}");
    assert_eq!(hail.matches("sha256:").count(), 1, "{hail}");
}

#[test]
fn the_setting_says_what_is_kept() {
    let world = World::new();
    let work = world.repository("work");
    shown(&world, &work);
    for (value, is_kept, expected) in [
        ("keep", true, PNG),
        ("keep:69", false, HASH),
        ("drop", false, "\"url\":\"omitted:?size=70\""),
        ("keep:1m", true, PNG),
        ("hash", false, HASH),
    ] {
        work.git(&["config", "opensession.images", value]);
        let parsed = work.session(&["parse", &log_of(&world, &work)]).ok().stdout;
        assert!(parsed.contains(expected) && parsed.contains(PNG) == is_kept, "parse, {value}: {parsed}");
        // In a clone that has not stored it yet, `capture` does the same.
        let fresh = world.repository(&format!("fresh-{}", value.replace(':', "-")));
        fresh.git(&["config", "opensession.images", value]);
        fresh.session(&["capture", &log_of(&world, &work)]).ok();
        let hail = stored(&fresh);
        assert!(hail.contains(expected) && hail.contains(PNG) == is_kept, "capture, {value}: {hail}");
    }
    work.git(&["config", "opensession.images", "all"]);
    let refused = work.session(&["capture"]);
    assert_eq!(refused.code, 1, "{refused}");
    assert!(
        refused.stderr.contains("opensession.images: 'all' is none of keep, keep:<size>, hash and drop"),
        "{refused}"
    );
    assert!(refused.stderr.contains("git config opensession.images hash"), "{refused}");
}

#[test]
fn what_was_stored_with_its_pictures_is_read_as_it_is() {
    let world = World::new();
    let work = world.repository("work");
    shown(&world, &work);
    work.git(&["config", "opensession.images", "keep"]);
    work.session(&["capture"]).ok();
    let hail = stored(&work);
    assert!(hail.contains(PNG), "{hail}");
    work.git(&["config", "--unset", "opensession.images"]);
    assert_eq!(stored(&work), hail);
    let file = work.join("old.hail.jsonl");
    fs::write(&file, &hail).expect("written");
    assert_eq!(work.session(&["parse", &file.display().to_string()]).ok().stdout, hail, "HAIL is not changed");
    let shown = work.session(&["show", "--full", FIRST]).ok().stdout;
    assert!(shown.contains("[image/png]"), "{shown}");
}

fn log_of(world: &World, work: &Place) -> String {
    ClaudeLog::new(world, work, FIRST).file().display().to_string()
}
