//! Faults of the store: a killed writer, locks, a pruning gc, a full disk, no right to write.

use std::{
    fs,
    process::Stdio,
    thread,
    time::{Duration, SystemTime},
};

use git_session::git::Repository;

use crate::support::{ClaudeLog, Place, Ran, World};

const ID: &str = "11111111-2222-4333-8444-555555555555";
const LEDGER: &str = "refs/opensession/branches/bWFpbg";
const PROGRAM: &str = env!("CARGO_BIN_EXE_git-session");

/// A session that came to `answers` answers, which makes one event more.
fn log(world: &World, work: &Place, answers: usize) {
    let log = ClaudeLog::new(world, work, ID).prompt("Count.");
    (0..answers).fold(log, |log, number| log.answer(&format!("{number}"))).save();
}

fn events(work: &Place) -> u64 {
    work.json(&["log"])[0]["stats"]["event_count"].as_u64().expect("a number")
}

fn is_sound(work: &Place) {
    assert_eq!(work.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]), "");
}

/// A session that is stored with two events and whose log has 41 since; returned is the ledger's commit, too.
fn stored_and_grown() -> (World, Place, String) {
    let world = World::new();
    let (work, _) = world.shared();
    log(&world, &work, 1);
    work.session(&["capture"]).ok();
    let old = work.git(&["rev-parse", LEDGER]).trim().to_owned();
    log(&world, &work, 40);
    (world, work, old)
}

/// `tests/crash/run` does it at every system call; this one at some moments, wherever tests run.
#[test]
fn a_writer_killed_at_any_moment_leaves_the_old_ledger_or_the_new_one() {
    let (_world, work, old) = stored_and_grown();
    for moment in 0..12 {
        work.git(&["update-ref", LEDGER, &old]);
        let mut writer = work.command(PROGRAM);
        let mut writer = writer.arg("capture").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a writer");
        thread::sleep(Duration::from_millis(4 * moment));
        writer.kill().expect("a signal");
        writer.wait().expect("an end");
        is_sound(&work);
        assert!([2, 41].contains(&events(&work)), "{}", work.json(&["log"]));
        let _ = fs::remove_file(work.join(&format!(".git/{LEDGER}.lock")));
    }
    work.session(&["capture"]).ok();
    assert_eq!(events(&work), 41);
    is_sound(&work);
}

/// Guards against taking a log for stored because it did not change: the ledger may have, when somebody
/// sets it back.
#[test]
fn a_ledger_that_was_set_back_gets_the_session_again() {
    let (_world, work, old) = stored_and_grown();
    work.session(&["capture"]).ok();
    work.git(&["update-ref", LEDGER, &old]);
    assert_eq!(events(&work), 2);
    work.session(&["capture"]).ok();
    assert_eq!(events(&work), 41);
}

#[test]
fn a_lock_that_goes_in_time_is_waited_for() {
    let world = World::new();
    let (work, _) = world.shared();
    let lock = format!(".git/{LEDGER}.lock");
    work.write(&lock, "");
    log(&world, &work, 1);
    let path = work.join(&lock);
    let other = thread::spawn(move || {
        thread::sleep(Duration::from_millis(150));
        fs::remove_file(path).expect("a lock");
    });
    work.session(&["capture"]).ok();
    other.join().expect("another process");
    assert_eq!(work.stored(), [ID]);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "only the file system tells how old a file is")]
fn a_stale_lock_is_named_with_its_age() {
    let world = World::new();
    let (work, _) = world.shared();
    let lock = format!(".git/{LEDGER}.lock");
    work.write(&lock, "");
    log(&world, &work, 1);
    for (minutes, age) in [(3 * 1440, "3 days old"), (5 * 60, "5 h old"), (10, "10 min old")] {
        let file = fs::File::open(work.join(&lock)).expect("a lock");
        file.set_modified(SystemTime::now() - Duration::from_secs(minutes * 60)).expect("a time");
        let ran = work.session(&["capture"]);
        let expected = format!("is locked by {}, {age}\n", work.join(&lock).display());
        assert!(ran.code == 1 && ran.stderr.contains(&expected), "{ran}");
    }
    is_sound(&work);
}

/// Guards against a tip whose objects `git gc --prune=now` took before the reference had them.
#[test]
fn objects_that_gc_prunes_during_a_write_are_written_again() {
    let world = World::new();
    let (work, _) = world.shared();
    let lock = work.join(&format!(".git/{LEDGER}.lock"));
    for answers in [5, 10, 15] {
        log(&world, &work, answers);
        let objects = || work.git(&["count-objects"]);
        let before = objects();
        fs::create_dir_all(lock.parent().expect("a folder")).expect("a folder");
        fs::write(&lock, "").expect("a lock");
        // The writer has written objects and waits for the lock of the reference.
        let mut writer = work.command(PROGRAM);
        let writer = writer.arg("capture").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a writer");
        for _ in 0..500 {
            if objects() != before {
                break;
            }
            thread::sleep(Duration::from_millis(5));
        }
        work.git(&["prune", "--expire=now"]);
        fs::remove_file(&lock).expect("a lock");
        let output = writer.wait_with_output().expect("an end");
        is_sound(&work);
        if !output.status.success() {
            // The lock went too late, or a folder went while it was written to: an error and no damage.
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(1) && said.starts_with("error: "), "{said}");
            work.session(&["capture"]).ok();
        }
        assert_eq!(events(&work), answers as u64 + 1);
    }
}

