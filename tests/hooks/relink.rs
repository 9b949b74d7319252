//! Links that are found again after history was rewritten where no hook ran.

use serde_json::Value;

use crate::support::{ClaudeLog, Place, World};

const MODES: [&str; 2] = ["hidden_ref", "git_notes"];

fn id(number: u32) -> String {
    format!("{number:08}-2222-4333-8444-555555555555")
}

/// A session that writes files of its own and commits.
fn commit(world: &World, place: &Place, number: u32, files: u32) {
    let log = ClaudeLog::new(world, place, &id(number)).prompt(&format!("Task {number}"));
    let write =
        |log: ClaudeLog, file| log.writes(place, &format!("{number}-{file}.rs"), &format!("// {number} {file}\n"));
    (0..files).fold(log, write).save();
    place.commit_all(&format!("Commit {number}"));
}

fn world(mode: &str) -> (World, Place, Place) {
    let world = World::new();
    let (work, remote) = world.shared();
    work.git(&["config", "opensession.fanout-mode", mode]);
    (world, work, remote)
}

/// A clone of `remote` in which no hook runs.
fn forge(world: &World, remote: &Place) -> Place {
    world.place(".").git(&["clone", "--quiet", &remote.path.display().to_string(), "forge"]);
    world.place("forge")
}

/// The links that `link` finds and that were not there before: evidence and session, the newest commit first.
fn relink(place: &Place, arguments: &[&str]) -> Vec<(String, String)> {
    let answer = place.json(&[&["link"], arguments].concat());
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let new = answer.as_array().expect("a list").iter().filter(|row| row["was_linked"] == false);
    new.map(|row| (text(&row["evidence"]), text(&row["session"]))).collect()
}

fn found(evidence: &str, session: u32) -> (String, String) {
    (evidence.to_owned(), id(session))
}

/// Every reference that sessions are kept in.
fn ledgers(place: &Place) -> String {
    place.git(&["for-each-ref", "refs/opensession", "refs/notes"])
}

#[test]
fn a_squash_merge_on_a_forge_is_found_by_its_lines() {
    for mode in MODES {
        let (world, work, remote) = world(mode);
        work.git(&["switch", "--quiet", "--create", "side"]);
        commit(&world, &work, 1, 2);
        commit(&world, &work, 2, 1);
        work.wait_for_sessions(2);
        work.git(&["push", "--quiet", "origin", "side"]);
        let forge = forge(&world, &remote);
        forge.write("other.txt", "meanwhile\n");
        forge.commit_all("Meanwhile");
        forge.git(&["merge", "--quiet", "--squash", "origin/side"]);
        forge.git(&["commit", "--quiet", "-m", "All of it (#1)"]);
        forge.git(&["push", "--quiet"]);
        work.git(&["switch", "--quiet", "main"]);
        work.git(&["pull", "--quiet"]);
        let before = ledgers(&work);
        let expected = [found("lines", 1), found("lines", 2)];
        assert_eq!(relink(&work, &["HEAD~2..", "--dry-run"]), expected, "{mode}");
        assert_eq!(ledgers(&work), before, "a dry run changes nothing");
        assert_ne!(work.session(&["show", "commit:HEAD"]).code, 0);
        assert_eq!(relink(&work, &["HEAD~2.."]), expected, "{mode}");
        assert_eq!(work.json(&["show", "commit:HEAD"]).as_array().map(Vec::len), Some(2), "{mode}");
        let after = ledgers(&work);
        assert_eq!(relink(&work, &["HEAD~2.."]), [], "again");
        assert_eq!(ledgers(&work), after, "again changes nothing");
    }
}

#[test]
fn a_squash_merge_of_a_branch_that_was_up_to_date_has_all_of_its_sessions() {
    let (world, work, _) = world(MODES[0]);
    work.git(&["switch", "--quiet", "--create", "side"]);
    commit(&world, &work, 1, 1);
    commit(&world, &work, 2, 1);
    work.wait_for_sessions(2);
    work.git(&["session", "hooks", "uninstall"]);
    work.git(&["switch", "--quiet", "main"]);
    work.git(&["merge", "--quiet", "--squash", "side"]);
    work.git(&["commit", "--quiet", "-m", "All of it (#1)"]);
    assert_eq!(relink(&work, &["HEAD"]), [found("lines", 1), found("lines", 2)]);
    assert_eq!(work.json(&["show", "commit:HEAD"]).as_array().map(Vec::len), Some(2));
    // A merge and an empty commit have the tree of what was there before.
    work.git(&["commit", "--quiet", "--allow-empty", "-m", "Nothing"]);
    work.git(&["revert", "--no-edit", "HEAD~1"]);
    work.git(&["merge", "--quiet", "-s", "ours", "-m", "Merge", "side"]);
    assert_eq!(relink(&work, &["main@{1}..HEAD"]), []);
    assert_eq!(relink(&work, &["HEAD~3..HEAD~1"]), []);
}

