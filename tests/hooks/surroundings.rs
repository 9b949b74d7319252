//! What a commit's surroundings do to its hooks: options, variables, the index, a rebase.

use std::{fs, path::Path};

use crate::support::{ClaudeLog, CodexLog, Place, World};

const ID: &str = "11111111-2222-4333-8444-555555555555";

/// A shared repository in which a session wrote a file that is staged.
fn staged() -> (World, Place) {
    let world = World::new();
    let (work, _) = world.shared();
    ClaudeLog::new(&world, &work, ID).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.git(&["add", "--all"]);
    (world, work)
}

#[test]
fn a_message_that_names_a_session_is_not_given_its_name_again() {
    let (_world, work) = staged();
    let trailer = format!("AI-Session: {ID}");
    work.git(&["commit", "--quiet", "-m", "Write", "-m", &trailer]);
    assert_eq!(work.message("HEAD").matches("AI-Session: ").count(), 1, "{}", work.message("HEAD"));
    // And the hook may run as often as it likes.
    work.git(&["reset", "--quiet", "--soft", "HEAD~1"]);
    work.write("../message.txt", "Write\n");
    work.session(&["hook", "prepare-commit-msg", "../message.txt", "message"]).ok();
    let once = work.read("../message.txt");
    assert_eq!(once.matches("AI-Session: ").count(), 1, "{once}");
    work.session(&["hook", "prepare-commit-msg", "../message.txt", "message"]).ok();
    assert_eq!(work.read("../message.txt"), once);
}

#[test]
fn a_revert_names_nobody() {
    let (_world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "Write"]);
    work.git(&["revert", "--no-edit", "HEAD"]);
    assert!(work.message("HEAD").starts_with("Revert \"Write\""), "{}", work.message("HEAD"));
    assert_eq!(work.trailers("HEAD"), [""; 0]);
}

