//! Many clones that commit and push to one branch at once lose nothing. `benches/stress.sh` does the
//! same on a larger scale.

use std::{collections::BTreeSet, thread};

use crate::support::{ClaudeLog, Place, World};

const CLONES: usize = 4;
const PUSHES: usize = 3;

/// Pushes as a person does: when somebody was faster, pull and push again.
fn push(clone: &Place) {
    for _ in 0..100 {
        clone.git(&["pull", "--quiet", "--rebase"]);
        if clone.run("git", &["push", "--quiet"]).code == 0 {
            return;
        }
    }
    panic!("a hundred pushes were all too slow");
}

fn work_in(world: &World, clone: &Place, number: usize) -> Vec<String> {
    (0..PUSHES)
        .map(|push_number| {
            let id = format!("{number:04}{push_number:04}-2222-4333-8444-555555555555");
            let file = format!("file-{number}-{push_number}.txt");
            ClaudeLog::new(world, clone, &id).prompt("Write a file.").writes(clone, &file, "content\n").save();
            clone.commit_all(&format!("Write {file}"));
            push(clone);
            id
        })
        .collect()
}

/// The ids of the sessions in the ledger of `place`.
fn sessions(place: &Place, ledger: &str) -> BTreeSet<String> {
    let id = |path: String| path.strip_suffix(".hail.jsonl")?.rsplit('/').next().map(str::to_owned);
    place.tree(ledger).into_iter().filter_map(id).collect()
}

#[test]
fn clones_that_push_at_once_lose_no_session_and_come_to_the_same_ledger() {
    push_at_once("hidden_ref", "refs/opensession/branches/bWFpbg");
}

#[test]
fn clones_that_push_notes_at_once_lose_no_session_and_come_to_the_same_ledger() {
    push_at_once("git_notes", "refs/notes/opensession");
}

fn push_at_once(mode: &str, ledger: &str) {
    let world = World::new();
    world.place(".").git(&["config", "--global", "opensession.fanout-mode", mode]);
    let (work, remote) = world.shared();
    let mut clones = vec![work];
    clones.extend((1..CLONES).map(|number| world.clone_of(&remote, &format!("clone-{number}"))));
    let world = &world;
    let written: BTreeSet<String> = thread::scope(|scope| {
        let workers: Vec<_> = clones
            .iter()
            .enumerate()
            .map(|(number, clone)| scope.spawn(move || work_in(world, clone, number)))
            .collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a clone that works")).collect()
    });
    for _ in 0..2 {
        for clone in &clones {
            clone.session(&["sync"]).ok();
        }
    }
    assert_eq!(sessions(&remote, ledger), written);
    let tip = remote.git(&["rev-parse", ledger]);
    for clone in &clones {
        assert_eq!(clone.git(&["rev-parse", ledger]), tip, "{} stands elsewhere", clone.path.display());
        let said = clone.git(&["fsck", "--strict", "--no-dangling", "--no-progress"]);
        assert_eq!(said, "", "{}", clone.path.display());
    }
}