#[test]
fn commits_without_their_trailers_are_found_by_their_lines() {
    for mode in MODES {
        let (world, work, _) = world(mode);
        commit(&world, &work, 1, 1);
        commit(&world, &work, 2, 1);
        work.wait_for_sessions(2);
        let filter = ["filter-branch", "--force", "--msg-filter", "sed /AI-/d", "--", "HEAD"];
        work.with("FILTER_BRANCH_SQUELCH_WARNING", "1").git(&filter);
        assert_eq!(work.trailers("HEAD"), [""; 0]);
        // What they were is gone: only the ledger remembers.
        work.git(&["update-ref", "-d", "refs/original/refs/heads/main"]);
        work.git(&["reflog", "expire", "--expire=now", "--all"]);
        work.git(&["gc", "--quiet", "--prune=now"]);
        let expected = [found("lines", 2), found("lines", 1)];
        assert_eq!(relink(&work, &[]), expected, "{mode}");
        assert_eq!(work.json(&["show", "commit:HEAD"])["id"], id(2), "{mode}");
        assert_eq!(work.json(&["show", "commit:HEAD~1"])["id"], id(1), "{mode}");
        assert_eq!(relink(&work, &[]), [], "{mode}");
    }
}

#[test]
fn mailed_commits_are_found_in_another_clone() {
    for mode in MODES {
        let (world, work, remote) = world(mode);
        commit(&world, &work, 1, 1);
        commit(&world, &work, 2, 1);
        work.wait_for_sessions(2);
        work.git(&["format-patch", "--quiet", "-2", "--output-directory", "../mail"]);
        let forge = forge(&world, &remote);
        forge.git(&["config", "opensession.fanout-mode", mode]);
        work.session(&["sync"]).ok();
        // The trailers of the first go missing on the way, those of the second do not.
        forge.run("sh", &["-c", "sed -i /^AI-/d ../mail/0001-*.patch"]).ok();
        forge.write("other.txt", "meanwhile\n");
        forge.commit_all("Meanwhile");
        forge.run("sh", &["-c", "git am --quiet ../mail/*.patch"]).ok();
        forge.session(&["sync", "--fetch-only"]).ok();
        let expected = [found("lines", 2), found("lines", 1)];
        assert_eq!(relink(&forge, &["HEAD~2.."]), expected, "{mode}");
        assert_eq!(forge.json(&["show", "commit:HEAD~1"])["id"], id(1), "{mode}");
        assert_eq!(relink(&forge, &["HEAD~2.."]), [], "{mode}");
        let said = forge.session(&["relink", "HEAD~2.."]).ok().stdout;
        assert_eq!(said, "0 links linked, 2 linked before; 2 of 2 commits with a session\n");
    }
}

#[test]
fn an_index_entry_tells_how_to_find_its_commit_again() {
    let (world, work, _) = world(MODES[0]);
    commit(&world, &work, 1, 2);
    work.wait_for_sessions(1);
    let read = |commit: &str| -> Value {
        let commit = work.git(&["rev-parse", commit]);
        let path =
            format!("{}:v1/index/commits/{}/{}.json", work.references("refs/opensession")[0], commit.trim(), id(1));
        serde_json::from_str(&work.git(&["cat-file", "blob", &path])).expect("JSON")
    };
    let entry = read("HEAD");
    assert_eq!(entry["tree"], work.git(&["rev-parse", "HEAD^{tree}"]).trim());
    let blob = |file: &str| work.git(&["rev-parse", &format!("HEAD:{file}")]).trim().to_owned();
    assert_eq!(entry["blobs"], serde_json::json!([blob("1-0.rs"), blob("1-1.rs")]));
    let patch_id = work.run("sh", &["-c", "git show --full-index | git patch-id --stable"]).ok().stdout;
    assert_eq!(entry["patch_id"].as_str(), patch_id.split(' ').next());
    // An amended commit has its own.
    work.git(&["commit", "--quiet", "--amend", "-m", "Other words"]);
    let amended = read("HEAD");
    assert_eq!((&amended["evidence"], &amended["patch_id"]), (&Value::from("rewrite"), &entry["patch_id"]));
    // Storing again changes nothing.
    let before = ledgers(&work);
    work.session(&["capture"]).ok();
    assert_eq!(ledgers(&work), before);
}
