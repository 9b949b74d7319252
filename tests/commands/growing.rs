//! A session that goes on after it was stored: only what its log gained is read.

use std::{fs, io::Write, path::PathBuf};

use super::FIRST;
use crate::support::{ClaudeLog, Place, World};

/// So many prompts and answers of some kilobytes each: a log that is worth a checkpoint soon.
fn answered(log: ClaudeLog, answers: usize) -> ClaudeLog {
    (0..answers).fold(log, |log, number| log.prompt("More.").answer(&format!("{number} ").repeat(1500)))
}

/// How many lines a stored session of so many answers has.
fn lines(answers: usize) -> usize {
    3 + 2 * answers
}

fn begun() -> (World, Place) {
    let world = World::new();
    let work = world.repository("work");
    work.write("README.md", "# Work\n");
    work.commit_all("Begin");
    (world, work)
}

fn log(world: &World, work: &Place, answers: usize) -> ClaudeLog {
    let log = answered(ClaudeLog::new(world, work, FIRST).prompt("Count."), answers);
    log.save();
    log
}

fn events(place: &Place) -> String {
    place.git(&["cat-file", "blob", &format!("refs/opensession/branches/bWFpbg:v1/{}/{FIRST}.hail.jsonl", &FIRST[..2])])
}

fn title(place: &Place) -> String {
    place.json(&["log"])[0]["title"].as_str().expect("a title").to_owned()
}

fn checkpoints(place: &Place) -> Vec<PathBuf> {
    let folder = place.join(".git/opensession/bookmarks").read_dir();
    folder.into_iter().flatten().map(|entry| entry.expect("readable").path()).collect()
}

/// Makes a checkpoint say of the title what the log does not.
fn mark(place: &Place) {
    let [checkpoint] = &checkpoints(place)[..] else { panic!("not one checkpoint") };
    let text = fs::read_to_string(checkpoint).expect("text");
    assert!(text.contains("\"Count.\""));
    fs::write(checkpoint, text.replace("\"Count.\"", "\"Counted.\"")).expect("a checkpoint");
}

#[test]
fn only_what_was_appended_is_read() {
    let (world, work) = begun();
    log(&world, &work, 40);
    work.session(&["capture"]).ok();
    mark(&work);
    log(&world, &work, 50);
    work.session(&["capture"]).ok();
    assert_eq!(title(&work), "Counted.", "the first line was read again");
    assert_eq!(events(&work).lines().count(), lines(50));
}

#[test]
fn a_session_stored_in_steps_is_the_one_that_is_stored_at_once() {
    let (world, work) = begun();
    for answers in [1, 12, 13, 20, 30] {
        let log = log(&world, &work, answers);
        let log = log.edits(&work, "README.md", "# Work", "# Work").runs("make").fails("make test", 2);
        let log = if answers % 2 == 0 { answered(log, 3).prompt("Go on.") } else { log };
        log.save();
        work.session(&["capture"]).ok();
    }
    let elsewhere = world.repository("elsewhere");
    elsewhere.write("a", "a\n");
    elsewhere.commit_all("Begin");
    let file = log_file(&world, &work);
    elsewhere.session(&["capture", file.to_str().expect("text")]).ok();
    assert_eq!(checkpoints(&work).len(), 1);
    assert!(events(&work) == events(&elsewhere), "the session differs");
}

fn log_file(world: &World, work: &Place) -> PathBuf {
    ClaudeLog::new(world, work, FIRST).file().clone()
}

#[test]
fn a_log_that_was_rewritten_is_read_anew() {
    let (world, work) = begun();
    log(&world, &work, 40);
    work.session(&["capture"]).ok();
    mark(&work);
    let longer = log(&world, &work, 50);
    let text = fs::read_to_string(longer.file()).expect("text");
    fs::write(longer.file(), text.replacen("2.1.42", "2.1.41", 1)).expect("a log");
    work.session(&["capture"]).ok();
    assert_eq!(title(&work), "Count.");
    assert_eq!(events(&work).lines().count(), lines(50));
}

#[test]
fn a_bookmark_that_is_damaged_or_gone_is_made_again() {
    let (world, work) = begun();
    for (answers, damage) in [(30, "{}"), (40, "{\"version\":1"), (50, ""), (60, "\0")] {
        log(&world, &work, answers);
        work.session(&["capture"]).ok();
        assert_eq!(events(&work).lines().count(), lines(answers));
        let [checkpoint] = &checkpoints(&work)[..] else { panic!("not one checkpoint") };
        fs::write(checkpoint, damage).expect("a checkpoint");
    }
    fs::remove_dir_all(work.join(".git/opensession/bookmarks")).expect("a folder");
    log(&world, &work, 70);
    work.session(&["capture"]).ok();
    assert_eq!((events(&work).lines().count(), title(&work).as_str()), (lines(70), "Count."));
}

