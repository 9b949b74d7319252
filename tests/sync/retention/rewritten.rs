//! Commits that live on under other ids, without a word of their sessions: what a forge or a rebase makes.

use super::{TOPIC, id, topic_with};
use crate::support::{ClaudeLog, Place, World};

/// How the janitor comes to it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum From {
    /// The clone where the work was done.
    Work,
    /// The server itself.
    Server,
    /// A clone that never had the commits of the branch.
    Fresh,
}

/// Works on `topic` in commits of three sessions, has `merge` make something else of it on main, and deletes
/// `topic`. Returns the sessions that a new clone gets after the janitor was there.
fn left_after(merge: &dyn Fn(&World, &Place), from: From) -> Vec<String> {
    let world = World::new();
    let (work, remote) = world.shared();
    work.write("shared.txt", &(1..=30).map(|line| format!("line {line}\n")).collect::<String>());
    work.commit_all("Add lines");
    work.git(&["push", "--quiet", "--no-verify", "origin", "main"]);
    work.git(&["switch", "--quiet", "-c", "topic"]);
    for number in 1..=3_u32 {
        let file = format!("file-{number}.txt");
        ClaudeLog::new(&world, &work, &id(number))
            .prompt("Write it.")
            .writes(&work, &file, &format!("content {number}\n"))
            .save();
        work.commit_all(&format!("Write {file}"));
    }
    work.wait_for_sessions(3);
    work.git(&["push", "--quiet", "origin", "topic"]);
    work.session(&["sync"]).ok();
    work.git(&["switch", "--quiet", "main"]);
    merge(&world, &work);
    work.git(&["push", "--quiet", "--no-verify", "origin", "main", ":topic"]);
    work.git(&["branch", "--quiet", "-D", "topic"]);
    let run = ["cleanup", "run", "--apply", "--hidden-ttl-days", "0"];
    let ran = match from {
        From::Work => work.session(&run),
        From::Server => remote.session(&[&run[..], &["--local"]].concat()),
        // Without the hardlinks of a local clone, which has every object.
        From::Fresh => {
            let url = format!("file://{}", remote.path.display());
            world.place(".").git(&["clone", "--quiet", &url, "fresh"]);
            let fresh = world.place("fresh");
            fresh.session(&run)
        }
    };
    ran.ok();
    let cold = world.clone_of(&remote, "cold");
    cold.session(&["sync", "--fetch-only"]).ok();
    cold.stored()
}

/// A commit of somebody else on main, after the branch began.
fn move_main(work: &Place) {
    let text = work.read("shared.txt").replace("line 3\n", "line three\n");
    work.write("shared.txt", &text);
    work.git(&["add", "--all"]);
    work.git(&["commit", "--quiet", "--no-verify", "-m", "Spell a number"]);
}

fn squash(work: &Place) {
    work.git(&["merge", "--quiet", "--squash", "topic"]);
    let alone = work.with("OPENSESSION_DISABLE", "1");
    alone.git(&["commit", "--quiet", "-m", "Write three files (#1)"]);
    assert_eq!(work.message("HEAD"), "Write three files (#1)\n");
}

fn all() -> Vec<String> {
    [1, 2, 3].map(id).to_vec()
}

#[track_caller]
fn stays(merge: &dyn Fn(&World, &Place)) {
    for from in [From::Work, From::Server, From::Fresh] {
        assert_eq!(left_after(merge, from), all(), "{from:?}");
    }
}

#[test]
fn a_squash_merge_that_names_nothing_keeps_every_session_of_the_branch() {
    stays(&|_, work| squash(work));
}

#[test]
fn so_does_one_after_the_default_branch_had_moved_on() {
    stays(&|_, work| {
        move_main(work);
        squash(work);
    });
}

#[test]
fn so_does_one_that_the_default_branch_was_merged_into_before() {
    stays(&|_, work| {
        move_main(work);
        work.git(&["switch", "--quiet", "topic"]);
        work.with("OPENSESSION_DISABLE", "1").git(&["merge", "--quiet", "--no-edit", "main"]);
        work.git(&["switch", "--quiet", "main"]);
        let text = work.read("shared.txt").replace("line 29\n", "line twenty-nine\n");
        work.write("shared.txt", &text);
        work.git(&["commit", "--quiet", "--no-verify", "-am", "Spell another"]);
        squash(work);
    });
}

