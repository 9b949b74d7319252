//! `git session capture`.

use std::{
    fs,
    process::Stdio,
    thread,
    time::{Duration, SystemTime},
};

use super::{FIRST, SECOND, check, first_log, second_log};
use crate::support::{ClaudeLog, Place, World};

/// A repository without hooks in which two sessions worked that are not stored.
fn worked() -> (World, Place) {
    let world = World::new();
    let work = world.repository("work");
    work.write("README.md", "# Work\n");
    work.commit_all("Begin");
    let (first, second) = (first_log(&world, &work), second_log(&world, &work));
    first.save();
    second.save();
    age(first.file(), "2026-01-31T10:01:00Z");
    age(second.file(), "2026-01-31T11:01:00Z");
    (world, work)
}

fn age(path: &std::path::Path, time: &str) {
    let time: chrono::DateTime<chrono::Utc> = time.parse().expect("a time");
    let file = fs::File::options().write(true).open(path).expect("a log");
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(time.timestamp().unsigned_abs())).expect("a time");
}

#[test]
fn stores_what_worked_here_and_does_it_once() {
    let (world, work) = worked();
    check(&world, "capture", &work.session(&["capture"]));
    let before = work.git(&["for-each-ref"]);
    check(&world, "capture_again", &work.session(&["capture"]));
    assert_eq!(work.git(&["for-each-ref"]), before, "nothing new is written");
    assert_eq!(work.stored(), [SECOND, FIRST]);
    assert_eq!(work.git(&["status", "--porcelain"]), "?? src/\n?? tests/\n", "the work tree is left alone");
}

#[test]
fn a_dry_run_stores_nothing() {
    let (world, work) = worked();
    check(&world, "capture_dry_run", &work.session(&["capture", "--dry-run"]));
    assert_eq!(work.references("refs/opensession"), [""; 0]);
    let objects = work.git(&["count-objects"]);
    work.session(&["capture", "--dry-run", "--all"]).ok();
    assert_eq!(work.git(&["count-objects"]), objects, "not even an object");
}

#[test]
fn takes_thirty_days_unless_told_otherwise() {
    let (world, work) = worked();
    let old = ClaudeLog::new(&world, &work, "99999999-2222-4333-8444-555555555555").prompt("Long ago.").answer("Yes.");
    old.save();
    age(old.file(), "2025-12-15T00:00:00Z");
    let count = |arguments: &[&str]| {
        let arguments: Vec<&str> = ["capture", "--dry-run"].iter().chain(arguments).copied().collect();
        work.json(&arguments)["sessions"].as_array().map(Vec::len)
    };
    assert_eq!(count(&[]), Some(2));
    assert_eq!(count(&["--all"]), Some(3));
    assert_eq!(count(&["--since", "2025-12-01"]), Some(3));
    assert_eq!(count(&["--since", "3 months ago"]), Some(3));
    assert_eq!(count(&["--since", "2 weeks ago"]), Some(2));
    assert_eq!(count(&["--agent", "codex"]), Some(1));
    check(&world, "capture_all_since", &work.session(&["capture", "--all", "--since", "2025-12-01"]));
    check(&world, "capture_bad_time", &work.session(&["capture", "--since", "whenever"]));
}

#[test]
fn says_so_where_there_is_nothing_to_capture() {
    let world = World::new();
    let work = world.repository("work");
    check(&world, "capture_nothing", &work.session(&["capture"]));
    check(&world, "capture_nothing_json", &work.session(&["capture", "--json"]));
}

#[test]
fn leaves_the_sessions_of_other_repositories_alone() {
    let (world, work) = worked();
    let other = world.repository("other");
    let log =
        ClaudeLog::new(&world, &other, "77777777-2222-4333-8444-555555555555").prompt("Elsewhere.").answer("Yes.");
    log.save();
    work.session(&["capture", "--all"]).ok();
    assert_eq!(work.stored(), [SECOND, FIRST]);
    other.session(&["capture"]).ok();
    assert_eq!(other.stored(), ["77777777-2222-4333-8444-555555555555"]);
    // Named explicitly, it is meant.
    work.session(&["capture", &log.file().display().to_string()]).ok();
    assert_eq!(work.stored().len(), 3);
}

#[test]
fn a_repository_whose_name_begins_alike_is_another() {
    let (world, _) = worked();
    let other = world.repository("work-2");
    other.session(&["capture", "--all"]).ok();
    assert_eq!(other.stored(), [""; 0]);
}