/// A checkpoint says what the first lines of the stored session are; without the session it says nothing.
#[test]
fn a_bookmark_without_its_session_counts_for_nothing() {
    let (world, work) = begun();
    log(&world, &work, 40);
    work.session(&["capture"]).ok();
    mark(&work);
    work.git(&["update-ref", "-d", "refs/opensession/branches/bWFpbg"]);
    assert_eq!(work.stored(), [""; 0]);
    work.git(&["prune", "--expire=now"]);
    log(&world, &work, 50);
    work.session(&["capture"]).ok();
    assert_eq!((events(&work).lines().count(), title(&work).as_str()), (lines(50), "Count."));
}

#[test]
fn a_line_that_breaks_off_is_read_when_it_is_complete() {
    let (world, work) = begun();
    let log = log(&world, &work, 40);
    let text = fs::read(log.file()).expect("bytes");
    let cut = text.len() - 1000;
    fs::write(log.file(), &text[..cut]).expect("a log");
    work.session(&["capture"]).ok();
    mark(&work);
    assert_eq!(events(&work).lines().count(), lines(40) - 1);
    let mut file = fs::File::options().append(true).open(log.file()).expect("a log");
    file.write_all(&text[cut..]).expect("the rest");
    work.session(&["capture"]).ok();
    assert_eq!((events(&work).lines().count(), title(&work).as_str()), (lines(40), "Counted."));
    assert!(!events(&work).contains("unreadable"));
}

#[test]
fn a_bookmark_holds_no_secret() {
    let (world, work) = begun();
    let token = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    work.write("config", &format!("token: {token}\n"));
    let log = answered(ClaudeLog::new(&world, &work, FIRST).prompt(&format!("Use {token}.")), 40);
    let log = log.edits(&work, "config", &token, &format!("new {token}")).runs(&format!("curl -H {token}"));
    log.answer(&token).save();
    // The results are still to come: the calls wait.
    let file = log_file(&world, &work);
    let text = fs::read_to_string(&file).expect("text");
    let begun: Vec<&str> = text.split_inclusive('\n').filter(|line| !line.contains("tool_result")).collect();
    fs::write(&file, begun.concat()).expect("a log");
    work.session(&["capture"]).ok();
    let [checkpoint] = &checkpoints(&work)[..] else { panic!("not one checkpoint") };
    let kept = fs::read_to_string(checkpoint).expect("text");
    assert!(kept.contains("new [REDACTED:") && kept.contains("curl -H [REDACTED:"), "{kept}");
    assert!(!kept.contains(&token[..12]), "{kept}");
}

#[test]
fn what_is_redacted_by_hand_or_purged_leaves_no_bookmark() {
    for (command, sessions_left) in [(&["redact", FIRST, "--text", "Count"][..], 1), (&["purge", FIRST, "--yes"], 0)] {
        let (world, work) = begun();
        log(&world, &work, 40);
        work.session(&["capture"]).ok();
        work.session(command).ok();
        assert!(checkpoints(&work).is_empty(), "{command:?}");
        log(&world, &work, 50);
        work.session(&["capture"]).ok();
        assert_eq!(work.stored().len(), sessions_left, "{command:?}");
        assert!(sessions_left == 0 || !events(&work).contains("Count"));
    }
}

/// The capture that a commit asks for remembers as much as one that a person asks for.
#[test]
fn a_commit_leaves_nothing_to_read_until_the_session_goes_on() {
    let world = World::new();
    let (work, _) = world.shared();
    let goes_on = |log: ClaudeLog, file: &str| answered(log, 20).writes(&work, file, "counted\n");
    let begun = || goes_on(ClaudeLog::new(&world, &work, FIRST).prompt("Count."), "1.txt");
    begun().save();
    work.commit_all("Count");
    work.wait_for_sessions(1);
    // Sending the session works off what the background may still be at.
    work.git(&["push", "--quiet"]);
    mark(&work);
    let answer = work.json(&["capture"]);
    assert_eq!((&answer["stored_already"], answer["sessions"].as_array().map(Vec::len)), (&1.into(), Some(0)));
    goes_on(begun(), "2.txt").save();
    work.commit_all("Count on");
    work.git(&["push", "--quiet"]);
    assert_eq!(title(&work), "Counted.");
}
