//! Fetches, as people configure them, that overwrite or prune the ledgers of this repository.

use crate::support::{ClaudeLog, Place, World};

fn id(number: u32) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

fn commit_work(world: &World, place: &Place, number: u32) {
    let file = format!("file-{number}.txt");
    ClaudeLog::new(world, place, &id(number)).prompt("Write a file.").writes(place, &file, "content\n").save();
    place.commit_all(&format!("Write {file}"));
    place.wait_for_sessions(number as usize);
}

/// A repository with a session that its remote has, one of the same branch that it has not, and one of a branch
/// that it does not know.
fn partly_pushed(mode: &str, refspec: &str) -> (World, Place) {
    let world = World::new();
    let (work, _) = world.shared();
    push_a_part(&world, &work, mode, refspec);
    (world, work)
}

fn push_a_part(world: &World, work: &Place, mode: &str, refspec: &str) {
    work.git(&["config", "opensession.fanout-mode", mode]);
    commit_work(world, work, 1);
    work.git(&["push", "--quiet", "origin", "main"]);
    commit_work(world, work, 2);
    work.git(&["switch", "--quiet", "--create", "topic"]);
    commit_work(world, work, 3);
    work.git(&["config", "--add", "remote.origin.fetch", refspec]);
    // What is not in the repository is nowhere else.
    std::fs::remove_dir_all(world.home().join(".claude")).expect("the logs");
}

#[test]
fn no_refspec_and_no_pruning_loses_a_session_that_was_not_pushed() {
    for (mode, refspec) in [
        ("hidden_ref", "+refs/opensession/*:refs/opensession/*"),
        ("hidden_ref", "+refs/opensession/branches/*:refs/opensession/branches/*"),
        ("hidden_ref", "+refs/*:refs/*"),
        ("git_notes", "+refs/notes/*:refs/notes/*"),
        ("git_notes", "+refs/*:refs/*"),
    ] {
        for prune in ["--no-prune", "--prune"] {
            let (_world, work) = partly_pushed(mode, refspec);
            if refspec == "+refs/*:refs/*" {
                // git fetches into no branch that is checked out, and prunes the others.
                work.git(&["checkout", "--quiet", "--detach"]);
            }
            work.git(&["fetch", "--quiet", prune, "--update-head-ok", "origin"]);
            work.git(&["gc", "--quiet", "--prune=now"]);
            assert_eq!(work.stored(), [id(1), id(2), id(3)], "{mode} {refspec} {prune}");
            work.git(&["fsck", "--strict"]);
        }
    }
}

/// Such a fetch takes what keeps the objects as well. git prunes them two weeks later; the tips are still known.
#[test]
fn with_reftable_what_a_pruning_fetch_took_comes_back_until_its_objects_are_pruned() {
    for (mode, refspec) in [
        ("hidden_ref", "+refs/opensession/*:refs/opensession/*"),
        ("hidden_ref", "+refs/*:refs/*"),
        ("git_notes", "+refs/*:refs/*"),
    ] {
        let world = World::new();
        if !world.has_git((2, 45), "reftable") {
            return;
        }
        let (remote, work) = (world.bare("remote.git"), world.place("work"));
        work.with("GIT_DEFAULT_REF_FORMAT", "reftable").git(&["init", "--quiet"]);
        work.write("README.md", "# Work\n");
        work.commit_all("Begin");
        work.git(&["remote", "add", "origin", &remote.path.display().to_string()]);
        work.git(&["push", "--quiet", "--set-upstream", "origin", "main"]);
        work.session(&["hooks", "install"]).ok();
        push_a_part(&world, &work, mode, refspec);
        work.git(&["checkout", "--quiet", "--detach"]);
        work.git(&["fetch", "--quiet", "--prune", "--update-head-ok", "origin"]);
        work.git(&["gc", "--quiet"]);
        assert_eq!(work.stored(), [id(1), id(2), id(3)], "{mode} {refspec}");
        work.git(&["gc", "--quiet", "--prune=now"]);
        assert_eq!(work.stored(), [id(1), id(2), id(3)], "{mode} {refspec}: what came back is kept again");
    }
}