/// The program in a place where no file can grow: as on a full disk, every write fails.
const ON_A_FULL_DISK: &str = "trap '' XFSZ\nulimit -f 0\n";

#[test]
fn a_full_disk_is_a_clean_error_and_leaves_the_ledger_as_it_was() {
    let world = World::new();
    let (work, _) = world.shared();
    log(&world, &work, 1);
    work.session(&["capture"]).ok();
    let before = work.git(&["rev-parse", LEDGER]);
    log(&world, &work, 2);
    let ran = work.run("sh", &["-c", &format!("{ON_A_FULL_DISK}exec git-session capture")]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(ran.stderr.starts_with("error: "), "{ran}");
    assert_eq!(work.git(&["rev-parse", LEDGER]), before);
    is_sound(&work);
    work.session(&["capture"]).ok();
    assert_eq!(events(&work), 3);
}

#[test]
fn a_full_disk_stops_no_commit_and_no_push() {
    let world = World::with_scripts();
    let (work, remote) = world.shared();
    let full = world.path().join("full");
    fs::write(&full, format!("#!/bin/sh\n{ON_A_FULL_DISK}exec '{PROGRAM}' \"$@\"\n")).expect("a script");
    work.run("chmod", &["+x", &full.display().to_string()]).ok();
    for hook in ["prepare-commit-msg", "commit-msg", "post-commit", "pre-push"] {
        let path = format!(".git/hooks/{hook}");
        work.write(&path, &work.read(&path).replace(PROGRAM, &full.display().to_string()));
    }
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.git(&["add", "--all"]);
    let ran = work.run("git", &["commit", "--quiet", "-m", "Add it"]).ok();
    assert!(ran.stderr.contains("git session: "), "{ran}");
    assert!(work.message("HEAD").starts_with("Add it\n"), "{}", work.message("HEAD"));
    work.git(&["push", "--quiet"]);
    assert_eq!(remote.git(&["rev-parse", "main"]), work.git(&["rev-parse", "main"]));
    is_sound(&work);
    // With room again, nothing is lost.
    work.session(&["capture"]).ok();
    assert_eq!(work.stored(), [ID]);
}

/// Runs a script where nothing below the world can be written: a person has no right to, for root
/// it is mounted read-only. `None` where neither works.
fn read_only(world: &World, work: &Place, script: &str) -> Option<Ran> {
    if work.run("id", &["-u"]).stdout != "0\n" {
        work.run("chmod", &["-R", "a-w", ".git"]).ok();
        let ran = work.run("sh", &["-c", script]);
        work.run("chmod", &["-R", "u+w", ".git"]).ok();
        return Some(ran);
    }
    let root = world.path().display().to_string();
    let mount = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" && cd \"$2\" && ! touch x 2>/dev/null";
    let unshared = |script: &str| {
        let script = format!("{mount} || exit 77\n{script}");
        let work = work.path.display().to_string();
        work_run(&world.place("."), &["--mount", "sh", "-c", &script, "sh", &root, &work])
    };
    Some(unshared(script)).filter(|ran| ran.code != 77 && !ran.stderr.contains("unshare"))
}

fn work_run(place: &Place, arguments: &[&str]) -> Ran {
    place.run("unshare", arguments)
}

#[test]
fn in_a_read_only_repository_reads_work_and_hooks_end_with_0() {
    let world = World::with_scripts();
    let (work, _) = world.shared();
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("Write");
    work.wait_for_sessions(1);
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").answer("Done.").save();
    work.write("message.txt", "A message\n");
    let head = work.git(&["rev-parse", "HEAD"]).trim().to_owned();
    let Some(ran) = read_only(&world, &work, "git-session log --json && git-session show commit:HEAD") else {
        println!("nothing can be made read-only here: nothing was tested");
        return;
    };
    assert!(ran.code == 0 && ran.stdout.contains(ID), "{ran}");
    let push = format!("printf 'refs/heads/main {head} refs/heads/main {}\\n' |", "0".repeat(40));
    let url = work.git(&["remote", "get-url", "origin"]);
    for hook in [
        "prepare-commit-msg message.txt message".to_owned(),
        "commit-msg message.txt".to_owned(),
        "post-commit".to_owned(),
        format!("pre-push origin {}", url.trim()),
        "post-rewrite amend".to_owned(),
    ] {
        let input = if hook.starts_with("pre-push") { push.as_str() } else { "" };
        let ran = read_only(&world, &work, &format!("{input} .git/hooks/{hook}")).expect("it was possible above");
        assert_eq!(ran.code, 0, "{hook}: {ran}");
    }
    let ran = read_only(&world, &work, "git-session capture").expect("it was possible above");
    assert!(ran.code == 1 && ran.stderr.starts_with("error: "), "{ran}");
    is_sound(&work);
}

#[test]
fn packs_that_come_in_while_the_repository_is_open_are_seen() {
    let world = World::new();
    let (work, _) = world.shared();
    let repository = Repository::open(&work.path).expect("a repository");
    // gix looks for packs when it reads for the first time.
    assert!(repository.has_object(repository.head().expect("a head").commit.expect("a commit")));
    for number in 0..40 {
        let path = format!("blob-{number}");
        work.write(&path, &format!("content {number}"));
        let id = work.git(&["hash-object", "-w", &path]);
        work.write("list", &id);
        let packed =
            work.run("sh", &["-c", "git pack-objects --quiet .git/objects/pack/pack <list && git prune-packed"]);
        assert_eq!(packed.code, 0, "{packed}");
        assert!(repository.has_object(id.trim().parse().expect("an id")), "the pack number {number}");
    }
}
