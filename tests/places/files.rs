//! Beside a log and in a repository there can be a pipe, which blocks whoever opens it, a device that never
//! ends, or a file without bounds: none of them stops a command.

use std::{fs, os::unix::fs::symlink, path::Path};

use nix::{sys::stat::Mode, unistd::mkfifo};

use super::ID;
use crate::support::{ClaudeLog, Place, Ran, World};

/// Runs the program, and ends it when it waits for what never comes.
#[track_caller]
fn ends(place: &Place, arguments: &[&str]) -> Ran {
    let program = env!("CARGO_BIN_EXE_git-session");
    let ran = place.run("timeout", &[&["--kill-after=1", "120", program][..], arguments].concat());
    assert!(ran.code != 124 && ran.code != 137, "{arguments:?} did not end: {ran}");
    ran
}

/// Puts each kind of what is no plain file at `path`, one after the other.
fn each(path: &Path, check: impl Fn(&str)) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let before = fs::read(path).ok();
    for kind in ["pipe", "device", "endless"] {
        let _ = fs::remove_file(path);
        match kind {
            "pipe" => mkfifo(path, Mode::S_IRWXU).expect("a pipe"),
            "device" => symlink("/dev/zero", path).expect("a link"),
            _ => fs::File::create(path).and_then(|file| file.set_len(1 << 40)).expect("room for nothing"),
        }
        check(&format!("{kind} at {}", path.display()));
    }
    let _ = fs::remove_file(path);
    if let Some(before) = before {
        fs::write(path, before).expect("put back");
    }
}

fn fixture(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/agents").join(path)
}

#[test]
fn a_log_that_is_no_plain_file_is_refused() {
    let world = World::new();
    let (work, _) = world.shared();
    let inside = work.join("log.jsonl");
    each(&inside, |what| {
        for arguments in [
            &["parse", "log.jsonl"][..],
            &["parse", "--preview", "log.jsonl"],
            &["show", "./log.jsonl"],
            &["capture", "log.jsonl"],
            &["scan", "--text", "log.jsonl"],
            &["parse", "--map", "log.jsonl", "log.jsonl"],
        ] {
            let ran = ends(&work, arguments);
            assert!(ran.code == 1 || ran.code == 2, "{what}: {arguments:?}: {ran}");
        }
    });
}

#[test]
fn what_stands_in_the_place_of_a_log_hides_no_other() {
    let world = World::new();
    let (work, _) = world.shared();
    work.write(".git/info/exclude", ".aider*\n.agenix\n");
    let log = ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n");
    log.save();
    let places = [
        log.file().with_file_name("00000000-2222-4333-8444-555555555555.jsonl"),
        work.join(".aider.chat.history.md"),
        work.join(".agenix/log.json"),
        world.home().join(".local/share/opencode/opencode.db"),
        world.home().join(".local/share/goose/sessions/sessions.db"),
        world.home().join(".local/share/opencode/storage/session/global/ses_1.json"),
        world.home().join(".gemini/tmp/abc/chats/session-1.json"),
    ];
    for place in &places {
        each(place, |what| {
            let ran = ends(&work, &["capture", "--all", "--dry-run"]);
            let is_seen = ran.stdout.contains(&ID[..8]) || ran.stdout.contains("1 stored already");
            assert!(is_seen, "{what}: {ran}");
            ends(&work, &["discover"]);
            work.git(&["add", "--all"]);
            let hooked =
                work.run("timeout", &["--kill-after=1", "120", "git", "commit", "--quiet", "--allow-empty", "-m", "x"]);
            assert_eq!(hooked.code, 0, "{what}: {hooked}");
        });
    }
}

#[test]
fn what_stands_beside_a_log_is_passed_over() {
    let world = World::new();
    let place = world.repository("work");
    for (log, beside) in [
        ("kiro", "json"),
        ("factory-droid", "settings.json"),
        ("copilot-cli", "workspace.yaml"),
        ("cline", "ui_messages.json"),
        ("cline", "task_metadata.json"),
    ] {
        let folder = place.join(log);
        fs::create_dir_all(&folder).expect("a folder");
        let is_log = |path: &Path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            path.extension().is_some_and(|extension| extension == "jsonl") || name == "api_conversation_history.json"
        };
        let mut folders = vec![fixture(log)];
        let mut found = None;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("fixtures").flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                } else if is_log(&entry.path()) {
                    found = Some(entry.path());
                }
            }
        }
        let original = found.unwrap_or_else(|| panic!("{log} has a log"));
        let copy = folder.join(original.file_name().expect("a name"));
        fs::copy(&original, &copy).expect("a copy");
        let neighbour = if beside.contains('_') || beside.ends_with("yaml") {
            copy.with_file_name(beside)
        } else {
            copy.with_extension(beside)
        };
        each(&neighbour, |what| {
            let ran = ends(&place, &["parse", "--preview", &copy.display().to_string()]);
            assert_eq!(ran.code, 0, "{what}: {ran}");
        });
    }
}

#[test]
fn what_stands_beside_a_database_blocks_nothing() {
    let world = World::new();
    let place = world.repository("work");
    let path = place.join("opencode.db");
    let sql = fs::read_to_string(fixture("opencode").join("database.sql")).expect("a fixture");
    rusqlite::Connection::open(&path).expect("made").execute_batch(&sql).expect("well-formed");
    for suffix in ["-wal", "-journal"] {
        each(&place.join(&format!("opencode.db{suffix}")), |_| {
            drop(ends(&place, &["parse", "--preview", "opencode.db"]));
        });
    }
    for suffix in ["-wal", "-journal"] {
        mkfifo(&place.join(&format!("opencode.db{suffix}")), Mode::S_IRWXU).expect("a pipe");
    }
    ends(&place, &["parse", "--preview", "opencode.db"]);
}

#[test]
fn what_stands_in_the_place_of_state_and_settings_blocks_nothing() {
    let world = World::with_scripts();
    let (work, _) = world.shared();
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.session(&["capture"]).ok();
    work.git(&["add", "--all"]);
    for path in [
        ".git/opensession/writes.sqlite",
        ".git/opensession/writes.sqlite-journal",
        ".git/opensession/capture.lock",
        ".git/opensession/watermarks.json",
        ".git/opensession/remembered.json",
        ".git/opensession/redact.toml",
        ".git/opensession/redaction.key",
        ".git/opensession/pending.json",
        ".git/opensession/deferred",
        ".git/opensession/queue/0-0.json",
        ".git/SQUASH_MSG",
        ".git/hooks/pre-push",
        ".opensession/cleanup/config.toml",
    ] {
        each(&work.join(path), |what| {
            for arguments in [
                &["capture"][..],
                &["doctor"],
                &["hooks", "status"],
                &["cleanup", "status"],
                &["cleanup", "run", "--local"],
                &["scan", "--all"],
                &["hook", "prepare-commit-msg", ".git/description"],
                &["hook", "post-commit"],
            ] {
                let ran = ends(&work, arguments);
                assert!(ran.code != 255, "{what}: {arguments:?}: {ran}");
            }
        });
    }
}
