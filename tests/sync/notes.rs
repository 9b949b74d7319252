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

/// Guards against a merge by lines: `cat_sort_uniq` puts the lines of a session into another order.
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

#[test]
fn a_clone_that_was_not_told_follows_the_mode_of_the_remote() {
    let world = World::new();
    let (work, remote) = world.shared();
    in_notes_mode(&work);
    let mut ids = vec![work_in(&world, &work, 1)];
    work.git(&["push", "--quiet"]);
    // One colleague asks first, another only commits and pushes.
    let asks = world.clone_of(&remote, "asks");
    let ran = asks.session(&["sync", "--fetch-only"]).ok();
    assert!(ran.stderr.contains("origin keeps its sessions in git_notes, and so does this clone"), "{ran}");
    assert_eq!(asks.stored(), ids);
    assert_eq!(asks.session(&["sync", "--fetch-only"]).ok().stderr, "", "it is said once");
    ids.push(work_in(&world, &asks, 2));
    asks.session(&["capture"]).ok();
    asks.git(&["push", "--quiet"]);
    let pushes = world.clone_of(&remote, "pushes");
    ids.push(work_in(&world, &pushes, 3));
    pushes.wait_for_sessions(1);
    assert_eq!(pushes.references("refs/opensession/branches/").len(), 1);
    let ran = pushes.run("git", &["push", "--quiet"]).ok();
    assert!(ran.stderr.contains("origin keeps its sessions in git_notes"), "{ran}");
    assert_eq!(pushes.references("refs/opensession/branches/"), [""; 0], "it was moved");
    assert_eq!(remote.references("refs/opensession/"), [""; 0]);
    let hails = remote.tree(NOTES).into_iter().filter(|path| path.ends_with(".hail.jsonl"));
    assert_eq!(hails.count(), 3, "each once");
    for clone in [&work, &asks, &pushes] {
        clone.session(&["sync"]).ok();
        assert_eq!(clone.stored(), ids);
    }
}

#[test]
fn sessions_of_another_mode_stay_and_go_to_the_remote() {
    for [before, after] in [["hidden_ref", "git_notes"], ["git_notes", "hidden_ref"]] {
        let world = World::new();
        let (work, remote) = world.shared();
        work.git(&["config", "opensession.fanout-mode", before]);
        let mut ids = vec![work_in(&world, &work, 1)];
        work.git(&["push", "--quiet"]);
        ids.push(work_in(&world, &work, 2));
        work.wait_for_sessions(2);
        work.git(&["config", "opensession.fanout-mode", after]);
        let references = || work.git(&["for-each-ref", "refs/opensession", "refs/notes"]);
        let known = references();
        assert_eq!(work.stored(), ids);
        work.session(&["capture"]).ok();
        assert_eq!(references(), known, "what is stored in the other mode is not stored again");
        for id in &ids {
            assert!(work.session(&["show", id]).ok().stdout.contains("Write a file."));
        }
        assert!(work.session(&["review", "HEAD~2..HEAD"]).ok().stdout.contains(&ids[1][..8]));
        assert!(work.session(&["scan", "--all"]).ok().stdout.contains("2 sessions"));
        assert!(work.session(&["hydrate", "--all"]).ok().stdout.contains("no session is incomplete"));
        let ran = work.session(&["doctor"]);
        assert!(ran.stdout.contains(&format!("some sessions are kept in {before}")), "{ran}");
        ids.push(work_in(&world, &work, 3));
        work.wait_for_sessions(3);
        work.git(&["push", "--quiet"]);
        let clone = world.clone_of(&remote, "clone");
        clone.session(&["sync", "--fetch-only"]).ok();
        assert_eq!(clone.stored(), ids, "{before}");
        // An amended commit keeps the session of the other mode.
        work.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
        work.git(&["commit", "--quiet", "--amend", "--message", "Amended"]);
        let head = work.git(&["rev-parse", "HEAD"]);
        let commits = work.json(&["show", &ids[1]])["commits"].to_string();
        assert!(commits.contains(head.trim()), "{before}: {commits}");
        // What is purged comes back in neither.
        work.session(&["redact", &ids[0], "--text", "Write a file."]).ok();
        let later = work.with("GIT_SESSION_NOW", "2026-02-02T12:00:00Z");
        later.session(&["purge", &ids[1], "--yes"]).ok();
        later.session(&["capture"]).ok();
        assert_eq!(work.stored(), [ids[0].clone(), ids[2].clone()]);
        later.session(&["sync"]).ok();
        clone.session(&["sync"]).ok();
        assert_eq!(clone.stored(), [ids[0].clone(), ids[2].clone()], "{before}");
        work.session(&["doctor", "--fix", "--yes", "--fanout-mode", after]).ok();
        assert_eq!(work.stored(), [ids[0].clone(), ids[2].clone()]);
    }
}

#[test]
fn notes_that_another_tool_has_git_join_stay_whole() {
    for mode in ["concatenate", "cat_sort_uniq", "overwrite"] {
        let world = World::new();
        let (work, _) = world.shared();
        in_notes_mode(&work);
        work.git(&["config", "notes.rewriteRef", "refs/notes/*"]);
        work.git(&["config", "notes.rewriteMode", mode]);
        let ids = [work_in(&world, &work, 1), work_in(&world, &work, 2)];
        work.wait_for_sessions(2);
        work.git(&["notes", "--ref=opensession", "append", "-m", "Seen by a person"]);
        for _ in 0..2 {
            work.git(&["commit", "--quiet", "--amend", "--no-edit", "--date=2026-02-03T00:00:00Z"]);
        }
        let picked = work.with("GIT_SEQUENCE_EDITOR", "sed -i 2s/pick/fixup/");
        picked.git(&["rebase", "--quiet", "--interactive", "HEAD~2"]);
        let head = work.git(&["rev-parse", "HEAD"]).trim().to_owned();
        let note = work.git(&["notes", "--ref=opensession", "show", "HEAD"]);
        for id in &ids {
            assert_eq!(
                note.lines().filter(|line| line.starts_with('{') && line.contains(id)).count(),
                1,
                "{mode}: {note}"
            );
            assert!(work.json(&["show", id])["commits"].to_string().contains(&head), "{mode}: {id}");
        }
        assert_eq!(note.matches("AI sessions of this commit:").count(), 1, "{mode}: {note}");
        assert!(note.matches("Seen by a person").count() == 1, "{mode}: {note}");
        assert_eq!(work.stored(), ids);
        assert_eq!(work.tree(NOTES).iter().filter(|path| path.ends_with(".hail.jsonl")).count(), 2);
        let ran = work.session(&["doctor"]);
        let fix = "git config --replace-all notes.rewriteRef refs/notes/commits '^refs/notes/\\*$'";
        assert!(ran.stdout.contains("notes.rewriteRef=refs/notes/*") && ran.stdout.contains(fix), "{ran}");
    }
}
