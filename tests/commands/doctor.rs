//! `git session doctor`, `hooks status`, `quickstart`.

use std::{
    fs::File,
    path::Path,
    time::{Duration, SystemTime},
};

use super::{FIRST, check, first_log, two_sessions};
use crate::support::{NOW, World};

const LOCK: &str = ".git/refs/opensession/branches/bWFpbg.lock";
const FIX: [&str; 5] = ["doctor", "--fix", "--yes", "--fanout-mode", "hidden_ref"];

/// Makes a file look as if it had been written `minutes` ago.
fn age(file: &Path, minutes: u64) {
    let now: chrono::DateTime<chrono::Utc> = NOW.parse().expect("a time");
    let then = SystemTime::from(now) - Duration::from_secs(60 * minutes);
    File::options().write(true).open(file).and_then(|file| file.set_modified(then)).expect("a file");
}

#[test]
fn finds_a_healthy_repository_healthy() {
    let (world, work, _) = two_sessions();
    check(&world, "doctor_healthy", &work.session(&["doctor"]));
    let answer = work.json(&["doctor"]);
    assert_eq!(answer["schema_version"], 1);
    for check in answer["checks"].as_array().expect("an array") {
        assert!(["ok", "info"].contains(&check["status"].as_str().expect("a status")), "{check}");
    }
}

#[test]
fn names_what_is_missing_and_how_to_mend_it() {
    let world = World::new();
    let work = world.repository("work");
    check(&world, "doctor_no_hooks", &work.session(&["doctor"]));
}

#[test]
fn mends_nothing_unasked() {
    let world = World::new();
    let work = world.repository("work");
    check(&world, "doctor_fix_no_mode", &work.session(&["doctor", "--fix", "--yes"]));
    check(&world, "doctor_fix_no_yes", &work.session(&["doctor", "--fix", "--fanout-mode", "hidden_ref"]));
    check(&world, "doctor_yes_alone", &work.session(&["doctor", "--yes"]));
    check(&world, "doctor_bad_mode", &work.session(&["doctor", "--fix", "--fanout-mode", "pigeon"]));
    assert_eq!(work.run("git", &["config", "opensession.fanout-mode"]).code, 1, "nothing was set");
    assert_eq!(work.session(&["hooks", "status"]).code, 1, "nothing was installed");
}

#[test]
fn mends_what_it_is_told_to() {
    let world = World::new();
    let work = world.repository("work");
    let fix = ["doctor", "--fix", "--yes", "--fanout-mode", "hidden_ref"];
    check(&world, "doctor_fix", &work.session(&fix));
    check(&world, "doctor_fix_again", &work.session(&fix));
    assert_eq!(work.git(&["config", "opensession.fanout-mode"]), "hidden_ref\n");
    work.session(&["hooks", "status"]).ok();
    // The mode is stored now.
    work.session(&["doctor", "--fix", "--yes"]).ok();
}

#[test]
fn explains_a_setting_without_meaning() {
    let (world, work, _) = two_sessions();
    work.git(&["config", "opensession.fanout-mode", "pigeon"]);
    check(&world, "doctor_bad_setting", &work.session(&["doctor"]));
    check(&world, "log_bad_setting", &work.session(&["log"]));
    work.git(&["config", "opensession.fanout-mode", "hidden_ref"]);
    work.git(&["config", "opensession.trailers", "session,colour"]);
    check(&world, "doctor_bad_trailers", &work.session(&["doctor"]));
    work.git(&["config", "opensession.trailers", "session"]);
    work.git(&["config", "opensession.remotes", "upstream"]);
    check(&world, "doctor_bad_remote", &work.session(&["doctor"]));
}

#[test]
fn a_bad_setting_blocks_no_commit_and_no_push() {
    let (_world, work, _) = two_sessions();
    work.git(&["config", "opensession.fanout-mode", "pigeon"]);
    work.write("more.txt", "more\n");
    work.git(&["add", "--all"]);
    let ran = work.run("git", &["commit", "--quiet", "-m", "More"]).ok();
    assert!(ran.stderr.is_empty() || ran.stderr.contains("opensession.fanout-mode"), "{ran}");
    work.run("git", &["push", "--quiet", "origin", "main"]).ok();
}

