//! Going from one way of keeping sessions to another and back.

use std::collections::BTreeSet;

use git_session::{
    git::Repository,
    ledger::{self, BranchName, Ledger, Link, switch::Switch},
};

use super::{ID, capture, now, session, tip_of};
use crate::support::{ClaudeLog, Place, World};

fn backends() -> [&'static dyn Ledger; 2] {
    ["hidden_ref", "git_notes"].map(|name| ledger::by_name(name).expect("a backend"))
}

fn switch<'a>(repository: &'a Repository, from: &'static dyn Ledger, to: &'static dyn Ledger) -> Switch<'a> {
    Switch { repository, from, to, now: now() }
}

/// A repository with two commits, several sessions, one of them in the ledgers of two branches, one
/// kept in two versions, and one without a commit.
fn stocked(world: &World) -> (Place, Repository) {
    let [hidden, _] = backends();
    let work = world.repository("work");
    work.git(&["config", "user.name", "A. Developer"]);
    work.git(&["config", "user.email", "developer@example.org"]);
    work.git(&["commit", "--quiet", "--allow-empty", "--message", "One"]);
    work.git(&["commit", "--quiet", "--allow-empty", "--message", "Two"]);
    let repository = Repository::open(&work.path).expect("a repository");
    let link = |spec| Link::new(repository.resolve(spec).expect("a commit"), "trailer");
    let [main, odd] = [BranchName::from("main"), BranchName::from(b"gr\xfcn".as_slice())];
    let both = capture(session(ID, &["one"]), vec![link("HEAD")]);
    let store = |branch: &BranchName, captures: &[_]| hidden.store(&repository, branch, captures, now()).expect("ok");
    store(&main, &[both.clone(), capture(session("aaaa", &["a"]), vec![link("HEAD"), link("HEAD~1")])]);
    store(&odd, &[both, capture(session("bbbb", &["b"]), Vec::new()), capture(session("cccc", &["c"]), Vec::new())]);
    store(&BranchName::from("x".repeat(250).as_str()), &[capture(session("dddd", &["d"]), Vec::new())]);
    let apart = super::stored_apart(hidden, &repository, &odd, &[capture(session("cccc", &["other"]), Vec::new())]);
    hidden.merge(&repository, &odd, apart, now()).expect("a merge");
    (work, repository)
}

/// What a ledger shows: sessions with branch and bytes, links.
fn shown(ledger: &dyn Ledger, repository: &Repository) -> BTreeSet<String> {
    let mut shown = BTreeSet::new();
    for tip in ledger.tips(repository).expect("tips") {
        for listed in ledger.sessions(repository, &tip).expect("sessions") {
            let bytes = String::from_utf8(listed.read(repository).expect("bytes")).expect("text");
            for branch in listed.branches() {
                shown.insert(format!("{:?} {} {bytes} {:?}", branch, listed.key, listed.meta.git));
            }
        }
        for (commit, entry) in ledger.links(repository, &tip).expect("links").entries {
            shown.insert(format!("{commit} {} {} {:?}", entry.session_id, entry.stored_at, entry.evidence));
        }
    }
    shown
}

#[test]
fn there_and_back_gives_the_same_bytes_links_and_trees() {
    let world = World::new();
    let (work, repository) = stocked(&world);
    let [hidden, notes] = backends();
    let before = shown(hidden, &repository);
    let tree_of = |reference: &String| work.git(&["rev-parse", &format!("{reference}^{{tree}}")]);
    let trees = || work.references("refs/opensession/").iter().map(tree_of).collect::<Vec<_>>();
    let trees_before = trees();
    let there = switch(&repository, hidden, notes);
    assert_eq!(there.copy().expect("a copy").sessions, 6);
    assert_eq!(shown(notes, &repository), before);
    let released = there.release().expect("a release");
    assert_eq!((released.removed.len(), released.kept.len()), (3, 0));
    assert_eq!(work.references("refs/opensession/"), [""; 0]);
    let back = switch(&repository, notes, hidden);
    back.copy().expect("a copy");
    back.release().expect("a release");
    assert_eq!(work.references("refs/notes/"), [""; 0]);
    assert_eq!(shown(hidden, &repository), before);
    assert_eq!(trees(), trees_before);
}