#[test]
fn a_variable_opts_out_where_no_verify_does_not() {
    let (_world, work) = staged();
    let disabled = work.with("OPENSESSION_DISABLE", "1");
    disabled.git(&["commit", "--quiet", "-m", "Write"]);
    assert_eq!(work.message("HEAD"), "Write\n");
    assert_eq!(work.stored(), [""; 0]);
    work.git(&["reset", "--quiet", "--soft", "HEAD~1"]);
    work.git(&["commit", "--quiet", "--no-verify", "-m", "Write"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
    work.wait_for_sessions(1);
    disabled.git(&["push", "--quiet"]);
    assert_eq!(work.git(&["ls-remote", "origin", "refs/opensession/*"]), "");
}

#[test]
fn a_commit_told_by_variables_where_it_is_gets_its_session_there() {
    let (world, work) = staged();
    let other = world.repository("other");
    let variable = |place: &Place, name: &str, path: &str| place.with(name, &work.join(path).display().to_string());
    let told = variable(&other, "GIT_DIR", ".git");
    let told = variable(&variable(&told, "GIT_WORK_TREE", ""), "GIT_INDEX_FILE", ".git/index");
    told.git(&["commit", "--quiet", "-m", "Write"]);
    assert_eq!(work.trailers("HEAD"), [ID]);
    assert_eq!(work.wait_for_sessions(1), [ID]);
    assert_eq!(other.references(""), [""; 0]);
    assert!(!other.join(".git/opensession").exists());
    assert_eq!(work.git(&["status", "--porcelain"]), "");
}

#[test]
fn the_index_is_never_written() {
    let (_world, work) = staged();
    work.git(&["commit", "--quiet", "-m", "Write"]);
    work.wait_for_sessions(1);
    // The index knows another time of this file: whoever refreshes the index writes it.
    work.run("touch", &["-d", "2026-01-05", "README.md"]).ok();
    work.write("../message.txt", "Write\n");
    let index = work.join(".git/index");
    let look =
        || (fs::read(&index).expect("an index"), index.metadata().and_then(|data| data.modified()).expect("a time"));
    let before = look();
    for arguments in [
        &["hook", "prepare-commit-msg", "../message.txt", "message"][..],
        &["hook", "commit-msg", "../message.txt"],
        &["hook", "post-commit"],
        &["hook", "capture"],
        &["capture"],
        &["log"],
        &["show", "commit:HEAD"],
        &["sync"],
        &["relink", "--dry-run"],
        &["cleanup", "run"],
        &["doctor"],
        &["hooks", "status"],
    ] {
        work.session(arguments).ok();
        assert!(look() == before, "{arguments:?} wrote the index");
    }
}

#[test]
fn a_captured_commit_does_not_wait_for_the_process_in_the_background() {
    let (_world, work) = staged();
    // Whoever holds this lock stores sessions; the capture after the commit waits for a minute.
    let lock = fs::File::create(work.join(".git/opensession/capture.lock")).expect("a lock file");
    lock.lock().expect("the lock");
    // The output is captured by pipes: a child that kept one open would hold the reader.
    work.git(&["commit", "--quiet", "-m", "Write"]);
    assert_eq!(work.stored(), [""; 0]);
    drop(lock);
    // It is still there, so the commit did not wait for its end.
    assert_eq!(work.wait_for_sessions(1), [ID]);
}

#[test]
fn a_commit_in_the_middle_of_a_rebase_belongs_to_the_branch_being_rebased() {
    for backend in ["--merge", "--apply"] {
        let world = World::new();
        let (work, _) = world.shared();
        work.git(&["switch", "--quiet", "--create", "topic/one"]);
        work.write("README.md", "theirs\n");
        work.commit_all("Theirs");
        work.git(&["switch", "--quiet", "main"]);
        work.write("README.md", "ours\n");
        work.commit_all("Ours");
        assert_ne!(work.run("git", &["rebase", backend, "main", "topic/one"]).code, 0);
        work.git(&["checkout", "--quiet", "--theirs", "README.md"]);
        ClaudeLog::new(&world, &work, ID).prompt("Solve it.").writes(&work, "a.txt", "a\n").save();
        work.git(&["add", "--all"]);
        work.git(&["commit", "--quiet", "-m", "In between", "-m", &format!("AI-Session: {ID}")]);
        work.wait_for_sessions(1);
        assert_eq!(work.json(&["log"])[0]["branch"], "topic/one", "{backend}");
    }
}

#[test]
fn logs_of_other_repositories_are_known_until_they_are_gone() {
    let world = World::new();
    let (work, _) = world.shared();
    let other = world.repository("other");
    let elsewhere = CodexLog::new(&world, &other, "019bc0de-aaaa-7bbb-8ccc-dddddddddddd")
        .prompt("There.")
        .writes(&other, "a.txt", "a\n");
    elsewhere.save();
    let id = |number: u8| format!("{number}1111111-2222-4333-8444-555555555555");
    let log = |number: u8| {
        ClaudeLog::new(&world, &work, &id(number)).prompt("Here.").writes(&work, &format!("{number}.txt"), "a\n")
    };
    let known = |log: &Path| {
        let kept = fs::read(work.join(".git/opensession/writes.sqlite")).expect("a store");
        let name = log.to_str().expect("Unicode").as_bytes();
        kept.windows(name.len()).any(|part| part == name)
    };
    let first = log(1);
    first.save();
    work.commit_all("One");
    assert_eq!(work.trailers("HEAD"), [id(1)]);
    assert!(known(elsewhere.file()) && known(first.file()));
    log(2).save();
    work.commit_all("Two");
    assert_eq!(work.trailers("HEAD"), [id(2)]);
    assert!(known(elsewhere.file()) && known(first.file()));
    for log in [elsewhere.file(), first.file()] {
        fs::remove_file(log).expect("the log goes");
    }
    log(3).save();
    work.commit_all("Three");
    assert_eq!(work.trailers("HEAD"), [id(3)]);
    // What its own log said counts though the agent deleted it.
    assert!(!known(elsewhere.file()) && known(first.file()));
}
