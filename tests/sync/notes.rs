//! Notes mode from end to end.

use crate::support::{ClaudeLog, Place, World};

const NOTES: &str = "refs/notes/opensession";

fn in_notes_mode(place: &Place) {
    place.git(&["config", "opensession.fanout-mode", "git_notes"]);
}

fn work_in(world: &World, clone: &Place, number: u32) -> String {
    let id = format!("{number:08}-2222-4333-8444-555555555555");
    let file = format!("file-{number}.txt");
    ClaudeLog::new(world, clone, &id).prompt("Write a file.").writes(clone, &file, "content\n").save();
    clone.commit_all(&format!("Write {file}"));
    id
}

/// How many times git pushes when a person does.
fn pushes(world: &World, work: &Place, name: &str) -> usize {
    let file = world.path().join(name);
    work.with("GIT_TRACE", &file.display().to_string()).git(&["push", "--quiet"]);
    let trace = std::fs::read_to_string(file).expect("a trace");
    trace.lines().filter(|line| line.contains("trace: built-in: git push ")).count()
}

#[test]
fn a_push_carries_the_notes_and_a_colleague_reads_them() {
    let world = World::new();
    let (work, remote) = world.shared();
    in_notes_mode(&work);
    let id = work_in(&world, &work, 1);
    assert_eq!(pushes(&world, &work, "first"), 2);
    assert_eq!(remote.references("refs/notes/"), [NOTES]);
    assert_eq!(remote.references("refs/opensession/"), [""; 0]);
    assert!(remote.git(&["notes", "--ref=opensession", "show", "main"]).contains(&id));
    work.write("by-hand.txt", "x\n");
    work.commit_all("By hand");
    assert_eq!(pushes(&world, &work, "second"), 1);

    let other = world.clone_of(&remote, "other");
    in_notes_mode(&other);
    assert_eq!(other.json(&["sync"])["fetched"][0], "*");
    assert_eq!(other.stored(), std::slice::from_ref(&id));
    assert_eq!(other.json(&["log"])[0]["branch"], "main");
    assert_eq!(other.json(&["show", "commit:HEAD~1"])["id"], id);
    let hail = |place: &Place| place.session(&["show", &id, "--format", "hail"]).ok().stdout;
    assert_eq!(hail(&other), hail(&work));
    assert!(other.session(&["sync"]).ok().stdout.contains("up to date with origin"));
}

#[test]
fn two_clones_that_push_notes_lose_nothing() {
    let world = World::new();
    let (work, remote) = world.shared();
    let other = world.clone_of(&remote, "other");
    in_notes_mode(&work);
    in_notes_mode(&other);
    let mut ids = vec![work_in(&world, &work, 1), work_in(&world, &other, 2)];
    work.git(&["push", "--quiet"]);
    other.git(&["pull", "--quiet", "--rebase"]);
    other.git(&["push", "--quiet"]);
    // Another branch, while the other clone's work is not here yet.
    work.git(&["switch", "--quiet", "-c", "topic"]);
    ids.push(work_in(&world, &work, 3));
    work.git(&["push", "--quiet", "origin", "topic"]);
    work.session(&["sync"]).ok();
    other.session(&["sync"]).ok();
    assert_eq!((work.stored(), other.stored()), (ids.clone(), ids.clone()));
    assert_eq!(work.git(&["rev-parse", NOTES]), remote.git(&["rev-parse", NOTES]));
    other.git(&["fetch", "--quiet"]);
    for (commit, id) in ["origin/main", "origin/topic"].iter().zip([&ids[1], &ids[2]]) {
        assert_eq!(&other.json(&["show", &format!("commit:{commit}")])["id"], id, "{commit}");
        assert!(other.git(&["notes", "--ref=opensession", "show", commit]).contains(id.as_str()), "{commit}");
    }
    let branch = |id: &str| other.json(&["show", id])["ledger"]["branch"].clone();
    assert_eq!((branch(&ids[0]), branch(&ids[2])), ("main".into(), "topic".into()));
}

#[test]
fn an_amended_commit_keeps_its_session() {
    let world = World::new();
    let (work, _) = world.shared();
    in_notes_mode(&work);
    let id = work_in(&world, &work, 1);
    work.wait_for_sessions(1);
    work.git(&["commit", "--quiet", "--amend", "--message", "Another message"]);
    assert_eq!(work.json(&["show", "commit:HEAD"])["id"], id);
    assert!(work.git(&["notes", "--ref=opensession", "show", "HEAD"]).contains(&id));
}

#[test]
fn cleanup_leaves_the_notes_alone() {
    let world = World::new();
    let (work, remote) = world.shared();
    in_notes_mode(&work);
    work.git(&["switch", "--quiet", "-c", "topic"]);
    let id = work_in(&world, &work, 1);
    work.git(&["push", "--quiet", "origin", "topic"]);
    work.git(&["switch", "--quiet", "main"]);
    work.git(&["branch", "--quiet", "-D", "topic"]);
    work.git(&["push", "--quiet", "origin", "--delete", "topic"]);
    let done = work.json(&["cleanup", "run", "--hidden-ttl-days", "0", "--apply"]);
    assert_eq!(done["places"].as_array().map(Vec::len), Some(2), "{done}");
    for place in done["places"].as_array().expect("an array") {
        assert_eq!(place["deleted"].as_array().map(Vec::len), Some(0), "{done}");
    }
    assert_eq!(
        (work.references("refs/notes/"), remote.references("refs/notes/")),
        (vec![NOTES.into()], vec![NOTES.into()])
    );
    assert_eq!(work.stored(), [id]);
}

/// Guards against a union by lines: `cat_sort_uniq` puts the lines of a session into another order.
#[test]
fn sessions_keep_their_lines_in_order_whatever_notes_are_merged_by() {
    let world = World::new();
    let (work, remote) = world.shared();
    let other = world.clone_of(&remote, "other");
    for place in [&work, &other] {
        in_notes_mode(place);
        place.git(&["config", "notes.mergeStrategy", "cat_sort_uniq"]);
        place.git(&["config", "notes.rewriteMode", "cat_sort_uniq"]);
        place.git(&["config", "notes.rewriteRef", NOTES]);
    }
    let ids = [work_in(&world, &work, 1), work_in(&world, &other, 2)];
    work.git(&["push", "--quiet"]);
    other.git(&["pull", "--quiet", "--rebase"]);
    other.git(&["push", "--quiet"]);
    work.session(&["sync"]).ok();
    other.session(&["sync"]).ok();
    for id in &ids {
        let hail = |place: &Place| place.session(&["show", id, "--format", "hail"]).ok().stdout;
        assert!(hail(&work).starts_with("{\"type\":\"header\"") && hail(&work).lines().count() > 2, "{}", hail(&work));
        assert!(hail(&work).lines().last().is_some_and(|line| line.starts_with("{\"type\":\"stats\"")));
        assert_eq!(hail(&work), hail(&other));
    }
}