#[test]
fn a_switch_that_was_broken_off_is_finished_and_never_undone() {
    let world = World::new();
    let (work, repository) = stocked(&world);
    let [hidden, notes] = backends();
    let before = shown(hidden, &repository);
    let there = switch(&repository, hidden, notes);
    // Nothing is released that was not copied.
    assert_eq!(there.release().expect("a release").removed, [""; 0]);
    there.copy().expect("a copy");
    let tip = tip_of(notes, &repository, &BranchName::every());
    there.copy().expect("another copy");
    assert_eq!(tip_of(notes, &repository, &BranchName::every()), tip, "once more changes nothing");
    // A session goes on in the old mode after the copy.
    let grown = [capture(session("aaaa", &["a", "more"]), Vec::new())];
    hidden.store(&repository, &BranchName::from("main"), &grown, now()).expect("a store");
    let released = there.release().expect("a release");
    assert_eq!((released.removed.len(), released.kept.len()), (2, 1), "{released:?}");
    assert!(there.is_needed().expect("a look"));
    there.copy().expect("a copy");
    assert_eq!(there.release().expect("a release").kept, []);
    assert!(!there.is_needed().expect("a look"));
    assert!(shown(notes, &repository).len() >= before.len());
    assert_eq!(work.references("refs/opensession/"), [""; 0]);
}

#[test]
fn fetched_sessions_come_along_and_broken_ones_do_not_stand_in_the_way() {
    let world = World::new();
    let (work, repository) = stocked(&world);
    let [hidden, notes] = backends();
    let before = shown(hidden, &repository);
    let known = BranchName::from("main").remote_reference("origin");
    work.git(&["update-ref", &known, &BranchName::from("main").reference()]);
    work.git(&["update-ref", "-d", &BranchName::from("main").reference()]);
    work.write("broken", "no metadata");
    let blob = work.git(&["hash-object", "-w", "broken"]).trim().to_owned();
    let index = work.with("GIT_INDEX_FILE", "broken-index");
    index.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{blob},v1/ee/eeee.meta.json")]);
    let tree = index.git(&["write-tree"]).trim().to_owned();
    let commit = work.git(&["commit-tree", "-m", "Broken", &tree]).trim().to_owned();
    let broken = BranchName::from("broken").remote_reference("origin");
    work.git(&["update-ref", &broken, &commit]);
    let there = switch(&repository, hidden, notes);
    let copied = there.copy().expect("a copy");
    assert_eq!((copied.sessions, copied.passed_over.len()), (6, 1));
    assert_eq!(copied.passed_over[0].0, broken);
    there.release().expect("a release");
    assert_eq!(shown(notes, &repository), before);
    assert_eq!(work.references("refs/opensession-remote/"), [broken, known], "what a remote has stays known");
}

#[test]
fn a_reference_with_something_else_in_it_stays() {
    let world = World::new();
    let (work, repository) = stocked(&world);
    let [hidden, notes] = backends();
    switch(&repository, hidden, notes).copy().expect("a copy");
    work.git(&["notes", "--ref=opensession", "append", "-m", "A remark.", "HEAD"]);
    let back = switch(&repository, notes, hidden);
    back.copy().expect("a copy");
    let released = back.release().expect("a release");
    assert_eq!(released.kept[0].0, "refs/notes/opensession");
    assert!(!back.is_needed().expect("a look"), "there is nothing more to do");
    assert!(work.git(&["notes", "--ref=opensession", "show", "HEAD"]).contains("A remark."));
}

#[test]
fn doctor_switches_there_and_back() {
    let world = World::new();
    let (work, _) = world.shared();
    let id = "11111111-2222-4333-8444-555555555555";
    ClaudeLog::new(&world, &work, id).prompt("Write.").writes(&work, "a.txt", "a\n").save();
    work.commit_all("Write");
    work.wait_for_sessions(1);
    let hail = || work.session(&["show", "commit:HEAD", "--format", "hail"]).ok().stdout;
    let before = (hail(), work.json(&["log"]));
    let fix = |mode: &str| work.json(&["doctor", "--fix", "--yes", "--fanout-mode", mode]);
    let told = fix("git_notes")["fixed"].to_string();
    assert!(told.contains("move the sessions from hidden_ref to git_notes"), "{told}");
    assert!(told.contains("remove refs/opensession/branches/bWFpbg"), "{told}");
    assert_eq!(work.git(&["config", "opensession.fanout-mode"]), "git_notes\n");
    assert_eq!((hail(), work.json(&["log"])), before);
    assert!(work.git(&["notes", "--ref=opensession", "show", "HEAD"]).contains(id));
    assert_eq!(fix("git_notes")["fixed"].as_array().map(Vec::len), Some(0));
    fix("hidden_ref");
    assert_eq!(work.references("refs/notes/"), [""; 0]);
    assert_eq!((hail(), work.json(&["log"])), before);
    // Sessions that were stored in the other mode are shown, noticed and brought over.
    work.git(&["config", "opensession.fanout-mode", "git_notes"]);
    assert_eq!(work.stored(), [id]);
    let checks = work.session(&["doctor"]);
    assert!(checks.stdout.contains("some sessions are kept in hidden_ref"), "{checks}");
    work.session(&["doctor", "--fix", "--yes"]).ok();
    assert_eq!(work.references("refs/opensession/"), [""; 0]);
    assert_eq!(work.stored(), [id]);
}