/// git 2.48 and newer warn of what keeps the tips; the setting that the documentation names is for that alone.
#[test]
fn the_warning_of_fsck_is_no_failure_and_can_be_switched_off() {
    let world = World::new();
    let (work, _) = world.shared();
    commit_work(&world, &work, 1);
    let ran = work.run("git", &["fsck", "--strict"]).ok();
    let others = |ran: &crate::support::Ran| -> Vec<String> {
        let lines = ran.stderr.lines().filter(|line| !line.starts_with("notice: "));
        lines.filter(|line| !line.contains("symrefTargetIsNotARef")).map(str::to_owned).collect()
    };
    assert_eq!(others(&ran), [""; 0]);
    if world.has_git((2, 48), "check of references in git fsck") {
        work.git(&["config", "fsck.symrefTargetIsNotARef", "ignore"]);
        let ran = work.run("git", &["fsck", "--strict"]).ok();
        assert!(!ran.stderr.contains("symrefTargetIsNotARef") && others(&ran).is_empty(), "{ran}");
    }
}

#[test]
fn a_commit_after_such_a_fetch_keeps_what_was_there() {
    let (world, work) = partly_pushed("hidden_ref", "+refs/opensession/*:refs/opensession/*");
    work.git(&["switch", "--quiet", "main"]);
    work.git(&["fetch", "--quiet", "--prune", "origin"]);
    commit_work(&world, &work, 4);
    assert_eq!(work.stored(), [id(1), id(2), id(3), id(4)]);
}

#[test]
fn a_fetch_of_one_command_loses_nothing_either() {
    let (_world, work) = partly_pushed("hidden_ref", "+refs/heads/*:refs/remotes/origin/*");
    work.git(&["fetch", "--quiet", "origin", "+refs/opensession/*:refs/opensession/*"]);
    assert_eq!(work.stored(), [id(1), id(2), id(3)]);
}

#[test]
fn the_doctor_names_the_refspec_and_how_to_remove_it() {
    let (_world, work) = partly_pushed("hidden_ref", "+refs/opensession/*:refs/opensession/*");
    let doctor = work.session(&["doctor"]).ok();
    assert!(doctor.stdout.contains("+refs/opensession/*:refs/opensession/*"), "{doctor}");
    let fix =
        doctor.stdout.lines().find_map(|line| line.find("git config --fixed-value").map(|at| line[at..].to_owned()));
    work.run("sh", &["-c", &fix.expect("a command")]).ok();
    assert!(!work.session(&["doctor"]).ok().stdout.contains("+refs/opensession/*:"));
}

#[test]
fn what_a_person_deletes_or_purges_stays_away() {
    let (_world, work) = partly_pushed("hidden_ref", "+refs/heads/*:refs/remotes/origin/*");
    work.git(&["update-ref", "-d", "refs/opensession/branches/dG9waWM"]);
    assert_eq!(work.stored(), [id(1), id(2)]);
    work.session(&["purge", &id(2), "--yes"]).ok();
    work.git(&["config", "--add", "remote.origin.fetch", "+refs/opensession/*:refs/opensession/*"]);
    work.git(&["fetch", "--quiet", "--prune", "origin"]);
    assert_eq!(work.stored(), [id(1)]);
    work.git(&["reflog", "expire", "--expire=now", "--all"]);
    work.git(&["gc", "--quiet", "--prune=now"]);
    let all = work.git(&["rev-list", "--objects", "--all"]);
    assert!(!all.contains(&format!("{}.hail.jsonl", id(2))), "{all}");
}

#[test]
fn a_tip_that_a_writer_noted_is_not_taken_back_while_the_reference_is_locked() {
    let world = World::new();
    let (work, _) = world.shared();
    commit_work(&world, &work, 1);
    let ledger = ".git/refs/opensession/branches/bWFpbg";
    let tip = ".git/opensession/tips/opensession/branches/bWFpbg";
    let (stored, other) = (work.read(ledger), work.git(&["rev-parse", "HEAD"]));
    // A writer notes the tip first, under the lock of the reference.
    work.write(&format!("{ledger}.lock"), "");
    work.write(tip, &other);
    work.session(&["log"]).ok();
    assert_eq!(work.read(tip), other);
    // One that was killed then leaves a tip that the reference never got.
    std::fs::remove_file(work.join(&format!("{ledger}.lock"))).expect("the lock");
    work.session(&["log"]).ok();
    assert_eq!(work.read(tip), stored);
}
