//! A ledger on the remote that git does not take: the others are fetched all the same.

use crate::support::{ClaudeLog, Place, World};

fn id(number: u32) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

/// A remote with the ledgers of these branches.
fn with_ledgers(branches: &[&str]) -> (World, Place) {
    let world = World::new();
    let (work, remote) = world.shared();
    for (number, branch) in (1..).zip(branches) {
        work.git(&["switch", "--quiet", "--create", branch]);
        ClaudeLog::new(&world, &work, &id(number))
            .prompt("Write.")
            .writes(&work, &format!("{number}.txt"), "x\n")
            .save();
        work.commit_all("Write");
        work.git(&["push", "--quiet", "origin", branch]);
    }
    (world, remote)
}

/// A clone that got what branches reach and nothing else: one of a path copies every object.
fn clone_of(world: &World, remote: &Place) -> Place {
    let source = remote.path.display().to_string();
    world.place(".").git(&["clone", "--quiet", "--no-local", &source, "clone"]);
    let clone = world.place("clone");
    clone.session(&["hooks", "install"]).ok();
    clone
}

/// Puts an object into the ledger of `branch` that does not pass `git fsck`: a tree with an entry called `.git`.
fn damage(remote: &Place, encoded: &str) {
    let ledger = format!("refs/opensession/branches/{encoded}");
    let script = "blob=$(echo x | git hash-object -w --stdin) && \
                  tree=$({ git ls-tree \"$1\"; printf '100644 blob %s\\t.git\\n' \"$blob\"; } | git mktree) && \
                  commit=$(git -c user.name=B -c user.email=b@example.org commit-tree -m bad -p \"$1\" \"$tree\") && \
                  git update-ref \"$1\" \"$commit\"";
    remote.run("sh", &["-c", script, "sh", &ledger]).ok();
}

#[test]
fn a_ledger_with_a_broken_object_is_named_and_the_others_are_fetched() {
    let (world, remote) = with_ledgers(&["one", "two", "three", "four", "five"]);
    damage(&remote, "dHdv");
    damage(&remote, "Zm91cg");
    let clone = clone_of(&world, &remote);
    for attempt in 0..2 {
        let ran = clone.session(&["sync"]);
        assert_eq!(ran.code, 1, "{attempt}: {ran}");
        for branch in ["two", "four"] {
            let count = ran.stderr.matches(&format!("the sessions of {branch} were not fetched from origin")).count();
            assert_eq!(count, 1, "{attempt}: {branch}: {ran}");
        }
        assert!(ran.stderr.contains("hasDotgit") || ran.stderr.contains("fsck error"), "{attempt}: {ran}");
        assert_eq!(clone.stored(), [id(1), id(3), id(5)], "{attempt}");
    }
    // What is new here still goes, and what is sound is still heard of.
    clone.git(&["switch", "--quiet", "five"]);
    ClaudeLog::new(&world, &clone, &id(6)).prompt("Write.").writes(&clone, "6.txt", "x\n").save();
    clone.commit_all("Write");
    clone.git(&["push", "--quiet", "origin", "five"]);
    assert!(remote.tree("refs/opensession/branches/Zml2ZQ").contains(&format!("v1/00/{}.hail.jsonl", id(6))));
    // When it is put right, it is fetched like the others.
    remote.git(&["update-ref", "refs/opensession/branches/dHdv", "refs/opensession/branches/dHdv~1"]);
    remote.git(&["update-ref", "refs/opensession/branches/Zm91cg", "refs/opensession/branches/Zm91cg~1"]);
    clone.session(&["sync"]).ok();
    assert_eq!(clone.stored(), [id(1), id(2), id(3), id(4), id(5), id(6)]);
}

#[test]
fn a_remote_that_is_gone_is_asked_no_more_than_twice() {
    let (world, remote) = with_ledgers(&["one", "two", "three"]);
    if !world.has_git((2, 39), "listing of references whose objects are gone") {
        return;
    }
    let clone = clone_of(&world, &remote);
    // It lists what it has, and gives nothing.
    remote.git(&["config", "uploadpack.hideRefs", ""]);
    std::fs::remove_dir_all(remote.join("objects/pack")).expect("objects");
    std::fs::create_dir(remote.join("objects/pack")).expect("a folder");
    let script = "for folder in objects/??; do rm -rf $folder; done";
    remote.run("sh", &["-c", script]).ok();
    assert_eq!(clone.session(&["sync"]).code, 1);
    assert_eq!(clone.stored(), [""; 0]);
}