#[test]
fn explains_a_configuration_that_git_cannot_read() {
    let (world, work, _) = two_sessions();
    work.write(".git/config", "[core\n  broken\n");
    let ran = work.session(&["log"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(!ran.stderr.contains("git init"), "it is a repository, only its configuration is broken: {ran}");
    assert!(ran.stderr.contains("config"), "{ran}");
    drop(world);
}

#[test]
fn tells_how_the_hooks_stand() {
    let (world, work, _) = two_sessions();
    work.git(&["config", "opensession.hooks", "scripts"]);
    work.session(&["hooks", "install"]).ok();
    check(&world, "hooks_status", &work.session(&["hooks", "status"]));
    check(&world, "hooks_status_json", &work.session(&["hooks", "status", "--json"]));
    work.session(&["hooks", "uninstall"]).ok();
    check(&world, "hooks_status_none", &work.session(&["hooks", "status"]));
}

#[test]
fn shows_the_way_in() {
    let world = World::new();
    let place = world.place("anywhere");
    check(&world, "quickstart", &place.session(&["quickstart"]));
    assert_eq!(place.json(&["quickstart"])["schema_version"], 1);
}

#[test]
fn warns_of_a_git_without_identity() {
    let world = World::new();
    let work = world.repository("work");
    work.session(&["hooks", "install"]).ok();
    std::fs::write(world.home().join(".gitconfig"), "[user]\n\tuseConfigOnly = true\n").expect("a configuration");
    check(&world, "doctor_no_identity", &work.session(&["doctor"]));
}

#[test]
fn names_a_lock_that_a_killed_process_left() {
    let (world, work, _) = two_sessions();
    work.write(".git/refs/opensession/branches/bWFpbg.lock", "");
    check(&world, "doctor_stale_lock", &work.session(&["doctor"]));
    // Nothing is lost: what cannot be stored waits.
    crate::support::ClaudeLog::new(&world, &work, "33333333-2222-4333-8444-555555555555")
        .prompt("Go on.")
        .writes(&work, "more.rs", "// more\n")
        .save();
    work.commit_all("More");
    check(&world, "capture_stale_lock", &work.session(&["capture"]));
    std::fs::remove_file(work.join(".git/refs/opensession/branches/bWFpbg.lock")).expect("a lock");
    work.session(&["capture"]).ok();
    assert_eq!(work.stored().len(), 3);
}

#[test]
fn doctor_removes_a_stale_lock_with_consent() {
    let (_world, work, _) = two_sessions();
    let files = [LOCK, ".git/refs/notes/opensession.lock", ".git/objects/.tmpa1B2c3", ".git/opensession/.tmpZ9y8X7"];
    for file in files {
        work.write(file, "");
        age(&work.join(file), 65);
    }
    let others = [".git/refs/heads/main.lock", ".git/objects/tmp_obj_a1B2c3"];
    for file in others {
        work.write(file, "");
        age(&work.join(file), 65);
    }
    let found = work.session(&["doctor"]).ok();
    assert!(found.stdout.contains("bWFpbg.lock was left 1 h 05 min ago"), "{found}");
    assert!(found.stdout.contains("2 left by processes that were killed"), "{found}");
    let unasked = work.session(&["doctor", "--fix", "--fanout-mode", "hidden_ref"]);
    assert_eq!(unasked.code, 2, "{unasked}");
    assert!(files.iter().all(|file| work.join(file).exists()), "nobody agreed");
    let done = work.session(&FIX).ok();
    for file in files {
        assert!(done.stdout.contains(&format!("{}, 1 h 05 min old", work.join(file).display())), "{file}: {done}");
        assert!(!work.join(file).exists(), "{file}");
    }
    assert!(others.iter().all(|file| work.join(file).exists()), "what is not ours stays");
    work.session(&["capture"]).ok();
}

#[test]
fn doctor_never_removes_a_fresh_lock_or_one_that_is_held() {
    let (_world, work, _) = two_sessions();
    work.write(LOCK, "");
    age(&work.join(LOCK), 2);
    let held = ".git/refs/opensession/branches/dG9waWM.lock";
    work.write(held, "");
    age(&work.join(held), 65);
    let _holder = File::open(work.join(held)).expect("a lock");
    let newer = ".git/objects/.tmpa1B2c3";
    work.write(newer, "");
    let done = work.session(&FIX).ok();
    assert!(done.stdout.contains("in the way, unless a git command is running right now"), "{done}");
    assert!(!done.stdout.contains("remove"), "{done}");
    for file in [LOCK, held, newer] {
        assert!(work.join(file).exists(), "{file}");
    }
}

#[test]
fn tells_the_records_that_are_new_to_the_parser_and_the_versions() {
    let world = World::new();
    let work = world.repository("work");
    let log = first_log(&world, &work);
    log.save();
    let text = std::fs::read_to_string(log.file()).expect("a log").replace("2.1.42", "2.9.0");
    let mut record: serde_json::Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    record["type"] = "wind-report".into();
    record["uuid"] = "wind".into();
    std::fs::write(log.file(), format!("{text}{record}\n")).expect("written");
    work.session(&["capture"]).ok();
    assert!(work.session(&["show", "--format", "hail", FIRST]).ok().stdout.contains("wind-report"));
    let answer = work.json(&["doctor"]);
    let said = |name: &str| {
        let checks = answer["checks"].as_array().expect("an array");
        let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {answer}"));
        (check["status"].clone(), check["message"].clone())
    };
    let message = "kept as they are, because they are new: claude-code 2.9.0: wind-report (1)";
    assert_eq!(said("kinds of records"), ("warning".into(), message.into()));
    let message = "claude-code 2.9.0 is newer than 2.1.258, the newest that is known";
    assert_eq!(said("agents' versions"), ("info".into(), message.into()));
}