#[test]
fn a_session_that_went_on_is_updated() {
    let (world, work) = worked();
    work.session(&["capture"]).ok();
    first_log(&world, &work).prompt("Go on.").answer("I did.").save();
    check(&world, "capture_grown", &work.session(&["capture"]));
    assert_eq!(work.stored(), [SECOND, FIRST]);
    assert!(work.session(&["show", FIRST]).ok().stdout.contains("Go on."));
    // A log that was cut keeps what is stored.
    first_log(&world, &work).save();
    work.session(&["capture"]).ok();
    assert!(work.session(&["show", FIRST]).ok().stdout.contains("Go on."));
}

#[test]
fn a_broken_file_does_not_keep_the_others_from_being_stored() {
    let (world, work) = worked();
    work.write("broken.jsonl", "this is no log\n");
    let log = first_log(&world, &work);
    let good = log.file().display().to_string();
    check(&world, "capture_one_broken", &work.session(&["capture", "broken.jsonl", &good, "missing.jsonl"]));
    assert_eq!(work.stored(), [FIRST]);
    let json = work.json(&["capture", "broken.jsonl", &good]);
    assert_eq!(json["failed"][0]["path"], "broken.jsonl");
    check(&world, "capture_only_broken", &work.session(&["capture", "broken.jsonl"]));
    check(&world, "capture_all_broken", &work.session(&["capture", "broken.jsonl", "missing.jsonl"]));
    check(&world, "capture_folder", &work.session(&["capture", "src"]));
}

#[test]
fn a_log_that_breaks_off_is_stored_as_far_as_it_goes() {
    let (world, work) = worked();
    let log = first_log(&world, &work);
    let path = log.file();
    let whole = fs::read(path).expect("a log");
    fs::write(path, &whole[..whole.len() - 40]).expect("a shorter log");
    work.session(&["capture"]).ok();
    assert_eq!(work.stored(), [SECOND, FIRST]);
    fs::write(path, whole).expect("the whole log");
    work.session(&["capture"]).ok();
    assert!(work.session(&["show", FIRST]).ok().stdout.contains("`one` returns 1"));
    drop(world);
}

#[test]
fn keeps_secrets_out_of_every_object() {
    let (world, work) = worked();
    let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    ClaudeLog::new(&world, &work, FIRST)
        .prompt(&format!("Use {secret} for the API."))
        .answer("I will not repeat it.")
        .save();
    let ran = work.session(&["capture"]).ok();
    assert!(!ran.stdout.contains(&secret), "{ran}");
    let all = work.git(&["cat-file", "--batch-all-objects", "--batch"]);
    assert!(!all.contains(&secret), "a secret was stored");
    for output in [work.session(&["show", FIRST, "--full"]), work.session(&["log", "--json"])] {
        assert!(!output.stdout.contains(&secret), "{output}");
    }
}

#[test]
fn many_sessions_are_stored_as_a_pack() {
    let world = World::new();
    let work = world.repository("work");
    for number in 0..120 {
        let id = format!("11111111-2222-4333-8444-{number:012}");
        ClaudeLog::new(&world, &work, &id).prompt(&format!("Do number {number}.")).save();
    }
    let answer = work.json(&["capture", "--all"]);
    assert_eq!(answer["sessions"].as_array().map(Vec::len), Some(120));
    let count = work.git(&["count-objects", "-v"]);
    let number = |key: &str| -> u64 {
        let line = count.lines().find_map(|line| line.strip_prefix(key));
        line.and_then(|number| number.trim_start_matches(": ").parse().ok()).expect("a number")
    };
    assert!(number("in-pack") >= 240, "{count}");
    assert!(number("count") < 60, "trees, a commit, and what the repository had: {count}");
    work.git(&["fsck", "--strict"]);
    let again = work.json(&["capture", "--all"]);
    assert_eq!((again["sessions"].as_array().map(Vec::len), &again["stored_already"]), (Some(0), &120.into()));
}

#[test]
fn a_capture_that_was_killed_goes_on_where_it_was() {
    const LOGS: usize = 1150;
    let (world, work) = worked();
    let number = |number: usize| format!("55555555-2222-4333-8444-{number:012}");
    for id in (2..LOGS).map(number) {
        let log = ClaudeLog::new(&world, &work, &id).prompt("Count.").answer("One.");
        log.save();
        age(log.file(), "2026-01-30T10:00:00Z");
    }
    let mut writer = work.command(env!("CARGO_BIN_EXE_git-session"));
    let mut writer =
        writer.args(["capture", "--all"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("run");
    let seen_logs = work.join(".git/opensession/watermarks.json");
    while !seen_logs.exists() && writer.try_wait().expect("a child").is_none() {
        thread::sleep(Duration::from_millis(1));
    }
    writer.kill().expect("a signal");
    writer.wait().expect("an end");
    let before = work.stored().len();
    assert!((1000..=LOGS).contains(&before), "a batch is stored as soon as it is read: {before}");
    assert_eq!(work.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]), "");
    let rest = work.json(&["capture", "--all"]);
    let stored = rest["sessions"].as_array().map(Vec::len);
    assert_eq!((stored, &rest["stored_already"]), (Some(LOGS - before), &before.into()));
    assert_eq!(work.stored().len(), LOGS);
}