#[test]
fn a_rebase_on_the_forge_that_drops_the_trailers_keeps_the_sessions() {
    stays(&|_, work| {
        move_main(work);
        for (number, commit) in ["topic~2", "topic~1", "topic"].iter().enumerate() {
            work.git(&["cherry-pick", "--no-commit", commit]);
            let message = format!("Reworded {number}");
            work.with("OPENSESSION_DISABLE", "1").git(&["commit", "--quiet", "-m", &message]);
        }
    });
}

#[test]
fn one_commit_that_was_picked_keeps_the_ledger() {
    stays(&|_, work| {
        move_main(work);
        work.git(&["cherry-pick", "--no-commit", "topic~1"]);
        work.with("OPENSESSION_DISABLE", "1").git(&["commit", "--quiet", "-m", "Only the second"]);
    });
}

#[test]
fn a_commit_with_the_tree_of_the_branch_keeps_the_ledger() {
    stays(&|_, work| {
        move_main(work);
        work.git(&["read-tree", "-u", "--reset", "topic"]);
        work.with("OPENSESSION_DISABLE", "1").git(&["commit", "--quiet", "-m", "As it is there"]);
    });
}

#[test]
fn what_was_never_merged_goes() {
    for from in [From::Work, From::Server, From::Fresh] {
        let left = left_after(&|_, work| move_main(work), from);
        assert!(left.is_empty(), "{from:?}: {left:?}");
    }
}

#[test]
fn a_revert_on_the_branch_is_nothing_that_lives_on() {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1]);
    // Back to the tree of main, in a commit that is linked to a session.
    std::fs::remove_file(work.join("file-1.txt")).expect("a file");
    work.git(&["add", "--all"]);
    work.git(&["commit", "--quiet", "-m", "Go back", "-m", &format!("AI-Session: {}", id(1))]);
    work.git(&["push", "--quiet", "origin", "topic"]);
    super::drop_topic(&work);
    let done = work.json(&["cleanup", "run", "--apply", "--hidden-ttl-days", "0"]);
    assert_eq!(super::deleted(&done), [TOPIC], "{done}");
    assert!(remote.stored().is_empty());
}

#[test]
fn a_commit_that_is_not_here_and_of_which_nothing_was_noted_keeps_the_ledger() {
    let world = World::new();
    let (work, remote) = world.shared();
    topic_with(&world, &work, &[1]);
    let commit = work.git(&["rev-parse", "topic"]);
    // The link as another tool writes it.
    let path = format!("v1/index/commits/{}/{}.json", commit.trim(), id(1));
    let text = work.git(&["show", &format!("{TOPIC}:{path}")]);
    let mut entry: serde_json::Value = serde_json::from_str(&text).expect("an entry");
    for key in ["patch_id", "tree", "blobs"] {
        entry.as_object_mut().expect("an object").remove(key);
    }
    std::fs::write(work.join("entry"), entry.to_string()).expect("a file");
    let blob = work.git(&["hash-object", "-w", "entry"]);
    std::fs::remove_file(work.join("entry")).expect("a file");
    let index = work.with("GIT_INDEX_FILE", &work.join(".git/other-index").display().to_string());
    index.git(&["read-tree", TOPIC]);
    index.git(&["update-index", "--cacheinfo", &format!("100644,{},{path}", blob.trim())]);
    let tree = index.git(&["write-tree"]);
    let ledger = work.git(&["commit-tree", "-m", "session: linked", tree.trim()]);
    work.git(&["push", "--quiet", "--no-verify", "--force", "origin", &format!("{}:{TOPIC}", ledger.trim())]);
    super::drop_topic(&work);
    let url = format!("file://{}", remote.path.display());
    world.place(".").git(&["clone", "--quiet", &url, "fresh"]);
    let run = ["cleanup", "run", "--apply", "--hidden-ttl-days", "0"];
    let kept = world.place("fresh").json(&run);
    let reason = super::on_remote(&kept)["unknown"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("is missing, and its changes were not recorded"), "{kept}");
    assert_eq!(super::deleted(&work.json(&run)), [TOPIC], "where the commit is, its changes are known");
}