/// The versions of the session, each with its id and what its prompts say.
fn versions(work: &Place) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = work
        .stored()
        .into_iter()
        .map(|id| {
            let shown = work.json(&["show", &id]);
            let events = shown["events"].as_array().expect("events");
            let text = |event: &serde_json::Value| event["content"]["blocks"][0]["text"].as_str().map(str::to_owned);
            let said = events.iter().filter(|event| event["event_type"]["type"] == "UserMessage").filter_map(text);
            (id, said.collect::<Vec<_>>().join(" "))
        })
        .collect();
    found.sort_by(|one, other| one.1.cmp(&other.1));
    found
}

fn said(work: &Place) -> Vec<String> {
    versions(work).into_iter().map(|(_, said)| said).collect()
}

#[test]
fn one_session_with_logs_in_two_folders_stays_in_both_versions() {
    for mode in ["hidden_ref", "git_notes"] {
        let world = World::new();
        let work = world.repository("work");
        work.git(&["config", "opensession.fanout-mode", mode]);
        work.write("README.md", "# Work\n");
        work.commit_all("Begin");
        let package = world.place("work/pkg");
        let log = |place: &Place, prompts: &[&str]| {
            let log = ClaudeLog::new(&world, place, FIRST);
            let log = prompts.iter().fold(log, |log, prompt| log.prompt(prompt).answer("Yes."));
            log.save();
        };
        let capture = || {
            work.session(&["capture", "--all"]).ok();
            let references = work.git(&["for-each-ref"]);
            // Again changes nothing, also where nothing is remembered of the logs.
            work.session(&["capture", "--all"]).ok();
            assert_eq!(work.git(&["for-each-ref"]), references, "{mode}");
            for file in ["watermarks.json", "bookmarks"] {
                let path = work.join(".git/opensession").join(file);
                let _ = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            }
            work.session(&["capture", "--all"]).ok();
            assert_eq!(work.git(&["for-each-ref"]), references, "{mode}");
        };
        log(&work, &["Start.", "Left."]);
        log(&package, &["Start.", "Right."]);
        capture();
        assert_eq!(said(&work), ["Start. Left.", "Start. Right."]);
        let ids: Vec<String> = versions(&work).into_iter().map(|(id, _)| id).collect();
        assert!(
            ids.iter().any(|id| id == FIRST) && ids.iter().any(|id| id.starts_with(&format!("{FIRST}~"))),
            "{ids:?}"
        );
        // Each goes on in its own version; one that is written anew replaces its own.
        log(&package, &["Start.", "Right.", "More."]);
        capture();
        assert_eq!(said(&work), ["Start. Left.", "Start. Right. More."]);
        log(&work, &["Start.", "Left.", "Further."]);
        capture();
        assert_eq!(said(&work), ["Start. Left. Further.", "Start. Right. More."]);
        log(&work, &["Begin.", "Left."]);
        work.session(&["capture", "--all"]).ok();
        assert_eq!(said(&work), ["Begin. Left.", "Start. Right. More."]);
        work.session(&["redact", FIRST, "--text", "Right."]).ok();
        assert!(said(&work).iter().all(|said| !said.contains("Right.")), "{:?}", said(&work));
        let later = work.with("GIT_SESSION_NOW", "2026-02-02T12:00:00Z");
        later.session(&["purge", FIRST, "--yes"]).ok();
        later.session(&["capture", "--all"]).ok();
        assert_eq!(work.stored(), [""; 0]);
    }
}

#[test]
fn a_commit_that_both_logs_of_a_session_had_a_part_in_names_it_once() {
    let world = World::new();
    let (work, remote) = world.shared();
    let package = world.place("work/pkg");
    for (place, prompt) in [(&work, "Left."), (&package, "Right.")] {
        let file = format!("{}txt", prompt.to_lowercase());
        ClaudeLog::new(&world, place, FIRST).prompt(prompt).writes(place, &file, "content\n").save();
    }
    work.commit_all("Both");
    assert_eq!(work.trailers("HEAD"), [FIRST]);
    work.wait_for_sessions(2);
    work.session(&["capture"]).ok();
    assert_eq!(said(&work), ["Left.", "Right."]);
    work.git(&["push", "--quiet"]);
    let clone = world.clone_of(&remote, "clone");
    clone.session(&["sync", "--fetch-only"]).ok();
    assert_eq!(said(&clone), ["Left.", "Right."]);
}
